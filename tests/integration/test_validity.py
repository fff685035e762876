"""C06: no object is less valid afterwards, says dciodvfy (of dicom3tools), a program of others.

Every sample, every file of the pydicom wheel and one invented object of each kind go through the
engine; each error that dciodvfy reports on an output must have been reported on its input. What it
cannot read is written anew first, input and output alike: deflated data sets, and inputs in which
it finds no object at all.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from deident.profiles.model import Profile
from tests.conftest import samples_folder
from tests.engine.support import KEY
from tests.make import BUILDERS, PEOPLE, save

pytestmark = pytest.mark.integration

OPTIONS = {
    "basic": (),
    "all that retains": (
        "retain-device-identity",
        "retain-full-dates",
        "retain-institution-identity",
        "retain-patient-characteristics",
        "retain-safe-private",
        "retain-uids",
    ),
    "modified dates": ("retain-modified-dates", "retain-patient-characteristics"),
}
DEFLATED = DeflatedExplicitVRLittleEndian.encode()
NO_OBJECT = "Error - Information Object Not found"
# values differ between input and output; SOP Instance UID stands in the file meta too
_VALUES = re.compile(r" = <.*?>( should be <.*?>)?")
_REPEATED = ("MediaStorageSOPInstanceUID(0002,0003)", "SOPInstanceUID(0008,0018)")


class Exempt(NamedTuple):
    """An error that an output may have although its input has not; see validity.json."""

    where: str
    message: str
    seen: str
    reason: str

    def covers(self, error: str) -> bool:
        return self.where in error and self.message in error


EXEMPT = [
    Exempt(**entry)
    for entry in json.loads(Path(__file__).with_name("validity.json").read_text())["exceptions"]
]


def sources() -> dict[str, list[Path]]:
    """The files to try, in groups that can be tried side by side."""
    groups: dict[str, list[Path]] = {}
    folder = samples_folder()
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file():
            groups.setdefault(path.relative_to(folder).parts[0], []).append(path)  # type: ignore[arg-type]
    wheel = sorted(Path(name) for name in get_testdata_files() if Path(name).is_file())
    return groups | {f"wheel {part}": wheel[part::4] for part in range(4)}


SOURCES = sources()


@pytest.fixture(autouse=True)
def _installed() -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")


def engines() -> dict[str, Engine]:
    return {
        name: Engine(Plan(Profile("test", options=options)), Identity(KEY))
        for name, options in OPTIONS.items()
    }


def errors(path: Path, folder: Path) -> set[str]:
    """What dciodvfy calls an error in a file, without values."""
    if DEFLATED in path.read_bytes()[:1024]:
        path = resaved(path, folder)
    done = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, check=False, timeout=60
    )
    lines = (done.stdout + done.stderr).decode("latin-1").splitlines()
    return {_VALUES.sub("", line).replace(*_REPEATED) for line in lines if line.startswith("Error")}


def resaved(path: Path, folder: Path) -> Path:
    """A copy as pydicom writes it: in order, not deflated, without groups that no file may have."""
    found = pydicom.dcmread(path)
    for tag in [tag for tag in found.keys() if tag.group < 8]:  # noqa: SIM118 - not a dict
        del found[tag]
    if found.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.save_as(folder / "resaved")
    return folder / "resaved"


def outputs(source: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """(options, output) for every set of options under which the input is not refused."""
    for number, (name, engine) in enumerate(engines().items()):
        target = folder / f"out{number}"
        try:
            with engine.prepare(str(source)) as prepared, target.open("wb") as file:
                prepared.write(file.fileno())
        except InstanceError:
            continue
        yield name, target


def worse(source: Path, folder: Path) -> list[tuple[str, str]]:
    """(options, error) of every error that de-identification brought about."""
    found = []
    before: set[str] | None = None
    for name, output in outputs(source, folder):
        before = errors(source, folder) if before is None else before
        after = errors(output, folder)
        if NO_OBJECT in before and NO_OBJECT not in after:
            before = errors(resaved(source, folder), folder)
        found += [(name, error) for error in sorted(after - before)]
    return found


def not_exempt(found: list[tuple[str, str]]) -> list[str]:
    """The errors for which there is no reason."""
    return [
        f"{name}: {error}"
        for name, error in found
        if not any(exempt.covers(error) for exempt in EXEMPT)
    ]


@pytest.mark.parametrize("group", sorted(SOURCES))
def test_C06_no_object_is_less_valid_afterwards(group: str, tmp_path: Path) -> None:
    complaints = [
        f"{path.name}, {complaint}"
        for path in SOURCES[group]
        for complaint in not_exempt(worse(path, tmp_path))
    ]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C06_no_invented_object_is_less_valid_afterwards(kind: str, tmp_path: Path) -> None:
    source = save(BUILDERS[kind](PEOPLE[0]), tmp_path / "in")
    assert not_exempt(worse(source, tmp_path)) == []


@pytest.mark.samples
@pytest.mark.parametrize("exempt", EXEMPT, ids=lambda exempt: exempt.where)
def test_the_exceptions_are_still_needed(exempt: Exempt, samples: Path, tmp_path: Path) -> None:
    assert any(exempt.covers(error) for _, error in worse(samples / exempt.seen, tmp_path))
