"""Proof before writing: the instance's own identifiers must not be in what is about to be written.

A `Matcher` is made once per set of identifiers and asked for every text and every unknown value
that would be kept (PS3.15 E.1.1; private values too, E.3.10). Most texts hold nothing; that is
found out by looking for a few `anchors`, short strings of which every spelling contains one. Only
then are spellings compared and finds graded, see `needles` and `grading`.

What follows from a hit is the caller's policy: `certain` and `likely` ones are repaired, `weak`
ones are reported. Nothing here ever names a value: hits carry kinds, grades and offsets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from typing import AnyStr, NamedTuple

from deident.dicom.charsets import byte_forms, escaped_forms
from deident.dicom.uids import is_plain
from deident.engine.folding import Folded, fold
from deident.engine.grading import Find, Grade, Place, edit_distance_is_one, grade, is_known_word
from deident.engine.identifiers import PERSONAL, Identifier, Identifiers
from deident.engine.known_dates import KnownDate
from deident.engine.needles import Needle, needles, words_of

# Longer values are searched piece by piece: what is remembered per character stays small.
_PIECE, _OVERLAP = 8192, 512
# VRs of sentences, in which a misspelt name is looked for, and the shortest such name.
_SENTENCES = frozenset(("ST", "LT", "UT", "UC"))
_MISSPELT = 6
_WORDS = re.compile(r"[^\W\d_]{5,}")
# Two parts of one name so near to each other are meant as one.
_NEAR = 80
_MOST_HITS = 64
# Words that name somebody: one of the patient and one of a physician are no two kinds of evidence.
_NAMES = frozenset(("name", "person"))
_RANK: dict[Grade, int] = {"certain": 0, "likely": 1, "weak": 2}
_MANY_UIDS = 32
# Some programs number studies 1.1, 1.2, …: shorter ones stand in every text and tell nothing.
_SHORTEST_UID = 8
_UNKNOWN = Place(0, "UN")
# Bytes of a blob as characters: what is not ASCII separates.
_AS_ASCII = bytes(range(128)) + b"\x7f" * 128
_UID_RUN = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
_UID_BYTES = re.compile(rb"[0-9.]{%d,}" % _SHORTEST_UID)
_UID_BEFORE = re.compile(rb"(?:[0-9]|[0-9]\.)\Z")
_UID_AFTER = re.compile(rb"[0-9]|\.[0-9]")


class Hit(NamedTuple):
    """An identifier in a value: its kind, how sure that is, and where (offsets in what was
    searched).
    """

    kind: str
    grade: Grade
    start: int
    end: int


class Matcher:
    """Searches for one set of identifiers. Make one per patient, not one per instance."""

    def __init__(self, identifiers: Identifiers, *, ignore: frozenset[int] = frozenset()) -> None:
        """Prepare the search for `identifiers`.

        `ignore` are tags whose values the profile keeps on purpose (such as Station Name under the
        Retain Device Identity option): these values are not looked for, wherever they stand, unless
        they are also something that tells who the patient is.
        """
        kept = {fold(entry.text) for entry in identifiers.entries if entry.tag in ignore}
        entries = frozenset(
            entry
            for entry in identifiers.entries
            if entry.tag not in ignore and (entry.kind in PERSONAL or fold(entry.text) not in kept)
        )
        every = needles(entries)
        self._needles = [needle for needle in every if needle.form != "short"]
        self._short = [needle for needle in every if needle.form == "short"]
        self._dates = [
            found
            for entry in entries
            if entry.kind in ("birth-date", "date")
            for found in KnownDate.read(entry.text, entry.kind)
        ]
        texts = [needle.text for needle in self._needles]
        texts += [text for date in self._dates for text in date.anchors]
        self._anchors = _anchors(texts)
        self._names = {
            needle.text: needle.kind
            for needle in self._needles
            if needle.form == "part" and len(needle.text) >= _MISSPELT
        }
        self._ends = {end for name in self._names for end in (name[:3], name[-3:])}
        self._entries = entries

    def search_text(self, text: str, *, tag: int, vr: str, raw: bytes = b"") -> tuple[Hit, ...]:
        """Identifiers in the decoded value of an element; `()` for nearly every value.

        Bytes beyond ASCII may belong to another character set than was declared: with `raw`, the
        value as it stands in the file, other sets are tried too (such hits count offsets in it).
        The best grade of each place is returned, in order; never more than 64 hits.
        """
        hits: list[Hit] = []
        folded = fold(text)
        place = Place(tag, vr)
        for anchor in self._anchors:
            if anchor in folded:
                for start in range(0, len(text), _PIECE):
                    hits += self._in_piece(text, start, place)
                break
        if vr in _SENTENCES and self._names:
            hits += self._misspelt(text)
        if not raw.isascii() or b"\x1b" in raw:
            hits += self._in_other_sets(raw)
        return _best(hits if place.ruled else _proven(hits, text)) if hits else ()

    def search_bytes(self, blob: bytes) -> tuple[Hit, ...]:
        """Identifiers in a value that may not be text: ASCII, UTF-8, UTF-16, legacy sets."""
        text = blob.translate(_AS_ASCII).decode("ascii")
        hits: list[Hit] = []
        for start in range(0, len(text), _PIECE):
            folded = fold(text[max(0, start - _OVERLAP) : start + _PIECE])
            for anchor in self._anchors:
                if anchor in folded:
                    hits += self._in_piece(text, start, _UNKNOWN)
                    hits += self._in_wide_piece(text, start)
                    break
        hits += self._in_other_sets(blob)
        return _best(_proven(hits, text))

    # -- the long way ---------------------------------------------------------------------------

    def _in_piece(self, text: str, start: int, place: Place) -> Iterator[Hit]:
        """Hits in one piece of a text, but for those that the cut may have made."""
        begin, end = max(0, start - _OVERLAP), min(len(text), start + _PIECE)
        for hit in self._in_text(text[begin:end], place):
            hit = hit._replace(start=hit.start + begin, end=hit.end + begin)
            if (hit.start > begin or not begin) and (hit.end < end or end == len(text)):
                yield hit

    def _in_text(self, text: str, place: Place) -> list[Hit]:
        folded = Folded(text)
        found: list[tuple[Needle, Find, Grade]] = []
        for needle in self._needles:
            strong = 0
            for start in _occurrences(needle.text, folded.text):
                find = Find(folded, start, start + len(needle.text), place)
                graded = grade(needle, find)
                if graded:
                    found.append((needle, find, graded))
                    strong += graded != "weak"
                    if strong == _MOST_HITS:
                        break
        hits = _together(found)
        for date in self._dates:
            if date.may_stand_in(folded.text):
                hits += [Hit(date.kind, *rest) for rest in date.search(text, place)]
        return hits + self._beside_names(hits, folded, place) if self._short else hits

    def _beside_names(self, hits: list[Hit], folded: Folded, place: Place) -> list[Hit]:
        """Patient IDs of two or three characters, right beside a name."""
        begins = {hit.start for hit in hits if hit.kind in _NAMES}
        ends = {hit.end for hit in hits if hit.kind in _NAMES}
        found = []
        for needle in self._short if ends else ():
            for start in _occurrences(needle.text, folded.text):
                find = Find(folded, start, start + len(needle.text), place)
                if grade(needle, find) and _touches(find, begins, ends):
                    found.append(Hit(needle.kind, "weak", find.begin, find.stop))
        return found

    def _in_wide_piece(self, text: str, start: int) -> Iterator[Hit]:
        """Hits in one piece of a blob that may be UTF-16: without its zeros."""
        begin, end = max(0, start - _OVERLAP), min(len(text), start + _PIECE)
        shown = [index for index in range(begin, end) if text[index] != "\0"]
        if len(shown) == end - begin:
            return
        for hit in self._in_text(text[begin:end].replace("\0", ""), _UNKNOWN):
            first, last = shown[hit.start], shown[hit.end - 1] + 1
            if (first > begin or not begin) and (last < end or end == len(text)):
                yield hit._replace(start=first, end=last)

    def _misspelt(self, text: str) -> Iterator[Hit]:
        """Words of a sentence that are one letter away from a name."""
        for match in _WORDS.finditer(text):
            word = fold(match[0])
            if word[:3] in self._ends or word[-3:] in self._ends:
                for name, kind in self._names.items():
                    if edit_distance_is_one(word, name) and not is_known_word(word):
                        yield Hit(kind, "weak", *match.span())

    def _in_other_sets(self, blob: bytes) -> Iterator[Hit]:
        """Words that are not ASCII; what stands around them cannot be known, so they are likely."""
        for forms in (self._hidden, self._escaped if b"\x1b" in blob else ()):
            for form, kind in forms:
                if len(form) > len(blob):
                    break
                start = blob.find(form)
                if start >= 0:
                    yield Hit(kind, "likely", start, start + len(form))

    @cached_property
    def _hidden(self) -> tuple[tuple[bytes, str], ...]:
        """Bytes that words of other scripts may be written as; made when first wanted."""
        return _hidden(self._entries, byte_forms)

    @cached_property
    def _escaped(self) -> tuple[tuple[bytes, str], ...]:
        """The same with escape sequences."""
        return _hidden(self._entries, escaped_forms)


def search_uids(out: bytes, uids: frozenset[bytes]) -> tuple[Hit, ...]:
    """Where UIDs of the original stand in the bytes of an output, also as UTF-16.

    A UID that is only the beginning or the end of another one is not found, nor is one of fewer
    than eight characters.
    """
    return tuple(Hit("uid", "certain", start, end) for start, end in uids_in(out, uids))


def may_hold_uids(
    header: bytes, uids: Collection[bytes], renewed: Iterable[tuple[str, str]]
) -> bool:
    """Whether one of `uids` may stand in a value of a header: in none if this says no.

    What stands around one is not looked at: it may be the length or the tag of an element. Of
    `renewed`, pairs of old and new UIDs, the new ones need not be searched for others.
    """
    texts = [header]
    if b"\0.\0" in header:
        texts += [header[::2], header[1::2]]
    if len(uids) > _MANY_UIDS:
        uids = [uid for uid in uids if len(uid) >= _SHORTEST_UID]
    if len(uids) > _MANY_UIDS and all(map(_UID_BYTES.fullmatch, uids)):
        new = {new.encode() for _, new in renewed}
        texts = [b" ".join(set(_UID_BYTES.findall(text)) - new) for text in texts]
    for text in texts:
        for uid in uids:
            if uid in text and len(uid) >= _SHORTEST_UID:
                return True
    return False


def may_become_uid(text: str) -> bool:
    """Whether something in a text may be a UID of another instance, though it looks like none."""
    return _UID_BYTES.search(text.encode("ascii", "replace")) is not None


def odd_uids(uids: frozenset[bytes]) -> frozenset[bytes]:
    """Those that are not known for UIDs where they stand in a text, but are looked for."""
    return frozenset(
        uid
        for uid in uids
        if len(uid) >= _SHORTEST_UID and not is_plain(uid.decode("ascii", "replace"))
    )


def uids_in(blob: bytes, uids: frozenset[bytes]) -> list[tuple[int, int]]:
    """Begin and end of every one of `uids` in a blob, see `search_uids`."""
    uids = frozenset(uid for uid in uids if len(uid) >= _SHORTEST_UID)
    spans = list(_uid_spans(blob, uids))
    if b"\0.\0" in blob:
        for first in (0, 1):
            spans += [
                (2 * start + first, 2 * end + first)
                for start, end in _uid_spans(blob[first::2], uids)
            ]
    return sorted(set(spans))


def _uid_spans(blob: bytes, uids: frozenset[bytes]) -> Iterator[tuple[int, int]]:
    if len(uids) > _MANY_UIDS:
        for match in _UID_RUN.finditer(blob):
            if match[0] in uids:
                yield match.span()
        return
    for uid in uids:
        for start in _occurrences(uid, blob):
            end = start + len(uid)
            if not _UID_BEFORE.search(blob[max(0, start - 2) : start]) and not _UID_AFTER.match(
                blob[end : end + 2]
            ):
                yield start, end


def _together(found: list[tuple[Needle, Find, Grade]]) -> list[Hit]:
    """The finds as hits; two different parts of one name near each other are certain."""
    parts: dict[int, dict[str, list[tuple[int, Grade]]]] = {}
    for needle, find, graded in found:
        if needle.form == "part":
            seen = parts.setdefault(needle.owner, {}).setdefault(needle.text, [])
            if len(seen) < _MOST_HITS:
                seen.append((find.begin, graded))
    hits = []
    for needle, find, graded in found:
        if needle.form == "part" and len(parts[needle.owner]) > 1:
            graded = _beside_another(needle, find, graded, parts[needle.owner])
        hits.append(Hit(needle.kind, graded, find.begin, find.stop))
    return hits


def _beside_another(
    needle: Needle, find: Find, graded: Grade, parts: dict[str, list[tuple[int, Grade]]]
) -> Grade:
    for text, seen in parts.items():
        if text in needle.text or needle.text in text:
            continue
        for begin, other in seen:
            if abs(begin - find.begin) < _NEAR and "likely" in (graded, other):
                return "certain"
    return graded


def _touches(find: Find, begins: set[int], ends: set[int]) -> bool:
    """Whether it ends before one of `begins` or begins behind one of `ends`, with no more between
    than three separators within one of several values.
    """
    source = find.folded.source
    for length in range(4):
        first, last = find.begin - length, find.stop + length
        if first in ends and "\\" not in source[first : find.begin]:
            return True
        if last in begins and "\\" not in source[find.stop : last]:
            return True
    return False


def _proven(hits: list[Hit], text: str) -> list[Hit]:
    """The hits; weak ones of two kinds near each other are likely: two coincidences are none."""
    weak = sorted({hit for hit in hits if hit.grade == "weak"}, key=lambda hit: hit.start)
    if len({hit.kind for hit in weak}) < 2:
        return hits
    proven: set[Hit] = set()
    for number, hit in enumerate(weak):
        for other in weak[number + 1 :]:
            if other.start - hit.end >= _NEAR:
                break
            if _differ(hit, other, text):
                proven |= {hit, other}
        if len(proven) > _MOST_HITS:
            break
    return [hit._replace(grade="likely") if hit in proven else hit for hit in hits]


def _differ(one: Hit, two: Hit, text: str) -> bool:
    """Whether two finds, one behind the other, are different words that say different things."""
    if one.kind == two.kind or _NAMES.issuperset((one.kind, two.kind)) or two.start < one.end:
        return False
    return fold(text[one.start : one.end]) != fold(text[two.start : two.end])


_COMPONENTS = re.compile(r"[^\\^=]+")


def _hidden(
    entries: Iterable[Identifier], forms_of: Callable[[str], frozenset[bytes]]
) -> tuple[tuple[bytes, str], ...]:
    """The bytes of every word that is not ASCII, with its kind, the shortest first.

    And of every component of a name: under a wrong character set a word may read as signs.
    """
    found: dict[bytes, str] = {}
    for entry in sorted(entries):
        for word in {*words_of(entry.text), *_COMPONENTS.findall(entry.text)}:
            for spelling in {word, word.upper(), word.lower(), word.title()}:
                if not spelling.isascii():
                    for form in forms_of(spelling):
                        found.setdefault(form, entry.kind)
    return tuple(sorted((form for form in found.items() if len(form[0]) > 3), key=_length))


def _length(form: tuple[bytes, str]) -> tuple[int, bytes]:
    return len(form[0]), form[0]


def _anchors(texts: list[str]) -> list[str]:
    """The fewest of `texts` such that each of them contains one."""
    anchors: list[str] = []
    for text in sorted(set(texts), key=lambda text: (len(text), text)):
        if not any(anchor in text for anchor in anchors):
            anchors.append(text)
    return anchors


def _occurrences(needle: AnyStr, text: AnyStr) -> Iterator[int]:
    start = text.find(needle)
    while start >= 0:
        yield start
        start = text.find(needle, start + 1)


def _best(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """The best hit of each kind at each place, in order."""
    kept: list[Hit] = []
    for hit in sorted(set(hits), key=lambda hit: (_RANK[hit.grade], hit.start - hit.end)):
        if len(kept) == _MOST_HITS:
            break
        if not any(
            hit.kind == other.kind and hit.start < other.end and other.start < hit.end
            for other in kept
        ):
            kept.append(hit)
    return tuple(sorted(kept, key=lambda hit: hit.start))
