"""Shifting, truncating, pooling: modes, odd spellings, and what does not parse."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.engine.decision import EMPTY, KEEP, Decision
from deident.errors import InstanceError
from deident.profiles.catalog import ParamError
from tests.engine.support import act, context, element, subject

DA, DT, TM, AS = 0x00080020, 0x0008002A, 0x00080030, 0x00101010
MANY_DA = 0x00181200  # Date of Last Calibration, 1-n
day = st.dates(date(1900, 1, 1), date(2100, 1, 1))


def shifted(vr: str, text: str, days: int, tag: int = MANY_DA) -> str:
    return act("shift-date", subject(tag, vr, text), mode="fixed", days=days).value.decode()


@given(day, st.integers(-5000, 5000).filter(bool))
def test_a_date_moves_by_the_days(when: date, days: int) -> None:
    moved = shifted("DA", f"{when:%Y%m%d}", days)
    expected = date.fromordinal(when.toordinal() + days)
    assert moved == f"{expected:%Y%m%d}"


@pytest.mark.parametrize(
    ("vr", "old", "new"),
    [
        ("DA", "20200301", "20200229"),
        ("DA", "2020.03.01", "20200229"),
        ("DA", "2020-03-01 ", "20200229"),
        ("DA", "20200301\\\\20200101", "20200229\\\\20191231"),
        ("DT", "20200301235959.123456+0100", "20200229235959.123456+0100"),
        ("DT", "20200301", "20200229"),
        ("TM", "12:30:00", "123000"),
    ],
)
def test_how_values_are_written_when_shifted(vr: str, old: str, new: str) -> None:
    assert shifted(vr, old, -1) == new


@pytest.mark.parametrize("vr", ["DA", "DT", "TM"])
def test_empty_values_and_times_stay(vr: str) -> None:
    assert act("shift-date", subject(DA, vr, "")) is KEEP
    assert act("shift-date", subject(TM, "TM", "123000")) is KEEP


def test_per_patient_is_the_default() -> None:
    where = context()
    when = date(2020, 6, 15)
    expected = date.fromordinal(when.toordinal() + where.shift_days)
    assert act("shift-date", subject(DA, "DA", "20200615"), where).value.decode() == (
        f"{expected:%Y%m%d}"
    )


def test_epoch_keeps_the_distance() -> None:
    where = context(element(0x00100030, "DA", "19500601"), element(DA, "DA", "20200615"))
    params = {"mode": "epoch", "tag": "00100030", "epoch": "2000-01-01"}
    assert act("shift-date", subject(DA, "DA", "19500601"), where, **params).value == b"20000101"
    assert act("shift-date", subject(DA, "DA", "19500611"), where, **params).value == b"20000111"
    assert (
        act("shift-date", subject(DA, "DA", "20200616"), where, mode="epoch").value == b"19000102"
    )


def test_epoch_of_a_date_and_time() -> None:
    where = context(element(DT, "DT", "20200615120000+0100"))
    found = act("shift-date", subject(DA, "DA", "20200616"), where, mode="epoch", tag="0008002A")
    assert found.value == b"19000102"


@pytest.mark.parametrize(("vr", "text"), [("IS", "-10 "), ("LO", "-10"), ("DS", "-10.0")])
def test_days_can_stand_in_another_attribute(vr: str, text: str) -> None:
    where = context(element(0x00120086, vr, text))
    found = act("shift-date", subject(DA, "DA", "20200615"), where, mode="by-tag", tag="00120086")
    assert found.value == b"20200605"


@pytest.mark.parametrize("text", [None, "", "0", "ten", "1.5", "1\\2", "9" * 9])
def test_without_days_the_rule_fails(text: str | None) -> None:
    elements = [] if text is None else [element(0x00120086, "LO", text)]
    with pytest.raises(InstanceError) as caught:
        act(
            "shift-date",
            subject(DA, "DA", "20200615"),
            context(*elements),
            mode="by-tag",
            tag="00120086",
        )
    assert caught.value.code == "rule-failed"


def test_without_a_date_to_count_from_the_rule_fails() -> None:
    with pytest.raises(InstanceError) as caught:
        act("shift-date", subject(DA, "DA", "20200615"), mode="epoch")
    assert caught.value.code == "rule-failed"


@pytest.mark.parametrize("params", [{}, {"days": 0}])
def test_by_no_days_nothing_is_shifted(params: dict[str, int]) -> None:
    with pytest.raises(ParamError, match="needs days"):
        act("shift-date", subject(DA, "DA", "20200615"), mode="fixed", **params)


def test_only_dates_are_shifted() -> None:
    for vr in ("LO", "OB", "UN"):
        with pytest.raises(InstanceError) as caught:
            act("shift-date", subject(0x00081030, vr, "20200101"))
        assert caught.value.code == "rule-failed"


def test_frame_timestamps_are_shifted() -> None:
    raw = (1_600_000_000).to_bytes(6, "big") + b"\0\0\0\1"
    found = act("shift-date", subject(0x00340007, "OB", raw), mode="fixed", days=-1)
    assert found.value == (1_600_000_000 - 86_400).to_bytes(6, "big") + b"\0\0\0\1"
    assert act("shift-date", subject(0x00340007, "OB", b"")) is KEEP
    odd = act("shift-date", subject(0x00340007, "OB", b"12", type_="1"), mode="fixed", days=-1)
    assert odd == Decision("value", bytes(10), note="bad-date")


def test_truncation_leaves_a_legal_date() -> None:
    assert act("truncate-date", subject(DA, "DA", "20200615")).value == b"20200101"
    assert act("truncate-date", subject(DA, "DA", "20200615"), precision="month").value == (
        b"20200601"
    )
    assert act("truncate-date", subject(DT, "DT", "20200615120000")).value == b"2020"
    assert act("truncate-date", subject(TM, "TM", "123456")).value == b"000000"


@pytest.mark.parametrize(
    ("old", "params", "new"),
    [
        ("091Y", {}, b"090Y"),
        ("089Y", {}, None),
        ("5y", {}, b"005Y"),
        ("030M", {"width": 5}, b"000Y"),
        ("047Y", {"width": 10}, b"040Y"),
        ("095Y", {"width": 10}, b"090Y"),
        ("081Y", {"over": 80}, b"081Y"),
        ("088Y", {"over": 80}, b"081Y"),
    ],
)
def test_ages_are_pooled(old: str, params: dict[str, int], new: bytes | None) -> None:
    found = act("age-band", subject(AS, "AS", old), **params)
    assert found == KEEP if new in (None, old.encode()) else found.value == new


def test_an_age_that_does_not_parse_goes_by_type() -> None:
    assert act("age-band", subject(AS, "AS", "old")) == Decision("remove", note="bad-date")
    assert act("age-band", subject(AS, "AS", "old", type_="2C")) == EMPTY._replace(note="bad-date")
    assert act("age-band", subject(AS, "AS", "old", type_="1")).value == b"000D"
