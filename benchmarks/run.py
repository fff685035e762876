"""Measures Deident and other programs on the same corpora, in turn, on a warm page cache.

Every output is looked at before its figure counts: number of files, pixel bytes, Patient's Name,
and whether it can be read again. `python -m benchmarks.run` writes `results/latest.md` and `.json`
when all corpora and programs took part, else it only prints; `--smoke` takes tiny corpora, checks
the outputs only, and writes nothing.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import deident
from benchmarks import corpora, report
from benchmarks.check import check, count_files, pixel_digests
from benchmarks.contestants import CONTESTANTS, Contestant, installed
from benchmarks.corpora import Corpus
from benchmarks.measure import Measurement, measure, warm
from benchmarks.report import Row

_BUDGET = 60.0  # seconds for all rounds of one program on one corpus; one round is always run
_STARTS = 20
_MEMORY_TEST = ("deident -j1",)  # the programs that the largest file is given to: it is sparse, so
# a copy of it takes no time and says nothing


class _Trial:
    """One program on one corpus: its folders, and what was measured."""

    def __init__(self, contestant: Contestant, corpus: Corpus, scratch: Path) -> None:
        self.contestant = contestant
        self.corpus = corpus
        self.scratch = scratch
        self.place = scratch
        self.number = 0
        self.runs: list[Measurement] = []
        self.problems: list[str] = []
        self.left: tuple[str, ...] = ()

    def run(self) -> Measurement:
        """Run once into a new folder."""
        self.number += 1
        self.place = self.scratch / f"{self.corpus.name}-{self.contestant.name}-{self.number}"
        self.place.mkdir(parents=True)
        if self.contestant.needs_output:
            self.out.mkdir()
        command = self.contestant.command(self.corpus.folder, self.out, self.place)
        warm(self.corpus.folder, self.corpus.size)
        result = measure(command, self.place / "log")
        if result.exit_code not in self.contestant.success:
            self.problems.append(f"exit code {result.exit_code}")
        return result

    @property
    def out(self) -> Path:
        """The output folder of the last run."""
        return self.place / "out"

    def clear(self) -> None:
        """Empty what the last run wrote, before the system writes it to the disk.

        The empty files stay until the end: ext4 steps over inodes that were freed in the last
        minutes one by one, which makes every new file several times as expensive.
        """
        for path in self.place.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)

    def prove(self, pixels: Counter[str]) -> Measurement:
        """Run once and look at everything that was written; this run need not count."""
        result = self.run()
        strict, deidentifies = self.contestant.strict, self.contestant.deidentifies
        verdict = check(self.corpus, pixels, self.out, strict=strict, deidentifies=deidentifies)
        self.left = verdict.left
        self.problems += verdict.problems
        self.clear()
        return result

    def take_part(self) -> None:
        """Run once and keep the figures; the number of files must be what it was."""
        self.runs.append(self.run())
        if not self.problems and count_files(self.out) != self.corpus.number:
            self.problems.append("a round wrote another number of files")
        self.clear()

    def row(self) -> Row:
        """Sum up."""
        return Row(
            self.corpus.name,
            self.contestant.name,
            tuple(run.wall for run in self.runs),
            statistics.median(run.processor for run in self.runs),
            max(run.peak for run in self.runs),
            self.corpus.size,
            tuple(dict.fromkeys(self.problems)),
            self.left,
        )


def race(
    corpus: Corpus, contestants: Sequence[Contestant], rounds: int, scratch: Path
) -> list[Row]:
    """Let the programs run in turn; each round begins with another one.

    Before, each runs once and its output is looked at. That run counts only where there are no
    rounds; it tells which programs are so slow that fewer of them must do.
    """
    pixels = pixel_digests(corpus.folder)
    trials = [_Trial(one, corpus, scratch) for one in contestants]
    planned: list[tuple[_Trial, int]] = []
    for trial in trials:
        proof = trial.prove(pixels)
        if not rounds:
            trial.runs.append(proof)
        planned.append((trial, max(1, min(rounds, int(_BUDGET / proof.wall)))))
    os.sync()
    for number in range(rounds):
        first = number % len(planned)
        for trial, its_rounds in planned[first:] + planned[:first]:
            if number < its_rounds:
                trial.take_part()
    return [trial.row() for trial in trials]


def start_up(scratch: Path) -> dict[str, float]:
    """Return the median seconds of `python -c pass` and of `deident --version`."""
    log = scratch / "log"
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "deident --version": [str(Path(sys.executable).with_name("deident")), "--version"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_STARTS):
        for name, command in commands.items():
            times[name].append(measure(command, log).wall)
    return {name: statistics.median(walls) for name, walls in times.items()}


def compile_package() -> None:
    """Compile the modules, as pip does for every package but an editable one."""
    compileall.compile_dir(Path(deident.__file__).parent, quiet=1)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.split("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="tiny corpora, check outputs only")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (default: 7)")
    parser.add_argument("--corpus", action="append", help="only this corpus (may be repeated)")
    parser.add_argument("--program", action="append", help="only this program (may be repeated)")
    parser.add_argument("--keep", action="store_true", help="keep the generated corpora")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the command line says; return 1 when Deident is missing or its output is bad."""
    asked = _arguments(arguments)
    chosen = [one for one in CONTESTANTS if not asked.program or one.name in asked.program]
    present = [one for one in chosen if installed(one)]
    for one in chosen:
        if one not in present:
            print(f"not installed, left out: {one.name}", file=sys.stderr)
    compile_package()
    specs = [
        spec
        for spec in (*corpora.SPECS, corpora.BIG)
        if not asked.corpus or spec.name in asked.corpus
    ]
    with corpora.workplace(keep=asked.keep, smoke=asked.smoke) as (cache, scratch):
        rows: list[Row] = []
        for spec in specs:
            print(spec.text, file=sys.stderr, flush=True)
            big = spec is corpora.BIG
            taking_part = [one for one in present if not big or one.name in _MEMORY_TEST]
            corpus = corpora.corpus(spec, cache, smoke=asked.smoke)
            rows += race(corpus, taking_part, 0 if asked.smoke else asked.rounds, scratch)
        print(report.table(rows))
        if not (asked.smoke or asked.corpus or asked.program):
            facts = report.machine(cache, present)
            report.write(Path(__file__).parent / "results", rows, start_up(scratch), facts)
    own = [row for row in rows if row.program.startswith("deident")]
    return 0 if own and not any(row.problems for row in own) else 1


if __name__ == "__main__":
    sys.exit(main())
