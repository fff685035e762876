"""Search bytes for what identifies a person, in every spelling and encoding that may have survived.

Names are looked for component by component, so order and separators do not matter; numbers with and
without separators and leading zeros; everything as it is, in capitals and in small letters; in
Latin-1, UTF-8, UTF-16 of both byte orders and every character set that DICOM knows, ASCII letters
without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from tests.make import Person

_ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "iso8859-2", "iso8859-3", "iso8859-4",
    "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-9", "iso8859-15", "tis-620",
    "shift_jis", "iso2022_jp", "iso2022_jp_2", "euc_jp", "euc_kr", "gb2312", "gbk", "gb18030",
    "big5", "koi8-r", "cp1251",
)  # fmt: skip
_ESCAPE = re.compile(rb"\x1b[$()\-]+.")
_SHORTEST = 4
_TITLES = frozenset(("Prof.", "Dr."))


def spellings(person: Person) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of everything to look for."""
    for kind, text in person.identifiers():
        if text in _TITLES:
            continue
        yield kind, text
        squeezed = re.sub(r"[\W_]", "", text)
        if squeezed != text and kind != "uid" and len(squeezed.encode()) >= 6:
            yield kind, squeezed
    digits = re.sub(r"\D", "", person.phone)
    yield "phone", digits[-9:]
    yield "birth-date", f"{person.birth_date[6:]}{person.birth_date[4:6]}{person.birth_date[:4]}"


@cache
def needles(person: Person) -> tuple[tuple[bytes, str], ...]:
    """The bytes to look for, ASCII letters small, each with the kind of its identifier."""
    found: dict[bytes, str] = {}
    for kind, text in spellings(person):
        for spelling in {text, text.upper(), text.lower(), text.casefold()}:
            for form in _encoded(spelling):
                if len(form) >= _SHORTEST:
                    found.setdefault(form.lower(), kind)
    return tuple(found.items())


def _encoded(text: str) -> Iterator[bytes]:
    for encoding in _ENCODINGS:
        try:
            yield _ESCAPE.sub(b"", text.encode(encoding))
        except UnicodeEncodeError:
            continue


def found_in(data: bytes, person: Person, *, but: Iterable[str] = ()) -> set[str]:
    """The kinds of identifiers that stand in `data`, less the kinds in `but`."""
    low = data.lower()
    allowed = frozenset(but)
    return {kind for needle, kind in needles(person) if kind not in allowed and needle in low}
