"""`deident report`: files that a person can hand over, and what they must never hold."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from deident.app.sample.search import count_identifiers
from deident.app.sample.study import SampleStudy, write_study
from deident.store import project as projects
from deident.store.journal import JournalWriter, Opening, Record
from tests.make import PEOPLE, ct, save

MADE = {"instances.csv", "report.html", "report.json", "summary.json"}
EVERYTHING = (
    "retain-uids", "retain-safe-private", "retain-device-identity", "retain-institution-identity",
    "retain-patient-characteristics", "retain-full-dates",
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SampleStudy:
    return write_study(tmp_path_factory.mktemp("report") / "study")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three slices, one of them twice, and a file that is empty."""
    for number in (1, 2, 3):
        save(ct(PEOPLE[0], number), tmp_path / "in" / f"{number}.dcm")
    (tmp_path / "in" / "4.dcm").write_bytes((tmp_path / "in" / "3.dcm").read_bytes())
    (tmp_path / "in" / "5.dcm").touch()
    return tmp_path / "in"


def project_of(tmp_path: Path) -> Path:
    return tmp_path / "out.deident-project"


def folder_of(project: Path) -> Path:
    """The folder of the last run."""
    return sorted((project / "runs").iterdir())[-1]


def rows_of(project: Path, name: str = "instances.csv") -> list[dict[str, str]]:
    with (folder_of(project) / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def told(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder_of(project) / "report.json").read_text())
    return found


class Page(HTMLParser):
    """What is in an HTML file, asserting that it is well formed and needs nobody."""

    VOID = frozenset({"meta", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        assert not {"src", "style", "srcset", "action"} & values.keys()
        assert not [name for name in values if name.startswith("on")]
        self.ids |= {values["id"]} if values.get("id") else set()
        self.links |= {values["href"]} if values.get("href") else set()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(project: Path) -> Page:
    """The HTML report, which loads nothing and runs nothing."""
    text = (folder_of(project) / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert page.links <= {f"#{name}" for name in page.ids}
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    return page


# -- what a run leaves ----------------------------------------------------------------------------


def test_a_run_makes_its_report(small: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", small, "-o", tmp_path / "out")
    project = project_of(tmp_path)
    assert f"report: {folder_of(project)}/report.html" in result.out
    assert {path.name for path in folder_of(project).iterdir()} == MADE
    assert {path.stat().st_mode & 0o777 for path in folder_of(project).iterdir()} == {0o600}
    report = told(project)
    assert (report["found"], report["written"]) == (5, 3)
    assert report["skipped"] == {"duplicate": 1}
    assert report["quarantined"] == {"empty-file": 1}
    assert report["reasons"]["empty-file"]["advice"]
    assert (report["patients"], report["studies"], report["series"]) == (1, 1, 1)
    assert report["modalities"] == {"CT": 3}
    assert report["sop_classes"] == {"CT Image Storage": 3}
    assert report["key"] == projects.open_project(str(project)).fingerprint
    assert report["profile"]["rules"].startswith("format: 1\nname: basic\n")
    page = page_of(project)
    for text in (
        "5 files found: 3 de-identified and written, 1 left out, 1 quarantined, which",
        "Pixels and text burned into them", "the file has no bytes", "CT Image Storage",
        report["profile"]["hash"], "base: ps3.15", "113100", "Modelworks", "Faces",
    ):  # fmt: skip
        assert text in page.text
    assert "svg" in page.tags


def test_instances_have_a_line_each(small: Path, tmp_path: Path, here: Any) -> None:
    here("run", small, "-o", tmp_path / "out", "-q")
    rows = {int(row["number"]): row for row in rows_of(project_of(tmp_path))}
    assert [rows[n]["status"] for n in range(1, 6)] == [
        "written", "written", "written", "skipped", "quarantined",
    ]  # fmt: skip
    for number in (1, 2, 3):
        row = rows[number]
        output = tmp_path / "out" / row["output"]
        assert output.stat().st_size == int(row["size"])
        assert output.name == f"{row['sop_instance_uid']}.dcm"
        assert row["study_uid"] in output.parts
        assert row["series_uid"] in output.parts
        assert (row["modality"], row["sop_class"]) == ("CT", "CT Image Storage")
    assert rows[4]["code"] == "duplicate"
    assert rows[5]["code"] == "empty-file"
    assert not rows[5]["output"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("basic", ()),
        ("modified dates", ("--with", "retain-modified-dates", "--with", "retain-safe-private")),
        ("reported", ("--verify", "report")),
        ("everything", tuple(word for option in EVERYTHING for word in ("--with", option))),
        ("a header editor", ("--profile", "keep-all-except")),
        ("names kept", ("--layout", "mirror", "--keep-names")),
    ],
)
def test_no_identifier_is_in_any_file_of_it(
    name: str, options: tuple[str, ...], study: SampleStudy, tmp_path: Path, here: Any
) -> None:
    """Also where outputs hold identifiers, because somebody asked for it."""
    here("run", study.folder, "-o", tmp_path / "out", "-q", *options)
    project = project_of(tmp_path)
    here("report", project, "--manifest")
    assert count_identifiers(study.folder, study.people)
    found = count_identifiers(project / "runs", study.people)
    if name in ("everything", "a header editor"):  # the outputs' UIDs are those of the originals
        assert found.pop("uid")
    assert not found
    text = page_of(project).text
    assert ("This is no de-identification" in text) == (name == "a header editor")
    if name == "everything":
        assert "Not shown" in text
        assert "Institution Name" in text
        assert "Original UIDs" in text


def test_names_of_originals_are_left_out(small: Path, tmp_path: Path, here: Any) -> None:
    here("run", small, "-o", tmp_path / "out", "-q", "--layout", "mirror", "--keep-names")
    project = project_of(tmp_path)
    here("report", project, "--manifest")
    assert {row["output"] for row in rows_of(project)} == {""}
    assert {row["output"] for row in rows_of(project, "manifest.csv")} == {""}
    assert here("report", project, "--check").code == 0


def test_hostile_texts_are_shown_as_text(tmp_path: Path, here: Any) -> None:
    made = ct(PEOPLE[0], 1)
    made.Manufacturer = "<script>alert('1')</script> &amp;"
    made.Modality = '=CMD|"x"'
    save(made, tmp_path / "in" / "1.dcm")
    here("run", tmp_path / "in", "-o", tmp_path / "out", "-q")
    page = page_of(project_of(tmp_path))
    assert "<script>alert('1')</script> &amp;" in page.text
    (row,) = rows_of(project_of(tmp_path))
    assert row["modality"] in ("other", "not known", "")


def test_findings_are_placed_and_marked(tmp_path: Path, here: Any) -> None:
    made = ct(PEOPLE[0], 1)
    made.Manufacturer = "Hartwhistle Rosamund"
    save(made, tmp_path / "in" / "1.dcm")
    here("run", tmp_path / "in", "-o", tmp_path / "out", "-q", "--verify", "report")
    project = project_of(tmp_path)
    report = told(project)
    assert report["to_review"] >= 1
    assert [one for one in report["findings_listed"] if one["attribute"] == "Manufacturer"]
    (row,) = rows_of(project)
    assert "name reported Manufacturer" in row["findings"]
    assert int(row["to_review"]) == report["to_review"]
    assert "Hartwhistle" not in (folder_of(project) / "report.html").read_text()
    hidden = [one for one in report["texts"] if one["mark"] == "hidden"]
    assert [one["attribute"] for one in hidden if one["tag"] == "00080070"] == ["Manufacturer"]


def test_names_that_collide_are_told_as_they_ended(small: Path, tmp_path: Path, here: Any) -> None:
    here("run", small, "-o", tmp_path / "out", "-q", "--name-template", "{Modality}.dcm")
    project = project_of(tmp_path)
    rows = rows_of(project)
    names = sorted(row["output"] for row in rows if row["status"] == "written")
    assert names == ["CT.dcm", "CT_2.dcm", "CT_3.dcm"]
    assert [row["code"] for row in rows if row["status"] == "skipped"] == ["duplicate"]
    here("report", project, "--manifest")
    assert here("report", project, "--check").code == 0


# -- the command ----------------------------------------------------------------------------------


def test_without_a_report_one_can_be_made_later(small: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", small, "-o", tmp_path / "out", "--no-report")
    project = project_of(tmp_path)
    assert "report:" not in result.out
    assert {path.name for path in folder_of(project).iterdir()} == {"summary.json"}
    result = here("report", project)
    run = folder_of(project).name
    assert (result.code, result.err) == (0, "")
    assert result.out == f"report of run {run}: {folder_of(project)}/report.html\n"
    first = told(project)
    again = here("report", project, run, "--json")
    assert {**json.loads(again.out), "made": ""} == {**first, "made": ""}


def test_a_dry_run_makes_none(small: Path, tmp_path: Path, here: Any) -> None:
    assert "report" not in here("run", small, "-o", tmp_path / "out", "-n").out
    assert not project_of(tmp_path).exists()


def test_json_of_a_run_stays_one_object(small: Path, tmp_path: Path, here: Any) -> None:
    result = here("run", small, "-o", tmp_path / "out", "--json")
    assert json.loads(result.out)["written"] == 3
    assert (folder_of(project_of(tmp_path)) / "report.html").exists()


def test_each_run_has_its_own(small: Path, tmp_path: Path, here: Any) -> None:
    here("run", small, "-o", tmp_path / "out", "-q")
    here("run", small, "-o", tmp_path / "out", "-q", "--resume")
    project = project_of(tmp_path)
    listed = json.loads(here("runs", "list", project, "--json").out)["runs"]
    first, second = (project / "runs" / run["name"] for run in listed)
    report = json.loads((second / "report.json").read_text())
    assert (report["continues"], report["skipped"]["resumed"]) == (first.name, 3)
    here("runs", "undo", project, first.name)
    assert here("report", project, first.name).code == 0
    assert "undone" in (first / "report.html").read_text()
    assert second.name in here("report", project).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yesterday",), "no run yesterday in this project"),
        (("--check",), "this run has no manifest"),
        (("--check", "--manifest"), "--check goes without --manifest and --json"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...], message: str, small: Path, tmp_path: Path, here: Any
) -> None:
    here("run", small, "-o", tmp_path / "out", "-q")
    result = here("report", project_of(tmp_path), *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_project_without_runs(tmp_path: Path, here: Any) -> None:
    here("project", "init", tmp_path / "p")
    result = here("report", tmp_path / "p")
    assert (result.code, "has no run" in result.err) == (2, True)
    assert here("report", tmp_path / "nothing").code == 2


def test_a_report_that_cannot_be_written_is_told(small: Path, tmp_path: Path, here: Any) -> None:
    here("run", small, "-o", tmp_path / "out", "-q", "--no-report")
    project = project_of(tmp_path)
    (folder_of(project) / "report.html").mkdir()
    result = here("report", project)
    assert (result.code, "[write-failed]" in result.err) == (1, True)
    assert not list(folder_of(project).glob("*.tmp"))
    (folder_of(project) / "report.html").rmdir()
    summary = folder_of(project) / "summary.json"
    content = summary.read_text()
    summary.write_text("{")
    result = here("report", project)
    assert (result.code, "[journal-damaged]" in result.err) == (1, True)
    summary.write_text(content)
    assert here("report", project).code == 0


def test_a_run_that_was_killed_says_so(tmp_path: Path, here: Any) -> None:
    project = projects.init(str(tmp_path / "p"))
    opening = Opening(("/in",), "/out", "hash", "2026-01-01T00:00:00Z")
    writer = JournalWriter(project, "r", opening)
    writer.add(Record(1, "/in/1", "written", name="x.dcm", size=10, modality="MR"))
    writer.flush()
    assert here("report", tmp_path / "p").code == 0
    text = page_of(tmp_path / "p").text
    assert "The run has not come to its end." in text
    assert "1 file found" in text
    assert told(tmp_path / "p")["ended"] is False


# -- the manifest ---------------------------------------------------------------------------------


@pytest.fixture
def manifested(small: Path, tmp_path: Path, here: Any) -> Path:
    """A project whose run has a manifest."""
    here("run", small, "-o", tmp_path / "out", "-q")
    result = here("report", project_of(tmp_path), "--manifest")
    assert result.code == 0
    assert re.search(r"manifest: 3 outputs, .*, last hash [0-9a-f]{64}$", result.out, re.M)
    return project_of(tmp_path)


def test_a_manifest_lists_every_output(manifested: Path, tmp_path: Path, here: Any) -> None:
    import hashlib

    *rows, seal = rows_of(manifested, "manifest.csv")
    assert {row["output"] for row in rows} == {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.dcm")
    }
    for row in rows:
        content = (tmp_path / "out" / row["output"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert seal["number"] == "seal"
    assert told(manifested)["manifest"]["chain"] == seal["chain"]
    assert seal["chain"] in page_of(manifested).text
    result = here("report", manifested, "--check")
    assert (result.code, "3 of 3 outputs are as the manifest says" in result.out) == (0, True)
    # a later report knows it
    here("report", manifested)
    assert told(manifested)["manifest"]["outputs"] == 3


def test_changed_and_missing_outputs_are_found(manifested: Path, tmp_path: Path, here: Any) -> None:
    one, other, _ = sorted((tmp_path / "out").rglob("*.dcm"))
    content = bytearray(one.read_bytes())
    content[-1] ^= 1
    one.write_bytes(content)
    other.unlink()
    result = here("report", manifested, "--check")
    assert result.code == 4
    assert "1 of 3 outputs are as the manifest says, 1 changed, 1 missing" in result.out
    result = here("report", manifested, "--manifest")
    assert (result.code, "2 outputs are gone or were changed" in result.err) == (4, True)
    assert len(rows_of(manifested, "manifest.csv")) == 2


def _swap(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _reseal(lines: list[str]) -> list[str]:
    """Somebody without the key drops a line and computes the rest of the chain anew."""
    import hashlib

    columns = [line.rpartition(",")[0] for line in lines]
    chain = lines[1].rpartition(",")[2]
    made = lines[:2]
    for text in (columns[2], columns[4]):
        chain = hashlib.sha256(f"{chain}\n{text}".encode()).hexdigest()
        made.append(f"{text},{chain}")
    return made


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("a", "b"), *lines[3:]], 3),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: lines[:-1], 5),
        (lambda lines: [*lines, lines[1]], 6),
        (lambda lines: lines[:1], 2),
        (_swap, 2),
        (_reseal, 4),
        (lambda lines: [*lines[:2], "x", *lines[2:]], 3),
    ],
)
def test_a_manifest_that_was_changed_is_found(
    change: Any, line: int, manifested: Path, here: Any
) -> None:
    path = folder_of(manifested) / "manifest.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")
    result = here("report", manifested, "--check")
    assert result.code == 4
    assert f"line {line} does not follow from the rest" in result.out
