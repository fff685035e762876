"""A small study set to try Deident on: invented objects, the files inside pydicom, one broken file.

What is in it is what a folder from a hospital would hold: several modalities and scripts, private
blocks, a report, a letter, notes that are no DICOM at all, and a transfer that broke off.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deident.app.sample.people import PEOPLE, Person

_FROM_PYDICOM = (
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "rtplan.dcm",
    "rtdose_1frame.dcm",
    "rtstruct.dcm",
    "reportsi.dcm",
    "JPEG2000.dcm",
    "liver_1frame.dcm",
)
_CINE_SOURCE = "examples_ybr_color.dcm"  # its frames are real JPEG images of 320 × 240 pixels
_CINE_FRAMES = 8
_CUT = 900  # bytes that the broken file lacks


class SampleStudy(NamedTuple):
    """What was written.

    Attributes:
        folder: where.
        instances: number of DICOM files that can be de-identified.
        showpiece: path of the file to show before and after.
        broken: path of the file that cannot be processed.
        stray: path of the file that is no DICOM.
        people: whose identifiers are planted; the files from pydicom have others.
    """

    folder: Path
    instances: int
    showpiece: Path
    broken: Path
    stray: Path
    people: tuple[Person, ...]


def write_study(folder: Path) -> SampleStudy:
    """Write the study set into `folder`, which must not exist yet.

    Raises:
        FileExistsError: there is something at `folder`.
        OSError: the files cannot be written.
    """
    folder.mkdir(parents=True)
    instances = 0
    for name, content in _files():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        instances += 1
    showpiece = folder / "ct" / "slice1.dcm"
    broken = folder / "ct" / "slice4.dcm"
    broken.write_bytes(showpiece.read_bytes()[:-_CUT])
    stray = folder / "notes.txt"
    stray.write_text(f"{PEOPLE[0].name} wants a copy\n", encoding="utf-8")
    return SampleStudy(folder, instances, showpiece, broken, stray, PEOPLE)


def _files() -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every good file."""
    from io import BytesIO

    from pydicom import dcmread
    from pydicom.encaps import generate_frames

    from deident.app.sample import objects

    latin, umlaut, slavic = PEOPLE[:3]
    loop = dcmread(_wheel_file(_CINE_SOURCE))
    frames = list(generate_frames(loop.PixelData, number_of_frames=loop.NumberOfFrames))
    cine = objects.ultrasound_cine(slavic, frames[:_CINE_FRAMES], rows=240, columns=320)
    made = {
        **{f"ct/slice{number}.dcm": objects.ct(latin, number) for number in (1, 2, 3)},
        **{f"mr/slice{number}.dcm": objects.mr(umlaut, number) for number in (1, 2)},
        "us/cine.dcm": cine,
        **{
            f"sr/{person.script.lower().replace(' ', '-')}.dcm": objects.report(person, sections=3)
            for person in PEOPLE[3:]
        },
        "doc/letter.dcm": objects.document(latin),
    }
    for name, dataset in made.items():
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        yield name, buffer.getvalue()
    for name in _FROM_PYDICOM:
        yield f"others/{name}", _wheel_file(name).read_bytes()


def _wheel_file(name: str) -> Path:
    from pydicom.data import get_testdata_file

    path = get_testdata_file(name, download=False)
    if not isinstance(path, str):
        raise FileNotFoundError(f"pydicom was installed without {name}")
    return Path(path)
