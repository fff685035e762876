"""C01 to C05, C08, C11, C13, C40, C44, C80, C90: every row of Table E.1-1, in every place.

Generated: each of the 657 rows is planted at depth 0, 1 and 3, in standard and in private
sequences, and taken through the engine under every option and pair of options, for every SOP class.
What must be seen afterwards follows from the published tables (`published`), not from the program's
own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from deident import tables
from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Encoding
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.profiles.model import Profile, Rule, Selector
from tests.engine.support import KEY, written
from tests.standard.planted import (
    CREATOR,
    PLACES,
    PRIVATE,
    PROBES,
    Path,
    Planted,
    Seen,
    at,
    by_tags,
    data_set,
    element_value,
    planted,
    raw,
    read,
    value,
)
from tests.standard.published import (
    CLEANED,
    COMPOUND,
    OPTIONS,
    RAW,
    RENEWED,
    SAME,
    SOME_SOP_CLASSES,
    UNKNOWN,
    allowed,
    collisions,
    rows,
    sop_classes,
    types_of,
)

NOBODYS = "1.2.826.0.1.3680043.9.7433.1.2.3"  # a SOP class that no table knows
CT = "1.2.840.10008.5.1.4.1.1.2"
BOTH_DATES = ("retain-full-dates", "retain-modified-dates")
PAIRS = [pair for pair in itertools.combinations(OPTIONS, 2) if pair != BOTH_DATES]
ALL_BUT = [tuple(option for option in OPTIONS if option != left_out) for left_out in BOTH_DATES]
PRIVATE_ROW = "gggg(odd)eeee"
STANDARD_PLACES = ("top", "depth 1", "depth 3")


def keeping(*options: str, **more: Any) -> Profile:
    """A profile with a rule that keeps the private sequences that are places."""
    rules = tuple(
        Rule(Selector("private", tag & 0xFFFF00FF, creator=CREATOR), "keep", origin="test")
        for tag in PRIVATE
    )
    return Profile("test", options=options, rules=rules, **more)


def taken_through(data: bytes, profile: Profile) -> Dataset:
    """The engine's output as pydicom reads it."""
    with Engine(Plan(profile), Identity(KEY)).prepare_bytes(data) as prepared:
        return read(written(prepared))


def code_of(entry: Planted, options: Iterable[str]) -> str:
    """The action code of a planted element in a data set.

    Commands, file meta and directory records belong in no data set (C30, C32); none of the planted
    private attributes is in the list of safe ones (C80, C81).
    """
    if entry.tag >> 16 in (0x0000, 0x0002, 0x0004) or entry.row.tag == PRIVATE_ROW:
        return "X"
    return entry.row.code(options)


def wrong(
    top: Dataset, options: tuple[str, ...], sop_class: str, places: Iterable[str], seen: Seen
) -> list[str]:
    """Every place and row whose outcome is not what is asked for."""
    types = types_of(sop_class)
    found = []
    for name in places:
        where = at(top, PLACES[name])
        for entry in planted():
            type_ = types.get((0, entry.tag)) if not PLACES[name] else None
            type_ = UNKNOWN if sop_class == NOBODYS else type_
            problem = wrong_with(where, entry, options, type_, seen)
            found += [f"{name} {problem}"] if problem else []
    return found


def wrong_with(
    where: Dataset, entry: Planted, options: tuple[str, ...], type_: str | None, seen: Seen
) -> str:
    """What is wrong with the outcome of one planted element; empty if nothing is."""
    code = code_of(entry, options)
    asked = allowed(code, entry.vr, type_)
    outcome = seen.outcome(where, entry)
    if outcome == SAME and entry.vr == "SQ" and asked & {SAME, CLEANED, RENEWED}:
        inside = wrong_inside(where[entry.tag].value, options, seen)
        return f"{entry.tag:08X} SQ {code}: inside {inside}" if inside else ""
    if outcome == SAME and entry.vr == "TM" and CLEANED in asked:
        return ""  # whole days are shifted
    return "" if outcome in asked else f"{entry.tag:08X} {entry.vr} {code} {type_}: {outcome}"


def wrong_inside(items: Any, options: tuple[str, ...], seen: Seen) -> list[str]:
    """K, C and U on a sequence go on inside with every rule (C03)."""
    found = [] if raw(items[0], 0x00180050, "DS") == value(0x00180050, "DS") else ["00180050"]
    for entry in planted():
        if entry.tag in PROBES:
            outcome = seen.outcome(items[0], entry)
            if outcome not in allowed(entry.row.code(options), entry.vr, None):
                found.append(f"{entry.tag:08X}: {outcome}")
    return found


def check(
    options: tuple[str, ...],
    sop_class: str,
    places: Iterable[str] = tuple(PLACES),
    encoding: Encoding = EXPLICIT_LE,
) -> Seen:
    """Take one file through and look at every row in every place."""
    data = data_set(sop_class, [PLACES[name] for name in places], encoding=encoding)
    seen = Seen()
    top = taken_through(data, keeping(*options))
    failures = wrong(top, options, sop_class, places, seen)
    assert not failures, "\n".join(failures)
    assert len(set(seen.uids.values())) == len(seen.uids)
    assert 0 not in seen.shifts
    assert len(seen.shifts) == ("retain-modified-dates" in options)
    return seen


def test_C01_the_table_has_657_rows_and_all_are_planted() -> None:
    assert len(rows()) == 657
    assert {entry.row.tag for entry in planted()} == {row.tag for row in rows()}


def test_C01_a_program_that_did_nothing_would_be_found_out() -> None:
    """The check itself: under a profile that keeps everything, nearly all rows are wrong."""
    top = taken_through(data_set(CT), keeping(base="keep", verify="report"))
    failures = wrong(top, (), CT, tuple(PLACES), Seen())
    assert len(failures) > 640 * len(PLACES)


@pytest.mark.parametrize("sop_class", [CT, NOBODYS], ids=["ct", "unknown"])
@pytest.mark.parametrize("option", ["", *OPTIONS])
def test_C01_C02_C03_C04_C05_every_row_in_every_place(option: str, sop_class: str) -> None:
    check((option,) if option else (), sop_class)


@pytest.mark.parametrize("options", [*PAIRS, *ALL_BUT], ids="+".join)
def test_C04_every_row_under_options_together(options: tuple[str, ...]) -> None:
    check(options, CT, STANDARD_PLACES if options in collisions() else ("top",))


def test_C04_the_collisions_are_those_of_the_table() -> None:
    assert len(collisions()) == 3
    assert set(collisions()) <= set(PAIRS)


@pytest.mark.parametrize("sop_class", sop_classes())
def test_C01_C08_every_row_in_every_iod(sop_class: str) -> None:
    check((), sop_class, ("top",))


@pytest.mark.parametrize("sop_class", SOME_SOP_CLASSES)
@pytest.mark.parametrize("option", OPTIONS)
def test_C08_every_option_in_iods_that_differ(option: str, sop_class: str) -> None:
    check((option,), sop_class, ("top",))


def test_C08_every_compound_code_is_met_with_every_type() -> None:
    met: dict[str, set[str | None]] = {code: set() for code in COMPOUND}
    for sop_class in SOME_SOP_CLASSES:
        types = types_of(sop_class)
        for entry in planted():
            if entry.row.basic in met:
                met[entry.row.basic].add((types.get((0, entry.tag)) or "-")[0])
    for code, types_met in met.items():
        # no IOD has an attribute of code X/Z as Type 1
        assert types_met == {"1", "2", "3", "-"} - ({"1"} if code == "X/Z" else set())


# Derivation Image > Source Image Sequence: Type 2, but Common Instance Reference lists what it
# refers to (PS3.3 C.12.2), so U is "required to maintain IOD conformance".
REPEATED = (0x00089124, 0x00082112)


@pytest.mark.skipif(
    not RAW.is_dir(), reason="needs the extracts of the standard ($DEIDENT_STANDARD)"
)
@pytest.mark.parametrize("sop_class", sop_classes())
def test_C08_types_inside_sequences(sop_class: str) -> None:
    """Every attribute of the table below a sequence that stays, by its type there."""
    by_tag = by_tags()
    stays = sequences_that_stay()
    below: dict[int, dict[int, str]] = {}
    for (parent, tag), type_ in types_of(sop_class).items():
        if parent in stays and tag in by_tag:
            below.setdefault(parent, {})[tag] = "1" if (parent, tag) == REPEATED else type_
    more = [
        (parent, "SQ", (tuple((t, by_tag[t].vr, element_value(by_tag[t])) for t in inside),))
        for parent, inside in below.items()
    ]
    top = taken_through(data_set(sop_class, [()], more), keeping())
    seen, failures = Seen(), []
    for parent, inside in below.items():
        where = top[parent].value[0]  # a second item may be a marker
        problems = [wrong_with(where, by_tag[t], (), type_, seen) for t, type_ in inside.items()]
        failures += [f"{parent:08X} > {problem}" for problem in problems if problem]
    assert not failures, "\n".join(failures)


def sequences_that_stay() -> set[int]:
    """Sequences that neither Table E.1-1 nor the supplement takes away."""
    listed = {entry.tag for entry in planted()}
    ours = {row.value for row in tables.supplement() if row.basic != "K"}
    known = {e.tag for e in tables.attributes() if e.vr == "SQ" and e.tag >> 16 != 0x0004}
    return known - listed - ours


@pytest.mark.parametrize("encoding", [IMPLICIT_LE, EXPLICIT_BE], ids=["implicit", "big-endian"])
@pytest.mark.parametrize("option", ["", *OPTIONS])
def test_C01_C36_every_row_in_other_encodings(option: str, encoding: Encoding) -> None:
    check((option,) if option else (), CT, STANDARD_PLACES, encoding)


def test_C40_C41_C44_uids_agree_between_places_and_instances() -> None:
    ct, pet = (check((), sop_class).uids for sop_class in (CT, SOME_SOP_CLASSES[2]))
    assert len(ct) > 50
    assert ct.keys() == pet.keys() | (ct.keys() - pet.keys())
    assert all(pet[old] == new for old, new in ct.items() if old in pet)


def test_C91_the_shift_is_the_same_in_every_object_of_a_patient() -> None:
    shifts = [check(("retain-modified-dates",), sop_class).shifts for sop_class in SOME_SOP_CLASSES]
    assert all(found == shifts[0] for found in shifts)


DEEP: Path = tuple(itertools.islice(itertools.cycle(PLACES["depth 3"]), 30))


def test_C01_depth_does_not_matter() -> None:
    data = data_set(CT, [(), DEEP])
    where = at(taken_through(data, keeping()), DEEP)
    seen = Seen()
    failures = [wrong_with(where, entry, (), None, seen) for entry in planted()]
    assert not any(failures)
