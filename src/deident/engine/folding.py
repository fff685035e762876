"""Text folded for comparison: letters and digits only, without case, accents, width and separators.

Two spellings that a person would call the same fold to the same string: `O'Brien` and `OBRIEN`,
`Müller` and `MULLER`, half-width and full-width, katakana and hiragana, Arabic-Indic and European
digits. `Folded` also knows where each folded character came from.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LOWER = bytes(range(256)).lower()
_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum())

# What Unicode does not decompose but people write either way. Tatweel only stretches Arabic words.
_FOLDS = str.maketrans(
    {
        "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t",
        "æ": "ae", "œ": "oe", "ə": "e", "ى": "ي", "ة": "ه", "ک": "ك", "ی": "ي", "ـ": None,
    }
    | {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)}  # katakana: hiragana
)  # fmt: skip
# Marks that are part of the letter: without them another syllable is meant.
_VOICING = "\u3099\u309a"
_HALF_WIDTH_VOICING = "\uff9e\uff9f"
_SOFT_HYPHEN = "\u00ad"

# Scripts that put no space between words, or write suffixes without one (first, last code point).
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x3005, 0x3007),
    (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
# One-letter words of Hebrew and Arabic that are written together with the word behind them.
_ATTACHED = frozenset("והלבמשכوالبكفل")


def fold(text: str) -> str:
    """The folded text: what searching compares."""
    if text.isascii():
        return text.encode().translate(_LOWER, _SEPARATORS).decode()
    return "".join([_fold(cluster) for cluster in _clusters(text)])


class Folded:
    """A text and its folded form.

    Attributes:
        source: the text.
        text: its folded form.
        starts, ends: where each character of `text` begins and ends in `source`.
    """

    __slots__ = ("ends", "source", "starts", "text")

    def __init__(self, source: str) -> None:
        self.source = source
        if source.isascii():
            self.text = fold(source)
            self.starts = [index for index, char in enumerate(source) if char.isalnum()]
            self.ends = [index + 1 for index in self.starts]
            return
        parts: list[str] = []
        self.starts, self.ends = [], []
        end = 0
        for cluster in _clusters(source):
            start, end = end, end + len(cluster)
            part = _fold(cluster)
            parts.append(part)
            self.starts += [start] * len(part)
            self.ends += [end] * len(part)
        self.text = "".join(parts)

    def begins_word(self, index: int) -> bool:
        """Whether a word or a number begins at folded character `index`."""
        start = self.starts[index]
        if index and self.starts[index - 1] == start:
            return False
        if _is_edge(self.source, start):
            return True
        while start and self.source[start - 1] in _ATTACHED:
            start -= 1
            if _is_edge(self.source, start):
                return True
        return False

    def ends_word(self, index: int) -> bool:
        """Whether a word or a number ends before folded character `index`."""
        end = self.ends[index - 1]
        if index < len(self.text) and self.ends[index] == end:
            return False
        return _is_edge(self.source, end)

    def gaps(self, start: int, end: int) -> list[tuple[int, str]]:
        """What was left out between folded characters `start` and `end`: (offset, text) of each."""
        return [
            (index - start, self.source[self.ends[index - 1] : self.starts[index]])
            for index in range(start + 1, end)
            if self.ends[index - 1] < self.starts[index]
        ]


def words_in(text: str) -> list[str]:
    """The words and numbers of a text: what stands between characters that are neither."""
    parts = [cluster if any(map(str.isalnum, cluster)) else " " for cluster in _clusters(text)]
    return "".join(parts).split()


def is_unspaced(char: str) -> bool:
    """Whether the character is of a script that does not put spaces around names."""
    code = ord(char)
    return code >= 0x0E00 and any(first <= code <= last for first, last in _UNSPACED)


def _is_edge(text: str, index: int) -> bool:
    """Whether what stands left of `index` and what stands right are different words or numbers."""
    if not 0 < index < len(text):
        return True
    left, right = text[index - 1], text[index]
    if not right.isalnum():
        return True
    while unicodedata.category(left)[0] == "M" and index > 1:
        index -= 1
        left = text[index - 1]
    if not left.isalnum() or left.isdigit() != right.isdigit():
        return True
    if left.isdigit():
        return False
    if left.islower() and right.isupper():  # camel case: JohnSmith
        return True
    return is_unspaced(left) or is_unspaced(right)


def _clusters(text: str) -> list[str]:
    """The characters of a text, each with the marks, jamo and invisible ones that belong to it."""
    clusters: list[str] = []
    for char in text:
        if clusters and (char > "\u02ff" or char == _SOFT_HYPHEN) and _is_attached(char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _is_attached(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cf", "Mc", "Me", "Mn")
        or char in _HALF_WIDTH_VOICING
        or "\u1160" <= char <= "\u11ff"
    )


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    if cluster.isascii():
        return cluster.lower() if cluster.isalnum() else ""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", cluster).casefold())
    text = "".join(char for char in text if char in _VOICING or not unicodedata.combining(char))
    text = unicodedata.normalize("NFC", text.translate(_FOLDS))
    return "".join(_digit(char) for char in text if char.isalnum())


def _digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char
