"""`deident profile`: what it prints, and with which exit code it ends."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from deident.cli.main import main
from deident.engine.actions import CATALOG
from deident.profiles.model import AVAILABLE_OPTIONS

GOOD = """\
format: 1
name: trial
extends: basic
description: "For a trial.\\x1b[31m"
options: [retain-uids]
rules:
  - PatientComments: remove
  - select: StudyID
    action: prefix
    text: X
    when: Modality == "CT"
filters:
  - skip: Modality == "SR"
"""


class Result(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> Result:
        code = main(["profile", *arguments])
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return str(path)


def one_error(result, message: str, code: int = 2):
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_list_names_profiles_and_options(run):
    result = run("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[1].startswith("basic ")
    assert lines[2].startswith("keep-all-except ")
    assert "UNSAFE" in lines[2]
    for name, code in AVAILABLE_OPTIONS.items():
        assert any(line.startswith(name) and code in line for line in lines)


def test_list_as_json(run):
    data = json.loads(run("list", "--json").stdout)
    assert data["schema"] == 1
    assert [profile["name"] for profile in data["profiles"]] == ["basic", "keep-all-except"]
    assert {option["name"]: option["code"] for option in data["options"]} == AVAILABLE_OPTIONS


def test_show_a_file(run, good):
    result = run("show", good, "--with", "retain-full-dates")
    assert result.exit_code == 0
    assert "options         retain-full-dates, retain-uids" in result.stdout
    assert 'StudyID          prefix {text: X} when Modality == "CT"  good.yaml:8' in result.stdout
    assert 'skip  Modality == "SR"  good.yaml:13' in result.stdout
    assert "\x1b" not in result.stdout


def test_show_as_json(run, good):
    data = json.loads(run("show", good, "--json").stdout)
    assert data["profile"]["name"] == "trial"
    assert data["profile"]["rules"][1]["params"] == {"text": "X"}
    assert len(data["hash"]) == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing"], "no profile 'nothing'; there are basic, keep-all-except"),
        (["show", "nothing.yaml"], "nothing.yaml: no such file or directory"),
        (["show", "."], ".: not a file"),
        (["show", "basic", "--with", "retain-uid"], "did you mean retain-uids?"),
        (["show", "basic", "--with", "clean-graphics"], "not available yet"),
        (["show", "basic", "--with", "retain-full-dates", "--with", "retain-modified-dates"],
         "exclude each other"),
        (["diff", "basic", "nothing.yaml"], "nothing.yaml: no such file"),
        (["actions", "delete"], "no action 'delete'"),
        (["explain", "PatientNam"], "did you mean PatientName?"),
        (["explain", "vr:PN"], "'vr:PN' is not one attribute"),
        (["explain", "PatientName", "nothing.dcm"], "nothing.dcm: no such file"),
        (["explain", "PatientName", "--profile", "nothing"], "no profile 'nothing'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_2(run, arguments, message):
    one_error(run(*arguments), message)


def test_a_wrong_profile_is_named_with_line_and_column(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("format: 1\nname: x\nrules:\n  - PatientNam: remove\n")
    one_error(run("show", str(path)), f"{path}:4:5: no attribute has the keyword 'PatientNam'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show"], "Missing argument 'NAME|FILE'"),
        (["diff", "basic"], "Missing argument 'B'"),
        (["nothing"], "No such command 'nothing'"),
        (["show", "--x"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_exits_2(run, arguments, message):
    one_error(run(*arguments), message)


def test_lint_a_good_profile_says_nothing(run, good):
    result = run("lint", "basic")
    assert (result.exit_code, result.stdout) == (0, "")


def test_lint_warnings_exit_4(run, good):
    result = run("lint", good)
    assert result.exit_code == 4
    assert result.stdout.count("\n") == 1
    assert result.stdout.startswith(f"{good}:8:13: warning: keeps the value of StudyID; ")
    assert result.stdout.rstrip().endswith("[keeps-protected]")
    data = json.loads(run("lint", good, "--json").stdout)
    assert [(f["line"], f["severity"]) for f in data["findings"]] == [(8, "warning")]


def test_lint_errors_exit_2(run, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("format: 1\nname: x\nrulez: 1\nbase: y\n")
    result = run("lint", str(path))
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        f"{path}:3:1: error: unknown key 'rulez'; did you mean rules? [profile-invalid]",
        f"{path}:4:7: error: base: must be 'ps3.15' or 'keep' [profile-invalid]",
    ]
    missing = run("lint", str(tmp_path / "none.yaml"))
    assert missing.exit_code == 2
    assert "no such file" in missing.stdout


def test_diff(run, good):
    assert run("diff", "basic", "basic").stdout == "Both do the same.\n"
    lines = run("diff", "basic", good).stdout.splitlines()
    assert any(line.split() == ["options", "none", "->", "retain-uids"] for line in lines)
    assert any(line.startswith("(0008,0014) InstanceCreatorUID") for line in lines)
    assert "+ PatientComments: remove (good.yaml:7)" in lines
    data = json.loads(run("diff", "basic", good, "--json").stdout)
    assert [rule["action"] for rule in data["added"]] == ["remove", "prefix"]
    assert data["removed"] == []
    assert {"what": "00080018", "before": "U", "after": "K"} in data["codes"]


def test_diff_groups_what_changes_alike(run):
    lines = run("diff", "basic", "keep-all-except").stdout.splitlines()
    assert len(lines) < 80
    assert any(line.startswith("… and ") for line in lines)


def test_actions_are_those_of_the_registry(run):
    result = run("actions")
    assert result.exit_code == 0
    for action in CATALOG.values():
        assert f"{action.doc}\n" in result.stdout
        for param in action.params:
            assert f"{param.name}: " in result.stdout
    data = json.loads(run("actions", "--json").stdout)
    assert {action["name"] for action in data["actions"]} == CATALOG.keys()


def test_one_action(run):
    result = run("actions", "shift-date")
    assert "default (0008,0020)" in result.stdout
    assert "remove" not in result.stdout.split()


def test_schema_is_the_published_one(run):
    from deident.profiles.schema import json_schema

    assert json.loads(run("schema").stdout) == json.loads(json.dumps(json_schema(CATALOG)))


CT = get_testdata_file("CT_small.dcm")


def test_explain_an_attribute(run):
    assert run(
        "explain", "StationName", "--with", "retain-device-identity"
    ).stdout.splitlines() == [
        "(0008,1010) StationName, VR SH",
        "PS3.15: Table E.1-1 says X/Z/D (remove or empty or dummy)",
        "  with retain-device-identity (on): K (keep)",
        "profile basic: Table E.1-1 (0008,1010), retain-device-identity: keep (K)",
    ]
    assert "Type 1: D, Type 2: Z, Type 3: X" in run("explain", "StationName").stdout
    private = run("explain", '(0019,"SIEMENS MR HEADER",0C)').stdout
    assert private.startswith('(0019,"SIEMENS MR HEADER",0C), VR IS\n')


def test_explain_in_a_file_shows_no_value_unless_asked(run):
    name = str(dcmread(CT).PatientName)
    result = run("explain", "PatientName", CT)
    assert result.exit_code == 0
    assert "in the file, CT Image Storage:" in result.stdout
    assert "PatientName, PN, Type 2: replaced by Table E.1-1 (0010,0010)" in result.stdout
    assert name not in result.stdout
    assert name not in run("explain", "PatientName", CT, "--json").stdout
    assert name in run("explain", "PatientName", CT, "--values").stdout
    data = json.loads(run("explain", "PatientName", CT, "--values", "--json").stdout)
    assert data["occurrences"][0]["before"] == name


def test_explain_with_conditions(run, good):
    result = run("explain", "StudyID", CT, "--profile", good)
    assert '    good.yaml:8: prefix when Modality == "CT": holds' in result.stdout
    absent = run("explain", "PatientMotherBirthName", CT)
    assert "the attribute is not there" in absent.stdout


def test_explain_an_instance_that_fails(run, tmp_path):
    path = tmp_path / "strict.yaml"
    path.write_text("format: 1\nname: x\nrules:\n  - Modality: quarantine\n")
    result = run("explain", "Modality", CT, "--profile", str(path))
    assert result.exit_code == 0
    assert "the instance would not be written: " in result.stdout
    assert "[rule]" in result.stdout


def test_explain_what_is_no_dicom_file(run, good):
    one_error(run("explain", "PatientName", good), "not a DICOM file [not-dicom]", code=3)
