"""Bytes under a pixel tag that are no pixels: what is behind the last sample, and offset tables.

Pixels are copied unseen (C31). So what is copied must be pixels: the rest of the value is searched
like any unknown value (C33).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise

from deident.dicom.elements import Element, Span
from deident.dicom.parse import PIXEL_DATA
from deident.errors import InstanceError

SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION = 0x00280002, 0x00280004
NUMBER_OF_FRAMES, ROWS, COLUMNS, BITS_ALLOCATED = 0x00280008, 0x00280010, 0x00280011, 0x00280100
SHAPE = frozenset(
    (SAMPLES_PER_PIXEL, PHOTOMETRIC_INTERPRETATION, NUMBER_OF_FRAMES, ROWS, COLUMNS, BITS_ALLOCATED)
)
"""What says how many bytes of Pixel Data there are (PS3.5 8.1)."""

_FLOAT_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEAD = 8
# Colour that is sampled for every second pixel only, in half a byte fewer (PS3.3 C.7.6.3.1.2).
_HALF_SAMPLES = {b"YBR_FULL_422": 4, b"YBR_PARTIAL_422": 4, b"YBR_PARTIAL_420": 3}
# How compressed pixels begin: some programs leave the offset table out.
_CODESTREAMS = (b"\xff\xd8\xff", b"\xff\x4f\xff", b"\0\0\0\x0cj", b"\xff\x0a", b"\0\0\0\x0cJXL")
_LONGEST_TABLE = 1 << 22


def number(element: Element | None) -> int:
    """Value of an element of VR US, 0 if it is missing or has another length."""
    if element is None or element.length != 2:
        return 0
    return int.from_bytes(element.value, "little" if element.encoding.little else "big")


def unseen(
    pixels: Element, top: dict[int, Element], *, native: bool, read: Callable[[int, int], bytes]
) -> Span | None:
    """The part of a pixel element that holds no pixels, `None` if it is all pixels.

    `top` are the elements of the data set, `native` tells whether its transfer syntax has no
    fragments; `read` reads from the source.

    Raises:
        InstanceError: `bad-structure`: fragments where the transfer syntax knows none.
    """
    span = pixels.span
    if span is None:
        return None
    if pixels.undefined:
        if native:
            raise InstanceError("bad-structure", "fragments of pixels in a native transfer syntax")
        return odd_offset_table(span, read)
    described = _described(pixels.tag, top)
    if described > span.length:
        described = 0  # what describes more than there is tells nothing about what there is
    described += described & 1
    if span.length <= described:
        return None
    return Span(span.offset + described, span.length - described)


def _described(tag: int, top: dict[int, Element]) -> int:
    """Bytes of pixels by the attributes of the Image Pixel Module; 0 where they do not tell."""
    bits = _FLOAT_BITS.get(tag) or number(top.get(BITS_ALLOCATED))
    halves = 2 * (number(top.get(SAMPLES_PER_PIXEL)) if tag == PIXEL_DATA else 1)
    colour = top.get(PHOTOMETRIC_INTERPRETATION)
    if halves == 6 and colour is not None:
        halves = _HALF_SAMPLES.get(colour.value.strip(b" \0"), halves)
    frames = top.get(NUMBER_OF_FRAMES)
    text = frames.value.strip(b" \0+") if frames is not None else b"1"
    count = int(text) if text.isdigit() and len(text) < 10 else 0
    pixels = number(top.get(ROWS)) * number(top.get(COLUMNS)) * count
    return (pixels * halves * bits + 15) // 16


def odd_offset_table(span: Span, read: Callable[[int, int], bytes]) -> Span | None:
    """The Basic Offset Table (PS3.5 A.4) if it is no table of offsets."""
    head = read(span.offset, _ITEM_HEAD + 8)
    length = int.from_bytes(head[4:_ITEM_HEAD], "little")
    begin = head[_ITEM_HEAD:]
    if not head.startswith(_ITEM) or not length or begin.startswith(_CODESTREAMS):
        return None
    table = Span(span.offset + _ITEM_HEAD, min(length, span.length - _ITEM_HEAD))
    if length % 4 == 0 and length <= _LONGEST_TABLE:
        offsets = struct.unpack(f"<{length // 4}L", read(table.offset, length))
        rising = all(before < after for before, after in pairwise(offsets))
        if offsets[0] == 0 and rising and offsets[-1] < span.length:
            return None
    return table
