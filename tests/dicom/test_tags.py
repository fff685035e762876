"""Printing tags and paths, and the arithmetic of private blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.dicom.tags import (
    creator_tag,
    format_path,
    format_pattern,
    format_tag,
    is_private,
    is_private_creator,
)

TAGS = st.integers(min_value=0, max_value=0xFFFFFFFF)


def test_tags_and_patterns_are_printed_as_in_the_standard() -> None:
    assert format_tag(0x0010_001A) == "(0010,001A)"
    assert format_pattern("60xx3000") == "(60xx,3000)"
    assert format_pattern("UI") == "UI"


def test_paths_are_printed_with_keywords_and_items_from_one() -> None:
    assert format_path((), 0x00100010) == "PatientName"
    assert format_path((0x0040A730, 0, 0x0040A730, 4), 0x0040A123) == (
        "ContentSequence[1]/ContentSequence[5]/PersonName"
    )
    assert format_path((0x00091001, 2)) == "(0009,1001)[3]"
    assert format_path((), 0x60023000) == "(6002,3000)"
    assert format_path((), 0x00100099) == "(0010,0099)"


@given(TAGS)
def test_a_printed_tag_reads_back(tag: int) -> None:
    assert int(format_tag(tag).translate({40: None, 41: None, 44: None}), 16) == tag


@pytest.mark.parametrize(
    ("tag", "creator"),
    [
        (0x0019100C, 0x00190010),
        (0x0019FFFF, 0x001900FF),
        (0x00190010, None),
        (0x00190FFF, None),
        (0x00181000, None),
    ],
)
def test_private_elements_belong_to_creators(tag: int, creator: int | None) -> None:
    assert creator_tag(tag) == creator


@given(TAGS)
def test_a_creator_tag_is_a_private_creator(tag: int) -> None:
    creator = creator_tag(tag)
    assert is_private(tag) == bool(tag >> 16 & 1)
    if creator is not None:
        assert is_private_creator(creator)
        assert not is_private_creator(tag)
