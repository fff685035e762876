"""What of a file is not its data set: preamble, file meta information, bytes behind the end.

PS3.10 7.1. A file is opened by the strict reader alone: outputs are made for it. Where it stops,
what it has read so far is looked at, and all behind it counts as bytes behind the data set.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from deident import tables
from deident.app.audit import rules
from deident.app.audit.findings import Finding
from deident.app.audit.patterns import runs_of_text, search
from deident.dicom import part10
from deident.dicom.elements import Element
from deident.dicom.meta import (
    GROUP_LENGTH,
    MEDIA_STORAGE_SOP_CLASS,
    MEDIA_STORAGE_SOP_INSTANCE,
    TRANSFER_SYNTAX,
    read_preface,
    uid,
)
from deident.dicom.parse import DEFAULT_LIMITS, read_head
from deident.dicom.part10 import Part10File
from deident.dicom.tags import format_path, is_private
from deident.dicom.windows import WindowReader
from deident.errors import InstanceError

PREAMBLE, TRAILING, SECOND = "preamble", "trailing bytes", "file"
_PREAMBLE_LENGTH = 128
_META = frozenset(
    (GROUP_LENGTH, 0x00020001, MEDIA_STORAGE_SOP_CLASS, MEDIA_STORAGE_SOP_INSTANCE,
     TRANSFER_SYNTAX, 0x00020012, 0x00020013)
)  # fmt: skip
_SOP_INSTANCE = 0x00080018
_PIECE = 1 << 20


class Opened(NamedTuple):
    """An output that was opened; the caller closes `file`.

    Attributes:
        file: the opened file.
        elements: of its top level, as far as they could be read.
        error: why the rest could not, else `None`.
        head: its first bytes: preamble, prefix and file meta information.
        tail: bytes behind the last element, up to a megabyte.
    """

    file: Part10File
    elements: list[Element]
    error: InstanceError | None
    head: bytes
    tail: bytes


def open_output(path: str) -> Opened:
    """Open a file and read as many elements as there are.

    Raises:
        InstanceError: it is no DICOM file, or nothing of it can be read.
    """
    file = part10.open(path)
    try:
        error = None
        reader = WindowReader(file.source, file.start, file.header, file.encoding, DEFAULT_LIMITS)
        try:
            reader.read()
        except InstanceError as refusal:
            error = refusal
        head, tail = _ends(path, file, reader.elements)
    except InstanceError:
        file.close()
        raise
    except OSError:
        file.close()
        raise InstanceError("unreadable") from None
    return Opened(file, reader.elements, error, head, tail)


def _ends(path: str, file: Part10File, elements: list[Element]) -> tuple[bytes, bytes]:
    """The bytes in front of the data set and behind it."""
    with open(path, "rb") as raw:  # noqa: PTH123 - the name may be no text
        start = raw.read(_PIECE)
        head = start[: read_preface(start, file.size).start]
        if not file.deflated:
            return head, file.source.read(_end(file, elements), _PIECE)
        raw.seek(len(head))
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        with suppress(zlib.error):
            while not inflater.eof and (data := raw.read(_PIECE)):
                while data and not inflater.eof:
                    inflater.decompress(data, _PIECE)
                    data = inflater.unconsumed_tail
        behind = inflater.unused_data + raw.read(_PIECE - len(inflater.unused_data))
    inside = file.source.read(_end(file, elements), _PIECE)
    return head, inside + behind


def _end(file: Part10File, elements: list[Element]) -> int:
    """Offset in the source of the first byte behind the last element."""
    if not elements:
        return file.start
    last = elements[-1]
    return last.span.offset + last.span.length if last.span else file.start + last.end


def check_frame(opened: Opened, *, uids_kept: bool) -> Iterator[Finding]:
    """Yield what is wrong with a file around its data set."""
    if opened.head[_PREAMBLE_LENGTH:][:4] == b"DICM" and any(opened.head[:_PREAMBLE_LENGTH]):
        yield Finding("preamble", "likely", PREAMBLE, _words(opened.head[:_PREAMBLE_LENGTH]))
    yield from _meta(opened, uids_kept=uids_kept)
    yield from _behind(opened)


def _meta(opened: Opened, *, uids_kept: bool) -> Iterator[Finding]:
    meta = opened.file.meta
    for tag, raw in sorted(meta.items()):
        text = raw.decode("latin-1").strip(" \0")
        if tag not in _META:
            yield Finding("meta", "likely", format_path((), tag), text)
        elif tag not in rules.tags_of("structural_uids") and tag not in (
            GROUP_LENGTH,
            MEDIA_STORAGE_SOP_INSTANCE,
        ):
            for match in search(text, "product"):
                yield Finding(match.code, match.grade, format_path((), tag), match.value)
    named = uid(meta.get(MEDIA_STORAGE_SOP_INSTANCE, b""))
    where = format_path((), MEDIA_STORAGE_SOP_INSTANCE)
    if not uids_kept and not rules.is_made(named):
        yield Finding("uid", "likely", where, named)
    own = next((element for element in opened.elements if element.tag == _SOP_INSTANCE), None)
    if own is not None and uid(own.value) != named:
        yield Finding("meta-differs", "likely", where, named)


def _behind(opened: Opened) -> Iterator[Finding]:
    """Bytes behind the last element; elements that begin anew."""
    tags = [element.tag for element in opened.elements]
    tail = opened.tail.strip(b"\0")
    if any(later <= tag for tag, later in itertools.pairwise(tags)) or b"DICM" in tail:
        yield Finding("second", "likely", SECOND)
    elif tail and not _is_cut_short(opened, max(tags, default=0)):
        yield Finding("trailing", "likely", TRAILING, _words(tail))
    elif opened.tail and len(opened.tail) > 1:
        yield Finding("trailing", "weak", TRAILING)


def _is_cut_short(opened: Opened, last: int) -> bool:
    """Whether what the reader refused begins like the next element: the file is damaged then."""
    if opened.error is None:
        return False
    try:
        tag, *_ = read_head(opened.tail, 0, opened.file.encoding)
    except InstanceError:
        return False
    return tag > last and (is_private(tag) or tables.vr_of(tag) is not None)


def _words(raw: bytes) -> str:
    """What bytes have of text."""
    return " ".join(runs_of_text(raw[:_PREAMBLE_LENGTH]))
