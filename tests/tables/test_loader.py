"""The loader of the tables: what it answers for tags, keywords, private creators and UIDs."""

from __future__ import annotations

import pydicom.datadict
import pytest
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from deident import tables

AMBIGUOUS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


def test_every_attribute_of_pydicom_has_the_same_vr() -> None:
    for tag, (vr, *_) in DicomDictionary.items():
        expected = None if vr == "NONE" else AMBIGUOUS.get(vr, vr)
        if tag & 0xFFFF == 0:
            expected = "UL"
        assert tables.vr_of(tag) == expected, f"{tag:08X}"


@pytest.mark.parametrize("pattern", sorted(RepeatersDictionary))
def test_every_repeating_group_of_pydicom_has_the_same_vr(pattern: str) -> None:
    vr, vm, name, retired, keyword = RepeatersDictionary[pattern]
    tag = int(pattern.replace("xx", "02").replace("x", "1"), 16)
    assert tables.vr_of(tag) == AMBIGUOUS.get(vr, vr)
    known = tables.attribute(tag)
    assert known is not None
    assert (known.vm, known.keyword, known.name) == (vm, keyword, name)
    assert known.retired == bool(retired)
    assert tables.keyword_to_pattern(keyword) == pattern


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00100000, "UL"),
        (0x00090000, "UL"),
        (0x00090010, "LO"),
        (0x000900FF, "LO"),
        (0x00091001, None),
        (0x00090001, None),
        (0x60013000, None),
        (0x60203000, None),
        (0x601E3000, "OW"),
        (0x50010005, None),
        (0x00100099, None),
        (0xFFFEE000, None),
        (0x00100012, "LT"),
        (0x3004007F, "LO"),
    ],
)
def test_vr_of_odd_cases(tag: int, vr: str | None) -> None:
    assert tables.vr_of(tag) == vr


def test_attribute_tells_everything_about_a_tag() -> None:
    assert tables.attribute(0x00280106) == tables.Attribute(
        0x00280106,
        "US",
        "1",
        "SmallestImagePixelValue",
        "Smallest Image Pixel Value",
        False,
        ("US", "SS"),
    )
    assert tables.attribute(0x00091001) is None
    assert tables.attribute(0x00100099) is None


def test_keywords_go_both_ways() -> None:
    for entry in tables.attributes():
        if entry.keyword:
            assert tables.keyword_to_tag(entry.keyword) == entry.tag
    assert tables.keyword_to_tag("NameToUse") == 0x00100012
    assert tables.keyword_to_tag("OverlayData") == 0x60003000
    assert tables.keyword_to_tag("NoSuchKeyword") is None


def test_private_attributes_are_found_by_creator() -> None:
    assert tables.private_attribute("SIEMENS MR HEADER", 0x0019, 0x0C) == (
        "IS",
        "1",
        pydicom.datadict.private_dictionary_description(0x0019100C, "SIEMENS MR HEADER"),
    )
    assert tables.private_attribute("SIEMENS MR HEADER", 0x0019, 0xFE) is None
    assert tables.private_attribute("nobody", 0x0019, 0x0C) is None


def test_counts_of_the_published_tables() -> None:
    assert len(tables.annex_e()) == 657
    assert len(tables.safe_private()) == 479
    assert len(tables.structured_content()) == 214
    assert len(tables.methods()) == 13
    assert tables.methods()["retain-uids"].code == "113110"


def test_sop_classes_have_names() -> None:
    assert tables.sop_class_name("1.2.840.10008.5.1.4.1.1.2") == "CT Image Storage"
    assert tables.sop_class_name("1.2.840.10008.1.2") == ""


def test_registered_uids_hold_classes_syntaxes_and_well_known_frames() -> None:
    uids = tables.registered_uids()
    assert {"1.2.840.10008.1.2", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.4.1.1"} <= uids
