"""Table E.1-1 and the attribute types as published, and what they ask for, worked out again.

Nothing here comes from `deident.profiles`: the raw tables are read (`$DEIDENT_STANDARD`, else
../shared/standard, else the table that the package ships), and PS3.15 E.1.1 is spelt out a second
time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from pydicom.datadict import tag_for_keyword

from deident import tables
from deident.profiles.model import AVAILABLE_OPTIONS

ROOT = Path(__file__).parents[2]
RAW = Path(os.environ.get("DEIDENT_STANDARD", ROOT.parent / "shared/standard"))
# column of the raw table → option
_COLUMNS = {
    "retain_safe_private": "retain-safe-private",
    "retain_uids": "retain-uids",
    "retain_device_identity": "retain-device-identity",
    "retain_institution_identity": "retain-institution-identity",
    "retain_patient_characteristics": "retain-patient-characteristics",
    "retain_longitudinal_full_dates": "retain-full-dates",
    "retain_longitudinal_modified_dates": "retain-modified-dates",
}
OPTIONS = sorted(AVAILABLE_OPTIONS)
UNKNOWN = "?"  # the type of everything where the SOP class is not known


class Row(NamedTuple):
    """One row of Table E.1-1: `tag` as printed, `x` for any digit; `vr` empty where it has none."""

    tag: str
    vr: str
    least: int
    basic: str
    options: Mapping[str, str]

    def code(self, options: Iterable[str]) -> str:
        """The action code under options: cleaning before keeping, both before the profile."""
        asked = {self.options[option] for option in options if option in self.options}
        return "C" if "C" in asked else "K" if "K" in asked else self.basic


@cache
def rows() -> tuple[Row, ...]:
    """The 657 rows."""
    path = RAW / "ps3.15_table_e1-1.json"
    if path.is_file():
        return tuple(map(_published, json.loads(path.read_text("utf-8"))["rows"]))
    raw = json.loads(resources.files(tables).joinpath("annex_e.json").read_text("utf-8"))
    return tuple(
        Row(tag, *_vr(tag), basic, {key: code for key, code in options.items() if key in OPTIONS})
        for tag, basic, options, _ in raw["rows"]
    )


def _published(raw: Mapping[str, Any]) -> Row:
    options = {_COLUMNS[key]: code for key, code in raw.items() if key in _COLUMNS}
    vr = str(raw["vr"] or "").split(" or ")[-1]
    return Row(raw["tag"], vr, int(str(raw["vm"] or "1").split("-")[0]), raw["basic"], options)


def _vr(pattern: str) -> tuple[str, int]:
    if not pattern.isalnum() or pattern == "50xxxxxx":
        return "", 1
    known = tables.attribute(int(pattern.replace("x", "0"), 16))
    return (known.vr, int(known.vm.split("-")[0])) if known else ("", 1)


# -- attribute types -------------------------------------------------------------------------------


@cache
def _types() -> dict[str, Any]:
    path = RAW / "ps3.3_types_of_protected_attributes.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def sop_classes() -> tuple[str, ...]:
    """The SOP classes whose IOD is published, in order; a few where the raw table is absent."""
    return tuple(sorted(_types().get("sop", SOME_SOP_CLASSES)))


# Digital X-Ray, Encapsulated PDF, X-Ray Angiography, RT structure set, RT beams record, PET and
# whole slide images: between them every compound code meets every type that it ever meets.
SOME_SOP_CLASSES = tuple(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in ("104.1", "12.1", "128", "481.10", "481.3", "481.4", "77.1.5.1")
)

# Protected attribute below one sequence at most: (parent or 0, tag) → strongest type of any module.
Types = Mapping[tuple[int, int], str]
_STRENGTH = ("1", "1C", "2", "2C", "3")


@cache
def types_of(sop_class: str) -> Types:
    """Types in the IOD of a SOP class; empty if it is not known."""
    raw = _types()
    if not raw:
        return _ShippedTypes(sop_class)
    found: dict[tuple[int, int], str] = {}
    for module, _usage in raw["iods"].get(raw["sop"].get(sop_class, ""), ()):
        for path, type_ in raw["modules"].get(module, ()):
            tags = [_tag(keyword) for keyword in path.split("/")]
            if type_ == "None" or None in tags:
                continue
            key = (tags[0] if len(tags) > 1 else 0, tags[-1])
            found[key] = min(found.get(key, type_), type_, key=_STRENGTH.index)
    return found


@cache
def _tag(keyword: str) -> int | None:
    tag = tag_for_keyword(keyword)
    return tables.keyword_to_tag(keyword) if tag is None else int(tag)


class _ShippedTypes(dict[tuple[int, int], str]):
    """The types that the package ships, asked for one by one."""

    def __init__(self, sop_class: str) -> None:
        super().__init__()
        self._sop_class = sop_class

    def get(self, key: tuple[int, int], default: Any = None) -> Any:
        parents = (key[0],) if key[0] else ()
        return tables.attribute_type(self._sop_class, parents, key[1]) or default


# -- what a code asks for --------------------------------------------------------------------------

# What may be seen of an attribute afterwards.
GONE, EMPTY, DUMMY, RENEWED, SAME, CLEANED = [
    "gone",
    "empty",
    "dummy",
    "renewed",
    "same",
    "cleaned",
]

# code → for Type 1, 2, 3, not in the IOD, SOP class not known: what PS3.15 E.1.1 allows there. A
# letter counts where the IOD's type asks for it; where types are not known it is the safest that
# keeps the attribute. Z may be carried out by a dummy value.
_BY_TYPE: dict[str, tuple[set[str], set[str], set[str], set[str], set[str]]] = {
    "X": ({GONE}, {GONE}, {GONE}, {GONE}, {GONE}),
    "Z": ({DUMMY}, {EMPTY, DUMMY}, {EMPTY, DUMMY}, {EMPTY, DUMMY}, {EMPTY, DUMMY}),
    "D": ({DUMMY}, {DUMMY}, {DUMMY}, {DUMMY}, {DUMMY}),
    "U": ({RENEWED}, {RENEWED}, {RENEWED}, {RENEWED}, {RENEWED}),
    "K": ({SAME}, {SAME}, {SAME}, {SAME}, {SAME}),
    "X/Z": ({DUMMY}, {EMPTY, DUMMY}, {GONE}, {GONE}, {EMPTY, DUMMY}),
    "X/D": ({DUMMY}, {DUMMY}, {GONE}, {GONE}, {DUMMY}),
    "Z/D": ({DUMMY}, {EMPTY, DUMMY}, {EMPTY, DUMMY}, {EMPTY, DUMMY}, {DUMMY}),
    "X/Z/D": ({DUMMY}, {EMPTY, DUMMY}, {GONE}, {GONE}, {DUMMY}),
    "X/Z/U*": ({RENEWED}, {EMPTY, DUMMY}, {GONE}, {GONE}, {EMPTY, DUMMY}),
    "C": (
        {CLEANED, DUMMY},
        {CLEANED, EMPTY, DUMMY},
        {CLEANED, EMPTY, GONE},
        {CLEANED, EMPTY, GONE},
        {CLEANED, EMPTY, GONE},
    ),
}
COMPOUND = sorted(code for code in _BY_TYPE if "/" in code)
_COLUMN = {"1": 0, "1C": 0, "2": 1, "2C": 1, "3": 2, None: 3, UNKNOWN: 4}


def allowed(code: str, vr: str, type_: str | None) -> set[str]:
    """What may become of an attribute of this VR and type (`UNKNOWN`: of no known IOD)."""
    found = _BY_TYPE[code][_COLUMN[type_]]
    if code == "C" and vr in ("DA", "DT", "TM", "SQ", "AE"):
        return {CLEANED}  # there is a value of similar meaning for these
    if vr == "UI" and DUMMY in found:
        return (found - {DUMMY}) | {RENEWED}
    return found


def collisions() -> list[tuple[str, ...]]:
    """The pairs of available options that both have an action for some row."""
    pairs = {
        tuple(sorted((one, other)))
        for row in rows()
        for one in row.options
        for other in row.options
        if one < other
    }
    pairs.discard(("retain-full-dates", "retain-modified-dates"))  # these exclude each other
    return sorted(pairs)
