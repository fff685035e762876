"""What commands print: results on stdout, all else on stderr, nothing that is not text."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from deident.errors import InfrastructureError


def escaped(text: str) -> str:
    r"""Replace what could steer a terminal or is no text by its escape.

    A byte of a file name that is no text (a surrogate, PEP 383) is shown as `\xff`, a character
    beyond ASCII as `\u202e`, so that the two cannot be taken for each other.

    >>> escaped("a\x1b[31m\udcff\u202e\x85")
    'a\\x1b[31m\\xff\\u202e\\u0085'
    """
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if 0x80 <= code <= 0xFF:
        return f"\\u{code:04x}"
    return char.encode("unicode_escape").decode()


def shell_word(text: str) -> str:
    r"""A word of a command line that can be copied: quoted, and with escapes where it needs them.

    >>> shell_word("a b"), shell_word("a\x1b\udcff")
    ("'a b'", "$'a\\x1b\\xff'")
    """
    from shlex import quote

    if text.isprintable():
        return quote(text)
    content = os.fsencode(text)
    return "$'" + "".join(map(_shell_byte, content)) + "'"


def _shell_byte(byte: int) -> str:
    char = chr(byte)
    return char if 32 <= byte < 127 and char not in "'\\" else f"\\x{byte:02x}"


def prepare_streams() -> None:
    """Let neither a locale nor a stream that was closed from the start make printing fail."""
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Write to stdout; text from a file or a person must have gone through `escaped`.

    Raises:
        BrokenPipeError: nobody reads stdout any more.
        InfrastructureError: `write-failed`.
    """
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise _refused(error) from error


def line(text: str = "") -> None:
    """Print one line of a result."""
    write(escaped(text) + "\n")


def note(text: str) -> None:
    """Print one line that is no result."""
    _write(sys.stderr, escaped(text) + "\n")


def error(text: str, code: str = "") -> None:
    """Say in one line why a command fails."""
    note(f"Error: {text} [{code}]" if code else f"Error: {text}")


def json_object(value: Any) -> None:
    """Print one JSON object."""
    write(json.dumps(value, indent=1) + "\n")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns, without heads if there are none; the last column is not filled."""
    lines = [[escaped(cell) for cell in row] for row in rows]
    lines = [list(heads), *lines] if heads else lines
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells in lines:
        padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
        line("  ".join([*padded, cells[-1]]).rstrip())


def flush() -> None:
    """Bring everything out; a reader that has gone is found here at the latest.

    Raises:
        BrokenPipeError: nobody reads stdout any more.
        InfrastructureError: `write-failed`.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> Exception:
    """What to raise when stdout takes no more."""
    if isinstance(error, BrokenPipeError):
        return error
    silence_stdout()
    reason = os.strerror(error.errno or 0)
    return InfrastructureError(
        "write-failed", f"standard output could not be written: {reason}; send it elsewhere"
    )


def silence_stdout() -> None:
    """When stdout takes no more: let the interpreter's last flush succeed."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _write(stream: TextIO, text: str) -> None:
    """Write to stderr; when it takes nothing, the result still counts."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (lives as long as the process)


class StatusLine:
    """One line on stderr that is overwritten while work goes on: terminals only."""

    def __init__(self) -> None:
        self.possible = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def show(self, text: str) -> None:
        """Replace the line."""
        try:
            width = os.get_terminal_size(sys.stderr.fileno()).columns
        except OSError:
            width = 80
        _write(sys.stderr, f"\r{escaped(text)[: width - 1]}\x1b[K")
        self._shown = True

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            _write(sys.stderr, "\r\x1b[K")
            self._shown = False


def size(count: float) -> str:
    """Bytes for people, in powers of 1000.

    >>> size(999), size(1500), size(2.5e9)
    ('999 B', '1.5 kB', '2.5 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float) -> str:
    """A time span for people.

    >>> duration(0.26), duration(75), duration(7300)
    ('0.3 s', '1:15', '2:01:40')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
