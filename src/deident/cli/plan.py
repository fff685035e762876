"""`deident plan`: what a run would change, and what another profile would make of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.exits import ExitCode
from deident.errors import REASONS

if TYPE_CHECKING:
    from deident.app.planning import Kind, Summary
    from deident.app.reasons import Reasoner, Why

_RENEWED_SECONDS = 0.1
_KEY_BYTES = 32


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--profile", default="basic", show_default=True, metavar="NAME|FILE", help="What to do."
)
@click.option(
    "--with", "options", multiple=True, metavar="OPTION",
    help="Switch an option of PS3.15 on; may be repeated.",
)  # fmt: skip
@click.option(
    "--diff-profile",
    "other",
    metavar="NAME|FILE",
    help="List what it would make otherwise.",
)
@click.option(
    "--diff-with", "other_options", multiple=True, metavar="OPTION",
    help="Options of the other profile; without --diff-profile that is the same profile.",
)  # fmt: skip
@click.option("--details", is_flag=True, help="Name the files, with what becomes of each.")
@click.option("--follow-symlinks", is_flag=True, help="Follow links below the paths.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(
    paths: tuple[str, ...],
    profile: str,
    options: tuple[str, ...],
    other: str | None,
    other_options: tuple[str, ...],
    details: bool,
    follow_symlinks: bool,
    as_json: bool,
) -> int:
    """Say which files and elements a run would change, without writing anything.

    With --diff-profile or --diff-with: which would come out differently by another profile.

    \b
    Examples:
      deident plan STUDY
      deident plan STUDY --diff-with retain-uids
      deident plan STUDY --profile mine.yaml --diff-profile basic --details
    """
    from deident.app.planning import Summary, plans
    from deident.endpoints import sources

    inputs = sources.resolve_inputs(paths)
    key = os.urandom(_KEY_BYTES)  # of nobody: the same for both, so that only rules differ
    reasoner = _reasoner(profile, options, key)
    comparing = other is not None or bool(other_options)
    others = _reasoner(other or profile, other_options, key) if comparing else None
    summary, listed, status, shown = Summary(), [], output.StatusLine(), 0.0
    try:
        found = sources.scan(inputs, follow_symlinks=follow_symlinks)
        for one in plans(found, reasoner, others):
            summary.add(one)
            if details:
                listed.append({"path": one.path, "outcome": one.outcome, "other": one.other})
            if status.possible and time.monotonic() - shown > _RENEWED_SECONDS:
                shown = time.monotonic()
                status.show(f"{summary.files.total()} files")
    finally:
        status.clear()
    names = (reasoner.profile.name, others.profile.name if others else "")
    if as_json:
        output.json_object({**_as_json(summary, names), **({"listed": listed} if details else {})})
    else:
        _print(summary, comparing=comparing)
        for row in listed:
            outcome = f"{row['outcome']} / {row['other']}" if row["other"] else row["outcome"]
            output.line(f"{outcome}  {row['path']}")
    if summary.quarantined:
        return ExitCode.QUARANTINED
    return ExitCode.DONE if summary.files["written"] else ExitCode.NOTHING


def _reasoner(profile: str, options: tuple[str, ...], key: bytes) -> Reasoner:
    from deident.app.api import load_profile
    from deident.app.reasons import Reasoner

    return Reasoner(load_profile(profile, options), key)


def _print(summary: Summary, *, comparing: bool) -> None:
    written = summary.files["written"]
    files = summary.files.total()
    output.line(f"{files} {'file' if files == 1 else 'files'}: {written} would be written")
    for outcome, count in sorted(summary.files.items()):
        if outcome != "written":
            output.line(f"  {count:>7}  {outcome}: {REASONS[outcome].text}")
    for (one, other), count in sorted(summary.moved.items()):
        output.line(f"  {count:>7}  {one}, by the other profile {other}")
    if not summary.kinds:
        output.line("no element would come out differently" if comparing else "nothing changes")
        return
    heads = ["TAG", "ATTRIBUTE", "ELEMENTS", "FILES", "OUTCOME"]
    output.line()
    output.table(
        [*heads, "BY THE OTHER"] if comparing else heads,
        [
            [*_place(kind), str(count), str(summary.where[kind]), _words(kind.why)]
            + ([_words(kind.other)] if comparing else [])
            for kind, count in sorted(summary.kinds.items(), key=_order)
        ],
    )


def _order(entry: tuple[Kind, int]) -> tuple[Any, ...]:
    kind, _ = entry
    return kind.parents, kind.tag, kind.why or (), kind.other or ()


def _place(kind: Kind) -> tuple[str, str]:
    from deident.app.readable import attribute_name
    from deident.dicom.tags import format_tag

    names = [attribute_name(tag) or format_tag(tag) for tag in (*kind.parents, kind.tag)]
    return format_tag(kind.tag), "/".join(names)


def _words(why: Why | None) -> str:
    if why is None:
        return "kept"
    code = f" {why.code}" if why.code else ""
    return f"{why.outcome}: {why.action}{code}, {why.origin}"


def _as_json(summary: Summary, names: tuple[str, str]) -> dict[str, Any]:
    return {
        "schema": 1,
        "profile": names[0],
        "other": names[1],
        "files": dict(sorted(summary.files.items())),
        "moved": [
            {"outcome": one, "other": other, "files": count}
            for (one, other), count in sorted(summary.moved.items())
        ],
        "elements": [
            {
                "tag": f"{kind.tag:08X}",
                "attribute": _place(kind)[1],
                "elements": count,
                "files": summary.where[kind],
                "why": kind.why._asdict() if kind.why else None,
                "other": kind.other._asdict() if kind.other else None,
            }
            for kind, count in sorted(summary.kinds.items(), key=_order)
        ],
    }
