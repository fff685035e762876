"""Recall: every identifier is found in every spelling, in every script that DICOM is written in.

The people are invented, see `deident.app.sample.people`; each spelling is planted alone and among
other words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import pytest

from deident.app.sample.people import PEOPLE, Person
from deident.dicom.charsets import Charset
from deident.engine.identifiers import Identifiers, harvest
from deident.engine.verify import Matcher
from tests.engine.support import element

UNSPACED = {"Thai", "Japanese", "Japanese kana", "Korean", "Chinese", "Chinese GBK"}
# Two parts of a name, as people and programs write them.
JOINED = (
    "{0}^{1}", "{0}^{1}^^^", "{0}, {1}", "{0},{1}", "{0} {1}", "{1} {0}", "{0}{1}", "{1}{0}",
    "{0}_{1}", "{1}.{0}", "{0}-{1}", "{0}/{1}", "{0}\\{1}", "({1} {0})", "{0};{1}", "{0} ({1})",
    "{1}\n{0}", "{0}={1}", "Dr. {1} {0}", "pat:{0}^{1}", "T2 {0} {1} ax", "{0}{1}1970",
    "'{0}, {1}'", "x12{0} {1}", "{0} , {1}", "{0}  {1}", "{0}. {1}", "{0}|{1}",
)  # fmt: skip
WITH_INITIALS = ("{2}. {0}", "{2}.{0}", "{0}, {2}.", "{0} {2}.", "{2}{0}", "{0}{2}", "{0}^{2}")
ALONE = ("{0}", "Hr. {0}", "seen by {0}", "{0} 20260301", "[{0}]", "{0}_t2", "12{0}", "MR:{0};")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def matcher(person: Person) -> Matcher:
    charset = Charset.of(person.charset.encode())
    return Matcher(
        harvest(
            [
                element(0x00080050, "SH", person.accession),
                element(0x00080080, "LO", charset.encode(person.institution, "LO")),
                element(0x00080090, "PN", charset.encode(person.referring, "PN")),
                element(0x00100010, "PN", charset.encode(person.name, "PN")),
                element(0x00100020, "LO", person.patient_id),
                element(0x00100030, "DA", person.birth_date),
                element(0x00101000, "LO", person.other_id),
                element(0x00101040, "LO", charset.encode(person.address, "LO")),
                element(0x00102154, "SH", person.phone),
            ],
            charset,
        )
    )


def names(person: Person) -> Iterator[list[str]]:
    """Family and given name of each component group of the patient and of the physician."""
    for name in (person.name, person.referring):
        for group in name.split("="):
            yield group.split("^")[:2]


def cases(text: str) -> set[str]:
    """A text in other cases, without accents, decomposed and in full width."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    forms = {text, text.upper(), text.lower(), unicodedata.normalize("NFD", text)}
    forms.add(unicodedata.normalize("NFKC", text))
    return forms | ({plain, plain.upper()} if text.isascii() or plain.isascii() else set())


def strong(matcher: Matcher, text: str, vr: str = "LO") -> bool:
    hits = matcher.search_text(text, tag=0x00091010, vr=vr)
    return any(hit.grade != "weak" for hit in hits)


PERSONS = pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.script)


@PERSONS
def test_a_full_name_is_certain(person: Person) -> None:
    search = matcher(person)
    missed = []
    for family, given in names(person):
        for form in JOINED:
            for text in cases(form.format(family, given)):
                hits = search.search_text(text, tag=0x00091010, vr="LO")
                if not any(hit.grade == "certain" for hit in hits):
                    missed.append(text)
    assert missed == []


@PERSONS
def test_one_part_of_a_name_is_likely(person: Person) -> None:
    search = matcher(person)
    parts = [part for part, _ in names(person)] + [person.name.split("=")[0].split("^")[1]]
    texts = [form.format(part) for part in parts for form in ALONE]
    assert [text for text in texts if not strong(search, text)] == []


@pytest.mark.parametrize("person", [p for p in PEOPLE if p.script not in UNSPACED])
def test_a_family_name_with_initials_is_found(person: Person) -> None:
    search = matcher(person)
    family, given = next(names(person))
    texts = [form.format(family, given, given[0]) for form in WITH_INITIALS]
    assert [text for text in texts if not strong(search, text)] == []


@PERSONS
def test_names_are_found_in_coded_values(person: Person) -> None:
    search = matcher(person)
    for family, given in names(person):
        text = f"{given} {family}"
        assert search.search_text(text, tag=0x00080104, vr="LO")[0].grade == "certain"
        assert search.search_text(text, tag=0x00180015, vr="CS")[0].grade == "certain"


@PERSONS
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_are_found_in_blobs(person: Person, encoding: str) -> None:
    search = matcher(person)
    for family, given in names(person):
        for form in JOINED:
            for text in {form.format(family, given), form.format(family.upper(), given.upper())}:
                blob = b"\x00\x01\xfe" + text.encode(encoding) + b"\x00\x03"
                assert any(hit.grade != "weak" for hit in search.search_bytes(blob)), form


@PERSONS
def test_names_are_found_in_blobs_in_the_files_own_set(person: Person) -> None:
    search = matcher(person)
    charset = Charset.of(person.charset.encode())
    for family, given in names(person):
        blob = b"\x07\x00" + charset.encode(f"{family}^{given}", "PN") + b"\x00\xff"
        assert any(hit.grade != "weak" for hit in search.search_bytes(blob))


def id_spellings(number: str) -> set[str]:
    digits = re.sub(r"[^0-9]", "", number)
    core = digits.lstrip("0")
    pieces = "-".join((number[:3], number[3:6], number[6:]))
    return {
        number, number.lower(), f" {number} ", f"ID:{number}", f"[{number}]", f"x/{number}.dcm",
        f"{number}_1", pieces, pieces.replace("-", " "), pieces.replace("-", "."), f"#{number}",
        f"pat {number} T1", f"{number};{number}", number.upper(), f"MRN{core}", f"000{core}",
        core, f"({core})", f"no. {core}", f"{core}\\{core}",
    }  # fmt: skip


@PERSONS
def test_numbers_are_found(person: Person) -> None:
    search = matcher(person)
    texts = {f"ab\n{text}" for text in id_spellings(person.patient_id)}
    texts |= id_spellings(person.patient_id) | id_spellings(person.accession)
    texts |= {person.other_id, person.other_id.replace("-", ""), person.other_id.lower()}
    texts |= {person.other_id.replace("-", sep) for sep in (" ", "/", ".", "_", "--")}
    assert [text for text in texts if not strong(search, text)] == []


@PERSONS
def test_telephone_numbers_are_found(person: Person) -> None:
    search = matcher(person)
    number = person.phone.removeprefix("+49 ")
    digits = number.replace(" ", "")
    texts = [
        person.phone, f"0{number}", f"0049 {number}", f"({number[:3]}) {number[4:]}", digits,
        number.replace(" ", "-"), number.replace(" ", "/"), number.replace(" ", "."), f"0{digits}",
        f"tel:+49{digits}", f"Tel. 0{number[:3]}/{number[4:]}",
    ]  # fmt: skip
    assert [text for text in texts if not strong(search, text)] == []


@PERSONS
def test_places_are_found(person: Person) -> None:
    search = matcher(person)
    number = person.institution.removeprefix(person.place).strip()
    house = person.address.split()[0]
    texts = {
        person.institution, person.institution.upper(), f"{person.place}-{number}",
        f"{person.place}_{number}", f"{person.place}, {number}", f"at {person.place} {number}",
        person.address, person.address.upper(), f"{person.place} {house}",
        f"{house}, {person.place}",
    }  # fmt: skip
    assert [text for text in texts if not strong(search, text)] == []


MONTHS = (
    "January February March April May June July August September October November December",
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
)


@PERSONS
def test_birth_dates_are_found(person: Person) -> None:
    search = matcher(person)
    year, month, day = person.birth_date[:4], person.birth_date[4:6], person.birth_date[6:]
    texts = {year + month + day, day + month + year, month + day + year}
    for sep in "-./ _":
        texts |= {sep.join(order) for order in ((year, month, day), (day, month, year))}
        texts |= {
            sep.join((month, day, year)),
            sep.join((day.lstrip("0"), month.lstrip("0"), year)),
        }
    for sep in "-./":
        texts |= {sep.join((day, month, year[2:])), sep.join((month, day, year[2:]))}
    for listed in MONTHS:
        name = listed.split()[int(month) - 1]
        texts |= {
            f"{day} {name} {year}",
            f"{int(day)}. {name} {year}",
            f"{day}{name}{year}".upper(),
        }
    name = MONTHS[0].split()[int(month) - 1]
    texts |= {f"{name} {int(day)}, {year}", f"{day}-{name[:3]}-{year}", f"{name[:3]} {day} {year}"}
    ordinal = {1: "st", 21: "st", 31: "st", 2: "nd", 22: "nd", 3: "rd", 23: "rd"}.get(
        int(day), "th"
    )
    texts |= {f"{day}-{name[:3]}-{year[2:]}", f"{int(day)}{ordinal} of {name} {year}"}
    texts |= {f"DOB {text} F" for text in texts} | {f"x({text})" for text in texts}
    assert len(texts) > 60
    assert [text for text in texts if not strong(search, text, "LT")] == []


PLACES = [
    (0x00181020, "LO"),  # Software Versions
    (0x00181210, "SH"),  # Convolution Kernel
    (0x00080008, "CS"),  # Image Type
    (0x00080104, "LO"),  # Code Meaning
    (0x0019109E, "LO"),  # a private value
    (0x00204000, "LT"),  # Image Comments
]


@PERSONS
@pytest.mark.parametrize(("tag", "vr"), PLACES)
def test_every_single_identifier_is_found_in_every_kind_of_value(
    person: Person, tag: int, vr: str
) -> None:
    search = matcher(person)
    missed = []
    for kind, text in person.identifiers():
        if kind == "uid" or text.endswith("."):  # UIDs are searched as bytes; a title is no name
            continue
        for form in ("{}", "seen {} here", "{}_1", "x\\{}"):
            hits = search.search_text(form.format(text), tag=tag, vr=vr)
            if not any(hit.grade != "weak" for hit in hits):
                missed.append(form.format(text))
    assert missed == []


def test_enough_is_tried() -> None:
    assert len(PEOPLE) >= 10
    assert len(JOINED) >= 20
    assert len(id_spellings("0012345")) >= 18


def test_a_stranger_is_not_found() -> None:
    empty = Matcher(Identifiers())
    assert not any(
        empty.search_text(form.format("Hartwhistle", "Rosamund"), tag=0x00104000, vr="LT")
        for form in JOINED
    )
