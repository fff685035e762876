"""`deident report`: what a run has come to, to read, to print and to hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.exits import ExitCode
from deident.errors import UsageError

if TYPE_CHECKING:
    from deident.app.manifests import Checked


@click.command(cls=Command)
@click.argument("folder", metavar="DIR")
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--manifest", is_flag=True, help="Read all outputs again and list their SHA-256.")
@click.option("--check", is_flag=True, help="Compare the outputs with the manifest of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON too.")
def report(folder: str, run: str | None, manifest: bool, check: bool, as_json: bool) -> int:
    """Make the report of a run of the project in DIR; without RUN of the last one.

    It lies in DIR/runs/RUN: report.html to read, print and hand over, report.json, and
    instances.csv with one line for each file. It holds no original identifiers. A run makes its
    report by itself, but for the manifest.

    \b
    Examples:
      deident report TRIAL
      deident report TRIAL 20260301T101500Z-1f2e3d4c --manifest
      deident report TRIAL --check
    """
    from deident.app.reporting import as_json as as_values
    from deident.app.reporting import check_manifest, write_report

    if check:
        if manifest or as_json:
            raise UsageError("usage", "--check goes without --manifest and --json")
        return _show_check(*check_manifest(folder, run or ""))
    made = write_report(folder, run or "", manifest=manifest)
    if as_json:
        output.json_object(as_values(made.report))
    else:
        output.line(f"report of run {made.run}: {made.folder}/report.html")
    if manifest and made.report.manifest and not as_json:
        outputs, size, chain = made.report.manifest
        output.line(f"manifest: {outputs} outputs, {output.size(size)}, last hash {chain}")
    if made.lacking:
        output.note(f"{made.lacking} outputs are gone or were changed; the manifest lacks them")
    return ExitCode.REVIEW if made.lacking else ExitCode.DONE


def _show_check(run: str, checked: Checked) -> int:
    output.line(
        f"run {run}: {checked.good} of {checked.outputs} outputs are as the manifest says, "
        f"{checked.counts['changed']} changed, {checked.counts['missing']} missing"
    )
    for what, numbers in (("changed", checked.changed), ("missing", checked.missing)):
        if numbers:
            more = ", …" if checked.counts[what] > len(numbers) else ""
            output.line(f"{what}: number {', '.join(map(str, numbers))}{more}")
    if checked.broken:
        output.line(
            f"the manifest was changed: line {checked.broken} does not follow from the rest"
        )
    whole = checked.good == checked.outputs and not checked.broken
    return ExitCode.DONE if whole else ExitCode.REVIEW
