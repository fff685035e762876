"""Names as people write them: with many parts, with numbers, with a noble prefix. Every word of a
name is looked for, however many there are.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.engine.identifiers import Identifier, Identifiers
from deident.engine.verify import Matcher

PROCESSING_DESCRIPTION = 0x00181400
NAMES = {
    "four surnames": ("SILVA SANTOS DE OLIVEIRA PEREIRA^MARIA APARECIDA", "Pereira", "Aparecida"),
    "one component": ("Maria Aparecida dos Santos Oliveira", "Oliveira", "Santos"),
    "a pedigree": ("Al Hassan bin Abdullah bin Mohammed Alqahtani^Faisal", "Alqahtani", "Mohammed"),
    "a prefix": ("Hartwhistle^Rosamund^^Freifrau von Zwiebelstein", "Zwiebelstein", "Rosamund"),
    "a suffix": ("Hartwhistle^Rosamund^^^Pellingbrook", "Pellingbrook", "Hartwhistle"),
    "commas": ("Hartwhistle, Rosamund, a, b, c, Blomqvist", "Blomqvist", "Rosamund"),
    "a number behind": ("Hartwhistle 00734109^Rosamund", "Hartwhistle", "734109"),
    "a number at the end": ("Hartwhistle2^Rosamund", "Hartwhistle", "Hartwhistle2"),
    "a year": ("Hartwhistle(1957)^Rosamund", "Hartwhistle", "hartwhistle 1957"),
    "a generation": ("Hartwhistle3rd^Rosamund", "Hartwhistle", "Rosamund"),
    "a counted first name": ("Hartwhistle^Rosamund 2nd", "Rosamund", "Rosamund 2nd"),
    "a digit of another script": ("Соколовская٢^Мария", "Соколовская", "Мария"),
    "vowel signs": ("विश्वनाथन2^राजेश्वर", "विश्वनाथन", "राजेश्वर"),
}


def matcher(name: str) -> Matcher:
    return Matcher(Identifiers(frozenset({Identifier("name", name, 0x00100010)})))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["{}", "v {}", "seen by {} today", "{}/rep"])
def test_every_word_is_found(name: str, text: str) -> None:
    whole, *words = NAMES[name]
    search = matcher(whole)
    for word in words:
        hits = search.search_text(text.format(word), tag=PROCESSING_DESCRIPTION, vr="LO")
        assert {hit.grade for hit in hits} & {"likely", "certain"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Lee-Kim^Soo", "Dr. Lee"),
        ("Lee-Kim^Soo", "patient Kim"),
        ("Ben Ali^Leila", "Mr. Ali"),
        ("Bui Van^An", "Bui"),
        ("Hartwhistle^Rosamund", "v Hart\u00adwhistle"),
        ("Hartwhistle^Rosamund", "v Hart\u200bwhist\u2060le"),
        ("Hartwhistle^Rosamund", "\u202aRosamund\u202c"),
    ],
)
def test_short_words_and_invisible_characters(name: str, text: str) -> None:
    hits = matcher(name).search_text(text, tag=PROCESSING_DESCRIPTION, vr="LO")
    assert {hit.grade for hit in hits} & {"likely", "certain"}


@pytest.mark.parametrize("sign", "!#$%?@{}~§·•«»×°，、№\u00a0\u3000")
def test_any_sign_may_stand_between_words(sign: str) -> None:
    search = matcher(f"Hartwhistle{sign}Rosamund")
    for text in (f"Hartwhistle{sign}Rosamund", "v Hartwhistle", "Rosamund Hartwhistle"):
        hits = search.search_text(text, tag=PROCESSING_DESCRIPTION, vr="LO")
        assert {hit.grade for hit in hits} & {"likely", "certain"}


@pytest.mark.parametrize(
    "name", ["Li^Na", "Xu^Do", "Do^Van", "Null^Jo", "Sample^Ed", "Blank^Al", "Wu^Pat", "Ma^Jr"]
)
def test_a_name_of_words_that_mean_something_else_is_found_as_a_whole(name: str) -> None:
    family, given = name.split("^")
    search = matcher(name)
    for text in (name.upper(), f"{family} {given}", f"x {given} {family} y"):
        hits = search.search_text(text, tag=PROCESSING_DESCRIPTION, vr="LO")
        assert {hit.grade for hit in hits} & {"likely", "certain"}
    assert not search.search_text(f"{given}", tag=PROCESSING_DESCRIPTION, vr="LT")


@pytest.mark.parametrize("name", ["LAST^FIRST", "Test^Patient", "ANONYMOUS^PATIENT", "NAME^NONE"])
def test_a_name_of_placeholders_only_is_none(name: str) -> None:
    text = name.replace("^", " ")
    assert not matcher(name).search_text(text, tag=PROCESSING_DESCRIPTION, vr="LO")


@pytest.mark.parametrize(
    ("birth", "text"),
    [
        ("3.11.1957", "03.11.1957"),
        ("3/11/57", "1957-11-03"),
        ("57/11/03", "3 Nov 1957"),
        ("1957/3/11", "11.03.1957"),
        ("03 NOV 1957", "03.11.1957"),
        ("November 3, 1957", "03.11.1957"),
        ("1957-11-03T00:00:00", "03.11.1957"),
        ("03.11.1957", "03.11.1957"),
        ("03/11/1957", "1957-11-03"),
        ("3.11.1957", "3.11.1957"),
        ("1957-11-3", "1957-11-3"),
        ("03111957", "3 Nov 1957"),
        ("19571103120000", "03.11.1957"),
        ("19571103120000.0000+0100", "19571103"),
        ("3 Nov 1957", "3-Nov-1957"),
        ("031157", "031157"),
    ],
)
def test_a_birth_date_against_the_rules_is_found(birth: str, text: str) -> None:
    search = Matcher(Identifiers(frozenset({Identifier("birth-date", birth, 0x00100030)})))
    hits = search.search_text(f"born {text}", tag=PROCESSING_DESCRIPTION, vr="LO")
    assert {hit.grade for hit in hits} & {"likely", "certain"}


words = st.text("bcdfgklmnprstvz", min_size=5, max_size=9).filter(lambda word: len(set(word)) > 1)


@given(
    st.lists(words, min_size=1, max_size=14, unique=True),
    st.lists(st.sampled_from([" ", "^", "-", ", "]), min_size=13, max_size=13),
)
def test_every_word_of_any_name_is_found(parts: list[str], joins: list[str]) -> None:
    name = "".join(part + join for part, join in zip(parts, [*joins, ""], strict=False))
    search = matcher(name)
    for part in parts if name.count("^") < 5 else ():
        assert search.search_text(f"v {part}", tag=PROCESSING_DESCRIPTION, vr="LO")


def test_a_title_is_no_name() -> None:
    search = matcher("Hartwhistle^Rosamund^^Prof. Dr. med.^MD Ph.D.")
    assert not search.search_text("Prof. Dr. med. MD PhD", tag=PROCESSING_DESCRIPTION, vr="LO")


def test_a_name_of_very_many_words_is_prepared_in_a_moment() -> None:
    search = matcher(" ".join(f"wort{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(5000)))
    assert search.search_text("v wortba", tag=PROCESSING_DESCRIPTION, vr="LO")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("built 20240318", True),
        ("visit 2024-03-18", True),
        ("18.03.2024", True),
        ("18-MAR-2024", True),
        ("D20240318", True),
        ("20240318121212", True),
        ("180324", False),
        ("18.3.24", False),
        ("20240319", False),
        ("120240318", False),
    ],
)
@pytest.mark.parametrize("vr", ["LO", "CS", "LT", "UN"])
def test_C93_the_date_of_the_study_is_found_in_texts(text: str, found: bool, vr: str) -> None:
    search = Matcher(Identifiers(frozenset({Identifier("date", "20240318", 0x00080020)})))
    if vr == "UN":
        hits = search.search_bytes(text.encode())
    else:
        hits = search.search_text(text, tag=PROCESSING_DESCRIPTION, vr=vr)
    assert [hit[:2] for hit in hits] == ([("date", "likely")] if found else [])


@pytest.mark.parametrize("vr", ["DA", "DT", "UI"])
def test_C93_a_date_among_dates_has_its_own_rule(vr: str) -> None:
    search = Matcher(Identifiers(frozenset({Identifier("date", "20240318", 0x00080020)})))
    assert not search.search_text("20240318", tag=PROCESSING_DESCRIPTION, vr=vr)
