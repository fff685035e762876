"""What came of a mutant: refused with a code, written clean, or one of the things that must not be.

A needle that is found in an output counts only if the mutant still says whose it is: if an
attribute that names the patient (or a place, a number, another person) holds it in one piece, and
is not one that an option keeps: what the damage put there is kept for what the attribute says.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.elements import Element, walk
from deident.dicom.lenient import reread_bytes
from deident.dicom.parse import PIXEL_TAGS
from deident.engine.identifiers import KINDS
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from deident.profiles.model import Profile
from deident.profiles.standard import StandardTable
from tests.leaks.search import needles
from tests.make import Person

KEY = bytes(range(32))
# A place or a physician in what an option keeps stays (C05): it is not about the patient.
_NOT_THE_PATIENT = frozenset({"accession", "physician", "place"})
PROFILES = (
    Profile("basic"),
    Profile(
        "loose",
        options=(
            "retain-safe-private",
            "retain-modified-dates",
            "retain-device-identity",
            "retain-patient-characteristics",
        ),
        private_numeric=True,
        private_characteristics=True,
    ),
)


class Verdict(NamedTuple):
    """What came of a mutant.

    Attributes:
        outcome: `written`, the code of the refusal, or `CRASH`, `LEAK`, `UNREADABLE` (and `HANG`,
            `DEATH`, which only a supervisor sees).
        detail: for those in capitals.
    """

    outcome: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether this must not be."""
        return self.outcome.isupper()


class Judge:
    """Takes mutants through engines that remember, as a worker does."""

    def __init__(self, folder: str) -> None:
        self._engines = [Engine(Plan(profile), Identity(KEY)) for profile in PROFILES]
        self._path = Path(folder) / f"mutant-{os.getpid()}"

    def judge(self, data: bytes, person: Person, number: int) -> Verdict:
        """Process a mutant, from memory or from a file, and look at the output."""
        engine = self._engines[number % len(self._engines)]
        try:
            result = self._processed(engine, data, from_file=number % 4 < 2)
        except InstanceError as error:
            return Verdict(error.code)
        except Exception as error:  # noqa: BLE001 -- this is what is looked for
            return Verdict("CRASH", _place(error))
        return judged(data, result, person, engine.plan.standard)

    def _processed(self, engine: Engine, data: bytes, *, from_file: bool) -> bytes:
        if from_file:
            self._path.write_bytes(data)
            prepared = engine.prepare(str(self._path))
        else:
            prepared = engine.prepare_bytes(data)
        with prepared, tempfile.TemporaryFile() as output:
            prepared.write(output.fileno())
            prepared.commit()
            output.seek(0)
            return output.read()


def judged(data: bytes, result: bytes, person: Person, standard: StandardTable | None) -> Verdict:
    """Whether an output can be read, and holds nothing that it should not.

    `standard` are the rules under which it was made; `None`: the profile has none.
    """
    try:
        low = without_pixels(result).lower()
        others = without_pixels(result, standard).lower()
    except InstanceError as error:
        return Verdict("UNREADABLE", error.code)
    found = [
        (needle, kind)
        for needle, kind in needles(person)
        if _stands(needle, kind, others if kind in _NOT_THE_PATIENT else low)
    ]
    if found:
        known = identifying(data, standard)
        left = sorted({kind for needle, kind in found if needle in known})
        if left:
            return Verdict("LEAK", ", ".join(left))
    return Verdict("written")


def _stands(needle: bytes, kind: str, low: bytes) -> bool:
    """Whether a needle stands in the bytes; of numbers: not as a part of another number."""
    if kind == "uid":
        return False
    start = low.find(needle)
    while needle.isdigit() and start >= 0:
        digits_before = low[max(0, start - 9) : start].rpartition(b" ")[2].lstrip(b"0")
        if not digits_before[-1:].isdigit() and not low[start + len(needle) :][:1].isdigit():
            break
        start = low.find(needle, start + 1)
    return start >= 0


def without_pixels(data: bytes, standard: StandardTable | None = None) -> bytes:
    """The header of a file and what stands behind its pixels, without what `standard` keeps.

    Raises:
        InstanceError: it cannot be read.
    """
    with part10.from_bytes(data) as file:
        parts = [data[: file.start] if not file.deflated else b""]
        for element in file.elements():
            if standard is None or not (_identifies(element) and _kept(element, standard)):
                parts.append(element.raw)
            if element.span is not None and element.tag not in PIXEL_TAGS:
                parts.append(file.read(element.span.offset, element.span.length))
        return b"".join(parts)


def identifying(data: bytes, standard: StandardTable | None) -> bytes:
    """Values of the attributes that say who, which number and where, but for those that stay."""
    try:
        file = part10.from_bytes(data)
        elements = file.elements()
    except InstanceError:
        file = reread_bytes(data)
        elements = file.elements()
    with file:
        values = [
            entry.value
            for _, entry in walk(elements)
            if _identifies(entry) and not _kept(entry, standard)
        ]
    return b"\n".join(values).lower()


def _identifies(element: Element) -> bool:
    return element.items is None and (element.tag in KINDS or element.vr == "PN")


def _kept(element: Element, standard: StandardTable | None) -> bool:
    row = standard.row(element.tag, element.vr) if standard else None
    return row is not None and row.code == "K"


def _place(error: BaseException) -> str:
    """Kind of error and the innermost places in our code."""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "/deident/" in frame.filename
    ]
    return f"{type(error).__name__} {' < '.join(frames[:-4:-1])}"
