"""Whole files through the engine, for tests of what PS3.15 asks of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from deident.app.api import identity_of
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.result import InstanceResult
from deident.errors import InstanceError
from deident.profiles.model import Profile, Rule, Selector
from tests.engine.support import KEY, written
from tests.make import encoded


def keep(tag: int, action: str = "keep", **params: Any) -> Rule:
    """A rule of a profile for one standard attribute."""
    return Rule(Selector("tag", tag), action, params, origin="test")


def engine(*options: str, key: bytes = KEY, details: bool = False, **profile: Any) -> Engine:
    """An engine with a profile of these options and settings."""
    made = Profile("test", options=options, **profile)
    return Engine(Plan(made), identity_of(made, key), details=details)


def outcome(
    source: bytes | Dataset, *options: str, **profile: Any
) -> tuple[bytes, InstanceResult] | str:
    """The new file and what was done, or the code with which the instance is refused."""
    data = source if isinstance(source, bytes) else encoded(_whole(source))
    try:
        with engine(*options, details=True, **profile).prepare_bytes(data) as prepared:
            return written(prepared), prepared.result
    except InstanceError as error:
        return error.code


def cleaned(source: bytes | Dataset, *options: str, **profile: Any) -> Dataset:
    """The new file as pydicom reads it."""
    found = outcome(source, *options, **profile)
    assert not isinstance(found, str), found
    return reread(found[0])


def reread(data: bytes) -> FileDataset:
    """A file in memory as pydicom reads it."""
    return pydicom.dcmread(io.BytesIO(data))


def encoded_as(made: Dataset, syntax: UID) -> bytes:
    """A Part 10 file in another uncompressed syntax; bytes of words must have its order already."""
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.FileMetaInformationGroupLength = 0  # counted on writing
    buffer = io.BytesIO()
    pydicom.dcmwrite(
        buffer,
        made,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        force_encoding=True,
    )
    return buffer.getvalue()


def _whole(made: Dataset) -> FileDataset:
    assert isinstance(made, FileDataset)
    return made


def walk(where: Dataset) -> Iterator[pydicom.DataElement]:
    """Every element at every depth."""
    for element in where:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from walk(item)
