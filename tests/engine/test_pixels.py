"""What is copied unseen is pixels and nothing else (C31, C33)."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEGBaseline8Bit, RLELossless

from tests.engine.support import written
from tests.make import BUILDERS, PEOPLE, encoded
from tests.standard.whole import cleaned, encoded_as, engine, outcome

PERSON = PEOPLE[0]
NAME = PERSON.name.replace("^", " ").encode()


def image(**values: Any) -> Any:
    made = BUILDERS["ct"](PERSON)
    made.Rows = made.Columns = 4
    made.PixelData = bytes(range(32))
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def noted(made: Any) -> tuple[str, ...]:
    found = outcome(made)
    assert not isinstance(found, str), found
    return found[1].notes


def test_pixels_as_described_are_nothing_to_speak_of() -> None:
    assert noted(image()) == ()
    assert noted(image(Rows=3, Columns=3, BitsAllocated=8, PixelData=bytes(10))) == ()  # padded
    assert noted(image(NumberOfFrames=2, PixelData=bytes(64))) == ()
    assert noted(image(BitsAllocated=1, PixelData=bytes(2))) == ()


@pytest.mark.parametrize(
    "values",
    [
        {"PixelData": bytes(32) + NAME},
        {"PixelData": bytes(32) + NAME.decode().encode("utf-16-le")},
        {"NumberOfFrames": "2", "PixelData": bytes(64) + NAME},
        {"NumberOfFrames": "x", "PixelData": NAME},
        {"Rows": 0, "PixelData": NAME},
        {"Rows": 0, "PixelData": bytes(1 << 20) + NAME},
        {
            "Rows": 0,
            "PixelData": bytes((1 << 20) - 6) + b"Hartwhistle\0",
        },  # across two windows of the search
    ],
)
def test_C33_what_is_behind_the_last_pixel_is_searched(values: dict[str, Any]) -> None:
    if len(values["PixelData"]) % 2:
        values = {**values, "PixelData": values["PixelData"] + b"\0"}
    made = image(**{key: value for key, value in values.items() if key != "NumberOfFrames"})
    if "NumberOfFrames" in values:
        made.add_new(
            0x00280008, "LO" if values["NumberOfFrames"] == "x" else "IS", values["NumberOfFrames"]
        )
    assert outcome(made) == "identifier-left"


def test_C33_big_endian_counts_alike() -> None:
    assert noted(encoded_as(image(), ExplicitVRBigEndian)) == ()
    assert outcome(encoded_as(image(PixelData=bytes(32) + NAME + b"\0"), ExplicitVRBigEndian)) == (
        "identifier-left"
    )


def test_more_than_pixels_that_name_nobody_stay_and_are_told_of() -> None:
    made = image(PixelData=bytes(range(32)) + bytes(100))
    assert noted(made) == ("pixels-exceeded",)
    assert cleaned(made).PixelData == made.PixelData


def test_a_report_has_no_pixels() -> None:
    made = BUILDERS["report"](PERSON)
    made.add_new(0x7FE00010, "OB", NAME + b"\0" * (len(NAME) % 2))
    assert outcome(made) == "identifier-left"


@pytest.mark.parametrize(
    ("interpretation", "bytes_each"),
    [
        ("YBR_FULL_422", 2),
        ("YBR_PARTIAL_422", 2),
        ("YBR_PARTIAL_420", 1.5),
        ("YBR_FULL", 3),
        ("RGB", 3),
    ],
)
def test_colours_that_are_sampled_less_often_take_fewer_bytes(
    interpretation: str, bytes_each: float
) -> None:
    values = {"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": interpretation}
    size = int(16 * bytes_each)
    assert noted(image(**values, PixelData=bytes(size))) == ()
    tail = NAME + b"\0" * (len(NAME) % 2)
    assert outcome(image(**values, PixelData=bytes(size) + tail)) == "identifier-left"


@pytest.mark.parametrize("values", [{"Rows": 65535}, {"NumberOfFrames": "99999"}])
def test_who_describes_more_than_there_is_describes_nothing(values: dict[str, Any]) -> None:
    assert (
        outcome(image(**values, PixelData=bytes(14) + NAME + b"\0" * (len(NAME) % 2)))
        == "identifier-left"
    )
    assert noted(image(**values, PixelData=bytes(32))) == ("pixels-exceeded",)


def test_a_frame_in_place_of_the_offset_table_is_no_table() -> None:
    """Some programs leave the table out; then the first item may be of any length."""
    frame = b"\xff\xd8\xff\xe0" + bytes(5 << 20)
    tracemalloc.start()
    assert noted(compressed(frame, b"\xff\xd8\xff\xd9")) == ()
    other = b"\x01\x02\x03\x04" * (5 << 18)
    assert noted(compressed(other, b"\xff\xd8\xff\xd9")) == ("pixels-exceeded",)
    assert tracemalloc.get_traced_memory()[1] < 60 << 20
    tracemalloc.stop()


def test_float_pixels_beside_others_are_measured_by_themselves() -> None:
    made = image()
    made.add_new(0x7FE00008, "OF", bytes(64))
    assert noted(made) == ()
    made.add_new(0x7FE00008, "OF", bytes(64) + NAME + b"\0" * (-len(NAME) % 4))
    assert outcome(made) == "identifier-left"


def compressed(table: bytes, *fragments: bytes) -> bytes:
    made = image()
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    items = b"".join(
        b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part for part in (table, *fragments)
    )
    del made.PixelData
    value = items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return encoded(made) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value


def test_an_offset_table_is_one() -> None:
    offsets = struct.pack("<2L", 0, 12)
    for table in (b"", struct.pack("<L", 0), offsets):
        assert noted(compressed(table, b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xd9")) == ()


@pytest.mark.parametrize("table", [NAME + b"\0", NAME + b"\0" * (-len(NAME) % 4), b"\0" * 4 + NAME])
def test_C33_words_in_an_offset_table_are_found(table: bytes) -> None:
    table += b"\0" * (len(table) % 2)
    assert outcome(compressed(table, b"\xff\xd8\xff\xd9")) == "identifier-left"


def test_C33_a_later_instance_is_looked_at_as_well() -> None:
    """The short way knows the header of the series; what is behind it may differ."""
    made = engine()
    for number, (tail, table) in enumerate([(b"", b""), (b"", b""), (NAME + b"\0", NAME + b"\0")]):
        tail, table = tail + b"\0" * (len(tail) % 2), table + b"\0" * (len(table) % 2)
        for data in (
            encoded(image(PixelData=bytes(32) + tail)),
            compressed(table, b"\xff\xd8\xff\xd9"),
        ):
            if number < 2:
                with made.prepare_bytes(data) as prepared:
                    written(prepared)
            else:
                with pytest.raises(Exception, match="identifier"):
                    made.prepare_bytes(data)


@pytest.mark.parametrize("keyword", ["Rows", "NumberOfFrames"])
def test_C33_what_says_how_many_pixels_there_are_does_not_vary_unseen(keyword: str) -> None:
    made = engine()
    for value in (4, 4, 3, 4):
        source = image(NumberOfFrames=1)
        setattr(source, keyword, value if keyword == "Rows" else 1)
        source.PixelData = bytes(24) + b"Hartwhis" if value == 3 else bytes(32)
        with made.prepare_bytes(encoded(source)) as prepared:
            written(prepared)
            expected = ("pixels-exceeded",) if keyword == "Rows" and value == 3 else ()
            assert prepared.result.notes == expected


def test_fragments_in_a_native_syntax_are_refused() -> None:
    made = image()
    made.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    made.file_meta.TransferSyntaxUID = RLELossless
    made["PixelData"].is_undefined_length = True
    data = encoded(made).replace(RLELossless.encode(), b"1.2.840.10008.1.2.1")
    assert outcome(data) == "bad-structure"
