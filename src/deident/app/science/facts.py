"""What `compare` reads from one instance: values, UIDs, times, each with its place.

Headers are in memory while an instance is compared, Pixel Data is read in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from deident import tables
from deident.app.readable import STANDARD_ROOT
from deident.app.reading import Surroundings
from deident.app.science.allowed import Step
from deident.app.science.checks import Attribute, attribute_at
from deident.app.science.values import Scalar, Value, read_value
from deident.app.viewing import ViewOptions, vr_to_read
from deident.dicom.elements import Element, Path, walk
from deident.dicom.parse import PIXEL_TAGS
from deident.dicom.part10 import Part10File
from deident.engine.private import open_sequences

SOP_INSTANCE, STUDY, SERIES = 0x00080018, 0x0020000D, 0x0020000E
MODALITY, PATIENT_ID, ISSUER = 0x00080060, 0x00100020, 0x00100021
INSTANCE_NUMBER, FRAMES = 0x00200013, 0x00280008
POSITION, ORIENTATION = 0x00200032, 0x00200037

# What stands below these is about something else than this instance's data: a small picture of it,
# values that it had before.
_ASIDE = frozenset((0x00880200, 0x04000561))

# Dates and the times that belong to them, by date; attributes of VR DT stand for themselves.
CLOCKS: dict[int, int] = {
    0x00080020: 0x00080030,  # Study
    0x00080021: 0x00080031,  # Series
    0x00080022: 0x00080032,  # Acquisition
    0x00080023: 0x00080033,  # Content
}
CLOCKS_ALONE = frozenset((0x00181072, 0x00181073))  # Radiopharmaceutical Start and Stop Time
_DATE_TIMES = frozenset((0x0008002A, 0x00189074, 0x00189151, 0x00181078, 0x00181079))
_MOMENTS = frozenset((*CLOCKS, *CLOCKS.values())) | CLOCKS_ALONE | _DATE_TIMES


class Place(NamedTuple):
    """Where a value stands: sequences and item numbers, tag (of private ones without the block),
    private creator in capitals.
    """

    path: Path
    tag: int
    creator: str


class Found(NamedTuple):
    """A value that is compared."""

    attribute: Attribute
    element: Element
    creator: str | None


class Facts:
    """One opened instance.

    Attributes:
        file: its bytes.
        values: what the table of checks names.
        uids: every UID that is not of the standard, by path and tag.
        moments: dates and times, by path and tag.
        pixels: Pixel Data of each kind that there is.
    """

    def __init__(self, file: Part10File) -> None:
        """Read all elements; what is in the file stays there."""
        self.file = file
        elements = file.elements()
        open_sequences(elements)
        self._around = Surroundings(elements)
        self._top = {element.tag: element for element in elements}
        self.values: dict[Place, Found] = {}
        self.uids: dict[tuple[Path, int], tuple[str, ...]] = {}
        self.moments: dict[tuple[Path, int], str] = {}
        self.pixels = {element.tag: element for element in elements if element.tag in PIXEL_TAGS}
        for path, element in walk(elements):
            if not _ASIDE.intersection(path[::2]):
                self._note(path, element)

    def _note(self, path: Path, element: Element) -> None:
        if element.items is not None or not element.length:
            return
        creator = self._around.creator(path, element.tag)
        attribute = attribute_at(element.tag, element.vr, creator)
        if attribute:
            tag = element.tag if creator is None else element.tag & 0xFFFF00FF
            self.values[Place(path, tag, (creator or "").upper())] = Found(
                attribute, element, creator
            )
        elif element.tag in _MOMENTS:
            self.moments[path, element.tag] = _text(element)
        elif element.vr == "UI" and element.tag not in tables.structural_uids():
            uids = tuple(uid for uid in _text(element).split("\\") if _is_own(uid))
            if uids:
                self.uids[path, element.tag] = uids

    def value(self, found: Found, other: Found | None = None) -> Value:
        """Read a value; where only the other side's file says its VR, as that.

        Raises:
            InstanceError: the file has become shorter.
        """
        vr = _vr(found)
        if vr == "UN" and other is not None:
            vr = _vr(other)
        return read_value(self.file, found.element, vr)

    def steps(self, path: Path, tag: int, vr: str) -> Iterator[Step]:
        """The sequences above a place, from outside, and the element there."""
        for end in range(0, len(path), 2):
            above = path[end]
            yield Step(above, "SQ", self._around.creator(path[:end], above))
        yield Step(tag, vr, self._around.creator(path, tag))

    def text(self, tag: int) -> str:
        """The text of a top-level element; empty if there is none."""
        element = self._top.get(tag)
        small = element is not None and element.items is None and element.span is None
        return _text(element) if element is not None and small else ""

    def uid(self, tag: int) -> str:
        """A UID of the top level."""
        return self.text(tag)

    def numbers(self, tag: int) -> tuple[Decimal, ...]:
        """The numbers of a top-level element; none unless all are."""
        element = self._top.get(tag)
        return self._decimals(element) if element is not None else ()

    def first_item(self, tag: int) -> dict[int, Element]:
        """The elements of the first item of a top-level sequence."""
        element = self._top.get(tag)
        if element is None or not element.items:
            return {}
        return {one.tag: one for one in element.items[0].elements}

    def number_of(self, element: Element | None) -> float | None:
        """The first number of an element."""
        found = self._decimals(element) if element is not None else ()
        return float(found[0]) if found else None

    def private_number(self, group: int, creator: str, low: int) -> float | None:
        """The first number of a private element of the top level."""
        found = self.values.get(Place((), group << 16 | low, creator.upper()))
        value = self.value(found) if found else ()
        return float(value[0]) if value and isinstance(value[0], Decimal) else None

    def private_text(self, group: int, creator: str, low: int) -> str:
        """The text of a private element of the top level."""
        for tag, element in self._top.items():
            ours = tag >> 16 == group and tag & 0xFF == low and element.span is None
            if ours and (self._around.creator((), tag) or "").upper() == creator.upper():
                return _text(element)
        return ""

    def _decimals(self, element: Element) -> tuple[Decimal, ...]:
        if element.items is not None or element.span is not None:
            return ()
        value: tuple[Scalar, ...] = read_value(self.file, element, element.vr)
        numbers = tuple(one for one in value if isinstance(one, Decimal))
        return numbers if len(numbers) == len(value) else ()


def _vr(found: Found) -> str:
    return vr_to_read(found.element, found.creator, ViewOptions())


def _text(element: Element) -> str:
    return element.value.strip(b"\0 ").decode("latin-1")


def _is_own(uid: str) -> bool:
    return bool(uid.strip("\0 ")) and not uid.startswith(STANDARD_ROOT)


def name_of(tag: int) -> str:
    """The keyword of a standard attribute."""
    known = tables.attribute(tag)
    return known.keyword if known else f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
