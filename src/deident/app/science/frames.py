"""Pixel Data of two files: the same bytes, or what became of them.

All is read in pieces; what is remembered of a frame is a hash (PS3.5 8, A.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from deident.app.science.facts import FRAMES, Facts
from deident.app.science.values import digest
from deident.dicom.elements import Element
from deident.dicom.parse import PIXEL_DATA
from deident.engine.overlays import BitPlanes, embedded
from deident.errors import InstanceError

_ITEM = 8


class Outcome(NamedTuple):
    """What became of pixels: `same`, `frames-swapped`, `cleared`, `changed`; both SHA-256."""

    kind: str
    hashes: tuple[str, str]


def became(before: Facts, after: Facts, old: Element, new: Element) -> Outcome:
    """Compare the pixels of two instances.

    Raises:
        InstanceError: a file has become shorter.
    """
    hashes = digest(before.file, old), digest(after.file, new)
    return Outcome(_kind(before, after, old, new) if hashes[0] != hashes[1] else "same", hashes)


def _kind(before: Facts, after: Facts, old: Element, new: Element) -> str:
    """What happened to pixels that are not the same."""
    if _only_overlays_cleared(before, after, old, new):
        return "cleared"
    frames = sorted(_frames(before, old)), sorted(_frames(after, new))
    return "frames-swapped" if frames[0] == frames[1] and len(frames[0]) > 1 else "changed"


def _frames(facts: Facts, pixels: Element) -> Iterator[bytes]:
    """A hash for each frame; of encapsulated Pixel Data for each fragment."""
    if pixels.span is None:
        return
    offset, end = pixels.span.offset, pixels.span.offset + pixels.span.length
    if not pixels.undefined:
        count = int(next(iter(facts.numbers(FRAMES)), 1)) or 1
        size = pixels.span.length // count if 0 < count <= pixels.span.length else 0
        for number in range(count if size else 0):
            yield _hash(facts, offset + number * size, size)
        return
    order: Literal["little", "big"] = "little" if pixels.encoding.little else "big"
    offset += _ITEM + int.from_bytes(facts.file.read(offset + 4, 4), order)
    while offset + 2 * _ITEM <= end:
        length = int.from_bytes(facts.file.read(offset + 4, 4), order)
        yield _hash(facts, offset + _ITEM, length)
        offset += _ITEM + length


def _hash(facts: Facts, offset: int, length: int) -> bytes:
    found = hashlib.blake2b(digest_size=16)
    for piece in facts.file.source.chunks(offset, length):
        found.update(piece)
    return found.digest()


def _only_overlays_cleared(before: Facts, after: Facts, old: Element, new: Element) -> bool:
    """Whether the bits of retired overlays were cleared and nothing else (PS3.5 8.1.2)."""
    if old.tag != PIXEL_DATA or old.length != new.length or new.span is None:
        return False
    try:
        planes = embedded(before.file.elements())
    except InstanceError:  # the bits are the image's own: a run changes none of them
        return False
    if planes is None or old.span is None:
        return False
    pieces = zip(
        before.file.source.chunks(old.span.offset, old.span.length),
        after.file.source.chunks(new.span.offset, new.span.length),
        strict=True,
    )
    little = before.file.encoding.little
    return all(_masked(left, planes, little=little) == right for left, right in pieces)


def _masked(data: bytes, planes: BitPlanes, *, little: bool) -> bytes:
    keep = ~planes.mask & ((1 << 8 * planes.size) - 1)
    pattern = keep.to_bytes(planes.size, "little" if little else "big")
    mask = (pattern * (len(data) // len(pattern) + 1))[: len(data)]
    cleared = int.from_bytes(data, "little") & int.from_bytes(mask, "little")
    return cleared.to_bytes(len(data), "little")
