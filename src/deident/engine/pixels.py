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

SAMPLES_PER_PIXEL, NUMBER_OF_FRAMES = 0x00280002, 0x00280008
ROWS, COLUMNS, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280100
SHAPE = frozenset({SAMPLES_PER_PIXEL, NUMBER_OF_FRAMES, ROWS, COLUMNS, BITS_ALLOCATED})
"""What says how many bytes of Pixel Data there are (PS3.5 8.1)."""

_FLOAT_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEAD = 8


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
    described += described & 1
    if span.length <= described:
        return None
    return Span(span.offset + described, span.length - described)


def _described(tag: int, top: dict[int, Element]) -> int:
    """Bytes of pixels by the attributes of the Image Pixel Module; 0 where they do not tell."""
    bits = _FLOAT_BITS.get(tag) or number(top.get(BITS_ALLOCATED))
    samples = number(top.get(SAMPLES_PER_PIXEL)) if tag == PIXEL_DATA else 1
    frames = top.get(NUMBER_OF_FRAMES)
    text = frames.value.strip(b" \0+") if frames is not None else b"1"
    count = int(text) if text.isdigit() and len(text) < 10 else 0
    return (number(top.get(ROWS)) * number(top.get(COLUMNS)) * samples * bits * count + 7) // 8


def odd_offset_table(span: Span, read: Callable[[int, int], bytes]) -> Span | None:
    """The Basic Offset Table (PS3.5 A.4) if it is no table of offsets."""
    head = read(span.offset, _ITEM_HEAD)
    length = int.from_bytes(head[4:], "little")
    if not head.startswith(_ITEM) or not length:
        return None
    length = min(length, span.length - _ITEM_HEAD)
    table = read(span.offset + _ITEM_HEAD, length)
    offsets = struct.unpack(f"<{len(table) // 4}L", table[: len(table) & ~3])
    rising = all(before < after for before, after in pairwise(offsets))
    if length % 4 == 0 and offsets[0] == 0 and rising and offsets[-1] < span.length:
        return None
    return Span(span.offset + _ITEM_HEAD, length)
