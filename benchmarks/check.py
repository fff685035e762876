"""Looks at what a program wrote, so that only figures of good outputs count."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pydicom import dcmread
from pydicom.dataset import FileDataset

from benchmarks.corpora import Corpus
from deident.app.sample.people import Person

_CHUNK = 1 << 20
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_NATIVE_HEADER = {True: 8, False: 12}  # implicit VR: tag and length; explicit: VR in between


class Verdict(NamedTuple):
    """What is wrong with an output, and kinds of identifiers still to be found in its headers."""

    problems: tuple[str, ...]
    left: tuple[str, ...]


class _Seen(NamedTuple):
    """One file: a digest of its pixel bytes, Patient's Name, and the bytes before the pixels."""

    digest: str
    name: str
    header: bytes


def count_files(folder: Path) -> int:
    """Return the number of files below `folder`."""
    return sum(1 for _ in _files(folder))


def pixel_digests(folder: Path) -> Counter[str]:
    """Count the digests of the pixel bytes of the files below `folder`."""
    return Counter(_look(path).digest for path in _files(folder))


def check(
    corpus: Corpus, pixels: Counter[str], out: Path, *, strict: bool, deidentifies: bool
) -> Verdict:
    """Compare `out` with what a program that read `corpus` must have written.

    `strict`: nothing that identifies a person may be left in any header; else their names must be
    gone from Patient's Name.
    """
    problems = []
    names = {person.name for person in corpus.people}
    seen: Counter[str] = Counter()
    left: set[str] = set()
    named = 0
    for path in _files(out):
        try:
            look = _look(path)
        except Exception as error:  # noqa: BLE001 - whatever pydicom says, the file is unreadable
            return Verdict((f"not readable again ({type(error).__name__})",), ())
        seen[look.digest] += 1
        named += look.name in names
        left |= _left(look.header, corpus.people)
    if seen.total() != corpus.number:
        problems.append(f"{seen.total()} of {corpus.number} files")
    if seen != pixels:
        problems.append(f"pixel bytes of {(pixels - seen).total()} files differ")
    if deidentifies and named:
        problems.append(f"Patient's Name unchanged in {named}")
    if strict and left:
        problems.append("identifiers left: " + ", ".join(sorted(left)))
    return Verdict(tuple(problems), tuple(sorted(left)))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _left(header: bytes, people: Iterable[Person]) -> set[str]:
    return {
        kind for person in people for needle, kind in person.needles().items() if needle in header
    }


def _look(path: Path) -> _Seen:
    with path.open("rb") as file:
        read = dcmread(file, stop_before_pixels=True)
        start = file.tell()
        for _ in read.iterall():  # decodes every value, at every depth
            pass
        digest = _digest(file, read)
        file.seek(0)
        return _Seen(digest, str(read.get("PatientName", "")), file.read(start))


def _digest(file: BinaryIO, read: FileDataset) -> str:
    """Digest of the pixel bytes at the file's position; fragments one after the other."""
    total = hashlib.sha256()
    head = file.read(_NATIVE_HEADER[bool(read.original_encoding[0])])
    length = int.from_bytes(head[-4:], "little")
    if length != _UNDEFINED:
        _feed(total, file, length)
        return total.hexdigest()
    fragments = -1  # the first item is the offset table, which a program may make anew
    while (item := file.read(8))[:4] == _ITEM:
        size = int.from_bytes(item[4:], "little")
        if fragments >= 0:
            _feed(total, file, size)
        else:
            file.seek(size, 1)
        fragments += 1
    return f"{fragments} {total.hexdigest()}"


def _feed(total: hashlib._Hash, file: BinaryIO, length: int) -> None:
    while length > 0 and (chunk := file.read(min(length, _CHUNK))):
        total.update(chunk)
        length -= len(chunk)
