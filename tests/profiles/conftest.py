"""A small catalogue of actions, and profile files written on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from deident.profiles.catalog import ActionSpec, ParamSpec

TEXT_VRS = frozenset({"LO", "SH", "PN", "CS", "LT", "ST", "UT", "UC"})
DATE_VRS = frozenset({"DA", "DT"})

ACTIONS = {
    action.name: action
    for action in (
        ActionSpec("keep", "K", "Leave as it is."),
        ActionSpec("remove", "X", "Remove."),
        ActionSpec("empty", "Z", "Empty."),
        ActionSpec("uid", "U", "New UID.", vrs=frozenset({"UI"})),
        ActionSpec(
            "prefix",
            "",
            "Put text in front.",
            (ParamSpec("text", "str", required=True, doc="The text."),),
            vrs=TEXT_VRS,
            sequences=False,
        ),
        ActionSpec(
            "shift-date",
            "C",
            "Shift a date.",
            (
                ParamSpec("mode", "choice", default="patient", choices=("patient", "fixed")),
                ParamSpec("days", "int", low=1, high=3650, doc="By how many days."),
            ),
            vrs=DATE_VRS,
            sequences=False,
        ),
        ActionSpec(
            "map",
            "",
            "Replace by pattern.",
            (
                ParamSpec("pattern", "regex", required=True),
                ParamSpec("replacement", "template", default=""),
            ),
            vrs=TEXT_VRS,
            sequences=False,
        ),
        ActionSpec("quarantine", "", "Put the instance into quarantine."),
    )
}

HEAD = "format: 1\nname: test\n"


@pytest.fixture
def actions():
    return ACTIONS


@pytest.fixture
def write(tmp_path: Path):
    """Write a profile file; `format` and `name` are put in front unless `whole` is set."""

    def write(body: str, name: str = "test.yaml", *, whole: bool = False) -> Path:
        path = tmp_path / name
        path.write_text(body if whole else HEAD + body, encoding="utf-8")
        return path

    return write
