"""`deident runs`: list, show, undo, confirm."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file

FILES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")


@pytest.fixture
def ran(tmp_path: Path, here: Any) -> tuple[Path, str]:
    """A project with one run of three instances and a bad one, and the run's name."""
    (tmp_path / "in").mkdir()
    for name in FILES:
        shutil.copy(str(get_testdata_file(name)), tmp_path / "in" / name)
    (tmp_path / "in" / "empty.dcm").touch()
    assert here("run", tmp_path / "in", "-o", tmp_path / "out", "-q").code == 3
    project = tmp_path / "out.deident-project"
    return project, names(project, here)[-1]


def names(project: Path, here: Any) -> list[str]:
    listed = json.loads(here("runs", "list", project, "--json").out)
    return [run["name"] for run in listed["runs"]]


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def test_a_project_without_runs(tmp_path: Path, here: Any) -> None:
    here("project", "init", tmp_path / "p")
    assert here("runs", "list", tmp_path / "p").out == "no run yet\n"


def test_runs_are_listed_and_shown(ran: tuple[Path, str], tmp_path: Path, here: Any) -> None:
    project, run = ran
    text = here("runs", "list", project).out
    assert run in text
    assert "complete" in text
    shown = json.loads(here("runs", "show", project, run, "--json").out)
    assert (shown["run"], shown["state"], shown["written"]) == (run, "complete", 3)
    assert str(tmp_path / "in") not in json.dumps(shown)
    shown = here("runs", "show", project, run, "--show-paths").out
    assert str(tmp_path / "in") in shown


def test_undo_leaves_nothing_of_a_run(ran: tuple[Path, str], tmp_path: Path, here: Any) -> None:
    project, run = ran
    result = here("runs", "undo", project, run)
    assert (result.code, result.err) == (0, "")
    assert "3 outputs removed, 0 originals restored, 0 changed since and kept, 0 gone" in result.out
    assert not (tmp_path / "out").exists()
    assert "undone" in here("runs", "list", project).out
    again = here("runs", "undo", project, run)
    assert (again.code, f"run {run} is undone already" in again.err) == (2, True)


def test_undo_takes_back_what_one_run_has_written(tmp_path: Path, here: Any) -> None:
    """Bit for bit: what was there before is there again, and nothing else."""
    for number, name in enumerate(FILES):
        (tmp_path / f"in{number}").mkdir()
        shutil.copy(str(get_testdata_file(name)), tmp_path / f"in{number}" / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    before = [tree(tmp_path / "out")]
    for number in range(3):
        here("run", tmp_path / f"in{number}", "-o", tmp_path / "out", "-q")
        before.append(tree(tmp_path / "out"))
    runs = names(tmp_path / "out.deident-project", here)
    for number in (2, 1, 0):
        assert here("runs", "undo", tmp_path / "out.deident-project", runs[number]).code == 0
        assert tree(tmp_path / "out") == before[number]


def test_undo_keeps_what_was_changed_since(
    ran: tuple[Path, str], tmp_path: Path, here: Any
) -> None:
    project, run = ran
    one, other, third = sorted((tmp_path / "out").rglob("*.dcm"))
    one.write_bytes(one.read_bytes() + b"x")
    os.utime(other, ns=(1, 1))
    third.unlink()
    result = here("runs", "undo", project, run)
    assert result.code == 4
    assert "0 outputs removed, 0 originals restored, 2 changed since and kept, 1 gone" in result.out
    assert one.exists()
    assert other.exists()


def test_an_undone_run_can_be_done_again(ran: tuple[Path, str], tmp_path: Path, here: Any) -> None:
    project, run = ran
    before = tree(tmp_path / "out")
    here("runs", "undo", project, run)
    result = here("run", tmp_path / "in", "-o", tmp_path / "out", "--resume", "--json")
    assert json.loads(result.out)["written"] == 3
    assert tree(tmp_path / "out") == before


def test_what_is_confirmed_cannot_be_undone(ran: tuple[Path, str], here: Any) -> None:
    project, run = ran
    assert here("runs", "confirm", project, run).code == 0
    assert "confirmed" in here("runs", "list", project).out
    result = here("runs", "undo", project, run)
    assert (result.code, f"run {run} is confirmed already" in result.err) == (2, True)


@pytest.mark.parametrize("command", ["show", "undo", "confirm"])
def test_an_unknown_run_is_told(ran: tuple[Path, str], here: Any, command: str) -> None:
    project, _ = ran
    result = here("runs", command, project, "yesterday")
    assert result.code == 2
    assert f"no run yesterday in this project; see deident runs list {project}" in result.err


@pytest.mark.parametrize("durability", ["batch", "file", "none"])
def test_every_way_of_syncing_gives_the_same_outputs(
    ran: tuple[Path, str], tmp_path: Path, here: Any, durability: str
) -> None:
    project, _ = ran
    arguments = ("--project", project, "--sync", durability, "-q")
    assert here("run", tmp_path / "in", "-o", tmp_path / durability, *arguments).code == 3
    assert tree(tmp_path / durability) == tree(tmp_path / "out")
