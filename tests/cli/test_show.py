"""`deident show`: listings, JSON, damaged and hostile files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from deident.app.dicom_json import file_model
from deident.app.reading import open_readable
from deident.app.viewing import ViewOptions, lines
from deident.cli.main import main
from deident.dicom import part10
from deident.dicom.elements import EXPLICIT_LE
from deident.dicom.encode import NewItems, data_set_bytes
from deident.dicom.values import RULES
from tests.make import BUILDERS, PEOPLE, ct, encoded, save

_WHEEL = Path(get_testdata_file("CT_small.dcm", download=False)).parent


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["show", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def small() -> Dataset:
    """A data set with one of everything that a listing shows differently."""
    made = BUILDERS["ct"](PEOPLE[0])
    keep = {"SOPClassUID", "SOPInstanceUID", "PatientName", "PatientID", "AnatomicRegionSequence"}
    for element in list(made):
        if element.keyword not in keep:
            del made[element.tag]
    made.PatientComments = "one\r\ntwo \x1b[31mred"
    made.Rows = 4
    made.add_new(0x00280106, "US", 7)
    made.add_new(0x00200032, "DS", ["-1.5", "2"])
    made.FrameIncrementPointer = [0x00181063, 0x00181065]
    made.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
    made.add_new(0x00291008, "CS", "IMAGE NUM 4")
    made.add_new(0x00291110, "UN", b"who knows!")
    made.AcquisitionContextSequence = [Dataset()]
    made.PixelData = bytes(32)
    made["PixelData"].VR = "OW"
    return made


GOLDEN = """\
small.dcm: 950 B, CT Image Storage, Explicit VR Little Endian
(0008,0016) UI  SOPClassUID                                 26  1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)
(0008,0018) UI  SOPInstanceUID                              36  1.2.826.0.1.3680043.10.1337.1.1.1.1
(0008,2218) SQ  AnatomicRegionSequence                      50  1 item
  item 1
    (0008,0100) SH  CodeValue                                8  51185008
    (0008,0102) SH  CodingSchemeDesignator                   4  SCT
    (0008,0104) LO  CodeMeaning                              6  Chest
(0010,0010) PN  PatientName                                 28  Hartwhistle^Rosamund^June^^
(0010,0020) LO  PatientID                                   10  007341093
(0010,4000) LT  PatientComments                             18  one␍␊two ␛[31mred (guessed)
(0020,0032) DS  ImagePositionPatient                         6  -1.5\\2
(0028,0009) AT  FrameIncrementPointer                        8  (0018,1063)\\(0018,1065)
(0028,0010) US  Rows                                         2  4
(0028,0106) US  SmallestImagePixelValue                      2  7
(0029,0010) LO  PrivateCreator                              18  SIEMENS CSA HEADER
(0029,1008) CS  [CSA Image Header Type]                     12  IMAGE NUM 4
(0029,1110) UN  ?                                           10  "who knows!"
(0040,0555) SQ  AcquisitionContextSequence                   8  1 item
  item 1 (empty)
(7FE0,0010) OW  PixelData                                   32  <32 bytes>
note: some text is not in the character set that is declared; it was guessed
"""  # noqa: E501


def test_a_listing_line_by_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(small(), tmp_path / "small.dcm")
    code, out, err = run(capsys, "small.dcm")
    assert (code, err) == (0, "")
    shown = [line for line in out.splitlines(keepends=True) if not line.startswith("(0002,")]
    assert "".join(shown[1:]) == "".join(GOLDEN.splitlines(keepends=True)[1:])
    assert shown[0].endswith(", CT Image Storage, Explicit VR Little Endian\n")
    assert "(0002,0010) UI  TransferSyntaxUID" in out


def test_only_what_was_asked_for(capsys, tmp_path):
    path = save(small(), tmp_path / "small.dcm")
    code, out, _ = run(capsys, path, "--tag", "CodeMeaning", "--tag", "vr:PN", "--tag", "0002,0010")
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()[1:]] == [
        "TransferSyntaxUID", "AnatomicRegionSequence[1]/CodeMeaning", "PatientName",
    ]  # fmt: skip


def test_what_is_below_a_selected_sequence_is_shown_too(capsys, tmp_path):
    path = save(small(), tmp_path / "small.dcm")
    _, out, _ = run(capsys, path, "--tag", "AnatomicRegionSequence")
    assert out.splitlines()[1:] == GOLDEN.splitlines()[3:8]


@pytest.mark.parametrize(
    "selector", ['(0029,"SIEMENS CSA HEADER",08)', "0029,xx08", "/0029,1008", "vr:CS"]
)
def test_a_private_attribute_by_selector(capsys, tmp_path, selector):
    path = save(small(), tmp_path / "small.dcm")
    _, out, _ = run(capsys, path, "--tag", selector)
    assert "[CSA Image Header Type]" in out
    assert out.count("\n") == 2


def test_nothing_selected_says_so(capsys, tmp_path):
    path = save(small(), tmp_path / "small.dcm")
    assert run(capsys, path, "--tag", "StudyDate")[1].endswith("\nno such element\n")


def test_depth_zero_counts_items_only(capsys, tmp_path):
    path = save(small(), tmp_path / "small.dcm")
    _, out, _ = run(capsys, path, "--depth", 0)
    assert "item 1\n" not in out
    assert "AnatomicRegionSequence                      50  1 item\n" in out


def test_without_values_nothing_of_the_patient_is_printed(capsys, tmp_path):
    for number, builder in enumerate(BUILDERS.values()):
        path = save(builder(PEOPLE[0]), tmp_path / f"{number}.dcm")
        for flags in (["--no-values"], ["--no-values", "--json"]):
            _, out, _ = run(capsys, path, *flags)
            assert "PatientName" in out or "00100010" in out
            for needle in PEOPLE[0].needles():
                assert needle not in out.encode()


def test_long_values_are_cut_and_said_to_be(capsys, tmp_path):
    made = small()
    made.PatientComments = "x" * 500
    made.add_new(0x00189601, "FD", 0.25)
    made.add_new(0x00660016, "OF", bytes(4000))
    made.add_new(0x00283006, "US", list(range(1000)))
    path = save(made, tmp_path / "long.dcm")
    _, out, _ = run(capsys, path, "--max-value", 12)
    assert f"{'x' * 12}… (500 characters)\n" in out
    assert "0\\1\\2\\3\\4\\5\\… (1000 values)" in out
    assert "<4000 bytes>" in out
    _, out, _ = run(capsys, path, "--max-value", 0)
    assert "x" * 500 + "\n" in out
    assert "\\998\\999\n" in out


_NAMED = [path for path in sorted(get_charset_files("*.dcm")) if "SQEncoding" not in path]


@pytest.mark.parametrize("path", _NAMED, ids=os.path.basename)
def test_names_are_decoded_as_pydicom_decodes_them(capsys, path):
    name = str(pydicom.dcmread(path).PatientName)
    code, out, _ = run(capsys, path, "--tag", "/PatientName", "--max-value", 0)
    assert code == 0
    assert out.splitlines()[1].rstrip("=").endswith("  " + name.rstrip("="))


def test_text_in_an_undeclared_set_is_guessed_and_marked(capsys, tmp_path):
    made = small()
    made.PatientName = "X^Y"
    data = encoded(made).replace(b"X^Y ", "M\u00fc^".encode())
    (tmp_path / "a.dcm").write_bytes(data)
    _, out, _ = run(capsys, tmp_path / "a.dcm", "--tag", "PatientName")
    assert "Mü^ (guessed)" in out
    assert "note: some text is not in the character set" in out
    _, out, _ = run(capsys, tmp_path / "a.dcm", "--json")
    part = json.loads(out)["files"][0]
    assert part["notes"] == ["undecodable-text"]
    assert part["dataset"]["00100010"]["Value"] == [{"Alphabetic": "Mü^"}]


def test_an_item_with_a_character_set_of_its_own(capsys, tmp_path):
    inner = Dataset()
    inner.SpecificCharacterSet = "ISO_IR 192"
    inner.PersonName = "Grün"
    made = small()
    made.ReferencedStudySequence = [inner]
    path = save(made, tmp_path / "a.dcm")
    assert "PersonName                               6  Grün" in run(capsys, path)[1]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_every_encoding_shows_the_same_values(capsys, tmp_path, syntax):
    made = BUILDERS["ct"](PEOPLE[9])
    want = run(capsys, save(made, tmp_path / "a.dcm"), "--json")[1]
    got = run(capsys, save(made, tmp_path / "b.dcm", syntax), "--json")[1]
    one, other = (json.loads(text)["files"][0]["dataset"] for text in (want, got))
    for model in (one, other):
        model["7FE00010"].pop("BulkDataURI")
    unsaid = {tag for tag in one if one[tag] != other[tag]}
    # Implicit VR does not say what private elements are that no dictionary knows
    assert all(int(tag[3], 16) % 2 and other[tag]["vr"] == "UN" for tag in unsaid)
    assert syntax == ImplicitVRLittleEndian or not unsaid


# -- JSON -----------------------------------------------------------------------------------------


def test_json_is_the_dicom_json_model(capsys, tmp_path):
    path = save(small(), tmp_path / "small.dcm")
    whole = json.loads(run(capsys, path, "--json")[1])
    assert whole["schema"] == 1
    (part,) = whole["files"]
    assert part["file"] == str(path)
    assert part["transfer_syntax"] == "1.2.840.10008.1.2.1"
    data = part["dataset"]
    assert data["00100010"] == {
        "vr": "PN",
        "Value": [{"Alphabetic": "Hartwhistle^Rosamund^June^^"}],
    }
    assert data["00200032"] == {"vr": "DS", "Value": [-1.5, 2.0]}
    assert data["00280009"] == {"vr": "AT", "Value": ["00181063", "00181065"]}
    assert data["00291110"] == {"vr": "UN", "InlineBinary": "d2hvIGtub3dzIQ=="}
    assert data["00400555"] == {"vr": "SQ", "Value": [{}]}
    assert data["00104000"]["Value"] == ["one\r\ntwo \x1b[31mred"]
    uri = data["7FE00010"]["BulkDataURI"]
    offset, length = (int(word.partition("=")[2]) for word in uri[1:].split("&"))
    assert path.read_bytes()[offset : offset + length] == bytes(32)
    assert offset + length == path.stat().st_size


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_pydicom_reads_our_json(capsys, tmp_path, kind):
    made = BUILDERS[kind](PEOPLE[9])
    path = save(made, tmp_path / "a.dcm")
    data = json.loads(run(capsys, path, "--json")[1])["files"][0]["dataset"]
    read = Dataset.from_json(data, bulk_data_uri_handler=lambda _uri: None)
    again = pydicom.dcmread(path)
    for element in again:
        if element.tag >> 16 == 0x7FE0:
            continue
        if element.VR == "SQ":
            assert len(read[element.tag].value) == len(element.value)
        elif element.VR != "UN":
            assert read[element.tag].value == element.value, element.tag


def test_json_of_numbers_that_json_lacks(capsys, tmp_path):
    made = small()
    made.add_new(0x00189601, "FD", [float("nan"), float("inf"), -float("inf"), 1.5])
    made.add_new(0x00720083, "UV", [1, 1 << 60])
    made.add_new(0x00280030, "DS", "1.5")
    data = encoded(made).replace(b"1.5 ", b"1,5 ")
    (tmp_path / "a.dcm").write_bytes(data)
    text = run(capsys, tmp_path / "a.dcm", "--json")[1]
    data = json.loads(text, parse_constant=pytest.fail)["files"][0]["dataset"]
    assert data["00189601"]["Value"] == ["NaN", "inf", "-inf", 1.5]
    assert data["00720083"]["Value"] == [1, str(1 << 60)]
    assert data["00280030"]["Value"] == ["1,5"]


def test_json_of_what_was_asked_for_keeps_its_place(capsys, tmp_path):
    made = small()
    made.AnatomicRegionSequence.append(Dataset())
    path = save(made, tmp_path / "a.dcm")
    data = json.loads(run(capsys, path, "--json", "--tag", "CodeMeaning")[1])["files"][0]
    assert data["meta"] == {}
    assert data["dataset"] == {
        "00082218": {
            "vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["Chest"]}}, {}],
        }
    }  # fmt: skip


# -- several files, bad ones ----------------------------------------------------------------------


def test_several_files_go_on_behind_a_bad_one(capsys, tmp_path):
    good = save(small(), tmp_path / "good.dcm")
    bad = tmp_path / "bad\n\x1b[31m.dcm"
    bad.write_bytes(b"no DICOM at all")
    code, out, err = run(capsys, good, bad, good)
    assert code == 3
    assert out.count("PatientName") == 2
    assert err == f"Error: {tmp_path}/bad\\n\\x1b[31m.dcm: not a DICOM file [not-dicom]\n"
    code, out, err = run(capsys, good, bad, "--json")
    assert (code, err) == (3, "")
    parts = json.loads(out)["files"]
    assert parts[1] == {
        "file": str(bad), "error": {"code": "not-dicom", "message": "not a DICOM file"},
    }  # fmt: skip


def test_a_damaged_file_is_shown_up_to_the_damage(capsys, tmp_path):
    data = encoded(small())
    path = tmp_path / "cut.dcm"
    path.write_bytes(data[: data.index(b"SIEMENS CSA")])
    code, out, err = run(capsys, path)
    assert code == 3
    assert out.splitlines()[-2].startswith("(0028,0106) US")
    assert "an element claims more bytes than there are" in err
    assert "[bad-length]" in err
    code, out, _ = run(capsys, path, "--json")
    part = json.loads(out)["files"][0]
    assert code == 3
    assert part["error"]["code"] == "bad-length"
    assert "00280106" in part["dataset"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["/nowhere.dcm"], 2, "no such file: /nowhere.dcm [input-missing]"),
        ([], 2, "Missing argument 'FILE...'"),
        (["{tmp}"], 2, "is a folder; 'deident scan' looks into folders [usage]"),
        (["{file}", "--tag", "PatientNam"], 2, "did you mean PatientName? [unknown-tag]"),
        (["{file}", "--depth", "-1"], 2, "--depth"),
        (["{file}", "--max-value", "x"], 2, "--max-value"),
    ],
)
def test_wrong_calls_are_one_line(capsys, tmp_path, arguments, code, said):
    path = save(small(), tmp_path / "small.dcm")
    given_arguments = [text.format(tmp=tmp_path, file=path) for text in arguments]
    result, out, err = run(capsys, *given_arguments)
    assert (result, out) == (code, "")
    assert err.startswith("Error: ")
    assert said in err
    assert err.count("\n") == 1


def test_the_lenient_reading_is_said(capsys):
    code, out, _ = run(capsys, get_testdata_file("SC_rgb_jpeg.dcm"))
    assert code == 0
    assert "note: the strict reader refuses the file; the lenient one" in out
    _, out, _ = run(capsys, get_testdata_file("SC_rgb_jpeg.dcm"), "--json")
    part = json.loads(out)["files"][0]
    assert part["notes"] == ["lenient"]
    assert "BulkDataURI" not in out  # nothing lies where it did


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_reader_that_goes_away_is_told_nothing(tmp_path, flags):
    files = [str(save(ct(PEOPLE[0], n), tmp_path / f"{n}.dcm")) for n in range(20)]
    command = [sys.executable, "-m", "deident", "show", *files, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_odd_beginnings_are_said(capsys):
    _, out, _ = run(capsys, get_testdata_file("rtstruct.dcm"))
    assert out.count("\nnote: ") == 3


def test_colour_only_on_a_terminal_and_never_against_no_color(capsys, tmp_path, monkeypatch):
    path = save(small(), tmp_path / "small.dcm")
    assert "\x1b" not in run(capsys, path)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    painted = run(capsys, path)[1]
    assert "\x1b[36m" in painted
    assert "\x1b[31m" not in painted  # the one that the file asks for
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(capsys, path)[1]


# -- whatever is in there -------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(map(str, _WHEEL.glob("*.dcm"))), ids=os.path.basename)
def test_every_file_of_pydicom_is_shown_or_refused(capsys, path):
    code, out, err = run(capsys, path)
    assert code in (0, 3)
    assert bool(err) == (code == 3)
    assert all(char.isprintable() or char in "\n\u3000" for char in out)
    assert json.loads(run(capsys, path, "--json")[1])["files"][0]["file"] == path


_VALUES = st.one_of(
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
)
_TAGS = st.integers(0x00080020, 0x7FDFFFFF).filter(lambda tag: tag & 0xFFFF)
_PLAIN = st.dictionaries(_TAGS, st.tuples(st.sampled_from(sorted(set(RULES) - {"SQ"})), _VALUES))
_SETS = st.recursive(
    _PLAIN,
    lambda inner: st.dictionaries(_TAGS, st.tuples(st.just("SQ"), st.lists(inner, max_size=3))),
    max_leaves=6,
)


def _new(plain: dict[int, tuple[str, bytes | list[dict]]]) -> NewItems:
    return tuple(
        (tag, vr, tuple(map(_new, value)) if isinstance(value, list) else value)
        for tag, (vr, value) in plain.items()
    )


def _bytes_of(plain: dict[int, tuple[str, bytes | list[dict]]]) -> bytes:
    """A file in Explicit VR Little Endian that says it is in UTF-8."""
    body = data_set_bytes([(0x00080005, "CS", b"ISO_IR 192"), *_new(plain)], EXPLICIT_LE)
    return part10.build_meta("1.2.3", "1.2.4", "1.2.840.10008.1.2.1") + body


@given(_SETS, st.integers(0, 20))
def test_no_data_set_breaks_a_listing_or_reaches_the_terminal(tmp_path_factory, plain, longest):
    path = tmp_path_factory.mktemp("any") / "a.dcm"
    path.write_bytes(_bytes_of(plain))
    opened = open_readable(str(path))
    options = ViewOptions(longest=longest)
    with opened.file:
        listed = list(lines(opened, options))
        json.dumps(file_model(opened, options), allow_nan=False)
    for line in listed:
        assert all(c.isprintable() or c in "\u200c\u200d" or c.isspace() for c in line.value)
        assert not set("\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029") & set(line.value + line.name)


@given(st.data())
def test_no_damage_breaks_a_listing(tmp_path_factory, data):
    original = encoded(BUILDERS["ct"](PEOPLE[1], size=4))
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("any") / "a.dcm"
    path.write_bytes(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    assert main(["show", str(path)]) in (0, 3)
