"""Hypothesis strategies for whole data sets, and the two writers that encode them.

A made data set is a tuple of `(tag, VR, value, undefined)` in order of tags; the value is bytes or,
for a sequence, a tuple of `(data set, undefined)`. `undefined` asks for undefined length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from deident import tables
from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Element, Encoding
from deident.dicom.encode import (
    VRS,
    WORD_SIZES,
    element_bytes,
    element_head,
    item_bytes,
    sequence_bytes,
)

Made = tuple[tuple[int, str, Any, bool], ...]

ENCODINGS = st.sampled_from([EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
_PLAIN = sorted(VRS - {"SQ"})


def _tags() -> dict[str, list[int]]:
    """Return some attributes of every VR, below Pixel Data."""
    found: dict[str, list[int]] = {}
    for attribute in tables.attributes():
        if 0x00080000 < attribute.tag < 0x7FE00000 and len(attribute.vrs) == 1:
            found.setdefault(attribute.vr, []).append(attribute.tag)
    return {vr: tags[:: max(len(tags) // 8, 1)] for vr, tags in found.items()}


TAGS = _tags()
PRIVATE = [0x00291000 + n for n in range(40)]


def values(vr: str) -> st.SearchStrategy[bytes]:
    """Return values of a VR as raw bytes; texts may have an odd length, words are whole."""
    size = WORD_SIZES.get(vr, 1)
    text = st.text("ABCXYZ^\\ 0123456789.=", max_size=40).map(str.encode)
    if size == 1 and vr not in ("OB", "UN"):
        return text
    return st.binary(max_size=64).map(lambda data: data[: len(data) - len(data) % max(size, 2)])


@st.composite
def _elements(draw: st.DrawFn) -> tuple[int, str, bytes, bool]:
    vr = draw(st.sampled_from(_PLAIN))
    tag = draw(st.sampled_from([*TAGS.get(vr, ()), *PRIVATE]))
    return tag, vr, draw(values(vr)), False


def _data_set(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[Made]:
    lists = st.lists(elements, max_size=8, unique_by=lambda element: element[0])
    return lists.map(lambda chosen: tuple(sorted(chosen, key=lambda element: element[0])))


def _sequence(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    items = st.lists(st.tuples(inner, st.booleans()), max_size=3).map(tuple)
    sequence = st.tuples(st.sampled_from(TAGS["SQ"]), st.just("SQ"), items, st.booleans())
    return _data_set(st.one_of(_elements(), sequence))


DATA_SETS: st.SearchStrategy[Made] = st.recursive(_data_set(_elements()), _sequence, max_leaves=8)


def ours(made: Made, encoding: Encoding, *, padded: bool = True) -> bytes:
    """Encode with `deident.dicom.encode`; not padded, values of odd length stay odd."""
    parts = []
    for tag, vr, value, undefined in made:
        if vr == "SQ":
            items = [
                item_bytes(ours(item, encoding, padded=padded), encoding, style)
                for item, style in value
            ]
            parts.append(sequence_bytes(tag, items, encoding, undefined))
        elif padded:
            parts.append(element_bytes(tag, vr, value, encoding))
        else:
            parts.append(element_head(tag, vr, len(value), encoding) + value)
    return b"".join(parts)


def theirs(made: Made, encoding: Encoding) -> bytes:
    """Encode with pydicom."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = not encoding.explicit, encoding.little
    write_dataset(stream, dataset(made, encoding))
    return bytes(stream.getvalue())


def dataset(made: Made, encoding: Encoding) -> Dataset:
    """Return the pydicom data set."""
    result = Dataset()
    for tag, vr, value, undefined in made:
        if vr == "SQ":
            items = []
            for inner, style in value:
                item = dataset(inner, encoding)
                item.is_undefined_length_sequence_item = style
                items.append(item)
            result[tag] = DataElement(tag, vr, Sequence(items), is_undefined_length=undefined)
        else:
            implicit, little = not encoding.explicit, encoding.little
            raw = RawDataElement(Tag(tag), vr, len(value), value, 0, implicit, little)
            result[tag] = raw
    result.set_original_encoding(not encoding.explicit, encoding.little, "iso8859")
    return result


def standard_pad(vr: str) -> bytes:
    """Return what PS3.5 6.2 says that values are padded with."""
    return b"\0" if vr in ("UI", "OB", "UN") else b" "


def no_pad(vr: str) -> bytes:
    """Return nothing: the value stays odd."""
    return b""


def expected(made: Made, encoding: Encoding, pad: Callable[[str], bytes] = standard_pad) -> Made:
    """Return what a reader must find: values padded, in Implicit VR the dictionary's VR."""
    found = []
    for tag, vr, value, undefined in made:
        if vr == "SQ":
            items = tuple((expected(item, encoding, pad), style) for item, style in value)
            found.append((tag, vr, items, undefined))
        else:
            known = vr if encoding.explicit else tables.vr_of(tag) or "UN"
            found.append((tag, known, value + pad(vr) * (len(value) % 2), undefined))
    return tuple(found)


def tree(elements: list[Element]) -> Made:
    """Return our tokens in the form of a made data set."""
    return tuple(
        (
            element.tag,
            element.vr,
            element.value
            if element.items is None
            else tuple((tree(item.elements), item.undefined) for item in element.items),
            element.undefined,
        )
        for element in elements
    )
