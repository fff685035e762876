"""Parse an encoded data set into a tree of `Element`s (PS3.5 chapter 7).

Explicit VR little and big endian and Implicit VR little endian, defined and undefined lengths,
sequences under VR `UN`, items in Implicit VR inside an Explicit VR data set, encapsulated
fragments. Nothing is decoded; everything that does not fit is an `InstanceError` with a code and
the byte offset, never another exception. The loops are written for speed: local names, one
`unpack_from` per element, no call per element but the constructor's.
"""

from __future__ import annotations

import struct
from itertools import repeat
from typing import NamedTuple

from deident import tables
from deident.dicom.elements import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    UNDEFINED_LENGTH,
    Element,
    Encoding,
    Item,
)
from deident.errors import InstanceError

# PS3.5 table 7.1-2: 16-bit length behind the VR; every other VR has two reserved bytes and a
# 32-bit length (table 7.1-1).
_SHORT = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
    "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
)  # fmt: skip
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
SHORT_VRS = {vr.encode(): vr for vr in _SHORT}
LONG_VRS = {vr.encode(): vr for vr in _LONG}

_MAX_SHORT = 0xFFFF
_TEXT_VRS = frozenset(_SHORT) - frozenset(("AT", "FD", "FL", "SL", "SS", "UL", "US"))

PIXEL_DATA = 0x7FE00010
# (7FE0,0008) Float, (7FE0,0009) Double Float and (7FE0,0010) Pixel Data (PS3.3 C.7.6.3, C.7.6.24)
PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, PIXEL_DATA))
_PIXEL_VRS = frozenset(("OB", "OD", "OF", "OW", "UN"))

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_ITEM_END_LE = b"\xfe\xff\x0d\xe0"
_DELIMITERS = 0xFFFE  # the group of the three
_MAX_DEPTH = 100  # five Python frames for each: half of the interpreter's own limit

_EXPLICIT_HEAD = {
    True: struct.Struct("<HH2sH").unpack_from,
    False: struct.Struct(">HH2sH").unpack_from,
}
_IMPLICIT_HEAD = {True: struct.Struct("<HHL").unpack_from, False: struct.Struct(">HHL").unpack_from}
_LENGTH = {True: struct.Struct("<L").unpack_from, False: struct.Struct(">L").unpack_from}


class Limits(NamedTuple):
    """What one instance may cost. Beyond it: `too-deep`, `too-many-elements`, `too-large`.

    Attributes:
        depth: sequences inside each other (never more than 100).
        elements: elements and items of all depths together.
        header: bytes of a data set that are held in memory, pixel data not counted.
        bulk: a top-level value of more bytes than this stays in the file.
        inflated: bytes of a deflated data set after inflating (`too-large`).
        ratio: inflated bytes for each deflated byte, from 64 MiB on (`bad-deflate`).
    """

    depth: int = 64
    elements: int = 1_000_000
    header: int = 1 << 27
    bulk: int = 1 << 20
    inflated: int = 1 << 31
    ratio: int = 1000


DEFAULT_LIMITS = Limits()


class Scan:
    """What one reading has used of its limits, and what offsets in errors count from.

    Attributes:
        left: elements and items that may still come.
        depth: the deepest nesting that is allowed.
        bulk: top-level values above this size are left to the caller.
        base: offset in the source of the buffer's first byte.
    """

    __slots__ = ("base", "bulk", "depth", "left")

    def __init__(self, limits: Limits, base: int = 0) -> None:
        self.left = limits.elements
        self.depth = min(limits.depth, _MAX_DEPTH)
        self.bulk = limits.bulk
        self.base = base

    def charge(self, count: int, pos: int) -> None:
        """Take `count` off what is left; `too-many-elements` when there is not enough."""
        self.left -= count
        if self.left < 0:
            raise InstanceError("too-many-elements", offset=self.base + pos)

    def error(self, code: str, pos: int, message: str = "") -> InstanceError:
        """Return the error for a position in the buffer."""
        return InstanceError(code, message, offset=self.base + pos)


def parse_dataset(
    buf: bytes,
    pos: int,
    end: int,
    encoding: Encoding,
    limits: Limits = DEFAULT_LIMITS,
    *,
    base: int = 0,
) -> list[Element]:
    """Return the elements that `buf[pos:end]` holds, all of them, in file order.

    Raises:
        InstanceError: `bad-length`, `bad-vr`, `bad-structure`, `duplicate-element`, `too-deep`,
            `too-many-elements`; offsets count from `base`, where `buf` begins in its source.
    """
    elements: list[Element] = []
    read_elements(buf, pos, end, encoding, Scan(limits, base), elements)
    return elements


def parse_element(
    buf: bytes, pos: int, end: int, encoding: Encoding, limits: Limits = DEFAULT_LIMITS
) -> Element:
    """Return the one element at `pos`, whatever follows it.

    Raises:
        InstanceError: as `parse_dataset`.
    """
    tag, vr, raw_vr, length, value = read_head(buf, pos, encoding)
    if length == UNDEFINED_LENGTH or vr in ("SQ", "UN"):
        scan = Scan(limits)
        return _complex(buf, pos, value, end, tag, vr, raw_vr, length, encoding, scan, 0)
    stop = value + length
    if stop > end:
        raise InstanceError("bad-length", offset=pos)
    return Element(tag, vr, raw_vr, buf, pos, value, stop, stop, encoding)


def as_sequence(element: Element, limits: Limits = DEFAULT_LIMITS) -> Element | None:
    """Return an element under VR `UN`, or under none, as the sequence that it is known to be.

    `None` if its value does not parse as items (PS3.5 6.2.2 note 2: Implicit VR Little Endian).
    """
    start, end = element.value_start, element.value_end
    try:
        items, _, _ = _read_items(element.buf, start, end, False, IMPLICIT_LE, Scan(limits), 0)
    except (InstanceError, struct.error):
        return None
    return Element(
        element.tag,
        "SQ",
        element.raw_vr,
        element.buf,
        element.start,
        start,
        end,
        element.end,
        element.encoding,
        items=items,
    )


def read_elements(
    buf: bytes,
    pos: int,
    end: int,
    encoding: Encoding,
    scan: Scan,
    out: list[Element],
    *,
    depth: int = 0,
    delimited: bool = False,
    stop_at_bulk: bool = False,
) -> int:
    """Append the elements of one data set to `out` and return the position behind the last.

    Args:
        delimited: the data set is an item of undefined length: it ends at an Item Delimitation
            Item, whose position is returned.
        stop_at_bulk: stop before Pixel Data and before a value larger than the limit, and return
            the position of that element. The caller looks for duplicates (`refuse_duplicates`).

    What was appended before an error is complete.
    """
    first = len(out)
    read = _read_explicit if encoding.explicit else _read_implicit
    try:
        pos = read(buf, pos, end, encoding, scan, out, depth, delimited, stop_at_bulk)
    except struct.error:
        at = out[-1].end if len(out) > first else pos
        raise scan.error("bad-length", at) from None
    if not stop_at_bulk:
        refuse_duplicates(out, scan.base)
    return pos


def _read_explicit(
    buf: bytes,
    pos: int,
    end: int,
    encoding: Encoding,
    scan: Scan,
    out: list[Element],
    depth: int,
    delimited: bool,
    stop_at_bulk: bool,
) -> int:
    head, long_length = _EXPLICIT_HEAD[encoding.little], _LENGTH[encoding.little]
    short_vr, long_vr, append = SHORT_VRS.get, LONG_VRS.get, out.append
    charged = len(out)
    for _ in repeat(None, scan.left + 1):
        if pos >= end:
            break
        group, number, code, length = head(buf, pos)
        vr = short_vr(code)
        if vr is not None:
            value = pos + 8
            stop = value + length
            if stop > end:
                raise scan.error("bad-length", pos)
            append(Element(group << 16 | number, vr, vr, buf, pos, value, stop, stop, encoding))
            pos = stop
            continue
        vr = long_vr(code)
        if vr is None or length:  # the reserved bytes must be 0 (PS3.5 7.1.2)
            if group == _DELIMITERS and delimited and _ends_item(buf, pos, end, encoding, scan):
                scan.charge(len(out) - charged, pos)
                return pos
            raise scan.error("bad-vr", pos)
        tag = group << 16 | number
        (length,) = long_length(buf, pos + 8)
        value = pos + 12
        if stop_at_bulk and (tag in PIXEL_TAGS or length > scan.bulk) and _bulk(tag, vr, length):
            scan.charge(len(out) - charged, pos)
            return pos
        if length == UNDEFINED_LENGTH or vr == "SQ" or vr == "UN":
            scan.charge(len(out) - charged + 1, pos)
            append(_complex(buf, pos, value, end, tag, vr, vr, length, encoding, scan, depth))
            charged = len(out)
            pos = out[-1].end
            continue
        stop = value + length
        if stop > end:
            raise scan.error("bad-length", pos)
        append(Element(tag, vr, vr, buf, pos, value, stop, stop, encoding))
        pos = stop
    return _finish(pos, end, scan, len(out) - charged, delimited)


def _read_implicit(
    buf: bytes,
    pos: int,
    end: int,
    encoding: Encoding,
    scan: Scan,
    out: list[Element],
    depth: int,
    delimited: bool,
    stop_at_bulk: bool,
) -> int:
    head = _IMPLICIT_HEAD[encoding.little]
    known_vr, append = tables.vrs().get, out.append
    charged = len(out)
    for _ in repeat(None, scan.left + 1):
        if pos >= end:
            break
        group, number, length = head(buf, pos)
        tag = group << 16 | number
        if group == _DELIMITERS:
            if delimited and _ends_item(buf, pos, end, encoding, scan):
                scan.charge(len(out) - charged, pos)
                return pos
            raise scan.error("bad-structure", pos)
        vr = known_vr(tag) or tables.vr_of(tag) or "UN"
        value = pos + 8
        if stop_at_bulk and (tag in PIXEL_TAGS or length > scan.bulk) and _bulk(tag, vr, length):
            scan.charge(len(out) - charged, pos)
            return pos
        if length == UNDEFINED_LENGTH or vr == "SQ":
            scan.charge(len(out) - charged + 1, pos)
            append(_complex(buf, pos, value, end, tag, vr, None, length, encoding, scan, depth))
            charged = len(out)
            pos = out[-1].end
            continue
        stop = value + length
        if stop > end:
            raise scan.error("bad-length", pos)
        append(Element(tag, vr, None, buf, pos, value, stop, stop, encoding))
        pos = stop
    return _finish(pos, end, scan, len(out) - charged, delimited)


def read_head(
    buf: bytes, pos: int, encoding: Encoding, base: int = 0
) -> tuple[int, str, str | None, int, int]:
    """Return tag, VR, VR as encoded, length and value offset of the element at `pos`.

    Raises:
        InstanceError: `bad-length` if the head is cut short, `bad-vr`.
    """
    try:
        if not encoding.explicit:
            group, number, length = _IMPLICIT_HEAD[encoding.little](buf, pos)
            tag = group << 16 | number
            return tag, tables.vr_of(tag) or "UN", None, length, pos + 8
        group, number, code, length = _EXPLICIT_HEAD[encoding.little](buf, pos)
        vr = SHORT_VRS.get(code)
        if vr is not None:
            return group << 16 | number, vr, vr, length, pos + 8
        vr = LONG_VRS.get(code)
        if vr is None or length:
            raise InstanceError("bad-vr", offset=base + pos)
        (length,) = _LENGTH[encoding.little](buf, pos + 8)
        return group << 16 | number, vr, vr, length, pos + 12
    except struct.error:
        raise InstanceError("bad-length", offset=base + pos) from None


def _finish(pos: int, end: int, scan: Scan, uncharged: int, delimited: bool) -> int:
    """Account for the elements of a data set that ran to `end`; refuse one that stopped early."""
    scan.charge(uncharged, pos)
    if pos < end:
        raise scan.error("too-many-elements", pos)
    if delimited:
        raise scan.error("bad-length", pos, "an item of undefined length has no end")
    return pos


def holds_pixels(tag: int, vr: str) -> bool:
    """Whether an element of the top level holds pixels: text or items under such a tag do not."""
    return tag in PIXEL_TAGS and vr in _PIXEL_VRS


def _bulk(tag: int, vr: str, length: int) -> bool:
    """Whether a top-level element that may be large is left to the caller.

    Sequences never are, nor what may turn out to be one: undefined length outside Pixel Data, and
    `UN` of a standard attribute that is a sequence.
    """
    if holds_pixels(tag, vr):
        return True
    if length == UNDEFINED_LENGTH or vr == "SQ":
        return False
    return vr != "UN" or tables.vr_of(tag) != "SQ"


def _ends_item(buf: bytes, pos: int, end: int, encoding: Encoding, scan: Scan) -> bool:
    """Whether an Item Delimitation Item lies at `pos`; one that carries a length is refused."""
    if pos + 8 > end:
        raise scan.error("bad-length", pos)
    group, number, length = _IMPLICIT_HEAD[encoding.little](buf, pos)
    if group << 16 | number != _ITEM_END or length:
        raise scan.error("bad-structure", pos)
    return True


def refuse_duplicates(out: list[Element], base: int = 0) -> None:
    """`duplicate-element` when a tag occurs twice in one data set with different bytes."""
    if len({element.tag for element in out}) == len(out):
        return
    seen: dict[int, Element] = {}
    for element in out:
        other = seen.setdefault(element.tag, element)
        if other is not element and (other.raw != element.raw or other.span != element.span):
            raise InstanceError("duplicate-element", offset=base + element.start)


def _complex(
    buf: bytes,
    pos: int,
    value: int,
    end: int,
    tag: int,
    vr: str,
    raw_vr: str | None,
    length: int,
    encoding: Encoding,
    scan: Scan,
    depth: int,
) -> Element:
    """Parse one element that is, or may be, more than a plain value of defined length."""
    items: list[Item] | None = None
    if length == UNDEFINED_LENGTH:
        if vr in ("UN", "SQ"):
            # UN holds Implicit VR Little Endian whatever surrounds it (PS3.5 6.2.2 note 2)
            inner = IMPLICIT_LE if raw_vr == "UN" else encoding
            items, stop, after = _read_items(buf, value, end, True, inner, scan, depth)
            vr = "SQ"
        else:
            stop, after = _skip_fragments(buf, value, end, encoding, scan)
        return Element(
            tag, vr, raw_vr, buf, pos, value, stop, after, encoding, undefined=True, items=items
        )
    stop = value + length
    if stop > end:
        raise scan.error("bad-length", pos)
    if vr == "SQ":
        items, _, _ = _read_items(buf, value, stop, False, encoding, scan, depth)
    else:
        vr, items = _known_vr(buf, tag, value, stop, encoding, scan, depth)
    return Element(tag, vr, raw_vr, buf, pos, value, stop, stop, encoding, items=items)


def _known_vr(
    buf: bytes, tag: int, value: int, stop: int, encoding: Encoding, scan: Scan, depth: int
) -> tuple[str, list[Item] | None]:
    """Return the VR that a value under `UN` really has, and its items if it is a sequence.

    The dictionary knows it for standard attributes and private creators (PS3.5 6.2.2). It stays
    `UN` when the value does not parse as a sequence though the attribute is one, when it is too
    long for its VR, and when its words have not the byte order of what surrounds it.
    """
    vr = tables.vr_of(tag) or "UN"
    if vr == "SQ":
        try:
            return vr, _read_items(buf, value, stop, False, IMPLICIT_LE, scan, depth)[0]
        except InstanceError as error:
            if error.code.startswith("too-"):  # the limits hold all the same
                raise
            return "UN", None
    if stop - value > _MAX_SHORT or not (encoding.little or vr in _TEXT_VRS):
        return "UN", None
    return vr, None


def _read_items(
    buf: bytes, pos: int, end: int, delimited: bool, encoding: Encoding, scan: Scan, depth: int
) -> tuple[list[Item], int, int]:
    """Return the items of a sequence, where they end, and where the sequence ends (PS3.5 7.5)."""
    depth += 1
    if depth > scan.depth:
        raise scan.error("too-deep", pos)
    head = _IMPLICIT_HEAD[encoding.little]
    items: list[Item] = []
    while pos < end:
        if pos + 8 > end:
            raise scan.error("bad-length", pos)
        group, number, length = head(buf, pos)
        tag = group << 16 | number
        if tag == _SEQUENCE_END and delimited and not length:
            return items, pos, pos + 8
        if tag != _ITEM:
            raise scan.error("bad-structure", pos)
        scan.charge(1, pos)
        item = _read_item(buf, pos, end, length, encoding, scan, depth)
        items.append(item)
        pos = item.end
    if delimited:
        raise scan.error("bad-length", pos, "a sequence of undefined length has no end")
    return items, pos, pos


def _read_item(
    buf: bytes, pos: int, end: int, length: int, encoding: Encoding, scan: Scan, depth: int
) -> Item:
    value = pos + 8
    elements: list[Element] = []
    if length == UNDEFINED_LENGTH:
        encoding = item_encoding(buf, value, end, encoding)
        stop = read_elements(buf, value, end, encoding, scan, elements, depth=depth, delimited=True)
        return Item(elements, buf, pos, value, stop, stop + 8, encoding, undefined=True)
    stop = value + length
    if stop > end:
        raise scan.error("bad-length", pos)
    encoding = item_encoding(buf, value, stop, encoding)
    read_elements(buf, value, stop, encoding, scan, elements, depth=depth)
    return Item(elements, buf, pos, value, stop, stop, encoding)


def item_encoding(buf: bytes, pos: int, end: int, encoding: Encoding) -> Encoding:
    """Return how the item whose content begins at `pos` is really encoded.

    Some writers put Implicit VR items into Explicit VR data sets, and the other way round into
    `UN`. The two bytes behind the first tag tell: a known VR, or the low half of a length.
    """
    code = buf[pos + 4 : pos + 6]
    if pos + 8 > end or buf[pos : pos + 4] == _ITEM_END_LE:
        return encoding
    if encoding.explicit:
        return encoding if code.isupper() or not encoding.little else IMPLICIT_LE
    if code not in SHORT_VRS and code not in LONG_VRS:
        return encoding
    return EXPLICIT_LE if _another_explicit_follows(buf, pos, end) else encoding


def _another_explicit_follows(buf: bytes, pos: int, end: int) -> bool:
    """Whether an Explicit VR element lies at `pos` and another, or the item's end, behind it.

    The VR alone could be the low half of an Implicit VR length by chance.
    """
    try:
        _, _, _, length, value = read_head(buf, pos, EXPLICIT_LE)
    except InstanceError:
        return False
    behind = value + length
    if length == UNDEFINED_LENGTH or behind == end:
        return True
    code = buf[behind + 4 : behind + 6]
    return (
        code in SHORT_VRS or code in LONG_VRS or buf[behind : behind + 4] == _ITEM_END_LE
    ) and behind < end


def _skip_fragments(
    buf: bytes, pos: int, end: int, encoding: Encoding, scan: Scan
) -> tuple[int, int]:
    """Return where the fragments from `pos` end without and with their delimiter (PS3.5 A.4)."""
    head = _IMPLICIT_HEAD[encoding.little]
    while pos + 8 <= end:
        group, number, length = head(buf, pos)
        tag = group << 16 | number
        if tag == _SEQUENCE_END and not length:
            return pos, pos + 8
        if tag != _ITEM:
            raise scan.error("bad-structure", pos)
        if length == UNDEFINED_LENGTH:
            raise scan.error("bad-structure", pos)
        pos += 8 + length
    raise scan.error("bad-length", pos, "encapsulated fragments have no end")
