"""Data sets with every row of Table E.1-1 in many places, and what is seen there afterwards."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import pydicom
from pydicom.config import RAISE
from pydicom.datadict import add_dict_entry, dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.valuerep import validate_value

from deident.dicom.elements import EXPLICIT_LE, Encoding
from deident.dicom.encode import NewItems, data_set_bytes
from deident.dicom.part10 import build_meta
from deident.dicom.syntaxes import NATIVE
from tests.standard.published import (
    CLEANED,
    DUMMY,
    EMPTY,
    GONE,
    RENEWED,
    SAME,
    Row,
    rows,
)

# Sequences that Table E.1-1 leaves alone and below which no IOD has a protected attribute: Pixel
# Measures, MR Image Frame Type, Plane Position (Patient).
STANDARD = (0x00289110, 0x00189226, 0x00209113)
CREATOR = "Kept by a rule"
PRIVATE_BLOCK = 0x000B0010
PRIVATE = (0x000B1001, 0x000B1002, 0x000B1003)
Path = tuple[int, ...]  # tags of the sequences above, each with one item
# Depth 0, 1 and 3; below a standard sequence, below a private one, and below both by turns.
PLACES: dict[str, Path] = {
    "top": (),
    "depth 1": STANDARD[:1],
    "depth 3": STANDARD,
    "private 1": PRIVATE[:1],
    "private 3": (PRIVATE[0], STANDARD[0], PRIVATE[1]),
}
BINARY = ("OB", "OW", "UN", "US")
REPEATED = (0x00, 0x02, 0x1E)  # of 5000-501E and 6000-601E
CURVE = ((0x0005, "US"), (0x0022, "LO"), (0x3000, "OW"))
# What a sequence's item holds besides: outcomes that depend on no type.
FRAME_ORIGIN_TIMESTAMP = 0x00340007
PROBES = (0x00081155, 0x00100010, 0x00102180, 0x00180050)
_CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"


def word(tag: int) -> str:
    """Ten letters that no other attribute has."""
    digest = int.from_bytes(hashlib.sha256(b"word %d" % tag).digest()[:8], "big")
    letters = []
    for _ in range(10):
        digest, letter = divmod(digest, len(_CONSONANTS))
        letters.append(_CONSONANTS[letter])
    return "".join(letters)


@cache
def value(tag: int, vr: str, least: int = 1) -> bytes:
    """A legal value of the attribute's own."""
    return _VALUES[vr](tag, least)


def _number(tag: int) -> int:
    return int.from_bytes(hashlib.sha256(b"number %d" % tag).digest()[:4], "big")


def _several(make: Any) -> Any:
    def values(tag: int, least: int) -> bytes:
        return b"\\".join(make(tag + shift) for shift in range(least))

    return values


def _blob(tag: int) -> bytes:
    """Ten bytes, none of them zero but the first: a time, should somebody take them for one."""
    return b"\0" + bytes(1 + byte % 255 for byte in hashlib.sha256(b"%d" % tag).digest()[:9])


def _date(tag: int) -> str:
    return f"{date.fromisoformat('1990-01-01') + timedelta(_number(tag) % 11000):%Y%m%d}"


def _time(tag: int) -> str:
    number = _number(tag)
    return f"{number % 24:02d}{number // 24 % 60:02d}{number // 1440 % 60:02d}"


_VALUES: Mapping[str, Any] = {
    "AE": _several(lambda tag: word(tag).encode()),
    "AS": _several(lambda tag: b"%03dY" % (20 + _number(tag) % 60)),
    "CS": _several(lambda tag: word(tag).encode()),
    "DA": _several(lambda tag: _date(tag).encode()),
    "DS": _several(lambda tag: b"%d.25" % (_number(tag) % 10000)),
    "DT": _several(lambda tag: f"{_date(tag)}{_time(tag)}.25+0100".encode()),
    "IS": _several(lambda tag: b"%d" % (_number(tag) % 10000)),
    "LO": _several(lambda tag: word(tag).encode()),
    "LT": lambda tag, _: word(tag).encode(),
    "OB": lambda tag, _: _blob(tag),
    "OW": lambda tag, _: _blob(tag),
    "PN": _several(lambda tag: f"{word(tag)}^{word(tag + 1)}".encode()),
    "SH": _several(lambda tag: word(tag).encode()),
    "ST": lambda tag, _: word(tag).encode(),
    "TM": _several(lambda tag: _time(tag).encode()),
    "UC": _several(lambda tag: word(tag).encode()),
    "UI": _several(lambda tag: b"1.2.826.0.1.3680043.9.7433.%d" % tag),
    "UN": lambda tag, _: _blob(tag),
    "UR": lambda tag, _: f"http://{word(tag).lower()}.example/".encode(),
    "US": lambda tag, _: _blob(tag)[1:2] * 2,  # the same in both byte orders
    "UT": lambda tag, _: word(tag).encode(),
}  # fmt: skip


def _teach_pydicom() -> None:
    """Tell pydicom of the rows that are newer than its dictionary: Implicit VR needs it."""
    for row in rows():
        if row.tag.isalnum() and "x" not in row.tag and not dictionary_has_tag(int(row.tag, 16)):
            add_dict_entry(int(row.tag, 16), row.vr, f"E11{row.tag}", f"Row {row.tag}")


_teach_pydicom()


class Planted(NamedTuple):
    """One element that was put in: its row, tag, VR and least number of values."""

    row: Row
    tag: int
    vr: str
    least: int


@cache
def planted() -> tuple[Planted, ...]:
    """Every row as elements: repeating groups several times, private attributes in all shapes."""
    found = []
    for row in rows():
        if row.tag == "gggg(odd)eeee":
            found += [Planted(row, tag, vr, 1) for tag, vr in _PRIVATE_SHAPES]
        elif row.tag == "50xxxxxx":
            found += [
                Planted(row, 0x50000000 | xx << 16 | number, vr, 1)
                for xx in REPEATED
                for number, vr in CURVE
            ]
        elif "x" in row.tag:
            tags = [int(row.tag.replace("xx", f"{xx:02X}"), 16) for xx in REPEATED]
            found += [Planted(row, tag, row.vr, 1) for tag in tags]
        else:
            found.append(Planted(row, int(row.tag, 16), row.vr, row.least))
    return tuple(found)


@cache
def by_tags() -> Mapping[int, Planted]:
    """What is planted, by tag."""
    return {entry.tag: entry for entry in planted()}


# Private attributes: with a creator, without one, between curves and overlays, as a sequence.
_PRIVATE_SHAPES = (
    (0x000D0010, "LO"), (0x000D1001, "LO"), (0x000D1002, "DS"), (0x000D1003, "SQ"),
    (0x000D2001, "LO"), (0x50010010, "LO"), (0x50011000, "OW"), (0x601F0010, "LO"),
    (0x601F1000, "LO"),
)  # fmt: skip


def element_value(entry: Planted) -> bytes | NewItems:
    """What is planted there; a sequence has an item with more attributes inside."""
    return (item(PROBES),) if entry.vr == "SQ" else value(entry.tag, entry.vr, entry.least)


def item(tags: Iterable[int]) -> tuple[Any, ...]:
    """An item that holds these attributes of Table E.1-1, and those of no row as a DS."""
    by_tag = by_tags()
    return tuple(
        (tag, by_tag[tag].vr, element_value(by_tag[tag]))
        if tag in by_tag
        else (tag, "DS", value(tag, "DS"))
        for tag in tags
    )


def data_set(
    sop_class: str,
    places: Iterable[Path] = tuple(PLACES.values()),
    more: Iterable[tuple[int, str, Any]] = (),
    encoding: Encoding = EXPLICIT_LE,
) -> bytes:
    """A Part 10 file of this SOP class with every row planted in every place, and `more` on top."""
    everything = [(entry.tag, entry.vr, element_value(entry)) for entry in planted()]
    below: dict[Path, list[Any]] = {}
    for place in places:
        for depth in range(len(place) + 1):
            below.setdefault(place[:depth], [])
        below[place] += everything
    for place in sorted(below, key=len, reverse=True):
        if place:
            content = below[place]
            if any(tag in PRIVATE for tag, _, _ in content):
                content.append((PRIVATE_BLOCK, "LO", CREATOR.encode()))
            below[place[:-1]].append((place[-1], "SQ", (tuple(content),)))
    top = [(0x00080016, "UI", sop_class.encode()), *below.get((), ()), *more]
    if any(tag in PRIVATE for tag, _, _ in top):
        top.append((PRIVATE_BLOCK, "LO", CREATOR.encode()))
    unique = {tag: (tag, vr, what) for tag, vr, what in top}
    meta = build_meta(sop_class, "1.2.3", NATIVE[encoding])
    return meta + data_set_bytes(list(unique.values()), encoding)


# -- afterwards ------------------------------------------------------------------------------------


def read(data: bytes) -> Dataset:
    """The output as pydicom reads it."""
    return pydicom.dcmread(io.BytesIO(data))


def at(top: Dataset, place: Path) -> Dataset:
    """The data set of the one item below these sequences."""
    for tag in place:
        (top,) = top[tag].value
    return top


def raw(where: Dataset, tag: int, vr: str) -> bytes | None:
    """The bytes of a value, of text without padding; `None` if there is no such element."""
    if tag not in where:
        return None
    found = bytes(where.get_item(tag).value or b"")
    return found if vr in BINARY else found.rstrip(b" \0")


def _seconds(timestamp: bytes) -> int:
    """Seconds of a PTP timestamp (PS3.3 C.7.6.27.1.1)."""
    return int.from_bytes(timestamp[:6], "big")


def _holds(where: Dataset, tag: int) -> bool:
    """Whether a planted value stands there."""
    by_tag = by_tags()
    return tag in by_tag and raw(where, tag, by_tag[tag].vr) == value(tag, by_tag[tag].vr)


class Seen:
    """What is seen of planted elements in one output, and what must agree between all of them.

    Attributes:
        uids: old UID → new UID.
        shifts: by how many days dates moved.
    """

    def __init__(self) -> None:
        self.uids: dict[str, str] = {}
        self.shifts: set[int] = set()

    def outcome(self, where: Dataset, entry: Planted) -> str:
        """One of the outcomes of `published`, or what is wrong in words."""
        if entry.vr == "SQ":
            return self._sequence(where, entry)
        old, new = value(entry.tag, entry.vr, entry.least), raw(where, entry.tag, entry.vr)
        if new is None:
            return GONE
        if not new:
            return EMPTY
        if new == old:
            return SAME
        if entry.vr == "UI":
            return self._renewed(old.decode(), new.decode())
        if entry.vr in ("DA", "DT"):
            return self._moved(old.decode(), new.decode())
        if entry.tag == FRAME_ORIGIN_TIMESTAMP and new[6:] == old[6:]:
            days, rest = divmod(_seconds(new) - _seconds(old), 86400)
            self.shifts.add(days)
            return "not whole days" if rest else CLEANED
        return self._dummy(entry, old, new)

    def _sequence(self, where: Dataset, entry: Planted) -> str:
        if entry.tag not in where:
            return GONE
        items = where[entry.tag].value
        if not items:
            return EMPTY
        if any(0x00180050 in item for item in items):
            return SAME
        left = [tag for item in items for tag in PROBES if _holds(item, tag)]
        return f"a dummy that holds {left}" if left or len(items[0]) == 0 else DUMMY

    def _moved(self, old: str, new: str) -> str:
        if new[:8] in ("19000101",):
            return DUMMY
        if old[8:] != new[8:] or not re.fullmatch(r"\d{8}.*", new):
            return "neither dummy nor shifted"
        days = date.fromisoformat(new[:8]) - date.fromisoformat(old[:8])
        self.shifts.add(days.days)
        return CLEANED

    def _renewed(self, old: str, new: str) -> str:
        validate_value("UI", new, RAISE)
        for one, other in zip(old.split("\\"), new.split("\\"), strict=True):
            if other in self.uids and self.uids[one] != other:
                return "not the same UID as elsewhere"
            if self.uids.setdefault(one, other) != other or one == other:
                return "not the same new UID as elsewhere"
        return RENEWED

    def _dummy(self, entry: Planted, old: bytes, new: bytes) -> str:
        if old in new or new in old:
            return "holds a part of the old value"
        if entry.vr not in BINARY:
            text = new.decode("ascii")
            values = text.split("\\") if entry.vr not in ("LT", "ST", "UT", "UR") else [text]
            for one in values:
                validate_value(entry.vr, one, RAISE)
            if len(values) < entry.least:
                return "too few values"
        return CLEANED if entry.vr == "AE" and new.startswith(b"AE") else DUMMY
