"""Sealed copies of whole files: what a run that replaces originals keeps until it is confirmed.

A copy is a salt and chunks of a mebibyte, each sealed with AES-256-GCM under a key of its own; the
chunk's number and whether it is the last are authenticated, so that none can be left out, exchanged
or cut off.

    magic     8 bytes
    salt      16 bytes
    head      permissions, modification time, size: 20 bytes and the tag of 16
    chunks    1 MiB and the tag of 16 bytes each, the last one shorter, perhaps empty
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from deident.engine.pseudonyms import hkdf_sha256
from deident.errors import REASONS, InfrastructureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"DEIDENT1"
_SALT_BYTES, _TAG_BYTES = 16, 16
_CHUNK = 1 << 20
_HEAD = struct.Struct(">Iqq")


class Kept(NamedTuple):
    """What besides its content belongs to a file: permissions, modification time (ns), size."""

    mode: int
    time: int
    size: int


def seal_file(source: str, target: str, key: bytes) -> None:
    """Write a sealed copy of `source` to the new file `target`, and bring it to the disk.

    Raises:
        OSError: one cannot be read, or the other not be written; then it is not there.
    """
    salt = os.urandom(_SALT_BYTES)
    cipher = _cipher(key, salt)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(source, "rb", buffering=0) as reader:
        descriptor = os.open(target, flags, 0o600)
        try:
            with open(descriptor, "wb") as writer:
                writer.write(_MAGIC + salt)
                status = os.fstat(reader.fileno())
                kept = status.st_mode & 0o7777, status.st_mtime_ns, status.st_size
                writer.write(_seal(cipher, 0, _HEAD.pack(*kept), last=False))
                for number, (chunk, last) in enumerate(_chunks(reader.read, _CHUNK), 1):
                    writer.write(_seal(cipher, number, chunk, last=last))
                writer.flush()
                os.fsync(writer.fileno())
        except BaseException:
            os.unlink(target)
            raise


def restore_file(source: str, target: str, key: bytes) -> None:
    """Put what a sealed copy holds in the place of `target`, with its permissions and times.

    At any time the name has the old content or the new one.

    Raises:
        OSError: one cannot be read, or the other not be written.
        InfrastructureError: `safety-copy-damaged`.
    """
    growing = f"{os.path.dirname(target)}/.deident-{os.urandom(6).hex()}.tmp"
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            kept = open_file(source, partial(_write, descriptor), key)
            os.fchmod(descriptor, kept.mode)
            os.fsync(descriptor)
            os.utime(descriptor, ns=(kept.time, kept.time))
        finally:
            os.close(descriptor)
        os.replace(growing, target)
    except BaseException:
        os.unlink(growing)
        raise


def is_copy_of(source: str, path: str, key: bytes) -> bool:
    """Whether a file holds what a sealed copy holds.

    Raises:
        OSError: one of them cannot be read.
        InfrastructureError: `safety-copy-damaged`.
    """
    with open(path, "rb") as file:
        same: list[bool] = []
        open_file(source, lambda chunk: same.append(file.read(len(chunk)) == chunk), key)
        return all(same) and not file.read(1)


def open_file(source: str, take: Callable[[bytes], object], key: bytes) -> Kept:
    """Give the content of the sealed copy `source` to `take`, piece by piece.

    Raises:
        OSError: it cannot be read.
        InfrastructureError: `safety-copy-damaged`: changed, cut off, or of another project.
    """
    from cryptography.exceptions import InvalidTag

    try:
        with open(source, "rb") as reader:
            head = reader.read(len(_MAGIC) + _SALT_BYTES)
            if not head.startswith(_MAGIC):
                raise _damaged(source)
            cipher = _cipher(key, head[len(_MAGIC) :])
            sealed = reader.read(_HEAD.size + _TAG_BYTES)
            kept = Kept(*_HEAD.unpack(_open(cipher, 0, sealed, last=False)))
            size = 0
            for number, (sealed, last) in enumerate(_chunks(reader.read, _CHUNK + _TAG_BYTES), 1):
                chunk = _open(cipher, number, sealed, last=last)
                take(chunk)
                size += len(chunk)
    except (InvalidTag, ValueError) as error:
        raise _damaged(source) from error
    if size != kept.size:
        raise _damaged(source)
    return kept


def _chunks(read: Callable[[int], bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of `size` bytes, and whether each is the last; at least one, perhaps empty."""
    chunk = _filled(read, size)
    while True:
        following = _filled(read, size) if len(chunk) == size else b""
        yield chunk, not following
        if not following:
            return
        chunk = following


def _filled(read: Callable[[int], bytes], size: int) -> bytes:
    """As many bytes as there are, up to `size`."""
    parts = b""
    while len(parts) < size and (part := read(size - len(parts))):
        parts += part
    return parts


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hkdf_sha256(key, b"deident/safety", salt=salt))


def _seal(cipher: AESGCM, number: int, chunk: bytes, *, last: bool) -> bytes:
    # the key is used for this file alone, so the chunk's number is a nonce that never repeats
    return cipher.encrypt(number.to_bytes(12, "big"), chunk, b"last" if last else b"more")


def _open(cipher: AESGCM, number: int, sealed: bytes, *, last: bool) -> bytes:
    return cipher.decrypt(number.to_bytes(12, "big"), sealed, b"last" if last else b"more")


def _damaged(path: str) -> InfrastructureError:
    text = f"{REASONS['safety-copy-damaged'].text}: {path}"
    return InfrastructureError("safety-copy-damaged", text)
