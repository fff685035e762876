"""Sequences and items around new content, in the style of the old ones."""

from __future__ import annotations

from struct import Struct

from deident.dicom.elements import Element, Encoding, Item

_ITEM_LE, _ITEM_BE = Struct("<L"), Struct(">L")
_ITEM_END = {True: b"\xfe\xff\x0d\xe0\0\0\0\0", False: b"\xff\xfe\xe0\x0d\0\0\0\0"}
_SEQUENCE_END = {True: b"\xfe\xff\xdd\xe0\0\0\0\0", False: b"\xff\xfe\xe0\xdd\0\0\0\0"}


def rebuilt(element: Element, content: bytes) -> bytes:
    """A sequence with new content in the style of the old one: same length form, same VR."""
    if content == element.value:
        return element.raw
    return with_content(element, content)


def with_content(element: Element, content: bytes) -> bytes:
    """A sequence around encoded items, with the tag, VR and form of length that `element` has."""
    head = element.buf[element.start : element.value_start]
    if element.undefined:
        return head + content + _SEQUENCE_END[element.encoding.little]
    return head[:-4] + _length(len(content), element.encoding) + content


def wrapped(item: Item, content: bytes) -> bytes:
    """An item around encoded elements, in the form of length that it had."""
    head = item.buf[item.start : item.value_start]
    if item.undefined:
        return head + content + _ITEM_END[item.encoding.little]
    return head[:-4] + _length(len(content), item.encoding) + content


def _length(length: int, encoding: Encoding) -> bytes:
    return (_ITEM_LE if encoding.little else _ITEM_BE).pack(length)
