"""One instance through the engine: open, decide, prove; ready to be written.

`Engine` lives as long as a worker and remembers what the last instances looked like. `Prepared` is
one instance of which every byte that would be written has been decided and searched; nothing has
been written yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from deident.dicom import part10
from deident.dicom.elements import Element, Encoding, Span
from deident.dicom.encode import element_bytes, new_items
from deident.dicom.parse import PIXEL_DATA, PIXEL_TAGS, Limits
from deident.dicom.part10 import Part10File
from deident.dicom.syntaxes import NATIVE
from deident.engine.apply import Walker
from deident.engine.case import Case, Cases, renewable_uids
from deident.engine.markers import (
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_METHOD_CODES,
    Existing,
    Insertion,
    existing,
    markers,
)
from deident.engine.memo import Part, Template
from deident.engine.overlays import BitPlanes, embedded, write_cleared
from deident.engine.pixels import unseen
from deident.engine.plan import Plan
from deident.engine.private import open_sequences
from deident.engine.prove import Place
from deident.engine.pseudonyms import Identity
from deident.engine.recall import NAMING, Recall, holds_original_uids, value_text
from deident.engine.result import InstanceResult, TallyKey, TextKey, count_text
from deident.engine.verify import search_uids
from deident.engine.wrapping import with_content
from deident.errors import InstanceError

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
DIRECTORY_RECORDS = 0x00041220

_MOST_TOLD = 50_000
_WINDOW = 1 << 20
# Refusals of the strict reader after which a lenient second reading may still succeed.
READING_ERRORS = frozenset({"bad-length", "bad-vr", "bad-structure", "bad-meta", "not-dicom"})
# Digits and dots; that components have no leading zeros is not asked of other people's UIDs.
_UID = re.compile(r"[0-9.]{1,64}")


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

    def preview(self) -> Part10File:
        """What `write` would write, to look at, but for bits of Pixel Data that it clears.

        It lives as long as this is open.
        """
        return part10.assembled(self._meta, self._chunks, self._file)

    @property
    def clears_overlays(self) -> bool:
        """Whether bits of Pixel Data that hold overlays are set to zero on the way (C12)."""
        return self._planes is not None

    def write(self, fd: int) -> int:
        """Write the new file to `fd`, return its size in bytes.

        Raises:
            InstanceError: the source shrank or cannot be read any more.
            OSError: the output cannot be written.
        """
        if self._planes is None:
            return part10.write(fd, self._meta, self._chunks, self._file)
        return write_cleared(fd, self._meta, self._chunks, self._file, self._planes)

    def is_written(self, path: str) -> bool:
        """Whether the file at `path` reads back, element by element, as what `write` writes.

        Raises:
            InstanceError: it cannot be read, or the source cannot any more.
        """
        with part10.open(path) as new:
            wanted = self.preview()
            found, elements = new.elements(), wanted.elements()
            return len(found) == len(elements) and all(
                self._equal(new, one, wanted, other)
                for one, other in zip(found, elements, strict=True)
            )

    def _equal(self, new: Part10File, one: Element, wanted: Part10File, other: Element) -> bool:
        if one.raw != other.raw or (one.span is None) != (other.span is None):
            return False
        if one.span is None or other.span is None:
            return True
        if one.span.length != other.span.length:
            return False
        for offset in range(0, one.span.length, _WINDOW):
            length = min(_WINDOW, one.span.length - offset)
            there = new.read(one.span.offset + offset, length)
            here = wanted.read(other.span.offset + offset, length)
            if self._planes is not None and one.tag == PIXEL_DATA:
                here = self._planes.cleared(here, little=new.encoding.little)
            if there != here:
                return False
        return True

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
        self._recall = Recall()
        self._told: set[str] = set()
        self._tally: dict[TallyKey, int] = {}
        self._texts: dict[TextKey, int] = {}
        self._hit: dict[int, Template] = {}

    def prepare(self, path: str) -> Prepared:
        """Open, decide and prove one instance.

        Raises:
            InstanceError: it cannot be processed, or not be proven clean.
        """
        return self._prepare(
            lambda: part10.open(path, self._limits, window=self._recall.window),
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
            if error.code not in READING_ERRORS:
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
        if self.plan.private.safe:
            open_sequences(elements)
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
        parts = walker.level(ordered, Place((), (), case.charset))
        notes += _searched_unseen(file, ordered, walker)
        parts = self._with_markers(parts, walker)
        naming = _naming(parts, file.encoding.explicit)
        chunks = self._chunks(parts, walker)
        header = b"".join([part.result for part in parts])
        if search_uids(header, walker.renewed()) and not self.plan.keeps_uids:
            raise InstanceError("identifier-left", "an original UID is left in an unknown value")
        planes = embedded(ordered) if self.plan.standard else None
        plain = notes == file.notes and planes is None and not _leaves_identifiers(walker)
        if walker.remembering and plain:
            self._recall.remember(file, parts, walker, naming)
        result = InstanceResult(
            naming,
            tuple(walker.findings),
            notes if planes is None else (*notes, "overlay-bits-cleared"),
            self._new_uids(walker.uids),
            (case.patient_id, naming.get("PatientID", "")),
            tuple(walker.changes) if self._details else (),
        )
        meta = part10.build_meta(*_sop(naming), file.transfer_syntax)
        prepared = Prepared(file, meta, chunks, result, planes)
        prepared.on_commit(lambda: self._count(walker, result))
        return prepared

    def _filter(self, case: Case) -> None:
        """Let the filters decide: the first that holds wins; one that fails quarantines."""
        for expression, verdict, origin in self.plan.filters:
            try:
                holds = expression.evaluate(case.context.lookup)
            except InstanceError as error:
                raise InstanceError("filter-failed", f"the filter {origin} failed") from error
            if holds:
                if verdict == "accept":
                    return
                raise InstanceError("filter" if verdict == "quarantine" else "filtered", origin)

    def _with_markers(self, parts: list[Part], walker: Walker) -> list[Part]:
        """The parts, and what says what was done at its place (PS3.15 E.1.1)."""
        encoding = walker.case.key.encoding
        performed = self.plan.performed
        if _leaves_identifiers(walker):
            performed = performed._replace(identified=True, loosened=True)
        waiting = list(reversed(markers(performed, _existing(parts))))
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
        for part in marked:
            if part.element is None:
                walker.note_marker(part.tag)
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
        for text in walker.texts:
            count_text(self._texts, text)
        self._count_templates(walker.templates, result)

    def _count_templates(self, templates: list[Template], result: InstanceResult) -> None:
        if len(self._told) > _MOST_TOLD:
            self._told.clear()  # told twice is as good; memory must not grow with the run
        self._told.update(old for old, _ in result.uids)
        for template in templates:
            template.hits += 1
            self._hit[id(template)] = template

    def take_tally(self) -> dict[TallyKey, int]:
        """Statistics of the committed instances since the last call: how often what was done."""
        self._count_hits()
        tally, self._tally = self._tally, {}
        return tally

    def take_texts(self) -> dict[TextKey, int]:
        """Texts that stay in the committed instances since the last call, and how often."""
        self._count_hits()
        texts, self._texts = self._texts, {}
        return texts

    def _count_hits(self) -> None:
        for template in self._hit.values():
            template.tally(self._tally, self._texts)
        self._hit.clear()

    # -- the short way ----------------------------------------------------------------------------

    def _remembered(self, file: Part10File) -> Prepared | None:
        """Take the short way, if the header is one that is remembered but for what varies."""
        try:
            found = self._recall.recognise(file)
        except InstanceError:
            return None  # the long way says what is wrong first
        if found is None or not found.walker.remembering or holds_original_uids(found):
            return None
        walker, case, naming = found.walker, found.remembered.case, found.naming
        if _leaves_identifiers(walker):  # the markers must say so
            return None
        template = found.remembered.template
        result = InstanceResult(
            naming,
            (*template.findings, *walker.findings),
            file.notes,
            self._new_uids(template.uids + walker.uids),
            (case.patient_id, naming.get("PatientID", "")),
        )
        meta = part10.build_meta(*_sop(naming), file.transfer_syntax)
        prepared = Prepared(file, meta, [found.header, *found.tail], result)
        prepared.on_commit(lambda: self._count(walker, result))
        return prepared


def _reread(path: str, limits: Limits) -> Part10File:
    """The second reading, loaded when it is needed: it brings pydicom along."""
    from deident.dicom.lenient import reread

    return reread(path, limits)


def _reread_bytes(data: bytes, limits: Limits) -> Part10File:
    from deident.dicom.lenient import reread_bytes

    return reread_bytes(data, limits)


def _searched_unseen(file: Part10File, elements: list[Element], walker: Walker) -> tuple[str, ...]:
    """Search what of pixel elements holds no pixels; notes about it."""
    top = {element.tag: element for element in elements}
    found = False
    for tag in PIXEL_TAGS & walker.spans.keys():
        native = file.transfer_syntax in NATIVE.values() or file.deflated
        span = unseen(top[tag], top, native=native, read=file.read)
        if span is not None:
            walker.search_unseen(tag, top[tag].vr, span)
            found = True
    return ("pixels-exceeded",) if found else ()


def _leaves_identifiers(walker: Walker) -> bool:
    """Whether more than weak finds were left as they are: verify shall only report."""
    return any(
        finding.done == "reported" and finding.grade in ("certain", "likely")
        for finding in walker.findings
    )


def _naming(parts: list[Part], explicit: bool) -> dict[str, str]:
    named = ((part.tag, part.result) for part in parts if part.tag in NAMING and part.result)
    return {NAMING[tag]: value_text(result, explicit) for tag, result in named}


def _sop(naming: dict[str, str]) -> tuple[str, str]:
    """SOP Class and new SOP Instance UID for the file meta information (PS3.10 7.1).

    Raises:
        InstanceError: `missing-uid`.
    """
    sop_class, instance = naming.get("SOPClassUID", ""), naming.get("SOPInstanceUID", "")
    if not _UID.fullmatch(sop_class) or not _UID.fullmatch(instance):
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
