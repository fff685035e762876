"""Every mistake of docs/reference/bad-input.md: one line, its exit code, and nothing written."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pydicom.data import get_testdata_file

from deident.cli.main import command_line
from tests import program
from tests.program import Result
from tools.docs_bad_input import Mistake, mistakes

ROWS = [row for rows in mistakes().values() for row in rows]
_HEAD = "format: 1\nname: x\nextends: basic\n"
_PROFILES = {
    "no-yaml": "format: 1\nname: [x\n",
    "unknown-key": "format: 1\nname: x\nrulez: []\n",
    "unknown-tag": f"{_HEAD}rules:\n  - {{select: PatientNam, action: keep}}\n",
    "unknown-action": f"{_HEAD}rules:\n  - {{select: PatientName, action: kepp}}\n",
    "no-parameter": f"{_HEAD}rules:\n  - {{select: PatientName, action: prefix}}\n",
    "bad-filter": f'{_HEAD}filters:\n  - {{skip: "Modality =="}}\n',
    "cleaning": f"{_HEAD}options: [clean-descriptors]\n",
    "orphan": "format: 1\nname: x\nextends: nothing.yaml\n",
}


def _make(place: Path) -> None:
    for folder in ("study", "nest/study"):
        (place / folder).mkdir(parents=True)
        shutil.copy(str(get_testdata_file("CT_small.dcm")), place / folder / "1.dcm")
    (place / "empty").mkdir()
    (place / "text.txt").write_text("words\n")
    for name, text in _PROFILES.items():
        (place / f"{name}.yaml").write_text(text)
    (place / "latin-1.yaml").write_bytes(b"format: 1\nname: \xe4\n")
    for name in ("project", "open", "keyless", "torn", "exchanged", "newer", "damaged"):
        assert program.here("project", "init", str(place / name)).code == 0
    (place / "open" / "key").chmod(0o644)
    (place / "keyless" / "key").unlink()
    (place / "torn" / "key").write_text("12")
    shutil.copy(place / "project" / "key", place / "exchanged" / "key")
    settings = json.loads((place / "newer" / "project.json").read_text())
    (place / "newer" / "project.json").write_text(json.dumps(settings | {"format": 99}))
    (place / "damaged" / "project.json").write_text("{")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bad-input")
    _make(place)
    return place


@pytest.fixture
def place(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def _check(row: Mistake, done: Result) -> None:
    pattern = ".*".join(map(re.escape, row.says.split("…")))
    assert re.fullmatch(f"Error: {pattern}\n", done.err), done.err
    assert (done.code, done.out) == (row.exit, "")


def _everything(place: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in place.rglob("*"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.run)
def test_a_mistake_is_told_in_one_line(
    row: Mistake, place: Path, here: Callable[..., Result]
) -> None:
    before = _everything(place)
    _check(row, here(*shlex.split(row.run)))
    assert _everything(place) == before


_FIRST = {row.run.split()[0]: row for row in reversed(ROWS)}


@pytest.mark.parametrize("command", _FIRST)
def test_a_process_of_its_own_says_the_same(command: str, place: Path) -> None:
    row = _FIRST[command]
    _check(row, program.deident(*shlex.split(row.run), cwd=place))


def _commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for part in group.list_commands(context):
        command = group.get_command(context, part)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{name}{part} ")
        else:
            yield f"{name}{part}", command


COMMANDS = dict(_commands(command_line))
# Names of files that are made when they are missing; every other value can be wrong in itself.
_NEVER_WRONG = {("profile schema", "--output")}


def _values(command: click.Command) -> list[Any]:
    return [one for one in command.params if isinstance(one, click.Option) and not one.is_flag]


def test_every_value_that_can_be_wrong_has_a_row() -> None:
    without = {
        (name, option.opts[-1])
        for name, command in COMMANDS.items()
        for option in _values(command)
        if not any(
            row.run.startswith(f"{name} ") and set(option.opts) & set(shlex.split(row.run))
            for row in ROWS
        )
    }
    assert without <= _NEVER_WRONG


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_an_option_that_it_has_not(
    name: str, here: Callable[..., Result]
) -> None:
    done = here(*name.split(), "--nonsense")
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(
        rf"Error: No such option '--nonsense'\..* See 'deident {name} --help'\. \[usage\]\n",
        done.err,
    )
