"""The quarantine: one small entry for each instance that could not be proven clean, never a copy.

An entry holds the instance's number in its run, the code and what it means; no identifier, no path.
Which file it was says the run's sealed journal alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from deident.errors import REASONS, InfrastructureError
from deident.store.project import no_more, write_private


class Entry(NamedTuple):
    """One quarantined instance.

    Attributes:
        number: position in the order of the scan, from 1; the same in the journal.
        code: key of `errors.REASONS`.
        reason, advice: what the code means and what to do.
        detail: where in the instance, without values: tags, offsets, a place in the program.
    """

    number: int
    code: str
    reason: str
    advice: str
    detail: str = ""


class QuarantineWriter:
    """Writes the entries of one run into `folder`, which is made with the first one."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made = False

    def add(self, number: int, code: str, detail: str) -> None:
        """Write one entry.

        Raises:
            InfrastructureError: `write-failed`.
        """
        entry = Entry(number, code, *REASONS[code], detail)
        try:
            if not self._made:
                os.makedirs(self._folder, mode=0o700, exist_ok=True)
                self._made = True
            content = (json.dumps(entry._asdict(), indent=1) + "\n").encode()
            write_private(f"{self._folder}/{number:08}.json", content)
        except OSError as error:
            raise no_more(error) from error


def entry(folder: str, number: int) -> Entry:
    """Read one entry.

    Raises:
        InfrastructureError: `quarantine-damaged`.
    """
    return _read(f"{folder}/{number:08}.json")


def entries(folder: str) -> Iterator[Entry]:
    """Yield the entries of one run, by number.

    Raises:
        InfrastructureError: `quarantine-damaged`.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise _damaged(folder) from error
    for name in names:
        yield _read(f"{folder}/{name}")


def _read(path: str) -> Entry:
    try:
        with open(path, "rb") as file:
            return Entry(**json.load(file))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: str) -> InfrastructureError:
    text = f"an entry of the quarantine cannot be read: {path}"
    return InfrastructureError("quarantine-damaged", text)
