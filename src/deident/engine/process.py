"""One instance through the engine: open, decide, prove; ready to be written.

`Engine` lives as long as a worker and remembers what the last instances looked like. `Prepared` is
one instance of which every byte that would be written has been decided and searched; nothing has
been written yet.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal, NamedTuple

from deident.dicom import part10
from deident.dicom.elements import Encoding, Span
from deident.dicom.encode import element_bytes, new_items
from deident.dicom.parse import Limits
from deident.dicom.part10 import Part10File
from deident.engine.apply import Place, Walker, with_content
from deident.engine.case import Case, Cases, renewable_uids
from deident.engine.markers import (
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_METHOD_CODES,
    Existing,
    Insertion,
    existing,
    markers,
)
from deident.engine.memo import Part, Record, Template, remember
from deident.engine.overlays import BitPlanes, embedded, write_cleared
from deident.engine.plan import Plan
from deident.engine.pseudonyms import Identity
from deident.engine.result import InstanceResult, TallyKey
from deident.engine.verify import search_uids
from deident.errors import InstanceError
from deident.profiles.expression import ExpressionError

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
SERIES_INSTANCE_UID = 0x0020000E
PATIENT_ID = 0x00100020
DIRECTORY_RECORDS = 0x00041220

# Attributes whose new values can stand in the name of an output.
NAMING = {
    0x00080060: "Modality",
    0x00100010: "PatientName",
    0x00100020: "PatientID",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00080018: "SOPInstanceUID",
    0x00080016: "SOPClassUID",
    0x00080020: "StudyDate",
    0x00200011: "SeriesNumber",
    0x00200013: "InstanceNumber",
}
# Refusals of the strict reader after which a lenient second reading may still succeed.
_READING = frozenset({"bad-length", "bad-vr", "bad-structure", "bad-meta", "not-dicom"})
_KEPT_TEMPLATES = 64
_SLACK = 2048


class _Top(NamedTuple):
    """A remembered instance: the template of its top level and what lies around it.

    `bulk` holds the bytes of the Pixel Data element up to its length, empty without Pixel Data;
    `naming` the values for output names that do not vary, `varying` which parts of the template's
    output hold the others; `size` is the header's length in bytes.
    """

    case: Case
    template: Template
    bulk: bytes
    naming: dict[str, str]
    varying: tuple[tuple[str, int], ...]
    size: int

    def names(self, out: list[bytes]) -> dict[str, str]:
        """New values for output names, given the template's output."""
        explicit = self.case.key.encoding.explicit
        return self.naming | {name: _text(out[index], explicit) for name, index in self.varying}


class Prepared:
    """One instance, decided and proven, not yet written.

    Attributes:
        result: what was done with it.
    """

    def __init__(
        self,
        file: Part10File,
        meta: bytes,
        chunks: list[bytes | Span],
        result: InstanceResult,
        planes: BitPlanes | None = None,
    ) -> None:
        """Hold what `write` will write; `planes` are bits of Pixel Data to clear on the way."""
        self._file = file
        self._meta = meta
        self._planes = planes
        self._chunks = chunks
        self.result = result
        self._commit: Callable[[], None] | None = None

    def on_commit(self, action: Callable[[], None]) -> None:
        """What to do once the output is in place."""
        self._commit = action

    @property
    def naming(self) -> dict[str, str]:
        """New values that an output name can use, by keyword."""
        return self.result.naming

    def write(self, fd: int) -> int:
        """Write the new file to `fd`, return its size in bytes.

        Raises:
            InstanceError: the source shrank or cannot be read any more.
            OSError: the output cannot be written.
        """
        if self._planes is None:
            return part10.write(fd, self._meta, self._chunks, self._file)
        return write_cleared(fd, self._meta, self._chunks, self._file, self._planes)

    def commit(self) -> None:
        """Count this instance in the engine's statistics: call it once the output is in place."""
        if self._commit is not None:
            self._commit()
            self._commit = None

    def close(self) -> None:
        """Close the source file."""
        self._file.close()

    def __enter__(self) -> Prepared:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Engine:
    """Takes instances through a plan, one after the other, remembering the last ones."""

    def __init__(
        self,
        plan: Plan,
        identity: Identity,
        *,
        limits: Limits | None = None,
        remembering: bool = True,
        details: bool = False,
    ) -> None:
        """Make an engine for one worker.

        `remembering=False` takes every instance the long way, with the same result; `details` puts
        every single decision into the result, which needs the long way too.
        """
        self.plan = plan
        self._limits = limits or Limits()
        self._remembering = remembering and not details
        self._details = details
        self._cases = Cases(plan, identity)
        self._tops: OrderedDict[bytes, _Top] = OrderedDict()
        self._latest: _Top | None = None
        self._window = 65536
        self._told: set[str] = set()
        self._tally: dict[TallyKey, int] = {}
        self._hit: dict[int, Template] = {}

    def prepare(self, path: str) -> Prepared:
        """Open, decide and prove one instance.

        Raises:
            InstanceError: it cannot be processed, or not be proven clean.
        """
        return self._prepare(
            lambda: part10.open(path, self._limits, window=self._window),
            lambda: _reread(path, self._limits),
        )

    def prepare_bytes(self, data: bytes) -> Prepared:
        """Decide and prove one instance that is in memory as a DICOM file; see `prepare`."""
        return self._prepare(
            lambda: part10.from_bytes(data, limits=self._limits),
            lambda: _reread_bytes(data, self._limits),
        )

    def _prepare(
        self, read: Callable[[], Part10File], reread: Callable[[], Part10File]
    ) -> Prepared:
        """The strict reading, and a lenient one of what it refuses: both take the same way."""
        try:
            return self._closing(read(), self._decided)
        except InstanceError as error:
            if error.code not in _READING:
                raise
            refusal = error
        try:
            file = reread()
        except InstanceError:
            raise refusal from None
        return self._closing(file, self._walk)

    def _closing(self, file: Part10File, go: Callable[[Part10File], Prepared]) -> Prepared:
        try:
            return go(file)
        except BaseException:
            file.close()
            raise

    def _decided(self, file: Part10File) -> Prepared:
        return (self._remembered(file) if self._remembering else None) or self._walk(file)

    # -- the long way -----------------------------------------------------------------------------

    def _walk(self, file: Part10File) -> Prepared:
        """Take an instance through every decision."""
        elements = file.elements()
        if any(element.tag == DIRECTORY_RECORDS for element in elements):
            raise InstanceError("dicomdir")
        case = self._cases.find(elements, file.encoding, file.transfer_syntax)
        self._filter(case)
        ordered = sorted(elements, key=lambda element: element.tag)
        notes = file.notes + (() if ordered == elements else ("reordered",))
        walker = Walker(
            case,
            read=file.read,
            remembering=self._remembering,
            own_uids=renewable_uids(elements, self.plan.standard),
        )
        parts = self._with_markers(walker.level(ordered, Place((), (), case.charset)), case)
        naming = _naming(parts, file.encoding.explicit)
        chunks = self._chunks(parts, walker)
        header = b"".join([part.result for part in parts])
        if search_uids(header, _renewed(walker)) and not self.plan.keeps_uids:
            raise InstanceError("identifier-left", "an original UID is left in an unknown value")
        planes = embedded(ordered) if self.plan.standard else None
        if self._remembering and notes == file.notes and planes is None:
            self._remember(file, parts, walker, naming)
        result = InstanceResult(
            naming,
            tuple(walker.findings),
            notes,
            self._new_uids(walker.uids),
            (case.patient_id, naming.get("PatientID", "")),
            tuple(walker.changes) if self._details else (),
        )
        meta = part10.build_meta(*_sop(case, file, naming), file.transfer_syntax)
        prepared = Prepared(file, meta, chunks, result, planes)
        prepared.on_commit(lambda: self._count(walker, result))
        return prepared

    def _filter(self, case: Case) -> None:
        """Let the filters decide: the first that holds wins; one that fails quarantines."""
        for expression, verdict, origin in self.plan.filters:
            try:
                holds = expression.evaluate(case.context.lookup)
            except ExpressionError as error:
                raise InstanceError("filter-failed", f"the filter {origin} failed") from error
            if holds:
                if verdict == "accept":
                    return
                raise InstanceError("filter" if verdict == "quarantine" else "filtered", origin)

    def _with_markers(self, parts: list[Part], case: Case) -> list[Part]:
        """The parts, and what says what was done at its place (PS3.15 E.1.1)."""
        encoding = case.key.encoding
        waiting = list(reversed(markers(self.plan.performed, _existing(parts))))
        marked: list[Part] = []
        for part in parts:
            while waiting and waiting[-1].tag <= part.tag:
                new = waiting.pop()
                there = part.result if new.tag == part.tag else b""
                marked.append(Part(new.tag, None, _inserted(new, there, part, encoding), None))
                if new.tag == part.tag:
                    part = part._replace(result=b"")
            marked.append(part)
        marked += [
            Part(new.tag, None, _inserted(new, b"", None, encoding), None)
            for new in reversed(waiting)
        ]
        return marked

    def _chunks(self, parts: list[Part], walker: Walker) -> list[bytes | Span]:
        """What will be written behind the file meta information, bytes joined, bulk as spans."""
        chunks: list[bytes | Span] = []
        waiting: list[bytes] = []
        for part in parts:
            waiting.append(part.result)
            span = walker.spans.get(part.tag) if part.element is not None else None
            if span is not None:
                chunks += [b"".join(waiting), span]
                waiting = []
        return [*chunks, b"".join(waiting)]

    def _new_uids(self, pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The pairs that this engine has not told of yet."""
        return tuple({old: (old, new) for old, new in pairs if old not in self._told}.values())

    def _count(self, walker: Walker, result: InstanceResult) -> None:
        for change in walker.changes:
            key = (change.tag, change.action, change.code, change.outcome, change.origin)
            self._tally[key] = self._tally.get(key, 0) + 1
        self._count_templates(walker.templates, result)

    def _count_templates(self, templates: list[Template], result: InstanceResult) -> None:
        self._told.update(old for old, _ in result.uids)
        for template in templates:
            template.hits += 1
            self._hit[id(template)] = template

    def take_tally(self) -> dict[TallyKey, int]:
        """Statistics of the committed instances since the last call: how often what was done."""
        for template in self._hit.values():
            template.tally(self._tally)
        self._hit.clear()
        tally, self._tally = self._tally, {}
        return tally

    # -- the short way ----------------------------------------------------------------------------

    def _remember(
        self, file: Part10File, parts: list[Part], walker: Walker, naming: dict[str, str]
    ) -> None:
        """Keep this instance for comparison if it is a header with at most Pixel Data behind it."""
        bulk, behind = b"", parts[-1]
        if behind.element is not None and behind.element.span is not None:
            parts = parts[:-1]
            bulk = behind.element.buf[behind.element.start : behind.element.value_start - 4]
        size = max((part.element.end for part in parts if part.element), default=0) + len(bulk)
        buf = file.header
        if any(
            part.element and (part.element.span or part.element.buf is not buf) for part in parts
        ):
            return
        key = _series_key(buf, file.encoding)
        last = self._tops.get(key)
        template = remember(
            last.template if last and last.case is walker.case else None,
            parts,
            walker,
            Record(),
            Template(Place((), (), walker.case.charset), file.encoding),
        )
        if bulk and behind.record is not None:
            before = next((part.record for part in reversed(parts) if part.record), Record())
            template.record(walker, before, behind.record)
        varying = tuple(
            (NAMING[entry.varying.tag], 2 * number + 1)
            for number, entry in enumerate(template.entries)
            if entry.varying is not None and entry.varying.tag in NAMING
        )
        self._tops[key] = self._latest = _Top(walker.case, template, bulk, naming, varying, size)
        self._window = _SLACK + max(top.size for top in self._tops.values())
        self._tops.move_to_end(key)
        if len(self._tops) > _KEPT_TEMPLATES:
            self._tops.popitem(last=False)

    def _remembered(self, file: Part10File) -> Prepared | None:
        """Take the short way, if the header is one that is remembered but for what varies."""
        latest = self._latest
        if latest is None:
            return None
        if latest.case.key.transfer_syntax == file.transfer_syntax:
            prepared = self._try(latest, file)
            if prepared is not None:
                return prepared
        other = self._tops.get(_series_key(file.header, file.encoding))
        if (
            other is None
            or other is latest
            or other.case.key.transfer_syntax != file.transfer_syntax
        ):
            return None
        self._latest = other
        return self._try(other, file)

    def _try(self, top: _Top, file: Part10File) -> Prepared | None:
        case, buf = top.case, file.header
        if case.key.encoding != file.encoding:
            return None
        walker = Walker(case, read=file.read, remembering=True)
        found = top.template.run(buf, 0, walker)
        if found is None:
            return None
        out, end = found
        tail = _tail(file, buf, end, top.bulk)
        if tail is None:
            return None
        header = b"".join(out)
        if walker.uids and search_uids(header, _renewed(walker)):
            return None
        naming = top.names(out)
        result = InstanceResult(
            naming,
            (*top.template.findings, *walker.findings),
            file.notes,
            self._new_uids(top.template.uids + walker.uids),
            (case.patient_id, naming.get("PatientID", "")),
        )
        meta = part10.build_meta(*_sop(case, file, naming), file.transfer_syntax)
        prepared = Prepared(file, meta, [header, *tail], result)
        prepared.on_commit(lambda: self._count(walker, result))
        return prepared


def _reread(path: str, limits: Limits) -> Part10File:
    """The second reading, loaded when it is needed: it brings pydicom along."""
    from deident.dicom.lenient import reread

    return reread(path, limits)


def _reread_bytes(data: bytes, limits: Limits) -> Part10File:
    from deident.dicom.lenient import reread_bytes

    return reread_bytes(data, limits)


def _renewed(walker: Walker) -> frozenset[bytes]:
    return frozenset(old.encode() for old, new in walker.uids if old != new)


def _text(element: bytes, explicit: bool) -> str:
    """The value of an encoded element of a text VR or UI, as plain text."""
    start = 8
    if explicit and element[4:6] in (b"UC", b"UR", b"UT", b"UN"):
        start = 12
    return element[start:].decode("ascii", "replace").strip(" \0")


def _naming(parts: list[Part], explicit: bool) -> dict[str, str]:
    named = ((part.tag, part.result) for part in parts if part.tag in NAMING and part.result)
    return {NAMING[tag]: _text(result, explicit) for tag, result in named}


def _sop(case: Case, file: Part10File, naming: dict[str, str]) -> tuple[str, str]:
    """SOP Class and new SOP Instance UID for the file meta information (PS3.10 7.1).

    Raises:
        InstanceError: `missing-uid`.
    """
    sop_class, instance = naming.get("SOPClassUID", ""), naming.get("SOPInstanceUID", "")
    if not sop_class or not instance:
        raise InstanceError("missing-uid")
    return sop_class, instance


def _existing(parts: list[Part]) -> Existing:
    """What of earlier markers has survived the walk and is added to."""
    left = {part.tag: part for part in parts if part.element is not None and part.result}
    method = b""
    if (text := left.get(DEIDENTIFICATION_METHOD)) is not None and text.element is not None:
        method = text.result[text.element.value_start - text.element.start :].rstrip(b" \0")
    codes = left.get(DEIDENTIFICATION_METHOD_CODES)
    return Existing(method, existing([codes.element] if codes and codes.element else ()).codes)


def _inserted(new: Insertion, there: bytes, part: Part | None, encoding: Encoding) -> bytes:
    """The bytes of a marker; `there` is what the output has of it so far."""
    value = new.value
    if isinstance(value, bytes):
        return element_bytes(new.tag, new.vr, value, encoding)
    items = new_items(value, encoding)
    if not (new.append and there and part and part.element):
        return element_bytes(new.tag, new.vr, items, encoding)
    head = part.element.value_start - part.element.start
    old = there[head:-8] if part.element.undefined else there[head:]
    return with_content(part.element, old + items)


def _series_key(header: bytes, encoding: Encoding) -> bytes:
    """Bytes that are likely to tell series apart: a hint where to look, never a proof."""
    at = header.find(b"\x20\0\x0e\0" if encoding.little else b"\0\x20\0\x0e")
    return header[at : at + 72] if at >= 0 else header[:72]


def _tail(file: Part10File, buf: bytes, end: int, bulk: bytes) -> list[bytes | Span] | None:
    """Pixel Data behind a header that was recognised, `None` unless it ends with the file."""
    if not bulk:
        return [] if file.start + end == file.size else None
    if not buf.startswith(bulk, end):
        return None
    value_at = end + len(bulk) + 4
    order: Literal["little", "big"] = "little" if file.encoding.little else "big"
    span = file.bulk_at(value_at, int.from_bytes(buf[value_at - 4 : value_at], order))
    if span is None or span.offset + span.length != file.size:
        return None
    return [buf[end:value_at], span]
