"""`deident scan`: counts, risks, what is left out, and that nothing identifying is printed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from deident.app.risks import RISKS
from deident.app.scanning import MODALITIES, kind_of, scan
from deident.cli.main import main
from deident.endpoints.sources import Found
from tests.make import BUILDERS, PEOPLE, ct, document, encoded, mr, report, save, ultrasound_cine

ONE, OTHER = PEOPLE[0], PEOPLE[1]


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["scan", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def scanned(capsys, *arguments: object) -> dict:
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def risks(capsys, tmp_path: Path, made: FileDataset) -> set[str]:
    save(made, tmp_path / "one" / "a.dcm")
    return {risk["code"] for risk in scanned(capsys, tmp_path / "one")["risks"]}


@pytest.fixture
def archive(tmp_path) -> Path:
    """Two patients: one with two studies of three series, one with one."""
    for number in (1, 2, 3):
        save(ct(ONE, number), tmp_path / f"in/a/ct{number}.dcm")
    save(mr(ONE, 1, study=2), tmp_path / "in/a/mr.dcm")
    save(report(ONE), tmp_path / "in/a/sr.dcm")
    save(ct(OTHER, 1), tmp_path / "in/b/ct.dcm")
    (tmp_path / "in/b/letter.pdf").write_bytes(b"%PDF-1.7 Hartwhistle")
    (tmp_path / "in/notes.txt").write_text("call 555 7037")
    (tmp_path / "in/nothing").write_bytes(b"")
    return tmp_path / "in"


GOLDEN = """\
9 files: 6 DICOM instances
  3 not DICOM: PDF 1, empty 1, text 1
2 patients, 3 studies, 4 series, 5 frames, SIZE

  MODALITY  SERIES  INSTANCES  FRAMES  SIZE  SOP CLASS
Patient 1  CT MR SR  3  5  4  SIZE
  Study 1.1  CT SR  2  4  3  SIZE  CT Image Storage, Basic Text SR Storage
  Study 1.2  MR  1  1  1  SIZE  MR Image Storage
Patient 2  CT  1  1  1  SIZE
  Study 2.1  CT  1  1  1  SIZE  CT Image Storage

TRANSFER SYNTAX  INSTANCES
Explicit VR Little Endian  6

CHARACTER SET  INSTANCES
none  5
ISO_IR 100  1

"""


def test_a_small_archive(capsys, archive):
    code, out, err = run(capsys, archive)
    assert (code, err) == (0, "")
    squeezed = re.sub(r"\b[0-9.]+ k?B\b", "SIZE", re.sub(r" {2,}", "  ", out))
    assert squeezed[: len(GOLDEN)] == GOLDEN
    assert "! face  1  in 1.2.1\n" in out
    assert "· report  1  in 1.1.2\n" in out
    assert "· private  5  in 1.1.1, 1.2.1, 2.1.1\n" in out


@pytest.mark.parametrize(
    ("level", "labels"),
    [
        ("patient", ["Patient 1", "Patient 2"]),
        ("series", ["Patient 1", "Study 1.1", "Series 1.1.1", "Series 1.1.2", "Study 1.2"]),
    ],
)
def test_the_table_goes_as_far_as_asked(capsys, archive, level, labels):
    rows = [line.strip() for line in run(capsys, archive, "--by", level)[1].splitlines()[5:]]
    for row, label in zip(rows, labels, strict=False):
        assert row.startswith(label + "  ")


def test_json_counts_add_up(capsys, archive):
    whole = scanned(capsys, archive, "--by", "series")
    assert whole["schema"] == 1
    assert (whole["files"], whole["instances"], whole["series"]) == (9, 6, 4)
    assert whole["not_dicom"] == {"PDF": 1, "empty": 1, "text": 1}
    assert whole["modalities"] == {"CT": 4, "MR": 1, "SR": 1}
    studies = [study for patient in whole["patients"] for study in patient["studies"]]
    series = [one for study in studies for one in study["series_list"]]
    for level in (whole["patients"], studies, series):
        for key in ("instances", "frames", "size", "series"):
            assert sum(one[key] for one in level) == whole[key]
    files = [path for path in archive.rglob("*.dcm")]
    assert whole["size"] == sum(path.stat().st_size for path in files)
    assert all(risk["text"] and risk["advice"] for risk in whole["risks"])


def test_nothing_identifying_is_printed_unless_asked_for(capsys, tmp_path):
    for person in PEOPLE:
        for name, builder in BUILDERS.items():
            save(builder(person), tmp_path / f"in/{person.number}/{name}.dcm")
    spoken = [run(capsys, tmp_path / "in", "--by", "series", *more) for more in ([], ["--json"])]
    for code, out, err in spoken:
        assert code == 0
        for person in PEOPLE:
            for needle in person.needles():
                assert needle not in (out + err).encode()
    _, out, _ = run(capsys, tmp_path / "in", "--by", "series", "--values")
    assert f"Patient 1  {ONE.patient_id}  {ONE.name}  {ONE.birth_date}" in out
    assert "THORAX 1.25" in out
    first = scanned(capsys, tmp_path / "in/1", "--values")["patients"][0]
    assert first["PatientName"] == ONE.name
    assert first["studies"][0]["StudyInstanceUID"].startswith(ONE.uid_root)


def test_modalities_and_classes_that_are_none_are_not_printed(capsys, tmp_path):
    made = ct(ONE)
    made.Modality = "HARTWHISTLE"
    made.SOPClassUID = f"{ONE.uid_root}.5"
    made.SpecificCharacterSet = "ISO_IR 100"
    data = encoded(made).replace(b"ISO_IR 100", b"ROSAMUNDE ")
    (tmp_path / "a.dcm").write_bytes(data)
    _, out, _ = run(capsys, tmp_path / "a.dcm")
    assert "HARTWHISTLE" not in out
    assert "ROSAMUND" not in out
    assert ONE.uid_root not in out
    assert "private SOP class" in out
    assert "! private-class  1" in out


# -- risks ----------------------------------------------------------------------------------------


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda made: setattr(made, keyword, value)


def _add(tag: int, vr: str, value: object) -> Callable[[Dataset], None]:
    return lambda made: made.add_new(tag, vr, value)


CASES: dict[str, tuple[str, list[Callable[[Dataset], None]]]] = {
    "burned-in": ("ct", [_set("BurnedInAnnotation", "YES")]),
    "text-likely": ("ultrasound", []),
    "text-likely sc": ("ct", [_set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7.4")]),
    "text-likely scan": ("ct", [_set("ConversionType", "SD")]),
    "derived-secondary": ("ct", [_set("ImageType", ["DERIVED", "SECONDARY", "AXIAL"])]),
    "dose-sheet": ("ct", [_set("SeriesDescription", "Dose Report")]),
    "dose-sheet type": ("ct", [_set("ImageType", ["DERIVED", "SECONDARY", "DOSE_INFO"])]),
    "localizer": ("ct", [_set("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"])]),
    "face": ("mr", []),
    "face text": ("pet", [_set("SeriesDescription", "PET_Head_AC"), _set("BodyPartExamined", "")]),
    "face said": ("ct", [_set("RecognizableVisualFeatures", "YES")]),
    "photo": ("mammography", [_set("SOPClassUID", "1.2.840.10008.5.1.4.1.1.77.1.4")]),
    "slide-label": ("ct", [_set("ImageType", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"])]),
    "slide-label said": ("ct", [_set("SpecimenLabelInImage", "YES")]),
    "overlay": ("ct", [_add(0x60020010, "US", 4), _add(0x60023000, "OW", bytes(2))]),
    "overlay-in-pixels": ("ct", [_add(0x60000100, "US", 16), _add(0x60000102, "US", 12)]),
    "curve": ("ct", [_add(0x50003000, "OW", bytes(4))]),
    "report": ("report", []),
    "document": ("document", []),
    "graphics": ("presentation-state", []),
    "private-class": ("ct", [_set("SOPClassUID", "1.3.46.670589.5.0.1.1")]),
    "private": ("ct", []),
    "private-unknown": ("ct", []),  # MODELWORKS NOTES
    "private-orphan": ("ct", [_add(0x00331001, "LO", "whose")]),
    "no-patient-id": ("ct", [_set("PatientID", "")]),
    "no-study-uid": ("ct", [_set("StudyInstanceUID", "")]),
    "already-deidentified": ("ct", [_set("PatientIdentityRemoved", "YES")]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_risk_is_told(capsys, tmp_path, case):
    builder, changes = CASES[case]
    code = case.split()[0]
    made = BUILDERS[builder](ONE)
    for change in changes:
        change(made)
    assert code in risks(capsys, tmp_path, made)


# what of CASES is not yet in an unchanged CT of a chest
@pytest.mark.parametrize(
    "code", sorted({case.split()[0] for case in CASES} - {"private", "private-unknown"})
)
def test_no_risk_is_told_without_reason(capsys, tmp_path, code):
    assert code not in risks(capsys, tmp_path, ct(ONE))


def test_images_that_say_they_have_no_text_are_believed(capsys, tmp_path):
    made = ultrasound_cine(ONE, [b"\xff\xd8\xff\xd9"], rows=64, columns=64)
    made.BurnedInAnnotation = "NO"
    assert not {"burned-in", "text-likely"} & risks(capsys, tmp_path, made)


def test_text_in_no_declared_set(capsys, tmp_path):
    made = ct(ONE)
    made.PatientComments = "MARK"
    data = encoded(made)
    (tmp_path / "a.dcm").write_bytes(data.replace(b"MARK", "Mü".encode() + b" "))
    found = {risk["code"] for risk in scanned(capsys, tmp_path / "a.dcm")["risks"]}
    assert "undeclared-text" in found
    made.SpecificCharacterSet = "ISO_IR 192"
    (tmp_path / "a.dcm").write_bytes(encoded(made).replace(b"MARK", b"M\xfcR "))
    found = {risk["code"] for risk in scanned(capsys, tmp_path / "a.dcm")["risks"]}
    assert "undecodable-text" in found
    assert "undeclared-text" not in found


@pytest.mark.parametrize("person", PEOPLE[1:], ids=lambda person: person.script)
def test_text_in_a_declared_set_is_no_risk(capsys, tmp_path, person):
    found = risks(capsys, tmp_path, ct(person))
    assert not {"undeclared-text", "undecodable-text"} & found


def test_mixed_up_patients(capsys, tmp_path):
    first, second, third = ct(ONE, 1), ct(ONE, 2), ct(ONE, 3, study=2)
    second.PatientID = "typo"
    third.PatientID = "typo"
    for number, made in enumerate((first, second, third)):
        save(made, tmp_path / f"in/{number}.dcm")
    told = {risk["code"]: risk for risk in scanned(capsys, tmp_path / "in")["risks"]}
    assert told["mixed-patients"]["where"] == ["1 and 2"]
    assert told["several-ids"]["where"] == ["1 and 2"]


def test_patients_without_an_id_are_told_by_their_study(capsys, tmp_path):
    for study in (1, 2):
        made = ct(ONE, study=study)
        made.PatientID = ""
        save(made, tmp_path / f"in/{study}.dcm")
    assert len(scanned(capsys, tmp_path / "in")["patients"]) == 2


def test_the_issuer_tells_patients_apart(capsys, tmp_path):
    one, other = ct(ONE), mr(ONE)
    other.IssuerOfPatientID = "elsewhere"
    save(one, tmp_path / "in/1.dcm")
    save(other, tmp_path / "in/2.dcm")
    assert len(scanned(capsys, tmp_path / "in")["patients"]) == 2


def test_duplicates_are_counted_once_each(capsys, tmp_path):
    for number in range(4):
        save(ct(ONE, number % 3), tmp_path / f"in/{number}.dcm")
    told = {risk["code"]: risk["count"] for risk in scanned(capsys, tmp_path / "in")["risks"]}
    assert told["duplicate"] == 1


def test_every_risk_has_its_words_and_a_case():
    beyond_one_file = {"mixed-patients", "several-ids", "duplicate", "dicomdir", "odd-file"}
    text = {"undeclared-text", "undecodable-text"}
    assert set(RISKS) == {case.split()[0] for case in CASES} | beyond_one_file | text
    assert all(risk.text.endswith(".") and risk.advice.endswith(".") for risk in RISKS.values())


# -- what is no instance --------------------------------------------------------------------------


def test_unreadable_files_are_counted_by_code_and_named_on_request(capsys, tmp_path):
    folder = tmp_path / "in"
    save(ct(ONE), folder / "a.dcm")
    cut = encoded(ct(ONE, 2))[:1500]
    (folder / "cut\nname\x1b[1m.dcm").write_bytes(cut)
    (folder / "odd.zip").write_bytes(b"PK\3\4")
    code, out, err = run(capsys, folder)
    assert code == 3
    assert err == ""
    assert "1 unreadable: an element claims more bytes than there are [bad-length]" in out
    assert "name" not in out
    code, out, err = run(capsys, folder, "-v")
    cut = "an element claims more bytes than there are [bad-length]"
    assert err.splitlines() == [
        f"{folder}/cut\\nname\\x1b[1m.dcm: {cut}",
        f"{folder}/odd.zip: not a DICOM file (ZIP) [not-dicom]",
    ]
    code, out, _ = run(capsys, folder, "-v", "--json")
    assert code == 3
    assert json.loads(out)["left_out"][1] == {
        "path": str(folder / "odd.zip"), "code": "not-dicom", "kind": "ZIP",
    }  # fmt: skip


def test_links_and_pipes_are_not_opened(capsys, tmp_path):
    folder = tmp_path / "in"
    save(ct(ONE), folder / "a.dcm")
    (folder / "link.dcm").symlink_to(folder / "a.dcm")
    os.mkfifo(folder / "pipe")
    whole = scanned(capsys, folder)
    assert whole["not_opened"] == {"special-file": 1, "symlink": 1}
    assert whole["instances"] == 1
    assert scanned(capsys, folder, "--follow-symlinks")["instances"] == 2


def test_a_folder_that_cannot_be_listed_counts_as_unreadable():
    found = [Found("/a", 1, "folder-unreadable"), Found("/b", 1, "symlink")]
    summary = scan(found)
    assert summary.unreadable == {"folder-unreadable": 1}
    assert summary.not_opened == {"symlink": 1}


def test_a_dicomdir_is_no_instance(capsys, tmp_path):
    folder = Path(get_testdata_file("CT_small.dcm", download=False)).parent / "dicomdirtests"
    shutil.copy(folder / "DICOMDIR", tmp_path)  # named by itself it would stand for its files
    whole = scanned(capsys, tmp_path, folder / "98892001")
    assert whole["dicomdir"] == 1
    assert whole["instances"] == sum(
        1 for path in (folder / "98892001").rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["/nowhere"], 2, "no such file or folder: /nowhere [input-missing]"),
        ([], 2, "Missing argument 'PATH...'"),
        (["{tmp}", "--by", "frame"], 2, "'frame' is not one of"),
    ],
)
def test_wrong_calls_are_one_line(capsys, tmp_path, arguments, code, said):
    result, out, err = run(capsys, *[text.format(tmp=tmp_path) for text in arguments])
    assert (result, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_nothing_found_is_told_by_the_exit_code(capsys, tmp_path):
    code, out, _ = run(capsys, tmp_path)
    assert code == 5
    assert out == "0 files: 0 DICOM instances\n"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.4", "PDF"), (b"\xff\xd8\xff\xe0", "JPEG"), (b"<?xml version", "XML"),
        (b"\xef\xbb\xbf<!DOCTYPE HTML>", "HTML"), (b' {"a": 1}', "JSON"), (b"hello", "text"),
        (bytes(344) + b"n+1\0", "NIfTI"), (b"\0\1\2", "other"), (b"PK\3\4", "ZIP"),
    ],
)  # fmt: skip
def test_kinds_of_other_files(tmp_path, head, kind):
    (tmp_path / "a").write_bytes(head)
    assert kind_of(str(tmp_path / "a")) == kind


def test_modalities_are_code_strings():
    assert all(term.isascii() and term.isupper() and len(term) <= 16 for term in MODALITIES)
    assert {"CT", "MR", "US", "RTSTRUCT", "SM"} <= MODALITIES


@pytest.mark.samples
def test_every_sample_is_scanned(capsys, samples):
    code, out, err = run(capsys, samples, "--json")
    whole = json.loads(out)
    assert (code, err) == (3, "")
    left = whole["not_dicom"], whole["unreadable"], whole["not_opened"]
    assert whole["instances"] > 250
    assert whole["files"] == whole["instances"] + whole["dicomdir"] + sum(
        sum(counts.values()) for counts in left
    )


@given(st.data())
def test_no_damage_breaks_a_scan(tmp_path_factory, data):
    damaged = bytearray(encoded(document(OTHER)))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("any") / "a.dcm"
    path.write_bytes(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    assert main(["scan", str(path)]) in (0, 3, 5)


def test_compressed_frames_are_counted(capsys, tmp_path):
    made = ct(ONE)
    made.NumberOfFrames = 3
    made.PixelData = encapsulate([b"\xff\xd8\xff\xd9"] * 3)
    made["PixelData"].is_undefined_length = True
    save(made, tmp_path / "a.dcm", JPEGBaseline8Bit)
    whole = scanned(capsys, tmp_path / "a.dcm")
    assert whole["frames"] == 3
    assert whole["syntaxes"] == {"JPEG Baseline (Process 1)": 1}
