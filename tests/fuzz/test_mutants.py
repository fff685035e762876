"""A short run of the mutation fuzzer; docs/explanation/fuzzing.md records the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import fuzz


@pytest.fixture(scope="module")
def sources() -> list[bytes]:
    return fuzz.seeds(None)


def test_mutants_end_with_an_output_or_a_code(sources: list[bytes]) -> None:
    outcomes = fuzz.batch(0, 400, 7, sources)
    assert sum(outcomes.values()) == 400
    assert not {code: outcomes[code] for code in fuzz.BAD if outcomes[code]}
    assert outcomes["written"] > 20


def test_a_mutant_is_the_same_every_time(sources: list[bytes]) -> None:
    assert fuzz.mutant(11, 7, sources) == fuzz.mutant(11, 7, sources)
    assert fuzz.mutant(11, 7, sources) != fuzz.mutant(12, 7, sources)


def test_the_search_finds_what_is_left(sources: list[bytes]) -> None:
    left = sources[0]
    assert fuzz._left(left, list(fuzz.NEEDLES)).startswith("planted text is left")


def test_the_sample_collection_gives_more_seeds(samples: Path, sources: list[bytes]) -> None:
    assert len(fuzz.seeds(samples)) > len(sources)
