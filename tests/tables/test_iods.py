"""Attribute types by IOD, against an independent extract and against known cases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deident import tables

CT = "1.2.840.10008.5.1.4.1.1.2"
PET = "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
STRENGTH = ("1", "1C", "2", "2C", "3")


@pytest.mark.parametrize(
    ("sop_class", "parents", "keyword", "type_"),
    [
        (CT, (), "PatientName", "2"),
        (CT, (), "SOPInstanceUID", "1"),
        (CT, (), "SeriesDate", "3"),
        (PET, (), "SeriesDate", "1"),
        (CT, (), "RTPlanLabel", None),
        (CT, (0x00081140,), "ReferencedSOPInstanceUID", "1"),
        (CT, (0x00400275, 0x00081140), "ReferencedSOPInstanceUID", "1"),
        (ENHANCED_CT, (0x52009230, 0x00209111), "FrameAcquisitionDateTime", "1C"),
        ("1.2.840.10008.5.1.4.1.1.4.999", (), "PatientName", None),
    ],
)
def test_known_types(
    sop_class: str, parents: tuple[int, ...], keyword: str, type_: str | None
) -> None:
    tag = tables.keyword_to_tag(keyword)
    assert tag is not None
    assert tables.attribute_type(sop_class, parents, tag) == type_


def test_overlays_of_every_group_have_the_same_type() -> None:
    assert tables.attribute_type(CT, (), 0x60003000) == "1"
    assert tables.attribute_type(CT, (), 0x601E3000) == "1"
    assert tables.attribute_type(CT, (), 0x60013000) is None


def test_known_sop_classes() -> None:
    assert tables.knows_sop_class(CT)
    assert not tables.knows_sop_class("1.2.3.4")


def test_agrees_with_the_extract_of_protected_attributes() -> None:
    folder = Path(os.environ.get("DEIDENT_STANDARD", Path(__file__).parents[3] / "shared/standard"))
    path = folder / "ps3.3_types_of_protected_attributes.json"
    if not path.exists():
        pytest.skip("needs the extracts of the standard ($DEIDENT_STANDARD)")
    extract = json.loads(path.read_text(encoding="utf-8"))
    compared = 0
    for uid, iod in extract["sop"].items():
        strongest: dict[tuple[int, int], str] = {}
        for module, _ in extract["iods"][iod]:
            for text, type_ in extract["modules"].get(module, ()):
                *above, last = [tables.keyword_to_tag(word) for word in text.split("/")]
                if type_ not in STRENGTH or last is None or None in above:
                    continue
                key = ((above or [0])[-1] or 0, last)
                strongest[key] = min(strongest.get(key, "3"), type_, key=STRENGTH.index)
        for (parent, tag), type_ in strongest.items():
            found = tables.attribute_type(uid, (parent,) if parent else (), tag)
            assert found is not None
            # Deeper places of the same pair, which the extract leaves out, may be stronger.
            assert STRENGTH.index(found) <= STRENGTH.index(type_)
            if not parent:
                assert found == type_
            compared += 1
    assert compared > 20_000
