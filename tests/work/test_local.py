"""The pool, with real processes and real signals: what is lost is named, the rest gets done."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deident.errors import InfrastructureError
from deident.work.local import Done, Lost, Pool
from deident.work.worker import Item

ROOT = Path(__file__).parent.parent.parent


def raise_value() -> None:
    raise ValueError("a value of the file")


def raise_fatal() -> None:
    raise InfrastructureError("write-failed", "disk full")


def print_value() -> None:
    os.write(1, b"a value of the file")
    os.write(2, b"a value of the file")


# What an item's path asks for; the result is the path where the function returns nothing.
DEEDS: dict[str, Callable[..., Any]] = {
    "pid": os.getpid,
    "kill": lambda number: os.kill(os.getpid(), int(number)),
    "exit": lambda status: os._exit(int(status)),
    "raise": raise_value,
    "fatal": raise_fatal,
    "sleep": lambda seconds: time.sleep(float(seconds)),
    "limits": lambda: resource.getrlimit(resource.RLIMIT_CORE)[0],
    "print": print_value,
    "nice": lambda: os.getpriority(os.PRIO_PROCESS, 0),
    "memory": lambda: len(bytearray(1 << 30)),
    "big": lambda: "x" * 300_000,
}


class Echo(NamedTuple):
    """Does what an item's path asks for; leaves traces in a folder."""

    traces: str = ""

    def open(self) -> Echo:
        if self.traces == "broken":
            raise InfrastructureError("key-unusable", "no key")
        if self.traces.endswith("/slow"):
            time.sleep(0.9)
        if self.traces == "dead":
            os._exit(7)
        self.trace(f"worker-{os.getpid()}")
        return self

    def trace(self, name: str) -> None:
        if self.traces:
            Path(self.traces, name).touch()

    def orphaned(self) -> None:
        self.trace(f"orphan-{os.getpid()}")

    def note(self, *, last: bool) -> Any:
        return "last" if last else "note"

    def process(self, item: Item) -> Any:
        self.trace(f"begun-{item.number}")
        kind, *arguments = item.path.split(" ")
        value = DEEDS[kind](*arguments) if kind in DEEDS else None
        return item.path if value is None else value


def items(*paths: str) -> Iterator[Item]:
    return (Item(number, path, 0) for number, path in enumerate(paths, 1))


def outcomes(done: list[Done]) -> dict[int, Any]:
    assert len({one.item.number for one in done}) == len(done)
    return {one.item.number: one.value for one in done}


def run(*paths: str, workers: int = 2, task: Echo | None = None, **options: Any) -> dict[int, Any]:
    return outcomes(list(Pool(task or Echo(), workers, **options).run(items(*paths))))


def wait_for(condition: Any) -> None:
    while not condition():
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 300])
def test_every_item_comes_back_once(workers: int, count: int) -> None:
    paths = [f"item {number}" for number in range(count)]
    assert run(*paths, workers=workers) == dict(enumerate(paths, 1))


def test_fresh_interpreters_work_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
    result = run("pid", "kill 9", "x", "\udcff\n😀", spawn=True)
    assert result[1] != os.getpid()
    assert result[2] == Lost("worker-died")
    assert (result[3], result[4]) == ("x", "\udcff\n😀")


def test_threads_forbid_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked with threads"))
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert run("x") == {1: "x"}
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("fault", ["kill 9", "kill 10", "exit 0", "exit 3", "raise"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_lost_worker_costs_the_item_it_held(fault: str, workers: int) -> None:
    paths = ["ok"] * 40 + [fault] + ["ok"] * 40 + [fault] + ["ok"]
    result = run(*paths, workers=workers)
    lost = {number: value for number, value in result.items() if value != "ok"}
    assert lost == {41: Lost("worker-died"), 82: Lost("worker-died")}
    assert len(result) == len(paths)


def test_an_item_that_hangs_is_given_up() -> None:
    result = run("ok", "sleep 1000", "ok", "ok", workers=1, timeout=0.3)
    assert result == {1: "ok", 2: Lost("timeout"), 3: "ok", 4: "ok"}


def test_what_a_worker_needs_to_get_ready_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "slow").mkdir()
    slow = Echo(f"{tmp_path}/slow")
    assert run("ok", "ok", workers=1, timeout=0.3, task=slow) == {1: "ok", 2: "ok"}


def test_a_stopped_worker_is_given_up() -> None:
    assert run(f"kill {signal.SIGSTOP:d}", "ok", workers=1, timeout=0.3) == {
        1: Lost("timeout"),
        2: "ok",
    }


def test_a_long_item_within_the_limit_is_not_given_up() -> None:
    assert run("sleep 0.6", "ok", workers=1, timeout=30) == {1: "sleep 0.6", 2: "ok"}


def test_a_slow_consumer_is_no_reason_to_kill_workers() -> None:
    done = []
    for one in Pool(Echo(), 1, timeout=0.2).run(items(*["ok"] * 4)):
        time.sleep(0.5)
        done.append(one)
    assert set(outcomes(done).values()) == {"ok"}


def test_workers_are_replaced_after_many_items() -> None:
    result = run(*["pid"] * 100, workers=1, recycle=10)
    assert len(set(result.values())) >= 3


def test_a_worker_that_somebody_terminates_loses_nothing() -> None:
    pool = Pool(Echo(), 1)
    done = []
    for one in pool.run(items("pid", *["sleep 0.05"] * 10)):
        if not done:
            os.kill(one.value, signal.SIGTERM)
        done.append(one)
    values = outcomes(done)
    assert [values[number] for number in range(2, 12)] == ["sleep 0.05"] * 10


def test_stop_finishes_what_is_in_hand(tmp_path: Path) -> None:
    pool = Pool(Echo(str(tmp_path)), 2)
    done = []
    for one in pool.run(items(*["sleep 0.4"] * 50)):
        done.append(one)
        pool.stop()
    begun = {int(path.name.removeprefix("begun-")) for path in tmp_path.glob("begun-*")}
    assert set(outcomes(done)) == begun
    assert len(begun) < 10


def test_pause_finishes_what_is_in_hand_and_goes_on(tmp_path: Path) -> None:
    paused: list[tuple[set[str], int]] = []

    def pause() -> None:
        begun = {path.name for path in tmp_path.glob("begun-*")}
        time.sleep(0.5)  # nobody works meanwhile
        assert {path.name for path in tmp_path.glob("begun-*")} == begun
        paused.append((begun, len(done)))

    pool = Pool(Echo(str(tmp_path)), 2, pause=pause)
    done: list[Done] = []
    for one in pool.run(items(*["sleep 0.05"] * 20)):
        done.append(one)
        if len(done) == 3:
            pool.pause()
    ((begun, heard),) = paused
    assert len(begun) == heard < 20
    assert set(outcomes(done)) == set(range(1, 21))


def test_a_pause_at_the_end_ends(tmp_path: Path) -> None:
    paused: list[bool] = []
    pool = Pool(Echo(), 2, pause=lambda: paused.append(True))
    done = []
    for one in pool.run(items("ok")):
        done.append(one)
        pool.pause()
    assert outcomes(done) == {1: "ok"}
    assert paused == [True]


def test_stopping_while_it_pauses_ends() -> None:
    pool = Pool(Echo(), 1, pause=lambda: pool.stop())
    done = []
    for one in pool.run(items(*["sleep 0.05"] * 50)):
        done.append(one)
        pool.pause()
    assert 0 < len(done) < 10


def test_a_standstill_of_all_processes_counts_against_no_item(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deident.work.local._STANDSTILL", 0.5)
    worker = f"kill {signal.SIGSTOP:d}"
    pool = Pool(Echo(), 1, timeout=2)
    started = pool.run(items("pid", worker, "ok"))
    pid = next(started).value
    time.sleep(3)  # longer than the limit, as if this process had been stopped as well
    os.kill(pid, signal.SIGCONT)
    assert [one.value for one in started] == [worker, "ok"]


def test_abort_kills(tmp_path: Path) -> None:
    pool = Pool(Echo(str(tmp_path)), 2)
    done = []
    for one in pool.run(items("ok", *["sleep 1000"] * 5)):
        done.append(one)
        pool.abort()
    assert outcomes(done) == {1: "ok"}


def test_no_more_items_are_drawn_than_needed() -> None:
    drawn = []

    def endless() -> Iterator[Item]:
        while True:
            drawn.append(1)
            yield Item(len(drawn), "sleep 0.01", 0)

    done = []
    for one in Pool(Echo(), 2).run(endless()):
        done.append(one)
        if len(done) == 30:
            break
    assert len(drawn) < 30 + 2 * 3 * 16


def test_a_fatal_error_ends_the_run_and_all_workers() -> None:
    pool = Pool(Echo(), 2)
    with pytest.raises(InfrastructureError, match="disk full") as caught:
        list(pool.run(items("ok", "fatal", *["sleep 1000"] * 3)))
    assert caught.value.code == "write-failed"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize(("how", "code"), [("broken", "key-unusable"), ("dead", "worker-failed")])
def test_workers_that_cannot_start_end_the_run(how: str, code: str) -> None:
    with pytest.raises(InfrastructureError) as caught:
        run("ok", task=Echo(how))
    assert caught.value.code == code


def test_no_processes_left_means_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(InfrastructureError, match="could not start") as caught:
        run("ok")
    assert caught.value.code == "worker-failed"


def test_workers_write_no_core_dumps_and_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("limits", "print") == {1: 0, 2: "print"}
    assert capfd.readouterr() == ("", "")


def test_memory_can_be_limited() -> None:
    assert run("memory", "ok", workers=1, memory=1 << 29)[1] == Lost("worker-died")
    assert run("memory", workers=1) == {1: 1 << 30}


@pytest.mark.parametrize("nice", [0, 7])
def test_workers_are_as_nice_as_asked_for(nice: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert run("nice", workers=1, nice=nice) == {1: max(own, nice)}
    assert run("nice", workers=1, nice=nice, spawn=True) == {1: max(own, nice)}


def test_messages_of_any_size_pass() -> None:
    assert run("big", "ok", "big", workers=1) == {1: "x" * 300_000, 2: "ok", 3: "x" * 300_000}


def test_long_paths_do_not_block_behind_a_hanging_worker() -> None:
    paths = ["sleep 1000", *["x" * 4000] * 60]
    result = run(*paths, workers=1, timeout=0.5)
    assert result[1] == Lost("timeout")
    assert len(result) == 61


def test_notes_arrive() -> None:
    notes: list[Any] = []
    run("ok", note=notes.append)
    assert sorted(notes) == ["last", "last", "note"]


def test_no_descriptors_or_children_are_left() -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    run("ok", "kill 9", "ok")
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


ORPHANS = """
import sys
sys.path[:0] = [{root!r}, {here!r}]
from test_local import Echo, Pool, items
print(list(Pool(Echo({traces!r}), 2).run(items(*["sleep 0.3"] * 50))))
"""


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    program = ORPHANS.format(root=str(ROOT), here=str(Path(__file__).parent), traces=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        wait_for(lambda: len(list(tmp_path.glob("begun-*"))) >= 2)
        process.kill()
    workers = [path.name.removeprefix("worker-") for path in tmp_path.glob("worker-*")]
    assert len(workers) == 2
    for pid in workers:
        wait_for(lambda pid=pid: not Path(f"/proc/{pid}").exists())
        assert (tmp_path / f"orphan-{pid}").exists()
