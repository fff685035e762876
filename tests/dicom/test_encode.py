"""Encoding: padding, long and short forms, byte order, new items; pydicom reads the same."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Element, Encoding
from deident.dicom.encode import (
    VRS,
    WORD_SIZES,
    data_set_bytes,
    element_bytes,
    element_head,
    item_bytes,
    new_items,
    sequence_bytes,
    swap_vr_bytes,
)
from deident.dicom.parse import parse_dataset
from deident.errors import InstanceError

NAME, SEQUENCE = 0x00100010, 0x00081140


@pytest.mark.parametrize(
    ("encoding", "vr", "value", "encoded"),
    [
        (EXPLICIT_LE, "PN", b"Doe", b"\x10\0\x10\0PN\x04\0Doe "),
        (EXPLICIT_LE, "UI", b"1.2", b"\x10\0\x10\0UI\x04\x001.2\0"),
        (EXPLICIT_LE, "OB", b"xyz", b"\x10\0\x10\0OB\0\0\x04\0\0\0xyz\0"),
        (EXPLICIT_LE, "UT", b"xyz", b"\x10\0\x10\0UT\0\0\x04\0\0\0xyz "),
        (EXPLICIT_LE, "UN", b"", b"\x10\0\x10\0UN\0\0\0\0\0\0"),
        (EXPLICIT_BE, "PN", b"Doe", b"\0\x10\0\x10PN\0\x04Doe "),
        (EXPLICIT_BE, "OW", b"\1\2", b"\0\x10\0\x10OW\0\0\0\0\0\x02\1\2"),
        (IMPLICIT_LE, "PN", b"Doe", b"\x10\0\x10\0\x04\0\0\0Doe "),
        (IMPLICIT_LE, "UN", b"x", b"\x10\0\x10\0\x02\0\0\0x\0"),
    ],
)
def test_elements(encoding: Encoding, vr: str, value: bytes, encoded: bytes) -> None:
    assert element_bytes(NAME, vr, value, encoding) == encoded


def test_a_value_too_long_for_a_short_form_becomes_un() -> None:
    longest = element_bytes(NAME, "LT", bytes(0xFFFE), EXPLICIT_LE)
    assert longest[4:8] == b"LT\xfe\xff"
    (element,) = parse(element_bytes(NAME, "LT", bytes(0xFFFF), EXPLICIT_LE))
    assert (element.raw_vr, element.length) == ("UN", 0x10000)


def parse(data: bytes) -> list[Element]:
    return parse_dataset(data, 0, len(data), EXPLICIT_LE)


def test_what_cannot_be_encoded() -> None:
    for vr in ("", "XX", "US or SS"):
        with pytest.raises(InstanceError) as caught:
            element_bytes(NAME, vr, b"", EXPLICIT_LE)
        assert caught.value.code == "bad-vr"
    with pytest.raises(InstanceError) as caught:
        element_head(NAME, "OB", 1 << 32, EXPLICIT_LE)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
def test_new_items_are_what_pydicom_reads(encoding: Encoding) -> None:
    code = ((0x00080104, "LO", b"De-identifying Equipment"), (0x00080100, "SH", b"109104"))
    items = (((0x0040A170, "SQ", (code, ())), (0x00080070, "LO", b"X")), ())
    data = sequence_bytes(0x0018A001, [new_items(items, encoding)], encoding)
    read = read_dataset(io.BytesIO(data), not encoding.explicit, encoding.little)
    first, second = read.ContributingEquipmentSequence
    assert [e.tag for e in first] == [0x00080070, 0x0040A170]  # in order, however they came
    assert first.PurposeOfReferenceCodeSequence[0].CodeValue == "109104"
    assert (len(first.PurposeOfReferenceCodeSequence), len(second)) == (2, 0)


def test_new_elements_are_put_in_order() -> None:
    elements = ((0x00100020, "LO", b"2"), (0x00100010, "PN", b"1"))
    data = data_set_bytes(elements, EXPLICIT_LE)
    assert [e.tag for e in parse(data)] == [0x00100010, 0x00100020]


def test_a_sequence_kept_under_un_ends_in_little_endian() -> None:
    item = item_bytes(element_bytes(NAME, "PN", b"Doe^Jane", IMPLICIT_LE), IMPLICIT_LE)
    data = sequence_bytes(SEQUENCE, [item], EXPLICIT_BE, undefined=True, vr="UN")
    (element,) = parse_dataset(data, 0, len(data), EXPLICIT_BE)
    assert element.items is not None
    assert element.items[0].elements[0].value == b"Doe^Jane"


@pytest.mark.parametrize(
    ("vr", "value", "swapped"),
    [
        ("US", b"\1\2\3\4", b"\2\1\4\3"),
        ("AT", b"\1\2\3\4", b"\2\1\4\3"),
        ("UL", b"\1\2\3\4\5\6\7\x08", b"\4\3\2\1\x08\7\6\5"),
        ("FD", b"\1\2\3\4\5\6\7\x08", b"\x08\7\6\5\4\3\2\1"),
        ("US", b"\1\2\3", b"\2\1\3"),
        ("OB", b"\1\2", b"\1\2"),
        ("PN", b"Doe^Jane", b"Doe^Jane"),
        ("OW", b"", b""),
    ],
)
def test_byte_order(vr: str, value: bytes, swapped: bytes) -> None:
    assert swap_vr_bytes(vr, value) == swapped


@given(st.sampled_from(sorted(VRS)), st.binary(max_size=64))
def test_swapping_twice_changes_nothing(vr: str, value: bytes) -> None:
    swapped = swap_vr_bytes(vr, value)
    assert swap_vr_bytes(vr, swapped) == value
    assert (vr in WORD_SIZES) or swapped == value
