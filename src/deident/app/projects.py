"""Use cases of projects: what is in one, what its runs found and kept back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deident.app.reports import is_to_review
from deident.dicom.tags import format_path
from deident.engine.result import Finding
from deident.errors import UsageError
from deident.store import project as projects
from deident.store import quarantine
from deident.store.journal import Books, Record, Renamed
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
    with Books(project) as books:
        runs = [_run(project, run.name) for run in books.runs()]
    return {"path": project.path, **settings, "runs": runs}


def _run(project: Project, run_id: str) -> dict[str, Any]:
    try:
        summary = json.loads(Path(f"{project.run_folder(run_id)}/summary.json").read_bytes())
        return {key: summary[key] for key in _SHOWN}
    except FileNotFoundError:
        return {"run": run_id, "state": "unfinished"}
    except (OSError, ValueError, KeyError, TypeError):
        return {"run": run_id, "state": "summary damaged"}


_SHOWN = ("run", "state", "found", "written", "skipped", "quarantined")


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


class Located(NamedTuple):
    """One finding and where it is. No value.

    Attributes:
        run: name of the run.
        number: position in the order of the run's scan, from 1; the same in journal and quarantine.
        output: path below the output folder.
        attribute: keywords and item numbers, `ContentSequence[2]/TextValue`.
        tag: the element, eight hexadecimal digits.
        code, grade, kind, done: see `engine.result.Finding`.
        review: whether a person should look at it; these make a run end with 4.
        path: of the original; empty unless asked for.
    """

    run: str
    number: int
    output: str
    attribute: str
    tag: str
    code: str
    grade: str
    kind: str
    done: str
    review: bool
    path: str


def findings(path: str, *, run: str | None = None, show_paths: bool = False) -> Iterator[Located]:
    """Yield what verify has found in the instances that a project has written, oldest run first.

    Raises:
        UsageError: no usable project, or it has no such `run`.
        InfrastructureError: `journal-damaged`.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        runs = [one.name for one in books.runs()]
        if run is not None and run not in runs:
            text = f"no run {run} in this project; see deident project info {path}"
            raise UsageError("usage", text)
        for run_id in runs if run is None else [run]:
            yield from _located(books, run_id, show_paths=show_paths)


def _located(books: Books, run_id: str, *, show_paths: bool) -> Iterator[Located]:
    found: list[Record] = []
    names: dict[int, str] = {}
    for entry in books.entries(run_id):
        if isinstance(entry, Record) and entry.findings:
            found.append(entry)
        elif isinstance(entry, Renamed):
            names[entry.number] = entry.name
    for record in sorted(found, key=lambda record: record.number):
        for finding in map(Finding._make, record.findings):
            yield Located(
                run_id,
                record.number,
                names.get(record.number, record.name),
                format_path(finding.path, finding.tag),
                f"{finding.tag:08X}",
                finding.code,
                finding.grade,
                finding.kind,
                finding.done,
                is_to_review(finding.grade, finding.kind, finding.done),
                record.source if show_paths else "",
            )


def _sources(project: Project, run_id: str) -> dict[int, str]:
    with Books(project) as books:
        return {
            entry.number: entry.source
            for entry in books.entries(run_id)
            if isinstance(entry, Record) and entry.status == "quarantined"
        }
