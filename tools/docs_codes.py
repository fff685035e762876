"""Write docs/reference/codes.md and docs/reference/exit-codes.md.

`--check` only compares and fails when a page is not what it must be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from deident.cli.exits import MEANINGS, REVIEWED, ExitCode
from deident.errors import REASONS, SKIPPED

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def codes_page() -> str:
    """Every code with its meaning and advice, in Markdown."""
    lines = [
        "# Codes",
        "",
        "Generated from `deident.errors.REASONS` by `tools/docs_codes.py`. Scripts may rely on",
        "them; they stand in summaries (`--json`), in the quarantine, at the end of error lines.",
        "An instance with a code marked *skipped* is left out on purpose; any other code means",
        "quarantine. Codes about requests and the machine end the command.",
        "",
        "| code | meaning | what to do |",
        "|---|---|---|",
    ]
    for code, reason in sorted(REASONS.items()):
        mark = " *(skipped)*" if code in SKIPPED else ""
        lines.append(f"| `{code}` | {reason.text}{mark} | {reason.advice} |")
    return "\n".join(lines) + "\n"


def exit_codes_page() -> str:
    """Every exit code with its meaning, in Markdown."""
    lines = [
        "# Exit codes",
        "",
        "Generated from `deident.cli.exits` by `tools/docs_codes.py`. An error is one line on",
        "stderr that ends with a [code](codes.md) in brackets.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        *(f"| {code.value} | {MEANINGS[code]} |" for code in ExitCode),
        "",
        "Where several apply, the first of 130, 143, 1, 3, 4, 5 counts; for `verify` 4 goes before",
        "3. Help, also that of a group called alone (`deident`, `deident project`, `deident",
        "profile`), ends with 0.",
        "",
        "## What ends with 4",
        "",
        "| command | a person should look at |",
        "|---|---|",
        *(f"| `{command}` | {text} |" for command, text in REVIEWED.items()),
        "",
        "All other commands never end with 4.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the pages, or with `--check` fail when one is not up to date."""
    pages = {"codes.md": codes_page(), "exit-codes.md": exit_codes_page()}
    for name, text in pages.items():
        path = REFERENCE / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
