"""What PS3.15 asks for: Table E.1-1, the chosen options and our supplement, as one table of codes.

`effective_table` answers which action code holds for a tag or a VR under a set of options;
`resolve` turns a code that depends on the IOD (X/Z/D and the like) into one action. Codes only: how
an action is carried out is the engine's matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from deident import tables
from deident.dicom.tags import format_pattern
from deident.errors import UsageError
from deident.profiles.model import AVAILABLE_OPTIONS, LATER_OPTIONS

BASIC = "basic"
TABLE_E = "Table E.1-1"
SUPPLEMENT = "supplement"

# What a code means for an attribute of Type 1, of Type 2, of Type 3 or not in the IOD, and where
# the SOP class is unknown (PS3.15 E.1.1; there the safest that keeps the attribute). Beyond the
# codes' letter: Z allows a dummy, which Type 1 needs; D serves Type 2 where the code foresees only
# Types 1 and 3.
_BY_TYPE: Mapping[str, tuple[str, str, str, str]] = {
    "X": ("X", "X", "X", "X"),
    "Z": ("D", "Z", "Z", "Z"),
    "D": ("D", "D", "D", "D"),
    "K": ("K", "K", "K", "K"),
    "C": ("C", "C", "C", "C"),
    "U": ("U", "U", "U", "U"),
    "X/Z": ("D", "Z", "X", "Z"),
    "X/D": ("D", "D", "X", "D"),
    "Z/D": ("D", "Z", "Z", "D"),
    "X/Z/D": ("D", "Z", "X", "D"),
    "X/Z/U*": ("U", "Z", "X", "Z"),
}
# (innermost sequence, attribute): references that another module of the same instance repeats, so
# that emptying them, which their Type 2 would allow, contradicts it: Common Instance Reference
# (PS3.3 C.12.2) of segmentations lists what their Derivation Image Sequence refers to.
_REFERENCES_REPEATED = frozenset({(0x00089124, 0x00082112)})
_TYPE_COLUMN = {"1": 0, "1C": 0, "2": 1, "2C": 1, "3": 2}


class EffectiveRow(NamedTuple):
    """What holds for one attribute, pattern or VR once the options are in.

    Attributes:
        pattern: as in the table: eight hex digits (`x` for any), `gggg(odd)eeee`, a VR, or empty.
        value, mask: the row is for tags with `tag & mask == value`; both 0 for VRs.
        code: the effective action code, possibly one that depends on the IOD (`resolve`).
        basic: the code of the Basic Profile.
        option: the option whose code won, or empty.
        method: code value of CID 7050 that answers for it (113100 without an option).
        table: `Table E.1-1` or `supplement`.
        reason: of the supplement: why; empty for rows of Table E.1-1.
    """

    pattern: str
    value: int
    mask: int
    code: str
    basic: str
    option: str
    method: str
    table: str
    reason: str

    @property
    def origin(self) -> str:
        """Where the code comes from, for people: `Table E.1-1 (0008,0018), retain-uids`."""
        selects = f"VR {self.pattern}" if len(self.pattern) == 2 else format_pattern(self.pattern)
        row = f"{self.table} {selects or 'unknown tags'}"
        return f"{row}, {self.option}" if self.option else row


class StandardTable(NamedTuple):
    """Every rule of the standard and the supplement under one set of options; see `row`.

    Attributes:
        options: the options, in the order of CID 7050.
        foreign: groups that do not belong in a data set; they go first.
        tags: rows for single tags, of Table E.1-1 and of the supplement.
        masks: rows for repeating groups and other patterns, of Table E.1-1 first.
        vrs: rows by VR for what no row selects by tag.
        private: the row for private attributes.
        unknown: the row for even tags that no dictionary knows.
    """

    options: tuple[str, ...]
    foreign: tuple[EffectiveRow, ...]
    tags: Mapping[int, EffectiveRow]
    masks: tuple[EffectiveRow, ...]
    vrs: Mapping[str, EffectiveRow]
    private: EffectiveRow
    unknown: EffectiveRow

    def row(self, tag: int, vr: str) -> EffectiveRow | None:
        """Return the one row that decides about an attribute; `None`: nothing does, so it stays.

        `vr` is the VR in the instance. Where it differs from the dictionary's, both are looked up:
        a birth date written as LO is still a date, and a name or a date in an attribute that the
        supplement or an option keeps is still a name or a date. For private attributes this is the
        private row; what of them is kept as safe still follows `vrs` (C40).
        """
        row = _first(self.foreign, tag)
        if row is not None:
            return row
        if tag & 0x10000:
            return self.private
        row = self.tags.get(tag) or _first(self.masks, tag)
        expected = tables.vr_of(tag)
        if row is not None:
            foreign = self.vrs.get(vr) if row.code == "K" and vr != expected else None
            return foreign or row
        if expected is None:
            return self.unknown
        return self.vrs.get(expected) or self.vrs.get(vr)


def _first(rows: tuple[EffectiveRow, ...], tag: int) -> EffectiveRow | None:
    for row in rows:
        if tag & row.mask == row.value:
            return row
    return None


def check_options(options: Iterable[str]) -> tuple[str, ...]:
    """Return the options in the order of CID 7050, each once.

    Raises:
        UsageError: `usage` unknown, `option-not-available` not built yet, `options-exclude` both
            ways of keeping dates (PS3.15 E.3.6).
    """
    chosen = set(options)
    for option in sorted(chosen):
        if option in LATER_OPTIONS:
            raise UsageError(
                "option-not-available", f"the option {option} is not available yet; leave it out"
            )
        if option not in AVAILABLE_OPTIONS:
            raise UsageError("usage", f"no option is called {option}{_suggest(option)}")
    if {"retain-full-dates", "retain-modified-dates"} <= chosen:
        raise UsageError(
            "options-exclude",
            "retain-full-dates and retain-modified-dates exclude each other; choose one",
        )
    return _in_order(chosen)


def _in_order(options: Iterable[str]) -> tuple[str, ...]:
    methods = tables.methods()
    return tuple(sorted(set(options), key=lambda option: methods[option].code))


def _suggest(option: str) -> str:
    from difflib import get_close_matches  # for mistakes only

    close = get_close_matches(option, AVAILABLE_OPTIONS, n=1)
    return f"; did you mean {close[0]}?" if close else "; deident profile list names all"


def effective_code(basic: str, row: Mapping[str, str], options: Iterable[str]) -> tuple[str, str]:
    """Return the code that holds and the option that it comes from (empty: the Basic Profile).

    An option overrides the profile (PS3.15 E.1). The standard does not order options among
    themselves; the safer one wins: C before K. So a calibration date under Retain Device Identity
    (K) and Modified Dates (C) is shifted, or the shift could be read off it. Among equals the first
    of `options` is named.
    """
    winner = ""
    for option in options:
        code = row.get(option)
        if code == "C":
            return code, option
        if code and not winner:
            winner = option
    return (row[winner], winner) if winner else (basic, "")


def effective_table(options: Iterable[str] = ()) -> StandardTable:
    """Return the table under these options (names as in `profiles.model.AVAILABLE_OPTIONS`).

    Raises:
        UsageError: see `check_options`.
    """
    return _table(check_options(options))


@lru_cache(maxsize=16)
def _table(options: tuple[str, ...]) -> StandardTable:
    methods = tables.methods()

    def effective(
        row: tables.AnnexERow | tables.SupplementRow, table: str, reason: str
    ) -> EffectiveRow:
        code, option = effective_code(row.basic, row.options, options)
        method = methods[option or BASIC].code
        return EffectiveRow(
            row.pattern, row.value, row.mask, code, row.basic, option, method, table, reason
        )

    listed = [effective(row, TABLE_E, "") for row in tables.annex_e()]
    ours: dict[str, list[EffectiveRow]] = {}
    for row in tables.supplement():
        ours.setdefault(row.kind, []).append(effective(row, SUPPLEMENT, row.reason))
    single = [row for row in listed if row.mask == 0xFFFFFFFF]
    patterns = [row for row in listed if row.mask != 0xFFFFFFFF]
    private = next(row for row in patterns if row.pattern == tables.PRIVATE_PATTERN)
    return StandardTable(
        options,
        tuple(ours["foreign"]),
        {row.value: row for row in (*ours["tag"], *single)},
        (*(row for row in patterns if row is not private), *ours["mask"]),
        {row.pattern: row for row in ours["vr"]},
        private,
        ours["unknown"][0],
    )


def effective_type(parents: tuple[int, ...], tag: int, type_: str | None) -> str | None:
    """Return the type that decides about an attribute below the sequences `parents`.

    It is the IOD's (`type_`), but for the few places where an empty value would be as wrong as
    none.
    """
    needed = bool(parents) and type_ is not None and (parents[-1], tag) in _REFERENCES_REPEATED
    return "1" if needed else type_


def resolve(code: str, vr: str, type_: str | None, sop_class_known: bool) -> str:
    """Return the one action X, Z, D, K, C or U that a code means for an attribute.

    `type_` is the attribute's type in the IOD (`tables.attribute_type`); `None`: not in the IOD, or
    not known because the SOP class is not. 1C counts as 1 and 2C as 2 where the attribute is
    present: their conditions cannot be evaluated (PS3.5 7.4). A dummy for a UID is a new UID.
    """
    unknown = 2 if sop_class_known else 3
    column = unknown if type_ is None else _TYPE_COLUMN[type_]
    action = _BY_TYPE[code][column]
    return "U" if action == "D" and vr == "UI" else action
