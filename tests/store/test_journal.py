"""The journal: sealed, append-only, readable after a crash, not after tampering."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.errors import InfrastructureError
from deident.store import journal
from deident.store.journal import Closing, Entry, JournalWriter, Opening, Record, Renamed

KEY = bytes(range(32))
OPENING = Opening(("/in",), "/out", "hash", "2026-01-01T00:00:00Z")
RECORD = Record(
    1,
    "/in/Müller\udcff\n.dcm",
    "written",
    name="a/b.dcm",
    patient=("Müller", "DEID-1"),
    uids=(("1.2", "2.25.1"), ("1.3", "2.25.2")),
    findings=(("identifier", "weak", "name", (1, 2), 3, "reported"),),
)


def write(path: Path, entries: list[Entry], *, frames: bool = False, state: str = "") -> None:
    writer = JournalWriter(str(path), KEY, "run-1")
    for entry in entries:
        writer.add(entry)
        if frames:
            writer.flush()
    if state:
        writer.close(state)
    else:
        writer.flush()


def read(path: Path, key: bytes = KEY) -> list[Entry]:
    return list(journal.read(str(path), key))


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    entries: list[Entry] = [OPENING, RECORD, Renamed(1, "written", "a/b_2.dcm")]
    write(tmp_path / "j", entries, state="complete")
    assert read(tmp_path / "j") == [*entries, Closing("complete")]


def test_nothing_in_it_can_be_read_without_the_key(tmp_path: Path) -> None:
    write(tmp_path / "j", [OPENING, *[RECORD] * 50], frames=True, state="complete")
    content = (tmp_path / "j").read_bytes()
    for text in ("Müller", "1.2", "2.25.1", "/in", "written", "DEID"):
        assert text.encode() not in content.partition(b"\n")[2]
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InfrastructureError) as caught:
        read(tmp_path / "j", bytes(32))
    assert caught.value.code == "journal-damaged"


@given(st.data())
def test_a_torn_end_costs_the_last_frame_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    entries: list[Entry] = [OPENING, *[RECORD._replace(number=number) for number in range(1, 6)]]
    write(path, entries, frames=True, state="complete")
    content = path.read_bytes()
    start = content.index(b"\n") + 1
    path.write_bytes(content[: data.draw(st.integers(start, len(content)))])
    survived = read(path)
    assert survived == [*entries, Closing("complete")][: len(survived)]


@given(st.data())
def test_changed_bytes_are_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    entries: list[Entry] = [OPENING, RECORD, RECORD]
    write(path, entries, frames=True)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        survived = read(path)
    except InfrastructureError:
        return
    assert survived == entries[: len(survived)]  # a changed length looks like a torn end
    assert len(survived) < len(entries)


def test_frames_cannot_be_left_out_or_exchanged(tmp_path: Path) -> None:
    write(tmp_path / "j", [OPENING, RECORD, RECORD._replace(number=2)], frames=True)
    head, _, rest = (tmp_path / "j").read_bytes().partition(b"\n")
    frames = []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "big")
        frames.append(rest[:end])
        rest = rest[end:]
    for order in ([0, 2], [1, 0, 2], [0, 1, 1]):
        body = b"".join(frames[index] for index in order)
        (tmp_path / "j").write_bytes(head + b"\n" + body)
        with pytest.raises(InfrastructureError):
            read(tmp_path / "j")


def test_a_full_frame_is_written_at_once(tmp_path: Path) -> None:
    writer = JournalWriter(str(tmp_path / "j"), KEY, "run-1")
    size = (tmp_path / "j").stat().st_size
    for number in range(2000):
        writer.add(RECORD._replace(number=number))
    assert (tmp_path / "j").stat().st_size > size
    writer.flush()
    assert len(read(tmp_path / "j")) == 2000


def test_ciphers_are_imported_late() -> None:
    program = (
        "import sys; from deident.store.journal import JournalWriter, Record\n"
        "JournalWriter(sys.argv[1], bytes(32), 'r').add(Record(1, '/x', 'written'))\n"
        "sys.exit('cryptography' in sys.modules)"
    )
    target = Path(os.environ["HOME"]) / "j"
    assert subprocess.run([sys.executable, "-c", program, str(target)], check=True).returncode == 0
