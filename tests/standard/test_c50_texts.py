"""C50 to C53 in whole files: character sets, dummies that tell nothing, values that must be."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from deident import tables
from deident.dicom.values import problems
from tests.make import BUILDERS, PEOPLE, encoded
from tests.standard.whole import cleaned, keep, outcome, reread, walk

IMAGE_COMMENTS, IMAGE_TYPE = 0x00204000, 0x00080008
CHARSETS = sorted(
    Path(name)
    for name in get_charset_files()
    if name.endswith(".dcm") and "SQEncoding" not in name  # these have no patient
)
SCRIPTS = {person.script: person for person in PEOPLE}


def name_parts(name: str) -> set[str]:
    """Family and given names in all component groups."""
    groups = name.split("=")
    return {part for group in groups for part in group.split("^")[:2] if len(part) > 1}


@pytest.mark.parametrize("path", CHARSETS, ids=lambda path: path.stem)
def test_C50_names_in_every_character_set_are_found(path: Path) -> None:
    """The name, kept elsewhere in the same character set, does not stay there."""
    made = pydicom.dcmread(path)
    name = str(made.PatientName)
    made.ImageComments = f"seen: {name.replace('=', ' ').replace('^', ' ')}"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    found = outcome(made, rules=(keep(IMAGE_COMMENTS), keep(IMAGE_TYPE)))
    assert not isinstance(found, str), found
    new = reread(found[0])
    texts = " ".join(str(element.value) for element in walk(new) if element.VR != "SQ")
    assert not [part for part in name_parts(name) if part in texts]
    assert "name" in {finding.kind for finding in found[1].findings}


@pytest.mark.parametrize("script", sorted(SCRIPTS))
@pytest.mark.parametrize("kind", ["ct", "report", "structure-set"])
def test_C50_text_that_stays_reads_as_before(script: str, kind: str) -> None:
    """The declared character set is right for what stays and for what was put in its place."""
    made = BUILDERS[kind](SCRIPTS[script])
    new = cleaned(made, "retain-institution-identity")
    assert new.get("SpecificCharacterSet") == made.get("SpecificCharacterSet")
    assert str(new.get("InstitutionName")) == str(made.get("InstitutionName"))
    new.decode()
    assert str(new.PatientName).isascii()
    assert str(new.PatientName) == new.PatientID


def test_C50_an_item_with_a_character_set_of_its_own_is_read_by_it() -> None:
    made = BUILDERS["ct"](SCRIPTS["Greek"])
    inside = Dataset()
    inside.SpecificCharacterSet = "ISO_IR 192"
    inside.CodeMeaning = f"view of {made.PatientName}".replace("^", " ")
    made.ProcedureCodeSequence = Sequence([inside])
    new = cleaned(made)
    text = str(new.ProcedureCodeSequence[0].get("CodeMeaning", ""))
    assert not [part for part in name_parts(str(made.PatientName)) if part in text]


def test_C50_text_that_the_declared_set_cannot_hold_is_refused() -> None:
    data = encoded(BUILDERS["ct"](PEOPLE[0]))
    name = PEOPLE[0].name.encode()
    assert outcome(data.replace(name, b"\xff" * len(name))) == "bad-charset"


# -- C51, C52 --------------------------------------------------------------------------------------


def replaced(made: FileDataset) -> dict[str, str]:
    """Keyword → value of every attribute whose value is another one in the output."""
    new = cleaned(made)
    return {
        element.keyword: str(element.value)
        for element in new
        if element.keyword in made and element.VR not in ("SQ", "UI", "OW", "OB")
        if element.value not in (None, "") and element.value != made[element.keyword].value
    }


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C51_dummies_hold_nothing_of_the_original(kind: str) -> None:
    """Two patients with values of other lengths get the same dummies, but for the pseudonym."""
    one, other = replaced(BUILDERS[kind](PEOPLE[0])), replaced(BUILDERS[kind](PEOPLE[5]))
    differing = {key for key in one.keys() & other.keys() if one[key] != other[key]}
    assert differing <= {"PatientID", "PatientName"}


@pytest.mark.parametrize("options", [(), ("retain-modified-dates",)])
@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C52_what_must_have_a_value_has_a_legal_one(kind: str, options: tuple[str, ...]) -> None:
    made = BUILDERS[kind](PEOPLE[0])
    new = cleaned(made, *options)
    checked = 0
    for element in made:
        type_ = tables.attribute_type(made.SOPClassUID, (), int(element.tag))
        removed = element.tag in X_WHATEVER_THE_IOD
        if (type_ or "")[:1] != "1" or element.is_empty or removed:
            continue
        assert not new[element.tag].is_empty, element.tag
        raw = new.get_item(element.tag)
        if isinstance(raw.value, bytes) and raw.VR not in ("OB", "OW", "SQ"):
            assert not problems(raw.VR, raw.value.ljust(len(raw.value) + len(raw.value) % 2))
        checked += 1
    assert checked > 5


# Presentation Creation Date and Time: Table E.1-1 has a plain X for them.
X_WHATEVER_THE_IOD = (0x00700082, 0x00700083)


# -- C53 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "left"), [("089Y", "089Y"), ("090Y", "090Y"), ("103Y", "090Y"), ("999M", "999M")]
)
def test_C53_old_ages_are_pooled_and_the_birth_date_goes(age: str, left: str) -> None:
    made = BUILDERS["ct"](PEOPLE[0])
    made.PatientAge = age
    options = ("retain-patient-characteristics", "retain-full-dates")
    new = cleaned(made, *options, strict_ages=True)
    assert new.PatientAge == left
    assert not new.PatientBirthDate
    assert new.StudyDate == made.StudyDate
    assert cleaned(made, *options).PatientAge == age


def test_C53_no_kept_pair_of_dates_tells_an_age() -> None:
    """The birth date is emptied whatever is retained, in items too."""
    made = BUILDERS["ct"](PEOPLE[0])
    inside = Dataset()
    inside.PatientBirthDate = made.PatientBirthDate
    made.ProcedureCodeSequence = Sequence([inside])
    found = outcome(made, "retain-full-dates", "retain-patient-characteristics", strict_ages=True)
    assert not isinstance(found, str)
    assert made.PatientBirthDate.encode() not in found[0]
