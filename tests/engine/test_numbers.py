"""Numbers, dates and UIDs that are not what they say."""

from __future__ import annotations

import struct

import pytest

from deident.engine.identifiers import Identifier, Identifiers
from deident.engine.numbers import NUMBERS, hits_in_number, is_clean
from deident.engine.verify import Matcher

MATCHER = Matcher(
    Identifiers(
        frozenset(
            (
                Identifier("name", "Hartwhistle^Rosamund", 0x00100010),
                Identifier("name", "Соколовская^Надежда", 0x00100010),
                Identifier("patient-id", "007341093", 0x00100020),
                Identifier("contact", "+49 555 7037 101", 0x00102154),
                Identifier("birth-date", "19571103", 0x00100030),
            )
        )
    )
)


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("AS", b"045Y"),
        ("AT", b"\x10\0\x20\0"),
        ("DA", b"20240318"),
        ("DA", b"2024.03.18"),
        ("DS", b"1.25\\-3e-7\\ .5 "),
        ("DT", b"20240318101500.123456+0100"),
        ("FD", struct.pack("<3d", 1.25, -3e-7, 1e300)),
        ("IS", b"12345\\-7 "),
        ("IS", b""),
        ("SL", struct.pack("<l", 7341093)),
        ("TM", b"101500.123456"),
        ("UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        ("US", b"\1\0"),
        ("DS", b"10,5 mm "),
        ("DS", b"57.1103 "),
        ("DS", b"0.7341093"),
    ],
)
def test_numbers_hold_nothing(vr: str, value: bytes) -> None:
    tag = 0x00080020 if vr == "DA" else 0x00180050
    assert hits_in_number(MATCHER, tag, vr, value) == ()
    assert is_clean(MATCHER, tag, vr, value)


@pytest.mark.parametrize("vr", sorted(NUMBERS))
@pytest.mark.parametrize(
    "value", [b"Hartwhistle ", b"1.5\0Rosamund Hartwhistle", "Соколовская".encode("iso8859_5")]
)
def test_names_in_numbers_are_found(vr: str, value: bytes) -> None:
    assert any(hit.grade != "weak" for hit in hits_in_number(MATCHER, 0x00180050, vr, value))
    assert not is_clean(MATCHER, 0x00180050, vr, value)


@pytest.mark.parametrize("value", [b"7341093", b"007341093 ", b"1\\7341093\\2", b"495557037101"])
@pytest.mark.parametrize("vr", ["DS", "IS"])
def test_long_numbers_may_be_somebodys(vr: str, value: bytes) -> None:
    assert any(hit.grade != "weak" for hit in hits_in_number(MATCHER, 0x00180050, vr, value))


def test_numbers_within_uids_are_reported_only() -> None:
    hits = hits_in_number(MATCHER, 0x0008001A, "UI", b"1.2.3.7341093.1")
    assert [hit.grade for hit in hits] == ["weak"]


def test_uids_as_text_take_the_long_way() -> None:
    assert not is_clean(MATCHER, 0x00180050, "FD", b"1.2.826.0.1.3680043.10.1")


def test_a_date_that_is_none_is_searched() -> None:
    assert hits_in_number(MATCHER, 0x00080020, "DA", b"19571103") == ()  # Study Date
    assert hits_in_number(MATCHER, 0x00081090, "DA", b"19571103")  # Manufacturer's Model Name


@pytest.mark.parametrize("vr", ["AS", "DA", "DS", "DT", "IS", "TM", "UI"])
@pytest.mark.parametrize(
    "value", [b"12345678.5\\", b"1.1", b"1.1.1\\", b"20240318\\", b"   ", b"\\", b"1e1\\"]
)
def test_a_long_value_that_is_no_number_takes_no_long_time(vr: str, value: bytes) -> None:
    assert is_clean(MATCHER, 0x00180050, vr, value * 4000 + b"x") in (True, False)
