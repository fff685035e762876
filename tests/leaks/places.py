"""Places of a file in which something that identifies a person can stand, and how to get there.

Names begin with the requirement or section of the reference that asks about the place (C30 to C37,
C80 to C82, 1.3 for the holes of Table E.1-1). A place may be one that makes the file unreadable:
`refused` is the code with which such a file must be turned away.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from deident.dicom.elements import IMPLICIT_LE
from tests import raw
from tests.leaks.texts import ASCII_VRS, encode, texts
from tests.make import Person
from tests.raw import File

# Sequences that the Basic Profile keeps and goes into, each valid inside the one before.
KEPT_SEQUENCES = (0x00082218, 0x00082220, 0x00082228, 0x00082230, 0x00082240)
CODE_MEANING = 0x00080104
# What must still be there when a nested place was really reached.
SENTINEL = b"Chest wall"


@dataclass
class Plant:
    """One file, one person, and which of the person's texts is planted.

    Attributes:
        file: to be changed.
        person: whose identifiers are planted.
        kind: a key of `texts.texts`.
    """

    file: File
    person: Person
    kind: str

    def text(self, vr: str = "LO") -> bytes:
        """The text in the person's character set; Patient ID where the VR allows ASCII only."""
        text = texts(self.person)[self.kind]
        if vr in ASCII_VRS and not text.isascii():
            text = self.person.patient_id
        return encode(text, self.person, vr)

    def put(self, tag: int, vr: str, text: bytes | None = None) -> None:
        """Set an element of the top level."""
        self.file.put(tag, vr, self.text(vr) if text is None else text)

    def element(self, tag: int, vr: str, text: bytes | None = None) -> bytes:
        """One element in the file's encoding."""
        value = self.text(vr) if text is None else text
        return raw.element(tag, vr, value, self.file.encoding)

    def private(self, group: int, creator: bytes, *, block: int = 0x10) -> bytes:
        """A private block of one LO, one OB and one UN value."""
        base = group << 16
        return b"".join(
            (
                raw.element(base | block, "LO", creator, self.file.encoding),
                self.element(base | block << 8 | 0x01, "LO"),
                self.element(base | block << 8 | 0x02, "OB"),
                self.element(base | block << 8 | 0x03, "UN"),
            )
        )


class Place(NamedTuple):
    """A place, how to plant there, and the code of the refusal if the file cannot be accepted."""

    name: str
    plant: Callable[[Plant], None]
    refused: str = ""


PLACES: list[Place] = []


def place(
    name: str, refused: str = ""
) -> Callable[[Callable[[Plant], None]], Callable[[Plant], None]]:
    """Register a function as a place."""

    def register(plant: Callable[[Plant], None]) -> Callable[[Plant], None]:
        PLACES.append(Place(name, plant, refused))
        return plant

    return register


def _elements(name: str, vr: str, *tags: int) -> None:
    """Register elements of the top level as one place each."""
    for tag in tags:
        PLACES.append(
            Place(
                f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) {vr}",
                lambda plant, tag=tag: plant.put(tag, vr),  # type: ignore[misc]
            )
        )


# -- the file around the data set -----------------------------------------------------------------


@place("C30 preamble")
def _preamble(plant: Plant) -> None:
    plant.file.preamble = (plant.text() + b"\0" * 128)[:128]


@place("C31 preamble that is a TIFF")
def _tiff(plant: Plant) -> None:
    entry = struct.pack("<HHHLL", 1, 270, 2, len(plant.text()), 26)  # Image Description
    start = struct.pack("<2sHL", b"II", 42, 8) + entry + bytes(4)
    plant.file.preamble = (start + plant.text() + b"\0" * 128)[:128]


for _number, _vr in (
    (0x0001, "OB"), (0x0003, "UI"), (0x0012, "UI"), (0x0013, "SH"), (0x0016, "AE"), (0x0017, "AE"),
    (0x0018, "AE"), (0x0026, "UR"), (0x0027, "UR"), (0x0028, "UR"), (0x0035, "AE"), (0x0036, "OB"),
    (0x0200, "LO"),
):  # fmt: skip
    PLACES.append(
        Place(
            f"C30 file meta (0002,{_number:04X})",
            lambda plant, number=_number, vr=_vr: plant.file.meta.update(  # type: ignore[misc]
                {0x00020000 | number: (vr, plant.text(vr))}
            ),
        )
    )


@place("C30 private file meta")
def _private_meta(plant: Plant) -> None:
    plant.file.meta |= {0x00020100: ("UI", b"1.2.3.4"), 0x00020102: ("OB", plant.text("OB"))}


@place("C33 zeros behind the data set, then text", refused="bad-vr")
def _behind_zeros(plant: Plant) -> None:
    plant.file.behind = bytes(64) + plant.text()


@place("C33 text behind the data set", refused="bad-vr")
def _behind(plant: Plant) -> None:
    plant.file.behind = b"<patient>" + plant.text() + b"</patient>"


@place("C33 a stump behind the data set")
def _stump(plant: Plant) -> None:
    plant.file.behind = plant.person.patient_id.lstrip("0").encode()[:7]


@place("C33 a second file behind the first", refused="bad-vr")
def _second_file(plant: Plant) -> None:
    plant.file.behind = plant.file.encoded()


# -- groups that do not belong there --------------------------------------------------------------

_elements("C32 command", "AE", 0x00000600, 0x00001000)
_elements("C32 directory", "CS", 0x00041130, 0x00041430, 0x00041500)
_elements("C32 forbidden group", "LO", 0x00010010, 0x00030010, 0x00050010, 0x00070010, 0xFFFF0010)
_elements("C33 group length", "LO", 0x00080000, 0x00100000, 0x00280000, 0x7FE00000, 0x00090000)
_elements("C33 trailing padding", "OB", 0xFFFCFFFC)
_elements("C33 length to end", "LO", 0x00080001)


@place("C32 file meta inside the data set, out of order")
def _meta_inside(plant: Plant) -> None:
    plant.file.behind = plant.element(0x00020016, "AE") + plant.element(0x00020013, "SH")


@place("C33 group length of four letters")
def _short_length(plant: Plant) -> None:
    plant.put(0x00100000, "UL", plant.text("UL")[:4])


# -- padding and gaps -----------------------------------------------------------------------------


def _behind_value(tag: int, vr: str, value: bytes) -> Callable[[Plant], None]:
    return lambda plant: plant.put(tag, vr, value + b"\0" + plant.text(vr))


for _tag, _vr, _value in (
    (0x00080060, "CS", b"CT"), (0x00080070, "LO", b"Maker"), (0x00080104, "LO", b"Chest"),
    (0x00180050, "DS", b"1.25"), (0x00200013, "IS", b"17"), (0x00280002, "US", b"\1\0"),
    (0x0008001A, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (0x00189305, "FD", bytes(7)),
    (0x00189351, "FL", bytes(3)), (0x00280009, "AT", b"\x18\0\x63"), (0x00281201, "OW", bytes(32)),
    (0x00180015, "CS", b"CHEST"), (0x00282000, "OB", bytes(127)),
):  # fmt: skip
    PLACES.append(
        Place(
            f"C33 behind a zero in the value of ({_tag >> 16:04X},{_tag & 0xFFFF:04X}) {_vr}",
            _behind_value(_tag, _vr, _value),
        )
    )


@place("C33 between the items of a sequence", refused="bad-structure")
def _between_items(plant: Plant) -> None:
    code = plant.element(CODE_MEANING, "LO", SENTINEL)
    items = raw.item(code, plant.file.encoding)
    items += plant.text() + items
    head = raw.head(KEPT_SEQUENCES[0], "SQ", len(items), plant.file.encoding)
    plant.file.elements[KEPT_SEQUENCES[0]] = head + items


@place("C33 in a delimiter that has a value", refused="bad-structure")
def _in_delimiter(plant: Plant) -> None:
    text = plant.text()
    encoding = plant.file.encoding
    end = raw.tag_bytes(0xFFFEE0DD, encoding) + struct.pack("<L", len(text)) + text
    head = raw.head(KEPT_SEQUENCES[0], "SQ", raw.UNDEFINED, encoding)
    plant.file.elements[KEPT_SEQUENCES[0]] = head + raw.item(b"", encoding) + end


@place("C33 odd length, the byte behind it is the next element's")
def _odd(plant: Plant) -> None:
    text = plant.text()
    odd = text if len(text) & 1 else text + b"X"
    tag = 0x00102110  # Allergies
    plant.file.elements[tag] = raw.element(tag, "LO", odd, plant.file.encoding, pad=False)


# -- attributes -----------------------------------------------------------------------------------

_elements("1.3 alternative calendar", "LO", 0x00100033, 0x00100034, 0x00100035)
_elements("1.3 person", "PN", 0x00140104, 0x00142002)
_elements("1.3 unknown standard tag", "LO", 0x00101999, 0x00280FFF)
_elements("1.3 unknown standard tag", "UN", 0x00101999, 0x00200FFF)
_elements("1.3 unlisted date", "DA", 0x00142004, 0x00340001)
_elements("1.3 size", "LO", 0x00101022)
_elements("1.3 animal", "LO", 0x00100214, 0x00100217, 0x00102294)
_elements("product", "LO", 0x00080070, 0x00081090, 0x00181020, 0x00181016)
_elements("comment", "LT", 0x00204000, 0x00104000, 0x00324000, 0x40084000)
_elements("description", "LO", 0x00081030, 0x0008103E, 0x00181030, 0x00180010)
_elements("term", "CS", 0x00080008, 0x00180015, 0x00180022, 0x00185100)
_elements("retired", "LO", 0x00080010, 0x00184000, 0x00280060)
_elements("number as text", "DS", 0x00180050, 0x00180060, 0x00181100)
_elements("number as text", "IS", 0x00181150, 0x00200012, 0x00280008)
_elements("class UID", "UI", 0x0008001A, 0x00080062, 0x0008010C)
_elements("profile", "OB", 0x00282000)
_elements("table", "OW", 0x00281201, 0x00283006)
_elements("spectrum", "OF", 0x56000020)
_elements("offsets", "OV", 0x7FE00001)
_elements("document", "OB", 0x00420011)
_elements("waveform", "OW", 0x54001010)
_elements("certificate", "OB", 0x04000115, 0x04000310)

for _tag in (
    0x00081167, 0x00083012, 0x0008001C, 0x0018991E, 0x00200242, 0x00209312, 0x00209313, 0x00281199,
    0x0070031B, 0x00701A00, 0x0040E011, 0x0040E030, 0x0040E031, 0x00620021, 0x0020000D, 0x0020000E,
    0x00200052, 0x00080018, 0x00081155, 0x00189313, 0x00281214,
):  # fmt: skip
    PLACES.append(
        Place(
            f"1.3 UID with the patient in it ({_tag >> 16:04X},{_tag & 0xFFFF:04X})",
            lambda plant, tag=_tag: plant.put(tag, "UI", _telling_uid(plant.person)),  # type: ignore[misc]
        )
    )


def _telling_uid(person: Person) -> bytes:
    number = person.patient_id.lstrip("0")
    return f"{person.uid_root}.{number}.{person.birth_date}.{person.accession[3:]}".encode()


@place("C47 UID inside a text that stays")
def _uid_in_text(plant: Plant) -> None:
    plant.put(0x00082111, "ST", b"made from " + _telling_uid(plant.person) + b" with care")


@place("1.3 Encrypted Attributes Sequence")
def _encrypted(plant: Plant) -> None:
    content = plant.element(0x04000510, "UI", b"1.2.840.10008.1.2.1") + plant.element(
        0x04000520, "OB"
    )
    plant.file.put_items(0x04000500, content)


for _tag in (
    0x00321031, 0x00100026, 0x00100027, 0x00100024, 0x00101002, 0x00081110, 0x00081111, 0x00081120,
    0x00080096, 0x00080051, 0x00081084, 0x00380100, 0x00400275, 0x00400260, 0x00120064, 0x0018A001,
    0x00182112, 0x00089215, 0x00081140, 0x00081032, 0x00540220, 0x00082112, 0x00880200, 0x00280300,
    0x30020110, 0x04000561, 0x00081115, 0x0040A370, 0x00080110, 0x00080300, 0x00700001,
):  # fmt: skip
    PLACES.append(
        Place(
            f"1.3 in an item of ({_tag >> 16:04X},{_tag & 0xFFFF:04X})",
            lambda plant, tag=_tag: plant.file.put_items(tag, *_careless_items(plant)),  # type: ignore[misc]
        )
    )


def _careless_items(plant: Plant) -> Iterator[bytes]:
    """Items that hold names where names, numbers, codes and texts may stand."""
    yield b"".join(
        (
            plant.element(0x00080050, "SH"),
            plant.element(0x00080100, "SH"),
            plant.element(0x00080102, "SH", b"99LOCAL"),
            plant.element(CODE_MEANING, "LO"),
            plant.element(0x00080119, "UC"),
            plant.element(0x00081155, "UI", _telling_uid(plant.person)),
        )
    )
    yield plant.element(0x00101001, "PN") + plant.element(0x0040A123, "PN")
    yield plant.element(0x00400031, "UT") + plant.element(0x0040A160, "UT")


# -- nested ---------------------------------------------------------------------------------------


def _five_deep(make: Callable[[Plant], bytes]) -> Callable[[Plant], None]:
    def plant_nested(plant: Plant) -> None:
        content = plant.element(CODE_MEANING, "LO", SENTINEL) + make(plant)
        plant.file.nest(content, KEPT_SEQUENCES)

    return plant_nested


for _name, _make in {
    "name": lambda plant: plant.element(0x00100010, "PN"),
    "unlisted name": lambda plant: plant.element(0x00140104, "PN"),
    "text that stays": lambda plant: plant.element(0x00080119, "UC"),
    "number that stays": lambda plant: plant.element(0x00180050, "DS"),
    "binary number that stays": lambda plant: plant.element(0x00189305, "FD"),
    "UID": lambda plant: plant.element(0x00081155, "UI", _telling_uid(plant.person)),
    "private block": lambda plant: plant.private(0x0009, b"ACME 1.0"),
    "private element without creator": lambda plant: plant.element(0x00091001, "LO"),
    "UN of a known attribute": lambda plant: plant.element(0x00080104 + 0x15, "UN"),
    "UN of an unknown attribute": lambda plant: plant.element(0x00101999, "UN"),
    "group length": lambda plant: plant.element(0x00100000, "LO"),
    "trailing padding": lambda plant: plant.element(0xFFFCFFFC, "OB"),
    "icon": lambda plant: _icon(plant),
    "pixel data": lambda plant: plant.element(0x7FE00010, "OW"),
    "overlay": lambda plant: plant.element(0x60003000, "OW"),
    "curve": lambda plant: plant.element(0x50003000, "OW"),
}.items():
    PLACES.append(Place(f"C01 five deep: {_name}", _five_deep(_make)))


@place("C01 five deep, in the item's own character set")
def _own_charset(plant: Plant) -> None:
    text = "Überkingen-Grünwäldle"  # not the patient's, and not what this is about
    content = (
        plant.element(0x00080005, "CS", b"ISO_IR 192")
        + plant.element(CODE_MEANING, "LO", SENTINEL)
        + plant.element(0x00080119, "UC", f"{text} {texts(plant.person)[plant.kind]}".encode())
    )
    plant.file.nest(content, KEPT_SEQUENCES)


# -- private --------------------------------------------------------------------------------------


def _private(group: int, creator: bytes) -> Callable[[Plant], None]:
    def plant_private(plant: Plant) -> None:
        for tag in [tag for tag in plant.file.elements if tag >> 16 == group]:
            del plant.file.elements[tag]
        plant.file.elements[group << 16 | 0x10] = plant.private(group, creator)

    return plant_private


for _group, _creator in (
    (0x0009, b"GEMS_IDEN_01"), (0x0019, b"SIEMENS MR HEADER"), (0x0029, b"SIEMENS CSA HEADER"),
    (0x2001, b"Philips Imaging DD 001"), (0x0011, b"ACME 1.0"), (0x0011, b""), (0x0011, b"  "),
    (0x0011, b"A\\B"), (0x6001, b"ACME OVERLAY"), (0x5001, b"ACME CURVE"), (0x7FE1, b"ACME PIXEL"),
    (0x6021, b"ACME"), (0xFFFD, b"ACME"), (0x0013, b"CTP"), (0x0099, b"NQHeader"),
):  # fmt: skip
    PLACES.append(
        Place(
            f"C80 private block of {_creator.decode()!r} in {_group:04X}",
            _private(_group, _creator),
        )
    )


@place("C82 private creator is the name")
def _creator_is_name(plant: Plant) -> None:
    _private(0x0011, plant.text())(plant)
    plant.put(0x00111010, "DS", b"1.5")
    plant.put(0x00111011, "US", b"\1\0")


@place("C82 private elements without creator")
def _without_creator(plant: Plant) -> None:
    for tag, vr in ((0x00111001, "LO"), (0x00111102, "UN"), (0x00110001, "LO"), (0x0011FF01, "OB")):
        plant.put(tag, vr)


@place("C82 private creator twice")
def _twice(plant: Plant) -> None:
    creator = plant.element(0x00190010, "LO", b"SIEMENS MR HEADER")
    plant.file.elements[0x00190010] = creator + creator
    for low in (0x08, 0x09, 0x0A, 0x0B):
        plant.put(0x00191000 | low, "LO")


@place("C82 two private creators for one block", refused="duplicate-element")
def _two_creators(plant: Plant) -> None:
    plant.file.elements[0x00190010] = plant.element(
        0x00190010, "LO", b"SIEMENS MR HEADER"
    ) + plant.element(0x00190010, "LO", b"ACME 1.0")
    plant.put(0x00191008, "LO")


@place("C82 one private creator for two blocks")
def _two_blocks(plant: Plant) -> None:
    for block in (0x10, 0x11):
        plant.put(0x00190000 | block, "LO", b"SIEMENS MR HEADER")
        plant.put(0x00190000 | block << 8 | 0x08, "CS")
        plant.put(0x00190000 | block << 8 | 0x09, "LO")


for _vr in ("UN", "US", "OB", "LT", "AE"):
    PLACES.append(
        Place(
            f"C82 private creator of VR {_vr}",
            lambda plant, vr=_vr: plant.file.elements.update(  # type: ignore[misc]
                {
                    0x00190010: plant.element(0x00190010, vr, b"SIEMENS MR HEADER "),
                    0x00191008: plant.element(0x00191008, "LO"),
                    0x00191009: plant.element(0x00191009, "LO"),
                }
            ),
        )
    )


@place("C82 private creator that is a sequence")
def _creator_sequence(plant: Plant) -> None:
    plant.file.put_items(0x00190010, plant.element(0x00100010, "PN"))
    plant.put(0x00191008, "LO")


def _private_sequence(
    group: int, creator: bytes, low: int, *, vr: str, undefined: bool
) -> Callable[[Plant], None]:
    def plant_sequence(plant: Plant) -> None:
        encoding = IMPLICIT_LE if vr == "UN" else plant.file.encoding
        item = b"".join(
            (
                raw.element(0x00100010, "PN", plant.text("PN"), encoding),
                raw.element(0x00400031, "UT", plant.text("UT"), encoding),
                raw.element(group << 16 | 0x10, "LO", creator, encoding),
                raw.element(group << 16 | 0x1001, "LO", plant.text(), encoding),
            )
        )
        items = raw.item(item, encoding, undefined=undefined)
        if undefined:
            items += raw.tag_bytes(0xFFFEE0DD, encoding) + bytes(4)
        length = raw.UNDEFINED if undefined else len(items)
        tag = group << 16 | 0x1000 | low
        plant.put(group << 16 | 0x10, "LO", creator)
        plant.file.elements[tag] = raw.head(tag, vr, length, plant.file.encoding) + items

    return plant_sequence


for _vr in ("SQ", "UN"):
    for _undefined in (True, False):
        _form = f"private sequence under {_vr}, {'un' * _undefined}defined length"
        PLACES.append(
            Place(
                f"C81 {_form}",
                _private_sequence(0x0011, b"ACME 1.0", 5, vr=_vr, undefined=_undefined),
            )
        )
        PLACES.append(
            Place(
                f"C81 {_form}, safe creator",
                _private_sequence(
                    0x2001, b"Philips Imaging DD 001", 0x5F, vr=_vr, undefined=_undefined
                ),
            )
        )


@place("C82 CSA header")
def _csa(plant: Plant) -> None:
    plant.put(0x00290010, "LO", b"SIEMENS CSA HEADER")
    blob = b"SV10\4\3\2\1" + struct.pack("<LL", 1, 77) + plant.text().ljust(64, b"\0") + bytes(900)
    plant.put(0x00291010, "OB", blob)
    plant.put(0x00291020, "UN", blob)


@place("C83 Private Data Element Characteristics Sequence that calls everything safe")
def _claims(plant: Plant) -> None:
    content = b"".join(
        (
            plant.element(0x00080301, "US", b"\x11\0"),
            plant.element(0x00080302, "LO", b"ACME 1.0"),
            plant.element(0x00080303, "CS", b"SAFE"),
            plant.element(0x00080304, "US", b"\1\0\2\0\3\0"),
            plant.element(0x0008030D, "LO"),
        )
    )
    plant.file.put_items(0x00080300, content)
    _private(0x0011, b"ACME 1.0")(plant)


# -- pixels and what belongs to them --------------------------------------------------------------


def _icon(plant: Plant) -> bytes:
    content = b"".join(
        (
            plant.element(0x00280010, "US", b"\x08\0"),
            plant.element(0x00280011, "US", b"\x08\0"),
            plant.element(0x7FE00010, "OB", plant.text("OB").ljust(64, b"\0")),
        )
    )
    return raw.sequence(0x00880200, content, encoding=plant.file.encoding)


@place("C61 icon")
def _icon_on_top(plant: Plant) -> None:
    plant.file.elements[0x00880200] = _icon(plant)


@place("C61 pixel data in a sequence that stays")
def _pixels_in_sequence(plant: Plant) -> None:
    content = plant.element(0x00280010, "US", b"\x08\0") + plant.element(0x7FE00010, "OW")
    plant.file.put_items(KEPT_SEQUENCES[0], content)


for _group in (0x6000, 0x6002, 0x601E, 0x6020, 0x60FE):
    PLACES.append(
        Place(
            f"C11 overlay {_group:04X}",
            lambda plant, group=_group: _overlay(plant, group),  # type: ignore[misc]
        )
    )
    PLACES.append(
        Place(
            f"C13 curve {_group - 0x1000:04X}",
            lambda plant, group=_group - 0x1000: _curve(plant, group),  # type: ignore[misc]
        )
    )


def _overlay(plant: Plant, group: int) -> None:
    base = group << 16
    plant.put(base | 0x0010, "US", b"\x10\0")
    plant.put(base | 0x0022, "LO")
    plant.put(base | 0x0040, "CS")
    plant.put(base | 0x1500, "LO")
    plant.put(base | 0x3000, "OW", plant.text("OW").ljust(64, b"\0"))
    plant.put(base | 0x4000, "LT")


def _curve(plant: Plant, group: int) -> None:
    base = group << 16
    plant.put(base | 0x0022, "LO")
    plant.put(base | 0x0030, "SH")
    plant.put(base | 0x2500, "LO")
    plant.put(base | 0x3000, "UN", plant.text("UN").ljust(64, b"\0"))
    plant.put(base | 0x200C, "OB")


_elements("C61 other pixels", "OW", 0x7F000010, 0x7FE00020, 0x7FE00030, 0x7F200020)
_elements("behind Pixel Data", "LO", 0x7FE10010, 0x7FE11001, 0x88880010)


@place("behind Pixel Data: a digital signature")
def _signature(plant: Plant) -> None:
    content = plant.element(0x04000100, "UI", b"1.2.3") + plant.element(0x04000120, "OB")
    plant.file.put_items(0xFFFAFFFA, content)


# -- character sets -------------------------------------------------------------------------------


def _in_codec(codec: str, vr: str, tag: int) -> Callable[[Plant], None]:
    def plant_bytes(plant: Plant) -> None:
        text = texts(plant.person)[plant.kind]
        plant.put(tag, vr, text.encode(codec, "ignore"))

    return plant_bytes


for _codec in ("utf-8", "utf-16-le", "utf-16-be"):
    for _vr, _tag in (
        ("OB", 0x00282000),
        ("UN", 0x00280FFF),
        ("LT", 0x00204000),
        ("OW", 0x00281201),
    ):
        PLACES.append(Place(f"C50 in {_codec} under {_vr}", _in_codec(_codec, _vr, _tag)))
