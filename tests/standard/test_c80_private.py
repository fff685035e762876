"""C80 to C83, C85: private attributes in whole files, against the published list of safe ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from deident import tables
from deident.dicom.elements import IMPLICIT_LE
from deident.dicom.encode import data_set_bytes, item_bytes
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.profiles.model import Profile, Rule
from deident.profiles.selectors import parse_selector
from tests.engine.support import KEY, written
from tests.make import BUILDERS, PEOPLE, encoded
from tests.standard.published import RAW
from tests.standard.whole import cleaned, encoded_as, outcome, reread, walk

PERSON = PEOPLE[0]
SAFE = "retain-safe-private"
OPAQUE = ("OB", "OW", "UN")


class Safe(NamedTuple):
    """One row of Table E.3.10-1."""

    group: int
    low: int
    creator: str
    vr: str


@cache
def safe_rows() -> tuple[Safe, ...]:
    """The 479 rows as published, else as the package ships them; `OW/OB` is OB."""
    path = RAW / "ps3.15_table_e3.10-1_safe_private.json"
    if path.is_file():
        raw = [
            (row["tag"], row["creator"], row["vr"])
            for row in json.loads(path.read_text("utf-8"))["rows"]
        ]
    else:
        text = resources.files(tables).joinpath("safe_private.json").read_text("utf-8")
        raw = [row[:3] for row in json.loads(text)["rows"]]
    return tuple(
        Safe(int(tag[:4], 16), int(tag[6:], 16), creator, vr.split("/")[-1] or "FD")
        for tag, creator, vr in raw
    )


VALUES: dict[str, Any] = {
    "AT": 0x00080018, "CS": "SAFE", "DS": "1.25", "FD": 1.5, "FL": 2.5, "IS": "17",
    "LO": "harmless", "LT": "harmless", "OB": b"blob", "OW": b"blob", "SH": "harmless", "SL": -4,
    "SS": -3, "ST": "harmless", "UL": 70000, "US": 7,
}  # fmt: skip


def image() -> FileDataset:
    """A CT image without private attributes."""
    made = BUILDERS["ct"](PERSON)
    for element in [element for element in made if element.tag.is_private]:
        del made[element.tag]
    return made


def inner() -> Dataset:
    """What stands in a private sequence: all sorts of attributes."""
    item = Dataset()
    item.PatientName = PERSON.name
    item.StudyDate = "20240318"
    item.ReferencedSOPInstanceUID = f"{PERSON.uid_root}.5"
    item.SliceThickness = "2.5"
    block = item.private_block(0x0009, "NOBODY 1.0", create=True)
    block.add_new(1, "LO", "unknown")
    return item


def plant(where: Dataset, rows: Iterable[Safe], first_block: int) -> dict[int, Safe]:
    """Every row in a block of its creator, each with an unlisted neighbour; tag → row."""
    blocks: dict[tuple[int, str], int] = {}
    planted = {}
    for row in rows:
        block = blocks.setdefault((row.group, row.creator), first_block + len(blocks) % 64)
        where.add_new(row.group << 16 | block, "LO", row.creator)
        tag = row.group << 16 | block << 8 | row.low
        if row.vr == "SQ":
            where.add_new(tag, "SQ", Sequence([inner()]))
        else:
            value = f"{PERSON.uid_root}.{tag}" if row.vr == "UI" else VALUES[row.vr]
            where.add_new(tag, row.vr, value)
        planted[tag] = row
    return planted


def check(where: Dataset, before: Dataset, planted: dict[int, Safe], shown: set[int]) -> None:
    """What may stay stays, what may not goes."""
    for tag, row in planted.items():
        if row.vr in OPAQUE:
            assert tag not in where
            continue
        shown.add(tag)
        assert where[tag & 0xFFFF0000 | tag >> 8 & 0xFF].value == row.creator
        if row.vr == "SQ":
            (item,) = where[tag].value
            assert item.SliceThickness == 2.5
            assert item.PatientName != PERSON.name
            assert item.ReferencedSOPInstanceUID != f"{PERSON.uid_root}.5"
            assert not item.get("StudyDate")
            assert not [element for element in item if element.tag.is_private]
        elif row.vr == "UI":
            assert where[tag].value.startswith("2.25.")
        else:
            assert where[tag].value == before[tag].value
    left = {
        element.tag for element in where if element.tag.is_private and element.tag.element > 255
    }
    assert left <= planted.keys()


@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.ExplicitVRBigEndian])
@pytest.mark.parametrize("first_block", [0x10, 0x42, 0xB0])
def test_C81_every_safe_attribute_stays_by_group_creator_and_element(
    first_block: int, syntax: uids.UID
) -> None:
    made = image()
    inside = Dataset()
    planted = plant(made, safe_rows(), first_block)
    deeper = plant(inside, safe_rows(), first_block)
    made.ProcedureCodeSequence = Sequence([inside])
    for tag in list(planted):
        if tag & 0xFF != 0xFE and tag + 1 not in planted:
            made.add_new(tag + 1, "LO", "an unlisted neighbour")
    new = cleaned(encoded_as(made, syntax), SAFE)
    shown: set[int] = set()
    check(new, made, planted, shown)
    check(new.ProcedureCodeSequence[0], inside, deeper, shown)
    assert len(safe_rows()) == 479
    assert len(shown) == len([row for row in safe_rows() if row.vr not in OPAQUE])


def test_C81_safe_attributes_in_implicit_vr_are_known_by_the_list() -> None:
    """Sequences and UIDs among them too, though nothing in the file says what they are."""
    made = image()
    planted = plant(made, safe_rows(), 0x10)
    new = cleaned(encoded_as(made, uids.ImplicitVRLittleEndian), SAFE)
    known = tables.safe_private()
    for tag, row in planted.items():
        listed = known[row.creator, row.group << 16 | row.low].vr
        assert (tag in new) == (listed != "" and row.vr not in OPAQUE), row
    data = encoded_as(new, uids.ExplicitVRLittleEndian)
    assert PERSON.name.encode() not in data
    assert f"{PERSON.uid_root}.".encode() not in data


@pytest.mark.parametrize("options", [(), ("retain-uids", "retain-full-dates")])
@pytest.mark.parametrize("encoding", [uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian])
@pytest.mark.parametrize("kind", sorted(set(BUILDERS) - {"ultrasound"}))
def test_C80_without_the_option_every_private_attribute_goes(
    kind: str, encoding: uids.UID, options: tuple[str, ...]
) -> None:
    made = BUILDERS[kind](PERSON)
    items = [item for e in walk(made) if e.VR == "SQ" for item in e.value]
    for where in [made, *items]:
        if not any(element.tag.is_private for element in where):
            plant(where, safe_rows()[:40], 0x20)
    new = cleaned(encoded_as(made, encoding), *options)
    assert not [element.tag for element in walk(new) if element.tag.is_private]


@pytest.mark.parametrize(
    "creator", ["gems_parm_01", "GEMS_PARM_02", "GEMS_PARM_01X", "", "GEMS\\PARM_01"]
)
def test_C81_creators_count_by_every_letter(creator: str) -> None:
    made = image()
    made.add_new(0x00430010, "LO", creator)
    made.add_new(0x00431027, "SH", "1.375:1")
    assert not [element.tag for element in cleaned(made, SAFE) if element.tag.is_private]


@pytest.mark.parametrize("creator", ["GEMS_PARM_01", "GEMS_PARM_01 ", "  GEMS_PARM_01"])
def test_C81_padding_of_a_creator_does_not_count(creator: str) -> None:
    made = image()
    made.add_new(0x00430077, "LO", creator)
    made.add_new(0x00437727, "SH", "1.375:1")
    assert cleaned(made, SAFE)[0x00437727].value == "1.375:1"


def test_C81_a_creator_with_nothing_left_goes() -> None:
    made = image()
    made.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x28, "OB", b"blob")
    made.private_block(0x0043, "GEMS_ACQU_01", create=True)
    assert not [element.tag for element in cleaned(made, SAFE) if element.tag.is_private]


@pytest.mark.parametrize(
    ("vr", "value", "stays"),
    [
        ("IS", "3", True),
        ("DS", "3.0", True),
        ("US", 3, True),
        ("LT", "grobnik is the neighbour of him", False),
        ("SH", "three", False),
        ("UI", "1.2.3.4.5.6.7.8", False),
        ("DA", "20240318", False),
    ],
)
def test_C81_what_has_not_the_vr_of_the_list_is_not_what_it_lists(
    vr: str, value: Any, stays: bool
) -> None:
    made = image()
    block = made.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x02, vr, value)  # IS in the list
    assert (0x20011002 in cleaned(made, SAFE)) == stays


@pytest.mark.parametrize(("vr", "stays"), [("CS", True), ("LO", True), ("LT", True), ("DS", False)])
def test_C81_words_may_be_longer_than_listed(vr: str, stays: bool) -> None:
    made = image()
    block = made.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x27, vr, "1" if vr == "DS" else "ONE")  # SH in the list
    assert (0x00431027 in cleaned(made, SAFE)) == stays


def test_a_header_editor_keeps_creators_that_no_rule_names() -> None:
    made = image()
    made.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x27, "SH", "1.375:1")
    made.private_block(0x0045, "ACME 1", create=True)
    rule = Rule(parse_selector('(0043,"GEMS_PARM_01",27)'), "remove")
    new = cleaned(made, base="keep", rules=(rule,))
    left = [element.tag for element in new if element.tag.is_private]
    assert left == [0x00450010]


def test_C82_without_a_creator_or_with_two_nothing_stays() -> None:
    made = image()
    made.add_new(0x00431027, "SH", "no creator")
    made.add_new(0x00450010, "LO", "GEMS_PARM_01")
    made.add_new(0x00431127, "SH", "of no block")
    made.add_new(0x00450127, "SH", "below a block")
    assert not [e.tag for e in cleaned(made, SAFE) if e.tag.is_private]
    twice = image()
    block = twice.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x27, "SH", "1.375:1")
    data = encoded(twice)
    creator = data[data.index(b"\x43\x00\x10\x00LO") :][:20]
    other = creator.replace(b"GEMS_PARM_01", b"GEMS_PARM_02")
    assert outcome(data.replace(creator, creator + other), SAFE) == "duplicate-element"


PHILIPS = "Philips Imaging DD 001"
STACK_SEQUENCE = 0x2001105F  # SQ in Table E.3.10-1


def unknown(value: bytes, creator: str = PHILIPS, tag: int = STACK_SEQUENCE) -> Dataset:
    """The output for a private attribute under VR UN."""
    made = image()
    made.add_new(tag & 0xFFFF0000 | 0x10, "LO", creator)
    made.add_new(tag, "UN", value)
    return cleaned(made, SAFE)


def items() -> bytes:
    inside = data_set_bytes(
        [
            (0x00080020, "DA", b"20240318"),
            (0x00081155, "UI", f"{PERSON.uid_root}.5".encode()),
            (0x00100010, "PN", PERSON.name.encode()),
            (0x00180050, "DS", b"2.5 "),
        ],
        IMPLICIT_LE,
    )
    return item_bytes(inside, IMPLICIT_LE) + item_bytes(inside, IMPLICIT_LE, undefined=True)


def test_C82_a_safe_sequence_under_un_is_judged_inside() -> None:
    shown = unknown(items())[STACK_SEQUENCE].value
    assert len(shown) == 2
    for item in shown:
        assert item.SliceThickness == 2.5
        assert item.PatientName != PERSON.name
        assert not item.get("StudyDate")
        assert item.ReferencedSOPInstanceUID.startswith("2.25.")


@pytest.mark.parametrize("value", [b"\xfe\xff\x00\xe0\xff\0\0\0short", b"text that is none"])
def test_C82_a_safe_sequence_that_does_not_parse_goes(value: bytes) -> None:
    assert STACK_SEQUENCE not in unknown(value)


def test_C82_an_unknown_sequence_goes_as_a_whole() -> None:
    assert 0x20011001 not in unknown(items(), "NOBODY 1.0", 0x20011001)


@pytest.mark.parametrize(
    ("creator", "tag"),
    [
        ("SIEMENS CSA HEADER", 0x00291010),
        ("SIEMENS CSA HEADER", 0x00291020),
        ("GEMS_SERS_01", 0x00251013),
        ("GEMS_PARM_01", 0x00431029),
        ("Philips Imaging DD 097", 0x2001102F),  # Volume Mask Data: OB in Table E.3.10-1
    ],
)
@pytest.mark.parametrize("vr", ["OB", "UN", "OW"])
def test_C82_blobs_go_even_if_the_list_has_them(creator: str, tag: int, vr: str) -> None:
    made = image()
    made.add_new(tag & 0xFFFF0000 | 0x10, "LO", creator)
    made.add_new(tag, vr, b"SV10 and so on")
    assert not [e.tag for e in cleaned(made, SAFE) if e.tag.is_private]


# -- C83 -------------------------------------------------------------------------------------------


def with_characteristics(status: str, safe: list[int] = (), acted: list[int] = ()) -> FileDataset:  # type: ignore[assignment]
    made = image()
    block = made.private_block(0x0011, "OUR OWN 1.0", create=True)
    for low in (1, 2, 3):
        block.add_new(low, "LO", f"value {low}")
    said = Dataset()
    said.add_new(0x00080301, "US", 0x0011)
    said.add_new(0x00080302, "LO", "OUR OWN 1.0")
    said.add_new(0x00080303, "CS", status)
    if safe:
        said.add_new(0x00080304, "US", safe)
    if acted:
        action = Dataset()
        action.add_new(0x00080306, "US", acted)
        action.add_new(0x00080307, "CS", "X")
        said.add_new(0x00080305, "SQ", Sequence([action]))
    made.add_new(0x00080300, "SQ", Sequence([said]))
    return made


def kept(made: FileDataset, *options: str, **profile: Any) -> list[int]:
    new = cleaned(made, *options, **profile)
    return [e.tag.element & 0xFF for e in new if e.tag.is_private and e.tag.element > 0xFF]


@pytest.mark.parametrize(
    ("made", "left"),
    [
        (with_characteristics("SAFE"), [1, 2, 3]),
        (with_characteristics("SAFE", acted=[2]), [1, 3]),
        (with_characteristics("MIXED", safe=[1, 3]), [1, 3]),
        (with_characteristics("MIXED", safe=[1, 3], acted=[3]), [1]),
        (with_characteristics("MIXED"), []),
        (with_characteristics("UNSAFE", safe=[1]), []),
    ],
)
def test_C83_what_a_file_says_about_its_private_blocks(made: FileDataset, left: list[int]) -> None:
    assert kept(made, SAFE, private_characteristics=True) == left
    big = encoded_as(made, uids.ExplicitVRBigEndian)
    assert kept(reread(big), SAFE, private_characteristics=True) == left


def test_C83_it_is_believed_only_if_asked_for() -> None:
    made = with_characteristics("SAFE")
    assert kept(made, SAFE) == []
    assert kept(made) == []


def test_C83_what_is_called_safe_is_searched_all_the_same() -> None:
    made = with_characteristics("SAFE")
    made[0x00111002].value = f"of {PERSON.name}"
    assert kept(made, SAFE, private_characteristics=True) == [1, 3]


# -- C85 -------------------------------------------------------------------------------------------


def test_C85_numbers_of_known_creators_are_a_weaker_level() -> None:
    made = image()
    block = made.private_block(0x0011, "OUR OWN 1.0", create=True)
    shapes = {1: ("DS", "1.5"), 2: ("US", 7), 3: ("FD", 2.5), 4: ("LO", "7"), 5: ("OB", b"\x07\0")}
    for low, (vr, value) in shapes.items():
        block.add_new(low, vr, value)
    made.add_new(0x00131001, "US", 7)  # without a creator
    assert kept(made) == []
    assert kept(made, SAFE) == []
    assert kept(made, private_numeric=True) == [1, 2, 3]
    assert "DeidentificationMethodCodeSequence" not in cleaned(made, private_numeric=True)


def test_C82_sequences_under_un_are_judged_alike_when_remembered() -> None:
    """A series in which only what stands in such a sequence varies."""
    profile = Profile("test", options=(SAFE,))
    short_way, long_way = (
        Engine(Plan(profile), Identity(KEY), remembering=remembering)
        for remembering in (True, False)
    )
    for number in range(12):
        made = image()
        made.add_new(0x20010010, "LO", PHILIPS)
        inside = data_set_bytes(
            [
                (0x00080020, "DA", b"202403%02d" % (number + 10)),
                (0x00081155, "UI", f"{PERSON.uid_root}.{number}".encode()),
                (0x00100010, "PN", b"Qu%dx^Anna" % (number % 3)),
                (0x00180050, "DS", b"2.5 "),
            ],
            IMPLICIT_LE,
        )
        made.add_new(STACK_SEQUENCE, "UN", item_bytes(inside, IMPLICIT_LE))
        outputs = []
        for way in (short_way, long_way):
            with way.prepare_bytes(encoded(made)) as prepared:
                outputs.append(written(prepared))
        assert outputs[0] == outputs[1]
        assert f"{PERSON.uid_root}.{number}".encode() not in outputs[0]
    assert short_way.take_tally() == long_way.take_tally()
    assert short_way.take_texts() == long_way.take_texts()
