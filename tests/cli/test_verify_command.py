"""`deident verify`: what it prints, its exit codes, and that no value is shown unasked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.make import PEOPLE, ct, report, save
from tests.program import Result, deident

ONE = PEOPLE[0]
Run = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, here: Run) -> Path:
    """`in`, and `out` made of it with the project `project`."""
    save(ct(ONE, 1), tmp_path / "in" / "1.dcm")
    save(report(ONE), tmp_path / "in" / "2.dcm")
    assert here("project", "init", tmp_path / "project").code == 0
    done = here("run", tmp_path / "in", "-o", tmp_path / "out", "--project", tmp_path / "project")
    assert done.code == 0
    return tmp_path


def first(place: Path) -> Path:
    return next(path for path in sorted((place / "out").rglob("*")) if path.is_file())


def change(path: Path, **values: object) -> None:
    data_set = dcmread(path)
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    data_set.save_as(path)


def test_clean_outputs(place: Path, here: Run) -> None:
    done = here("verify", place / "out")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "2 files: 2 DICOM instances",
        "",
        "Nothing that should not be there was found. Pixels were not looked at.",
    ]


def test_compared_with_originals_and_project(place: Path, here: Run) -> None:
    done = here("verify", place / "out", "--against", place / "in", "--project", place / "project")
    assert done.code == 0
    assert "identifiers of originals searched for, from 2 files" in done.out
    assert "Nothing that should not be there was found." in done.out


def test_a_leak_is_told_without_its_value(place: Path, here: Run) -> None:
    change(first(place), PatientName=ONE.name, ImageComments=f"see {ONE.patient_id}")
    done = here("verify", place / "out", "--against", place / "in")
    assert (done.code, done.err) == (4, "")
    lines = [line.split("  ") for line in done.out.splitlines() if line.startswith("!")]
    found = {(line[1 if line[0] == "! " else 0].lstrip("! "), line[-1]) for line in lines}
    assert any("PatientName: " in where for _, where in found)
    for secret in ("Hartwhistle", "hartwhistle", "Rosamund", ONE.patient_id):
        assert secret not in done.out
    details = here("verify", place / "out", "--against", place / "in", "--details")
    assert first(place).name in details.out
    assert "  certain  original-name  PatientName\n" in details.out
    assert ONE.patient_id not in details.out
    shown = here("verify", place / "out", "--against", place / "in", "--details", "--values")
    assert ONE.patient_id in shown.out


def test_the_project_knows_the_old_patient_id_and_uids(place: Path, here: Run) -> None:
    original = dcmread(place / "in" / "1.dcm")
    change(first(place), ReceiveCoilName=ONE.patient_id, PositionReferenceIndicator="x")
    change(first(place), DetectorDescription=str(original.StudyInstanceUID))
    codes = {
        entry["code"]
        for entry in here(
            "verify", place / "out", "--project", place / "project", "--json"
        ).summary["findings"]
    }
    assert codes >= {"original-patient-id", "original-uid"}


def test_json(place: Path, here: Run) -> None:
    change(first(place), PatientAddress="12 Ridgemoor Lane")
    done = here("verify", place / "out", "--json")
    assert done.code == 4
    assert done.summary["schema"] == 1
    assert (done.summary["files"], done.summary["instances"]) == (2, 2)
    [found] = [one for one in done.summary["findings"] if one["grade"] != "weak"]
    assert (found["code"], found["where"]) == ("patient", "PatientAddress")
    assert (found["times"], found["files"], done.summary["to_review"]) == (1, 1, 1)
    assert "reports" not in done.summary
    assert "Ridgemoor" not in done.out
    detailed = here("verify", place / "out", "--json", "--details", "--values").summary
    [entry] = detailed["reports"]
    assert entry["file"].endswith(first(place).name)
    assert entry["findings"] == [
        {
            "code": "patient",
            "grade": "likely",
            "where": "PatientAddress",
            "value": "12 Ridgemoor Lane",
        }
    ]


def test_weak_findings_are_counted_and_listed_when_asked_for(place: Path, here: Run) -> None:
    (place / "out" / "notes.txt").write_text("nothing")
    done = here("verify", place / "out")
    assert done.code == 0
    assert "  1 not DICOM: text 1\n" in done.out
    assert "1 weak finding, most of them harmless; --weak lists them." in done.out
    assert "not-dicom" not in done.out
    weak = here("verify", place / "out", "--weak", "--details")
    assert "  weak     not-dicom  file\n" in weak.out


def test_a_name_that_identifies_is_hidden(place: Path, here: Run) -> None:
    first(place).rename(place / "out" / "Hartwhistle^Rosamund.dcm")
    done = here("verify", place / "out", "--details")
    assert done.code == 4
    assert "file 1 (its name may identify somebody)\n" in done.out
    assert "Hartwhistle" not in done.out
    assert "Hartwhistle" in here("verify", place / "out", "--details", "--values").out


def test_what_cannot_be_read_ends_with_3(place: Path, here: Run) -> None:
    for path in (place / "out").rglob("*.dcm"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1000])  # of the report that cuts off the markers too
        done = here("verify", place / "out")
        assert done.code == 3
        assert "1 unreadable: " in done.out
        assert "not-marked" not in done.out
        path.write_bytes(whole)


def test_an_original_that_cannot_be_read_ends_with_3(place: Path, here: Run) -> None:
    path = place / "in" / "1.dcm"
    path.write_bytes(path.read_bytes()[:-1000])
    done = here("verify", place / "out", "--against", place / "in")
    assert done.code == 3
    assert "1 originals unreadable: " in done.out


def test_nothing_to_look_at_ends_with_5(tmp_path: Path, here: Run) -> None:
    assert here("verify", tmp_path).code == 5


def test_a_file_alone(place: Path, here: Run) -> None:
    assert here("verify", first(place), "--against", place / "in" / "1.dcm").code == 0


def test_links_are_followed_when_asked_for(place: Path, here: Run) -> None:
    shutil.move(place / "out", place / "elsewhere")
    (place / "out").mkdir()
    (place / "out" / "link").symlink_to(place / "elsewhere")
    closed = here("verify", place / "out")
    assert closed.code == 5
    assert "1 not opened: " in closed.out
    assert here("verify", place / "out", "--follow-symlinks").code == 0


@pytest.mark.skipif("os.getuid() == 0", reason="root may read everything")
def test_what_the_system_keeps_back(place: Path, here: Run) -> None:
    first(place).chmod(0)
    done = here("verify", place / "out", "--against", place / "in")
    assert done.code == 3
    assert "1 unreadable: the operating system refused to read the file" in done.out


def test_outputs_stay_as_they_are(place: Path, here: Run) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    here("verify", place / "out", "--against", place / "in", "--project", place / "project")
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_in_a_process_of_its_own(place: Path) -> None:
    done = deident("verify", place / "out", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["to_review"] == 0
