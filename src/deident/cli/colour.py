"""Colour on stdout: on a terminal only, and not where `NO_COLOR` (no-color.org) forbids it."""

from __future__ import annotations

import os
import sys

from deident.cli import output

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}


class Painter:
    """Puts text in colour, if stdout takes any.

    Attributes:
        on: whether it does.
    """

    def __init__(self) -> None:
        """Look at stdout and the environment."""
        dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
        self.on = sys.stdout.isatty() and not dumb

    def __call__(self, text: str, *styles: str) -> str:
        """Return `text` in the named styles, or as it is."""
        if not self.on or not text or not styles:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def painted_line(text: str = "") -> None:
    """Print a line that holds colour; values in it must have gone through `escaped`."""
    output.write(text + "\n")
