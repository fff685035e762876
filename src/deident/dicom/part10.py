"""Open and write DICOM files (PS3.10 chapter 7): file meta, header in memory, pixel data in place.

`open` reads one window of the file and parses the file meta information; `Part10File.elements`
parses the data set. Values of Pixel Data and other large top-level values stay in the file as
`Span`s, and `write` has them copied from there.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from deident._version import __version__
from deident.dicom.elements import Element, Encoding, Span
from deident.dicom.meta import Preface, parse_meta, read_preface
from deident.dicom.parse import DEFAULT_LIMITS, PIXEL_DATA, Limits
from deident.dicom.source import (
    AssembledSource,
    FileSource,
    InflatedSource,
    MemorySource,
    Source,
    chunk_length,
    reserve,
    write_all,
)
from deident.dicom.syntaxes import SYNTAXES
from deident.dicom.windows import WINDOW, WindowReader, bulk_span
from deident.errors import InstanceError

_SMALLEST_WINDOW = 1 << 10
_LARGEST_META = 1 << 20

IMPLEMENTATION_CLASS_UID = "2.25.219389732997307827220152896057271015444"
IMPLEMENTATION_VERSION_NAME = f"DEIDENT_{__version__}"[:16]


class Part10File:
    """An opened DICOM file; close it, or use it in a `with` statement.

    Attributes:
        path: as it was opened.
        size: bytes of the file.
        meta: file meta information: tag → raw value. Nothing of it is ever copied.
        transfer_syntax: UID of the syntax that the data set is really encoded in.
        encoding: how the data set is encoded.
        deflated: the file's data set is deflated; offsets and `header` count inflated bytes.
        notes: what was odd but could be read: `no-preamble`, `no-meta`, `syntax-guessed`,
            `syntax-corrected`, `trailing-bytes`, `lenient`.
        source: the bytes; `Span`s count in it.
        start: offset of the data set in `source`.
        header: the source's bytes from `start` on, as far as they have been read (`grow`); may run
            into pixel data.
    """

    __slots__ = (
        "_elements",
        "_limits",
        "deflated",
        "encoding",
        "header",
        "meta",
        "notes",
        "path",
        "size",
        "source",
        "start",
        "transfer_syntax",
    )

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int,
        source: Source,
        start: int,
        header: bytes,
        *,
        meta: dict[int, bytes],
        transfer_syntax: str,
        encoding: Encoding,
        deflated: bool,
        notes: tuple[str, ...],
        limits: Limits,
    ) -> None:
        self.path = path
        self.size = size
        self.source = source
        self.start = start
        self.header = header
        self.meta = meta
        self.transfer_syntax = transfer_syntax
        self.encoding = encoding
        self.deflated = deflated
        self.notes = notes
        self._limits = limits
        self._elements: list[Element] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; elements already parsed stay valid, spans do not."""
        self.source.close()

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes of the source from `offset`; fewer only at its end."""
        return self.source.read(offset, length)

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Write `length` bytes of the source from `offset` to `fd`.

        Raises:
            InstanceError: `changed` if the source has become shorter.
            OSError: reading or writing failed.
        """
        self.source.copy_to(fd, offset, length)

    def grow(self, length: int) -> None:
        """Read on until `header` has `length` bytes or the source ends.

        Raises:
            InstanceError: `too-large` beyond the limit for headers.
        """
        have = len(self.header)
        if length > self._limits.header:
            raise InstanceError("too-large", "the header is larger than the limit")
        if length > have:
            self.header += self.source.read(self.start + have, length - have)

    def elements(self) -> list[Element]:
        """Return the top-level elements in file order, parsed once.

        Raises:
            InstanceError: what `parse.parse_dataset` raises, `too-large`, `bad-deflate`, `changed`.
        """
        if self._elements is None:
            reader = WindowReader(self.source, self.start, self.header, self.encoding, self._limits)
            self._elements = reader.read()
            self.header = reader.header
            self.notes += reader.notes
            self._refuse_unnamed_compression()
        return self._elements

    def bulk_at(self, value: int, length: int) -> Span | None:
        """Return the span of a bulk value from where it starts in `header` and its length.

        `None` if it does not lie in the source: then `elements` will say why.
        """
        try:
            return bulk_span(self.source, self.start + value, length, self.encoding)
        except InstanceError:
            return None

    def _refuse_unnamed_compression(self) -> None:
        """`unknown-transfer-syntax` for fragments that no transfer syntax explains."""
        if "syntax-guessed" not in self.notes:
            return
        for element in self._elements or ():
            if element.tag == PIXEL_DATA and element.undefined:
                raise InstanceError("unknown-transfer-syntax", offset=self.start + element.start)


def open(
    path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS, *, window: int = WINDOW
) -> Part10File:
    """Open a DICOM file, read its first `window` bytes and parse its file meta information.

    Raises:
        InstanceError: `vanished`, `unreadable`, `empty-file`, `not-dicom`, `bad-meta`,
            `unknown-transfer-syntax`, `bad-deflate`.
    """
    source = _open_source(path)
    try:
        return _open(path, source, limits, max(window, _SMALLEST_WINDOW))
    except OSError:
        source.close()
        raise InstanceError("unreadable") from None
    except InstanceError:
        source.close()
        raise


def _open_source(path: str | os.PathLike[str]) -> FileSource:
    try:  # non-blocking: a named pipe must not hang the run
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise InstanceError("vanished") from None
    except (OSError, ValueError):
        raise InstanceError("unreadable") from None
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return FileSource(fd, status.st_size)
    os.close(fd)
    raise InstanceError("empty-file" if stat.S_ISREG(status.st_mode) else "unreadable")


def _open(
    path: str | os.PathLike[str], file: FileSource, limits: Limits, window: int
) -> Part10File:
    data = file.read(0, window)
    try:
        preface = read_preface(data, file.size)
    except InstanceError as error:
        if error.code != "bad-meta" or len(data) >= min(file.size, _LARGEST_META):
            raise
        data = file.read(0, _LARGEST_META)
        preface = read_preface(data, file.size)
    return _part10(path, file, preface, data, limits, window)


def from_bytes(
    data: bytes,
    *,
    path: str | os.PathLike[str] = "",
    limits: Limits = DEFAULT_LIMITS,
    notes: tuple[str, ...] = (),
    window: int = WINDOW,
) -> Part10File:
    """Read a DICOM file that is in memory. Raises what `open` raises."""
    if not data:
        raise InstanceError("empty-file")
    preface = read_preface(data, len(data))
    preface = preface._replace(notes=(*preface.notes, *notes))
    return _part10(path, MemorySource(data), preface, data[:window], limits, window)


def _part10(
    path: str | os.PathLike[str],
    file: FileSource | MemorySource,
    preface: Preface,
    data: bytes,
    limits: Limits,
    window: int,
) -> Part10File:
    """Put the opened file together; a deflated data set gets its inflated bytes as the source."""
    syntax = SYNTAXES[preface.transfer_syntax]
    source: Source = file
    start, header = preface.start, data[preface.start :]
    if syntax.deflated:
        source = InflatedSource(file, start, limits.inflated, limits.ratio)
        start, header = 0, source.read(0, window)
    return Part10File(
        path,
        file.size,
        source,
        start,
        header,
        meta=preface.meta,
        transfer_syntax=preface.transfer_syntax,
        encoding=syntax.encoding,
        deflated=syntax.deflated,
        notes=preface.notes,
        limits=limits,
    )


def build_meta(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Return preamble, prefix and file meta information, all new (PS3.10 7.1, table 7.1-1).

    Nothing in it comes from the source but the three UIDs that the caller gives.
    """
    body = b"".join(
        (
            b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01",
            _meta_uid(0x0002, sop_class),
            _meta_uid(0x0003, sop_instance),
            _meta_uid(0x0010, transfer_syntax),
            _OUR_META,
        )
    )
    return b"%bDICM\x02\0\0\0UL\x04\0%b%b" % (_PREAMBLE, struct.pack("<L", len(body)), body)


def _meta_uid(number: int, uid: str) -> bytes:
    return _meta_text(number, b"UI", uid.encode("ascii"), b"\0")


def _meta_text(number: int, vr: bytes, value: bytes, pad: bytes) -> bytes:
    if len(value) & 1:
        value += pad
    return struct.pack("<HH2sH", 0x0002, number, vr, len(value)) + value


_PREAMBLE = bytes(128)
_OUR_META = _meta_uid(0x0012, IMPLEMENTATION_CLASS_UID) + _meta_text(
    0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode("ascii"), b" "
)


def assembled(meta: bytes, chunks: Sequence[bytes | Span], source: Part10File) -> Part10File:
    """Return what `write` would write, to look at; it lives as long as `source` is open."""
    data = AssembledSource(chunks, source.source)
    return Part10File(
        source.path,
        len(meta) + data.size,
        data,
        0,
        data.read(0, WINDOW),
        meta=parse_meta(meta, len(_PREAMBLE) + 4, len(meta))[0],
        transfer_syntax=source.transfer_syntax,
        encoding=source.encoding,
        deflated=False,
        notes=(),
        limits=source._limits,
    )


def write(fd: int, meta: bytes, chunks: Sequence[bytes | Span], source: Part10File) -> int:
    """Write a file: `meta` as it is, then the data set, deflated if the source's was.

    Args:
        meta: from `build_meta`.
        chunks: the encoded data set; a `Span` stands for bytes of the source.

    Returns:
        How many bytes were written.

    Raises:
        InstanceError: `changed` if the source has become shorter.
        OSError: reading or writing failed.
    """
    if source.deflated:
        return _write_deflated(fd, meta, chunks, source)
    pending = [meta]
    reserve(fd, len(meta) + sum(map(chunk_length, chunks)))
    total = 0
    for chunk in chunks:
        if isinstance(chunk, Span):
            total += _flush(fd, pending)
            source.copy_to(fd, chunk.offset, chunk.length)
            total += chunk.length
        else:
            pending.append(chunk)
    return total + _flush(fd, pending)


def _flush(fd: int, pending: list[bytes]) -> int:
    """Write what has gathered with one call and forget it; return how many bytes that were."""
    data = pending[0] if len(pending) == 1 else b"".join(pending)
    pending.clear()
    if data:
        write_all(fd, data)
    return len(data)


def _write_deflated(
    fd: int, meta: bytes, chunks: Sequence[bytes | Span], source: Part10File
) -> int:
    """PS3.5 A.5: the file meta as it is, the data set as one deflate stream of even length."""
    write_all(fd, meta)
    total = len(meta)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for piece in _pieces(chunks, source.source):
        data = deflater.compress(piece)
        write_all(fd, data)
        total += len(data)
    data = deflater.flush()
    data += b"\0" * ((total + len(data) - len(meta)) & 1)
    write_all(fd, data)
    return total + len(data)


def _pieces(chunks: Sequence[bytes | Span], source: Source) -> Iterator[bytes]:
    for chunk in chunks:
        if isinstance(chunk, Span):
            yield from source.chunks(chunk.offset, chunk.length)
        else:
            yield chunk
