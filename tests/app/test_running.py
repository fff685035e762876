"""Runs around a stand-in engine: everything has one outcome, nothing is lost, nothing leaks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deident.app.reports import RunSummary
from deident.app.running import Observer, RunSettings, run
from deident.errors import InfrastructureError, UsageError
from deident.store import journal, quarantine
from deident.store import project as projects
from deident.store.journal import Closing, Opening, Record, Renamed
from deident.work.deidentify import Outcome
from tests.standin import RECIPE, instance

ROOT = Path(__file__).parent.parent.parent


def carry_out(tmp_path: Path, observer: Observer | None = None, **options: Any) -> RunSummary:
    settings = {"inputs": (str(tmp_path / "in"),), "output": str(tmp_path / "out"), **options}
    summary = run(RunSettings(**settings), RECIPE, observer)
    assert summary.reconciles
    return summary


def outputs(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if not path.is_dir()
    }


def project_of(tmp_path: Path) -> projects.Project:
    return projects.open_project(str(tmp_path / "out.deident-project"))


def entries(project: projects.Project, run_id: str) -> list[journal.Entry]:
    return list(journal.Books(project).entries(run_id))


def quarantined(project: projects.Project) -> dict[int, str]:
    return {
        entry.number: entry.code
        for run_id in project.quarantine_ids()
        for entry in quarantine.entries(project.quarantine_folder(run_id))
    }


def test_a_plain_run(tmp_path: Path) -> None:
    for number in range(40):
        instance(tmp_path / "in" / f"{number % 4}" / f"{number}.dcm", patient=f"p{number % 4}")
    summary = carry_out(tmp_path, jobs=2)
    assert (summary.found, summary.written, summary.state) == (40, 40, "complete")
    final = outputs(tmp_path / "out")
    assert len(final) == 40
    assert all(name.count("/") == 3 and name.endswith(".dcm") for name in final)
    assert summary.bytes_out == sum(map(len, final.values()))
    assert summary.bytes_in == sum(map(len, outputs(tmp_path / "in").values()))
    assert list(summary.tally.values()) == [40]
    assert [counts["written"] for counts in summary.series.values()] == [40]


def test_the_books_say_what_became_of_whom(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "a", uid="1.1")
    instance(tmp_path / "in" / "b", early="bad-vr at (0010,0010)")
    summary = carry_out(tmp_path)
    project = project_of(tmp_path)
    opening, *records, closing = entries(project, summary.run)
    one, other = sorted(records, key=lambda record: record[0])  # what is quarantined need not wait
    assert isinstance(opening, Opening)
    assert opening.inputs == (str(tmp_path / "in"),)
    assert isinstance(one, Record)
    assert (one.number, one.source, one.status) == (1, str(tmp_path / "in" / "a"), "written")
    assert one.patient[0] == "p1"
    assert ("1.1", Path(one.name).stem) in one.uids
    assert (tmp_path / "out" / one.name).stat().st_size == one.size
    assert isinstance(other, Record)
    assert (other.number, other.status, other.code) == (2, "quarantined", "bad-vr")
    assert closing == Closing("complete")
    (entry,) = quarantine.entries(project.quarantine_folder(summary.run))
    assert (entry.number, entry.code, entry.detail) == (2, "bad-vr", "at (0010,0010)")
    assert projects.settings_of(project)["profile"] == "stand-in"


# -- failing closed -------------------------------------------------------------------------------

FAULTS = {
    "early=kill": "worker-died",
    "fault=kill": "worker-died",
    "fault=kill 10": "worker-died",
    "fault=exit 0": "worker-died",
    "early=sleep 1000": "timeout",
    "fault=sleep 1000": "timeout",
    "fault=memory": "too-large",
    "fault=crash": "unexpected",
    "early=crash": "unexpected",
    "fault=short": "write-failed",
    "fault=identifier-left": "identifier-left",
    "fault=unreadable": "unreadable",
    "early=bad-length": "bad-length",
    "early=filter": "filter",
}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_fails_is_quarantined_and_the_rest_is_done(tmp_path: Path, jobs: int) -> None:
    for number in range(30):
        instance(tmp_path / "in" / f"{number:02}")
        fault = list(FAULTS)[number] if number < len(FAULTS) else ""
        if fault:
            kind, _, argument = fault.partition("=")
            instance(tmp_path / "in" / f"{number:02}-fault", **{kind: argument})
    summary = carry_out(tmp_path, jobs=jobs, timeout=0.5)
    assert summary.written == 30
    codes = [code for _, code in sorted(quarantined(project_of(tmp_path)).items())]
    assert codes == list(FAULTS.values())
    assert summary.quarantined.total() == len(FAULTS)
    assert len(outputs(tmp_path / "out")) == 30
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("code", ["not-dicom", "dicomdir", "filtered", "discarded"])
def test_what_is_left_out_on_purpose_is_no_failure(tmp_path: Path, code: str) -> None:
    instance(tmp_path / "in" / "a", early=code)
    summary = carry_out(tmp_path)
    assert summary.skipped == {code: 1}
    assert quarantined(project_of(tmp_path)) == {}


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    later = instance(tmp_path / "in" / "2")
    instance(tmp_path / "in" / "1", early=f"remove {later}")
    instance(tmp_path / "in" / "3", fault=f"remove {tmp_path / 'in' / '3'}")
    summary = carry_out(tmp_path)
    assert summary.written == 1
    assert quarantined(project_of(tmp_path)) == {2: "vanished", 3: "vanished"}


def test_a_file_that_grows(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1", fault=f"append {tmp_path / 'in' / '1'}")
    carry_out(tmp_path)
    assert quarantined(project_of(tmp_path)) == {1: "changed"}
    assert outputs(tmp_path / "out") == {}


def test_a_file_that_becomes_a_pipe_is_not_opened(tmp_path: Path) -> None:
    later = instance(tmp_path / "in" / "2")
    instance(tmp_path / "in" / "1", early=f"pipe {later}")
    summary = carry_out(tmp_path)
    assert summary.skipped == {"special-file": 1}


def test_links_and_special_files_are_counted(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "a")
    (tmp_path / "in" / "link").symlink_to("a")
    os.mkfifo(tmp_path / "in" / "pipe")
    summary = carry_out(tmp_path)
    assert (summary.found, summary.written) == (3, 1)
    assert summary.skipped == {"symlink": 1, "special-file": 1}


def as_nobody(program: str, **values: object) -> subprocess.CompletedProcess[str]:
    """Run a program without root's right to read everything.

    What it imports late is imported first: the packages may lie where only root can read.
    """
    head = f"""
import ctypes, fcntl, os, sqlite3, sys, zlib
sys.path.insert(0, {str(ROOT)!r})
import deident.app.running, tests.standin, cryptography.hazmat.primitives.ciphers.aead
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
"""
    code = head + textwrap.dedent(program).format(**values)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that another user can reach and write."""
    folder = Path("/tmp", tmp_path.name + f"-{os.getpid()}")  # above tmp_path all is private
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


RUN_AND_TELL = """
    from deident.app.running import RunSettings, run
    from tests.standin import RECIPE
    summary = run(RunSettings(({place!r} + "/in",), {place!r} + "/out"), RECIPE)
    assert summary.reconciles
    print(summary.written, sorted(summary.quarantined.items()))
"""


def test_permission_denied(open_folder: Path) -> None:
    instance(open_folder / "in" / "1")
    instance(open_folder / "in" / "2").chmod(0)
    instance(open_folder / "in" / "closed" / "3").parent.chmod(0)
    result = as_nobody(RUN_AND_TELL, place=str(open_folder))
    assert result.stderr == ""
    assert result.stdout == "1 [('folder-unreadable', 1), ('unreadable', 1)]\n"


def test_an_output_that_is_not_writable(open_folder: Path) -> None:
    instance(open_folder / "in" / "1")
    (open_folder / "out").mkdir()
    (open_folder / "out").chmod(0o555)
    result = as_nobody(RUN_AND_TELL, place=str(open_folder))
    assert result.stderr.splitlines()[-1].startswith("deident.errors.UsageError")
    assert "output folder cannot be written" in result.stderr
    assert not (open_folder / "out.deident-project").exists()


def test_a_project_that_is_not_writable(open_folder: Path) -> None:
    instance(open_folder / "in" / "1")
    projects.init(str(open_folder / "out.deident-project"))
    for path in [*(open_folder / "out.deident-project").iterdir(), open_folder]:
        os.chown(path, 65534, 65534)
    os.chown(open_folder / "out.deident-project", 65534, 65534)
    (open_folder / "out.deident-project").chmod(0o500)
    result = as_nobody(RUN_AND_TELL, place=str(open_folder))
    assert "the project folder cannot be written: " in result.stderr
    assert "out.deident-project: Permission denied" in result.stderr
    assert not (open_folder / "out").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_the_run_clearly(tmp_path: Path, small_disk: Path) -> None:
    for number in range(50):
        instance(tmp_path / "in" / f"{number:02}", fill="20000")
    project = projects.init(str(tmp_path / "p"))
    with pytest.raises(InfrastructureError, match="No space left on device") as caught:
        carry_out(tmp_path, output=str(small_disk / "out"), project=project.path)
    assert caught.value.code == "write-failed"
    final = outputs(small_disk / "out")
    assert 0 < len(final) < 50
    assert all(len(content) > 20000 for content in final.values())
    (run_id,) = [run.name for run in journal.Books(project).runs()]
    written = [entry for entry in entries(project, run_id) if isinstance(entry, Record)]
    assert {entry.name for entry in written} == set(final)
    assert entries(project, run_id)[-1] == Closing("failed")


def test_a_full_project_disk_stops_the_run_clearly(tmp_path: Path, small_disk: Path) -> None:
    for number in range(40):
        instance(tmp_path / "in" / f"{number:02}", early="bad-vr " + "x" * 60)
    project = projects.init(str(small_disk / "p"))
    (small_disk / "filler").write_bytes(b"x" * 150_000)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        carry_out(tmp_path, project=project.path)


def test_an_output_too_large_for_its_file_system(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    instance(tmp_path / "in" / "2", fill="200000")
    program = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
""" + textwrap.dedent(RUN_AND_TELL).format(place=str(tmp_path))
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "1 [('write-failed', 1)]\n"
    assert len(outputs(tmp_path / "out")) == 1


def test_a_name_that_cannot_be_made_costs_one_instance(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    instance(tmp_path / "in" / "2", patient="p2")
    first = carry_out(tmp_path)
    folders = sorted((tmp_path / "out").iterdir())
    shutil.rmtree(folders[0])
    folders[0].write_text("in the way")
    second = carry_out(tmp_path)
    assert first.written == 2
    assert (second.skipped, second.quarantined) == ({"duplicate": 1}, {"write-failed": 1})
    assert folders[0].read_text() == "in the way"


def test_a_name_that_is_too_long_costs_one_instance(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1", Modality="x" * 255, StudyID="y" * 255)
    instance(tmp_path / "in" / "2")
    template = "/".join(["{Modality}/{StudyID}"] * 9)
    summary = carry_out(tmp_path, template=template)
    assert (summary.written, summary.quarantined) == (1, {"write-failed": 1})


# -- nothing is lost, everything is repeatable ----------------------------------------------------


def colliding(tmp_path: Path) -> None:
    for number in range(60):
        instance(tmp_path / "in" / f"{number:02}", uid=str(number % 20), body=str(number % 3))


def test_the_same_outputs_whatever_the_order_or_number_of_workers(tmp_path: Path) -> None:
    colliding(tmp_path)
    for number, path in enumerate(sorted((tmp_path / "in").iterdir())):
        target = tmp_path / "shuffled" / str(number % 7) / str(1000 - number)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    project = projects.init(str(tmp_path / "p")).path
    for name, options in {
        "1": {},
        "2": {"jobs": 2},
        "4": {"jobs": 4},
        "shuffled": {"jobs": 2, "inputs": (str(tmp_path / "shuffled"),)},
    }.items():
        carry_out(tmp_path, project=project, output=str(tmp_path / "out" / name), **options)
    final = {name: outputs(tmp_path / "out" / name) for name in ("1", "2", "4", "shuffled")}
    assert len(final["1"]) == 60
    assert final["1"] == final["2"] == final["4"] == final["shuffled"]


def test_the_journal_knows_the_final_names_of_what_collided(tmp_path: Path) -> None:
    colliding(tmp_path)
    summary = carry_out(tmp_path, jobs=2)
    assert (summary.written, summary.collisions) == (60, 40)
    final = outputs(tmp_path / "out")
    records = entries(project_of(tmp_path), summary.run)
    renamed = {entry.number: entry.name for entry in records if isinstance(entry, Renamed)}
    names = set()
    for entry in records:
        if isinstance(entry, Record):
            name = renamed.get(entry.number, entry.name)
            body = Path(entry.source).read_text().splitlines()[-1]
            assert body.encode() in final[name].splitlines()
            names.add(name)
    assert names == set(final)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_same_run_twice_changes_nothing(tmp_path: Path, jobs: int) -> None:
    colliding(tmp_path)
    instance(tmp_path / "in" / "copy", uid="0", body="0")
    first = carry_out(tmp_path, jobs=jobs)
    before = outputs(tmp_path / "out")
    second = carry_out(tmp_path, jobs=jobs)
    assert (first.written, first.skipped) == (60, {"duplicate": 1})
    assert (second.written, second.skipped) == (0, {"duplicate": 61})
    assert outputs(tmp_path / "out") == before


def test_equal_names_in_the_output_before_the_run_are_not_replaced(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    carry_out(tmp_path)
    (path,) = [path for path in (tmp_path / "out").rglob("*.dcm")]
    path.write_text("precious")
    summary = carry_out(tmp_path)
    assert (summary.written, summary.collisions) == (1, 1)
    assert path.read_text() == "precious"
    assert path.with_name(path.stem + "_2.dcm").exists()


RUN_IN_BACKGROUND = """
import sys
sys.path.insert(0, {root!r})
from deident.app.running import RunSettings, run
from tests.standin import RECIPE
settings = RunSettings(({place!r} + "/in",), {place!r} + "/" + {output!r}, jobs={jobs}, timeout=60)
summary = run(settings._replace(resume={resume}, durability="none"), RECIPE)
print(summary.state, summary.signal, summary.written, summary.skipped.total(), summary.reconciles)
"""


def start(tmp_path: Path, *, jobs: int = 2, output: str = "out", resume: bool = False) -> Any:
    program = RUN_IN_BACKGROUND.format(
        root=str(ROOT), place=str(tmp_path), jobs=jobs, output=output, resume=resume
    )
    command = [sys.executable, "-c", program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Any) -> None:
    while not condition():
        time.sleep(0.01)


def slow_inputs(tmp_path: Path, count: int = 40) -> None:
    for number in range(count):
        instance(tmp_path / "in" / f"{number:02}", fault="sleep 0.1")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def begun(tmp_path: Path, count: int = 3) -> bool:
    return len(list((tmp_path / "out").rglob("*.dcm"))) >= count


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_good_order(tmp_path: Path, number: int) -> None:
    slow_inputs(tmp_path)
    with start(tmp_path) as process:
        wait_for(lambda: begun(tmp_path))
        workers = children(process.pid)
        for pid in (*workers, process.pid):  # as a terminal does it
            os.kill(pid, signal.SIGINT)
        if number == signal.SIGTERM:
            process.send_signal(number)
        answer, errors = process.communicate()
    state, received, written, _, reconciles = answer.split()
    assert (state, reconciles, errors) == ("interrupted", "True", "")
    assert int(received) in (signal.SIGINT, number)
    assert int(written) == len(outputs(tmp_path / "out"))
    assert 3 <= int(written) < 40
    assert not list((tmp_path / "out").glob(".*"))
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "0")
    instance(tmp_path / "in" / "1", fault="sleep 1000")
    with start(tmp_path, jobs=1) as process:
        wait_for(lambda: list((tmp_path / "out").glob(".deident-*/2")))
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        answer, errors = process.communicate()
    assert answer.split() == ["interrupted", "2", "1", "0", "True"]
    assert errors == ""
    assert len(outputs(tmp_path / "out")) == 1


def test_a_worker_killed_from_outside(tmp_path: Path) -> None:
    slow_inputs(tmp_path, 20)
    with start(tmp_path) as process:
        wait_for(lambda: begun(tmp_path))
        os.kill(children(process.pid)[0], signal.SIGKILL)
        answer, errors = process.communicate()
    assert answer.split() == ["complete", "0", "19", "0", "True"]
    assert errors == ""
    assert list(quarantined(project_of(tmp_path)).values()) == ["worker-died"]
    assert len(outputs(tmp_path / "out")) == 19


def test_killing_everything_leaves_whole_outputs_only_and_resume_goes_on(tmp_path: Path) -> None:
    slow_inputs(tmp_path, 20)
    instance(tmp_path / "in" / "bad", early="bad-vr")
    with start(tmp_path) as process:
        wait_for(lambda: begun(tmp_path))
        workers = children(process.pid)
        process.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    left = outputs(tmp_path / "out")
    assert 3 <= len(left) < 20
    with start(tmp_path, resume=True) as process:
        answer, errors = process.communicate()
    assert errors == ""
    state, _, written, skipped, reconciles = answer.split()
    assert (state, reconciles) == ("complete", "True")
    assert int(written) + int(skipped) == 20
    final = outputs(tmp_path / "out")
    assert len(final) == 20
    assert left.items() <= final.items()


def test_resume_skips_what_is_done_and_unchanged(tmp_path: Path) -> None:
    for number in range(6):
        instance(tmp_path / "in" / str(number), uid=str(number % 5), body=str(number))
    first = carry_out(tmp_path)
    assert (first.written, first.collisions) == (6, 1)
    before = outputs(tmp_path / "out")
    by_source = {
        Path(entry.source).name: entry.name
        for entry in entries(project_of(tmp_path), first.run)
        if isinstance(entry, Record)
    }
    (tmp_path / "out" / by_source["1"]).unlink()
    os.utime(tmp_path / "in" / "2")
    instance(tmp_path / "in" / "new")
    second = carry_out(tmp_path, resume=True)
    assert second.skipped == {"resumed": 4, "duplicate": 1}
    assert second.written == 2
    assert before.items() <= outputs(tmp_path / "out").items()
    opening = entries(project_of(tmp_path), second.run)[0]
    assert isinstance(opening, Opening)
    assert opening.continues == first.run


def test_resume_without_an_earlier_run_does_everything(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    assert carry_out(tmp_path, resume=True).written == 1


def test_resume_does_not_mix_profiles(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    carry_out(tmp_path)
    settings = RunSettings((str(tmp_path / "in"),), str(tmp_path / "out"), resume=True)
    with pytest.raises(UsageError) as caught:
        run(settings, RECIPE._replace(fingerprint="another"))
    assert caught.value.code == "resume-impossible"
    assert not list((tmp_path / "out").glob(".*"))


def test_two_runs_at_once_into_one_output(tmp_path: Path) -> None:
    for number in range(60):
        instance(tmp_path / "in" / f"{number:02}", fault="sleep 0.01")
    with start(tmp_path) as one, start(tmp_path) as other:
        answers = [process.communicate() for process in (one, other)]
    assert [errors for _, errors in answers] == ["", ""]
    counts = [answer.split() for answer, _ in answers]
    assert sum(int(count[2]) for count in counts) == 60
    assert sum(int(count[3]) for count in counts) == 60
    assert len(outputs(tmp_path / "out")) == 60
    assert not list((tmp_path / "out").glob(".*"))


# -- projects, names, dry runs --------------------------------------------------------------------


class Listener(Observer):
    wants_total = True

    def __init__(self) -> None:
        self.projects: list[tuple[str, bool]] = []
        self.outcomes: dict[int, Outcome] = {}
        self.totals: list[int | None] = []

    def project(self, path: str, *, made: bool) -> None:
        self.projects.append((path, made))

    def progress(self, summary: RunSummary, total: int | None) -> None:
        self.totals.append(total)

    def instance(self, number: int, outcome: Outcome) -> None:
        self.outcomes[number] = outcome


def test_the_project_beside_the_output_is_made_and_used_again(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    listener = Listener()
    carry_out(tmp_path, listener)
    carry_out(tmp_path, listener)
    place = str(tmp_path / "out.deident-project")
    assert listener.projects == [(place, True), (place, False)]
    assert len(journal.Books(project_of(tmp_path)).runs()) == 2


def test_observers_hear_of_everything(tmp_path: Path) -> None:
    for number in range(5):
        instance(
            tmp_path / "in" / str(number), fault="sleep 0.2", uid=str(number % 4), n=str(number)
        )
    instance(tmp_path / "in" / "5", early="bad-vr")
    listener = Listener()
    carry_out(tmp_path, listener)
    assert sorted(listener.outcomes) == [1, 2, 3, 4, 5, 6]
    statuses = [outcome.status for _, outcome in sorted(listener.outcomes.items())]
    assert statuses == ["written"] * 5 + ["quarantined"]
    assert listener.totals[-1] == 6


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    colliding(tmp_path)
    instance(tmp_path / "in" / "bad", early="bad-vr")
    listener = Listener()
    summary = carry_out(tmp_path, listener, dry_run=True, jobs=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert (summary.written, summary.quarantined) == (60, {"bad-vr": 1})
    assert list(summary.tally.values()) == [60]
    assert listener.projects == []


def test_a_dry_run_uses_the_project_that_is_there(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "1")
    carry_out(tmp_path)
    (name,) = outputs(tmp_path / "out")
    before = outputs(tmp_path)
    listener = Listener()
    carry_out(tmp_path, listener, dry_run=True)
    assert listener.outcomes[1].name == name
    assert outputs(tmp_path) == before


def test_names_by_template(tmp_path: Path) -> None:
    for number in range(3):
        instance(tmp_path / "in" / str(number), Modality="C/T", InstanceNumber=str(number))
    carry_out(tmp_path, template="{Modality}/{InstanceNumber:04}.dcm")
    assert list(outputs(tmp_path / "out")) == ["C_T/0000.dcm", "C_T/0001.dcm", "C_T/0002.dcm"]


def test_mirrored_names_carry_nothing_unless_asked(tmp_path: Path) -> None:
    for number, name in enumerate(("Müller/CT/1.dcm", "Müller/MR/1.dcm", "\udcff\n/-2")):
        instance(tmp_path / "in" / name, uid=str(number))
    carry_out(tmp_path, mirror=True)
    names = list(outputs(tmp_path / "out"))
    assert len(names) == 3
    assert not any("ller" in name or "CT" in name for name in names)
    carry_out(tmp_path, mirror=True, keep_names=True, output=str(tmp_path / "kept"))
    assert sorted(outputs(tmp_path / "kept")) == sorted(outputs(tmp_path / "in"))


def test_several_inputs_keep_their_own_folders_when_mirrored(tmp_path: Path) -> None:
    instance(tmp_path / "in" / "a" / "1")
    instance(tmp_path / "in" / "b" / "1")
    inputs = (str(tmp_path / "in" / "a"), str(tmp_path / "in" / "b"))
    carry_out(tmp_path, inputs=inputs, mirror=True, keep_names=True)
    assert sorted(outputs(tmp_path / "out")) == ["a/1", "b/1"]


@pytest.mark.parametrize("what", ["template", "input", "relation", "project"])
def test_a_wrong_request_makes_nothing(tmp_path: Path, what: str) -> None:
    instance(tmp_path / "in" / "1")
    options: dict[str, Any] = {
        "template": {"template": "{Nothing}"},
        "input": {"inputs": (str(tmp_path / "nothing"),)},
        "relation": {"output": str(tmp_path / "in" / "out")},
        "project": {"project": str(tmp_path / "nothing"), "dry_run": True},
    }[what]
    before = outputs(tmp_path)
    with pytest.raises(UsageError):
        carry_out(tmp_path, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert outputs(tmp_path) == before


def test_no_identifier_lies_open_anywhere(tmp_path: Path) -> None:
    secret = "Gaius^Mucius"
    instance(tmp_path / "in" / secret / f"{secret}.dcm", patient=secret, uid=f"1.2.{secret}")
    instance(tmp_path / "in" / secret / "bad", patient=secret, early="crash")
    instance(tmp_path / "in" / secret / "dead", patient=secret, fault="kill")
    instance(tmp_path / "in" / secret / "twin", patient=secret, uid=f"1.2.{secret}", body="x")
    summary = carry_out(tmp_path, mirror=True)
    for path in [*(tmp_path / "out").rglob("*"), *(tmp_path / "out.deident-project").rglob("*")]:
        assert "Mucius" not in str(path.relative_to(tmp_path))
        if path.is_file():
            assert b"Mucius" not in path.read_bytes()
    assert "Mucius" not in repr(summary.as_json())
