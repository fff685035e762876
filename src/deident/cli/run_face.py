"""How a run shows itself: progress on stderr while it goes on, a summary on stdout at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from deident.app.reports import ENGINE_NOTES, RunSummary, is_to_review
from deident.app.running import Observer
from deident.cli import output
from deident.cli.exits import ExitCode
from deident.engine.result import Change, Finding
from deident.errors import REASONS, DeidentError
from deident.work.deidentify import Outcome

_LINE_SECONDS = 10.0


class RunFace(Observer):
    """Shows one run.

    Args:
        quiet: nothing when all goes well.
        as_json: the summary as one JSON object.
        details: with `as_json`: every instance in it too, written as they are finished.
        project: the project folder as it was named, empty for none.
    """

    def __init__(self, *, quiet: bool, as_json: bool, details: bool, project: str = "") -> None:
        self._quiet, self._as_json, self._details = quiet, as_json, details
        self._status = output.StatusLine()
        self.wants_total = self._status.possible and not quiet
        self._began = self._told = time.monotonic()
        self._project = project
        self._instances = 0
        self._gone = False
        self._report = ""

    # -- while it goes on -------------------------------------------------------------------------

    def project(self, path: str, *, made: bool) -> None:
        """Say which project is used when none was named."""
        self._project = path
        if not self._quiet:
            output.note(f"{'new project' if made else 'project'}: {path}")

    def progress(self, summary: RunSummary, total: int | None) -> None:
        """Renew the status line; without a terminal, print a line now and then."""
        if self._quiet:
            return
        now = time.monotonic()
        if self._status.possible:
            self._status.show(progress_text(summary, total, now - self._began))
        elif now - self._told > _LINE_SECONDS:
            self._told = now
            output.note(progress_text(summary, total, now - self._began))

    def stopping(self) -> None:
        """Say what a signal does, and what a second one would do."""
        self._status.clear()
        if not self._quiet:
            output.note("stopping: files in hand are finished; a second signal stops at once")

    def pausing(self) -> None:
        """Say how to go on."""
        self._status.clear()
        if not self._quiet:
            output.note("paused: files in hand are finished; 'fg' or 'kill -CONT' goes on")

    def instance(self, number: int, outcome: Outcome) -> None:
        """Write an instance's details, if they are wanted."""
        if not self._details or self._gone:
            return
        text = json.dumps(instance_json(number, outcome))
        try:
            output.write(('{"instances": [\n' if not self._instances else ",\n") + text)
        except BrokenPipeError:
            self._lose_reader()
        self._instances += 1

    def report(self, run: str) -> DeidentError | None:
        """Make the run's report; return why it could not be, as the run's own end counts more."""
        from deident.app.reporting import write_report

        try:
            self._report = f"{write_report(self._project, run).folder}/report.html"
        except DeidentError as error:
            return error
        return None

    def clear(self) -> None:
        """Remove the status line."""
        self._status.clear()

    # -- at its end -------------------------------------------------------------------------------

    def finish(self, summary: RunSummary) -> int:
        """Print the summary; return the exit code."""
        code = exit_code(summary)
        try:
            self._print(summary, code)
            output.flush()
        except BrokenPipeError:  # the run is what counts, not who reads about it
            self._lose_reader()
        return code

    def _lose_reader(self) -> None:
        self._gone = True
        output.silence_stdout()

    def _print(self, summary: RunSummary, code: ExitCode) -> None:
        if self._as_json:
            self._print_json(summary)
        elif not self._quiet:
            _print_text(summary, self._project, self._report)
        if self._quiet and code is not ExitCode.DONE:
            where = see_also(summary, self._project).get(code)
            output.error(failure(summary, code) + (f"; see: {where}" if where else ""))

    def _print_json(self, summary: RunSummary) -> None:
        text = json.dumps(summary.as_json(), indent=1)
        if self._details:
            head = "\n],\n" if self._instances else '{"instances": [],\n'
            text = head + text.removeprefix("{\n")
        output.write(text + "\n")


def exit_code(summary: RunSummary) -> ExitCode:
    """What a run's end means to a script."""
    if summary.signal:
        return ExitCode(128 + summary.signal)
    if not summary.reconciles:
        return ExitCode.UNEXPECTED
    if summary.quarantined:
        return ExitCode.QUARANTINED
    if summary.to_review:
        return ExitCode.REVIEW
    there = summary.skipped["duplicate"] + summary.skipped["resumed"]
    return ExitCode.DONE if summary.written or there else ExitCode.NOTHING


def failure(summary: RunSummary, code: ExitCode) -> str:
    """One line that says why a run did not end with 0."""
    quarantined = summary.quarantined.total()
    return {
        ExitCode.UNEXPECTED: f"{REASONS['counts-differ'].text}: {summary.found} found, "
        f"{summary.done} accounted for",
        ExitCode.QUARANTINED: f"{quarantined} of {summary.found} quarantined",
        ExitCode.REVIEW: f"{summary.to_review} findings to review",
        ExitCode.NOTHING: "nothing to do: no instance was found",
    }.get(code, f"interrupted: {summary.done} of {summary.found} begun were finished")


def see_also(summary: RunSummary, project: str) -> dict[ExitCode, str]:
    """What tells more, by the exit code that it is about."""
    wanted = {}
    if summary.quarantined:
        wanted[ExitCode.QUARANTINED] = f"deident project quarantine {output.shell_word(project)}"
    if summary.findings:
        found = f"deident project findings {output.shell_word(project)} --run {summary.run}"
        wanted[ExitCode.REVIEW] = found
    if wanted and summary.dry_run:
        return {max(wanted): "--json with --dry-run lists every instance"}
    return wanted


def progress_text(summary: RunSummary, total: int | None, seconds: float) -> str:
    """One line about a run that goes on."""
    done = summary.done
    parts = [f"{done}/{total}" if total else f"{done}"]
    if total:
        parts.append(f"{100 * done // total} %")
    if seconds > 0:
        parts.append(f"{summary.bytes_in / seconds / 1e6:.1f} MB/s")
    if total and done:
        parts.append(f"ETA {output.duration(seconds / done * (total - done))}")
    if summary.quarantined:
        parts.append(f"{summary.quarantined.total()} quarantined")
    return "  ".join(parts)


def _print_text(summary: RunSummary, project: str, report: str) -> None:
    verb = "would be written" if summary.dry_run else "written"
    output.line(
        f"{summary.found} found: {summary.written} {verb}, "
        f"{summary.skipped.total()} skipped, {summary.quarantined.total()} quarantined"
    )
    if summary.state == "interrupted":
        output.line(f"interrupted: {summary.found - summary.done} of them not processed")
    if not summary.reconciles:
        output.line(failure(summary, ExitCode.UNEXPECTED))
    for text in _lines(summary):
        output.line("  " + text)
    for where in see_also(summary, project).values():
        output.line(f"  see: {where}")
    if report:
        output.line(f"  report: {report}")
    rate = summary.bytes_in / summary.seconds if summary.seconds else 0
    output.line(
        f"{output.size(summary.bytes_in)} in {output.duration(summary.seconds)}, "
        f"{output.size(rate)}/s"
    )
    if summary.dry_run:
        _print_changes(summary)


def _lines(summary: RunSummary) -> Iterator[str]:
    for name, counts in (("skipped", summary.skipped), ("quarantined", summary.quarantined)):
        for code, count in sorted(counts.items()):
            yield f"{name:<12}{count:>7}  {code}: {REASONS[code].text}"
    if summary.collisions:
        yield f"{'collisions':<12}{summary.collisions:>7}  {REASONS['collision'].text}; kept as _2"
    for (code, grade, kind, done), count in sorted(summary.findings.items()):
        what = "" if code == "identifier" else code
        mark = "! to review" if is_to_review(grade, kind, done) else ""
        text = " ".join(filter(None, (what, grade, kind, done, mark)))
        yield f"{'findings':<12}{count:>7}  {text}"
    if summary.notes:
        from deident.app.reading import READER_NOTES

        words = {**READER_NOTES, **ENGINE_NOTES}
        for code, count in sorted(summary.notes.items()):
            yield f"{'notes':<12}{count:>7}  {code}: {words.get(code, code)}"


def _print_changes(summary: RunSummary) -> None:
    """What would be done, by attribute and rule; never with values."""
    from deident import tables
    from deident.dicom.tags import format_tag

    output.line()
    rows = []
    for (tag, action, code, outcome, origin), count in sorted(summary.tally.items()):
        attribute = tables.attribute(tag)
        keyword = attribute.keyword if attribute else ""
        what = f"{action} {code}".strip()
        rows.append((format_tag(tag), keyword, outcome, str(count), what, origin))
    output.table(("TAG", "KEYWORD", "OUTCOME", "COUNT", "ACTION", "ORIGIN"), rows)


def instance_json(number: int, outcome: Outcome) -> dict[str, Any]:
    """What became of one instance, without any original value."""
    return {
        "number": number,
        "status": outcome.status,
        "code": outcome.code,
        "detail": outcome.detail,
        "name": outcome.name,
        "findings": [_placed(finding) for finding in map(Finding._make, outcome.findings)],
        "notes": list(outcome.notes),
        "changes": [_placed(change) for change in map(Change._make, outcome.changes)],
    }


def _placed(what: Finding | Change) -> dict[str, Any]:
    from deident.dicom.tags import format_path

    return {**what._asdict(), "tag": f"{what.tag:08X}", "path": format_path(what.path, what.tag)}
