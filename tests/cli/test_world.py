"""What goes on around a run: folders that go away, full disks, signals, other runs, odd names.

Where something must happen at a certain moment the run is held there (`tests.gate`).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deident.store import journal
from deident.store import project as projects
from tests.gate import Gate
from tests.make import PEOPLE, ct, encoded
from tests.program import Result, command, deident, outputs
from tests.scene import Scene, expected, good

# -- folders that go away -------------------------------------------------------------------------


def _remove(path: Path) -> None:
    shutil.rmtree(path)


def _replace(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("something else")


def _staging(path: Path) -> None:
    (staging,) = path.glob(".deident-*")
    shutil.rmtree(staging)


# At which event and file, and what is done to the output folder.
GONE: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "when an original is read": ("open", "/2.dcm", _remove),
    "when an output is begun": ("open", ".tmp/2", _remove),
    "when an output gets its name": ("os.link", ".tmp/2", _remove),
    "when the last output gets its name": ("os.link", ".tmp/4", _remove),
    "and is a file now, when an original is read": ("open", "/2.dcm", _replace),
    "and is a file now, when an output gets its name": ("os.link", ".tmp/2", _replace),
    "and is a file now, when the last output gets its name": ("os.link", ".tmp/4", _replace),
    "but for what is finished": ("open", "/2.dcm", _staging),
}


@pytest.mark.parametrize("kind", GONE)
def test_an_output_folder_that_is_gone_ends_the_run(kind: str, tmp_path: Path) -> None:
    event, ending, deed = GONE[kind]
    scene = Scene(tmp_path)
    with Gate(tmp_path / "gate", event, ending) as gate:
        result = gate.held(scene.command("-j", 1), lambda _: deed(when_begun(scene.out)))
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "Error: the output could not be written: the output folder is gone [write-failed]\n"
    )
    assert state_of(scene) == "failed"
    assert not [path for path in scene.out.glob(".*")]


def when_begun(out: Path) -> Path:
    """Wait for the first output: who does not, removes the folder while something is put there."""
    while not list(out.rglob("*.dcm")):
        time.sleep(0.01)
    return out


def state_of(scene: Scene) -> str:
    """How the only run of a project ended, by its journal."""
    project = projects.open_project(str(scene.project))
    (run,) = journal.Books(project).runs()
    *_, last = journal.Books(project).entries(run.name)
    assert isinstance(last, journal.Closing)
    return last.state


@pytest.mark.parametrize("ending", ["/2.dcm", "summary.json"])
def test_a_project_that_is_gone_ends_the_run(ending: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Gate(tmp_path / "gate", "open", ending) as gate:
        result = gate.held(scene.command("-j", 1), lambda _: shutil.rmtree(scene.project))
    assert (result.code, result.out) == (1, "")
    text = "Error: the project could not be written: No such file or directory"
    assert result.err.startswith(text)
    assert result.err.endswith(" [write-failed]\n")
    assert not list(scene.out.glob(".*"))


def test_inputs_that_are_gone(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Gate(tmp_path / "gate", "open", "/2.dcm") as gate:
        result = gate.held(scene.command("-j", 1), lambda _: shutil.rmtree(scene.source))
    assert result.code == 3
    assert (result.summary["written"], result.summary["quarantined"]) == (1, {"vanished": 3})


# -- full disks -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_full_disk_and_how_to_go_on(jobs: int, tmp_path: Path, small_disk: Path) -> None:
    scene = Scene(tmp_path)
    for number in range(30):
        (scene.source / f"6 {number:02}.dcm").write_bytes(encoded(ct(PEOPLE[0], 10 + number)))
    whole = scene.run("-j", 2)
    assert whole.code == 0
    wanted = outputs(scene.out)
    scene.out = small_disk / "out"
    result = scene.run("-j", jobs)
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "Error: the output could not be written: No space left on device [write-failed]\n"
    )
    some = outputs(scene.out)
    assert 0 < len(some) < len(wanted)
    assert some.items() <= wanted.items()  # each of them whole
    assert not list(scene.out.glob(".*"))
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    again = scene.run("-j", jobs, "--resume")
    assert again.code == 0
    assert again.summary["written"] + len(some) == len(wanted)
    assert outputs(scene.out) == wanted


# -- signals --------------------------------------------------------------------------------------


def interrupted(scene: Scene, gate: Gate, *signals: int, go_on: bool) -> Result:
    """Send signals to a run while its worker is held; each when the one before has been taken."""
    with subprocess.Popen(
        scene.command("-j", 1),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=gate.environment,
    ) as process:
        gate.wait()
        for number in signals:
            process.send_signal(number)
            wait_until_taken(process.pid, number)
        if go_on:
            gate.open()
        out, err = process.communicate(timeout=120)
    return Result(process.returncode, out, err)


def wait_until_taken(pid: int, number: int) -> None:
    """Wait until a signal is no longer pending; two that are would be one."""
    while True:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
        if not int(pending.split()[1], 16) >> (number - 1) & 1:
            return


STOPPING = "stopping: files in hand are finished; a second signal stops at once\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_lets_the_instance_in_hand_be_finished(
    number: int, code: int, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    with Gate(tmp_path / "gate", "open", "/2.dcm") as gate:
        result = interrupted(scene, gate, number, go_on=True)
    assert (result.code, result.err) in ((code, ""), (code, STOPPING))
    assert result.summary["state"] == "interrupted"
    assert (result.summary["written"], result.summary["quarantined"]) == (2, {})
    assert len(outputs(scene.out)) == 2
    assert outputs(scene.out).items() <= expected().items()
    resumed = scene.run("--resume")
    assert (resumed.code, resumed.summary["skipped"]) == (0, {"resumed": 2})
    assert outputs(scene.out) == expected()


@pytest.mark.parametrize(
    "signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)]
)
def test_two_signals_end_it_at_once(signals: tuple[int, int], tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with Gate(tmp_path / "gate", "open", ".tmp/2") as gate:
        result = interrupted(scene, gate, *signals, go_on=False)
    assert result.code == 128 + signals[0]
    assert result.err in ("", STOPPING)
    assert result.summary["state"] == "interrupted"
    assert (result.summary["written"], result.summary["quarantined"]) == (1, {})
    assert len(outputs(scene.out)) == 1
    assert not list(scene.out.glob(".*"))


# -- other runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["/1.dcm", "/4.dcm", ".tmp/2"])
def test_two_runs_at_once_into_the_same_output(ending: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    others: list[Result] = []
    with Gate(tmp_path / "gate", "open", ending) as gate:
        result = gate.held(scene.command("-j", 1), lambda _: others.append(scene.run("-j", 2)))
    assert (result.code, others[0].code) == (0, 0)
    assert result.summary["written"] + others[0].summary["written"] == len(good())
    for summary in (result.summary, others[0].summary):
        assert set(summary["skipped"]) <= {"duplicate"}
    assert outputs(scene.out) == expected()
    assert not list(scene.out.glob(".*"))


def test_two_runs_at_once_make_one_project(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    words = ("run", scene.source, "-o", scene.out, "--json")
    others: list[Result] = []
    with Gate(tmp_path / "gate", "os.mkdir", "/runs") as gate:
        result = gate.held(command(*words), lambda _: others.append(deident(*words)))
    assert (result.code, others[0].code) == (0, 0)
    made = tmp_path / "out.deident-project"
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", made.name]
    assert len(list(made.glob("runs/*/summary.json"))) == 2
    assert others[0].summary["written"] == result.summary["skipped"]["duplicate"] == len(good())
    assert len(outputs(scene.out)) == len(good())


# -- names, links and what is no file -------------------------------------------------------------

NAMES = {
    "newline": b"a\nb", "escape": b"\x1b[31mred", "emoji": "😀.dcm".encode(), "latin": b"M\xfcller",
    "no UTF-8": b"\xff\xfe", "long": b"x" * 255, "dash": b"-rf", "blanks": b"  ", "quote": b"'\"",
    "glob": b"*?[a]", "dots": b"...", "backslash": b"\\",
}  # fmt: skip


@pytest.mark.parametrize(
    "layout", [[], ["--layout", "mirror"], ["--layout", "mirror", "--keep-names"]]
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_names_of_all_kinds(layout: list[str], locale: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number, name in enumerate(map(os.fsdecode, NAMES.values()), 1):
        for folder in (source, source / f"sub-{name[:200]}"):
            folder.mkdir(exist_ok=True)
            data = encoded(ct(PEOPLE[0], 2 * number + (folder != source)))
            (folder / name).write_bytes(data)
        (source / f"empty{name[:250]}").touch()
    environment = os.environ | {"LC_ALL": locale}
    result = deident(
        "run", tmp_path / "in", "-o", tmp_path / "out", *layout, "--json", env=environment
    )
    assert (result.code, result.err.count("\n")) == (3, 1)
    assert result.summary["written"] == 2 * len(NAMES) == len(outputs(tmp_path / "out"))
    assert result.summary["quarantined"] == {"empty-file": len(NAMES)}
    shown = deident(
        "project", "quarantine", tmp_path / "out.deident-project", "--show-paths", env=environment
    )
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert len(shown.out.splitlines()) == len(NAMES) + 3  # heads, a blank line, advice
    if "--keep-names" in layout:
        found = {os.fsencode(name) for name in outputs(tmp_path / "out")}
        assert set(NAMES.values()) <= found


@pytest.fixture
def odd_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one instance and much that is none."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "1.dcm").write_bytes(encoded(ct(PEOPLE[0], 1)))
    (tmp_path / "other.dcm").write_bytes(encoded(ct(PEOPLE[0], 2)))
    (folder / "empty.dcm").touch()
    for name, target in {
        "link to an instance": tmp_path / "other.dcm",
        "link to itself": "link to itself",
        "link to nothing": "nothing",
        "link to the folder": ".",
        "link to the folder above": "..",
        "link to a device": "/dev/zero",
        "sub/link round": "../sub",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.dcm")
    monkeypatch.chdir(folder)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.dcm")
    return folder


def test_what_is_no_file_is_counted_and_not_opened(odd_things: Path, tmp_path: Path) -> None:
    result = deident("run", odd_things, "-o", tmp_path / "out", "--json")
    assert result.code == 3
    assert result.summary["written"] == 1
    assert result.summary["skipped"] == {"special-file": 2, "symlink": 7}
    assert result.summary["quarantined"] == {"empty-file": 1}


def test_links_that_are_followed_are_followed_once(odd_things: Path, tmp_path: Path) -> None:
    out = tmp_path.parent / f"{tmp_path.name}-out"
    result = deident("run", odd_things, "-o", out, "--follow-symlinks", "--json")
    assert result.code == 3
    assert result.summary["written"] == 2  # also by the folder above: the instance beside `in`
    assert result.summary["quarantined"] == {"empty-file": 1, "unreadable": 2}
    shutil.rmtree(out)
    shutil.rmtree(f"{out}.deident-project")
