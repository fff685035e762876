"""Dates, times and ages: forms, shifts, truncation, caps and the ways a date is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.valuerep import DA, DT, TM

from deident.dicom import dates
from deident.errors import InstanceError


def code_of(call: Callable[..., object], *args: object) -> str | None:
    """The code of the error that a call raises on purpose; `None` when it returns."""
    try:
        call(*args)
    except InstanceError as error:
        return error.code
    return None


DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
ODD_TEXT = st.one_of(
    st.text(max_size=30), st.text(st.sampled_from("0123456789.:+-/ \\\0T"), max_size=30)
)


# -- parsing ---------------------------------------------------------------------------------------


@given(DAYS)
def test_dates_parse_in_both_forms(day: date) -> None:
    text = f"{day.year:04d}{day.month:02d}{day.day:02d}"
    dotted = f"{text[:4]}.{text[4:6]}.{text[6:]}"
    assert dates.parse_da(text) == dates.parse_da(text + " ") == dates.parse_da(dotted) == day
    assert dates.kind("DA", text) == dates.kind("DA", dotted) == "full"


@pytest.mark.parametrize(
    "text",
    [
        "19870229",
        "19871301",
        "19870000",
        "00000101",
        "1987",
        "198703",
        "1987-03-02",
        "1987.3.2",
        "87.03.02",
        "19870302-19870303",
        "198703021",
        "１９８７０３０２",
        "***",
        "",
    ],
)
def test_what_is_no_whole_date_is_refused(text: str) -> None:
    assert code_of(dates.parse_da, text) == "bad-date"
    assert code_of(dates.shift_da, text, 1) == "bad-date"
    assert code_of(dates.truncate, "DA", text) == "bad-date"


@pytest.mark.parametrize(
    ("vr", "text", "kind"),
    [
        ("DA", "", "empty"),
        ("DA", "  ", "empty"),
        ("DA", "19870302", "full"),
        ("DA", "1987.03.02 ", "full"),
        ("DA", "1987", "partial"),
        ("DA", "198703", "partial"),
        ("DA", "1987.03", "partial"),
        ("DA", "19870000", "partial"),
        ("DA", "19870300", "partial"),
        ("DA", "19870302-19880101", "range"),
        ("DA", "19870302-", "range"),
        ("DA", "-19870302", "range"),
        ("DA", "-", "invalid"),
        ("DA", "19871332", "invalid"),
        ("DA", "1987-03-02", "invalid"),
        ("TM", "10", "full"),
        ("TM", "1011", "full"),
        ("TM", "101112.123456", "full"),
        ("TM", "235960", "full"),
        ("TM", "10:11:12.5", "full"),
        ("TM", "1000-1200", "range"),
        ("TM", "2400", "invalid"),
        ("TM", "101112.1234567", "invalid"),
        ("DT", "1987", "partial"),
        ("DT", "198703+0100", "partial"),
        ("DT", "19870302", "full"),
        ("DT", "19870302101112.123456-0330", "full"),
        ("DT", "1987-0500", "partial"),
        ("DT", "1987-1990", "range"),
        ("DT", "19870302-", "range"),
        ("DT", "19870302101112+0100-19880101", "range"),
        ("DT", "19870302+1500", "invalid"),
        ("DT", "198700", "invalid"),
        ("DT", "19870300", "invalid"),
        ("DT", "NaN", "invalid"),
    ],
)
def test_kinds(vr: str, text: str, kind: str) -> None:
    assert dates.kind(vr, text) == kind


def test_times_and_date_times_say_what_they_state() -> None:
    assert dates.parse_tm("10") == (10, None, None, "")
    assert dates.parse_tm("10:11:12.50 ") == (10, 11, 12, "50")
    assert dates.parse_dt("1987-0500") == (1987, None, None, None, -300)
    value = dates.parse_dt("19870302101112.5+0130")
    assert value == (1987, 3, 2, (10, 11, 12, "5"), 90)


@given(st.sampled_from(["DA", "TM", "DT"]), ODD_TEXT)
def test_anything_else_raises_the_typed_error_only(vr: str, text: str) -> None:
    dates.kind(vr, text)
    for call in (dates.parse_da, dates.parse_tm, dates.parse_dt, dates.parse_age):
        assert code_of(call, text) in (None, "bad-date")
    assert code_of(dates.shift_da, text, -300) in (None, "bad-date")
    assert code_of(dates.shift_dt, text, -300) in (None, "bad-date")
    assert code_of(dates.truncate, vr, text) in (None, "bad-date")
    assert code_of(dates.cap_age, text) in (None, "bad-date")


def test_errors_carry_no_value() -> None:
    for call in (dates.parse_da, dates.parse_tm, dates.parse_dt, dates.parse_age):
        with pytest.raises(InstanceError) as caught:
            call("19871399")
        assert "1987" not in str(caught.value)
        assert caught.value.__context__ is None


# -- shifting --------------------------------------------------------------------------------------


@given(DAYS, st.integers(-4_000_000, 4_000_000))
def test_shifts_move_by_days_or_are_refused(day: date, days: int) -> None:
    text = day.strftime("%Y%m%d").zfill(8)
    try:
        moved: date | None = day + timedelta(days=days)
    except OverflowError:
        moved = None
    if moved is None:
        assert code_of(dates.shift_da, text, days) == "bad-date"
    else:
        assert dates.parse_da(dates.shift_da(text, days)) == moved


TIMES = st.sampled_from(["", "00", "2359", "235960", "000000", "101112.1", "101112.123456"])
OFFSETS = st.sampled_from(["", "+0000", "+1400", "-1200", "-0330", "-0000"])


@given(DAYS, st.integers(-40_000, 40_000), TIMES, OFFSETS)
def test_shift_and_shift_back_is_the_identity(day: date, days: int, time: str, offset: str) -> None:
    da = f"{day.year:04d}{day.month:02d}{day.day:02d}"
    dt = da + time + offset
    if code_of(dates.shift_da, da, days):
        assert code_of(dates.shift_dt, dt, days) == "bad-date"
        return
    assert dates.shift_da(dates.shift_da(da, days), -days) == da
    shifted = dates.shift_dt(dt, days)
    assert shifted == dates.shift_da(da, days) + time + offset  # DA + TM pairs move with DT
    assert dates.shift_dt(shifted, -days) == dt


@pytest.mark.filterwarnings("ignore:.*second")
@given(DAYS, TIMES, OFFSETS)
def test_pydicom_understands_what_is_understood_here(day: date, time: str, offset: str) -> None:
    text = f"{day.year:04d}{day.month:02d}{day.day:02d}{time}{offset}"
    ours, theirs = dates.parse_dt(text), DT(text)
    assert (ours.year, ours.month, ours.day) == (theirs.year, theirs.month, theirs.day)
    assert (ours.offset is None) == (theirs.tzinfo is None)
    if theirs.tzinfo and ours.offset is not None:
        assert theirs.utcoffset() == timedelta(minutes=ours.offset)
    assert dates.parse_da(text[:8]) == DA(text[:8])
    if time:
        theirs_tm = TM(time)
        assert dates.parse_tm(time)[:2] == (theirs_tm.hour, theirs_tm.minute if time[2:] else None)


@given(DAYS, DAYS, st.integers(-4000, 4000))
def test_intervals_stay(first: date, second: date, days: int) -> None:
    texts = [day.strftime("%Y%m%d").zfill(8) for day in (first, second)]
    if any(code_of(dates.shift_da, text, days) for text in texts):
        return
    moved = [dates.parse_da(dates.shift_da(text, days)) for text in texts]
    assert moved[1] - moved[0] == second - first


def test_leap_days_and_ends_of_years() -> None:
    assert dates.shift_da("20000228", 1) == "20000229"
    assert dates.shift_da("19000228", 1) == "19000301"
    assert dates.shift_da("20240301", -1) == "20240229"
    assert dates.shift_da("00010101", 0) == "00010101"
    assert dates.shift_da("1987.03.02", 1) == "19870303"
    assert dates.shift_dt("20191231235959.999999+0100", 1) == "20200101235959.999999+0100"


@pytest.mark.parametrize(
    ("text", "days", "expected"),
    [
        ("1987", -1, "1986"),
        ("1987", -365, "1986"),
        ("1987", -366, "1985"),
        ("1987 ", 1, "1988"),
        ("1987", 0, "1987"),
        ("198703", -1, "198702"),
        ("198703", -28, "198702"),
        ("198703", -29, "198701"),
        ("198701", -1, "198612"),
        ("198702", 1, "198703"),
        ("198712", 1, "198801"),
        ("1987+0100", -20, "1986+0100"),
        ("198703-0530", 20, "198704-0530"),
    ],
)
def test_C95_a_year_or_month_moves_to_another_one(text: str, days: int, expected: str) -> None:
    assert dates.shift_dt(text, days) == expected


@given(st.integers(1, 9998), st.integers(-1000, 1000).filter(bool))
def test_C95_a_year_never_stays(year: int, days: int) -> None:
    try:
        assert dates.shift_dt(f"{year:04d}", days) != f"{year:04d}"
    except InstanceError as error:
        assert error.code == "bad-date"  # noqa: PT017 - either is right


@pytest.mark.parametrize("text", ["1987-1990", "19870302-", "1987-", "-1987", "198713", "87"])
def test_C95_ranges_cannot_be_shifted(text: str) -> None:
    assert code_of(dates.shift_dt, text, 1) == "bad-date"


def test_ptp_timestamps_move_by_days() -> None:
    raw = (1_000_000).to_bytes(6, "big") + b"\x01\x02\x03\x04"
    assert dates.shift_ptp(raw, 2) == (1_172_800).to_bytes(6, "big") + b"\x01\x02\x03\x04"
    assert dates.shift_ptp(dates.shift_ptp(raw, 2), -2) == raw
    assert code_of(dates.shift_ptp, raw, -20) == "bad-date"
    assert code_of(dates.shift_ptp, raw[:-1], 1) == "bad-date"


@pytest.mark.parametrize(
    ("vr", "text", "year", "month"),
    [
        ("DA", "19870315", "19870101", "19870301"),
        ("DA", "1987.03.15", "19870101", "19870301"),
        ("DT", "19870315101112.5+0100", "1987", "198703"),
        ("DT", "1987", "1987", "1987"),
        ("DT", "198703-0500", "1987", "198703"),
        ("TM", "101112.123", "000000", "000000"),
    ],
)
def test_truncation(vr: str, text: str, year: str, month: str) -> None:
    assert dates.truncate(vr, text) == year
    assert dates.truncate(vr, text, "month") == month


def test_map_values_keeps_empty_values() -> None:
    shift = lambda text: dates.shift_da(text, 1)  # noqa: E731
    assert dates.map_values("19870302\\\\1987.03.04 ", shift) == "19870303\\\\19870305"
    assert dates.map_values("", shift) == ""
    assert code_of(dates.map_values, "19870302\\x", shift) == "bad-date"


# -- ages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "years"),
    [("091Y", 91), ("22Y ", 22), ("012M", 1), ("011M", 0), ("104W", 1), ("105W", 2), ("800D", 2)],
)
def test_ages_in_years(text: str, years: int) -> None:
    assert dates.parse_age(text) == years


@pytest.mark.parametrize("text", ["", "91", "91y", "0091Y", "-01Y", "Y", "091 Y", "***"])
def test_what_is_no_age_is_refused(text: str) -> None:
    assert code_of(dates.parse_as, text) == "bad-date"
    assert code_of(dates.cap_age, text) == "bad-date"


def test_C53_ages_over_89_are_pooled() -> None:
    for text in ("090Y", "091Y", "104Y", "999Y"):
        assert dates.cap_age(text) == "090Y"
    for text in ("089Y", "001D", "999M", "999W", "45Y"):
        assert dates.cap_age(text) == text
    assert dates.cap_age("071Y", limit=69) == "070Y"


# -- spellings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "19870302",
        "1987-03-02",
        "1987.03.02",
        "1987/3/2",
        "87-03-02",
        "02.03.1987",
        "2.3.1987",
        "2. 3. 1987",
        "02.03.87",
        "2.3.87",
        "03/02/1987",
        "3/2/1987",
        "3/2/87",
        "02/03/1987",
        "02-03-1987",
        "02031987",
        "03021987",
        "02-Mar-1987",
        "2 Mar 1987",
        "02Mar1987",
        "02-Mar-87",
        "2 March 1987",
        "March 2, 1987",
        "March 2nd, 1987",
        "2nd of March 1987",
        "Mar. 2, 1987",
        "2. März 1987",
        "02. Maerz 1987",
        "2. Marz 1987",
        "2. Mrz. 1987",
        "2 mars 1987",
        "2 de marzo de 1987",
        "1987年3月2日",
    ],
)
def test_spellings_of_a_birth_date(text: str) -> None:
    assert text in dates.spellings(date(1987, 3, 2))


def test_spellings_in_other_months() -> None:
    assert {"1er février 1950", "1 fevrier 1950", "01. Feber 1950"} <= set(
        dates.spellings(date(1950, 2, 1))
    )
    assert {"11th December 1999", "11. Dez. 1999", "11 déc. 1999", "December 11th 1999"} <= set(
        dates.spellings(date(1999, 12, 11))
    )


@given(DAYS)
def test_spellings_are_distinct_and_hold_the_year(day: date) -> None:
    found = dates.spellings(day)
    assert len(found) == len(set(found)) < 400
    assert all(f"{day.year:04d}"[2:] in text for text in found)
    assert all(len(text) == 6 and text.isdigit() for text in dates.weak_spellings(day))
