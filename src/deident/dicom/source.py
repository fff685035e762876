"""Where the bytes of a data set come from: a file, a deflated file, or memory.

All three read by offset and copy ranges to a file descriptor without holding them. A source that
turns out shorter than it said raises `InstanceError("changed")`.
"""

from __future__ import annotations

import errno
import os
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import Protocol

from deident.dicom.elements import Span
from deident.errors import InstanceError

CHUNK = 1 << 20
# The kernel copies whole pages. Where source and target lie differently in theirs, it writes every
# page twice, and one buffer that is used again and again is faster; so it is for small values.
_PAGE = 4096
_KERNEL_COPY = 4 * CHUNK
_WORTH_RESERVING = CHUNK >> 3
_MOUNTS = "/proc/self/mountinfo"
_QUICK_FILE_SYSTEMS = frozenset(("ext4", "xfs", "btrfs", "f2fs", "tmpfs"))
_BUFFERS: list[bytearray] = []  # those that no thread is using
# What a file system or a pair of descriptors answers that cannot do this kind of copy.
_NOT_HERE = frozenset(
    (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)
)


class Source(Protocol):
    """Bytes by offset. `size` is the number of bytes."""

    @property
    def size(self) -> int:
        """Number of bytes in the source."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        ...

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield exactly `length` bytes from `offset` in pieces of bounded size."""
        ...

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Write `length` bytes from `offset` to `fd`."""
        ...

    def close(self) -> None:
        """Give back what the source holds open."""
        ...


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`, however often the kernel writes less than it was given."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(data):
            written += os.write(fd, view[written:])


def reserve(fd: int, size: int) -> None:
    """Have the file system allocate `size` bytes for a new file, where it can do so at once.

    Blocks that are allocated together cost a fraction of those allocated page by page, and a full
    disk says so before anything is copied.

    Raises:
        OSError: there is not so much room.
    """
    if size >= _WORTH_RESERVING and _reserves_quickly(os.fstat(fd).st_dev):
        os.posix_fallocate(fd, 0, size)


@cache
def _reserves_quickly(device: int) -> bool:
    """Whether the kernel allocates without writing; elsewhere the C library writes every block."""
    name = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:  # noqa: PTH123 (starts faster)
            fields = [line.split(" - ") for line in mounts if line.split(" ", 3)[2] == name]
    except FileNotFoundError:  # no Linux, or no /proc in this container
        return False
    return any(field[-1].split(" ", 1)[0] in _QUICK_FILE_SYSTEMS for field in fields)


def _changed(offset: int) -> InstanceError:
    return InstanceError("changed", offset=offset)


class FileSource:
    """The bytes of an open file; closes it."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self._size = size

    @property
    def size(self) -> int:
        """Bytes in the file when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end of the file."""
        return os.pread(self.fd, min(length, max(self._size - offset, 0)), offset)

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield exactly `length` bytes from `offset`; `changed` when the file got shorter."""
        while length:
            data = os.pread(self.fd, min(length, CHUNK), offset)
            if not data:
                raise _changed(offset)
            yield data
            offset += len(data)
            length -= len(data)

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Copy in the kernel where that pays, else through a buffer."""
        if length >= _KERNEL_COPY and _aligned(fd, offset):
            for kernel_copy in (_copy_file_range, _sendfile):
                done = _kernel_copy(kernel_copy, self.fd, fd, offset, length)
                offset += done
                length -= done
        if length:
            self._copy_through(fd, offset, length)

    def _copy_through(self, fd: int, offset: int, length: int) -> None:
        """Copy through a buffer; new memory for each piece would cost as much as the copy."""
        buffer = _BUFFERS.pop() if _BUFFERS else bytearray(CHUNK)
        try:
            view = memoryview(buffer)
            while length:
                count = os.preadv(self.fd, [view[: min(length, CHUNK)]], offset)
                if not count:
                    raise _changed(offset)
                write_all(fd, view[:count])
                offset += count
                length -= count
        finally:
            _BUFFERS.append(buffer)

    def close(self) -> None:
        """Close the file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _aligned(target: int, offset: int) -> bool:
    """Whether the target stands at the same place of a page as `offset`, or is a pipe."""
    try:
        return (os.lseek(target, 0, os.SEEK_CUR) - offset) % _PAGE == 0
    except OSError:
        return True


def _copy_file_range(source: int, target: int, offset: int, length: int) -> int:
    return os.copy_file_range(source, target, length, offset)


def _sendfile(source: int, target: int, offset: int, length: int) -> int:
    return os.sendfile(target, source, offset, length)


def _kernel_copy(
    copy: Callable[[int, int, int, int], int], source: int, target: int, offset: int, length: int
) -> int:
    """Copy with one system call, repeated; return how many bytes it was able to."""
    done = 0
    while done < length:
        try:
            count = copy(source, target, offset + done, length - done)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            return done
        if not count:  # at the end, or a file system that pretends: the buffered copy will tell
            return done
        done += count
    return done


class MemorySource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return self.data[offset : offset + length]

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield the bytes in pieces."""
        if offset + length > len(self.data):
            raise _changed(offset)
        for start in range(offset, offset + length, CHUNK):
            yield self.data[start : min(start + CHUNK, offset + length)]

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Write the range to `fd`."""
        for data in self.chunks(offset, length):
            write_all(fd, data)

    def close(self) -> None:
        """Nothing is held open."""


class InflatedSource:
    """The inflated bytes of a deflated data set (PS3.5 A.5), made again whenever they are needed.

    Reads go forward with one inflater; a read that goes back starts over. Only a piece is held in
    memory. More than `limit` inflated bytes are `too-large`; more than `ratio` for each byte of
    input, or anything that zlib refuses, is `bad-deflate`.
    """

    def __init__(self, file: Source, start: int, limit: int, ratio: int) -> None:
        self._file = file
        self._start = start
        self._limit = limit
        self._ratio = ratio
        self._size: int | None = None
        self._position = 0
        self._stream = self._inflate()
        self._rest = b""

    @property
    def size(self) -> int:
        """Number of inflated bytes; the first question inflates everything once."""
        if self._size is None:
            self._size = sum(map(len, self._inflate()))
        return self._size

    def _inflate(self) -> Iterator[bytes]:
        """Yield the inflated bytes from the beginning, in pieces of at most `CHUNK`."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        file, offset, total = self._file, self._start, 0
        while not inflater.eof:
            data = inflater.unconsumed_tail
            if not data:
                data = file.read(offset, CHUNK >> 2)
                offset += len(data)
            try:
                piece = inflater.decompress(data, CHUNK)
            except zlib.error:
                raise InstanceError("bad-deflate", offset=offset) from None
            total += len(piece)
            self._check(total, offset - self._start)
            if piece:
                yield piece
            elif not data:
                raise InstanceError(
                    "bad-deflate", "the deflated data set is cut short", offset=offset
                )

    def _check(self, inflated: int, deflated: int) -> None:
        if inflated > self._limit:
            raise InstanceError("too-large", "the deflated data set inflates beyond the limit")
        if inflated > 64 * CHUNK and inflated > deflated * self._ratio:
            raise InstanceError("bad-deflate", "the deflated data set inflates suspiciously well")

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` inflated bytes from `offset`; fewer only at the end."""
        return b"".join(self._pieces(offset, length))

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield exactly `length` inflated bytes from `offset`."""
        for data in self._pieces(offset, length):
            length -= len(data)
            yield data
        if length:
            raise _changed(offset)

    def _pieces(self, offset: int, length: int) -> Iterator[bytes]:
        if offset < self._position:
            self._stream, self._position, self._rest = self._inflate(), 0, b""
        while length:
            data = self._rest or next(self._stream, b"")
            if not data:
                return
            skip = min(offset - self._position, len(data))
            piece = data[skip : skip + length]
            self._rest = data[skip + len(piece) :]
            self._position += skip + len(piece)
            offset += len(piece)
            length -= len(piece)
            if piece:
                yield piece

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Write the inflated range to `fd`."""
        for data in self.chunks(offset, length):
            write_all(fd, data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class AssembledSource:
    """Bytes that were put together from pieces in memory and ranges of another source.

    Does not own that source and does not close it.
    """

    def __init__(self, chunks: Sequence[bytes | Span], source: Source) -> None:
        self._chunks = [chunk for chunk in chunks if chunk_length(chunk)]
        self._source = source
        self._starts = list(accumulate(map(chunk_length, self._chunks), initial=0))

    @property
    def size(self) -> int:
        """Bytes of all pieces together."""
        return self._starts[-1]

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""
        offset = min(offset, self.size)
        return b"".join(self.chunks(offset, min(length, self.size - offset)))

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield exactly `length` bytes from `offset` in pieces of bounded size."""
        if offset + length > self.size:
            raise _changed(offset)
        number = bisect_right(self._starts, offset) - 1
        while length:
            chunk, skip = self._chunks[number], offset - self._starts[number]
            take = min(length, chunk_length(chunk) - skip)
            if isinstance(chunk, Span):
                yield from self._source.chunks(chunk.offset + skip, take)
            else:
                yield chunk[skip : skip + take]
            offset += take
            length -= take
            number += 1

    def copy_to(self, fd: int, offset: int, length: int) -> None:
        """Write the range to `fd`."""
        for data in self.chunks(offset, length):
            write_all(fd, data)

    def close(self) -> None:
        """Nothing is held open."""


def chunk_length(chunk: bytes | Span) -> int:
    """Bytes that a piece of output stands for."""
    return chunk.length if isinstance(chunk, Span) else len(chunk)
