"""A profile compiled into a decision table: which action for which element, worked out once.

`Plan` joins three layers: the profile's own rules, Table E.1-1 of PS3.15 with the chosen options,
and the supplementary rules for what the table misses. `Scope` is the plan seen by one SOP Class,
where the compound codes (X/Z/D …) become one action (PS3.15 E.1, PS3.3 attribute types). Every
answer is cached: in a series the same few hundred questions come again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from deident import tables
from deident.engine.actions import ALWAYS_LOOKED_AT, REGISTRY
from deident.engine.context import NEEDED
from deident.engine.identifiers import PATIENT_TAGS
from deident.engine.markers import Performed, Temporal
from deident.engine.private import PrivatePolicy, is_numeric
from deident.engine.registry import ActionFunction
from deident.engine.time_actions import FRAME_ORIGIN_TIMESTAMP
from deident.profiles.model import Profile, Rule, Selector, below, specificity
from deident.profiles.standard import StandardTable, effective_table, effective_type, resolve

if TYPE_CHECKING:
    from deident.profiles.expression import Expression

PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
PATIENT_AGE = 0x00101010
BIRTH_DATE = 0x00100030
TIMEZONE_OFFSET = 0x00080201

_MOST_STEPS = 100_000
# PS3.15 action code → action, where the element's VR does not say more.
_ACTION_OF_CODE = {"X": "remove", "Z": "empty", "D": "dummy", "U": "uid", "K": "keep"}
_DATE_VRS = frozenset({"DA", "DT", "TM"})

# What Timezone Offset From UTC may hold (PS3.3 C.12.1.1.8); anything else goes.
_LEGAL_OFFSET = {"pattern": r"[+-](0\d|1[0-4])[0-5]\d", "to": r"\g<0>", "otherwise": "remove"}

# VRs whose values are words that a person wrote.
TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})


class Step(NamedTuple):
    """What to do with one element.

    Attributes:
        action: name in the registry.
        run: the function that does it.
        params: its parameters.
        code: PS3.15 action code that this carries out, or empty.
        origin: which row, option or rule decided.
        type: attribute type in the IOD, `None` if not known.
        when: condition; `otherwise` holds where it fails.
        otherwise: the next rule in order of precedence.
        constant: the result does not depend on the value.
        trusted: the result holds nothing of the original.
    """

    action: str
    run: ActionFunction
    params: Mapping[str, Any]
    code: str
    origin: str
    type: str | None
    when: Expression | None
    otherwise: Step | None
    constant: bool
    trusted: bool


class _Candidate(NamedTuple):
    """A profile rule with its rank: (specificity, position); the highest wins."""

    rank: tuple[int, int]
    rule: Rule
    when: Expression | None


class Plan:
    """A compiled profile. Depends on nothing but the profile; picklable."""

    def __init__(self, profile: Profile) -> None:
        """Compile `profile`.

        Raises:
            UsageError: options that are unknown, not available or exclude each other.
            ProfileError: a condition or filter that does not parse.
        """
        self.profile = profile
        self.standard: StandardTable | None = None
        if profile.base == "ps3.15":
            self.standard = effective_table(profile.options)
        self.private = PrivatePolicy(
            safe="retain-safe-private" in profile.options,
            numeric=profile.private_numeric,
            keep_all=profile.base == "keep",
        )
        self.filters = tuple(
            (_parsed(rule.when), rule.then, rule.origin) for rule in profile.filters
        )
        self._by_tag: dict[int, list[_Candidate]] = {}
        self._by_private: dict[tuple[int, str], list[_Candidate]] = {}
        self._broad: list[_Candidate] = []
        for position, rule in enumerate(_with_strict_ages(profile)):
            self._file(rule, position)
        self.pinned = self._pinned()
        self.performed = self._performed()
        self.keeps_unlisted_private = (
            profile.private_numeric or profile.private_characteristics or bool(profile.rules)
        )
        self.keeps_uids = profile.base == "keep" or any(
            rule.action == "keep" and _may_select_uids(rule) for rule in profile.rules
        )

    def _file(self, rule: Rule, position: int) -> None:
        select = rule.select
        rank = (specificity(select), position)
        candidate = _Candidate(rank, rule, _parsed(rule.when) if rule.when else None)
        if select.kind == "tag":
            self._by_tag.setdefault(select.tag, []).append(candidate)
        elif select.kind == "private":
            self._by_private.setdefault((select.tag, select.creator), []).append(candidate)
        else:
            self._broad.append(candidate)

    def _pinned(self) -> frozenset[int]:
        """Top-level attributes that a decision about another element may look at."""
        tags = set(LOOKED_AT)
        for expression, _, _ in self.filters:
            tags |= expression.attributes
        filed = [*self._by_tag.values(), *self._by_private.values(), self._broad]
        for candidate in (entry for group in filed for entry in group):
            if candidate.when:
                tags |= candidate.when.attributes
            tags |= REGISTRY[candidate.rule.action].looks_at(candidate.rule.params)
        return frozenset(tags)

    def _performed(self) -> Performed:
        """What an instance that went through this plan may claim (C21, C22, C26)."""
        options = self.profile.options
        methods = ("basic", *self.standard.options) if self.standard else ()
        loosening = [rule for rule in self.profile.rules if self._loosens(rule)]
        identified = any(map(_may_select_identity, loosening))
        dated = {rule.action for rule in self.profile.rules if _may_select_dates(rule)}
        temporal: Temporal = "REMOVED"
        if "retain-full-dates" in options or "keep" in dated:
            temporal = "UNMODIFIED"
        elif "retain-modified-dates" in options or dated & {"shift-date", "truncate-date"}:
            temporal = "MODIFIED"
        loosened = bool(loosening) or self._loosens_private()
        return Performed(self.profile.base, methods, temporal, loosened, identified)

    def _loosens_private(self) -> bool:
        """Whether private attributes may stay on other grounds than PS3.15 E.3.10 knows."""
        named = self.profile.private_characteristics and not self.private.safe
        return self.standard is not None and (self.private.numeric or named)

    def _loosens(self, rule: Rule) -> bool:
        """Whether a rule may keep something of a value that the standard takes away."""
        if self.standard is None or not REGISTRY[rule.action].retains(rule.params):
            return False
        select = rule.select
        if select.kind != "tag":
            return True
        row = self.standard.row(select.tag, tables.vr_of(select.tag) or "UN")
        shifted = rule.action == "shift-date" and row is not None and row.code == "C"
        return row is not None and row.code != "K" and not shifted

    def candidates(
        self, parents: tuple[int, ...], tag: int, vr: str, creator: str | None
    ) -> list[_Candidate]:
        """The profile's rules for an element, the winning one first."""
        found = list(self._by_tag.get(tag, ()))
        if creator is not None:
            found += self._by_private.get((tag & 0xFFFF00FF, creator), ())
        for candidate in self._broad:
            select = candidate.rule.select
            if select.kind == "mask" and tag & select.mask != select.tag:
                continue
            if select.kind == "vr" and vr != select.vr:
                continue
            if creator is not None and self._too_broad_for_private(candidate.rule):
                continue
            found.append(candidate)
        matching = [entry for entry in found if below(entry.rule.select, parents)]
        return sorted(matching, key=lambda entry: entry.rank, reverse=True)

    def _too_broad_for_private(self, rule: Rule) -> bool:
        """`vr:LO keep` is about standard attributes; it must not let private ones through."""
        broad = rule.select.kind in ("vr", "all")
        return broad and rule.action == "keep" and self.profile.base != "keep"

    def scope(self, sop_class: str, claimed: frozenset[tuple[int, str]] = frozenset()) -> Scope:
        """The plan for one SOP Class; `claimed` are private elements that the file calls safe."""
        return Scope(self, sop_class, claimed)


# Attributes of the top level that the engine itself looks at: how text is encoded, what the
# instance is, and what the markers add to.
LOOKED_AT = (
    NEEDED
    | ALWAYS_LOOKED_AT
    | frozenset(
        {
            0x00080005,  # Specific Character Set
            0x00080016,  # SOP Class UID
            0x00080300,  # Private Data Element Characteristics Sequence
            0x00120062,  # Patient Identity Removed
            0x00120063,  # De-identification Method
            0x00120064,  # De-identification Method Code Sequence
            0x0018A001,  # Contributing Equipment Sequence
            0x00420012,  # MIME Type of Encapsulated Document
        }
    )
    | frozenset(0x60000102 + (number << 17) for number in range(16))  # Overlay Bit Position
)


def _with_strict_ages(profile: Profile) -> tuple[Rule, ...]:
    """The profile's rules; in HIPAA mode first the two that keep ages over 89 apart (C53)."""
    if not profile.strict_ages:
        return profile.rules
    return (
        *profile.rules,
        Rule(
            Selector("tag", PATIENT_AGE, text="PatientAge"), "age-band", {"over": 89}, origin="ages"
        ),
        Rule(Selector("tag", BIRTH_DATE, text="PatientBirthDate"), "empty", origin="ages"),
    )


def _parsed(condition: str) -> Expression:
    from deident.profiles.expression import parse  # most plans need no conditions

    return parse(condition)


def _may_select_uids(rule: Rule) -> bool:
    """Whether a rule may let original UIDs stay on purpose."""
    select = rule.select
    return select.kind in ("mask", "all") or "UI" in (select.vr, tables.vr_of(select.tag))


def _may_select_dates(rule: Rule) -> bool:
    """Whether a rule decides about dates or times."""
    select = rule.select
    if select.kind in ("mask", "all"):
        return True
    return bool(_DATE_VRS & {select.vr, tables.vr_of(select.tag)})


def _may_select_identity(rule: Rule) -> bool:
    """Whether a rule decides about names, IDs, addresses or numbers of the patient, or keeps the
    whole birth date.
    """
    select = rule.select
    tags = PATIENT_TAGS | {BIRTH_DATE} if rule.action == "keep" else PATIENT_TAGS
    return any(
        select.kind == "all"
        or (select.kind == "vr" and select.vr == tables.vr_of(tag))
        or (select.kind in ("tag", "mask") and tag & select.mask == select.tag)
        for tag in tags
    )


class Scope:
    """A plan as one SOP Class sees it: every question has one answer, remembered."""

    def __init__(self, plan: Plan, sop_class: str, claimed: frozenset[tuple[int, str]]) -> None:
        self.plan = plan
        self.sop_class = sop_class
        self.known = tables.knows_sop_class(sop_class)
        self._claimed = claimed
        self._steps: dict[tuple[tuple[int, ...], int, str, str | None], Step] = {}

    def step(self, parents: tuple[int, ...], tag: int, vr: str, creator: str | None = None) -> Step:
        """What to do with the element `tag` of `vr` below the sequences `parents`.

        `creator` is the private creator of a private element: empty when it has none, `None` for a
        standard element.
        """
        key = (parents, tag, vr, creator)
        step = self._steps.get(key)
        if step is None:
            if len(self._steps) >= _MOST_STEPS:
                self._steps.clear()  # only files made to fill memory ask so many questions
            step = self._steps[key] = self._decide(parents, tag, vr, creator)
        return step

    def _decide(self, parents: tuple[int, ...], tag: int, vr: str, creator: str | None) -> Step:
        type_ = tables.attribute_type(self.sop_class, parents, tag) if self.known else None
        candidates = self.plan.candidates(parents, tag, vr, creator)
        fixed = next((i for i, entry in enumerate(candidates) if entry.when is None), None)
        if fixed is None:
            step = self._base_step(parents, tag, vr, creator, type_)
            conditional = candidates
        else:
            rule = candidates[fixed].rule
            step = make_step(rule.action, rule.params, "", rule.origin, type_)
            conditional = candidates[:fixed]
        for entry in reversed(conditional):
            upper = make_step(entry.rule.action, entry.rule.params, "", entry.rule.origin, type_)
            step = upper._replace(when=entry.when, otherwise=step, constant=False)
        return step

    def _base_step(
        self, parents: tuple[int, ...], tag: int, vr: str, creator: str | None, type_: str | None
    ) -> Step:
        if creator is not None:
            return self._private_step(tag, vr, creator)
        if self.plan.standard is None:
            return make_step("keep", {}, "K", "base keep", type_)
        row = self.plan.standard.row(tag, vr)
        if row is None:
            return make_step("keep", {}, "K", "not in Table E.1-1", type_)
        decisive = effective_type(parents, tag, type_)
        code = resolve(row.code, vr, decisive, sop_class_known=self.known)
        return code_step(code, tag, vr, row.origin, type_)

    def _private_step(self, tag: int, vr: str, creator: str) -> Step:
        private = self.plan.private
        origin = private.why_kept(tag, vr, creator)
        if not origin and (tag & 0xFFFF00FF, creator) in self._claimed:
            origin = "Private Data Element Characteristics Sequence (0008,0300)"
        if not origin:
            return make_step("remove", {}, "X", "Table E.1-1 Private Attributes", None)
        if private.keep_all:
            return make_step("keep", {}, "K", origin, None)
        if is_numeric(vr) and origin == "numeric":
            return make_step("keep", {}, "C", origin, None)
        return self._kept_private(tag, vr, origin)

    def _kept_private(self, tag: int, vr: str, origin: str) -> Step:
        """A safe private attribute still follows the rules for its VR (C40, C84, C93)."""
        standard = self.plan.standard
        row = standard.vrs.get(vr) if standard else None
        if row is None:
            return make_step("keep", {}, "C", origin, None)
        return code_step(
            resolve(row.code, vr, None, sop_class_known=True), tag, vr, row.origin, None
        )


def code_step(code: str, tag: int, vr: str, origin: str, type_: str | None) -> Step:
    """The step that carries out one PS3.15 action code on an attribute."""
    if tag in (PATIENT_NAME, PATIENT_ID) and code in ("Z", "D"):
        return make_step("pseudonym", {}, code, origin, type_)
    if vr == "SQ" and code == "U":
        return make_step("keep", {}, code, origin, type_)  # the walk renews the UIDs inside
    if code == "C":
        return _cleaning_step(tag, vr, origin, type_)
    return make_step(_ACTION_OF_CODE[code], {}, code, origin, type_)


def _cleaning_step(tag: int, vr: str, origin: str, type_: str | None) -> Step:
    """C: dates are shifted, AE titles become tokens, sequences are cleaned inside.

    A time zone stays, as the times of day do that count from it (C90). For other values there is
    nothing of similar meaning that is known to be safe, so they go as the attribute type allows.
    """
    if vr in _DATE_VRS or tag == FRAME_ORIGIN_TIMESTAMP:
        return make_step("shift-date", {"mode": "per-patient"}, "C", origin, type_)
    if vr == "SQ":
        return make_step("keep", {}, "C", origin, type_)
    if tag == TIMEZONE_OFFSET:
        return make_step("map", _LEGAL_OFFSET, "C", origin, type_)
    if vr == "AE":
        return make_step("hash", {"length": 12, "prefix": "AE"}, "C", origin, type_)
    by_type = {"1": "dummy", "1C": "dummy", "2": "empty", "2C": "empty"}
    return make_step(by_type.get(type_ or "3", "remove"), {}, "C", origin, type_)


def make_step(
    action: str, params: Mapping[str, Any], code: str, origin: str, type_: str | None
) -> Step:
    """A step without condition."""
    entry = REGISTRY[action]
    return Step(
        action,
        entry.function,
        params,
        code or entry.spec.code,
        origin,
        type_,
        when=None,
        otherwise=None,
        constant=action == "remove" or (action == "empty" and (type_ or "3")[0] != "1"),
        trusted=not entry.retains(params),
    )


def structural_step() -> Step:
    """Removal of what no file may carry."""
    return make_step("remove", {}, "X", "PS3.5 7, PS3.10 7", None)


def is_structural(tag: int) -> bool:
    """Elements that no data set of a file may carry, whatever a profile says.

    Group lengths and Data Set Trailing Padding (retired, PS3.5 7.2, PS3.10 7.2), commands and file
    meta information (groups 0000, 0002), directory records (0004) outside a DICOMDIR, the groups
    0001, 0003, 0005, 0007 and FFFF that PS3.5 7.1 forbids.
    """
    group = tag >> 16
    return tag & 0xFFFF == 0 or group < 8 or group == 0xFFFF or tag == 0xFFFCFFFC
