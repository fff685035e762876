"""Every attribute of the dictionary, with what it should not hold, under every VR there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deident import tables
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.profiles.standard import effective_table
from deident.tables import Attribute
from tests.leaks.search import found_in
from tests.leaks.test_places import BASIC, KEY, outcome
from tests.leaks.texts import encode, values
from tests.make import PEOPLE, Person, ct, encoded
from tests.raw import File

TEXT_VRS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
OTHER_VRS = (
    "AS", "AT", "DA", "DS", "DT", "FD", "FL", "IS", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS",
    "SV", "TM", "UI", "UL", "UN", "US", "UV",
)  # fmt: skip
# a class may be private, and an original UID in its place is refused
UIDS = ("UI", "UN")
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_AT_ONCE = 500


def attributes() -> list[Attribute]:
    """Whatever is no sequence, no UID that is renewed, no pixels, and belongs in a data set.

    What the base file has is left out: it says who the patient is.
    """
    table = effective_table()
    there = File.of(encoded(ct(PEOPLE[0]))).elements
    return [
        attribute
        for attribute in tables.attributes()
        if 7 < attribute.tag >> 16 < 0xFFFE
        and attribute.vr != "SQ"
        and attribute.tag not in PIXELS
        and attribute.tag not in there
        and attribute.tag != 0x00080005
        and ((row := table.row(attribute.tag, attribute.vr)) is None or row.code != "U")
    ]


class Tally:
    """What became of attributes that were planted together or, if refused, in halves."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.left: set[str] = set()
        self.refused: dict[int, str] = {}
        self._engine = Engine(Plan(BASIC), Identity(KEY))
        self._base = File.of(encoded(ct(person)))

    def plant(self, planted: dict[int, tuple[str, bytes]]) -> None:
        """Take a file with these elements through the engine."""
        file = self._base.copy()
        for tag, (vr, value) in planted.items():
            file.put(tag, vr, value)
        result = outcome(self._engine, file.encoded())
        if isinstance(result, bytes):
            self.left |= found_in(result, self.person)
        elif len(planted) == 1:
            self.refused |= dict.fromkeys(planted, result)
        else:
            entries = list(planted.items())
            middle = len(entries) // 2
            self.plant(dict(entries[:middle]))
            self.plant(dict(entries[middle:]))


def batches() -> Iterator[list[Attribute]]:
    every = attributes()
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.script)
def test_every_text_attribute(person: Person) -> None:
    kinds = {vr: list(values(person, vr)) for vr in TEXT_VRS}
    texts = [attribute for attribute in attributes() if attribute.vr in TEXT_VRS]
    tally = Tally(person)
    for offset in range(0, len(kinds["LO"]), 3):
        planted = {}
        for number, attribute in enumerate(texts):
            choice = kinds[attribute.vr]
            _, value = choice[(number + offset) % len(choice)]
            planted[attribute.tag] = attribute.vr, value
        tally.plant(planted)
    assert not tally.left
    assert not tally.refused


@pytest.mark.parametrize("vr", [*TEXT_VRS, *OTHER_VRS])
def test_every_attribute_under_every_vr(vr: str) -> None:
    tally = Tally(PEOPLE[0])
    choice = [value for kind, value in values(PEOPLE[0], vr) if kind != "UID" or vr not in UIDS]
    for batch in batches():
        tally.plant(
            {
                attribute.tag: (vr, choice[number % len(choice)])
                for number, attribute in enumerate(batch)
            }
        )
    assert not tally.left
    # a name cannot be written as a number, a list of markers cannot be added to; a number that is
    # needed cannot be replaced
    assert set(tally.refused.values()) <= {"rule-failed", "identifier-left"}
    needed = [tag for tag, code in tally.refused.items() if code == "identifier-left"]
    assert not needed or vr not in TEXT_VRS
    assert len(tally.refused) < 10 + len(needed)


@pytest.mark.parametrize("vr", [*TEXT_VRS, *OTHER_VRS])
def test_what_is_not_ascii_under_every_vr(vr: str) -> None:
    person = PEOPLE[4]
    tally = Tally(person)
    value = encode(person.name, person)
    for batch in batches():
        texts = [a for a in batch if tables.vr_of(a.tag) in TEXT_VRS or vr in TEXT_VRS]
        tally.plant({attribute.tag: (vr, value) for attribute in texts[::7]})
    assert not tally.left
    assert set(tally.refused.values()) <= {"rule-failed", "bad-charset", "identifier-left"}
