"""Character sets: every defined term, code extensions, strictness; pydicom is the oracle."""

from __future__ import annotations

import pickle
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.data import get_charset_files
from pydicom.multival import MultiValue
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from deident.dicom.charsets import AFFECTED_VRS, DEFAULT, Charset, byte_forms, escaped_forms
from deident.errors import InstanceError

T = TypeVar("T")

# defined term: a text that only it (and Unicode) can write
SAMPLES = {
    "ISO_IR 100": "Äneas^Rüdiger",
    "ISO_IR 101": "Dvořák^Łukasz",
    "ISO_IR 109": "Ġorġ^Ħal",
    "ISO_IR 110": "Ķekava^Ēriks",
    "ISO_IR 126": "Διονυσιος",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 144": "Люкceмбypг",
    "ISO_IR 148": "Çavuşoğlu^Işıl",
    "ISO_IR 166": "สมชาย^ใจดี",
    "ISO_IR 203": "Œuvré^Šime€",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO_IR 192": "王^小東=Ω≈ç√∫😀",
    "GB18030": "王^小东=😀龘",
    "GBK": "王^小东",
}
EXTENSIONS = {
    "ISO 2022 IR 87": "山田^太郎",
    "ISO 2022 IR 159": "鷗^丂丄",
    "ISO 2022 IR 149": "洪^吉洞=홍^길동",
    "ISO 2022 IR 58": "张^小东",
}
SINGLE_BYTE = [term for term in SAMPLES if term.startswith("ISO_IR") and term != "ISO_IR 192"]


def charset(*terms: str) -> Charset:
    return Charset.of("\\".join(terms).encode())


def attempt(call: Callable[..., T], *args: object) -> tuple[T | None, str | None]:
    """The result of a call, or the code of the error that it raised on purpose."""
    try:
        return call(*args), None
    except InstanceError as error:
        return None, error.code


# -- what (0008,0005) says -------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [None, b"", b"  ", b"\0"])
def test_absent_or_blank_is_the_default_repertoire(raw: bytes | None) -> None:
    assert Charset.of(raw).terms == ()
    assert Charset.of(raw).known
    assert Charset.of(raw).notes == ()


@pytest.mark.parametrize("term", [*SAMPLES, "ISO_IR 6"])
def test_defined_terms_are_known(term: str) -> None:
    found = Charset.of(term.encode() + b" ")
    assert (found.terms, found.known, found.notes) == ((term,), True, ())
    assert found.raw == term.encode()


@pytest.mark.parametrize(
    "term",
    [*EXTENSIONS, "ISO 2022 IR 6", *(t.replace("ISO_IR", "ISO 2022 IR") for t in SINGLE_BYTE)],
)
def test_extension_terms_are_known(term: str) -> None:
    assert charset("", term).terms == ("", term)
    assert charset("", term).known
    assert charset("", term).raw == b"\\" + term.encode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"ISO-IR 100", "ISO_IR 100"),
        (b"ISO_IR_100", "ISO_IR 100"),
        (b"ISO_IR100", "ISO_IR 100"),
        (b"ISO IR 100", "ISO_IR 100"),
        (b"ISO 100", "ISO_IR 100"),
        (b"iso_ir 100", "ISO_IR 100"),
        (b"ISO 8859-1", "ISO_IR 100"),
        (b"latin1", "ISO_IR 100"),
        (b"ISO 2022-IR 87", "ISO 2022 IR 87"),
        (b"ISO_2022_IR_87", "ISO 2022 IR 87"),
        (b"ISO_IR 87", "ISO 2022 IR 87"),
        (b"ISO 2022 58", "ISO 2022 IR 58"),
        (b"UTF-8", "ISO_IR 192"),
        (b"utf8", "ISO_IR 192"),
        (b"ISO 2022 IR 192", "ISO_IR 192"),
        (b"ISO 2022 GBK", "GBK"),
        (b"GB2312", "GBK"),
        (b"gb18030", "GB18030"),
    ],
)
def test_misspellings_are_corrected_and_noted(written: bytes, meant: str) -> None:
    found = Charset.of(written)
    assert found.known
    assert found.terms == (meant,)
    assert found.notes == ("charset-respelled",)


def test_several_sets_take_the_extension_spelling() -> None:
    found = charset("ISO_IR 100", "ISO 2022 IR 149")
    assert found.terms == ("ISO 2022 IR 100", "ISO 2022 IR 149")
    assert found.notes == ("charset-extension-respelled",)


def test_a_set_that_stands_alone_has_no_company() -> None:
    first, later = charset("ISO_IR 192", "ISO 2022 IR 87"), charset("", "ISO_IR 192")
    assert (first.terms, first.notes) == (("ISO_IR 192",), ("charset-standalone",))
    assert (later.terms, later.notes) == (("",), ("charset-standalone",))


@pytest.mark.parametrize(
    "raw", [b"FOO", b"ISO_IR 99", b"ISO_IR 100\\FOO", b"100", b"WINDOWS-1252", b"\xff\xfe"]
)
def test_unknown_terms_are_said_to_be_unknown(raw: bytes) -> None:
    found = Charset.of(raw)
    assert not found.known
    assert found.decode(b"ASCII", "LO") == "ASCII"
    with pytest.raises(InstanceError) as caught:
        found.decode(b"M\xfcller", "LO")
    assert caught.value.code == "bad-charset"


@pytest.mark.parametrize(
    ("terms", "superset"),
    [
        ((), True),
        (("ISO_IR 100",), True),
        (("ISO_IR 192",), True),
        (("ISO_IR 13",), True),
        (("", "ISO 2022 IR 149"), True),
        (("", "ISO 2022 IR 58"), True),
        (("GB18030",), False),
        (("GBK",), False),
        (("", "ISO 2022 IR 87"), False),
        (("ISO 2022 IR 13", "ISO 2022 IR 159"), False),
    ],
)
def test_which_sets_reuse_ascii_bytes(terms: tuple[str, ...], superset: bool) -> None:
    assert charset(*terms).is_ascii_superset is superset


# -- text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("term", "text"), SAMPLES.items())
def test_C50_every_single_set_writes_and_reads_its_text(term: str, text: str) -> None:
    raw = charset(term).encode(text, "PN")
    assert charset(term).decode(raw, "PN") == text
    if term != "ISO_IR 203":  # pydicom 3.0 lacks Latin alphabet No. 9
        assert decode_bytes(raw, convert_encodings([term]), PN_DELIMS) == text


@pytest.mark.parametrize(("term", "text"), EXTENSIONS.items())
@pytest.mark.parametrize("first", ["", "ISO 2022 IR 6", "ISO 2022 IR 100", "ISO 2022 IR 13"])
def test_C50_every_extension_writes_and_reads_its_text(first: str, term: str, text: str) -> None:
    both = charset(first, term)
    raw = both.encode(f"Name^{text}=A^{text}", "PN")
    assert both.decode(raw, "PN") == f"Name^{text}=A^{text}"
    assert DEFAULT.decode(b"Name^", "PN").encode() == raw[:5]


def test_two_single_byte_sets_by_extension() -> None:
    both = charset("ISO 2022 IR 100", "ISO 2022 IR 144")
    raw = both.encode("Jérôme^Люк\\é", "PN")
    assert raw == b"J\xe9r\xf4me^\x1b-L\xbb\xee\xda\\\xe9"
    assert both.decode_values(raw, "PN") == ["Jérôme^Люк", "é"]


def test_the_examples_of_ps3_5_annexes_h_i_j_k() -> None:
    h32 = charset("ISO 2022 IR 13", "ISO 2022 IR 87")
    raw = (
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
        b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
    )
    assert h32.decode(raw, "PN") == "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
    assert h32.encode("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "PN") == raw
    i2 = charset("", "ISO 2022 IR 149")
    raw = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
    assert i2.decode(raw, "PN") == "Hong^Gildong=洪^吉洞="
    assert i2.encode("Hong^Gildong=洪^吉洞=", "PN") == raw
    k3 = charset("", "ISO 2022 IR 58")
    raw = b"1.\x1b$)A\xb5\xda\xd2\xbb\xd0\xd0\r\n2.\x1b$)A\xb5\xda\xb6\xfe\xd0\xd0\r\n"
    assert k3.decode(raw, "LT") == "1.第一行\r\n2.第二行\r\n"
    assert k3.encode("1.第一行\r\n2.第二行\r\n", "LT") == raw


def test_C50_backslash_bytes_inside_characters_do_not_separate() -> None:
    # second byte 5C in GBK and GB18030; first and second byte 5C, 3D and 5E in JIS X 0208
    for term in ("GBK", "GB18030"):
        raw = b"\x81\x5c\\\x95\x5cB"
        assert charset(term).decode_values(raw, "LO") == ["乗", "昞B"]
        assert charset(term).split(raw, "LO") == [b"\x81\x5c", b"\x95\x5cB"]
    japanese = charset("", "ISO 2022 IR 87")
    raw = b"\x1b$B\x5c\x3d\x3b\x5c\x5e\x3d\x1b(B\\x"
    assert japanese.decode_values(raw, "LO")[1:] == ["x"]
    assert len(japanese.decode_values(raw, "PN")[0]) == 3
    assert japanese.split(raw, "LO") == [raw[:-2], b"x"]


def test_sets_go_back_to_the_first_at_delimiters() -> None:
    korean = charset("", "ISO 2022 IR 149")
    with pytest.raises(InstanceError):  # after ^ nothing is designated
        korean.decode(b"\x1b$)C\xfb\xf3^\xd1\xce", "PN")
    with pytest.raises(InstanceError):
        korean.decode(b"\x1b$)C\xfb\xf3\\\xd1\xce", "LO")
    assert korean.decode(b"\x1b$)C\xfb\xf3^=\\\xd1\xce", "UT") == "洪^=\\吉"
    assert korean.decode(b"\x1b$)C\xfb\xf3^\xd1\xce", "LO") == "洪^吉"


@pytest.mark.parametrize(
    ("terms", "raw"),
    [
        ((), b"M\xfcller"),
        (("ISO_IR 6",), b"M\xfcller"),
        (("ISO_IR 192",), b"M\xfcller"),
        (("ISO_IR 192",), b"\x1b$B;3\x1b(B"),
        (("ISO_IR 100",), b"\x1b-L\xbb\xee"),
        (("ISO_IR 13",), b"\x8e\x52"),  # Shift JIS, not JIS X 0201
        (("ISO_IR 166",), b"\xfc"),
        (("ISO_IR 127",), b"\xa1"),
        (("GB18030",), b"\x81"),
        (("", "ISO 2022 IR 87"), b"\x1b$)C\xfb\xf3"),  # not declared
        (("", "ISO 2022 IR 87"), b"\x1b$B;3E"),  # half a character
        (("", "ISO 2022 IR 87"), b"\x1b"),
        (("", "ISO 2022 IR 149"), b"\xfb\xf3"),  # not designated
        (("", "ISO 2022 IR 149"), b"\x1b$)C\xfb"),
        (("ISO 2022 IR 13", "ISO 2022 IR 87"), b"\x8e\x8e"),
    ],
)
def test_what_is_not_of_the_declared_sets_is_refused(terms: tuple[str, ...], raw: bytes) -> None:
    for vr in ("LO", "PN", "UT"):
        with pytest.raises(InstanceError) as caught:
            charset(*terms).decode(raw, vr)
        assert caught.value.code == "bad-charset"


def test_other_vrs_are_ascii_whatever_the_set() -> None:
    assert charset("ISO_IR 192").decode(b"HEAD ", "CS") == "HEAD "
    with pytest.raises(InstanceError):
        charset("ISO_IR 192").decode("Ä".encode(), "CS")
    with pytest.raises(InstanceError):
        charset("ISO_IR 192").encode("Ä", "CS")


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ((), "Müller"),
        (("ISO_IR 100",), "Łukasz"),
        (("ISO_IR 13",), "山"),
        (("ISO_IR 13",), "¥"),  # Python's codec would write a backslash
        (("", "ISO 2022 IR 87"), "김"),
        (("ISO_IR 192",), "\ud800"),
        (("ISO_IR 192",), "a\x1b$Bb"),
    ],
)
def test_what_cannot_be_written_is_refused(terms: tuple[str, ...], text: str) -> None:
    with pytest.raises(InstanceError) as caught:
        charset(*terms).encode(text, "LO")
    assert caught.value.code == "not-encodable"


def test_errors_carry_no_text() -> None:
    for call in (
        lambda: charset("ISO_IR 192").decode(b"Geheim\xfc", "LO"),
        lambda: DEFAULT.encode("Geheimü", "LO"),
    ):
        with pytest.raises(InstanceError) as caught:
            call()
        error = pickle.loads(pickle.dumps(caught.value))
        assert "Geheim" not in str(error) + repr(error)
        assert caught.value.__context__ is None
        shown = "".join(traceback.format_exception(caught.value, limit=0))
        assert "Geheim" not in shown


def test_padding_goes_from_values_but_not_from_text() -> None:
    latin = charset("ISO_IR 100")
    assert latin.decode(b" a \\b ", "LO") == " a \\b "
    assert latin.decode_values(b" a \\b ", "LO") == ["a", "b"]
    assert latin.decode_values(b" a \0", "UT") == [" a"]
    assert latin.decode_values(b"A\\", "SH") == ["A", ""]
    assert latin.decode_values(b"a\\b", "LT") == ["a\\b"]
    assert latin.decode_values(b"  ", "LO") == []


# -- searching -------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["utf_8", "cp1252", "cp1250", "utf_16_le", "utf_16_be"])
def test_lenient_readings_find_latin_text(codec: str) -> None:
    for declared in ((), ("ISO_IR 100",), ("ISO_IR 192",), ("", "ISO 2022 IR 87"), ("FOO",)):
        readings = charset(*declared).decode_lenient("Löwe, 1".encode(codec))
        assert any("Löwe" in reading for reading in readings)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("山田".encode("shift_jis"), "山田"),
        ("山田".encode("euc_jp"), "山田"),
        ("홍길동".encode("euc_kr"), "홍길동"),
        ("王小东".encode("gb2312"), "王小东"),
        ("王小東".encode("big5"), "王小東"),
        ("Иванов".encode("cp1251"), "Иванов"),
        ("Иванов".encode("koi8_r"), "Иванов"),
        (b"\x1b$B;3ED\x1b(B", "山田"),
        (b"\x1b$)C\xfb\xf3^\xd1\xce", "洪^吉"),  # no new designation behind ^
        (b"S\0m\0i\0t\0h\0", "Smith"),
        (b"\0S\0m\0i\0t\0h", "Smith"),
    ],
)
def test_C50_lenient_readings_find_text_of_undeclared_sets(raw: bytes, text: str) -> None:
    assert text in DEFAULT.decode_lenient(raw)


def test_the_declared_reading_comes_first() -> None:
    assert charset("ISO_IR 144").decode_lenient(b"\xbb\xee\xda")[0] == "Люк"
    assert DEFAULT.decode_lenient(b"plain \0") == ("plain \0",)


@pytest.mark.parametrize("text", [*SAMPLES.values(), *EXTENSIONS.values(), "Smith"])
def test_byte_forms_cover_how_a_name_can_be_hidden(text: str) -> None:
    name = text.partition("^")[0]
    forms = byte_forms(name) | escaped_forms(name)
    assert {name.encode(), name.encode("utf_16_le"), name.encode("utf_16_be")} <= forms
    for terms in [(term,) for term in SAMPLES] + [("", term) for term in EXTENSIONS]:
        try:
            raw = charset(*terms).encode(name, "LO")
        except InstanceError:
            continue
        assert any(form in raw for form in forms)


# -- properties ------------------------------------------------------------------------------------

ANY_CHARSET = st.one_of(
    st.sampled_from([charset(term) for term in (*SAMPLES, "")]),
    st.lists(
        st.sampled_from([*EXTENSIONS, "ISO 2022 IR 100", "ISO 2022 IR 13", "ISO 2022 IR 144"]),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(lambda terms: charset("", *terms)),
)
ALPHABET = st.text(
    st.sampled_from(sorted({*"".join((*SAMPLES.values(), *EXTENSIONS.values())), *"aZ 0^=\\\r\n"})),
    max_size=20,
)


@given(
    ANY_CHARSET, st.one_of(ALPHABET, st.text(max_size=12)), st.sampled_from(sorted(AFFECTED_VRS))
)
def test_what_can_be_written_reads_back(charset: Charset, text: str, vr: str) -> None:
    raw, code = attempt(charset.encode, text, vr)
    assert code in (None, "not-encodable")
    if raw is None:
        return
    assert charset.decode(raw, vr) == text
    assert b"\\".join(charset.split(raw, vr)) == raw
    if vr in ("LO", "SH", "PN", "UC"):
        values = [charset.decode(value, vr) for value in charset.split(raw, vr)]
        assert values == text.split("\\")


@given(ANY_CHARSET, st.binary(max_size=24), st.sampled_from([*sorted(AFFECTED_VRS), "CS", "DA"]))
def test_any_bytes_are_read_or_refused(charset: Charset, raw: bytes, vr: str) -> None:
    assert attempt(charset.decode, raw, vr)[1] in (None, "bad-charset")
    assert attempt(charset.decode_values, raw, vr)[1] in (None, "bad-charset")
    assert b"\\".join(charset.split(raw, vr)) == raw
    assert all(isinstance(reading, str) for reading in charset.decode_lenient(raw))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_specific_character_set(raw: bytes) -> None:
    found = Charset.of(raw)
    assert found.known or found.terms
    assert found.decode(b"ASCII", "PN") == "ASCII"


@given(
    st.sampled_from(["", "ISO 2022 IR 6", "ISO 2022 IR 100", "ISO 2022 IR 13"]),
    st.lists(st.sampled_from(sorted(EXTENSIONS)), min_size=1, unique=True),
    ALPHABET.filter(lambda text: not set(text) & set("^=\\\r\n")),
)
def test_pydicom_reads_what_is_written(first: str, others: list[str], text: str) -> None:
    ours = charset(first, *others)
    try:
        raw = ours.encode(text, "LO")
    except InstanceError:
        return
    if b"\x1b$)A" in raw:
        return  # pydicom leaves the escape sequence of IR 58 in the text
    encodings = convert_encodings([first, *others])
    assert decode_bytes(raw, encodings, TEXT_VR_DELIMS) == text


# -- real files ------------------------------------------------------------------------------------


def assert_agrees_with_pydicom(path: str | Path) -> int:
    """Every text value of a file reads as pydicom reads it; returns how many were compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _compare(pydicom.dcmread(path, stop_before_pixels=True), DEFAULT)


def _compare(dataset: pydicom.Dataset, inherited: Charset) -> int:
    compared = 0
    if "SpecificCharacterSet" in dataset:
        value = dataset.SpecificCharacterSet or ""
        terms = list(value) if isinstance(value, MultiValue) else [value]
        inherited = Charset.of("\\".join(terms).encode())
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        vr = raw.VR or dataset[tag].VR
        if vr == "SQ":
            compared += sum(_compare(item, inherited) for item in dataset[tag].value)
        elif vr in AFFECTED_VRS - {"UN"} and isinstance(raw.value, bytes) and raw.value:
            if b"\x1b$)A" in raw.value:
                continue  # pydicom leaves the escape sequences of IR 58 in the text
            ours = inherited.decode_values(raw.value, vr)
            if vr == "PN":
                ours = [name.rstrip("=") for name in ours]
            value = dataset[tag].value
            theirs = [str(v) for v in (value if isinstance(value, MultiValue) else [value])]
            side = str.rstrip if vr in ("ST", "LT", "UT", "UC", "PN") else str.strip
            assert (ours or [""]) == [side(text, "\0 ") for text in theirs], hex(tag)
            compared += 1
    return compared


@pytest.mark.parametrize("path", get_charset_files("*.dcm"), ids=lambda path: Path(path).name)
def test_pydicoms_charset_files_agree(path: str) -> None:
    assert assert_agrees_with_pydicom(path) > 0


@pytest.mark.samples
def test_samples_agree(samples: Path) -> None:
    compared = 0
    for path in sorted(path for path in samples.rglob("*") if path.is_file()):
        try:
            compared += assert_agrees_with_pydicom(path)
        except (pydicom.errors.InvalidDicomError, NotImplementedError, EOFError, OSError):
            continue  # what pydicom cannot parse is no oracle
    assert compared > 5000
