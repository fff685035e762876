"""What to look for: the spellings of each identifier, folded, each with what a find of it proves.

Nothing here reads a text. A `Needle` is found by comparing folded texts, so separators, case,
accents and width need no spellings of their own; `grading` judges a find by the needle's `form`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise, permutations, product
from typing import Literal, NamedTuple

from deident.engine.folding import fold, is_unspaced, words_in
from deident.engine.identifiers import Identifier, Kind, is_placeholder
from deident.tables.vocabulary import listed_words

Form = Literal[
    "full",  # two or more parts of a name
    "initials",  # one part of a name with the initials of the others
    "part",
    "id",
    "short",  # a Patient ID of two or three characters: nothing alone
    "phone",
    "exact",  # e-mail, address line: long and particular
    "place",  # a whole institution name
    "place-part",  # two neighbouring words of one
    "place-word",
]


class Needle(NamedTuple):
    """One folded spelling.

    Attributes:
        text: the folded spelling.
        kind: kind of identifier.
        form: what the spelling stands for.
        words: the folded words that it is made of.
        owner: number of the identifier that it belongs to: two parts of one name have the same.
        sole: whether it is the whole identifier: a name or a Patient ID of one word.
    """

    text: str
    kind: Kind
    form: Form
    words: tuple[str, ...]
    owner: int
    sole: bool = False

    def __repr__(self) -> str:  # never the value: reprs end up in logs
        return f"<Needle {self.kind} {self.form}>"

    @property
    def borders(self) -> frozenset[int]:
        """Offsets in `text` where one word ends and the next begins."""
        offsets, offset = set(), 0
        for word in self.words:
            offset += len(word)
            offsets.add(offset)
        return frozenset(offsets)


class _Part(NamedTuple):
    """A component of a name: its words, and whether it is (or may be) the family name."""

    words: tuple[str, ...]
    family: bool

    @property
    def text(self) -> str:
        return "".join(self.words)


_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ø": "oe", "Ø": "Oe"}
    | {"å": "aa", "Å": "Aa"}
)
_WRITTEN_OUT = re.compile(r"(?i)(?<=[aou])e")
_DIGITS = re.compile(r"\d")
_NUMBERED_WORD = re.compile(r"^\d+|\d+(?:st|nd|rd|th|\.|er|e)?$")
_NUMBERED = re.compile(r"[^\W\d]*0*(\d{5,})[^\W\d]*")
# Digits without the letters around them that are still looked for.
_SHORTEST_CORE: dict[Kind, int] = {"patient-id": 5, "name": 6, "number": 6}
_PHONE = re.compile(r"\+?\(?\d[\d\s()./+-]{5,}\d")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINES = re.compile(r"[\r\n\f\t,;\\^|=]+")
# Every word of a name is looked for alone; joined are so many parts of it, and words of a part.
_MOST_JOINED = 4
_MOST_WORDS = 100
_LONGEST = 64


def needles(identifiers: Iterable[Identifier]) -> list[Needle]:
    """The spellings of all identifiers, each once per kind and form.

    Dates in the Gregorian calendar are not among them: see `known_dates`.
    """
    found: dict[tuple[str, Kind, Form], Needle] = {}
    for owner, entry in enumerate(sorted(identifiers)):
        for needle in _BUILDERS[entry.kind](entry.text, entry.kind, owner):
            if len(needle.text) > 1 and not is_placeholder(needle.text):
                found.setdefault((needle.text, needle.kind, needle.form), needle)
    return list(found.values())


# -- names ---------------------------------------------------------------------------------------


def _names(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    for spelling in _spellings(text):
        for group in spelling.split("="):
            numbered = _parts(group)
            for part in numbered:
                yield from _numbers_in(part, kind, owner)
            parts = [part for part in map(_without_digits, numbered) if part.words]
            joined = (*_joined_parts(_outermost(parts)), *_whole(group))
            for form, words in (*_single_parts(parts), *_affixes(group), *joined):
                sole = form == "part" and len(parts) == 1
                yield Needle("".join(words)[:_LONGEST], kind, form, words, owner, sole)


def _numbers_in(part: _Part, kind: Kind, owner: int) -> Iterator[Needle]:
    """Numbers that stand in a name: of the patient often, so they count as a whole and alone."""
    with_digits = [word for word in part.words if _DIGITS.search(word)]
    for text in {part.text, *with_digits} if with_digits else ():
        yield from _ids(text, kind, owner)


def _without_digits(part: _Part) -> _Part:
    """The words of a part as names: `smith` of `smith 2`, of `smith2` and of `smith3rd`."""
    words = (_NUMBERED_WORD.sub("", word) for word in part.words)
    return part._replace(words=tuple(word for word in words if word and not _DIGITS.search(word)))


def _spellings(text: str) -> list[str]:
    """The text, with umlauts written out, and with written-out umlauts as one letter."""
    spellings = [text]
    if not text.isascii() and (written_out := text.translate(_UMLAUTS)) != text:
        spellings.append(written_out)
    elif (contracted := _WRITTEN_OUT.sub("", text)) != text:
        spellings.append(contracted)
    return spellings


def _parts(group: str) -> list[_Part]:
    """The components that hold a name; of words without `^` each may be the family name."""
    components = group.split("^")[:3]
    if sum(bool(component.strip()) for component in components) > 1:
        parts = [_Part(_words(text), number == 0) for number, text in enumerate(components)]
    elif "," in group:
        parts = [_Part(_words(text), number == 0) for number, text in enumerate(group.split(","))]
    else:
        parts = [_Part((word,), True) for word in _words(group)]
    return [part for part in parts if part.words][:_MOST_WORDS]


def _outermost(parts: list[_Part]) -> list[_Part]:
    """Of many parts the first ones and the last one, which may be the family name."""
    return parts[: _MOST_JOINED - 1] + parts[_MOST_JOINED - 1 :][-1:]


def _whole(group: str) -> Iterator[tuple[Form, tuple[str, ...]]]:
    """The whole name as it stands, and with its first word last, whatever its words mean elsewhere.

    Do, Na, Van and Blank are names as well: side by side with the rest of the name they are one.
    """
    words = tuple(filter(None, map(fold, words_in("^".join(group.split("^")[:3])))))[:_MOST_WORDS]
    if len(words) < 2 or sum(map(len, words)) < 4 or all(map(_means_nobody, words)):
        return
    yield "full", words
    yield "full", (*words[1:], words[0])


def _means_nobody(word: str) -> bool:
    return is_placeholder(word) or word in listed_words("titles") or word.isdecimal()


def _affixes(group: str) -> Iterator[tuple[Form, tuple[str, ...]]]:
    """Words of the prefix and the suffix of a name (PS3.5 6.2.1): a title may have a name in it."""
    for component in group.split("^")[3:]:
        for word in _words(component):
            if len(word) > 3 and not _DIGITS.search(word) and word not in listed_words("particles"):
                yield "part", (word,)


def _words(text: str) -> tuple[str, ...]:
    words = [fold(word) for word in words_in(text)]
    words = [word for word in words if word and not is_placeholder_word(word)]
    named = [word for word in words if word not in listed_words("titles")]
    return tuple(named[:_MOST_WORDS])


def is_placeholder_word(word: str) -> bool:
    """Whether a word of a name says nothing; initials do say something."""
    return len(word) > 1 and is_placeholder(word)


def words_of(text: str) -> list[str]:
    """The words of an identifier as they stand, particles and single letters left out.

    Where every word is shorter than what can be told from chance (as in Chinese), they are joined.
    """
    words: list[str] = []
    for group in text.split("="):
        found = words_in(group)
        long_ones = [word for word in found if len(word) >= (2 if is_unspaced(word[0]) else 4)]
        words += long_ones or [
            "".join(found),
            "".join(found[::-1]),
            " ".join(found),
            "^".join(found),
        ]
    return [
        word
        for word in words
        if fold(word) not in listed_words("particles") and not is_placeholder(fold(word))
    ]


def _single_parts(parts: list[_Part]) -> Iterator[tuple[Form, tuple[str, ...]]]:
    for part in parts:
        if len(part.words) == 1:
            if _tells_something(part.words[0]):
                yield "part", part.words
            continue
        if len(part.text) > 4 and max(map(len, part.words)) > 2:
            yield "part", part.words
        for word in part.words:
            if _tells_something(word):
                yield "part", (word,)


def _tells_something(word: str) -> bool:
    return word not in listed_words("particles") and len(word) >= (2 if is_unspaced(word[0]) else 3)


def _joined_parts(parts: list[_Part]) -> Iterator[tuple[Form, tuple[str, ...]]]:
    choices = [_choices(part) for part in parts]
    for first, second in permutations(range(len(parts)), 2):
        for one, two in product(choices[first], choices[second]):
            if _is_long_enough(one, two):
                yield "full", one + two
    if len(parts) > 2:
        every = [part.words for part in parts]
        yield "full", tuple(word for words in every for word in words)
        yield "full", tuple(word for words in (*every[1:], every[0]) for word in words)
    for number, part in enumerate(parts):
        others = [other for index, other in enumerate(parts) if index != number]
        if part.family and others:
            yield from _with_initials(choices[number], others)


def _choices(part: _Part) -> list[tuple[str, ...]]:
    """A part as a whole, and by its first and its last word that is a name."""
    choices = {part.words: None}
    named = [word for word in part.words if word not in listed_words("particles") and len(word) > 1]
    for word in (named[:1] + named[-1:]) if len(part.words) > 1 else ():
        choices[(word,)] = None
    return list(choices)


def _is_long_enough(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    lengths = sum(map(len, one)), sum(map(len, two))
    if is_unspaced(one[0][0]):
        return sum(lengths) > 1
    return min(lengths) > 1 and sum(lengths) > 3


def _with_initials(
    choices: list[tuple[str, ...]], others: list[_Part]
) -> Iterator[tuple[Form, tuple[str, ...]]]:
    """J Smith, Smith J, JA Smith, Smith JA; with a middle name also John A Smith."""
    if is_unspaced(others[0].words[0][0]):
        return
    letters = tuple(word[0] for other in others for word in other.words)
    runs = {letters, letters[:1]} | {(letter,) for letter in letters}
    for words in choices:
        if len("".join(words)) > 2:
            for run in sorted(runs):
                yield "initials", run + words
                yield "initials", words + run
            if len(others) > 1:
                yield "full", (*others[0].words, others[1].words[0][0], *words)


# -- everything else -----------------------------------------------------------------------------


def _ids(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    """A number as it is, without leading zeros, and without the letters around its digits."""
    folded = fold(text)[:_LONGEST]
    spellings = {folded, folded.lstrip("0")}
    match = _NUMBERED.fullmatch(folded)
    if match and len(match[1]) >= _SHORTEST_CORE.get(kind, _LONGEST):
        spellings.add(match[1])
    for spelling in spellings:
        if len(spelling) > 3:
            yield Needle(spelling, kind, "id", (spelling,), owner, kind == "patient-id")
        elif kind == "patient-id" and any(char.isdigit() for char in spelling):
            yield Needle(spelling, kind, "short", (spelling,), owner)


def _contacts(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    for match in _EMAIL.finditer(text):
        yield Needle(fold(match[0])[:_LONGEST], kind, "exact", (), owner)
    for match in _PHONE.finditer(text):
        digits = fold(match[0])
        if len(digits) >= 7:  # country and trunk codes come and go
            core = digits[-9:].lstrip("0")
            yield Needle(core if len(core) >= 7 else digits, kind, "phone", (), owner)


def _addresses(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    """Each line of the address; street and house number, whichever stands first."""
    for line in (part for spelling in _spellings(text) for part in _LINES.split(spelling)):
        words = tuple(fold(word) for word in words_in(line))
        words = tuple(word for word in words if word)[:_MOST_WORDS]
        for run in _address_runs(words):
            joined = "".join(run)
            if len(joined) > 5 and not joined.isdigit():
                yield Needle(joined[:_LONGEST], kind, "exact", run, owner)
        if len(words) > 1 and not any(char.isdigit() for word in words for char in word):
            yield Needle("".join(words)[:_LONGEST], kind, "place", words, owner)
        yield from _place_words(words, kind, owner)


def _address_runs(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    numbers = [index for index, word in enumerate(words) if any(map(str.isdigit, word))]
    if not numbers:
        return set()
    runs = {words}
    for index in numbers:
        before, after = words[max(0, index - 2) : index], words[index + 1 : index + 3]
        number = words[index : index + 1]
        for street in (before, after, before[-1:], after[:1]):
            if street and not any(char.isdigit() for word in street for char in word):
                runs |= {street + number, number + street}
    return runs


def _places(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    """The whole name, neighbouring words of it, single words of it."""
    if any(char.isdigit() for char in text):
        yield from _ids(text, kind, owner)
    for spelling in _spellings(text):
        words = tuple(filter(None, map(fold, words_in(spelling))))[:_MOST_WORDS]
        if any(char.isalpha() for word in words for char in word):
            yield Needle("".join(words)[:_LONGEST], kind, "place", words, owner)
        for pair in pairwise(words):
            if len("".join(pair)) > 7 and not listed_words("particles").issuperset(pair):
                yield Needle("".join(pair), kind, "place-part", pair, owner)
        if len(words) > 1:
            yield from _place_words(words, kind, owner)


def _place_words(words: tuple[str, ...], kind: Kind, owner: int) -> Iterator[Needle]:
    for word in words:
        particular = len(word) > (2 if is_unspaced(word[0]) else 4)
        if particular and not any(char.isdigit() for char in word):
            yield Needle(word, kind, "place-word", (word,), owner)


def _calendars(text: str, kind: Kind, owner: int) -> Iterator[Needle]:
    """A date in another calendar or order, as written; all else is left to `known_dates`."""
    from deident.dicom.dates import days_in

    folded = fold(text)
    if not days_in(text) and len(folded) > 5:  # a year alone tells little
        yield Needle(folded[:_LONGEST], kind, "exact", (), owner)


_BUILDERS = {
    "name": _names,
    "person": _names,
    "patient-id": _ids,
    "number": _ids,
    "birth-date": _calendars,
    "date": _calendars,
    "contact": _contacts,
    "address": _addresses,
    "institution": _places,
    "device": _ids,
}
