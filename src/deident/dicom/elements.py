"""The token tree: parsed elements that still point into the bytes they came from.

An `Element` says where its bytes lie; nothing is decoded until somebody asks. The reader (`parse`,
`part10`) makes elements, the engine decides about them, the writer (`encode`, `part10`) puts
untouched ones back as the very bytes they came from (PS3.5 chapter 7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

UNDEFINED_LENGTH = 0xFFFFFFFF


class Encoding(NamedTuple):
    """How a data set is encoded: VR explicit or implicit, byte order (PS3.5 A.1, A.2, A.3)."""

    explicit: bool
    little: bool


IMPLICIT_LE = Encoding(explicit=False, little=True)
EXPLICIT_LE = Encoding(explicit=True, little=True)
EXPLICIT_BE = Encoding(explicit=True, little=False)


class Span(NamedTuple):
    """A value that was not loaded: `length` bytes at `offset` of the byte source."""

    offset: int
    length: int


class Element:
    """One data element, still pointing into the buffer that it was parsed from.

    Attributes:
        tag: group << 16 | element.
        vr: the value representation to work with. Implicit VR: from the dictionary. `UN` of an
            attribute that the dictionary knows: its own VR, `SQ` if it parses as a sequence.
        raw_vr: the VR as encoded; `None` in Implicit VR.
        buf: the bytes that the offsets below count in.
        start: offset of the tag.
        value_start: offset of the value (for an undefined length: of the first item).
        value_end: offset behind the value, a closing delimiter not included.
        end: offset behind the element, a closing delimiter included.
        undefined: whether the length was undefined (FFFFFFFF).
        items: the items of a sequence, else `None`. An empty sequence has an empty list.
        span: where the value lies in the source when it was not loaded (`value_start == end` in
            `buf` then); for encapsulated Pixel Data it covers all fragments and the delimiter.
        encoding: how this element is encoded (items in `UN` sequences are Implicit VR LE).
    """

    __slots__ = (
        "buf",
        "encoding",
        "end",
        "items",
        "raw_vr",
        "span",
        "start",
        "tag",
        "undefined",
        "value_end",
        "value_start",
        "vr",
    )

    def __init__(  # one slot each: this is the hottest constructor of the program
        self,
        tag: int,
        vr: str,
        raw_vr: str | None,
        buf: bytes,
        start: int,
        value_start: int,
        value_end: int,
        end: int,
        encoding: Encoding,
        *,
        undefined: bool = False,
        items: list[Item] | None = None,
        span: Span | None = None,
    ) -> None:
        self.tag = tag
        self.vr = vr
        self.raw_vr = raw_vr
        self.buf = buf
        self.start = start
        self.value_start = value_start
        self.value_end = value_end
        self.end = end
        self.encoding = encoding
        self.undefined = undefined
        self.items = items
        self.span = span

    @property
    def value(self) -> bytes:
        """The raw value bytes as they stand in the file (padding included)."""
        return self.buf[self.value_start : self.value_end]

    @property
    def raw(self) -> bytes:
        """The whole element as encoded: tag, VR, length, value, delimiter."""
        return self.buf[self.start : self.end]

    @property
    def length(self) -> int:
        """Length of the value in bytes, wherever it lies."""
        return self.span.length if self.span else self.value_end - self.value_start

    def __repr__(self) -> str:  # never the value: reprs end up in logs
        return f"<Element ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X}) {self.vr}>"


class Item:
    """One item of a sequence: its elements and where they lie (`start`: its own tag)."""

    __slots__ = (
        "buf",
        "elements",
        "encoding",
        "end",
        "start",
        "undefined",
        "value_end",
        "value_start",
    )

    def __init__(
        self,
        elements: list[Element],
        buf: bytes,
        start: int,
        value_start: int,
        value_end: int,
        end: int,
        encoding: Encoding,
        *,
        undefined: bool = False,
    ) -> None:
        self.elements = elements
        self.buf = buf
        self.start = start
        self.value_start = value_start
        self.value_end = value_end
        self.end = end
        self.encoding = encoding
        self.undefined = undefined


# One step into a tree is a tag for the sequence and the item's number, counted from 0.
Path = tuple[int, ...]


def walk(elements: list[Element], path: Path = ()) -> Iterator[tuple[Path, Element]]:
    """Yield every element of every depth, depth first, with the tags and item numbers above it.

    `path` alternates sequence tag and item number: `(0x00081140, 0)` for an element inside the
    first item of Referenced Image Sequence.
    """
    for element in elements:
        yield path, element
        if element.items:
            for number, item in enumerate(element.items):
                yield from walk(item.elements, (*path, element.tag, number))
