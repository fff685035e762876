"""Rows of the tables in a conformance statement, read off the compiled profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from deident import tables
from deident.app.documents.blocks import Inline, Mono
from deident.dicom.syntaxes import SYNTAXES
from deident.dicom.tags import format_pattern, format_tag
from deident.engine.actions import CATALOG, REGISTRY
from deident.engine.markers import claimed, markers, method_texts
from deident.engine.plan import Plan, Step
from deident.profiles.model import Rule
from deident.profiles.standard import EffectiveRow, resolve

_EXACT, _ODD = 0xFFFFFFFF, 0x00010000
_SOME_BLOCK = 0x1000
_DIRECTORY = "1.2.840.10008.1.3.10"
_SHIFTING = frozenset({"shift-date", "truncate-date"})


class RuleRow(NamedTuple):
    """A rule of the profile as a row: selector, action with parameters, condition, why."""

    select: Mono
    action: str
    when: Inline
    note: str


def rule_rows(plan: Plan) -> list[RuleRow]:
    """The profile's own rules."""
    return [
        RuleRow(
            Mono(rule.select.text or "*"),
            _spelled(rule),
            Mono(rule.when) if rule.when else "",
            rule.note,
        )
        for rule in plan.profile.rules
    ]


def rules_keep_private(plan: Plan) -> bool:
    """Whether rules of the profile may let something of private attributes stay."""
    return any(
        REGISTRY[rule.action].retains(rule.params)
        and (rule.select.kind == "private" or rule.select.tag & rule.select.mask & _ODD)
        for rule in plan.profile.rules
    )


def _spelled(rule: Rule) -> str:
    specs = {param.name: param for param in CATALOG[rule.action].params}
    given = [
        f"{name}: {format_tag(value) if specs[name].kind == 'tag' else value}"
        for name, value in rule.params.items()
        if value != specs[name].default
    ]
    return f"{rule.action} ({', '.join(given)})" if given else rule.action


def attribute_rows(plan: Plan) -> list[tuple[Inline, ...]]:
    """Every row of Table E.1-1 and of the supplement: codes, and the action for each type."""
    standard = plan.standard
    if standard is None:
        return []
    rows = (
        *standard.tags.values(), *standard.masks, *standard.foreign, standard.private,
        *standard.vrs.values(), standard.unknown,
    )  # fmt: skip
    ordered = sorted(rows, key=lambda row: (len(row.pattern) != 8, row.pattern))
    return [_attribute_row(plan, row) for row in ordered]


def _attribute_row(plan: Plan, row: EffectiveRow) -> tuple[Inline, ...]:
    vr = (tables.vr_of(row.value) if row.mask == _EXACT else "") or "LO"
    ruled = _unconditional(plan, row, vr)
    if ruled is not None:
        actions: tuple[str, ...] = (ruled.action,) * 3
        by = f"rule {ruled.select.text}"
    else:
        actions = tuple(resolve(row.code, vr, type_, sop_class_known=True) for type_ in "123")
        by = row.option or row.table
    return (Mono(_tag_of(row)), _named(row), row.basic, row.code, *actions, by)


def _unconditional(plan: Plan, row: EffectiveRow, vr: str) -> Rule | None:
    """The rule of the profile that decides about an attribute at the top level, if one does."""
    if row.mask != _EXACT:
        return None
    candidates = plan.candidates((), row.value, vr, None)
    first = candidates[0] if candidates else None
    return first.rule if first and first.when is None else None


def _tag_of(row: EffectiveRow) -> str:
    if len(row.pattern) == 2:
        return f"VR {row.pattern}"
    return format_pattern(row.pattern) or "unknown tags"


def _named(row: EffectiveRow) -> str:
    if len(row.pattern) == 2:
        return "what no row names, by VR"
    if row.pattern == tables.PRIVATE_PATTERN:
        return "Private Attributes"
    known = tables.attribute(row.value)
    return known.name if known else row.reason


def shifted_rows(plan: Plan) -> list[tuple[Inline, ...]]:
    """Attributes whose dates are shifted: by the option, or by rules."""
    rows: list[tuple[Inline, ...]] = []
    for row in plan.standard.tags.values() if plan.standard else ():
        known = tables.attribute(row.value)
        step = plan.scope("").step((), row.value, known.vr if known else "UN")
        if known and step.action in _SHIFTING:
            rows.append((Mono(format_tag(row.value)), known.name, known.vr, _way(step)))
    rows.sort(key=lambda row: str(row[0]))
    rows += [
        (Mono(rule.select.text or "*"), "", "", f"rule: {_spelled(rule)}")
        for rule in plan.profile.rules
        if rule.action in _SHIFTING
    ]
    return rows


def _way(step: Step) -> str:
    mode = step.params.get("mode", "per-patient")
    return step.origin if mode == "per-patient" else f"{step.origin}: {mode}"


def private_rows(plan: Plan) -> list[tuple[Inline, ...]]:
    """Table E.3.10-1, and what becomes of each of its attributes."""
    scope = plan.scope("")
    rows: list[tuple[Inline, ...]] = []
    for (creator, _), row in sorted(tables.safe_private().items()):
        tag = row.group << 16 | _SOME_BLOCK | row.element
        steps = [scope.step((), tag, vr, creator) for vr in row.vr.split("/")] if row.vr else []
        done = dict.fromkeys(_done(step) for step in steps) or {"kept if a number": None}
        rows.append(
            (
                Mono(f"({row.group:04X},xx{row.element:02X})"),
                creator,
                row.vr,
                row.vm,
                row.meaning,
                ", ".join(done),
            )
        )
    return rows


_DONE = {"keep": "kept", "remove": "removed", "empty": "emptied", "uid": "new UID"}


def _done(step: Step) -> str:
    return _DONE.get(step.action, step.action)


def inserted_rows(plan: Plan) -> list[tuple[Inline, ...]]:
    """The attributes that say what was done, as they stand in an instance without earlier ones."""
    codes = "; ".join(f"{one.code} {one.scheme} {one.meaning}" for one in claimed(plan.performed))
    told = {
        0x00120063: "; ".join(method_texts(plan.performed)),
        0x00120064: codes,
        0x0018A001: "an item: Deident, its version, De-identifying Equipment (109104, DCM)",
    }
    rows: list[tuple[Inline, ...]] = []
    for new in markers(plan.performed):
        known = tables.attribute(new.tag)
        value = told.get(new.tag) or (new.value.decode() if isinstance(new.value, bytes) else "")
        rows.append((Mono(format_tag(new.tag)), known.name if known else "", value))
    return rows


def class_names() -> Iterator[str]:
    """SOP classes whose IOD is known, but for directories, which are never copied."""
    for uid in tables.sop_classes():
        name = tables.sop_class_name(uid)
        if name and uid != _DIRECTORY:
            yield name


def syntax_names() -> Iterator[str]:
    """Transfer syntaxes with their names."""
    from pydicom.uid import UID

    for uid in SYNTAXES:
        name = UID(uid).name
        yield uid if name == uid else f"{name} ({uid})"
