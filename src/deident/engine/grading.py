"""How much a find proves: `certain`, `likely`, `weak`, or nothing.

A patient may be called Hand, Long or King, and a record may be number 12345. What such a find is
worth depends on the word (is it in the vocabulary of PS3.16?), on the place (a Code String and a
Code Meaning hold terms, a comment holds sentences), and on what stands around it.
docs/explanation/verify.md gives the reasons and the measured false alarms.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from deident.engine.folding import Folded, fold, is_unspaced
from deident.engine.needles import Needle
from deident.tables.vocabulary import WordClass, listed_words, word_class

Grade = Literal["certain", "likely", "weak"]

# Values that are terms of a list whatever their VR.
_CODED_TAGS = frozenset(
    (
        0x00080070,  # Manufacturer
        0x00080100,  # Code Value
        0x00080102,  # Coding Scheme Designator
        0x00080103,  # Coding Scheme Version
        0x00080104,  # Code Meaning
        0x00080119,  # Long Code Value
        0x00080120,  # URN Code Value
        0x00081090,  # Manufacturer's Model Name
        0x00181016,  # Secondary Capture Device Manufacturer
        0x00181018,  # Secondary Capture Device Manufacturer's Model Name
        0x00181019,  # Secondary Capture Device Software Versions
        0x00181020,  # Software Versions
        0x00181210,  # Convolution Kernel
    )
)
# What may coincide with a number that is no patient's: numbers of concepts.
_CODE_VALUES = frozenset((0x00080100, 0x00080119))
# Terms that name a company: so may an institution, and then it is no secret.
_MAKERS = frozenset((0x00080070, 0x00081090, 0x00181016, 0x00181018))
_RULED = frozenset(("AS", "DA", "DT", "TM", "UI"))
_NUMBERS = frozenset(("DS", "IS"))

# Words that announce a person, folded; and words that announce a number.
_WORD_BEFORE = re.compile(r"([^\W\d_]+)([\W_]{0,3})\Z")
_LETTERS = re.compile(r"[^\W\d_]+")
_VOWELS = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôû]+")
_IN_NAMES = frozenset("-\u2010\u2011'\u2018\u2019`\u00b4._")
_IN_NUMBERS = frozenset(" -\u2010\u2011\u2013/._:#()+")
_DIGITS_AROUND = 5


class Place(NamedTuple):
    """Where a text stands: tag and VR of the element, `UN` for a blob."""

    tag: int
    vr: str

    @property
    def coded(self) -> bool:
        """Whether the value is a term of a list rather than somebody's words."""
        return self.vr == "CS" or self.tag in _CODED_TAGS

    @property
    def ruled(self) -> bool:
        """Whether the value is a UID, a date or a time, which have rules of their own."""
        return self.vr in _RULED


class Find:
    """Folded characters `start` to `end` of a text, equal to a needle; `begin` and `stop` count in
    the text.
    """

    __slots__ = ("begin", "end", "folded", "place", "start", "stop")

    def __init__(self, folded: Folded, start: int, end: int, place: Place) -> None:
        self.folded, self.start, self.end, self.place = folded, start, end, place
        self.begin, self.stop = folded.starts[start], folded.ends[end - 1]

    @property
    def gaps(self) -> list[tuple[int, str]]:
        """What was left out inside: (offset in the needle, text) of each."""
        return self.folded.gaps(self.start, self.end)

    @property
    def stands_alone(self) -> bool:
        """Whether it is not just a piece of longer words or numbers."""
        return self.folded.begins_word(self.start) and self.folded.ends_word(self.end)

    @property
    def whole(self) -> bool:
        """Whether the value, or one of several (backslashes), consists of nothing else."""
        source, starts, ends = self.folded.source, self.folded.starts, self.folded.ends
        before = source[ends[self.start - 1] if self.start else 0 : self.begin]
        after = source[self.stop : starts[self.end] if self.end < len(starts) else len(source)]
        return (not self.start or "\\" in before) and (self.end == len(starts) or "\\" in after)

    def follows(self, cues: frozenset[str]) -> bool:
        """Whether the word before is one of `cues`."""
        match = self._word_before
        return match is not None and fold(match[1]) in cues

    @property
    def addressed(self) -> bool:
        """Whether the word before announces a person."""
        match = self._word_before
        if match is None or fold(match[1]) not in listed_words("before_persons"):
            return False
        # MR, DR, PT and SR are modalities before they are titles
        return len(match[1]) > 3 or match[1].istitle() or match[2].startswith(".")

    @property
    def _word_before(self) -> re.Match[str] | None:
        return _WORD_BEFORE.search(self.folded.source[max(0, self.begin - 24) : self.begin])

    @property
    def written(self) -> str:
        """The text as it stands."""
        return self.folded.source[self.begin : self.stop]

    @property
    def capitalised(self) -> bool:
        """Whether it is written as a name is within a sentence that is not all in capitals."""
        if not self.written[:1].isupper() or self.written[1:2].isupper():
            return False
        around = self.folded.source[max(0, self.begin - 60) : self.begin].rstrip(" \"'(")
        if not around or around[-1] in ".:;!?\n\r\\-":
            return False
        words: list[str] = _LETTERS.findall(
            around + " " + self.folded.source[self.stop : self.stop + 60]
        )
        return sum(word.islower() for word in words) * 2 > len(words)


def grade(needle: Needle, find: Find) -> Grade | None:
    """What a find of `needle` is worth; `None` when it is nothing.

    In Unique Identifiers and in dates and times nothing is more than `weak`: they have rules of
    their own, and numbers in them coincide.
    """
    found = _JUDGES[needle.form](needle, find)
    return "weak" if found and find.place.ruled else found


def edit_distance_is_one(one: str, two: str) -> bool:
    """Whether one letter more, less, other or swapped with its neighbour makes `one` into `two`."""
    if len(one) > len(two):
        one, two = two, one
    if len(two) - len(one) > 1 or one == two:
        return False
    start = next((i for i, char in enumerate(one) if char != two[i]), len(one))
    if len(one) < len(two):
        return one[start:] == two[start + 1 :]
    rest = one[start + 1 :]
    swapped = one[start : start + 2] == two[start : start + 2][::-1]
    return rest == two[start + 1 :] or (swapped and one[start + 2 :] == two[start + 2 :])


# -- words ---------------------------------------------------------------------------------------


def is_known_word(word: str) -> bool:
    """Whether a folded word is in the vocabulary."""
    return word_class(word) != "name"


def _is_no_term(word: str) -> bool:
    """Whether an unknown word is no abbreviation and not two terms in one, as `headneck`."""
    if len(word) < 4 or (len(word) == 4 and len(_VOWELS.findall(word)) < 2):
        return False
    return not any(
        is_known_word(word[:middle]) and is_known_word(word[middle:])
        for middle in range(3, len(word) - 2)
    )


def _gaps_fit(needle: Needle, find: Find, inside: frozenset[str], longest: int = 4) -> bool:
    """Whether what was left out may stand there: anything between words, `inside` within one."""
    borders = needle.borders
    spaced_out = len(find.gaps) == len(needle.text) - 1
    return all(
        len(gap) <= longest and (offset in borders or spaced_out or inside.issuperset(gap))
        for offset, gap in find.gaps
    )


def _weaker(found: Grade | None) -> Grade | None:
    return {"certain": "likely", "likely": "weak"}.get(found or "")  # type: ignore[return-value]


# -- names ---------------------------------------------------------------------------------------


def _judge_part(needle: Needle, find: Find) -> Grade | None:
    """One part of a name, alone."""
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    if is_unspaced(needle.text[0]):
        return "likely"
    classes = {word_class(word) for word in needle.words}
    if find.place.coded:
        return _judge_part_among_terms(needle, find, classes)
    if len(needle.words) > 1 or (needle.sole and find.whole):
        return "likely"
    if find.addressed or find.place.vr == "PN" or (classes != {"term"} and len(needle.text) > 3):
        return "likely"
    return "likely" if find.capitalised or (find.whole and classes != {"term"}) else "weak"


def _judge_part_among_terms(needle: Needle, find: Find, classes: set[WordClass]) -> Grade:
    if needle.sole and needle.kind == "person" and find.place.tag in _MAKERS:
        return "weak"  # authors may be companies
    if len(needle.words) > 1:
        return "likely" if "name" in classes else "weak"
    return "likely" if classes == {"name"} and _is_no_term(needle.text) else "weak"


def _judge_full(needle: Needle, find: Find) -> Grade | None:
    """Two or more parts of a name, next to each other."""
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    if is_unspaced(needle.text[0]):
        return "certain" if len(needle.text) > 2 else "likely"
    if not find.gaps and is_known_word(needle.text):
        return None
    classes = {word_class(word) for word in needle.words if len(word) > 1}
    if "name" in classes and len(needle.text) > 4:
        return "certain"
    return "likely"


def _judge_initials(needle: Needle, find: Find) -> Grade | None:
    """One part of a name with the initials of the others."""
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    longest = max(needle.words, key=len)
    if not find.gaps and is_known_word(needle.text):
        return None
    if len(longest) > 3 and word_class(longest) == "name":
        return "likely" if find.place.coded else "certain"
    if find.place.coded or not find.gaps:
        return None
    punctuated = any(char in ".,^" for _, gap in find.gaps for char in gap)
    initial = find.written[0] if len(needle.words[0]) == 1 else find.written[-1]
    return "likely" if punctuated and initial.isupper() else None


# -- numbers -------------------------------------------------------------------------------------


def _judge_id(needle: Needle, find: Find) -> Grade | None:
    """A number of the patient, of an order, of a device."""
    find = _with_leading_zeros(needle, find)
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NUMBERS, longest=3):
        return None
    if needle.text.isalpha():
        # stations are called after their makers, steps after what is done
        known = needle.kind != "patient-id" and is_known_word(needle.text)
        return None if known else _judge_part(needle, find)
    if find.place.vr in _NUMBERS and not (find.whole and not find.gaps):
        return None
    found = _weight_of_number(needle.text)
    if _is_within_larger_number(find):
        return _weaker(found)
    if needle.kind == "patient-id":
        return _judge_patient_id(needle, find, found)
    if find.place.coded and needle.text.isdigit() and len(needle.text) < 7:
        told = find.whole and len(needle.text) > 4 and find.place.tag not in _CODE_VALUES
        return "likely" if told else "weak"
    if found == "weak" and (
        find.follows(listed_words("before_numbers")) or (find.whole and len(needle.text) > 4)
    ):
        return "weak" if find.place.vr in _NUMBERS or find.place.coded else "likely"
    return found if found != "weak" or len(needle.text) > 4 else None


def _judge_patient_id(needle: Needle, find: Find, found: Grade) -> Grade | None:
    """Worth more than other numbers: as the whole value, or in six digits, it is no chance."""
    if found != "weak":
        return found
    if find.gaps and len(needle.text) < 5:
        return None  # 1, 2, 3, 4
    if find.place.vr in _NUMBERS:
        return "likely" if len(needle.text) > 4 else "weak"
    return "likely" if find.whole or find.follows(listed_words("before_numbers")) else "weak"


def _weight_of_number(text: str) -> Grade:
    weight = len(text) + (0 if text.isdigit() else 1)
    return "certain" if weight > 6 else "likely" if weight == 6 else "weak"


def _with_leading_zeros(needle: Needle, find: Find) -> Find:
    start = find.start
    if needle.text[0].isdigit():
        while start and find.folded.source[find.folded.starts[start] - 1] == "0":
            start -= 1
    return find if start == find.start else Find(find.folded, start, find.end, find.place)


def _is_within_larger_number(find: Find) -> bool:
    """Whether it is a part of a decimal number, of a UID or of a hexadecimal number."""
    source = find.folded.source
    before, after = source[max(0, find.begin - 2) : find.begin], source[find.stop : find.stop + 2]
    if len(before) == 2 and before[1] in ".," and before[0].isdigit():
        return True
    if len(after) == 2 and after[0] in ".," and after[1].isdigit():
        return True
    return before[-1:].isalpha() and after[:1].isalpha()


def _judge_phone(needle: Needle, find: Find) -> Grade | None:
    """A telephone number by its last digits; country and area codes may stand before them."""
    folded, start = find.folded, find.start
    while start and start > find.start - _DIGITS_AROUND and folded.text[start - 1].isdigit():
        if folded.starts[start] - folded.ends[start - 1] > 3:
            break
        start -= 1
    wide = Find(folded, start, find.end, find.place)
    if not wide.stands_alone or not _gaps_fit(needle, wide, _IN_NUMBERS, longest=3):
        return None
    if find.place.vr in _NUMBERS:
        return "likely" if wide.whole and not wide.gaps and len(needle.text) > 8 else "weak"
    return "certain" if len(needle.text) > 7 else "likely"


# -- places --------------------------------------------------------------------------------------


def _judge_exact(needle: Needle, find: Find) -> Grade | None:
    """An e-mail address, a line of an address, a date as written."""
    if not find.stands_alone or any(len(gap) > 4 for _, gap in find.gaps):
        return None
    return "certain" if len(needle.text) > 7 else "likely"


def _judge_place(needle: Needle, find: Find) -> Grade | None:
    """A whole institution name."""
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    named = any(word_class(word) == "name" for word in needle.words)
    if len(needle.words) > 1 and len(needle.text) > 7:
        if named:
            return "certain"
        return None if find.place.coded else "likely" if find.whole else "weak"
    if find.place.coded:
        told = find.place.tag not in _MAKERS and len(needle.text) > 4 and _is_no_term(needle.text)
        return None if not named else "likely" if told else "weak"
    if not named:  # Radiology, MRI, Siemens: nothing in particular
        return None
    if len(needle.text) > 4:
        return "likely"
    if not find.whole:
        return "weak" if find.written.isupper() and len(needle.text) > 3 else None
    return "likely"


def _judge_place_part(needle: Needle, find: Find) -> Grade | None:
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    if all(word_class(word) != "name" or len(word) < 4 for word in needle.words):
        return None
    return "weak" if find.place.tag in _MAKERS else "likely"


def _judge_place_word(needle: Needle, find: Find) -> Grade | None:
    """A town, a street, a word of an institution's name."""
    if not find.stands_alone or not _gaps_fit(needle, find, _IN_NAMES):
        return None
    if is_unspaced(needle.text[0]):
        return "likely" if len(needle.text) > 2 else "weak"
    found = word_class(needle.text)
    if found == "term" or (find.place.coded and (found == "eponym" or find.place.tag in _MAKERS)):
        return None
    sure = found == "name" and len(needle.text) > 5
    return "likely" if sure and (not find.place.coded or _is_no_term(needle.text)) else "weak"


def _judge_short(_needle: Needle, find: Find) -> Grade | None:
    """A Patient ID of two or three characters: worth something beside a name, see `verify`."""
    return "weak" if find.stands_alone and not find.gaps else None


_JUDGES = {
    "short": _judge_short,
    "full": _judge_full,
    "initials": _judge_initials,
    "part": _judge_part,
    "id": _judge_id,
    "phone": _judge_phone,
    "exact": _judge_exact,
    "place": _judge_place,
    "place-part": _judge_place_part,
    "place-word": _judge_place_word,
}
