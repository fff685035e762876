"""What verify puts in place of a value that names somebody, by what the attribute needs."""

from __future__ import annotations

from typing import Any

import pytest

from deident.engine.rewriting import stand_in
from tests.engine.support import written
from tests.make import BUILDERS, PEOPLE, encoded
from tests.standard.whole import cleaned, engine, outcome, reread

PATIENT_ID = "100000"


def image(**values: Any) -> Any:
    made = BUILDERS["ct"](PEOPLE[0])
    made.PatientID = PATIENT_ID
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImagePositionPatient", ["100000", "0", "-5"]),
        ("PixelSpacing", ["0.5", "100000"]),
    ],
)
def test_no_number_is_invented(keyword: str, value: Any) -> None:
    """A geometry of zeros would be believed; the instance goes to quarantine instead."""
    assert outcome(image(**{keyword: value})) == "identifier-left"


def test_a_number_that_is_not_needed_goes() -> None:
    new = cleaned(image(SeriesNumber=100000, ReconstructionDiameter="100000"))
    assert new.SeriesNumber is None
    assert "ReconstructionDiameter" not in new


def test_a_text_that_is_needed_becomes_a_dummy() -> None:
    made = image()
    made.StudyDescription = "-"
    made.ProcedureCodeSequence[0].CodeMeaning = "seen Hartwhistle"
    new = cleaned(made)
    assert new.ProcedureCodeSequence[0].CodeMeaning == "ANONYMIZED"


HOSPITAL = {
    "InstitutionName": "Universitaetsklinikum Heidelberg",
    "InstitutionAddress": "Im Neuenheimer Feld 400, 69120 Heidelberg",
    "InstitutionalDepartmentName": "Praxis Dr. Klemperer",
    "PatientAddress": "Hauptstr. 5, 69115 Heidelberg",
    "ReferringPhysicianName": "Klemperer^Victor",
}


def test_C05_who_lives_in_the_town_of_the_hospital_costs_no_retained_hospital() -> None:
    new = cleaned(image(**HOSPITAL), "retain-institution-identity")
    for keyword in ("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName"):
        assert new[keyword].value == HOSPITAL[keyword]
    found = outcome(image(**HOSPITAL), "retain-institution-identity")
    assert not isinstance(found, str)
    assert {(one.grade, one.done) for one in found[1].findings} == {("weak", "reported")}


def test_C05_a_station_of_the_town_stays_as_well() -> None:
    made = image(StationName="CT-HEIDELBERG", PatientAddress="Hauptstr. 5, 69115 Heidelberg")
    assert cleaned(made, "retain-device-identity").StationName == "CT-HEIDELBERG"


def test_C05_a_first_name_that_a_hospital_has_as_well_costs_no_hospital() -> None:
    made = image(InstitutionName="Klinikum St. Rosamund")
    kept = cleaned(made, "retain-institution-identity")
    assert kept.InstitutionName == "Klinikum St. Rosamund"


@pytest.mark.parametrize("uid", ["1.2.840.007341093", "1.2.840.99_7341093", "CT.7341093.1"])
def test_a_retained_uid_that_is_none_and_names_somebody_is_refused_for_that(uid: str) -> None:
    made = image()
    made.PatientID = "7341093"
    made.FrameOfReferenceUID = uid
    assert outcome(made, "retain-uids") == "identifier-left"


def test_what_is_retained_may_still_not_name_the_patient() -> None:
    made = image(InstitutionName="Praxis fuer Rosamund Hartwhistle")
    assert "InstitutionName" not in cleaned(made, "retain-institution-identity")


@pytest.mark.parametrize("value", ["Hartwhistle", "hartwhistle ", "Rosamund"])
def test_what_is_retained_may_not_be_the_name_of_the_patient_or_a_part_of_it(value: str) -> None:
    made = image(StationName=value)
    assert "StationName" not in cleaned(made, "retain-device-identity")


def test_a_name_under_a_wrong_character_set_is_found_by_its_bytes() -> None:
    """Chinese in GBK read as Latin-1: letters, signs and control characters, hardly a word."""
    family, given = "诸葛".encode("gbk"), "明泰和".encode("gbk")
    made = image(SpecificCharacterSet="ISO_IR 100")
    made.PatientName = b"Zhugeyan^Mingtai=" + family + b"^" + given
    made.Manufacturer = family.decode("latin-1")
    found = outcome(made)
    assert not isinstance(found, str)
    assert family not in found[0]


def test_words_with_swapped_bytes_are_found() -> None:
    text = b"Hartwhistle Rosamund"
    swapped = bytes(text[place ^ 1] for place in range(len(text)))
    made = image()
    made.add_new(0x00281201, "OW", swapped + bytes(12))
    found = outcome(made)
    assert not isinstance(found, str)
    assert swapped not in found[0]
    assert {one.tag for one in found[1].findings} == {0x00281201}


@pytest.mark.parametrize("policy", ["report", "repair"])
def test_what_is_left_is_said_in_the_file(policy: str) -> None:
    """An instance in which verify leaves identifiers is not de-identified, and says so."""
    new = cleaned(image(SoftwareVersions="Hartwhistle Rosamund"), verify=policy)
    left = policy == "report"
    assert ("SoftwareVersions" in new) == left
    assert new.PatientIdentityRemoved == ("NO" if left else "YES")
    assert ("DeidentificationMethodCodeSequence" in new) != left


def test_what_is_left_in_one_instance_is_not_said_of_the_next() -> None:
    made = engine(verify="report")
    for words in ("1.0", "1.0", "Hartwhistle", "1.1", "Hartwhistle", "Hartwhistle", "1.2"):
        with made.prepare_bytes(encoded(image(SoftwareVersions=words))) as prepared:
            new = reread(written(prepared))
        assert new.PatientIdentityRemoved == ("NO" if words == "Hartwhistle" else "YES")


def test_a_stand_in_has_as_many_values_as_the_attribute_needs() -> None:
    assert stand_in(0x00080070, "LO") == b"ANONYMIZED"
    assert stand_in(0x00080008, "CS") == b"ANON\\ANON"
    assert stand_in(0x00200032, "DS") == b""
