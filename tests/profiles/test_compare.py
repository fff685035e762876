"""What two profiles do differently."""

from __future__ import annotations

import pytest

from deident.profiles.compare import Changed, compare
from deident.profiles.loader import load
from deident.profiles.model import DatePolicy, FilterRule, Profile, Rule
from deident.profiles.selectors import parse_selector

BASIC = load("basic")


def rule(select: str, action: str = "remove", **params: object) -> Rule:
    return Rule(parse_selector(select), action, params, origin="x:1")


def test_a_profile_does_the_same_as_itself():
    assert compare(BASIC, BASIC).empty


def test_words_make_no_difference():
    assert compare(BASIC, BASIC._replace(name="x", version=3, description="y", author="z")).empty


def test_an_option_changes_codes():
    difference = compare(BASIC, BASIC._replace(options=("retain-uids",)))
    assert difference.settings == (Changed("options", "none", "retain-uids"),)
    assert Changed("00080018", "U", "K") in difference.codes
    assert all(change.after == "K" for change in difference.codes)


def test_the_base_changes_everything():
    difference = compare(BASIC, load("keep-all-except"))
    assert Changed("base", "ps3.15", "keep") in difference.settings
    assert Changed("00100010", "Z", "K") in difference.codes
    assert len(difference.codes) > 600


def test_settings_are_compared_one_by_one():
    other = BASIC._replace(dates=DatePolicy(10, whole_weeks=True), strict_ages=True)
    assert compare(BASIC, other).settings == (
        Changed("strict_ages", "false", "true"),
        Changed("dates", "max_days: 3650, whole_weeks: false", "max_days: 10, whole_weeks: true"),
    )


def test_rules_are_compared_by_what_they_do():
    one = BASIC._replace(rules=(rule("PatientName"), rule("StudyID"), rule("StudyID")))
    other = BASIC._replace(rules=(rule("00100010"), rule("StudyID"), rule("StudyID", "empty")))
    difference = compare(one, other)
    assert [r.select.text for r in difference.removed] == ["StudyID"]
    assert [r.action for r in difference.added] == ["empty"]
    longer = BASIC._replace(rules=(rule("StudyID", "prefix", text="a"),))
    shorter = BASIC._replace(rules=(rule("StudyID", "prefix", text="b"),))
    assert len(compare(longer, shorter).added) == 1


def test_the_order_of_rules_counts():
    one = BASIC._replace(rules=(rule("StudyID"), rule("StudyID", "empty")))
    other = one._replace(rules=one.rules[::-1])
    assert compare(one, other).settings == (Changed("rules", "in one order", "in another order"),)


@pytest.mark.parametrize("swapped", [False, True])
def test_filters_are_compared_by_position(swapped):
    profiles: list[Profile] = [
        BASIC._replace(filters=(FilterRule("true", "skip"),)),
        BASIC._replace(filters=(FilterRule("true", "skip"), FilterRule("false", "accept"))),
    ]
    if swapped:
        profiles.reverse()
    values = ("accept: false", "") if swapped else ("", "accept: false")
    assert compare(*profiles).filters == (Changed("filter 2", *values),)
