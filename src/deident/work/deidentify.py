"""De-identifying one instance inside a worker: prepare, write to the staging folder, report.

The border at which nothing of an instance may escape: whatever goes wrong with it becomes an
`Outcome` with a code, and its unfinished output is removed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from deident.endpoints.folder import (
    FATAL_ERRNOS,
    STAGING_GONE,
    same_content,
    write_error,
)
from deident.endpoints.naming import Naming
from deident.endpoints.placing import Placement
from deident.engine.result import InstanceResult, TallyKey, TextKey
from deident.errors import REASONS, SKIPPED, InfrastructureError, InstanceError, place_of
from deident.store.vault import seal_file
from deident.work.worker import Item

# What a worker tells apart from single instances: how often what was done, and what texts stayed.
Note = tuple[dict[TallyKey, int], dict[TextKey, int]]

_TALLY_EVERY = 128
_OUTPUT_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Prepared(Protocol):
    """An instance of which every byte to write is decided and proven; see `engine.process`."""

    result: InstanceResult

    @property
    def naming(self) -> Mapping[str, str]:
        """New values that an output name can use."""
        ...

    def write(self, fd: int) -> int:
        """Write the new file, return its size."""
        ...

    def is_written(self, path: str) -> bool:
        """Whether a file reads back as what `write` has written."""
        ...

    def commit(self) -> None:
        """Count the instance as done."""
        ...

    def close(self) -> None:
        """Let go of the source."""
        ...


class Engine(Protocol):
    """What takes one instance through the rules; see `engine.process`."""

    def prepare(self, path: str) -> Prepared:
        """Open, decide and prove one instance."""
        ...

    def take_tally(self) -> dict[TallyKey, int]:
        """How often what was done since the last call."""
        ...

    def take_texts(self) -> dict[TextKey, int]:
        """Which texts have stayed since the last call, and how often."""
        ...


class EngineSpec(Protocol):
    """Makes an engine inside a worker; picklable."""

    def build(self) -> Engine:
        """Make it."""
        ...


class Outcome(NamedTuple):
    """What became of one instance; plain values only, because it goes through `marshal`.

    Attributes:
        status: `staged`, `skipped`, `quarantined`; in a dry run `ready` instead of `staged`.
        code: why, for anything but `staged` and `ready`; see `errors.REASONS`.
        detail: more than the code says, without values.
        name: output path below the output folder.
        size, time: bytes written, and the new file's modification time (ns).
        source_size, source_time: bytes and modification time (ns) of the original.
        series: the output's Series Instance UID.
        patient, uids, findings, notes, changes: see `engine.result.InstanceResult`.
        study, instance, sop_class, modality: of the output, where known.
    """

    status: str
    code: str = ""
    detail: str = ""
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
    changes: tuple[Any, ...] = ()
    study: str = ""
    instance: str = ""
    sop_class: str = ""
    modality: str = ""


def failed(code: str, detail: str = "") -> Outcome:
    """The outcome of an instance that is not written; of `detail` what the code does not say."""
    status = "skipped" if code in SKIPPED else "quarantined"
    return Outcome(status, code, detail.removeprefix(REASONS[code].text).strip())


class Replacing(NamedTuple):
    """What is done before an output may take the place of its original.

    Attributes:
        safety: folder for sealed copies of the originals; empty for none.
        key: seals them.
    """

    safety: str
    key: bytes

    def __repr__(self) -> str:  # never the key
        return "<Replacing>"


class Task(NamedTuple):
    """The work of a run, as sent to its workers.

    Attributes:
        engine: makes the engine.
        naming: names outputs.
        placement: where outputs are written; `None` for a dry run.
        sync: whether each output is brought to the disk by itself.
        replacing: for outputs that take the place of their originals.
    """

    engine: EngineSpec
    naming: Naming
    placement: Placement | None
    sync: bool = False
    replacing: Replacing | None = None

    def open(self) -> Job:
        """Make the job, inside a worker."""
        return Job(self)

    def orphaned(self) -> None:
        """The supervisor was killed: nobody else is left to remove unfinished outputs."""
        if self.placement is not None:
            self.placement.abandon()


class Job:
    """The work of a run inside one worker; see `worker.Job`."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._engine = task.engine.build()
        self._untold = 0

    def note(self, *, last: bool) -> Note | None:
        """Statistics of the rules, some hundred lines, so not after every batch."""
        if not last and self._untold < _TALLY_EVERY:
            return None
        self._untold = 0
        tally = self._engine.take_tally()
        return (tally, self._engine.take_texts()) if tally else None

    def process(self, item: Item) -> tuple[Any, ...]:
        """De-identify one instance.

        Returns:
            the values of an `Outcome`.

        Raises:
            InfrastructureError: `write-failed`: the output can take no more.
        """
        before = None
        self._untold += 1
        try:
            before = _regular(item.path)
            outcome = self._process(item, before)
        except InfrastructureError:
            raise
        except InstanceError as error:
            outcome = failed(error.code, error.message)
        except MemoryError:
            outcome = failed("too-large", "out of memory")
        except OSError as error:
            outcome = failed(*_reading_failed(error))
        except RecursionError:
            outcome = failed("too-deep")
        except Exception as error:  # noqa: BLE001 (the border of an instance)
            outcome = failed("unexpected", place_of(error))
        if before is not None:
            outcome = outcome._replace(source_size=before.st_size, source_time=before.st_mtime_ns)
        return tuple(outcome)

    def _process(self, item: Item, before: os.stat_result) -> Outcome:
        prepared = self._engine.prepare(item.path)
        try:
            result = prepared.result
            naming = prepared.naming
            name = self._task.naming.name(naming, item.path, item.start)
            status, code, size, written_at = "ready", "", 0, 0
            if self._task.placement is not None:
                written = self._write(prepared, item, name, before, self._task.placement)
                status, code, size, written_at = written
            prepared.commit()
        finally:
            prepared.close()
        return Outcome(
            status,
            code,
            "",
            name,
            size,
            written_at,
            series=naming.get("SeriesInstanceUID", ""),
            patient=result.patient,
            uids=result.uids,
            findings=tuple(map(tuple, result.findings)),
            notes=result.notes,
            changes=tuple(map(tuple, result.changes)),
            study=naming.get("StudyInstanceUID", ""),
            instance=naming.get("SOPInstanceUID", ""),
            sop_class=naming.get("SOPClassUID", ""),
            modality=naming.get("Modality", ""),
        )

    def _write(
        self,
        prepared: Prepared,
        item: Item,
        name: str,
        before: os.stat_result,
        placement: Placement,
    ) -> tuple[str, str, int, int]:
        """Write where it is staged; return status, code, size and time."""
        staged = placement.staged(item.number, item.path)
        try:
            size, written_at = _write_staged(prepared, staged, sync=self._task.sync)
            if self._task.replacing is not None:
                _secure(prepared, staged, item, self._task.replacing)
            elif same_content(staged, placement.final(name)):
                os.unlink(staged)
                return "skipped", "duplicate", size, 0
            _check_unchanged(item.path, before)
        except BaseException:
            _discard(staged)
            raise
        return "staged", "", size, written_at


def _regular(path: str) -> os.stat_result:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # exchanged since the scan; opening a pipe would wait
        raise InstanceError("special-file")
    return status


def _write_staged(prepared: Prepared, staged: str, *, sync: bool) -> tuple[int, int]:
    try:
        descriptor = os.open(staged, _OUTPUT_FLAGS, 0o666)
        try:
            size = prepared.write(descriptor)
            status = os.fstat(descriptor)
            if status.st_size != size:
                raise InstanceError("write-failed", "the output is not as long as it should be")
            if sync:
                os.fsync(descriptor)
            return size, status.st_mtime_ns
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in FATAL_ERRNOS or error.errno in STAGING_GONE:
            raise write_error(error) from error
        reason = os.strerror(error.errno or 0)
        raise InstanceError("write-failed", f"the output could not be written: {reason}") from error


def _secure(prepared: Prepared, staged: str, item: Item, replacing: Replacing) -> None:
    """Read back what was written, from the disk, and keep a copy of what it will replace."""
    with open(staged, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if not prepared.is_written(staged):
        raise InstanceError("write-failed", "what was written does not read back as it should")
    if replacing.safety:
        try:
            seal_file(item.path, f"{replacing.safety}/{item.number}", replacing.key)
        except OSError as error:
            if error.errno in FATAL_ERRNOS:
                raise write_error(error) from error
            raise


def _check_unchanged(path: str, before: os.stat_result) -> None:
    after = os.stat(path)
    if (after.st_size, after.st_mtime_ns, after.st_ino) != (
        before.st_size,
        before.st_mtime_ns,
        before.st_ino,
    ):
        raise InstanceError("changed")


def _discard(staged: str) -> None:
    try:
        os.unlink(staged)
    except (FileNotFoundError, NotADirectoryError):
        return


def _reading_failed(error: OSError) -> tuple[str, str]:
    """Code and detail for an original that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "vanished", ""
    return "unreadable", os.strerror(error.errno) if error.errno else ""
