"""Elements, contexts and data sets made by hand for the engine's tests."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from deident.dicom.charsets import Charset
from deident.dicom.elements import EXPLICIT_LE, Element, Encoding, Item, Path, Span
from deident.dicom.values import NUMBER_CODES, unpack_numbers
from deident.engine.actions import REGISTRY
from deident.engine.context import Context
from deident.engine.decision import Decision, NewItems, Subject
from deident.engine.process import Prepared
from deident.engine.pseudonyms import Identity
from deident.profiles.catalog import check_params
from deident.profiles.model import Profile

KEY = bytes(range(32))
IDENTITY = Identity(KEY)


def element(tag: int, vr: str, raw: bytes | str = b"", encoding: Encoding = EXPLICIT_LE) -> Element:
    """One element whose buffer is its value."""
    value = raw.encode() if isinstance(raw, str) else raw
    return Element(tag, vr, vr, value, 0, 0, len(value), len(value), encoding)


def sequence(tag: int, *items: Iterable[Element]) -> Element:
    """One sequence element with these items."""
    made = [Item(list(item), b"", 0, 0, 0, 0, EXPLICIT_LE) for item in items]
    return Element(tag, "SQ", "SQ", b"", 0, 0, 0, 0, EXPLICIT_LE, items=made)


def bulk(tag: int, vr: str, length: int) -> Element:
    """One element whose value was not loaded."""
    return Element(tag, vr, vr, b"", 0, 0, 0, 0, EXPLICIT_LE, span=Span(0, length))


def context(
    *elements: Element,
    patient: str | None = "12345",
    charset: bytes | None = None,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.2",
    identity: Identity = IDENTITY,
    profile: Profile | None = None,
) -> Context:
    """A context whose header holds the elements and the Patient ID."""
    header = {entry.tag: entry for entry in elements}
    if patient is not None:
        header.setdefault(0x00100020, element(0x00100020, "LO", patient))
    return Context(identity, profile or Profile("test"), Charset.of(charset), sop_class, header)


def subject(
    tag: int,
    vr: str,
    value: bytes | str = b"",
    *,
    type_: str | None = None,
    path: Path = (),
    encoding: Encoding = EXPLICIT_LE,
    charset: Charset | None = None,
) -> Subject:
    """One element as an action sees it; a sequence where the VR is SQ."""
    raw = value.encode() if isinstance(value, str) else value
    return Subject(tag, vr, raw, path, type_, encoding, vr == "SQ", charset)


def act(name: str, what: Subject, where: Context | None = None, **params: Any) -> Decision:
    """Carry an action out, with its parameters checked as a profile's are."""
    entry = REGISTRY[name]
    return entry.function(what, where or context(), check_params(entry.spec, params))


def to_dataset(items: NewItems) -> list[Dataset]:
    """New items as pydicom data sets."""
    return [_one(item) for item in items]


def _one(item: Iterable[tuple[int, str, bytes | NewItems]]) -> Dataset:
    made = Dataset()
    for tag, vr, value in item:
        shown: Any
        if isinstance(value, tuple):
            shown = to_dataset(value)
        elif vr in NUMBER_CODES:
            shown = list(unpack_numbers(vr, value, EXPLICIT_LE))
        else:
            shown = value if vr == "OB" else value.decode("ascii")
        made.add_new(tag, vr, shown)
    return made


def dciodvfy(dataset: Dataset) -> set[str]:
    """Errors that dciodvfy finds in a data set; the test is skipped where it is not installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "made.dcm"
        dataset.save_as(path, enforce_file_format=True)
        done = subprocess.run(
            ["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False
        )
    lines = (done.stdout + done.stderr).splitlines()
    return {line for line in lines if line.startswith("Error")}


def written(prepared: Prepared) -> bytes:
    """The new file, committed."""
    with tempfile.TemporaryFile() as file:
        size = prepared.write(file.fileno())
        prepared.commit()
        file.seek(0)
        data = file.read()
    assert len(data) == size
    return data
