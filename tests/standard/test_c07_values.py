"""C07, C43, C46, C50 to C53, C90, C95: what actions put in place of values."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident import tables
from deident.dicom import values
from deident.dicom.dates import parse_age
from deident.engine.context import Context
from deident.engine.decision import Decision, Subject
from deident.errors import InstanceError
from tests.engine.support import IDENTITY, act, context, element, subject

VRS = sorted(set(values.RULES) - {"SQ"})
TEXT_PARAMS = {
    "hash": {"length": 51, "prefix": "A"},
    "prefix": {"text": "A"},
    "replace": {"value": "{patient_id}"},
    "map": {"pattern": "(?s)(.*)", "to": r"\1"},
}
DUMMY_ROWS = [
    row.value
    for row in tables.annex_e()
    if "D" in row.basic and row.mask == 0xFFFFFFFF and tables.vr_of(row.value) != "SQ"
]
printable = st.characters(codec="utf-8", min_codepoint=32)
text = st.text(st.characters(codec="latin-1"), max_size=80)


@pytest.mark.parametrize("tag", DUMMY_ROWS)
def test_C07_every_dummy_of_the_table_is_legal(tag: int) -> None:
    known = tables.attribute(tag)
    assert known is not None
    decision = act("dummy", subject(tag, known.vr, "1.2.3"), context())
    assert decision.kind == "value"
    assert decision.value
    assert not values.problems(known.vr, values.pad(known.vr, decision.value))


@given(
    st.sampled_from(sorted(TEXT_PARAMS)),
    st.sampled_from(["AE", "AS", "CS", "DA", "DS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UT"]),
    text,
)
def test_C07_what_is_written_is_legal_or_the_instance_stops(name: str, vr: str, old: str) -> None:
    where = context(charset=b"ISO_IR 100")
    what = subject(0x00090010, vr, old.encode("latin-1"))
    found = outcome(name, what, where)
    if isinstance(found, str):
        assert found in ("rule-failed", "bad-charset", "not-encodable")
    elif found.kind == "value":
        assert not values.problems(vr, values.pad(vr, found.value), where.charset)


def outcome(name: str, what: Subject, where: Context) -> Decision | str:
    """The decision, or the code that the instance stops with."""
    try:
        return act(name, what, where, **TEXT_PARAMS[name])
    except InstanceError as error:
        return error.code


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.4.1.1"])
def test_C43_registered_uids_stay(uid: str) -> None:
    assert act("uid", subject(0x00200052, "UI", uid)).kind == "keep"


@given(st.text(printable, min_size=1, max_size=20), st.text(printable, max_size=20))
def test_C46_a_patient_has_one_id(patient: str, issuer: str) -> None:
    elements = [
        element(0x00100020, "LO", patient), element(0x00100021, "LO", issuer),
        element(0x0020000D, "UI", "1.2.3"),
    ]  # fmt: skip
    ids = {
        act("pseudonym", subject(tag, vr), context(*elements, charset=b"ISO_IR 192")).value
        for tag, vr in ((0x00100020, "LO"), (0x00100010, "PN"), (0x00102298, "PN"))
    }
    assert len(ids) == 1


@pytest.mark.parametrize("vr", [vr for vr in VRS if values.RULES[vr].unit == 0])
def test_C50_dummies_are_ascii(vr: str) -> None:
    assert act("dummy", subject(0x00081030, vr)).value.isascii()


def test_C50_values_with_escapes_are_decoded_before_they_match() -> None:
    where = context(charset=b"\\ISO 2022 IR 87")
    raw = where.charset.encode("Yamada^Tarou=山田^太郎", "PN")
    assert b"\x1b$B" in raw
    found = act("map", subject(0x00101001, "PN", raw), where, pattern=".*=(山.)\\^.*", to=r"\1")
    assert where.charset.decode(found.value, "PN") == "山田"


@pytest.mark.parametrize("vr", [vr for vr in VRS if vr != "UI"])
@given(raw=st.binary(min_size=1, max_size=40))
def test_C51_dummies_do_not_depend_on_the_value(vr: str, raw: bytes) -> None:
    what = subject(0x00081030, vr, raw)
    assert act("dummy", what) == act("dummy", what._replace(value=b"other"))


@pytest.mark.parametrize("vr", VRS)
@pytest.mark.parametrize("type_", ["1", "1C"])
@pytest.mark.parametrize("name", ["empty", "dummy"])
def test_C52_type_1_is_never_left_without_a_value(vr: str, type_: str, name: str) -> None:
    decision = act(name, subject(0x00081030, vr, "1.2.3", type_=type_))
    assert decision.kind == "value"
    assert decision.value


@pytest.mark.parametrize("type_", ["1", "1C"])
def test_C52_type_1_sequences_keep_an_item(type_: str) -> None:
    assert act("empty", subject(0x00081140, "SQ", type_=type_)).items


@given(st.integers(0, 999), st.sampled_from("DWMY"))
def test_C53_no_age_over_89_is_left(number: int, unit: str) -> None:
    old = f"{number:03d}{unit}"
    found = act("age-band", subject(0x00101010, "AS", old))
    new = found.value.decode() if found.kind == "value" else old
    assert parse_age(new) <= 90
    assert (new == "090Y") == (parse_age(old) > 89)


@given(st.dates(date(1950, 1, 1)), st.dates(date(1950, 1, 1)), st.integers(0, 86399))
def test_C90_intervals_stay(one: date, other: date, seconds: int) -> None:
    where = context()

    def moved(vr: str, value: str) -> str:
        found = act("shift-date", subject(0x0008002A, vr, value), where)
        return (found.value or value.encode()).decode()

    clock = str(timedelta(seconds=seconds)).replace(":", "").zfill(6)
    new_one, new_other = moved("DA", f"{one:%Y%m%d}"), moved("DA", f"{other:%Y%m%d}")
    as_dates = [date.fromisoformat(text) for text in (new_one, new_other)]
    assert as_dates[0] - as_dates[1] == one - other
    assert moved("DT", f"{one:%Y%m%d}{clock}+0200") == f"{new_one}{clock}+0200"
    assert moved("TM", clock) == clock


BAD_DATES = ["1987", "19870000", "198703", "20200101-20200201", "19871301", "soon", "2020010"]


@pytest.mark.parametrize("text", BAD_DATES)
@pytest.mark.parametrize(
    ("type_", "left"),
    [
        ("1", Decision("value", b"19000101", note="bad-date")),
        ("1C", Decision("value", b"19000101", note="bad-date")),
        ("2", Decision("value", note="bad-date")),
        ("2C", Decision("value", note="bad-date")),
        ("3", Decision("remove", note="bad-date")),
        (None, Decision("remove", note="bad-date")),
    ],
)
@pytest.mark.parametrize("action", ["shift-date", "truncate-date"])
def test_C95_what_is_no_whole_date_goes_by_type(
    action: str, text: str, type_: str | None, left: Decision
) -> None:
    assert act(action, subject(0x00080020, "DA", text, type_=type_)) == left


@pytest.mark.parametrize(
    ("vr", "text"), [("DT", "19871"), ("DT", "x"), ("TM", "2561"), ("TM", "?")]
)
def test_C95_what_is_no_time_or_date_time_goes_too(vr: str, text: str) -> None:
    assert act("shift-date", subject(0x0008002A, vr, text)) == Decision("remove", note="bad-date")


@pytest.mark.parametrize("text", ["1987", "198703"])
def test_C95_a_date_time_of_a_year_or_a_month_becomes_another_one(text: str) -> None:
    found = act("shift-date", subject(0x0008002A, "DT", text))
    assert found.kind == "value"
    assert found.value.decode().strip() != text
    assert len(found.value.decode().strip()) == len(text)


def test_C95_one_bad_value_of_several_is_enough() -> None:
    found = act("shift-date", subject(0x00181200, "DA", "20200101\\soon"))
    assert found == Decision("remove", note="bad-date")


def test_C41_the_uid_action_agrees_with_the_identity() -> None:
    found = act("uid", subject(0x00080018, "UI", "1.2.3"))
    assert found.value.decode() == IDENTITY.uid("1.2.3")
