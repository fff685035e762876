"""Finding files of all kinds, and putting outputs in place without overwriting or losing any."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deident.endpoints import folder, sources
from deident.endpoints.folder import FolderOutput
from deident.endpoints.sources import Found, scan
from deident.errors import UsageError

NAMES = [b"-rf", b"a b", b"line\nbreak", "😀.dcm".encode(), b"\xff\xfe", b"x" * 255, b"'\"$(id)"]


def found(*inputs: Path, **options: object) -> list[Found]:
    return list(scan(sources.resolve_inputs(map(str, inputs)), **options))  # type: ignore[arg-type]


def below(entries: list[Found]) -> list[tuple[str, str]]:
    return [(path[start:], code) for path, start, code in entries]


# -- finding --------------------------------------------------------------------------------------


def test_names_of_all_kinds_are_found(tmp_path: Path) -> None:
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"1")
    entries = found(tmp_path)
    assert {os.fsencode(path[start:]) for path, start, _ in entries} == set(NAMES)
    for path, _, code in entries:
        assert not code
        assert Path(path).read_bytes() == b"1"


def test_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    for name in ["b/2", "b/1", "z", "a/x/1", "a/1", "m"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [name for name, _ in below(found(tmp_path))] == ["m", "z", "a/1", "a/x/1", "b/1", "b/2"]


def test_links_and_special_files_are_reported_and_not_opened(tmp_path: Path) -> None:
    tree = tmp_path / "in"
    tree.mkdir()
    (tree / "file").touch()
    (tree / "link").symlink_to("file")
    (tree / "loop").symlink_to(tree)
    (tree / "broken").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tree / "socket"))
        assert dict(below(found(tree))) == {
            "file": "",
            "link": "symlink",
            "loop": "symlink",
            "broken": "symlink",
            "pipe": "special-file",
            "socket": "special-file",
        }


def test_links_can_be_followed_without_running_in_circles(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "to-b").symlink_to("../b")
    (tmp_path / "b" / "to-a").symlink_to("../a")
    (tmp_path / "b" / "file").touch()
    (tmp_path / "b" / "same").symlink_to("file")
    (tmp_path / "b" / "broken").symlink_to("nowhere")
    entries = below(found(tmp_path, follow_symlinks=True))
    assert [name for name, code in entries if not code] == ["a/to-b/file", "a/to-b/same"]
    assert ("a/to-b/broken", "unreadable") in entries  # something should be there


def test_an_input_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")
    assert below(found(tmp_path / "link")) == [("file", "")]


def test_excluded_folders_are_not_entered(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    barred = sources.folder_ids(str(tmp_path / "out"))
    entries = below(found(tmp_path / "in", follow_symlinks=True, exclude=barred))
    assert entries == [("file", ""), ("link", "output-in-input")]


def test_a_folder_that_cannot_be_listed_is_counted(tmp_path: Path) -> None:
    deep = "/".join(["d" * 250] * 17)  # longer than a path may be, so that no privilege helps
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for part in deep.split("/"):
        os.mkdir(part, dir_fd=descriptor)
        inner = os.open(part, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    (code,) = [code for _, code in below(found(tmp_path))]
    assert code == "folder-unreadable"


def test_inputs_may_be_files_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["x/1.dcm", "x/2.dcm", "y/3.dcm"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert below(found(Path("x/*.dcm"))) == [("1.dcm", ""), ("2.dcm", "")]
    assert below(found(Path("**/3.dcm"))) == [("3.dcm", "")]
    assert below(found(Path("x"), Path("y"))) == [("x/1.dcm", ""), ("x/2.dcm", ""), ("y/3.dcm", "")]


def test_nothing_is_counted_twice(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "1").touch()
    assert len(found(tmp_path / "x" / "y", tmp_path / "x", tmp_path / "x" / "y" / "1")) == 1
    assert len(found(tmp_path / "x", tmp_path / "x" / ".")) == 1


@pytest.mark.parametrize("argument", ["nothing", "nothing/*.dcm", "", "a\0b"])
def test_a_missing_input_is_an_error(argument: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sources.resolve_inputs([argument])
    assert caught.value.code == "input-missing"


# -- where folders may lie ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "output", "project", "code"),
    [
        ("in", "in", "p", "output-in-input"),
        ("in", "in/out", "p", "output-in-input"),
        ("in", "link/out", "p", "output-in-input"),
        ("in/sub", "in", "p", "input-in-output"),
        ("in", "out", "out/p", "project-in-output"),
        ("in", "out", "out", "project-in-output"),
        ("in", "out", "in/p", "project-in-input"),
        ("in", "in-out", "in-p", ""),
    ],
)
def test_relations(source: str, output: str, project: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("in")
    place = str(tmp_path) + "/"
    if not code:
        sources.check_relations([place + source], place + output, place + project)
        return
    with pytest.raises(UsageError) as caught:
        sources.check_relations([place + source], place + output, place + project)
    assert caught.value.code == code


# -- putting in place -----------------------------------------------------------------------------


def stage(output: FolderOutput, number: int, content: bytes) -> int:
    Path(output.staging, str(number)).write_bytes(content)
    return number


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_commit_places_and_never_replaces(tmp_path: Path) -> None:
    output = FolderOutput(str(tmp_path / "out"))
    assert output.commit(stage(output, 1, b"one"), "", "a/b/c.dcm") == "written"
    assert output.commit(stage(output, 2, b"one"), "", "a/b/c.dcm") == "duplicate"
    assert output.commit(stage(output, 3, b"two"), "", "a/b/c.dcm") == "collision"
    assert contents(tmp_path / "out")["a/b/c.dcm"] == b"one"
    output.drop(3, "")
    output.drop(4, "")
    output.close()
    assert contents(tmp_path / "out") == {"a/b/c.dcm": b"one"}


def run_in_order(root: Path, arrivals: list[tuple[int, bytes]]) -> dict[str, bytes]:
    """Commit outputs that all ask for one name, settle, and return what lies there."""
    output = FolderOutput(str(root))
    placed: dict[str, dict[int, str]] = {}
    for number, content in arrivals:
        if output.commit(stage(output, number, content), "", "x.dcm") == "written":
            placed["x.dcm"] = {number: "x.dcm"}
    settled = list(output.settle(placed))
    output.close()
    final = contents(root)
    arrived = dict(arrivals)
    for number, _, name in settled:  # every instance's content is where its placement says
        assert final[name] == arrived[number]
    return final


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
@pytest.mark.parametrize("settled_before", [False, True])
def test_a_resumed_run_numbers_as_one_run_does(
    cut: int, settled_before: bool, tmp_path: Path
) -> None:
    """Wherever the first run ended, before its collisions were settled or after."""
    arrivals = [(number, b"%d" % (number * 7 % 5)) for number in range(5)]
    whole = run_in_order(tmp_path / "whole", arrivals)
    for order in itertools.permutations(arrivals):
        root = tmp_path / "".join(str(number) for number, _ in order)
        holders: dict[int, str] = {}
        for part in (order[:cut], order[cut:]):
            output = FolderOutput(str(root))
            for number, content in part:
                if output.commit(stage(output, number, content), "", "x.dcm") == "written":
                    holders[number] = "x.dcm"
            if settled_before or part == order[cut:]:
                for placed in output.settle({"x.dcm": holders}):
                    holders[placed.number] = placed.name
            output.close()
        if settled_before:
            assert contents(root) == whole


def test_collisions_end_the_same_in_every_order(tmp_path: Path) -> None:
    arrivals = [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"b")]
    results = [
        run_in_order(tmp_path / str(index), list(order))
        for index, order in enumerate(itertools.permutations(arrivals))
    ]
    assert sorted(results[0]) == ["x.dcm", "x_2.dcm", "x_3.dcm"]
    assert sorted(results[0].values()) == [b"a", b"b", b"c"]
    assert all(result == results[0] for result in results)


def test_a_second_run_adds_nothing(tmp_path: Path) -> None:
    arrivals = [(1, b"a"), (2, b"b"), (3, b"c")]
    first = run_in_order(tmp_path / "out", arrivals)
    assert run_in_order(tmp_path / "out", arrivals[::-1]) == first


def test_outputs_of_earlier_runs_keep_their_names(tmp_path: Path) -> None:
    first = run_in_order(tmp_path / "out", [(1, b"old")])
    final = run_in_order(tmp_path / "out", [(index, b"%d" % index) for index in range(1, 6)])
    assert final["x.dcm"] == first["x.dcm"]
    assert sorted(final.values()) == sorted([b"old", *(b"%d" % index for index in range(1, 6))])


@given(st.lists(st.sampled_from([b"", b"a", b"b", b"c"]), max_size=6), st.booleans())
def test_no_content_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, arriving: list[bytes], existing: bool
) -> None:
    root = tmp_path_factory.mktemp("out")
    if existing:
        (root / "x.dcm").write_bytes(b"before")
        (root / "x_2.dcm").mkdir()
    final = run_in_order(root, list(enumerate(arriving, 1)))
    expected = set(arriving) | ({b"before"} if existing else set())
    assert set(final.values()) == expected
    assert len(final) == len(expected)


@given(
    st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=6),
    st.dictionaries(
        st.sampled_from(["x.dcm", "x_2.dcm", "x_3.dcm"]), st.sampled_from([b"a", b"b", b"e"])
    ),
)
@example([b"a", b"b"], {"x_2.dcm": b"a"})
def test_outputs_that_are_there_under_later_names(
    tmp_path_factory: pytest.TempPathFactory, arriving: list[bytes], earlier: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("out")
    for name, content in earlier.items():
        (root / name).write_bytes(content)
    final = run_in_order(root, list(enumerate(arriving, 1)))
    assert set(final.values()) == {*arriving, *earlier.values()}
    assert earlier.items() <= final.items()


@pytest.mark.parametrize("taken", [b"of the other run", b"a", b"b", b"c"])
@pytest.mark.parametrize("order", list(itertools.permutations([b"a", b"b", b"c"])))
def test_names_that_another_run_takes_meanwhile(
    order: tuple[bytes, ...], taken: bytes, tmp_path: Path
) -> None:
    output = FolderOutput(str(tmp_path / "out"))
    placed: dict[str, dict[int, str]] = {}
    for number, content in enumerate(order):
        if output.commit(stage(output, number, content), "", "x.dcm") == "written":
            placed["x.dcm"] = {number: "x.dcm"}
    seen = []
    for one in output.settle(placed):
        seen.append(one)
        for name in ("x.dcm", "x_2.dcm", "x_3.dcm"):
            if not (tmp_path / "out" / name).exists():
                (tmp_path / "out" / name).write_bytes(taken)
    output.close()
    final = contents(tmp_path / "out")
    assert sorted(one.number for one in seen) == [0, 1, 2]
    for one in seen:
        assert final[one.name] == order[one.number]


def test_staging_is_private_and_goes(tmp_path: Path) -> None:
    output = FolderOutput(str(tmp_path / "out"))
    assert Path(output.staging).stat().st_mode & 0o777 == 0o700
    stage(output, 1, b"unfinished")
    output.close()
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_crashed_run_left_goes_but_not_what_a_living_one_needs(tmp_path: Path) -> None:
    living = FolderOutput(str(tmp_path / "out"))
    stage(living, 1, b"mine")
    crashed = tmp_path / "out" / ".deident-0123456789ab.tmp"
    crashed.mkdir()
    (crashed / "7").write_bytes(b"left")
    other = FolderOutput(str(tmp_path / "out"))
    assert not crashed.exists()
    assert living.commit(1, "", "a.dcm") == "written"
    other.close()
    living.close()


OPEN_AND_CLOSE = """
import sys
from deident.endpoints.folder import FolderOutput
for number in range(200):
    output = FolderOutput(sys.argv[1])
    open(output.staging + "/1", "x").write("complete")
    assert output.commit(1, "", f"{sys.argv[2]}-{number}") == "written"
    output.close()
"""


def test_runs_that_begin_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AND_CLOSE, str(tmp_path / "out")]
    processes = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(contents(tmp_path / "out")) == 600


def test_without_hard_links_nothing_is_replaced_either(tmp_path: Path) -> None:
    staged, final = tmp_path / "staged", tmp_path / "final"
    staged.write_bytes(b"new")
    folder._move_without_links(str(staged), str(final))
    assert final.read_bytes() == b"new"
    assert not staged.exists()
    staged.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        folder._move_without_links(str(staged), str(final))
    assert final.read_bytes() == b"new"


def test_a_file_that_cannot_be_moved_leaves_no_empty_one(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    staged, final = tmp_path / "staged", elsewhere / f"deident-{os.getpid()}"
    staged.write_bytes(b"new")
    for move in (folder.place, folder._move_without_links):
        with pytest.raises(OSError, match="cross-device"):
            move(str(staged), str(final))
        assert not final.exists()
    assert staged.read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["file", "below-file", "proc"])
def test_an_unwritable_output_is_an_error(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = {"file": tmp_path / "file", "below-file": tmp_path / "file" / "x", "proc": "/proc/x"}
    with pytest.raises(UsageError) as caught:
        FolderOutput(str(place[kind]))
    assert caught.value.code == "output-unwritable"


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        output = FolderOutput(str(tmp_path / "out"))
        descriptor = os.open(f"{output.staging}/1", os.O_CREAT | os.O_WRONLY, 0o666)
        os.close(descriptor)
        output.commit(1, "", "a/b.dcm")
        output.close()
    finally:
        os.umask(before)
    assert (tmp_path / "out" / "a" / "b.dcm").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "out" / "a").stat().st_mode & 0o777 == 0o750
