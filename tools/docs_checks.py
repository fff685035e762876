"""Write docs/reference/checks.md: what `deident compare` compares.

`--check` only compares and fails when the page is not what it must be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deident.app.science.checks import CHECKS, Check
from deident.app.science.series import KINDS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "checks.md"


def _attributes(check: Check) -> Iterator[str]:
    yield from check.keywords.split()
    for vendor in check.vendors:
        place = f"({vendor.group:04X},xx{vendor.low:02X})"
        yield f"{vendor.name} {place} of `{vendor.creator}`"
    for group in check.groups:
        yield f"every number of group {group:04X}"


def page() -> str:
    """Every check with its attributes, then the kinds of findings, in Markdown."""
    lines = [
        "# Checks of `deident compare`",
        "",
        "Generated from `deident.app.science` (`checks`, `series`) by `tools/docs_checks.py`. See",
        "[check the science](../how-to/check-the-science.md).",
        "",
        "| check | column | what must be the same |",
        "|---|---|---|",
        *(f"| `{name}` | {row.head} | {row.words} |" for name, row in CHECKS.items()),
        "",
        "## Attributes",
        "",
        "Values of these are compared wherever they stand but in icons and original attributes.",
        "",
        "| check | attributes |",
        "|---|---|",
        *(
            f"| `{name}` | {attributes} |"
            for name, row in CHECKS.items()
            if (attributes := ", ".join(_attributes(row)))
        ),
        "",
        "## Kinds of findings",
        "",
        "| kind | meaning |",
        "|---|---|",
        *(f"| `{kind}` | {words} |" for kind, words in KINDS.items()),
    ]
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
