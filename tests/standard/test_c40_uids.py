"""C41, C42, C44, C45: what derived UIDs must be."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deident.engine.pseudonyms import Identity
from tests.engine.support import act, subject

LEGAL = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
uids = st.lists(st.integers(0, 10**12), min_size=1, max_size=10).map(
    lambda parts: ".".join(map(str, parts))
)
keys = st.binary(min_size=32, max_size=32)
roots = st.sampled_from(["2.25", "1.2", "1.2.826.0.1.3680043.10.1234", "1.2." + "3" * 34])


@given(keys, roots, uids)
def test_C41_the_same_uid_becomes_the_same_uid(key: bytes, root: str, old: str) -> None:
    assert Identity(key, uid_root=root).uid(old) == Identity(key, uid_root=root).uid(old)


@given(keys, roots, uids)
def test_C42_new_uids_are_legal(key: bytes, root: str, old: str) -> None:
    new = Identity(key, uid_root=root).uid(old)
    assert len(new) <= 64
    assert LEGAL.fullmatch(new)
    assert new.startswith(root + ".")


@given(keys, roots, st.lists(uids, min_size=2, max_size=50, unique=True))
def test_C42_different_uids_stay_different(key: bytes, root: str, old: list[str]) -> None:
    identity = Identity(key, uid_root=root)
    assert len({identity.uid(uid) for uid in old}) == len(old)


def test_C42_another_key_gives_other_uids() -> None:
    assert Identity(bytes(32)).uid("1.2.3") != Identity(bytes(31) + b"\1").uid("1.2.3")


@given(keys, uids)
def test_C45_uids_are_custom_uuids_without_a_time(key: bytes, old: str) -> None:
    made = uuid.UUID(int=int(Identity(key).uid(old).removeprefix("2.25.")))
    assert made.version == 8
    assert made.variant == uuid.RFC_4122


@pytest.mark.parametrize("count", [20_000])
def test_C42_more_uids_than_the_cache_holds(count: int) -> None:
    identity = Identity(bytes(32))
    first = [identity.uid(f"1.2.{number}") for number in range(count)]
    assert len(set(first)) == count
    assert [identity.uid(f"1.2.{number}") for number in range(count)] == first


@pytest.mark.parametrize("tag", [0x00200052, 0x00200200, 0x00209164, 0x00083010, 0x00620021])
def test_C44_a_uid_is_renewed_alike_wherever_it_stands(tag: int) -> None:
    at_top = act("uid", subject(tag, "UI", "1.2.3\0"))
    below = act("uid", subject(0x00081155, "UI", "1.2.3", path=(0x00081140, 0)))
    assert at_top == below


@given(st.binary(min_size=1, max_size=70).filter(lambda raw: raw.strip(b" \0\\")))
@example(raw=b"\t")
def test_C42_whatever_stands_in_place_of_a_uid_becomes_one(raw: bytes) -> None:
    found = act("uid", subject(0x00080018, "UI", raw))
    for value in found.value.decode("ascii").split("\\"):
        assert not value or (LEGAL.fullmatch(value) and len(value) <= 64)
