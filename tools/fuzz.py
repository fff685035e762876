"""Take many thousands of broken files through the engine; say what came of them.

    python -m tools.fuzz --count 20000 --start 0 -j 2 [--no-samples] [--keep FOLDER]

Each mutant is judged in a child process that may use 256 MiB more than it had at its start, and
that is killed after ten seconds with one mutant. What must not be (crash, hang, leak, unreadable
output) is listed with the number that makes the mutant again; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.corpus import Corpus, Mutant
from tests.fuzz.judge import Judge, Verdict

_SECONDS = 10
_MEMORY = 256 << 20


class _Child:
    """One process that judges every `step`th mutant from `number` on."""

    def __init__(self, corpus: Corpus, number: int, end: int, step: int, folder: str) -> None:
        self.number, self.end, self.step = number, end, step
        self.rest = b""
        self.results, results = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            try:
                _judge_all(corpus, range(number, end, step), results, folder)
                status = 0
            finally:
                os._exit(status)
        os.close(results)

    def read(self) -> list[Verdict] | None:
        """The verdicts that have arrived, `None` at the end."""
        data = os.read(self.results, 1 << 16)
        if not data:
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [Verdict(*line.decode().split("\t", 1)) for line in lines]

    def wait(self) -> int:
        """Reap the process; return its status."""
        os.close(self.results)
        return os.waitpid(self.pid, 0)[1]


def _judge_all(corpus: Corpus, numbers: range, results: int, folder: str) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    judge = Judge(folder)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number in numbers:
        mutant = corpus.mutant(number)
        signal.alarm(_SECONDS)
        verdict = judge.judge(mutant.data, mutant.person, number)
        signal.alarm(0)
        os.write(results, f"{verdict.outcome}\t{verdict.detail}\n".encode())


def verdicts(
    corpus: Corpus, start: int, end: int, jobs: int, folder: str
) -> Iterator[tuple[int, Verdict]]:
    """Every mutant's number and verdict; a child that dies is replaced behind what killed it."""
    children = [_Child(corpus, start + job, end, jobs, folder) for job in range(jobs)]
    while children:
        for results in select.select([child.results for child in children], [], [])[0]:
            child = next(child for child in children if child.results == results)
            arrived = child.read()
            for verdict in arrived or ():
                yield child.number, verdict
                child.number += child.step
            if arrived is None:
                children.remove(child)
                status = child.wait()
                if child.number < child.end:
                    yield child.number, _death(status)
                    number = child.number + child.step
                    children.append(_Child(corpus, number, child.end, child.step, folder))


def _death(status: int) -> Verdict:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return Verdict("HANG", f"more than {_SECONDS} s")
    return Verdict("DEATH", f"wait status {status}")


def _report(counts: Counter[str], bad: list[tuple[Mutant, Verdict]], seconds: float) -> None:
    print("| outcome | mutants |\n| --- | ---: |")
    for outcome, count in counts.most_common():
        print(f"| {outcome} | {count:,} |")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(f"\n{counts.total():,} mutants in {seconds:.0f} s; largest child: {peak} MiB")
    for mutant, verdict in bad:
        print(f"{verdict.outcome} {verdict.detail}: {mutant.number} = {mutant.origin}")


def main(arguments: list[str] | None = None) -> int:
    """Run, report, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="how many mutants")
    parser.add_argument("--start", type=int, default=0, help="number of the first mutant")
    parser.add_argument("-j", dest="jobs", type=int, default=2, help="child processes")
    parser.add_argument("--no-samples", action="store_true", help="without the sample collection")
    parser.add_argument("--keep", type=Path, help="folder for the mutants that must not be")
    options = parser.parse_args(arguments)
    corpus = Corpus(samples=not options.no_samples)
    counts: Counter[str] = Counter()
    bad: list[tuple[Mutant, Verdict]] = []
    began = time.monotonic()
    end = options.start + options.count
    with tempfile.TemporaryDirectory() as folder:
        for number, verdict in verdicts(corpus, options.start, end, options.jobs, folder):
            counts[verdict.outcome] += 1
            if verdict.bad:
                bad.append((corpus.mutant(number), verdict))
    _report(counts, bad, time.monotonic() - began)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        for mutant, _ in bad:
            (options.keep / f"{mutant.number}.dcm").write_bytes(mutant.data)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
