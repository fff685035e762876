"""The second reading: what it accepts is complete, what it would lose it refuses."""

from __future__ import annotations

import logging
import struct
import warnings
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from deident.dicom import lenient, part10
from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, UNDEFINED_LENGTH, Encoding
from deident.dicom.encode import element_bytes, element_head, item_bytes, sequence_bytes
from deident.dicom.parse import Limits
from deident.dicom.part10 import Part10File
from deident.dicom.syntaxes import DEFLATED_EXPLICIT_VR_LE, EXPLICIT_VR_LE, IMPLICIT_VR_LE, NATIVE
from deident.errors import InstanceError
from tests.dicom.support import SC

JPEG = "1.2.840.10008.1.2.4.50"
NAME, ID, SEQUENCE, PIXELS = 0x00100010, 0x00100020, 0x00081140, 0x7FE00010
END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def element(tag: int, vr: str, value: bytes, encoding: Encoding = EXPLICIT_LE) -> bytes:
    return element_bytes(tag, vr, value, encoding)


FIRST = element(0x00080018, "UI", b"1.2.3")
LAST = element(ID, "LO", b"12345678")
UNDEFINED = sequence_bytes(SEQUENCE, [item_bytes(LAST, EXPLICIT_LE, True)], EXPLICIT_LE, True)


def reread(body: bytes, syntax: str = EXPLICIT_VR_LE) -> Part10File:
    """Read a file leniently that our reader refuses."""
    data = part10.build_meta(SC, "1.2.3", syntax) + body
    with pytest.raises(InstanceError):
        part10.from_bytes(data).elements()
    return lenient.reread_bytes(data)


def refused(body: bytes, syntax: str = EXPLICIT_VR_LE) -> bool:
    try:
        reread(body, syntax)
    except InstanceError:
        return True
    return False


def values(file: Part10File) -> list[tuple[int, str | None, bytes]]:
    return [(e.tag, e.raw_vr, e.value) for e in file.elements()]


def test_a_vr_that_does_not_exist_becomes_un() -> None:
    file = reread(FIRST + b"\x09\0\x10\0XX\x04\0text" + LAST)
    assert file.notes == ("lenient",)
    assert file.transfer_syntax == EXPLICIT_VR_LE
    assert values(file)[1:] == [(0x00090010, "UN", b"text"), (ID, "LO", b"12345678")]


def test_reserved_bytes_that_are_used_do_not_survive() -> None:
    file = reread(FIRST + b"\x09\0\x10\0UN\xab\xcd\x04\0\0\0text" + LAST)
    assert file.elements()[1].raw == b"\x09\0\x10\0UN\0\0\x04\0\0\0text"


def test_implicit_vr_in_an_encapsulated_syntax() -> None:
    name = element(NAME, "PN", b"Doe^Jane", IMPLICIT_LE)
    parts = [
        element(0x00080018, "UI", b"1.2.3", IMPLICIT_LE),
        sequence_bytes(SEQUENCE, [item_bytes(name, IMPLICIT_LE)], IMPLICIT_LE),
        element(0x00091001, "LO", b"private", IMPLICIT_LE),
        element(0x00280103, "US", b"\1\0", IMPLICIT_LE),
        element(0x00280106, "SS", b"\xff\xff", IMPLICIT_LE),
        element_head(PIXELS, "OB", UNDEFINED_LENGTH, IMPLICIT_LE),
        item_bytes(b"", EXPLICIT_LE), item_bytes(b"\xff\xd8", EXPLICIT_LE), END,
    ]  # fmt: skip
    file = reread(b"".join(parts), JPEG)
    assert file.transfer_syntax == JPEG
    assert [(e.tag, e.raw_vr) for e in file.elements()] == [
        (0x00080018, "UI"),
        (SEQUENCE, "SQ"),
        (0x00091001, "UN"),
        (0x00280103, "US"),
        (0x00280106, "SS"),  # signed, says Pixel Representation
        (PIXELS, "OB"),
    ]
    pixels = file.elements()[-1]
    assert pixels.span is not None
    assert file.read(*pixels.span) == b"".join(parts[-3:])
    items = file.elements()[1].items
    assert items is not None
    assert items[0].elements[0].value == b"Doe^Jane"


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
@pytest.mark.parametrize("undefined", [False, True])
def test_an_item_whose_length_is_wrong(encoding: Encoding, undefined: bool) -> None:
    item = item_bytes(element(NAME, "PN", b"Doe^Jane", encoding), encoding)
    order = "little" if encoding.little else "big"
    wrong = item[:4] + (len(item) + 2).to_bytes(4, order) + item[8:]
    body = element(0x00080018, "UI", b"1.2.3", encoding)
    body += sequence_bytes(SEQUENCE, [wrong], encoding)
    file = reread(body, NATIVE[encoding])
    assert file.encoding == encoding
    items = file.elements()[1].items
    assert items is not None
    assert [item.elements[0].value for item in items] == [b"Doe^Jane"]
    assert not undefined or file.notes == ("lenient",)


@pytest.mark.parametrize(
    "body",
    [
        FIRST + LAST[:-1],  # a value cut short
        FIRST + LAST[:-9],  # a head cut short
        FIRST + LAST + b"\x10\0",  # a stump
        FIRST + LAST + b"text",
        FIRST + element(PIXELS, "OW", bytes(99))[:-1],
        FIRST + element_head(PIXELS, "OB", UNDEFINED_LENGTH, EXPLICIT_LE) + END[:-1],
        FIRST + UNDEFINED[:-8],
        FIRST + UNDEFINED[:-16],
        FIRST + b"\xfe\xff\x0d\xe0\0\0\0\0" + LAST,  # pydicom stops at the delimiter
        FIRST + b"\x10\0\x10\0XX\x02\0xx" * 2 + LAST,  # pydicom keeps one of the two
        FIRST + LAST + b"\x10\0\x10\0XX\x02\0xx",  # not in order
        FIRST + element(SEQUENCE, "SQ", b"") + item_bytes(LAST, EXPLICIT_LE),  # taken for elements
        FIRST + element(SEQUENCE, "SQ", item_bytes(LAST, EXPLICIT_LE) + b"xx"),
        # what is no item, whose first bytes pydicom takes for an item's tag and length
        FIRST + element(SEQUENCE, "SQ", b"Doe^Jane"),
        FIRST + element(SEQUENCE, "SQ", item_bytes(LAST, EXPLICIT_LE) + b"Doe^Jane"),
        FIRST + UNDEFINED.replace(b"\xfe\xff\0\xe0", b"\x10\0\x10\0") + b"\x09\0\x10\0XX\0\0",
        b"\x02\0\x10\0XX\x02\0xx" + FIRST,
        b"\0\0\x10\0XX\x02\0xx" + FIRST,
        b"\x11\0\x10\0??\xff\x7f",
    ],
)  # fmt: skip
def test_what_would_be_lost_is_refused(body: bytes) -> None:
    assert refused(body)


def test_big_endian_values_are_not_taken_for_little_endian_ones() -> None:
    assert refused(
        b"\0\x10\0\x10XX\0\x02xx" + element(ID, "LO", b"12", EXPLICIT_BE), IMPLICIT_VR_LE
    )


@pytest.mark.parametrize("syntax", [DEFLATED_EXPLICIT_VR_LE, "1.2.3.4"])
def test_syntaxes_that_have_no_second_reading(syntax: str) -> None:
    assert refused(FIRST + b"\x09\0\x10\0XX\x04\0text", syntax)


def test_without_prefix_there_is_no_second_reading(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(FIRST + b"\x10\0\x10\0XX\x02\0xx")
    with pytest.raises(InstanceError):
        lenient.reread(path)


def test_files_beyond_the_limit_have_no_second_reading(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = part10.build_meta(SC, "1.2.3", EXPLICIT_VR_LE) + FIRST + b"\x09\0\x10\0XX\x04\0text"
    path.write_bytes(data)
    assert lenient.reread(path, Limits(header=len(data))).size == len(data)
    with pytest.raises(InstanceError):
        lenient.reread(path, Limits(header=len(data) - 1))
    with pytest.raises(InstanceError) as caught:
        lenient.reread(tmp_path / "nothing")
    assert caught.value.code == "unreadable"


def test_pydicom_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    path = str(get_testdata_file("SC_rgb_jpeg.dcm"))  # pydicom warns about its encoding
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert lenient.reread(path).notes == ("lenient",)
    assert (caught, caplog.records) == ([], [])
    assert not logging.getLogger("pydicom").disabled
