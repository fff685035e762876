"""C09, C20 to C24, C26: what an instance says about its own de-identification."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import examples

from deident import tables
from deident._version import __version__
from deident.engine.actions import CATALOG
from deident.engine.markers import (
    NOTHING,
    Existing,
    Insertion,
    Performed,
    existing,
    markers,
    method_texts,
)
from deident.engine.plan import Plan
from deident.profiles.loader import load
from deident.profiles.model import AVAILABLE_OPTIONS
from tests.engine.support import dciodvfy, element, sequence, to_dataset

BASIC = Performed("ps3.15", ("basic",))
KEEP = Performed("keep")
performed = st.builds(
    Performed,
    st.just("ps3.15"),
    st.lists(st.sampled_from(sorted(AVAILABLE_OPTIONS)), unique=True).map(
        lambda options: ("basic", *options)
    ),
    st.sampled_from(["REMOVED", "MODIFIED", "UNMODIFIED"]),
    st.just(False),
    st.just(False),
)


def by_tag(what: Performed, before: Existing = NOTHING) -> dict[int, Insertion]:
    return {entry.tag: entry for entry in markers(what, before)}


def claimed(what: Performed, before: Existing = NOTHING) -> list[str]:
    entry = by_tag(what, before).get(0x00120064)
    return [item.CodeValue for item in to_dataset(entry.value)] if entry else []  # type: ignore[arg-type]


@given(performed)
def test_C20_identity_is_removed(what: Performed) -> None:
    assert by_tag(what)[0x00120062] == Insertion(0x00120062, "CS", b"YES")


@pytest.mark.parametrize("loosened", [True, False])
def test_C20_who_keeps_the_name_does_not_say_so(loosened: bool) -> None:
    found = by_tag(BASIC._replace(loosened=loosened, identified=True))
    assert found[0x00120062].value == b"NO"
    assert b"NOT de-identified" in found[0x00120063].value  # type: ignore[operator]
    assert found[0x00280303].value == b"REMOVED"


@pytest.mark.parametrize(
    ("select", "action", "identity"),
    [
        ("PatientName", "keep", b"NO"),
        ("PatientID", "{action: prefix, text: X}", b"NO"),
        ("'*'", "keep", b"NO"),
        ("vr:PN", "keep", b"NO"),
        ("PatientBirthDate", "keep", b"NO"),
        ("vr:DA", "keep", b"NO"),
        ("PatientBirthDate", "{action: truncate-date, precision: year}", b"YES"),
        ("0010xxxx", "keep", b"NO"),
        ("OtherPatientIDsSequence/PatientID", "keep", b"NO"),
        ("vr:DS", "keep", b"YES"),
        ("StationName", "keep", b"YES"),
        ("InstitutionAddress", "keep", b"YES"),
        ("PatientID", "hash", b"YES"),
        ("PatientID", "{action: replace, value: P1}", b"YES"),
    ],
)
def test_C20_rules_tell_whether_the_identity_is_removed(
    tmp_path: Path, select: str, action: str, identity: bytes
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"format: 1\nname: own\nextends: basic\nrules:\n  - {select}: {action}\n")
    plan = Plan(load(str(path), (), CATALOG))
    assert by_tag(plan.performed)[0x00120062].value == identity
    assert plan.performed.anonymous == (identity == b"YES")


def test_C20_a_header_editor_does_not_say_so() -> None:
    found = by_tag(KEEP)
    assert found[0x00120062].value == b"NO"
    assert b"NOT de-identified" in found[0x00120063].value  # type: ignore[operator]
    assert 0x00120064 not in found
    assert 0x00280303 not in found


@given(performed)
def test_C21_one_code_for_each_method(what: Performed) -> None:
    items = to_dataset(by_tag(what)[0x00120064].value)  # type: ignore[arg-type]
    methods = [tables.methods()[key] for key in what.methods]
    assert [(item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) for item in items] == [
        tuple(method) for method in methods
    ]


def test_C21_options_have_the_codes_of_cid_7050() -> None:
    for option, code in AVAILABLE_OPTIONS.items():
        assert claimed(Performed("ps3.15", ("basic", option))) == ["113100", code]


@given(performed, st.booleans())
def test_C21_text_values_fit_and_lose_nothing(what: Performed, loosened: bool) -> None:
    values = method_texts(what._replace(loosened=loosened))
    assert all(0 < len(value) <= 64 and "\\" not in value for value in values)
    for key in what.methods:
        assert tables.methods()[key].meaning in " ".join(values)


def test_C21_long_texts_are_split_at_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deident.engine.markers.PRODUCT", "A name that goes on and on " * 4)
    values = method_texts(BASIC)
    assert max(map(len, values)) <= 64
    assert " ".join(values).startswith(("A name that goes on and on " * 4).strip())


def test_C21_what_was_there_stays_and_is_added_to() -> None:
    before = existing(
        [
            element(0x00120063, "LO", "Other program 1.0\\step two "),
            sequence(
                0x00120064,
                [element(0x00080100, "SH", "113107 ")],
                [element(0x00080104, "LO", "no code")],
            ),
        ]
    )
    assert before == Existing(b"Other program 1.0\\step two", frozenset({"113107"}))
    found = by_tag(BASIC, before)
    assert found[0x00120063].value.startswith(b"Other program 1.0\\step two\\Deident ")  # type: ignore[union-attr]
    assert found[0x00120064].append
    assert not found[0x00120063].append


def test_C21_nothing_is_said_twice() -> None:
    first = by_tag(BASIC)
    method = first[0x00120063].value
    assert isinstance(method, bytes)
    again = by_tag(BASIC, Existing(method, frozenset({"113100"})))
    assert again[0x00120063].value == method
    assert 0x00120064 not in again


@pytest.mark.parametrize("temporal", ["REMOVED", "MODIFIED", "UNMODIFIED"])
def test_C22_what_became_of_dates_is_always_said(temporal) -> None:  # type: ignore[no-untyped-def]
    found = by_tag(BASIC._replace(temporal=temporal))
    assert found[0x00280303] == Insertion(0x00280303, "CS", temporal.encode())


@given(performed)
def test_C23_burned_in_and_visual_features_are_not_claimed(what: Performed) -> None:
    assert not {0x00280301, 0x00280302} & by_tag(what).keys()
    assert not {"113101", "113102"} & set(claimed(what))


def test_C24_contributing_equipment_names_the_program_and_no_site() -> None:
    entry = by_tag(BASIC)[0x0018A001]
    assert entry.append
    (item,) = to_dataset(entry.value)  # type: ignore[arg-type]
    (purpose,) = item.PurposeOfReferenceCodeSequence
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109104", "DCM")
    assert (item.Manufacturer, item.SoftwareVersions) == ("Deident", __version__)
    assert {element.keyword for element in item} == {
        "Manufacturer",
        "ManufacturerModelName",
        "SoftwareVersions",
        "PurposeOfReferenceCodeSequence",
    }


def test_C26_rules_that_keep_more_withdraw_the_claim() -> None:
    loosened = BASIC._replace(loosened=True)
    assert claimed(loosened) == []
    assert any("keep more than PS3.15" in text for text in method_texts(loosened))


def test_C09_the_edition_is_recorded() -> None:
    assert any(f"PS3.15 {tables.edition()} " in text for text in method_texts(BASIC))


@pytest.mark.integration
@pytest.mark.parametrize("what", [BASIC, KEEP, BASIC._replace(loosened=True)])
def test_C06_markers_add_no_error(what: Performed) -> None:
    made = examples.ct.copy()
    before = dciodvfy(made)
    for entry in markers(what):
        if isinstance(entry.value, bytes):
            made.add_new(entry.tag, entry.vr, entry.value.decode().split("\\"))
        else:
            made.add_new(entry.tag, entry.vr, to_dataset(entry.value))
    assert dciodvfy(made) <= before
