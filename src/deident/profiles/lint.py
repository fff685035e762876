"""What is wrong or odd in a profile file: errors that keep it from loading, and warnings.

A warning is about a profile that loads but hardly does what its author meant: rules that never
apply, that keep what PS3.15 would take away, or that make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from deident import tables
from deident.dicom.tags import format_tag, is_private
from deident.errors import ProfileError
from deident.profiles.build import Built
from deident.profiles.catalog import ActionCatalog
from deident.profiles.expression import Comparison, Constant, Junction, Node, Not, Presence, parse
from deident.profiles.loader import Examined, examine_file
from deident.profiles.model import Profile, Rule, Selector, specificity
from deident.profiles.selectors import covers
from deident.profiles.standard import EffectiveRow, effective_table
from deident.profiles.tree import Keys, Place


class Finding(NamedTuple):
    """One thing that lint found.

    Attributes:
        source: the file, as it was named.
        line, column: from 1.
        severity: an `error` keeps the profile from loading.
        code: for errors a key of `errors.REASONS`, for warnings one of `CODES`.
        message: what is odd, and why it matters.
    """

    source: str
    line: int
    column: int
    severity: Literal["error", "warning"]
    code: str
    message: str


CODES = {
    "shadowed": "A later rule with the same or a wider selector always wins.",
    "never-applies": "No element can be selected, or no instance can meet the condition.",
    "not-in-dictionary": "The edition of PS3.6 that is built in does not know this attribute.",
    "retired": "The attribute is retired; only old objects have it.",
    "unsuitable": "The action cannot work on values of this kind, so instances are quarantined.",
    "keeps-protected": "The rule keeps what PS3.15 Table E.1-1 would take away.",
    "private-by-number": "Private blocks may have other numbers in other files.",
    "no-effect": "It makes no difference.",
    "always": "The condition does not depend on the instance.",
    "slow-pattern": "The pattern may take very long on some values.",
    "edition": "The profile was written for another edition of PS3.15.",
    "unsafe": "Identifiers may be left in the output.",
}

_MEANS = {
    "X": "remove",
    "Z": "empty",
    "D": "replace by a dummy",
    "U": "renew the UID",
    "C": "clean",
}
# Actions that leave the whole original value in the output.
_KEEPING = {"keep": "keeps", "prefix": "keeps the value of"}
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*[*+](?:[^()\\]|\\.)*\)(?:[*+]|\{\d+,)")
_SHOWN = 5

# Where, code, message.
_Warning = tuple[Place, str, str]


def lint(path: Path, actions: ActionCatalog) -> list[Finding]:
    """Return everything that is wrong or odd in a profile file, in order of place."""
    try:
        examined = examine_file(path, actions)
    except ProfileError as error:
        source = error.source or str(path)
        return [Finding(source, error.line, error.column, "error", error.code, error.message)]
    if examined.built is None:
        return [
            Finding(str(path), p.line, p.column, "error", p.code, p.message)
            for p in examined.problems
        ]
    found = sorted(
        (place.line, place.column, code, message)
        for place, code, message in _Linter(examined, examined.built, actions).warnings()
    )
    return [
        Finding(str(path), line, column, "warning", code, message)
        for line, column, code, message in found
    ]


class _Linter:
    """Looks at one profile that loads."""

    def __init__(self, examined: Examined, built: Built, actions: ActionCatalog) -> None:
        self.tree = examined.tree
        self.built = built
        self.profile: Profile = built.profile
        self.actions = actions
        own = len(built.rule_places)
        first = len(self.profile.rules) - own
        self.own = list(enumerate(self.profile.rules))[first:]
        self.standard = effective_table(self.profile.options)

    def warnings(self) -> Iterator[_Warning]:
        for (position, rule), place in zip(self.own, self.built.rule_places, strict=True):
            for code, message in self._rule(position, rule):
                yield place, code, message
        yield from self._filters()
        yield from self._options()
        yield from self._settings()

    def _at(self, *path: str | int) -> Place:
        keys: Keys = path
        return self.tree.place(keys)

    # -- rules ------------------------------------------------------------------------------------

    def _rule(self, position: int, rule: Rule) -> Iterator[tuple[str, str]]:
        yield from self._shadowed(position, rule)
        yield from _spelling(rule.select)
        without_effect = [*_never(rule.select), *self._gone(rule), *self._unsuitable(rule)]
        yield from without_effect
        if not without_effect and self.profile.base == "ps3.15" and rule.action in _KEEPING:
            yield from self._keeps(rule)
        if rule.when:
            yield from _condition(rule.when)
        for value in rule.params.values():
            if isinstance(value, str) and _NESTED_REPEAT.search(value):
                yield "slow-pattern", "a repetition within a repetition can take very long"

    def _shadowed(self, position: int, rule: Rule) -> Iterator[tuple[str, str]]:
        """Rules whose elements all go to another rule, without or under the same condition."""
        rank = (specificity(rule.select), position)
        for number, other in enumerate(self.profile.rules):
            wins = (specificity(other.select), number) > rank
            if wins and other.when in ("", rule.when) and covers(other.select, rule.select):
                yield "shadowed", f"the rule at {other.origin} always goes first"
                return

    def _gone(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """Rules for what lies in a sequence that goes, or is replaced, as a whole."""
        for tag in rule.select.parents:
            row = self.standard.row(tag, "SQ") if self.profile.base == "ps3.15" else None
            if row is None or not _parts(row.code) <= {"X", "Z", "D"}:
                continue
            sequence = Selector("tag", tag)
            if not any(
                other.action == "keep"
                and covers(other.select._replace(parents=(), anchored=False), sequence)
                for other in self.profile.rules
            ):
                name = _row_name(row)
                yield "never-applies", f"{row.origin} takes {name} away as a whole; keep that first"
                return

    def _unsuitable(self, rule: Rule) -> Iterator[tuple[str, str]]:
        action = self.actions[rule.action]
        vrs = _vrs(rule.select)
        if not vrs:
            return
        if vrs == {"SQ"} and not action.sequences:
            yield "unsuitable", f"{action.name} cannot be applied to a sequence"
        elif action.vrs is not None and not vrs & action.vrs:
            shown = " or ".join(sorted(vrs))
            yield "unsuitable", f"{action.name} cannot work on values of VR {shown}"

    def _keeps(self, rule: Rule) -> Iterator[tuple[str, str]]:
        if rule.select.kind == "private":
            key = (rule.select.creator, rule.select.tag)
            if key not in tables.safe_private():
                yield (
                    "keeps-protected",
                    "keeps a private attribute that Table E.3.10-1 does not call safe",
                )
            return
        rows = [row for row in self._protecting() if _selects(rule.select, row)]
        if not rows:
            return
        verb = _KEEPING[rule.action]
        if len(rows) == 1:
            row = rows[0]
            means = " or ".join(_MEANS[part] for part in row.code.rstrip("*").split("/"))
            message = f"{verb} {_row_name(row)}; {row.origin} says {row.code}: {means}"
        else:
            names = ", ".join(_row_name(row) for row in rows[:_SHOWN])
            more = ", …" if len(rows) > _SHOWN else ""
            message = f"{verb} {len(rows)} attributes that PS3.15 protects: {names}{more}"
        yield "keeps-protected", message

    def _protecting(self) -> Iterator[EffectiveRow]:
        rows = (*self.standard.tags.values(), *self.standard.masks, self.standard.private)
        return (row for row in rows if row.code != "K")

    # -- filters, options, settings ---------------------------------------------------------------

    def _filters(self) -> Iterator[_Warning]:
        own = len(self.built.filter_places)
        decided = False
        for rule, place in zip(self.profile.filters[:own], self.built.filter_places, strict=True):
            if decided:
                yield place, "never-applies", "an earlier filter always decides"
            for code, message in _condition(rule.when):
                if code != "always":
                    yield place, code, message
            decided = decided or constant(parse(rule.when).root) is True

    def _options(self) -> Iterator[_Warning]:
        written = self.tree.data.get("options", [])
        parent = self.built.parent
        for number, name in enumerate(written):
            place = self._at("options", number)
            if self.profile.base == "keep":
                yield place, "no-effect", "options change nothing where the base keeps everything"
            elif name in written[:number] or (parent and name in parent.options):
                yield place, "no-effect", f"{name} is on already"
            elif self._overridden(name):
                yield place, "no-effect", f"the rules decide about everything that {name} is about"

    def _overridden(self, option: str) -> bool:
        """Whether unconditional rules for every depth select all that an option is about."""
        rules = [rule.select for rule in self.profile.rules if not rule.when]
        wide = [select for select in rules if not select.parents and not select.anchored]
        rows = [row for row in tables.annex_e() if option in row.options]
        return all(
            any(_selects_pattern(select, row.value, row.mask) for select in wide) for row in rows
        )

    def _settings(self) -> Iterator[_Warning]:
        edition = self.tree.data.get("edition")
        if edition and edition != tables.edition():
            message = f"written for PS3.15 {edition}; the tables here are of {tables.edition()}"
            yield self._at("edition"), "edition", message
        if self.profile.base == "ps3.15" and self.tree.data.get("verify") == "report":
            message = "identifiers that are found before writing stay in the output"
            yield self._at("verify"), "unsafe", message
        shifts = "retain-modified-dates" in self.profile.options or any(
            rule.action == "shift-date" for rule in self.profile.rules
        )
        if "dates" in self.tree.data and not shifts:
            message = "no dates are shifted: neither retain-modified-dates nor a rule asks for it"
            yield self._at("dates"), "no-effect", message


# -- what a selector is about -------------------------------------------------------------------


def _vrs(select: Selector) -> set[str]:
    """The VRs that a selected element can have; empty if that is not known."""
    if select.kind == "vr":
        return {select.vr}
    if select.kind != "tag":
        return set()
    known = tables.attribute(select.tag)
    return set(known.vrs) if known else set()


def _never(select: Selector) -> Iterator[tuple[str, str]]:
    """What no rule is asked about."""
    if select.kind not in ("tag", "mask"):
        return
    group, element = select.tag >> 16, select.tag & 0xFFFF
    exact_group, exact_element = select.mask >> 16 == 0xFFFF, select.mask & 0xFFFF == 0xFFFF
    if exact_group and (group < 8 or group == 0xFFFF):
        yield "never-applies", f"group {group:04X} is not part of a data set; it is never copied"
    elif exact_element and element == 0:
        yield "never-applies", "group lengths are never copied"
    elif is_private(select.tag) and select.mask & 0xFF00 == 0xFF00 and element < 0x100:
        yield (
            "never-applies",
            "private creators stay or go with their blocks, whatever a rule says",
        )


def _spelling(select: Selector) -> Iterator[tuple[str, str]]:
    if select.kind == "tag" and is_private(select.tag) and select.tag & 0xFFFF >= 0x1000:
        group, low = select.tag >> 16, select.tag & 0xFF
        yield (
            "private-by-number",
            f'the block may have another number in other files; write ({group:04X},"CREATOR",'
            f"{low:02X})",
        )
    elif select.kind == "tag" and not is_private(select.tag):
        known = tables.attribute(select.tag)
        if known is None and select.tag >> 16 >= 8 and select.tag & 0xFFFF:
            yield "not-in-dictionary", f"{format_tag(select.tag)} is not an attribute of PS3.6"
        elif known and known.retired:
            yield "retired", f"{known.name or format_tag(select.tag)} is retired"


def _selects(select: Selector, row: EffectiveRow) -> bool:
    """Whether a selector reaches at least some of what a row of the table is about."""
    if select.kind in ("all", "vr"):  # which never keep private attributes
        private = row.pattern == tables.PRIVATE_PATTERN
        return not private and _selects_pattern(select, row.value, row.mask)
    if select.kind == "private":
        return False
    shared = select.mask & row.mask
    return select.tag & shared == row.value & shared


def _selects_pattern(select: Selector, value: int, mask: int) -> bool:
    """Whether a selector reaches all tags of a pattern."""
    if select.kind == "vr":
        return tables.vr_of(value) == select.vr
    return covers(select, Selector("mask", value, mask))


def _parts(code: str) -> set[str]:
    """The actions that a code leaves open: of X/Z/D three."""
    return set(code.rstrip("*").split("/"))


def _row_name(row: EffectiveRow) -> str:
    if row.pattern == tables.PRIVATE_PATTERN:
        return "private attributes"
    known = tables.attribute(row.value)
    return (known and known.keyword) or format_tag(row.value)


# -- conditions ---------------------------------------------------------------------------------


def _condition(text: str) -> Iterator[tuple[str, str]]:
    root = parse(text).root
    value = constant(root)
    if value is False:
        yield "never-applies", "the condition never holds"
    elif value is True:
        yield "always", "the condition always holds; leave it out"
    for node in _nodes(root):
        if isinstance(node, Comparison) and node.operator == "matches":
            pattern = node.operands[0]
            if isinstance(pattern, re.Pattern) and _NESTED_REPEAT.search(pattern.pattern):
                yield "slow-pattern", "a repetition within a repetition can take very long"


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Not):
        yield from _nodes(node.term)
    elif isinstance(node, Junction):
        for term in node.terms:
            yield from _nodes(term)


def constant(node: Node) -> bool | None:
    """Return what a condition says about every instance, or `None` if it depends on them."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        inner = constant(node.term)
        return None if inner is None else not inner
    if not isinstance(node, Junction):
        return None
    decides = node.word == "or"
    values = [constant(term) for term in node.terms]
    if decides in values or _complementary(node.terms):
        return decides
    if not decides and _contradictory(node.terms):
        return False
    return None if None in values else not decides


def _complementary(terms: tuple[Node, ...]) -> bool:
    """Whether exactly one of two of the terms always holds: `x` and `not x`, exists and missing."""
    asked = [term for term in terms if isinstance(term, Presence)]
    there = {term.reference for term in asked if term.word == "exists"}
    not_there = {term.reference for term in asked if term.word == "missing"}
    return not there.isdisjoint(not_there) or any(Not(term) in terms for term in terms)


def _contradictory(terms: tuple[Node, ...]) -> bool:
    """Whether an attribute must have two different values at once."""
    seen: dict[object, object] = {}
    for term in terms:
        if isinstance(term, Comparison) and term.operator == "==" and not term.each:
            key = (term.reference, term.fold)
            if seen.setdefault(key, term.operands) != term.operands:
                return True
    return False
