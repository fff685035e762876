"""A case: everything that is the same for many instances, and that decisions may depend on.

Two instances belong to one case when the attributes that any decision looks at, the patient's
identifiers and the encoding are equal. Compiling the search for identifiers and looking up rules
costs more than parsing, so it is done once per case.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from deident import tables
from deident.dicom.charsets import Charset
from deident.dicom.elements import EXPLICIT_LE, Element, Encoding, walk
from deident.dicom.uids import is_registered, normalise
from deident.dicom.values import unpack_numbers
from deident.engine.context import PATIENT_ID, Context
from deident.engine.identifiers import IDENTIFIER_TAGS, Identifiers, harvest
from deident.engine.plan import Plan, Scope
from deident.engine.pseudonyms import Identity
from deident.engine.verify import Matcher
from deident.profiles.standard import StandardTable

if TYPE_CHECKING:
    from deident.engine.memo import Template

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
TRANSFER_SYNTAX_UID = 0x00020010
PRIVATE_CHARACTERISTICS = 0x00080300

_KEPT_CASES = 64
_KEEPING = frozenset(("keep", "prefix"))


class CaseKey(NamedTuple):
    """What makes two instances the same case: the pinned values, identifiers and encoding."""

    pinned: tuple[tuple[int, bytes], ...]
    identifiers: Identifiers
    encoding: Encoding
    transfer_syntax: str

    def __repr__(self) -> str:  # never the values
        return "<CaseKey>"


class Case:
    """Scope of the plan, context, matcher and remembered runs of one case.

    `naming` are the attributes that identify somebody or something, `kept` those of them that an
    option or a rule keeps.
    """

    def __init__(self, key: CaseKey, scope: Scope, context: Context, charset: Charset) -> None:
        self.key = key
        self.scope = scope
        self.context = context
        self.charset = charset
        self.naming = frozenset(entry.tag for entry in key.identifiers.entries)
        self.kept = _kept_on_purpose(key.identifiers, scope)
        self.matcher = Matcher(key.identifiers, ignore=self.kept)
        self._whole: Matcher | None = None
        self.patient_id = (context.lookup(PATIENT_ID) or "").strip(" \0")
        self.item_templates: dict[tuple[object, ...], Template] = {}

    @property
    def whole_matcher(self) -> Matcher:
        """A search that also knows the identifiers which are kept on purpose."""
        if self._whole is None:
            self._whole = Matcher(self.key.identifiers) if self.kept else self.matcher
        return self._whole


class Cases:
    """The cases that a worker has met lately."""

    def __init__(self, plan: Plan, identity: Identity) -> None:
        self._plan = plan
        self._identity = identity
        self._cases: OrderedDict[CaseKey, Case] = OrderedDict()
        self._scopes: dict[tuple[str, frozenset[tuple[int, str]]], Scope] = {}

    def find(self, elements: list[Element], encoding: Encoding, transfer_syntax: str) -> Case:
        """The case that an instance with these top-level elements belongs to.

        Raises:
            InstanceError: the character set or an identifying value cannot be read.
        """
        pinned = self._plan.pinned
        top = {element.tag: element for element in elements if element.tag in pinned}
        raw_charset = top[SPECIFIC_CHARACTER_SET].value if SPECIFIC_CHARACTER_SET in top else None
        charset = Charset.of(raw_charset)
        key = CaseKey(
            tuple((tag, _pinned_bytes(element)) for tag, element in sorted(top.items())),
            harvest(elements, charset),
            encoding,
            transfer_syntax,
        )
        case = self._cases.get(key)
        if case is None:
            case = self._cases[key] = self._make(key, top, charset)
            if len(self._cases) > _KEPT_CASES:
                self._cases.popitem(last=False)
        self._cases.move_to_end(key)
        return case

    def _make(self, key: CaseKey, top: dict[int, Element], charset: Charset) -> Case:
        sop_class = ""
        if SOP_CLASS_UID in top:
            sop_class = normalise(top[SOP_CLASS_UID].value.decode("ascii", "replace"))
        claimed = frozenset[tuple[int, str]]()
        if self._plan.profile.private_characteristics and PRIVATE_CHARACTERISTICS in top:
            claimed = claimed_safe(top[PRIVATE_CHARACTERISTICS], charset)
        scope = self._scopes.get((sop_class, claimed))
        if scope is None:
            scope = self._scopes[sop_class, claimed] = self._plan.scope(sop_class, claimed)
        if TRANSFER_SYNTAX_UID in self._plan.pinned:
            top = {**top, TRANSFER_SYNTAX_UID: _transfer_syntax(key.transfer_syntax)}
        context = Context(self._identity, self._plan.profile, charset, sop_class, top)
        return Case(key, scope, context, charset)


def _transfer_syntax(uid: str) -> Element:
    """The syntax as an attribute, for filters: the one that the data set is really encoded in."""
    value = uid.encode()
    return Element(
        TRANSFER_SYNTAX_UID, "UI", "UI", value, 0, 0, len(value), len(value), EXPLICIT_LE
    )


def _kept_on_purpose(identifiers: Identifiers, scope: Scope) -> frozenset[int]:
    """Attributes whose identifiers a rule or an option keeps, so that no repair undoes it (C05)."""
    kept = set()
    for tag in {entry.tag for entry in identifiers.entries}:
        vr = None if tag & 0x10000 else tables.vr_of(tag)
        if vr is not None and (tag in IDENTIFIER_TAGS or vr == "PN"):  # not a date written as PN
            step = scope.step((), tag, vr)
            if step.when is None and step.action in _KEEPING:
                kept.add(tag)
    return frozenset(kept)


def _pinned_bytes(element: Element) -> bytes:
    """An element's bytes; a value that was left on disk is stood for by its place and length."""
    return element.raw if element.span is None else repr(element.span).encode()


def renewable_uids(elements: list[Element], standard: StandardTable | None) -> frozenset[bytes]:
    """Every UID at any depth that the standard renews or removes: what must not be left.

    UIDs of classes, syntaxes and vocabularies stay (C43), and so do those that an option retains.
    """
    if standard is None:
        return frozenset()
    found: set[bytes] = set()
    for _, element in walk(elements):
        if element.vr != "UI" or element.span is not None:
            continue
        row = standard.row(element.tag, "UI")
        if row is None or row.code == "K":
            continue
        for part in element.value.split(b"\\"):
            uid = part.strip(b" \0")
            if not is_registered(uid.decode("ascii", "replace")):
                found.add(uid)
    found.discard(b"")
    return frozenset(found)


def claimed_safe(sequence: Element, charset: Charset) -> frozenset[tuple[int, str]]:
    """Private elements that Private Data Element Characteristics Sequence calls safe (C83).

    All of a block whose Block Identifying Information Status (0008,0303) is SAFE, of one that is
    MIXED those that Nonidentifying Private Elements (0008,0304) names, in both cases less those for
    which Deidentification Action Sequence (0008,0305) has an action (PS3.3 C.12.1).
    """
    claimed: set[tuple[int, str]] = set()
    for item in sequence.items or ():
        values = {element.tag: element for element in item.elements}
        groups = _numbers(values.get(0x00080301))
        if len(groups) != 1 or 0x00080302 not in values:
            continue
        group = groups[0] << 16
        creator = charset.decode(values[0x00080302].value, "LO").strip(" \0")
        status = values[0x00080303].value.strip(b" \0") if 0x00080303 in values else b""
        safe = {"SAFE": range(256), "MIXED": _numbers(values.get(0x00080304))}
        lows = {low & 0xFF for low in safe.get(status.decode("ascii", "replace"), ())}
        lows -= {low & 0xFF for one in _acted_upon(values) for low in _numbers(one)}
        claimed |= {(group | low, creator) for low in lows}
    return frozenset(claimed)


def _acted_upon(values: dict[int, Element]) -> list[Element]:
    """Every Identifying Private Elements (0008,0306) in Deidentification Action Sequence."""
    sequence = values.get(0x00080305)
    items = (sequence.items if sequence else None) or ()
    return [element for item in items for element in item.elements if element.tag == 0x00080306]


def _numbers(element: Element | None) -> list[int]:
    """Values of an element of VR US."""
    if element is None:
        return []
    numbers = unpack_numbers("US", element.value, element.encoding)
    return [int(number) for number in numbers]
