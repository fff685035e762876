"""`deident demo`: an invented study, de-identified step by step with the commands to type."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.exits import ExitCode
from deident.errors import UsageError, unwritable

if TYPE_CHECKING:
    from pydicom import Dataset

    from deident.app.sample.study import SampleStudy

_MARK = ".deident-demo"
_WIDTH = 40


@click.command(cls=Command)
@click.argument("folder", default="deident-demo", metavar="[DIR]")
@click.option("--force", is_flag=True, help="Replace the demo that DIR holds.")
def demo(folder: str, force: bool) -> int:
    """Build a small invented study in DIR, de-identify it, and show before and after.

    The patients do not exist. The study has many modalities and scripts, a file that cannot be
    processed, and one that is no DICOM. Every command that it runs is shown.
    """
    from deident.app.sample.study import write_study

    place = Path(folder)
    _check_room(place, force=force)
    try:
        _make_room(place)
        study = write_study(place / "study")
    except OSError as error:
        raise unwritable("the demo folder", place, error) from error
    output.line("1. An invented study set")
    output.line(f"   {study.instances} instances with names in {len(study.people)} scripts,")
    output.line(f"   one file that is cut short ({study.broken.name}) and {study.stray.name}")

    _head("2. De-identify it")
    project, clean = place / "project", place / "clean"
    _call("project", "init", project)
    exit_code = _call("run", study.folder, "-o", clean, "--project", project)

    _head("3. What could not be cleaned is kept back, with its reason")
    _call("project", "quarantine", project, "--show-paths")

    _head("4. Is anything left? A byte search for every planted identifier, in every encoding")
    before, after = _search(study, clean, project)

    _head("5. One slice before and after")
    cleaned = _cleaned(study, clean, project)
    _show_difference(study.showpiece, cleaned)
    output.line(f"   All of it, with the rules: {_program()} diff {study.showpiece} {cleaned}")

    written = sum(1 for path in clean.rglob("*") if path.is_file())
    good = exit_code == ExitCode.QUARANTINED and written == study.instances
    good = good and bool(before) and not after
    output.line()
    output.line(f"Done: {place}" if good else "This is not what the demo should have come to.")
    output.line(f"Next: {_program()} run YOUR-STUDY -o CLEAN")
    return ExitCode.DONE if good else ExitCode.UNEXPECTED


def _check_room(place: Path, *, force: bool) -> None:
    if os.path.lexists(place) and not (force and (place / _MARK).is_file()):
        advice = "it holds no demo" if force else "--force replaces an older demo"
        raise UsageError("usage", f"{place} exists already; {advice}")


def _make_room(place: Path) -> None:
    """Make the folder, marked at once, so that one that is not finished can be replaced too."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    (place / _MARK).touch()


def _head(text: str) -> None:
    output.line()
    output.line(text)


def _call(command: str, *arguments: str | Path) -> int:
    """Show a command line and run it, as `deident` would."""
    from deident.cli.main import COMMANDS

    words = [str(argument) for argument in arguments]
    output.line(f"   $ {_program()} {' '.join([command, *words])}")
    output.flush()
    module, _, attribute = COMMANDS[command][0].partition(":")
    called: click.Command = getattr(import_module(module), attribute)
    result = called.main(words, prog_name=f"deident {command}", standalone_mode=False)
    return result if isinstance(result, int) else ExitCode.DONE


def _program() -> str:
    """How this program can be called from here."""
    called = sys.argv[0]
    found = shutil.which("deident")
    elsewhere = os.path.basename(called) == "deident" and found != shutil.which(called)  # noqa: PTH119
    return called if elsewhere else "deident"


def _search(study: SampleStudy, clean: Path, project: Path) -> tuple[Counter[str], Counter[str]]:
    """Search originals and everything that was written; show in how many files each kind is."""
    from deident.app.sample.search import count_identifiers

    before = count_identifiers(study.folder, study.people)
    after = count_identifiers(clean, study.people) + count_identifiers(project, study.people)
    rows = [(f"   {kind}", str(count), str(after[kind])) for kind, count in sorted(before.items())]
    output.table(("   KIND OF IDENTIFIER", "FILES BEFORE", "AFTER"), rows)
    return before, after


def _cleaned(study: SampleStudy, clean: Path, project: Path) -> Path:
    """Find what became of the showpiece: the project knows which UID took the place of which."""
    from pydicom import dcmread

    table = project.with_name("uid_map.csv")
    _call("project", "mapping", project, "--uids", table)
    with table.open(newline="", encoding="utf-8") as file:
        new = {row["id_old"]: row["id_new"] for row in csv.DictReader(file)}
    uid = dcmread(study.showpiece, stop_before_pixels=True).SOPInstanceUID
    return next(clean.rglob(f"{new[uid]}*"))


def _show_difference(original: Path, cleaned: Path) -> None:
    """Show what changed on the top level of a file; its patient does not exist."""
    from pydicom import dcmread

    old, new = dcmread(original), dcmread(cleaned)
    rows = [
        (f"   {element.keyword}", _short(element.value), _after(new, element.keyword))
        for element in old
        if not element.tag.is_private and element.VR != "SQ" and new.get(element.tag) != element
    ]
    output.table(("   ATTRIBUTE", "BEFORE", "AFTER"), rows)


def _after(new: Dataset, keyword: str) -> str:
    return _short(new[keyword].value) or "(empty)" if keyword in new else "(removed)"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
