"""What is harvested from a header, and what never shows."""

from __future__ import annotations

import pytest

from deident import tables
from deident.dicom.charsets import DEFAULT, Charset
from deident.dicom.elements import Element
from deident.engine.identifiers import (
    IDENTIFIER_TAGS,
    KINDS,
    Identifiers,
    contributes,
    harvest,
    is_placeholder,
)
from deident.errors import InstanceError
from tests.engine.support import bulk, element, sequence

PATIENT_NAME, PATIENT_ID, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100030
REFERRING, OPERATORS, STATION = 0x00080090, 0x00081070, 0x00081010
REQUEST_ATTRIBUTES, OTHER_IDS = 0x00400275, 0x00101002

# Rows of Table E.1-1 whose names sound like an identifier, and why they are not harvested.
NOT_HARVESTED = {
    "a description or a label, typed per procedure or object": (
        "Label", "Description", "Comment", "Title", "Subject", "Keywords", "Reason", "Notes",
        "Narrative", "Montage", "RTPlanName", "StructureSetName", "ROIName", "EntityName",
        "TreatmentSite", "TextString", "TopicKeywords", "ProtocolName", "ModelName",
        "ManufacturerDeviceClass", "PositionAcquisitionTemplateName", "LensMake", "LensModel",
        "FractionationNotes", "MakerNote",
    ),
    "a class of people or a state, not a person": (
        "Pronoun", "Gender", "Ethnic", "Sex", "Occupation", "Rank", "Religious", "Alerts",
        "Allergies", "SpecialNeeds", "PatientState", "PreMedication", "Country", "Region",
        "TransportArrangements", "ConfidentialityConstraint",
    ),
    "a value of somebody's rule": ("Selector",),
    "network equipment in transit, not of the source": ("ReceivingAE", "RequestingAE"),
    "a slot, numbered from one": ("SlotID",),
}  # fmt: skip
IDENTIFYING_WORDS = (
    "Name", "ID", "Identifier", "Identification", "Number", "Address", "Telephone", "Phone",
    "Telecom", "Institution", "Organization", "Issuer", "Station", "Location", "Serial", "Site",
    "Residence", "Locator",
)  # fmt: skip


def entries(*elements: Element, charset: Charset = DEFAULT) -> set[tuple[str, str, int]]:
    return {tuple(entry) for entry in harvest(list(elements), charset).entries}


def test_identifiers_are_taken_from_every_depth() -> None:
    found = entries(
        element(PATIENT_NAME, "PN", "Doe^Jane "),
        sequence(
            REQUEST_ATTRIBUTES,
            [
                element(0x00401001, "SH", "RP-55012"),
                sequence(0x00401008, [element(0x00091001, "PN", "Roe^Rick")]),
            ],
        ),
        sequence(
            OTHER_IDS, [element(PATIENT_ID, "LO", "KV-551")], [element(PATIENT_ID, "LO", "X")]
        ),
    )
    assert found == {
        ("name", "Doe^Jane", PATIENT_NAME),
        ("number", "RP-55012", 0x00401001),
        ("person", "Roe^Rick", 0x00091001),
        ("patient-id", "KV-551", PATIENT_ID),
    }


def test_several_values_are_several_identifiers() -> None:
    found = entries(element(OPERATORS, "PN", "Alpha^Ann\\Beta^Bob"))
    assert found == {("person", "Alpha^Ann", OPERATORS), ("person", "Beta^Bob", OPERATORS)}


def test_an_item_is_read_by_its_own_character_set() -> None:
    name = "Соколовская^Надежда"
    item = [
        element(0x00080005, "CS", "ISO_IR 144"),
        element(REFERRING, "PN", name.encode("iso8859-5")),
    ]
    found = entries(
        element(PATIENT_NAME, "PN", "Müller".encode("latin-1")),
        sequence(REQUEST_ATTRIBUTES, item),
        charset=Charset.of(b"ISO_IR 100"),
    )
    assert found == {("name", "Müller", PATIENT_NAME), ("person", name, REFERRING)}


def test_a_name_encoded_as_unknown_is_still_a_name() -> None:
    found = entries(element(REFERRING, "UN", b"Roe^Rick"), element(PATIENT_NAME, "UN", b"Doe^Jane"))
    assert found == {("person", "Roe^Rick", REFERRING), ("name", "Doe^Jane", PATIENT_NAME)}


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "^",
        "^^^^",
        "ANONYMOUS",
        "anonymized^",
        "Unknown",
        "NONE",
        "XXXX",
        "***",
        "ANON-12",
        "N/A",
    ],
)
def test_placeholders_are_no_names(value: str) -> None:
    assert not entries(element(PATIENT_NAME, "PN", value))


@pytest.mark.parametrize("value", ["0", "000000000", "1", "11", "ID", "NOID", "n/a", "xxxxxxx"])
def test_placeholders_are_no_numbers(value: str) -> None:
    assert not entries(element(PATIENT_ID, "LO", value))


def test_a_numbered_placeholder_is_one_only_while_the_number_is_short() -> None:
    assert is_placeholder("anon12")
    assert not is_placeholder("anon119084194093")


def test_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InstanceError) as caught:
        harvest([element(PATIENT_NAME, "PN", b"M\xfcller")], DEFAULT)
    assert caught.value.code == "bad-charset"
    assert "ller" not in str(caught.value)


def test_a_value_left_on_disk_is_not_read() -> None:
    assert not entries(bulk(PATIENT_ID, "LO", 70000))


def test_equal_identifiers_are_equal_whatever_the_order() -> None:
    one = [element(PATIENT_ID, "LO", "AB1234"), element(PATIENT_NAME, "PN", "Doe^Jane")]
    assert harvest(one, DEFAULT) == harvest(one[::-1], DEFAULT)
    assert hash(harvest(one, DEFAULT)) == hash(harvest(one[::-1], DEFAULT))
    assert harvest(one, DEFAULT) != harvest(one[:1], DEFAULT)


def test_contributes_agrees_with_harvest() -> None:
    deep = sequence(0x00081140, [sequence(0x0040A170, [element(0x00091001, "PN", "Roe^Rick")])])
    plain = sequence(0x00081140, [element(0x00081155, "UI", "1.2.3")])
    assert contributes(deep)
    assert not contributes(plain)
    assert contributes(element(STATION, "SH", "CT01"))
    assert contributes(element(REFERRING, "UN", b"Roe"))
    assert contributes(element(REFERRING, "LO", b"Roe"))
    assert not contributes(element(0x00080060, "CS", "CT"))


def test_nothing_shows_its_value() -> None:
    found = harvest([element(PATIENT_NAME, "PN", "Hartwhistle^Rosamund")], DEFAULT)
    shown = f"{found!r} {found} {found.entries!r} {next(iter(found.entries))}"
    assert "art" not in shown.lower()
    assert repr(Identifiers()) == "<Identifiers: 0>"


def test_every_harvested_attribute_is_removed_or_replaced_by_the_profile() -> None:
    listed = {row.value for row in tables.annex_e()}
    ours = {row.value for row in tables.supplement() if row.kind == "tag" and row.basic != "K"}
    assert listed | ours >= IDENTIFIER_TAGS
    assert all(tables.attribute(tag) is not None for tag in IDENTIFIER_TAGS)


def test_every_identifying_row_of_the_table_is_harvested_or_explained() -> None:
    excused = tuple(word for words in NOT_HARVESTED.values() for word in words)
    missing = []
    for row in tables.annex_e():
        attribute = tables.attribute(row.value) if row.mask == 0xFFFFFFFF else None
        if attribute is None or attribute.vr in ("SQ", "UI", "DA", "TM", "DT", "PN", "OB", "CS"):
            continue
        identifying = any(word in attribute.keyword for word in IDENTIFYING_WORDS)
        explained = any(word in attribute.keyword for word in excused)
        if identifying and not explained and row.value not in KINDS:
            missing.append(attribute.keyword)
    assert missing == []
