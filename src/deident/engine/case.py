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
from deident.engine.context import PATIENT_ID, Context
from deident.engine.identifiers import Identifiers, harvest
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


class Case:
    """Scope of the plan, context, matcher and remembered runs of one case."""

    def __init__(self, key: CaseKey, scope: Scope, context: Context, charset: Charset) -> None:
        self.key = key
        self.scope = scope
        self.context = context
        self.charset = charset
        self.matcher = Matcher(key.identifiers, ignore=_kept_on_purpose(key.identifiers, scope))
        self.patient_id = (context.lookup(PATIENT_ID) or "").strip(" \0")
        self.item_templates: dict[tuple[object, ...], Template] = {}


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
        if vr is not None:
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

    (0008,0303) Block Identifying Information Status SAFE makes the whole block safe: that cannot be
    listed by element, so only elements named by Nonidentifying Private Elements (0008,0304) count,
    less those with a Deidentification Action (0008,0307) other than K.
    """
    claimed: set[tuple[int, str]] = set()
    for item in sequence.items or ():
        values = {element.tag: element for element in item.elements}
        if not {0x00080301, 0x00080302, 0x00080304} <= values.keys():
            continue
        group = int.from_bytes(values[0x00080301].value[:2], "little")
        creator = charset.decode(values[0x00080302].value, "LO").strip(" \0")
        raw = values[0x00080304].value
        lows = [int.from_bytes(raw[i : i + 2], "little") & 0xFF for i in range(0, len(raw), 2)]
        claimed |= {(group << 16 | low, creator) for low in lows}
    return frozenset(claimed)
