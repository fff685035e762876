"""Worker processes of this machine, supervised: one that dies or hangs costs the item it held.

The supervisor (this process) hands out small batches and reads what became of each item. It knows
at any time which item a worker has in hand: the first handed out that it has not heard of.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from deident.errors import REASONS, InfrastructureError
from deident.work import worker as inside
from deident.work.early import EarlyWorker
from deident.work.early import take as take_early
from deident.work.worker import BYE, FATAL, NOTE, READY, RESULT, Item, Limits, Task

_MAX_BATCH = 16
_BATCH_SECONDS = 0.02  # longer batches would leave a worker idle while another still has a heap
_BATCH_BYTES = 16384  # of paths: two batches fit into a pipe, so that sending never waits
_TICK = 0.25
_START_SECONDS = 60.0  # what a worker may take to load what it needs
_MAX_NAP = 0.001
_STANDSTILL = 5.0  # longer between two looks means that everything was stopped, workers as well


class Lost(NamedTuple):
    """Stands in for the value of an item whose worker was lost: why, as a code."""

    code: str


class Done(NamedTuple):
    """An item and what its job returned, or `Lost`."""

    item: Item
    value: Any


class _Worker:
    """The supervisor's side of one worker process."""

    def __init__(self, pid: int, tasks: int, results: int) -> None:
        self.pid, self.tasks, self.results = pid, tasks, results
        self.buffer = bytearray()
        self.held: deque[Item] = deque()
        self.since = time.monotonic()
        self.given = 0
        self.ready = self.late = self.left = False

    def give(self, batch: list[Item]) -> None:
        if not self.held:
            self.since = time.monotonic()
        self.held.extend(batch)
        self.given += len(batch)
        try:
            inside.write_all(self.tasks, inside.frame([tuple(item) for item in batch]))
        except BrokenPipeError:
            return  # it has gone; what it held is seen when its results end

    def end_input(self) -> None:
        """Let it finish what it holds and go."""
        if self.tasks >= 0:
            os.close(self.tasks)
            self.tasks = -1

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def messages(self) -> Iterator[tuple[int, Any]]:
        """The whole messages that have arrived."""
        buffer, position = self.buffer, 0
        while len(buffer) - position >= 4:
            end = position + 4 + int.from_bytes(buffer[position : position + 4], "big")
            if len(buffer) < end:
                break
            yield marshal.loads(memoryview(buffer)[position + 4 : end])  # noqa: S302
            position = end
        del buffer[:position]


class Pool:
    """Runs a task on many items in N worker processes.

    Workers are forked, which shares everything that is loaded already; where this process has
    several threads they are started as fresh interpreters instead, because a fork would copy locks
    in any state. An early worker (`work.early`) that waits in this process becomes the first.

    Args:
        task: what to do.
        workers: how many processes.
        timeout: seconds an item may take; then its worker is killed and the item `Lost("timeout")`.
        memory: bytes of address space of a worker, 0 for any number.
        nice: niceness of workers, 0 to 19.
        recycle: a worker is replaced after so many items.
        spawn: fresh interpreters (`True`) or forks (`False`) instead of the choice above.
        idle: called often, a few times a second at least.
        note: called with what jobs report apart from items.
        pause: called after `pause()`, when no worker is left; what it returns from goes on.
    """

    def __init__(
        self,
        task: Task,
        workers: int,
        *,
        timeout: float = 300.0,
        memory: int = 0,
        nice: int = 0,
        recycle: int = 20_000,
        spawn: bool | None = None,
        idle: Callable[[], None] | None = None,
        note: Callable[[Any], None] | None = None,
        pause: Callable[[], None] | None = None,
    ) -> None:
        self._task = task
        self._count = workers
        self._limits = Limits(timeout, memory, nice)
        self._recycle = recycle
        self._start_one = self._spawn if (_threaded() if spawn is None else spawn) else self._fork
        self._idle, self._note, self._pause = idle, note, pause
        self._workers: dict[int, _Worker] = {}
        self._poll = select.poll()
        self._items: Iterator[Item] = iter(())
        self._again: deque[Item] = deque()
        self._exhausted = False
        self._batch = 1
        self._seconds_each = 0.0
        self._stopping = self._aborted = self._pausing = False
        self._looked = time.monotonic()

    def start(self) -> None:
        """Start the workers; they get ready while the caller goes on.

        Raises:
            InfrastructureError: `worker-failed`.
        """
        early = take_early()
        if early is not None:
            self._enrol(self._adopted(early))
        while len(self._workers) < self._count:
            self._add_worker()

    def run(self, items: Iterator[Item]) -> Iterator[Done]:
        """Yield every item with what became of it, in the order in which they are finished.

        `items` is only drawn from as far as the workers need it.

        Raises:
            InfrastructureError: a job says that nothing more can be done, or workers cannot start.
        """
        self._items = items
        try:
            self.start()
            while self._workers or self._resume():
                self._feed()
                for worker in self._readable():
                    yield from self._hear(worker)
                yield from self._expire()
        finally:
            self.close()

    def stop(self) -> None:
        """Let every worker finish the item in hand; begin no other. Safe in a signal handler."""
        self._stopping = True
        for worker in list(self._workers.values()):
            worker.signal(signal.SIGTERM)

    def pause(self) -> None:
        """Let every worker finish the item in hand and go, then call `pause` of the constructor,
        and start anew. Safe in a signal handler.
        """
        if not self._stopping:
            self._pausing = True
            for worker in list(self._workers.values()):
                worker.signal(signal.SIGTERM)

    def abort(self) -> None:
        """Kill the workers now; what they had in hand is lost. Safe in a signal handler."""
        self._stopping = self._aborted = True
        for worker in list(self._workers.values()):
            worker.signal(signal.SIGKILL)

    def close(self) -> None:
        """Kill and reap whatever is left."""
        for worker in list(self._workers.values()):
            worker.signal(signal.SIGKILL)
            self._remove(worker)

    def _resume(self) -> bool:
        """Pause, if the last workers have gone for that; whether there are workers again."""
        if not self._pausing or self._stopping:
            return False
        self._pausing = False
        if self._pause:
            self._pause()
        self._looked = time.monotonic()
        if not self._stopping and (self._again or not self._exhausted):
            self.start()
        return bool(self._workers)

    # -- handing out ------------------------------------------------------------------------------

    def _feed(self) -> None:
        """See that each worker holds a batch beyond the one it works on, or let it go."""
        for worker in list(self._workers.values()):
            if worker.tasks < 0:
                continue
            if self._stopping or self._pausing or worker.given >= self._recycle:
                worker.end_input()
                continue
            while len(worker.held) <= self._batch and (batch := self._next_batch()):
                worker.give(batch)
            if self._exhausted and not self._again and not worker.held:
                worker.end_input()

    def _next_batch(self) -> list[Item]:
        batch: list[Item] = []
        size = 0
        while len(batch) < self._batch and size < _BATCH_BYTES:
            item = self._again.popleft() if self._again else next(self._items, None)
            if item is None:
                self._exhausted = True
                break
            batch.append(item)
            size += len(item.path)
        return batch

    # -- hearing ----------------------------------------------------------------------------------

    def _readable(self) -> list[_Worker]:
        """Wait for news, and then until a handful of results is there: waking up costs more than
        hearing one. No worker gets through half of what it holds meanwhile."""
        if self._idle:
            self._idle()
        events = self._poll.poll(_TICK * 1000)
        least = min((len(worker.held) for worker in self._workers.values()), default=0)
        if events and least > _MAX_BATCH // 2:
            time.sleep(min(_MAX_NAP, self._seconds_each * least / 2))
        return [self._workers[descriptor] for descriptor, _ in events]

    def _hear(self, worker: _Worker) -> Iterator[Done]:
        content = os.read(worker.results, 1 << 16)
        if not content:
            yield from self._bury(worker)
            return
        worker.buffer += content
        heard = 0
        for kind, value in worker.messages():
            if kind == RESULT:
                heard += 1
                yield Done(worker.held.popleft(), value)
            elif kind == READY:
                worker.ready = True
            elif kind == BYE:
                worker.left = True
            elif kind == NOTE:
                if self._note:
                    self._note(value)
            elif kind == FATAL:
                raise InfrastructureError(*value)
        self._pace(worker, heard)

    def _pace(self, worker: _Worker, heard: int) -> None:
        """Let batches grow while items are quick."""
        now = time.monotonic()
        if heard:
            self._seconds_each = (now - worker.since) / heard
            quick = self._seconds_each * self._batch < _BATCH_SECONDS
            self._batch = min(_MAX_BATCH, 2 * self._batch) if quick else max(1, self._batch // 2)
        worker.since = now

    def _bury(self, worker: _Worker) -> Iterator[Done]:
        """A worker has ended: find out how, account for what it held, replace it if needed."""
        status = self._remove(worker)
        if not worker.ready and not self._stopping and not self._pausing:
            text = REASONS["worker-failed"].text
            raise InfrastructureError("worker-failed", f"{text} ({_how(status)})")
        if worker.held and not worker.left and not self._aborted:
            late = worker.late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM)
            yield Done(worker.held.popleft(), Lost("timeout" if late else "worker-died"))
        self._again.extendleft(reversed(worker.held))
        if self._stopping or self._pausing:
            return
        if self._again or not self._exhausted:
            self._add_worker()

    def _expire(self) -> Iterator[Done]:
        """Kill workers that have had one item in hand for too long."""
        now = time.monotonic()
        if now - self._looked > _STANDSTILL:
            for worker in self._workers.values():
                worker.since += now - self._looked
        self._looked = now
        for worker in list(self._workers.values()):
            limit = self._limits.seconds + (0 if worker.ready else _START_SECONDS)
            if not worker.held or worker.late or now - worker.since < limit:
                continue
            if select.select([worker.results], [], [], 0)[0]:  # this process was the slow one
                yield from self._hear(worker)
                continue
            worker.late = True
            worker.signal(signal.SIGKILL)

    # -- processes --------------------------------------------------------------------------------

    def _add_worker(self) -> None:
        try:
            worker = self._start_one()
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise InfrastructureError(
                "worker-failed", f"a worker process could not start: {reason}"
            ) from error
        self._enrol(worker)

    def _enrol(self, worker: _Worker) -> None:
        self._workers[worker.results] = worker
        self._poll.register(worker.results, select.POLLIN)

    def _adopted(self, early: EarlyWorker) -> _Worker:
        import pickle

        task = (pickle.dumps(self._task), tuple(self._limits))
        worker = _Worker(early.pid, early.tasks, early.results)
        try:
            inside.write_all(worker.tasks, inside.frame((inside.TASK, task)))
        except BrokenPipeError:
            return worker  # it has gone; that is seen when its results end
        return worker

    def _fork(self) -> _Worker:
        tasks_out, tasks_in = os.pipe()
        results_out, results_in = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(tasks_out)
            os.close(results_in)
            return _Worker(pid, tasks_in, results_out)
        status = 1
        try:
            for descriptor in self._ours():
                os.close(descriptor)
            os.close(tasks_in)
            os.close(results_out)
            inside.silence()
            inside.serve(self._task, tasks_out, results_in, self._limits)
            status = 0
        finally:
            os._exit(status)

    def _ours(self) -> Iterator[int]:
        """Our ends of other workers' pipes: open in a sibling, they would never end."""
        for worker in self._workers.values():
            yield worker.results
            if worker.tasks >= 0:
                yield worker.tasks

    def _spawn(self) -> _Worker:
        import pickle
        import subprocess

        process = subprocess.Popen(  # noqa: S603 (this interpreter, this package)
            [sys.executable, "-P", "-m", inside.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        if process.stdin is None or process.stdout is None:  # never: both are asked for above
            raise InfrastructureError("worker-failed")
        worker = _Worker(
            process.pid, os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno())
        )
        process.stdin.close()
        process.stdout.close()
        process.returncode = 0  # this class waits for it, `subprocess` must not
        opening = inside.frame((pickle.dumps(self._task), tuple(self._limits)))
        inside.write_all(worker.tasks, opening)
        return worker

    def _remove(self, worker: _Worker) -> int:
        """Close and reap; return the status of `waitpid`."""
        worker.end_input()
        self._poll.unregister(worker.results)
        os.close(worker.results)
        del self._workers[worker.results]
        return os.waitpid(worker.pid, 0)[1]


def _threaded() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit code {os.WEXITSTATUS(status)}"
