"""What is decided about one element: the subject an action sees and the decision it returns."""

from __future__ import annotations

from typing import Literal, NamedTuple

from deident.dicom.charsets import Charset
from deident.dicom.elements import Encoding, Path

# A new element inside a replacement item: (tag, VR, value bytes or the items of a nested sequence).
NewElement = tuple[int, str, "bytes | NewItems"]
NewItems = tuple[tuple[NewElement, ...], ...]


class Subject(NamedTuple):
    """One element as an action sees it.

    Attributes:
        tag: group << 16 | element.
        vr: value representation to work with.
        value: raw bytes, padding included; empty for a sequence.
        path: sequence tags and item numbers above the element, see `elements.walk`.
        type: attribute type in the instance's IOD (`1`, `1C`, `2`, `2C`, `3`), `None` if not known.
        encoding: how the element is encoded; matters for binary VRs.
        sequence: whether it has items.
        charset: the character set of its data set, where an item declares one of its own; `None`:
            that of the context.
    """

    tag: int
    vr: str
    value: bytes
    path: Path
    type: str | None
    encoding: Encoding
    sequence: bool
    charset: Charset | None = None


class Decision(NamedTuple):
    """What becomes of the element.

    Attributes:
        kind: `keep` (a sequence: go on inside), `remove`, `value` (new raw bytes), `items` (new
            items in place of a sequence's).
        value: for `value`: the new raw bytes, not yet padded; empty means present without value.
        items: for `items`: the new items; an empty tuple leaves an empty sequence.
        note: code of why it is not what the action is for, e.g. `bad-date`; else empty.
    """

    kind: Literal["keep", "remove", "value", "items"]
    value: bytes = b""
    items: NewItems = ()
    note: str = ""


KEEP = Decision("keep")
REMOVE = Decision("remove")
EMPTY = Decision("value")
EMPTY_SEQUENCE = Decision("items")
