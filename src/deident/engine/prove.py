"""Proof: nothing that is left of an instance holds its own identifiers, or it is repaired.

`Prover` is the half of the walk that asks `verify` about every value that would stay, and carries
out the profile's policy on what is found (PS3.15 E.1.1, C84): repair, quarantine or report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from deident import tables
from deident.dicom.charsets import Charset
from deident.dicom.elements import Path, Span
from deident.dicom.encode import swap_vr_bytes
from deident.dicom.uids import find_uids, is_registered
from deident.engine.case import Case
from deident.engine.decision import REMOVE, Decision
from deident.engine.numbers import NUMBERS, hits_in_number
from deident.engine.plan import TEXT, Step
from deident.engine.private import safe_creators
from deident.engine.result import HIDDEN, LONGEST_TEXT, WEAK, Change, Finding, TextKey
from deident.engine.rewriting import grows_too_long, stand_in
from deident.engine.verify import Hit, may_become_uid, odd_uids, uids_in
from deident.errors import REASONS, InstanceError

# Kinds that nobody else has.
_PATIENT = frozenset({"patient-id", "birth-date", "contact"})
# A value left on disk is searched in windows that overlap by more than any identifier is long.
_SEARCH_STEP, _SEARCH_OVERLAP = 1 << 20, 4096


class Place(NamedTuple):
    """Where in the data set the walk is.

    Attributes:
        parents: tags of the sequences above.
        path: the same with item numbers, see `elements.walk`.
        charset: the character set that holds here.
    """

    parents: tuple[int, ...]
    path: Path
    charset: Charset


class Prover:
    """Searches what would stay of one instance, and keeps the record of what was found and done.

    Attributes:
        case: rules, context and search of instances like this one.
        profile: the effective profile.
        remembering: whether the next instance may learn from this one.
        renews_uids: whether original UIDs may not stay.
        own_uids: the instance's UIDs that must not be left in unknown values.
        changes, findings, uids: the record.
        texts: what of standard attributes stays as text, for people to look at.
    """

    def __init__(
        self,
        case: Case,
        read: Callable[[int, int], bytes],
        remembering: bool,
        own_uids: frozenset[bytes],
    ) -> None:
        self.case = case
        self.profile = case.scope.plan.profile
        self.remembering = remembering
        self.renews_uids = self.profile.base != "keep" and "retain-uids" not in self.profile.options
        self.own_uids = own_uids
        self._odd_uids = odd_uids(own_uids)
        self._read = read
        self.changes: list[Change] = []
        self.findings: list[Finding] = []
        self.uids: list[tuple[str, str]] = []
        self.texts: list[TextKey] = []

    def note(
        self, path: Path, tag: int, vr: str, action: str, code: str, outcome: str, origin: str
    ) -> None:
        """Record what became of an element, and why."""
        self.changes.append(Change(path, tag, vr, action, code, outcome, origin))

    def prove(
        self,
        tag: int,
        vr: str,
        value: bytes,
        decision: Decision,
        step: Step,
        place: Place,
    ) -> Decision:
        """The decision, or what must be done instead because an identifier would stay."""
        if decision.kind not in ("keep", "value"):
            return decision
        written = value if decision.kind == "keep" else decision.value
        if not written:
            return decision
        if vr not in TEXT:
            if vr == "UN" and tables.vr_of(tag) == "SQ":
                raise InstanceError("bad-structure", "a sequence under VR UN cannot be parsed")
            if vr in NUMBERS:
                hits = hits_in_number(self.case.matcher, tag, vr, written)
            else:
                hits = self._blob_hits(written, vr)
            if vr != "UI":
                hits += tuple(self._uid_hits(written))
            return self.repaired(tag, vr, decision, hits, step, place.path)
        return self._prove_text(tag, vr, written, decision, step, place)

    def _prove_text(
        self, tag: int, vr: str, written: bytes, decision: Decision, step: Step, place: Place
    ) -> Decision:
        """`prove` for words: UIDs in them are renewed, and what stays is noted to be looked at."""
        text = place.charset.decode(written, vr)
        renewed = self._renew_uids_in(text)
        if renewed != text:
            if grows_too_long(vr, text, renewed):
                found = (Hit("uid", "certain", 0, len(text)),)
                return self.repaired(tag, vr, decision, found, step, place.path)
            text, decision = renewed, Decision("value", place.charset.encode(renewed, vr))
        hits = self.case.matcher.search_text(text, tag=tag, vr=vr, raw=written)
        hits += self._odd_uids_in(text, written)
        proven = self.repaired(tag, vr, decision, hits, step, place.path, text)
        if proven is decision:
            if self.case.kept:
                hits = self.case.whole_matcher.search_text(text, tag=tag, vr=vr, raw=written)
            self._note_text(tag, text, hits)
        return proven

    def _note_text(self, tag: int, text: str, hits: tuple[Hit, ...]) -> None:
        """Record a text that stays; of one that may identify somebody only that it does."""
        text = text.strip(" \0")
        if not text or tag & 0x00010000:
            return
        if tag in self.case.naming or any(hit.grade != "weak" for hit in hits):
            self.texts.append((tag, "", HIDDEN))
            return
        shown = text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
        self.texts.append((tag, shown, WEAK if hits else ""))

    def _odd_uids_in(self, text: str, written: bytes) -> tuple[Hit, ...]:
        """The instance's own UIDs that only it knows for UIDs: they are not renewed in a text."""
        if b"\x1b" in written and may_become_uid(text):
            self.remembering = False  # an escape sequence may stand within it
        if not (self.renews_uids and self._odd_uids):
            return ()
        spans = uids_in(text.encode("ascii", "replace"), self._odd_uids)
        if spans:
            self.remembering = False  # in the next instance it may be no UID
        return tuple(Hit("uid", "certain", start, end) for start, end in spans)

    def may_hold_own_uids(self, content: bytes) -> bool:
        """Whether remembered content may hold a UID of this instance that was nobody's before."""
        wide = bool(self.own_uids) and b"\0.\0" in content
        return wide or any(uid in content for uid in self._odd_uids)

    def _uid_hits(self, blob: bytes) -> list[Hit]:
        """Its own UIDs and others that the standard does not register (C47)."""
        if not self.renews_uids:
            return []
        own = set(uids_in(blob, self.own_uids))
        found = find_uids(blob.decode("latin-1"))
        plain = {(start, end) for start, end, uid in found if not is_registered(uid)}
        if own - plain:
            self.remembering = False  # in the next instance it may be no UID
        return [Hit("uid", "certain", start, end) for start, end in sorted(own | plain)]

    def _renew_uids_in(self, text: str) -> str:
        """`text` with the UIDs inside it renewed (C47)."""
        if "." not in text or not self.renews_uids:
            return text
        parts, done = [], 0
        for start, end, uid in find_uids(text):
            if not is_registered(uid):
                new = self.case.context.identity.uid(uid)
                self.uids.append((uid, new))
                parts += [text[done:start], new]
                done = end
        return "".join(parts) + text[done:] if parts else text

    def repaired(
        self,
        tag: int,
        vr: str,
        decision: Decision,
        hits: tuple[Hit, ...],
        step: Step,
        path: Path,
        text: str = "",
    ) -> Decision:
        """What becomes of a value in which identifiers were found, by the profile's policy.

        `text` is the value, if it is text.
        """
        if decision.kind == "keep" and tag in self.case.kept:
            hits = tuple(_on_purpose(hit, text) for hit in hits)
        if self.judge(hits, path, tag) == "repair":
            return self._replacement(tag, vr, hits, step, path)
        return decision

    def judge(self, hits: tuple[Hit, ...], path: Path, tag: int) -> str:
        """Note what was found; `report` or, for anything more than weak, the profile's policy.

        Raises:
            InstanceError: `identifier-left` where the policy is quarantine.
        """
        strong = any(hit.grade != "weak" for hit in hits)
        policy = self.profile.verify if strong else "report"
        done = {"repair": "repaired", "quarantine": "quarantined", "report": "reported"}[policy]
        for hit in {(hit.grade, hit.kind): hit for hit in hits}.values():
            self.findings.append(Finding("identifier", hit.grade, hit.kind, path, tag, done))
        if policy == "quarantine":
            raise InstanceError("identifier-left", _located(hits, path, tag))
        return policy

    def _replacement(
        self, tag: int, vr: str, found: tuple[Hit, ...], step: Step, path: Path
    ) -> Decision:
        """A value without what was `found`, by attribute type; a dummy is searched again.

        Raises:
            InstanceError: `identifier-left`: the attribute needs a value, and any other were false.
        """
        self.note(path, tag, vr, "verify", "", "removed", "verify")
        type_ = (step.type or "3")[0]
        if type_ == "1":
            value = stand_in(tag, vr)
            text = value.decode("ascii", "replace")
            hits = self.case.matcher.search_text(text, tag=tag, vr=vr) if vr in TEXT else ()
            if not value or any(hit.grade != "weak" for hit in hits):
                raise InstanceError("identifier-left", _located(found, path, tag))
            return Decision("value", value)
        return Decision("value") if type_ == "2" else REMOVE

    def search_unseen(self, tag: int, vr: str, span: Span) -> None:
        """Search a part of a pixel element that holds no pixels; it can only stay or not.

        Raises:
            InstanceError: `identifier-left`.
        """
        hits = self.hits_on_disk(span, vr)
        if self.judge(hits, (), tag) == "repair":
            raise InstanceError("identifier-left", _located(hits, (), tag))

    def hits_on_disk(self, span: Span, vr: str) -> tuple[Hit, ...]:
        """Search a value that is too large for memory, window by window."""
        hits: dict[tuple[str, str], Hit] = {}
        for offset in range(0, span.length, _SEARCH_STEP):
            length = min(_SEARCH_STEP + _SEARCH_OVERLAP, span.length - offset)
            window = self._read(span.offset + offset, length)
            for hit in (*self._blob_hits(window, vr), *self._uid_hits(window)):
                hits.setdefault((hit.grade, hit.kind), hit)
        return tuple(hits.values())

    def _blob_hits(self, blob: bytes, vr: str) -> tuple[Hit, ...]:
        """Identifiers in a value that may be anything; in words also with their bytes swapped."""
        hits = self.case.matcher.search_bytes(blob)
        if vr == "OW":  # a converter between byte orders takes text for numbers
            hits += self.case.matcher.search_bytes(swap_vr_bytes(vr, blob))
        return hits

    def creator_hits(self, name: bytes) -> tuple[Hit, ...]:
        """Identifiers in a private creator that the standard does not list."""
        if name.strip(b" \0").decode("ascii", "replace") in safe_creators():
            return ()
        uids = tuple(self._uid_hits(name))
        if not uids and may_become_uid(name.decode("latin-1")):
            self.remembering = False
        return self.case.matcher.search_bytes(name) + uids


def _on_purpose(hit: Hit, text: str) -> Hit:
    """A hit in what an option or a rule keeps: of no more weight unless it is about the patient.

    A hospital may lie in the town where the patient lives and be called after its head, or after
    somebody with the patient's first name (C05); a part of the patient's name that is all there is
    names the patient.
    """
    whole = text != "" and not (text[: hit.start] + text[hit.end :]).strip(" \0")
    patient = hit.kind in _PATIENT or (hit.kind == "name" and (whole or hit.grade == "certain"))
    return hit if patient else hit._replace(grade="weak")


def _located(hits: tuple[Hit, ...], path: Path, tag: int) -> str:
    """Where identifiers were found, and of what kinds: `Manufacturer: certain name`."""
    from deident.dicom.tags import format_path

    found = dict.fromkeys(f"{hit.grade} {hit.kind}" for hit in hits if hit.grade != "weak")
    place = f"{format_path(path, tag)}: {', '.join(found)}"
    return f"{REASONS['identifier-left'].text} {place}"
