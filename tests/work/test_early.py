"""Workers that are started early: they answer, become a pool's first, and leave nobody behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from deident.app.recipes import early_recipe
from deident.errors import ProfileError, UsageError
from deident.work import early
from deident.work.local import Pool
from deident.work.worker import Item
from tests.work.test_local import Echo


def fail_on_purpose(message: str) -> None:
    raise ProfileError("profile-invalid", message, source="p.yaml", line=3, column=4)


def fail_unforeseen() -> None:
    raise KeyError("Doe^John")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def worker() -> Iterator[early.EarlyWorker]:
    early.start(lambda: None)
    waiting = early.waiting()
    assert waiting is not None
    yield waiting
    early.discard()
    assert is_gone(waiting.pid)


def test_it_answers_in_its_own_process(worker: early.EarlyWorker) -> None:
    assert worker.ask(os.getpid) == worker.pid
    assert len(worker.ask(partial(bytes, 300_000))) == 300_000  # more than a pipe holds


def test_what_it_raises_on_purpose_is_raised_here(worker: early.EarlyWorker) -> None:
    with pytest.raises(ProfileError, match="wrong") as caught:
        worker.ask(partial(fail_on_purpose, "wrong"))
    assert (caught.value.source, caught.value.line, caught.value.column) == ("p.yaml", 3, 4)
    assert worker.ask(os.getpid) == worker.pid


def test_one_that_is_lost_says_so(worker: early.EarlyWorker) -> None:
    with pytest.raises(EOFError):
        worker.ask(fail_unforeseen)
    with pytest.raises(EOFError):
        worker.ask(os.getpid)


def test_it_becomes_the_first_worker_of_a_pool(worker: early.EarlyWorker) -> None:
    pool = Pool(Echo(), 2)
    done = list(pool.run(Item(n, "pid", 0) for n in range(60)))
    assert len(done) == 60
    assert worker.pid in {one.value for one in done}
    assert early.waiting() is None
    assert is_gone(worker.pid)


def test_one_that_dies_before_the_pool_starts_is_told(worker: early.EarlyWorker) -> None:
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(Exception, match=r"signal 9") as caught:
        list(Pool(Echo(), 1).run(iter([Item(1, "pid", 0)])))
    assert caught.value.code == "worker-failed"  # type: ignore[attr-defined]


def test_a_recipe_comes_from_it_or_from_here(worker: early.EarlyWorker) -> None:
    there = early_recipe("basic", ["retain-uids"], verify="report")
    os.kill(worker.pid, signal.SIGKILL)
    here = early_recipe("basic", ["retain-uids"], verify="report")
    assert early.waiting() is None
    assert there[:3] == here[:3]
    engines = [recipe.engine(bytes(32)).build() for recipe in (there, here)]
    plans = [engine.plan for engine in engines]  # type: ignore[attr-defined]
    assert plans[0].profile == plans[1].profile


def test_an_unknown_profile_is_told_as_here(worker: early.EarlyWorker) -> None:
    messages = []
    for _ in range(2):
        with pytest.raises((UsageError, ProfileError)) as caught:
            early_recipe("basics")
        messages.append(str(caught.value))
        early.discard()
    assert messages[0] == messages[1]


# -- through the command line ----------------------------------------------------------------------

PROGRAM = """
import os, sys
from deident.__main__ import main
sys.argv = ["deident", *sys.argv[1:]]
code = main()
try:
    os.waitpid(-1, os.WNOHANG)
    print("a child is left")
except ChildProcessError:
    print("engine" if "deident.engine.plan" in sys.modules else "light", code)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm")), tmp_path / "in" / "one")
    (tmp_path / "broken.yaml").write_text("name: x\nrules: [\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["in", "-o", "out", "-q", "-j1"], 0),
        (["in", "-o", "out", "-q", "-j3"], 0),
        (["in", "-o", "out", "-q", "--no-such-flag"], 2),
        (["missing", "-o", "out"], 2),
        (["in", "-o", "out", "--profile", "broken.yaml"], 2),
        (["in", "-o", "in/out"], 2),
    ],
    ids=str,
)
def test_a_run_loads_no_engine_and_leaves_no_process(
    folder: Path, arguments: list[str], code: int
) -> None:
    command = [sys.executable, "-c", PROGRAM, "run", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == f"light {code}\n"
    assert done.stderr.count("\n") == (code == 2)
