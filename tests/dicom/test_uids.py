"""UIDs: validity, registration, and finding them in text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from deident.dicom.uids import find_uids, is_registered, normalise

NUMBERS = st.integers(min_value=0, max_value=10**12)


def found(text: str) -> list[str]:
    return [uid for _, _, uid in find_uids(text)]


def test_padding_is_taken_off() -> None:
    assert normalise("1.2.3\0") == normalise(" 1.2.3 ") == "1.2.3"


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.2.4.90",  # transfer syntax
        "1.2.840.10008.5.1.4.1.1.481.3",  # SOP class
        "1.2.840.10008.1.4.1.13",  # well-known frame of reference
        "1.2.840.10008.15.1.1",  # well-known synchronization frame of reference
        "1.2.840.10008.1.20.1.1",  # well-known SOP instance
        "1.2.840.10008.2.16.4",  # coding scheme
        "1.2.840.10008.6.1.925",  # context group
    ],
)
def test_c43_registered_uids(uid: str) -> None:
    assert is_registered(uid)


@pytest.mark.parametrize(
    "uid",
    ["1.2.840.10008.5.1.4.1.1.2.20190101", "1.2.840.10008.6.1.925.1", "2.25.1", "1.2.840.10008"],
)
def test_uids_that_only_begin_like_registered_ones(uid: str) -> None:
    assert not is_registered(uid)


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("see 1.2.840.113619.2.1.1.", ["1.2.840.113619.2.1.1"]),
        ("(1.3.12.2.1107.5.1.4)", ["1.3.12.2.1107.5.1.4"]),
        ("CT1.2.840.113619.2.5.dcm", ["1.2.840.113619.2.5"]),
        ("CT.1.2.840.113619.2.5.dcm", ["1.2.840.113619.2.5"]),
        ("a=2.25.1234567890;b=2.25.987654321", ["2.25.1234567890", "2.25.987654321"]),
        ("1.2.3.4.5.6", []),  # a version, a section
        ("1.2.840.0113.05.1", ["1.2.840.0113.05.1"]),
        ("1.2.752.24", []),
        ("1.9.1234567890.1234567890", ["1.9.1234567890.1234567890"]),
    ],
)
def test_c47_uids_in_text(text: str, uids: list[str]) -> None:
    assert found(text) == uids


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3",
        "2.0.1.4",
        "syngo 1.0.0.20180523",
        "10.0.0.1",
        "192.168.1.10",
        "1.1.1.1",
        "3.14159",
        "0.5",
        "12.03.1987",
        "1.2.1987",
        "2019.03.02.10.30.15",
        "1.2.840.",
        "2.25.1",
        "....",
        "1.2.840.113619." + "1" * 60,
    ],
)
def test_c47_what_is_no_uid(text: str) -> None:
    assert found(text) == []


@given(st.text(), st.text())
def test_a_generated_uid_is_found_in_any_text(before: str, after: str) -> None:
    uid = generate_uid()
    text = f"{before} {uid} {after}"
    spans = [span for span in find_uids(text) if span[2] == uid]
    assert spans
    for start, end, _ in spans:
        assert text[start:end] == uid


@given(st.lists(NUMBERS, min_size=1, max_size=12), st.text(alphabet="0123456789. ", max_size=200))
def test_spans_are_in_order_and_never_overlap(parts: list[int], noise: str) -> None:
    text = noise + ".".join(map(str, parts)) + noise
    last = 0
    for start, end, uid in find_uids(text):
        assert last <= start < end
        assert text[start:end] == uid
        assert re.fullmatch(r"[0-9.]+", uid)
        last = end
