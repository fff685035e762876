"""Parameters of actions: conversion, limits, messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.profiles.catalog import (
    MAX_PATTERN,
    ActionSpec,
    ParamError,
    ParamSpec,
    check_params,
    check_value,
    template_fields,
)

SHIFT = ActionSpec(
    "shift-date",
    "C",
    "Shift a date.",
    (
        ParamSpec("mode", "choice", default="fixed", choices=("fixed", "epoch")),
        ParamSpec("days", "int", required=True, low=1, high=3650),
    ),
)


def test_defaults_are_filled_in_and_text_is_converted():
    assert check_params(SHIFT, {"days": "30"}) == {"mode": "fixed", "days": 30}
    assert check_params(SHIFT, {"days": 30, "mode": "epoch"}) == {"mode": "epoch", "days": 30}


@pytest.mark.parametrize(
    ("params", "where"),
    [({"mode": "fixed"}, "mode"), ({"mode": "fixed", "days": 0}, "days"), ({}, "")],
)
def test_a_parameter_that_another_one_needs(params: dict[str, Any], where: str) -> None:
    mode = ParamSpec("mode", "choice", default="fixed", choices=("fixed", "epoch"))
    days = ParamSpec("days", "int", default=0, needed_with=("mode", "fixed"))
    move = ActionSpec("move", "C", "Move dates.", (mode, days))
    with pytest.raises(ParamError, match=r"move with mode: fixed needs days, and not 0") as caught:
        check_params(move, params)
    assert caught.value.param == where
    assert check_params(move, {"mode": "epoch"}) == {"mode": "epoch", "days": 0}
    assert check_params(move, {"days": -1}) == {"mode": "fixed", "days": -1}


@pytest.mark.parametrize(
    ("given_params", "param", "message"),
    [
        ({}, "", "needs the parameter 'days'"),
        ({"days": 1, "weeks": 2}, "weeks", "unknown parameter 'weeks' of shift-date; it takes"),
        ({"days": "soon"}, "days", "days: must be a whole number"),
        ({"days": True}, "days", "days: must be text"),
        ({"days": 0}, "days", "days: must be from 1 to 3650"),
        ({"days": 1, "mode": "x"}, "mode", "mode: must be one of fixed, epoch"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given_params, param, message):
    with pytest.raises(ParamError, match=message) as caught:
        check_params(SHIFT, given_params)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("str", 5, "5"),
        ("bool", "true", True),
        ("bool", False, False),
        ("regex", "^a+$", "^a+$"),
        ("template", "{PatientID}-{{x}}", "{PatientID}-{{x}}"),
        ("tag", "(0010,0020)", 0x00100020),
        ("date", "2000-02-29", "20000229"),
        ("date", "20000101", "20000101"),
        ("mapping", {"a": 1}, {"a": "1"}),
    ],
)
def test_each_kind_gives_what_it_promises(kind, value, expected):
    assert check_value(ParamSpec("p", kind), value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("str", None),
        ("str", ["a"]),
        ("str", "x" * 10_001),
        ("bool", "maybe"),
        ("bool", 1.5),
        ("regex", "("),
        ("regex", "a" * (MAX_PATTERN + 1)),
        ("regex", "a{99999999999}"),
        ("template", "{PatientID"),
        ("template", "a}b"),
        ("template", "{}"),
        ("tag", "nowhere"),
        ("date", "20010229"),
        ("date", "2001-0101"),
        ("mapping", "a"),
        ("mapping", {"a": ["b"]}),
    ],
)
def test_each_kind_refuses_the_rest(kind, value):
    with pytest.raises(ParamError, match=r"^p: "):
        check_value(ParamSpec("p", kind), value)


def test_fields_of_a_template():
    assert template_fields("{PatientID}/{{x}}/{StudyDate}") == ("PatientID", "StudyDate")


@given(st.text(alphabet="{}ab", max_size=12))
def test_a_template_either_has_named_fields_or_is_refused(text):
    try:
        fields = template_fields(text)
    except ValueError:
        return
    assert all(fields)
