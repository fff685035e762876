"""C10 to C14: unknown attributes, overlays, overlays in pixels, curves, tags without keywords."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from pydicom import uid as uids
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset

from deident.cli.main import main
from tests.make import BUILDERS, PEOPLE, save
from tests.standard.published import rows
from tests.standard.whole import cleaned, encoded_as, outcome, reread, walk

PERSON = PEOPLE[0]
UNKNOWN_TAGS = (0x00080099, 0x00100099, 0x0012FFFE, 0x00287FFF, 0x60203000, 0x50200010)


def image() -> FileDataset:
    return BUILDERS["ct"](PERSON)


@pytest.mark.parametrize("options", [(), ("retain-uids", "retain-full-dates")])
def test_C10_unknown_standard_attributes_go_and_it_is_said(options: tuple[str, ...]) -> None:
    made = image()
    inside = Dataset()
    for tag in UNKNOWN_TAGS:
        made.add_new(tag, "LO", "Sister of the patient")
        inside.add_new(tag, "LO", "Sister of the patient")
    made.ProcedureCodeSequence[0].update(inside)
    found = outcome(made, *options)
    assert not isinstance(found, str)
    data, result = found
    assert b"Sister" not in data
    told = {(change.path, change.tag) for change in result.changes if "unknown" in change.origin}
    assert {tag for path, tag in told if not path} == set(UNKNOWN_TAGS[:4]) | set(UNKNOWN_TAGS[4:])
    assert {tag for path, tag in told if path} == set(UNKNOWN_TAGS)


def with_overlay(made: Dataset, group: int, **more: int) -> None:
    """An overlay with all that the module has (PS3.3 C.9.2)."""
    base = group << 16
    made.add_new(base | 0x0010, "US", 8)
    made.add_new(base | 0x0011, "US", 8)
    made.add_new(base | 0x0022, "LO", "Overlay of Smith")
    made.add_new(base | 0x0040, "CS", "G")
    made.add_new(base | 0x0050, "SS", [1, 1])
    made.add_new(base | 0x0100, "US", more.get("allocated", 1))
    made.add_new(base | 0x0102, "US", more.get("position", 0))
    made.add_new(base | 0x1500, "LO", "Label of Smith")
    if "position" not in more:
        made.add_new(base | 0x3000, "OW", b"\x55" * 8)
        made.add_new(base | 0x4000, "LT", "Comment on Smith")


def test_C11_the_whole_overlay_group_goes() -> None:
    made = image()
    for group in range(0x6000, 0x6020, 2):
        with_overlay(made, group)
    assert not [element.tag for element in cleaned(made) if element.tag.group >> 8 == 0x60]


@pytest.mark.parametrize("options", [(), ("retain-safe-private",)])
def test_C11_odd_groups_between_are_private(options: tuple[str, ...]) -> None:
    made = image()
    for group in (0x6001, 0x601F, 0x5001, 0x501F):
        block = made.private_block(group, "SOMEBODY", create=True)
        block.add_new(0, "OW", b"\x55" * 8)
    new = cleaned(made, *options)
    assert not [element.tag for element in new if element.tag.group in (0x6001, 0x601F, 0x5001)]


@pytest.mark.parametrize("vr", ["OW", "OB", "UN", "US", "LT"])
def test_C13_curves_go_whatever_their_vr(vr: str) -> None:
    made = image()
    value = {"US": 7, "LT": "Smith"}.get(vr, b"Smith!")
    for group in (0x5000, 0x5006, 0x501E):
        for element in (0x0007, 0x0123, 0x2555, 0x3001):
            made.add_new(group << 16 | element, vr, value)
    assert not [element.tag for element in cleaned(made) if element.tag.group >> 8 == 0x50]


def test_C14_attributes_without_a_keyword_in_pydicom_are_known() -> None:
    """Rows of Table E.1-1 that are newer than pydicom's dictionary, in Implicit VR too."""
    newer = [row for row in rows() if row.tag in NEWER]
    assert len(newer) == len(NEWER)
    for syntax in (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian):
        made = image()
        for row in newer:
            made.add_new(int(row.tag, 16), row.vr, "Smith" if row.vr != "DT" else "20200101")
        data = encoded_as(made, syntax)
        found = outcome(data)
        assert not isinstance(found, str)
        assert b"Smith" in data
        assert b"Smith" not in found[0]
        assert b"Smith" not in b"".join(str(entry).encode() for entry in walk(reread(found[0])))


# Name to Use, its comment, Montage Name, Channel Label, Annotation DateTime, Montage Channel Label
NEWER = ("00100012", "00100013", "0040B03B", "003A0203", "0040B034", "0040B03F")


@pytest.mark.parametrize("vr", ["UN", "LO", "OB", "SH"])
def test_C14_a_wrong_vr_hides_nothing(vr: str) -> None:
    made = image()
    for tag in (0x00100010, 0x00102160, 0x00102180, 0x00321032, 0x00101090):
        value = "Smithson" if vr in ("LO", "SH") else b"Smithson"
        made[tag] = DataElement(tag, vr, value)
    found = outcome(made)
    assert isinstance(found, str) or b"Smithson" not in found[0]


# -- C12 -------------------------------------------------------------------------------------------

WORDS = {8: "B", 16: "H", 32: "L"}


def pixels(made: Dataset, allocated: int, stored: int, samples: list[int], little: bool) -> None:
    made.BitsAllocated, made.BitsStored, made.HighBit = allocated, stored, stored - 1
    made.PixelRepresentation, made.SamplesPerPixel = 0, 1
    made.Rows, made.Columns = 16, len(samples) // 16
    order = "<" if little else ">"
    made.PixelData = struct.pack(f"{order}{len(samples)}{WORDS[allocated]}", *samples)
    made["PixelData"].VR = "OW"


@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.ExplicitVRBigEndian])
@pytest.mark.parametrize(("allocated", "stored"), [(8, 6), (16, 12), (16, 10), (32, 24)])
def test_C12_overlay_bits_in_pixels_are_cleared(
    allocated: int, stored: int, syntax: uids.UID
) -> None:
    made = image()
    high = (1 << allocated) - 1
    samples = [(number * 37 + 1) & high for number in range(16 * 40)]
    little = syntax == uids.ExplicitVRLittleEndian
    pixels(made, allocated, stored, samples, little)
    with_overlay(made, 0x6000, allocated=allocated, position=stored)
    with_overlay(made, 0x6004, allocated=allocated, position=stored + 1)
    new = cleaned(encoded_as(made, syntax))
    order = "<" if little else ">"
    found = struct.unpack(f"{order}{len(samples)}{WORDS[allocated]}", new.PixelData)
    cleared = high ^ (1 << stored) ^ (1 << stored + 1)
    assert list(found) == [sample & cleared for sample in samples]
    assert not [element.tag for element in new if element.tag.group >> 8 == 0x60]


def test_C12_the_summary_says_that_pixels_were_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = image()
    pixels(made, 16, 12, [0] * 256, True)
    with_overlay(made, 0x6000, allocated=16, position=12)
    save(made, tmp_path / "in" / "1.dcm")
    save(image(), tmp_path / "in" / "2.dcm")
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    text = "1  overlay-bits-cleared: an overlay in bits of Pixel Data was cleared (PS3.5 8.1.2)\n"
    assert text in capsys.readouterr().out


def test_C12_pixels_larger_than_a_piece_are_cleared_to_the_last() -> None:
    made = image()
    count = 1536 * 1025
    pixels(made, 16, 12, [0] * 16, True)
    made.Rows, made.Columns = 1536, count // 1536
    made.PixelData = b"\xff\xff" * count
    with_overlay(made, 0x6000, allocated=16, position=15)
    assert cleaned(made).PixelData == b"\xff\x7f" * count


def test_C12_an_overlay_of_its_own_leaves_the_pixels_alone() -> None:
    made = image()
    before = made.PixelData
    with_overlay(made, 0x6000)
    assert cleaned(made).PixelData == before


@pytest.mark.parametrize("position", [3, 11, 16, 20])
def test_C12_bits_that_cannot_be_an_overlay_are_refused(position: int) -> None:
    made = image()
    pixels(made, 16, 12, [0] * 256, True)
    with_overlay(made, 0x6000, allocated=16, position=position)
    assert outcome(made) == "overlay-in-pixels"


@pytest.mark.parametrize("kind", ["ultrasound"])
def test_C12_compressed_pixels_with_an_overlay_are_refused(kind: str) -> None:
    made = BUILDERS[kind](PERSON)
    with_overlay(made, 0x6000, allocated=16, position=12)
    assert outcome(made) == "overlay-in-pixels"
