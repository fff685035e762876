"""The journal of a run: what became of each instance, which old value became which new one.

It is append-only. Records are collected into frames; each is compressed and sealed with AES-256-GCM
under a key derived from the project key for this run alone. The frame's number and the run's name
are authenticated with it, so that frames cannot be exchanged, repeated or left out in the middle;
the last record says that the journal is complete. A frame and the rows about what it says was
written reach the database in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from deident.engine.pseudonyms import hkdf_sha256
from deident.errors import InfrastructureError
from deident.store import database
from deident.store.project import Project

if TYPE_CHECKING:
    import sqlite3

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_FRAME_BYTES = 1 << 17  # of JSON, before compression
_HASH_BYTES = 16


class Record(NamedTuple):
    """What became of one instance.

    Attributes:
        number: position in the order of the scan, from 1; the same in the quarantine.
        source: absolute path of the original.
        status: `written`, `skipped`, `quarantined`, `collision` (until a later `Renamed`).
        code: why, for anything but `written`.
        name: output path below the output folder; absolute where there is none.
        size, time: bytes and modification time (ns) of the output.
        source_size, source_time: bytes and modification time (ns) of the original.
        series: the output's Series Instance UID.
        patient: (old, new) Patient ID.
        uids: (old, new) of UIDs; one pair at least once in a run.
        findings: as in `engine.result.Finding`, as plain tuples.
        notes: codes of what the reader had to put up with.
        study, instance, sop_class, modality: of the output, where known.
    """

    number: int
    source: str
    status: str
    code: str = ""
    name: str = ""
    size: int = 0
    time: int = 0
    source_size: int = 0
    source_time: int = 0
    series: str = ""
    patient: tuple[str, str] = ("", "")
    uids: tuple[tuple[str, str], ...] = ()
    findings: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    study: str = ""
    instance: str = ""
    sop_class: str = ""
    modality: str = ""


class Renamed(NamedTuple):
    """The final outcome of an instance whose output name was asked for more than once."""

    number: int
    status: str
    name: str


class Opening(NamedTuple):
    """What a run was asked to do: the journal's first record.

    Attributes:
        inputs, output: absolute paths.
        profile: fingerprint of the effective profile, the layout and the program's version.
        started: ISO 8601, UTC.
        continues: name of the run that this one resumes, or empty.
        policy: how outputs are placed: `folder`, `suffix`, `in-place`, `zip`.
        made: whether the run made the output folder.
        statement: the effective profile and what it claims, as JSON; see `app.recipes`.
        keeps_names: whether outputs have the names of their originals.
    """

    inputs: tuple[str, ...]
    output: str
    profile: str
    started: str
    continues: str = ""
    policy: str = "folder"
    made: bool = False
    statement: str = ""
    keeps_names: bool = False


class Retained(NamedTuple):
    """Texts that stand in outputs as in their originals: (tag, text, mark, how often).

    See `engine.result.TextKey`.
    """

    texts: tuple[tuple[int, str, str, int], ...]


class Closing(NamedTuple):
    """The journal's last record: how the run ended."""

    state: str


class Earlier(NamedTuple):
    """What an earlier run has written for one original; see `Record`."""

    run: str
    number: int
    name: str
    size: int
    time: int
    source_size: int
    source_time: int
    series: str


Entry = Opening | Record | Renamed | Retained | Closing
_KINDS: dict[str, type[Entry]] = {
    "o": Opening,
    "r": Record,
    "n": Renamed,
    "t": Retained,
    "c": Closing,
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class JournalWriter:
    """Writes the journal of one run. Nothing is sealed or imported for it before the first flush.

    Args:
        project: whose books it is in.
        run: name of the run.
        opening: what it is asked to do.

    Raises:
        InfrastructureError: `write-failed`.
    """

    def __init__(self, project: Project, run: str, opening: Opening) -> None:
        self._project, self._run, self._opening = project, run, opening
        self._connection: sqlite3.Connection | None = None
        self._id = 0
        self._waiting: list[Entry] = [opening]
        self._lines = [_encode((_LETTERS[Opening], *opening))]
        self._size = len(self._lines[0])
        self._frames = 0

    def add(self, entry: Entry) -> None:
        """Add a record; it reaches the disk with its frame."""
        line = _encode((_LETTERS[type(entry)], *entry))
        self._waiting.append(entry)
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FRAME_BYTES:
            self.flush()

    def flush(self) -> None:
        """Seal and write what was added."""
        if self._waiting:
            with database.reported(f"{self._project.path}/{database.NAME}"):
                connection = self._connected()
                with database.transaction(connection):
                    self._write(connection)
            self._waiting.clear()
            self._lines.clear()
            self._size = 0

    def close(self, state: str) -> None:
        """End the journal with the run's `state`."""
        try:
            self.add(Closing(state))
            self.flush()
            with database.reported(f"{self._project.path}/{database.NAME}"):
                query = "UPDATE run SET state = ? WHERE id = ?"
                self._connected().execute(query, (state, self._id))
        finally:
            if self._connection is not None:
                self._connection.close()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = database.connect(self._project.path)
        return self._connection

    def _write(self, connection: sqlite3.Connection) -> None:
        import os
        import zlib

        if not self._id:
            self._id = self._begin(connection)
        cipher = _cipher(self._project, self._run)
        plain = zlib.compress("\n".join(self._lines).encode(), 1)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + cipher.encrypt(nonce, plain, _associated(self._run, self._frames))
        row = (self._id, self._frames, sealed)
        connection.execute("INSERT INTO frame VALUES (?, ?, ?)", row)
        connection.executemany(
            "INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [self._row(cipher, entry) for entry in self._waiting if isinstance(entry, Record)],
        )
        connection.executemany(
            "UPDATE instance SET status = ?, code = coalesce(?, code), name = ? "
            "WHERE run = ? AND number = ?",
            [self._renamed(cipher, one) for one in self._waiting if isinstance(one, Renamed)],
        )
        self._frames += 1

    def _begin(self, connection: sqlite3.Connection) -> int:
        opening = self._opening
        values = (
            self._run,
            _hash(self._project, opening.output),
            opening.profile,
            opening.policy,
            opening.started,
            opening.continues,
            "running",
        )
        cursor = connection.execute(
            "INSERT INTO run (name, output, profile, policy, started, continues, state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        return int(cursor.lastrowid or 0)

    def _row(self, cipher: AESGCM, entry: Record) -> tuple[Any, ...]:
        return (
            self._id,
            entry.number,
            _hash(self._project, entry.source),
            entry.status,
            entry.code,
            entry.size,
            entry.time,
            entry.source_size,
            entry.source_time,
            entry.series,
            _seal(cipher, entry.name, self._associated(entry.number)) if entry.name else None,
        )

    def _renamed(self, cipher: AESGCM, entry: Renamed) -> tuple[Any, ...]:
        name = _seal(cipher, entry.name, self._associated(entry.number))
        duplicate = entry.status == "duplicate"
        status, code = ("skipped", "duplicate") if duplicate else (entry.status, None)
        return status, code, name, self._id, entry.number

    def _associated(self, number: int) -> bytes:
        return f"{self._run} name {number}".encode()


def prepare() -> None:
    """Load what sealing needs, so that the first frame need not wait for it."""
    import sqlite3
    import zlib

    from cryptography.hazmat.primitives.ciphers import aead

    del aead, sqlite3, zlib


# The name that the last run which resumed an instance has found or given.
_RENUMBERED = """
    SELECT run.name, number, instance.name FROM instance JOIN run ON run.id = instance.run
    WHERE source = ? AND output = ? AND run.id > ? AND size = ? AND time = ?
        AND code = 'resumed' AND instance.name IS NOT NULL AND run.state != 'undone'
    ORDER BY run.id DESC LIMIT 1
"""


class Run(NamedTuple):
    """One run as the books have it; `state` as in the schema, `place` stands for its output."""

    name: str
    state: str
    started: str
    policy: str
    continues: str
    place: str


class Books:
    """Reads the journals of a project; to be closed, or used as a context manager.

    Raises:
        InfrastructureError: `journal-damaged`: another key, or changed bytes; `write-failed`.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._path = f"{project.path}/{database.NAME}"
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Books:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        query = "SELECT name, state, started, policy, continues, hex(output) FROM run ORDER BY id"
        return [Run(*row) for row in self._rows(query)]

    def set_state(self, run: str, state: str) -> None:
        """Remember that a run was undone or confirmed."""
        self._rows("UPDATE run SET state = ? WHERE name = ?", state, run)

    def entries(self, run: str) -> Iterator[Entry]:
        """Yield what a run's journal says, in the order in which it was written.

        Without a `Closing` at the end the run did not end properly (or is still going on).
        """
        ids = self._rows("SELECT id, state FROM run WHERE name = ?", run)
        if not ids:
            return
        ((run_id, state),) = ids
        cipher = _cipher(self._project, run)
        number, last = 0, None
        while rows := self._rows(
            "SELECT sealed FROM frame WHERE run = ? AND number = ?", run_id, number
        ):
            for last in self._opened(cipher, rows[0][0], _associated(run, number)):
                yield last
            number += 1
        if state != "running" and not isinstance(last, Closing):
            raise InfrastructureError("journal-damaged", f"the journal is cut short: {self._path}")

    def renamed(self, run: str) -> dict[int, Renamed]:
        """The last outcomes of instances that asked for the same name: they end the journal."""
        found: dict[int, Renamed] = {}
        ids = self._rows("SELECT id FROM run WHERE name = ?", run)
        query = (
            "SELECT number, sealed FROM frame WHERE run = ? ORDER BY number DESC LIMIT 1 OFFSET ?"
        )
        cipher = _cipher(self._project, run)
        for (run_id,) in ids:
            offset = 0
            while rows := self._rows(query, run_id, offset):
                number, sealed = rows[0]
                entries = list(self._opened(cipher, sealed, _associated(run, number)))
                some = {one.number: one for one in entries if isinstance(one, Renamed)}
                found |= some
                if not some and any(isinstance(one, Record) for one in entries):
                    break
                offset += 1
        return found

    def profiles(self, output: str) -> list[tuple[str, str]]:
        """Name and profile of each run into an output, oldest first."""
        query = "SELECT name, profile FROM run WHERE output = ? AND state != 'undone' ORDER BY id"
        return self._rows(query, _hash(self._project, output))

    def earlier(self, output: str, source: str) -> Earlier | None:
        """What the last run that wrote something for an original into an output has written."""
        rows = self._rows(
            "SELECT run.name, number, instance.name, size, time, source_size, source_time, series "
            "FROM instance JOIN run ON run.id = instance.run "
            "WHERE source = ? AND output = ? AND (status = 'written' OR code = 'resumed') "
            "AND instance.name IS NOT NULL AND run.state != 'undone' "
            "ORDER BY run.id DESC LIMIT 1",
            _hash(self._project, source),
            _hash(self._project, output),
        )
        if not rows:
            return None
        run, number, sealed, *rest = rows[0]
        return Earlier(run, number, self._name(run, number, sealed), *rest)

    def outcome(self, output: str, source: str) -> tuple[str, str]:
        """Status and code of an original in the last run into an output; empty for none."""
        rows = self._rows(
            "SELECT status, code FROM instance JOIN run ON run.id = instance.run "
            "WHERE source = ? AND output = ? AND run.state != 'undone' "
            "ORDER BY run.id DESC LIMIT 1",
            _hash(self._project, source),
            _hash(self._project, output),
        )
        return rows[0] if rows else ("", "")

    def written(self, run: str) -> Iterator[Earlier]:
        """What a run has written, in the order of its numbers, under the names that it has now: a
        run that resumed it may have numbered it otherwise.
        """
        query = (
            "SELECT number, instance.name, size, time, source_size, source_time, series, "
            "source, run.output, run.id FROM instance JOIN run ON run.id = instance.run "
            "WHERE run.name = ? AND status = 'written' AND number > ? ORDER BY number LIMIT 1000"
        )
        number = -1
        while rows := self._rows(query, run, number):
            for number, sealed, size, time, *rest, source, output, run_id in rows:
                latest = self._rows(_RENUMBERED, source, output, run_id, size, time)
                its_run, its_number, its_name = latest[0] if latest else (run, number, sealed)
                name = self._name(its_run, its_number, its_name)
                yield Earlier(run, number, name, size, time, *rest)

    def _name(self, run: str, number: int, sealed: bytes) -> str:
        cipher = _cipher(self._project, run)
        name = _unseal(cipher, sealed, f"{run} name {number}".encode(), self._path)
        return name.decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if not database.exists(self._project.path):
            return []
        with database.reported(self._path):
            if self._connection is None:
                self._connection = database.connect(self._project.path)
            return self._connection.execute(query, values).fetchall()

    def _opened(self, cipher: AESGCM, sealed: bytes, associated: bytes) -> Iterator[Entry]:
        import zlib

        plain = zlib.decompress(_unseal(cipher, sealed, associated, self._path)).decode()
        for line in plain.split("\n"):
            letter, *values = json.loads(line)
            yield _KINDS[letter](*map(_frozen, values))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _hash(project: Project, path: str) -> bytes:
    """A name for a path that says nothing without the key."""
    import hmac

    key = project.subkey("paths")
    return hmac.digest(key, path.encode("utf-8", "surrogateescape"), "sha256")[:_HASH_BYTES]


def _associated(run: str, number: int) -> bytes:
    return f"{run} frame {number}".encode()


def _cipher(project: Project, run: str) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hkdf_sha256(project.subkey("journal"), b"deident/journal/" + run.encode()))


def _seal(cipher: AESGCM, text: str, associated: bytes) -> bytes:
    import os

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, text.encode("utf-8", "surrogatepass"), associated)


def _unseal(cipher: AESGCM, sealed: bytes, associated: bytes, path: str) -> bytes:
    """Open what was sealed.

    Raises:
        InfrastructureError: `journal-damaged`.
    """
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], associated)
    except (InvalidTag, ValueError) as error:
        text = f"the journal is damaged, or of another project's key: {path}"
        raise InfrastructureError("journal-damaged", text) from error
