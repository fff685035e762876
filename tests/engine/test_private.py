"""Whose private blocks they are (PS3.5 7.8, PS3.15 E.3.10)."""

from __future__ import annotations

import pytest

from deident.engine.private import creator_of, creators
from tests.engine.support import element

BLOCK, PRIVATE = 0x00190010, 0x00191008


def test_a_block_belongs_to_its_creator() -> None:
    found = creators([element(BLOCK, "LO", "ACME 1.0 "), element(0x00190011, "LO", "OTHER")])
    assert creator_of(PRIVATE, found) == "ACME 1.0"
    assert creator_of(0x00191108, found) == "OTHER"
    assert creator_of(0x00191208, found) == ""


@pytest.mark.parametrize("second", ["ACME 1.0", "OTHER"])
def test_C82_a_block_with_two_creators_is_nobodys(second: str) -> None:
    assert creators([element(BLOCK, "LO", "ACME 1.0"), element(BLOCK, "LO", second)]) == {BLOCK: ""}


@pytest.mark.parametrize("value", [b"ACME\\OTHER", b"\xff\xfe"])
def test_C82_what_is_no_name_of_a_creator_is_nobodys(value: bytes) -> None:
    assert creators([element(BLOCK, "LO", value)]) == {BLOCK: ""}
