"""Which new identity stands for which old one, over all runs of a project, and its CSV files.

These files undo the de-identification, so writing one is guarded: never among originals or outputs,
readable by its owner only, complete or not there, and over nothing but an earlier export.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import IO, Literal, NamedTuple

from deident.endpoints.folder import place
from deident.endpoints.sources import is_inside
from deident.errors import UsageError, unwritable
from deident.store import project as projects
from deident.store.journal import Books, Opening, Record

HEADER = ("id_old", "id_new")


class Mapping:
    """Old identities and the new ones that stand for them.

    Attributes:
        pairs: old → new.
        conflicts: pairs whose old identity has another new one already, which runs with different
            options in one project can bring about.
    """

    def __init__(self) -> None:
        self.pairs: dict[str, str] = {}
        self.conflicts: set[tuple[str, str]] = set()

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Add pairs; an empty old identity stands for nothing and is left out."""
        for old, new in pairs:
            if old and self.pairs.setdefault(old, new) != new:
                self.conflicts.add((old, new))

    def rows(self) -> list[tuple[str, str]]:
        """All pairs, sorted by old identity."""
        return sorted([*self.pairs.items(), *self.conflicts])


class Mappings(NamedTuple):
    """What a project has replaced, and the places where its runs read and wrote.

    Attributes:
        project: absolute path of its folder.
        uids, patients: see `Mapping`.
        inputs, outputs: absolute paths of all runs.
        unfinished: names of runs that did not come to their end, and that no other has resumed:
            there may be outputs of them of which the project does not know. One that was killed
            before its first seal, which is soon, is not among them.
    """

    project: str
    uids: Mapping
    patients: Mapping
    inputs: frozenset[str]
    outputs: frozenset[str]
    unfinished: tuple[str, ...] = ()


def mappings(path: str) -> Mappings:
    """Return the UIDs and the patients that a project has replaced, over all its runs.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    uids, patients = Mapping(), Mapping()
    inputs: set[str] = set()
    outputs: set[str] = set()
    with Books(project) as books:
        runs = books.runs()
        for entry in chain.from_iterable(books.entries(run.name) for run in runs):
            if isinstance(entry, Record):
                uids.add(entry.uids)
                patients.add([entry.patient])
            elif isinstance(entry, Opening):
                inputs.update(entry.inputs)
                outputs.add(entry.output)
    unfinished: list[str] = []
    completed: set[str] = set()  # outputs that a later run has completed
    for run in reversed(runs):
        if run.state == "running" and run.place not in completed:
            unfinished.append(run.name)
        if run.state == "complete" and run.continues:
            completed.add(run.place)
    places = frozenset(inputs), frozenset(outputs)
    return Mappings(project.path, uids, patients, *places, tuple(reversed(unfinished)))


class Export(NamedTuple):
    """A mapping and the file that it shall be written to, as typed."""

    mapping: Mapping
    target: str


def export(exports: Sequence[Export], found: Mappings) -> None:
    """Write mappings as CSV with the header `id_old,id_new`, readable by their owner only.

    Values stand as they are in the files: other programs match them. A spreadsheet may take one
    that begins with `=`, `+`, `-` or `@` for a formula; import the columns as text.

    All targets are checked before anything is written, and all are written before any gets its
    name.

    Raises:
        UsageError: `usage`, `mapping-misplaced`, `not-replaced`, `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """
    if len({os.path.realpath(one.target) for one in exports}) < len(exports):
        raise UsageError("usage", f"two mappings cannot go into one file: {exports[0].target}")
    for one in exports:
        _check_place(one.target, found)
    earlier = [_is_earlier_export(one) for one in exports]
    with ExitStack() as unfinished:
        temporaries = [_temporary(one.target) for one in exports]
        for one, temporary in zip(exports, temporaries, strict=True):
            unfinished.callback(Path(temporary).unlink, missing_ok=True)
            _write(one, temporary)
        for one, temporary, replace in zip(exports, temporaries, earlier, strict=True):
            _rename(temporary, one.target, replace=replace)


def _check_place(target: str, found: Mappings) -> None:
    """Refuse what lies among originals, outputs, or the project's own books."""
    real = os.path.realpath(target)
    books = [f"{found.project}/{name}" for name in ("runs", "quarantine")]
    for what, folders in (
        ("the output folder", found.outputs),
        ("the input", found.inputs),
        ("the project's books", books),
    ):
        for folder in folders:
            if is_inside(real, os.path.realpath(folder)):
                text = f"the mapping {target} would lie inside {what} {folder}"
                raise UsageError("mapping-misplaced", f"{text}; choose a folder elsewhere")


def _is_earlier_export(one: Export) -> bool:
    """Whether there is an earlier export of the same mapping; refuse anything else that is there.

    Journals only grow, so all that an earlier export says is still in the mapping: nothing is lost.
    """
    target = one.target
    if Path(target).is_dir():
        raise UsageError("not-replaced", f"{target} is a folder; name a file in it")
    if not os.path.lexists(target):
        return False
    path = Path(target)
    if path.is_symlink() or not path.is_file() or not _holds_only(one):
        text = f"{target} is not an earlier export of this mapping and is not replaced"
        raise UsageError("not-replaced", f"{text}; choose another name")
    return True


def _holds_only(one: Export) -> bool:
    """Whether a file holds the header, and no pair that is not in the mapping."""
    pairs = set(one.mapping.rows())
    try:
        with _opened(one.target, "r") as file:
            rows = map(tuple, csv.reader(file))
            return next(rows, ()) == HEADER and all(row in pairs for row in rows)
    except (OSError, csv.Error):
        return False


def _temporary(target: str) -> str:
    """A name beside the target; a short one, for the target's may be as long as names can be."""
    return str(Path(target).parent / f".deident-{os.urandom(6).hex()}.tmp")


def _opened(path: str, mode: Literal["r", "w"]) -> IO[str]:
    return Path(path).open(mode, encoding="utf-8", errors="surrogateescape", newline="")


def _write(one: Export, temporary: str) -> None:
    try:
        projects.write_private(temporary, b"")
        with _opened(temporary, "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(one.mapping.rows())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable("the mapping", one.target, error) from error


def _rename(temporary: str, target: str, *, replace: bool) -> None:
    try:
        if replace:
            Path(temporary).replace(target)
        else:
            place(temporary, target)
    except OSError as error:
        raise unwritable("the mapping", target, error) from error
