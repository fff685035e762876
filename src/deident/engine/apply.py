"""The walk: every element of every depth gets exactly one decision, and what is left is proven.

`Walker` carries the steps of a `Scope` out on one instance. It returns the new bytes of each
element; what was not touched comes back as the very bytes that were read (PS3.15 E.1.1, C01-C03).
"""

from __future__ import annotations

from collections.abc import Callable

from deident import tables
from deident.dicom.charsets import Charset
from deident.dicom.elements import Element, Item, Path, Span
from deident.dicom.encode import element_bytes, new_items
from deident.dicom.parse import holds_pixels
from deident.engine.case import SPECIFIC_CHARACTER_SET, Case, renewable_uids
from deident.engine.decision import Decision, Subject
from deident.engine.identifiers import contributes
from deident.engine.memo import Part, Record, Template, holds_blob, remember
from deident.engine.plan import Step, is_structural, structural_step
from deident.engine.private import creator_of, creators, is_creator, safe_vr
from deident.engine.prove import Place, Prover
from deident.engine.result import Finding
from deident.engine.wrapping import rebuilt, wrapped
from deident.errors import InstanceError

# After so many data sets that did not fit, a place is no longer remembered.
_HOPELESS = 8
# Below so many sequences nothing is remembered: a template that fails late has walked all below it
# in vain, and each level would double that.
_REMEMBERED_DEPTH = 3


class Walker(Prover):
    """Carries decisions out on one instance and keeps the record of it."""

    def __init__(
        self,
        case: Case,
        *,
        read: Callable[[int, int], bytes],
        remembering: bool,
        own_uids: frozenset[bytes] = frozenset(),
    ) -> None:
        """Start a record for one instance of `case`.

        `read` reads values that were left on disk (offset, length); `remembering` lets items of
        sequences be compared with earlier ones, until something is met of which the next instance
        must not learn; `own_uids` are the instance's UIDs that must not be
        left in unknown values.
        """
        super().__init__(case, read, remembering, own_uids)
        self.scope = case.scope
        # Original UIDs that were met besides those in `uids`, such as those of sequences that go.
        self.unrenewed: set[bytes] = set()
        self.spans: dict[int, Span] = {}
        self._structural = structural_step()
        self.templates: list[Template] = []

    def record(self) -> Record:
        """How far the record goes."""
        return Record(
            len(self.changes),
            len(self.findings),
            len(self.uids),
            len(self.templates),
            len(self.texts),
        )

    def forget(self, since: Record) -> None:
        """Drop what was recorded since."""
        del self.changes[since.changes :], self.findings[since.findings :]
        del self.uids[since.uids :], self.templates[since.templates :]
        del self.texts[since.texts :]

    def level(self, elements: list[Element], place: Place) -> list[Part]:
        """New bytes of each element of one data set, empty where it goes, with marks in the record.

        Raises:
            InstanceError: a rule could not be carried out, or something cannot be proven clean.
        """
        owners, kept_blocks = self._private_blocks(elements, place.parents)
        once = distinct(elements)
        if len(once) < len(elements):
            self.remembering = False  # a run would not show that something was there twice
        parts = []
        for element in once:
            if is_creator(element):
                block = (element.tag & 0xFFFF0000) | (element.tag & 0xFF)
                result = self._creator(element, place.path, kept=block in kept_blocks)
            else:
                vr, step = self.step_of(element, place.parents, owners)
                result = self.element(element, vr, step, place)
            parts.append(Part(element.tag, element, result, self.record()))
        return parts

    def _private_blocks(
        self, elements: list[Element], parents: tuple[int, ...]
    ) -> tuple[dict[int, str], set[int]]:
        """Owners of the private blocks of one data set, and the blocks of which something stays."""
        if not any(element.tag & 0x00010000 for element in elements):
            return {}, set()
        owners = self.owners(elements)
        kept: set[int] = set()
        gone: set[int] = set()
        for element in elements:
            if element.tag & 0x00010000 and element.tag & 0xFFFF > 0xFF:
                step = self.step_of(element, parents, owners)[1]
                stays = step.action != "remove" or step.when is not None
                block = (element.tag & 0xFFFF0000) | (element.tag >> 8 & 0xFF)
                (kept if stays else gone).add(block)
        if self.scope.plan.private.keep_all:  # also of blocks that hold nothing: no rule names them
            kept |= {block for block, name in owners.items() if name} - gone
        return owners, kept

    def owners(self, elements: list[Element]) -> dict[int, str]:
        """Private creators of one data set; one that names the patient is nobody's (C82)."""
        owners = creators(elements)
        if self.scope.plan.keeps_unlisted_private and self.profile.verify != "report":
            for block, name in owners.items():
                if any(hit.grade != "weak" for hit in self.creator_hits(name.encode())):
                    owners[block] = ""
        return owners

    def step_of(
        self, element: Element, parents: tuple[int, ...], owners: dict[int, str]
    ) -> tuple[str, Step]:
        """VR to work with and step of an element; `owners` are its data set's private creators."""
        tag, vr = element.tag, element.vr
        if is_structural(tag):
            return vr, self._structural
        if not tag & 0x00010000:
            return vr, self.scope.step(parents, tag, vr)
        creator = creator_of(tag, owners)
        if vr == "UN" and creator:
            # Implicit VR, or a program that did not know: Table E.3.10-1 does. What it calls a
            # sequence and did not parse as one (see `open_sequences`) stays unknown.
            known = safe_vr(tag, creator)
            vr = known if known and known != "SQ" else vr
        return vr, self.scope.step(parents, tag, vr, creator)

    def _creator(self, element: Element, path: Path, *, kept: bool) -> bytes:
        """A private creator stays with its elements, else it goes with them (C80, C81)."""
        if kept:
            hits = self.creator_hits(element.value)
            if self.judge(hits, path, element.tag) == "repair":
                raise InstanceError("identifier-left")
        outcome = "kept" if kept else "removed"
        code = "K" if kept else "X"
        self.note(path, element.tag, element.vr, outcome, code, outcome, "private block")
        return element.raw if kept else b""

    def note_marker(self, tag: int) -> None:
        """Record an attribute that says what was done."""
        vr = tables.vr_of(tag) or "UN"
        self.note((), tag, vr, "insert", "", "inserted", "PS3.15 E.1.1")

    def element(self, element: Element, vr: str, step: Step, place: Place) -> bytes:
        """New bytes of one element (for a value left on disk: of its header)."""
        if element.items is not None:
            return self._sequence(element, step, place)
        if element.span is not None:
            return self._bulk(element, vr, step, place)
        return self.leaf(element, vr, step, place)

    def _decide(
        self, element: Element, vr: str, value: bytes, step: Step, place: Place
    ) -> tuple[Decision, Step]:
        """Ask the rules in order of precedence; the first whose condition holds decides."""
        try:
            while step.when is not None and not step.when.evaluate(self.case.context.lookup):
                if step.otherwise is None:
                    raise InstanceError("rule-failed")
                step = step.otherwise
        except InstanceError as error:
            raise InstanceError("rule-failed", f"the condition of {step.origin} failed") from error
        subject = Subject(
            element.tag,
            vr,
            value,
            place.path,
            step.type,
            element.encoding,
            element.items is not None,
            place.charset,
        )
        decision = step.run(subject, self.case.context, step.params)
        if decision.note:
            self.findings.append(Finding(decision.note, path=place.path, tag=element.tag))
        return decision, step

    def leaf(self, element: Element, vr: str, step: Step, place: Place) -> bytes:
        """New bytes of an element with a value in memory."""
        value = element.value
        decision, step = self._decide(element, vr, value, step, place)
        if not step.trusted:
            decision = self.prove(element.tag, vr, value, decision, step, place)
        return self._carry_out(element, vr, value, decision, step, place.path)

    def _carry_out(
        self,
        element: Element,
        vr: str,
        value: bytes,
        decision: Decision,
        step: Step,
        path: Path,
    ) -> bytes:
        tag, kind = element.tag, decision.kind
        if vr == "UI" and not (step.action == "uid" and kind == "value"):
            self.note_own_uids([element])
        if kind == "keep":
            self.note(path, tag, vr, step.action, step.code, "kept", step.origin)
            return element.raw
        if kind == "remove":
            self.note(path, tag, vr, step.action, step.code, "removed", step.origin)
            return b""
        if kind == "items":
            return self._with_new_items(element, decision, step, path)
        if step.action == "uid" and decision.value != value:
            self._note_uids(value, decision.value)
        outcome = "replaced" if decision.value else "emptied"
        self.note(path, tag, vr, step.action, step.code, outcome, step.origin)
        return element_bytes(tag, vr, decision.value, element.encoding)

    def _note_uids(self, old: bytes, new: bytes) -> None:
        pairs = zip(_uid_values(old), _uid_values(new), strict=False)
        self.uids += [pair for pair in pairs if pair[0] != pair[1]]

    def renewed(self) -> frozenset[bytes]:
        """The original UIDs that have become others."""
        return frozenset(old.encode() for old, new in self.uids if old != new)

    def note_own_uids(self, elements: list[Element]) -> None:
        """Remember UIDs that the standard renews, whatever becomes of these elements."""
        self.unrenewed |= renewable_uids(elements, self.scope.plan.standard)

    # -- bulk -------------------------------------------------------------------------------------

    def _bulk(self, element: Element, vr: str, step: Step, place: Place) -> bytes:
        """New bytes of a value left on disk: its header when it is kept, or what replaces it."""
        assert element.span is not None  # noqa: S101 - the caller's condition
        if step.action not in ("keep", "remove", "empty", "dummy") or step.when is not None:
            raise InstanceError("too-large", f"{step.origin}: the value is too large for this rule")
        path = place.path
        decision, step = self._decide(element, vr, b"", step, place)
        if decision.kind == "keep" and not holds_pixels(element.tag, element.vr):
            hits = self.hits_on_disk(element.span, vr)
            decision = self.repaired(element.tag, vr, decision, hits, step, path)
        if decision.kind == "keep":
            self.note(path, element.tag, vr, step.action, step.code, "kept", step.origin)
            self.spans[element.tag] = element.span
            return element.buf[element.start : element.value_start]
        return self._carry_out(element, vr, b"", decision, step, path)

    # -- sequences --------------------------------------------------------------------------------

    def _sequence(self, element: Element, step: Step, place: Place) -> bytes:
        decision, step = self._decide(element, "SQ", b"", step, place)
        if decision.kind != "keep":
            return self._carry_out(element, "SQ", b"", decision, step, place.path)
        self.note(place.path, element.tag, "SQ", step.action, step.code, "kept", step.origin)
        parents = (*place.parents, element.tag)
        parts = [
            self._item(item, Place(parents, (*place.path, element.tag, number), place.charset))
            for number, item in enumerate(element.items or ())
        ]
        return rebuilt(element, b"".join(parts))

    def _item(self, item: Item, place: Place) -> bytes:
        for element in item.elements:
            if element.tag == SPECIFIC_CHARACTER_SET:
                place = place._replace(charset=Charset.of(element.value))
        key = (place.parents, item.encoding, place.charset.terms)
        shallow = len(place.parents) <= _REMEMBERED_DEPTH
        remembered = self.remembering and shallow
        template = self.case.item_templates.get(key) if remembered else None
        if template is not None:
            content = template.apply_item(item, self)
            if content is not None:
                return wrapped(item, content)
        since = self.record()
        parts = self.level(item.elements, place)
        if self.remembering and shallow and len(self.findings) == since.findings:
            self._remember_item(key, item, parts, since, Template(place, item.encoding))
        return wrapped(item, b"".join([part.result for part in parts]))

    def _remember_item(
        self, key: tuple[object, ...], item: Item, parts: list[Part], since: Record, new: Template
    ) -> None:
        """Keep an item to compare with, unless it names people or nothing fits here."""
        last = self.case.item_templates.get(key)
        new.misses = last.misses + 1 if last is not None and not last.used else 0
        if new.misses > _HOPELESS:
            return
        if any(contributes(element) or holds_blob(element) for element in item.elements):
            return
        self.case.item_templates[key] = remember(last, parts, self, since, new)

    def _with_new_items(
        self, element: Element, decision: Decision, step: Step, path: Path
    ) -> bytes:
        outcome = "replaced" if decision.items else "emptied"
        self.note(path, element.tag, "SQ", step.action, step.code, outcome, step.origin)
        value = new_items(decision.items, element.encoding)
        if any(hit.grade != "weak" for hit in self.case.matcher.search_bytes(value)):
            raise InstanceError("identifier-left")
        return element_bytes(element.tag, "SQ", value, element.encoding)


def distinct(elements: list[Element]) -> list[Element]:
    """The elements without exact repetitions; others were refused on reading."""
    if len({element.tag for element in elements}) == len(elements):
        return elements
    return list({element.tag: element for element in reversed(elements)}.values())[::-1]


def _uid_values(raw: bytes) -> list[str]:
    return [part.strip(" \0") for part in raw.decode("ascii", "replace").split("\\")]
