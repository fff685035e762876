"""`deident scan`: what lies in files and folders, and what of it looks risky."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.colour import Painter, painted_line
from deident.cli.exits import ExitCode
from deident.errors import REASONS

if TYPE_CHECKING:
    from deident.app.scanning import LeftOut, PatientSummary, RiskCount, ScanSummary, SeriesSummary

JSON_SCHEMA = 1
_LEVELS = ("patient", "study", "series")
_SHOWN_PLACES = 5
_RENEWED_SECONDS = 0.1
_TEXT_WIDTH = 92


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--by", "level", type=click.Choice(_LEVELS), default="study", show_default=True,
    help="How far the table goes.",
)  # fmt: skip
@click.option("--values", is_flag=True, help="Show Patient IDs, names, dates and descriptions too.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Name each file that is not counted, and say why."
)
@click.option("--follow-symlinks", is_flag=True, help="Follow links below the paths.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def scan(
    paths: tuple[str, ...],
    level: str,
    values: bool,
    verbose: bool,
    follow_symlinks: bool,
    as_json: bool,
) -> int:
    """Sum up what lies in files and folders, and list what looks risky.

    Patients, studies and series are numbered. Nothing that identifies a patient is printed, unless
    you ask for it with --values (or for file names with --verbose). Headers are read, pixels are
    not.

    \b
    Examples:
      deident scan STUDY
      deident scan STUDY --by series --values
      deident scan STUDY --json | jq '.risks[] | select(.after) | .code'
    """
    from deident.app.scanning import scan as carry_out
    from deident.endpoints import sources

    face = _face(verbose, as_json)
    inputs = sources.resolve_inputs(paths)
    try:
        found = sources.scan(inputs, follow_symlinks=follow_symlinks)
        summary = carry_out(found, values=values, observer=face)
    finally:
        face.clear()
    if as_json:
        left_out = {"left_out": face.named} if verbose else {}
        output.json_object({**_as_json(summary, level), **left_out})
    else:
        _print(summary, level)
    if summary.unreadable:
        return ExitCode.QUARANTINED
    return ExitCode.DONE if summary.patients else ExitCode.NOTHING


def _face(verbose: bool, as_json: bool) -> Any:
    from deident.app.scanning import Observer

    class Face(Observer):
        """Shows progress on stderr, and names files that are not counted if that is wanted."""

        def __init__(self) -> None:
            self.named: list[dict[str, str]] = []
            self._status = output.StatusLine()
            self._shown = 0.0

        def progress(self, summary: ScanSummary) -> None:
            now = time.monotonic()
            if self._status.possible and now - self._shown > _RENEWED_SECONDS:
                self._shown = now
                self._status.show(f"{summary.files} files, {output.size(summary.size)}")

        def left_out(self, left_out: LeftOut) -> None:
            if verbose and as_json:
                self.named.append(left_out._asdict())
            elif verbose:
                self.clear()
                kind = f" ({left_out.kind})" if left_out.kind else ""
                text = f"{REASONS[left_out.code].text}{kind} [{left_out.code}]"
                output.note(f"{left_out.path}: {text}")

        def clear(self) -> None:
            self._status.clear()

    return Face()


# -- text -----------------------------------------------------------------------------------------


def _print(summary: ScanSummary, level: str) -> None:
    from deident.app.readable import plural
    from deident.app.scanning import totals

    painter = Painter()
    for text in _counts(summary):
        output.line(text)
    if not summary.patients:
        return
    whole = totals(summary.all_series())
    studies = sum(len(patient.studies) for patient in summary.patients.values())
    output.line(
        f"{plural(len(summary.patients), 'patient')}, {plural(studies, 'study', 'studies')}, "
        f"{plural(whole.series, 'series', 'series')}, {plural(whole.frames, 'frame')}, "
        f"{output.size(whole.size)}"
    )
    output.line()
    heads = ("", "MODALITY", "SERIES", "INSTANCES", "FRAMES", "SIZE", "SOP CLASS")
    output.table(heads, _rows(summary.patients.values(), level))
    for name, counter in (("TRANSFER SYNTAX", whole.syntaxes), ("CHARACTER SET", whole.charsets)):
        output.line()
        output.table((name, "INSTANCES"), [(one, str(n)) for one, n in _commonest(counter)])
    _print_risks(summary.risks(), painter)


def _counts(summary: ScanSummary) -> Iterator[str]:
    """What was met, and what of it is no instance."""
    from deident.app.readable import plural

    yield f"{plural(summary.files, 'file')}: {plural(summary.instances, 'DICOM instance')}"
    if summary.directories:
        yield f"  {summary.directories} DICOMDIR"
    if summary.not_dicom:
        yield f"  {summary.not_dicom.total()} not DICOM: {_listed(summary.not_dicom)}"
    for name, counter in (("unreadable", summary.unreadable), ("not opened", summary.not_opened)):
        for code, count in sorted(counter.items()):
            yield f"  {count} {name}: {REASONS[code].text} [{code}]"


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in _commonest(counter))


def _commonest(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))


def _rows(patients: Iterable[PatientSummary], level: str) -> Iterator[tuple[str, ...]]:
    depth = _LEVELS.index(level)
    for patient in patients:
        yield _row(f"Patient {patient.label}", patient.values, patient.all_series(), 0)
        for study in patient.studies.values() if depth else ():
            yield _row(f"  Study {study.label}", study.values, study.series.values(), depth)
            for series in study.series.values() if depth > 1 else ():
                yield _row(f"    Series {series.label}", series.values, (series,), depth)


def _row(
    label: str, values: dict[str, str], series: Iterable[SeriesSummary], depth: int
) -> tuple[str, ...]:
    from deident.app.readable import printable
    from deident.app.scanning import totals

    found = totals(series)
    shown = "  ".join(printable(value) for value in values.values() if value)
    classes = [name for name, _ in _commonest(found.sop_classes)] if depth else []
    return (
        f"{label}  {shown}".rstrip(),
        " ".join(name for name, _ in _commonest(found.modalities)),
        str(found.series),
        str(found.instances),
        str(found.frames),
        output.size(found.size),
        ", ".join(classes),
    )


def _print_risks(risks: dict[str, RiskCount], painter: Painter) -> None:
    from deident.app.risks import RISKS

    output.line()
    if not risks:
        output.line("Nothing looks risky. That is no proof: pixels were not looked at.")
        return
    for after, heading in (
        (True, "To look at, because a run does not settle it:"),
        (False, "What a run takes care of:"),
    ):
        codes = [code for code in risks if RISKS[code].after is after]
        if codes:
            painted_line(painter(heading, "bold"))
        for code in codes:
            risk, found = RISKS[code], risks[code]
            mark = painter("!", "red", "bold") if after else painter("·", "dim")
            painted_line(f"{mark} {painter(code, 'bold')}  {found.times}{_places(found)}")
            for text in wrap(f"{risk.text} {risk.advice}", _TEXT_WIDTH):
                painted_line("    " + text)


def _places(found: RiskCount) -> str:
    if not found.where:
        return ""
    shown = ", ".join(found.where[:_SHOWN_PLACES])
    more = len(found.where) - _SHOWN_PLACES
    return f"  in {shown}" + (f" and {more} more" if more > 0 else "")


# -- JSON -----------------------------------------------------------------------------------------


def _as_json(summary: ScanSummary, level: str) -> dict[str, Any]:
    from deident.app.risks import RISKS

    return {
        "schema": JSON_SCHEMA,
        "files": summary.files,
        **_sums(summary.all_series()),
        "dicomdir": summary.directories,
        "not_dicom": dict(_commonest(summary.not_dicom)),
        "unreadable": dict(sorted(summary.unreadable.items())),
        "not_opened": dict(sorted(summary.not_opened.items())),
        "risks": [
            {
                "code": code,
                "count": found.times,
                "where": list(found.where),
                "after": RISKS[code].after,
                "text": RISKS[code].text,
                "advice": RISKS[code].advice,
            }
            for code, found in summary.risks().items()
        ],
        "patients": [_patient(patient, level) for patient in summary.patients.values()],
    }


def _patient(patient: PatientSummary, level: str) -> dict[str, Any]:
    made = {"label": patient.label, **patient.values, **_sums(patient.all_series())}
    if level != "patient":
        made["studies"] = [
            {
                "label": study.label,
                **study.values,
                **_sums(study.series.values()),
                **(
                    {"series_list": [_series(series) for series in study.series.values()]}
                    if level == "series"
                    else {}
                ),
            }
            for study in patient.studies.values()
        ]
    return made


def _series(series: SeriesSummary) -> dict[str, Any]:
    risks = dict(sorted(series.risks.items()))
    return {"label": series.label, **series.values, **_sums((series,)), "risks": risks}


def _sums(series: Iterable[SeriesSummary]) -> dict[str, Any]:
    from deident.app.scanning import totals

    found = totals(series)
    return {
        name: dict(_commonest(value)) if isinstance(value, Counter) else value
        for name, value in found._asdict().items()
    }
