"""File meta information: find it, parse it, and settle how the data set behind it is encoded.

PS3.10 section 7.1, with the deviations that real files have: no preamble, no meta at all, wrong or
no group length, meta in Implicit VR, no transfer syntax, or one that the data set contradicts.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from deident import tables
from deident.dicom.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    UNDEFINED_LENGTH,
    Encoding,
)
from deident.dicom.parse import LONG_VRS, SHORT_VRS, read_head
from deident.dicom.syntaxes import NATIVE, SYNTAXES
from deident.errors import InstanceError

GROUP_LENGTH = 0x00020000
MEDIA_STORAGE_SOP_CLASS = 0x00020002
MEDIA_STORAGE_SOP_INSTANCE = 0x00020003
TRANSFER_SYNTAX = 0x00020010

_GROUP = b"\x02\x00"
_EXPLICIT = struct.Struct("<HHxxH").unpack_from
_LENGTH = struct.Struct("<L").unpack_from
_PROBED = 4  # elements that must make sense before bytes without a label count as DICOM


class Preface(NamedTuple):
    """What lies before the data set, and what the data set is.

    Attributes:
        meta: tag → raw value.
        transfer_syntax: UID that the data set is really encoded in.
        start: offset of the data set.
        notes: see `part10.Part10File`.
    """

    meta: dict[int, bytes]
    transfer_syntax: str
    start: int
    notes: tuple[str, ...]


def uid(raw: bytes) -> str:
    """Return a UID without its padding; bytes that no UID has become U+FFFD."""
    return raw.rstrip(b"\0 ").decode("ascii", "replace")


def read_preface(data: bytes, size: int) -> Preface:
    """Parse what `data`, the beginning of a file of `size` bytes, has before its data set.

    Raises:
        InstanceError: `not-dicom`, `bad-meta`, `unknown-transfer-syntax`.
    """
    if data[128:132] == b"DICM" and (
        data[132:134] == _GROUP or guess_encoding(data, 0, size) is None
    ):
        return _with_meta(data, 132, size, ())
    if data[:4] == b"DICM":
        return _with_meta(data, 4, size, ("no-preamble",))
    if data[:2] == _GROUP and plausible(data, 0, size, EXPLICIT_LE):
        return _with_meta(data, 0, size, ("no-preamble",))
    encoding = guess_encoding(data, 0, size)
    if encoding is None:
        raise InstanceError("not-dicom")
    return Preface({}, NATIVE[encoding], 0, ("no-preamble", "no-meta", "syntax-guessed"))


def _with_meta(data: bytes, pos: int, size: int, notes: tuple[str, ...]) -> Preface:
    meta, start = parse_meta(data, pos, size)
    raw = meta.get(TRANSFER_SYNTAX)
    if not raw:
        encoding = guess_encoding(data, start, size)
        if encoding is None:
            raise InstanceError("unknown-transfer-syntax", offset=start)
        return Preface(meta, NATIVE[encoding], start, (*notes, "syntax-guessed"))
    syntax = uid(raw)
    known = SYNTAXES.get(syntax)
    if known is None:
        raise InstanceError("unknown-transfer-syntax", offset=start)
    if known.deflated or _looks_like(data, start, known.encoding) or start >= size:
        return Preface(meta, syntax, start, notes)
    found = (
        None if plausible(data, start, size, known.encoding) else guess_encoding(data, start, size)
    )
    if found is None or found == known.encoding:
        return Preface(meta, syntax, start, notes)
    if known.encapsulated:  # no syntax has encapsulated Pixel Data and another encoding
        raise InstanceError("bad-vr", offset=start)
    return Preface(meta, NATIVE[found], start, (*notes, "syntax-corrected"))


def parse_meta(data: bytes, pos: int, size: int) -> tuple[dict[int, bytes], int]:
    """Return the elements of group 0002 from `pos` on (tag → raw value), and where they end.

    The group ends at the first element of another group; a group length is not relied upon.

    Raises:
        InstanceError: `bad-meta` if an element does not parse or runs past `data`, or if `data` is
            less than the file's `size` and ends before the group does.
    """
    code = data[pos + 4 : pos + 6]
    if data[pos : pos + 2] == _GROUP and code not in SHORT_VRS and code not in LONG_VRS:
        return _implicit_meta(data, pos)
    meta: dict[int, bytes] = {}
    stop = -1
    try:
        while data[pos : pos + 2] == _GROUP:
            _, number, length = _EXPLICIT(data, pos)
            code = data[pos + 4 : pos + 6]
            value = pos + 8
            if code not in SHORT_VRS:
                if code not in LONG_VRS:
                    if pos == stop:  # a deflated data set may begin with any bytes
                        break
                    raise InstanceError("bad-meta", offset=pos)
                (length,) = _LENGTH(data, value)
                value += 4
            end = value + length
            if end > len(data):
                raise InstanceError("bad-meta", offset=pos)
            meta[GROUP_LENGTH | number] = data[value:end]
            if not number and length == 4:
                stop = end + _LENGTH(data, value)[0]
            pos = end
    except struct.error:
        raise InstanceError("bad-meta", offset=pos) from None
    if pos + 2 > len(data) and len(data) < size:
        raise InstanceError("bad-meta", offset=pos)
    return meta, pos


def _implicit_meta(data: bytes, pos: int) -> tuple[dict[int, bytes], int]:
    meta: dict[int, bytes] = {}
    while data[pos : pos + 2] == _GROUP:
        tag, _, _, length, value = _head(data, pos, IMPLICIT_LE)
        if value + length > len(data):
            raise InstanceError("bad-meta", offset=pos)
        meta[tag] = data[value : value + length]
        pos = value + length
    return meta, pos


def _head(data: bytes, pos: int, encoding: Encoding) -> tuple[int, str, str | None, int, int]:
    try:
        return read_head(data, pos, encoding)
    except InstanceError as error:
        raise InstanceError("bad-meta", offset=error.offset) from None


def _looks_like(data: bytes, pos: int, encoding: Encoding) -> bool:
    """Whether the first element could be of this encoding: a low group, and a VR or none."""
    code = data[pos + 4 : pos + 6]
    explicit = code in SHORT_VRS or code in LONG_VRS
    return explicit == encoding.explicit and not data[
        pos + encoding.little : pos + encoding.little + 1
    ].strip(b"\0")


def guess_encoding(data: bytes, pos: int, size: int) -> Encoding | None:
    """Return the encoding in which the bytes from `pos` make sense as a data set, or `None`."""
    for encoding in (EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE):
        if plausible(data, pos, size, encoding):
            return encoding
    return None


def plausible(data: bytes, pos: int, size: int, encoding: Encoding) -> bool:
    """Whether the first elements from `pos` on are known ones, in order, and fit into `size`."""
    last = -1
    for _ in range(_PROBED):
        if pos >= size and last >= 0:
            return True
        try:
            tag, _, _, length, value = read_head(data, pos, encoding)
        except InstanceError:  # a later head may lie behind the window
            return last >= 0 and pos + 12 > len(data) and len(data) < size
        if tag <= last or not _known(tag, length):
            return False
        last = tag
        if length == UNDEFINED_LENGTH:
            return True
        pos = value + length
        if pos > size:
            return False
    return True


def _known(tag: int, length: int) -> bool:
    if not tag & 0xFFFF:
        return length == 4
    return tag & 0x10000 != 0 or tables.vr_of(tag) is not None
