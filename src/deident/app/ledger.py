"""The books of a run: outputs get their names, journal and quarantine say what became of whom."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, Protocol

from deident.endpoints import folder, sources
from deident.endpoints.beside import staged_by
from deident.endpoints.naming import unnumbered
from deident.endpoints.placing import Output, Placement
from deident.errors import UsageError
from deident.store import project as projects
from deident.store.journal import (
    Books,
    Earlier,
    JournalWriter,
    Opening,
    Record,
    Renamed,
    Retained,
)
from deident.store.project import Project
from deident.store.quarantine import QuarantineWriter
from deident.work.deidentify import Outcome, failed
from deident.work.worker import Item

_BATCH_SECONDS = 2.0
_BATCH_FILES = 512
_BATCH_BYTES = 1 << 30

Durability = Literal["batch", "file", "none"]
Finish = Callable[[int, Outcome], None]


class Ledger(Protocol):
    """Gives every instance its final outcome, and tells it to whom `finish` is.

    Attributes:
        collisions: how many outputs got another name than the one that they asked for.
    """

    collisions: int

    @property
    def placement(self) -> Placement | None:
        """Where workers write; `None` where nothing is written."""
        ...

    def excluded(self) -> frozenset[sources.FileId]:
        """Folders that the scan must not enter."""
        ...

    def earlier(self, path: str) -> Outcome | None:
        """The outcome of an instance that an earlier run has done, so that this one need not."""
        ...

    def is_own(self, path: str) -> bool:
        """Whether a file is none of the inputs, but was left by this program while it worked."""
        ...

    def enter(self, item: Item, outcome: Outcome, finish: Finish) -> None:
        """Take what a worker has made of an instance; its final outcome may come later."""
        ...

    def lost(self, item: Item) -> None:
        """Remove what a lost worker left of an output."""
        ...

    def settle(self, finish: Finish) -> None:
        """Give final outcomes to whatever has none yet."""
        ...

    def complete(self) -> None:
        """Every instance has its outcome, and nothing was cut short."""
        ...

    def idle(self, finish: Finish) -> None:
        """Called now and then."""
        ...

    def rest(self, finish: Finish) -> None:
        """The run pauses, perhaps for ever: leave nothing half done."""
        ...

    def close(self, state: str, summary: bytes, texts: Iterable[Retained] = ()) -> None:
        """The run has ended in `state`; `texts` have stayed in its outputs."""
        ...


class DryLedger:
    """For a dry run: whatever is ready counts as written, and nothing is."""

    placement = None
    collisions = 0

    def excluded(self) -> frozenset[sources.FileId]:
        """See `Ledger`."""
        return frozenset()

    def earlier(self, path: str) -> Outcome | None:
        """See `Ledger`."""
        return None

    def is_own(self, path: str) -> bool:
        """See `Ledger`."""
        return bool(staged_by(path))

    def enter(self, item: Item, outcome: Outcome, finish: Finish) -> None:
        """See `Ledger`."""
        status = "written" if outcome.status == "ready" else outcome.status
        finish(item.number, outcome._replace(status=status))

    def lost(self, item: Item) -> None:
        """See `Ledger`."""

    def settle(self, finish: Finish) -> None:
        """See `Ledger`."""

    def complete(self) -> None:
        """See `Ledger`."""

    def idle(self, finish: Finish) -> None:
        """See `Ledger`."""

    def rest(self, finish: Finish) -> None:
        """See `Ledger`."""

    def close(self, state: str, summary: bytes, texts: Iterable[Retained] = ()) -> None:
        """See `Ledger`."""


class _Staged(NamedTuple):
    """A whole output that waits for its batch to reach the disk."""

    item: Item
    outcome: Outcome


class RunLedger:
    """The ledger of a run that writes.

    Outputs are staged; a batch of them is brought to the disk at once, then they get their names,
    then the journal says so. So whatever has its name is whole, also after a power cut.

    Args:
        project: holds the books.
        output: holds the outputs.
        run: name of the run.
        opening: what the run is asked to do.
        durability: `batch` as above; `file`: workers bring each file to the disk; `none`: nobody.
        resume: whether what earlier runs have written is skipped.

    Raises:
        InfrastructureError: `write-failed`.
    """

    def __init__(
        self,
        project: Project,
        output: Output,
        run: str,
        opening: Opening,
        *,
        durability: Durability = "batch",
        resume: bool = False,
    ) -> None:
        self.placement = output.placement
        self._project, self._output, self._opening = project, output, opening
        self._durability = durability
        self._in_place = opening.policy == "in-place"
        # What was put in place of its original must never be taken for an original.
        self._books = Books(project) if resume or self._in_place else None
        self._folder = projects.make_run_folder(project, run)
        self._lock = folder.lock_folder(self._folder)
        self._run = run
        self._quarantine = QuarantineWriter(project.quarantine_folder(run))
        self._staged: deque[_Staged] = deque()
        self._staged_bytes = 0
        self._collided: dict[int, Outcome] = {}
        self.collisions = 0
        self._begun = False
        self._batched = time.monotonic()
        self._journal = JournalWriter(project, run, opening)

    def excluded(self) -> frozenset[sources.FileId]:
        """Output and project: a link or mount below an input may lead there."""
        return self._output.excluded() | sources.folder_ids(self._project.path)

    def earlier(self, path: str) -> Outcome | None:
        """An instance counts as done when neither its original nor its output has changed since."""
        found = self._books.earlier(self._opening.output, path) if self._books else None
        if found is None:
            return None
        if self._in_place:
            there = folder.size_and_time(path) == (found.size, found.time)
            return _resumed(found) if there else None
        unchanged = folder.size_and_time(path) == (found.source_size, found.source_time)
        written = folder.size_and_time(self.placement.final(found.name))
        return _resumed(found) if unchanged and written == (found.size, found.time) else None

    def is_own(self, path: str) -> bool:
        """See `Ledger`; what a run of this project left that has died is removed."""
        run = staged_by(path)
        if not run or run == self._run:
            return bool(run)
        try:
            lock = folder.lock_folder(self._project.run_folder(run))
        except OSError:  # it lives, or is of another project
            return True
        folder.unlink_if_there(path)
        os.close(lock)
        return True

    def enter(self, item: Item, outcome: Outcome, finish: Finish) -> None:
        """See `Ledger`; what is staged waits for its batch.

        Raises:
            InfrastructureError: `write-failed`: output or project can take no more.
        """
        if outcome.status != "staged":
            self._record(item, outcome)
            finish(item.number, outcome)
            return
        self._staged.append(_Staged(item, outcome))
        self._staged_bytes += outcome.size
        full = len(self._staged) >= _BATCH_FILES or self._staged_bytes >= _BATCH_BYTES
        if full or self._durability != "batch":
            self._commit_batch(finish)

    def _commit_batch(self, finish: Finish) -> None:
        """Bring what is staged to the disk, give it its names, write it into the journal."""
        if self._staged and self._durability == "batch":
            try:
                self._output.sync()
            except OSError as error:
                raise folder.write_error(error) from error
        self._staged_bytes = 0
        if self._staged and not self._begun:
            self._begun = True
            self._journal.flush()  # before anything has its name, the books know of the run
        if self._in_place:
            self._replace_originals(finish)
        while self._staged:
            item, outcome = self._staged.popleft()
            named = self._named(item, outcome)
            self._record(item, named)
            if named.status != "collision":
                finish(item.number, named)
        if self._durability == "batch":
            self._journal.flush()
        self._batched = time.monotonic()

    def _replace_originals(self, finish: Finish) -> None:
        """Write into the journal what will be where, and only then replace originals: after a
        crash it can be told which of them are outputs.
        """
        for item, outcome in self._staged:
            self._record(item, _placed(outcome, "written"))
        self._journal.flush()
        while self._staged:
            item, outcome = self._staged.popleft()
            named = self._named(item, outcome)
            if named.status == "quarantined":
                self._quarantine.add(item.number, named.code, named.detail)
                self._journal.add(Renamed(item.number, "quarantined", named.name))
            finish(item.number, named)

    def _record(self, item: Item, outcome: Outcome) -> None:
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
                outcome.time,
                outcome.source_size,
                outcome.source_time,
                outcome.series,
                outcome.patient,
                outcome.uids,
                outcome.findings,
                outcome.notes,
                outcome.study,
                outcome.instance,
                outcome.sop_class,
                outcome.modality,
            )
        )

    def _named(self, item: Item, outcome: Outcome) -> Outcome:
        try:
            status = self._output.commit(item.number, item.path, outcome.name)
        except OSError as error:
            if error.errno in folder.FATAL_ERRNOS or self._output.gone:
                raise folder.write_error(error) from error
            self._output.drop(item.number, item.path)
            reason = os.strerror(error.errno or 0)
            return outcome._replace(
                status="quarantined",
                code="write-failed",
                detail=f"the output could not be given its name: {reason}",
            )
        return _placed(outcome, status)

    def lost(self, item: Item) -> None:
        """Remove what a lost worker left of an output."""
        self._output.drop(item.number, item.path)

    def settle(self, finish: Finish) -> None:
        """Commit what is staged, then name what collided, see `FolderOutput.settle`.

        Raises:
            InfrastructureError: `write-failed`.
        """
        self._commit_batch(finish)
        try:
            if self._collided:
                self._settle(finish)
        except OSError as error:
            raise folder.write_error(error) from error

    def _settle(self, finish: Finish) -> None:
        holders, resumed = self._holders()
        asked = {number: name for name, held in holders.items() for number in held}
        asked |= {number: outcome.name for number, outcome in self._collided.items()}
        for placed in self._output.settle(holders):
            if placed.number in resumed:
                self._journal.add(Renamed(placed.number, "skipped", placed.name))
                continue
            self._journal.add(Renamed(*placed))
            if placed.status == "written" and placed.name != asked[placed.number]:
                self.collisions += 1
            outcome = self._collided.pop(placed.number, None)
            if outcome is not None:
                finish(placed.number, _placed(outcome, placed.status)._replace(name=placed.name))

    def _holders(self) -> tuple[dict[str, dict[int, str]], set[int]]:
        """What has the names that others asked for as well: by name, instance and name now; and
        which of them earlier runs have written.
        """
        self._journal.flush()
        names = self._output.colliding
        holders: dict[str, dict[int, str]] = {}
        resumed: set[int] = set()
        with Books(self._project) as books:
            for entry in books.entries(self._run):
                if not isinstance(entry, Record) or not entry.name:
                    continue
                if entry.status != "written" and entry.code != "resumed":
                    continue
                base = entry.name if entry.name in names else unnumbered(entry.name)
                if base in names:
                    holders.setdefault(base, {})[entry.number] = entry.name
                    if entry.code == "resumed":
                        resumed.add(entry.number)
        return holders, resumed

    def complete(self) -> None:
        """See `Ledger`.

        Raises:
            InfrastructureError: `write-failed`.
        """
        self._journal.flush()
        try:
            self._output.complete()
        except OSError as error:
            raise folder.write_error(error) from error

    def idle(self, finish: Finish) -> None:
        """Commit what has waited long enough."""
        if time.monotonic() - self._batched > _BATCH_SECONDS:
            self.rest(finish)

    def rest(self, finish: Finish) -> None:
        """Commit what is staged."""
        self._commit_batch(finish)
        self._journal.flush()

    def close(self, state: str, summary: bytes, texts: Iterable[Retained] = ()) -> None:
        """End the journal and leave the summary beside it.

        Raises:
            InfrastructureError: `write-failed`.
        """
        for item, _ in self._staged:
            self._output.drop(item.number, item.path)
        if self._books is not None:
            self._books.close()
        try:
            for some in texts:
                self._journal.add(some)
            self._journal.close(state)
            projects.write_private(f"{self._folder}/summary.json", summary)
        except OSError as error:
            raise projects.no_more(error) from error
        finally:
            os.close(self._lock)


def _placed(outcome: Outcome, status: str) -> Outcome:
    if status == "duplicate":
        return outcome._replace(status="skipped", code="duplicate")
    return outcome._replace(status=status)


def _resumed(found: Earlier) -> Outcome:
    """The outcome of an instance that an earlier run has done."""
    return failed("resumed")._replace(
        name=found.name,
        size=found.size,
        time=found.time,
        source_size=found.source_size,
        source_time=found.source_time,
        series=found.series,
    )


def resumed_run(project: Project, output: str, profile: str) -> str:
    """Name of the last run into the same output, empty for none.

    Raises:
        UsageError: `resume-impossible`: such a run had another profile or layout.
        InfrastructureError: `journal-damaged`.
    """
    last = ""
    with Books(project) as books:
        earlier = books.profiles(output)
    for run, its_profile in earlier:
        if its_profile != profile:
            raise UsageError(
                "resume-impossible",
                f"run {run} into this output had another profile or other names for outputs; "
                "leave --resume out",
            )
        last = run
    return last


def written_names(project: Project, output: str) -> Callable[[str], str]:
    """Which output stands for an original, by the last run into this output; empty for none.

    Raises (when called):
        InfrastructureError: `journal-damaged`.
    """
    books = Books(project)

    def find(source: str) -> str:
        found = books.earlier(output, source)
        return f"{output}/{found.name}" if found else ""

    return find


def left_out_codes(project: Project, output: str) -> Callable[[str], str]:
    """Why an original was not written into an output by the last run; empty if it was, or unknown.

    Raises (when called):
        InfrastructureError: `journal-damaged`.
    """
    books = Books(project)

    def find(source: str) -> str:
        status, code = books.outcome(output, source)
        return code if status in ("skipped", "quarantined") and code != "resumed" else ""

    return find
