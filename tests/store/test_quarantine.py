"""Quarantine entries: one for each instance, with reason and advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from deident.errors import REASONS, InfrastructureError
from deident.store import quarantine
from deident.store.quarantine import QuarantineWriter


def test_entries_are_read_back_by_number(tmp_path: Path) -> None:
    writer = QuarantineWriter(str(tmp_path / "q" / "run"))
    assert not (tmp_path / "q").exists()
    for number, code in ((12, "bad-vr"), (3, "timeout"), (100000000, "unreadable")):
        writer.add(number, code, "at byte 7")
    entries = list(quarantine.entries(str(tmp_path / "q" / "run")))
    assert [entry.number for entry in entries] == [3, 12, 100000000]
    assert entries[0].reason == REASONS["timeout"].text
    assert entries[0].advice == REASONS["timeout"].advice
    assert entries[0].detail == "at byte 7"


def test_a_quarantine_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "q").touch()
    with pytest.raises(InfrastructureError):
        QuarantineWriter(str(tmp_path / "q" / "run")).add(1, "bad-vr", "")
