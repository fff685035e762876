"""Identifiers of the originals, and the search for them in texts and names.

Everything is compared folded: no case, accents or separators. A text is cut to words once; what
stands in it is found by four letters at a time in one set, however many identifiers there are.
UIDs, of which every instance has some, are kept as hashes: eight bytes each.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from deident.app.audit import rules
from deident.app.audit.findings import Finding, Grade
from deident.dicom.uids import find_uids
from deident.tables.vocabulary import listed_words, word_class

_WORD = re.compile(r"[^\W_]+")
_ANCHOR = 4  # letters by which an identifier is found
_SHORT_ANCHOR = 2  # of one in a script whose names have two letters
_DIFFERENT = 3
_NO_WORD = "...."
_WIDEST_GAP = 3  # signs between two words of one identifier
_FIRST_WIDE = 0x2E80  # from here on scripts do not part words by spaces
_EXCUSES = {
    "uid": rules.RETAIN_UIDS,
    "institution": "retain-institution-identity",
    "device": rules.RETAIN_DEVICE,
}
_MORE: dict[Grade, Grade] = {"weak": "likely", "likely": "certain", "certain": "certain"}
_NAMES = frozenset(("name", "person"))
_NUMBERS = frozenset(("patient-id", "number", "device"))


class Needle(NamedTuple):
    """One identifier.

    Attributes:
        text: folded, without separators.
        kind: such as `name`; `original-` + it is the code of a find.
        grade: what a find is worth that stands alone.
        inside: whether it counts inside a longer word or number as well.
    """

    text: str
    kind: str
    grade: Grade
    inside: bool = False


class Words(NamedTuple):
    """A text cut to words.

    Attributes:
        joined: all words, folded, with nothing between them.
        starts: where each begins in `joined`.
        gaps: how many other signs stand in front of each.
    """

    joined: str
    starts: list[int]
    gaps: list[int]


def fold(text: str) -> str:
    """Text without case, accents, vowel signs and width."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if unicodedata.category(char)[0] != "M")


def squeeze(text: str) -> str:
    """Text folded and without separators."""
    return "".join(_WORD.findall(fold(text)))


def cut(text: str) -> Words:
    """Cut a text to words."""
    words: list[str] = []
    starts: list[int] = []
    gaps: list[int] = []
    length = end = 0
    for match in _WORD.finditer(fold(text)):
        words.append(match[0])
        starts.append(length)
        gaps.append(match.start() - end)
        length += len(match[0])
        end = match.end()
    return Words("".join(words), starts, gaps)


class _Bucket(NamedTuple):
    """Identifiers that begin alike: their lengths, and each by its text."""

    lengths: set[int]
    needles: dict[str, Needle]


class Needles:
    """Identifiers of all originals.

    Attributes:
        count: how many different ones there are.
    """

    def __init__(self) -> None:
        self._by_anchor: dict[str, _Bucket] = {}
        self._wide: dict[str, _Bucket] = {}
        self._uids: set[int] = set()

    @property
    def count(self) -> int:
        """How many different identifiers there are."""
        buckets = (*self._by_anchor.values(), *self._wide.values())
        return len(self._uids) + sum(len(bucket.needles) for bucket in buckets)

    def add(self, needle: Needle) -> None:
        """Keep an identifier; of two kinds of the same text, one that no option excuses.

        What has only one or two different letters (`xxxx`) is none.
        """
        if needle.text.isascii() and len(set(needle.text)) < _DIFFERENT:
            return
        wide = any(ord(char) >= _FIRST_WIDE for char in needle.text)
        anchors, length = (self._wide, _SHORT_ANCHOR) if wide else (self._by_anchor, _ANCHOR)
        if len(needle.text) < length:
            return
        bucket = anchors.setdefault(needle.text[:length], _Bucket(set(), {}))
        bucket.lengths.add(len(needle.text))
        there = bucket.needles.setdefault(needle.text, needle)
        if there.kind in _EXCUSES and needle.kind not in _EXCUSES:
            bucket.needles[needle.text] = needle

    def add_uid(self, uid: str) -> None:
        """Keep a UID."""
        self._uids.add(_hash(uid))

    def in_text(self, text: str, options: frozenset[str], where: str) -> Iterator[Finding]:
        """Yield what of the originals stands in a text.

        Args:
            text: what to search.
            options: what the output claims to keep: such identifiers may stay.
            where: for the findings.
        """
        rest: list[str] = []  # parts of a UID are no numbers
        done = 0
        for start, end, uid in find_uids(text):
            if rules.RETAIN_UIDS not in options and _hash(uid) in self._uids:
                yield Finding("original-uid", "certain", where, uid)
            rest += (text[done:start], _NO_WORD)
            done = end
        if not self._by_anchor and not self._wide:
            return
        words = cut("".join((*rest, text[done:])))
        found = [
            needle
            for needle in self._met(words)
            if _EXCUSES.get(needle.kind) not in options and _stands(words, needle)
        ]
        names = {needle.text for needle in found if needle.kind in _NAMES}
        sure = any(needle.grade != "weak" for needle in found if needle.kind in _NAMES)
        for needle in found:
            together = sure and needle.kind in _NAMES and _are_apart(names)
            grade = _MORE[needle.grade] if together else needle.grade
            yield Finding(f"original-{needle.kind}", grade, where, needle.text)

    def in_name(self, name: str, options: frozenset[str]) -> Iterator[Finding]:
        """Yield what of the originals stands in the name of a file or its folders."""
        yield from self.in_text(name, options, "file name")

    def _met(self, words: Words) -> Iterator[Needle]:
        """Identifiers that stand somewhere in the joined words, each once."""
        joined = words.joined
        for anchors, length in ((self._by_anchor, _ANCHOR), (self._wide, _SHORT_ANCHOR)):
            if not anchors or (length == _SHORT_ANCHOR and joined.isascii()):
                continue
            pieces = {joined[at : at + length] for at in range(len(joined) - length + 1)}
            for anchor in pieces & anchors.keys():
                yield from _met_in(joined, anchor, anchors[anchor])


def _met_in(joined: str, anchor: str, bucket: _Bucket) -> Iterator[Needle]:
    """Identifiers of a bucket, however many it has, by the places where its anchor stands."""
    met: dict[Needle, None] = {}
    at = joined.find(anchor)
    while at >= 0:
        for length in bucket.lengths:
            needle = bucket.needles.get(joined[at : at + length])
            if needle is not None:
                met[needle] = None
        at = joined.find(anchor, at + 1)
    yield from met


def _are_apart(names: set[str]) -> bool:
    """Whether there are two names of which none is part of the other."""
    return any(one not in other and other not in one for one in names for other in names)


def _hash(uid: str) -> int:
    return int.from_bytes(blake2b(uid.encode(), digest_size=8).digest(), "big")


def _stands(words: Words, needle: Needle) -> bool:
    """Whether a find is one: words of its own, or long enough to count inside others."""
    wide = ord(max(needle.text)) >= _FIRST_WIDE
    at = words.joined.find(needle.text)
    while at >= 0:
        end = at + len(needle.text)
        first, last = bisect_left(words.starts, at), bisect_left(words.starts, end)
        begins = first < len(words.starts) and words.starts[first] == at
        ends = end == len(words.joined) or (last < len(words.starts) and words.starts[last] == end)
        inner = words.gaps[first + 1 : last] if begins else words.gaps[first:last]
        alone = begins and ends
        if (alone or needle.inside or wide) and all(gap <= _WIDEST_GAP for gap in inner):
            return True
        at = words.joined.find(needle.text, at + 1)
    return False


NO_NEEDLES = Needles()


def name_needles(text: str, kind: str) -> Iterator[Needle]:
    """Needles of a person's name: its words, and two neighbouring ones in either order."""
    for group in text.split("="):
        words = [word for word in _WORD.findall(fold(group)) if _may_name(word)]
        if not any(map(_is_wide, words)):
            yield from (_word(word, kind) for word in words if len(word) >= _ANCHOR)
        elif len(words) == 1:
            yield Needle(words[0], kind, "likely")
        for one, other in itertools.pairwise(words):
            if len(one + other) >= (_SHORT_ANCHOR if _is_wide(one) else 5):
                grade = _PAIR[
                    sum(len(word) > 3 and word_class(word) == "name" for word in (one, other))
                ]
                grade = "certain" if _is_wide(one) else grade
                for joined in (one + other, other + one):
                    yield Needle(joined, kind, grade, inside=len(joined) > 7 and grade != "weak")


_PAIR: tuple[Grade, ...] = ("weak", "likely", "certain")


def _may_name(word: str) -> bool:
    """Whether a word of a name is worth looking for: no placeholder, number, or `xxxx`."""
    if rules.is_dummy(word) or word.isdigit() or word in listed_words("placeholders"):
        return False
    return _is_wide(word) or len(word) > 1


def _is_wide(word: str) -> bool:
    return ord(max(word)) >= _FIRST_WIDE


def _word(word: str, kind: str) -> Needle:
    if word_class(word) != "name" or _is_compound(word):
        return Needle(word, kind, "weak")
    return Needle(word, kind, "likely", inside=len(word) >= 7)


def _is_compound(word: str) -> bool:
    """Whether a word is two terms in one, such as `headneck`."""
    cuts = range(_ANCHOR, len(word) - _ANCHOR + 1)
    return any(word_class(word[:at]) == word_class(word[at:]) == "term" for at in cuts)


def number_needles(text: str, kind: str) -> Iterator[Needle]:
    """The needle of an ID or number: the longer, and the more letters, the surer."""
    squeezed = squeeze(text)
    if rules.is_dummy(text) or len(set(squeezed)) < 2 or len(squeezed.lstrip("0")) < _ANCHOR:
        return
    mixed = not squeezed.isdigit() and not squeezed.isalpha()
    if squeezed.isalpha() and len(squeezed) < 16:
        words = [word for word in _WORD.findall(fold(text)) if len(word) >= _ANCHOR]
        yield from (
            _word(word, kind) if len(word) > 5 else Needle(word, kind, "weak") for word in words
        )
        return
    weight = len(squeezed) + 2 * mixed
    grade: Grade = "certain" if weight >= 8 else "likely" if weight >= 6 else "weak"
    yield Needle(squeezed, kind, grade, inside=weight >= 9)


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def date_needles(text: str) -> Iterator[Needle]:
    """Spellings of a birth date (DA): orders, with and without zeros, months as English words."""
    if rules.is_dummy_date(text) or not re.fullmatch(r"\d{8}", text):
        return
    year, month, day = text[:4], text[4:6], text[6:]
    yield from (Needle(one, "birth-date", "certain") for one in (text, day + month + year))
    yield Needle(month + day + year, "birth-date", "certain")
    if 1 <= int(month) <= 12:
        name = _MONTHS[int(month) - 1]
        for number in {day, day.lstrip("0")}:
            yield Needle(number + name + year, "birth-date", "certain")
            yield Needle(name + number + year, "birth-date", "certain")


def contact_needles(text: str) -> Iterator[Needle]:
    """A telephone number by its last digits, an e-mail address as it is."""
    digits = re.sub(r"\D", "", text)
    if "@" in text:
        yield Needle(squeeze(text), "contact", "certain", inside=True)
    elif len(digits) >= 6:
        tail = digits[-9:]
        yield Needle(tail, "contact", "certain" if len(tail) > 7 else "likely", inside=True)
        yield Needle(digits, "contact", "certain" if len(digits) > 7 else "likely")


def phrase_needles(text: str, kind: str) -> Iterator[Needle]:
    """An address or institution: the whole, its lines and parts, if they are more than terms."""
    for part in {text, *re.split(r"[\n\r,;^\\]+", text)}:
        words = _WORD.findall(fold(part))
        joined = "".join(words)
        if (
            len(joined) < (3 if joined and _is_wide(joined) else 6)
            or rules.is_dummy(part)
            or joined.isdigit()
        ):
            continue
        known = all(word_class(word) != "name" or word.isdigit() for word in words)
        if len(words) > 1:
            yield Needle(joined, kind, "weak" if known else "certain", inside=len(joined) > 11)
        else:
            yield Needle(joined, kind, "weak" if known else "likely")


def file_needles(name: str) -> Iterator[Needle]:
    """The name of a file or folder, if it says more than what it is and which number it has."""
    for component in name.split("/"):
        stem = component.rpartition(".")[0] or component
        words = _WORD.findall(fold(stem))
        joined = "".join(words)
        letters = re.findall(r"[^\W\d_]+", fold(stem))
        strange = [word for word in letters if len(word) > 3 and word_class(word) == "name"]
        if len(joined) < 8 or next(find_uids(stem), None):
            continue
        if len(strange) > 1 or re.search(r"\d{6}", joined):
            yield Needle(joined, "file", "likely", inside=len(joined) > 11)


_MAKERS: dict[str, Callable[[str, str], Iterable[Needle]]] = {
    **dict.fromkeys(_NAMES, name_needles),
    **dict.fromkeys(_NUMBERS, number_needles),
    **dict.fromkeys(("address", "institution"), phrase_needles),
    "birth-date": lambda text, _: date_needles(text),
    "contact": lambda text, _: contact_needles(text),
}


def needles_of(text: str, kind: str) -> Iterable[Needle]:
    """The needles of a value of an original; `kind` is one that the table names."""
    return _MAKERS[kind](text, kind)
