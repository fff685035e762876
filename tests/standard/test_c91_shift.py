"""C91, C92, C95: by how many days a patient's dates move."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from deident.engine.pseudonyms import Identity
from tests.engine.support import act, context, subject

keys = st.binary(min_size=32, max_size=32)
patients = st.binary(min_size=32, max_size=32)


@given(keys, patients, st.integers(1, 10_000))
def test_C91_never_zero_never_into_the_future(key: bytes, patient: bytes, limit: int) -> None:
    assert -limit <= Identity(key, max_days=limit).shift_days(patient) <= -1


@given(keys, patients)
def test_C91_always_the_same_for_a_patient(key: bytes, patient: bytes) -> None:
    assert Identity(key).shift_days(patient) == Identity(key).shift_days(patient)


def test_C91_the_whole_range_is_used() -> None:
    identity = Identity(bytes(32), max_days=5)
    shifts = {identity.shift_days(bytes([number])) for number in range(200)}
    assert shifts == {-1, -2, -3, -4, -5}


@given(keys, patients, st.integers(7, 10_000))
def test_C95_whole_weeks_keep_the_weekday(key: bytes, patient: bytes, limit: int) -> None:
    days = Identity(key, max_days=limit, whole_weeks=True).shift_days(patient)
    assert days % 7 == 0
    assert -limit <= days <= -7


EARLIEST, LATEST = datetime.fromisoformat("1950-01-02"), datetime.fromisoformat("2040-01-01")


@given(st.datetimes(EARLIEST, LATEST), st.integers(0, 20_000))
def test_C92_time_from_injection_to_scan_stays(injected: datetime, seconds: int) -> None:
    """The decay correction of PET relates a DT to a DA with its TM."""
    where = context()
    scanned = injected + timedelta(seconds=seconds)

    def moved(tag: int, vr: str, value: str) -> str:
        found = act("shift-date", subject(tag, vr, value), where)
        return found.value.decode() if found.kind == "value" else value

    start = moved(0x00181078, "DT", f"{injected:%Y%m%d%H%M%S.%f}")
    day = moved(0x00080021, "DA", f"{scanned:%Y%m%d}")
    clock = moved(0x00080031, "TM", f"{scanned:%H%M%S.%f}")
    form = "%Y%m%d%H%M%S.%f"
    new = datetime.strptime(day + clock, form) - datetime.strptime(start, form)  # noqa: DTZ007
    assert new == scanned - injected
