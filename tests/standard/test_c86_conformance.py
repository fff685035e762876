"""C86 and C94: what the conformance statement says is what the engine does (PS3.15 E.1.3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from deident import tables
from deident.app.conformance import statement
from deident.app.documents.blocks import Block, Heading, Table, plain
from deident.app.documents.html import render
from deident.profiles.model import DatePolicy, Profile, Rule
from deident.profiles.selectors import parse_selector
from tests.make import PEOPLE, ct
from tests.standard.published import rows
from tests.standard.test_c80_private import SAFE, image, plant, safe_rows
from tests.standard.whole import cleaned, keep

MODIFIED = "retain-modified-dates"


def section(title: str, *options: str, **profile: Any) -> list[Block]:
    """The blocks below a heading of the statement."""
    blocks = statement(Profile("test", options=options, **profile)).blocks
    start = next(
        n for n, one in enumerate(blocks) if isinstance(one, Heading) and one.text == title
    )
    found: list[Block] = []
    for block in blocks[start + 1 :]:
        if isinstance(block, Heading) and block.level == 2:
            break
        found.append(block)
    return found


def words(blocks: list[Block]) -> str:
    return " ".join(str(block) for block in blocks)


def table(blocks: list[Block], first: str) -> list[tuple[str, ...]]:
    """The rows of the table with this first head, as text."""
    found = next(one for one in blocks if isinstance(one, Table) and one.heads[0] == first)
    return [tuple(map(plain, row)) for row in found.rows]


# -- C86 ------------------------------------------------------------------------------------------


def test_C86_every_private_attribute_that_stays_is_listed_with_what_is_done() -> None:
    listed = {(row[0], row[1]): row[5] for row in table(section("Private attributes", SAFE), "tag")}
    assert len(listed) == 479
    made = image()
    planted = plant(made, safe_rows(), 0x10)
    new = cleaned(made, SAFE)
    for tag, row in planted.items():
        told = listed[f"({row.group:04X},xx{row.low:02X})", row.creator]
        if tag not in new:
            assert "removed" in told, row
        elif new[tag].value == made[tag].value:
            assert "kept" in told, row
        else:
            assert told in ("kept", "new UID"), row  # of a sequence: what is inside is decided


def test_C86_without_the_option_all_go() -> None:
    blocks = section("Private attributes")
    assert "All are removed" in words(blocks)
    assert not [block for block in blocks if isinstance(block, Table)]


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"private_numeric": True}, "numbers (US,"),
        ({"private_characteristics": True}, "(0008,0300)"),
        ({"rules": (Rule(parse_selector('(0019,"ACME",0C)'), "keep"),)}, "rules of the profile"),
        ({"base": "keep"}, "All are kept"),
    ],
)
def test_C86_other_grounds_are_told(profile: dict[str, Any], told: str) -> None:
    assert told in words(section("Private attributes", **profile))


# -- C94 ------------------------------------------------------------------------------------------


def test_C94_the_manner_of_modification_is_described() -> None:
    policy = DatePolicy(70, whole_weeks=True)
    told = words(section("How dates and times are modified", MODIFIED, dates=policy))
    for text in (
        "MODIFIED", "1 to 70 whole days into the past", "multiple of seven", "never zero",
        "same number of days", "intervals stay", "HMAC-SHA-256", "UTC offsets stay",
        "no whole date",
    ):  # fmt: skip
        assert text in told


def test_C94_every_attribute_that_is_shifted_is_listed() -> None:
    blocks = section("How dates and times are modified", MODIFIED)
    listed = {row[0] for row in table(blocks, "tag")}
    asked = {
        f"({row.tag[:4]},{row.tag[4:]})" if "," not in row.tag else row.tag
        for row in rows()
        if row.code([MODIFIED]) == "C" and row.vr != "SH"
    } - {"(0400,0310)"}  # a signed timestamp cannot be shifted: it goes as its type allows
    assert asked <= listed
    ours = {one.pattern for one in tables.supplement() if one.options.get(MODIFIED) == "C"}
    assert {tag.strip("()").replace(",", "") for tag in listed - asked} <= ours


def test_C94_what_is_said_of_the_shift_is_done() -> None:
    made = ct(PEOPLE[0], 1)
    new: Dataset = cleaned(made, MODIFIED, dates=DatePolicy(7, whole_weeks=True))
    assert (made.StudyDate, new.StudyDate) == ("20240318", "20240311")
    assert new.StudyTime == made.StudyTime


def test_C94_without_the_option_none_is_shifted() -> None:
    told = words(section("How dates and times are modified"))
    assert "none is shifted" in told
    assert "REMOVED" in told
    told = words(section("How dates and times are modified", "retain-full-dates"))
    assert "stay as they are" in told
    assert "UNMODIFIED" in told


def test_C94_rules_that_shift_are_named() -> None:
    rule = keep(0x00080020, "shift-date", mode="fixed", days=-3)
    found = table(section("How dates and times are modified", rules=(rule,)), "tag")
    assert ("(0008,0020)", "Study Date", "DA", "test: fixed") in found


# -- the rest of the statement --------------------------------------------------------------------


def test_codes_are_claimed_only_where_nothing_is_loosened() -> None:
    claimed = table(section("Profile and options claimed", "retain-uids"), "code")
    assert [row[0] for row in claimed] == ["113100", "113110"]
    rule = keep(0x00080080)
    for profile in ({"rules": (rule,)}, {"rules": (keep(0x00100010),)}, {"base": "keep"}):
        assert "None." in words(section("Profile and options claimed", **profile))


def test_every_row_of_the_standard_is_in_the_table_of_attributes() -> None:
    found = table(section("How attributes are handled"), "tag")
    assert {row.tag for row in rows()} <= {row[0].strip("()").replace(",", "") for row in found} | {
        row[0] for row in found
    }
    ruled = table(section("How attributes are handled", rules=(keep(0x00080080),)), "tag")
    assert [row[4:7] for row in ruled if row[0] == "(0008,0080)"] == [("keep", "keep", "keep")]


def test_what_is_not_done_is_said() -> None:
    told = words(section("What is not done"))
    for text in ("Clean Pixel Data Option", "113105", "Faces", "Weak finds", "Other people"):
        assert text in told


def test_it_can_be_written_for_every_profile_as_a_page() -> None:
    for profile in (Profile("p"), Profile("k", base="keep"), Profile("s", options=(SAFE,))):
        text = "".join(render(statement(profile)))
        assert text.startswith("<!DOCTYPE html>")
        assert "ISO_IR 192" in text
        assert "JPEG 2000" in text
