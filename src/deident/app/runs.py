"""Use cases of runs as a whole: list them, look at one, undo it, confirm it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from deident.endpoints import folder
from deident.errors import UsageError
from deident.store import project as projects
from deident.store.journal import Books, Opening, Run
from deident.store.project import Project

_SHOWN = ("found", "written", "skipped", "quarantined", "seconds")


class Listed(NamedTuple):
    """A run and its counts; `counts` is empty for one that has not come to its end."""

    run: Run
    counts: dict[str, Any]


class Undone(NamedTuple):
    """What undoing a run came to.

    Attributes:
        removed: how many outputs were removed.
        changed: outputs that somebody has changed since; they stay.
        missing: outputs that were gone already.
    """

    removed: int
    changed: int
    missing: int


def listed(path: str) -> list[Listed]:
    """All runs of a project, oldest first; no identifiers.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    return [Listed(run, _counts(project, run.name)) for run in Books(project).runs()]


def shown(path: str, name: str, *, show_paths: bool = False) -> dict[str, Any]:
    """What is known of one run; where it read and wrote only if asked for.

    Raises:
        UsageError: no usable project, or no such run.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    books = Books(project)
    run = _find(books, path, name)
    told: dict[str, Any] = {**run._asdict(), **_summary(project, name)}
    told |= {"run": name, "state": run.state}
    opening = next(books.entries(name), None)
    if show_paths and isinstance(opening, Opening):
        told |= {"inputs": list(opening.inputs), "output": opening.output}
    return told


def undo(path: str, name: str) -> Undone:
    """Take back what a run has written.

    Outputs that were changed since stay; folders that are empty then go, and the output folder if
    the run made it. The books keep what was done, and that it was undone.

    Raises:
        UsageError: no usable project, no such run, or it is no longer to be undone.
        InfrastructureError: `journal-damaged`, `write-failed`.
    """
    project = projects.open_project(path)
    books = Books(project)
    run = _find(books, path, name)
    if run.state in ("undone", "confirmed"):
        raise UsageError("usage", f"run {name} is {run.state} already")
    opening = next(books.entries(name), None)
    if not isinstance(opening, Opening):
        raise UsageError("usage", f"run {name} has written nothing")
    counts: Counter[str] = Counter()
    places: list[str] = []
    for output in books.written(name):
        place = f"{opening.output}/{output.name}"
        counts[folder.remove_unchanged(place, output.size, output.time)] += 1
        places.append(place)
    folder.remove_empty(places, opening.output, with_root=opening.made)
    books.set_state(name, "undone")
    return Undone(counts["removed"], counts["changed"], counts["missing"])


def confirm(path: str, name: str) -> None:
    """Say that a run is as it should be: it can no longer be undone.

    Raises:
        UsageError: no usable project, no such run, or it was undone.
        InfrastructureError: `journal-damaged`, `write-failed`.
    """
    project = projects.open_project(path)
    books = Books(project)
    run = _find(books, path, name)
    if run.state == "undone":
        raise UsageError("usage", f"run {name} is undone already")
    books.set_state(name, "confirmed")


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
