"""Remembered runs: what equal bytes became last time, they become again.

Within a series about nine tenths of the header bytes repeat. A decision is a pure function of the
case, the place and the element's bytes, so a `Template` keeps the last data set as runs of elements
that have not varied, each with the bytes it became. A run is compared with one `==`; only elements
known to vary are looked at. Equal bytes at an element boundary parse equally, so this is exact, not
a heuristic.

Elements that decisions about *other* elements depend on (the plan's pinned attributes, identifiers,
private creators, character sets) are never allowed to vary: when one does, the template does not
fit and the instance takes the long way.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, NamedTuple

from deident.dicom.elements import UNDEFINED_LENGTH, Element, Encoding, Item
from deident.dicom.encode import element_bytes
from deident.dicom.parse import parse_element
from deident.engine.identifiers import contributes
from deident.engine.numbers import NUMBERS, is_clean
from deident.engine.pixels import SHAPE
from deident.engine.plan import TEXT, Step
from deident.engine.private import creator_of, is_creator, open_sequences, safe_vr
from deident.engine.result import count_text

if TYPE_CHECKING:
    from deident.engine.apply import Walker
    from deident.engine.prove import Place
    from deident.engine.result import Change, Finding, TallyKey, TextKey

SPECIFIC_CHARACTER_SET = 0x00080005
_SHORT_LE, _LONG_LE = Struct("<H").unpack_from, Struct("<L").unpack_from
_SHORT_BE, _LONG_BE = Struct(">H").unpack_from, Struct(">L").unpack_from
# A removed value longer than this is not compared from one instance to the next: it is skipped
# unread.
_WORTH_COMPARING = 256
# A longer value may have been left on disk, where other rules hold.
_LARGEST = 1 << 16


class Varying(NamedTuple):
    """An element that differs from instance to instance, at a fixed place in the order.

    Attributes:
        head: its bytes up to the length field; they must be equal.
        length_at: offset of the length field from the tag.
        length_size: 2 or 4 bytes.
        kind: `constant` (skip, write `constant`), `pass` (a number, written as it is), `leaf`,
            `parse`.
        constant: the bytes that it becomes whatever its value.
        tag, raw_vr, vr: as in `Element`.
        step: what is done with it.
    """

    head: bytes
    length_at: int
    length_size: int
    kind: str
    constant: bytes
    tag: int
    raw_vr: str | None
    vr: str
    step: Step


class Entry(NamedTuple):
    """A run of elements that have not varied, and the varying element behind it, if any."""

    source: bytes
    size: int
    result: bytes
    varying: Varying | None


class Template:
    """One data set as it was last time: runs, varying elements, and the record of the runs."""

    __slots__ = (
        "changes",
        "encoding",
        "entries",
        "findings",
        "hits",
        "misses",
        "nested",
        "place",
        "raws",
        "texts",
        "uids",
        "used",
        "varying_tags",
    )

    def __init__(self, place: Place, encoding: Encoding) -> None:
        """An empty template of the data sets at `place`; its item number does not count."""
        self.place = place
        self.encoding = encoding
        self.varying_tags: set[int] = set()
        self.entries: list[Entry] = []
        self.raws: dict[int, bytes] = {}
        self.changes: list[Change] = []
        self.findings: list[Finding] = []
        self.uids: list[tuple[str, str]] = []
        self.texts: list[TextKey] = []
        self.nested: list[Template] = []
        self.hits = 0
        self.misses = 0
        self.used = False

    def run(self, buf: bytes, pos: int, walker: Walker) -> tuple[list[bytes], int] | None:
        """New bytes of the data set at `pos` and where it ends, or `None` if it differs."""
        out = []
        startswith = buf.startswith
        for source, size, result, varying in self.entries:
            if not startswith(source, pos):
                return None
            pos += size
            out.append(result)
            if varying is None:
                continue
            if not startswith(varying.head, pos):
                return None
            end = self._varying(buf, pos, varying, walker, out)
            if end < 0:
                return None
            pos = end
        walker.templates.append(self)
        return out, pos

    def _varying(
        self, buf: bytes, pos: int, varying: Varying, walker: Walker, out: list[bytes]
    ) -> int:
        """Append the new bytes of a varying element; return where it ends, or -1 to give up."""
        kind = varying.kind
        if kind == "parse":
            return self._parsed(buf, pos, varying, walker, out)
        length_at = pos + varying.length_at
        little = self.encoding.little
        try:
            if varying.length_size == 2:
                (length,) = (_SHORT_LE if little else _SHORT_BE)(buf, length_at)
            else:
                (length,) = (_LONG_LE if little else _LONG_BE)(buf, length_at)
        except struct_error:
            return -1
        start = length_at + varying.length_size
        end: int = start + length
        if length == UNDEFINED_LENGTH or end > len(buf):
            return -1
        if kind == "constant":
            out.append(varying.constant)
        elif length > _LARGEST:
            return -1
        elif kind == "pass":
            if not is_clean(walker.case.matcher, varying.tag, varying.vr, buf[start:end]):
                return -1
            out.append(buf[pos:end])
        else:
            out.append(self._leaf(buf, pos, start, end, varying, walker))
        return end

    def _leaf(
        self, buf: bytes, pos: int, start: int, end: int, varying: Varying, walker: Walker
    ) -> bytes:
        element = Element(
            varying.tag, varying.vr, varying.raw_vr, buf, pos, start, end, end, self.encoding
        )
        return walker.leaf(element, varying.vr, varying.step, self.place)

    def _parsed(
        self, buf: bytes, pos: int, varying: Varying, walker: Walker, out: list[bytes]
    ) -> int:
        element = parse_element(buf, pos, len(buf), self.encoding)
        if walker.scope.plan.private.safe:
            open_sequences([element])
        if element.vr != varying.vr or element.span is not None or contributes(element):
            return -1
        walker.note_own_uids([element])
        if varying.step.constant:
            out.append(varying.constant)
        elif holds_blob(element):
            return -1
        else:
            out.append(walker.element(element, varying.vr, varying.step, self.place))
        return element.end

    def record(self, walker: Walker, since: Record, until: Record) -> None:
        """Take over what the walker recorded for one element of a run."""
        self.changes += walker.changes[since.changes : until.changes]
        self.findings += walker.findings[since.findings : until.findings]
        self.uids += walker.uids[since.uids : until.uids]
        self.texts += walker.texts[since.texts : until.texts]
        self.nested += walker.templates[since.templates : until.templates]

    def tally(self, into: dict[TallyKey, int], texts: dict[TextKey, int]) -> None:
        """Add what the runs stand for to statistics, as often as they were used, and start anew."""
        times, self.hits = self.hits, 0
        self._count(into, texts, times)

    def _count(self, into: dict[TallyKey, int], texts: dict[TextKey, int], times: int) -> None:
        for text in self.texts:
            count_text(texts, text, times)
        for change in self.changes:
            key = (change.tag, change.action, change.code, change.outcome, change.origin)
            into[key] = into.get(key, 0) + times
        for template in self.nested:
            template._count(into, texts, times)

    def apply_item(self, item: Item, walker: Walker) -> bytes | None:
        """New content of an item that fits the template, else `None`."""
        before = walker.record()
        found = self.run(item.buf, item.value_start, walker)
        told = len(walker.findings) > before.findings  # with the item number of another item
        if found is not None and found[1] == item.value_end and not told:
            content = b"".join(found[0])
            if not walker.may_hold_own_uids(content):
                walker.uids += self.uids
                self.used = True
                return content
        walker.forget(before)
        return None


class Record(NamedTuple):
    """How far the walker's record went: counts of changes, findings, UIDs, templates and texts."""

    changes: int = 0
    findings: int = 0
    uids: int = 0
    templates: int = 0
    texts: int = 0


class Part(NamedTuple):
    """One element of a data set that was walked, or one that is inserted.

    Attributes:
        tag: group << 16 | element.
        element: as it was read; `None` for something inserted.
        result: the bytes it became.
        record: the walker's record after it; `None` for something inserted.
    """

    tag: int
    element: Element | None
    result: bytes
    record: Record | None


def remember(
    last: Template | None,
    parts: list[Part],
    walker: Walker,
    since: Record,
    template: Template,
) -> Template:
    """Fill a new template with a data set that was just walked the long way.

    What differs from `last` may vary from now on. `since` is the walker's record before the walk.
    """
    if last is not None:
        template.varying_tags |= last.varying_tags
    owners = walker.owners([part.element for part in parts if part.element is not None])
    source: list[bytes] = []
    result: list[bytes] = []
    for part in parts:
        element = part.element
        if element is None or part.record is None:
            result.append(part.result)
            continue
        varying = _learn(element, last, walker, owners, template)
        if varying and varying.kind == "pass":
            told = part.record.findings > since.findings
            if told or part.result != element.raw:  # not what becomes of the next value
                varying = varying._replace(kind="leaf")
        if varying is None:
            source.append(element.raw)
            result.append(part.result)
        else:
            template.entries.append(_entry(source, result, varying))
            source, result = [], []
        constant = varying and varying.step.constant and varying.kind != "leaf"
        if varying is None or constant or varying.kind == "pass":
            template.record(walker, since, part.record)  # the same for every value
        since = part.record
    template.entries.append(_entry(source, result, None))
    return template


def _learn(
    element: Element,
    last: Template | None,
    walker: Walker,
    owners: dict[int, str],
    template: Template,
) -> Varying | None:
    """How the template handles an element; `None`: it is compared with its run."""
    if not may_vary(element, walker, template.place.parents):
        return None
    if element.vr == "UN" and safe_vr(element.tag, creator_of(element.tag, owners)) == "SQ":
        return None  # the next value may be a sequence in which somebody is named
    vr, step = walker.step_of(element, template.place.parents, owners)
    raw = element.raw
    if last is not None and last.raws.get(element.tag, raw) != raw:
        template.varying_tags.add(element.tag)
    if step.constant and element.length > _WORTH_COMPARING:
        template.varying_tags.add(element.tag)
    varying = None
    if element.tag in template.varying_tags:
        varying = _varying(element, vr, step)
    if varying is None:
        template.raws[element.tag] = raw
    return varying


def may_vary(element: Element, walker: Walker, parents: tuple[int, ...]) -> bool:
    """Whether no decision about another element can depend on this one."""
    tag = element.tag
    if element.span is not None or tag == SPECIFIC_CHARACTER_SET or contributes(element):
        return False
    if is_creator(element):
        return False
    return bool(parents) or (tag not in walker.scope.plan.pinned and tag not in SHAPE)


def holds_blob(element: Element) -> bool:
    """Whether a value of no text or number is in an element or below it.

    Such values are searched for all UIDs of their instance, so what became of one says nothing
    about the next.
    """
    if element.items is None:
        return element.vr not in TEXT and element.vr not in NUMBERS and element.length > 0
    return any(holds_blob(inner) for item in element.items for inner in item.elements)


def _entry(source: list[bytes], result: list[bytes], varying: Varying | None) -> Entry:
    joined = b"".join(source)
    return Entry(joined, len(joined), b"".join(result), varying)


def _varying(element: Element, vr: str, step: Step) -> Varying | None:
    """How to handle an element that may differ next time; `None` to compare it all the same."""
    head_size = element.value_start - element.start
    explicit = element.raw_vr is not None
    length_at, length_size = (6, 2) if explicit and head_size == 8 else (head_size - 4, 4)
    head = element.buf[element.start : element.start + length_at]
    # A sequence is always parsed, even one that goes: somebody may be named in it (`contributes`).
    nested = element.items is not None or element.undefined or vr in ("SQ", "UN")
    constant = b""
    if step.constant and vr != "UI":  # a UID that goes must be known: it may stand elsewhere
        kind = "parse" if nested else "constant"
        if step.action == "empty":
            constant = element_bytes(element.tag, vr, b"", element.encoding)
    elif nested:
        kind = "parse"
    elif step.action == "keep" and step.when is None and vr in NUMBERS and vr != "UI":
        kind = "pass"
    elif vr in TEXT or vr in NUMBERS or step.trusted:
        kind = "leaf"
    else:  # a blob is searched for all UIDs of its instance: it takes the long way
        return None
    return Varying(
        head, length_at, length_size, kind, constant, element.tag, element.raw_vr, vr, step
    )
