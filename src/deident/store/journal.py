"""The sealed journal of a run: what became of each instance, which old value became which new one.

A journal is append-only. Records are collected into frames; each is compressed and sealed with
AES-256-GCM under a key derived from the project key for this journal alone. The frame's number and
the file's opening line are authenticated with it, so that frames cannot be exchanged, repeated or
left out in the middle; the last record says that the journal is complete. A last frame that a crash
tore is ignored on reading.

    line      {"format": 1, "run": …, "salt": …}
    frames    length (4 bytes, big-endian), nonce (12 bytes), ciphertext and tag
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from deident.engine.pseudonyms import hkdf_sha256
from deident.errors import InfrastructureError
from deident.store.project import no_more

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
_NONCE_BYTES = 12
_FRAME_BYTES = 1 << 17  # of JSON, before compression
_MAX_FRAME = 1 << 26


class Record(NamedTuple):
    """What became of one instance.

    Attributes:
        number: position in the order of the scan, from 1; the same in the quarantine.
        source: absolute path of the original.
        status: `written`, `skipped`, `quarantined`, `collision` (until a later `Renamed`).
        code: why, for anything but `written`.
        name: output path below the output folder.
        size: bytes of the output.
        source_size, source_time: bytes and modification time (ns) of the original.
        series: the output's Series Instance UID.
        patient: (old, new) Patient ID.
        uids: (old, new) of UIDs; one pair at least once in a run.
        findings: as in `engine.result.Finding`, as plain tuples.
        notes: codes of what the reader had to put up with.
    """

    number: int
    source: str
    status: str
    code: str = ""
    name: str = ""
    size: int = 0
    source_size: int = 0
    source_time: int = 0
    series: str = ""
    patient: tuple[str, str] = ("", "")
    uids: tuple[tuple[str, str], ...] = ()
    findings: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()


class Renamed(NamedTuple):
    """The final outcome of an instance whose output name was asked for more than once."""

    number: int
    status: str
    name: str


class Opening(NamedTuple):
    """What a run was asked to do: the journal's first record.

    Attributes:
        inputs, output: absolute paths.
        profile: fingerprint of the effective profile and the program's version.
        started: ISO 8601, UTC.
        continues: name of the run that this one resumes, or empty.
    """

    inputs: tuple[str, ...]
    output: str
    profile: str
    started: str
    continues: str = ""


class Closing(NamedTuple):
    """The journal's last record: how the run ended."""

    state: str


Entry = Opening | Record | Renamed | Closing
_KINDS: dict[str, type[Entry]] = {"o": Opening, "r": Record, "n": Renamed, "c": Closing}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class JournalWriter:
    """Writes one journal. Nothing is sealed or imported for it before the first frame is full.

    Args:
        path: file to make.
        key: `Project.subkey("journal")`.
        run_id: name of the run.

    Raises:
        InfrastructureError: `write-failed`.
    """

    def __init__(self, path: str, key: bytes, run_id: str) -> None:
        salt = os.urandom(16)
        header = {"format": FORMAT, "run": run_id, "salt": salt.hex()}
        self._header = (json.dumps(header) + "\n").encode()
        self._key = _frame_key(key, salt)
        self._cipher: AESGCM | None = None
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._frames = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise no_more(error) from error
        self._write(self._header)

    def add(self, entry: Entry) -> None:
        """Add a record; it reaches the disk with its frame."""
        line = _encode((_LETTERS[type(entry)], *entry))
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes >= _FRAME_BYTES:
            self.flush()

    def flush(self) -> None:
        """Seal and write what was added."""
        if not self._waiting:
            return
        import zlib

        if self._cipher is None:
            self._cipher = _cipher(self._key)
        plain = zlib.compress("\n".join(self._waiting).encode(), 1)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain, _associated(self._header, self._frames))
        self._write((len(nonce) + len(sealed)).to_bytes(4, "big") + nonce + sealed)
        self._frames += 1
        self._waiting.clear()
        self._waiting_bytes = 0

    def close(self, state: str) -> None:
        """End the journal with the run's `state`.

        It is not synced: that would bring all outputs to the disk first, and a run whose end a
        power cut has taken is made again with the same result.
        """
        self.add(Closing(state))
        self.flush()
        os.close(self._descriptor)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise no_more(error) from error


def prepare() -> None:
    """Load what sealing needs, so that the first frame need not wait for it."""
    import zlib

    from cryptography.hazmat.primitives.ciphers import aead

    del aead, zlib


def read(path: str, key: bytes) -> Iterator[Entry]:
    """Yield the records of a journal in the order in which they were written.

    Without a `Closing` at the end the run did not end properly (or is still going on). A run that
    was killed at its very start has no journal yet, or no whole first line: then there are none.

    Raises:
        InfrastructureError: `journal-damaged`: another key, or changed bytes.
    """
    try:
        with open(path, "rb") as file:
            header = file.readline(4096)
            if not header.endswith(b"\n"):
                return
            cipher = _cipher(_frame_key(key, _salt(header)))
            number = 0
            while frame := _next_frame(file.read):
                yield from _opened(cipher, frame, _associated(header, number))
                number += 1
    except _Damage as damage:
        text = f"the journal {damage}: {path}"
        raise InfrastructureError("journal-damaged", text) from damage
    except FileNotFoundError:
        return
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        text = f"the journal cannot be read: {path}: {reason}"
        raise InfrastructureError("journal-damaged", text) from error


class _Damage(Exception):
    """What is wrong with a journal."""


_NOT_OURS = "is damaged, or of another project's key"


def _salt(header: bytes) -> bytes:
    try:
        opening = json.loads(header)
        if opening["format"] == FORMAT:
            return bytes.fromhex(opening["salt"])
    except (ValueError, KeyError, TypeError) as error:
        raise _Damage("has a damaged first line") from error
    raise _Damage("is of another format")


def _next_frame(read_bytes: Any) -> bytes:
    """The next whole frame, or nothing at the end or where a crash tore the last one."""
    length = int.from_bytes(read_bytes(4), "big")
    if length > _MAX_FRAME:
        raise _Damage(_NOT_OURS)
    frame: bytes = read_bytes(length)
    return frame if len(frame) == length else b""


def _opened(cipher: AESGCM, frame: bytes, associated: bytes) -> Iterator[Entry]:
    import zlib

    from cryptography.exceptions import InvalidTag

    try:
        plain = cipher.decrypt(frame[:_NONCE_BYTES], frame[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError) as error:
        raise _Damage(_NOT_OURS) from error
    for line in zlib.decompress(plain).decode().split("\n"):
        letter, *values = json.loads(line)
        yield _KINDS[letter](*map(_frozen, values))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _frame_key(key: bytes, salt: bytes) -> bytes:
    return hkdf_sha256(key, b"deident/journal", salt=salt)


def _associated(header: bytes, number: int) -> bytes:
    return header + number.to_bytes(8, "big")


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
