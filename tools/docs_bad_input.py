"""Write docs/reference/bad-input.md from bad-input.yaml: mistakes and what is said to them.

`--check` only compares and fails when the page is not what it must be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

_FOLDER = Path(__file__).parents[1] / "docs" / "reference"
PAGE = _FOLDER / "bad-input.md"


class Mistake(NamedTuple):
    """One row: what is wrong, the arguments of `deident`, the error's text, the exit code."""

    what: str
    run: str
    says: str
    exit: int


def mistakes() -> dict[str, list[Mistake]]:
    """All rows, by heading."""
    data = YAML(typ="safe").load((_FOLDER / "bad-input.yaml").read_text(encoding="utf-8"))
    return {heading: [Mistake(**row) for row in rows] for heading, rows in data.items()}


def page() -> str:
    """The page, in Markdown."""
    lines = [
        "# Bad input",
        "",
        "Generated from `bad-input.yaml` by `tools/docs_bad_input.py`; the tests run every line.",
        "",
        "What is wrong with a command line is said in one line on stderr, `Error: ` and the text",
        "below (`…` stands for a path or for more). Nothing is on stdout then, and nothing has",
        "been written, not even a folder. The word in brackets is a [code](codes.md); what the",
        "numbers mean is under [exit codes](exit-codes.md).",
    ]
    for heading, rows in mistakes().items():
        lines += ["", f"## {heading[:1].upper()}{heading[1:]}", ""]
        lines += ["| what is wrong | `deident` … | the error | exit code |", "|---|---|---|--:|"]
        for row in rows:
            run, says = (text.replace("|", "\\|") for text in (row.run, row.says))
            lines.append(f"| {row.what} | `{run}` | `{says}` | {row.exit} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page, or with `--check` fail when it is not up to date."""
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
