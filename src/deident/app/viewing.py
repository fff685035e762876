"""The use case `show`: one file, element by element, as lines or as the DICOM JSON model.

A listing is a stream of `Line`s in file order; nothing here knows of terminals. Pixel data and
other large values are never loaded, only measured.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from deident.app.readable import (
    Words,
    attribute_name,
    class_name,
    plural,
    private_vr,
    uid_name,
    words_of,
)
from deident.app.reading import Opened, Surroundings, meta_elements, value_at
from deident.dicom.elements import Element, Path, Span
from deident.dicom.meta import MEDIA_STORAGE_SOP_CLASS, uid
from deident.dicom.part10 import Part10File
from deident.profiles.model import Selector
from deident.profiles.selectors import selects

SOP_CLASS_UID = 0x00080016
_HEAD = {True: struct.Struct("<HHL").unpack_from, False: struct.Struct(">HHL").unpack_from}
_ITEM = (0xFFFE, 0xE000)


class ViewOptions(NamedTuple):
    """What of a file is shown.

    Attributes:
        selectors: only elements that one of them selects, at any depth; all when there is none.
        depth: how many sequences deep; `None` for all the way.
        private_names: look the names of private attributes up by their creator.
        values: show values, not only what has one.
        longest: characters after which a value is cut; 0 for never.
    """

    selectors: tuple[Selector, ...] = ()
    depth: int | None = None
    private_names: bool = True
    values: bool = True
    longest: int = 80


class Line(NamedTuple):
    """One line of a listing.

    Attributes:
        kind: `meta` or `element`; `item` for the heading of an item.
        level: how far to indent: sequences above, or those below what a selector has found.
        path: sequence tags and item numbers above; of an item its own path.
        tag: group << 16 | element; 0 for an item.
        vr: value representation, `*` behind it when the file has `UN` and a dictionary knows more.
        name: keyword; for a private attribute its name in brackets.
        length: bytes of the value, `None` for an undefined length and for items.
        value: in words; empty for an empty value, and where values are not asked for.
        decoded: whether the value could be read in its declared character set.
    """

    kind: Literal["meta", "element", "item"]
    level: int
    path: Path
    tag: int
    vr: str
    name: str
    length: int | None
    value: str
    decoded: bool = True


class Summary(NamedTuple):
    """A file in a few words.

    Attributes:
        size: bytes of the file.
        sop_class: name of the SOP class, or empty.
        transfer_syntax: name of the transfer syntax that the data set is really in.
        notes: codes of `reading.READER_NOTES`.
    """

    size: int
    sop_class: str
    transfer_syntax: str
    notes: tuple[str, ...]


def summary(opened: Opened) -> Summary:
    """Describe an opened file."""
    file = opened.file
    raw = value_at(opened.elements, SOP_CLASS_UID) or file.meta.get(MEDIA_STORAGE_SOP_CLASS, b"")
    return Summary(file.size, class_name(uid(raw)), uid_name(file.transfer_syntax), file.notes)


def lines(opened: Opened, options: ViewOptions) -> Iterator[Line]:
    """Yield what is to be shown of a file, its meta information first.

    Raises:
        InstanceError: `changed`: the file became shorter meanwhile.
    """
    listing = _Listing(opened, options)
    above = None if options.selectors else 0
    yield from listing.data_set(meta_elements(opened.file), (), "meta", above)
    yield from listing.data_set(opened.elements, (), "element", above)


class _Listing:
    """The state of one listing."""

    def __init__(self, opened: Opened, options: ViewOptions) -> None:
        self._file = opened.file
        self._options = options
        self._around = Surroundings(opened.elements)

    def data_set(
        self,
        elements: list[Element],
        path: Path,
        kind: Literal["meta", "element"],
        above: int | None,
    ) -> Iterator[Line]:
        """Yield the lines of one data set at level `above`; `None`: of what is selected only."""
        for element in elements:
            creator = self._around.creator(path, element.tag)
            vr = vr_to_read(element, creator, self._options)
            level = above
            if above is None and is_selected(path, element.tag, vr, creator, self._options):
                level = 0
            if level is not None:
                yield self._line(element, kind, level, path, vr, creator)
            if element.items is not None and self._goes_into(path):
                yield from self._items(element, path, level)

    def _items(self, element: Element, path: Path, level: int | None) -> Iterator[Line]:
        below = None if level is None else level + 1
        for number, item in enumerate(element.items or ()):
            inner = (*path, element.tag, number)
            if below is not None:
                empty = "" if item.elements else "empty"
                yield Line("item", below, inner, 0, "", f"item {number + 1}", None, empty)
            yield from self.data_set(item.elements, inner, "element", below)

    def _goes_into(self, path: Path) -> bool:
        depth = self._options.depth
        return depth is None or len(path) // 2 < depth

    def _line(
        self,
        element: Element,
        kind: Literal["meta", "element"],
        level: int,
        path: Path,
        vr: str,
        creator: str | None,
    ) -> Line:
        tag = element.tag
        name = attribute_name(tag, creator, dictionary=self._options.private_names)
        shown = f"{vr}*" if element.raw_vr == "UN" and vr != "UN" else vr
        length = None if element.undefined else element.length
        if not self._options.values and element.items is None:
            return Line(kind, level, path, tag, shown, name, length, "")
        words = value_of(self._file, self._around, path, element, vr, self._options.longest)
        return Line(kind, level, path, tag, shown, name, length, words.text, words.decoded)


def value_of(
    file: Part10File, around: Surroundings, path: Path, element: Element, vr: str, longest: int
) -> Words:
    """Return the value of an element of an opened file in words: items counted, bulk measured.

    `path` is where its data set is, `vr` the VR to read it as; see `readable.words_of`.
    """
    if element.items is not None:
        return Words(plural(len(element.items), "item"))
    if element.span is not None:
        return Words(_in_place(file, element, element.span), complete=False)
    if element.undefined:  # fragments in memory, such as those of an icon
        return Words(f"<{element.length} bytes in fragments>", complete=False)
    return words_of(element, vr, around.charset(path), longest)


def is_selected(path: Path, tag: int, vr: str, creator: str | None, options: ViewOptions) -> bool:
    """Whether one of the selectors is for an element."""
    parents = path[::2]
    return any(selects(selector, parents, tag, vr, creator) for selector in options.selectors)


def vr_to_read(element: Element, creator: str | None, options: ViewOptions) -> str:
    """The VR to read a value as: where the file does not say, what the dictionary knows."""
    if element.vr == "UN" and creator and options.private_names:
        known = private_vr(element.tag, creator)
        return known if known not in ("", "SQ") else "UN"
    return element.vr


def _in_place(file: Part10File, element: Element, span: Span) -> str:
    """Describe a value that was left in the file: `<524288 bytes>`, `<3 fragments, 2048 bytes>`."""
    if not element.undefined:
        return f"<{span.length} bytes>"
    count, total = fragments(file, span, little=element.encoding.little)
    return f"<{plural(count, 'fragment')}, {total} bytes>"


def fragments(file: Part10File, span: Span, *, little: bool) -> tuple[int, int]:
    """Count fragments and their bytes, the Basic Offset Table left out (PS3.5 A.4)."""
    offset, end, count, total = span.offset, span.offset + span.length, -1, 0
    while offset + 8 <= end:
        head = file.read(offset, 8)
        if len(head) < 8:
            break
        group, number, length = _HEAD[little](head)
        if (group, number) != _ITEM:
            break
        count += 1
        total += length if count else 0
        offset += 8 + length
    return max(count, 0), total
