"""`deident run`: de-identify files and folders."""

from __future__ import annotations

import os
from math import isnan
from typing import Any

import click

from deident.app.running import RunSettings
from deident.app.running import run as carry_out
from deident.cli import output
from deident.cli.base import Command
from deident.cli.run_face import RunFace
from deident.errors import UsageError


def _default_jobs() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


class _Seconds(click.FloatRange):
    """A range that `nan` is not in: compared with a bound it is neither below nor above."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert, or fail with click's message."""
        seconds = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


@click.command(cls=Command)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-o",
    "--output",
    "target",
    default=None,
    metavar="OUT",
    help="Output folder, or a ZIP archive if the name ends in .zip.",
)
@click.option(
    "--suffix", metavar="TEXT",
    help="Instead of OUT: write each output beside its original, with TEXT behind the name.",
)  # fmt: skip
@click.option(
    "--suffix-replaces", is_flag=True, help="With --suffix: TEXT takes the extension's place."
)
@click.option(
    "--in-place", is_flag=True,
    help="Instead of OUT: replace each original, after the new file was read back from the disk.",
)  # fmt: skip
@click.option(
    "--safety-copies/--no-safety-copies", "safety", default=None,
    help="With --in-place, which needs one of them: keep sealed copies of the originals in the "
    "project until 'deident runs confirm', or keep none.",
)  # fmt: skip
@click.option(
    "--project", metavar="DIR", help="Project folder; default: one beside OUT, or beside INPUT."
)
@click.option(
    "--profile", default="basic", show_default=True, metavar="NAME|FILE", help="What to do."
)
@click.option(
    "--with", "options", multiple=True, metavar="OPTION",
    help="Switch an option of PS3.15 on; may be repeated. See 'deident profile list'.",
)  # fmt: skip
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), metavar="N",
    help="Number of worker processes; default: one for each processor.",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Print nothing when all goes well.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("-n", "--dry-run", is_flag=True, help="Decide everything, write nothing.")
@click.option("--resume", is_flag=True, help="Skip what earlier runs have written into OUT.")
@click.option(
    "--timeout", type=_Seconds(0, 86400, min_open=True), default=300.0, show_default=True,
    metavar="SECONDS", help="Quarantine an instance that takes longer.",
)  # fmt: skip
@click.option(
    "--memory", type=click.IntRange(64), metavar="MB", help="Limit a worker's address space."
)
@click.option(
    "--nice", type=click.IntRange(0, 19), default=0, metavar="0..19",
    help="Give way to other programs, for processors and disks.",
)  # fmt: skip
@click.option(
    "--layout", type=click.Choice(["template", "mirror", "roots"]), default="template",
    show_default=True,
    help="Name outputs by a template; mirror the input's folders with pseudonymous names; or that, "
    "with a folder for each INPUT that is called after its path.",
)  # fmt: skip
@click.option("--keep-names", is_flag=True, help="With --layout mirror: keep the original names.")
@click.option(
    "--name-template", "template", metavar="TEXT",
    help="Such as '{PatientID}/{Modality}/{InstanceNumber:05}.dcm'; default: the profile's.",
)  # fmt: skip
@click.option(
    "--verify", type=click.Choice(["repair", "quarantine", "report"]),
    help="What to do about an identifier that is found; default: the profile's.",
)  # fmt: skip
@click.option("--follow-symlinks", is_flag=True, help="Follow links below the inputs.")
@click.option(
    "--ext", "extensions", metavar="LIST",
    help="Below folders read only files with these extensions, such as 'dcm,ima,[dcm]'; [dcm] "
    "stands for names without one and for names of digits and dots.",
)  # fmt: skip
@click.option(
    "--sync", "durability", type=click.Choice(["batch", "file", "none"]), default="batch",
    show_default=True,
    help="Bring outputs to the disk before they get their names: many at once, one by one, or "
    "leave it to the system.",
)  # fmt: skip
@click.option("--no-report", is_flag=True, help="Make no report; 'deident report' can later.")
def run(
    inputs: tuple[str, ...],
    target: str | None,
    suffix: str | None,
    suffix_replaces: bool,
    in_place: bool,
    safety: bool | None,
    project: str | None,
    profile: str,
    options: tuple[str, ...],
    jobs: int | None,
    quiet: bool,
    as_json: bool,
    memory: int | None,
    layout: str,
    verify: str | None,
    no_report: bool,
    **settings: Any,
) -> int:
    """De-identify files and folders into OUT.

    INPUT is a file, a folder, a quoted glob pattern, a DICOMDIR (for the files that it names), or -
    for a list of paths on standard input (lines, or with zero bytes between). Originals are only
    read, but for --in-place. What cannot be cleaned is quarantined in the project folder with a
    reason, and is not written.

    \b
    Examples:
      deident run STUDY -o CLEAN
      deident run A B -o CLEAN --project TRIAL --with retain-safe-private -j 4
      deident run STUDY -o CLEAN --dry-run
      deident run STUDY --suffix .anonym
      find STUDY -name '*.dcm' -print0 | deident run - -o CLEAN
    """
    from deident.app.recipes import early_recipe

    mirror = layout != "template"
    if settings["keep_names"] and not mirror:
        raise UsageError("usage", "--keep-names needs --layout mirror")
    if settings["template"] is not None and mirror:
        raise UsageError("usage", "--name-template needs --layout template")
    _check_destination(target, suffix, suffix_replaces, in_place, safety)
    if target is None and (mirror or settings["template"] is not None):
        raise UsageError("usage", "--layout and --name-template need -o OUT")
    details = as_json and settings["dry_run"]
    face = RunFace(quiet=quiet, as_json=as_json, details=details, project=project or "")
    prepared = early_recipe(profile, options, verify=verify, details=details)
    if prepared.warning and not quiet:
        output.note(prepared.warning)
    try:
        summary = carry_out(
            RunSettings(
                inputs,
                target or "",
                project,
                jobs or _default_jobs(),
                memory=(memory or 0) << 20,
                mirror=mirror,
                roots=layout == "roots",
                suffix=suffix or "",
                suffix_replaces=suffix_replaces,
                in_place=in_place,
                safety=bool(safety),
                **settings,
            ),
            prepared,
            face,
        )
    finally:
        face.clear()
    failure = None
    if summary.run and not no_report:
        failure = face.report(summary.run)
    code = face.finish(summary)
    if failure is not None:
        raise failure
    return code


def _check_destination(
    target: str | None, suffix: str | None, replaces: bool, in_place: bool, safety: bool | None
) -> None:
    """Exactly one destination, and with it what belongs to it.

    Raises:
        UsageError: `usage`.
    """
    if [target is not None, suffix is not None, in_place].count(True) != 1:
        raise UsageError("usage", "say where outputs go: -o OUT, --suffix TEXT or --in-place")
    if suffix is not None and ("/" in suffix or "\0" in suffix):
        raise UsageError("usage", f"--suffix is a part of a name: {suffix}")
    if replaces and suffix is None:
        raise UsageError("usage", "--suffix-replaces needs --suffix")
    if in_place and safety is None:
        raise UsageError(
            "usage", "--in-place replaces originals: add --safety-copies or --no-safety-copies"
        )
    if safety is not None and not in_place:
        raise UsageError("usage", "--safety-copies and --no-safety-copies need --in-place")
