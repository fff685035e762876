"""What identifiers look like in text, whoever they belong to: the second look without originals.

Each pattern is a regular expression with a grade. Words of products and codes, and what merely
looks like text in binary values, are full of numbers with points and of dates: there the patterns
that match such are weak. Whatever may be repeated is bounded, or can begin at few places, so that
no text takes long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from deident.app.audit.findings import Grade
from deident.app.audit.rules import is_made
from deident.dicom.uids import find_uids
from deident.tables.vocabulary import word_class

Place = Literal["text", "product", "blob"]
"""Where a text stands: free text; products and codes; a value that is not known to be text."""


class Match(NamedTuple):
    """A pattern that matched: code of `findings.CHECKS`, grade, and what it matched."""

    code: str
    grade: Grade
    value: str


class _Pattern(NamedTuple):
    """One form.

    Attributes:
        code: of `findings.CHECKS`.
        form: what to look for.
        grade: in free text; `None`: not looked for there.
        elsewhere: in products, codes and blobs; `None`: not looked for there.
        holds: a further condition on the match.
        needs: a sign without which there is nothing to look for.
    """

    code: str
    form: re.Pattern[str]
    grade: Grade | None = "likely"
    elsewhere: Grade | None = "weak"
    holds: Callable[[re.Match[str]], bool] | None = None
    needs: str = ""


_L = r"[^\W\d_]"  # a letter of any script
_CAPITALISED = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,}"
_MONTHS = (
    "jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[eé]vr(?:ier)?|m[aä]r(?:ch|z|s)?|apr(?:il)?|avril|"
    "ma[iy]|jun[ei]?|juin|jul[iy]?|juillet|aug(?:ust)?|ao[uû]t|sep(?:t(?:ember|embre)?)?|"
    "o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|de[cz](?:ember)?|d[eé]c(?:embre)?"
)
_YEAR = r"(?:19|20)\d\d"
_CUES = (
    r"mrn|ssn|nhs|accession|acc\.? ?no|patient ?id|pat\.? ?(?:id|nr)|patienten-?(?:id|nr)|"
    r"medical record|case ?(?:no|nr|number)|fall-?nr|chart ?(?:no|number)|insurance|policy|"
    r"social security|passport"
)
_STREETS = r"street|str\.|st\.|road|rd\.?|avenue|ave\.?|lane|drive|boulevard|blvd\.?|square|court"
_HOSTS = r"local|lan|intern|internal|intranet|corp|domain|home|nhs\.uk|hospital|clinic"
_ROOTS = r"home|users|export|mnt|data\d*|var|tmp|opt|media|srv|root|net|nfs|archive|volumes|usr"


def _is_date(match: re.Match[str]) -> bool:
    """Whether three numbers can be a day, a month and a year."""
    numbers = [int(number) for number in re.findall(r"\d+", match[0])]
    small = sorted(number for number in numbers if number < 100)
    return len(small) >= 2 and 1 <= small[0] <= 12 and 1 <= small[1] <= 31


def _is_nhs(match: re.Match[str]) -> bool:
    """Whether the check digit of a number of the National Health Service is right."""
    digits = [int(char) for char in match[0] if char.isdigit()]
    rest = 11 - sum(digit * (10 - at) for at, digit in enumerate(digits[:9])) % 11
    return rest % 11 == digits[9]


def _is_inner_host(match: re.Match[str]) -> bool:
    """Whether an IP address is one of a network inside a house (RFC 1918)."""
    parts = [int(part) for part in match[0].split(".")]
    inner = parts[0] == 10 or parts[:2] == [192, 168] or (parts[0] == 172 and 16 <= parts[1] < 32)
    return inner and all(part < 256 for part in parts)


def _is_address(match: re.Match[str]) -> bool:
    parts = [int(part) for part in match[0].split(".")]
    return all(part < 256 for part in parts) and parts[0] > 0 and not _is_inner_host(match)


def _is_strange(match: re.Match[str]) -> bool:
    """Whether a word is more than a term of medicine."""
    return word_class(match[1].lower()) != "term"


def _is_name(match: re.Match[str]) -> bool:
    """Whether what carets join is more than terms."""
    return any(word_class(word.lower()) != "term" for word in re.findall(rf"{_L}+", match[0]))


_I = re.IGNORECASE
_PATTERNS = (
    _Pattern(
        "text-name",
        re.compile(rf"(?<![\w^]){_L}(?:{_L}|['’. -](?={_L})){{1,60}}\^{{1,3}}{_L}(?:{_L}|['’.-])+"),
        elsewhere=None,
        holds=_is_name,
        needs="^",
    ),
    _Pattern(  # bytes that are no text have carets between letters by chance
        "text-name",
        re.compile(rf"(?<!{_L})(?:{_CAPITALISED}|[A-Z]{{3,}})\^(?:{_CAPITALISED}|[A-Z]{{3,}})(?!{_L})"),
        grade=None,
        elsewhere="likely",
        holds=_is_name,
        needs="^",
    ),
    _Pattern(
        "text-person",
        re.compile(
            r"\b(?:Mrs?|Ms|Miss|Dr|Prof|Frau|Herrn?|Mme|Señora?)\b\.? ?(?:med\. )?"
            rf"([A-ZÀ-ÖØ-Þ]{_L}+)"
        ),
        elsewhere=None,
        holds=_is_strange,
    ),
    _Pattern(
        "text-person",
        re.compile(
            rf"\b(?:patient|name|physician|doctor|operator|radiologist|technologist|nurse|reader|"
            rf"seen by|signed by|reported by|dictated by|referred by)\b ?[:=] ?({_L}{{3,}})", _I
        ),
        elsewhere=None,
        holds=_is_strange,
    ),
    _Pattern(
        "text-date",
        re.compile(rf"(?<![\d.]){_YEAR}([-./])[01]?\d\1[0-3]?\d(?![\d.]\d)"),
        holds=_is_date,
    ),
    _Pattern(
        "text-date",
        re.compile(rf"(?<![\d.])[0-3]?\d([-./])[0-3]?\d\1{_YEAR}(?![\d.]\d)"),
        holds=_is_date,
    ),
    _Pattern(
        "text-date",
        re.compile(rf"(?<![\d.])[0-3]?\d\.? ?[- ]?(?:{_MONTHS})[., -]+{_YEAR}(?!\d)", _I),
    ),
    _Pattern(
        "text-date",
        re.compile(rf"\b(?:{_MONTHS})[. ]+[0-3]?\d(?:st|nd|rd|th)?,? +{_YEAR}(?!\d)", _I),
    ),
    _Pattern(
        "text-date",
        re.compile(r"(?<![\d.])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\d.])"),
        grade="weak",
        elsewhere=None,
    ),
    _Pattern(
        "text-date",
        re.compile(
            r"\b(?:born|dob|d\.o\.b\.?|geb(?:oren)?\.?)\b[ :]*(?:am |on )?\d[\d./ -]{5,}", _I
        ),
        elsewhere=None,
    ),
    _Pattern(
        "text-email",
        re.compile(r"(?<![\w.+-])(?!git@)[\w.+-]{2,}@[A-Za-z0-9-]{2,}(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"),
        elsewhere="likely",
        needs="@",
    ),
    _Pattern(
        "text-web",
        re.compile(
            r"\b(?:https?|ftps?|sftp|ldap|smb)://(?!(?:[\w-]+\.)*(?:w3\.org|nema\.org|adobe\.com|"
            r"dicomstandard\.org|purl\.org|snomed\.info|loinc\.org|unitsofmeasure\.org))[\w.@:-]+"
            r"|\bwww\.[\w-]+\.\w+", _I
        ),
    ),
    _Pattern(
        "text-path",
        re.compile(
            r"(?<![\w\\])\\\\[\w.-]+\\[\w$. -]+|(?<!\w)[A-Za-z]:(?:\\[\w$. ~-]+)+|"
            rf"(?<![\w./:])/(?:{_ROOTS})/[\w.-]+", _I
        ),
        elsewhere="likely",
    ),
    _Pattern(
        "text-user",
        re.compile(r"\b(?:user(?:name| ?id)?|login|logon|account|uname)\b ?[:=] ?([\w.-]{3,})", _I),
        elsewhere=None,
    ),
    _Pattern(
        "text-phone",
        re.compile(
            r"(?<![\w.+])\+\d{1,3}[ ./-]?(?:\(0?\d{1,5}\)|\d{1,5})(?:[ ./-]?\d{2,4}){2,4}(?![\w.])|"
            r"(?<![\w.(])\(\d{2,5}\) ?\d{3,4}[ -]\d{3,4}(?!\d)|"
            r"(?<![\w.-])\d{3}-\d{3}-\d{4}(?![\w-])"
        ),
        elsewhere=None,
    ),
    _Pattern(
        "text-phone",
        re.compile(
            r"\b(?:tel(?:efon|ephone)?|phone|fax|mobile|cell|call|pager|beeper|ext)\b[.:]* ?"
            r"\+?\(?\d[\d ()./-]{4,}\d", _I
        ),
        elsewhere=None,
    ),
    _Pattern(
        "text-host",
        re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"),
        holds=_is_inner_host,
    ),
    _Pattern(
        "text-host",
        re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"),
        grade="weak",
        elsewhere=None,
        holds=_is_address,
    ),
    _Pattern(
        "text-host",
        re.compile(
            r"(?<![\w:-])[0-9A-F]{2}(?:([:-])[0-9A-F]{2})(?:\1[0-9A-F]{2}){4}(?![\w:-])|"
            rf"(?<![\w@-])[\w-]{{2,63}}(?:\.[\w-]{{1,63}}){{0,6}}\.(?:{_HOSTS})\b", _I
        ),
    ),
    _Pattern(
        "text-street",
        re.compile(
            rf"(?<![\w.])\d{{1,5}}[a-z]? (?:[A-Z]{_L}{{1,40}} ){{1,3}}(?i:{_STREETS})(?!\w)|"
            rf"(?<!{_L})[A-ZÄÖÜ]{_L}{{1,40}}(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|laan|straat)"
            r" ?\d{1,4}\b|"
            rf"\b\d{{1,4}},? (?:rue|avenue|via|calle|plaza) (?:d[eu'] ?|de la )?[A-Z]{_L}+"
        ),
        elsewhere=None,
    ),
    _Pattern(
        "text-number",
        re.compile(rf"\b(?:{_CUES})\b\.? ?(?:is|no\.?|nr\.?|number|#)?[.:#= ]{{0,2}}"
                   r"((?=[A-Z-]*\d)[A-Z0-9][A-Z0-9-]{3,})", _I),
        elsewhere=None,
    ),
    _Pattern(
        "text-number",
        re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w.-])"),
        elsewhere=None,
    ),
    _Pattern(
        "text-number",
        re.compile(r"(?<![\w.-])\d{3} \d{3} \d{4}(?![\w.-])"),
        elsewhere=None,
        holds=_is_nhs,
    ),
    _Pattern(
        "text-number",
        re.compile(r"\bID\b ?(?:no\.?|nr\.?|number|#)?[.:#=] ?\d{4,}", _I),
        elsewhere=None,
    ),
)  # fmt: skip


@lru_cache(maxsize=8192)
def search(text: str, place: Place) -> tuple[Match, ...]:
    """Everything in a text that has the form of an identifier."""
    return tuple(_matches(text, place)) if len(text) > 3 else ()


def _matches(text: str, place: Place) -> Iterator[Match]:
    for pattern in _PATTERNS:
        grade = pattern.grade if place == "text" else pattern.elsewhere
        if grade is None or pattern.needs not in text:
            continue
        for match in pattern.form.finditer(text):
            if pattern.holds is None or pattern.holds(match):
                yield Match(pattern.code, grade, match[0])
    for _, _, uid in find_uids(text):
        if not is_made(uid):
            yield Match("text-uid", "likely" if place != "product" else "weak", uid)


def runs_of_text(raw: bytes, least: int = 8) -> Iterator[str]:
    """What a binary value has of text: runs of `least` characters and more, also as UTF-16.

    Letters beyond ASCII are taken as UTF-8 where they are, else as Latin-1.
    """
    plain, little, big = _runs(least)
    for match in plain.finditer(raw):
        try:
            yield match[0].decode("utf-8")
        except UnicodeDecodeError:
            yield match[0].decode("latin-1")
    for form, codec in ((little, "utf-16-le"), (big, "utf-16-be")):
        for match in form.finditer(raw):
            yield match[0].decode(codec)


@lru_cache
def _runs(least: int) -> tuple[re.Pattern[bytes], ...]:
    char = rb"[\t\r\n\x20-\x7e\x80-\xff]"
    forms = (char, rb"(?:%b\0)" % char, rb"(?:\0%b)" % char)
    return tuple(re.compile(b"%b{%d,}" % (form, least)) for form in forms)
