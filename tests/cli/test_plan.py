"""`deident plan`: what a run would change, and what another profile would make of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from tests.leaks.search import found_in
from tests.make import PEOPLE


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm"):
        shutil.copy(str(get_testdata_file(name)), folder / name)
    content = (folder / "CT_small.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(content[: len(content) // 2])
    (folder / "notes.txt").write_text("no DICOM")
    return folder


def planned(here: Any, *words: object) -> dict[str, Any]:
    result = here("plan", *words, "--json")
    assert result.err == ""
    told: dict[str, Any] = json.loads(result.out)
    return told


def test_a_plan_is_what_a_run_does(study: Path, tmp_path: Path, here: Any) -> None:
    told = planned(here, study)
    assert told["files"] == {"written": 2, "bad-length": 1, "not-dicom": 1}
    here("run", study, "-o", tmp_path / "out", "-q")
    changed = {row["attribute"]: row["why"]["outcome"] for row in told["elements"]}
    for path in (tmp_path / "out").rglob("*.dcm"):
        new = dcmread(path)
        for keyword, outcome in changed.items():
            if outcome == "removed" and keyword.isidentifier():
                assert keyword not in new
    assert changed["PatientName"] == "replaced"
    assert changed["InstitutionName"] == "removed"
    assert not (tmp_path / "study.deident-project").exists()


def test_what_another_profile_would_make_otherwise(study: Path, here: Any) -> None:
    told = planned(here, study, "--diff-with", "retain-uids")
    rows = {row["attribute"]: row for row in told["elements"]}
    assert rows["StudyInstanceUID"]["files"] == 2
    assert rows["StudyInstanceUID"]["why"]["outcome"] == "replaced"
    assert rows["StudyInstanceUID"]["other"]["outcome"] == "kept"
    assert "PatientName" not in rows
    assert "StudyDate" not in rows


def test_a_profile_is_the_same_as_itself(study: Path, here: Any) -> None:
    told = planned(here, study, "--diff-profile", "basic")
    assert (told["elements"], told["moved"]) == ([], [])
    text = here("plan", study, "--diff-profile", "basic").out
    assert "no element would come out differently" in text


def test_files_that_one_profile_writes_and_the_other_does_not(
    study: Path, tmp_path: Path, here: Any
) -> None:
    strict = tmp_path / "strict.yaml"
    strict.write_text(
        "format: 1\nname: strict\nextends: basic\nfilters:\n  - {skip: \"Modality == 'CT'\"}\n"
    )
    told = planned(here, study, "--diff-profile", strict)
    assert told["moved"] == [{"outcome": "written", "other": "filtered", "files": 1}]
    text = here("plan", study, "--diff-profile", strict, "--details").out
    assert "written / filtered" in text


def test_no_value_is_shown(tmp_path: Path, here: Any) -> None:
    from tests.make import ct, encoded

    (tmp_path / "1.dcm").write_bytes(encoded(ct(PEOPLE[0])))
    for words in ([], ["--json"], ["--diff-profile", "keep-all-except"]):
        result = here("plan", tmp_path / "1.dcm", *words)
        assert found_in(result.out.encode(), PEOPLE[0]) == set()


def test_exit_codes(study: Path, tmp_path: Path, here: Any) -> None:
    assert here("plan", study).code == 3
    assert here("plan", study / "CT_small.dcm").code == 0
    assert here("plan", study / "notes.txt").code == 5
    assert here("plan", tmp_path / "nothing").code == 2
    assert here("plan", study, "--diff-profile", "nothing").code == 2
