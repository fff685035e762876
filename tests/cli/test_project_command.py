"""`deident project`: init, info, mapping, quarantine."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from deident.app.mappings import Export, Mapping, Mappings, export
from deident.store import database
from deident.store.journal import Books, JournalWriter, Opening
from deident.store.project import open_project

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
    nowhere = Mappings("/nowhere", Mapping(), mapping, frozenset(), frozenset())
    export([Export(mapping, str(tmp_path / "m.csv"))], nowhere)
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        head, *pairs = csv.reader(file)
    assert head == ["id_old", "id_new"]
    assert {old for old, _ in pairs} == set(odd)
    assert pairs == sorted(pairs)
    assert len(pairs) == len(odd) + 1


def test_a_mapping_that_cannot_be_written(ran: Path, tmp_path: Path, here: Any) -> None:
    result = here("project", "mapping", ran, "--uids", tmp_path / "nothing" / "u.csv")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "nothing/u.csv: No such file or directory" in result.err
    assert result.err.endswith("[output-unwritable]\n")


MISPLACED = [
    (["--uids", "folder"], "not-replaced", "folder is a folder; name a file in it"),
    (["--uids", "out/u.csv"], "mapping-misplaced", "the mapping out/u.csv would lie inside"),
    (["--uids", "out-link/u.csv"], "mapping-misplaced", "inside the output folder"),
    (["--uids", "in/u.csv"], "mapping-misplaced", "inside the input"),
    (["--patients", "in/CT_small.dcm"], "mapping-misplaced", "inside the input"),
    (["--uids", "elsewhere.dcm"], "not-replaced", "elsewhere.dcm is not an earlier export"),
    (["--uids", "out.deident-project/key"], "not-replaced", "key is not an earlier export"),
    (["--uids", "out.deident-project/runs/u"], "mapping-misplaced", "inside the project's books"),
    (["--uids", "a.csv", "--patients", "a.csv"], "usage", "two mappings cannot go into one file"),
    (["--uids", "a.csv", "--patients", "./folder/../a.csv"], "usage", "one file"),
    (["--patients", "uids.csv"], "not-replaced", "uids.csv is not an earlier export"),
    (["--uids", "new.csv", "--patients", "uids.csv"], "not-replaced", "uids.csv is not"),
    (["--uids", "uids-link.csv"], "not-replaced", "uids-link.csv is not an earlier export"),
    (["--uids", "dangling"], "not-replaced", "dangling is not an earlier export"),
    (["--uids", "table.csv"], "not-replaced", "table.csv is not an earlier export"),
    (["--uids", "empty.csv"], "not-replaced", "empty.csv is not an earlier export"),
    (["--uids", "/dev/null"], "not-replaced", "/dev/null is not an earlier export"),
    (["--uids", "new.csv", "--patients", "nothing/p.csv"], "output-unwritable", "nothing/p.csv"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), MISPLACED, ids=lambda value: str(value))
def test_a_mapping_goes_nowhere_it_could_do_harm(
    arguments: list[str],
    code: str,
    words: str,
    ran: Path,
    tmp_path: Path,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("out-link").symlink_to("out")
    shutil.copy("in/CT_small.dcm", "elsewhere.dcm")
    assert here("project", "mapping", ran, "--uids", "uids.csv").code == 0
    Path("uids-link.csv").symlink_to("uids.csv")
    Path("dangling").symlink_to("nothing-there")
    Path("table.csv").write_text("id_old,id_new\nmine,important\n")
    Path("empty.csv").touch()
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = here("project", "mapping", ran, *arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert words in result.err
    assert result.err.endswith(f"[{code}]\n")
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_mapping_may_lie_beside_the_key_and_have_a_long_name(
    ran: Path, tmp_path: Path, here: Any
) -> None:
    assert here("project", "mapping", ran, "--uids", ran / "uids.csv").code == 0
    assert here("project", "mapping", ran, "--uids", tmp_path / ("u" * 255)).code == 0


def change(project: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(project / database.NAME) as connection:
        connection.execute(statement, values)


def test_a_damaged_journal_is_told(ran: Path, tmp_path: Path, here: Any) -> None:
    change(ran, "UPDATE frame SET sealed = zeroblob(90) WHERE number = 0")
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert result.code == 1
    assert f"is damaged, or of another project's key: {ran}/{database.NAME}" in result.err
    assert result.err.endswith("[journal-damaged]\n")
    assert not (tmp_path / "u.csv").exists()
    change(ran, "DELETE FROM frame")
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert (result.code, "the journal is cut short" in result.err) == (1, True)
    Path(ran, database.NAME).write_bytes(b"no database" * 100)
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert (result.code, result.err.endswith("[journal-damaged]\n")) == (1, True)
    Path(ran, database.NAME).unlink()  # nothing to compare with a run's summary any more
    shutil.rmtree(ran / "runs")


def test_a_run_that_has_not_come_to_its_end_is_told(ran: Path, tmp_path: Path, here: Any) -> None:
    project = open_project(str(ran))
    (finished,) = Books(project).runs()
    opening = next(Books(project).entries(finished.name))
    assert isinstance(opening, Opening)
    name = "20200101T000000Z-00000000"
    JournalWriter(project, name, opening).flush()
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert result.code == 4
    assert f"run {name} has not come to its end; deident run --resume completes it" in result.err
    assert here("run", tmp_path / "in", "-o", tmp_path / "out", "--resume", "-q").code == 3
    result = here("project", "mapping", ran, "--uids", tmp_path / "u.csv")
    assert (result.code, result.err) == (0, "")


def test_identities_are_not_printed(ran: Path, here: Any) -> None:
    for option in ("--uids", "--patients"):
        result = here("project", "mapping", ran, option, "-")
        assert (result.code, result.out) == (2, "")
        assert "only written to files" in result.err


def test_damaged_books_are_told(ran: Path, here: Any) -> None:
    (summary,) = ran.glob("runs/*/summary.json")
    (entry,) = ran.glob("quarantine/*/*.json")
    whole = summary.read_text(), entry.read_text()
    summary.write_text("{")
    assert "summary damaged" in here("project", "info", ran).out
    entry.write_text("{}")
    result = here("project", "quarantine", ran)
    assert result.code == 1
    assert result.err == (
        f"Error: an entry of the quarantine cannot be read: {entry} [quarantine-damaged]\n"
    )
    summary.write_text(whole[0])
    entry.write_text(whole[1])


def test_a_missing_project_is_answered_with_how_to_make_one(tmp_path: Path, here: Any) -> None:
    for arguments in (
        ("run", get_testdata_file("CT_small.dcm"), "-o", tmp_path / "out", "--project"),
        ("project", "info"),
    ):
        result = here(*arguments, tmp_path / "TRIAL")
        assert result.code == 2
        assert f"deident project init {tmp_path}/TRIAL makes one" in result.err


def test_a_project_that_takes_no_run_is_told_before_anything_is_made(
    tmp_path: Path, here: Any
) -> None:
    here("project", "init", tmp_path / "p")
    (tmp_path / "p" / "runs").rmdir()
    (tmp_path / "p" / "runs").touch()
    source = get_testdata_file("CT_small.dcm")
    result = here("run", source, "-o", tmp_path / "out", "--project", tmp_path / "p")
    assert result.code == 2
    assert result.err == (
        f"Error: the project folder cannot be written: {tmp_path}/p: Not a directory "
        "[output-unwritable]\n"
    )
    assert not (tmp_path / "out").exists()


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
