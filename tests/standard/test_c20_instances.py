"""C09, C20 to C26 in whole files: what an instance says about its own de-identification."""

from __future__ import annotations

import itertools

import pytest
from pydicom.dataset import Dataset, FileDataset

from deident import tables
from deident.profiles.model import AVAILABLE_OPTIONS
from tests.make import BUILDERS, PEOPLE
from tests.standard.whole import cleaned, keep

STUDY_DESCRIPTION = 0x00081030
BOTH_DATES = {"retain-full-dates", "retain-modified-dates"}
CHOICES = [
    choice
    for number in range(3)
    for choice in itertools.combinations(sorted(AVAILABLE_OPTIONS), number)
    if not set(choice) >= BOTH_DATES
]


def image() -> FileDataset:
    return BUILDERS["ct"](PEOPLE[0])


def codes(new: Dataset) -> list[str]:
    return [item.CodeValue for item in new.get("DeidentificationMethodCodeSequence", ())]


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C20_C21_C22_C24_every_kind_of_object_is_marked(kind: str) -> None:
    new = cleaned(BUILDERS[kind](PEOPLE[1]))
    assert new.PatientIdentityRemoved == "YES"
    assert codes(new) == ["113100"]
    assert new.LongitudinalTemporalInformationModified == "REMOVED"
    item = new.ContributingEquipmentSequence[-1]
    assert item.PurposeOfReferenceCodeSequence[0].CodeValue == "109104"
    assert "InstitutionName" not in item


@pytest.mark.parametrize("options", CHOICES, ids="+".join)
def test_C21_C22_options_that_were_on_are_claimed(options: tuple[str, ...]) -> None:
    new = cleaned(image(), *options)
    assert codes(new) == ["113100", *sorted(AVAILABLE_OPTIONS[option] for option in options)]
    dates = BOTH_DATES & set(options)
    said = {"retain-full-dates": "UNMODIFIED", "retain-modified-dates": "MODIFIED"}
    assert new.LongitudinalTemporalInformationModified == said.get("".join(dates), "REMOVED")
    assert all(len(value) <= 64 for value in new.DeidentificationMethod)


def test_C21_an_earlier_method_is_added_to() -> None:
    first = cleaned(image(), "retain-uids")
    first.DeidentificationMethod = ["Some program 3.1", "by hand"]
    again = cleaned(first, "retain-device-identity")
    assert list(again.DeidentificationMethod[:2]) == ["Some program 3.1", "by hand"]
    assert codes(again) == ["113100", "113110", "113109"]
    assert len(again.ContributingEquipmentSequence) == 2


def test_C09_the_edition_is_in_the_output() -> None:
    assert any(tables.edition() in value for value in cleaned(image()).DeidentificationMethod)


@pytest.mark.parametrize("before", [None, "YES", "NO"])
def test_C23_what_was_not_done_is_not_said(before: str | None) -> None:
    made = image()
    for keyword in ("BurnedInAnnotation", "RecognizableVisualFeatures"):
        if before is None:
            made.pop(keyword, None)
        else:
            setattr(made, keyword, before)
    new = cleaned(made, *(set(AVAILABLE_OPTIONS) - {"retain-full-dates"}))
    assert new.get("BurnedInAnnotation") == before
    assert new.get("RecognizableVisualFeatures") == before
    assert not {"113101", "113102"} & set(codes(new))


@pytest.mark.parametrize("kind", ["ct", "ultrasound", "enhanced"])
def test_C25_pixels_and_what_describes_them_stay(kind: str) -> None:
    made = BUILDERS[kind](PEOPLE[0])
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.LossyImageCompression = "01"
    made.LossyImageCompressionRatio = ["12.5", "3"]
    made.LossyImageCompressionMethod = ["ISO_10918_1", "ISO_10918_1"]
    new = cleaned(made)
    assert new.PixelData == made.PixelData
    for keyword in (
        "ImageType",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "LossyImageCompressionMethod",
        "PhotometricInterpretation",
        "BitsStored",
    ):
        assert new[keyword].value == made[keyword].value
    assert new.file_meta.TransferSyntaxUID == made.file_meta.TransferSyntaxUID


def test_C25_clearing_overlay_bits_does_not_undo_what_is_said_of_compression() -> None:
    made = image()
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.LossyImageCompression = "01"
    made.add_new(0x60000100, "US", 16)
    made.add_new(0x60000102, "US", 15)
    made.PixelData = b"\xff\xff" * (len(made.PixelData) // 2)
    new = cleaned(made)
    assert new.PixelData != made.PixelData
    assert new.LossyImageCompression == "01"
    assert new.ImageType == made.ImageType


@pytest.mark.parametrize(
    "more",
    [
        {"rules": (keep(STUDY_DESCRIPTION),)},
        {"rules": (keep(STUDY_DESCRIPTION, "prefix", text="A"),)},
        {"private_numeric": True},
        {"private_characteristics": True},
    ],
)
def test_C26_what_keeps_more_than_the_standard_claims_no_code(more) -> None:  # type: ignore[no-untyped-def]
    new = cleaned(image(), **more)
    assert codes(new) == []
    assert new.PatientIdentityRemoved == "YES"
    assert any("keep more" in value for value in new.DeidentificationMethod)


@pytest.mark.parametrize(
    "more",
    [
        {"rules": (keep(STUDY_DESCRIPTION, "remove"),)},
        {"rules": (keep(0x00080008),)},  # Image Type, which stays anyway
        {"strict_ages": True},
    ],
)
def test_C26_what_keeps_no_more_claims_its_code(more) -> None:  # type: ignore[no-untyped-def]
    assert codes(cleaned(image(), **more)) == ["113100"]


def test_C26_a_header_editor_claims_nothing() -> None:
    new = cleaned(image(), base="keep", verify="report")
    assert new.PatientIdentityRemoved == "NO"
    assert codes(new) == []
    assert "LongitudinalTemporalInformationModified" not in new
