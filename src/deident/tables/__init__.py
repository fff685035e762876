"""The published facts that all else stands on, as JSON beside this file, and their one loader.

Each function loads its file on first use and keeps it; `SOURCES.md` says where each file comes from
and `tools/build_tables.py` makes them. The tables are data: what follows from them is decided in
`profiles` and `engine`. Nothing here imports pydicom, except `private_attribute` when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from deident.tables.files import PRIVATE_PATTERN, load, pattern_mask
from deident.tables.iods import attribute_type, knows_sop_class, sop_classes

__all__ = [
    "PRIVATE_PATTERN",
    "AnnexERow",
    "Attribute",
    "ConceptRow",
    "Method",
    "SafePrivate",
    "SupplementRow",
    "annex_e",
    "attribute",
    "attribute_type",
    "attributes",
    "edition",
    "keyword_to_pattern",
    "keyword_to_tag",
    "keywords",
    "knows_sop_class",
    "methods",
    "pattern_mask",
    "private_attribute",
    "private_creators",
    "registered_uids",
    "safe_private",
    "sop_class_name",
    "sop_classes",
    "structural_uids",
    "structured_content",
    "supplement",
    "vr_of",
    "vrs",
]


class Attribute(NamedTuple):
    """One attribute of PS3.6, or the pattern of a repeating group.

    Attributes:
        tag: group << 16 | element; the lowest tag of a repeating group.
        vr: the VR to work with where only the tag is known (see `vr_of`).
        vm: value multiplicity as printed in PS3.6, e.g. `1-n`.
        keyword, name: as in PS3.6; both may be empty for retired attributes.
        retired: whether PS3.6 marks it RET.
        vrs: every VR that PS3.6 allows, e.g. `("US", "SS")`.
    """

    tag: int
    vr: str
    vm: str
    keyword: str
    name: str
    retired: bool
    vrs: tuple[str, ...]


class AnnexERow(NamedTuple):
    """One row of PS3.15 Table E.1-1.

    Attributes:
        pattern: the tag as eight hex digits, `x` for any; `gggg(odd)eeee` for private attributes.
        value, mask: the row is for every tag with `tag & mask == value`.
        basic: action code of the Basic Profile: X, Z, D, U, K, C or a combination such as X/Z/D.
        options: action code per option column that has one, e.g. `{"retain-uids": "K"}`.
        in_iod: whether the attribute is used in a standard composite IOD.
        retired: whether PS3.6 has retired it.
    """

    pattern: str
    value: int
    mask: int
    basic: str
    options: Mapping[str, str]
    in_iod: bool
    retired: bool


class SupplementRow(NamedTuple):
    """One rule of our own for what Table E.1-1 leaves open.

    Attributes:
        kind: `foreign` for groups that do not belong in a data set, which go before Table E.1-1;
            all others come after it: `tag` and `mask` select by tag, `vr` by value representation,
            `unknown` every even tag that no dictionary knows.
        pattern: eight hex digits (`x` for any), a VR, or empty for `unknown`.
        value, mask: for kinds that select by tag, as in `AnnexERow`; else 0.
        basic, options: as in `AnnexERow`. K: looked at, and found that it may stay.
        reason: why, in one or two sentences.
    """

    kind: str
    pattern: str
    value: int
    mask: int
    basic: str
    options: Mapping[str, str]
    reason: str


class SafePrivate(NamedTuple):
    """One private attribute of PS3.15 Table E.3.10-1; `element`: low byte of the element number."""

    group: int
    element: int
    creator: str
    vr: str
    vm: str
    meaning: str


class ConceptRow(NamedTuple):
    """One row of PS3.15 Table E.3.4-1: what to do with content items of a concept name."""

    scheme: str
    code: str
    meaning: str
    value_type: str
    basic: str
    options: Mapping[str, str]


class Method(NamedTuple):
    """One code of PS3.16 CID 7050 for De-identification Method Code Sequence (0012,0064)."""

    code: str
    scheme: str
    meaning: str


@cache
def _dictionary() -> tuple[dict[int, str], dict[int, str], list[tuple[int, int, str]]]:
    data = load("attributes.json")
    rows: list[str] = data["rows"]
    names = {vr: vr for vr in data["vrs"]}  # one string per VR instead of one per attribute
    lines = {int(row[:8], 16): row for row in rows}
    vrs = {tag: names[row[9:11]] for tag, row in lines.items()}
    return lines, vrs, [(*pattern_mask(row[:8]), row) for row in data["masks"]]


def vrs() -> Mapping[int, str]:
    """Return tag → VR of every attribute that has a number of its own (see `vr_of`)."""
    return _dictionary()[1]


def vr_of(tag: int) -> str | None:
    """Return the VR of an attribute from its tag alone, or `None` if no table knows it.

    Where PS3.6 allows several: US before SS, OW before all others (as in Implicit VR, PS3.5 A.1).
    Covers repeating groups, private creators (LO, PS3.5 7.8.1) and group lengths (UL).
    """
    vr = _dictionary()[1].get(tag)
    if vr is not None:
        return vr
    element = tag & 0xFFFF
    if not element:
        return "UL"
    if tag & 0x10000:
        return "LO" if 0x0010 <= element <= 0x00FF else None
    row = _repeating(tag)
    return row[9:11] if row else None


def _repeating(tag: int) -> str | None:
    for value, mask, row in _dictionary()[2]:
        if tag & mask == value:
            return row
    return None


def attribute(tag: int) -> Attribute | None:
    """Return the standard attribute with this tag, repeating groups included, or `None`."""
    row = _dictionary()[0].get(tag) or (None if tag & 0x10000 else _repeating(tag))
    return None if row is None else _attribute(row)


def _attribute(row: str) -> Attribute:
    number, vr, vm, keyword, name, retired, vrs = row.split("|")
    return Attribute(
        int(number.replace("x", "0"), 16),
        vr,
        vm,
        keyword,
        name,
        retired == "R",
        tuple(vrs.split(" or ")) if vrs else (vr,),
    )


def attributes() -> tuple[Attribute, ...]:
    """Return every attribute of the dictionary; repeating groups come last."""
    lines, _, masks = _dictionary()
    return tuple(map(_attribute, [*lines.values(), *(row for _, _, row in masks)]))


@cache
def _keywords() -> dict[str, str]:
    lines, _, masks = _dictionary()
    rows = [*lines.values(), *(row for _, _, row in masks)]
    return {keyword: row[:8] for row in rows if (keyword := row.split("|", 4)[3])}


def keyword_to_tag(keyword: str) -> int | None:
    """Return the tag of a keyword; of a repeating group (`OverlayData`) the lowest; else `None`."""
    pattern = _keywords().get(keyword)
    return None if pattern is None else int(pattern.replace("x", "0"), 16)


def keyword_to_pattern(keyword: str) -> str | None:
    """Return the tag of a keyword as eight digits, maybe a pattern (`60xx3000`), or `None`."""
    return _keywords().get(keyword)


def keywords() -> tuple[str, ...]:
    """Return every keyword of the dictionary."""
    return tuple(_keywords())


@lru_cache(maxsize=1024)
def private_attribute(creator: str, group: int, element: int) -> tuple[str, str, str] | None:
    """Return `(vr, vm, name)` of a private attribute that pydicom's dictionaries know, else `None`.

    `element` is the low byte of the element number. Imports pydicom's private dictionary (slow).
    """
    from pydicom._private_dict import private_dictionaries

    entries = private_dictionaries.get(creator)
    if entries is None:
        return None
    entry = entries.get(f"{group:04X}xx{element:02X}")
    return None if entry is None else (entry[0], entry[1], entry[2])


@cache
def private_creators() -> frozenset[str]:
    """Return the private creators that pydicom's dictionaries or PS3.15 Table E.3.10-1 know."""
    from pydicom._private_dict import private_dictionaries

    return frozenset(private_dictionaries) | {creator for creator, _ in safe_private()}


@cache
def _annex_e() -> tuple[str, tuple[AnnexERow, ...]]:
    data = load("annex_e.json")
    rows = tuple(
        AnnexERow(pattern, *pattern_mask(pattern), basic, options, "I" in flags, "R" in flags)
        for pattern, basic, options, flags in data["rows"]
    )
    return data["edition"], rows


def annex_e() -> tuple[AnnexERow, ...]:
    """Return the 657 rows of PS3.15 Table E.1-1."""
    return _annex_e()[1]


def edition() -> str:
    """Return the edition of PS3.15 whose Table E.1-1 this is, e.g. `2026d`."""
    return _annex_e()[0]


@cache
def supplement() -> tuple[SupplementRow, ...]:
    """Return our own rules for what Table E.1-1 leaves open (Note to PS3.15 E.1.1)."""
    data = load("supplement.json")
    reasons: dict[str, str] = data["reasons"]
    return tuple(
        SupplementRow(
            kind,
            pattern,
            *((0, 0) if kind in ("vr", "unknown") else pattern_mask(pattern)),
            basic,
            options,
            reasons[reason],
        )
        for kind, pattern, _, basic, options, reason in data["rows"]
    )


@cache
def structural_uids() -> frozenset[int]:
    """Return the tags of UI attributes that name classes, syntaxes and vocabularies (C43)."""
    rows = (row for row in supplement() if row.kind == "tag" and row.basic == "K")
    return frozenset(row.value for row in rows if vr_of(row.value) == "UI")


@cache
def safe_private() -> Mapping[tuple[str, int], SafePrivate]:
    """Return PS3.15 Table E.3.10-1 by `(creator, group << 16 | low byte of the element number)`."""
    rows = (
        SafePrivate(int(tag[:4], 16), int(tag[6:], 16), creator, vr, vm, meaning)
        for tag, creator, vr, vm, meaning in load("safe_private.json")["rows"]
    )
    return {(row.creator, row.group << 16 | row.element): row for row in rows}


@cache
def structured_content() -> tuple[ConceptRow, ...]:
    """Return the 214 rows of PS3.15 Table E.3.4-1."""
    return tuple(ConceptRow(*row) for row in load("structured_content.json")["rows"])


@cache
def methods() -> Mapping[str, Method]:
    """Return the codes of CID 7050 by `basic` or the option's name, e.g. `retain-uids`."""
    return {key: Method(*row) for key, row in load("methods.json")["rows"].items()}


@cache
def registered_uids() -> frozenset[str]:
    """Return the UIDs that PS3.6 registers; context groups are left to `dicom.uids`."""
    kinds: dict[str, list[str]] = load("registered_uids.json")["kinds"]
    return frozenset(uid for uids in kinds.values() for uid in uids)


@cache
def _sop_classes() -> dict[str, str]:
    names: dict[str, str] = load("sop_classes.json")["names"]
    return names


def sop_class_name(uid: str) -> str:
    """Return what PS3.6 calls a SOP class, or nothing."""
    return _sop_classes().get(uid, "")
