"""The actions: what a rule, or a code of PS3.15 Table E.1-1, can do with an element.

`REGISTRY` holds all of them by name. Those that work on dates and ages are in `time_actions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from deident import tables
from deident.dicom import dates, values
from deident.dicom.charsets import MULTI_TEXT_VRS
from deident.engine import dummies, time_actions
from deident.engine.context import NEEDED, PATIENT_ID, Context
from deident.engine.decision import KEEP, REMOVE, Decision, Subject
from deident.engine.registry import REGISTRY, Action, ActionFunction, Params, action, get
from deident.engine.rewriting import (
    TEXT_VRS,
    WRITTEN_VRS,
    dummy,
    each_value,
    emptied,
    failed,
    multiplicity,
    new_uids,
    texts,
    write,
)
from deident.errors import InstanceError
from deident.profiles.catalog import ActionSpec, ParamSpec, template_fields

__all__ = ["ALWAYS_LOOKED_AT", "CATALOG", "REGISTRY", "Action", "ActionFunction", "time_actions"]

MODALITY = 0x00080060
STUDY_DATE = 0x00080020
ORIGINAL = "orig:"

ALWAYS_LOOKED_AT = NEEDED | dummies.LOOKS_AT
"""Top-level attributes that the actions of PS3.15's codes may ask for."""

_HASHED_VRS = TEXT_VRS - {"UR"}


# -- what the codes of PS3.15 ask for --------------------------------------------------------------


@action(
    ActionSpec("keep", "K", "Leave the value; items of a sequence are judged one by one."),
    retains=True,
)
def _keep(_subject: Subject, _context: Context, _params: Params) -> Decision:
    return KEEP


@action(ActionSpec("remove", "X", "Remove the element, a sequence with all of its items."))
def _remove(_subject: Subject, _context: Context, _params: Params) -> Decision:
    return REMOVE


@action(
    ActionSpec("empty", "Z", "Empty the element; a dummy where the standard demands a value."),
    looks_at=lambda _params: ALWAYS_LOOKED_AT,
)
def _empty(subject: Subject, context: Context, _params: Params) -> Decision:
    # C52: a Type 1 attribute without a value is not valid; code Z allows a dummy
    return dummy(subject, context) if (subject.type or "")[:1] == "1" else emptied(subject)


@action(
    ActionSpec("dummy", "D", "Replace the value by a valid one that says nothing about anybody."),
    looks_at=lambda _params: ALWAYS_LOOKED_AT,
)
def _dummy(subject: Subject, context: Context, _params: Params) -> Decision:
    return dummy(subject, context)


@action(
    ActionSpec(
        "uid",
        "U",
        "Replace UIDs by new ones, the same for the same UID in the whole project.",
        vrs=frozenset({"UI", "SQ"}),
    )
)
def _uid(subject: Subject, context: Context, _params: Params) -> Decision:
    if subject.sequence:
        return KEEP  # U* of Table E.1-1: the UIDs inside are renewed where they are met
    if subject.vr != "UI":
        raise failed("only elements of VR UI can be given new UIDs")
    return new_uids(subject, context)


@action(
    ActionSpec(
        "pseudonym",
        "Z",
        "Replace the value by the patient's new ID.",
        vrs=TEXT_VRS,
        sequences=False,
    ),
    looks_at=lambda _params: NEEDED,
)
def _pseudonym(subject: Subject, context: Context, _params: Params) -> Decision:
    return write(subject, context, [_pseudonym_for(subject, context)])


def _pseudonym_for(subject: Subject, context: Context) -> str:
    """The patient's new ID; inside sequences a Patient ID may be another patient's."""
    if subject.path and subject.tag == PATIENT_ID:
        other = "\\".join(texts(subject, context)).strip()
        if other and other != (context.lookup(PATIENT_ID) or "").strip():
            return context.identity.pseudonym(context.identity.patient_key(other))
    return context.pseudonym


# -- what profiles may ask for besides -------------------------------------------------------------

TEMPLATE = ParamSpec(
    "value",
    "template",
    required=True,
    choices=("patient_id", "modality", "sop_class", "year", ORIGINAL),
    doc="The new value. Fields: {patient_id} the new Patient ID, {modality}, {sop_class} as UID, "
    "{year} of the study, moved as the patient's dates are, {orig:Keyword} an original value.",
)
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def _fields_of(params: Params) -> tuple[str, ...]:
    return template_fields(get(params, TEMPLATE))


def _replace_looks_at(params: Params) -> frozenset[int]:
    tags = set(NEEDED)
    for field in _fields_of(params):
        if field.startswith(ORIGINAL):
            tags.add(_keyword_tag(field))
        tags |= {"modality": {MODALITY}, "year": {STUDY_DATE}}.get(field, set())
    return frozenset(tags)


def _keyword_tag(field: str) -> int:
    tag = tables.keyword_to_tag(field.removeprefix(ORIGINAL))
    if tag is None:
        raise failed("the rule's template names an attribute that does not exist")
    return tag


@action(
    ActionSpec(
        "replace",
        "D",
        "Replace the value by a text in which {fields} are filled in.",
        (TEMPLATE,),
        vrs=WRITTEN_VRS | values.NUMBER_CODES.keys(),
        sequences=False,
    ),
    looks_at=_replace_looks_at,
    retains=lambda params: any(field.startswith(ORIGINAL) for field in _fields_of(params)),
)
def _replace(subject: Subject, context: Context, params: Params) -> Decision:
    text = _FIELD.sub(
        lambda match: match[0][0] if match[1] is None else _field(match[1], context),
        get(params, TEMPLATE),
    )
    several = subject.vr in MULTI_TEXT_VRS or subject.vr in values.NUMBER_CODES
    new = text.split("\\") if several else [text]
    if len(new) > multiplicity(subject.tag)[1]:
        raise failed("the rule gives more values than the attribute may have")
    return write(subject, context, new)


def _field(name: str, context: Context) -> str:
    if name == "patient_id":
        return context.pseudonym
    if name == "sop_class":
        return context.sop_class
    if name == "year":
        return _year(context)
    if name == "modality":
        return _original(MODALITY, context)
    if name.startswith(ORIGINAL):
        return _original(_keyword_tag(name), context)
    raise failed("the rule's template has an unknown field")


def _original(tag: int, context: Context) -> str:
    text = context.lookup(tag)
    if text is None:
        raise failed("an attribute that the rule's template needs is missing")
    return text


def _year(context: Context) -> str:
    true_dates = "retain-full-dates" in context.profile.options or context.profile.base == "keep"
    return dates.shift_da(_original(STUDY_DATE, context), 0 if true_dates else context.shift_days)[
        :4
    ]


LENGTH = ParamSpec(
    "length", "int", default=16, low=8, high=51, doc="Characters; less where the VR holds less."
)
PREFIX = ParamSpec("prefix", "str", default="", doc="Put before them.")


@action(
    ActionSpec(
        "hash",
        "",
        "Replace every value by characters made of it with the project's key.",
        (LENGTH, PREFIX),
        vrs=_HASHED_VRS,
        sequences=False,
    )
)
def _hash(subject: Subject, context: Context, params: Params) -> Decision:
    prefix = get(params, PREFIX)
    room = (values.rules(subject.vr).longest or 1 << 16) - len(prefix)
    length = min(get(params, LENGTH), room)
    if length < 1 or subject.vr not in _HASHED_VRS:
        raise failed(f"VR {subject.vr} has no room for a hash")
    return each_value(
        subject, context, lambda old: prefix + context.identity.token("hash", old, length)
    )


TEXT = ParamSpec("text", "str", required=True, doc="What is put before every value.")


@action(
    ActionSpec(
        "prefix",
        "",
        "Put a text before every value, which stays.",
        (TEXT,),
        vrs=TEXT_VRS,
        sequences=False,
    ),
    retains=True,
)
def _prefix(subject: Subject, context: Context, params: Params) -> Decision:
    return each_value(subject, context, lambda old: get(params, TEXT) + old)


PATTERN = ParamSpec(
    "pattern", "regex", required=True, doc="Regular expression that a whole value must match."
)
TO = ParamSpec("to", "str", required=True, doc=r"The new value; \1 or \g<name> for groups.")
OTHERWISE = ParamSpec(
    "otherwise",
    "choice",
    default="remove",
    choices=("remove", "empty", "dummy", "keep"),
    doc="What to do with the element when a value does not match.",
)


@action(
    ActionSpec(
        "map",
        "",
        "Rewrite every value by a regular expression.",
        (PATTERN, TO, OTHERWISE),
        vrs=WRITTEN_VRS,
        sequences=False,
    ),
    looks_at=lambda _params: ALWAYS_LOOKED_AT,
    retains=True,
)
def _map(subject: Subject, context: Context, params: Params) -> Decision:
    pattern, to = _compiled(get(params, PATTERN)), get(params, TO)

    def rewrite(old: str) -> str | None:
        match = pattern.fullmatch(old)
        return match.expand(to) if match else None

    try:
        return _rewritten(subject, context, params, rewrite)
    except (re.error, IndexError) as error:
        raise failed("the replacement of the rule names a group that its pattern lacks") from error


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


TABLE = ParamSpec("table", "mapping", required=True, doc="Value by value: old and new.")


@action(
    ActionSpec(
        "lookup",
        "",
        "Replace every value by what a table says.",
        (TABLE, OTHERWISE),
        vrs=WRITTEN_VRS,
        sequences=False,
    ),
    looks_at=lambda _params: ALWAYS_LOOKED_AT,
    retains=lambda params: get(params, OTHERWISE) == "keep",
)
def _lookup(subject: Subject, context: Context, params: Params) -> Decision:
    return _rewritten(subject, context, params, get(params, TABLE).get)


def _rewritten(
    subject: Subject,
    context: Context,
    params: Params,
    change: Callable[[str], str | None],
) -> Decision:
    """Every value changed; if one has no new value, nothing but what `otherwise` says."""
    old = texts(subject, context)
    new = [change(value) if value else "" for value in old]
    known = [value for value in new if value is not None]
    if len(known) < len(new):
        return REGISTRY[get(params, OTHERWISE)].function(subject, context, {})
    return KEEP if known == old else write(subject, context, known)


# -- about the whole instance ----------------------------------------------------------------------


@action(ActionSpec("quarantine", "", "Quarantine the instance."))
def _quarantine(_subject: Subject, _context: Context, _params: Params) -> Decision:
    raise InstanceError("rule")


@action(ActionSpec("discard", "", "Leave the instance out of the output."))
def _discard(_subject: Subject, _context: Context, _params: Params) -> Decision:
    raise InstanceError("discarded")


CATALOG = {name: entry.spec for name, entry in REGISTRY.items()}
"""What `profiles` needs to know of the actions, see `profiles.catalog.ActionCatalog`."""
