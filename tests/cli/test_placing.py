"""Where outputs go: beside originals, in their place, in folders called after paths."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.gate import Gate
from tests.program import command

FILES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")
IN_PLACE = ("--in-place", "--safety-copies")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    for number, name in enumerate(FILES):
        (folder / f"series{number % 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(str(get_testdata_file(name)), folder / f"series{number % 2}" / name)
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "bad.dcm").write_bytes((folder / "series0" / FILES[0]).read_bytes()[:3000])
    os.utime(folder / "series0" / FILES[0], ns=(10**18, 10**18 + 7))
    (folder / "series0" / FILES[0]).chmod(0o640)
    return folder


def tree(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, permissions and time of every file."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def last_run(project: Path, here: Any) -> str:
    runs: list[dict[str, str]] = json.loads(here("runs", "list", project, "--json").out)["runs"]
    return runs[-1]["name"]


# -- suffix -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--suffix", ".anonym"], "CT_small.dcm.anonym"),
        (["--suffix", "_c.dcm", "--suffix-replaces"], "CT_small_c.dcm"),
    ],
)
def test_outputs_beside_their_originals(
    study: Path, here: Any, words: list[str], name: str
) -> None:
    before = tree(study)
    result = here("run", study, *words)
    assert result.code == 3
    assert result.err == f"new project: {study}.deident-project\n"
    after = tree(study)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 3
    new = dcmread(study / "series0" / name)
    assert new.PatientIdentityRemoved == "YES"
    again = here("run", study, *words, "--json")
    summary = json.loads(again.out)
    assert (summary["written"], summary["skipped"]) == (
        0, {"duplicate": 3, "not-dicom": 1, "own-output": 3}
    )  # fmt: skip
    assert tree(study) == after


def test_another_output_beside_an_original_is_not_replaced(study: Path, here: Any) -> None:
    there = study / "series0" / "CT_small.dcm.anonym"
    there.write_text("somebody else's")
    result = here("run", study, "--suffix", ".anonym", "--json")
    summary = json.loads(result.out)
    assert (summary["written"], summary["collisions"]) == (3, 1)
    assert there.read_text() == "somebody else's"
    assert (study / "series0" / "CT_small.dcm_2.anonym").exists()


def test_undo_of_outputs_beside_originals(study: Path, here: Any) -> None:
    before = tree(study)
    here("run", study, "--suffix", ".anonym")
    project = study.with_name("study.deident-project")
    assert here("runs", "undo", project, last_run(project, here)).code == 0
    assert tree(study) == before


# -- in place -----------------------------------------------------------------------------------


def test_in_place_replaces_and_undo_restores_bit_for_bit(study: Path, here: Any) -> None:
    before = tree(study)
    result = here("run", study, *IN_PLACE)
    assert (result.code, "3 written" in result.out) == (3, True)
    after = tree(study)
    assert set(after) == set(before)
    for name in FILES:
        (path,) = study.rglob(name)
        assert dcmread(path).PatientIdentityRemoved == "YES"
        key = str(path.relative_to(study))
        assert after[key][1] == before[key][1]
    for name in ("notes.txt", "bad.dcm"):
        assert after[name] == before[name]
    project = study.with_name("study.deident-project")
    run = last_run(project, here)
    for copy in (project / "safety" / run).iterdir():
        assert copy.stat().st_mode & 0o777 == 0o600
        assert b"CompressedSamples" not in copy.read_bytes()
    undone = here("runs", "undo", project, run)
    assert (undone.code, "3 originals restored" in undone.out) == (0, True)
    assert tree(study) == before
    assert not (project / "safety" / run).exists()


def test_in_place_never_takes_an_output_for_an_original(study: Path, here: Any) -> None:
    here("run", study, *IN_PLACE)
    after = tree(study)
    again = json.loads(here("run", study, *IN_PLACE, "--json").out)
    assert (again["written"], again["skipped"]["resumed"]) == (0, 3)
    assert tree(study) == after


def test_confirm_removes_the_copies(study: Path, here: Any) -> None:
    here("run", study, *IN_PLACE)
    project = study.with_name("study.deident-project")
    run = last_run(project, here)
    assert here("runs", "confirm", project, run).code == 0
    assert not (project / "safety" / run).exists()
    assert here("runs", "undo", project, run).code == 2


def test_without_copies_there_is_no_way_back(study: Path, here: Any) -> None:
    assert here("run", study, "--in-place", "--no-safety-copies").code == 3
    project = study.with_name("study.deident-project")
    assert not (project / "safety").exists()
    result = here("runs", "undo", project, last_run(project, here))
    assert (result.code, "no copies of the originals" in result.err) == (2, True)


def test_undo_keeps_what_was_changed_since(study: Path, here: Any) -> None:
    here("run", study, *IN_PLACE)
    changed = study / "series0" / FILES[0]
    changed.write_bytes(changed.read_bytes() + b"\0")
    (study / "series1" / FILES[1]).unlink()
    project = study.with_name("study.deident-project")
    result = here("runs", "undo", project, last_run(project, here))
    assert result.code == 4
    assert "1 originals restored, 1 changed since and kept, 1 gone already" in result.out


@pytest.mark.parametrize("damage", [b"", b"DEIDENT1", None])
def test_a_damaged_copy_restores_nothing(study: Path, here: Any, damage: bytes | None) -> None:
    here("run", study, *IN_PLACE)
    after = tree(study)
    project = study.with_name("study.deident-project")
    run = last_run(project, here)
    for copy in (project / "safety" / run).iterdir():
        content = copy.read_bytes()
        copy.write_bytes(content[:-1] if damage is None else damage)
    result = here("runs", "undo", project, run)
    assert (result.code, result.err.endswith("[safety-copy-damaged]\n")) == (1, True)
    assert tree(study) == after


def test_a_dry_run_in_place_changes_nothing(study: Path, here: Any) -> None:
    before = tree(study)
    assert here("run", study, *IN_PLACE, "--dry-run").code == 3
    assert tree(study) == before
    assert not study.with_name("study.deident-project").exists()


@pytest.mark.parametrize("event", ["os.rename", "open"])
def test_a_kill_in_place_leaves_every_file_old_or_new_and_resume_completes(
    study: Path, tmp_path: Path, here: Any, event: str
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(study, whole)
    project = tmp_path / "p"
    here("project", "init", project)
    here("run", whole, *IN_PLACE, "--project", project)
    wanted = {name: content for name, (content, _, _) in tree(whole).items()}
    before = {name: content for name, (content, _, _) in tree(study).items()}
    words = ("run", str(study), *IN_PLACE, "--project", str(project), "-j", "1")
    ending = "MR_small.dcm" if event == "open" else "-4.tmp"
    with Gate(tmp_path / "gate", event, ending) as gate:
        gate.held(command(*words), lambda pid: kill_all(str(study)))
    for name, (content, _, _) in tree(study).items():
        if ".deident-" not in name:
            assert content in (before[name], wanted[name])
    result = here(*words)
    assert result.code == 3
    assert {name: content for name, (content, _, _) in tree(study).items()} == wanted


def kill_all(word: str) -> None:
    """Kill every process of a run, as a power cut does."""
    subprocess.run(["pkill", "-9", "-f", f"deident run {word}"], check=False)


# -- archives -------------------------------------------------------------------------------------


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


def test_an_archive_holds_what_a_folder_would(study: Path, tmp_path: Path, here: Any) -> None:
    project = tmp_path / "p"
    here("project", "init", project)
    for out in ("out", "out.zip", "again.ZIP"):
        result = here("run", study, "-o", tmp_path / out, "--project", project, "-j", 2)
        assert (result.code, "3 written" in result.out) == (3, True)
    folder = tmp_path / "out"
    wanted = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.dcm")}
    assert members(tmp_path / "out.zip") == wanted
    assert list(members(tmp_path / "out.zip")) == sorted(wanted)
    assert (tmp_path / "out.zip").read_bytes() == (tmp_path / "again.ZIP").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_an_archive_is_never_replaced(study: Path, tmp_path: Path, here: Any) -> None:
    (tmp_path / "out.zip").write_text("mine")
    result = here("run", study, "-o", tmp_path / "out.zip")
    assert (result.code, "exists already" in result.err) == (2, True)
    assert (tmp_path / "out.zip").read_text() == "mine"
    assert not (tmp_path / "out.zip.deident-project").exists()


def test_undo_of_an_archive(study: Path, tmp_path: Path, here: Any) -> None:
    project = tmp_path / "out.zip.deident-project"
    here("run", study, "-o", tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip", "a") as archive:
        archive.writestr("note.txt", "mine")
    changed = here("runs", "undo", project, last_run(project, here))
    assert (changed.code, "3 changed since and kept" in changed.out) == (4, True)
    (tmp_path / "out.zip").unlink()
    here("run", study, "-o", tmp_path / "out.zip", "--resume")
    undone = here("runs", "undo", project, last_run(project, here))
    assert (undone.code, "outputs removed" in undone.out) == (0, True)
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize(("event", "ending"), [("open", "MR_small.dcm"), ("os.link", "/archive")])
def test_a_kill_leaves_no_archive_and_resume_makes_it(
    study: Path, tmp_path: Path, here: Any, event: str, ending: str
) -> None:
    project = tmp_path / "p"
    here("project", "init", project)
    here("run", study, "-o", tmp_path / "whole.zip", "--project", project)
    words = (
        "run",
        str(study),
        "-o",
        str(tmp_path / "out.zip"),
        "--project",
        str(project),
        "-j",
        "1",
    )
    with Gate(tmp_path / "gate", event, ending) as gate:
        gate.held(command(*words), lambda pid: kill_all(str(study)))
    assert not (tmp_path / "out.zip").exists()
    assert here(*words, "--resume").code == 3
    assert (tmp_path / "out.zip").read_bytes() == (tmp_path / "whole.zip").read_bytes()
    assert not list(tmp_path.glob(".out*"))


# -- folders called after paths -------------------------------------------------------------------


def test_a_folder_for_each_input(tmp_path: Path, here: Any) -> None:
    inputs = [tmp_path / "a/In", tmp_path / "b/In"]
    for place in inputs:
        (place / "deep").mkdir(parents=True)
        shutil.copy(str(get_testdata_file(FILES[0])), place / "deep" / "1.dcm")
    out = tmp_path / "out"
    assert here("run", *inputs, "-o", out, "--layout", "roots", "--keep-names").code == 0
    root = str(tmp_path).strip("/").replace("/", "_")
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*.dcm"))
    assert found == [f"{root}_a_In/deep/1.dcm", f"{root}_b_In/deep/1.dcm"]
    tokens = tmp_path / "tokens"
    assert here("run", *inputs, "-o", tokens, "--layout", "roots").code == 0
    assert len({path.parts[-3] for path in tokens.rglob("*.dcm")}) == 2
    assert "In" not in " ".join(map(str, tokens.rglob("*")))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "say where outputs go"),
        (["-o", "out", "--in-place", "--safety-copies"], "say where outputs go"),
        (["--suffix", "x", "--in-place"], "say where outputs go"),
        (["--in-place"], "add --safety-copies or --no-safety-copies"),
        (["-o", "out", "--safety-copies"], "need --in-place"),
        (["-o", "out", "--suffix-replaces"], "needs --suffix"),
        (["--suffix", "a/b"], "is a part of a name"),
        (["--suffix", ".x", "--layout", "mirror"], "need -o OUT"),
    ],
)
def test_destinations_that_do_not_go_together(
    study: Path, here: Any, words: list[str], says: str
) -> None:
    before = tree(study)
    result = here("run", study, *words)
    assert (result.code, says in result.err) == (2, True), result.err
    assert tree(study) == before
