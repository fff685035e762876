"""Count what verify finds in the text that a de-identified file would keep: the false alarms.

    python tools/measure_false_alarms.py [FOLDER] [--private] [--show]

Every file below FOLDER (default: the sample collection) is searched for its own identifiers, in
the values that the Basic Profile keeps; with `--private` also in all private values, which a
profile keeps only when it retains safe ones. Prints hits by kind and grade, and by element.
`--show` prints the values too, to judge whether a hit is real: for sample files only."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.charsets import Charset
from deident.dicom.elements import Element
from deident.dicom.tags import format_tag
from deident.engine.identifiers import harvest
from deident.engine.verify import Hit, Matcher
from deident.errors import InstanceError
from deident.profiles.standard import effective_table

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = Path(os.environ.get("DEIDENT_SAMPLES") or ROOT.parent / "shared" / "dicom")
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
        self.files = self.texts = self.blobs = 0
        self.unread: Counter[str] = Counter()
        self.seen: list[Seen] = []

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
            hits = matcher.search_text(value, tag=tag, vr=vr)
        elif vr in BLOBS:
            self.blobs += 1
            value = f"{element.length} bytes"
            hits = matcher.search_bytes(element.value)
        else:
            return
        self.seen += [Seen(str(path), tag, vr, hit, value) for hit in hits]

    def report(self, *, show: bool) -> None:
        """Print the tables."""
        print(f"{self.files} files, {self.texts} texts, {self.blobs} blobs")
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


def main() -> None:
    """Search all files and print."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--private", action="store_true", help="private values as well")
    parser.add_argument("--show", action="store_true", help="print values: for sample files only")
    arguments = parser.parse_args()
    measurement = Measurement(private=arguments.private)
    for path in sorted(arguments.folder.rglob("*")):
        if path.is_file() and path.suffix not in (".csv", ".md", ".txt"):
            measurement.add(path)
    measurement.report(show=arguments.show)


if __name__ == "__main__":
    main()
