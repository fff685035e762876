"""The use case `diff`: two instances element by element, and why each difference is there.

Data sets are aligned by tag, items by number. Values that stay in the files are compared by hash,
read in pieces. What is the same is counted, and listed when that is asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from deident.app.readable import Words, attribute_name
from deident.app.reading import Surroundings, meta_elements
from deident.app.reasons import CLEARED, META, Reasoner, Reasons, Why
from deident.app.viewing import ViewOptions, value_of, vr_to_read
from deident.dicom.elements import Element, Item, Path
from deident.dicom.encode import swap_vr_bytes
from deident.dicom.part10 import Part10File

Status = Literal["same", "changed", "removed", "added"]

_PREAMBLE = 128


class Difference(NamedTuple):
    """One element in both files, or in one.

    Attributes:
        status: `same`, `changed`, `removed`, `added`.
        path: sequence tags and item numbers above it.
        tag, vr: of the element; of the cleaned one if it is in both.
        name: keyword; of a private attribute its name in brackets.
        before, after: values in words; `None` where the element is not.
        before_hash, after_hash: SHA-256 of values that were compared by hash, else empty.
        inside: elements at every depth of a sequence that was removed or added.
        why: what the profile says about it; `None` without a profile, or where it says nothing.
        expected: whether the profile explains the status.
    """

    status: Status
    path: Path
    tag: int
    vr: str
    name: str
    before: Words | None
    after: Words | None
    before_hash: str = ""
    after_hash: str = ""
    inside: int = 0
    why: Why | None = None
    expected: bool = True


class Comparison(NamedTuple):
    """Two instances compared.

    Attributes:
        counts: how many elements have each status; a removed sequence counts as one.
        unexpected: how many differences the profile does not explain.
        differences: in the order of tags; those that are the same only if asked for.
        structure: codes of what differs besides elements: `preamble-cleared`, notes of the reader.
        failure: why the profile would quarantine the original, or empty.
    """

    counts: Counter[str]
    unexpected: int
    differences: tuple[Difference, ...]
    structure: tuple[str, ...]
    failure: str


def compare(
    original: Part10File,
    cleaned: Part10File,
    reasoner: Reasoner | None,
    *,
    longest: int = 80,
    same: bool = False,
) -> Comparison:
    """Compare two opened files.

    Args:
        original, cleaned: from `reading.open_instance`.
        reasoner: explains differences by a profile.
        longest: characters of a value in words, 0 for any number.
        same: list elements that are the same too.

    Raises:
        InstanceError: one of them cannot be read any more.
    """
    reasons = reasoner.ask(os.fspath(original.path)) if reasoner else None
    exact = reasoner is not None and reasoner.exact
    walk = _Walk(_Side(original), _Side(cleaned), reasons, exact=exact, longest=longest)
    counts: Counter[str] = Counter()
    kept: list[Difference] = []
    unexpected = 0
    for found in walk.run():
        counts[found.status] += 1
        unexpected += not found.expected
        if same or found.status != "same" or not found.expected:
            kept.append(found)
    failure = reasons.failure if reasons else ""
    return Comparison(
        counts, unexpected, tuple(kept), tuple(_structure(original, cleaned)), failure
    )


def _structure(original: Part10File, cleaned: Part10File) -> Iterator[str]:
    if any(_preamble(original)) and not any(_preamble(cleaned)):
        yield "preamble-cleared"
    yield from original.notes


def _preamble(opened: Part10File) -> bytes:
    """The first 128 bytes of a file that has a preamble (PS3.10 7.1)."""
    with open(opened.path, "rb") as file:  # noqa: PTH123 - the name may be no text
        head = file.read(_PREAMBLE + 4)
    return head[:_PREAMBLE] if head[_PREAMBLE:] == b"DICM" else b""


class _Side:
    """One of the two files."""

    def __init__(self, file: Part10File) -> None:
        self.file = file
        self.elements = file.elements()
        self.around = Surroundings(self.elements)

    def digest(self, element: Element) -> str:
        """SHA-256 of a value that was left in the file."""
        if element.span is None:
            return ""
        found = hashlib.sha256()
        for piece in self.file.source.chunks(element.span.offset, element.span.length):
            found.update(piece)
        return found.hexdigest()


class _Walk:
    """Walks two trees side by side, and with them what a run would make of the first."""

    def __init__(
        self, left: _Side, right: _Side, reasons: Reasons | None, *, exact: bool, longest: int
    ) -> None:
        self._left, self._right = left, right
        self._reasons = reasons if reasons and not reasons.failure else None
        self._exact = exact
        self._longest = longest
        self._options = ViewOptions()

    def run(self) -> Iterator[Difference]:
        """Yield every element of both, the file meta information first."""
        meta = meta_elements(self._left.file), meta_elements(self._right.file)
        yield from self._data_sets(*meta, [], ())
        planned = self._reasons.planned if self._reasons else []
        yield from self._data_sets(self._left.elements, self._right.elements, planned, ())

    def _data_sets(
        self, left: list[Element], right: list[Element], planned: list[Element], path: Path
    ) -> Iterator[Difference]:
        """Compare two data sets; one of them may be empty."""
        before, after, plan = (
            {element.tag: element for element in elements} for elements in (left, right, planned)
        )
        for tag in sorted(before.keys() | after.keys()):
            trio = _Trio(before.get(tag), after.get(tag), plan.get(tag))
            yield self._judged(self._difference(trio, path), trio)
            if trio.before is not None and trio.after is not None:
                yield from self._inside(trio, (*path, tag))

    def _inside(self, trio: _Trio, path: Path) -> Iterator[Difference]:
        """What is inside the items of two sequences, by number."""
        before, after, plan = (element.items if element else None for element in trio)
        if before is None or after is None:
            return
        for number in range(max(len(before), len(after))):
            left, right, planned = (_elements(items, number) for items in (before, after, plan))
            yield from self._data_sets(left, right, planned, (*path, number))

    def _difference(self, trio: _Trio, path: Path) -> Difference:
        """The element itself; of a sequence that is in both, the number of its items."""
        before, after, _ = trio
        side, element = (self._right, after) if after is not None else (self._left, before)
        if element is None:
            raise ValueError("neither file has the element")
        hashes = "", ""
        if before and after and before.span and after.span:
            hashes = self._left.digest(before), self._right.digest(after)
        status = _status(before, after, same_bulk=hashes[0] == hashes[1])
        return Difference(
            status,
            path,
            element.tag,
            *self._names(side, path, element),
            self._words(self._left, path, before),
            self._words(self._right, path, after),
            *hashes,
            inside=_count(element.items or []),
        )

    def _names(self, side: _Side, path: Path, element: Element) -> tuple[str, str]:
        """VR and name."""
        creator = side.around.creator(path, element.tag)
        vr = vr_to_read(element, creator, self._options)
        return vr, attribute_name(element.tag, creator)

    def _words(self, side: _Side, path: Path, element: Element | None) -> Words | None:
        if element is None:
            return None
        vr = vr_to_read(element, side.around.creator(path, element.tag), self._options)
        return value_of(side.file, side.around, path, element, vr, self._longest)

    def _judged(self, found: Difference, trio: _Trio) -> Difference:
        """With what the profile says, and whether that is what is seen."""
        if self._reasons is None:
            return found
        why = self._reasons.why(found.path, found.tag)
        if why is META or why is CLEARED:
            return found._replace(why=why)
        if trio.before is None and trio.planned is None:
            return found._replace(why=why, expected=False)
        status = _status(trio.before, trio.planned, same_bulk=True)
        expected = found.status == status and not (self._exact and _differ(trio))
        return found._replace(why=why, expected=expected)


class _Trio(NamedTuple):
    """An element in the original, in the cleaned file, and in what a run would write."""

    before: Element | None
    after: Element | None
    planned: Element | None


def _elements(items: list[Item] | None, number: int) -> list[Element]:
    """The elements of an item; none if there is no such item."""
    return items[number].elements if items and number < len(items) else []


def _status(before: Element | None, after: Element | None, *, same_bulk: bool) -> Status:
    """What became of an element; values on disk are the same if their lengths are and `same_bulk`.

    Sequences are the same if they have as many items.
    """
    if before is None:
        return "added"
    if after is None:
        return "removed"
    if before.items is not None and after.items is not None:
        return "same" if len(before.items) == len(after.items) else "changed"
    if before.undefined != after.undefined or before.length != after.length:
        return "changed"
    if before.span is not None and after.span is not None:
        return "same" if same_bulk else "changed"
    return "same" if _value(before) == _value(after) else "changed"


def _differ(trio: _Trio) -> bool:
    """Whether the cleaned value is not the one that the project gives."""
    _, after, planned = trio
    if after is None or planned is None or after.span or planned.span:
        return False
    return after.items is None and _value(after) != _value(planned)


def _value(element: Element) -> bytes:
    """The value in one byte order."""
    if element.encoding.little:
        return element.value
    return swap_vr_bytes(element.vr, element.value)


def _count(items: list[Item]) -> int:
    """Elements at every depth of some items."""
    return sum(1 + _count(element.items or []) for item in items for element in item.elements)
