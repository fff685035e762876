"""Real files given another patient, and the patient's identifiers in many places at once."""

from __future__ import annotations

from pathlib import Path

from pydicom.data import get_testdata_files

from deident.dicom import part10
from deident.dicom.charsets import AFFECTED_VRS
from deident.dicom.elements import walk
from deident.errors import InstanceError
from tests.conftest import samples_folder
from tests.leaks.places import CODE_MEANING, KEPT_SEQUENCES, SENTINEL, Plant
from tests.leaks.texts import encode, texts
from tests.make import PEOPLE, Person
from tests.raw import File, sequence

_PIXEL_DATA = 0x7FE00010


def wheel_files() -> list[Path]:
    """The files inside the pydicom package."""
    return sorted(path for name in get_testdata_files() if (path := Path(name)).is_file())


def sample_files() -> list[Path]:
    """The sample collection; empty where it is absent."""
    folder = samples_folder()
    if folder is None:
        return []
    kinds = (path for path in folder.rglob("*") if path.suffix not in (".csv", ".md", ".txt"))
    return sorted(path for path in kinds if path.is_file() and "LICENSE" not in str(path))


def somebody(data: bytes, number: int) -> Person:
    """A person for a file: of any script if the file's own text is ASCII, else of ASCII."""
    return PEOPLE[number % len(PEOPLE)] if _is_ascii(data) else PEOPLE[0]


def _is_ascii(data: bytes) -> bool:
    try:
        with part10.from_bytes(data) as file:
            texts = [entry.value for _, entry in walk(file.elements()) if entry.vr in AFFECTED_VRS]
    except InstanceError:
        return False
    return all(text.isascii() and b"\x1b" not in text for text in texts)


def dosed(data: bytes, person: Person) -> bytes:
    """The file with another patient whose identifiers stand where they should and should not.

    Raises:
        InstanceError: our reader refuses the file as it is.
    """
    file = File.of(data)
    identify(file, person)
    for number, dose in enumerate(_DOSES):
        kinds = [kind for kind in texts(person) if kind != "UID"]
        dose(Plant(file, person, kinds[number % len(kinds)]))
    return file.encoded()


def identify(file: File, person: Person) -> None:
    """Give the file another patient."""
    if person.charset:
        file.put(0x00080005, "CS", person.charset.encode())
    for tag, vr, text in (
        (0x00080050, "SH", person.accession),
        (0x00080080, "LO", person.institution),
        (0x00080090, "PN", person.referring),
        (0x00100010, "PN", person.name),
        (0x00100020, "LO", person.patient_id),
        (0x00100030, "DA", person.birth_date),
        (0x00101000, "LO", person.other_id),
        (0x00101040, "LO", person.address),
        (0x00102154, "SH", person.phone),
    ):
        file.put(tag, vr, encode(text, person, vr))


def _meta(plant: Plant) -> None:
    plant.file.preamble = (plant.text() + b"\0" * 128)[:128]
    plant.file.meta |= {
        0x00020016: ("AE", plant.text("AE")[:16]),
        0x00020100: ("UI", b"1.2.3.4"),
        0x00020102: ("OB", plant.text("OB")),
    }


def _kept_texts(plant: Plant) -> None:
    for tag, vr in (
        (0x00080070, "LO"), (0x00081090, "LO"), (0x00181020, "LO"), (0x00180022, "CS"),
        (0x00082111, "ST"), (0x00282000, "OB"), (0x00181100, "DS"), (0x00189351, "FL"),
        (0x00080201, "SH"), (0x00380010, "LO"), (0x00324000, "LT"), (0x00104000, "LT"),
    ):  # fmt: skip
        plant.put(tag, vr)


def _private(plant: Plant) -> None:
    for group, creator in ((0x0029, b"SIEMENS CSA HEADER"), (0x0099, b"ACME 1.0")):
        for tag in [tag for tag in plant.file.elements if tag >> 16 == group]:
            del plant.file.elements[tag]
        plant.file.elements[group << 16 | 0x10] = plant.private(group, creator)
    inner = plant.element(0x00100010, "PN") + plant.private(0x0099, b"ACME 1.0")
    plant.file.elements[0x009910F0] = sequence(0x009910F0, inner, encoding=plant.file.encoding)


def _nested(plant: Plant) -> None:
    content = b"".join(
        (
            plant.element(CODE_MEANING, "LO", SENTINEL),
            plant.element(0x00080119, "UC"),
            plant.element(0x00091001, "LO"),
            plant.element(0x00100010, "PN"),
            plant.element(0x00181020, "LO"),
        )
    )
    plant.file.nest(content, KEPT_SEQUENCES)


def _overlay(plant: Plant) -> None:
    plant.put(0x601E0022, "LO")
    plant.put(0x601E3000, "OW", plant.text("OW").ljust(64, b"\0"))
    plant.put(0x50003000, "OB", plant.text("OB"))


def _rest(plant: Plant) -> None:
    plant.put(0x00041130, "CS")
    plant.put(0x00100000, "LO")
    plant.put(0x00100033, "LO")
    if _PIXEL_DATA in plant.file.elements:
        plant.put(0x7FE11001, "LO")
    plant.put(0xFFFCFFFC, "OB")


_DOSES = (
    _meta, _kept_texts, _private, _nested, _overlay, _rest,
    _kept_texts, _private, _nested,
)  # fmt: skip
