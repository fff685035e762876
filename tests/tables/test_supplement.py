"""The supplement: what it must hold, and that nothing of Table E.1-1's neighbours is unjudged."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from deident import tables

RAW = json.loads(resources.files(tables).joinpath("supplement.json").read_text("utf-8"))
WORDS = re.compile(
    r"Identif|ID(?![a-z])|Address|Telephone|Comment|Description|UR[LI]|Person|Name|Contact|Label"
)
WRITTEN = {"AE", "AS", "DA", "DT", "LO", "LT", "OB", "PN", "SH", "ST", "TM", "UC", "UI", "UN", "UR"}
WRITTEN |= {"UT"}


def row_of(tag: int) -> tables.SupplementRow | None:
    for row in tables.supplement():
        if row.mask and tag & row.mask == row.value:
            return row
    return None


def code_of(keyword: str) -> str:
    tag = tables.keyword_to_tag(keyword)
    assert tag is not None
    row = row_of(tag)
    return row.basic if row else "by VR"


def in_table(tag: int) -> bool:
    return any(tag & row.mask == row.value for row in tables.annex_e())


def test_every_attribute_that_might_identify_has_been_judged() -> None:
    by_vr = {row.pattern for row in tables.supplement() if row.kind == "vr"}
    unjudged = [
        attribute
        for attribute in tables.attributes()
        if (attribute.vr in WRITTEN or WORDS.search(attribute.keyword + attribute.name))
        and attribute.tag & 0xFFFF
        and attribute.vr not in by_vr
        and not in_table(attribute.tag)
        and row_of(attribute.tag) is None
        and attribute.tag >> 16 != 0x0028  # only repeating groups of retired compression are left
    ]
    assert unjudged == []


def test_rows_name_the_attribute_that_their_number_stands_for() -> None:
    for kind, pattern, keyword, *_ in RAW["rows"]:
        if kind == "tag":
            attribute = tables.attribute(int(pattern, 16))
            assert attribute is not None, pattern
            assert attribute.keyword == keyword
    patterns = [row[1] for row in RAW["rows"]]
    assert len(patterns) == len(set(patterns))


def test_no_row_repeats_what_the_table_says() -> None:
    singles = [row for row in tables.supplement() if row.kind == "tag"]
    assert [row.pattern for row in singles if in_table(row.value)] == []


def test_every_reason_is_used_and_says_something() -> None:
    assert {row[5] for row in RAW["rows"]} == RAW["reasons"].keys()
    assert all(len(text) > 20 and text.endswith(".") for text in RAW["reasons"].values())


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("PatientBirthDateInAlternativeCalendar", "X"),
        ("PatientDeathDateInAlternativeCalendar", "X"),
        ("RequestingPhysicianIdentificationSequence", "X"),
        ("SourcePatientGroupIdentificationSequence", "X"),
        ("GroupOfPatientsIdentificationSequence", "X"),
        ("IssuerOfPatientIDQualifiersSequence", "X"),
        ("PatientBodyMassIndex", "X"),
        ("PatientSizeCodeSequence", "X"),
        ("BreedRegistrationSequence", "X/Z"),
        ("StrainStockSequence", "X"),
        ("EncryptedAttributesSequence", "X"),
        ("MACParametersSequence", "X"),
        ("HL7InstanceIdentifier", "X/Z/D"),
        ("DocumentTitle", "X/Z/D"),
        ("TextValue", "X/Z/D"),
        ("Manufacturer", "K"),
        ("ManufacturerModelName", "K"),
        ("SoftwareVersions", "K"),
        ("ImageType", "K"),
        ("SeriesNumber", "K"),
        ("CodeMeaning", "K"),
        ("SOPClassUID", "K"),
        ("ReferencedSOPClassUID", "K"),
        ("CodingSchemeUID", "K"),
        ("MappingResourceUID", "K"),
        ("ContextUID", "K"),
    ],
)
def test_verdicts_on_the_known_holes(keyword: str, code: str) -> None:
    assert code_of(keyword) == code


@pytest.mark.parametrize(
    "keyword",
    [
        "MultiFrameSourceSOPInstanceUID",
        "RadiopharmaceuticalAdministrationEventUID",
        "CreatorVersionUID",
        "TargetFrameOfReferenceUID",
        "SOPInstanceUIDOfConcatenationSource",
        "VolumeFrameOfReferenceUID",
        "TableFrameOfReferenceUID",
        "ReferencedColorPaletteInstanceUID",
        "RetrieveLocationUID",
        "RepositoryUniqueID",
        "HomeCommunityID",
        "AssertionUID",
        "ReferencedFiducialUID",
        "VolumetricPresentationInputSetUID",
        "ReferencedContentItem",
        "SelectorUIValue",
        "EquipmentFrameOfReferenceUID",
        "SegmentationTemplateUID",
    ],
)
def test_c40_uids_of_instances_are_left_to_the_rule_for_uids(keyword: str) -> None:
    assert code_of(keyword) == "by VR"
    rules = {row.pattern: row for row in tables.supplement() if row.kind == "vr"}
    assert rules["UI"].basic == "U"
    assert rules["UI"].options == {"retain-uids": "K"}


def test_size_follows_the_option_that_keeps_patient_size() -> None:
    for keyword in ("PatientBodyMassIndex", "PatientSizeCodeSequence"):
        row = row_of(tables.keyword_to_tag(keyword) or 0)
        assert row is not None
        assert row.options == {"retain-patient-characteristics": "K"}


def test_c43_structural_uids_are_classes_syntaxes_and_vocabularies() -> None:
    structural = tables.structural_uids()
    assert {0x00080016, 0x00081150, 0x0008010C, 0x00080118} <= structural
    assert 0x00080018 not in structural
    for tag in structural:
        assert tables.vr_of(tag) == "UI"
