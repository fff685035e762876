"""Words and what they are: terms of medicine that may be a name, and what stands around
identifiers.

`vocabulary.txt` is made by `tools/build_vocabulary.py` and read when a name was found, not before;
`words.json` is written by hand. All words are folded: no case, accents or separators.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from deident.tables.files import load

WordClass = Literal["term", "eponym", "name"]


def word_class(word: str) -> WordClass:
    """What a folded word is.

    `term`: PS3.16 or PS3.6 write it in lower case, such as `hand`; `eponym`: only ever written with
    a capital, such as `baker`; `name`: neither, so probably somebody's name.
    """
    terms, eponyms = _vocabulary()
    if word in terms:
        return "term"
    return "eponym" if word in eponyms else "name"


@cache
def listed_words(role: str) -> frozenset[str]:
    """The words that `words.json` lists for a role, such as `placeholders` or `titles`."""
    return frozenset(" ".join(_roles()[role]).split())


@cache
def _roles() -> dict[str, list[str]]:
    roles: dict[str, list[str]] = load("words.json")
    return roles


@cache
def _vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    listed = (Path(__file__).parent / "vocabulary.txt").read_text(encoding="utf-8").split()
    return frozenset(listed), frozenset(word.lower() for word in listed if word[0].isupper())
