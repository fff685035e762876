"""C90 to C93 and C95 in whole files: dates that are shifted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from deident.profiles.model import DatePolicy
from tests.make import BUILDERS, PEOPLE, ct
from tests.standard.published import rows
from tests.standard.whole import cleaned, engine, keep, outcome, reread

PERSON = PEOPLE[0]
MODIFIED = "retain-modified-dates"


def moment(day: str, time: str) -> datetime:
    """A DA with its TM."""
    text, _, fraction = time.partition(".")
    found = datetime.strptime(day + text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - local time
    return found + timedelta(microseconds=int(fraction.ljust(6, "0") or 0))


def of_dt(value: str) -> datetime:
    """A DT without what it says about its time zone."""
    text = value.partition("+")[0].partition("-")[0]
    return moment(text[:8], text[8:])


def test_C90_all_169_rows_are_changed() -> None:
    """That each of them is, in every place, is tested with the table (`test_table`)."""
    asked = [row for row in rows() if row.code([MODIFIED]) == "C"]
    assert len(asked) == 169
    kinds = {vr: len([row for row in asked if row.vr == vr]) for vr in {row.vr for row in asked}}
    assert kinds.pop("DA") + kinds.pop("TM") + kinds.pop("DT") == 166
    assert set(kinds) == {"OB", "SH"}  # timestamps, and Timezone Offset From UTC


def image() -> FileDataset:
    return BUILDERS["ct"](PERSON)


def test_C90_dates_and_times_that_belong_together_move_together() -> None:
    made = image()
    made.StudyDate, made.StudyTime = "20231231", "235959.5"
    made.SeriesDate, made.SeriesTime = "20240101", "000000"
    made.AcquisitionDateTime = "20240101000000.25+0200"
    made.add_new(0x0018A002, "DT", "20231231235959.999999-0530")
    made.TimezoneOffsetFromUTC = "+0200"
    new = cleaned(made, MODIFIED)
    study = moment(new.StudyDate, new.StudyTime)
    assert moment(new.SeriesDate, new.SeriesTime) - study == timedelta(seconds=0.5)
    assert of_dt(new.AcquisitionDateTime) - study == timedelta(seconds=0.75)
    assert new.AcquisitionDateTime.endswith("+0200")
    assert new[0x0018A002].value.endswith("-0530")
    assert new.TimezoneOffsetFromUTC == "+0200"
    assert new.StudyDate != made.StudyDate


@pytest.mark.parametrize("offset", ["Berlin", "+2500", "0200", "+02:00"])
def test_C90_a_time_zone_that_is_none_goes(offset: str) -> None:
    made = image()
    made.TimezoneOffsetFromUTC = offset
    assert "TimezoneOffsetFromUTC" not in cleaned(made, MODIFIED)
    made.TimezoneOffsetFromUTC = "-0500"
    assert "TimezoneOffsetFromUTC" not in cleaned(made)
    assert cleaned(made, "retain-full-dates").TimezoneOffsetFromUTC == "-0500"


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C90_intervals_inside_an_object_stay(kind: str) -> None:
    made = BUILDERS[kind](PERSON)
    inside = Dataset()
    inside.add_new(0x0018A002, "DT", "20240320101500")
    made.ContributingEquipmentSequence = Sequence([inside])
    new = cleaned(made, MODIFIED)
    before, after = dated(made), dated(new)
    shifts = {
        after[path] - before[path]
        for path in before.keys() & after.keys()
        if after[path].year != 1900  # a dummy, in an item that stands for others
    }
    assert len(shifts) == 1
    assert timedelta(0) not in shifts
    assert len(after) > 3


def dated(made: Dataset, above: str = "") -> dict[str, datetime]:
    """Path → date of every listed date at every depth."""
    listed = {row.tag for row in rows() if row.code([MODIFIED]) == "C"}
    found = {}
    for element in made:
        path = f"{above}/{int(element.tag):08X}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                found |= dated(item, f"{path}[{number}]")
        elif element.VR in ("DA", "DT") and element.value and path[-8:] in listed:
            found[path] = datetime.strptime(str(element.value)[:8], "%Y%m%d")  # noqa: DTZ007
    return found


def shift_of(made: FileDataset, **profile: object) -> int:
    new = cleaned(made, MODIFIED, **profile)  # type: ignore[arg-type]
    return (moment(new.StudyDate, "000000") - moment(made.StudyDate, "000000")).days


def test_C91_all_studies_of_a_patient_move_alike_and_patients_differ() -> None:
    studies = [ct(PERSON, number) for number in (1, 2, 3)]
    for number, made in enumerate(studies):
        made.StudyInstanceUID = f"{PERSON.uid_root}.{number}"
        made.StudyDate = f"2019021{number}"
    shifts = set(map(shift_of, studies))
    assert len(shifts) == 1
    assert all(shift < 0 for shift in shifts)
    others = {shift_of(ct(person)) for person in PEOPLE[:6]}
    assert len(others) > 3


def test_C91_the_shift_does_not_follow_from_what_the_output_shows() -> None:
    """Another key, another shift: it is not a function of the pseudonym or the Patient ID."""
    shifts = set()
    for number in range(6):
        made = image()
        new = cleaned_with(bytes([number]) * 32, made)
        shifts.add(str(new.StudyDate))
    assert len(shifts) > 3


def cleaned_with(key: bytes, made: FileDataset) -> Dataset:
    from tests.engine.support import written
    from tests.make import encoded

    with engine(MODIFIED, key=key).prepare_bytes(encoded(made)) as prepared:
        return reread(written(prepared))


@pytest.mark.parametrize("options", [(MODIFIED,), ("retain-full-dates",)])
def test_C92_what_suv_is_computed_from_stays(options: tuple[str, ...]) -> None:
    made = BUILDERS["pet"](PERSON)
    made.AcquisitionDate, made.AcquisitionTime = "20240319", "000500.5"  # past midnight
    dose = made.RadiopharmaceuticalInformationSequence[0]
    dose.RadiopharmaceuticalStartDateTime = "20240318234500.25"
    dose.RadiopharmaceuticalStartTime = "234500.25"
    new = cleaned(made, *options)
    now = new.RadiopharmaceuticalInformationSequence[0]
    waited = moment(new.AcquisitionDate, new.AcquisitionTime) - of_dt(
        now.RadiopharmaceuticalStartDateTime
    )
    assert waited == timedelta(minutes=20, seconds=0.25)
    assert now.RadiopharmaceuticalStartTime == dose.RadiopharmaceuticalStartTime
    for keyword in ("RadionuclideTotalDose", "RadionuclideHalfLife"):
        assert now[keyword].value == dose[keyword].value
    for keyword in ("DecayCorrection", "Units", "CorrectedImage", "FrameReferenceTime"):
        assert new[keyword].value == made[keyword].value
    series = moment(new.SeriesDate, new.SeriesTime) - moment(
        new.AcquisitionDate, new.AcquisitionTime
    )
    before = moment(made.SeriesDate, made.SeriesTime)
    assert series == before - moment(made.AcquisitionDate, made.AcquisitionTime)
    if options == (MODIFIED,):
        assert new.SeriesDate != made.SeriesDate


# -- C93: where else dates are ---------------------------------------------------------------------

IMAGE_COMMENTS = 0x00204000


@pytest.mark.parametrize("spelt", ["{0:%d.%m.%Y}", "{0:%Y-%m-%d}", "{0:%d %b %Y}", "{0:%Y%m%d}"])
def test_C93_the_birth_date_in_text_is_found(spelt: str) -> None:
    made = image()
    born = moment(made.PatientBirthDate, "000000")
    made.ImageComments = f"born {spelt.format(born)} at home"
    found = outcome(made, MODIFIED, rules=(keep(IMAGE_COMMENTS),))
    assert not isinstance(found, str)
    assert spelt.format(born).encode() not in found[0]
    assert "birth-date" in {finding.kind for finding in found[1].findings}


def test_C93_ages_and_birth_dates_do_not_undo_the_shift() -> None:
    made = image()
    new = cleaned(made, MODIFIED)
    assert not new.PatientBirthDate
    assert "PatientAge" not in new
    kept = cleaned(made, MODIFIED, "retain-patient-characteristics")
    assert kept.PatientAge == made.PatientAge
    assert not kept.PatientBirthDate


def test_C93_dates_in_uids_go_with_them() -> None:
    made = image()
    made.SeriesInstanceUID = f"1.2.276.0.7230010.3.{made.StudyDate}.{made.PatientBirthDate}.1"
    found = outcome(made, MODIFIED)
    assert not isinstance(found, str)
    assert made.SeriesInstanceUID.encode() not in found[0]
    assert made.PatientBirthDate.encode() not in found[0]


def test_C93_dates_in_private_attributes_that_stay_are_shifted() -> None:
    made = image()
    block = made.private_block(0x0011, "OUR OWN 1.0", create=True)
    for number, (vr, value) in enumerate((("DA", made.StudyDate), ("DT", f"{made.StudyDate}10"))):
        block.add_new(number, vr, value)
    said = Dataset()
    said.add_new(0x00080301, "US", 0x0011)
    said.add_new(0x00080302, "LO", "OUR OWN 1.0")
    said.add_new(0x00080303, "CS", "SAFE")
    made.add_new(0x00080300, "SQ", Sequence([said]))
    new = cleaned(made, MODIFIED, "retain-safe-private", private_characteristics=True)
    assert new[0x00111000].value == new.StudyDate != made.StudyDate
    assert new[0x00111001].value == f"{new.StudyDate}10"
    full = cleaned(made, "retain-full-dates", "retain-safe-private", private_characteristics=True)
    assert full[0x00111000].value == made.StudyDate
    gone = cleaned(made, "retain-safe-private", private_characteristics=True)
    assert 0x00111000 not in gone


def test_C93_names_of_outputs_hold_the_new_date() -> None:
    made = image()
    found = outcome(made, MODIFIED)
    assert not isinstance(found, str)
    assert found[1].naming["StudyDate"] == reread(found[0]).StudyDate != made.StudyDate


# -- C95 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1987", "19870000", "1987.13.02", "20240101-20240131", "soon"])
def test_C95_what_is_no_date_is_not_passed_through(value: str) -> None:
    made = image()
    made.add_new(0x00080021, "DA", value)  # Series Date, Type 3
    made.add_new(0x00080020, "DA", value)  # Study Date, Type 2
    found = outcome(made, MODIFIED)
    assert not isinstance(found, str)
    assert value.encode() not in found[0]
    new = reread(found[0])
    assert "SeriesDate" not in new
    assert new.StudyDate == ""
    assert {finding.code for finding in found[1].findings} >= {"bad-date"}


@pytest.mark.parametrize("value", ["1987", "198703", "1987+0200"])
def test_C95_a_year_or_month_moves_with_the_patients_dates(value: str) -> None:
    made = image()
    made.add_new(0x00189074, "DT", value)  # Frame Acquisition DateTime
    new = cleaned(made, MODIFIED)
    first = moment(value.partition("+")[0].ljust(6, "0").replace("00", "01")[:6] + "01", "000000")
    moved = first + timedelta(days=shift_of(made))
    length = len(value.partition("+")[0])
    assert new[0x00189074].value == f"{moved:%Y%m%d}"[:length] + value[length:]
    assert new[0x00189074].value != value


def test_C95_a_date_with_separators_is_read_and_shifted() -> None:
    made, dotted = image(), image()
    day = made.StudyDate
    dotted.add_new(0x00080020, "DA", f"{day[:4]}.{day[4:6]}.{day[6:]}")
    assert cleaned(dotted, MODIFIED).StudyDate == cleaned(made, MODIFIED).StudyDate


def test_C95_whole_weeks_keep_the_day_of_the_week() -> None:
    policy = DatePolicy(whole_weeks=True)
    days = {shift_of(ct(person), dates=policy) for person in PEOPLE[:8]}
    assert all(shift % 7 == 0 for shift in days)
    assert len(days) > 3
