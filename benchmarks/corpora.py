"""Generates the corpora that programs are measured on; the same bytes on every machine.

They are kept in a cache folder outside the repository, one folder each, without sub-folders,
because not every program looks into those.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from deident.app.sample.people import PEOPLE, Person
from tests import make

_RECIPE = "1"  # count up whenever a builder changes what it makes
_BIG_BYTES = 2_500_000_000


class File(NamedTuple):
    """One file to write: the header, and the bytes of Pixel Data where they are not part of it."""

    name: str
    header: bytes
    pixels: Iterator[bytes] = iter(())
    holes: int = 0


class Spec(NamedTuple):
    """What a corpus consists of: `files(number, smoke)` yields `number` files, small for smoke."""

    name: str
    text: str
    people: tuple[Person, ...]
    number: int
    smoke_number: int
    files: Callable[[int, bool], Iterator[File]]


class Corpus(NamedTuple):
    """A corpus on disk; `people` are those whose identifiers its files hold."""

    name: str
    text: str
    folder: Path
    number: int
    size: int
    people: tuple[Person, ...]


@contextmanager
def workplace(*, keep: bool, smoke: bool) -> Iterator[tuple[Path, Path]]:
    """Give a folder for corpora and one for outputs, on the same file system.

    They lie below `$DEIDENT_BENCH_DIR`, else among temporary files. The outputs are removed at the
    end, and so are the corpora unless `keep`. Those of a smoke test are never kept.
    """
    chosen = os.environ.get("DEIDENT_BENCH_DIR")
    root = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "deident-bench"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as own:
        cache = Path(own) if smoke else root
        yield cache / "corpora", Path(own) / "runs"
    if not keep and not smoke:
        shutil.rmtree(root)


def corpus(spec: Spec, cache: Path, *, smoke: bool) -> Corpus:
    """Return the corpus from the folder `cache`, generating it unless it is there."""
    number = spec.smoke_number if smoke else spec.number
    folder = cache / f"{spec.name}-{'smoke' if smoke else number}-{_RECIPE}"
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file in spec.files(number, smoke):
            _write(unfinished / file.name, file)
        unfinished.rename(folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    return Corpus(spec.name, spec.text, folder, number, size, spec.people)


def _write(path: Path, file: File) -> None:
    with path.open("wb") as out:
        out.write(file.header)
        for chunk in file.pixels:
            out.write(chunk)
        if file.holes:  # a sparse file: takes its time to read, but not the disk
            out.truncate(len(file.header) + file.holes)


def _ct(count: int, smoke: bool) -> Iterator[File]:
    """One study, three series."""
    for number in range(count):
        made = make.ct(PEOPLE[0], number // 3 + 1, series=number % 3 + 1, size=64 if smoke else 512)
        yield File(f"IM{number // 3 + number % 3 * (count // 3 + 1):06d}", make.encoded(made))


def _ct_mix(count: int, smoke: bool) -> Iterator[File]:
    """Series of as many people as there are, slices in random order of names."""
    order = list(range(count))
    random.Random(7).shuffle(order)
    for number, place in enumerate(order):
        person = PEOPLE[number % len(PEOPLE)]
        made = make.ct(person, number // len(PEOPLE) + 1, size=64 if smoke else 512)
        yield File(f"IM{place:06d}", make.encoded(made))


def _mr(count: int, smoke: bool) -> Iterator[File]:
    """Four series; both private headers differ from slice to slice."""
    sizes = random.Random(11)
    rows, columns = (32, 32) if smoke else (256, 224)
    for number in range(count):
        made = make.mr(
            PEOPLE[1],
            number // 4 + 1,
            series=number % 4 + 1,
            rows=rows,
            columns=columns,
            blob=2000 if smoke else sizes.randrange(60_000, 100_000),
        )
        yield File(f"MR{number % 4:02d}{number // 4:04d}", make.encoded(made))


def _frames(count: int, rows: int) -> Iterator[bytes]:
    frame = make.enhanced_mr(PEOPLE[2], frames=1, size=rows).PixelData
    for number in range(count):
        turn = 2 * rows * (number % rows)
        yield frame[turn:] + frame[:turn]


def _with_pixel_length(header: bytes, length: int) -> bytes:
    """Put a length into the empty Pixel Data element that ends `header`."""
    return header[:-4] + struct.pack("<I", length)


def _enhanced_header(number: int, frames: int, rows: int) -> bytes:
    made = make.enhanced_mr(PEOPLE[2], frames=frames, size=8, number=number)
    made.Rows = made.Columns = rows
    made.PixelData = b""
    return _with_pixel_length(make.encoded(made), 2 * rows * rows * frames)


def _enhanced(count: int, smoke: bool) -> Iterator[File]:
    frames, rows = (4, 32) if smoke else (300, 512)
    for number in range(1, count + 1):
        yield File(f"EN{number:04d}", _enhanced_header(number, frames, rows), _frames(frames, rows))


def _big(count: int, smoke: bool) -> Iterator[File]:
    rows = 64 if smoke else 2048
    frames = 4 if smoke else _BIG_BYTES // (2 * rows * rows)
    for number in range(1, count + 1):
        header = _enhanced_header(number, frames, rows)
        yield File(f"BIG{number}", header, holes=2 * rows * rows * frames)


def _sr(count: int, smoke: bool) -> Iterator[File]:
    for number in range(1, count + 1):
        yield File(f"SR{number:06d}", make.encoded(make.report(PEOPLE[3], number, sections=20)))


def _us(count: int, smoke: bool) -> Iterator[File]:
    frames, size = (3, 500) if smoke else (100, 150_000)
    for number in range(1, count + 1):
        loop = [make.jpeg_like(size + 2 * n, 1000 * number + n) for n in range(frames)]
        made = make.ultrasound_cine(PEOPLE[4], loop, number=number)
        yield File(f"US{number:04d}", make.encoded(made))


SPECS = (
    Spec("ct", "CT 600 × 526 kB, one study of three series", PEOPLE[:1], 600, 9, _ct),
    Spec("ct-mix", "CT 600 × 526 kB, sixteen patients' slices, shuffled", PEOPLE, 600, 16, _ct_mix),
    Spec("mr", "MR 1,000 × ~200 kB, 60–100 kB of it private headers", PEOPLE[1:2], 1000, 8, _mr),
    Spec("enhanced", "enhanced MR 5 × 157 MB, 300 frames each", PEOPLE[2:3], 5, 2, _enhanced),
    Spec("sr", "structured report 2,000 × ~10 kB", PEOPLE[3:4], 2000, 10, _sr),
    Spec("us", "ultrasound cine 20 × 15 MB, encapsulated", PEOPLE[4:5], 20, 2, _us),
)
BIG = Spec("big", "one enhanced MR of 2.5 GB, sparse", PEOPLE[2:3], 1, 1, _big)
