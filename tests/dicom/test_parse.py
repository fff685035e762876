"""The token reader: lengths, sequences, VR UN, mixed encodings, limits, refusals."""

from __future__ import annotations

import struct

import pytest

from deident.dicom.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    UNDEFINED_LENGTH,
    Element,
    Encoding,
    walk,
)
from deident.dicom.encode import element_bytes, element_head, item_bytes, sequence_bytes
from deident.dicom.parse import Limits, parse_dataset
from deident.errors import InstanceError

ENCODINGS = pytest.mark.parametrize(
    "encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE], ids=["explicit", "big endian", "implicit"]
)
NAME, SEQUENCE, ID = 0x00100010, 0x00081140, 0x00100020
DELIMITER = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def parse(
    data: bytes, encoding: Encoding = EXPLICIT_LE, limits: Limits | None = None
) -> list[Element]:
    return parse_dataset(data, 0, len(data), encoding, limits or Limits())


def refused(
    data: bytes, encoding: Encoding = EXPLICIT_LE, limits: Limits | None = None
) -> InstanceError:
    with pytest.raises(InstanceError) as caught:
        parse(data, encoding, limits)
    return caught.value


def one(data: bytes, encoding: Encoding = EXPLICIT_LE) -> Element:
    (element,) = parse(data, encoding)
    assert element.raw == data
    return element


@ENCODINGS
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_sequences_of_both_length_styles(encoding: Encoding, undefined: bool) -> None:
    content = element_bytes(NAME, "PN", b"Doe^Jane", encoding)
    items = [item_bytes(content, encoding, undefined), item_bytes(b"", encoding, undefined)]
    data = sequence_bytes(SEQUENCE, items, encoding, undefined)
    element = one(data, encoding)
    assert (element.vr, element.undefined) == ("SQ", undefined)
    assert element.items is not None
    first, second = element.items
    assert [e.raw for e in first.elements] == [content]
    assert second.elements == []
    assert b"".join(data[item.start : item.end] for item in element.items) == b"".join(items)
    assert element.value == b"".join(items)


@ENCODINGS
def test_an_empty_sequence_has_no_items(encoding: Encoding) -> None:
    for undefined in (False, True):
        assert one(sequence_bytes(SEQUENCE, [], encoding, undefined), encoding).items == []


def test_a_walk_names_the_sequences_and_items_above() -> None:
    inner = sequence_bytes(SEQUENCE, [item_bytes(b"", EXPLICIT_LE)] * 2, EXPLICIT_LE)
    outer = sequence_bytes(
        0x0040A730, [item_bytes(b"", EXPLICIT_LE), item_bytes(inner, EXPLICIT_LE)], EXPLICIT_LE
    )
    assert [(path, e.tag) for path, e in walk(parse(outer))] == [
        ((), 0x0040A730),
        ((0x0040A730, 1), SEQUENCE),
    ]


# -- VR UN (PS3.5 6.2.2) --------------------------------------------------------------------------

IMPLICIT_ITEM = item_bytes(element_bytes(NAME, "PN", b"Doe^Jane", IMPLICIT_LE), IMPLICIT_LE)


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE])
@pytest.mark.parametrize(
    ("tag", "undefined"), [(SEQUENCE, False), (SEQUENCE, True), (0x00091001, True)]
)
def test_un_holds_implicit_items(encoding: Encoding, undefined: bool, tag: int) -> None:
    element = one(sequence_bytes(tag, [IMPLICIT_ITEM], encoding, undefined, vr="UN"), encoding)
    assert (element.vr, element.raw_vr, element.encoding) == ("SQ", "UN", encoding)
    assert element.items is not None
    (item,) = element.items
    assert item.encoding == IMPLICIT_LE
    assert [(e.tag, e.vr, e.value) for e in item.elements] == [(NAME, "PN", b"Doe^Jane")]


def test_un_of_undefined_length_with_explicit_items() -> None:
    content = element_bytes(NAME, "PN", b"Doe^Jane", EXPLICIT_LE)
    content += element_bytes(ID, "LO", b"12345678", EXPLICIT_LE)
    for end in (b"", element_bytes(0x00100030, "DA", b"", EXPLICIT_LE)):
        item = item_bytes(content + end, EXPLICIT_LE, undefined=True)
        element = one(sequence_bytes(0x00091001, [item], EXPLICIT_LE, True, vr="UN"))
        assert element.items is not None
        assert element.items[0].encoding == EXPLICIT_LE
        assert [e.vr for e in element.items[0].elements][:2] == ["PN", "LO"]


@pytest.mark.parametrize(
    "value",
    [b"no items", IMPLICIT_ITEM[:-2], IMPLICIT_ITEM + b"\0\0", b"\xfe\xff\x00\xe0\xff\xff\xff\xff"],
)
def test_un_of_a_sequence_that_does_not_parse_stays_opaque(value: bytes) -> None:
    element = one(element_bytes(SEQUENCE, "UN", value, EXPLICIT_LE))
    assert (element.vr, element.items, element.value) == ("UN", None, value)


@pytest.mark.parametrize(
    ("encoding", "tag", "vr"),
    [
        (EXPLICIT_LE, NAME, "PN"),
        (EXPLICIT_LE, 0x00280010, "US"),
        (EXPLICIT_BE, NAME, "PN"),
        (EXPLICIT_BE, 0x00280010, "UN"),  # its words are little endian, what is around is not
        (EXPLICIT_LE, 0x00090010, "LO"),
        (EXPLICIT_LE, 0x00091001, "UN"),
        (EXPLICIT_LE, 0x00119999, "UN"),
    ],
)
def test_the_dictionary_knows_the_vr_under_un(encoding: Encoding, tag: int, vr: str) -> None:
    element = one(element_bytes(tag, "UN", b"\1\0", encoding), encoding)
    assert (element.vr, element.raw_vr) == (vr, "UN")


def test_un_too_long_for_its_vr_stays_un() -> None:
    assert one(element_bytes(NAME, "UN", bytes(0x10000), EXPLICIT_LE)).vr == "UN"


# -- one encoding inside another ------------------------------------------------------------------


@pytest.mark.parametrize("undefined", [False, True])
def test_implicit_items_in_an_explicit_data_set(undefined: bool) -> None:
    content = element_bytes(NAME, "PN", b"Doe^Jane", IMPLICIT_LE)
    items = [item_bytes(content, EXPLICIT_LE, undefined), item_bytes(b"", EXPLICIT_LE, undefined)]
    element = one(sequence_bytes(SEQUENCE, items, EXPLICIT_LE, undefined))
    assert element.items is not None
    assert [item.encoding for item in element.items] == [IMPLICIT_LE, EXPLICIT_LE]
    assert element.items[0].elements[0].value == b"Doe^Jane"


def test_explicit_items_in_an_implicit_data_set() -> None:
    content = element_bytes(NAME, "PN", b"Doe^Jane", EXPLICIT_LE)
    element = one(
        sequence_bytes(SEQUENCE, [item_bytes(content, IMPLICIT_LE)], IMPLICIT_LE), IMPLICIT_LE
    )
    assert element.items is not None
    assert element.items[0].encoding == EXPLICIT_LE
    assert element.items[0].elements[0].vr == "PN"


def test_an_implicit_length_that_spells_a_vr_is_a_length() -> None:
    length = int.from_bytes(b"LO", "little")
    content = element_bytes(NAME, "PN", bytes(length - 1), IMPLICIT_LE)
    assert content[4:6] == b"LO" or length % 2
    content += element_bytes(ID, "LO", b"12", IMPLICIT_LE)
    element = one(
        sequence_bytes(SEQUENCE, [item_bytes(content, IMPLICIT_LE)], IMPLICIT_LE), IMPLICIT_LE
    )
    assert element.items is not None
    assert [e.tag for e in element.items[0].elements] == [NAME, ID]


def test_an_unknown_private_sequence_in_implicit_vr() -> None:
    data = sequence_bytes(0x00091001, [IMPLICIT_ITEM], IMPLICIT_LE, undefined=True)
    element = one(data, IMPLICIT_LE)
    assert (element.vr, element.raw_vr) == ("SQ", None)
    assert element.items is not None
    opaque = one(sequence_bytes(0x00091001, [IMPLICIT_ITEM], IMPLICIT_LE), IMPLICIT_LE)
    assert (opaque.vr, opaque.items) == ("UN", None)


# -- fragments outside the top level --------------------------------------------------------------


def test_encapsulated_fragments_in_an_item_are_one_value() -> None:
    fragments = b"".join(
        item_bytes(data, EXPLICIT_LE) for data in (b"", b"\xff\xd8" + DELIMITER, b"xx")
    )
    icon = element_head(0x7FE00010, "OB", UNDEFINED_LENGTH, EXPLICIT_LE) + fragments + DELIMITER
    element = one(sequence_bytes(0x00880200, [item_bytes(icon, EXPLICIT_LE)], EXPLICIT_LE))
    assert element.items is not None
    (pixels,) = element.items[0].elements
    assert (pixels.value, pixels.raw, pixels.undefined, pixels.items) == (
        fragments,
        icon,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("fragments", "code"),
    [
        (b"", "bad-length"),
        (item_bytes(b"xx", EXPLICIT_LE), "bad-length"),
        (item_bytes(b"xx", EXPLICIT_LE)[:-1], "bad-length"),
        (item_bytes(b"xx", EXPLICIT_LE, undefined=True) + DELIMITER, "bad-structure"),
        (element_bytes(NAME, "PN", b"Doe^Jane", EXPLICIT_LE) + DELIMITER, "bad-structure"),
    ],
)
def test_fragments_that_do_not_end(fragments: bytes, code: str) -> None:
    head = element_head(0x00420011, "OB", UNDEFINED_LENGTH, EXPLICIT_LE)
    assert refused(head + fragments).code == code


# -- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding", "code", "offset"),
    [
        (b"\x10\0\x10\0PN\x09\0Doe^Jane", EXPLICIT_LE, "bad-length", 0),
        (b"\x10\0\x10\0PN\x02\0xx\x10\0", EXPLICIT_LE, "bad-length", 10),
        (b"\x10\0\x10\0PN", EXPLICIT_LE, "bad-length", 0),
        (b"\x10\0\x10\0OB\0\0\x02\0", EXPLICIT_LE, "bad-length", 0),
        (b"\x10\0\x10\0XX\x02\0xx", EXPLICIT_LE, "bad-vr", 0),
        (b"\x10\0\x10\0OB\x01\0\0\0\0\0", EXPLICIT_LE, "bad-vr", 0),  # reserved bytes in use
        (b"\x10\0\x10\0\x09\0\0\0Doe^Jane", IMPLICIT_LE, "bad-length", 0),
        (b"\xfe\xff\x0d\xe0\0\0\0\0", IMPLICIT_LE, "bad-structure", 0),
        (b"\xfe\xff\x0d\xe0\0\0\0\0", EXPLICIT_LE, "bad-vr", 0),
        (b"\x08\0\x40\x11SQ\0\0\x08\0\0\0\x10\0\x10\0\0\0\0\0", EXPLICIT_LE, "bad-structure", 12),
        (b"\x08\0\x40\x11SQ\0\0\x08\0\0\0\xfe\xff\0\xe0\2\0\0\0", EXPLICIT_LE, "bad-length", 12),
        (sequence_bytes(SEQUENCE, [b"\xfe\xff\0\xe0"], EXPLICIT_LE), EXPLICIT_LE, "bad-length", 12),
        (sequence_bytes(SEQUENCE, [], EXPLICIT_LE, True)[:-8], EXPLICIT_LE, "bad-length", 12),
        (
            sequence_bytes(SEQUENCE, [item_bytes(b"", EXPLICIT_LE, True)[:-8]], EXPLICIT_LE),
            EXPLICIT_LE,
            "bad-length",
            20,
        ),
        (  # a delimiter of another kind ends an item
            sequence_bytes(SEQUENCE, [b"\xfe\xff\0\xe0\xff\xff\xff\xff" + DELIMITER], EXPLICIT_LE),
            EXPLICIT_LE,
            "bad-structure",
            20,
        ),
        (  # a delimiter with a length would carry bytes that no element owns
            b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0ABCD",
            EXPLICIT_LE,
            "bad-structure",
            12,
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    data: bytes, encoding: Encoding, code: str, offset: int
) -> None:
    error = refused(data, encoding)
    assert (error.code, error.offset) == (code, offset)


def test_offsets_count_from_the_base() -> None:
    with pytest.raises(InstanceError) as caught:
        parse_dataset(b"xx\x10\0\x10\0PN", 2, 8, EXPLICIT_LE, base=1000)
    assert caught.value.offset == 1002


def test_an_element_may_not_leave_its_item() -> None:
    item = item_bytes(element_bytes(NAME, "PN", b"Doe^Jane", EXPLICIT_LE)[:-4], EXPLICIT_LE)
    data = sequence_bytes(SEQUENCE, [item], EXPLICIT_LE) + element_bytes(
        ID, "LO", b"1234", EXPLICIT_LE
    )
    assert refused(data).code == "bad-length"


def test_the_same_element_twice() -> None:
    once, other = (
        element_bytes(NAME, "PN", name, EXPLICIT_LE) for name in (b"Doe^Jane", b"Roe^Jane")
    )
    assert len(parse(once + once)) == 2
    assert refused(once + other).code == "duplicate-element"
    nested = sequence_bytes(SEQUENCE, [item_bytes(once + other, EXPLICIT_LE)], EXPLICIT_LE)
    assert refused(nested).code == "duplicate-element"


# -- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, IMPLICIT_LE])
@pytest.mark.parametrize("undefined", [False, True])
def test_ten_thousand_levels_are_too_deep(encoding: Encoding, undefined: bool) -> None:
    if undefined:
        level = (
            element_head(SEQUENCE, "SQ", UNDEFINED_LENGTH, encoding)
            + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
        )
        data = level * 10_000
    else:
        head = 12 if encoding.explicit else 8
        sizes = [(10_000 - n) * (head + 8) for n in range(10_000)]
        data = b"".join(
            element_head(SEQUENCE, "SQ", size - head, encoding)
            + struct.pack("<HHL", 0xFFFE, 0xE000, size - head - 8)
            for size in sizes
        )
    assert refused(data, encoding).code == "too-deep"
    assert refused(data, encoding, Limits(depth=1_000_000)).code == "too-deep"


def test_levels_under_un_count_too() -> None:
    data = IMPLICIT_ITEM
    for _ in range(70):
        data = item_bytes(element_bytes(SEQUENCE, "SQ", data, IMPLICIT_LE), IMPLICIT_LE)
    assert refused(element_bytes(SEQUENCE, "UN", data, EXPLICIT_LE)).code == "too-deep"


def test_as_deep_as_allowed() -> None:
    data = b""
    for _ in range(64):
        data = sequence_bytes(SEQUENCE, [item_bytes(data, EXPLICIT_LE)], EXPLICIT_LE)
    assert sum(1 for _ in walk(parse(data))) == 64
    assert refused(data, limits=Limits(depth=63)).code == "too-deep"


@ENCODINGS
def test_elements_are_counted_at_every_depth(encoding: Encoding) -> None:
    item = item_bytes(element_bytes(NAME, "PN", b"", encoding), encoding)
    data = sequence_bytes(SEQUENCE, [item] * 10, encoding)  # 1 sequence, 10 items, 10 elements
    data += element_bytes(ID, "LO", b"", encoding)
    assert parse(data, encoding, Limits(elements=22))
    for limit in (0, 1, 11, 21):
        assert refused(data, encoding, Limits(elements=limit)).code == "too-many-elements"


@ENCODINGS
def test_flat_elements_are_counted(encoding: Encoding) -> None:
    data = b"".join(element_bytes(0x00091000 + n, "LO", b"", encoding) for n in range(100))
    assert len(parse(data, encoding, Limits(elements=100))) == 100
    assert refused(data, encoding, Limits(elements=99)).code == "too-many-elements"
