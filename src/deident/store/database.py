"""The project's database: one SQLite file with the books of all its runs.

What may identify somebody is sealed before it comes here, or hashed with a key. Write-ahead logging
is used where it is safe: on network file systems SQLite cannot rely on shared memory and locks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deident.errors import InfrastructureError

if TYPE_CHECKING:
    import sqlite3

NAME = "books.sqlite"
_BUSY_SECONDS = 60.0
_ESCAPED = re.compile(r"\\([0-7]{3})")  # blanks and the like in /proc/self/mounts
_NETWORK = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.davfs", "fuse.glusterfs", "fuse.rclone",
     "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3",
     "smbfs", "virtiofs")
)  # fmt: skip

# What the machine may refuse, in its own words; anything else means that the file is damaged.
_REFUSED = {
    "SQLITE_FULL": "No space left on device",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_CANTOPEN": "No such file or directory",
    "SQLITE_BUSY": "another run holds it",
    "SQLITE_LOCKED": "another run holds it",
    "SQLITE_IOERR": "Input/output error",
    "SQLITE_NOLFS": "File too large",
    "SQLITE_PERM": "Permission denied",
}

# Each script leads from one version of the schema to the next; PRAGMA user_version counts them.
_MIGRATIONS = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        output BLOB NOT NULL,       -- keyed hash of where its outputs go
        profile TEXT NOT NULL,      -- fingerprint
        policy TEXT NOT NULL,       -- how outputs are placed
        started TEXT NOT NULL,
        continues TEXT NOT NULL,    -- run that it resumes, or empty
        state TEXT NOT NULL         -- running, complete, interrupted, failed, undone, confirmed
    );
    CREATE TABLE frame (            -- sealed records, see `journal`
        run INTEGER NOT NULL REFERENCES run,
        number INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (run, number)
    );
    CREATE TABLE instance (         -- what became of each, to be found by original
        run INTEGER NOT NULL REFERENCES run,
        number INTEGER NOT NULL,
        source BLOB NOT NULL,       -- keyed hash of the original's path
        status TEXT NOT NULL,
        code TEXT NOT NULL,
        size INTEGER NOT NULL,
        time INTEGER NOT NULL,      -- of modification, ns
        source_size INTEGER NOT NULL,
        source_time INTEGER NOT NULL,
        series TEXT NOT NULL,
        name BLOB,                  -- sealed, of an output
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID;
    CREATE INDEX instance_source ON instance (source);
    """,
)


def connect(folder: str) -> sqlite3.Connection:
    """Open the database of the project in `folder`; make it, or bring its schema up to date.

    Raises:
        InfrastructureError: `write-failed`; `journal-damaged`: it is no such database, or of a
            newer version.
    """
    import sqlite3

    path = f"{folder}/{NAME}"
    with reported(path):
        if not os.path.exists(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            mode = "TRUNCATE" if _is_remote(folder) else "WAL"
            connection.execute(f"PRAGMA journal_mode = {mode}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def exists(folder: str) -> bool:
    """Whether a run has written books in a project."""
    return os.path.exists(f"{folder}/{NAME}")


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    if _version(connection) == len(_MIGRATIONS):
        return
    with transaction(connection):
        version = _version(connection)  # another run may have been quicker
        if version > len(_MIGRATIONS):
            raise InfrastructureError(
                "journal-damaged", f"the books are of a newer version of the program: {path}"
            )
        for script in _MIGRATIONS[version:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite itself takes everything back when a disk is full
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def reported(path: str) -> Iterator[None]:
    """Turn what SQLite says into the error families of this program, without values.

    Raises:
        InfrastructureError: `write-failed`, `journal-damaged`.
    """
    import sqlite3

    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        for begin, reason in _REFUSED.items():
            if name.startswith(begin):
                text = f"the project could not be written: {reason}: {path}"
                raise InfrastructureError("write-failed", text) from error
        text = f"the books are damaged: {path}"
        raise InfrastructureError("journal-damaged", text) from error
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        text = f"the project could not be written: {reason}: {path}"
        raise InfrastructureError("write-failed", text) from error


def _is_remote(folder: str) -> bool:
    """Whether a folder lies on a network file system."""
    real = os.path.realpath(folder)
    best, kind = "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                _, place, its_kind, *_ = line.split(" ")
                place = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), place)
                below = place == "/" or real == place or real.startswith(place + "/")
                if below and len(place) >= len(best):
                    best, kind = place, its_kind
    except OSError:
        return True  # not known: the safe way works everywhere
    return kind in _NETWORK
