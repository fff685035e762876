"""A few hundred broken files: refused with a code or written clean, nothing else.

`python -m tools.fuzz` does the same with many thousands, see docs/explanation/fuzzing.md.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deident.errors import REASONS
from tests.fuzz.corpus import Corpus
from tests.fuzz.judge import Judge
from tests.fuzz.mutants import MUTATIONS

# Nothing takes nearly so long; a test that hangs must end.
_SECONDS = 60


@cache
def corpus() -> Corpus:
    return Corpus(samples=False)


@pytest.fixture
def limited_time() -> Iterator[None]:
    signal.alarm(_SECONDS)
    yield
    signal.alarm(0)


@pytest.mark.usefixtures("limited_time")
@pytest.mark.parametrize("start", range(0, 1200, 200))
def test_mutants(start: int, tmp_path: Path) -> None:
    judge = Judge(str(tmp_path))
    outcomes = {}
    for number in range(start, start + 200):
        mutant = corpus().mutant(number)
        verdict = judge.judge(mutant.data, mutant.person, number)
        assert not verdict.bad, (mutant.origin, number, verdict)
        outcomes[verdict.outcome] = outcomes.get(verdict.outcome, 0) + 1
    assert outcomes.keys() - REASONS.keys() == {"written"}
    assert outcomes["written"] > 40


def test_mutants_are_the_same_every_time() -> None:
    assert corpus().mutant(7) == Corpus(samples=False).mutant(7)
    assert len({corpus().mutant(number).data for number in range(50)}) > 45


def test_there_are_many_ways_to_break_a_file() -> None:
    assert len(MUTATIONS) > 20
