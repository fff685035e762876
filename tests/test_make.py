"""The invented objects are what they claim: valid, readable, and full of identifiers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest

from tests import make

# What Debian's dciodvfy gets wrong: it allows 64 bytes for all component groups of a name together,
# and knows no GBK.
_WRONG = re.compile(r"\[PN\].*expected <= 64")
_KNOWN_SCRIPTS = [person for person in make.PEOPLE if person.charset != "GBK"]


@pytest.mark.integration
@pytest.mark.parametrize("kind", make.BUILDERS)
def test_objects_are_valid(kind: str, tmp_path: Path) -> None:
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    path = make.save(make.BUILDERS[kind](make.PEOPLE[0]), tmp_path / "made.dcm")
    assert _complaints(path) == []


@pytest.mark.integration
@pytest.mark.parametrize("person", _KNOWN_SCRIPTS, ids=lambda person: person.script)
def test_every_script_is_valid(person: make.Person, tmp_path: Path) -> None:
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    assert _complaints(make.save(make.ct(person), tmp_path / "made.dcm")) == []


def _complaints(path: Path) -> list[str]:
    run = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False)
    lines = run.stderr.decode("latin-1").splitlines()
    return [line for line in lines if line.startswith("Error") and not _WRONG.search(line)]


@pytest.mark.parametrize("kind", make.BUILDERS)
@pytest.mark.parametrize("person", make.PEOPLE, ids=lambda person: person.script)
def test_objects_hold_the_identifiers(kind: str, person: make.Person) -> None:
    data = make.encoded(make.BUILDERS[kind](person))
    found = {label for needle, label in person.needles().items() if needle in data}
    expected = {label for label, _ in person.identifiers()}
    assert found == expected


@pytest.mark.parametrize("person", make.PEOPLE, ids=lambda person: person.script)
def test_names_survive_encoding(person: make.Person, tmp_path: Path) -> None:
    read = pydicom.dcmread(make.save(make.ct(person), tmp_path / "made.dcm"))
    assert str(read.PatientName) == person.name
    assert str(read.ReferringPhysicianName) == person.referring
    assert read.InstitutionName == person.institution


def test_people_share_no_identifier() -> None:
    seen: dict[bytes, int] = {}
    for person in make.PEOPLE:
        for needle in person.needles():
            assert seen.setdefault(needle, person.number) == person.number


def test_the_same_is_made_every_time() -> None:
    for builder in make.BUILDERS.values():
        assert make.encoded(builder(make.PEOPLE[3])) == make.encoded(builder(make.PEOPLE[3]))


def test_slices_of_a_series_differ() -> None:
    first, second = make.ct(make.PEOPLE[0], 1), make.ct(make.PEOPLE[0], 2)
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.PixelData != second.PixelData
    differing = [element.tag for element in first if second.get(element.tag) != element]
    assert 10 <= len(differing) <= 20
