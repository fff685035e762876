"""A date of the instance in a text, however it is spelt: of birth, or of what was done (C93)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Literal

from deident.engine.folding import fold
from deident.engine.grading import Grade, Place
from deident.tables.vocabulary import listed_words

_RUN = re.compile(r"[^\W\d_]+|\d+")
# Dates that programs write where they know none.
_NO_DATES = frozenset((date(1900, 1, 1), date(1, 1, 1), date(1111, 11, 11)))
_TIMESTAMPS = (10, 12, 14)


DateKind = Literal["birth-date", "date"]


class KnownDate:
    """One day and its spellings as sequences of words and numbers, whatever stands between them.

    A `date` of what was done counts only if it is spelt with four digits of the year: short numbers
    are too many. It tells by how much dates were shifted, not who the patient is.

    Attributes:
        kind: of birth, or of what was done.
        anchors: folded strings; a text that holds none of them does not hold the date.
    """

    __slots__ = ("_bare", "_day", "_joined", "_longest", "_spellings", "anchors", "kind")

    def __init__(self, day: date, kind: DateKind) -> None:
        from deident.dicom.dates import spellings, weak_spellings

        self.kind = kind
        self._day = f"{day:%Y%m%d}"
        year = self._day[:4]
        keys = {" ".join(_runs(text)) for text in spellings(day)}
        born = kind == "birth-date"
        self._spellings = frozenset(key for key in keys if born or year in key)
        self._bare = frozenset(weak_spellings(day)) if born else frozenset[str]()
        self._longest = max(key.count(" ") for key in self._spellings) + 1
        joined = {key.replace(" ", "") for key in self._spellings} | self._bare
        self._joined = tuple(joined)
        self.anchors = (year, *sorted(text for text in joined if year not in text))

    @staticmethod
    @lru_cache(maxsize=256)
    def read(text: str, kind: DateKind) -> tuple[KnownDate, ...]:
        """The dates that a date value may stand for; none if it is no date or says nothing."""
        from deident.dicom.dates import days_in

        return tuple(KnownDate(day, kind) for day in days_in(text) if day not in _NO_DATES)

    def may_stand_in(self, folded: str) -> bool:
        """Whether a folded text holds the digits and letters of a spelling: a search may find it.

        Many texts hold the year, and looking at every word of them takes long.
        """
        return any(text in folded for text in self._joined)

    def search(self, text: str, place: Place) -> Iterator[tuple[Grade, int, int]]:
        """Grade, begin and end of every place where the date stands.

        In UIDs and dates nothing is looked for but the birth date: they have rules of their own.
        """
        if place.ruled and self.kind == "date":
            return
        found = list(_RUN.finditer(text))
        words = [_folded(match[0]) for match in found]
        for index, match in enumerate(found):
            if (graded := self._single(text, match, words, index)) is not None:
                yield self._capped(graded, place), *match.span()
            key = words[index]
            for last in range(index + 1, min(index + self._longest, len(words))):
                if found[last].start() - found[last - 1].end() > 3:
                    break
                key = f"{key} {words[last]}"
                if key in self._spellings:
                    span = match.start(), found[last].end()
                    dotted = _continues(text, *span)
                    sure: Grade = "certain" if self._day[:4] in key else "likely"
                    yield self._capped("weak" if dotted else sure, place), *span

    def _single(
        self, text: str, match: re.Match[str], words: list[str], index: int
    ) -> Grade | None:
        """What one number is worth: eight digits, a timestamp, six digits."""
        word = words[index]
        if word in self._spellings:
            return "certain"
        if len(word) in _TIMESTAMPS and word.startswith(self._day):
            return "likely"
        if word not in self._bare:
            return None
        return (
            "likely" if index and words[index - 1] in listed_words("before_birth_dates") else "weak"
        )

    def _capped(self, found: Grade, place: Place) -> Grade:
        """In UIDs, in dates (a shifted one may coincide) and in terms a birth date is weak."""
        if self.kind == "date":
            return "weak" if found == "weak" else "likely"
        return "weak" if place.ruled or (place.coded and found != "certain") else found


def _runs(text: str) -> list[str]:
    return [_folded(run) for run in _RUN.findall(text)]


def _folded(run: str) -> str:
    return run.lower() if run.isascii() else fold(run)


def _continues(text: str, start: int, end: int) -> bool:
    """Whether a dotted number or a UID goes on before or behind."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return (len(before) == 2 and before[0].isdigit() and before[1] in ".-/") or (
        len(after) == 2 and after[1].isdigit() and after[0] in ".-/"
    )
