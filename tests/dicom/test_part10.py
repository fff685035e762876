"""Opening and writing files: what comes out is what went in, and nothing else."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from deident.dicom import part10
from deident.dicom.elements import Element, Span

CT = str(get_testdata_file("CT_small.dcm"))


def pieces(elements: list[Element]) -> list[bytes | Span]:
    """Return the bytes and spans that write an unchanged data set back."""
    chunks: list[bytes | Span] = []
    for element in elements:
        chunks.append(element.raw)
        if element.span is not None:
            chunks.append(element.span)
    return chunks


def rewrite(path: str | os.PathLike[str], target: Path) -> None:
    """Write a file's data set back unchanged, behind new file meta."""
    with part10.open(path) as file, target.open("wb") as out:
        chunks = pieces(file.elements())
        meta = part10.build_meta("1.2.840.10008.5.1.4.1.1.7", "2.25.1", file.transfer_syntax)
        assert part10.write(out.fileno(), meta, chunks, file) == out.seek(0, io.SEEK_END)


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
    rewrite(original, tmp_path / "out.dcm")
    before, after = pydicom.dcmread(original), pydicom.dcmread(tmp_path / "out.dcm")
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    assert after == before


def test_pixel_data_stays_in_the_file() -> None:
    with part10.open(CT) as file:
        pixels = next(e for e in file.elements() if e.tag == 0x7FE00010)
        assert pixels.span is not None
        assert pixels.value == b""
        assert file.read(*pixels.span) == pydicom.dcmread(CT).PixelData
