"""The value representations of PS3.5 6.2 as one table, and what follows from it.

Legal or not, dummies, padding, splitting, numbers, and the correction of values that are odd but
common and can mean one thing only. What cannot be corrected is said, never dropped.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from deident.dicom import dates
from deident.dicom.charsets import (
    AFFECTED_VRS,
    DEFAULT,
    LEADING_SPACE_COUNTS,
    MULTI_TEXT_VRS,
    Charset,
)
from deident.dicom.elements import Encoding
from deident.errors import InstanceError


class Rules(NamedTuple):
    """What PS3.5 Table 6.2-1 says about one VR.

    Attributes:
        longest: the longest single value, in characters for text that (0008,0005) governs (escape
            sequences not counted; of a PN: one component group), else in bytes; 0: no limit.
        form: pattern of a single value without padding (of a PN: of one component group); empty
            for binary values.
        pad: the byte that makes a length even.
        unit: bytes of one binary number or word; 0 for text.
        dummy: a legal value that says nothing about anybody, not padded; empty where a dummy
            cannot be the same for every attribute.
    """

    longest: int
    form: str
    pad: bytes
    unit: int
    dummy: bytes


def _text(longest: int, form: str, dummy: bytes) -> Rules:
    return Rules(longest, form, b" ", 0, dummy)


def _binary(unit: int, size: int) -> Rules:
    return Rules(0, "", b"\0", unit, bytes(size))


_STRING = r"[^\x00-\x1f\x7f-\x9f\\]*"  # no control characters, no separator
_PART = r"[^\x00-\x1f\x7f-\x9f\\^=]*"  # one component of a name
_BLOCK = r"[^\x00-\x08\x0b\x0e-\x1f\x7f]*"  # tab, new line, form feed and return are welcome

RULES: dict[str, Rules] = {
    "AE": _text(16, r"[ -\[\]-~]*", b"ANON"),
    "AS": _text(4, r"\d{3}[DWMY]", b"000D"),
    "AT": _binary(4, 4),
    "CS": _text(16, r"[A-Z0-9 _]*", b"ANON"),
    "DA": _text(8, r"\d{8}", b"19000101"),
    "DS": _text(16, r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", b"0"),
    "DT": _text(26, r"\d{4,14}(\.\d{1,6})?([+-]\d{4})?", b"19000101000000"),
    "FD": _binary(8, 8),
    "FL": _binary(4, 4),
    "IS": _text(12, r"[+-]?\d+", b"0"),
    "LO": _text(64, _STRING, b"ANONYMIZED"),
    "LT": _text(10240, _BLOCK, b"ANONYMIZED"),
    "OB": _binary(1, 2),
    "OD": _binary(8, 8),
    "OF": _binary(4, 4),
    "OL": _binary(4, 4),
    "OV": _binary(8, 8),
    "OW": _binary(2, 2),
    "PN": _text(64, rf"{_PART}(\^{_PART}){{0,4}}", b"ANONYMOUS"),
    "SH": _text(16, _STRING, b"ANONYMIZED"),
    "SL": _binary(4, 4),
    "SQ": Rules(0, "", b"\0", 1, b""),
    "SS": _binary(2, 2),
    "ST": _text(1024, _BLOCK, b"ANONYMIZED"),
    "SV": _binary(8, 8),
    "TM": _text(14, r"\d{2,6}(\.\d{1,6})?", b"000000"),
    "UC": _text(0, _STRING, b"ANONYMIZED"),
    "UI": Rules(64, r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", b"\0", 0, b""),
    "UL": _binary(4, 4),
    "UN": _binary(1, 2),
    "UR": _text(0, r"[\w\-.~:/?#\[\]@!$&'()*+,;=%]+", b"about:blank"),
    "US": _binary(2, 2),
    "UT": _text(0, _BLOCK, b"ANONYMIZED"),
    "UV": _binary(8, 8),
}  # fmt: skip

NUMBER_CODES = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"
}  # fmt: skip
"""Code letter of `struct` for each VR of binary numbers (PS3.5 6.2)."""

NOTES: dict[str, str] = {
    "blank": "a value of nothing but padding, now empty",
    "padding-corrected": "padded with bytes that are not this VR's padding",
    "date-respelled": "a date with separators, now YYYYMMDD",
    "time-respelled": "a time with separators or more than six decimals, now HHMMSS.FFFFFF",
    "age-respelled": "an age without leading zeros or in small letters, now nnnX",
    "number-respelled": "a number with a decimal comma, or a whole number with decimals",
    "case-corrected": "a code string in small letters, now in capitals",
    "unfit-form": "not of the form that the VR asks for, and not clear what is meant",
    "unfit-length": "longer than the VR allows",
}
"""Codes that `normalise` notes, with their meaning."""

UNFIT = frozenset(("unfit-form", "unfit-length"))
"""Notes of values that could not be corrected and came back unchanged."""

_PADDING = b"\0 "


def rules(vr: str) -> Rules:
    """The rules of a VR.

    Raises:
        InstanceError: `bad-vr` when there is no such VR.
    """
    found = RULES.get(vr)
    if found is None:
        raise InstanceError("bad-vr")
    return found


@cache
def _form(vr: str) -> re.Pattern[str]:
    return re.compile(rules(vr).form, re.ASCII)


# -- is it legal -----------------------------------------------------------------------------------


def is_legal(vr: str, value: str) -> bool:
    """Whether a single text value, without padding, is legal in the VR (PS3.5 6.2).

    The empty value always is; that an attribute must have a value is its type's to say.
    """
    return not value or (_has_form(vr, value) and fits(vr, value))


def fits(vr: str, value: str) -> bool:
    """Whether a single text value, without padding, is not longer than the VR allows."""
    longest = rules(vr).longest
    return not longest or all(len(part) <= longest for part in _groups(vr, value))


def _groups(vr: str, value: str) -> list[str]:
    return value.split("=") if vr == "PN" else [value]


def _has_form(vr: str, value: str) -> bool:
    groups, form = _groups(vr, value), _form(vr)
    if len(groups) > 3 or not all(form.fullmatch(group) for group in groups):
        return False
    if vr in ("DA", "TM", "DT"):
        kind = dates.kind(vr, value)
        return kind == "full" or (kind == "partial" and vr == "DT")
    if vr == "IS":
        return -(1 << 31) <= int(value) < 1 << 31
    return True


def problems(vr: str, raw: bytes, charset: Charset = DEFAULT) -> tuple[str, ...]:
    """What is wrong with an element's raw value, as codes; nothing for a legal one.

    `odd-length`, `bad-size` (not whole numbers or words), `bad-charset`, `unfit-form`,
    `unfit-length`.

    Raises:
        InstanceError: `bad-vr`.
    """
    found = ["odd-length"] if len(raw) % 2 else []
    if rules(vr).unit:
        return (*found, *(["bad-size"] if len(raw) % rules(vr).unit else []))
    try:
        values = charset.decode_values(raw, vr)
    except InstanceError as error:
        return (*found, error.code)
    present = [value for value in values if value]
    if not all(_has_form(vr, value) for value in present):
        found.append("unfit-form")
    if not all(fits(vr, value) for value in present):
        found.append("unfit-length")
    return tuple(found)


def dummy(vr: str) -> bytes:
    """A legal, non-empty value that says nothing about anybody, not padded (PS3.15 E.1.1, code D).

    The same for every instance, so it holds no part, length or hash of what it replaces. Zero reads
    the same in both byte orders.

    Raises:
        InstanceError: `bad-vr`; `rule-failed` for UI and SQ, whose dummies depend on the attribute.
    """
    value = rules(vr).dummy
    if not value:
        raise InstanceError("rule-failed", f"{vr} has no dummy that suits every attribute")
    return value


# -- parts and padding -----------------------------------------------------------------------------


def pad(vr: str, raw: bytes) -> bytes:
    """The value in even length (PS3.5 6.2): NUL for UI and binary values, space for text."""
    return raw + rules(vr).pad if len(raw) % 2 else raw


def strip(vr: str, raw: bytes) -> bytes:
    """A text value without its padding; binary values as they are.

    Leading spaces go where PS3.5 6.2 calls them insignificant; separators stay.
    """
    if rules(vr).unit:
        return raw
    return raw.rstrip(_PADDING) if vr in LEADING_SPACE_COUNTS else raw.strip(_PADDING)


def split(vr: str, raw: bytes, charset: Charset = DEFAULT) -> list[bytes]:
    """The single values of an element, padding included; none of an empty one (PS3.5 6.4).

    Text of multi-byte sets is split between characters only; binary numbers by their size.
    """
    unit = rules(vr).unit
    if not raw:
        return []
    if unit > 1 and vr[0] != "O":
        return [raw[start : start + unit] for start in range(0, len(raw), unit)]
    return charset.split(raw, vr) if vr in AFFECTED_VRS or vr in MULTI_TEXT_VRS else [raw]


def join(vr: str, values: Iterable[bytes]) -> bytes:
    """The value of an element from its single values; the inverse of `split`, not padded."""
    return (b"\\" if vr in MULTI_TEXT_VRS else b"").join(values)


def unpack_numbers(vr: str, raw: bytes, encoding: Encoding) -> tuple[float, ...]:
    """The numbers of a binary value (VR of `NUMBER_CODES`), without bytes that do not fill one."""
    code = NUMBER_CODES[vr]
    order = "<" if encoding.little else ">"
    count = len(raw) // struct.calcsize(order + code)
    return struct.unpack_from(f"{order}{count}{code}", raw)


def pack_numbers(vr: str, numbers: Iterable[float], encoding: Encoding) -> bytes:
    """The binary value of numbers (PS3.5 6.2), in the data set's byte order.

    Raises:
        struct.error: a number does not fit the VR.
    """
    values = list(numbers)
    order = "<" if encoding.little else ">"
    return struct.pack(f"{order}{len(values)}{NUMBER_CODES[vr]}", *values)


# -- odd but common --------------------------------------------------------------------------------


def normalise(vr: str, raw: bytes) -> tuple[bytes, str | None]:
    """The value as it should have been written, without padding, and a note (a key of `NOTES`).

    Only what can mean one thing is corrected. A value with a note in `UNFIT` comes back unchanged:
    the caller decides what becomes of it. No note: the value was legal, or is binary. Lengths of
    text that is not ASCII are left to `problems`, which knows the character set.

    Raises:
        InstanceError: `bad-vr`.
    """
    if rules(vr).unit:
        return raw, None
    if not strip(vr, raw):
        return b"", "blank" if raw else None
    notes: dict[str | None, None] = {}
    values: list[bytes] = []
    for value in raw.split(b"\\") if vr in MULTI_TEXT_VRS - AFFECTED_VRS else (raw,):
        corrected, note = _normalise_one(vr, strip(vr, value))
        values.append(corrected)
        notes[note or ("padding-corrected" if _oddly_padded(vr, value) else None)] = None
    notes.pop(None, None)
    unfit = next((note for note in notes if note in UNFIT), None)
    if unfit:
        return raw, unfit
    return b"\\".join(values), next(iter(notes), None)


def _oddly_padded(vr: str, raw: bytes) -> bool:
    """Whether a value is padded with what PS3.5 6.2 does not let its VR be padded with."""
    if vr == "UI":
        return raw.startswith((b" ", b"\0")) or raw.endswith((b" ", b"\0\0"))
    odd_first = (b" ", b"\0") if vr in ("AS", "DA", "DT", "TM") else (b"\0",)
    leading = vr not in LEADING_SPACE_COUNTS and raw.startswith(odd_first)
    return leading or raw.endswith(b"\0")


def _normalise_one(vr: str, raw: bytes) -> tuple[bytes, str | None]:
    if vr in AFFECTED_VRS:
        longest = rules(vr).longest
        too_long = vr != "PN" and longest and len(raw) > longest and raw.isascii()
        return raw, "unfit-length" if too_long else None
    if not raw.isascii():
        return raw, "unfit-form"
    value = raw.decode("ascii")
    if is_legal(vr, value):
        return raw, None
    correction = _CORRECTIONS.get(vr)
    if correction:
        code, correct = correction
        corrected = correct(value)
        if corrected != value and is_legal(vr, corrected):
            return corrected.encode("ascii"), code
    return raw, "unfit-length" if _has_form(vr, value) else "unfit-form"


_LONG_FRACTION = re.compile(r"(\.\d{6})\d+", re.A)
_SEPARATED_DATE = re.compile(r"(\d{4})([.\-/])(\d\d)\2(\d\d)", re.A)
_SEPARATED_DT = re.compile(r"(\d{4})([.\-/]?)(\d\d)\2(\d\d)[T ]([\d:.]+)(Z|[+-]\d\d:?\d\d)?", re.A)
_AGE = re.compile(r"(\d{1,3}) ?([DWMY])", re.A)
_COMMA = re.compile(r"([+-]?)(\d+),(\d+)", re.A)


def _correct_date(value: str) -> str:
    match = _SEPARATED_DATE.fullmatch(value)
    return match[1] + match[3] + match[4] if match else value


def _correct_time(value: str) -> str:
    return _LONG_FRACTION.sub(r"\1", value.replace(":", "") if _has_colons(value) else value)


def _has_colons(value: str) -> bool:
    """Whether colons stand only where a time has them."""
    return bool(re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d*)?)?", value, re.A))


def _correct_date_time(value: str) -> str:
    match = _SEPARATED_DT.fullmatch(value)
    if not match:
        return _LONG_FRACTION.sub(r"\1", _correct_date(value))
    offset = "+0000" if match[6] == "Z" else (match[6] or "").replace(":", "")
    return match[1] + match[3] + match[4] + _correct_time(match[5]) + offset


def _correct_age(value: str) -> str:
    match = _AGE.fullmatch(value.upper())
    return f"{int(match[1]):03d}{match[2]}" if match else value


def _correct_decimal(value: str) -> str:
    match = _COMMA.fullmatch(value)
    # 1,500 may be a thousand and a half or one and a half; 0,500 and 12,5 can only be decimals
    if not match or (len(match[3]) == 3 and match[2].lstrip("0")):
        return value
    return f"{match[1]}{match[2]}.{match[3]}"


def _correct_integer(value: str) -> str:
    return re.sub(r"\.0*$", "", value)


_CORRECTIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "AS": ("age-respelled", _correct_age),
    "CS": ("case-corrected", str.upper),
    "DA": ("date-respelled", _correct_date),
    "DS": ("number-respelled", _correct_decimal),
    "DT": ("date-respelled", _correct_date_time),
    "IS": ("number-respelled", _correct_integer),
    "TM": ("time-respelled", _correct_time),
}
