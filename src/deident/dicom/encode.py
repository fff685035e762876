"""Encode elements, items and sequences (PS3.5 chapter 7): pure functions from values to bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from deident.dicom.elements import UNDEFINED_LENGTH, Encoding
from deident.dicom.parse import LONG_VRS, SHORT_VRS
from deident.errors import InstanceError

# A new element in an item that is made from nothing: (tag, VR, value or the items inside it).
NewElement = tuple[int, str, "bytes | NewItems"]
NewItems = tuple[tuple[NewElement, ...], ...]

_SHORT = frozenset(SHORT_VRS.values())
VRS = _SHORT | frozenset(LONG_VRS.values())
_CODES = {vr: vr.encode() for vr in VRS}
_BINARY_PAD = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UI", "UN"))
_MAX_SHORT = 0xFFFF
_MAX_LONG = UNDEFINED_LENGTH - 1

_EXPLICIT_SHORT = {True: struct.Struct("<HH2sH").pack, False: struct.Struct(">HH2sH").pack}
_EXPLICIT_LONG = {True: struct.Struct("<HH2sHL").pack, False: struct.Struct(">HH2sHL").pack}
_IMPLICIT = {True: struct.Struct("<HHL").pack, False: struct.Struct(">HHL").pack}

# Bytes of one word for every VR that has a byte order (PS3.5 7.3).
WORD_SIZES = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip


def element_head(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Return tag, VR and length of an element; `length` may be `UNDEFINED_LENGTH`.

    In Explicit VR a value too long for a 16-bit length is written as `UN` (PS3.5 6.2.2 note 1
    under table 6.2-1).

    Raises:
        InstanceError: `bad-vr` for a VR that PS3.5 6.2 does not have, `too-large` beyond 32 bits.
    """
    group, number = tag >> 16, tag & 0xFFFF
    if length > UNDEFINED_LENGTH:
        raise InstanceError("too-large", f"({group:04X},{number:04X}) is longer than 4 GB")
    if not encoding.explicit:
        return _IMPLICIT[encoding.little](group, number, length)
    code = _CODES.get(vr)
    if code is None:
        raise InstanceError("bad-vr", f"({group:04X},{number:04X}) has a VR that does not exist")
    if vr in _SHORT:
        if length <= _MAX_SHORT:
            return _EXPLICIT_SHORT[encoding.little](group, number, code, length)
        code = b"UN"
    return _EXPLICIT_LONG[encoding.little](group, number, code, 0, length)


def element_bytes(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    """Return a whole element; a value of odd length is padded as PS3.5 6.2 says for its VR."""
    if len(value) & 1:
        value += b"\0" if vr in _BINARY_PAD else b" "
    return element_head(tag, vr, len(value), encoding) + value


def item_bytes(content: bytes, encoding: Encoding, undefined: bool = False) -> bytes:
    """Return an item around an encoded data set (PS3.5 table 7.5-1 to 7.5-3)."""
    pack = _IMPLICIT[encoding.little]
    if undefined:
        return b"".join((pack(0xFFFE, 0xE000, UNDEFINED_LENGTH), content, pack(0xFFFE, 0xE00D, 0)))
    if len(content) > _MAX_LONG:
        raise InstanceError("too-large", "an item is longer than 4 GB")
    return pack(0xFFFE, 0xE000, len(content)) + content


def sequence_bytes(
    tag: int,
    items: Sequence[bytes],
    encoding: Encoding,
    undefined: bool = False,
    *,
    vr: str = "SQ",
) -> bytes:
    """Return a sequence around encoded items.

    `vr` is `UN` only for a sequence that is kept under that VR; its items are then Implicit VR
    Little Endian whatever surrounds them (PS3.5 6.2.2 note 2).
    """
    content = b"".join(items)
    if undefined:
        little = encoding.little or vr == "UN"
        delimiter = _IMPLICIT[little](0xFFFE, 0xE0DD, 0)
        return element_head(tag, vr, UNDEFINED_LENGTH, encoding) + content + delimiter
    if len(content) > _MAX_LONG:
        raise InstanceError("too-large", "a sequence is longer than 4 GB")
    return element_head(tag, vr, len(content), encoding) + content


def new_items(items: NewItems, encoding: Encoding) -> bytes:
    """Return items made from nothing, with defined lengths, one after the other."""
    return b"".join(item_bytes(data_set_bytes(item, encoding), encoding) for item in items)


def data_set_bytes(elements: Sequence[NewElement], encoding: Encoding) -> bytes:
    """Return new elements, encoded in the order of their tags."""
    parts = []
    for tag, vr, value in sorted(elements, key=lambda element: element[0]):
        if isinstance(value, bytes):
            parts.append(element_bytes(tag, vr, value, encoding))
        else:
            content = new_items(value, encoding)
            parts.append(element_head(tag, "SQ", len(content), encoding) + content)
    return b"".join(parts)


def swap_vr_bytes(vr: str, value: bytes) -> bytes:
    """Return the value in the other byte order; a VR without byte order is left as it is.

    A stump at the end that is no whole word stays as it is.
    """
    size = WORD_SIZES.get(vr, 1)
    if size == 1:
        return value
    whole = len(value) - len(value) % size
    swapped = bytearray(value)
    for low in range(size):
        swapped[low:whole:size] = value[size - 1 - low : whole : size]
    return bytes(swapped)
