"""Every spelling of a selector, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident import tables
from deident.errors import UsageError
from deident.profiles.model import Selector
from deident.profiles.selectors import canonical, parse_selector

NAME = 0x00100010
PRIVATE = ("private", 0x0019000C, "SIEMENS MR HEADER")


@pytest.mark.parametrize(
    "text",
    ["PatientName", "(0010,0010)", "( 0010 , 0010 )", "00100010", "0010,0010", "[0010,0010]",
     "[00100010]", "**/PatientName", "*/PatientName", " PatientName "],
)  # fmt: skip
def test_an_attribute_at_every_depth(text):
    selector = parse_selector(text)
    assert (selector.kind, selector.tag, selector.parents, selector.anchored) == (
        "tag", NAME, (), False,
    )  # fmt: skip
    assert selector.text == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        '(0019,"SIEMENS MR HEADER",0C)',
        '0019,["SIEMENS MR HEADER"],0C',
        "0019,[SIEMENS MR HEADER],0C",
        '(0019, "SIEMENS MR HEADER", xx0c)',
        "(0019,[SIEMENS MR HEADER],0C)",
    ],
)
def test_a_private_attribute_by_creator(text):
    selector = parse_selector(text)
    assert (selector.kind, selector.tag, selector.creator) == PRIVATE


def test_a_creator_may_hold_the_signs_of_the_language():
    for creator in ("GEMS_PETD/01", "A.B (c) [x]", "1.2.840", "a,b", "*"):
        assert parse_selector(f'(0009,"{creator}",01)').creator == creator


@pytest.mark.parametrize(
    ("text", "tag", "mask"),
    [
        ("60xx3000", 0x60003000, 0xFFE1FFFF),
        ("(60XX,3000)", 0x60003000, 0xFFE1FFFF),
        ("OverlayData", 0x60003000, 0xFFE1FFFF),
        ("(0010,xxxx)", 0x00100000, 0xFFFF0000),
        ("(0019,xx0C)", 0x0019000C, 0xFFFF00FF),
        ("private:*", 0x00010000, 0x00010000),
    ],
)
def test_patterns(text, tag, mask):
    selector = parse_selector(text)
    assert (selector.kind, selector.tag, selector.mask) == ("mask", tag, mask)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/PatientName", "/00100010"),
        ("RequestAttributesSequence/ScheduledProcedureStepID", "/00400275/00400009"),
        ("/(0040,0275)/00400009", "/00400275/00400009"),
        ("**/ContentSequence/PersonName", "**/0040A730/0040A123"),
        ("*/ContentSequence/ContentSequence/vr:PN", "**/0040A730/0040A730/vr:PN"),
        ("ContentSequence/*", "/0040A730/*"),
        ('(2001,105F)/(2005,"A/B",01)', "/2001105F/2005,01,A/B"),
        ("vr:PN", "vr:PN"),
        ("*", "*"),
    ],
)
def test_paths_and_kinds(text, expected):
    assert canonical(parse_selector(text)) == expected


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"tag": "PatientName"}, "00100010"),
        ({"vr": "PN", "in": "**/ContentSequence"}, "**/0040A730/vr:PN"),
        ({"group": "0019", "creator": 'A "B"', "element": "0C"}, '0019,0C,A "B"'),
        ({"group": "0019", "creator": "A", "element": "xx0C", "in": "ContentSequence/"},
         "/0040A730/0019,0C,A"),
    ],
)  # fmt: skip
def test_mappings(mapping, expected):
    assert canonical(parse_selector(mapping)) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("PatientNam", "no attribute has the keyword 'PatientNam'; did you mean PatientName?"),
        ("patientid", "did you mean PatientID?"),
        ("Zzzz", "no attribute has the keyword 'Zzzz'$"),
        ("(0010,0010", "is not a selector"),
        ("0010 0010", "is not a selector"),
        ("PatientName PatientID", "' PatientID' does not belong"),
        ("", "is not a selector"),
        ("/", "is not a selector"),
        ("ContentSequence/", "is not a selector"),
        ("vr:XX", "'XX' is not a value representation"),
        ("**", r"\* alone is every element"),
        ("/**/PatientID", "not both"),
        ("PatientName/PatientID", "'PatientName' is not a sequence"),
        ("60xx3000/PatientID", "cannot stand within a path"),
        ('(0010,"A",01)', "private groups are odd"),
        ('(0007,"A",01)', "private groups are odd"),
        ('(0009,"A\\B",01)', "no backslash"),
        ('(0019,"A",0C', "is not a selector"),
        ("A" * 2000, "longer than 1000"),
        ("/".join(["ContentSequence"] * 20), "more than 16 steps"),
        (100010, "put a number in quotation marks"),
        (None, "put a number in quotation marks"),
        ({}, "a selector has tag, or vr"),
        ({"tag": "PatientName", "vr": "PN"}, "a selector has tag, or vr"),
        ({"tag": "/PatientName"}, "use in"),
        ({"group": 19, "creator": "A", "element": "01"}, "keys and values are text"),
        ({"group": "19", "creator": "A", "element": "01"}, "four hexadecimal digits"),
        ({"group": "0019", "creator": "A", "element": "1"}, "two last hexadecimal digits"),
        ({"vr": "PN", "in": "PatientName"}, "'PatientName' is not a sequence"),
    ],
)
def test_what_is_not_a_selector_is_refused(source, message):
    with pytest.raises(UsageError, match=message) as caught:
        parse_selector(source)
    assert caught.value.code == "unknown-tag"


def test_every_keyword_of_the_dictionary_is_a_selector():
    for attribute in tables.attributes():
        if attribute.keyword:
            selector = parse_selector(attribute.keyword)
            assert selector.tag == attribute.tag


@given(st.integers(0, 0xFFFFFFFF))
def test_every_number_is_a_selector(tag):
    digits = f"{tag:08X}"
    expected = Selector("tag", tag)
    for text in (digits, digits.lower(), f"({digits[:4]},{digits[4:]})"):
        assert canonical(parse_selector(text)) == canonical(expected)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        selector = parse_selector(text)
    except UsageError:
        return
    assert selector.text == text.strip()
