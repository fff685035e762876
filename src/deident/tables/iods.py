"""Which type (1, 1C, 2, 2C, 3) an attribute has in the IOD of a SOP class (PS3.3, PS3.5 7.4).

Answers for every module of the IOD, used or not: an attribute that is there came from one of them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from deident.tables.files import load, pattern_mask

_STRENGTH = ("1", "1C", "2", "2C", "3")  # strongest first
_GROUP_60XX = pattern_mask("60xx0000")


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = load("attribute_types.json")
    return data


def knows_sop_class(uid: str) -> bool:
    """Return whether the IOD of this SOP class is in the tables."""
    return uid in _data()["sop"]


def sop_classes() -> tuple[str, ...]:
    """Return every SOP class whose IOD is in the tables."""
    return tuple(_data()["sop"])


def attribute_type(sop_class_uid: str, parents: tuple[int, ...], tag: int) -> str | None:
    """Return the strongest type that any module of the IOD gives the attribute.

    `parents` are the tags of the sequences above it, outermost first; only the innermost counts, as
    the same macro rarely differs by place. `None`: SOP class not known, or the IOD does not name
    the attribute there.
    """
    iod = _data()["sop"].get(sop_class_uid)
    if iod is None:
        return None
    parent = parents[-1] if parents else 0
    return _types(iod).get((parent, _lowest(tag)))


def _lowest(tag: int) -> int:
    value, mask = _GROUP_60XX
    return value | (tag & 0xFFFF) if tag & mask & 0xFFFF0000 == value else tag


@lru_cache(maxsize=16)
def _types(iod: str) -> dict[tuple[int, int], str]:
    data = _data()
    entries: list[str] = data["entries"]
    types: dict[tuple[int, int], str] = {}
    for module in data["iods"][iod]:
        for run in data["modules"][module].split():
            first, _, last = run.partition("-")
            for entry in entries[int(first) : int(last or first) + 1]:
                pair, type_ = entry.split(" ")
                parent, _, tag = pair.partition("/")
                key = (int(parent, 16), int(tag, 16))
                known = types.get(key)
                if known is None or _STRENGTH.index(type_) < _STRENGTH.index(known):
                    types[key] = type_
    return types
