"""Open the JSON files beside this one, and read tag patterns as they stand in them."""

from __future__ import annotations

import json
import os
from typing import Any

# 50xx and 60xx stand for the even groups 5000-501E and 6000-601E (PS3.5 7.6), 7Fxx for even groups.
_GROUP_MASKS = {"50xx": 0xFFE1, "60xx": 0xFFE1, "7Fxx": 0xFF01}
PRIVATE_PATTERN = "gggg(odd)eeee"
_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - pathlib costs a tenth of the start-up


def load(name: str) -> Any:
    """Return the content of a file of the tables; the caller keeps it."""
    with open(os.path.join(_FOLDER, name), "rb") as file:  # noqa: PTH118, PTH123 - as above
        return json.loads(file.read())


def pattern_mask(pattern: str) -> tuple[int, int]:
    """Return `(value, mask)` of a tag pattern: it is for every tag with `tag & mask == value`.

    A pattern has eight hex digits, `x` for any digit. `50xx` and `60xx` cover the even groups 00 to
    1E only (PS3.5 7.6); `gggg(odd)eeee` stands for every odd group.
    """
    if pattern == PRIVATE_PATTERN:
        return 0x00010000, 0x00010000
    if "x" not in pattern:
        return int(pattern, 16), 0xFFFFFFFF
    digits = "".join("0" if c == "x" else "F" for c in pattern)
    group = _GROUP_MASKS.get(pattern[:4], int(digits[:4], 16))
    return int(pattern.replace("x", "0"), 16), group << 16 | int(digits[4:], 16)
