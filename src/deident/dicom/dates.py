"""Dates, times and ages (DA, TM, DT, AS): parse, shift, truncate, cap, and how people write them.

The forms are those of PS3.5 6.2, plus the ACR-NEMA forms `YYYY.MM.DD` and `HH:MM:SS` that PS3.5
still lets readers accept. What is not a whole date (range, nonsense, partial where
the VR wants a whole one) is refused with the code `bad-date`, so that a caller removes or replaces
it; nothing passes unparsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from typing import Literal, NamedTuple

from deident.errors import InstanceError

Kind = Literal["empty", "full", "partial", "range", "invalid"]

_PAD = "\0 "
_DOTTED = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)", re.A)
_PARTIAL_DA = re.compile(r"\d{4}(?:\.?(?:0[1-9]|1[0-2]))?|\d{4}0000|\d{4}(?:0[1-9]|1[0-2])00", re.A)
_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?", re.A)
_COLON_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?", re.A)
_DATE_TIME = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?",
    re.A,
)
_AGE = re.compile(r"(\d{1,3})([DWMY])", re.A)
_DAYS_PER_UNIT = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
_SECONDS_PER_DAY = 86_400


class Time(NamedTuple):
    """A TM value; what it does not state is `None`. `fraction`: digits behind the point."""

    hour: int
    minute: int | None
    second: int | None
    fraction: str


class DateTime(NamedTuple):
    """A DT value; what it does not state is `None`. `offset`: minutes east of UTC."""

    year: int
    month: int | None
    day: int | None
    time: Time | None
    offset: int | None


def _refuse(what: str) -> InstanceError:
    return InstanceError("bad-date", what)  # never with the value


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_da(text: str) -> date:
    """A DA value, `YYYYMMDD` or the old `YYYY.MM.DD`; padding is allowed (PS3.5 6.2).

    Raises:
        InstanceError: `bad-date` for anything else: partial dates, ranges, days that do not exist.
    """
    text = text.strip(_PAD)
    found = None
    if len(text) == 8 and text.isascii() and text.isdigit():
        found = _date(int(text[:4]), int(text[4:6]), int(text[6:]))
    elif match := _DOTTED.fullmatch(text):
        found = _date(int(match[1]), int(match[2]), int(match[3]))
    if found is None:
        raise _refuse("not a whole date")
    return found


def _time(parts: tuple[str | None, ...]) -> Time | None:
    hour, minute, second = (None if part is None else int(part) for part in parts[:3])
    if hour is None or hour > 23 or (minute or 0) > 59 or (second or 0) > 60:
        return None
    return Time(hour, minute, second, parts[3] or "")


def parse_tm(text: str) -> Time:
    """A TM value, `HH[MM[SS[.F]]]` or the old `HH:MM[:SS[.F]]` (PS3.5 6.2).

    Raises:
        InstanceError: `bad-date` for anything else, ranges included.
    """
    text = text.strip(_PAD)
    match = _TIME.fullmatch(text) or _COLON_TIME.fullmatch(text)
    found = _time(match.groups()) if match else None
    if found is None:
        raise _refuse("not a time")
    return found


def _offset(text: str | None) -> int | None:
    """Minutes east of UTC for `&ZZXX`; `None` when there is no such offset (-1200 to +1400)."""
    if not text:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    limit = 12 * 60 if text[0] == "-" else 14 * 60
    if int(text[3:]) > 59 or minutes > limit:
        return None
    return -minutes if text[0] == "-" else minutes


def parse_dt(text: str) -> DateTime:
    """A DT value of any precision, with or without an offset from UTC (PS3.5 6.2).

    Raises:
        InstanceError: `bad-date` for anything else, ranges included.
    """
    match = _DATE_TIME.fullmatch(text.strip(_PAD))
    found = _date_time(match) if match else None
    if found is None:
        raise _refuse("not a date and time")
    return found


def _date_time(match: re.Match[str]) -> DateTime | None:
    year, month, day = (None if part is None else int(part) for part in match.groups()[:3])
    time = _time(match.groups()[3:7]) if match[4] else None
    offset = _offset(match[8])
    wrong = (match[4] and time is None) or (match[8] and offset is None)
    if wrong or year is None or _date(year, month or 1, 1 if day is None else day) is None:
        return None
    if month == 0:
        return None
    return DateTime(year, month, day, time, offset)


def kind(vr: str, text: str) -> Kind:
    """What a DA, TM or DT value is: `full` is a whole date, or a DT with at least its day.

    `range` is a query's range of PS3.4 C.2.2.2.5, which has no place in an instance.
    """
    text = text.strip(_PAD)
    if not text:
        return "empty"
    if _parses(vr, text):
        return "partial" if vr == "DT" and parse_dt(text).day is None else "full"
    if vr == "DA" and _PARTIAL_DA.fullmatch(text):
        return "partial"
    return "range" if _is_range(vr, text) else "invalid"


def _parses(vr: str, text: str) -> bool:
    try:
        {"DA": parse_da, "TM": parse_tm, "DT": parse_dt}[vr](text)
    except InstanceError:
        return False
    return True


def _is_range(vr: str, text: str) -> bool:
    for position in (index for index, char in enumerate(text) if char == "-"):
        ends = [end for end in (text[:position], text[position + 1 :]) if end.strip()]
        if ends and all(_parses(vr, end) for end in ends):
            return True
    return False


def _shifted(day: date, days: int) -> str:
    ordinal = day.toordinal() + days
    if not 1 <= ordinal <= date.max.toordinal():
        raise _refuse("the shifted date is outside the years 1 to 9999")
    moved = date.fromordinal(ordinal)
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"


def shift_da(text: str, days: int) -> str:
    """A DA value moved by whole days, written `YYYYMMDD`.

    Raises:
        InstanceError: `bad-date` when it is not a whole date or leaves the years 1 to 9999.
    """
    return _shifted(parse_da(text), days)


def shift_dt(text: str, days: int) -> str:
    """A DT value moved by whole days; time, precision and offset from UTC stay as written.

    A year or a month moves from the edge that lies nearest to the target, so that it always becomes
    another one (C95): one day before 1987 is 1986, one day behind is 1988.

    Raises:
        InstanceError: `bad-date` when it is no DT value or leaves the years 1 to 9999.
    """
    text = text.strip(_PAD)
    value = parse_dt(text)
    if value.day is not None:
        return _shifted(date(value.year, value.month or 1, value.day), days) + text[8:]
    digits = 4 if value.month is None else 6
    months = value.year * 12 + (value.month or 1) - 1
    if days > 0:  # from the last day, which is the one before the first of the next
        months, days = months + (12 if value.month is None else 1), days - 1
    edge = _date(months // 12, months % 12 + 1, 1)
    if edge is None:
        raise _refuse("the shifted date is outside the years 1 to 9999")
    return _shifted(edge, days)[:digits] + text[digits:]


def shift_ptp(raw: bytes, days: int) -> bytes:
    """A PTP timestamp moved by whole days: 48 bits of seconds, 32 of nanoseconds, big-endian.

    For Frame Origin Timestamp (0034,0007), see PS3.3 C.7.6.27.1.1.

    Raises:
        InstanceError: `bad-date` when it is not ten bytes or leaves the range.
    """
    seconds = int.from_bytes(raw[:6], "big") + days * _SECONDS_PER_DAY
    if len(raw) != 10 or not 0 <= seconds < 1 << 48:
        raise _refuse("not a PTP timestamp, or shifted outside of its range")
    return seconds.to_bytes(6, "big") + raw[6:]


def truncate(vr: str, text: str, precision: Literal["year", "month"] = "year") -> str:
    """A DA, TM or DT value without what is finer than `precision`.

    A DA must have a day: it becomes the first of January or of the month. A DT loses the finer
    components and the offset, which PS3.5 6.2 allows. A TM becomes midnight.

    Raises:
        InstanceError: `bad-date` when the value does not parse.
    """
    digits = 4 if precision == "year" else 6
    if vr == "TM":
        parse_tm(text)
        return "000000"
    if vr == "DA":
        return (_shifted(parse_da(text), 0)[:digits] + "0101")[:8]
    value = parse_dt(text)
    return f"{value.year:04d}" + ("" if value.month is None else f"{value.month:02d}")[: digits - 4]


def map_values(text: str, change: Callable[[str], str]) -> str:
    """Change each value of a multi-valued text; empty values stay empty (PS3.5 6.4)."""
    values = text.rstrip(_PAD).split("\\")
    return "\\".join(change(value) if value.strip(_PAD) else "" for value in values)


# -- ages ------------------------------------------------------------------------------------------


def parse_as(text: str) -> tuple[int, str]:
    """An AS value: number and unit (`D`, `W`, `M`, `Y`); one to three digits are read (PS3.5 6.2).

    Raises:
        InstanceError: `bad-date` for anything else.
    """
    match = _AGE.fullmatch(text.strip(_PAD))
    if not match:
        raise _refuse("not an age")
    return int(match[1]), match[2]


def parse_age(text: str) -> int:
    """An AS value in whole years.

    Raises:
        InstanceError: `bad-date` when it is not an age.
    """
    number, unit = parse_as(text)
    return number if unit == "Y" else int(number * _DAYS_PER_UNIT[unit] / _DAYS_PER_UNIT["Y"])


def cap_age(text: str, limit: int = 89) -> str:
    """An AS value, ages over `limit` years pooled: `091Y` becomes `090Y`; others stay as written.

    Raises:
        InstanceError: `bad-date` when it is not an age.
    """
    return f"{limit + 1:03d}Y" if parse_age(text) > limit else text


def days_in(text: str) -> tuple[date, ...]:
    """The days that a value may mean, also one that is written against the rules.

    A DA or the beginning of a DT; else day, month and year in the order of Europe, America or ISO
    8601, with any separators, one digit for day or month, two for the year, or the month as a word.
    Empty where it means no day.
    """
    parts = _PARTS.findall(text)
    if not parts or (len(parts[0]) < 8 and not parts[0].isdecimal() and len(parts) < 3):
        return ()
    first = parts[0]
    if first.isdecimal() and len(first) >= 8:
        orders = [(first[:4], first[4:6], first[6:8])]
        if len(first) == 8 and not _day(*orders[0]):
            orders = [(first[4:], first[2:4], first[:2]), (first[4:], first[:2], first[2:4])]
    elif len(parts) < 3:
        return ()
    elif not first.isdecimal():  # November 3, 1957
        orders = [(parts[2], first, parts[1])]
    elif not parts[1].isdecimal():  # 3 November 1957, 1957 November 3
        orders = [(parts[2], parts[1], first), (first, parts[1], parts[2])]
    else:
        one, two, three = parts[:3]
        orders = [(three, two, one), (three, one, two), (one, two, three)]
    return tuple(dict.fromkeys(day for order in orders for day in _days(*order)))


_PARTS = re.compile(r"\d+|[^\W\d_]+")


def _days(year: str, month: str, dom: str) -> Iterator[date]:
    """The days of one order: with two digits of the year in either century."""
    number = month if month.isdecimal() else _month(month)
    years = [year] if len(year) == 4 else ["19" + year, "20" + year] if len(year) == 2 else []
    for one in years:
        day = _day(one, number, dom)
        if day:
            yield day


def _month(name: str) -> str:
    """The number of a month that is written as a word, empty for none."""
    wanted = _without_accents(name).casefold()
    for tables, _ in _NAMED:
        for table in tables:
            months = _without_accents(table).casefold().split()
            if wanted in months:
                return str(months.index(wanted) + 1)
    return ""


def _day(year: str, month: str, dom: str) -> date | None:
    try:
        return date(int(year), int(month), int(dom))
    except ValueError:
        return None


# -- how a date is written -------------------------------------------------------------------------

# Names of the months, and the forms they are used in. {d}: day with and without a leading zero,
# {o}: ordinal, {y}: year, {s}: its last two digits.
_NAMED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        (
            "January February March April May June July August September October November December",
            "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
            "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec",
        ),
        (
            *("{d} {m} {y}", "{m} {d}, {y}", "{m} {d} {y}", "{d} {m}, {y}", "{m}. {d}, {y}"),
            *("{d}-{m}-{y}", "{d}/{m}/{y}", "{d}{m}{y}", "{d}_{m}_{y}", "{y}-{m}-{d}"),
            *("{y} {m} {d}", "{y}{m}{d}", "{d}-{m}-{s}", "{d}{m}{s}", "{d} {m} {s}"),
            *("{o} {m} {y}", "{o} of {m} {y}", "{m} {o}, {y}", "{m} {o} {y}"),
        ),
    ),
    (
        (
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            "Jänner Feber Maerz April Mai Juni Juli August September Oktober November Dezember",
            "Jaenner Februar März April Mai Juni Juli August September Oktober November Dezember",
            "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
            "Jan Febr Mrz Apr Mai Jun Jul Aug Sept Okt Nov Dez",
        ),
        (
            *("{d}. {m} {y}", "{d}.{m} {y}", "{d}.{m}.{y}", "{d}. {m}. {y}", "{d} {m} {y}"),
            *("{d}-{m}-{y}", "{d}{m}{y}", "{d}. {m} {s}", "{d}.{m}.{s}"),
        ),
    ),
    (
        (
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            "janv févr mars avr mai juin juil août sept oct nov déc",
        ),
        ("{d} {m} {y}", "{d} {m}. {y}", "{d}-{m}-{y}", "{d} {m} {s}", "{d}{m}{y}"),
    ),
    (
        (
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
            " diciembre",
            "ene feb mar abr may jun jul ago sep oct nov dic",
        ),
        ("{d} de {m} de {y}", "{d} de {m} del {y}", "{d} {m} {y}", "{d}-{m}-{y}", "{d}{m}{y}"),
    ),
)
_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def spellings(day: date) -> tuple[str, ...]:
    """The usual ways to write a date, for finding it in text.

    ISO, DICOM, German, British, French and American orders with the usual separators, with and
    without leading zeros, two-digit years, month names in English, German, French and Spanish (with
    and without accents), East Asian. Compare without regard to case. Bare six-digit forms collide
    with times and numbers: see `weak_spellings`.
    """
    found = dict.fromkeys((*_numeric_spellings(day), *_named_spellings(day)))
    found |= dict.fromkeys(_without_accents(text) for text in tuple(found))
    return tuple(found)


def weak_spellings(day: date) -> tuple[str, ...]:
    """The ways to write a date in six digits, as national identity numbers often do."""
    year, month, dom = f"{day.year:04d}"[2:], f"{day.month:02d}", f"{day.day:02d}"
    return tuple(dict.fromkeys((year + month + dom, dom + month + year, month + dom + year)))


def _numeric_spellings(day: date) -> Iterator[str]:
    year, month, dom = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    yield from (year + month + dom, dom + month + year, month + dom + year)
    for m, d in product((month, str(day.month)), (dom, str(day.day))):
        for sep in "-./_ ":
            yield from (sep.join((year, m, d)), sep.join((d, m, year)), sep.join((m, d, year)))
        for sep in "-./":
            yield from (sep.join((year[2:], m, d)), sep.join((d, m, year[2:])))
            yield sep.join((m, d, year[2:]))
        yield from (f"{d}. {m}. {year}", f"{year}年{m}月{d}日", f"{year}년 {m}월 {d}일")


def _named_spellings(day: date) -> Iterator[str]:
    ordinal = f"{day.day}{_ORDINALS.get(day.day, 'th')}"
    for tables, forms in _NAMED:
        names = dict.fromkeys(table.split()[day.month - 1] for table in tables)
        for name, dom, form in product(names, (f"{day.day:02d}", str(day.day)), forms):
            yield form.format(
                d=dom, o=ordinal, m=name, y=f"{day.year:04d}", s=f"{day.year:04d}"[2:]
            )
    if day.day == 1:
        yield from (f"1er {table.split()[day.month - 1]} {day.year:04d}" for table in _NAMED[2][0])


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize(
        "NFC", "".join(char for char in decomposed if not unicodedata.combining(char))
    )
