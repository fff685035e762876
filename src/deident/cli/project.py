"""`deident project`: make and look at projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Group
from deident.cli.exits import ExitCode
from deident.errors import UsageError

if TYPE_CHECKING:
    from deident.app.projects import Located

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Group)
def project() -> None:
    """Make and look at projects.

    A project is a folder that holds the key which all pseudonyms, UIDs and date shifts are derived
    from, and the books of its runs. Whoever has it can link new identities to old ones: keep it
    apart from the outputs.
    """


@project.command()
@click.argument("folder", metavar="DIR")
def init(folder: str) -> None:
    """Make a new project in DIR, with a new random key."""
    from deident.store import project as projects

    made = projects.init(folder)
    output.line(f"project {made.id} with key {made.fingerprint}: {made.path}")


@project.command()
@click.argument("folder", metavar="DIR")
@_as_json
def info(folder: str, as_json: bool) -> None:
    """Show what a project is and which runs it has seen."""
    from deident.app.projects import describe

    described = describe(folder)
    if as_json:
        output.json_object({"schema": 1, **described})
        return
    runs = described.pop("runs")
    for name, value in described.items():
        output.line(f"{name:<10}{value}")
    output.line(f"{'runs':<10}{len(runs)}")
    if runs:
        output.line()
        output.table(
            ("RUN", "STATE", "FOUND", "WRITTEN", "SKIPPED", "QUARANTINED"),
            [[_cell(run.get(key, "")) for key in _RUN_COLUMNS] for run in runs],
        )


_RUN_COLUMNS = ("run", "state", "found", "written", "skipped", "quarantined")


def _cell(value: Any) -> str:
    return str(sum(value.values()) if isinstance(value, dict) else value)


@project.command()
@click.argument("folder", metavar="DIR")
@click.option("--uids", metavar="FILE", help="Write UIDs to this CSV file.")
@click.option("--patients", metavar="FILE", help="Write Patient IDs to this CSV file.")
def mapping(folder: str, uids: str | None, patients: str | None) -> int:
    """Write which new identity stands for which old one, as CSV with the header id_old,id_new.

    Values stand as they are in the files, so that programs can match them. A spreadsheet may take
    one that begins with =, +, - or @ for a formula: import the columns as text. The files undo the
    de-identification: keep them as safe as the originals. They are never written among originals or
    outputs, and replace nothing but an earlier mapping of the same project.
    """
    from deident.app.mappings import Export, export, mappings

    if uids is None and patients is None:
        raise UsageError("usage", "say where to write: --uids FILE, --patients FILE or both")
    if "-" in (uids, patients):
        raise UsageError("usage", "identities are only written to files, not to standard output")
    found = mappings(folder)
    wanted = (("UIDs", found.uids, uids), ("patients", found.patients, patients))
    exports = {what: Export(mapping, target) for what, mapping, target in wanted if target}
    export(list(exports.values()), found)
    for what, one in exports.items():
        output.line(f"{len(one.mapping.rows())} {what}: {one.target}")
        if one.mapping.conflicts:
            output.note(f"{len(one.mapping.conflicts)} {what} have more than one new identity")
    for run_id in found.unfinished:
        output.note(f"run {run_id} has not come to its end; deident run --resume completes it")
    conflicts = any(one.mapping.conflicts for one in exports.values())
    return ExitCode.REVIEW if conflicts or found.unfinished else ExitCode.DONE


@project.command()
@click.argument("folder", metavar="DIR")
@click.option("--run", metavar="RUN", help="Only those of one run; see 'deident project info'.")
@click.option("--show-paths", is_flag=True, help="Show where the originals are.")
@_as_json
def findings(folder: str, run: str | None, show_paths: bool, as_json: bool) -> None:
    """List where verify found identifiers, and what was done about them. No values.

    Lines marked ! are well founded and were left as they are; they make a run end with 4. To see
    the value: deident show OUT/OUTPUT --tag ATTRIBUTE, without the numbers in brackets.

    \b
    Examples:
      deident project findings TRIAL
      deident project findings TRIAL --json | jq '.findings[] | select(.review)'
    """
    from itertools import groupby

    from deident.app.projects import findings as located

    found = located(folder, run=run, show_paths=show_paths)
    if as_json:
        output.json_object({"schema": 1, "findings": [one._asdict() for one in found]})
        return
    runs = [(run_id, list(ones)) for run_id, ones in groupby(found, lambda one: one.run)]
    if not runs:
        output.line("nothing was found")
    heads = ("", "NUMBER", "GRADE", "FOUND", "DONE", "ATTRIBUTE", "OUTPUT", "ORIGINAL")
    width = len(heads) if show_paths else len(heads) - 1
    for number, (run_id, ones) in enumerate(runs):
        if number:
            output.line()
        output.line(f"run {run_id}")
        output.table(heads[:width], [_finding_row(one)[:width] for one in ones])


def _finding_row(one: Located) -> tuple[str, ...]:
    mark, found = "!" if one.review else "", one.kind or one.code
    return (mark, str(one.number), one.grade, found, one.done, one.attribute, one.output, one.path)


@project.command()
@click.argument("folder", metavar="DIR")
@click.option("--show-paths", is_flag=True, help="Show where the originals are.")
@_as_json
def quarantine(folder: str, show_paths: bool, as_json: bool) -> None:
    """List what was quarantined, why, and what can be done.

    Numbers count the entries of a run in the order of its scan. Which original it was says the
    sealed journal alone; --show-paths opens it.
    """
    from deident.app.projects import quarantined

    entries = list(quarantined(folder, show_paths=show_paths))
    if as_json:
        listed = [{"run": run, **entry._asdict(), "path": path} for run, entry, path in entries]
        output.json_object({"schema": 1, "quarantine": listed})
        return
    if not entries:
        output.line("nothing is in quarantine")
        return
    heads = ("RUN", "NUMBER", "CODE", "REASON", "DETAIL", "PATH")
    rows = [
        (run, str(entry.number), entry.code, entry.reason, entry.detail, path)
        for run, entry, path in entries
    ]
    width = 6 if show_paths else 5
    output.table(heads[:width], [row[:width] for row in rows])
    output.line()
    for code, advice in sorted({entry.code: entry.advice for _, entry, _ in entries}.items()):
        output.line(f"{code}: {advice}")
