"""`deident project`: init, info, mapping, quarantine."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from deident.app.projects import Mapping, write_mapping

FILES = ("CT_small.dcm", "MR_small.dcm")


@pytest.fixture
def ran(tmp_path: Path, here: Any) -> Path:
    """A project with one run: two instances written, one quarantined, one left out."""
    (tmp_path / "in").mkdir()
    for name in FILES:
        shutil.copy(str(get_testdata_file(name)), tmp_path / "in" / name)
    (tmp_path / "in" / "empty.dcm").touch()
    (tmp_path / "in" / "notes.txt").write_text("This is no DICOM file.")
    assert here("run", tmp_path / "in", "-o", tmp_path / "out", "-q").code == 3
    return tmp_path / "out.deident-project"


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_init_and_info(tmp_path: Path, here: Any) -> None:
    made = here("project", "init", tmp_path / "p")
    assert made.code == 0
    assert str(tmp_path / "p") in made.out
    shown = json.loads(here("project", "info", tmp_path / "p", "--json").out)
    assert shown["runs"] == []
    assert shown["key"] in made.out
    assert (tmp_path / "p" / "key").read_text().strip() not in made.out
    assert here("project", "init", tmp_path / "p").code == 2


def test_info_lists_runs(ran: Path, here: Any) -> None:
    text = here("project", "info", ran).out
    assert "profile   basic" in text
    (run,) = json.loads(here("project", "info", ran, "--json").out)["runs"]
    assert (run["state"], run["found"], run["written"]) == ("complete", 4, 2)
    assert run["run"] in text
    (ran / "runs" / run["run"] / "summary.json").unlink()
    assert "unfinished" in here("project", "info", ran).out


def test_mapping_names_every_uid_and_patient(ran: Path, tmp_path: Path, here: Any) -> None:
    uids, patients = tmp_path / "uid_map.csv", tmp_path / "patid_map.csv"
    result = here("project", "mapping", ran, "--uids", uids, "--patients", patients)
    assert (result.code, result.err) == (0, "")
    (head, *pairs), (patients_head, *patient_pairs) = rows(uids), rows(patients)
    assert head == patients_head == ["id_old", "id_new"]
    mapped, mapped_patients = dict(pairs), dict(patient_pairs)
    assert len(mapped) == len(pairs)
    written = {
        str(dcmread(path).SOPInstanceUID): path for path in (tmp_path / "out").rglob("*.dcm")
    }
    for name in FILES:
        old = dcmread(tmp_path / "in" / name)
        new = dcmread(written[mapped[old.SOPInstanceUID]])
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            assert mapped[old[keyword].value] == new[keyword].value
        assert mapped_patients[old.PatientID] == new.PatientID
    for path in (uids, patients):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_mapping_can_be_written_again(ran: Path, tmp_path: Path, here: Any) -> None:
    for _ in range(2):
        here("run", tmp_path / "in", "-o", tmp_path / "out", "-q")
        assert here("project", "mapping", ran, "--uids", tmp_path / "u.csv").code == 0
    assert len({old for old, _ in rows(tmp_path / "u.csv")}) == len(rows(tmp_path / "u.csv"))
    assert not (tmp_path / "patid_map.csv").exists()


def test_conflicts_are_reported(ran: Path, tmp_path: Path, here: Any) -> None:
    profile = tmp_path / "other.yaml"
    profile.write_text('format: 1\nname: other\nextends: basic\nuid-root: "1.2.3"\n')
    before = here("project", "mapping", ran, "--uids", tmp_path / "before.csv")
    assert before.code == 0
    arguments = ("--project", ran, "--profile", profile, "-q")
    here("run", tmp_path / "in", "-o", tmp_path / "other", *arguments)
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert result.code == 4
    assert "UIDs have more than one new identity" in result.err
    assert len(rows(tmp_path / "u.csv")) == 2 * len(rows(tmp_path / "before.csv")) - 1


def test_values_stand_as_they_are(tmp_path: Path) -> None:
    mapping = Mapping()
    odd = ['=cmd|" /C calc"!A0', "+1", "a,b", 'q"q', "Müller", "two\nlines", "\udcff"]
    mapping.add([(value, f"new {number}") for number, value in enumerate(odd)])
    mapping.add([("", "nobody"), ("+1", "another")])
    assert mapping.conflicts == {("+1", "another")}
    write_mapping(mapping, str(tmp_path / "m.csv"))
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        head, *pairs = csv.reader(file)
    assert head == ["id_old", "id_new"]
    assert {old for old, _ in pairs} == set(odd)
    assert pairs == sorted(pairs)
    assert len(pairs) == len(odd) + 1


def test_a_mapping_that_cannot_be_written(ran: Path, tmp_path: Path, here: Any) -> None:
    result = here("project", "mapping", ran, "--uids", tmp_path / "nothing" / "u.csv")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert result.err.endswith("[write-failed]\n")


def test_a_damaged_journal_is_told(ran: Path, tmp_path: Path, here: Any) -> None:
    (journal,) = ran.glob("runs/*/journal")
    content = journal.read_bytes()
    journal.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert result.code == 1
    assert result.err.endswith("[journal-damaged]\n")
    assert not (tmp_path / "u.csv").exists()
    journal.write_bytes(content)
    assert here("project", "mapping", ran, "--uids", tmp_path / "u.csv").code == 0


def test_the_quarantine_is_listed(ran: Path, tmp_path: Path, here: Any) -> None:
    (entry,) = json.loads(here("project", "quarantine", ran, "--json").out)["quarantine"]
    assert (entry["code"], entry["path"]) == ("empty-file", "")
    assert entry["reason"]
    assert entry["advice"]
    text = here("project", "quarantine", ran).out
    assert "empty-file" in text
    assert "empty.dcm" not in text
    assert "empty.dcm" in here("project", "quarantine", ran, "--show-paths").out


def test_an_empty_quarantine(tmp_path: Path, here: Any) -> None:
    here("project", "init", tmp_path / "p")
    assert here("project", "quarantine", tmp_path / "p").out == "nothing is in quarantine\n"
