"""Values made to cost time: what looks like a number for long and then is none."""

from __future__ import annotations

import pytest

from deident.engine.identifiers import Identifiers
from deident.engine.numbers import hits_in_number
from deident.engine.verify import Matcher


@pytest.mark.parametrize("vr", ["DS", "IS", "DA", "TM", "DT", "AS", "UI"])
@pytest.mark.parametrize("piece", [b"1", b" ", b"1.", b"1\\", b"\\", b" \0", b"1.0\\ "])
def test_a_long_value_that_does_not_fit_is_refused_in_one_pass(vr: str, piece: bytes) -> None:
    nobody = Matcher(Identifiers(()))
    value = piece * (200_000 // len(piece)) + b"word"
    assert [hit.kind for hit in hits_in_number(nobody, 0x00181110, vr, value)] == ["unfit"]
