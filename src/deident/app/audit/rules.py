"""The second look's own table (`tables/verify_rules.json`): what each attribute may still hold.

Written by hand from PS3.15 E.1 to E.3. Where the table says nothing, the value representation does:
names, dates, ages, UIDs, titles and addresses are judged wherever they stand.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from deident import tables
from deident.dicom.uids import is_registered
from deident.tables.files import load

PATIENT_NAME, PATIENT_ID, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100030
FULL_DATES, MODIFIED_DATES = "retain-full-dates", "retain-modified-dates"
RETAIN_UIDS, RETAIN_DEVICE = "retain-uids", "retain-device-identity"
RETAIN_PRIVATE, RETAIN_CHARACTERISTICS = "retain-safe-private", "retain-patient-characteristics"

_TOKEN = re.compile(r"DEID-[0-9A-Z]{6,}")
_OF_RUNS = "2.25."


class Rule(NamedTuple):
    """What the table says about one attribute.

    Attributes:
        kind: key of `findings.CHECKS`.
        absent: must not be there with content at all; otherwise it may be empty or a dummy.
        options: an output that claims one of them may keep it.
    """

    kind: str
    absent: bool
    options: frozenset[str]


def _tags(words: str) -> frozenset[int]:
    """Tags of keywords; a keyword that no dictionary has is an error of the table."""
    found = {word: tables.keyword_to_tag(word) for word in words.split()}
    missing = [word for word, tag in found.items() if tag is None]
    if missing:
        raise ValueError(f"verify_rules.json: no attribute is called {missing}")
    return frozenset(tag for tag in found.values() if tag is not None)


@cache
def table() -> dict[str, Any]:
    """The table as it stands in its file."""
    found: dict[str, Any] = load("verify_rules.json")
    return found


@cache
def rules() -> dict[int, Rule]:
    """The rule of each attribute that has one; of a repeating group, by its lowest tag."""
    return {
        tag: Rule(entry["kind"], absent, frozenset(entry["options"]))
        for name, absent in (("clean", False), ("absent", True))
        for entry in table()[name]
        for tag in _tags(" ".join(entry["keywords"]))
    }


@cache
def tags_of(name: str) -> frozenset[int]:
    """The attributes of one of the table's lists."""
    return _tags(table()[name])


@cache
def harvested() -> dict[int, str]:
    """Attributes of originals whose values are identifiers, and the kind of each."""
    return {tag: kind for kind, words in table()["harvest"].items() for tag in _tags(words)}


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(table()[name].split())


def rule_of(tag: int) -> Rule | None:
    """The rule for a standard attribute, repeating groups included."""
    if tag >> 16 & 0xFFE1 in (0x5000, 0x6000):  # even groups up to 1E (PS3.5 7.6)
        tag &= 0xFFE1FFFF
    return rules().get(tag)


def is_token(text: str) -> bool:
    """Whether a text is a pseudonym as runs make them."""
    return _TOKEN.fullmatch(text) is not None


def is_dummy(text: str) -> bool:
    """Whether a value says nothing about anybody: empty, a placeholder, zeros, a pseudonym."""
    body = text.strip(" \0^=")
    return not body.strip("0:.") or body.upper() in _words("placeholders") or is_token(body)


def is_dummy_date(text: str) -> bool:
    """Whether a date, time or date and time is one that stands for none."""
    digits = text.strip(" \0")
    return not digits.strip("0.") or (digits[:8] in _words("dummy_dates") and is_dummy(digits[8:]))


def is_made(uid: str) -> bool:
    """Whether a UID is one that runs make, or one that the standard registers."""
    return not uid or uid.startswith(_OF_RUNS) or is_registered(uid)
