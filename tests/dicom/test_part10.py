"""Opening and writing files: what comes out is what went in, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from deident.dicom import part10
from tests.dicom.support import rewrite

CT = str(get_testdata_file("CT_small.dcm"))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
        "rtplan.dcm",
    ],
)
def test_rewriting_keeps_the_data_set(name: str, tmp_path: Path) -> None:
    original = str(get_testdata_file(name))
    with part10.open(original) as file:
        rewrite(file, tmp_path / "out.dcm")
    before, after = pydicom.dcmread(original), pydicom.dcmread(tmp_path / "out.dcm")
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert after == before


def test_pixel_data_stays_in_the_file() -> None:
    with part10.open(CT) as file:
        pixels = next(e for e in file.elements() if e.tag == 0x7FE00010)
        assert pixels.span is not None
        assert pixels.value == b""
        assert file.read(*pixels.span) == pydicom.dcmread(CT).PixelData
