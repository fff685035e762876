"""Whole data sets of all VRs, nested, in all encodings: two writers and two readers agree."""

from __future__ import annotations

import io
import tempfile
import warnings
import zlib

from hypothesis import given
from pydicom.filereader import read_dataset

from deident.dicom import part10
from deident.dicom.elements import EXPLICIT_LE, Encoding
from deident.dicom.parse import parse_dataset
from deident.dicom.syntaxes import DEFLATED_EXPLICIT_VR_LE, NATIVE
from tests.dicom.data_sets import (
    DATA_SETS,
    ENCODINGS,
    Made,
    expected,
    no_pad,
    ours,
    theirs,
    tree,
)
from tests.dicom.support import SC, pieces
from tests.dicom.test_oracle import differences


@given(DATA_SETS, ENCODINGS)
def test_we_read_what_we_write(made: Made, encoding: Encoding) -> None:
    data = ours(made, encoding)
    elements = parse_dataset(data, 0, len(data), encoding)
    assert tree(elements) == expected(made, encoding)
    assert b"".join(element.raw for element in elements) == data


@given(DATA_SETS, ENCODINGS)
def test_we_read_what_pydicom_writes(made: Made, encoding: Encoding) -> None:
    data = theirs(made, encoding)
    elements = parse_dataset(data, 0, len(data), encoding)
    assert unpadded(tree(elements)) == unpadded(expected(made, encoding, no_pad))


def unpadded(made: Made) -> list[object]:
    """The same without padding: pydicom pads the text of a data set that names a character set."""
    return [
        (tag, vr, value.rstrip(b" \0"), undefined)
        if isinstance(value, bytes)
        else (tag, vr, [(unpadded(item), flag) for item, flag in value], undefined)
        for tag, vr, value, undefined in made
    ]


@given(DATA_SETS, ENCODINGS)
def test_values_of_odd_length_are_read_as_they_are(made: Made, encoding: Encoding) -> None:
    data = ours(made, encoding, padded=False)
    elements = parse_dataset(data, 0, len(data), encoding)
    assert tree(elements) == expected(made, encoding, no_pad)


@given(DATA_SETS, ENCODINGS)
def test_pydicom_reads_what_we_write(made: Made, encoding: Encoding) -> None:
    data = ours(made, encoding)
    file = part10.from_bytes(part10.build_meta(SC, "2.25.1", NATIVE[encoding]) + data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values are made up, not legal
        dataset = read_dataset(io.BytesIO(data), not encoding.explicit, encoding.little)
        assert list(differences(file.elements(), dataset, file)) == []


@given(DATA_SETS)
def test_deflated_data_sets_are_deflated_again(made: Made) -> None:
    meta = part10.build_meta(SC, "2.25.1", DEFLATED_EXPLICIT_VR_LE)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = meta + deflater.compress(ours(made, EXPLICIT_LE)) + deflater.flush()
    file = part10.from_bytes(data)
    assert tree(file.elements()) == expected(made, EXPLICIT_LE)
    with tempfile.TemporaryFile() as out:
        size = part10.write(out.fileno(), meta, pieces(file.elements()), file)
        out.seek(0)
        again = out.read()
    assert len(again) == size
    assert (size - len(meta)) % 2 == 0
    assert tree(part10.from_bytes(again).elements()) == tree(file.elements())
