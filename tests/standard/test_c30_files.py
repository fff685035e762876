"""C30 to C33, C36: what surrounds the data set never gets into an output."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset, FileDataset

from deident.dicom.part10 import IMPLEMENTATION_CLASS_UID
from tests.make import BUILDERS, PEOPLE, encoded
from tests.standard.whole import encoded_as, outcome, reread, walk

PERSON = PEOPLE[0]
SECRET = b"SECRETARIAT"
META = {
    0x00020013: ("SH", "SECRETARIAT 1"),
    0x00020016: ("AE", "SECRETARIAT"),  # Source Application Entity Title
    0x00020017: ("AE", "SECRETARIAT"),  # Sending
    0x00020018: ("AE", "SECRETARIAT"),  # Receiving
    0x00020026: ("UR", "http://secretariat/SECRETARIAT"),  # presentation addresses
    0x00020027: ("UR", "http://secretariat/SECRETARIAT"),
    0x00020028: ("UR", "http://secretariat/SECRETARIAT"),
    0x00020035: ("UI", "1.2.3.4.5.6.7.8.9"),
    0x00020100: ("UI", "1.2.3.4.5.6.7.8.9"),  # Private Information Creator UID
    0x00020102: ("OB", SECRET + b"!"),  # Private Information
}


def image() -> FileDataset:
    return BUILDERS["ct"](PERSON)


def output(data: bytes) -> bytes:
    found = outcome(data)
    assert not isinstance(found, str), found
    return found[0]


def test_C30_file_meta_information_is_new() -> None:
    made = image()
    for tag, (vr, value) in META.items():
        made.file_meta.add_new(tag, vr, value)
    made.preamble = SECRET.ljust(128, b"S")
    data = encoded(made)
    assert data.count(SECRET) > 7
    new = output(data)
    assert SECRET not in new
    assert b"SSSS" not in new
    assert b"1.2.3.4.5.6.7.8.9" not in new
    assert new[:128] == bytes(128)
    meta = reread(new).file_meta
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName.startswith("DEIDENT_")
    assert {int(tag) for tag in meta.keys()} == {  # noqa: SIM118 - not a dict
        0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_C30_file_meta_and_data_set_agree(kind: str) -> None:
    made = BUILDERS[kind](PERSON)
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5.6.7.8.9"
    new = reread(output(encoded(made)))
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
    assert new.file_meta.MediaStorageSOPClassUID == new.SOPClassUID


@pytest.mark.parametrize("magic", [b"II*\0", b"MM\0*", b"II+\0", b"PK\x03\x04", b"%PDF-1.7"])
def test_C31_another_personality_in_the_preamble_does_not_survive(magic: bytes) -> None:
    made = image()
    made.preamble = (magic + SECRET).ljust(128, b"\0")
    new = output(encoded(made))
    assert new[:128] == bytes(128)
    assert SECRET not in new


def raw_element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def spliced(data: bytes, before: int, *elements: bytes) -> bytes:
    """A file with encoded elements in front of the first one of the group `before` or higher."""
    made = pydicom.dcmread(io.BytesIO(data))
    tag = next(tag for tag in sorted(made.keys()) if tag.group >= before)
    at = data.index(struct.pack("<HH", tag.group, tag.element), 132)
    return data[:at] + b"".join(elements) + data[at:]


@pytest.mark.parametrize("group", [0x0000, 0x0001, 0x0003, 0x0004, 0x0005, 0x0007])
def test_C32_groups_that_no_data_set_has_go(group: int) -> None:
    stray = raw_element(group, 0x1130, b"CS", SECRET + b" ")
    new = output(spliced(encoded(image()), 0x0008, stray))
    assert SECRET not in new
    assert {tag.group for tag in reread(new)._dict} & {0, 1, 3, 4, 5, 7} == set()


def test_C32_they_go_inside_of_items_too() -> None:
    made = image()
    inside = Dataset()
    inside.add_new(0x00041500, "CS", [SECRET.decode()])
    made.ProcedureCodeSequence = [inside]
    new = output(encoded(made))
    assert SECRET not in new


def test_C32_a_dicomdir_is_never_an_output() -> None:
    made = image()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = uids.MediaStorageDirectoryStorage
    made.add_new(0x00041220, "SQ", [Dataset()])
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made)
    assert outcome(buffer.getvalue()) == "dicomdir"


def test_C33_group_lengths_and_padding_go_at_every_depth() -> None:
    made = image()
    for where in (made, made.ProcedureCodeSequence[0]):
        for group in (0x0008, 0x0010, 0x7FE0):
            where.add_new(group << 16, "UL", 1234567)
        where.add_new(0xFFFCFFFC, "OB", SECRET + b"!")
    data = encoded(made)
    new = output(data)
    assert SECRET in data
    assert SECRET not in new
    assert struct.pack("<L", 1234567) not in new
    assert not [element.tag for element in walk(reread(new)) if element.tag.element == 0]


@pytest.mark.parametrize("behind", [SECRET, SECRET * 500, b"\0" * 64 + SECRET, b"\0\0\0" + SECRET])
@pytest.mark.parametrize("kind", ["ct", "report", "ultrasound"])
def test_C33_bytes_behind_the_last_element_do_not_survive(kind: str, behind: bytes) -> None:
    found = outcome(encoded(BUILDERS[kind](PERSON)) + behind)
    assert isinstance(found, str) or SECRET not in found[0]


def test_C33_bytes_between_items_do_not_survive() -> None:
    data = encoded(image())
    at = data.index(struct.pack("<HH", 0xFFFE, 0xE000))
    found = outcome(data[:at] + SECRET + data[at:])
    assert isinstance(found, str) or SECRET not in found[0]


def test_C33_what_hides_behind_a_nul_in_text_does_not_survive() -> None:
    """Padding is not a place for text: a value is judged up to its last byte."""
    made = image()
    made.add_new(0x00181030, "LO", "HEAD")  # Protocol Name goes
    made.add_new(0x00181210, "SH", f"B30\0{PERSON.patient_id}")  # Convolution Kernel stays
    assert PERSON.patient_id.encode() not in output(encoded(made))


# -- C36 -------------------------------------------------------------------------------------------


def deflated(made: FileDataset) -> bytes:
    return encoded_as(made, uids.DeflatedExplicitVRLittleEndian)


def undefined(made: FileDataset) -> bytes:
    for element in walk(made):
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    return encoded(made)


def without_preamble(made: FileDataset) -> bytes:
    return encoded(made)[128:]


def without_meta(made: FileDataset) -> bytes:
    data = encoded_as(made, uids.ImplicitVRLittleEndian)
    length = struct.unpack_from("<L", data, 140)[0]
    return data[144 + length :]


ENCODINGS = {
    "implicit": lambda made: encoded_as(made, uids.ImplicitVRLittleEndian),
    "big endian": lambda made: encoded_as(made, uids.ExplicitVRBigEndian),
    "deflated": deflated,
    "undefined lengths": undefined,
    "no preamble": without_preamble,
    "no meta": without_meta,
}


@pytest.mark.parametrize("kind", sorted(set(BUILDERS) - {"ultrasound"}))
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_C36_every_encoding_is_processed(encoding: str, kind: str) -> None:
    made = BUILDERS[kind](PERSON)
    expected = outcome(encoded(made))
    assert not isinstance(expected, str)
    new = output(ENCODINGS[encoding](made))
    shown = encoded_as(reread(new), uids.ExplicitVRLittleEndian) if encoding == "deflated" else new
    for needle in PERSON.needles():
        assert needle not in shown
    assert {element.tag for element in reread(new)} == {e.tag for e in reread(expected[0])}


REFUSED = "unknown-transfer-syntax"


@pytest.mark.parametrize("syntax", ["1.2.3.4.5", "1.2.840.10008.1.2.4.999", "1.2.840.10008.1.20"])
def test_C36_an_unknown_transfer_syntax_is_refused(syntax: str) -> None:
    theirs = struct.pack("<2sH", b"UI", 24) + syntax.encode().ljust(24, b"\0")
    data = encoded(image())
    assert outcome(data.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", theirs)) == REFUSED


@pytest.mark.parametrize("cut", [150, 400, 997])
def test_C36_a_file_that_is_cut_short_is_refused(cut: int) -> None:
    assert isinstance(outcome(encoded(image())[:cut]), str)
