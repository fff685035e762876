"""The rules of each VR: legal, dummies, padding, splitting, numbers, corrections."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import RAISE
from pydicom.datadict import DicomDictionary
from pydicom.valuerep import MAX_VALUE_LEN, VR, validate_value
from pydicom.values import convert_numbers

from deident.dicom import values
from deident.dicom.charsets import AFFECTED_VRS, DEFAULT, MULTI_TEXT_VRS, Charset
from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, Encoding
from deident.errors import InstanceError

VRS = sorted(values.RULES)
TEXT_VRS = [vr for vr in VRS if values.RULES[vr].form]
BINARY_VRS = [vr for vr in VRS if not values.RULES[vr].form]
UTF8 = Charset.of(b"ISO_IR 192")


# -- the table -------------------------------------------------------------------------------------


def test_the_table_has_every_vr_and_no_other() -> None:
    assert set(values.RULES) == {str(vr) for vr in VR if len(vr) == 2}
    used = {vr for entry in DicomDictionary.values() for vr in entry[0].split(" or ")}
    assert used - set(values.RULES) == {"NONE", "OB_OW", "US_SS"} & used


def test_lengths_agree_with_pydicom() -> None:
    theirs = {vr: length for vr, length in MAX_VALUE_LEN.items() if vr != "PN"}
    assert theirs == {vr: values.RULES[vr].longest for vr in theirs}


@pytest.mark.parametrize("call", [values.rules, values.dummy, lambda vr: values.normalise(vr, b"")])
def test_no_such_vr(call: object) -> None:
    for vr in ("??", "", "pn", "US or SS"):
        with pytest.raises(InstanceError) as caught:
            call(vr)  # type: ignore[operator]
        assert caught.value.code == "bad-vr"


# -- legal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "legal", "illegal"),
    [
        ("AE", ["STORE_SCP", "a b"], ["A" * 17, "A\\B", "Ä", "A\n"]),
        ("AS", ["045Y", "000D"], ["45Y", "045y", "045", "045Y "]),
        ("CS", ["HEAD", "A_1 2"], ["Head", "A" * 17, "A/B", "Ä"]),
        ("DA", ["19870302"], ["1987.03.02", "19870000", "1987", "19870302-", "２０２００１０１"]),
        ("DS", ["1", "-1.5E-3", ".5", "5."], ["1,5", "NaN", "1" * 17, "1 2", "."]),
        ("DT", ["1987", "19870302101112.5+0100"], ["1987-03-02", "198713", "19870302T10"]),
        ("IS", ["0", "-2147483648", "+7"], ["2147483648", "1.0", "1A", "0" * 13]),
        ("LO", ["A" * 64, "Löwe"], ["A" * 65, "A\\B", "A\nB", "A\x1bB"]),
        ("LT", ["A\r\nB\t\\", "x" * 10240], ["x" * 10241, "A\x01"]),
        ("PN", ["A^B^C^D^E=ä=ö", "A" * 64 + "=" + "B" * 64, "A="], ["A" * 65, "^^^^^F", "==="]),
        ("SH", ["A" * 16], ["A" * 17]),
        ("ST", ["x" * 1024], ["x" * 1025]),
        ("TM", ["10", "1011", "101112.123456", "235960"], ["24", "10:11", "101", "101112.1234567"]),
        ("UC", ["x" * 100_000], ["A\\B"]),
        ("UI", ["1.2.0.3", "0"], ["1..2", "1.02", "1.2.", "1" * 65, "1.2a"]),
        ("UR", ["about:blank", "https://x.org/a?b=%20"], [" about:blank", "a b", "a\\b"]),
        ("UT", ["x\\y\nz"], ["\0x"]),
    ],
)  # fmt: skip
def test_legal_and_illegal_values(vr: str, legal: list[str], illegal: list[str]) -> None:
    assert [value for value in legal if not values.is_legal(vr, value)] == []
    assert [value for value in illegal if values.is_legal(vr, value)] == []


@given(st.sampled_from(TEXT_VRS), st.text("0123456789.+-:^=\\ AYEä\n", max_size=20))
def test_what_is_legal_here_is_legal_for_pydicom(vr: str, text: str) -> None:
    if values.is_legal(vr, text):
        assert validate_value(vr, text, RAISE) is None, "pydicom raises for what is not legal"


def test_problems_name_everything_that_is_wrong() -> None:
    assert values.problems("CS", b"HEAD") == ()
    assert values.problems("CS", b"Head/Neck of Patient") == ("unfit-form", "unfit-length")
    assert values.problems("LO", b"ABC") == ("odd-length",)
    assert values.problems("LO", "Löwe".encode()) == ("odd-length", "bad-charset")
    assert values.problems("LO", "Löwe ".encode(), UTF8) == ()
    assert values.problems("SH", ("ä" * 16).encode(), UTF8) == ()  # characters count, not bytes
    assert values.problems("SH", ("ä" * 17).encode(), UTF8) == ("unfit-length",)
    assert values.problems("DS", b"1.5\\\\2") == ()
    assert values.problems("DS", b"1.5\\x ") == ("unfit-form",)
    assert values.problems("US", bytes(6)) == ()
    assert values.problems("UL", bytes(6)) == ("bad-size",)
    assert values.problems("OW", bytes(3)) == ("odd-length", "bad-size")


# -- C07: dummies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("vr", [vr for vr in VRS if vr not in ("UI", "SQ")])
def test_C07_dummies_are_legal_and_not_empty(vr: str) -> None:
    raw = values.dummy(vr)
    assert raw
    assert values.problems(vr, values.pad(vr, raw)) == ()
    assert values.normalise(vr, raw) == (raw, None)
    if vr in TEXT_VRS:
        assert raw.isascii()  # legal in every character set, C50
        validate_value(vr, raw.decode(), RAISE)


@pytest.mark.parametrize("vr", ["UI", "SQ"])
def test_C07_no_dummy_for_what_depends_on_the_attribute(vr: str) -> None:
    with pytest.raises(InstanceError) as caught:
        values.dummy(vr)
    assert caught.value.code == "rule-failed"


def test_C51_dummies_depend_on_nothing() -> None:
    # nothing of an instance goes in, so nothing of it can come out; distinct VRs share few values
    assert [values.dummy(vr) for vr in ("LO", "PN", "DA", "US")] == [
        b"ANONYMIZED",
        b"ANONYMOUS",
        b"19000101",
        b"\0\0",
    ]


# -- parts -----------------------------------------------------------------------------------------


@given(st.sampled_from(VRS), st.binary(max_size=9))
def test_padding_makes_even_and_comes_off_again(vr: str, raw: bytes) -> None:
    padded = values.pad(vr, raw)
    assert len(padded) % 2 == 0
    assert padded.startswith(raw)
    assert values.strip(vr, padded) == (padded if vr in BINARY_VRS else values.strip(vr, raw))


def test_the_padding_byte_of_each_vr() -> None:
    assert {vr for vr in VRS if values.pad(vr, b"1") == b"1 "} == set(TEXT_VRS) - {"UI"}
    assert {vr for vr in VRS if values.pad(vr, b"1") == b"1\0"} == {*BINARY_VRS, "UI"}


@pytest.mark.parametrize(
    ("vr", "raw", "parts"),
    [
        ("CS", b"A\\B ", [b"A", b"B "]),
        ("UI", b"1.2\\1.3\0", [b"1.2", b"1.3\0"]),
        ("LT", b"A\\B ", [b"A\\B "]),
        ("UR", b"a\\b ", [b"a\\b "]),
        ("US", b"\1\0\2\0", [b"\1\0", b"\2\0"]),
        ("AT", b"\x08\0\x05\0\x10\0\x10\0", [b"\x08\0\x05\0", b"\x10\0\x10\0"]),
        ("OW", b"\1\0\2\0", [b"\1\0\2\0"]),
        ("UN", b"\\\\", [b"\\\\"]),
        ("LO", b"", []),
    ],
)
def test_splitting(vr: str, raw: bytes, parts: list[bytes]) -> None:
    assert values.split(vr, raw) == parts
    assert values.join(vr, parts) == raw


@given(st.sampled_from(VRS), st.binary(max_size=24))
def test_joining_undoes_splitting(vr: str, raw: bytes) -> None:
    for charset in (DEFAULT, UTF8, Charset.of(b"GB18030"), Charset.of(b"\\ISO 2022 IR 87")):
        assert values.join(vr, values.split(vr, raw, charset)) == raw


def test_characters_that_hold_a_backslash_are_not_split() -> None:
    assert values.split("LO", b"\x81\x5c\\B", Charset.of(b"GB18030")) == [b"\x81\x5c", b"B"]


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE])
@pytest.mark.parametrize(("vr", "code"), values.NUMBER_CODES.items())
@given(raw=st.binary(max_size=33))
def test_numbers_agree_with_pydicom(vr: str, code: str, encoding: Encoding, raw: bytes) -> None:
    numbers = values.unpack_numbers(vr, raw, encoding)
    whole = raw[: len(raw) // values.RULES[vr].unit * values.RULES[vr].unit]
    assert values.pack_numbers(vr, numbers, encoding) == whole or vr in ("FL", "FD")  # NaNs
    if whole:
        theirs = convert_numbers(whole, encoding.little, code)
        assert repr(list(numbers)) == repr(theirs if isinstance(theirs, list) else [theirs])


# -- corrections -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vr", "raw", "corrected", "note"),
    [
        ("DA", b"19870302", b"19870302", None),
        ("DA", b"1987.03.02", b"19870302", "date-respelled"),
        ("DA", b"1987-03-02", b"19870302", "date-respelled"),
        ("DA", b"1987/03/02\\1987.03.03 ", b"19870302\\19870303", "date-respelled"),
        ("DA", b"19870302\0\0", b"19870302", "padding-corrected"),
        ("DA", b" 19870302 ", b"19870302", "padding-corrected"),
        ("DA", b"        ", b"", "blank"),
        ("DA", b"\0\0", b"", "blank"),
        ("DA", b"", b"", None),
        ("TM", b"10:11:12", b"101112", "time-respelled"),
        ("TM", b"10:11:12.5 ", b"101112.5", "time-respelled"),
        ("TM", b"101112.12345678", b"101112.123456", "time-respelled"),
        ("DT", b"19870302101112   ", b"19870302101112", None),
        ("DT", b"19870302101112\0\0", b"19870302101112", "padding-corrected"),
        ("DT", b"1987-03-02T10:11:12.5Z", b"19870302101112.5+0000", "date-respelled"),
        ("DT", b"1987-03-02 10:11:12+01:00", b"19870302101112+0100", "date-respelled"),
        ("AS", b"22Y ", b"022Y", "age-respelled"),
        ("AS", b"045y", b"045Y", "age-respelled"),
        ("DS", b"12,5", b"12.5", "number-respelled"),
        ("DS", b"-0,125\\1.0 ", b"-0.125\\1.0", "number-respelled"),
        ("DS", b"127\0", b"127", "padding-corrected"),
        ("IS", b" 200", b"200", None),
        ("IS", b"200.0 ", b"200", "number-respelled"),
        ("CS", b"Chest ", b"CHEST", "case-corrected"),
        ("CS", b"ORIGINAL\\Primary", b"ORIGINAL\\PRIMARY", "case-corrected"),
        ("UI", b"1.2.3\0", b"1.2.3", None),
        ("UI", b"1.2.3 ", b"1.2.3", "padding-corrected"),
        ("SH", b"STATION         \0", b"STATION", "padding-corrected"),
        ("SH", b"STATION              ", b"STATION", None),
        ("LO", "Löwe\0".encode(), "Löwe".encode(), "padding-corrected"),
        ("UT", b"  indented ", b"  indented", None),
        ("OB", b"\0 \0", b"\0 \0", None),
    ],
)
def test_corrections(vr: str, raw: bytes, corrected: bytes, note: str | None) -> None:
    assert values.normalise(vr, raw) == (corrected, note)


@pytest.mark.parametrize(
    ("vr", "raw", "note"),
    [
        ("DA", b"***", "unfit-form"),
        ("DA", b"02.03.1987", "unfit-form"),
        ("DA", b"1987.3.2", "unfit-form"),
        ("DA", b"1987.02.30", "unfit-form"),
        ("DA", b"1987", "unfit-form"),
        ("DA", b"19870302\\1987", "unfit-form"),
        ("DA", b"198703021011", "unfit-form"),
        ("TM", b"25:00:00", "unfit-form"),
        ("TM", b"1:2:3", "unfit-form"),
        ("DT", b"NaN", "unfit-form"),
        ("AS", b"24", "unfit-form"),
        ("DS", b"1,500", "unfit-form"),
        ("DS", b"1.234567890123456789", "unfit-length"),
        ("IS", b"1.5", "unfit-form"),
        ("IS", b"1A", "unfit-form"),
        ("CS", b"CORNERSTONEFREETEXT", "unfit-length"),
        ("CS", b"A/B", "unfit-form"),
        ("CS", b"\xc4", "unfit-form"),
        ("UI", b"1.02", "unfit-form"),
        ("SH", b"longer than sixteen", "unfit-length"),
        ("AE", b"longer than sixteen", "unfit-length"),
    ],
)
def test_what_is_not_clear_comes_back_unchanged_and_said(vr: str, raw: bytes, note: str) -> None:
    assert values.normalise(vr, raw) == (raw, note)
    assert note in values.UNFIT


@given(
    st.sampled_from(VRS),
    st.one_of(
        st.binary(max_size=20),
        st.text("0123456789.,:-/+TZYy \0\\Aa", max_size=20).map(str.encode),
    ),
)
def test_corrected_values_are_legal_and_stay(vr: str, raw: bytes) -> None:
    corrected, note = values.normalise(vr, raw)
    assert note is None or note in values.NOTES
    if note in values.UNFIT:
        assert corrected == raw
        return
    assert values.normalise(vr, corrected) == (corrected, None)
    if vr not in AFFECTED_VRS | set(BINARY_VRS):
        parts = corrected.split(b"\\") if vr in MULTI_TEXT_VRS else [corrected]
        assert all(values.is_legal(vr, part.decode("ascii")) for part in parts)


@pytest.mark.samples
def test_values_of_the_samples_are_legal_corrected_or_said(samples: Path) -> None:
    notes: dict[str | None, int] = {}
    for path in sorted(path for path in samples.rglob("*") if path.is_file()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, NotImplementedError, EOFError, OSError):
            continue
        for raw in dataset._dict.values():
            vr = raw.VR
            if vr in TEXT_VRS and isinstance(raw.value, bytes):
                corrected, note = values.normalise(vr, raw.value)
                notes[note] = notes.get(note, 0) + 1
                if note is None and vr not in AFFECTED_VRS:
                    assert set(values.problems(vr, raw.value)) <= {"odd-length"}
                assert corrected or note == "blank" or not raw.value
    assert {None, "date-respelled", "time-respelled", "unfit-form"} <= set(notes)
