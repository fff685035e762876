"""What two profiles do differently: settings, rules, and attributes of PS3.15 Table E.1-1."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from deident.profiles.model import Profile, Rule
from deident.profiles.plain import to_plain
from deident.profiles.selectors import canonical
from deident.profiles.standard import EffectiveRow, StandardTable, effective_table

# Words for people, and what is compared on its own.
_LEFT_OUT = frozenset({"name", "version", "description", "author", "edition", "rules", "filters"})


class Changed(NamedTuple):
    """Something that both have, but not the same; `what` names it."""

    what: str
    before: str
    after: str


class Difference(NamedTuple):
    """What differs from one profile to another.

    Attributes:
        settings: base, options and other settings; dates in one.
        codes: attributes and patterns for which the standard's action code differs.
        removed, added: rules that only one has, in its order.
        filters: filters where they differ, by position.
    """

    settings: tuple[Changed, ...]
    codes: tuple[Changed, ...]
    removed: tuple[Rule, ...]
    added: tuple[Rule, ...]
    filters: tuple[Changed, ...]

    @property
    def empty(self) -> bool:
        """Whether both do the same."""
        return not any(self)


def compare(before: Profile, after: Profile) -> Difference:
    """Return what `after` does differently from `before`."""
    old, new = to_plain(before), to_plain(after)
    settings = tuple(
        Changed(name, _shown(old[name]), _shown(new[name]))
        for name in old
        if name not in _LEFT_OUT and old[name] != new[name]
    )
    one, other = [*map(_identity, before.rules)], [*map(_identity, after.rules)]
    if one != other and Counter(one) == Counter(other):
        settings += (Changed("rules", "in one order", "in another order"),)
    kept = Counter(one) & Counter(other)
    return Difference(
        settings,
        _codes(before, after),
        _only(before.rules, kept),
        _only(after.rules, kept),
        _filters(before, after),
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _identity(rule: Rule) -> tuple[str, str, str, str]:
    return canonical(rule.select), rule.action, repr(sorted(rule.params.items())), rule.when


def _only(rules: tuple[Rule, ...], common: Counter[tuple[str, str, str, str]]) -> tuple[Rule, ...]:
    left = Counter(common)
    only = []
    for rule in rules:
        if left[_identity(rule)]:
            left[_identity(rule)] -= 1
        else:
            only.append(rule)
    return tuple(only)


def _filters(before: Profile, after: Profile) -> tuple[Changed, ...]:
    old = [f"{rule.then}: {rule.when}" for rule in before.filters]
    new = [f"{rule.then}: {rule.when}" for rule in after.filters]
    length = max(len(old), len(new))
    old += [""] * (length - len(old))
    new += [""] * (length - len(new))
    return tuple(
        Changed(f"filter {number}", one, other)
        for number, (one, other) in enumerate(zip(old, new, strict=True), 1)
        if one != other
    )


def _codes(before: Profile, after: Profile) -> tuple[Changed, ...]:
    old, new = _effective(before), _effective(after)
    return tuple(
        Changed(pattern, old.get(pattern, "K"), new.get(pattern, "K"))
        for pattern in sorted(old.keys() | new.keys())
        if old.get(pattern, "K") != new.get(pattern, "K")
    )


def _effective(profile: Profile) -> dict[str, str]:
    """Pattern (a VR for rules by VR) → action code."""
    if profile.base == "keep":
        return {}
    return {row.pattern: row.code for row in all_rows(effective_table(profile.options))}


def all_rows(table: StandardTable) -> tuple[EffectiveRow, ...]:
    """Return every row of an effective table that is about attributes, patterns or VRs."""
    return (*table.tags.values(), *table.masks, *table.vrs.values(), table.private)
