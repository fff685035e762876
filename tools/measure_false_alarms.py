"""Count what verify finds in the text that a de-identified file would keep: the false alarms.

    python tools/measure_false_alarms.py [FOLDER] [--private] [--strangers] [--show]

Every file below FOLDER (default: the sample collection) is searched for its own identifiers, in the
values that the Basic Profile keeps; with `--private` also in all private values, which a profile
keeps only when it retains safe ones. With `--strangers` every different text is searched for a few
hundred invented people who bear common names (`common_names.txt`), and so is every concept name of
PS3.16: every hit is a false alarm.
`--show` prints the values too, to judge whether a hit is real: for sample files only.
"""

from __future__ import annotations

import argparse
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.charsets import Charset
from deident.dicom.elements import Element
from deident.dicom.tags import format_tag
from deident.engine.identifiers import Identifier, Identifiers, harvest
from deident.engine.numbers import NUMBERS, hits_in_number
from deident.engine.verify import Hit, Matcher
from deident.errors import InstanceError
from deident.profiles.standard import effective_table

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = Path(os.environ.get("DEIDENT_SAMPLES") or ROOT.parent / "shared" / "dicom")
NAMES = Path(__file__).with_name("common_names.txt")
CHARACTER_SET = 0x00080005
TEXT = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
BLOBS = frozenset(("OB", "OW", "UN"))


class Seen(NamedTuple):
    """A hit: in which element of which file, and the value."""

    path: str
    tag: int
    vr: str
    hit: Hit
    value: str


class Measurement:
    """Hits in the files searched so far."""

    def __init__(self, *, private: bool) -> None:
        self.table = effective_table(())
        self.private = private
        self.files = self.texts = self.numbers = self.blobs = 0
        self.unread: Counter[str] = Counter()
        self.seen: list[Seen] = []
        self.distinct: set[tuple[str, int, str]] = set()

    def add(self, path: Path) -> None:
        """Search one file; files that cannot be read are counted by reason."""
        try:
            with part10.open(path) as file:
                elements = file.elements()
                top = {element.tag: element for element in elements}
                declared = top.get(CHARACTER_SET)
                charset = Charset.of(declared.value if declared else None)
                matcher = Matcher(harvest(elements, charset))
        except InstanceError as error:
            self.unread[error.code] += 1
            return
        self.files += 1
        for element, its_charset in self._kept(elements, charset):
            self._search(path, element, its_charset, matcher)

    def _kept(self, elements: list[Element], charset: Charset) -> Iterator[tuple[Element, Charset]]:
        for element in elements:
            if element.tag == CHARACTER_SET:
                charset = Charset.of(element.value)
        for element in elements:
            row = self.table.row(element.tag, element.vr)
            if not (row is None or row.code == "K" or (self.private and element.tag & 0x10000)):
                continue
            if element.items is not None:
                for item in element.items:
                    yield from self._kept(item.elements, charset)
            elif element.span is None:
                yield element, charset

    def _search(self, path: Path, element: Element, charset: Charset, matcher: Matcher) -> None:
        tag, vr = element.tag, element.vr
        if vr in TEXT:
            self.texts += 1
            try:
                value = charset.decode(element.value, vr)
            except InstanceError:
                self.unread["undecodable value"] += 1
                return
            self.distinct.add((value, tag, vr))
            hits = matcher.search_text(value, tag=tag, vr=vr)
        elif vr in NUMBERS:
            self.numbers += 1
            value = element.value.decode("ascii", "replace")
            hits = hits_in_number(matcher, tag, vr, element.value)
        elif vr in BLOBS:
            self.blobs += 1
            value = f"{element.length} bytes"
            hits = matcher.search_bytes(element.value)
        else:
            return
        self.seen += [Seen(str(path), tag, vr, hit, value) for hit in hits]

    def report(self, *, show: bool) -> None:
        """Print the tables."""
        print(f"{self.files} files, {self.texts} texts, {self.numbers} numbers, {self.blobs} blobs")
        print(f"not read: {dict(self.unread)}")
        by_kind = Counter((seen.hit.kind, seen.hit.grade) for seen in self.seen)
        for (kind, found), count in sorted(by_kind.items()):
            files = len({seen.path for seen in self.seen if seen.hit[:2] == (kind, found)})
            print(f"{kind:12} {found:8} {count:6} hits in {files:4} files")
        print()
        where = Counter((seen.hit.grade, seen.hit.kind, seen.tag, seen.vr) for seen in self.seen)
        for (found, kind, tag, vr), count in sorted(where.items()):
            print(f"{found:8} {kind:12} {format_tag(tag)} {vr} {count:5}")
            if show:
                self._show(found, kind, tag)

    def _show(self, found: str, kind: str, tag: int) -> None:
        examples = Counter(
            (Path(seen.path).name, seen.value[max(0, seen.hit.start - 20) :][:60])
            for seen in self.seen
            if seen.hit[:2] == (kind, found) and seen.tag == tag
        )
        for (name, value), count in examples.most_common(6):
            print(f"    {count:4} {name}: {value!r}")


def strangers() -> Iterator[Identifiers]:
    """Invented people, one per common family name, each with a physician, a date, numbers, a town.

    Patient IDs have two to eight digits, as many people with each length.
    """
    lists: dict[str, list[str]] = {}
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = lists.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            names += line.split()
    chance = random.Random(20260301)
    for count, family in enumerate(lists["family"]):
        shortest = 10 ** (1 + count % 7)
        physician = f"{chance.choice(lists['family'])}^{chance.choice(lists['given'])}"
        birth = f"{chance.randrange(1925, 2020)}{chance.randrange(1, 13):02d}"
        values = {
            Identifier("name", f"{family}^{chance.choice(lists['given'])}", 1),
            Identifier("person", physician, 7),
            Identifier("patient-id", str(chance.randrange(shortest, 10 * shortest)), 2),
            Identifier("number", f"A{chance.randrange(10**4, 10**7)}", 3),
            Identifier("birth-date", f"{birth}{chance.randrange(1, 29):02d}", 4),
            Identifier(
                "institution", f"{(town := chance.choice(lists['town']))} General Hospital", 5
            ),
            Identifier("date", f"20{chance.randrange(10, 25)}{birth[4:]}15", 8),
            Identifier("address", f"{chance.randrange(1, 99)} Main Street, {town}", 6),
        }
        yield Identifiers(frozenset(values))


def code_meanings() -> set[str]:
    """The concept names of PS3.16, as pydicom has them."""
    from pydicom.sr._concepts_dict import concepts

    schemes: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = concepts  # type: ignore
    return {
        meaning
        for keywords in schemes.values()
        for codes in keywords.values()
        for meaning, _ in codes.values()
    }


def measure_strangers(measurement: Measurement, *, show: bool) -> None:
    """Search every different text for every stranger and print the false alarms."""
    texts = [(*text, "") for text in sorted(measurement.distinct)]
    texts += [(meaning, 0x00080104, "LO", "PS3.16") for meaning in sorted(code_meanings())]
    people = list(strangers())
    found: Counter[tuple[str, str, str]] = Counter()
    words: Counter[tuple[str, str, str]] = Counter()
    for person in people:
        matcher = Matcher(person)
        for text, tag, vr, source in texts:
            for hit in matcher.search_text(text, tag=tag, vr=vr):
                where = source or ("code meaning" if tag == 0x00080104 else vr)
                found[hit.grade, hit.kind, where] += 1
                words[hit.grade, where, text[hit.start : hit.end].lower()] += 1
    print(f"{len(people)} strangers in {len(texts)} different texts")
    for (grade, kind, where), count in sorted(found.items()):
        print(f"{grade:8} {kind:12} {where:13} {count:6}")
    if show:
        for (grade, where, word), count in words.most_common(80):
            print(f"    {count:6} {grade:8} {where:13} {word!r}")


def main() -> None:
    """Search all files and print."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--private", action="store_true", help="private values as well")
    parser.add_argument("--strangers", action="store_true", help="look for invented people")
    parser.add_argument("--show", action="store_true", help="print values: for sample files only")
    arguments = parser.parse_args()
    measurement = Measurement(private=arguments.private)
    for path in sorted(arguments.folder.rglob("*")):
        if path.is_file() and path.suffix not in (".csv", ".md", ".txt"):
            measurement.add(path)
    if not measurement.files:
        parser.error(f"no readable DICOM file below {arguments.folder}")
    if arguments.strangers:
        measure_strangers(measurement, show=arguments.show)
    else:
        measurement.report(show=arguments.show)


if __name__ == "__main__":
    main()
