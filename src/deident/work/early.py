"""A worker that is started before anything else of a command is loaded.

What the engine needs to load and what the command line needs have little in common, and take about
as long: so one process does the one while the other does the other. The early worker can be asked
questions about what it has loaded, and then becomes the first worker of a `local.Pool`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar

from deident.errors import DeidentError
from deident.work import worker as inside

Answer = TypeVar("Answer")

_ready: list[EarlyWorker] = []


class EarlyWorker:
    """The starter's side of an early worker.

    Attributes:
        pid, tasks, results: its process and the pipes to and from it, for who adopts it.
    """

    def __init__(self, preload: Callable[[], None]) -> None:
        """Fork; `preload` is called in the new process."""
        tasks_out, self.tasks = os.pipe()
        self.results, results_in = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(tasks_out)
            os.close(results_in)
            return
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.close(self.tasks)
            os.close(self.results)
            inside.silence()
            preload()
            inside.serve_early(tasks_out, results_in)
            status = 0
        finally:
            os._exit(status)

    def ask(self, question: Callable[[], Answer], meanwhile: Callable[[], object] = int) -> Answer:
        """Return what `question`, which must be picklable, returns over there.

        This process does `meanwhile` until then.

        Raises:
            DeidentError: that is what it raised.
            EOFError: the worker has gone, over an error of another kind or by force.
        """
        import pickle

        try:
            inside.write_all(self.tasks, inside.frame((inside.QUESTION, pickle.dumps(question))))
        except BrokenPipeError:
            raise EOFError from None
        meanwhile()
        content: Any = inside.read_frame(self.results)
        if content is None:
            raise EOFError
        answer: Answer = pickle.loads(content)  # noqa: S301 (our own process)
        if isinstance(answer, DeidentError):
            raise answer
        return answer

    def discard(self) -> None:
        """End it; it has nothing in hand."""
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.tasks)
        os.close(self.results)
        os.waitpid(self.pid, 0)


def waiting() -> EarlyWorker | None:
    """The early worker that waits for somebody to take it."""
    return _ready[-1] if _ready else None


def start(preload: Callable[[], None]) -> None:
    """Start an early worker for the first pool. Only while this process has one thread."""
    _ready.append(EarlyWorker(preload))


def take() -> EarlyWorker | None:
    """The early worker, if one was started and nobody has taken it yet."""
    return _ready.pop() if _ready else None


def discard() -> None:
    """End an early worker that nobody has taken."""
    worker = take()
    if worker is not None:
        worker.discard()
