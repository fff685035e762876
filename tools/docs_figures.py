"""Write the measured figures into README.md, from benchmarks/results/latest.json.

`--check` only compares and fails when they are not what they must be.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "latest.json"
BEGIN, END = "<!-- figures: written by tools/docs_figures.py -->", "<!-- end of figures -->"
PROGRAMS = ("cp -r", "deident -j1", "deident -j2", "gdcmanon", "pydicom loop", "dicom-anonymizer")
OWN = "deident -j1"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return "bad output" if row["problems"] else f"{statistics.median(row['walls']):.2f}"


def figures(record: dict[str, Any]) -> str:
    """The table and what has to be said about it, in Markdown."""
    machine = record["machine"]
    rows = {(row["corpus"], row["program"]): row for row in record["rows"]}
    lines = [
        f"Seconds for whole runs on {machine['processor']}, page cache warm, {machine['date']};",
        "each program did its usual de-identification, Deident the Basic Profile, verified:",
        "",
        f"| | {' | '.join(PROGRAMS)} |",
        f"|---|{'--:|' * len(PROGRAMS)}",
    ]
    big = rows["big", OWN]
    for name, text in record["corpora"].items():
        if name != "big":
            cells = [_cell(rows.get((name, program))) for program in PROGRAMS]
            lines.append(f"| {text} | {' | '.join(cells)} |")
    peak = max(row["peak"] for (_, program), row in rows.items() if program.startswith("deident"))
    lines += [
        "",
        f"The largest process took {peak / 2**20:.0f} MB, one file of {big['size'] / 1e9:.1f} GB "
        "included. How it was measured, and where",
        "the time goes: [performance](docs/explanation/performance.md).",
    ]
    return "\n".join(lines)


def page() -> str:
    """README.md with the figures in their place."""
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    return f"{head}{BEGIN}\n{figures(record)}\n{END}{tail}"


def main() -> None:
    """Write the figures, or with `--check` fail when they are not up to date."""
    text = page()
    if "--check" not in sys.argv:
        README.write_text(text, encoding="utf-8")
    elif README.read_text(encoding="utf-8") != text:
        sys.exit(f"{README} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
