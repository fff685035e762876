"""Texts that stay are told, so that people can look at them; none that a rule removed ever is."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from deident.engine.result import HIDDEN, LONGEST_TEXT, MORE, WEAK, count_text
from tests.engine.support import written
from tests.make import PEOPLE, ct, encoded
from tests.standard.whole import engine, keep, reread

MANUFACTURER, BODY_PART, INSTITUTION = 0x00080070, 0x00180015, 0x00080080
PERSON = PEOPLE[0]


def told(made: Dataset, *options: str, **profile: Any) -> dict[tuple[int, str, str], int]:
    """The texts that an engine tells of after one instance."""
    one = engine(*options, **profile)
    with one.prepare_bytes(encoded(made)) as prepared:
        new = reread(written(prepared))
        prepared.commit()
    texts = one.take_texts()
    assert one.take_texts() == {}
    everything = str(new)
    for _, text, _ in texts:
        assert text.split("\\")[0].rstrip("…") in everything
    return texts


def test_what_stays_is_told_and_what_goes_is_not() -> None:
    made = ct(PERSON, 1)
    made.Manufacturer = "ACME"
    made.ImageComments = "gone"
    inside = Dataset()
    inside.CodeMeaning = "in a sequence"
    made.ProcedureCodeSequence = Sequence([inside, inside])
    texts = told(made)
    assert texts[MANUFACTURER, "ACME", ""] == 1
    assert texts[0x00080104, "in a sequence", ""] == 2
    assert not [key for key in texts if "gone" in key[1] or "Hartwhistle" in key[1]]


def test_private_texts_are_not_told() -> None:
    made = ct(PERSON, 1)
    made.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x27, "SH", "1:1")
    assert not [key for key in told(made, "retain-safe-private") if key[0] & 0x10000]


def test_a_text_that_holds_an_identifier_is_counted_only() -> None:
    made = ct(PERSON, 1)
    made.Manufacturer = "Hartwhistle Rosamund"
    texts = told(made, verify="report")
    assert texts[MANUFACTURER, "", HIDDEN] == 1
    assert not [key for key in texts if "artwhistle" in key[1]]
    assert not [key for key in told(made) if key[0] == MANUFACTURER]  # repaired


def test_what_is_kept_on_purpose_is_hidden_wherever_it_stands() -> None:
    made = ct(PERSON, 1)
    made.InstitutionName = "Ridgemoor General"
    made.Manufacturer = "made at Ridgemoor General"
    texts = told(made, "retain-institution-identity")
    assert texts[INSTITUTION, "", HIDDEN] == 1
    assert texts[MANUFACTURER, "", HIDDEN] == 1
    named = told(made, rules=(keep(0x00100010),))
    assert named[0x00100010, "", HIDDEN] == 1


def test_a_weak_find_is_marked() -> None:
    made = ct(PERSON, 1)
    made.PatientName = "Hand^Peter"
    made.BodyPartExamined = "HAND"
    assert told(made)[BODY_PART, "HAND", WEAK] == 1


@pytest.mark.parametrize("length", [LONGEST_TEXT, LONGEST_TEXT + 1])
def test_long_texts_are_cut(length: int) -> None:
    made = ct(PERSON, 1)
    made.DerivationDescription = "é" * length
    made.SpecificCharacterSet = "ISO_IR 192"
    texts = told(made, rules=(keep(0x00082111),))
    (found,) = [text for tag, text, _ in texts if tag == 0x00082111]
    assert len(found) == LONGEST_TEXT
    assert found.endswith("é" if length == LONGEST_TEXT else "…")


def test_memory_is_bounded() -> None:
    texts: dict[tuple[int, str, str], int] = {}
    for number in range(6000):
        count_text(texts, (1, str(number), ""))
    assert len(texts) == 5001
    assert texts[1, "", MORE] == 1000
