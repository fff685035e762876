"""The use case `run`: folders in, de-identified folders out, journal and quarantine in the project.

This process scans, puts finished outputs in place and keeps the books; workers do the rest. Nothing
is made, not even a folder, before the request is known to be right.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from deident.app.ledger import DryLedger, Durability, Ledger, RunLedger, resumed_run
from deident.app.reports import RunSummary
from deident.endpoints import sources
from deident.endpoints.beside import BesideOutput, InPlaceOutput
from deident.endpoints.folder import FolderOutput
from deident.endpoints.naming import (
    DEFAULT_TEMPLATE,
    MirrorNames,
    NameTemplate,
    Naming,
    RootedNames,
    SourceNames,
    SuffixNames,
)
from deident.endpoints.placing import Output
from deident.endpoints.sources import Extensions
from deident.endpoints.zipped import ZipOutput, is_archive
from deident.errors import InfrastructureError, UsageError
from deident.store import project as projects
from deident.store.journal import Opening, Retained
from deident.store.project import Project
from deident.work.deidentify import EngineSpec, Note, Outcome, Replacing, Task, failed
from deident.work.local import Done, Lost, Pool
from deident.work.worker import Item

_COUNT_AT_ONCE = 2000
_IDLE_SECONDS = 0.1


class Recipe(NamedTuple):
    """An effective profile, ready to be carried out.

    Attributes:
        name: of the profile, for people.
        fingerprint: of everything that decides what comes out, the key excepted.
        naming: template of output names; empty for the usual one.
        engine: makes the engine's description from a project key.
        warning: what a person should know before the run, empty for nothing.
        statement: the profile and what it claims, as JSON, for the books; see `recipes`.
    """

    name: str
    fingerprint: str
    naming: str
    engine: Callable[[bytes], EngineSpec]
    warning: str = ""
    statement: str = ""


class RunSettings(NamedTuple):
    """What a person asks of a run.

    Attributes:
        inputs: files, folders, glob patterns, as typed.
        output: folder, made when it does not exist; empty for outputs beside their originals or in
            their place.
        project: folder; `None` for one beside the output, made when it does not exist.
        jobs: number of worker processes.
        dry_run: decide everything, write nothing.
        resume: skip what earlier runs of the same profile into the same output have written.
        timeout: seconds for one instance.
        memory: bytes of address space for a worker, 0 for any number.
        nice: how much workers give way to other programs, 0 to 19.
        mirror: name outputs after the input's folders and files instead of by the template.
        keep_names: with `mirror`: the original names instead of tokens.
        template: of output names, instead of the profile's.
        follow_symlinks: follow links below the inputs.
        extensions: list of extensions of the files to read, see `sources.Extensions`.
        durability: when outputs are brought to the disk, see `ledger.RunLedger`.
        roots: with `mirror`: a folder for each input, called after its path.
        suffix: of outputs beside their originals; with `suffix_replaces`, for their extension.
        in_place: outputs take the place of their originals, of which `safety` keeps sealed copies.
    """

    inputs: tuple[str, ...]
    output: str
    project: str | None = None
    jobs: int = 1
    dry_run: bool = False
    resume: bool = False
    timeout: float = 300.0
    memory: int = 0
    nice: int = 0
    mirror: bool = False
    keep_names: bool = False
    template: str | None = None
    follow_symlinks: bool = False
    extensions: str | None = None
    durability: Durability = "batch"
    roots: bool = False
    suffix: str = ""
    suffix_replaces: bool = False
    in_place: bool = False
    safety: bool = True

    @property
    def policy(self) -> str:
        """How outputs are placed: `folder`, `zip`, `suffix` or `in-place`."""
        if self.in_place:
            return "in-place"
        if self.suffix:
            return "suffix"
        return "zip" if is_archive(self.output) else "folder"


class Observer:
    """Hears of a run's progress; this one does not listen.

    Attributes:
        wants_total: whether the inputs shall be counted in idle moments, for `progress`.
    """

    wants_total = False

    def project(self, path: str, *, made: bool) -> None:
        """No project was named: the one at `path` is used, `made` for this run or found there."""

    def progress(self, summary: RunSummary, total: int | None) -> None:
        """Called some times a second. `total`: how many entries there are, once that is known."""

    def stopping(self) -> None:
        """A signal has come: what workers have in hand is finished, nothing else is begun."""

    def pausing(self) -> None:
        """Nothing is in hand, all is written down; the process stops until it is continued."""

    def instance(self, number: int, outcome: Outcome) -> None:
        """An instance has its final outcome."""


def run(settings: RunSettings, recipe: Recipe, observer: Observer | None = None) -> RunSummary:
    """Carry out a run.

    Raises:
        UsageError: inputs, output, project or template are not usable; nothing has been written.
        InfrastructureError: the machine refused; what was written until then is complete.
    """
    observer = observer or Observer()
    inputs = sources.resolve_inputs(settings.inputs)
    place = settings.project or projects.default_path(settings.output or inputs[0])
    sources.check_relations(inputs, settings.output, place)
    template = NameTemplate(settings.template or recipe.naming or DEFAULT_TEMPLATE)
    _extensions(settings)  # is it right? Nothing has been made yet
    project = None
    if settings.project is not None or projects.exists(place):
        project = projects.open_project(place)
    if settings.dry_run:
        dry = _Run(settings, recipe, observer, inputs, RunSummary(dry_run=True))
        return dry.work(DryLedger(), project or projects.in_memory(), template)
    summary = RunSummary(projects.new_run_id())
    output = _destination(settings, summary.run)
    try:
        if settings.project is None:
            observer.project(place, made=project is None)
        project = project or _new_project(place)
        ledger = _run_ledger(settings, recipe, inputs, project, output, summary.run)
        return _Run(settings, recipe, observer, inputs, summary).work(ledger, project, template)
    except UsageError:
        output.vain = True
        raise
    finally:
        output.close()


def _destination(settings: RunSettings, run_id: str) -> Output:
    """Where outputs go."""
    match settings.policy:
        case "in-place":
            return InPlaceOutput(run_id)
        case "suffix":
            return BesideOutput(run_id)
        case "zip":
            return ZipOutput(settings.output)
        case _:
            return FolderOutput(settings.output)


def _new_project(place: str) -> Project:
    try:
        return projects.init(place)
    except UsageError:
        if not projects.exists(place):  # else another run made it in this moment
            raise
        return projects.open_project(place)


def _run_ledger(
    settings: RunSettings,
    recipe: Recipe,
    inputs: list[str],
    project: Project,
    output: Output,
    run_id: str,
) -> RunLedger:
    fingerprint = f"{recipe.fingerprint}{_layout(settings)}"
    last = resumed_run(project, output.root, fingerprint) if settings.resume else ""
    opening = Opening(
        tuple(inputs),
        output.root,
        fingerprint,
        projects.utc_now(),
        last,
        settings.policy,
        output.made,
        statement=recipe.statement,
        keeps_names=settings.keep_names,
    )
    projects.note_profile(project, recipe.name)
    beside = settings.policy in ("suffix", "in-place")
    durability = "batch" if beside else settings.durability
    return RunLedger(
        project, output, run_id, opening, durability=durability, resume=settings.resume
    )


def _layout(settings: RunSettings) -> str:
    """How outputs are named, if not as the profile says: other names are other outputs."""
    words = [
        settings.policy if settings.policy != "folder" else "",
        settings.suffix,
        "extension" if settings.suffix_replaces else "",
        "mirror" if settings.mirror else "",
        "roots" if settings.roots else "",
        "names kept" if settings.keep_names else "",
        settings.template or "",
    ]
    return "".join(f" {word}" for word in words if word)


class _Run:
    """One run: scan, hand out, account."""

    def __init__(
        self,
        settings: RunSettings,
        recipe: Recipe,
        observer: Observer,
        inputs: list[str],
        summary: RunSummary,
    ) -> None:
        self._settings, self._recipe, self._observer = settings, recipe, observer
        self._inputs = inputs
        self._extensions = _extensions(settings)
        self._summary = summary
        self._counter = self._count_inputs() if observer.wants_total else None
        self._total: int | None = None
        self._next_idle = 0.0
        self._ledger: Ledger = DryLedger()
        self._signals = _Signals()
        self._said = False

    def work(self, ledger: Ledger, project: Project, template: NameTemplate) -> RunSummary:
        """Take every entry to its outcome.

        Raises:
            InfrastructureError: the machine refused.
        """
        began = time.monotonic()
        summary, self._ledger = self._summary, ledger
        task = Task(
            self._recipe.engine(project.key),
            _naming(self._settings, project, template),
            ledger.placement,
            sync=self._settings.durability == "file"
            or self._settings.policy in ("suffix", "in-place"),
            replacing=self._replacing(project),
        )
        pool = Pool(
            task,
            self._settings.jobs,
            timeout=self._settings.timeout,
            memory=self._settings.memory,
            nice=self._settings.nice,
            idle=self._idle,
            note=self._note,
            pause=self._pause,
        )
        summary.state = "failed"
        try:
            with self._signals.over(pool) as signals:
                for done in pool.run(self._items()):
                    self._account(done.item, _outcome(done, ledger))
                ledger.settle(self._count)
                if not signals.received:
                    ledger.complete()
        except InfrastructureError:
            with suppress(InfrastructureError):  # the first failure is the one to tell of
                ledger.settle(self._count)
            raise
        else:
            summary.collisions = ledger.collisions
            summary.signal = signals.received
            summary.state = "interrupted" if signals.received else "complete"
        finally:
            summary.seconds = time.monotonic() - began
            self._close()
        return summary

    def _replacing(self, project: Project) -> Replacing | None:
        if not self._settings.in_place or self._settings.dry_run:
            return None
        safety = project.safety_folder(self._summary.run) if self._settings.safety else ""
        if safety:
            projects.make_private(safety)
        return Replacing(safety, project.subkey("safety"))

    def _close(self) -> None:
        content = json.dumps(self._summary.as_json(), indent=1) + "\n"
        try:
            retained = map(Retained, self._summary.texts.rows())
            self._ledger.close(self._summary.state, content.encode(), retained)
        except InfrastructureError:
            if self._summary.state != "failed":  # else the first failure is the one to tell of
                raise

    def _note(self, note: Note) -> None:
        tally, texts = note
        self._summary.add_tally(tally)
        self._summary.texts.add(texts)

    def _items(self) -> Iterator[Item]:
        """What workers shall do; everything else that the scan meets is accounted for at once."""
        summary, ledger = self._summary, self._ledger
        follow = self._settings.follow_symlinks
        found = sources.scan(
            self._inputs,
            follow_symlinks=follow,
            exclude=ledger.excluded(),
            below_each=self._settings.roots,
            extensions=self._extensions,
        )
        for path, start, code in found:
            if ledger.is_own(path):
                continue
            summary.found += 1
            item = Item(summary.found, path, start)
            code = code or self._is_output(path)
            outcome = failed(code) if code else ledger.earlier(path)
            if outcome is None:
                yield item
            else:
                self._account(item, outcome)

    def _is_output(self, path: str) -> str:
        suffix = self._settings.suffix
        return "own-output" if suffix and path.endswith(suffix) else ""

    def _account(self, item: Item, outcome: Outcome) -> None:
        if outcome.code != "resumed":  # it was not read
            self._summary.bytes_in += outcome.source_size
        self._summary.observe(outcome.findings, outcome.notes)
        self._ledger.enter(item, outcome, self._count)

    def _count(self, number: int, outcome: Outcome) -> None:
        self._summary.count(outcome.status, outcome.code, outcome.series, outcome.size)
        self._observer.instance(number, outcome)

    def _idle(self) -> None:
        now = time.monotonic()
        if now < self._next_idle:
            return
        self._next_idle = now + _IDLE_SECONDS
        if self._signals.received and not self._said:
            self._said = True
            self._observer.stopping()
        self._ledger.idle(self._count)
        if self._counter is not None:
            self._total = next(self._counter, self._total)
        self._observer.progress(self._summary, self._total)

    def _pause(self) -> None:
        """Leave nothing half done, then stop as Ctrl-Z stops other programs."""
        self._ledger.rest(self._count)
        self._observer.pausing()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _count_inputs(self) -> Iterator[int | None]:
        """Count what the scan will meet, a little at a time."""
        total = 0
        for _ in sources.scan(self._inputs, follow_symlinks=self._settings.follow_symlinks):
            total += 1
            if total % _COUNT_AT_ONCE == 0:
                yield None
        yield total


def _extensions(settings: RunSettings) -> Extensions | None:
    return Extensions.parse(settings.extensions) if settings.extensions is not None else None


def _naming(settings: RunSettings, project: Project, template: NameTemplate) -> Naming:
    if settings.in_place:
        return SourceNames()
    if settings.suffix:
        return SuffixNames(settings.suffix, replace=settings.suffix_replaces)
    if not settings.mirror:
        return template
    mirror = MirrorNames(None if settings.keep_names else project.subkey("names"))
    return RootedNames(mirror) if settings.roots else mirror


def _outcome(done: Done, ledger: Ledger) -> Outcome:
    if isinstance(done.value, Lost):
        ledger.lost(done.item)
        return failed(done.value.code)
    return Outcome._make(done.value)


class _Signals:
    """Lets SIGINT and SIGTERM end a run: the first gently, the second at once; SIGTSTP pauses it.

    A signal that this process was started to ignore stays ignored; outside the main thread, where
    Python cannot handle signals, nothing changes.

    Attributes:
        received: number of the first signal, 0 for none.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self.received = 0

    def over(self, pool: Pool) -> _Signals:
        """Say whom the signals stop."""
        self._pool = pool
        return self

    def __enter__(self) -> _Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTSTP):
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._before[number] = signal.signal(number, self._receive)
            except ValueError:
                break
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, _frame: object) -> None:
        if number == signal.SIGTSTP:
            self._pool.pause()
        elif self.received:
            self._pool.abort()
        else:
            self.received = number
            self._pool.stop()
