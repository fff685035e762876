"""Where commands print: streams that are full, closed, or that nobody reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from tests.program import command, outputs

# every way in which commands print: lines, colours, JSON at once and piece by piece
PRINTING: list[list[str]] = [
    [],
    ["run", "--help"],
    ["profile"],
    ["profile", "show", "basic"],
    ["profile", "schema"],
    ["profile", "actions"],
    ["profile", "explain", "PatientName"],
    ["profile", "diff", "basic", "keep-all-except"],
    ["project", "init", "p"],
    ["demo", "d"],
    ["--version"],
    ["--help"],
    ["profile", "list"],
    ["show", "in/1"],
    ["show", "in/1", "--json"],
    ["scan", "in"],
    ["scan", "in", "--json"],
    ["diff", "in/1", "in/2"],
    ["run", "in", "-o", "out"],
    ["run", "in", "-o", "out", "--json"],
    ["run", "in", "-o", "out", "-n"],
    ["run", "in", "-o", "out", "-n", "--json"],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two instances in `in`."""
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm"), 1):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(str(get_testdata_file(name)), tmp_path / "in" / str(number))
    return tmp_path


@pytest.fixture
def full() -> Iterator[int]:
    """A stream that takes nothing, as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The program finds out when it prints, or at its very end."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"} | (
        {"PYTHONUNBUFFERED": request.param} if request.param else {}
    )


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_stdout_is_told_in_one_line(
    arguments: list[str], folder: Path, full: int, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        command(*arguments),
        stdout=full,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if not line.startswith("new project")]
    assert lines == [
        "Error: standard output could not be written: No space left on device; "
        "send it elsewhere [write-failed]"
    ]
    assert done.returncode == 1
    if "-o" in arguments and "-n" not in arguments:
        assert len(outputs(folder / "out")) == 2


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_stdout_that_nobody_reads_is_no_error(
    arguments: list[str], folder: Path, unread: int, environment: dict[str, str]
) -> None:
    done = subprocess.run(
        command(*arguments),
        stdout=unread,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if not line.startswith("new project")] == []
    # a run and what ends before it finds out are done; other commands say that not all was said
    assert done.returncode in (0, 4, 141)
    assert done.returncode == 0 or arguments[0] in (
        "diff",
        "scan",
        "show",
        "profile",
        "demo",
        "project",
    )


@pytest.mark.parametrize("stream", ["full", "unread"])
def test_a_stderr_that_takes_nothing_does_not_stop_a_run(
    stream: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    done = subprocess.run(
        command("run", "in", "-o", "out"),
        stdout=subprocess.PIPE,
        stderr=request.getfixturevalue(stream),
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0
    assert "2 written" in done.stdout
    assert len(outputs(folder / "out")) == 2


def test_streams_that_are_closed_from_the_start(folder: Path) -> None:
    words = f"{sys.executable} -m deident run in -o out <&- >&- 2>&-"
    assert subprocess.run(words, shell=True, cwd=folder, check=False).returncode == 0
    assert len(outputs(folder / "out")) == 2
