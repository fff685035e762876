"""Findings can be located: instance, element, what was found and done; never a value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deident.cli.main import main
from tests.make import PEOPLE, ct, save

ONE = PEOPLE[0]


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two slices; the second names its patient where no rule looks."""
    save(ct(ONE, 1, size=4), tmp_path / "in" / "1.dcm")
    telling = ct(ONE, 2, size=4)
    telling.ConvolutionKernel = f"B {str(telling.PatientName).partition('^')[0]}"
    telling.Manufacturer = str(telling.PatientName)
    save(telling, tmp_path / "in" / "2.dcm")
    return tmp_path / "in"


def test_what_is_left_is_located(study: Path, here: Any) -> None:
    ran = here("run", "in", "-o", "out", "--verify", "report")
    assert ran.code == 4
    (run,) = json.loads(here("project", "info", "out.deident-project", "--json").out)["runs"]
    command = f"deident project findings out.deident-project --run {run['run']}"
    assert f"  see: {command}\n" in ran.out.replace(f"{Path().absolute()}/", "")
    assert "! to review" in ran.out
    listed = here(*command.split()[1:])
    assert listed.code == 0
    (line,) = [line for line in listed.out.splitlines() if "ConvolutionKernel" in line]
    mark, number, grade, kind, done, _, output = line.split()
    assert (mark, number, grade, kind, done) == ("!", "2", "likely", "name", "reported")
    assert (Path("out") / output).is_file()
    for needle in ONE.needles():
        assert needle not in (listed.out + ran.out).encode()


def test_what_was_repaired_is_located_too(study: Path, here: Any) -> None:
    ran = here("run", "in", "-o", "out")
    assert ran.code == 0
    assert "! to review" not in ran.out
    found = json.loads(here("project", "findings", "out.deident-project", "--json").out)
    assert found["schema"] == 1
    by_place = {one["attribute"]: one for one in found["findings"]}
    assert (
        by_place["Manufacturer"].items()
        >= {
            "number": 2,
            "tag": "00080070",
            "code": "identifier",
            "grade": "certain",
            "kind": "name",
            "done": "repaired",
            "review": False,
            "path": "",
        }.items()
    )
    counted = json.loads(next(Path().glob("out.deident-project/runs/*/summary.json")).read_text())
    assert len(found["findings"]) == sum(one["count"] for one in counted["findings"])


def test_originals_are_named_on_demand_only(study: Path, here: Any) -> None:
    here("run", "in", "-o", "out")
    project = "out.deident-project"
    assert "/2.dcm" not in here("project", "findings", project).out
    assert f"{study}/2.dcm" in here("project", "findings", project, "--show-paths").out
    found = json.loads(here("project", "findings", project, "--show-paths", "--json").out)
    assert {one["path"] for one in found["findings"]} == {f"{study}/2.dcm"}


def test_collisions_are_listed_by_their_final_name(study: Path, here: Any) -> None:
    other = ct(ONE, 1, size=4)
    other.Manufacturer = str(other.PatientName)
    save(other, study / "0.dcm")
    here("run", "in", "-o", "out", "-j", "1", "--verify", "report")
    found = json.loads(here("project", "findings", "out.deident-project", "--json").out)["findings"]
    outputs = {one["number"]: Path("out") / one["output"] for one in found}
    assert set(outputs) == {1, 3}
    assert all(path.is_file() for path in outputs.values())
    assert str(other.PatientName).encode() in outputs[1].read_bytes()


def test_runs_can_be_told_apart(study: Path, here: Any) -> None:
    for _ in range(2):
        here("run", "in", "-o", "out")
    project = "out.deident-project"
    text = here("project", "findings", project).out
    runs = [
        one["run"] for one in json.loads(here("project", "info", project, "--json").out)["runs"]
    ]
    assert all(f"run {run}" in text for run in runs)
    one = here("project", "findings", project, "--run", runs[0]).out
    assert runs[0] in one
    assert runs[1] not in one
    wrong = here("project", "findings", project, "--run", "nothing")
    assert wrong.code == 2
    assert wrong.err == (
        f"Error: no run nothing in this project; see deident project info {project} [usage]\n"
    )


def test_nothing_was_found(tmp_path: Path, here: Any) -> None:
    save(ct(ONE, 1, size=4), tmp_path / "in" / "1.dcm")
    assert "see:" not in here("run", "in", "-o", "out").out
    assert here("project", "findings", "out.deident-project").out == "nothing was found\n"


def test_a_dry_run_says_where_its_findings_are(study: Path, here: Any) -> None:
    ran = here("run", "in", "-o", "out", "--dry-run", "--verify", "report")
    assert ran.code == 4
    assert "  see: --json with --dry-run lists every instance\n" in ran.out


def test_a_quiet_run_says_where_to_look(study: Path, here: Any) -> None:
    here("project", "init", "TRIAL")
    ran = here("run", "in", "-o", "out", "-q", "--verify", "report", "--project", "TRIAL")
    assert ran.out == ""
    assert ran.err.startswith("Error: 2 findings to review; see: deident project findings TRIAL")


def test_a_quarantined_identifier_is_located(study: Path, here: Any) -> None:
    ran = here("run", "in", "-o", "out", "--verify", "quarantine")
    assert ran.code == 3
    (entry,) = json.loads(here("project", "quarantine", "out.deident-project", "--json").out)[
        "quarantine"
    ]
    assert entry["code"] == "identifier-left"
    assert entry["detail"] == "Manufacturer: certain name"
