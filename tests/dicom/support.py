"""Helpers of the tests in this folder: write a data set back, unchanged, as bytes and spans."""

from __future__ import annotations

import io
from pathlib import Path

from deident.dicom import part10
from deident.dicom.elements import Element, Span
from deident.dicom.part10 import Part10File

SC = "1.2.840.10008.5.1.4.1.1.7"


def pieces(elements: list[Element]) -> list[bytes | Span]:
    """Return the bytes and spans that write an unchanged data set back."""
    chunks: list[bytes | Span] = []
    for element in elements:
        chunks.append(element.raw)
        if element.span is not None:
            chunks.append(element.span)
    return chunks


def rewrite(file: Part10File, target: Path) -> None:
    """Write a file's data set back unchanged, behind new file meta."""
    with target.open("wb") as out:
        meta = part10.build_meta(SC, "2.25.1", file.transfer_syntax)
        written = part10.write(out.fileno(), meta, pieces(file.elements()), file)
        assert written == out.seek(0, io.SEEK_END)
