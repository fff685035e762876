"""Writes down what was measured: a table, the targets, and the machine without its name."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.contestants import BASELINE, CONTESTANTS, Contestant
from benchmarks.corpora import BIG, SPECS

_CORPUS_TEXT = {spec.name: spec.text for spec in (*SPECS, BIG)}
_MEMORY_LIMIT = 64.0  # MB
_START_LIMIT = 5.0
_INTRODUCTION = """\
Written by `make bench`. In each round every program ran once on the same files, page cache warm,
output on the same file system. Times are medians over whole processes, ratios medians of the ratios
within a round, memory is that of the largest process. A figure counts only if the output has all
files, the same pixel bytes and another Patient's Name, and can be read again; of Deident's nothing
that identifies may be left.

"Identifiers left" names the kinds of planted identifiers that a search of the output's header bytes
still finds."""


class Row(NamedTuple):
    """One program on one corpus.

    Attributes:
        corpus, program: their names.
        walls: seconds of each round.
        processor: seconds of processor time, median of the rounds.
        peak: bytes of memory of the largest process.
        size: bytes of the corpus.
        problems: what is wrong with the output; a row that has any does not count.
        left: kinds of identifiers that are still in the headers of the output.
    """

    corpus: str
    program: str
    walls: tuple[float, ...]
    processor: float
    peak: int
    size: int
    problems: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def wall(self) -> float:
        """Median of the rounds, in seconds."""
        return statistics.median(self.walls)

    def ratio(self, other: Row) -> float:
        """Median of how many times as long as `other` this took in the same round.

        Whatever slows the machine for a while slows both; so this says more than two medians.
        """
        rounds = zip(self.walls, other.walls, strict=False)
        return statistics.median(own / others for own, others in rounds)


class Target(NamedTuple):
    """`program` shall need at most `factor` times what `other` needs on `corpus`."""

    corpus: str
    program: str
    other: str
    factor: float


TARGETS = (
    Target("ct", "deident -j1", "cp -r", 2.5),
    Target("ct", "deident -j1", "gdcmanon", 0.5),
    Target("ct", "deident -j1", "gdcmanon --dumb", 0.5),
    Target("ct", "deident -j2", "cp -r", 1.6),
    Target("ct-mix", "deident -j1", "cp -r", 6.0),
    Target("mr", "deident -j1", "cp -r", 3.0),
    Target("enhanced", "deident -j1", "cp -r", 1.2),
    *(Target(spec.name, "deident -j1", "dicom-anonymizer", 0.1) for spec in SPECS),
)


def machine(folder: Path, contestants: Iterable[Contestant]) -> dict[str, str]:
    """Describe the machine, the file system of `folder`, and the programs' versions."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "file system": _file_system(folder),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        **{one.name: one.version() for one in contestants},
    }


def _file_system(folder: Path) -> str:
    place = folder.resolve()
    best = ("", "unknown")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        mount, kind = line.split(" ")[1:3]
        if place.is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def _counting(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    return {(row.corpus, row.program): row for row in rows if not row.problems}


def table(rows: Sequence[Row]) -> str:
    """Return the measurements as a Markdown table."""
    counting = _counting(rows)
    lines = [
        "| corpus | program | s | × cp -r | MB/s | processor s | peak MB | identifiers left |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        copied = counting.get((row.corpus, BASELINE.name))
        ratio = f"{row.ratio(copied):.1f}" if copied else ""
        if row.problems:
            figures = ["does not count: " + "; ".join(row.problems), "", "", "", ""]
        else:
            speed = row.size / row.wall / 1e6
            figures = [f"{row.wall:.2f}", ratio, f"{speed:.0f}", f"{row.processor:.2f}"]
            figures.append(f"{row.peak / 2**20:.0f}")
        left = ", ".join(row.left) or "none"
        lines.append(f"| {row.corpus} | {row.program} | {' | '.join(figures)} | {left} |")
    return "\n".join(lines)


def _targets(rows: Sequence[Row], starts: dict[str, float]) -> Iterable[str]:
    counting = _counting(rows)
    yield "| target | measured | met |"
    yield "|---|--:|---|"
    for target in TARGETS:
        own = counting.get((target.corpus, target.program))
        other = counting.get((target.corpus, target.other))
        text = f"{target.corpus}: {target.program} ≤ {target.factor} × {target.other}"
        if own and other:
            yield _line(text, own.ratio(other), target.factor, "×")
    peaks = [row.peak for row in rows if row.program.startswith("deident") and not row.problems]
    if peaks:
        yield _line("peak memory of a process ≤ 64 MB", max(peaks) / 2**20, _MEMORY_LIMIT, "MB")
    pass_, version = starts["python -c pass"], starts["deident --version"]
    yield _line("deident --version ≤ 5 × python -c pass", version / pass_, _START_LIMIT, "×")


def _line(text: str, measured: float, limit: float, unit: str) -> str:
    return f"| {text} | {measured:.2f} {unit} | {'yes' if measured <= limit else 'no'} |"


def write(
    folder: Path, rows: Sequence[Row], starts: dict[str, float], facts: dict[str, str]
) -> None:
    """Write `latest.md` for people and `latest.json` for programs."""
    corpora = {row.corpus for row in rows}
    programs = {row.program for row in rows}
    parts = [
        "# Measurements",
        _INTRODUCTION,
        "\n".join(f"- {name}: {fact}" for name, fact in facts.items()),
        "\n".join(f"- `{name}`: {_CORPUS_TEXT[name]}" for name in _CORPUS_TEXT if name in corpora),
        "\n".join(f"- {one.name}: {one.text}" for one in CONTESTANTS if one.name in programs),
        table(rows),
        "## Targets",
        "\n".join(_targets(rows, starts)),
    ]
    folder.mkdir(exist_ok=True)
    (folder / "latest.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    record = {
        "machine": facts,
        "corpora": {name: text for name, text in _CORPUS_TEXT.items() if name in corpora},
        "start-up": starts,
        "rows": [row._asdict() for row in rows],
    }
    (folder / "latest.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
