"""What a context reads from the original header, and what it derives of it."""

from __future__ import annotations

import pytest

from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from deident.dicom.values import pack_numbers
from deident.errors import InstanceError
from tests.engine.support import IDENTITY, bulk, context, element, sequence


def test_the_patient_is_id_and_issuer() -> None:
    named = context(element(0x00100021, "LO", "HOSPITAL "), patient=" 12345 ")
    assert named.patient_key == IDENTITY.patient_key("12345", "HOSPITAL")
    assert named.pseudonym == IDENTITY.pseudonym(named.patient_key)
    assert named.shift_days == IDENTITY.shift_days(named.patient_key)


@pytest.mark.parametrize("patient", [None, "", " \0"])
def test_without_patient_id_the_study_stands_for_the_patient(patient: str | None) -> None:
    unnamed = context(element(0x0020000D, "UI", "1.2.3\0"), patient=patient)
    assert unnamed.patient_key == IDENTITY.fallback_key("1.2.3")


@pytest.mark.parametrize("elements", [(), (element(0x0020000D, "UI", "\0"),)])
def test_an_instance_of_nobody_has_no_pseudonym(elements: tuple[object, ...]) -> None:
    nobody = context(*elements, patient=None)  # type: ignore[arg-type]
    for name in ("pseudonym", "shift_days", "patient_key"):
        with pytest.raises(InstanceError) as caught:
            getattr(nobody, name)
        assert caught.value.code == "no-patient-id"


def test_text_is_decoded_with_the_character_set() -> None:
    made = context(element(0x00081030, "LO", "Schädel ".encode("latin-1")), charset=b"ISO_IR 100")
    assert made.lookup(0x00081030) == "Schädel"
    assert made.lookup(0x00081040) is None


def test_an_item_has_its_own_character_set() -> None:
    item = [element(0x00080005, "CS", "ISO_IR 192"), element(0x00400007, "LO", "Schädel")]
    made = context(sequence(0x00400275, item), charset=b"ISO_IR 100")
    assert made.lookup((0x00400275, 0x00400007)) == "Schädel"


def test_text_of_another_character_set_is_an_error() -> None:
    made = context(element(0x00081030, "LO", b"\xe4"))
    with pytest.raises(InstanceError) as caught:
        made.lookup(0x00081030)
    assert caught.value.code == "bad-charset"


def test_a_path_gives_the_values_of_all_items() -> None:
    first = [element(0x00080100, "SH", "A ")]
    second = [element(0x00080100, "SH", "B")]
    made = context(sequence(0x00321064, first, [], second))
    assert made.lookup((0x00321064, 0x00080100)) == "A\\B"
    assert made.lookup((0x00321064, 0x00080104)) is None
    assert made.lookup((0x00321065, 0x00080100)) is None
    assert made.looked_up == {0x00321064, 0x00321065}


def test_private_attributes_are_found_by_creator_in_any_block() -> None:
    made = context(
        element(0x00190010, "LO", "OTHER"),
        element(0x00190020, "LO", "MINE "),
        element(0x0019100A, "LO", "wrong"),
        element(0x0019200A, "LO", "right"),
    )
    assert made.lookup((0x0019000A, "MINE")) == "right"
    assert made.lookup((0x0019000A, "mine")) is None
    assert made.lookup((0x0019000B, "MINE")) is None
    assert {0x00190020, 0x0019200A} <= made.looked_up


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
@pytest.mark.parametrize(
    ("vr", "numbers", "text"),
    [
        ("US", (1, 65535), "1\\65535"),
        ("SS", (-1,), "-1"),
        ("UV", (2**64 - 1,), str(2**64 - 1)),
        ("FL", (0.5,), "0.5"),
        ("FD", (0.1, -2.0), "0.1\\-2.0"),
    ],
)
def test_binary_numbers_read_as_decimals(encoding, vr, numbers, text) -> None:  # type: ignore[no-untyped-def]
    raw = pack_numbers(vr, numbers, encoding)
    assert context(element(0x00280010, vr, raw, encoding)).lookup(0x00280010) == text


def test_tags_read_as_eight_digits() -> None:
    made = context(element(0x00200027, "AT", b"\x18\x00\x63\x10"))
    assert made.lookup(0x00200027) == "00181063"


def test_what_has_no_text_is_there_but_empty() -> None:
    made = context(
        sequence(0x00081140), element(0x00420011, "OB", b"abc"), bulk(0x7FE00010, "OW", 9)
    )
    assert made.lookup(0x00081140) == ""
    assert made.lookup(0x00420011) == ""
    assert made.lookup(0x7FE00010) == ""
