"""`deident run` as people and scripts use it: real files, real processes, exit codes, streams."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from deident.__main__ import main as entry
from deident.app.recipes import recipe
from deident.app.running import RunSettings
from deident.app.running import run as carry_out
from deident.store import project as projects
from deident.work import early
from tests import program
from tests.program import check_summary, command, deident, outputs

FILES = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with three instances and a text file."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in FILES:
        shutil.copy(str(get_testdata_file(name)), folder / name)
    (folder / "notes.txt").write_text("This is no DICOM file.")
    return folder


def test_a_study_is_deidentified(study: Path, tmp_path: Path) -> None:
    result = deident("run", study, "-o", tmp_path / "out", "-j", 2)
    assert result.code == 0
    assert result.out.splitlines()[0] == "4 found: 3 written, 1 skipped, 0 quarantined"
    assert "not-dicom: not a DICOM file" in result.out
    assert result.err == f"new project: {tmp_path}/out.deident-project\n"
    written = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert len(written) == 3
    for dataset in written:
        assert dataset.PatientIdentityRemoved == "YES"
        assert str(dataset.PatientID).startswith("DEID-")
    for path in (tmp_path / "out").rglob("*.dcm"):
        assert path.parts[-4:] == (
            str(dcmread(path).PatientID),
            str(dcmread(path).StudyInstanceUID),
            str(dcmread(path).SeriesInstanceUID),
            f"{dcmread(path).SOPInstanceUID}.dcm",
        )


def test_originals_are_not_touched(study: Path, tmp_path: Path, here: Any) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in study.iterdir()}
    here("run", study, "-o", tmp_path / "out")
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in study.iterdir()}
    assert before == after


def test_quiet_prints_nothing_on_success(study: Path, tmp_path: Path) -> None:
    result = deident("run", study, "-o", tmp_path / "out", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_quiet_says_what_failed_in_one_line(study: Path, tmp_path: Path, here: Any) -> None:
    (study / "empty.dcm").touch()
    result = here("run", study, "-o", tmp_path / "out", "-q")
    assert result.code == 3
    assert result.out == ""
    project = tmp_path / "out.deident-project"
    assert result.err == f"Error: 1 of 5 quarantined; see: deident project quarantine {project}\n"


def test_a_header_editor_says_that_it_is_no_deidentification(
    study: Path, tmp_path: Path, here: Any
) -> None:
    (tmp_path / "mine.yaml").write_text("format: 1\nname: mine\nextends: keep-all-except\n")
    for profile, name in (("keep-all-except", "keep-all-except"), (tmp_path / "mine.yaml", "mine")):
        arguments = ("run", study, "-o", tmp_path / name, "--profile", profile)
        warning = f"Warning: profile {name} is no de-identification: all stays but what its rules"
        assert here(*arguments, "--json").err.startswith(warning)
        assert here(*arguments, "--dry-run").err.startswith(warning)
        assert here(*arguments, "--quiet").err in ("", "Error: 1 findings to review")
    assert "Warning" not in here("run", study, "-o", tmp_path / "basic").err


def test_what_may_be_a_patient_id_is_left_for_review(tmp_path: Path, here: Any) -> None:
    made = dcmread(get_testdata_file("CT_small.dcm"))
    made.PatientID, made.SoftwareVersions = "48123", "VA 48123 b"
    (tmp_path / "in").mkdir()
    made.save_as(tmp_path / "in" / "one.dcm")
    result = here("run", tmp_path / "in", "-o", tmp_path / "out")
    assert result.code == 4
    assert "1  weak patient-id reported" in result.out


def test_json_is_one_object_on_stdout(study: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", study, "-o", tmp_path / "out", "--json")
    summary = json.loads(result.out)
    assert summary["schema"] == 1
    assert (summary["found"], summary["written"], summary["skipped"]) == (4, 3, {"not-dicom": 1})
    assert summary["reconciles"] is True
    assert summary["state"] == "complete"
    assert len(summary["series"]) == 4
    assert sum(sum(counts.values()) for counts in summary["series"].values()) == 4
    assert any(change["tag"] == "00100010" for change in summary["changes"])
    kept = tmp_path / "out.deident-project" / "runs" / summary["run"] / "summary.json"
    assert json.loads(kept.read_text()) == summary


def test_a_dry_run_says_what_would_change(study: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", study, "-o", tmp_path / "out", "--dry-run")
    assert result.code == 0
    assert "3 would be written" in result.out
    assert re.search(r"^\(0010,0010\) +PatientName +replaced +3 ", result.out, re.MULTILINE)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    for value in ("CompressedSamples", "1CT1", "Last^First"):
        assert value not in result.out


def test_a_dry_run_in_json_tells_of_every_instance(study: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", study, "-o", tmp_path / "out", "-n", "--json")
    report = json.loads(result.out)
    instances = {one["number"]: one for one in report["instances"]}
    assert sorted(instances) == [1, 2, 3, 4]
    written = [one for one in instances.values() if one["status"] == "written"]
    assert len(written) == report["written"] == 3
    for one in written:
        paths = {change["path"]: change for change in one["changes"]}
        assert paths["PatientName"]["outcome"] == "replaced"
    assert "CompressedSamples" not in result.out


def test_a_dry_run_in_json_of_nothing(tmp_path: Path, here: Any) -> None:
    (tmp_path / "in").mkdir()
    result = here("run", tmp_path / "in", "-o", tmp_path / "out", "-n", "--json")
    assert json.loads(result.out)["instances"] == []
    assert result.code == 5


def test_the_same_project_gives_the_same_bytes(study: Path, tmp_path: Path, here: Any) -> None:
    assert here("project", "init", tmp_path / "p").code == 0
    for output, jobs in (("a", 1), ("b", 3)):
        result = here(
            "run", study, "-o", tmp_path / output, "--project", tmp_path / "p", "-j", jobs
        )
        assert (result.code, result.err) == (0, "")
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b")
    assert len(outputs(tmp_path / "a")) == 3


def test_fresh_interpreters_give_the_same_bytes(study: Path, tmp_path: Path) -> None:
    project = projects.init(str(tmp_path / "p")).path
    done = threading.Event()
    thread = threading.Thread(target=done.wait)  # with threads about, nothing may be forked
    for output in ("forked", "spawned"):
        settings = RunSettings((str(study),), str(tmp_path / output), project=project)
        assert carry_out(settings, recipe("basic")).written == 3
        if output == "forked":
            thread.start()
    done.set()
    thread.join()
    assert outputs(tmp_path / "forked") == outputs(tmp_path / "spawned")


def test_the_same_run_twice(study: Path, tmp_path: Path, here: Any) -> None:
    here("run", study, "-o", tmp_path / "out")
    before = outputs(tmp_path / "out")
    second = here("run", study, "-o", tmp_path / "out")
    assert second.code == 0
    assert second.err == f"project: {tmp_path}/out.deident-project\n"
    assert "0 written, 4 skipped" in second.out
    third = here("run", study, "-o", tmp_path / "out", "--resume")
    assert third.code == 0
    assert outputs(tmp_path / "out") == before


def test_resume_with_other_names_is_refused(study: Path, tmp_path: Path, here: Any) -> None:
    out = tmp_path / "out"
    assert here("run", study, "-o", out, "-q").code == 0
    for words in (["--layout", "mirror"], ["--name-template", "{SOPInstanceUID}"]):
        result = here("run", study, "-o", out, "--resume", *words)
        assert result.code == 2
        assert "other names for outputs" in result.err


def test_an_output_behind_a_link_has_the_project_of_its_folder(
    study: Path, tmp_path: Path, here: Any
) -> None:
    assert here("run", study, "-o", tmp_path / "out", "-q").code == 0
    (tmp_path / "link").symlink_to("out")
    result = here("run", study, "-o", tmp_path / "link")
    assert result.err == f"project: {tmp_path}/out.deident-project\n"
    assert "0 written, 4 skipped" in result.out


def test_a_profile_that_keeps_the_name_is_warned_of(study: Path, tmp_path: Path, here: Any) -> None:
    profile = tmp_path / "own.yaml"
    profile.write_text("format: 1\nname: own\nextends: basic\nrules:\n  - PatientName: keep\n")
    result = here("run", study, "-o", tmp_path / "out", "--profile", profile)
    assert "Warning: profile own is no de-identification" in result.err


def test_the_folder_that_one_is_in_may_be_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    for words in (["run", str(tmp_path), "-o", "out"], ["scan", "."], ["project", "init", "p"]):
        result = subprocess.run(
            ["sh", "-c", 'cd "$0" && rmdir "$0" && "$@"; code=$?; mkdir "$0"; exit $code',
             str(tmp_path / "gone"), *program.command(*words)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (
            2, "Error: the current folder no longer exists; change to another one [usage]\n"
        )  # fmt: skip


def test_a_signal_while_the_program_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(early, "start", interrupted)
    monkeypatch.setattr(sys, "argv", ["deident", "run", "x", "-o", "y"])
    assert entry() == 130


def test_nothing_matched(tmp_path: Path, here: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no DICOM")
    result = here("run", tmp_path / "in", "-o", tmp_path / "out")
    assert result.code == 5


def test_quarantine_has_its_own_exit_code(study: Path, tmp_path: Path, here: Any) -> None:
    content = (study / "CT_small.dcm").read_bytes()
    (study / "cut.dcm").write_bytes(content[: len(content) // 2])
    (study / "empty.dcm").touch()
    result = here("run", study, "-o", tmp_path / "out")
    assert result.code == 3
    assert "3 written, 1 skipped, 2 quarantined" in result.out
    listed = here("project", "quarantine", tmp_path / "out.deident-project")
    assert listed.code == 0
    assert "empty-file" in listed.out
    assert str(study) not in listed.out
    shown = here("project", "quarantine", tmp_path / "out.deident-project", "--show-paths")
    assert str(study / "empty.dcm") in shown.out


# -- bad input ------------------------------------------------------------------------------------

WRONG: list[tuple[list[str], str, str]] = [
    (["run"], "usage", "Missing argument"),
    (["run", "in"], "usage", "-o"),
    (["run", "in", "-o", "out", "--nonsense"], "usage", "--nonsense"),
    (["run", "in", "-o", "out", "-j", "0"], "usage", "-j"),
    (["run", "in", "-o", "out", "-j", "many"], "usage", "-j"),
    (["run", "in", "-o", "out", "--timeout", "0"], "usage", "--timeout"),
    (["run", "in", "-o", "out", "--timeout", "nan"], "usage", "nan is not a number of seconds"),
    (["run", "in", "-o", "out", "--timeout", "inf"], "usage", "inf is not in the range"),
    (["run", "in", "-o", "out", "--timeout", "-1"], "usage", "-1.0 is not in the range"),
    (["run", "in", "-o", "out", "--verify", "no"], "usage", "--verify"),
    (["run", "in", "-o", "out", "--layout", "flat"], "usage", "--layout"),
    (["run", "in", "-o", "out", "--keep-names"], "usage", "mirror"),
    (["run", "in", "-o", "out", "--name-template", "{Foo}"], "usage", "Foo"),
    (["run", "nothing", "-o", "out"], "input-missing", "nothing"),
    (["run", "in/*.nothing", "-o", "out"], "input-missing", "in/*.nothing"),
    (["run", "in", "-o", "in/out"], "output-in-input", "in/out"),
    (["run", "in", "-o", "."], "input-in-output", "in"),
    (["run", "in", "-o", "in"], "output-in-input", "in"),
    (["run", "in", "-o", "file"], "output-unwritable", "file"),
    (["run", "in", "-o", "/proc/out"], "output-unwritable", "/proc/out"),
    (["run", "in", "-o", "out", "--project", "nothing"], "project-invalid", "nothing"),
    (["run", "in", "-o", "out", "--project", "in"], "project-in-input", "in"),
    (["run", "in", "-o", "out", "--project", "out/p"], "project-in-output", "out/p"),
    (["run", "in", "-o", "out", "--profile", "nothing"], "profile-unreadable", "nothing"),
    (["run", "in", "-o", "out", "--profile", "bad.yaml"], "profile-invalid", "bad.yaml:3:"),
    (["run", "in", "-o", "out", "--with", "nothing"], "usage", "nothing"),
    (["run", "in", "-o", "out", "--with", "clean-graphics"], "option-not-available", "graphics"),
    (["nonsense"], "usage", "nonsense"),
    (["--nonsense"], "usage", "--nonsense"),
    (["project", "init", "in"], "project-invalid", "in"),
    (["project", "info", "nothing"], "project-invalid", "nothing"),
    (["project", "info", "in"], "project-invalid", "in"),
    (["project", "mapping", "in"], "usage", "--uids"),
    (["project", "quarantine", "in"], "project-invalid", "in"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_a_wrong_request_gets_one_clear_line(
    arguments: list[str],
    code: str,
    words: str,
    study: Path,
    tmp_path: Path,
    here: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "bad.yaml").write_text("format: 1\nname: bad\nnonsense: 1\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    result = here(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("Error: ")
    assert result.err.endswith(f"[{code}]\n")
    assert words in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_key_that_others_can_read(study: Path, tmp_path: Path, here: Any) -> None:
    here("project", "init", tmp_path / "p")
    (tmp_path / "p" / "key").chmod(0o644)
    result = here("run", study, "-o", tmp_path / "out", "--project", tmp_path / "p")
    assert result.code == 2
    assert result.err.endswith("[key-unusable]\n")


def test_names_that_a_person_typed_cannot_steer_the_terminal(tmp_path: Path, here: Any) -> None:
    result = here("run", "\x1b[31mred\n\udcff", "-o", tmp_path / "out")
    assert result.err.count("\n") == 1
    assert "\x1b" not in result.err
    assert r"\x1b[31mred\n\xff" in result.err


# -- the world around -----------------------------------------------------------------------------


def test_names_of_all_kinds(study: Path, tmp_path: Path) -> None:
    content = (study / "CT_small.dcm").read_bytes()
    names = [b"-rf", b"a b", b"line\nbreak", "😀".encode(), b"\xff\xfe", b"x" * 255]
    for number, name in enumerate(names):
        uid = f"1.2.3.{number}".ljust(40, "0").encode()
        old = dcmread(study / "CT_small.dcm").SOPInstanceUID.encode()
        changed = content.replace(old, uid[: len(old)].ljust(len(old), b"0"))
        Path(os.fsdecode(os.fsencode(study) + b"/" + name)).write_bytes(changed)
    for locale in ("C", "C.UTF-8"):
        output = tmp_path / locale
        result = deident("run", study, "-o", output, env=os.environ | {"LC_ALL": locale})
        assert (result.code, result.err.count("\n")) == (0, 1)
        assert len(outputs(output)) == 9


def test_a_leading_dash_needs_two_dashes(study: Path, tmp_path: Path) -> None:
    (study / "CT_small.dcm").rename(tmp_path / "-ct")
    result = deident("run", "-o", tmp_path / "out", "--", "-ct", cwd=tmp_path)
    assert result.code == 0


def test_results_go_where_time_zones_do_not_matter(study: Path, tmp_path: Path) -> None:
    deident("project", "init", tmp_path / "p")
    for zone in ("UTC", "Asia/Tokyo"):
        environment = os.environ | {"TZ": zone}
        place = tmp_path / zone.replace("/", "-")
        deident("run", study, "-o", place, "--project", tmp_path / "p", env=environment)
    assert outputs(tmp_path / "UTC") == outputs(tmp_path / "Asia-Tokyo")


@pytest.mark.parametrize("arguments", [["--json"], ["--dry-run"], ["-n", "--json"], []])
def test_a_reader_that_leaves_early_does_no_harm(
    study: Path, tmp_path: Path, arguments: list[str]
) -> None:
    started = command("run", study, "-o", tmp_path / "out", *arguments)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(started, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr
    if "-n" not in arguments and "--dry-run" not in arguments:
        assert len(outputs(tmp_path / "out")) == 3


def test_closed_streams_do_no_harm(study: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m deident run {study} -o {tmp_path}/out <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    assert len(outputs(tmp_path / "out")) == 3


def test_no_home_folder_is_needed(study: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "HOME"}
    assert deident("run", study, "-o", tmp_path / "out", env=environment).code == 0


def test_a_terminal_sees_progress(study: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    started = command("run", study, "-o", tmp_path / "out")
    with subprocess.Popen(
        started, stderr=slave, stdout=subprocess.PIPE, env=os.environ | {"TERM": "xterm"}
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                shown += os.read(master, 4096)
            except OSError:
                break
        assert process.stdout is not None
        assert b"\x1b" not in process.stdout.read()
    os.close(master)
    assert re.search(rb"\r\d+", shown)
    assert shown.endswith(b"\r\x1b[K")
    assert process.returncode == 0


def many(study: Path, count: int) -> None:
    """Enough instances for a run to be interrupted in its middle."""
    content = (study / "CT_small.dcm").read_bytes()
    for number in range(count):
        (study / f"{number:05}").write_bytes(content)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_in_good_order(
    study: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    many(study, 3000)
    started = command("run", study, "-o", tmp_path / "out", "-j", 2, "--json")
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not list((tmp_path / "out").rglob("*.dcm")):
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == code
    summary = json.loads(out)
    assert summary["state"] == "interrupted"
    assert check_summary(summary).total() < 3004
    assert "Traceback" not in err
    assert not list((tmp_path / "out").glob(".*"))


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_a_run_can_be_paused_and_continued(study: Path, tmp_path: Path, here: Any) -> None:
    many(study, 3000)
    out, project = tmp_path / "out", tmp_path / "project"
    here("project", "init", project)
    started = command("run", study, "-o", out, "-j", 2, "--json", "--project", project)
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not list(out.rglob("*.dcm")):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGTSTP)  # as a terminal does it
        while not is_stopped(process.pid):
            time.sleep(0.01)
        assert not children(process.pid)
        written = len(list(out.rglob("*.dcm")))
        assert 0 < written < 3000
        (run,) = json.loads(here("runs", "list", project, "--json").out)["runs"]
        assert run["state"] == "running"
        os.killpg(process.pid, signal.SIGCONT)
        text, err = process.communicate()
    assert process.returncode == 0
    summary = json.loads(text)
    assert summary["state"] == "complete"
    assert check_summary(summary).total() == summary["found"] > 3000
    assert "paused: " in err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, "worker-died"), (signal.SIGSTOP, "timeout")]
)
def test_a_worker_that_is_lost_costs_one_instance(
    study: Path, tmp_path: Path, number: signal.Signals, code: str
) -> None:
    many(study, 3000)
    options = ("-j", 2, "--json", "--timeout", 2)
    started = command("run", study, "-o", tmp_path / "out", *options)
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True) as process:
        while not list((tmp_path / "out").rglob("*.dcm")):
            time.sleep(0.01)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), number)
        out, _ = process.communicate()
    assert process.returncode == 3
    summary = json.loads(out)
    check_summary(summary)
    assert summary["found"] == 3004
    assert summary["quarantined"] == {code: 1}


def test_an_unforeseen_error_shows_no_values(
    study: Path, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deident.app import recipes

    def fail(*_: object, **__: object) -> None:
        raise KeyError("Doe^John")

    monkeypatch.setattr(recipes, "recipe", fail)
    result = here("run", study, "-o", tmp_path / "out")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert result.err.endswith("[unexpected]\n")
    assert "Doe" not in result.err
    monkeypatch.setenv("DEIDENT_DEBUG", "1")
    with pytest.raises(KeyError):
        here("run", study, "-o", tmp_path / "out")
