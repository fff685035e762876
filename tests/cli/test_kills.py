"""A run that is killed again and again comes to the same end as one that was let alone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.make import PEOPLE, ct, encoded
from tests.program import command, outputs

_FILES = 2000
_KILLS = 20
_LONGEST = 1.2  # seconds from the start of a run to its kill, at most


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many small instances of two patients, in folders of a hundred."""
    folder = tmp_path_factory.mktemp("many") / "study"
    for number in range(_FILES):
        place = folder / str(number // 100)
        place.mkdir(parents=True, exist_ok=True)
        made = ct(PEOPLE[number % 2], number + 1, size=8)
        (place / f"{number}.dcm").write_bytes(encoded(made))
    return folder


def killed(words: tuple[Any, ...], seconds: float) -> bool:
    """Start a run and kill all its processes; whether it was still going on."""
    process = subprocess.Popen(command(*words), start_new_session=True)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_often(words: tuple[Any, ...], check: Any) -> int:
    """Start and kill; return how many times there was something to kill."""
    chance = random.Random(20261129)
    count = 0
    for _ in range(_KILLS):
        count += killed(words, chance.uniform(0.05, _LONGEST))
        check()
    return count


def test_twenty_kills_and_resume_give_what_one_run_gives(
    study: Path, tmp_path: Path, here: Any
) -> None:
    project = tmp_path / "project"
    here("project", "init", project)
    words = ("--project", project, "-j", 2, "-q")
    assert here("run", study, "-o", tmp_path / "whole", *words).code == 0
    wanted = outputs(tmp_path / "whole")
    assert len(wanted) == _FILES
    out = tmp_path / "out"

    def nothing_is_partial() -> None:
        for path in out.rglob("*.dcm"):
            assert path.read_bytes() == wanted[str(path.relative_to(out))]

    resuming = ("run", study, "-o", out, "--resume", *words)
    assert kill_often(resuming, nothing_is_partial) > _KILLS // 4
    assert here(*resuming).code == 0
    assert outputs(out) == wanted
    assert not [path for path in out.rglob(".*")]


def test_twenty_kills_in_place(study: Path, tmp_path: Path, here: Any) -> None:
    project = tmp_path / "project"
    here("project", "init", project)
    words = ("--in-place", "--safety-copies", "--project", project, "-j", 2, "-q")
    whole, folder = tmp_path / "whole", tmp_path / "study"
    shutil.copytree(study, whole)
    shutil.copytree(study, folder)
    assert here("run", whole, *words).code == 0
    before, wanted = outputs(study), outputs(whole)

    def old_or_new() -> None:
        for path in folder.rglob("*.dcm"):
            name = str(path.relative_to(folder))
            assert path.read_bytes() in (before[name], wanted[name])

    resuming = ("run", folder, *words, "--resume")
    assert kill_often(resuming, old_or_new) > _KILLS // 4
    assert here(*resuming).code == 0
    assert outputs(folder) == wanted
    runs = [line.split()[0] for line in here("runs", "list", project).out.splitlines()[1:]]
    for run in reversed(runs[1:]):
        assert here("runs", "undo", project, run).code in (0, 2)
    assert outputs(folder) == before
