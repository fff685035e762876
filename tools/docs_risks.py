"""Write docs/reference/risks.md: what `deident scan` looks for.

`--check` only compares and fails when the page is not what it must be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deident.app.reading import READER_NOTES
from deident.app.reports import ENGINE_NOTES
from deident.app.risks import RISKS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "risks.md"


def page() -> str:
    """Every risk with its meaning and advice, then the notes of the reader, in Markdown."""
    lines = [
        "# Risks and notes",
        "",
        "Generated from `deident.app` (`risks`, `reading`, `reports`) by `tools/docs_risks.py`.",
        "`deident scan` lists what it met of these risks, most harmful first. *Left* says that a",
        "run with the profile `basic` does not settle it. Headers are looked at, pixels are not:",
        "a scan that finds nothing is no proof.",
        "",
        "| code | what it is | left | what happens, what to do |",
        "|---|---|---|---|",
    ]
    for code, risk in RISKS.items():
        lines.append(f"| `{code}` | {risk.text} | {'left' if risk.after else ''} | {risk.advice} |")
    lines += [
        "",
        "## Notes of the reader",
        "",
        "What was odd in a file but could be read; `deident show` says it in front of the listing.",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| `{code}` | {text} |" for code, text in READER_NOTES.items()),
        "",
        "## Notes of the engine",
        "",
        "What `deident run` counts in its summary besides these.",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| `{code}` | {text} |" for code, text in ENGINE_NOTES.items()),
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
