"""What lint says about profiles that load, and about those that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident import tables
from deident.errors import REASONS
from deident.profiles.expression import parse
from deident.profiles.lint import CODES, constant, lint
from deident.profiles.loader import shipped_names, shipped_path
from deident.profiles.model import Selector, specificity
from deident.profiles.selectors import covers, parse_selector


def findings(write, actions, body):
    return [(f.line, f.column, f.code) for f in lint(write(body), actions)]


def test_a_good_profile_is_clean(write, actions):
    body = (
        "extends: basic\nedition: 2026d\noptions: [retain-modified-dates]\ndates: {max-days: 10}\n"
        "rules:\n"
        "  - PatientComments: remove\n"
        '  - select: (0019,"SIEMENS MR HEADER",0C)\n'
        "    action: keep\n"
        "  - select: StudyDate\n"
        "    action: shift-date\n"
        "    when: Modality == 'CT'\n"
        "  - StudyDate: {action: shift-date, days: 3, when: Modality == 'MR'}\n"
        "filters:\n  - quarantine: missing(PatientID)\n  - accept: Modality == 'CT'\n"
        "  - skip: true\n"
    )
    assert findings(write, actions, body) == []


def test_shipped_profiles_are_clean(actions):
    for name in shipped_names():
        assert lint(shipped_path(name), actions) == []


ODD = [
        ("rules:\n  - StudyID: remove\n  - StudyID: empty", [(4, 5, "shadowed")]),
        ("rules:\n  - 00200010: remove\n  - '**/StudyID': empty", [(4, 5, "shadowed")]),
        ("rules:\n  - 60xx3000: empty\n  - 60xxxxxx: remove", [(4, 5, "shadowed")]),
        ('rules:\n  - (0019,"A",01): remove\n  - (0019,"A",01): empty', [(4, 5, "shadowed")]),
        ("rules:\n  - StudyID: {action: empty, when: Modality == 'CT'}\n  - StudyID: remove",
         [(4, 5, "shadowed")]),
        ("rules:\n  - StudyID: remove\n  - StudyID: {action: empty, when: Modality == 'CT'}", []),
        ("rules:\n  - StudyID: remove\n  - /StudyID: empty", []),
        ("rules:\n  - /StudyID: remove\n  - StudyID: empty", []),
        ("rules:\n  - vr:PN: remove\n  - '*': empty", []),
        ("rules:\n  - 00020010: remove", [(4, 5, "never-applies")]),
        ("rules:\n  - 00100000: remove", [(4, 5, "never-applies")]),
        ("rules:\n  - 00190010: remove", [(4, 5, "never-applies")]),
        ("rules:\n  - (0019,00xx): remove", [(4, 5, "never-applies")]),
        ("rules:\n  - ContentSequence/PersonName: remove", [(4, 5, "never-applies")]),
    ("rules:\n  - '**/RequestAttributesSequence/StudyID': remove", [(4, 5, "never-applies")]),
    ("rules:\n  - RequestAttributesSequence: keep\n  - RequestAttributesSequence/StudyID: remove",
     [(4, 5, "keeps-protected")]),
    ("rules:\n  - ReferencedImageSequence/StudyID: remove", []),
    ("rules:\n  - BeamSequence/StudyID: remove", []),
    ("base: keep\nrules:\n  - ContentSequence/PersonName: remove", []),
    ("rules:\n  - ContentSequence/PersonName: remove", [(4, 5, "never-applies")]),
    ("rules:\n  - '**/RequestAttributesSequence/StudyID': remove", [(4, 5, "never-applies")]),
    ("rules:\n  - /RequestAttributesSequence: keep\n  - RequestAttributesSequence/StudyID: remove",
     [(4, 5, "keeps-protected")]),
    ("rules:\n  - BeamSequence/StudyID: remove", []),
    ("base: keep\nrules:\n  - ContentSequence/PersonName: remove", []),
    ("rules:\n  - 0019100C: remove", [(4, 5, "private-by-number")]),
        ("rules:\n  - 00090003: remove", [(4, 5, "never-applies")]),
        ("rules:\n  - private:*: remove", []),
        ("rules:\n  - 0008FFFE: remove", [(4, 5, "not-in-dictionary")]),
        ("rules:\n  - (0008,0001): remove", [(4, 5, "retired")]),
        ("rules:\n  - PatientName: shift-date", [(4, 5, "unsuitable")]),
        ("rules:\n  - vr:DA: {action: prefix, text: a}", [(4, 5, "unsuitable")]),
        ("rules:\n  - ContentSequence: {action: prefix, text: a}", [(4, 5, "unsuitable")]),
        ("rules:\n  - ContentSequence: remove", []),
        ("rules:\n  - PatientName: keep", [(4, 5, "keeps-protected")]),
        ("rules:\n  - Modality: keep", []),
        ("rules:\n  - StudyInstanceUID: keep", [(4, 5, "keeps-protected")]),
        ("options: [retain-uids]\nrules:\n  - StudyInstanceUID: keep", []),
        ("rules:\n  - vr:PN: keep", [(4, 5, "keeps-protected")]),
        ("rules:\n  - '*': keep", [(4, 5, "keeps-protected")]),
        ("rules:\n  - private:*: keep", [(4, 5, "keeps-protected")]),
        ('rules:\n  - (0019,"SIEMENS MR HEADER",01): keep', [(4, 5, "keeps-protected")]),
        ("rules:\n  - PatientName: {action: prefix, text: x}", [(4, 5, "keeps-protected")]),
        ("base: keep\nrules:\n  - PatientName: keep", []),
        ("rules:\n  - StudyID: {action: empty, when: 'true'}", [(4, 5, "always")]),
        ("rules:\n  - StudyID: {action: empty, when: Modality == 'A' and false}",
         [(4, 5, "never-applies")]),
        ("rules:\n  - StudyID: {action: map, pattern: '(a+)+'}", [(4, 5, "slow-pattern")]),
        ("rules:\n  - StudyID: {action: empty, when: not StudyID matches '(.*a)*'}",
         [(4, 5, "slow-pattern")]),
        ("filters:\n  - skip: 'true'\n  - accept: Modality == 'CT'", [(5, 13, "never-applies")]),
        ("filters:\n  - skip: exists(Modality) and not exists(Modality)",
         [(4, 11, "never-applies")]),
        ("base: keep\noptions: [retain-uids]", [(4, 11, "no-effect")]),
        ("options: [retain-uids, retain-uids]", [(3, 24, "no-effect")]),
        ("options: [retain-safe-private]\nrules:\n  - private:*: remove", [(3, 11, "no-effect")]),
        ("options: [retain-uids]\nrules:\n  - vr:UI: uid", []),
        ("edition: 2019a", [(3, 10, "edition")]),
        ("verify: report", [(3, 9, "unsafe")]),
        ("dates: {max-days: 3}", [(3, 8, "no-effect")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), ODD)
def test_what_is_odd_is_named_with_its_place(write, actions, body, expected):
    assert findings(write, actions, body) == expected


def test_an_option_that_rules_override_completely(write, actions):
    rows = [row for row in tables.annex_e() if "retain-institution-identity" in row.options]
    tags = ", ".join(f"'{row.pattern}'" for row in rows)
    body = (
        f"options: [retain-institution-identity]\nrules:\n  - {{select: [{tags}], action: remove}}"
    )
    assert (3, 11, "no-effect") in findings(write, actions, body)
    partly = body.replace(f"'{rows[0].pattern}', ", "")
    assert (3, 11, "no-effect") not in findings(write, actions, partly)


def test_an_option_of_the_extended_profile_is_on_already(write, actions):
    write("options: [retain-uids]", "lower.yaml")
    assert findings(write, actions, "extends: lower.yaml\noptions: [retain-uids]") == [
        (4, 11, "no-effect")
    ]


def test_a_rule_of_the_extended_profile_may_be_overridden(write, actions):
    write("rules:\n  - StudyID: remove", "lower.yaml")
    body = "extends: lower.yaml\nrules:\n  - StudyID: empty"
    assert findings(write, actions, body) == []


def test_the_message_says_what_the_table_says(write, actions):
    found = lint(write("rules:\n  - PatientBirthDate: keep\n  - vr:PN: keep"), actions)
    assert "keeps PatientBirthDate; Table E.1-1 (0010,0030) says Z: empty" in found[0].message
    assert "attributes that PS3.15 protects" in found[1].message


def test_errors_are_findings_with_the_code_of_the_error(write, actions):
    path = write("options: [x]\nrules:\n  - Foo: keep\n  - StudyID: kep")
    found = lint(path, actions)
    assert [(f.line, f.column, f.severity, f.code) for f in found] == [
        (3, 11, "error", "profile-invalid"),
        (5, 5, "error", "unknown-tag"),
        (6, 14, "error", "profile-invalid"),
    ]
    assert all(f.source == str(path) for f in found)


def test_a_file_that_cannot_be_read_is_a_finding(write, actions, tmp_path):
    (found,) = lint(tmp_path / "none.yaml", actions)
    assert (found.severity, found.code) == ("error", "profile-unreadable")
    (found,) = lint(write("a: b: c"), actions)
    assert (found.line, found.column) == (3, 5)
    lower = write("rulez: 1", "lower.yaml")
    (found,) = lint(write("extends: lower.yaml"), actions)
    assert (found.source, found.line) == (str(lower), 3)


def test_every_warning_is_explained_and_met_here():
    assert {code for _, expected in ODD for _, _, code in expected} == CODES.keys()
    assert not CODES.keys() & REASONS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("not true", False),
        ("Modality == 'CT'", None),
        ("Modality == 'CT' or true", True),
        ("Modality == 'CT' and true", None),
        ("false or false", False),
        ("true and true", True),
        ("Modality == 'CT' or not Modality == 'CT'", True),
        ("exists(Modality) or missing(Modality)", True),
        ("exists(Modality) and missing(Modality)", False),
        ("exists(Modality) and missing(StudyID)", None),
        ("Modality == 'CT' and Modality == 'MR'", False),
        ("Modality == 'CT' and Modality == 'CT'", None),
        ("any(ImageType == 'A') and any(ImageType == 'B')", None),
        ("Modality == 'CT' and StudyID == 'MR'", None),
    ],
)
def test_conditions_that_do_not_depend_on_the_instance(text, expected):
    assert constant(parse(text).root) is expected


# -- which selector covers which ----------------------------------------------------------------

selectors = st.sampled_from(
    [
        parse_selector(text)
        for text in (
            "*", "vr:PN", "vr:SQ", "PatientName", "60xx3000", "60023000", "60xxxxxx", "private:*",
            '(0019,"A",01)', '(0019,"B",01)', "(0019,xx01)", "/PatientName", "/vr:PN",
            "ContentSequence/PatientName", "**/ContentSequence/PatientName", "**/ContentSequence/*",
            "ContentSequence/ContentSequence/PatientName",
        )
    ]
)  # fmt: skip

ELEMENTS = [
    (parents, tag, vr, creator)
    for parents in ((), (0x0040A730,), (0x0040A730, 0x0040A730), (0x00081140,))
    for tag, vr, creator in (
        (0x00100010, "PN", None),
        (0x00081140, "SQ", None),
        (0x60023000, "OW", None),
        (0x60020010, "US", None),
        (0x00191001, "LO", "A"),
        (0x00191101, "LO", "B"),
        (0x00191002, "PN", "A"),
    )
]


def selected(select: Selector, element) -> bool:
    parents, tag, vr, creator = element
    if select.anchored and parents != select.parents:
        return False
    if select.parents and parents[-len(select.parents) :] != select.parents:
        return False
    if select.kind == "private":
        return creator == select.creator and tag & 0xFFFF00FF == select.tag
    return {
        "all": True,
        "vr": vr == select.vr,
        "tag": tag == select.tag,
        "mask": tag & select.mask == select.tag,
    }[select.kind]


@given(selectors, selectors)
def test_what_covers_selects_all_of_the_other(wide, narrow):
    if covers(wide, narrow):
        assert all(selected(wide, e) for e in ELEMENTS if selected(narrow, e))


def test_the_order_of_selectors():
    texts = ["*", "vr:PN", "60xx3000", "PatientName", "/*", "/PatientName", "ContentSequence/*",
             "ContentSequence/PatientName", "ContentSequence/ContentSequence/vr:PN"]  # fmt: skip
    ranks = [specificity(parse_selector(text)) for text in texts]
    assert ranks == sorted(set(ranks))
    assert specificity(parse_selector('(0019,"A",01)')) == specificity(parse_selector("StudyID"))
