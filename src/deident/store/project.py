"""The project folder: key, settings, runs, quarantine; the scope in which pseudonyms are the same.

project.json     format, id, creation date, program version, fingerprint of the key
key              32 random bytes in hexadecimal, readable by its owner only
books.sqlite     the journals of all runs, sealed (`database`, `journal`)
runs/RUN/        summary.json and the report of each run (no identifiers)
safety/RUN/      sealed copies of originals that the run has replaced, until it is confirmed
quarantine/RUN/  one small entry for each quarantined instance (no identifiers)
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, TextIO

from deident._version import __version__
from deident.engine.pseudonyms import KEY_BYTES, Identity, hkdf_sha256
from deident.errors import DeidentError, InfrastructureError, UsageError, unwritable

FORMAT = 1
_DEFAULT_SUFFIX = ".deident-project"


class Project(NamedTuple):
    """An open project.

    Attributes:
        path: absolute path of the folder; empty for one that exists in memory only.
        id: random name, 16 hexadecimal digits.
        created: ISO 8601, UTC.
        key: the secret that every identity is derived from.
    """

    path: str
    id: str
    created: str
    key: bytes

    def __repr__(self) -> str:  # never the key
        return f"<Project {self.id}>"

    @property
    def fingerprint(self) -> str:
        """Short name of the key, safe to print."""
        return Identity(self.key).fingerprint()

    def subkey(self, purpose: str) -> bytes:
        """32 bytes derived from the key for one purpose (HKDF-SHA-256, RFC 5869)."""
        return hkdf_sha256(self.key, f"deident/store/{purpose}".encode())

    def run_folder(self, run_id: str) -> str:
        """Folder of one run's summary and report."""
        return f"{self.path}/runs/{run_id}"

    def quarantine_folder(self, run_id: str) -> str:
        """Folder of one run's quarantine entries."""
        return f"{self.path}/quarantine/{run_id}"

    def safety_folder(self, run_id: str) -> str:
        """Folder of the sealed copies of originals that one run has replaced."""
        return f"{self.path}/safety/{run_id}"

    def quarantine_ids(self) -> list[str]:
        """Names of the runs that quarantined something, oldest first."""
        return _folders(f"{self.path}/quarantine")


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as listing:
            return sorted(entry.name for entry in listing if entry.is_dir())
    except FileNotFoundError:
        return []


def default_path(output: str) -> str:
    """Where the project of an output folder lies when none is named: beside it."""
    return os.path.realpath(output).rstrip("/") + _DEFAULT_SUFFIX


def exists(path: str) -> bool:
    """Whether a project lies at `path`, usable or not."""
    return os.path.isfile(f"{path}/project.json")


def in_memory() -> Project:
    """A project that leaves nothing behind, for a dry run."""
    return Project("", os.urandom(8).hex(), utc_now(), os.urandom(KEY_BYTES))


def init(path: str) -> Project:
    """Make a new project folder. Of two processes that do so at once, one makes it.

    Raises:
        UsageError: `project-invalid`: something is there already; `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """
    path = os.path.abspath(path)
    project = Project(path, os.urandom(8).hex(), utc_now(), os.urandom(KEY_BYTES))
    making = f"{path}.{project.id}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(making, 0o700)
        for folder in ("runs", "quarantine"):
            os.mkdir(f"{making}/{folder}", 0o700)
        write_private(f"{making}/key", (project.key.hex() + "\n").encode())
        write_private(f"{making}/project.json", _described(project))
        os.rename(making, path)
    except OSError as error:
        _remove_unborn(making)
        if os.path.lexists(path):
            raise UsageError("project-invalid", f"there is something already: {path}") from error
        raise _not_begun(path, error) from error
    return project


def _described(project: Project, **more: str) -> bytes:
    described = {
        "format": FORMAT,
        "id": project.id,
        "created": project.created,
        "version": __version__,
        "key": project.fingerprint,
        **more,
    }
    return (json.dumps(described, indent=2) + "\n").encode()


def _remove_unborn(making: str) -> None:
    if os.path.isdir(making):
        from shutil import rmtree

        rmtree(making)


def open_project(path: str) -> Project:
    """Open a project folder.

    Raises:
        UsageError: `project-invalid`: no project, another format, or key and settings that do not
            belong together. `key-unusable`: no key, or one that others can read.
    """
    path = os.path.abspath(path)
    settings = _settings(path)
    key = _read_key(f"{path}/key")
    project = Project(path, str(settings.get("id", "")), str(settings.get("created", "")), key)
    if settings.get("key") != project.fingerprint:
        raise UsageError(
            "project-invalid", f"the key does not belong to this project: {path}/key was exchanged"
        )
    return project


def _settings(path: str) -> dict[str, Any]:
    if not os.path.isdir(path):
        text = f"no project folder: {path}"
        if not os.path.lexists(path):
            text += f"; deident project init {path} makes one"
        raise UsageError("project-invalid", text)
    try:
        with open(f"{path}/project.json", "rb") as file:
            settings = json.load(file)
    except FileNotFoundError:
        raise UsageError("project-invalid", f"not a project, no project.json: {path}") from None
    except (OSError, ValueError) as error:
        raise UsageError("project-invalid", f"project.json cannot be read: {path}") from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise UsageError("project-invalid", f"not a project of format {FORMAT}: {path}")
    return settings


def _read_key(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise _unreadable_key(path, error) from error
    try:
        mode = os.fstat(descriptor).st_mode
        text = os.read(descriptor, 4 * KEY_BYTES)
    except OSError as error:
        raise _unreadable_key(path, error) from error
    finally:
        os.close(descriptor)
    if stat.S_IMODE(mode) & 0o077:
        raise UsageError("key-unusable", f"the key is open to others: chmod 600 {path}")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise UsageError("key-unusable", f"the key is damaged: {path}")
    return key


def _unreadable_key(path: str, error: OSError) -> UsageError:
    reason = os.strerror(error.errno or 0)
    return UsageError("key-unusable", f"the key cannot be read: {path}: {reason}")


def note_profile(project: Project, profile: str) -> None:
    """Remember in project.json which profile the last run used.

    Raises:
        UsageError: `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """
    temporary = f"{project.path}/.project.{os.urandom(4).hex()}.tmp"
    try:
        write_private(temporary, _described(project, profile=profile))
        _replace(temporary, f"{project.path}/project.json")
    except OSError as error:
        raise _not_begun(project.path, error) from error


def _replace(temporary: str, path: str) -> None:
    """Rename, or leave nothing."""
    try:
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


def make_run_folder(project: Project, run_id: str) -> str:
    """Make the folder for one run's summary and report; return its path.

    Raises:
        UsageError: `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """
    path = project.run_folder(run_id)
    try:
        os.makedirs(path, mode=0o700)
    except OSError as error:
        raise _not_begun(project.path, error) from error
    return path


def make_private(path: str) -> None:
    """Make a folder that only its owner can read.

    Raises:
        UsageError: `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise _not_begun(path, error) from error


def _not_begun(path: str, error: OSError) -> DeidentError:
    """The error for a project folder that cannot be written to before any work is done."""
    return unwritable("the project folder", path, error)


def no_more(error: OSError) -> InfrastructureError:
    """The error for a project folder that takes no more."""
    reason = os.strerror(error.errno or 0)
    return InfrastructureError("write-failed", f"the project could not be written: {reason}")


def settings_of(project: Project) -> dict[str, Any]:
    """What project.json says."""
    return _settings(project.path)


def write_private(path: str, content: bytes) -> None:
    """Write a new file that only its owner can read, whole or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


@contextmanager
def replacing(path: str) -> Iterator[TextIO]:
    """Write a file that only its owner can read, in the place of one that may be there.

    It is whole or as it was before.

    Raises:
        InfrastructureError: `write-failed`.
    """
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o600)
        try:
            with open(
                descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
            ) as file:
                yield file
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise no_more(error) from error


def new_run_id() -> str:
    """A name for a run: when it began and four random bytes; sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(4).hex()}"


def utc_now() -> str:
    """Now, in ISO 8601, whole seconds, UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
