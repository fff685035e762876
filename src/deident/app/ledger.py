"""The books of a run: outputs get their names, journal and quarantine say what became of whom."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from deident.endpoints import folder
from deident.endpoints.folder import FolderOutput
from deident.errors import UsageError
from deident.store import project as projects
from deident.store.journal import Entry, JournalWriter, Opening, Record, Renamed
from deident.store.journal import read as read_journal
from deident.store.project import Project
from deident.store.quarantine import QuarantineWriter
from deident.work.deidentify import Outcome, failed
from deident.work.worker import Item

_FLUSH_SECONDS = 2.0
# The first seal costs an import: by then every worker has something to do meanwhile.
_FIRST_FLUSH = 64
_LEFT_OUT = frozenset(("skipped", "quarantined"))


class Ledger(Protocol):
    """Gives every instance its final outcome.

    Attributes:
        root, staging: the output folder, and where outputs are written first.
        collisions: how many outputs got another name than the one that they asked for.
    """

    root: str
    staging: str
    collisions: int

    def excluded(self) -> frozenset[folder.FileId]:
        """Folders that the scan must not enter."""
        ...

    def earlier(self, path: str) -> Outcome | None:
        """The outcome of an instance that an earlier run has done, so that this one need not."""
        ...

    def enter(self, item: Item, outcome: Outcome) -> Outcome:
        """Return the final outcome, or `collision` for one that `settle` will give."""
        ...

    def lost(self, number: int) -> None:
        """Remove what a lost worker left of an output."""
        ...

    def settle(self) -> Iterator[tuple[int, Outcome]]:
        """The final outcomes of what collided."""
        ...

    def idle(self) -> None:
        """Called now and then."""
        ...

    def close(self, state: str, summary: bytes) -> None:
        """The run has ended in `state`."""
        ...


class DryLedger:
    """For a dry run: whatever is ready counts as written, and nothing is."""

    root = staging = ""
    collisions = 0

    def excluded(self) -> frozenset[folder.FileId]:
        """See `Ledger`."""
        return frozenset()

    def earlier(self, path: str) -> Outcome | None:
        """See `Ledger`."""
        return None

    def enter(self, item: Item, outcome: Outcome) -> Outcome:
        """See `Ledger`."""
        return outcome._replace(status="written") if outcome.status == "ready" else outcome

    def lost(self, number: int) -> None:
        """See `Ledger`."""

    def settle(self) -> Iterator[tuple[int, Outcome]]:
        """See `Ledger`."""
        return iter(())

    def idle(self) -> None:
        """See `Ledger`."""

    def close(self, state: str, summary: bytes) -> None:
        """See `Ledger`."""


class EarlierOutput(NamedTuple):
    """What an earlier run has written for one original."""

    name: str
    size: int
    source_size: int
    source_time: int
    series: str


class RunLedger:
    """The ledger of a run that writes.

    Args:
        project: holds the books.
        output: holds the outputs.
        opening: what the run is asked to do.
        earlier: see `earlier_outputs`; empty unless the run resumes.

    Raises:
        InfrastructureError: `write-failed`.
    """

    def __init__(
        self,
        project: Project,
        output: FolderOutput,
        run_id: str,
        opening: Opening,
        earlier: dict[str, EarlierOutput],
    ) -> None:
        self.root, self.staging = output.root, output.staging
        self._project, self._output, self._earlier = project, output, earlier
        self._folder = projects.make_run_folder(project, run_id)
        self._quarantine = QuarantineWriter(project.quarantine_folder(run_id))
        self._collided: dict[int, Outcome] = {}
        self.collisions = 0
        self._flushed = time.monotonic()
        self._sealed = False
        self._entered = 0
        self._journal = JournalWriter(f"{self._folder}/journal", project.subkey("journal"), run_id)
        self._journal.add(opening)

    def excluded(self) -> frozenset[folder.FileId]:
        """Output and project: a link or mount below an input may lead there."""
        return folder.folder_ids(self._output.root, self._project.path)

    def earlier(self, path: str) -> Outcome | None:
        """An instance counts as done when neither its original nor its output has changed since."""
        record = self._earlier.get(path)
        if record is None:
            return None
        unchanged = folder.size_and_time(path) == (record.source_size, record.source_time)
        written = folder.size_and_time(f"{self.root}/{record.name}")
        if not unchanged or written is None or written[0] != record.size:
            return None
        return failed("resumed")._replace(series=record.series)

    def enter(self, item: Item, outcome: Outcome) -> Outcome:
        """Name the output, write journal and quarantine.

        Raises:
            InfrastructureError: `write-failed`: output or project can take no more.
        """
        self._entered += 1
        if outcome.status == "staged":
            outcome = self._commit(item.number, outcome)
        if outcome.status == "quarantined":
            self._quarantine.add(item.number, outcome.code, outcome.detail)
        elif outcome.status == "collision":
            self._collided[item.number] = outcome._replace(uids=(), findings=(), notes=())
        self._journal.add(
            Record(
                item.number,
                item.path,
                outcome.status,
                outcome.code,
                outcome.name,
                outcome.size,
                outcome.source_size,
                outcome.source_time,
                outcome.series,
                outcome.patient,
                outcome.uids,
                outcome.findings,
                outcome.notes,
            )
        )
        return outcome

    def _commit(self, number: int, outcome: Outcome) -> Outcome:
        try:
            status = self._output.commit(number, outcome.name)
        except OSError as error:
            if error.errno in folder.FATAL_ERRNOS or self._output.gone:
                raise folder.write_error(error) from error
            self._output.drop(number)
            reason = os.strerror(error.errno or 0)
            return outcome._replace(
                status="quarantined",
                code="write-failed",
                detail=f"the output could not be given its name: {reason}",
            )
        return _placed(outcome, status)

    def lost(self, number: int) -> None:
        """Remove what a lost worker left of an output."""
        self._output.drop(number)

    def settle(self) -> Iterator[tuple[int, Outcome]]:
        """Name the outputs that collided, see `FolderOutput.settle`, and correct the journal.

        Raises:
            InfrastructureError: `write-failed`.
        """
        try:
            if self._collided:
                yield from self._settle()
        except OSError as error:
            raise folder.write_error(error) from error

    def _settle(self) -> Iterator[tuple[int, Outcome]]:
        holders = self._holders()
        asked = {number: name for name, number in holders.items()}
        asked |= {number: outcome.name for number, outcome in self._collided.items()}
        for placed in self._output.settle(holders):
            self._journal.add(Renamed(*placed))
            if placed.status == "written" and placed.name != asked[placed.number]:
                self.collisions += 1
            outcome = self._collided.pop(placed.number, None)
            if outcome is not None:
                yield placed.number, _placed(outcome, placed.status)._replace(name=placed.name)

    def _holders(self) -> dict[str, int]:
        """Which instance of this run got a name that others asked for as well."""
        self._journal.flush()
        names = self._output.colliding
        return {
            entry.name: entry.number
            for entry in read_journal(f"{self._folder}/journal", self._project.subkey("journal"))
            if isinstance(entry, Record) and entry.status == "written" and entry.name in names
        }

    def idle(self) -> None:
        """Bring the journal to the disk now and then, whatever its frame's size."""
        now = time.monotonic()
        steady = not self._sealed and self._entered >= _FIRST_FLUSH
        if steady or now - self._flushed > _FLUSH_SECONDS:
            self._flushed, self._sealed = now, True
            self._journal.flush()

    def close(self, state: str, summary: bytes) -> None:
        """End the journal and leave the summary beside it.

        Raises:
            InfrastructureError: `write-failed`.
        """
        self._journal.close(state)
        try:
            projects.write_private(f"{self._folder}/summary.json", summary)
        except OSError as error:
            raise projects.no_more(error) from error


def _placed(outcome: Outcome, status: str) -> Outcome:
    if status == "duplicate":
        return outcome._replace(status="skipped", code="duplicate")
    return outcome._replace(status=status)


def earlier_outputs(
    project: Project, output: str, profile: str
) -> tuple[str, dict[str, EarlierOutput]]:
    """What earlier runs into the same output have written, by original.

    Memory grows with the number of outputs.

    Returns:
        the name of the last such run, empty for none; the outputs.

    Raises:
        UsageError: `resume-impossible`: such a run had another profile or layout.
        InfrastructureError: `journal-damaged`.
    """
    last = ""
    outputs: dict[str, EarlierOutput] = {}
    for run_id, opening, entries in _runs_into(project, output):
        if opening.profile != profile:
            raise UsageError(
                "resume-impossible",
                f"run {run_id} into this output had another profile or other names for outputs; "
                "leave --resume out",
            )
        last = run_id
        _collect(entries, outputs)
    return last, outputs


def written_names(project: Project, output: str) -> dict[str, str]:
    """Which output stands for which original: absolute paths, by all runs into this output.

    Raises:
        InfrastructureError: `journal-damaged`.
    """
    outputs: dict[str, EarlierOutput] = {}
    for _, _, entries in _runs_into(project, output):
        _collect(entries, outputs)
    return {source: f"{output}/{found.name}" for source, found in outputs.items()}


def left_out_codes(project: Project, output: str) -> dict[str, str]:
    """Why originals were not written into this output: absolute path → code, the last run's.

    Raises:
        InfrastructureError: `journal-damaged`.
    """
    codes: dict[str, str] = {}
    for _, _, entries in _runs_into(project, output):
        sources: dict[int, str] = {}
        for entry in entries:
            if isinstance(entry, Record):
                sources[entry.number] = entry.source
                codes[entry.source] = entry.code if entry.status in _LEFT_OUT else ""
            elif isinstance(entry, Renamed):
                codes[sources[entry.number]] = entry.status if entry.status != "written" else ""
    return {source: code for source, code in codes.items() if code}


def _runs_into(project: Project, output: str) -> Iterator[tuple[str, Opening, Iterator[Entry]]]:
    """The runs that wrote into an output, oldest first: name, opening, the other entries."""
    for run_id in project.run_ids():
        entries = read_journal(f"{project.run_folder(run_id)}/journal", project.subkey("journal"))
        opening = next(entries, None)
        if isinstance(opening, Opening) and opening.output == output:
            yield run_id, opening, entries


def _collect(entries: Iterator[Entry], outputs: dict[str, EarlierOutput]) -> None:
    """Add what the entries of one run say was written."""
    found: dict[int, Record] = {}
    for entry in entries:
        if isinstance(entry, Record):
            found[entry.number] = entry
        elif isinstance(entry, Renamed):
            found[entry.number] = found[entry.number]._replace(status=entry.status, name=entry.name)
    for record in found.values():
        if record.status == "written":
            outputs[record.source] = EarlierOutput(
                record.name, record.size, record.source_size, record.source_time, record.series
            )
