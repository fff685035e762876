"""The sample study is a realistic mixture, with the broken file that quarantine is shown with."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from deident.app.sample.study import SampleStudy, write_study
from deident.dicom import part10
from deident.errors import InstanceError


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SampleStudy:
    return write_study(tmp_path_factory.mktemp("sample") / "study")


def _good(study: SampleStudy) -> list[Path]:
    return [path for path in study.folder.rglob("*.dcm") if path != study.broken]


def test_many_modalities_and_scripts(study: SampleStudy) -> None:
    read = [pydicom.dcmread(path, force=True) for path in _good(study)]
    assert len(read) == study.instances
    assert {one.Modality for one in read} >= {
        *("CT", "MR", "US", "SR", "DOC", "NM", "SEG", "RTPLAN", "RTDOSE", "RTSTRUCT"),
    }
    assert len({str(one.get("SpecificCharacterSet")) for one in read}) >= 10


def test_identifiers_are_planted(study: SampleStudy) -> None:
    data = b"".join(path.read_bytes() for path in study.folder.rglob("*.dcm"))
    for person in study.people:
        assert {kind for needle, kind in person.needles().items() if needle in data} == {
            kind for kind, _ in person.identifiers()
        }


def test_cine_frames_are_real(study: SampleStudy) -> None:
    loop = pydicom.dcmread(study.folder / "us" / "cine.dcm")
    frames = list(pydicom.encaps.generate_frames(loop.PixelData, number_of_frames=8))
    assert all(frame.startswith(b"\xff\xd8") for frame in frames)


def test_one_file_is_broken(study: SampleStudy) -> None:
    with part10.open(study.broken) as file, pytest.raises(InstanceError) as caught:
        file.elements()
    assert caught.value.code == "bad-length"


def test_nothing_is_overwritten(study: SampleStudy) -> None:
    with pytest.raises(FileExistsError):
        write_study(study.folder)


def test_the_same_is_written_every_time(study: SampleStudy, tmp_path: Path) -> None:
    again = write_study(tmp_path / "again")
    for path in study.folder.rglob("*.*"):
        assert (again.folder / path.relative_to(study.folder)).read_bytes() == path.read_bytes()
