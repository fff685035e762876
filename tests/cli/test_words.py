"""Groups without a command, empty text, names that are no text."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from deident.cli.main import main


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm")), tmp_path / "in" / "a.dcm")
    assert main(["project", "init", "q"]) == 0
    return tmp_path


@pytest.mark.parametrize("arguments", [[], ["project"], ["profile"]], ids=str)
def test_a_group_alone_prints_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    alone = capsys.readouterr()
    assert main([*arguments, "--help"]) == 0
    assert capsys.readouterr() == alone
    assert alone.err == ""
    assert alone.out.startswith("Usage: deident")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["run", "in", "-o", ""], "'-o' / '--output'"),
        (["run", "in", "-o", "out", "--project", ""], "'--project'"),
        (["run", "in", "-o", "out", "--name-template", ""], "'--name-template'"),
        (["run", "in", "-o", "out", "--with", ""], "'--with'"),
        (["run", "in", "", "-o", "out"], "'INPUT...'"),
        (["scan", ""], "'PATH...'"),
        (["project", "info", ""], "'DIR'"),
        (["demo", ""], "'[DIR]'"),
    ],
    ids=str,
)
def test_empty_text_is_refused(
    place: Path, arguments: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(place.rglob("*"))
    capsys.readouterr()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Error: Invalid value for {name}: it is empty. See 'deident ")
    assert err.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_names_that_are_no_text_look_the_same_everywhere(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"in/\xff\x1b[31m.dcm")
    (place / odd).write_bytes(b"no DICOM")
    capsys.readouterr()
    for arguments in (
        ["show", odd],
        ["scan", odd, "-v"],
        ["diff", odd, odd],
        ["show", f"{odd}x"],
        ["run", f"{odd}x", "-o", "out"],
        ["profile", "show", f"{odd}/.yaml"],
    ):
        main(arguments)
        assert r"\xff\x1b[31m.dcm" in capsys.readouterr().err
    shutil.copy(place / "in" / "a.dcm", place / odd)
    main(["show", odd])
    assert capsys.readouterr().out.startswith(r"in/\xff\x1b[31m.dcm: ")
