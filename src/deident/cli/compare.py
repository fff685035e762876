"""`deident compare`: whether the science in the files survived de-identification."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.colour import Painter, painted_line
from deident.cli.exits import ExitCode
from deident.errors import REASONS, UsageError

if TYPE_CHECKING:
    from deident.app.pairing import Pairing
    from deident.app.science.comparing import Summary
    from deident.app.science.series import Example, Finding, Series

JSON_SCHEMA = 1
SIGNS = {"same": "=", "lost": "-", "damage": "!"}
COLOURS = {"same": ("dim",), "lost": ("yellow",), "damage": ("red", "bold")}
_RENEWED_SECONDS = 0.1
_SHOWN_NAMES = 4


class _Asked(NamedTuple):
    """What is printed beside the table."""

    details: bool
    values: bool


@click.command(cls=Command)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option(
    "--project",
    metavar="DIR",
    help="Project of the run: pairs files, and tells what the run left out.",
)
@click.option(
    "--with", "options", multiple=True, metavar="OPTION",
    help="Judge losses by these options of PS3.15; default: those that each file of AFTER claims.",
)  # fmt: skip
@click.option("--details", is_flag=True, help="List losses of each series, and name a file.")
@click.option("--values", is_flag=True, help="Like --details, with values and names of originals.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(
    before: str,
    after: str,
    project: str | None,
    options: tuple[str, ...],
    details: bool,
    values: bool,
    as_json: bool,
) -> int:
    """Check that the science in the files survived de-identification.

    Two folders or files: originals, and what was made of them. For each series: pixels, geometry,
    order of slices and frames, references, diffusion, timing, SUV and more. What a rule of PS3.15
    takes away is lost (-); all else that is not as it was is damage (!) and makes the exit code 4.

    \b
    Examples:
      deident compare STUDY CLEAN --project CLEAN.deident-project
      deident compare STUDY CLEAN --project CLEAN.deident-project --details
      deident compare a.dcm b.dcm --json | jq '.series[].findings'
    """
    from deident.app.science.comparing import Observer
    from deident.app.science.comparing import compare as carry_out
    from deident.endpoints import sources

    inputs, outputs = (_existing(path) for path in (before, after))
    chosen = _checked(options)
    status = output.StatusLine()

    class Face(Observer):
        """Shows progress on stderr."""

        shown = 0.0

        def progress(self, summary: Summary) -> None:
            now = time.monotonic()
            if status.possible and now - self.shown > _RENEWED_SECONDS:
                self.shown = now
                status.show(f"{summary.pairs} of {pairing.files} compared")

    try:
        pairing, left_out = _pairing(inputs, outputs, project)
        summary = carry_out(
            sources.scan(inputs),
            pairing,
            options=chosen,
            left_out=left_out,
            values=values,
            observer=Face(),
        )
    finally:
        status.clear()
    if as_json:
        output.json_object(_as_json(before, after, summary, _Asked(details or values, values)))
    else:
        _print(summary, _Asked(details or values, values), after, project=project is not None)
    return _exit_code(summary)


def _exit_code(summary: Summary) -> ExitCode:
    if summary.unreadable:
        return ExitCode.QUARANTINED
    if not summary.pairs:
        return ExitCode.NOTHING
    return ExitCode.REVIEW if summary.count("damage") else ExitCode.DONE


def _existing(path: str) -> list[str]:
    from deident.endpoints import sources

    if not Path(path).exists():
        raise UsageError("input-missing", f"no such file or folder: {path}")
    return sources.resolve_inputs([path])


def _checked(options: tuple[str, ...]) -> tuple[str, ...] | None:
    """The options that were given; `None` without any."""
    from deident.profiles.standard import check_options

    return check_options(options) if options else None


def _pairing(
    inputs: list[str], outputs: list[str], project: str | None
) -> tuple[Pairing, Callable[[str], str]]:
    """Which files belong together, and why the run has left originals out."""
    from deident.app.api import identity_of
    from deident.app.ledger import left_out_codes, written_names
    from deident.app.pairing import Pairing
    from deident.endpoints import sources
    from deident.profiles.loader import load
    from deident.store.project import open_project

    if Path(inputs[0]).is_file() and Path(outputs[0]).is_file():
        files = [next(sources.scan(paths)).path for paths in (inputs, outputs)]
        partner = {files[0]: files[1]}
        return Pairing(sources.scan(outputs), written=lambda path: partner.get(path, "")), _nothing
    if project is None:
        return Pairing(sources.scan(outputs)), _nothing
    found = open_project(project)
    root = str(Path(outputs[0]).resolve())
    identity = identity_of(load("basic"), found.key)
    written = written_names(found, root)
    return Pairing(sources.scan(outputs), identity, written), left_out_codes(found, root)


def _nothing(_path: str) -> str:
    """Without a project it is not known why an original was left out."""
    return ""


# -- text -----------------------------------------------------------------------------------------


def _print(summary: Summary, asked: _Asked, after: str, *, project: bool) -> None:
    painter = Painter()
    for text in _heading(summary, project=project):
        output.line(text)
    if not summary.pairs:
        return
    output.line()
    _table(summary, painter)
    damaged = list(_findings(summary, "damage"))
    output.line()
    if damaged:
        painted_line(painter(f"{len(damaged)} findings of damage:", "red", "bold"))
        for series, finding, count in damaged:
            painted_line(_finding_line(series.label, finding, count, painter))
            _examples(series, finding, asked, after)
    else:
        output.line("No damage was found.")
    if asked.details:
        for series, finding, count in _findings(summary, "lost"):
            painted_line(_finding_line(series.label, finding, count, painter))
            _examples(series, finding, asked, after)
    else:
        _losses(summary, painter)


def _heading(summary: Summary, *, project: bool) -> Iterator[str]:
    from deident.app.readable import plural

    alone = sum(series.before for series in summary.series) - summary.pairs
    yield (
        f"{plural(summary.pairs, 'pair')} compared in "
        f"{plural(len(summary.series), 'series', 'series')}, "
        f"{plural(alone, 'original')} without a counterpart"
    )
    if summary.strangers:
        strangers = plural(summary.strangers, "cleaned instance")
        yield f"{strangers} of series that the originals do not have"
    for code, count in sorted(summary.unreadable.items()):
        yield f"{plural(count, 'file')} could not be read: {REASONS[code].text} [{code}]"
    for options, count in sorted(summary.options.items()):
        words = f" with {', '.join(options)}" if options else ""
        yield f"{plural(count, 'pair')} judged by the Basic Profile{words}"
    if not summary.pairs and not project:
        yield "Give --project: new UIDs are paired by the project's key."


def _table(summary: Summary, painter: Painter) -> None:
    """Series by check; checks that say nothing about any series have no column."""
    from deident.app.science.checks import CHECKS

    states = [series.states() for series in summary.series]
    shown = [check for check in CHECKS if any(check in found for found in states)]
    heads = [CHECKS[check].head for check in shown]
    labels = [f"{one.label} {one.modality}" for one in summary.series]
    width = max(map(len, ("SERIES", *labels)))
    output.line(" ".join(["SERIES".ljust(width), *heads]))
    for label, found in zip(labels, states, strict=True):
        cells = [
            painter(SIGNS[state], *COLOURS[state]) + " " * (len(head) - 1)
            if (state := found.get(check))
            else " " * len(head)
            for check, head in zip(shown, heads, strict=True)
        ]
        painted_line(" ".join([output.escaped(label).ljust(width), *cells]).rstrip())
    output.line("= same   - lost, as a rule of PS3.15 allows   ! damage")


def _findings(summary: Summary, severity: str) -> Iterator[tuple[Series, Finding, int]]:
    for series in summary.series:
        for finding, count in sorted(series.findings.items()):
            if finding.severity == severity:
                yield series, finding, count


def _finding_line(label: str, finding: Finding, count: int, painter: Painter) -> str:
    times = f" ({count} times)" if count > 1 else ""
    sign = painter(SIGNS[finding.severity], *COLOURS[finding.severity])
    return f"{sign} {label}  {finding.check}  {_words(finding)}{times}"


def _words(finding: Finding) -> str:
    from deident.app.science.series import KINDS

    reason = f" [{finding.allowed}]" if finding.allowed else ""
    return output.escaped(f"{finding.what}: {KINDS[finding.kind]}{reason}")


def _examples(series: Series, finding: Finding, asked: _Asked, after: str) -> None:
    """Where it was met first."""
    example = series.examples.get(finding)
    if example is None or not asked.details:
        return
    output.line(f"    in {_below(example.file, after)}")
    if asked.values and (example.before or example.after):
        output.line(f"    {example.before or '(nothing)'} → {example.after or '(nothing)'}")


def _below(path: str, after: str) -> str:
    """The path of a cleaned file below AFTER, its name if it is AFTER; of an original the whole."""
    root, found = Path(after).resolve(), Path(path)
    if root == found:
        return found.name
    return str(found.relative_to(root)) if root in found.parents else path


def _losses(summary: Summary, painter: Painter) -> None:
    """What was lost, summed up over all series."""
    from deident.app.readable import plural
    from deident.app.science.checks import CHECKS

    sums: dict[tuple[int, str, str], _Loss] = {}
    order = list(CHECKS)
    for series, finding, _ in _findings(summary, "lost"):
        place = order.index(finding.check), finding.kind, finding.allowed
        loss = sums.setdefault(place, _Loss(finding, {}, set()))
        loss.names[finding.what] = None
        loss.series.add(series.label)
    if sums:
        output.line("Lost, as PS3.15 allows:")
    for _, (finding, names, where) in sorted(sums.items(), key=lambda one: one[0]):
        shown = ", ".join(list(names)[:_SHOWN_NAMES])
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        words = _words(finding._replace(what=shown + more))
        text = f"{finding.check}  {words}, in {plural(len(where), 'series', 'series')}"
        painted_line(f"{painter('-', 'yellow')} {text}")


class _Loss(NamedTuple):
    """Findings that differ in nothing but the attribute and the series."""

    finding: Finding
    names: dict[str, None]
    series: set[str]


# -- JSON -----------------------------------------------------------------------------------------


def _as_json(before: str, after: str, summary: Summary, asked: _Asked) -> dict[str, Any]:
    from deident.app.science.checks import CHECKS

    return {
        "schema": JSON_SCHEMA,
        "before": before,
        "after": after,
        "pairs": summary.pairs,
        "judged_by": [
            {"options": list(options), "pairs": count}
            for options, count in sorted(summary.options.items())
        ],
        "cleaned_strangers": summary.strangers,
        "unreadable": dict(sorted(summary.unreadable.items())),
        "damage": summary.count("damage"),
        "lost": summary.count("lost"),
        "checks": {check: row.words for check, row in CHECKS.items()},
        "series": [_series(series, asked, after) for series in summary.series],
    }


def _series(series: Series, asked: _Asked, after: str) -> dict[str, Any]:
    return {
        "label": series.label,
        "modality": series.modality,
        "before": series.before,
        "after": series.after,
        "checks": series.states(),
        "suv_relative_difference": series.suv,
        "findings": [
            {
                "check": finding.check,
                "severity": finding.severity,
                "kind": finding.kind,
                "what": finding.what,
                "text": _words(finding),
                "allowed_by": finding.allowed,
                "times": count,
                **(_example(series.examples.get(finding), asked, after)),
            }
            for finding, count in sorted(series.findings.items())
        ],
    }


def _example(example: Example | None, asked: _Asked, after: str) -> dict[str, str]:
    if example is None or not asked.details:
        return {}
    found = {"file": _below(example.file, after)}
    if asked.values:
        found.update(value_before=example.before, value_after=example.after)
    return found
