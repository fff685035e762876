"""Actions on dates, times and ages: shift, truncate, pool.

A value that does not parse is never passed through: it goes as the attribute's type allows (C95).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from deident.dicom import dates, values
from deident.engine.context import Context
from deident.engine.decision import KEEP, Decision, Subject
from deident.engine.registry import Params, action, get
from deident.engine.rewriting import each_value, failed, fall_back
from deident.errors import InstanceError
from deident.profiles.catalog import ActionSpec, ParamSpec

FRAME_ORIGIN_TIMESTAMP = 0x00340007
STUDY_DATE = 0x00080020
_DATE_VRS = frozenset({"DA", "DT", "TM"})
_NOTE = "bad-date"

MODE = ParamSpec(
    "mode",
    "choice",
    default="per-patient",
    choices=("per-patient", "fixed", "epoch", "by-tag"),
    doc="per-patient: by the patient's own days; fixed: by `days`; epoch: so that the date in "
    "`tag` becomes `epoch`; by-tag: by the days in the attribute `tag`.",
)
DAYS = ParamSpec(
    "days", "int", default=0, low=-73_000, high=73_000, doc="For fixed: days, below zero: earlier."
)
EPOCH = ParamSpec("epoch", "date", default="19000101", doc="For epoch: the new date.")
TAG = ParamSpec("tag", "tag", default=STUDY_DATE, doc="For epoch and by-tag: which attribute.")


def _shift_looks_at(params: Params) -> frozenset[int]:
    return frozenset({get(params, TAG)} if get(params, MODE) in ("epoch", "by-tag") else ())


@action(
    ActionSpec(
        "shift-date",
        "C",
        "Move dates by whole days; times of day stay.",
        (MODE, DAYS, EPOCH, TAG),
        vrs=_DATE_VRS | {"OB"},
        sequences=False,
    ),
    looks_at=_shift_looks_at,
    retains=True,
)
def _shift_date(subject: Subject, context: Context, params: Params) -> Decision:
    if subject.tag == FRAME_ORIGIN_TIMESTAMP and subject.vr in ("OB", "UN"):
        return _shift_timestamp(subject, context, params)
    if subject.vr not in _DATE_VRS:
        raise failed(f"an element of VR {subject.vr} is not a date")
    if subject.vr == "TM":
        return _parsed(subject, context, _checked_time)
    days = _days(context, params)
    shift = dates.shift_da if subject.vr == "DA" else dates.shift_dt
    return _parsed(subject, context, lambda text: shift(text, days))


def _shift_timestamp(subject: Subject, context: Context, params: Params) -> Decision:
    if not subject.value:
        return KEEP
    days = _days(context, params)
    try:
        return Decision("value", dates.shift_ptp(subject.value, days))
    except InstanceError as error:
        return _unparsed(subject, context, error)


def _parsed(subject: Subject, context: Context, change: Callable[[str], str]) -> Decision:
    """Change every value once odd spellings are corrected; what does not parse is not kept."""
    value, note = values.normalise(subject.vr, subject.value)
    if note in values.UNFIT:
        return fall_back(subject, context, _NOTE)
    try:
        decision = each_value(subject._replace(value=value), context, change)
    except InstanceError as error:
        return _unparsed(subject, context, error)
    return Decision("value", value) if decision is KEEP and note else decision


def _checked_time(text: str) -> str:
    dates.parse_tm(text)
    return text


def _unparsed(subject: Subject, context: Context, error: InstanceError) -> Decision:
    if error.code != _NOTE:
        raise error
    return fall_back(subject, context, _NOTE)


def _days(context: Context, params: Params) -> int:
    """By how many days to shift.

    Raises:
        InstanceError: `rule-failed` when the attribute that says so is missing or unfit.
    """
    mode = get(params, MODE)
    if mode == "per-patient":
        return context.shift_days
    if mode == "epoch":
        return (dates.parse_da(get(params, EPOCH)) - _anchor(context, params)).days
    text = str(get(params, DAYS)) if mode == "fixed" else (context.lookup(get(params, TAG)) or "")
    if not re.fullmatch(r"[+-]?[0-9]{1,6}(\.0*)?", text) or not float(text):
        raise failed("the rule needs a number of days, and not zero")
    return int(float(text))


def _anchor(context: Context, params: Params) -> date:
    text = context.lookup(get(params, TAG)) or ""
    try:
        return dates.parse_da(text[:8] if len(text) > 10 else text)
    except InstanceError as error:
        raise failed("the date that the rule counts from is missing or not whole") from error


PRECISION = ParamSpec(
    "precision", "choice", default="year", choices=("year", "month"), doc="What stays of a date."
)


@action(
    ActionSpec(
        "truncate-date",
        "C",
        "Keep year, or year and month; a DA gets the first day, a TM becomes midnight.",
        (PRECISION,),
        vrs=_DATE_VRS,
        sequences=False,
    ),
    retains=True,
)
def _truncate_date(subject: Subject, context: Context, params: Params) -> Decision:
    if subject.vr not in _DATE_VRS:
        raise failed(f"an element of VR {subject.vr} is not a date")
    precision = get(params, PRECISION)
    return _parsed(subject, context, lambda text: dates.truncate(subject.vr, text, precision))


OVER = ParamSpec(
    "over", "int", default=89, low=0, high=998, doc="Ages over this become one group, 090Y for 89."
)
WIDTH = ParamSpec(
    "width", "int", default=0, low=0, high=100, doc="Years of a band, named by its first; 0: none."
)


@action(
    ActionSpec(
        "age-band",
        "C",
        "Pool high ages, and if asked for all ages in bands of years.",
        (OVER, WIDTH),
        vrs=frozenset({"AS"}),
        sequences=False,
    ),
    retains=True,
)
def _age_band(subject: Subject, context: Context, params: Params) -> Decision:
    if subject.vr != "AS":
        raise failed(f"an element of VR {subject.vr} is not an age")
    over, width = get(params, OVER), get(params, WIDTH)

    def band(text: str) -> str:
        years = dates.parse_age(text)
        if years > over or not width:
            return dates.cap_age(text, over)
        return f"{years // width * width:03d}Y"

    return _parsed(subject, context, band)
