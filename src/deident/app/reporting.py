"""The use case `report`: what a run has come to, for people who must answer for it.

report.html      one page to read, print and hand over; needs nothing else and runs nothing
report.json      the same for programs
instances.csv    one line for each file that was found
manifest.csv     SHA-256 of every output, if asked for

They lie in the run's folder in the project and are made in one pass over its journal. None of them
holds an original identifier.
"""

from __future__ import annotations

import csv
import json
import os
from typing import Any, NamedTuple

from deident.app import manifests
from deident.app.documents import html
from deident.app.report_facts import COLUMNS, RunFacts
from deident.app.report_sections import Report, document, name_of
from deident.app.unchecked import unchecked
from deident.errors import REASONS, InfrastructureError, UsageError
from deident.store import project as projects
from deident.store import quarantine
from deident.store.journal import Books, Run
from deident.store.project import Project

SCHEMA = 1


class Written(NamedTuple):
    """A report that was made.

    Attributes:
        run: name of the run.
        folder: where the files lie.
        report: all that it says.
        lacking: outputs that a manifest should hold, but that are gone or were changed since.
    """

    run: str
    folder: str
    report: Report
    lacking: int = 0


def write_report(path: str, run: str = "", *, manifest: bool = False) -> Written:
    """Make the report of a run of the project at `path`; without a name of its last one.

    Raises:
        UsageError: no usable project, or no such run.
        InfrastructureError: `journal-damaged`, `write-failed`; `unreadable`: an output.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        found = _find(books, path, run)
        return _write(project, books, found, manifest=manifest)


def check_manifest(path: str, run: str = "") -> tuple[str, manifests.Checked]:
    """Compare the outputs of a run with its manifest; return the run's name and the result.

    Raises:
        UsageError: no usable project, no such run, or it has no manifest.
        InfrastructureError: `journal-damaged`; `unreadable`: an output.
    """
    project = projects.open_project(path)
    with Books(project) as books:
        found = _find(books, path, run)
        facts = RunFacts({})
        for entry in books.entries(found.name):  # the first one says where outputs are
            facts.add(entry)
            break
        return found.name, manifests.check(project, books, found.name, facts.opening.output)


def _find(books: Books, path: str, name: str) -> Run:
    runs = books.runs()
    for run in reversed(runs):
        if name in ("", run.name):
            return run
    if not runs:
        raise UsageError("usage", f"this project has no run that has written something: {path}")
    raise UsageError("usage", f"no run {name} in this project; see deident runs list {path}")


def _write(project: Project, books: Books, run: Run, *, manifest: bool) -> Written:
    folder = project.run_folder(run.name)
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - a run's own, perhaps lost
    facts = RunFacts(books.renamed(run.name))
    with projects.replacing(f"{folder}/instances.csv") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for entry in books.entries(run.name):
            row = facts.add(entry)
            if row is not None:
                writer.writerow(row)
    lacking = 0
    if manifest:
        root = facts.opening.output
        made = manifests.write(project, books, run.name, root, with_names=facts.names_told)
        lacking = made.lacking
    report = Report(
        run.name,
        run.state,
        facts,
        _summary(folder),
        project.id,
        project.fingerprint,
        _details(project, run.name, facts),
        manifests.end_of(project, run.name),
        projects.utc_now(),
    )
    with projects.replacing(f"{folder}/report.json") as file:
        json.dump(as_json(report), file, indent=1)
        file.write("\n")
    with projects.replacing(f"{folder}/report.html") as file:
        file.writelines(html.render(document(report)))
    return Written(run.name, folder, report, lacking)


def _summary(folder: str) -> dict[str, Any]:
    """What the run has counted; empty where it was killed before it could tell."""
    try:
        with open(f"{folder}/summary.json", "rb") as file:  # noqa: PTH123
            content = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        text = f"the summary of the run cannot be read: {folder}/summary.json"
        raise InfrastructureError("journal-damaged", text) from error
    return content if isinstance(content, dict) else {}


def _details(project: Project, run: str, facts: RunFacts) -> dict[int, str]:
    """More about the quarantined instances that are listed."""
    folder = project.quarantine_folder(run)
    return {number: quarantine.entry(folder, number).detail for number, _ in facts.quarantined}


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain values; `schema` names their meaning."""
    facts, summary = report.facts, report.summary
    by_status: dict[str, dict[str, int]] = {"skipped": {}, "quarantined": {}}
    for (status, code), count in sorted(facts.codes.items()):
        by_status.setdefault(status, {})[code] = count
    return {
        "schema": SCHEMA,
        "run": report.run,
        "state": report.state,
        "started": facts.opening.started,
        "made": report.made,
        "continues": facts.opening.continues,
        "project": report.project,
        "key": report.key,
        "profile": facts.statement,
        "fingerprint": facts.opening.profile,
        "ended": bool(summary),
        "reconciles": bool(summary.get("reconciles")),
        "seconds": summary.get("seconds"),
        "found": facts.statuses.total(),
        "written": facts.statuses["written"],
        **by_status,
        "reasons": {code: REASONS[code]._asdict() for _, code in facts.codes if code in REASONS},
        **facts.groups,
        "modalities": dict(facts.modalities.most_common()),
        "sop_classes": dict(facts.sop_classes.most_common()),
        "bytes_in": facts.bytes_in,
        "bytes_out": facts.bytes_out,
        "to_review": report.to_review,
        "findings": [
            {"code": code, "grade": grade, "kind": kind, "done": done, "count": count}
            for (code, grade, kind, done), count in sorted(facts.findings.items())
        ],
        "findings_listed": [one._asdict() for one in facts.located],
        "quarantine_listed": [
            {"number": number, "code": code, "detail": report.details.get(number, "")}
            for number, code in facts.quarantined
        ],
        "notes": dict(sorted(facts.notes.items())),
        "texts": [
            {"tag": f"{tag:08X}", "attribute": name_of(tag), "text": text, "mark": mark, "count": n}
            for tag, text, mark, n in facts.texts
        ],
        "changes": summary.get("changes", []),
        "manifest": report.manifest._asdict() if report.manifest else None,
        "unchecked": [{"what": one.what, "text": one.text} for one in unchecked(report.options)],
    }
