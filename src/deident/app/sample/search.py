"""A plain byte search for the identifiers of invented people: the judge of every other search."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from deident.app.sample.people import Person


def count_identifiers(folder: Path, people: Iterable[Person]) -> Counter[str]:
    """Count, for each kind of identifier, in how many files below `folder` one can be found.

    Contents and names of files count, in every encoding that `Person.needles` knows.

    Raises:
        OSError: a file cannot be read.
    """
    needles = {needle: kind for person in people for needle, kind in person.needles().items()}
    found: Counter[str] = Counter()
    for path in _files(folder):
        content = os.fsencode(path.relative_to(folder)) + b"\0" + path.read_bytes()
        found.update({kind for needle, kind in needles.items() if needle in content})
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
