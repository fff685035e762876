"""A project folder: made at once or not at all, opened only when it is whole and private."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deident.errors import UsageError
from deident.store import project as projects


def listing(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def test_a_new_project(tmp_path: Path) -> None:
    made = projects.init(str(tmp_path / "deep" / "p"))
    opened = projects.open_project(made.path)
    assert opened == made
    assert len(opened.key) == 32
    assert stat.S_IMODE((tmp_path / "deep" / "p").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep" / "p" / "key").stat().st_mode) == 0o600
    settings = projects.settings_of(opened)
    assert settings["format"] == 1
    assert settings["key"] == opened.fingerprint
    assert listing(Path(made.path)) == ["key", "project.json", "quarantine", "runs"]
    assert listing(tmp_path / "deep") == ["p"]


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    project = projects.init(str(tmp_path / "p"))
    described = repr(project) + (tmp_path / "p" / "project.json").read_text()
    assert project.key.hex() not in described
    assert repr(project.key) not in described


def test_projects_and_purposes_have_their_own_keys(tmp_path: Path) -> None:
    one, other = projects.init(str(tmp_path / "1")), projects.init(str(tmp_path / "2"))
    keys = {project.subkey(purpose) for project in (one, other) for purpose in ("names", "journal")}
    assert len(keys) == 4


def test_nothing_is_made_over_something(tmp_path: Path) -> None:
    projects.init(str(tmp_path / "p"))
    before = (tmp_path / "p" / "key").read_bytes()
    with pytest.raises(UsageError) as caught:
        projects.init(str(tmp_path / "p"))
    assert caught.value.code == "project-invalid"
    assert (tmp_path / "p" / "key").read_bytes() == before
    assert listing(tmp_path) == ["p"]


def test_an_empty_folder_becomes_a_project(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    projects.init(str(tmp_path / "p"))
    assert projects.exists(str(tmp_path / "p"))


def test_a_project_that_cannot_be_made() -> None:
    with pytest.raises(UsageError) as caught:
        projects.init("/proc/p")
    assert caught.value.code == "output-unwritable"
    assert "/proc/p" in str(caught.value)


def test_a_project_in_memory_leaves_nothing(tmp_path: Path) -> None:
    project = projects.in_memory()
    assert len(project.key) == 32
    assert project.path == ""


def elsewhere(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def of_format_2(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))


def linked(path: Path) -> None:
    elsewhere(path)
    path.symlink_to("elsewhere")


SPOILT: list[tuple[str, Callable[[Path], object], str]] = [
    (".", elsewhere, "project-invalid"),
    ("project.json", Path.unlink, "project-invalid"),
    ("project.json", lambda path: path.write_text("{"), "project-invalid"),
    ("project.json", lambda path: path.write_text("[]"), "project-invalid"),
    ("project.json", of_format_2, "project-invalid"),
    ("key", lambda path: path.write_text("ab" * 32), "project-invalid"),
    ("key", Path.unlink, "key-unusable"),
    ("key", lambda path: path.chmod(0o640), "key-unusable"),
    ("key", linked, "key-unusable"),
    ("key", lambda path: path.write_text("abcd\n"), "key-unusable"),
    ("key", lambda path: path.write_bytes(b"\xff" * 65), "key-unusable"),
    ("key", lambda path: (path.unlink(), path.mkdir(mode=0o700)), "key-unusable"),
]


@pytest.mark.parametrize(("name", "spoil", "code"), SPOILT)
def test_an_unusable_project_is_refused(
    name: str, spoil: Callable[[Path], object], code: str, tmp_path: Path
) -> None:
    projects.init(str(tmp_path / "p"))
    spoil(tmp_path / "p" / name)
    with pytest.raises(UsageError) as caught:
        projects.open_project(str(tmp_path / "p"))
    assert caught.value.code == code
    assert "\n" not in str(caught.value)


def test_the_last_profile_is_remembered(tmp_path: Path) -> None:
    project = projects.init(str(tmp_path / "p"))
    projects.note_profile(project, "basic")
    assert projects.settings_of(project)["profile"] == "basic"
    assert projects.open_project(project.path) == project


def test_of_many_processes_one_makes_the_project(tmp_path: Path) -> None:
    program = (
        "import sys; from deident.store import project\n"
        "try: project.init(sys.argv[1]); print('made')\n"
        "except Exception as error: print(error.code)\n"
        "print(project.open_project(sys.argv[1]).id)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "p")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [process.communicate()[0].split() for process in processes]
    assert sorted(answer[0] for answer in answers) == ["made"] + ["project-invalid"] * 3
    assert len({answer[1] for answer in answers}) == 1
    assert listing(tmp_path) == ["p"]


def test_run_names_sort_by_time() -> None:
    names = [projects.new_run_id() for _ in range(3)]
    assert len(set(names)) == 3
    assert all(len(name) == 25 for name in names)
