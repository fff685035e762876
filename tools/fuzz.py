"""Feed damaged files to the engine and look at what comes out.

    python tools/fuzz.py [--mutants N] [--seed S] [--samples FOLDER] [--only I]

Seeds are the files of the pydicom wheel and the sample collection if there is one; the same
invented identifiers are planted in all of them. A mutant must end as an output or with the code of
an `InstanceError`: no other exception, no hang of more than 10 s, no more than 256 MB, and nothing
that was planted, and that the mutant still names as an identifier, may be found in an output (Pixel
Data apart: nobody looks at pixels). Mutant I of seed S is always the same; `--only I` tries it
alone.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import pydicom
from pydicom.data import get_charset_files, get_testdata_files
from pydicom.dataset import Dataset

from deident.dicom import part10
from deident.dicom.charsets import Charset
from deident.dicom.elements import walk
from deident.engine.identifiers import harvest
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from deident.profiles.loader import load

SECONDS = 10
MEGABYTES = 256
BATCH = 250
LARGEST_SEED = 300_000

PLANTED = {
    "PatientName": "Zyxwquentin^Margarethabel",
    "PatientID": "PLT7391825X",
    "OtherPatientNames": "Zyxwquentin^Margarethabel",
    "PatientAddress": "17 Quonklebury Lane",
    "PatientTelephoneNumbers": "+49 555 0192837465",
    "AccessionNumber": "ACCPLT551299",
    "InstitutionName": "Vexlorham Clinic",
    "ReferringPhysicianName": "Brackenthwist^Oliveron",
    "StudyDescription": "for Zyxwquentin, PLT7391825X",
    "ImageComments": "Margarethabel Zyxwquentin ACCPLT551299",
}
NEEDLES = (
    b"zyxwquentin",
    b"margarethabel",
    b"plt7391825x",
    b"quonklebury",
    b"0192837465",
    b"accplt551299",
    b"vexlorham",
    b"brackenthwist",
)
_LENGTHS = (0, 1, 2, 7, 0x7F, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_VRS = (b"??", b"SQ", b"UN", b"OB", b"PN", b"US", b"UT", b"AT", b"\0\0", b"OW", b"DS", b"UI", b"LT")


def seeds(samples: Path | None) -> list[bytes]:
    """The files to damage, with the planted identifiers."""
    names = [*get_testdata_files(), *get_charset_files("*.dcm")]
    if samples is not None:
        names += [str(path) for path in samples.rglob("*") if path.is_file()]
    found = []
    for name in sorted(names):
        path = Path(name)
        if path.is_file() and path.stat().st_size <= LARGEST_SEED:
            found += _planted(path.read_bytes())
    return found


def _planted(data: bytes) -> Iterator[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(data))
            for keyword, value in PLANTED.items():
                setattr(dataset, keyword, value)
            nested = Dataset()
            nested.PatientName = PLANTED["PatientName"]
            nested.CodeMeaning = PLANTED["PatientID"]
            dataset.AnatomicRegionSequence = [nested]
            block = dataset.private_block(0x0029, "FUZZ MAKER", create=True)
            block.add_new(0x01, "LO", PLANTED["PatientName"])
            block.add_new(0x02, "UN", PLANTED["PatientID"].encode() * 3)
            stream = io.BytesIO()
            dataset.save_as(stream)
            yield stream.getvalue()
        except Exception:  # noqa: BLE001 - a sample that pydicom cannot write anew is no seed
            return


def mutant(number: int, seed: int, sources: Sequence[bytes]) -> bytes:
    """Mutant `number`: a seed with one to four kinds of damage."""
    rng = random.Random(f"{seed}:{number}")
    data = bytearray(rng.choice(sources))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        rng.choice(DAMAGE)(data, rng, sources)
    return bytes(data)


def _heads(data: bytearray) -> list[int]:
    """Where elements begin, as far as the reader gets."""
    try:
        file = part10.from_bytes(bytes(data))
        return [file.start + element.start for _, element in walk(file.elements())]
    except InstanceError:
        return []


def _flip(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 4, 16))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _flip_early(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    if len(data) > 132:
        data[rng.randrange(128, min(len(data), 2000))] = rng.randrange(256)


def _lie(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    heads = _heads(data)
    if heads:
        at = rng.choice(heads) + rng.choice((4, 6, 8))
        length = struct.pack("<L", rng.choice(_LENGTHS))[: rng.choice((2, 4))]
        data[at : at + len(length)] = length


def _retag(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    heads = _heads(data)
    if len(heads) > 1:
        one, other = rng.sample(heads, 2)
        data[one : one + 4] = data[other : other + 4]


def _revr(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    heads = _heads(data)
    if heads:
        at = rng.choice(heads) + 4
        data[at : at + 2] = rng.choice(_VRS)


def _cut(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _drop(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    del data[start : start + rng.choice((1, 2, 8, 100, 1000))]


def _repeat(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    heads = sorted(_heads(data))
    if len(heads) > 1:
        start = rng.randrange(len(heads) - 1)
        piece = data[heads[start] : heads[start + 1]]
        data[heads[start] : heads[start]] = piece * rng.choice((1, 2, 50))


def _splice(data: bytearray, rng: random.Random, sources: Sequence[bytes]) -> None:
    other = rng.choice(sources)
    start, length = rng.randrange(len(other)), rng.choice((4, 16, 200, 3000))
    at = rng.randrange(len(data) + 1)
    data[at:at] = other[start : start + length]


def _nest(data: bytearray, rng: random.Random, _: Sequence[bytes]) -> None:
    heads = _heads(data)
    if heads:
        depth = rng.choice((3, 70, 1000, 10_000))
        opening = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF)
        opening += struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        at = rng.choice(heads)
        data[at:at] = opening * depth


DAMAGE = (
    _flip,
    _flip_early,
    _lie,
    _lie,
    _retag,
    _revr,
    _revr,
    _cut,
    _drop,
    _repeat,
    _splice,
    _nest,
)


def attempt(engine: Engine, data: bytes) -> tuple[str, str]:
    """Outcome of one mutant: its code or `written`, and what is wrong about it, if anything."""
    try:
        with engine.prepare_bytes(data) as prepared, TemporaryFile() as file:
            prepared.write(file.fileno())
            file.seek(0)
            return "written", _left(file.read(), _named(data))
    except InstanceError as error:
        return error.code, ""
    except Exception:  # noqa: BLE001 - this is what is looked for
        return "exception", traceback.format_exc(limit=-3)


def _named(data: bytes) -> list[bytes]:
    """The planted texts that the mutant still says are identifiers; damage hides some from it."""
    try:
        elements = part10.from_bytes(data).elements()
    except InstanceError:  # only the lenient reader made sense of it
        return list(NEEDLES)
    charset = next((one.value for one in elements if one.tag == 0x00080005), None)
    names = [entry.text.lower() for entry in harvest(elements, Charset.of(charset)).entries]
    return [needle for needle in NEEDLES if any(needle.decode() in name for name in names)]


def _left(output: bytes, needles: list[bytes]) -> str:
    """Planted text in an output, Pixel Data apart."""
    file = part10.from_bytes(output)
    spans = [element.span for element in file.elements() if element.span is not None]
    rest = bytearray(output)
    if not file.deflated:
        for span in spans:
            rest[span.offset : span.offset + span.length] = bytes(span.length)
    folded = bytes(rest).lower()
    found = [needle.decode() for needle in needles if needle in folded]
    return f"planted text is left: {', '.join(found)}" if found else ""


def batch(first: int, last: int, seed: int, sources: Sequence[bytes]) -> Counter[str]:
    """Try mutants in a process of its own, under limits; a bad one is printed with its number."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(first, last, seed, sources, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    _, status, usage = os.wait4(child, 0)
    outcomes = Counter(line.split()[1] for line in lines)
    if usage.ru_maxrss > MEGABYTES * 1024:
        outcomes["too much memory"] += 1
        print(f"mutants {first}..{last}: {usage.ru_maxrss // 1024} MB")
    if status:
        done = len(lines)
        what = "hang" if os.waitstatus_to_exitcode(status) == -signal.SIGALRM else "crash"
        outcomes[what] += 1
        print(f"mutant {first + done}: {what}")
        if first + done + 1 < last:
            outcomes += batch(first + done + 1, last, seed, sources)
    return outcomes


def _child(first: int, last: int, seed: int, sources: Sequence[bytes], pipe: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEGABYTES << 20, 4 * MEGABYTES << 20))
    engine = Engine(Plan(load("basic")), Identity(bytes(32)))
    for number in range(first, last):
        data = mutant(number, seed, sources)
        signal.alarm(SECONDS)
        code, wrong = attempt(engine, data)
        signal.alarm(0)
        if wrong:
            print(f"mutant {number}: {code}: {wrong}", flush=True)
            code = "leak" if code == "written" else code
        os.write(pipe, f"{number} {code}\n".encode())
    os._exit(0)


BAD = ("exception", "leak", "hang", "crash", "too much memory")


def run(mutants: int, seed: int, samples: Path | None) -> Counter[str]:
    """Try many mutants; counts by outcome."""
    sources = seeds(samples)
    outcomes: Counter[str] = Counter()
    for first in range(0, mutants, BATCH):
        outcomes += batch(first, min(first + BATCH, mutants), seed, sources)
    return outcomes


def main() -> int:
    """Run as the command line says; 1 if anything bad was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--only", type=int)
    asked = parser.parse_args()
    if asked.only is not None:
        data = mutant(asked.only, asked.seed, seeds(asked.samples))
        print(*attempt(Engine(Plan(load("basic")), Identity(bytes(32))), data))
        return 0
    began = time.monotonic()
    outcomes = run(asked.mutants, asked.seed, asked.samples)
    for code, count in outcomes.most_common():
        print(f"{count:7} {code}")
    print(f"{asked.mutants} mutants, seed {asked.seed}, {time.monotonic() - began:.0f} s")
    return 1 if any(outcomes[code] for code in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
