"""The byte search finds what is planted, in contents and in names."""

from __future__ import annotations

from pathlib import Path

import pytest

from deident.app.sample.people import PEOPLE
from deident.app.sample.search import count_identifiers
from tests import make


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.script)
def test_every_kind_is_found(person: make.Person, tmp_path: Path) -> None:
    make.save(make.ct(person), tmp_path / "a" / "b.dcm")
    found = count_identifiers(tmp_path, PEOPLE)
    assert found == dict.fromkeys({kind for kind, _ in person.identifiers()}, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_other_encodings_are_searched(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x01" + "шум Соколовская".encode(encoding))
    assert count_identifiers(tmp_path, PEOPLE) == {"name": 1}


def test_file_names_are_searched(tmp_path: Path) -> None:
    (tmp_path / f"{PEOPLE[0].patient_id}.txt").touch()
    (tmp_path / "hartwhistle").mkdir()
    (tmp_path / "hartwhistle" / "empty").touch()
    assert count_identifiers(tmp_path, PEOPLE) == {"patient-id": 1, "name": 1}


def test_nothing_is_found_in_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(1000))
    assert not count_identifiers(tmp_path, PEOPLE)
