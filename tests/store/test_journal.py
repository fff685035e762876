"""The journal: sealed, append-only, readable after a crash, not after tampering."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.errors import InfrastructureError
from deident.store import database, journal
from deident.store import project as projects
from deident.store.journal import Books, Closing, Entry, JournalWriter, Opening, Record, Renamed
from deident.store.project import Project

OPENING = Opening(("/in",), "/out", "hash", "2026-01-01T00:00:00Z")
RECORD = Record(
    1,
    "/in/Müller\udcff\n.dcm",
    "written",
    name="a/Müller\udcff.dcm",
    size=100,
    time=150,
    source_size=200,
    source_time=300,
    series="2.25.7",
    patient=("Müller", "DEID-1"),
    uids=(("1.2", "2.25.1"), ("1.3", "2.25.2")),
    findings=(("identifier", "weak", "name", (1, 2), 3, "reported"),),
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.init(str(tmp_path / "p"))


def write(
    project: Project,
    entries: list[Entry],
    *,
    run: str = "run-1",
    frames: bool = False,
    state: str = "",
    opening: Opening = OPENING,
) -> None:
    writer = JournalWriter(project, run, opening)
    for entry in entries:
        writer.add(entry)
        if frames:
            writer.flush()
    if state:
        writer.close(state)
    else:
        writer.flush()


def read(project: Project, run: str = "run-1") -> list[Entry]:
    return list(Books(project).entries(run))


def change(project: Project, statement: str, *values: object) -> None:
    with sqlite3.connect(f"{project.path}/{database.NAME}") as connection:
        connection.execute(statement, values)


def test_what_goes_in_comes_out(project: Project) -> None:
    entries: list[Entry] = [RECORD, Renamed(1, "written", "a/b_2.dcm")]
    write(project, entries, state="complete")
    assert read(project) == [OPENING, *entries, Closing("complete")]
    assert [run[:2] for run in Books(project).runs()] == [("run-1", "complete")]


def test_nothing_in_it_can_be_read_without_the_key(project: Project) -> None:
    write(project, [RECORD._replace(number=n) for n in range(50)], frames=True, state="complete")
    for path in Path(project.path).glob("books.sqlite*"):
        content = path.read_bytes()
        for text in ("Müller", "1.2\x00", "2.25.1", "/in", "/out", "DEID", "Müll"):
            assert text.encode() not in content
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InfrastructureError) as caught:
        read(project._replace(key=bytes(32)))
    assert caught.value.code == "journal-damaged"


def test_runs_do_not_mix(project: Project) -> None:
    write(project, [RECORD], run="run-1", state="complete")
    write(project, [RECORD._replace(number=7)], run="run-2")
    assert read(project, "run-2") == [OPENING, RECORD._replace(number=7)]
    assert [run.state for run in Books(project).runs()] == ["complete", "running"]


@given(st.integers(0, 3), st.data())
def test_changed_bytes_are_noticed(
    tmp_path_factory: pytest.TempPathFactory, frame: int, data: st.DataObject
) -> None:
    project = projects.init(str(tmp_path_factory.mktemp("journal") / "p"))
    write(project, [RECORD._replace(number=n) for n in (1, 2, 3, 4)], frames=True)
    with sqlite3.connect(f"{project.path}/{database.NAME}") as connection:
        query = "SELECT sealed FROM frame WHERE number = ?"
        ((sealed,),) = connection.execute(query, (frame,)).fetchall()
    position = data.draw(st.integers(0, len(sealed) - 1))
    other = bytearray(sealed)
    other[position] ^= data.draw(st.integers(1, 255))
    change(project, "UPDATE frame SET sealed = ? WHERE number = ?", bytes(other), frame)
    with pytest.raises(InfrastructureError) as caught:
        read(project)
    assert caught.value.code == "journal-damaged"


def test_frames_cannot_be_exchanged(project: Project) -> None:
    write(project, [RECORD, RECORD._replace(number=2)], frames=True, state="complete")
    for one, other in ((0, 1), (1, 2)):
        change(project, "UPDATE frame SET number = -1 WHERE number = ?", one)
        change(project, "UPDATE frame SET number = ? WHERE number = ?", one, other)
        change(project, "UPDATE frame SET number = ? WHERE number = -1", other)
        with pytest.raises(InfrastructureError):
            read(project)
        change(project, "UPDATE frame SET number = -1 WHERE number = ?", one)
        change(project, "UPDATE frame SET number = ? WHERE number = ?", one, other)
        change(project, "UPDATE frame SET number = ? WHERE number = -1", other)
    assert len(read(project)) == 4


def test_an_end_that_was_cut_off_is_noticed(project: Project) -> None:
    write(project, [RECORD, RECORD._replace(number=2)], frames=True, state="complete")
    change(project, "DELETE FROM frame WHERE number = 2")
    with pytest.raises(InfrastructureError, match="cut short"):
        read(project)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(84)])
def test_a_file_that_is_no_database_is_told(project: Project, content: bytes) -> None:
    Path(project.path, database.NAME).write_bytes(content)
    with pytest.raises(InfrastructureError):
        Books(project).runs()


def test_books_of_a_newer_version_are_refused(project: Project) -> None:
    write(project, [RECORD])
    change(project, "PRAGMA user_version = 99")
    with pytest.raises(InfrastructureError, match="newer version"):
        Books(project).runs()


def test_a_full_frame_is_written_at_once(project: Project) -> None:
    writer = JournalWriter(project, "run-1", OPENING)
    for number in range(2000):
        writer.add(RECORD._replace(number=number))
    assert 0 < len(read(project)) < 2000
    writer.flush()
    assert len(read(project)) == 2001


def test_an_instance_takes_less_than_a_kilobyte(project: Project) -> None:
    def record(number: int) -> Record:
        uids = tuple((f"1.2.840.{number}.{n}", f"2.25.{os.urandom(16).hex()}") for n in range(4))
        source = f"/data/archive/patient/study/series/IM{number:06d}.dcm"
        return RECORD._replace(number=number, source=source, name=f"a/b/{number}.dcm", uids=uids)

    write(project, [record(number) for number in range(20_000)], state="complete")
    size = sum(path.stat().st_size for path in Path(project.path).glob("books.sqlite*"))
    assert size / 20_000 < 1000


def test_what_was_written_is_found_by_its_original(project: Project) -> None:
    second = RECORD._replace(number=2, source="/in/2", name="b")
    third = RECORD._replace(number=3, source="/in/3", status="quarantined", code="bad-vr", name="")
    write(project, [RECORD, second, third], state="complete")
    books = Books(project)
    found = books.earlier("/out", RECORD.source)
    assert found is not None
    assert found == ("run-1", 1, RECORD.name, 100, 150, 200, 300, "2.25.7")
    assert books.earlier("/out", "/in/3") is None
    assert books.earlier("/elsewhere", RECORD.source) is None
    write(project, [RECORD._replace(number=9, name="c")], run="run-2", state="complete")
    again = books.earlier("/out", RECORD.source)
    assert again is not None
    assert (again.run, again.name) == ("run-2", "c")
    books.set_state("run-2", "undone")
    back = books.earlier("/out", RECORD.source)
    assert back is not None
    assert back.run == "run-1"


def test_a_name_that_was_settled_later_is_the_one_that_counts(project: Project) -> None:
    collided = RECORD._replace(number=2, source="/in/2", status="collision")
    write(project, [RECORD, collided])
    assert Books(project).earlier("/out", "/in/2") is None
    writer = JournalWriter(project, "run-2", OPENING)
    for entry in (RECORD, collided, Renamed(1, "written", "x_2"), Renamed(2, "written", "x")):
        writer.add(entry)
    writer.close("complete")
    names = [Books(project).earlier("/out", source) for source in (RECORD.source, "/in/2")]
    assert [found and found.name for found in names] == ["x_2", "x"]


def test_two_runs_may_write_at_once(project: Project) -> None:
    one, other = (JournalWriter(project, f"run-{n}", OPENING) for n in (1, 2))
    for number in range(20):
        for writer in (one, other):
            writer.add(RECORD._replace(number=number))
            writer.flush()
    one.close("complete")
    other.close("complete")
    assert len(read(project, "run-1")) == len(read(project, "run-2")) == 22


def test_a_project_without_runs_has_no_books(project: Project) -> None:
    assert Books(project).runs() == []
    assert read(project) == []
    assert not database.exists(project.path)


def test_ciphers_and_the_database_are_imported_late(project: Project) -> None:
    program = (
        "import sys; from deident.store.journal import JournalWriter, Opening, Record\n"
        "from deident.store.project import open_project\n"
        "writer = JournalWriter(open_project(sys.argv[1]), 'r', Opening((), '', '', ''))\n"
        "writer.add(Record(1, '/x', 'written'))\n"
        "sys.exit('cryptography' in sys.modules or 'sqlite3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, project.path], check=True)


def test_prepare_loads_what_is_needed() -> None:
    journal.prepare()
    assert "sqlite3" in sys.modules
