"""Dummy items and documents: what they are made of."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from deident import tables
from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE
from deident.engine.decision import NewItems
from deident.engine.dummies import document, dummy_items, dummy_uid, special_value
from deident.tables.files import load
from tests.engine.support import context, element, sequence

TABLE = load("dummy_items.json")
SEQUENCES = [int(tag, 16) for tag in TABLE["items"]]


def elements_of(items: NewItems):  # type: ignore[no-untyped-def]
    for item in items:
        for tag, vr, value in item:
            yield tag, vr, value
            if isinstance(value, tuple):
                yield from elements_of(value)


@pytest.mark.parametrize("tag", [*SEQUENCES, 0x0040DB06])
def test_items_hold_standard_attributes_in_order(tag: int) -> None:
    items = dummy_items(tag, context(), EXPLICIT_LE)
    assert len(items) == 1
    numbers = [entry[0] for entry in items[0]]
    assert numbers == sorted(numbers)
    for number, vr, value in elements_of(items):
        known = tables.attribute(number)
        assert known is not None
        assert vr in known.vrs
        assert value or vr == "SQ"


def test_numbers_follow_the_byte_order() -> None:
    little = dummy_items(0x0040B020, context(), EXPLICIT_LE)
    big = dummy_items(0x0040B020, context(), EXPLICIT_BE)
    assert little[0][0] == (0x0040A0B0, "US", b"\1\0\0\0")
    assert big[0][0] == (0x0040A0B0, "US", b"\0\1\0\0")


def test_uids_refer_to_nothing_and_differ_by_patient() -> None:
    one, other = context(patient="1"), context(patient="2")
    uid = dict((tag, value) for tag, _, value in dummy_items(0x00081111, one, EXPLICIT_LE)[0])
    assert uid[0x00081155] == dummy_uid("step", one).encode()
    assert dummy_uid("step", one) != dummy_uid("step", other)
    assert dummy_uid("step", one) != dummy_uid("other", one)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [((), b"LAYER"), (("LESIONS", "OTHER"), b"LESIONS"), ((" ",), b"LAYER")],
)
def test_a_dummy_annotation_is_on_a_layer_that_exists(
    layers: tuple[str, ...], expected: bytes
) -> None:
    items = [[element(0x00700002, "CS", name)] for name in layers]
    made = context(sequence(0x00700060, *items))
    found = dummy_items(0x00700001, made, EXPLICIT_LE)[0][0]
    assert found == (0x00700002, "CS", expected)


def of_kind(mime: str) -> bytes:
    return document(context(element(0x00420012, "LO", mime)))


def test_the_dummy_pdf_is_well_formed() -> None:
    pdf = of_kind("application/pdf")
    assert pdf.startswith(b"%PDF-")
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", pdf)[0])
    assert pdf[start:].startswith(b"xref\n0 4\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n ", pdf), 1):
        assert pdf[int(offset) :].startswith(b"%d 0 obj\n" % number)


def test_the_dummy_clinical_document_is_well_formed() -> None:
    root = ElementTree.fromstring(of_kind("text/XML"))
    assert root.tag == "{urn:hl7-org:v3}ClinicalDocument"


@pytest.mark.parametrize(
    ("mime", "start", "length"),
    [
        ("model/stl", bytes(84), 84),
        ("model/obj; charset=utf-8", b"o ", 16),
        ("model/mtl", b"newmtl", 13),
        ("application/x-unknown", b"\0\0", 2),
        ("", b"\0\0", 2),
    ],
)
def test_dummy_documents_by_type(mime: str, start: bytes, length: int) -> None:
    found = of_kind(mime)
    assert found.startswith(start)
    assert len(found) == length


def test_the_length_of_a_dummy_document_is_its_own() -> None:
    made = context(element(0x00420012, "LO", "model/mtl"))
    assert special_value(0x00420015, made, EXPLICIT_LE) == b"\x0d\0\0\0"
    assert special_value(0x00420011, made, EXPLICIT_LE) == document(made)


def test_enumerated_values_have_a_dummy_of_their_own() -> None:
    assert special_value(0x04000565, context(), EXPLICIT_LE) == b"CORRECT"
    assert special_value(0x00340002, context(), EXPLICIT_LE) == bytes(16)
    assert special_value(0x00100010, context(), EXPLICIT_LE) is None


def test_the_table_is_readable_line_by_line() -> None:
    assert all(len(tag) == 8 for tag in [*TABLE["items"], *TABLE["values"]])
    assert json.dumps(TABLE).isascii()
