"""What mutants are made of: invented objects of every kind and real files, all with somebody."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from deident.errors import InstanceError
from tests.fuzz.mutants import Seed, mutant, seed
from tests.leaks.dose import dosed, sample_files, somebody, wheel_files
from tests.make import BUILDERS, PEOPLE, Person, encoded

# Larger files take longer and have no other header.
_LARGEST = 200_000


class Mutant(NamedTuple):
    """One broken file.

    Attributes:
        number: makes it again, given the same corpus.
        data: the file.
        person: whose identifiers it holds.
        origin: what it was made from, and how.
    """

    number: int
    data: bytes
    person: Person
    origin: str


class Corpus:
    """The files that mutants are made of."""

    def __init__(self, *, samples: bool) -> None:
        """Read the files of the pydicom package and, if asked, of the sample collection."""
        self.seeds: list[tuple[Seed, Person]] = []
        for number, kind in enumerate(sorted(BUILDERS)):
            for person in PEOPLE[number % 3 :: 3]:
                self._add(kind, encoded(BUILDERS[kind](person)), person)
        for number, path in enumerate(wheel_files() + (sample_files() if samples else [])):
            if path.stat().st_size <= _LARGEST:
                self._add_file(path, number)

    def _add_file(self, path: Path, number: int) -> None:
        data = path.read_bytes()
        self._add(path.name, data, somebody(data, number))

    def _add(self, name: str, data: bytes, person: Person) -> None:
        with suppress(InstanceError):  # broken already: it is taken as it is
            data = dosed(data, person)
        self.seeds.append((seed(f"{name} {person.script}", data), person))

    def mutant(self, number: int) -> Mutant:
        """The mutant with this number."""
        numbers = random.Random(number)
        source, person = numbers.choice(self.seeds)
        other, _ = numbers.choice(self.seeds)
        data, done = mutant(source, other, number)
        return Mutant(number, data, person, f"{source.name}: {', '.join(done)}")
