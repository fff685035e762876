"""Values of numbers, dates, tags and UIDs: whether they are what their VR says (PS3.5 6.2).

Such values have rules of their own and are not read as words. But a file may say that a name is a
number: what does not have the form of its VR is searched like any unknown value, and so are binary
numbers, where a name has no form to break. A long number may be somebody's number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from deident import tables
from deident.engine.verify import Hit

if TYPE_CHECKING:
    from deident.engine.verify import Matcher

# VRs of numbers, dates, tags and UIDs.
NUMBERS = frozenset(
    {"AS", "AT", "DA", "DS", "DT", "FD", "FL", "IS", "SL", "SS", "SV", "TM", "UI", "UL", "US", "UV"}
)

# One value as PS3.5 table 6.2-1 has it, with older spellings of dates and times.
_FORMS = {
    "AS": rb"\d{3}[DWMY]",
    "DA": rb"\d{4}(?:[.-]?\d\d){0,2}",
    "DS": rb"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?",
    "DT": rb"[12]\d{3}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})?",
    "IS": rb"[+-]?\d++",
    "TM": rb"\d\d(?::?\d\d){0,2}(?:\.\d{1,6})?",
    "UI": rb"[012](?:\.(?:0|[1-9]\d*+))++",
}
# Possessive throughout: a long value that does not fit must not be tried in every way to split it.
_WELL_FORMED = {
    vr: re.compile(rb" *+(?:%b)?+[ \0]*+(?:\\ *+(?:%b)?+[ \0]*+)*+" % (form, form)).fullmatch
    for vr, form in _FORMS.items()
}
_DATES = frozenset(("AS", "DA", "DT", "TM"))
_DIGITS = frozenset(("DS", "IS", "UI"))
# The shortest number that is looked for where numbers are at home; in private ones any (C84).
_LONG_NUMBER = re.compile(rb"\d{6}")
# A binary number of so few bytes can only hold an identifier if it looks like letters.
_SHORT = 8
_LETTERS = re.compile(rb"[0-9A-Za-z\x80-\xff]{4}")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]{4}")
_UID_LIKE = re.compile(rb"\d\0?\.\0?\d+\0?\.")


def hits_in_number(matcher: Matcher, tag: int, vr: str, value: bytes) -> tuple[Hit, ...]:
    """Identifiers in a value of one of `NUMBERS`; `()` for nearly every value.

    A word where a number, date or UID should be does not fit, whatever it says: that is a hit too.
    """
    if not _is_well_formed(tag, vr, value):
        if vr in _WELL_FORMED and (word := _WORD.search(value)):
            return (Hit("unfit", "certain", *word.span()),)
        short = vr not in _WELL_FORMED and len(value) <= _SHORT and not _LETTERS.search(value)
        return () if short else matcher.search_bytes(value)
    if vr in _DIGITS and (tag & 0x00010000 or _LONG_NUMBER.search(value)):
        return matcher.search_text(value.decode("ascii"), tag=tag, vr=vr)
    return ()


def is_clean(matcher: Matcher, tag: int, vr: str, value: bytes) -> bool:
    """Whether a value of one of `NUMBERS` holds neither an identifier nor a UID as text."""
    if len(value) > _SHORT and _UID_LIKE.search(value) and not _is_well_formed(tag, vr, value):
        return False
    return not hits_in_number(matcher, tag, vr, value)


def _is_well_formed(tag: int, vr: str, value: bytes) -> bool:
    """Whether a value is plainly a number written as text, or a date where a date belongs."""
    form = _WELL_FORMED.get(vr)
    if form is None or not form(value):
        return False
    return vr not in _DATES or (tables.vr_of(tag) or vr) in _DATES
