"""`deident verify`: a second look at finished outputs, by somebody who did not make them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.colour import Painter, painted_line
from deident.cli.exits import ExitCode
from deident.errors import REASONS, UsageError

if TYPE_CHECKING:
    from deident.app.audit.checking import AuditSummary, Report
    from deident.app.audit.findings import Finding

JSON_SCHEMA = 1
_RENEWED_SECONDS = 0.1
_SIGNS = {"certain": ("!!", "red"), "likely": ("! ", "red"), "weak": ("· ", "dim")}


@click.command(cls=Command)
@click.argument("folder", metavar="FOLDER")
@click.option(
    "--against", metavar="ORIGINALS",
    help="Search for the identifiers of these originals too: a file or folder.",
)  # fmt: skip
@click.option(
    "--project", metavar="DIR",
    help="Search for the Patient IDs and UIDs that this project has replaced.",
)  # fmt: skip
@click.option("--weak", is_flag=True, help="List weak findings too; they are only counted.")
@click.option("--details", is_flag=True, help="List findings file by file, with file names.")
@click.option("--values", is_flag=True, help="With --details or --json: show what was found.")
@click.option("--follow-symlinks", is_flag=True, help="Follow links below the folders.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    folder: str,
    against: str | None,
    project: str | None,
    weak: bool,
    details: bool,
    values: bool,
    follow_symlinks: bool,
    as_json: bool,
) -> int:
    """Look at finished outputs as if somebody else had made them, and list what is left in them.

    Own tables and patterns are used, not those of a run: attributes, private elements, text, bytes,
    preamble, names of files. With --against or --project what identifies the originals is searched
    for. Pixels are not looked at. The value of a finding is not printed unless you ask for it.

    \b
    Examples:
      deident verify CLEAN
      deident verify CLEAN --against STUDY --details
      deident verify CLEAN --project TRIAL --json
    """
    from deident.app.audit.checking import AuditSummary, audit
    from deident.app.audit.needles import Needles
    from deident.app.audit.originals import gather, gather_project
    from deident.endpoints import sources

    inputs = sources.resolve_inputs([folder])
    originals = sources.resolve_inputs([against]) if against is not None else []
    _refuse_mixture(inputs, originals)
    face, summary, needles = _face(details, weak, as_json), AuditSummary(), Needles()
    try:
        if project is not None:
            gather_project(project, needles, summary)
        if against is not None:
            found = sources.scan(originals, follow_symlinks=follow_symlinks)
            gather(found, needles, summary, face)
        audit(
            sources.scan(inputs, follow_symlinks=follow_symlinks),
            needles=needles,
            values=values,
            observer=face,
            summary=summary,
        )
    finally:
        face.clear()
    if as_json:
        listed = {"reports": face.reports} if details else {}
        output.json_object({**_as_json(summary), **listed})
    else:
        _print(summary, weak=weak, compared=bool(against or project))
    return _exit_code(summary)


def _refuse_mixture(outputs: list[str], originals: list[str]) -> None:
    """Refuse originals among the outputs, and the reverse: everything would be found.

    Raises:
        UsageError: `input-in-output` or `output-in-input`.
    """
    from deident.endpoints.sources import is_inside

    for one in map(os.path.realpath, outputs):
        for other in map(os.path.realpath, originals):
            if is_inside(other, one):
                raise UsageError("input-in-output", "the originals lie inside the folder to verify")
            if is_inside(one, other):
                raise UsageError(
                    "output-in-input", "the folder to verify lies inside the originals"
                )


def _exit_code(summary: AuditSummary) -> int:
    """A leak goes before a file that cannot be read, and that before nothing to look at."""
    if summary.of_grade("certain", "likely"):
        return ExitCode.REVIEW
    if summary.unreadable or summary.unread_originals:
        return ExitCode.QUARANTINED
    return ExitCode.DONE if summary.instances or summary.directories else ExitCode.NOTHING


def _face(details: bool, weak: bool, as_json: bool) -> Any:
    from deident.app.audit.checking import Observer

    class Face(Observer):
        """Shows progress on stderr; with --details lists findings while they are met."""

        def __init__(self) -> None:
            self.reports: list[dict[str, Any]] = []
            self._status = output.StatusLine()
            self._shown = 0.0

        def progress(self, summary: AuditSummary) -> None:
            now = time.monotonic()
            if self._status.possible and now - self._shown > _RENEWED_SECONDS:
                self._shown = now
                text = f"{summary.originals} originals, " if summary.originals else ""
                self._status.show(f"{text}{summary.files} files")

        def report(self, report: Report) -> None:
            kept = [finding for finding in report.findings if weak or finding.grade != "weak"]
            if not details or not kept:
                return
            if as_json:
                findings = [finding._asdict() for finding in kept]
                entry = {"file": report.path, "number": report.number, "findings": findings}
                self.reports.append(entry)
                return
            self.clear()
            output.line(report.path or f"file {report.number} (its name may identify somebody)")
            for finding in kept:
                output.line(f"  {finding.grade:<7}  {finding.code}  {_place(finding)}")

        def clear(self) -> None:
            self._status.clear()

    return Face()


def _place(finding: Finding) -> str:
    from deident.app.readable import printable

    return f"{finding.where}  {printable(finding.value)}".rstrip()


# -- text -----------------------------------------------------------------------------------------


def _print(summary: AuditSummary, *, weak: bool, compared: bool) -> None:
    from deident.app.audit.findings import CHECKS
    from deident.app.readable import plural

    painter = Painter()
    for text in _counts(summary, compared=compared):
        output.line(text)
    grave, slight = summary.of_grade("certain", "likely"), summary.of_grade("weak")
    listed = [kind for kind in summary.kinds() if weak or kind.grade != "weak"]
    if listed:
        output.line()
    for kind in listed:
        sign, colour = _SIGNS[kind.grade]
        files = plural(summary.in_files[kind], "file")
        head = painter(f"{sign} {kind.code:<22}", colour)
        painted_line(f"{head} {files:>9}  {kind.where}: {CHECKS[kind.code].text}")
    if not (summary.instances or summary.directories):
        return
    output.line()
    if grave:
        output.line(f"{plural(grave, 'finding')} to look at, marked !; --details names the files.")
    else:
        output.line("Nothing that should not be there was found. Pixels were not looked at.")
    if slight and not weak:
        output.line(f"{plural(slight, 'weak finding')}, most of them harmless; --weak lists them.")


def _counts(summary: AuditSummary, *, compared: bool) -> list[str]:
    """What was met."""
    from deident.app.readable import plural

    lines = [f"{plural(summary.files, 'file')}: {plural(summary.instances, 'DICOM instance')}"]
    if summary.directories:
        lines.append(f"  {summary.directories} DICOMDIR")
    if summary.not_dicom:
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(summary.not_dicom.items()))
        lines.append(f"  {summary.not_dicom.total()} not DICOM: {kinds}")
    for name, counter in (
        ("unreadable", summary.unreadable),
        ("not opened", summary.not_opened),
        ("originals unreadable", summary.unread_originals),
    ):
        lines += [
            f"  {count} {name}: {REASONS[code].text} [{code}]"
            for code, count in sorted(counter.items())
        ]
    if compared:
        known = f"{plural(summary.identifiers, 'identifier')} of originals searched for"
        lines.append(known + (f", from {summary.originals} files" if summary.originals else ""))
    return lines


# -- JSON -----------------------------------------------------------------------------------------


def _as_json(summary: AuditSummary) -> dict[str, Any]:
    from deident.app.audit.findings import CHECKS

    return {
        "schema": JSON_SCHEMA,
        "files": summary.files,
        "instances": summary.instances,
        "dicomdir": summary.directories,
        "not_dicom": dict(sorted(summary.not_dicom.items())),
        "unreadable": dict(sorted(summary.unreadable.items())),
        "not_opened": dict(sorted(summary.not_opened.items())),
        "originals": summary.originals,
        "originals_unreadable": dict(sorted(summary.unread_originals.items())),
        "identifiers": summary.identifiers,
        "to_review": summary.of_grade("certain", "likely"),
        "findings": [
            {
                **kind._asdict(),
                "times": summary.times[kind],
                "files": summary.in_files[kind],
                "text": CHECKS[kind.code].text,
                "advice": CHECKS[kind.code].advice,
            }
            for kind in summary.kinds()
        ],
    }
