"""A profile as text: what is read back does the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.engine.actions import CATALOG
from deident.profiles.catalog import check_params
from deident.profiles.loader import load, read_yaml, shipped_names
from deident.profiles.model import DatePolicy, FilterRule, Profile, Rule
from deident.profiles.plain import profile_hash
from deident.profiles.selectors import parse_selector
from deident.profiles.written import _scalar, to_text

SELECTORS = [
    "PatientName",
    "(0010,0010)",
    "60xx3000",
    "(0010,xxxx)",
    '(0019,"SIEMENS MR HEADER",0C)',
    '**/ContentSequence/(0019,"A: B, C",0C)',
    "private:*",
    "vr:PN",
    "*",
    "/PatientName",
    "RequestAttributesSequence/ScheduledProcedureStepID",
    "**/ContentSequence/PersonName",
    {"tag": "(0010, 0010)"},
    {"tag": "60xx3000", "in": "**/ContentSequence"},
    {"tag": "7Fxx0010"},
    {"tag": "001xxxxx"},
    {"vr": "LO", "in": "**/ContentSequence"},
    {"group": "0019", "creator": 'with "marks"', "element": "0C"},
    {"group": "0019", "creator": 'with "marks"', "element": "0C", "in": "ContentSequence"},
]


def rule(select: object, action: str, **given_: object) -> Rule:
    return Rule(parse_selector(select), action, check_params(CATALOG[action], given_))


def reread(profile: Profile, folder: Path) -> Profile:
    path = folder / "again.yaml"
    path.write_text(to_text(profile, CATALOG), encoding="utf-8")
    return load(path, (), CATALOG)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_profiles_read_back(name: str, tmp_path: Path) -> None:
    profile = load(name, ("retain-uids", "retain-modified-dates"), CATALOG)
    again = reread(profile, tmp_path)
    assert profile_hash(again) == profile_hash(profile)
    assert again.description == profile.description
    assert to_text(again, CATALOG) == to_text(profile, CATALOG)


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_every_kind_of_selector_reads_back(selector: object, tmp_path: Path) -> None:
    profile = Profile("p", rules=(rule(selector, "remove"),))
    again = reread(profile, tmp_path)
    assert profile_hash(again) == profile_hash(profile)


def test_all_that_a_profile_can_say_reads_back(tmp_path: Path) -> None:
    profile = Profile(
        "all of it",
        version=3,
        description="Two\nlines: with # signs, \x07 and \u2028 and 🙂",
        options=("retain-safe-private",),
        rules=(
            rule("StudyDate", "shift-date", mode="fixed", days=12),
            rule("PatientAge", "age-band", over=89),
            rule("ProtocolName", "map", pattern=r"(\w+) .*", to=r"\g<1>"),
            rule("StudyDescription", "replace", value="true"),
            rule("SeriesDescription", "remove")._replace(when='Modality == "CT"', note="on"),
        ),
        filters=(FilterRule('Modality == "US"', "quarantine", note="text: burned in"),),
        naming="{PatientID}/{SOPInstanceUID}.dcm",
        dates=DatePolicy(70, whole_weeks=True),
        verify="quarantine",
        strict_ages=True,
        private_numeric=True,
        private_characteristics=True,
        patient_prefix="007",
        uid_root="1.2.3",
        author="No: body",
        edition="2026d",
    )
    again = reread(profile, tmp_path)
    assert profile_hash(again) == profile_hash(profile)
    assert again._replace(rules=(), filters=()) == profile._replace(rules=(), filters=())
    assert [one.note for one in again.rules] == [one.note for one in profile.rules]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back(text: str) -> None:
    tree = read_yaml(f"key: {_scalar(text)}\n", "x.yaml")
    assert tree.data == {"key": text}
