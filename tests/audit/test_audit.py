"""The second look at outputs: it sees every planted leak, and nothing in clean outputs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from deident import tables
from deident.app.audit import rules
from deident.app.audit.checking import AuditSummary, Observer, Report, audit
from deident.app.audit.findings import CHECKS, GRADES, Finding
from deident.app.audit.needles import NO_NEEDLES, Needles
from deident.app.audit.originals import gather
from deident.app.audit.patterns import search
from deident.endpoints import sources
from tests.audit.planted import AGAINST, CT, LEAKS, Leak, make_directory
from tests.make import BUILDERS, PEOPLE, ct, report, save
from tests.program import here, outputs

OPTIONS = (
    "",
    "retain-uids",
    "retain-safe-private",
    "retain-device-identity",
    "retain-institution-identity",
    "retain-patient-characteristics",
    "retain-full-dates",
    "retain-modified-dates",
)


class Listener(Observer):
    """Keeps every finding, and the names that may be shown."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.reports: list[Report] = []

    def report(self, report: Report) -> None:
        self.findings += report.findings
        self.reports.append(report)


def looked(place: Path, needles: Needles = NO_NEEDLES) -> tuple[AuditSummary, Listener]:
    listener = Listener()
    found = sources.scan(sources.resolve_inputs([str(place)]))
    return audit(found, needles=needles, values=True, observer=listener), listener


def grave(place: Path, needles: Needles = NO_NEEDLES) -> list[Finding]:
    """Everything that is worth a person's time."""
    return [finding for finding in looked(place, needles)[1].findings if finding.grade != "weak"]


def gathered(place: Path) -> Needles:
    needles = Needles()
    gather(sources.scan(sources.resolve_inputs([str(place)])), needles, AuditSummary(), Observer())
    return needles


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("originals")
    save(ct(PEOPLE[0], 1), place / "a" / "1.dcm")
    save(ct(PEOPLE[1], 1), place / "b" / "2.dcm")
    save(report(PEOPLE[0]), place / "a" / "3.dcm")
    save(ct(PEOPLE[9], 1), place / "b" / "4.dcm")
    return place


@pytest.fixture(scope="module")
def cleaned(originals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ct.dcm` and `sr.dcm` of one patient as a run writes them, and a DICOMDIR."""
    place = tmp_path_factory.mktemp("cleaned")
    template = "{Modality}{InstanceNumber}-{PatientID}.dcm"
    done = here("run", originals / "a", "-o", place / "run", "--name-template", template)
    assert done.code == 0, done.err
    (place / "out").mkdir()
    for path in (place / "run").iterdir():
        shutil.copy(path, place / "out" / f"{path.name[:2].lower()}.dcm")
    make_directory(place / "out")
    return place / "out"


@pytest.fixture(scope="session")
def needles_of_samples(samples: Path) -> Needles:
    return gathered(samples)


@pytest.fixture
def copy(cleaned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cleaned, tmp_path / "out"))


def test_nothing_is_found_before_anything_is_planted(cleaned: Path, originals: Path) -> None:
    assert sorted(outputs(cleaned)) == ["DICOMDIR", CT, "sr.dcm"]
    assert grave(cleaned) == []
    assert grave(cleaned, gathered(originals)) == []


def test_reading_and_writing_by_pydicom_plants_nothing(copy: Path) -> None:
    """What leaks do to a file besides what they plant is not what is found."""
    for name in (CT, "sr.dcm", "DICOMDIR"):
        dcmread(copy / name).save_as(copy / name)
    assert grave(copy) == []


def test_there_are_forty_leaks_and_more() -> None:
    assert len(LEAKS) >= 40
    assert len({leak.name for leak in LEAKS}) == len(LEAKS)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_a_planted_leak_is_found(leak: Leak, copy: Path) -> None:
    leak.plant(copy)
    found = grave(copy)
    assert [one for one in found if one.code == leak.code and one.where.startswith(leak.where)], (
        found
    )


@pytest.mark.parametrize("leak", AGAINST, ids=lambda leak: leak.name)
def test_an_identifier_of_an_original_is_found(leak: Leak, copy: Path, originals: Path) -> None:
    leak.plant(copy)
    found = grave(copy, gathered(originals))
    assert [one for one in found if one.code == leak.code and one.where.startswith(leak.where)], (
        found
    )


@pytest.mark.parametrize("option", OPTIONS)
def test_clean_outputs_of_every_kind_are_silent(option: str, tmp_path: Path) -> None:
    for number, (name, build) in enumerate(BUILDERS.items()):
        save(build(PEOPLE[number % len(PEOPLE)]), tmp_path / "in" / f"{name}.dcm")
    wanted = ("--with", option) if option else ()
    assert here("run", tmp_path / "in", "-o", tmp_path / "out", *wanted).code == 0
    needles = gathered(tmp_path / "in")
    assert grave(tmp_path / "out", needles) == []


@pytest.mark.samples
@pytest.mark.parametrize("option", OPTIONS)
def test_clean_outputs_of_the_samples_are_silent(
    option: str, samples: Path, needles_of_samples: Needles, tmp_path: Path
) -> None:
    wanted = ("--with", option) if option else ()
    done = here("run", samples, "-o", tmp_path / "out", "-q", *wanted)
    assert done.code in (0, 3)
    summary, listener = looked(tmp_path / "out")
    assert summary.instances > 200
    assert [one for one in listener.findings if one.grade != "weak"] == []
    against = grave(tmp_path / "out", needles_of_samples)
    # an invented UID of the collection is an invented Patient ID too, so its file name has it
    assert [one for one in against if option != "retain-uids" or one.where != "file name"] == []


@pytest.mark.parametrize("people", range(len(PEOPLE)))
def test_originals_of_every_script_are_full_of_findings(people: int, tmp_path: Path) -> None:
    save(ct(PEOPLE[people], 1), tmp_path / "in" / "1.dcm")
    codes = {finding.code for finding in grave(tmp_path / "in", gathered(tmp_path / "in"))}
    assert codes >= {
        "not-marked", "pseudonym", "patient", "person", "number", "date", "uid", "private",
        "original-name", "original-person", "original-patient-id", "original-uid",
        "original-birth-date", "original-institution", "original-contact",
    }  # fmt: skip


def test_a_file_name_that_identifies_is_not_shown_unless_values_are(copy: Path) -> None:
    (copy / CT).rename(copy / "Hartwhistle^Rosamund.dcm")
    for values, shown in ((False, ""), (True, "Hartwhistle^Rosamund.dcm")):
        listener = Listener()
        found = sources.scan(sources.resolve_inputs([str(copy)]))
        audit(found, values=values, observer=listener)
        [named] = [one for one in listener.reports if one.findings[0].code == "file-name"]
        assert named.path == shown
        assert (named.findings[0].value != "") is values


def test_the_table_names_attributes_and_checks_that_there_are() -> None:
    assert all(rule.kind in CHECKS for rule in rules.rules().values())
    options = set(tables.methods()) - {"basic"}
    assert all(rule.options <= options for rule in rules.rules().values())
    for name in ("structural_uids", "device_uids", "product", "meta_left"):
        assert rules.tags_of(name)
    assert {f"original-{kind}" for kind in rules.harvested().values()} <= CHECKS.keys()


def test_no_attribute_that_the_standard_keeps_is_asked_to_go() -> None:
    """PS3.15 Table E.1-1 must not keep by an option what the own table forbids under it."""
    kept = {
        (row.value, option)
        for row in tables.annex_e()
        for option, code in row.options.items()
        if code == "K"
    }
    wrong = [
        (f"{tag:08X}", option)
        for tag, rule in rules.rules().items()
        for option in set(tables.methods()) - rule.options
        if (tag, option) in kept
    ]
    assert wrong == []


def test_every_finding_has_a_known_code_and_grade(originals: Path) -> None:
    _, listener = looked(originals, gathered(originals))
    assert {finding.code for finding in listener.findings} <= CHECKS.keys()
    assert {finding.grade for finding in listener.findings} <= set(GRADES)


HOSTILE = [
    "a" * 60_000,
    "A" * 60_000,
    "Aa" * 30_000,
    "ab " * 20_000,
    "a." * 30_000,
    "ab.cd-" * 10_000,
    "1." * 30_000,
    "12-" * 20_000,
    "\\a" * 30_000,
    "a^" * 30_000,
    "0123456789" * 6_000,
    "1.2.840.1 " * 6_000,
    "MRN " * 14_000,
    "+1 23 " * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_no_text_takes_forever(text: str, originals: Path) -> None:
    """What is quadratic in the length of a text would take hours."""
    search(text, "text")
    search(text, "blob")
    list(gathered(originals).in_text(text, frozenset(), ""))


def test_a_claim_excuses_and_its_absence_does_not(tmp_path: Path) -> None:
    save(ct(PEOPLE[0], 1), tmp_path / "in" / "1.dcm")
    run: Callable[..., object] = here
    run("run", tmp_path / "in", "-o", tmp_path / "out", "--with", "retain-device-identity")
    [path] = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert grave(tmp_path / "out") == []
    data_set = dcmread(path)
    data_set.DeidentificationMethodCodeSequence = data_set.DeidentificationMethodCodeSequence[:1]
    data_set.save_as(path)
    assert {finding.code for finding in grave(tmp_path / "out")} == {"device", "date"}
