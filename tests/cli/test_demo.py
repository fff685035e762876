"""`deident demo` shows what it claims to show, and touches nothing that it did not make."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


def _demo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deident", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    run = _demo("here", folder=folder)
    assert run.stderr == ""
    assert run.returncode == 0
    return folder / "here", run.stdout


def test_study_is_deidentified_and_the_broken_file_kept_back(shown: tuple[Path, str]) -> None:
    place, text = shown
    written = [path for path in (place / "clean").rglob("*") if path.is_file()]
    assert f"{len(written)} written, 1 skipped, 1 quarantined" in text
    assert "bad-length" in text
    assert "slice4.dcm" in text


def test_every_kind_of_identifier_is_gone(shown: tuple[Path, str]) -> None:
    lines = shown[1].partition("KIND OF IDENTIFIER")[2].splitlines()[1:]
    rows = [line.split() for line in lines[: lines.index("")]]
    assert {row[0] for row in rows} >= {"name", "birth-date", "patient-id", "phone", "uid"}
    assert all(int(before) > 0 == int(after) for _, before, after in rows)


def test_before_and_after_are_shown(shown: tuple[Path, str]) -> None:
    diff = shown[1].partition("before and after")[2]
    assert re.search(r"PatientName +Hartwhistle\S* +DEID-", diff)
    assert re.search(r"PatientAddress +\S+ Ridgemoor +\(removed\)", diff)
    assert "SliceThickness" not in diff


def test_older_demo_is_replaced_on_demand_only(shown: tuple[Path, str]) -> None:
    place, _ = shown
    again = _demo("here", folder=place.parent)
    assert again.returncode == 2
    assert "--force replaces" in again.stderr
    assert _demo("here", "--force", folder=place.parent).returncode == 0


def test_a_demo_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place, reason in (("file/x", "Not a directory"), ("/proc/x", "No such file or directory")):
        run = _demo(place, folder=tmp_path)
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr == (
            f"Error: the demo folder cannot be written: {place}: {reason} [output-unwritable]\n"
        )
    run = _demo("file", folder=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert "file exists already; --force replaces an older demo [usage]" in run.stderr


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("important")
    run = _demo("mine", "--force", folder=tmp_path)
    assert run.returncode == 2
    assert (tmp_path / "mine" / "work.txt").read_text() == "important"
