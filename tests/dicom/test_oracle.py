"""pydicom is the oracle: our tree of every file it reads is its data set, and re-writes equal.

Compared at every depth: tags, VR as encoded, raw bytes of every value, number of items. Where the
two readers are meant to differ, `REFUSED`, `MISREAD`, `LENIENT` and `same_vr` say why.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path

import pydicom
import pytest
from _pytest.mark.structures import ParameterSet
from pydicom.data import get_charset_files, get_testdata_files
from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from deident import tables
from deident.dicom import lenient, part10
from deident.dicom.elements import Element
from deident.dicom.part10 import Part10File
from deident.errors import InstanceError
from tests.conftest import samples_folder
from tests.dicom.support import rewrite

# Files that pydicom reads at least in part and that we refuse: name → (code, why).
REFUSED = {
    "MR_truncated.dcm": ("bad-length", "pixel data are cut short"),
    "emri_small_jpeg_2k_lossless_too_short.dcm": ("bad-length", "fragments are cut short"),
    "3gb-bulk-data-truncated": ("bad-length", "a value claims 3 GB"),
    "rtplan_truncated.dcm": ("bad-length", "ends inside a sequence"),
    "testspectrum.dcm": ("bad-length", "spectroscopy data are cut short"),
    "GH626.dcm": ("bad-length", "an explicit item in a private value of wrong length"),
    "GH1339.dcm": ("bad-length", "fragments without end: pydicom returns an empty data set"),
    "GH179A.dcm": ("bad-vr", "a VR of two spaces: pydicom reads all behind it as one value"),
    "FreezePattern.dcm": ("bad-vr", "items behind a sequence of length 0"),
    "GH364.dcm": ("bad-vr", "items behind a sequence of length 0"),
}
# Files that we read and pydicom does not, or takes for something else: name → why.
MISREAD = {
    "GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm": "GE's private transfer syntax",
    "JLSL_RGB_ILV0.dcm": "file meta without preamble: part of the data set for pydicom",
    "JLSL_RGB_ILV2.dcm": "file meta without preamble: part of the data set for pydicom",
    "no_preamble_dicm_in_data": "DICM at byte 128 by chance: the prefix for pydicom",
}
# Read by the second reading only: name → why.
LENIENT = {
    "SC_rgb_jpeg.dcm": "Implicit VR in an encapsulated transfer syntax",
    "DICOMDIR-nooffset": "the last item claims more than its sequence has",
}
OTHER_FILES = (".txt", ".md", ".csv", ".json", ".dump", ".gz", ".icc", "README", "no_meta.dcm")


def wheel_files() -> list[Path]:
    """Return the DICOM files that come with pydicom."""
    found = {Path(name) for name in [*get_testdata_files(), *get_charset_files("*")]}
    return sorted(path for path in found if path.is_file() and is_dicom(path))


def sample_files() -> list[Path]:
    """Return the DICOM files of the sample collection, if it is there."""
    folder = samples_folder()
    if folder is None:
        return []
    found = (path for path in folder.rglob("*") if path.is_file() and "LICENSES" not in path.parts)
    return sorted(path for path in found if is_dicom(path))


def is_dicom(path: Path) -> bool:
    return not path.name.endswith(OTHER_FILES)


FILES = [(path, ()) for path in wheel_files()] + [
    (path, (pytest.mark.samples,)) for path in sample_files()
]


def readable(*besides: dict[str, str]) -> list[ParameterSet]:
    """Return the files that both readers read, without those in `besides`."""
    left_out = {name for names in (REFUSED, *besides) for name in names}
    return [
        pytest.param(path, id=path.name, marks=marks)
        for path, marks in FILES
        if path.name not in left_out
    ]


def only(names: Collection[str]) -> list[ParameterSet]:
    """Return the files with these names; a skipped stand-in where none of them is there."""
    found = [
        pytest.param(path, id=path.name, marks=marks) for path, marks in FILES if path.name in names
    ]
    return found or [pytest.param(Path(), id="samples", marks=pytest.mark.samples)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read(path: Path) -> Part10File:
    """Open a file as the engine does: our reader first, then the lenient one."""
    try:
        file = part10.open(path)
        file.elements()
    except InstanceError as refusal:
        try:
            return lenient.reread(path)
        except InstanceError:
            raise refusal from None
    return file


def differences(
    elements: list[Element], dataset: Dataset, file: Part10File, where: str = ""
) -> Iterator[str]:
    """Yield where our elements are not pydicom's."""
    expected = [int(tag) for tag in dataset.keys()]  # noqa: SIM118 -- iterating gives elements
    if [element.tag for element in elements] != expected:
        yield f"{where}: tags"
        return
    for element in elements:
        here = f"{where}/{element.tag:08X}"
        raw = dataset.get_item(element.tag, keep_deferred=True)
        if isinstance(raw, RawDataElement):
            if element.raw_vr != raw.VR:
                yield f"{here}: VR as encoded is {element.raw_vr}, not {raw.VR}"
            if (raw.value or b"") != raw_value(element, file):
                yield f"{here}: value"
        theirs = dataset[element.tag]
        if not same_vr(element, str(theirs.VR)):
            yield f"{here}: VR is {element.vr}, not {theirs.VR}"
        if element.items is not None and theirs.VR == "SQ":
            if len(element.items) != len(theirs.value):
                yield f"{here}: number of items"
            for number, (item, inner) in enumerate(zip(element.items, theirs.value, strict=False)):
                yield from differences(item.elements, inner, file, f"{here}[{number}]")


def raw_value(element: Element, file: Part10File) -> bytes:
    """Return a value as pydicom has it: of fragments without the delimiter."""
    if element.span is None:
        return element.value
    value = file.read(*element.span)
    return value[:-8] if element.undefined else value


def same_vr(element: Element, theirs: str) -> bool:
    """Whether our VR is theirs, or differs for one of the reasons here."""
    if element.vr == theirs:
        return True
    private = element.tag >> 16 & 1
    if element.vr == "UN" and element.raw_vr in (None, "UN") and private:
        return True  # pydicom has dictionaries of private attributes
    if theirs == "UN" and element.raw_vr in (None, "UN") and not dictionary_has_tag(element.tag):
        return True  # newer than pydicom's dictionary
    if not element.tag & 0xFFFF and element.vr == "UL":
        return True  # group length of a group that pydicom does not know
    if element.raw_vr in (None, "UN") and element.vr in ("US", "OW"):
        attribute = tables.attribute(element.tag)
        # pydicom looks at Pixel Representation
        return attribute is not None and all(vr in attribute.vrs for vr in theirs.split(" or "))
    return False


@pytest.mark.parametrize("path", readable(MISREAD, LENIENT))
def test_our_tree_is_pydicoms(path: Path) -> None:
    with part10.open(path) as file:
        assert list(differences(file.elements(), pydicom.dcmread(path, force=True), file)) == []


@pytest.mark.parametrize("path", readable(MISREAD))
def test_rewritten_unchanged_it_reads_equal(path: Path, tmp_path: Path) -> None:
    with read(path) as file:
        assert ("lenient" in file.notes) == (path.name in LENIENT)
        rewrite(file, tmp_path / "again")
    before, after = pydicom.dcmread(path, force=True), pydicom.dcmread(tmp_path / "again")
    assert after == before
    assert pixels(after) == pixels(before)


@pytest.mark.parametrize("path", only(MISREAD))
def test_what_pydicom_takes_for_something_else_is_read(path: Path, tmp_path: Path) -> None:
    with part10.open(path) as file:
        rewrite(file, tmp_path / "again")
        with part10.open(tmp_path / "again") as again:
            tags = [element.tag for element in file.elements()]
            assert [element.tag for element in again.elements()] == tags
            assert len(tags) > 10


@pytest.mark.parametrize("path", only(REFUSED))
def test_damaged_files_are_refused_by_both_readings(path: Path) -> None:
    with pytest.raises(InstanceError) as caught:
        read(path)
    assert caught.value.code == REFUSED[path.name][0]


def pixels(dataset: Dataset) -> str:
    names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    digest = hashlib.sha256()
    for name in names:
        digest.update(bytes(dataset.get(name) or b""))
    return digest.hexdigest()
