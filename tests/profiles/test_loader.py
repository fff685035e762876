"""Profiles from files: what they become, every mistake with its place, layers, saving."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deident.errors import InfrastructureError, ProfileError, UsageError
from deident.profiles.loader import MAX_BYTES, edit, examine_file, load, save, shipped_names
from deident.profiles.model import AVAILABLE_OPTIONS, LATER_OPTIONS, DatePolicy, FilterRule, Profile
from deident.profiles.plain import from_plain, profile_hash, to_plain
from deident.profiles.selectors import parse_selector

FULL = """\
format: 1
name: full
version: 7
description: All there is.
author: Somebody
edition: 2026d
base: keep
options: [retain-uids, retain-modified-dates]
rules:
  - PatientName: remove
  - 00100020:
      action: prefix
      text: X-
      when: Modality == "CT"
      note: site
  - select: [StudyDate, "(0008,0021)", {vr: DT, in: ContentSequence}]
    action: shift-date
    mode: fixed
    days: 30
filters:
  - skip: Modality == "SR"
    note: no reports
  - quarantine: missing(PatientID)
  - accept: true
naming: "{PatientID}/{InstanceNumber:04}.dcm"
dates: {max-days: 364, whole-weeks: true}
verify: quarantine
ages: strict
private: {numeric: true, characteristics: true}
patient-prefix: TRIAL-
uid-root: 1.2.3
"""


def test_every_key_of_the_format_arrives(write, actions):
    profile = load(str(write(FULL, "full.yaml", whole=True)), actions=actions)
    assert profile == Profile(
        name="full",
        version=7,
        description="All there is.",
        author="Somebody",
        edition="2026d",
        base="keep",
        options=("retain-modified-dates", "retain-uids"),
        rules=profile.rules,
        filters=(
            FilterRule('Modality == "SR"', "skip", "full.yaml:21", "no reports"),
            FilterRule("missing(PatientID)", "quarantine", "full.yaml:23"),
            FilterRule("true", "accept", "full.yaml:24"),
        ),
        naming="{PatientID}/{InstanceNumber:04}.dcm",
        dates=DatePolicy(364, whole_weeks=True),
        verify="quarantine",
        strict_ages=True,
        private_numeric=True,
        private_characteristics=True,
        patient_prefix="TRIAL-",
        uid_root="1.2.3",
    )
    assert [
        (rule.select.text, rule.action, dict(rule.params), rule.when, rule.origin, rule.note)
        for rule in profile.rules
    ] == [
        ("PatientName", "remove", {}, "", "full.yaml:10", ""),
        ("00100020", "prefix", {"text": "X-"}, 'Modality == "CT"', "full.yaml:11", "site"),
        ("StudyDate", "shift-date", {"mode": "fixed", "days": 30}, "", "full.yaml:16", ""),
        ("(0008,0021)", "shift-date", {"mode": "fixed", "days": 30}, "", "full.yaml:16", ""),
        ("vr: DT, in: ContentSequence", "shift-date", {"mode": "fixed", "days": 30}, "",
         "full.yaml:16", ""),
    ]  # fmt: skip


def test_what_is_not_said_is_as_in_the_model(write, actions):
    profile = load(str(write("")), actions=actions)
    assert profile == Profile("test")


@pytest.mark.parametrize(
    ("body", "line", "column", "message"),
    [
        ("rulez: []", 3, 1, "unknown key 'rulez'; did you mean rules?"),
        ("dates: {max_days: 3}", 3, 9, "unknown key 'max_days'; did you mean max-days?"),
        ("dates:\n  max-days: many", 4, 13, "max-days: must be a whole number"),
        ("dates:\n  max-days: 0", 4, 13, "max-days: .* greater than or equal to 1"),
        ("dates: 3", 3, 8, "dates: must be a mapping"),
        ("version: 0", 3, 10, "version: .* greater than or equal to 1"),
        ("private: {numeric: maybe}", 3, 20, "numeric: must be true or false"),
        ("base: none", 3, 7, "base: must be 'ps3.15' or 'keep'"),
        ("verify: ignore", 3, 9, "verify: must be 'repair', 'quarantine' or 'report'"),
        ("uid-root: 1.02", 3, 11, "uid-root: has characters that are not allowed"),
        ("patient-prefix: a b", 3, 17, "patient-prefix: has characters"),
        ("naming: '{PatientID'", 3, 9, "naming: a brace has no partner"),
        ("naming: '{PatientBirthDate}'", 3, 9, "naming: the fields are PatientID, "),
        ("naming: '{InstanceNumber:4}'", 3, 9, "naming: the fields are PatientID, "),
        ("naming: '{PatientID}/../x'", 3, 9, "naming: every part of the path"),
        ("naming: '/{PatientID}'", 3, 9, "naming: every part of the path"),
        ("naming: '{{x}}'", 3, 9, "naming: every part of the path"),
        ("author: \"a\\nb\"", 3, 9, "author: has characters"),
        ("rules:", 3, 1, "rules: has no value"),
        ("rules: {PatientName: remove}", 3, 8, "rules: must be a list"),
        ("rules:\n  - remove", 4, 5, "rules: must be a mapping"),
        ("rules:\n  - select: PatientName", 4, 5, "action: this key is missing"),
        ("rules:\n  - {action: keep, note: x}", 4, 5, "select: this key is missing"),
        ("rules:\n  - PatientNam: remove", 4, 5, "did you mean PatientName"),
        ("rules:\n  - select: [PatientID, Foo]\n    action: keep", 4, 25, "keyword 'Foo'"),
        ("rules:\n  - select: []\n    action: keep", 4, 13, "the list is empty"),
        ("rules:\n  - PatientName: delete", 4, 18, "no action 'delete'"),
        ("rules:\n  - PatientName: prefx", 4, 18, "no action 'prefx'; did you mean prefix?"),
        ("rules:\n  - PatientName: prefix", 4, 18, "prefix needs the parameter 'text'"),
        ("rules:\n  - PatientName:\n", 4, 5, "PatientName: has no value"),
        ("rules:\n  - PatientName: {action: keep, tx: a}", 4, 33, "unknown parameter 'tx'"),
        ("rules:\n  - select: StudyDate\n    action: shift-date\n    days: 0", 6, 11,
         "days: must be from 1 to 3650"),
        ("rules:\n  - select: StudyID\n    action: map\n    pattern: (", 6, 14,
         "pattern: not a regular expression"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when: Modality = 'CT'", 6, 20,
         "a comparison is expected"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when: 'Modalty == 1'", 6, 12,
         "did you mean Modality"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when: |\n\n      true and\n"
         "      Foo == 1", 9, 7, "keyword 'Foo'"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when: >\n      true and\n"
         "      Foo == 1", 6, 11, "keyword 'Foo'"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when:", 6, 5, "when: has no value"),
        ("rules:\n  - select: StudyID\n    action: keep\n    when: ''", 6, 12, "is empty"),
        ("filters:\n  - skip: Modality", 4, 19, "a comparison is expected"),
        ("filters:\n  - {skip: 'true', accept: 'true'}", 4, 5, "exactly one of accept"),
        ("filters:\n  - note: x", 4, 5, "exactly one of accept"),
        ("options: [retain-uid]", 3, 11, "no option is called retain-uid; did you mean"),
        ("options: [zzz]", 3, 11, "no option is called zzz; deident profile list names all$"),
        ("options: retain-uids", 3, 10, "options: must be a list"),
        ("extends: nothing", 3, 10, "no profile 'nothing'; there are basic"),
        ("extends: nothing.yaml", 3, 10, "there is no file nothing.yaml"),
        ("extends: test.yaml", 3, 10, "extends this file again"),
        ("rules:\n  - PatientName: null", 4, 5, "PatientName: has no value"),
        ("rules:\n  -", 4, 4, "nothing stands here"),
        ("name: again", 3, 1, "the key 'name' stands here twice"),
        ("? [a]\n: b", 3, 3, "a key must be text"),
        ("rules:\n  - **/PatientName: remove", 4, 5, "starts with \\* needs quotation marks"),
        ("description: !!str x", 3, 14, "YAML tags"),
        ("description: a: b", 3, 15, "not YAML: mapping values are not allowed"),
        ("description: 'a", 3, 16, "not YAML: .*end of stream"),
        ("description: \x01", 3, 14, "not YAML: a character"),
        ("---\na: b", 3, 1, "one YAML document"),
        ("description: " + "[" * 30, 3, 33, "nested deeper than 20"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_place(write, actions, body, line, column, message):
    path = write(body)
    with pytest.raises(ProfileError, match=message) as caught:
        load(str(path), actions=actions)
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"{path}:{line}:{column}: ")
    assert "\n" not in str(error)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the profile: must be a mapping"),
        ("~", 1, "nothing stands here"),
        ("- a", 1, "the profile: must be a mapping"),
        ("name: x", 1, "format: this key is missing"),
        ("format: 1", 1, "name: this key is missing"),
        ("format: 2\nname: x", 1, "format: .* less than or equal to 1"),
        ("format: 1\nname: ../x", 2, "name: has characters"),
        ("format: 1\nname: " + "x" * 65, 2, "name: .* at most 64"),
    ],
)
def test_a_file_needs_format_and_name(write, actions, text, line, message):
    with pytest.raises(ProfileError, match=message) as caught:
        load(str(write(text, whole=True)), actions=actions)
    assert caught.value.line == line


def test_all_mistakes_are_found_at_once(write, actions):
    path = write("options: [x]\nrules:\n  - Foo: keep\n  - Bar: kep\nfilters:\n  - skip: a\n")
    problems = examine_file(path, actions).problems
    assert [problem.line for problem in problems] == [3, 5, 6, 6, 8]


def test_without_a_catalogue_no_rule_is_accepted(write):
    with pytest.raises(ProfileError, match="no action 'remove'"):
        load(str(write("rules:\n  - PatientName: remove")))


def test_later_and_excluded_options_have_codes_of_their_own(write, actions):
    cases = [
        (f"options: [retain-uids, {LATER_OPTIONS[0]}]", "option-not-available"),
        ("options: [retain-full-dates, retain-modified-dates]", "options-exclude"),
    ]
    for body, code in cases:
        with pytest.raises(ProfileError) as caught:
            load(str(write(body)), actions=actions)
        assert caught.value.code == code
        assert (caught.value.line, caught.value.column > 1) == (3, True)


@pytest.mark.parametrize("name", sorted(AVAILABLE_OPTIONS))
def test_extra_options_are_switched_on(name):
    assert load("basic", [name, name]).options == (name,)


def test_extra_options_that_cannot_be(write, actions):
    with pytest.raises(UsageError) as caught:
        load("basic", ["retain-uid"])
    assert caught.value.code == "usage"
    assert "did you mean retain-uids?" in str(caught.value)
    for name in LATER_OPTIONS:
        with pytest.raises(UsageError) as caught:
            load("basic", [name])
        assert caught.value.code == "option-not-available"
    path = str(write("options: [retain-full-dates]"))
    with pytest.raises(UsageError) as caught:
        load(path, ["retain-modified-dates"], actions)
    assert caught.value.code == "options-exclude"


# -- what is not a readable file ----------------------------------------------------------------


def test_what_cannot_be_read(tmp_path, actions):
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"format: 1\nname: M\xfcller\n")
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    cases = [
        (tmp_path, "not a file"),
        (tmp_path / "none.yaml", "no such file or directory"),
        (Path("basik"), "no profile 'basik'; there are basic, keep-all-except"),
        (Path("a\0b.yaml"), "not a path"),
        (fifo, "not a file"),
        (big, "larger than 256 KiB"),
        (latin, ":2:8: not UTF-8 text"),
    ]
    for path, message in cases:
        with pytest.raises(ProfileError, match=message) as caught:
            load(str(path), actions=actions)
        assert caught.value.code == "profile-unreadable"
        assert "\n" not in str(caught.value)


def test_no_permission(tmp_path, actions):
    path = tmp_path / "secret.yaml"
    path.write_text("format: 1")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ProfileError, match="permission denied"):
        load(str(path), actions=actions)


def test_aliases_are_read_but_not_without_end(write, actions):
    profile = load(
        str(write("author: &me Somebody\ndescription: *me\nrules:\n"
                  "  - &rule {select: PatientName, action: remove}\n  - *rule")),
        actions=actions,
    )  # fmt: skip
    assert profile.description == "Somebody"
    assert len(profile.rules) == 2
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    for body, message in [
        (bomb, "more than 20000 entries"),
        ("author: &me x\n" + "".join(f"k{n}: *me\n" for n in range(101)), "more than 100 aliases"),
        ("author: &me [*me]", "refers to nothing"),
    ]:
        with pytest.raises(ProfileError, match=message):
            load(str(write(body)), actions=actions)


# -- layers -------------------------------------------------------------------------------------


def test_layers(write, actions):
    write(
        "version: 3\noptions: [retain-uids]\nverify: report\nedition: 2025a\n"
        "naming: '{PatientID}'\nrules: [{PatientName: remove}]\nfilters: [{skip: 'true'}]",
        "lower.yaml",
    )
    path = write(
        "extends: ./lower.yaml\noptions: [retain-full-dates]\nuid-root: 1.2\n"
        "rules: [{PatientName: keep}]\nfilters: [{accept: 'true'}]",
        "upper.yaml",
    )
    profile = load(str(path), actions=actions)
    assert (profile.name, profile.version, profile.edition) == ("test", 1, "2025a")
    assert profile.options == ("retain-full-dates", "retain-uids")
    assert [(rule.action, rule.origin) for rule in profile.rules] == [
        ("remove", "lower.yaml:8"),
        ("keep", "upper.yaml:6"),
    ]
    assert [rule.then for rule in profile.filters] == ["accept", "skip"]
    assert (profile.verify, profile.uid_root, profile.naming) == ("report", "1.2", "{PatientID}")


def test_a_shipped_profile_can_be_extended(write, actions):
    profile = load(str(write("extends: keep-all-except")), actions=actions)
    assert (profile.base, profile.verify) == ("keep", "report")


def test_a_mistake_below_is_named_in_its_own_file(write, actions):
    lower = write("rulez: 1", "lower.yaml")
    with pytest.raises(ProfileError) as caught:
        load(str(write("extends: lower.yaml", "upper.yaml")), actions=actions)
    assert str(caught.value).startswith(f"{lower}:3:1: ")


def test_layers_end(write, actions):
    write("extends: b.yaml", "a.yaml")
    path = write("extends: a.yaml", "b.yaml")
    with pytest.raises(ProfileError, match="extends this file again"):
        load(str(path), actions=actions)
    for number in range(10):
        path = write(f"extends: l{number - 1}.yaml" if number else "", f"l{number}.yaml")
    with pytest.raises(ProfileError, match="more than 8 layers"):
        load(str(path), actions=actions)


# -- saving -------------------------------------------------------------------------------------


def test_saving_keeps_comments_and_order(write, actions):
    path = write("# why\nrules:\n  - PatientName: remove # a name\n\n  - 00100020: keep\n")
    data = edit(path)
    data["version"] = 2
    data["rules"][0]["PatientName"] = "empty"
    profile = save(data, path, actions)
    text = path.read_text()
    assert profile.version == 2
    assert profile.rules[0].action == "empty"
    assert profile.rules[1].select.tag == 0x00100020
    assert "# why\n" in text
    assert "  - PatientName: empty  # a name\n" in text
    assert "  - 00100020: keep\n" in text
    assert [entry.name for entry in path.parent.iterdir()] == ["test.yaml"]


def test_what_is_wrong_is_not_saved(write, actions):
    path = write("")
    before = path.read_bytes()
    data = edit(path)
    data["rulez"] = 1
    with pytest.raises(ProfileError, match="unknown key"):
        save(data, path, actions)
    assert path.read_bytes() == before


def test_a_folder_that_is_gone_is_told(write, actions, tmp_path):
    data = edit(write(""))
    with pytest.raises(InfrastructureError) as caught:
        save(data, tmp_path / "gone" / "x.yaml", actions)
    assert caught.value.code == "write-failed"


def test_unreadable_yaml_cannot_be_edited(write):
    with pytest.raises(ProfileError, match="not YAML"):
        edit(write("a: b: c"))


# -- shipped profiles ---------------------------------------------------------------------------


def test_shipped_profiles():
    assert shipped_names() == ("basic", "keep-all-except")
    basic, keep = load("basic"), load("keep-all-except")
    assert (basic.base, basic.options, basic.rules) == ("ps3.15", (), ())
    assert (keep.base, keep.rules) == ("keep", ())
    assert "UNSAFE" in keep.description


def test_compiled_profiles_are_up_to_date():
    tool = Path(__file__).parents[2] / "tools" / "build_profiles.py"
    subprocess.run([sys.executable, str(tool), "--check"], check=True)


def test_a_shipped_profile_needs_neither_pydantic_nor_yaml():
    code = (
        "import sys; from deident.profiles.loader import load; load('basic', ['retain-uids'])\n"
        "print([m for m in ('pydantic', 'ruamel', 'pydicom') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


# -- plain data and hash ------------------------------------------------------------------------


def test_plain_data_reads_back(write, actions):
    profile = load(str(write(FULL, whole=True)), actions=actions)
    assert from_plain(json.loads(json.dumps(to_plain(profile)))) == profile


def test_the_hash_is_about_what_is_done(write, actions):
    def hash_of(text: str) -> str:
        return profile_hash(load(str(write(text, whole=True)), actions=actions))

    original = hash_of(FULL)
    assert len(original) == 64
    same = [
        ("name: full", "name: other"),
        ("version: 7", "version: 8"),
        ("All there is.", "Nothing."),
        ("note: site", "note: other"),
        ("PatientName: remove", "(0010,0010): remove"),
        ("# no comment", ""),
        ("mode: fixed\n    days: 30", "days: 30\n    mode: fixed"),
        ("[retain-uids, retain-modified-dates]", "[retain-modified-dates, retain-uids]"),
    ]
    for old, new in same:
        assert hash_of(FULL.replace(old, new)) == original, new
    for old, new in [
        ("base: keep", "base: ps3.15"),
        ("days: 30", "days: 31"),
        ("PatientName: remove", "PatientName: empty"),
        ("PatientName: remove", "/PatientName: remove"),
        ('when: Modality == "CT"', 'when: Modality == "MR"'),
        ("skip: Modality", "accept: Modality"),
        ("max-days: 364", "max-days: 365"),
        ("ages: strict", "ages: standard"),
        ("retain-uids, ", ""),
        ("verify: quarantine", "verify: repair"),
        ("uid-root: 1.2.3", "uid-root: 1.2.4"),
    ]:
        assert old in FULL
        assert hash_of(FULL.replace(old, new)) != original, new


def test_the_hash_of_basic_does_not_change_by_accident():
    assert profile_hash(load("basic")) == (
        "63751b0d8fbdb637c686553376644ec98ea006a0eafaf69762b70c5de969404c"
    )


# -- anything -----------------------------------------------------------------------------------

words = st.sampled_from(
    ["format: 1\n", "name: x\n", "rules:\n", "  - ", "PatientName", ": ", "remove", "select", "\n",
     "  ", "- ", "{", "}", "[", "]", ",", "*", "&a ", "!x ", "'", '"', "|\n", ">\n", "#", "when",
     "Modality == 'CT'", "filters:\n", "skip", "~", "é", "\t", "%", "options", "dates", "extends",
     "basic"]
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=30).map("".join))
def test_any_text_is_a_profile_or_an_error_with_a_place(write, actions, text):
    path = write(text, whole=True)
    place = (1, 1)
    try:
        profile = load(str(path), actions=actions)
    except ProfileError as error:
        place = (error.line, error.column)
    else:
        assert all(parse_selector(rule.select.text) for rule in profile.rules)
    assert min(place) >= 1
