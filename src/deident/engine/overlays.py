"""Overlays that hide in unused bits of Pixel Data (retired; PS3.5 8.1.2, requirement C12).

When an overlay goes, its bit plane must go too, or its text survives in the pixels. In native Pixel
Data the bit is set to zero while the value is copied; nothing else of a sample is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.elements import Element, Span
from deident.dicom.parse import PIXEL_DATA
from deident.dicom.part10 import Part10File
from deident.engine.pixels import BITS_ALLOCATED, number
from deident.errors import InstanceError

BITS_STORED, HIGH_BIT = 0x00280101, 0x00280102
_BIT_POSITION, _OVERLAY_DATA = 0x0102, 0x3000
_CHUNK = 1 << 20


class BitPlanes(NamedTuple):
    """Bits to clear in every sample of Pixel Data.

    Attributes:
        mask: has those bits set.
        size: bytes of a sample.
        span: where Pixel Data lies.
    """

    mask: int
    size: int
    span: Span

    def cleared(self, samples: bytes, *, little: bool) -> bytes:
        """Samples without the bits; whole ones, in this byte order."""
        keep = ~self.mask & ((1 << 8 * self.size) - 1)
        return _masked(samples, keep.to_bytes(self.size, "little" if little else "big"))


def embedded(elements: list[Element]) -> BitPlanes | None:
    """Bit planes of Pixel Data that hold overlays, `None` if there are none.

    Raises:
        InstanceError: `overlay-in-pixels`: the pixels are compressed, or the bits are the image's
        own.
    """
    top = {element.tag: element for element in elements}
    positions = []
    for tag, element in top.items():
        if tag & 0xFFE1FFFF == 0x60000000 | _BIT_POSITION:
            position = number(element)
            if position and tag - _BIT_POSITION + _OVERLAY_DATA not in top:
                positions.append(position)
    pixels = top.get(PIXEL_DATA)
    if not positions or pixels is None or pixels.span is None:
        return None
    allocated, stored = number(top.get(BITS_ALLOCATED)), number(top.get(BITS_STORED))
    high = number(top.get(HIGH_BIT))
    own = range(high - stored + 1, high + 1)
    mask = sum(1 << bit for bit in set(positions))
    unfit = any(bit in own or bit >= allocated for bit in positions)
    if unfit or pixels.undefined or allocated not in (8, 16, 32):
        raise InstanceError("overlay-in-pixels")
    return BitPlanes(mask, allocated // 8, pixels.span)


def write_cleared(
    fd: int, meta: bytes, chunks: Sequence[bytes | Span], file: Part10File, planes: BitPlanes
) -> int:
    """Write a file as `part10.write` does, with the bit planes of native Pixel Data cleared.

    Raises:
        InstanceError: `changed` if the source has become shorter; `overlay-in-pixels` if the data
            set is deflated.
        OSError: the output cannot be written.
    """
    if file.deflated:
        raise InstanceError("overlay-in-pixels")
    total = part10.write(fd, meta, (), file)
    for chunk in chunks:
        if chunk == planes.span:
            total += _write_masked(fd, file, planes)
        else:
            total += part10.write(fd, b"", (chunk,), file)
    return total


def _write_masked(fd: int, file: Part10File, planes: BitPlanes) -> int:
    span = planes.span
    for offset in range(0, span.length, _CHUNK):
        length = min(_CHUNK, span.length - offset)
        piece = file.read(span.offset + offset, length)
        if len(piece) != length:
            raise InstanceError("changed")
        part10.write(fd, b"", (planes.cleared(piece, little=file.encoding.little),), file)
    return span.length


def _masked(data: bytes, pattern: bytes) -> bytes:
    mask = (pattern * (len(data) // len(pattern) + 1))[: len(data)]
    cleared = int.from_bytes(data, "little") & int.from_bytes(mask, "little")
    return cleared.to_bytes(len(data), "little")
