"""`deident runs`: the runs of a project as a whole: list, look, undo, confirm."""

from __future__ import annotations

from typing import Any

import click

from deident.cli import output
from deident.cli.base import Group
from deident.cli.exits import ExitCode

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_COUNTED = ("found", "written", "skipped", "quarantined")


@click.group(cls=Group)
def runs() -> None:
    """List the runs of a project, look at one, undo it, or confirm it.

    A run is named after when it began; 'deident runs list DIR' shows the names.
    """


@runs.command("list")
@click.argument("folder", metavar="DIR")
@_as_json
def list_(folder: str, as_json: bool) -> None:
    """List all runs of the project in DIR, oldest first."""
    from deident.app.runs import listed

    found = listed(folder)
    if as_json:
        rows = [{**one.run._asdict(), **one.counts} for one in found]
        output.json_object({"schema": 1, "runs": rows})
        return
    if not found:
        output.line("no run yet")
        return
    output.table(
        ("RUN", "STATE", "OUTPUT", "FOUND", "WRITTEN", "SKIPPED", "QUARANTINED"),
        [
            (
                one.run.name,
                one.run.state,
                one.run.policy,
                *(_cell(one.counts.get(key, "")) for key in _COUNTED),
            )
            for one in found
        ],
    )


@runs.command()
@click.argument("folder", metavar="DIR")
@click.argument("run", metavar="RUN")
@click.option("--show-paths", is_flag=True, help="Show where the run read and wrote.")
@_as_json
def show(folder: str, run: str, show_paths: bool, as_json: bool) -> None:
    """Show what is known of one run."""
    from deident.app.runs import shown

    told = shown(folder, run, show_paths=show_paths)
    if as_json:
        output.json_object({"schema": 1, **told})
        return
    for key, value in told.items():
        if isinstance(value, list):
            value = ", ".join(map(str, value)) if key == "inputs" else str(len(value))
        elif key == "series":
            value = str(len(value))
        output.line(f"{key:<14}{_cell(value)}")


@runs.command()
@click.argument("folder", metavar="DIR")
@click.argument("run", metavar="RUN")
def undo(folder: str, run: str) -> int:
    """Take back what a run has written.

    Outputs are removed, and the folders that are empty then; originals that were replaced come back
    from their sealed copies. What somebody has changed since stays; then the exit code is 4.
    """
    from deident.app.runs import undo as take_back

    undone = take_back(folder, run)
    output.line(
        f"run {run} is undone: {undone.removed} outputs removed, {undone.restored} originals "
        f"restored, {undone.changed} changed since and kept, {undone.missing} gone already"
    )
    return ExitCode.REVIEW if undone.changed else ExitCode.DONE


@runs.command()
@click.argument("folder", metavar="DIR")
@click.argument("run", metavar="RUN")
def confirm(folder: str, run: str) -> None:
    """Say that a run is as it should be.

    It can no longer be undone, and sealed copies of originals that it replaced are removed.
    """
    from deident.app.runs import confirm as make_final

    make_final(folder, run)
    output.line(f"run {run} is confirmed")


def _cell(value: Any) -> str:
    return str(sum(value.values()) if isinstance(value, dict) else value)
