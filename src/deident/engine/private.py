"""Private elements: whose block is it, and which may stay (PS3.5 7.8, PS3.15 E.3.10)."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from deident import tables
from deident.dicom.elements import Element
from deident.dicom.parse import as_sequence

_NUMERIC = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "DS", "IS"})
_WORDS = frozenset({"CS", "LO", "LT", "SH", "ST", "UC", "UT"})
# A sequence or blob is never known to be safe as a whole (PS3.15 E.3.10 on OB).
_OPAQUE = frozenset({"OB", "OW", "OF", "OD", "OL", "OV", "UN"})


def is_numeric(vr: str) -> bool:
    """Whether values of `vr` are numbers."""
    return vr in _NUMERIC


class PrivatePolicy(NamedTuple):
    """Which private elements may stay.

    Attributes:
        safe: option Retain Safe Private: the sample list of Table E.3.10-1, by creator (C81).
        numeric: also numbers of any known creator: a weaker level that is not the standard's (C85).
        keep_all: the header editor keeps what no rule names.
    """

    safe: bool
    numeric: bool
    keep_all: bool

    def why_kept(self, tag: int, vr: str, creator: str) -> str:
        """Why an element stays; empty when it goes.

        `creator` is empty for an element whose creator is missing or ambiguous (C82).
        """
        if self.keep_all:
            return "base keep"
        if not creator:
            return ""
        if self.safe and vr not in _OPAQUE and is_safe(tag, creator, vr):
            return "Table E.3.10-1"
        if self.numeric and vr in _NUMERIC:
            return "numeric"
        return ""


def is_safe(tag: int, creator: str, vr: str) -> bool:
    """Whether (group, creator, low byte) stands in Table E.3.10-1; creators are case-sensitive.

    What has not the VR of the table, but for numbers and words of other lengths, is not what the
    table has judged: a text in the place of a number may say anything. Rows without a VR are
    numbers.
    """
    row = tables.safe_private().get((creator, tag & 0xFFFF00FF))
    if row is None:
        return False
    listed = row.vr.split("/") if row.vr else _NUMERIC
    return vr in listed or any({vr, one} <= kind for one in listed for kind in (_NUMERIC, _WORDS))


@cache
def safe_creators() -> frozenset[str]:
    """The creators of Table E.3.10-1."""
    return frozenset(creator for creator, _ in tables.safe_private())


def is_creator(element: Element) -> bool:
    """Whether an element is a private creator; a sequence or a large value in its place is not."""
    return bool(
        element.tag & 0x00010000
        and 0x10 <= element.tag & 0xFFFF <= 0xFF
        and element.items is None
        and element.span is None
    )


def creators(elements: list[Element]) -> dict[int, str]:
    """Private creator of each block of one data set: group << 16 | block number → creator.

    A block whose creator element occurs twice, or is not text, has an empty creator: nobody can say
    whose elements those are (C82).
    """
    found: dict[int, str] = {}
    for element in elements:
        if not is_creator(element):
            continue
        block = (element.tag & 0xFFFF0000) | (element.tag & 0xFF)
        text = element.value.strip(b" \0").decode("ascii", "replace")
        found[block] = "" if block in found or "\\" in text or "\ufffd" in text else text
    return found


def creator_of(tag: int, known: dict[int, str]) -> str:
    """The creator of a private element, empty when it has none."""
    return known.get((tag & 0xFFFF0000) | (tag >> 8 & 0xFF), "")


def open_sequences(elements: list[Element]) -> None:
    """Put parsed sequences in place of private ones under VR UN, at every depth (C82).

    Table E.3.10-1 knows them; one that does not parse stays as it is, and goes with the unknown.
    """
    owners = creators(elements)
    for number, element in enumerate(elements):
        unknown = element.vr == "UN" and element.items is None and element.span is None
        if unknown and safe_vr(element.tag, creator_of(element.tag, owners)) == "SQ":
            elements[number] = element = as_sequence(element) or element
        for item in element.items or ():
            open_sequences(item.elements)


def safe_vr(tag: int, creator: str) -> str | None:
    """The VR that Table E.3.10-1 gives a private element, `None` if it gives none, or several."""
    row = tables.safe_private().get((creator, tag & 0xFFFF00FF))
    return row.vr if row and len(row.vr) == 2 else None
