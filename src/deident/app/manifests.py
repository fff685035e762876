"""The manifest of a run: every output with its SHA-256, chained so that no line can be exchanged.

manifest.csv has the columns `COLUMNS`. `chain` is the SHA-256 of the line before's chain (of the
run's name for the first), a line feed, and the line's other columns as they stand. The last line
has the number `seal`, the sum of the sizes, and in place of a hash an HMAC-SHA-256 of the chain so
far under the project's key: whoever has no key can check the chain, but not make another one.
"""

from __future__ import annotations

import csv
import hmac
import io
import os
from collections import Counter
from collections.abc import Iterator
from hashlib import file_digest, sha256
from typing import NamedTuple

from deident.app.report_sections import ManifestEnd
from deident.endpoints import folder
from deident.errors import InfrastructureError, UsageError
from deident.store import project as projects
from deident.store.journal import Books, Earlier
from deident.store.project import Project

NAME = "manifest.csv"
COLUMNS = ("number", "output", "size", "sha256", "chain")
SEAL = "seal"


class Made(NamedTuple):
    """A manifest that was written; `lacking` counts outputs that are gone or were changed."""

    end: ManifestEnd
    lacking: int


class Checked(NamedTuple):
    """What a manifest and the outputs come to.

    Attributes:
        outputs: how many lines it has.
        good: outputs that are as the manifest says.
        changed, missing: numbers of the others, the first ones.
        counts: how many `changed` and `missing` there are.
        broken: first line of the file whose chain or seal is wrong, 0 for none.
    """

    outputs: int
    good: int
    changed: tuple[int, ...]
    missing: tuple[int, ...]
    counts: Counter[str]
    broken: int


class _Chain:
    """The hash that goes from line to line."""

    def __init__(self, run: str) -> None:
        self.value = sha256(f"deident manifest 1\n{run}".encode()).hexdigest()

    def add(self, *columns: str) -> str:
        text = f"{self.value}\n{_line(columns)}"
        self.value = sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        return self.value

    def seal(self, project: Project) -> str:
        return hmac.digest(project.subkey("manifest"), self.value.encode(), "sha256").hex()


def _line(columns: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(columns)
    return buffer.getvalue()


def write(project: Project, books: Books, run: str, root: str, *, with_names: bool) -> Made:
    """Read every output of a run and write its manifest.

    Args:
        project, books, run: whose.
        root: the output folder.
        with_names: whether names of outputs may be told.

    Raises:
        InfrastructureError: `write-failed`, `journal-damaged`; `unreadable` for an output.
    """
    chain, outputs, size, lacking = _Chain(run), 0, 0, 0
    with projects.replacing(f"{project.run_folder(run)}/{NAME}") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for output in books.written(run):
            path = f"{root}/{output.name}"
            if folder.size_and_time(path) != (output.size, output.time):
                lacking += 1
                continue
            name = output.name if with_names else ""
            row = (str(output.number), name, str(output.size), _digest(path))
            writer.writerow((*row, chain.add(*row)))
            outputs, size = outputs + 1, size + output.size
        last = (SEAL, "", str(size), chain.seal(project))
        end = chain.add(*last)
        writer.writerow((*last, end))
    return Made(ManifestEnd(outputs, size, end), lacking)


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - names may be no text
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InfrastructureError("unreadable", f"an output cannot be read: {reason}") from error


def end_of(project: Project, run: str) -> ManifestEnd | None:
    """What the manifest of a run comes to; `None` where there is none or it has no end."""
    outputs = 0
    try:
        with open(f"{project.run_folder(run)}/{NAME}", newline="", encoding="utf-8") as file:  # noqa: PTH123
            for row in csv.reader(file):
                if row and row[0] == SEAL:
                    return ManifestEnd(outputs - 1, int(row[2]), row[4])
                outputs += 1
    except (OSError, ValueError, IndexError, csv.Error):
        return None
    return None


def check(project: Project, books: Books, run: str, root: str) -> Checked:
    """Read every output again and compare it with the manifest.

    Raises:
        UsageError: the run has no manifest.
        InfrastructureError: `journal-damaged`; `unreadable` for an output.
    """
    path = f"{project.run_folder(run)}/{NAME}"
    numbers: dict[str, list[int]] = {"changed": [], "missing": []}
    counts: Counter[str] = Counter()
    chain, broken, sealed, line = _Chain(run), 0, False, 1
    names = books.written(run)
    for line, row in enumerate(_rows(path), start=2):
        columns, told = tuple(row[:4]), row[4] if len(row) == len(COLUMNS) else ""
        sealed = columns[:1] == (SEAL,) and columns[3:] == (chain.seal(project),)
        if chain.add(*columns) != told or (columns[:1] == (SEAL,) and not sealed):
            broken = line
            break
        if sealed:
            continue
        state = _compare(columns, names, root)
        counts[state] += 1
        if state != "good" and len(numbers[state]) < _MOST_NUMBERS:
            numbers[state].append(int(columns[0]))
    if not sealed and not broken:
        broken = line + 1
    return Checked(
        counts.total(),
        counts["good"],
        tuple(numbers["changed"]),
        tuple(numbers["missing"]),
        counts,
        broken,
    )


_MOST_NUMBERS = 20


def _rows(path: str) -> Iterator[list[str]]:
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            reader = csv.reader(file)
            next(reader, None)
            yield from reader
    except FileNotFoundError:
        raise UsageError(
            "usage", "this run has no manifest; deident report DIR RUN --manifest makes one"
        ) from None
    except OSError as error:
        raise projects.no_more(error) from error


def _compare(columns: tuple[str, ...], names: Iterator[Earlier], root: str) -> str:
    """`good`, `changed` or `missing`; both lists are in the order of their numbers."""
    number, _, size, digest = columns
    output = next((one for one in names if one.number == int(number)), None)
    if output is None:
        return "missing"
    path = f"{root}/{output.name}"
    there = folder.size_and_time(path)
    if there is None:
        return "missing"
    return "good" if there[0] == int(size) and _digest(path) == digest else "changed"
