"""Use cases of projects: what is in one, the mapping of old to new identities, the quarantine."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from deident.errors import InfrastructureError
from deident.store import project as projects
from deident.store import quarantine
from deident.store.journal import Record
from deident.store.journal import read as read_journal
from deident.store.project import Project


class Quarantined(NamedTuple):
    """One quarantined instance and where its original is; `path` is empty unless asked for."""

    run: str
    entry: quarantine.Entry
    path: str


def describe(path: str) -> dict[str, Any]:
    """What a project is and which runs it has seen; no identifiers.

    Raises:
        UsageError: no usable project.
    """
    project = projects.open_project(path)
    settings = projects.settings_of(project)
    runs = [_run(project, run_id) for run_id in project.run_ids()]
    return {"path": project.path, **settings, "runs": runs}


def _run(project: Project, run_id: str) -> dict[str, Any]:
    try:
        with open(f"{project.run_folder(run_id)}/summary.json", "rb") as file:  # noqa: PTH123
            summary = json.load(file)
    except FileNotFoundError:
        return {"run": run_id, "state": "unfinished"}
    kept = ("run", "state", "found", "written", "skipped", "quarantined")
    return {key: summary[key] for key in kept}


def quarantined(path: str, *, show_paths: bool = False) -> Iterator[Quarantined]:
    """Yield what the runs of a project have quarantined, oldest run first.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`, where paths are asked for.
    """
    project = projects.open_project(path)
    for run_id in project.quarantine_ids():
        sources = _sources(project, run_id) if show_paths else {}
        for entry in quarantine.entries(project.quarantine_folder(run_id)):
            yield Quarantined(run_id, entry, sources.get(entry.number, ""))


def _sources(project: Project, run_id: str) -> dict[int, str]:
    return {
        record.number: record.source
        for record in _records(project, run_id)
        if record.status == "quarantined"
    }


def _records(project: Project, run_id: str) -> Iterator[Record]:
    journal = f"{project.run_folder(run_id)}/journal"
    for entry in read_journal(journal, project.subkey("journal")):
        if isinstance(entry, Record):
            yield entry


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


def mappings(path: str) -> tuple[Mapping, Mapping]:
    """Return the UIDs and the patients that a project has replaced, over all its runs.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    uids, patients = Mapping(), Mapping()
    for run_id in project.run_ids():
        for record in _records(project, run_id):
            uids.add(record.uids)
            patients.add([record.patient])
    return uids, patients


def write_mapping(mapping: Mapping, path: str) -> None:
    """Write a mapping as CSV with the header `id_old,id_new`, readable by its owner only.

    Values stand as they are in the files: other programs match them. A spreadsheet may take one
    that begins with `=`, `+`, `-` or `@` for a formula; import the columns as text.

    Raises:
        InfrastructureError: `write-failed`.
    """
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    try:
        projects.write_private(temporary, b"")
        with open(  # noqa: PTH123
            temporary, "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("id_old", "id_new"))
            writer.writerows(mapping.rows())
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InfrastructureError(
            "write-failed", f"the mapping could not be written: {path}: {reason}"
        ) from error
