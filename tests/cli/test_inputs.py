"""What else a person may name as input: lists, DICOMDIR files, extensions."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet

from deident.endpoints import sources
from deident.endpoints.filesets import referenced_files
from deident.endpoints.sources import Extensions
from deident.errors import UsageError
from tests.program import command

CT = str(get_testdata_file("CT_small.dcm"))


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_a_list_on_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: bytes
) -> None:
    names = [b"1.dcm", b"\xff odd.dcm", b"folder", b"folder/2.dcm"]
    (tmp_path / "folder").mkdir()
    for name in (names[0], names[1], names[3]):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    monkeypatch.chdir(tmp_path)
    stdin(monkeypatch, separator.join(names) + separator)
    found = sources.resolve_inputs(["-"])
    assert [os.fsencode(os.path.relpath(path, tmp_path)) for path in found] == names[:3]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"missing.dcm\n"])
def test_a_list_that_names_nothing(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    stdin(monkeypatch, content)
    with pytest.raises(UsageError) as caught:
        sources.resolve_inputs(["-"])
    assert caught.value.code == "input-missing"


def test_many_names_are_resolved_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, not each with each."""
    for number in range(3000):
        (tmp_path / str(number)).touch()
    stdin(monkeypatch, b"\n".join(b"%s/%d" % (os.fsencode(tmp_path), n) for n in range(3000)))
    assert len(sources.resolve_inputs(["-"])) == 3000


def test_a_run_takes_a_list(tmp_path: Path) -> None:
    shutil.copy(CT, tmp_path / "a b.dcm")
    result = subprocess.run(
        command("run", "-", "-o", "out", "--json"),
        input=b"a b.dcm\0",
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(result.stdout)["written"] == 1


@pytest.fixture
def fileset(tmp_path: Path) -> Path:
    """A file-set of three instances; beside it lies a file that it does not name."""
    files = FileSet()
    for name in ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm"):
        files.add(str(get_testdata_file(name)))
    files.write(tmp_path / "set")
    shutil.copy(CT, tmp_path / "set" / "stranger.dcm")
    return tmp_path / "set" / "DICOMDIR"


def test_a_dicomdir_stands_for_the_files_that_it_names(
    fileset: Path, tmp_path: Path, here: Any
) -> None:
    files = referenced_files(str(fileset))
    assert len(files) == 3
    assert all(Path(path).is_file() for path in files)
    result = here("run", fileset, "-o", tmp_path / "out", "--json")
    summary = json.loads(result.out)
    assert (summary["found"], summary["written"]) == (3, 3)
    assert not list((tmp_path / "out").rglob("DICOMDIR"))


def test_names_in_small_letters_are_found(fileset: Path) -> None:
    before = referenced_files(str(fileset))
    root = fileset.parent
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        for path in sorted(folder.rglob("*"), key=lambda one: -len(str(one))):
            path.rename(path.with_name(path.name.lower()))
        folder.rename(folder.with_name(folder.name.lower()))
    after = referenced_files(str(fileset))
    assert [path.lower() for path in before] == [path.lower() for path in after]
    assert all(Path(path).is_file() for path in after)


def test_a_dicomdir_leads_nowhere_else(fileset: Path, tmp_path: Path) -> None:
    content = fileset.read_bytes()
    first = os.path.relpath(referenced_files(str(fileset))[0], fileset.parent).replace("/", "\\")
    evil = "..\\" + "x" * (len(first) - 3)
    fileset.write_bytes(content.replace(first.encode(), evil.encode()))
    assert len(referenced_files(str(fileset))) == 2


def test_a_file_that_is_missing_is_quarantined(fileset: Path, tmp_path: Path, here: Any) -> None:
    Path(referenced_files(str(fileset))[0]).unlink()
    result = here("run", fileset, "-o", tmp_path / "out", "--json")
    assert result.code == 3
    assert json.loads(result.out)["quarantined"] == {"unreadable": 1}


@pytest.mark.parametrize(
    ("text", "name", "allowed"),
    [
        ("dcm", "a.dcm", True),
        ("dcm", "A.DCM", True),
        (".dcm,ima", "a.ima", True),
        ("dcm", "a.txt", False),
        ("dcm", "a", False),
        ("[dcm]", "1.2.840.1", True),
        ("[dcm]", "IM000001", True),
        ("[dcm]", "a.dcm", False),
        ("dcm,[dcm]", "a.dcm", True),
        ("nii.gz", "a.nii.gz", True),
    ],
)
def test_extensions(text: str, name: str, allowed: bool) -> None:
    assert Extensions.parse(text).allow(f"/in.dcm/{name}") == allowed


@pytest.mark.parametrize("text", ["", ",", "dcm,", "*.dcm", "a/b", "[ima]"])
def test_what_is_no_extension(text: str) -> None:
    with pytest.raises(UsageError):
        Extensions.parse(text)


def test_other_extensions_are_counted(tmp_path: Path, here: Any) -> None:
    (tmp_path / "in").mkdir()
    for name in ("1.dcm", "2.ima", "3.txt", "1.2.3"):
        shutil.copy(CT, tmp_path / "in" / name)
    result = here("run", tmp_path / "in", "-o", tmp_path / "out", "--ext", "dcm,[dcm]", "--json")
    summary = json.loads(result.out)
    assert summary["skipped"] == {"other-extension": 2, "duplicate": 1}
    assert summary["written"] == 1
