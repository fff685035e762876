"""Identifiers planted into real files: those of the pydicom package and of the samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from deident.dicom import part10
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from tests.leaks.dose import dosed, sample_files, somebody, wheel_files
from tests.leaks.search import found_in
from tests.leaks.test_places import BASIC, KEY, outcome
from tests.raw import DEFLATED_UID, File

_LARGEST = 4 << 20
_PARTS = 4


def without_pixels(data: bytes) -> bytes:
    """A file less its Pixel Data, which nobody has touched; inflated if it is deflated."""
    if DEFLATED_UID.encode() in data[:400]:
        return File.inflated(data)
    with part10.from_bytes(data) as file:
        spans = [element.span for element in file.elements() if element.span is not None]
    for span in reversed(spans):
        data = data[: span.offset] + data[span.offset + span.length :]
    return data


def results(paths: list[Path], profile_options: tuple[str, ...]) -> tuple[int, list[str]]:
    """How many files were written, and what was wrong."""
    profile = BASIC._replace(options=profile_options)
    engine = Engine(Plan(profile), Identity(KEY))
    written, wrong = 0, []
    for number, path in enumerate(paths):
        if path.stat().st_size > _LARGEST:
            continue
        data = path.read_bytes()
        try:
            person = somebody(data, number)
            planted = dosed(data, person)
        except InstanceError:
            continue
        alone = outcome(engine, data)
        result = outcome(engine, planted)
        if isinstance(result, bytes):
            written += 1
            left = found_in(without_pixels(result), person)
            if left:
                wrong.append(f"{path.name} ({person.script}): left {sorted(left)}")
        elif isinstance(alone, bytes):
            wrong.append(f"{path.name} ({person.script}): refused, {result}")
    return written, wrong


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("options", [(), ("retain-safe-private", "retain-device-identity")])
def test_files_of_the_pydicom_package(part: int, options: tuple[str, ...]) -> None:
    paths = wheel_files()[part::_PARTS]
    written, wrong = results(paths, options)
    assert not wrong
    assert written > len(paths) / 2


@pytest.mark.samples
@pytest.mark.parametrize("part", range(_PARTS))
def test_files_of_the_sample_collection(part: int) -> None:
    paths = sample_files()[part::_PARTS]
    written, wrong = results(paths, ())
    assert not wrong
    assert written > len(paths) / 2
