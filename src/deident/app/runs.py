"""Use cases of runs as a whole: list them, look at one, undo it, confirm it."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from deident.endpoints import folder
from deident.endpoints.zipped import archive_of, remove_unchanged_archive
from deident.errors import UsageError
from deident.store import project as projects
from deident.store.journal import Books, Earlier, Opening, Run
from deident.store.project import Project
from deident.store.vault import is_copy_of, restore_file

_SHOWN = ("found", "written", "skipped", "quarantined", "seconds")


class Listed(NamedTuple):
    """A run and its counts; `counts` is empty for one that has not come to its end."""

    run: Run
    counts: dict[str, Any]


class Undone(NamedTuple):
    """What undoing a run came to.

    Attributes:
        removed: how many outputs were removed.
        restored: how many originals are in their place again.
        changed: outputs that somebody has changed since; they stay.
        missing: outputs that were gone already.
    """

    removed: int
    restored: int
    changed: int
    missing: int


def listed(path: str) -> list[Listed]:
    """All runs of a project, oldest first; no identifiers.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        return [Listed(run, _counts(project, run.name)) for run in books.runs()]


def shown(path: str, name: str, *, show_paths: bool = False) -> dict[str, Any]:
    """What is known of one run; where it read and wrote only if asked for.

    Raises:
        UsageError: no usable project, or no such run.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        run = _find(books, path, name)
        opening = next(books.entries(name), None)
    told: dict[str, Any] = {**run._asdict(), **_summary(project, name)}
    told |= {"run": name, "state": run.state}
    if show_paths and isinstance(opening, Opening):
        told |= {"inputs": list(opening.inputs), "output": opening.output}
    return told


def undo(path: str, name: str) -> Undone:
    """Take back what a run has written.

    Outputs that were changed since stay; folders that are empty then go, and the output folder if
    the run made it. Originals that were replaced come back from their sealed copies, with their
    permissions and times. The books keep what was done, and that it was undone.

    Raises:
        UsageError: no usable project, no such run, or it is not to be undone (any more).
        InfrastructureError: `journal-damaged`, `safety-copy-damaged`, `write-failed`; what was done
            until then stays done, and can be gone on with.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        return _undo(project, books, _find(books, path, name))


def _undo(project: Project, books: Books, run: Run) -> Undone:
    name = run.name
    if run.state in ("undone", "confirmed"):
        raise UsageError("usage", f"run {name} is {run.state} already")
    opening = next(books.entries(name), None)
    if not isinstance(opening, Opening):
        raise UsageError("usage", f"run {name} has written nothing")
    if run.policy == "in-place":
        if not Path(project.safety_folder(name)).is_dir():
            text = f"run {name} has kept no copies of the originals that it replaced"
            raise UsageError("usage", text)
        step = partial(_restore, project)
    elif run.policy == "zip":
        return _undo_archive(books, opening, run)
    else:
        step = partial(_remove, opening.output)
    try:
        counts = Counter(step(output) for output in books.written(name))
        if opening.output:
            places = (f"{opening.output}/{output.name}" for output in books.written(name))
            folder.remove_empty(places, opening.output, with_root=opening.made)
    except OSError as error:
        raise folder.write_error(error) from error
    books.set_state(name, "undone")
    _drop_copies(project, name)
    return Undone(*(counts[word] for word in Undone._fields))


def confirm(path: str, name: str) -> None:
    """Say that a run is as it should be: it can no longer be undone, copies of originals go.

    Raises:
        UsageError: no usable project, no such run, or it was undone.
        InfrastructureError: `journal-damaged`, `write-failed`.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        if _find(books, path, name).state == "undone":
            raise UsageError("usage", f"run {name} is undone already")
        books.set_state(name, "confirmed")
    _drop_copies(project, name)


def _undo_archive(books: Books, opening: Opening, run: Run) -> Undone:
    """An archive goes as a whole, whichever runs have filled it, or stays if it was changed."""
    together = [one for one in books.runs() if one.place == run.place and one.state != "undone"]
    sizes = {output.name: output.size for one in together for output in books.written(one.name)}
    try:
        done = remove_unchanged_archive(archive_of(opening.output), sizes)
    except OSError as error:
        raise folder.write_error(error) from error
    for one in together if done != "changed" else ():
        books.set_state(one.name, "undone")
    counts = {done: len(sizes)}
    return Undone(*(counts.get(word, 0) for word in Undone._fields))


def _remove(root: str, output: Earlier) -> str:
    place = f"{root}/{output.name}" if root else output.name
    return folder.remove_unchanged(place, output.size, output.time)


def _restore(project: Project, output: Earlier) -> str:
    """Put an original in its place again, if what stands there is still what replaced it."""
    copy = f"{project.safety_folder(output.run)}/{output.number}"
    there = folder.size_and_time(output.name)
    if there is None:
        return "missing"
    if there == (output.size, output.time):
        restore_file(copy, output.name, project.subkey("safety"))
        return "restored"
    return "restored" if is_copy_of(copy, output.name, project.subkey("safety")) else "changed"


def _drop_copies(project: Project, name: str) -> None:
    """Remove the sealed copies of originals, which are not needed any more."""
    from shutil import rmtree

    copies = Path(project.safety_folder(name))
    if copies.is_dir():
        rmtree(copies)


def _find(books: Books, path: str, name: str) -> Run:
    for run in books.runs():
        if run.name == name:
            return run
    raise UsageError("usage", f"no run {name} in this project; see deident runs list {path}")


def _summary(project: Project, run: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(f"{project.run_folder(run)}/summary.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _counts(project: Project, run: str) -> dict[str, Any]:
    summary = _summary(project, run)
    return {key: summary[key] for key in _SHOWN if key in summary}
