"""A large value behind a header that is remembered: decided and searched in every instance."""

from __future__ import annotations

from pathlib import Path

import pytest

from deident.dicom.parse import Limits
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.profiles.model import Profile
from tests.engine.support import KEY, written
from tests.make import PEOPLE, ct, encoded
from tests.raw import File
from tests.standard.whole import keep

PERSON = PEOPLE[0]
SECRET = PERSON.name.partition("^")[0].encode()
PIXEL_DATA = 0x7FE00010
SIZE = 1 << 14
BASIC = Profile("basic")
WITHOUT_PIXELS = BASIC._replace(rules=(keep(PIXEL_DATA, "remove"),))
WITH_EMPTY_PIXELS = BASIC._replace(rules=(keep(PIXEL_DATA, "empty"),))
SERIES = 12

# name: the last element, its VR, the profile, and whether it stays when it names nobody
LAST: dict[str, tuple[int, str, Profile, bool]] = {
    "private value": (0x7FE11001, "OB", BASIC, False),
    "private value of unknown kind": (0x7FE11001, "UN", BASIC, False),
    "padding": (0xFFFCFFFC, "OB", BASIC, False),
    "overlay": (0x60003000, "OW", BASIC, False),
    "waveform": (0x54001010, "OW", BASIC, True),
    "pixel data": (PIXEL_DATA, "OW", BASIC, True),
    "float pixel data": (0x7FE00008, "OF", BASIC, True),
    "pixel data that a rule removes": (PIXEL_DATA, "OW", WITHOUT_PIXELS, False),
    "pixel data that a rule empties": (PIXEL_DATA, "OW", WITH_EMPTY_PIXELS, False),
}  # fmt: skip


def instances(tag: int, vr: str) -> list[bytes]:
    """A series in which each instance has such a value in the end; the last one names somebody."""
    made = []
    for number in range(1, SERIES + 1):
        file = File.of(encoded(ct(PERSON, number)))
        del file.elements[PIXEL_DATA]
        if tag >> 16 & 1:
            file.put(tag & 0xFFFF0000 | 0x10, "LO", b"ACME")
        secret = SECRET if number == SERIES else b""
        file.put(tag, vr, (bytes([number]) * 8 + secret).ljust(SIZE, b"\0"))
        made.append(file.encoded())
    return made


@pytest.mark.parametrize("kind", LAST)
def test_a_large_value_at_the_end_is_judged_each_time(kind: str, tmp_path: Path) -> None:
    tag, vr, profile, stays = LAST[kind]
    short_way, long_way = (
        Engine(Plan(profile), Identity(KEY), limits=Limits(bulk=SIZE // 2), remembering=remembering)
        for remembering in (True, False)
    )
    for number, data in enumerate(instances(tag, vr), 1):
        with short_way.prepare_bytes(data) as one, long_way.prepare_bytes(data) as other:
            result = written(one)
            assert result == written(other)
        assert (bytes([number]) * 8 in result) is (
            stays and (number < SERIES or tag >> 16 == 0x7FE0)
        )
        assert SECRET not in result or tag >> 16 == 0x7FE0
    assert short_way.take_tally() == long_way.take_tally()
    assert short_way.take_texts() == long_way.take_texts()
