"""The same inputs and the same key give the same bytes: whatever the order, the number of workers,
what they remember, and where they run.

Instances of many kinds are run over again and again, in folders that put them in other orders. What
must not matter is a table; what comes out is compared byte by byte, names included.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import pytest

from deident.app.api import identity_of
from deident.engine.actions import CATALOG
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.errors import InstanceError
from deident.profiles.loader import load
from tests.leaks.dose import sample_files, wheel_files
from tests.make import BUILDERS, PEOPLE, ct, encoded
from tests.program import Result, deident, outputs
from tests.raw import File
from tests.scene import KEY, make_project

PIXEL_DATA, COMMENTS = 0x7FE00010, 0x00104000
# Files beyond this have no other header, and copying them takes long.
_LARGEST = 600_000


def generated() -> Iterator[bytes]:
    """Several kinds of several people; series that are long enough to be remembered."""
    for number, kind in enumerate(sorted(BUILDERS)):
        for person in PEOPLE[number % 4 :: 4]:
            yield encoded(BUILDERS[kind](person))
    for person in PEOPLE[:3]:
        for number in range(1, 16):
            yield encoded(ct(person, number))
    for number in range(16, 28):  # values that stay on disk where Pixel Data would stand
        file = File.of(encoded(ct(PEOPLE[0], number)))
        del file.elements[PIXEL_DATA]
        file.put(0x7FE10010, "LO", b"ACME")
        file.put(0x7FE11001, "OB", bytes([number]) * ((1 << 20) + 2))
        yield file.encoded()


def colliding() -> Iterator[bytes]:
    """Instances that share SOP Instance UIDs: some differ, some do not, some no more afterwards."""
    for number in range(1, 6):
        data = encoded(ct(PEOPLE[3], number))
        for pixel in range(number):
            file = File.of(data)
            file.put(PIXEL_DATA, "OW", bytes([pixel]) * 128)
            yield file.encoded()
            file.put(COMMENTS, "LT", b"what is removed %d" % pixel)
            yield file.encoded()
        yield data
        yield data


def of_the_wheel() -> Iterator[bytes]:
    """The files inside the pydicom package."""
    return (path.read_bytes() for path in wheel_files() if path.stat().st_size <= _LARGEST)


def of_the_samples() -> Iterator[bytes]:
    """The sample collection."""
    return (path.read_bytes() for path in sample_files() if path.stat().st_size <= _LARGEST)


LOOSE = ("retain-safe-private", "retain-modified-dates", "retain-device-identity")

# name: the files, and the options of the profile
STUDIES: dict[str, tuple[Callable[[], Iterator[bytes]], tuple[str, ...]]] = {
    "generated": (generated, ()),
    "generated, with options": (generated, LOOSE),
    "colliding": (colliding, ()),
    "wheel": (of_the_wheel, LOOSE),
    "samples": (of_the_samples, LOOSE),
}


class Study(NamedTuple):
    """Files to be run over.

    Attributes:
        folder: for this test.
        files: their contents.
        options: of the profile.
    """

    folder: Path
    files: list[bytes]
    options: tuple[str, ...]

    def lay(self, name: str, seed: int) -> Path:
        """Put the files in a folder, in an order that is drawn by `seed`; 0: in their own."""
        numbers = list(range(len(self.files)))
        if seed:
            random.Random(seed).shuffle(numbers)
        for place, number in enumerate(numbers):
            path = self.folder / name / str(place % seed if seed else 0) / f"{place:05}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.files[number])
        return self.folder / name

    def run(self, name: str, source: object, *more: object, **how: Any) -> Result:
        """Run over a folder into one of this name."""
        chosen = [word for option in self.options for word in ("--with", option)]
        return deident("run", source, "-o", self.folder / name, *chosen, *more, "--json", **how)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.samples] * (name == "samples")) for name in STUDIES
    ]
)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    """Files and a profile for them; a project with the one key lies in `project`."""
    files, options = STUDIES[request.param]
    make_project(tmp_path / "project")
    return Study(tmp_path, list(files()), options)


def told(result: Result) -> dict[str, Any]:
    """What a summary says, but for the run's name and how long it took."""
    assert result.code in (0, 3, 4), result.err
    return {key: what for key, what in result.summary.items() if key not in ("run", "seconds")}


def the_long_way(study: Study) -> Counter[bytes]:
    """Every output, made by an engine that remembers nothing; names are left out."""
    profile = load("basic", study.options, CATALOG)
    engine = Engine(Plan(profile), identity_of(profile, KEY), remembering=False)
    found: Counter[bytes] = Counter()
    for data in study.files:
        try:
            with engine.prepare_bytes(data) as prepared, TemporaryFile() as file:
                prepared.write(file.fileno())
                file.seek(0)
                found[file.read()] = 1  # equal outputs are written once
        except InstanceError:
            continue
    return found


def test_the_same_bytes_whatever_the_circumstances(study: Study) -> None:
    project = ("--project", study.folder / "project")
    first = study.run("first", study.lay("in", 0), *project, "-j", 1)
    written, summary = outputs(study.folder / "first"), told(first)
    assert len(written) == summary["written"] > 10
    assert summary["collisions"] == sum("_" in Path(name).stem for name in written)
    shutil.copytree(study.folder / "project", study.folder / "elsewhere" / "p")
    elsewhere = os.environ | {
        "TZ": "Pacific/Kiritimati",
        "LANG": "C",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "4711",
        "HOME": str(study.folder / "elsewhere"),
    }
    again = {
        "workers": study.run("workers", study.folder / "in", *project, "-j", 4),
        "shuffled": study.run("shuffled", study.lay("in shuffled", 7), *project, "-j", 1),
        "elsewhere/out": study.run(
            "elsewhere/out",
            study.lay("elsewhere/in", 3).relative_to(study.folder / "elsewhere"),
            *("--project", "p", "-j", 3),
            cwd=study.folder / "elsewhere",
            env=elsewhere,
            umask=0o077,
        ),
    }
    for name, result in again.items():
        assert outputs(study.folder / name) == written, name
        assert told(result) == summary, name
    assert Counter(written.values()) == the_long_way(study)


def test_instances_that_collide_have_the_same_names_in_any_order(tmp_path: Path) -> None:
    """The first to be finished is no better than the others, nor is the first in the folder."""
    make_project(tmp_path / "project")
    study = Study(tmp_path, list(colliding()), ())
    found = set()
    for seed in range(6):
        source = study.lay(f"in {seed}", seed)
        result = study.run(
            f"out {seed}", source, "--project", tmp_path / "project", "-j", seed // 2 + 1
        )
        assert told(result)["collisions"] == 1 + 2 + 3 + 4 + 5
        assert told(result)["skipped"] == {"duplicate": len(study.files) - 20}
        found.add(tuple(outputs(tmp_path / f"out {seed}").items()))
    assert len(found) == 1
