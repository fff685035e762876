"""Write docs/reference/verify.md: what `deident verify` looks for.

`--check` only compares and fails when the page is not what it must be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deident.app.audit.findings import CHECKS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "verify.md"


def page() -> str:
    """Every check with its meaning and advice, in Markdown."""
    lines = [
        "# Checks",
        "",
        "Generated from `deident.app.audit.findings` by `tools/docs_verify.py`. `deident verify`",
        "lists what it found of these; see [Verify outputs](../how-to/verify-outputs.md). *Not",
        "claimed* means that no code in De-identification Method Code Sequence (0012,0064) of the",
        "same file names an option of PS3.15 that keeps it.",
        "",
        "| code | what it is | what to do |",
        "|---|---|---|",
        *(f"| `{code}` | {check.text} | {check.advice} |" for code, check in CHECKS.items()),
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
