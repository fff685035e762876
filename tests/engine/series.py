"""Series in which one instance differs from the others in one place.

`plain(number)` is one benign instance: it differs from the next in the places in which instances of
a series do. Every instance holds texts, numbers and UIDs that are nobody's (`NAME`, `NUMBER`,
`UIDS`): they sleep in constant elements, in varying ones, in items and in private blocks. A
`Change` alters an instance in one place, most of them so that what slept now says who somebody is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from deident.dicom.elements import IMPLICIT_LE
from tests import raw
from tests.make import PEOPLE, ct, encoded
from tests.raw import File

NAME, NUMBER, STATION = b"Quillfeather", b"MRN7340127", b"QXSTORE77"
# Too short to be told from version numbers: only the instance itself says that they are UIDs.
UIDS = (b"1.9.12345.901", b"1.9.12345.902", b"1.9.12345.903")
LONG_UID, SHORT_UID = b"1.2.826.0.1.3680043.10.1337.77", b"1.2.840.99999.1"

SOP_INSTANCE, SOP_CLASS, MODALITY, STATION_NAME = 0x00080018, 0x00080016, 0x00080060, 0x00081010
PATIENT_NAME, PATIENT_ID, BIRTH_DATE, OPERATORS = 0x00100010, 0x00100020, 0x00100030, 0x00081070
FILTER, VERSION, KERNEL, EXPLANATION = 0x00181160, 0x00181020, 0x00181210, 0x00281055
INSTANCE_NUMBER, SLICE_LOCATION, THICKNESS = 0x00200013, 0x00201041, 0x00180050
REGION, MODIFIERS, REQUEST, EQUIPMENT = 0x00082218, 0x00082220, 0x00400275, 0x0018A001
PROFILE_OF_COLOURS, CONTENT_DATE, CONTENT_TIME, MOMENT = 0x00282000, 0x00080023, 0x00080033, 0x8002A
CHARACTER_SET, MEANING, PIXELS, BURNED_IN = 0x00080005, 0x00080104, 0x7FE00010, 0x00280301
POSITION_SYNC, REMARKS, OVERLAY_BITS, COMMENTS = 0x00200200, 0x0040A160, 0x60000102, 0x00104000
FRAME = 0x00200052
SIEMENS, ACME, PHILIPS = b"SIEMENS MR HEADER", b"ACME 1.0", b"Philips Imaging DD 001"


# Of the attributes of a scanner's object as many as there are kinds of decisions.
_TAKEN = frozenset((
    0x00080008, SOP_CLASS, 0x00080020, CONTENT_DATE, 0x00080030, CONTENT_TIME, 0x00080050, MODALITY,
    0x00080070, 0x00080080, STATION_NAME, 0x00081030, OPERATORS, 0x00081140, 0x00083010,
    PATIENT_NAME, PATIENT_ID, BIRTH_DATE, 0x00100040, 0x00101010, 0x00104000, THICKNESS, 0x00181000,
    0x00181030, 0x00189305, 0x0020000D, 0x0020000E, 0x00200010, 0x00200011, 0x00200032, FRAME,
    0x00204000, 0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
    0x00281053,
))  # fmt: skip


@cache
def _stem() -> File:
    """What is taken from an object that is like those of a scanner."""
    file = File.of(encoded(ct(PEOPLE[0], 1)))
    file.elements = {tag: file.elements[tag] for tag in file.elements if tag in _TAKEN}
    file.put(0x00280010, "US", b"\x08\0")
    file.put(0x00280011, "US", b"\x08\0")
    file.put(PIXELS, "OW", bytes(128))
    return file


def plain(number: int) -> File:
    """One benign instance."""
    file = _stem().copy()
    file.put(INSTANCE_NUMBER, "IS", b"%d" % number)
    file.put(CHARACTER_SET, "CS", b"ISO_IR 100")
    file.put(SOP_INSTANCE, "UI", b"1.9.12345.%d" % number)
    file.put(FILTER, "SH", NAME)
    file.put(VERSION, "LO", b"v%d %s" % (number, NAME))
    file.put(EXPLANATION, "LO", NUMBER)
    file.put(KERNEL, "SH", UIDS[0])
    file.put(PROFILE_OF_COLOURS, "OB", b"prtr \1\2 %s \0\0\0" % UIDS[1])
    file.put(MOMENT, "DT", b"202403180921%02d" % (number % 60))
    file.put(SLICE_LOCATION, "DS", b"-%d.5" % number)
    file.put(POSITION_SYNC, "UI", UIDS[2])
    file.put(REMARKS, "UT", b"remark %d" % number)
    file.put(COMMENTS, "LT", b"nothing to say " * 20)
    file.put(OVERLAY_BITS, "US", b"\0\0")
    file.put(0x60000040, "CS", b"G")
    file.put(0x60000100, "US", b"%c\0" % (1 + number % 2))
    file.put(BURNED_IN, "CS", b"NO")
    file.put_items(REGION, *[item(number, count) for count in range(3)])
    file.put_items(REQUEST, text(0x00400007, b"step %d" % number) + text(0x00321060, b"x" * 300))
    file.put(0x00190010, "LO", SIEMENS)
    file.put(0x00191008, "CS", b"IMAGE NUM 4")
    file.put(0x00191009, "LO", NAME)
    file.put(0x0019100C, "IS", b"%d" % (1000 + number))
    file.put(0x00210010, "LO", ACME)
    file.put(0x00211001, "DS", b"%d.25" % number)
    file.put(0x00211002, "LO", b"x %d %s" % (number, NAME))
    file.put(0x00211003, "UN", b"\1\2" + NAME + b"\0")
    file.put(0x00211004, "US", struct.pack("<H", number))
    file.put(0x20010010, "LO", PHILIPS)
    file.put_items(0x2001105F, text(0x20010010, PHILIPS) + text(0x20011050, b"of %d" % number))
    return file


def text(tag: int, value: bytes, vr: str = "LO") -> bytes:
    """One element inside an item."""
    return raw.element(tag, vr, value)


def wide(value: bytes) -> bytes:
    """A value in UTF-16."""
    return value.decode("ascii").encode("utf-16-le")


def item(number: int, count: int, *, extra: bytes = b"", words: bytes = b"Chest wall") -> bytes:
    """One item of Anatomic Region Sequence with a sequence inside; `extra` comes last."""
    inner = text(0x00080100, b"T-1%d" % count, "SH") + text(MEANING, words)
    return (
        text(0x00080100, b"T-D%d" % count, "SH")
        + text(MEANING, b"%s %d of %d" % (NAME, count, number))
        + text(0x00080107, UIDS[1])
        + text(0x00080119, wide(UIDS[0]), "UC")
        + raw.sequence(MODIFIERS, inner)
        + extra
    )


class Change(NamedTuple):
    """One place that is different.

    Attributes:
        name: for messages.
        make: changes the file; the second argument is 0 or 1, for two different values.
        names: whether `NAME` is somebody's name from then on.
        left: what must not be left then, besides.
        opened: only where private sequences under UN are read does anybody know of the name.
    """

    name: str
    make: Callable[[File, int], None]
    names: bool = False
    left: tuple[bytes, ...] = ()
    opened: bool = False


CHANGES: list[Change] = []


def change(
    name: str, *, names: bool = False, left: tuple[bytes, ...] = (), opened: bool = False
) -> Callable[[Callable[[File, int], None]], Callable[[File, int], None]]:
    """Register a change."""

    def register(make: Callable[[File, int], None]) -> Callable[[File, int], None]:
        CHANGES.append(Change(name, make, names, left, opened))
        return make

    return register


def _put(
    name: str,
    tag: int,
    vr: str,
    *values: bytes,
    names: bool = False,
    left: tuple[bytes, ...] = (),
) -> None:
    """Register a change of one element of the top level; one of two values, or one for both."""
    CHANGES.append(
        Change(
            name,
            lambda file, variant: file.put(tag, vr, values[variant % len(values)]),
            names,
            left,
        )
    )


def _region(
    name: str,
    *extras: bytes,
    names: bool = False,
    left: tuple[bytes, ...] = (),
    position: int = 1,
    words: bytes = b"Chest wall",
) -> None:
    """Register a change of one item in a sequence that stays."""

    def make(file: File, variant: int) -> None:
        items = [item(1, count) for count in range(3)]
        extra = extras[variant % len(extras)] if extras else b""
        items[position] = item(1, position, extra=extra, words=words)
        file.put_items(REGION, *items)

    CHANGES.append(Change(name, make, names, left))


PERSONS = (NAME + b"^Ottoline", NAME + b"^Abel")

# -- somebody gets the name, the number, the UID that slept ----------------------------------------

_put("patient's name", PATIENT_NAME, "PN", *PERSONS, names=True)
_put("Patient ID", PATIENT_ID, "LO", NUMBER, left=(b"7340127",))
_put("Patient ID of few digits", PATIENT_ID, "LO", b"901", b"90")
_put("birth date", BIRTH_DATE, "DA", b"20240318", b"19430217")
_put("operator", OPERATORS, "PN", *PERSONS, names=True)
_put("operator under LO", OPERATORS, "LO", *PERSONS, names=True)
_put("operator under UN", OPERATORS, "UN", *PERSONS, names=True)
_put("camera owner", 0x0016004D, "PN", *PERSONS, names=True)
_put("private PN", 0x00211005, "PN", *PERSONS, names=True)
_put("unknown PN", 0x00101999, "PN", *PERSONS, names=True)
_put("station", STATION_NAME, "SH", NAME, names=True)
_put("station of the kernel", STATION_NAME, "SH", STATION)
_put("institution", 0x00080080, "LO", NAME + b" Klinikum", names=True)
_put("accession number", 0x00080050, "SH", b"7340127", left=(b"7340127",))
_put("instance UID that stands in a text", SOP_INSTANCE, "UI", UIDS[0], left=UIDS[:1])
_put("instance UID that stands in a blob", SOP_INSTANCE, "UI", UIDS[1], left=UIDS[1:2])
_put("frame of reference that stands in a text", FRAME, "UI", UIDS[0], left=UIDS[:1])
_put("irradiation event that stands in a blob", 0x00083010, "UI", UIDS[1], left=UIDS[1:2])
_region(
    "PN in an item",
    text(OPERATORS, PERSONS[0], "PN"),
    text(OPERATORS, PERSONS[1], "PN"),
    names=True,
)
_region("PN in the last item", text(OPERATORS, PERSONS[0], "PN"), names=True, position=2)
_region(
    "PN of a private block in an item",
    text(0x00210010, ACME) + text(0x00211005, PERSONS[0], "PN"),
    names=True,
)
_region(
    "PN deep in an item", raw.sequence(0x00082228, text(OPERATORS, PERSONS[0], "PN")), names=True
)
_region("UID in an item that stands in a blob", text(0x00081155, UIDS[1], "UI"), left=UIDS[1:2])
_region("UID in an item that stands in a text", text(0x00081155, UIDS[0], "UI"), left=UIDS[:1])


@change("PN in a removed sequence", names=True)
def _named_in_removed(file: File, variant: int) -> None:
    file.put_items(REQUEST, text(0x00400007, b"step") + text(OPERATORS, PERSONS[variant], "PN"))


@change("PN deep in a removed sequence", names=True)
def _named_deep_in_removed(file: File, variant: int) -> None:
    inner = raw.sequence(0x00400008, text(MEANING, b"x") + text(OPERATORS, PERSONS[variant], "PN"))
    file.put_items(REQUEST, text(0x00400007, b"step") + inner)


@change("order number in a removed sequence", left=(b"7340127",))
def _number_in_removed(file: File, variant: int) -> None:
    file.put_items(REQUEST, text(0x00401001, b"7340127", "SH") + text(0x00400007, b"%d" % variant))


@change("UID in a removed sequence", left=UIDS[1:2])
def _uid_in_removed(file: File, variant: int) -> None:
    file.put_items(REQUEST, text(0x0020000D, UIDS[1], "UI") + text(0x00400007, b"%d" % variant))


@change("PN in a private sequence", names=True)
def _named_in_private(file: File, variant: int) -> None:
    inside = text(0x00081070, PERSONS[variant], "PN") + text(0x20010010, PHILIPS)
    file.put_items(0x2001105F, inside + text(0x20011050, b"of 3"))


@change("PN in a private sequence under UN", names=True, opened=True)
def _named_in_private_unknown(file: File, variant: int) -> None:
    inside = raw.element(0x00081070, "PN", PERSONS[variant], IMPLICIT_LE)
    items = raw.item(inside, IMPLICIT_LE)
    file.elements[0x2001105F] = raw.head(0x2001105F, "UN", len(items)) + items


# -- something that stays gets what the patient is called ------------------------------------------

OWN_NAME = PEOPLE[0].name.partition("^")[0].encode()
OWN_ID = PEOPLE[0].patient_id.lstrip("0").encode()
_OWN = (OWN_NAME, OWN_ID)

_put("constant text", FILTER, "SH", OWN_NAME[:16], OWN_ID, left=_OWN)
_put("varying text", VERSION, "LO", b"for " + OWN_NAME, b"for " + OWN_ID, left=_OWN)
_put("two texts in one", VERSION, "LO", b"a\\b", b"a\\" + OWN_ID, left=_OWN)
_put("constant number", THICKNESS, "DS", OWN_ID, b"1." + OWN_ID)
_put("varying number", SLICE_LOCATION, "DS", OWN_ID, b"-1.5e3")
_put("varying whole number", INSTANCE_NUMBER, "IS", OWN_ID, b"x" + OWN_NAME[:9])
_put("number that is a word", SLICE_LOCATION, "DS", OWN_NAME[:14], b"words", left=_OWN[:1])
_put("binary number that is a word", 0x00189305, "FD", OWN_NAME[:8], left=())
_put("date that is none", CONTENT_DATE, "DA", b"soon", b"2024")
_put("date", CONTENT_DATE, "DA", b"20240319", b"2024.03.19")
_put("time that is none", CONTENT_TIME, "TM", b"noon", b"12:30")
_put("date and time of a year", MOMENT, "DT", b"2024", b"202403")
_put("date and time", MOMENT, "DT", b"20240318092101.25+0100", b"never")
_put("private constant text", 0x00191009, "LO", b"to " + OWN_NAME, left=_OWN)
_put("private varying text", 0x00211002, "LO", b"to " + OWN_NAME, b"id " + OWN_ID, left=_OWN)
_put("private varying number", 0x0019100C, "IS", OWN_ID, left=_OWN)
_put("private number of a creator", 0x00211001, "DS", OWN_ID, left=_OWN)
_put("private blob", 0x00211003, "UN", b"\1" + OWN_NAME + b"\0", LONG_UID, left=(*_OWN, LONG_UID))
_put("UID in a constant text", FILTER, "SH", SHORT_UID, left=(SHORT_UID,))
_put("UID in a varying text", VERSION, "LO", b"see " + LONG_UID, left=(LONG_UID,))
_put("UID in a private text", 0x00211002, "LO", b"see " + LONG_UID, left=(LONG_UID,))
_put("UID in a blob", PROFILE_OF_COLOURS, "OB", LONG_UID + b"\0", left=(LONG_UID,))
_put("UID in a number", SLICE_LOCATION, "DS", LONG_UID[:16])
_put("UID that is none", FRAME, "UI", b"x" + OWN_NAME, b"", left=_OWN[:1])
_region("text in an item", words=OWN_NAME, left=_OWN[:1])
_region("text in the last item", words=OWN_ID, left=_OWN, position=2)
_region("UID in a text of an item", words=b"see " + LONG_UID, left=(LONG_UID,))
_region("blob in an item", text(PROFILE_OF_COLOURS, b"\1" + OWN_NAME, "OB"), left=_OWN[:1])
_region("number in an item", text(SLICE_LOCATION, OWN_ID, "DS"), text(SLICE_LOCATION, b"1", "DS"))

# A UID that only its instance knows for one, met where another instance has an ordinary text.
_put("own UID in a varying text", VERSION, "LO", b"see " + UIDS[2], left=UIDS[2:3])
_put("own UID in a constant text", FILTER, "SH", UIDS[2], left=UIDS[2:3])
_put("own UID in a varying number", SLICE_LOCATION, "DS", UIDS[2])
_put("own UID in a private creator", 0x00210010, "LO", UIDS[2], left=UIDS[2:3])
_region("own UID in a text of an item", words=b"see " + UIDS[2], left=UIDS[2:3])
_put("UID without dots", FRAME, "UI", b"340127000", OWN_ID + b"00")
_put("UID that a text of an item holds", FRAME, "UI", UIDS[1], left=UIDS[1:2])
_put("UID of letters that a text holds", FRAME, "UI", NAME, left=(NAME,))
_put("UID in the wide letters of a blob", PROFILE_OF_COLOURS, "OB", wide(UIDS[2]))
_put("UID in wide letters and another", PROFILE_OF_COLOURS, "OB", wide(LONG_UID), wide(UIDS[0]))


@change("UID that stands in wide letters before a tag like digits")
def _wide_uid(file: File, variant: int) -> None:
    file.put(FRAME, "UI", (LONG_UID, UIDS[2])[variant])
    file.put(0x00280FFE, "OB", wide(LONG_UID) + b"\0\0" + wide(UIDS[2]))
    file.put(0x00320001, "OB", wide(LONG_UID))
    file.put(0x00320002, "US", b"\1\0")


@change("UID in a varying text that an escape sequence divides")
def _divided_uid(file: File, variant: int) -> None:
    file.put(CHARACTER_SET, "CS", b"\\ISO 2022 IR 87")
    file.put(FRAME, "UI", UIDS[variant])
    file.put(FILTER, "SH", b"%s\x1b(B%s" % (UIDS[0][:7], UIDS[0][7:]))
    file.put(VERSION, "LO", b"%s\x1b(B%s" % (UIDS[1][:7], UIDS[1][7:]))


@change("UID in a varying sequence that gets dummies", left=UIDS[1:2])
def _uid_in_dummied(file: File, variant: int) -> None:
    file.put_items(0x00081140, text(0x00081155, UIDS[1], "UI") + text(MEANING, b"%d" % variant))


_put("frame that varies, then stands in a text", FRAME, "UI", b"1.9.12345.777", UIDS[0])
_put("frame that varies, then stands in a blob", FRAME, "UI", b"1.9.12345.777", UIDS[1])


@change("many UIDs")
def _many_uids(file: File, variant: int) -> None:
    referenced = [
        text(0x00081150, b"1.2.840.10008.5.1.4.1.1.2", "UI")
        + text(0x00081155, b"1.9.12345.%d%03d" % (variant, number), "UI")
        for number in range(70)
    ]
    file.put_items(0x00081140, *referenced)
    file.put(VERSION, "LO", (b"see 1.9.12345.0007", b"see 1.9.12345.1008")[variant])


@change("two things wrong")
def _two_wrong(file: File, variant: int) -> None:
    file.put(VERSION, "LO", b"for " + OWN_NAME)
    if variant:
        file.put(0x00200032, "DS", b"x" + OWN_NAME)
    file.elements[0x00281053] = raw.head(0x00281053, "DS", 0xFFF0) + b"1 "


@change("value of an odd length")
def _odd_length(file: File, variant: int) -> None:
    tag, vr = ((VERSION, "LO"), (SLICE_LOCATION, "DS"))[variant]
    file.elements[tag] = raw.element(tag, vr, b"1.5", pad=False)


@change("text in place of a private creator in an item")
def _creator_in_item(file: File, variant: int) -> None:
    private = text(0x00210010, (ACME, OWN_NAME)[variant]) + text(0x00211002, NAME)
    file.put_items(REGION, *[item(3, count, extra=private) for count in range(3)])


@change("private sequence under UN that is none, then one with a PN")
def _none_then_named(file: File, variant: int) -> None:
    inside = raw.element(OPERATORS, "PN", PERSONS[0], IMPLICIT_LE)
    value = (b"none", raw.item(inside, IMPLICIT_LE))[variant]
    file.elements[0x2001105F] = raw.head(0x2001105F, "UN", len(value)) + value


@change("PN in a private sequence under UN in a removed one", names=True, opened=True)
def _named_in_private_of_removed(file: File, variant: int) -> None:
    inside = raw.element(OPERATORS, "PN", PERSONS[variant], IMPLICIT_LE)
    items = raw.item(inside, IMPLICIT_LE)
    private = text(0x20010010, PHILIPS) + raw.head(0x2001105F, "UN", len(items)) + items
    file.put_items(REQUEST, text(0x00400007, b"step"), private)


@change("PN in a private sequence under UN in an item", names=True, opened=True)
def _named_in_private_of_item(file: File, variant: int) -> None:
    inside = raw.element(0x00081070, "PN", PERSONS[variant], IMPLICIT_LE)
    items = raw.item(inside, IMPLICIT_LE)
    private = text(0x20010010, PHILIPS) + raw.head(0x2001105F, "UN", len(items)) + items
    file.put_items(REGION, item(3, 0, extra=private), item(3, 1), item(3, 2))


# -- what decisions depend on ----------------------------------------------------------------------

_put("modality", MODALITY, "CS", b"MR", b"PT")
_put("class", SOP_CLASS, "UI", b"1.2.840.10008.5.1.4.1.1.4", b"1.2.840.10008.5.1.4.1.1.7")
_put("class that nobody knows", SOP_CLASS, "UI", b"1.2.840.10008.5.1.4.1.1.999")
_put("thickness", THICKNESS, "DS", b"5", b"2.5")
_put("burned in", BURNED_IN, "CS", b"YES")
_put("character set", CHARACTER_SET, "CS", b"ISO_IR 192", b"ISO 2022 IR 6\\ISO 2022 IR 87")
_put("no such character set", CHARACTER_SET, "CS", b"ISO_IR 999")
_put("method", 0x00120063, "LO", b"earlier", b"other")
_put("identity removed", 0x00120062, "CS", b"YES", b"NO")
_put("overlay in the pixels", OVERLAY_BITS, "US", b"\x0f\0", b"\x0e\0")
_put("overlay in no pixels, then in them", OVERLAY_BITS, "US", b"", b"\x0f\0")
_put("comments that a filter reads", COMMENTS, "LT", b"consent withdrawn " * 20)
_put("age", 0x00101010, "AS", b"091Y", b"017Y")
_put("text that is not of the set", VERSION, "LO", b"M\xfcller", b"\xe9t\xe9")
_region(
    "character set of an item",
    text(CHARACTER_SET, b"ISO_IR 192", "CS"),
    text(CHARACTER_SET, b"ISO_IR 100", "CS"),
)


@change("what a private block says of itself")
def _claims(file: File, variant: int) -> None:
    status = (b"SAFE", b"MIXED")[variant]
    file.put_items(
        0x00080300,
        text(0x00080301, b"\x21\0", "US") + text(0x00080302, ACME) + text(0x00080303, status, "CS"),
    )


@change("equipment")
def _equipment(file: File, variant: int) -> None:
    file.put_items(EQUIPMENT, text(0x00080070, b"maker %d" % variant))


# -- private creators ------------------------------------------------------------------------------

_put("private creator", 0x00190010, "LO", b"GEMS_ACQU_01", b"ACME 1.0")
_put("private creator of numbers", 0x00210010, "LO", b"ACME 2.0", SIEMENS)
_put("private creator that is the patient", 0x00210010, "LO", OWN_NAME, left=_OWN[:1])
_put("private creator of two values", 0x00190010, "LO", SIEMENS + b"\\A")
_put("private creator of another VR", 0x00190010, "UN", SIEMENS + b" ")
_put("second private creator", 0x00190011, "LO", SIEMENS, ACME)
_put("private element of no creator", 0x0021FF01, "LO", b"x")


@change("private creator twice in an item, then once")
def _creator_twice_in_item(file: File, variant: int) -> None:
    creator = text(0x00190010, SIEMENS)
    private = creator * (2 - variant) + text(0x0019100C, b"1000", "IS")
    file.put_items(REGION, *[item(3, count, extra=private) for count in range(3)])


@change("private creator twice")
def _creator_twice(file: File, variant: int) -> None:
    tag = (0x00190010, 0x00210010)[variant]
    file.elements[tag] += file.elements[tag]


@change("two private creators")
def _two_creators(file: File, variant: int) -> None:
    tag = (0x00190010, 0x00210010)[variant]
    file.elements[tag] += text(tag, b"OTHER 1.0")


@change("no private creator")
def _no_creator(file: File, variant: int) -> None:
    del file.elements[(0x00190010, 0x00210010)[variant]]


# -- shape -----------------------------------------------------------------------------------------

for _tag in (FILTER, VERSION, SLICE_LOCATION, INSTANCE_NUMBER, REGION, REQUEST, KERNEL, PIXELS,
             PROFILE_OF_COLOURS, 0x00191008, 0x00191009, 0x00211002, 0x2001105F, PATIENT_NAME,
             PATIENT_ID, SOP_INSTANCE, CHARACTER_SET, MODALITY, 0x0020000E):  # fmt: skip
    CHANGES.append(
        Change(
            f"without ({_tag >> 16:04X},{_tag & 0xFFFF:04X})",
            lambda file, _, tag=_tag: file.elements.pop(tag) and None,  # type: ignore[misc]
        )
    )
    CHANGES.append(
        Change(
            f"twice ({_tag >> 16:04X},{_tag & 0xFFFF:04X})",
            lambda file, _, tag=_tag: file.elements.update(  # type: ignore[misc]
                {tag: file.elements[tag] * 2}
            ),
        )
    )
    CHANGES.append(
        Change(
            f"empty ({_tag >> 16:04X},{_tag & 0xFFFF:04X})",
            lambda file, _, tag=_tag: file.put(  # type: ignore[misc]
                tag, "SQ" if tag in (REGION, REQUEST, 0x2001105F) else "LO", b""
            ),
        )
    )

_put("unknown text", 0x00101999, "LO", b"new", NAME)
_put("unknown value", 0x00280FFF, "UN", b"new", b"\1\2\3")
_put("new date", 0x00080012, "DA", b"20240318")
_put("new kept number", 0x00280106, "US", b"\1\0")
_put("command", 0x00000600, "AE", b"SOMEBODY")
_put("group length", 0x00180000, "UL", b"\1\0\0\0")
_put("padding", 0xFFFCFFFC, "OB", bytes(64))
_put("behind the pixels", 0x7FE10010, "LO", ACME)
_put("pixels of another VR", PIXELS, "OB", bytes(64 * 64 * 2))
_put("fewer pixels", PIXELS, "OW", bytes(64))
_put("kernel of another VR", KERNEL, "LO", UIDS[0])
_put("version under UN", VERSION, "UN", b"v3 " + NAME)
_put("number under UN", SLICE_LOCATION, "UN", b"-3.5")
_put("version of another VR", VERSION, "SH", b"v3", b"v4")
_put("blob of another length", PROFILE_OF_COLOURS, "OB", b"prtr", b"")
_put("very long varying text", REMARKS, "UT", b"z" * (1 << 20), b"y" * ((1 << 20) + 2))
_put("very long text", FILTER, "UT", b"z" * 70000)


@change("no items")
def _no_items(file: File, variant: int) -> None:
    file.put_items((REGION, REQUEST)[variant])


@change("other number of items")
def _other_items(file: File, variant: int) -> None:
    file.put_items(REGION, *[item(3, count) for count in range((5, 1)[variant])])


@change("items of undefined length")
def _undefined(file: File, variant: int) -> None:
    file.put_items(REGION, *[item(3, count) for count in range(3)], undefined=True)
    if variant:
        file.put_items(REQUEST, text(0x00400007, b"step"), undefined=True)


@change("sequence under UN")
def _unknown_sequence(file: File, variant: int) -> None:
    tag = (REGION, REQUEST)[variant]
    inside = raw.element(MEANING, "LO", NAME, IMPLICIT_LE)
    items = raw.item(inside, IMPLICIT_LE)
    file.elements[tag] = raw.head(tag, "UN", len(items)) + items


@change("out of order")
def _disorder(file: File, variant: int) -> None:
    tag = (FILTER, VERSION)[variant]
    file.elements[tag] = file.elements[KERNEL] + file.elements[tag]
    del file.elements[KERNEL]


@change("length that runs past the end")
def _too_long(file: File, variant: int) -> None:
    tag = (VERSION, SLICE_LOCATION)[variant]
    file.elements[tag] = raw.head(tag, ("LO", "DS")[variant], 0xFFF0) + b"1 "


@change(
    "another transfer syntax",
)
def _implicit(file: File, _variant: int) -> None:
    body = {}
    for tag, vr, value in ((FILTER, "SH", NAME), (VERSION, "LO", b"v9 " + NAME)):
        body[tag] = raw.element(tag, vr, value, IMPLICIT_LE)
    for tag, vr, value in (
        (SOP_CLASS, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (SOP_INSTANCE, "UI", b"1.9.12345.7"),
        (0x0020000D, "UI", LONG_UID), (0x0020000E, "UI", LONG_UID + b".1"),
        (PATIENT_ID, "LO", b"77"),
    ):  # fmt: skip
        body[tag] = raw.element(tag, vr, value, IMPLICIT_LE)
    file.elements, file.encoding, file.syntax = body, IMPLICIT_LE, "1.2.840.10008.1.2"


@change("bytes behind the data set")
def _behind(file: File, variant: int) -> None:
    file.behind = (bytes(6), NAME)[variant]
