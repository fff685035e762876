"""Parse a data set through windows, so that large values are never loaded.

The top level is read from the source in windows: from the data set's beginning, and again from
behind each value that is left in place. A window that ends inside an element grows.
"""

from __future__ import annotations

import struct

from deident.dicom.elements import UNDEFINED_LENGTH, Element, Encoding, Span
from deident.dicom.parse import (
    PIXEL_DATA,
    Limits,
    Scan,
    read_elements,
    read_head,
    refuse_duplicates,
)
from deident.dicom.source import Source
from deident.errors import InstanceError

WINDOW = 1 << 16
_GROWTH = 4  # what was parsed is parsed again in the longer window: a third of the work at most
_LONGEST_HEAD = 12  # tag, VR, reserved bytes, 32-bit length
_MAX_FRAGMENTS = 1 << 24  # seconds of walking; a frame each would be a file of terabytes
_HEAD = {True: struct.Struct("<HHL").unpack_from, False: struct.Struct(">HHL").unpack_from}
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD, 0)


class WindowReader:
    """Reads the top level of one data set.

    Attributes:
        elements: what was parsed until now; complete elements even after an error.
        header: the bytes from `start` on as far as they were read.
        notes: `trailing-bytes` if there was padding behind the last element.
    """

    def __init__(
        self, source: Source, start: int, header: bytes, encoding: Encoding, limits: Limits
    ) -> None:
        self.header = header
        self.notes: tuple[str, ...] = ()
        self._source = source
        self._start = start
        self._encoding = encoding
        self._scan = Scan(limits)
        self._may_hold = limits.header
        self.elements: list[Element] = []

    def read(self) -> list[Element]:
        """Return all top-level elements in file order.

        Raises:
            InstanceError: what `parse.parse_dataset` raises, `too-large`, `bad-deflate`.
        """
        out, scan = self.elements, self._scan
        base, buf = self._start, self.header
        first, left = 0, scan.left
        while True:
            scan.base = base
            try:
                end = self._parse(buf, base)
            except _WindowTooShortError:
                del out[first:]
                scan.left = left
                buf = self._longer(buf, base)
                continue
            if end >= self._source.size:
                break
            self._may_hold -= len(buf)
            base, buf = end, self._fetch(end, WINDOW)
            first, left = len(out), scan.left
        refuse_duplicates(out)
        return out

    def _parse(self, buf: bytes, base: int) -> int:
        """Parse one window; return the offset in the source where to go on."""
        pos = 0
        while pos < len(buf):
            count = len(self.elements)
            try:
                pos = read_elements(
                    buf, pos, len(buf), self._encoding, self._scan, self.elements, stop_at_bulk=True
                )
            except InstanceError as error:
                parsed = self.elements[-1].end if len(self.elements) > count else pos
                return self._stuck(error, buf, base, parsed)
            if pos < len(buf):
                if len(buf) - pos < _LONGEST_HEAD and base + len(buf) < self._source.size:
                    break
                pos = self._leave_in_place(buf, base, pos) - base
        return base + pos

    def _stuck(self, error: InstanceError, buf: bytes, base: int, pos: int) -> int:
        """Decide about an error at `pos`: a longer window helps, it was padding, or it is one."""
        size = self._source.size
        if error.code == "bad-length" and base + len(buf) < size:
            raise _WindowTooShortError from None
        if not self._is_padding(base + pos):
            raise error
        self.notes = ("trailing-bytes",)
        return size

    def _fetch(self, offset: int, length: int) -> bytes:
        """Read bytes that must be there."""
        data = self._source.read(offset, length)
        if not data:
            raise InstanceError("changed", offset=offset)
        return data

    def _longer(self, buf: bytes, base: int) -> bytes:
        """Return a window that begins like `buf` and is several times as long."""
        if len(buf) >= self._may_hold:
            raise InstanceError("too-large", "the header is larger than the limit", offset=base)
        size = min(max(len(buf), WINDOW) * _GROWTH, self._may_hold)
        buf += self._fetch(base + len(buf), size - len(buf))
        if base == self._start:
            self.header = buf
        return buf

    def _leave_in_place(self, buf: bytes, base: int, pos: int) -> int:
        """Append the element at `pos` as a span; return the offset in the source behind it."""
        tag, vr, raw_vr, length, value = read_head(buf, pos, self._encoding, base)
        span = bulk_span(self._source, base + value, length, self._encoding)
        self._scan.charge(1, pos)
        element = Element(tag, vr, raw_vr, buf, pos, value, value, value, self._encoding, span=span)
        element.undefined = length == UNDEFINED_LENGTH
        self.elements.append(element)
        return span.offset + span.length

    def _is_padding(self, offset: int) -> bool:
        """Whether only zeros, or a stump behind Pixel Data, are left behind the last element."""
        if not self.elements:
            return False
        rest = self._source.size - offset
        if rest < 8 and self.elements[-1].tag >= PIXEL_DATA:
            return True
        return not any(data.strip(b"\0") for data in self._source.chunks(offset, rest))


class _WindowTooShortError(Exception):
    """The window ends inside an element."""


def bulk_span(source: Source, offset: int, length: int, encoding: Encoding) -> Span:
    """Return the span of a value of `length` bytes at `offset`.

    Of undefined length, it covers all fragments and the delimiter behind them (PS3.5 A.4).

    Raises:
        InstanceError: `bad-length` if it does not lie in the source, `bad-structure`.
    """
    if length == UNDEFINED_LENGTH:
        end = _fragments_end(source, offset, encoding)
    else:
        end = offset + length
    if end > source.size:
        raise InstanceError("bad-length", offset=offset)
    return Span(offset, end - offset)


def _fragments_end(source: Source, offset: int, encoding: Encoding) -> int:
    """Return where the fragments from `offset` on end, their delimiter included (PS3.5 A.4)."""
    read, head = source.read, _HEAD[encoding.little]
    window, base, size = b"", offset, 8
    for _ in range(_MAX_FRAGMENTS):
        pos = offset - base
        if pos + 8 > len(window):
            base, window, pos = offset, read(offset, size), 0
            if len(window) < 8:
                raise InstanceError("bad-length", offset=offset)
        group, number, length = head(window, pos)
        if (group, number, length) == _SEQUENCE_END:
            return offset + 8
        if (group, number) != _ITEM or length == UNDEFINED_LENGTH:
            raise InstanceError("bad-structure", offset=offset)
        offset += 8 + length
        size = 8 if length > WINDOW >> 2 else WINDOW  # many small fragments: fewer reads
    raise InstanceError("too-many-elements", offset=offset)
