"""C05, C84: identifiers are found in kept values, but not in what an option keeps on purpose."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

import deident


@pytest.fixture
def original() -> Dataset:
    made = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    made.PatientName = "Zimmerli^Beatrix"
    made.PatientID = "MRN7340127"
    made.StationName = "AWP45160X"
    made.DeviceSerialNumber = "SN-998877"
    made.InstitutionName = "Klinikum Oberwaldstetten"
    made.Manufacturer = "AWP45160X maker"
    return made


def test_C05_device_identity_that_is_kept_is_not_repaired(original: Dataset) -> None:
    result = deident.deidentify(original, options=["retain-device-identity"])
    assert result.dataset.StationName == original.StationName
    assert result.dataset.DeviceSerialNumber == original.DeviceSerialNumber
    assert result.dataset.Manufacturer == original.Manufacturer
    assert result.findings == ()


def test_C05_institution_identity_that_is_kept_is_not_repaired(original: Dataset) -> None:
    result = deident.deidentify(original, options=["retain-institution-identity"])
    assert result.dataset.InstitutionName == original.InstitutionName
    assert result.dataset.Manufacturer == ""


def test_C05_a_header_editor_keeps_what_no_rule_names(original: Dataset) -> None:
    result = deident.deidentify(original, profile="keep-all-except")
    assert result.dataset.PatientName == original.PatientName
    assert result.findings == ()


@pytest.mark.parametrize(
    "text",
    ["ZIMMERLI", "scan of Beatrix Zimmerli", "b. zimmerli", "mrn 7340127", "MRN-7340127.raw"],
)
@pytest.mark.parametrize("keyword", ["SoftwareVersions", "ConvolutionKernel", "FilterType"])
def test_C84_kept_text_is_searched(original: Dataset, keyword: str, text: str) -> None:
    setattr(original, keyword, text[:16])
    result = deident.deidentify(original)
    assert text[:8].lower() not in str(result.dataset.get(keyword, "")).lower()
    assert {finding.done for finding in result.findings} == {"repaired"}


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("Hand^Eva", "481234", "481234"),
        ("Hand^Eva", "48123", "B30\\48123"),
        ("Hand^Eva", "4812", "4812"),
        ("Hand^Eva", "48123", "HAND 48123"),
        ("Hand^Eva", "481", "HAND_481"),
    ],
)
@pytest.mark.parametrize("keyword", ["SoftwareVersions", "ConvolutionKernel", "FilterType"])
def test_C84_weak_evidence_that_proves_itself_does_not_stay(
    original: Dataset, keyword: str, name: str, number: str, text: str
) -> None:
    original.PatientName, original.PatientID = name, number
    setattr(original, keyword, text)
    result = deident.deidentify(original)
    assert keyword not in result.dataset or not result.dataset[keyword].value
    assert {finding.done for finding in result.findings} == {"repaired"}


@pytest.mark.parametrize("number", ["1", "12", "123", "HAND"])
def test_C84_a_short_patient_id_costs_no_terms(original: Dataset, number: str) -> None:
    original.PatientName, original.PatientID = "Hand^Eva", number
    original.BodyPartExamined = "HAND"
    original.ImageType = ["ORIGINAL", "PRIMARY", "HAND", number]
    original.ScanOptions = number
    result = deident.deidentify(original).dataset
    assert result.BodyPartExamined == "HAND"
    assert result.ImageType == original.ImageType
    assert result.ScanOptions == number


def test_C84_safe_private_text_is_searched(original: Dataset) -> None:
    block = original.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x9E, "LO", "FSE-XL")  # Internal Pulse Sequence Name
    kept = deident.deidentify(original, options=["retain-safe-private"]).dataset
    assert kept.private_block(0x0019, "GEMS_ACQU_01")[0x9E].value == "FSE-XL"
    block[0x9E].value = "FSE-XL ZIMMERLI B"
    cleaned = deident.deidentify(original, options=["retain-safe-private"]).dataset
    assert "ZIMMERLI" not in str(cleaned)


def test_C84_safe_private_numbers_are_searched(original: Dataset) -> None:
    original.PatientID = "7340127"
    block = original.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")  # B Value
    kept = deident.deidentify(original, options=["retain-safe-private"]).dataset
    assert kept.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000
    block[0x0C].value = "7340127"
    cleaned = deident.deidentify(original, options=["retain-safe-private"]).dataset
    assert "7340127" not in str(cleaned)
