"""The Python interface refuses what it cannot use with a typed error and one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

import deident

CT = str(get_testdata_file("CT_small.dcm"))


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        (5, "usage", "source: a path, bytes or a pydicom Dataset is wanted, not int"),
        (None, "usage", "source: a path, bytes or a pydicom Dataset is wanted, not NoneType"),
        ([CT], "usage", "not list"),
        ("nope", "input-missing", "no such file: nope"),
        (Path("nope"), "input-missing", "no such file: nope"),
        ("", "usage", "source: the path is empty"),
        (b"nope\0", "not-dicom", "not a DICOM file"),
        (".", "usage", ". is a folder; deident run takes folders"),
        (Dataset(), "usage", "source: pydicom cannot encode the data set (ValueError)"),
    ],
    ids=str,
)
def test_sources_that_cannot_be_used(source: Any, code: str, words: str) -> None:
    with pytest.raises(deident.DeidentError) as caught:
        deident.deidentify(source)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"profile": 5}, "profile: a name, a path or a Profile is wanted, not int"),
        ({"profile": None}, "profile: a name, a path or a Profile is wanted, not NoneType"),
        ({"profile": ""}, "profile: the path is empty"),
        ({"options": "retain-uids"}, "options: a list of names is wanted, not str"),
        ({"options": None}, "options: a list of names is wanted, not NoneType"),
        ({"options": [5]}, "options: a list of names is wanted, not int"),
        ({"options": ["retain-uid"]}, "no option is called retain-uid; did you mean retain-uids?"),
        ({"project": 5}, "project: a path is wanted, not int"),
        ({"project": ""}, "project: the path is empty"),
        ({"project": "nope"}, "no project folder: "),
        ({"profile": deident.load_profile("basic"), "options": "x"}, "options: a list of names"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_that_cannot_be_used(named: dict[str, Any], words: str) -> None:
    with pytest.raises(deident.UsageError) as caught:
        deident.deidentify(CT, **named)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_profiles_that_cannot_be_loaded() -> None:
    wrong: Any
    for wrong in (5, None, ""):
        with pytest.raises(deident.UsageError, match="profile: "):
            deident.load_profile(wrong)
    with pytest.raises(deident.ProfileError, match="no profile 'nope'; there are basic"):
        deident.load_profile("nope")


def test_an_encoding_error_tells_no_value() -> None:
    made = dcmread(CT)
    made.PatientName = "Needle"
    made["Rows"].value = "Needle"
    with pytest.raises(deident.UsageError) as caught:
        deident.deidentify(made)
    assert "Needle" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_bytes_of_any_kind_are_taken() -> None:
    data = Path(CT).read_bytes()
    for source in (data, bytearray(data), memoryview(data)):
        assert deident.deidentify(source).dataset.PatientIdentityRemoved == "YES"
