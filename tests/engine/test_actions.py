"""Every action: what it makes of values, and that it fails closed."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.dicom.charsets import Charset
from deident.dicom.elements import EXPLICIT_BE
from deident.engine.actions import ALWAYS_LOOKED_AT, CATALOG, REGISTRY
from deident.engine.decision import EMPTY, EMPTY_SEQUENCE, KEEP, REMOVE, Decision
from deident.errors import InstanceError, ProfileError
from deident.profiles.catalog import ParamError, check_params
from deident.profiles.model import Profile
from tests.engine.support import IDENTITY, act, context, element, subject

PN, LO, SH, ST, CS, DA, UI, AE = (
    0x00100010, 0x00081030, 0x00080050, 0x00080081, 0x00080060, 0x00080020, 0x0020000D, 0x00080055
)  # fmt: skip
NAMES = (
    *("keep", "remove", "empty", "dummy", "uid", "pseudonym", "replace", "hash", "prefix", "map"),
    *("lookup", "shift-date", "truncate-date", "age-band", "quarantine", "discard"),
)


def fails(name: str, what, where=None, **params) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(InstanceError) as caught:
        act(name, what, where, **params)
    return caught.value.code


def test_the_registry_is_complete_and_described() -> None:
    assert set(REGISTRY) == set(CATALOG) == set(NAMES)
    for name, entry in REGISTRY.items():
        assert entry.spec.name == name
        assert entry.spec.doc.endswith(".")
        assert all(param.doc for param in entry.spec.params)


@pytest.mark.parametrize("name", NAMES)
def test_functions_can_be_sent_to_workers(name: str) -> None:
    function = REGISTRY[name].function
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("name", NAMES)
def test_defaults_hold_where_parameters_are_left_out(name: str) -> None:
    spec = REGISTRY[name].spec
    for param in spec.params:
        if not param.required and param.kind == "choice":
            assert param.default in param.choices


def test_keep_remove_and_empty() -> None:
    assert act("keep", subject(LO, "LO", "x")) is KEEP
    assert act("keep", subject(0x00081140, "SQ")) is KEEP
    assert act("remove", subject(LO, "LO", "x")) is REMOVE
    assert act("empty", subject(LO, "LO", "x", type_="2")) is EMPTY
    assert act("empty", subject(LO, "LO", "x")) is EMPTY
    assert act("empty", subject(0x00081140, "SQ", type_="2")) is EMPTY_SEQUENCE


def test_a_dummy_is_repeated_where_several_values_must_be() -> None:
    assert act("dummy", subject(0x00200032, "DS", "1\\2\\3")).value == b"0\\0\\0"
    assert act("dummy", subject(0x00080008, "CS", "A\\B")).value == b"ANON\\ANON"
    assert act("dummy", subject(0x00189073, "FD")).value == bytes(8)
    assert act("dummy", subject(0x00186060, "FL")).value == bytes(4)
    assert act("dummy", subject(0x00140000 | 0x1021, "LO", "unknown")).value == b"ANONYMIZED"


def test_a_dummy_sequence_of_type_2_is_empty_unless_its_items_are_known() -> None:
    assert act("dummy", subject(0x00400275, "SQ", type_="2")) is EMPTY_SEQUENCE
    assert act("dummy", subject(0x00400275, "SQ", type_="1")).items
    assert act("dummy", subject(0x0040A730, "SQ", type_="2")).items


def test_a_dummy_uid_is_the_new_uid() -> None:
    assert act("dummy", subject(0x006A0003, "UI", "1.2.3")).value == IDENTITY.uid("1.2.3").encode()
    empty = act("dummy", subject(0x006A0003, "UI", ""))
    assert empty.value.startswith(b"2.25.")


def test_uids_are_renewed_one_by_one() -> None:
    found = act("uid", subject(UI, "UI", "1.2.3\\1.2.840.10008.1.2\\\\9.9.9\0"))
    expected = [IDENTITY.uid("1.2.3"), "1.2.840.10008.1.2", "", IDENTITY.uid("9.9.9")]
    assert found == Decision("value", "\\".join(expected).encode())


def test_uid_leaves_what_holds_no_uid_of_an_instance() -> None:
    assert act("uid", subject(UI, "UI", "1.2.840.10008.5.1.4.1.1.2\0")) is KEEP
    assert act("uid", subject(UI, "UI", "\0")) is KEEP
    assert act("uid", subject(0x00081140, "SQ", type_="1")) is KEEP
    assert fails("uid", subject(LO, "LO", "1.2.3")) == "rule-failed"


def test_the_pseudonym_is_the_patients() -> None:
    where = context()
    assert act("pseudonym", subject(PN, "PN", "Roe^Jane"), where).value == (
        where.pseudonym.encode()
    )
    assert act("pseudonym", subject(0x00100020, "LO", ""), where).value == where.pseudonym.encode()
    assert fails("pseudonym", subject(SH, "SH", "1")) == "rule-failed"  # 18 characters in 16
    assert fails("pseudonym", subject(0x00280010, "US", b"\0\0")) == "rule-failed"


def test_an_undecodable_value_does_not_hinder_a_pseudonym() -> None:
    assert act("pseudonym", subject(PN, "PN", b"\xff\xfe")).kind == "value"


def test_another_patient_in_an_item_gets_another_pseudonym() -> None:
    where, path = context(patient="12345"), (0x00101002, 0)
    other = act("pseudonym", subject(0x00100020, "LO", "777 ", path=path), where)
    same = act("pseudonym", subject(0x00100020, "LO", "12345 ", path=path), where)
    assert same.value == where.pseudonym.encode()
    assert other.value == IDENTITY.pseudonym(IDENTITY.patient_key("777")).encode()


def replaced(vr: str, text: str, tag: int = LO, **more) -> bytes:  # type: ignore[no-untyped-def]
    where = context(
        element(0x00080060, "CS", "CT "),
        element(0x00080020, "DA", "20200615"),
        element(0x00180015, "CS", "HEAD"),
        **more,
    )
    return act("replace", subject(tag, vr, "old"), where, value=text).value


def test_replace_fills_fields_in() -> None:
    assert replaced("LO", "A") == b"A"
    assert replaced("LO", "{{{modality}}}") == b"{CT}"
    assert replaced("LO", "{orig:BodyPartExamined}-{modality}") == b"HEAD-CT"
    assert replaced("UI", "{sop_class}") == b"1.2.840.10008.5.1.4.1.1.2"
    assert replaced("LO", "{patient_id}") == context().pseudonym.encode()
    assert replaced("ST", "a\\b") == b"a\\b"


def test_the_year_moves_with_the_patients_dates() -> None:
    days = context().shift_days
    assert days < -365
    assert replaced("LO", "{year}") < b"2020"
    true = Profile("p", options=("retain-full-dates",))
    assert replaced("LO", "{year}", profile=true) == b"2020"


@pytest.mark.parametrize(
    ("vr", "text", "raw"),
    [
        ("US", "258", b"\x02\x01"),
        ("FL", "1.0", b"\0\0\x80\x3f"),
        ("DA", "20200101", b"20200101"),
        ("DS", "1.5", b"1.5"),
    ],
)
def test_replace_writes_numbers_and_dates(vr: str, text: str, raw: bytes) -> None:
    assert replaced(vr, text) == raw


def test_replace_writes_numbers_in_the_data_sets_byte_order() -> None:
    found = act("replace", subject(0x00280010, "US", b"\0\0", encoding=EXPLICIT_BE), value="258")
    assert found.value == b"\x01\x02"


@pytest.mark.parametrize(
    ("vr", "tag", "text"),
    [
        ("US", LO, "70000"),
        ("US", LO, "abc"),
        ("DA", DA, "20201301"),
        ("CS", CS, "lower"),
        ("LO", LO, "x" * 65),
        ("LO", LO, "a\\b"),  # one value only
        ("LO", LO, "{orig:PatientComments}"),
        ("UI", UI, "1.02"),
        ("OB", 0x00420011, "x"),
        ("SQ", 0x00081140, "x"),
        ("UN", LO, "x"),
        ("FL", LO, "1e400"),
    ],
)
def test_replace_fails_closed(vr: str, tag: int, text: str) -> None:
    assert fails("replace", subject(tag, vr, b"12345678"), value=text) == "rule-failed"


def test_what_cannot_be_encoded_fails() -> None:
    assert fails("replace", subject(LO, "LO", "x"), value="Ä") == "not-encodable"
    latin = context(charset=b"ISO_IR 100")
    assert act("replace", subject(LO, "LO", "x"), latin, value="Ä").value == b"\xc4"


def test_an_item_with_its_own_character_set_is_written_in_it() -> None:
    what = subject(LO, "LO", "Ö".encode(), charset=Charset.of(b"ISO_IR 192"))
    assert act("prefix", what, text="Ä").value == "ÄÖ".encode()


@pytest.mark.parametrize("text", ["{nobody}", "{orig:Nothing}", "{orig}", "{", "{patient_id:x}"])
def test_unknown_fields_are_found_before_a_run(text: str) -> None:
    with pytest.raises(ParamError):
        check_params(REGISTRY["replace"].spec, {"value": text})


def test_what_actions_look_at_is_known_before_a_run() -> None:
    replace = REGISTRY["replace"]
    assert 0x00180015 in replace.looks_at({"value": "{orig:BodyPartExamined}"})
    assert 0x00080020 in replace.looks_at({"value": "{year}"})
    assert replace.looks_at({"value": "x"}) == {0x00100020, 0x00100021, 0x0020000D}
    assert REGISTRY["shift-date"].looks_at({"mode": "by-tag", "tag": 5}) == {5}
    assert REGISTRY["shift-date"].looks_at({"mode": "fixed"}) == set()
    assert {0x00100020, 0x0020000D, 0x00420012, 0x00700060} <= ALWAYS_LOOKED_AT


def test_what_actions_retain_is_known_before_a_run() -> None:
    retains = {name for name in NAMES if REGISTRY[name].retains({"value": "x"})}
    assert retains == {"keep", "prefix", "map", "shift-date", "truncate-date", "age-band"}
    assert REGISTRY["replace"].retains({"value": "{orig:Modality}"})
    assert REGISTRY["lookup"].retains({"otherwise": "keep"})


def test_hash_is_consistent_and_fits() -> None:
    one = act("hash", subject(SH, "SH", "A123 "), prefix="X", length=51)
    assert one == act("hash", subject(SH, "SH", "A123"), prefix="X", length=51)
    assert one.value.startswith(b"X")
    assert len(one.value) == 16
    assert (
        act("hash", subject(LO, "LO", "A123")).value == IDENTITY.token("hash", "A123", 16).encode()
    )
    assert act("hash", subject(LO, "LO", " ")) is KEEP
    assert fails("hash", subject(SH, "SH", "A"), prefix="X" * 16) == "rule-failed"
    assert fails("hash", subject(DA, "DA", "20200101")) == "rule-failed"
    assert fails("hash", subject(CS, "CS", "A"), prefix="small") == "rule-failed"


def test_hash_works_value_by_value() -> None:
    found = act("hash", subject(0x00081070, "PN", "Roe^Jane\\\\Doe^Joe"), length=8).value.split(
        b"\\"
    )
    assert [len(value) for value in found] == [8, 0, 8]
    assert found[0] != found[2]


def test_prefix_stays_within_the_vr() -> None:
    assert act("prefix", subject(SH, "SH", "1"), text="A").value == b"A1"
    assert fails("prefix", subject(SH, "SH", "1234567890123456"), text="A") == "rule-failed"


def test_map_rewrites_whole_values() -> None:
    what = subject(0x00081070, "PN", "Roe^Jane\\Doe^Joe")
    assert act("map", what, pattern=r"(\w)\w*\^(\w)\w*", to=r"\1\2").value == b"RJ\\DJ"
    assert act("map", what, pattern=r"Roe.*", to="X") is REMOVE
    assert act("map", what, pattern=r"Roe", to="X", otherwise="empty") is EMPTY
    assert act("map", what, pattern=r"Roe", to="X", otherwise="keep") is KEEP
    assert act("map", what, pattern=r"Roe", to="X", otherwise="dummy").value == b"ANONYMOUS"
    assert act("map", subject(LO, "LO", ""), pattern="x", to="y") is KEEP
    assert act("map", subject(LO, "LO", "A"), pattern="A", to="A") is KEEP


@pytest.mark.parametrize("to", [r"\2", r"\g<no>", r"\q"])
def test_map_with_a_wrong_replacement_fails_closed(to: str) -> None:
    assert fails("map", subject(LO, "LO", "A"), pattern="(A)", to=to) == "rule-failed"


def test_lookup_knows_every_value_or_none() -> None:
    table = {"A": "1", "B": "2"}
    assert act("lookup", subject(LO, "LO", "A "), table=table).value == b"1"
    assert act("lookup", subject(LO, "LO", "C"), table=table) is REMOVE
    assert act("lookup", subject(0x00080008, "CS", "A\\\\B"), table=table).value == b"1\\\\2"


def test_undecodable_text_fails_closed() -> None:
    for name, params in {
        "hash": {}, "prefix": {"text": "x"}, "map": {"pattern": ".*", "to": ""},
        "lookup": {"table": {}},
    }.items():  # fmt: skip
        assert fails(name, subject(LO, "LO", b"\xff"), **params) == "bad-charset"


def test_quarantine_and_discard_stop_the_instance() -> None:
    assert fails("quarantine", subject(LO, "LO", "x")) == "rule"
    assert fails("discard", subject(0x00081140, "SQ")) == "discarded"


@given(st.sampled_from(NAMES), st.binary(max_size=60), st.sampled_from(["1", "2", "3", None]))
def test_no_bytes_make_an_action_crash(name: str, raw: bytes, type_: str | None) -> None:
    params = {
        "replace": {"value": "A"},
        "prefix": {"text": "A"},
        "map": {"pattern": ".*", "to": "A"},
        "lookup": {"table": {"A": "B"}},
    }
    for vr in ("LO", "PN", "UI", "DA", "DT", "TM", "AS", "IS", "US", "UN", "OB", "SQ"):
        try:
            found = act(name, subject(0x00100040, vr, raw, type_=type_), **params.get(name, {}))
        except (InstanceError, ProfileError):
            continue
        assert found.kind in ("keep", "remove", "value", "items")
