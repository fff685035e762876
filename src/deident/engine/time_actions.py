"""Actions on dates, times and ages: shift, truncate, pool.

A value that does not parse is never passed through: it goes as the attribute's type allows (C95).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from deident.dicom import dates, values
from deident.engine.context import Context
from deident.engine.decision import KEEP, Decision, Subject
from deident.engine.registry import Params, action, get
from deident.engine.rewriting import failed, fall_back
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
    "days",
    "int",
    default=0,
    low=-73_000,
    high=73_000,
    doc="For fixed: days, below zero: earlier.",
    needed_with=("mode", "fixed"),
)
EPOCH = ParamSpec("epoch", "date", default="19000101", doc="For epoch: the new date.")
TAG = ParamSpec("tag", "tag", default=STUDY_DATE, doc="For epoch and by-tag: which attribute.")


def _shift_looks_at(params: Params) -> frozenset[int]:
    return frozenset({get(params, TAG)} if get(params, MODE) in ("epoch", "by-tag") else ())


@action(
    ActionSpec(
        "shift-date",
        "C",
        "Move dates by whole days; times of day stay. A DT of only a year or a month becomes "
        "another one.",
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
    days = 0 if subject.vr == "TM" else _days(context, params)
    return _each(subject, context, _shift, days)


def _shift(vr: str, text: str, days: int) -> str:
    if vr == "TM":
        dates.parse_tm(text)
        return text
    return dates.shift_da(text, days) if vr == "DA" else dates.shift_dt(text, days)


def _shift_timestamp(subject: Subject, context: Context, params: Params) -> Decision:
    if not subject.value:
        return KEEP
    days = _days(context, params)
    try:
        return Decision("value", dates.shift_ptp(subject.value, days))
    except InstanceError:
        return fall_back(subject, context, _NOTE)


def _each(subject: Subject, context: Context, change: Callable[..., str], *how: Any) -> Decision:
    """Change every value; if one does not parse, none is kept."""
    new = _changed(change, subject.vr, subject.value, *how)
    if new is None:
        return fall_back(subject, context, _NOTE)
    return KEEP if new == subject.value.rstrip(b"\0 ") else Decision("value", new)


@lru_cache(maxsize=4096)
def _changed(change: Callable[..., str], vr: str, raw: bytes, *how: Any) -> bytes | None:
    """The new raw value, `None` when the old one does not parse; odd spellings are corrected.

    Remembered, because the dates of a study are few and each is met many times.
    """
    value, note = values.normalise(vr, raw)
    if note in values.UNFIT:
        return None
    try:
        text = dates.map_values(value.decode("ascii"), lambda one: change(vr, one, *how))
    except InstanceError:
        return None
    return text.encode("ascii")


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
    return _each(subject, context, dates.truncate, get(params, PRECISION))


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
    return _each(subject, context, _band, get(params, OVER), get(params, WIDTH))


def _band(_vr: str, text: str, over: int, width: int) -> str:
    years = dates.parse_age(text)
    if years > over or not width:
        return dates.cap_age(text, over)
    return f"{years // width * width:03d}Y"
