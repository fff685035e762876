"""C34, C35, C37, C41: what a run leaves on disk besides the contents of files."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests import program
from tests.make import BUILDERS, PEOPLE, Person, save
from tests.program import outputs
from tests.standard.whole import walk

PERSON = PEOPLE[0]
# What stands beside instances in real folders: records, viewers' files, thumbnails, archives.
SIDECARS = {
    "Pellworm^Anna.json": b'{"PatientName": "Pellworm^Anna"}',
    "report.txt": b"Pellworm, Anna",
    "list.csv": b"name;id\nPellworm;1\n",
    "CT001.dcm.bak": b"Pellworm",
    "thumbs.jpg": b"\xff\xd8\xff\xe0Pellworm",
    "Thumbs.db": b"\xd0\xcf\x11\xe0Pellworm",
    "study.zip": b"PK\x03\x04Pellworm",
    "letter.pdf": b"%PDF-1.4 Pellworm",
    "short.dcm": b"P",
}


def run(*arguments: object, **expected: Any) -> str:
    """`deident run` in a process of its own; what it printed."""
    return deident("run", *arguments, **expected)


def deident(*arguments: object, code: int = 0, **environment: str) -> str:
    """The program in a process of its own; what it printed."""
    done = program.deident(*arguments, env={**os.environ, **environment})
    assert done.code == code, done.err
    return done.out + done.err


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Instances in folders and under names that tell who it is."""
    folder = tmp_path / "in"
    for number, kind in enumerate(("ct", "pet", "report", "structure-set")):
        named = f"{PERSON.patient_id}_{PERSON.birth_date}/{PERSON.accession}/{kind}{number}"
        save(BUILDERS[kind](PERSON), folder / f"{PERSON.name}" / f"{named}.dcm")
    return folder


def told(person: Person) -> list[str]:
    """What must not stand in a path."""
    parts = [person.patient_id, person.patient_id.lstrip("0"), person.accession, person.birth_date]
    return [*parts, *person.name.split("^")[:2], person.uid_root]


def test_C34_names_of_outputs_tell_nothing(study: Path, tmp_path: Path) -> None:
    printed = run(study, "-o", tmp_path / "out")
    names = outputs(tmp_path / "out")
    assert len(names) == 4
    for secret in told(PERSON):
        assert not [name for name in names if secret in name]
        assert secret not in printed
    for name in names:
        new = pydicom.dcmread(tmp_path / "out" / name)
        assert name.split("/") == [
            new.PatientID, new.StudyInstanceUID, new.SeriesInstanceUID, f"{new.SOPInstanceUID}.dcm"
        ]  # fmt: skip


def test_C34_C37_what_is_no_dicom_file_is_not_copied(study: Path, tmp_path: Path) -> None:
    for name, data in SIDECARS.items():
        (study / name).write_bytes(data)
    run(study, "-o", tmp_path / "out")
    names = outputs(tmp_path / "out")
    assert len(names) == 4
    assert all(name.endswith(".dcm") for name in names)
    assert not [name for name, data in names.items() if b"Pellworm" in data]


def test_C37_an_input_of_nothing_but_other_files_gives_no_output(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in SIDECARS.items():
        (folder / name).write_bytes(data)
    run(folder, "-o", tmp_path / "out", code=5)
    assert outputs(tmp_path / "out") == {}


def test_C35_outputs_do_not_have_the_times_of_their_sources(study: Path, tmp_path: Path) -> None:
    started = time.time()
    for path in study.rglob("*"):
        os.utime(path, (1e9, 1e9))
    run(study, "-o", tmp_path / "out")
    times = [path.stat().st_mtime for path in (tmp_path / "out").rglob("*")]
    assert len(times) > 4
    assert min(times) > started - 2


def test_C35_nothing_temporary_is_left(study: Path, tmp_path: Path) -> None:
    """Neither in the output nor in the system's folder for such files, also when some fail."""
    (study / "cut.dcm").write_bytes(next(study.rglob("ct0.dcm")).read_bytes()[:700])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    run(study, "-o", tmp_path / "out", code=3, TMPDIR=str(temporary))
    assert list(temporary.iterdir()) == []
    names = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert all(name.endswith(".dcm") and not name.startswith(".") for name in names)
    assert len(names) == 4


def test_C41_halves_of_a_study_agree_between_processes(study: Path, tmp_path: Path) -> None:
    """Two runs, two processes, one project; and all at once in a third."""
    halves = [tmp_path / "half 1", tmp_path / "half 2"]
    for number, path in enumerate(sorted(study.rglob("*.dcm"))):
        target = halves[number % 2] / path.name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    project = tmp_path / "project"
    deident("project", "init", project)
    for number, half in enumerate(halves):
        run(half, "-o", tmp_path / f"out {number}", "--project", project)
    run(study, "-o", tmp_path / "out", "--project", project)
    together = outputs(tmp_path / "out 0") | outputs(tmp_path / "out 1")
    assert together == outputs(tmp_path / "out")
    originals = {
        element.value
        for path in study.rglob("*.dcm")
        for element in walk(pydicom.dcmread(path))
        if element.VR == "UI" and str(element.value).startswith(PERSON.uid_root)
    }
    assert len(originals) > 10
    joined = b"".join(together.values())
    assert not [uid for uid in originals if uid.encode() in joined]


def test_C41_another_key_gives_other_uids(study: Path, tmp_path: Path) -> None:
    names = []
    for number in range(2):
        deident("project", "init", tmp_path / f"project {number}")
        run(study, "-o", tmp_path / f"out {number}", "--project", tmp_path / f"project {number}")
        names.append(set(outputs(tmp_path / f"out {number}")))
    assert not names[0] & names[1]
