"""SOP UIDs that are none: the instance is refused by code, whatever byte is wrong."""

from __future__ import annotations

import pytest

from deident.app.api import identity_of
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.errors import InstanceError
from deident.profiles.loader import load
from tests.make import PEOPLE, ct, encoded

_CLASS = b"1.2.840.10008.5.1.4.1.1.2\0"


@pytest.mark.parametrize("profile", ["basic", "keep-all-except"])
@pytest.mark.parametrize("at", [0, 7, len(_CLASS) - 2])
def test_a_class_uid_with_a_foreign_byte(at, profile):
    data = encoded(ct(PEOPLE[0], size=4))
    wrong = _CLASS[:at] + b"\x80" + _CLASS[at + 1 :]
    loaded = load(profile)
    engine = Engine(Plan(loaded), identity_of(loaded, bytes(32)))
    with pytest.raises(InstanceError) as caught:
        engine.prepare_bytes(data.replace(_CLASS, wrong))
    assert caught.value.code == "missing-uid"
