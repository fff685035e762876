"""`deident show`: what is in a file, element by element."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.colour import Painter, painted_line
from deident.cli.exits import ExitCode
from deident.errors import InstanceError, UsageError

if TYPE_CHECKING:
    from deident.app.reading import Opened
    from deident.app.viewing import Line, ViewOptions

JSON_SCHEMA = 1
_NAME_WIDTH = 36


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--tag", "selectors", multiple=True, metavar="SELECTOR",
    help="Only these elements, at any depth: PatientName, 0010,0010, 60xx3000, "
    "'(0019,\"CREATOR\",0C)', vr:PN, ContentSequence/PersonName; may be repeated.",
)  # fmt: skip
@click.option("--depth", type=click.IntRange(0), metavar="N", help="Go into N levels of sequences.")
@click.option(
    "--max-value", "longest", type=click.IntRange(0), default=80, show_default=True, metavar="N",
    help="Cut longer values and say so; 0 cuts nothing.",
)  # fmt: skip
@click.option(
    "--values/--no-values",
    default=True,
    show_default=True,
    help="Show values, or only which elements there are.",
)
@click.option(
    "--private-names/--no-private-names", default=True, show_default=True,
    help="Look up private attributes by their creator.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the DICOM JSON model.")
def show(
    files: tuple[str, ...],
    selectors: tuple[str, ...],
    depth: int | None,
    longest: int,
    values: bool,
    private_names: bool,
    as_json: bool,
) -> int:
    """Show what is in DICOM files, element by element, values included.

    Values are printed because you ask to see them; --no-values prints a listing that can be passed
    on. Text is decoded in its character set; control characters are made visible. Pixel data is
    measured, never loaded.

    \b
    Examples:
      deident show image.dcm
      deident show image.dcm --tag PatientName --tag vr:UI
      deident show image.dcm --depth 0 --no-values
      deident show image.dcm --json | jq '.files[].dataset["00100010"]'
    """
    from deident.app.viewing import ViewOptions
    from deident.profiles.selectors import parse_selector

    for path in files:
        _check(path)
    parsed = tuple(map(parse_selector, selectors))
    options = ViewOptions(parsed, depth, private_names, values, longest)
    return _json(files, options) if as_json else _text(files, options)


def _check(path: str) -> None:
    """Refuse before anything is printed what cannot be meant."""
    if Path(path).is_dir():
        raise UsageError("usage", f"{path} is a folder; 'deident scan' looks into folders")
    if not Path(path).exists():
        raise UsageError("input-missing", f"no such file: {path}")


def _opened(files: tuple[str, ...]) -> Iterator[tuple[str, Opened | InstanceError]]:
    """Open one after the other; what cannot be read at all comes as its error."""
    from deident.app.reading import open_readable

    for path in files:
        try:
            opened = open_readable(path)
        except InstanceError as error:
            yield path, error
            continue
        with opened.file:
            yield path, opened


# -- text -----------------------------------------------------------------------------------------


def _text(files: tuple[str, ...], options: ViewOptions) -> int:
    failed, painter = 0, Painter()
    for number, (path, opened) in enumerate(_opened(files)):
        error: InstanceError | None
        if isinstance(opened, InstanceError):
            error = opened
        else:
            if number:
                painted_line()
            error = _print_file(path, opened, options, painter)
        if error:
            _print_error(path, error)
            failed += 1
    return ExitCode.QUARANTINED if failed else ExitCode.DONE


def _print_error(path: str, error: InstanceError) -> None:
    output.flush()
    output.error(f"{path}: {error}", error.code)


def _print_file(
    path: str, opened: Opened, options: ViewOptions, painter: Painter
) -> InstanceError | None:
    """Print one file; return what is wrong behind the last line."""
    from deident.app.readable import printable
    from deident.app.reading import READER_NOTES
    from deident.app.viewing import lines, summary

    about = summary(opened)
    parts = [output.size(about.size), printable(about.sop_class), about.transfer_syntax]
    painted_line(
        painter(output.escaped(path), "bold") + ": " + ", ".join(part for part in parts if part)
    )
    for note in about.notes:
        painted_line(painter(f"note: {READER_NOTES.get(note, note)}", "yellow"))
    guessed = shown = 0
    try:
        for line in lines(opened, options):
            painted_line(_line(line, painter))
            guessed += not line.decoded
            shown += 1
    except InstanceError as error:  # it became shorter while it was read
        return error
    if guessed:
        painted_line(painter(f"note: {READER_NOTES['undecodable-text']}", "yellow"))
    if not shown:
        painted_line(painter("no such element", "dim"))
    return opened.error


def _line(line: Line, painter: Painter) -> str:
    from deident.dicom.tags import format_path, format_tag, is_private

    indent = "    " * line.level
    if line.kind == "item":
        text = f"{indent[2:]}{line.name}{f' ({line.value})' if line.value else ''}"
        return painter(text, "dim")
    name = line.name or "?"
    if line.path and not line.level:
        name = f"{format_path(line.path)}/{name}"
    width = max(_NAME_WIDTH - len(indent), 0)
    length = "undefined" if line.length is None else str(line.length)
    style = ("yellow",) if is_private(line.tag) else ("cyan",)
    value = painter(line.value, "dim") if line.vr == "SQ" or not line.decoded else line.value
    guess = "" if line.decoded else painter(" (guessed)", "yellow")
    return (
        f"{indent}{painter(format_tag(line.tag), 'dim')} {line.vr:<3} "
        f"{painter(name.ljust(width), *style)} {length:>9}  {value}{guess}"
    ).rstrip()


# -- JSON -----------------------------------------------------------------------------------------


def _json(files: tuple[str, ...], options: ViewOptions) -> int:
    """Print one object; each file's part as soon as it is read, so that memory stays bounded."""
    from deident.app.dicom_json import file_model

    failed = 0
    output.write(f'{{"schema": {JSON_SCHEMA}, "files": [')
    for number, (path, opened) in enumerate(_opened(files)):
        part: dict[str, Any] = {}
        error: InstanceError | None
        if isinstance(opened, InstanceError):
            error = opened
        else:
            part, error = file_model(opened, options), opened.error
        if error:
            part["error"] = {"code": error.code, "message": str(error)}
            failed += 1
        output.write(("," if number else "") + "\n" + json.dumps({"file": path, **part}))
    output.write("\n]}\n")
    return ExitCode.QUARANTINED if failed else ExitCode.DONE
