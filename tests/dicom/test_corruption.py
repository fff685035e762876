"""Damaged input: every cut, lying lengths, random mutations. Only `InstanceError` may escape."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.dicom import lenient, part10
from deident.dicom.elements import EXPLICIT_LE, UNDEFINED_LENGTH, Encoding, walk
from deident.dicom.encode import element_bytes, element_head, item_bytes, sequence_bytes
from deident.dicom.part10 import Part10File
from deident.dicom.syntaxes import (
    DEFLATED_EXPLICIT_VR_LE,
    EXPLICIT_VR_LE,
    NATIVE,
    SYNTAXES,
)
from deident.errors import InstanceError
from tests.dicom.data_sets import DATA_SETS, ENCODINGS, Made, ours
from tests.dicom.support import SC

JPEG = "1.2.840.10008.1.2.4.50"


def data_set(encoding: Encoding) -> bytes:
    """Return a small data set with nesting, private blocks, VR UN and a long text."""
    inner = element_bytes(0x00081150, "UI", b"1.2.3", encoding)
    inner += element_bytes(0x00081155, "UI", b"1.2.4", encoding)
    deep = sequence_bytes(0x00081199, [item_bytes(inner, encoding, True)], encoding, True)
    items = [item_bytes(deep, encoding), item_bytes(inner, encoding, True)]
    return b"".join(
        (
            element_bytes(0x00080005, "CS", b"ISO_IR 100", encoding),
            element_bytes(0x00080018, "UI", b"1.2.3.4", encoding),
            sequence_bytes(0x00081115, items, encoding),
            sequence_bytes(0x00081140, items, encoding, True),
            element_bytes(0x00090010, "LO", b"CREATOR", encoding),
            element_bytes(0x00091001, "UN", b"private", encoding),
            element_bytes(0x00100010, "PN", b"Doe^Jane", encoding),
            element_bytes(0x00104000, "LT", b"text " * 20, encoding),
        )
    )


def native(encoding: Encoding = EXPLICIT_LE) -> bytes:
    meta = part10.build_meta(SC, "1.2.3.4", NATIVE[encoding])
    return meta + data_set(encoding) + element_bytes(0x7FE00010, "OW", bytes(64), encoding)


def encapsulated() -> bytes:
    fragments = b"".join(
        item_bytes(data, EXPLICIT_LE) for data in (b"", b"\xff\xd8" * 20, b"\xff\xd9")
    )
    head = element_head(0x7FE00010, "OB", UNDEFINED_LENGTH, EXPLICIT_LE)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return part10.build_meta(SC, "1.2.3.4", JPEG) + data_set(EXPLICIT_LE) + head + fragments + end


def deflated() -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(data_set(EXPLICIT_LE)) + deflater.flush()
    return part10.build_meta(SC, "1.2.3.4", DEFLATED_EXPLICIT_VR_LE) + data


WHOLE: dict[str, Callable[[], bytes]] = {
    **{NATIVE[encoding]: lambda encoding=encoding: native(encoding) for encoding in NATIVE},
    JPEG: encapsulated,
    DEFLATED_EXPLICIT_VR_LE: deflated,
}
KINDS = pytest.mark.parametrize("kind", WHOLE)


def attempt(
    data: bytes, read: Callable[[bytes], Part10File] = part10.from_bytes
) -> Part10File | None:
    """Read everything of a file; `None` when it was refused."""
    try:
        file = read(data)
        for _, element in walk(file.elements()):
            assert element.length >= 0
            if element.span is not None:
                assert len(file.read(*element.span)) == element.span.length
    except InstanceError:
        return None
    return file


def tags(file: Part10File) -> list[int]:
    return [element.tag for element in file.elements()]


@KINDS
def test_every_cut(kind: str) -> None:
    whole = WHOLE[kind]()
    complete = attempt(whole)
    assert complete is not None
    ends = {complete.start + element.end for element in complete.elements()}
    for length in range(1, len(whole)):
        file = attempt(whole[:length])
        if file is not None and file.elements():
            # a cut between two elements cannot be seen
            assert tags(file) == tags(complete)[: len(tags(file))]
            assert length in ends or "trailing-bytes" in file.notes
            assert not file.deflated


@KINDS
def test_a_cut_that_our_reader_sees_is_no_success_for_the_second(kind: str) -> None:
    whole = WHOLE[kind]()
    for length in range(1, len(whole)):
        if attempt(whole[:length]) is None:
            assert attempt(whole[:length], lenient.reread_bytes) is None


@KINDS
@pytest.mark.parametrize("lie", [0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, UNDEFINED_LENGTH])
def test_lying_lengths(kind: str, lie: int) -> None:
    whole = WHOLE[kind]()
    for size in (2, 4):
        wrong = (lie & (1 << 8 * size) - 1).to_bytes(size, "little")
        for at in range(132, len(whole) - size, 2):
            attempt(whole[:at] + wrong + whole[at + size :])


def test_a_length_of_four_gigabytes_costs_no_memory() -> None:
    claims = [
        element_head(0x00104000, "UT", 0xFFFFFFFE, EXPLICIT_LE),
        element_head(0x00081140, "SQ", 0xFFFFFFFE, EXPLICIT_LE),
        element_head(0x00081140, "UN", 0xFFFFFFFE, EXPLICIT_LE),
        element_head(0x7FE00010, "OW", 0xFFFFFFFE, EXPLICIT_LE),
        sequence_bytes(0x00081140, [b"\xfe\xff\0\xe0\xfe\xff\xff\xff"], EXPLICIT_LE),
    ]
    tracemalloc.start()
    try:
        for claim in claims:
            data = part10.build_meta(SC, "1.2.3.4", EXPLICIT_VR_LE) + claim + bytes(1000)
            with pytest.raises(InstanceError) as caught:
                part10.from_bytes(data).elements()
            assert caught.value.code == "bad-length"
            assert attempt(data, lenient.reread_bytes) is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@given(kind=st.sampled_from(sorted(WHOLE)), data=st.data())
def test_random_mutations(kind: str, data: st.DataObject) -> None:
    whole = bytearray(WHOLE[kind]())
    places = st.integers(128, len(whole) - 1)
    for at, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        whole[at] = byte
    cut = data.draw(st.one_of(st.none(), places))
    if attempt(bytes(whole[:cut])) is None:
        attempt(bytes(whole[:cut]), lenient.reread_bytes)


@given(DATA_SETS, ENCODINGS, st.data())
def test_mutated_data_sets(made: Made, encoding: Encoding, data: st.DataObject) -> None:
    whole = bytearray(ours(made, encoding))
    if whole:
        for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
            whole[at] = data.draw(st.sampled_from([0, 1, 0xFE, 0xFF, 0x0D, 0xE0, 0x53, 0x51]))
    attempt(part10.build_meta(SC, "1.2.3.4", NATIVE[encoding]) + bytes(whole))


@given(st.binary(max_size=300), st.sampled_from(["", *sorted(SYNTAXES)]))
def test_noise(noise: bytes, syntax: str) -> None:
    attempt(noise)
    attempt(bytes(128) + b"DICM" + noise)
    attempt(part10.build_meta(SC, "1.2.3.4", syntax) + noise)
    attempt(part10.build_meta(SC, "1.2.3.4", syntax) + noise, lenient.reread_bytes)
