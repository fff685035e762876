"""Second reading, through pydicom, of what our reader refuses; encoded anew and read by our reader.

pydicom reads much that is not right and says little about what it skipped. A reading counts only
if nothing was lost. The rules, each of which refuses:

1. The file has the prefix of PS3.10, fits into memory (`Limits.header`), and is not deflated.
2. Every byte between the first element and the end of the file belongs to an element that pydicom
   returned: the sizes of heads, values, items and delimiters add up exactly, at every depth, and
   every item begins with an item's tag; zeros at the very end may be left. So nothing was cut
   short, skipped, or overwritten by a duplicate.
3. Tags ascend in every data set, and none is a delimiter or belongs to group 0000 or 0002: bytes
   that were taken for elements by mistake practically never look like that.
4. The transfer syntax is known. The data set is written as it says: Implicit VR elements of an
   explicit syntax get their VR from the dictionary (US or SS by Pixel Representation), VRs that
   do not exist become `UN`.
5. Our reader accepts the result.

pydicom is imported when it is needed; its warnings and log lines, which may hold values, are muted.
"""

from __future__ import annotations

import io
import logging
import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from deident import tables
from deident.dicom import part10
from deident.dicom.elements import UNDEFINED_LENGTH, Encoding
from deident.dicom.encode import VRS, element_bytes, element_head, item_bytes, sequence_bytes
from deident.dicom.meta import (
    MEDIA_STORAGE_SOP_CLASS,
    MEDIA_STORAGE_SOP_INSTANCE,
)
from deident.dicom.parse import DEFAULT_LIMITS, LONG_VRS, Limits
from deident.dicom.syntaxes import NATIVE, SYNTAXES
from deident.errors import InstanceError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset, FileDataset

_PREFIX_END = 132  # preamble and prefix (PS3.10 7.1)
_LONG = frozenset(LONG_VRS.values())
_FIRST_TAG = 0x00030000  # behind the command group and the file meta information
_DELIMITERS = 0xFFFE
_ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
_PIXEL_REPRESENTATION = 0x00280103


class _RefusedError(Exception):
    """One of the rules above does not hold."""


def reread(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> part10.Part10File:
    """Read with pydicom a file that our reader refused.

    Returns:
        The file as newly encoded, in memory, with the note `lenient`.

    Raises:
        InstanceError: `bad-structure`, this reading does not succeed either; the first one's error
            says more. `unreadable`.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib would cost a tenth of a start)
            data = file.read(_PREFIX_END)
            if _prefixed(data):
                data += file.read(limits.header + 1 - len(data))
    except OSError:
        raise InstanceError("unreadable") from None
    return reread_bytes(data, limits, path=path)


def reread_bytes(
    data: bytes, limits: Limits = DEFAULT_LIMITS, *, path: str | os.PathLike[str] = ""
) -> part10.Part10File:
    """Read with pydicom a file in memory that our reader refused; see `reread`."""
    if not _prefixed(data) or len(data) > limits.header:
        raise InstanceError("bad-structure")
    try:
        with _muted():
            encoded = _encoded(data)
        file = part10.from_bytes(encoded, path=path, limits=limits, notes=("lenient",))
        file.size = len(data)
        file.elements()
    except Exception:  # noqa: BLE001 -- whatever pydicom stumbles over, the file is refused
        raise InstanceError("bad-structure", "a second reading would lose data") from None
    return file


def _prefixed(data: bytes) -> bool:
    return data[_PREFIX_END - 4 : _PREFIX_END] == b"DICM"


def _encoded(data: bytes) -> bytes:
    """Return the whole file as newly encoded, refused if a rule does not hold."""
    import pydicom

    whole = pydicom.dcmread(io.BytesIO(data))
    syntax = str(whole.file_meta.get("TransferSyntaxUID") or _native(whole))
    known = SYNTAXES.get(syntax)
    if known is None or known.deflated:
        raise _RefusedError
    body = _encode(_data_set(whole, data), known.encoding)
    return (
        part10.build_meta(
            _text(whole, MEDIA_STORAGE_SOP_CLASS), _text(whole, MEDIA_STORAGE_SOP_INSTANCE), syntax
        )
        + body
    )


@contextmanager
def _muted() -> Iterator[None]:
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _native(read: FileDataset) -> str:
    implicit, little = read.original_encoding
    return NATIVE[Encoding(explicit=not implicit, little=bool(little))]


def _text(read: FileDataset, tag: int) -> str:
    return str(read.file_meta[tag].value) if tag in read.file_meta else ""


# -- accounting: rules 2 and 3 --------------------------------------------------------------------


def _data_set(whole: FileDataset, data: bytes) -> Dataset:
    """Read the data set once more, with nothing decoded, and refuse it unless it is all there."""
    from pydicom.filereader import read_dataset

    if min(whole.keys(), default=0) < _FIRST_TAG:
        raise _RefusedError
    first = _raw(whole, next(iter(whole.keys())))
    offset = first.value_tell if isinstance(first, tuple) else first.file_tell
    if offset is None:
        raise _RefusedError
    start = offset - _head_size(first, whole)
    stream = io.BytesIO(data)
    stream.seek(start)
    implicit, little = whole.original_encoding
    read = read_dataset(stream, bool(implicit), bool(little))
    end = start + _data_set_size(read, data)
    if end > len(data) or data[end:].strip(b"\0"):
        raise _RefusedError
    return read


def _raw(dataset: Dataset, tag: int) -> DataElement | RawDataElement:
    """Return an element as it was read; only sequences of undefined length come parsed."""
    return cast("DataElement | RawDataElement", dataset.get_item(tag, keep_deferred=True))


def _data_set_size(dataset: Dataset, buf: bytes) -> int:
    """Return how many bytes of `buf` the elements of a data set took as they were read from it."""
    total, last = 0, _FIRST_TAG - 1
    for tag in map(int, dataset.keys()):
        if tag <= last or tag >> 16 == _DELIMITERS:
            raise _RefusedError
        last = tag
        element = _raw(dataset, tag)
        total += _head_size(element, dataset) + _value_size(element, buf)
    return total


def _head_size(element: DataElement | RawDataElement, dataset: Dataset) -> int:
    if isinstance(element, tuple):
        return 12 if element.VR in _LONG else 8  # the VR is None in Implicit VR
    return 12 if element.VR in _LONG and not dataset.original_encoding[0] else 8


def _value_size(element: DataElement | RawDataElement, buf: bytes) -> int:
    if not isinstance(element, tuple):
        return _items_size(element.value, buf) + 8
    value = element.value or b""
    if element.length == UNDEFINED_LENGTH:
        return len(value) + 8
    if len(value) != element.length:
        raise _RefusedError
    if _vr(element) == "SQ" and _items_size(_parsed(element), value) != len(value):
        raise _RefusedError
    return len(value)


def _parsed(element: RawDataElement) -> Sequence[Dataset]:
    """Return the items of a sequence of defined length, none of them decoded."""
    from pydicom.values import convert_SQ

    return convert_SQ(element.value or b"", element.is_implicit_VR, element.is_little_endian)


def _items_size(items: Sequence[Dataset], buf: bytes) -> int:
    """Return how many bytes items took; refuse what pydicom took for one without looking."""
    total = 0
    for item in items:
        start = item.seq_item_tell
        if start is None or buf[start : start + 4] != _ITEM[bool(item.original_encoding[1])]:
            raise _RefusedError
        end = 8 if item.is_undefined_length_sequence_item else 0
        total += 8 + _data_set_size(item, buf) + end
    return total


# -- encoding: rule 4 -----------------------------------------------------------------------------


def _vr(element: RawDataElement) -> str:
    """Return the VR as encoded or from the dictionary; `UN` for one that does not exist."""
    vr: str | None = element.VR
    known = tables.vr_of(element.tag) or "UN"
    if vr is None or vr == "OB or OW":  # what pydicom calls fragments in Implicit VR
        return known
    if vr == "UN" and known == "SQ":
        return known
    return vr if vr in VRS else "UN"


def _encode(dataset: Dataset, encoding: Encoding, signed: bool = False) -> bytes:
    """Encode a data set; `signed` is Pixel Representation of the data set around it."""
    elements = [_raw(dataset, tag) for tag in map(int, dataset.keys())]
    for element in elements:
        if element.tag == _PIXEL_REPRESENTATION and isinstance(element, tuple):
            signed = b"\1" in (element.value or b"")
    return b"".join(_element(element, encoding, signed) for element in elements)


def _element(element: DataElement | RawDataElement, encoding: Encoding, signed: bool) -> bytes:
    tag = int(element.tag)
    if not isinstance(element, tuple):
        items = _items(element.value, encoding, signed)
        return sequence_bytes(tag, items, encoding, undefined=True)
    if element.is_little_endian != encoding.little:
        raise _RefusedError
    vr, value = _vr(element), element.value or b""
    if vr == "SQ":
        return sequence_bytes(tag, _items(_parsed(element), encoding, signed), encoding)
    if vr == "US" and signed and element.VR is None:
        attribute = tables.attribute(tag)
        vr = "SS" if attribute and "SS" in attribute.vrs else vr
    if element.length == UNDEFINED_LENGTH:
        delimiter = struct.pack("<HHL" if encoding.little else ">HHL", _DELIMITERS, 0xE0DD, 0)
        head = element_head(tag, "OB" if vr == "OW" else vr, UNDEFINED_LENGTH, encoding)
        return head + value + delimiter  # fragments are OB (PS3.5 A.4)
    return element_bytes(tag, vr, value, encoding)


def _items(items: Sequence[Dataset], encoding: Encoding, signed: bool) -> list[bytes]:
    return [
        item_bytes(
            _encode(item, encoding, signed), encoding, bool(item.is_undefined_length_sequence_item)
        )
        for item in items
    ]
