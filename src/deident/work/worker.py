"""What happens inside a worker: take items from one pipe, send what became of each up another.

Both directions carry frames: four bytes of length, then `marshal`. A worker reports every item as
soon as it is done, so that its supervisor always knows which item it holds. It ends when its input
does.
"""

from __future__ import annotations

import marshal
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from deident.errors import DeidentError

READY, RESULT, NOTE, FATAL, BYE = range(5)
TASK, QUESTION = range(2)  # what an early worker is sent

# How much longer than its supervisor a worker waits before it ends itself: nobody else will when
# the supervisor was killed.
_ORPHAN_SECONDS = 30.0


class Item(NamedTuple):
    """One thing to do: its number in the run, an absolute path, and where its own name begins."""

    number: int
    path: str
    start: int


class Job(Protocol):
    """The work itself, inside a worker. Values must be of types that `marshal` knows."""

    def process(self, item: Item) -> Any:
        """Do one item and say what became of it.

        Raises:
            InfrastructureError: nothing more can be done; the whole run ends.
        """
        ...

    def note(self, *, last: bool) -> Any:
        """What to report apart from single items; `None` for nothing.

        Asked after each batch, and with `last` before the worker ends.
        """
        ...


class Task(Protocol):
    """A description of the work that can be sent to a worker: forked or pickled."""

    def open(self) -> Job:
        """Make the job, inside the worker."""
        ...

    def orphaned(self) -> None:
        """Tidy up because the supervisor has gone."""
        ...


class Limits(NamedTuple):
    """What a worker may use: seconds for an item; bytes of address space, 0 for any number; how
    nice it is to other programs, 0 (as they are) to 19.
    """

    seconds: float
    memory: int = 0
    nice: int = 0


class _Stop:
    """Becomes true with SIGTERM: finish the item in hand, begin no other."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, *_: object) -> None:
        self.asked = True


def frame(value: Any) -> bytes:
    """Encode one message."""
    content = marshal.dumps(value)
    return len(content).to_bytes(4, "big") + content


def read_frame(descriptor: int) -> Any:
    """Wait for one message; `None` when the other side has closed the pipe."""
    head = _read_exactly(descriptor, 4)
    content = _read_exactly(descriptor, int.from_bytes(head, "big")) if head else b""
    return marshal.loads(content) if content else None  # noqa: S302 (our own process sent it)


def _read_exactly(descriptor: int, count: int) -> bytes:
    content = b""
    while len(content) < count:
        more = os.read(descriptor, count - len(content))
        if not more:
            return b""
        content += more
    return content


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, however long it takes."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def serve(task: Task, source: int, target: int, limits: Limits) -> None:
    """Work until the input ends or somebody asks to stop."""
    supervisor = os.getppid()
    stop = _Stop()
    _prepare_process(stop, limits)
    try:
        job = task.open()
        write_all(target, frame((READY, None)))
        _work(job, source, target, limits.seconds + _ORPHAN_SECONDS, stop)
        write_all(target, frame((BYE, None)))
    except DeidentError as error:
        write_all(target, frame((FATAL, (error.code, error.message))))
    except BrokenPipeError:
        task.orphaned()
        return
    if os.getppid() != supervisor:
        task.orphaned()


def _work(job: Job, source: int, target: int, seconds: float, stop: _Stop) -> None:
    while not stop.asked and (batch := read_frame(source)) is not None:
        for item in batch:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            write_all(target, frame((RESULT, job.process(Item(*item)))))
            if stop.asked:
                break
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send_note(job.note(last=False), target)
    _send_note(job.note(last=True), target)


def _send_note(note: Any, target: int) -> None:
    if note is not None:
        write_all(target, frame((NOTE, note)))


def _prepare_process(stop: Callable[..., None], limits: Limits) -> None:
    """Set signals and limits. No core dumps: they would hold identifiers."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTSTP):  # reach the group; the supervisor decides
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    be_nice(limits.nice)
    if limits.memory:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))


def be_nice(nice: int) -> None:
    """Give way to other programs: for the processor, and with it for disks, whose schedulers go by
    niceness where a process has no priority of its own (`ionice`). Never take more than one has.
    """
    if nice > os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, nice)


def _main() -> None:
    """A worker in an interpreter of its own: the task comes pickled with the first frame."""
    import pickle

    source, target = os.dup(0), os.dup(1)
    silence()
    pickled, limits = read_frame(source)
    serve(pickle.loads(pickled), source, target, Limits(*limits))  # noqa: S301 (our own process)


def serve_early(source: int, target: int) -> None:
    """Answer questions, then do a task; or end when the input does."""
    import pickle

    while (message := read_frame(source)) is not None:
        kind, content = message
        if kind == TASK:
            pickled, limits = content
            serve(pickle.loads(pickled), source, target, Limits(*limits))  # noqa: S301 (our own)
            return
        question = pickle.loads(content)  # noqa: S301 (our own process sent it)
        try:
            answer = question()
        except DeidentError as error:
            answer = error
        write_all(target, frame(pickle.dumps(answer)))


def silence() -> None:
    """Point the standard streams at nothing: what libraries print may hold values of a file."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        if descriptor != 2 or not os.environ.get("DEIDENT_DEBUG"):
            os.dup2(nothing, descriptor)
    os.close(nothing)


if __name__ == "__main__":
    _main()
    sys.exit(0)
