"""Remembering changes nothing: the result is that of the long way, whatever differs.

Every series has instances that differ only where instances do, and then one that differs in one
place more (see `series`). It must come out as an engine comes to that remembers nothing: the same
bytes, code, findings, notes, names and statistics.
"""

from __future__ import annotations

import pathlib
import random
from collections import Counter, OrderedDict
from copy import copy
from functools import cache
from typing import NamedTuple

import pytest

from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.engine.result import Finding, TallyKey, TextKey
from deident.errors import InstanceError
from deident.profiles.model import FilterRule, Profile, Rule, Selector
from tests.engine.series import (
    BURNED_IN,
    CHANGES,
    CHARACTER_SET,
    EXPLANATION,
    FILTER,
    FRAME,
    KERNEL,
    LONG_UID,
    NAME,
    REMARKS,
    SHORT_UID,
    SLICE_LOCATION,
    SOP_INSTANCE,
    STATION_NAME,
    UIDS,
    VERSION,
    Change,
    plain,
)
from tests.engine.support import KEY, written

BASIC = Profile("basic")


def rule(tag: int, action: str, when: str = "", **params: object) -> Rule:
    return Rule(Selector("tag", tag), action, params, when=when, origin="test")


PROFILES = {
    "basic": BASIC,
    "safe private": BASIC._replace(options=("retain-safe-private", "retain-modified-dates")),
    "loose": BASIC._replace(
        options=("retain-safe-private", "retain-full-dates", "retain-patient-characteristics"),
        private_numeric=True,
        private_characteristics=True,
        strict_ages=True,
    ),
    "device and uids": BASIC._replace(
        options=("retain-device-identity", "retain-institution-identity", "retain-uids")
    ),
    "conditions": BASIC._replace(
        options=("retain-safe-private",),
        rules=(
            rule(STATION_NAME, "keep", 'Modality == "MR"'),
            rule(KERNEL, "remove", "SliceThickness > 3"),
            rule(EXPLANATION, "keep"),
            rule(SLICE_LOCATION, "keep"),
            rule(VERSION, "prefix", 'BurnedInAnnotation == "YES"', text="v"),
            rule(FILTER, "map", pattern=r"(.*)", to=r"\1", otherwise="remove"),
        ),
        filters=(
            FilterRule('BurnedInAnnotation == "YES" and Modality == "CT"', "skip"),
            FilterRule('PatientComments contains "withdrawn"', "quarantine"),
        ),
    ),
    "private rules": BASIC._replace(
        rules=(
            Rule(Selector("private", 0x00210002, creator="ACME 1.0"), "keep", {}, origin="test"),
            Rule(Selector("private", 0x00210001, creator="ACME 1.0"), "keep", {}, origin="test"),
            Rule(Selector("private", 0x00210003, creator="ACME 1.0"), "keep", {}, origin="test"),
            Rule(Selector("private", 0x00210002, creator="1.9.12345.999"), "remove", {}),
        ),
    ),
    "quarantine": BASIC._replace(options=("retain-safe-private",), verify="quarantine"),
    "report": BASIC._replace(options=("retain-safe-private",), verify="report"),
    "header editor": Profile(
        "keep", base="keep", rules=(rule(BURNED_IN, "empty"), rule(VERSION, "remove"))
    ),
    "rules about UIDs": BASIC._replace(
        rules=(
            rule(SOP_INSTANCE, "keep"),
            rule(0x00200052, "remove"),
            rule(0x00081140, "dummy"),
            rule(0x00083010, "remove", 'Modality == "CT"'),
            rule(REMARKS, "prefix", text="r"),
        ),
    ),
}


class SharedPlan(Plan):
    """A plan of which all engines use the same scopes: they only hold what follows from it."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self.scope = cache(self.scope)  # type: ignore[method-assign]


PLANS: dict[str, Plan] = {name: SharedPlan(profile) for name, profile in PROFILES.items()}


class Outcome(NamedTuple):
    """What came of an instance: new bytes and what was told of it, or the code of the refusal."""

    data: bytes
    code: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    naming: tuple[tuple[str, str], ...] = ()
    patient: tuple[str, str] = ("", "")


class Taker:
    """An engine, and what it has told of UIDs and walks so far."""

    def __init__(self, plan: Plan, engine: Engine | None = None) -> None:
        self.engine = engine or Engine(plan, Identity(KEY))
        self.uids: set[tuple[str, str]] = set()
        self.walks = 0
        walk = self.engine._walk

        def counting(file: object) -> object:
            self.walks += 1
            return walk(file)  # type: ignore[arg-type]

        self.engine._walk = counting  # type: ignore[method-assign,assignment]

    def take(self, data: bytes) -> Outcome:
        try:
            with self.engine.prepare_bytes(data) as prepared:
                result = prepared.result
                self.uids.update(result.uids)
                return Outcome(
                    written(prepared),
                    findings=tuple(sorted(result.findings)),
                    notes=result.notes,
                    naming=tuple(sorted(result.naming.items())),
                    patient=result.patient,
                )
        except InstanceError as error:
            return Outcome(b"", error.code)


@cache
def used_to_plain(name: str) -> Engine:
    """An engine that remembers two benign instances."""
    taker = Taker(PLANS[name])
    for number in (1, 2):
        taker.take(PLAIN[number])
    taker.engine.take_tally()
    taker.engine.take_texts()
    taker.engine._told.clear()
    return taker.engine


def fork(engine: Engine) -> Engine:
    """An engine that remembers the same and learns for itself."""
    new, recall, cases = copy(engine), copy(engine._recall), copy(engine._cases)
    del new._walk  # type: ignore[attr-defined] # the other one's counting
    new._told, new._tally, new._texts, new._hit = set(), {}, {}, {}
    new._recall, new._cases = recall, cases
    copies = {id(case): copy(case) for case in cases._cases.values()}
    for case in copies.values():
        case.item_templates = dict(case.item_templates)
    cases._cases = OrderedDict((key, copies[id(case)]) for key, case in cases._cases.items())
    tops = {key: top._replace(case=copies[id(top.case)]) for key, top in recall._tops.items()}
    recall._tops = OrderedDict(tops)
    recall._latest = next(iter(tops.values()), None)
    return new


class Expected(NamedTuple):
    """What an engine that remembers nothing makes of one instance."""

    outcome: Outcome
    uids: frozenset[tuple[str, str]]
    tally: Counter[TallyKey]
    texts: Counter[TextKey]


@cache
def forgetful(name: str) -> Taker:
    return Taker(PLANS[name], Engine(PLANS[name], Identity(KEY), remembering=False))


@cache
def expected(name: str, data: bytes) -> Expected:
    taker = forgetful(name)
    taker.uids.clear()
    taker.engine._told.clear()
    outcome = taker.take(data)
    counted = Counter(taker.engine.take_tally()), Counter(taker.engine.take_texts())
    return Expected(outcome, frozenset(taker.uids), *counted)


@cache
def changed(number: int, one: Change, variant: int) -> bytes:
    file = plain(number)
    one.make(file, variant)
    return file.encoded()


PLAIN = {number: plain(number).encoded() for number in range(1, 13)}


def series(one: Change) -> list[tuple[bytes, bool]]:
    """What comes behind benign instances, and whether it is changed; a benign one last."""
    return [(changed(3, one, 0), True), (changed(4, one, 1), True), (PLAIN[5], False)]


def compare(name: str, instances: list[tuple[bytes, bool]]) -> list[tuple[Outcome, bool]]:
    """The outcomes, after both ways were found to agree on them."""
    short = Taker(PLANS[name], fork(used_to_plain(name)))
    outcomes, uids = [], set[tuple[str, str]]()
    tally, texts = Counter[TallyKey](), Counter[TextKey]()
    try:
        for number, (data, different) in enumerate(instances):
            wanted = expected(name, data)
            assert short.take(data) == wanted.outcome, f"{name}: instance {number}"
            outcomes.append((wanted.outcome, different))
            uids |= wanted.uids
            tally += wanted.tally
            texts += wanted.texts
    finally:  # templates count for all forks
        counted, told = short.engine.take_tally(), short.engine.take_texts()
    assert short.uids == uids, name
    assert counted == tally, name
    assert told == texts, name
    return outcomes


def is_told(change: Change, name: str, data: bytes) -> list[bytes]:
    """What is left of what the change made an identifier, if nothing of it may stay."""
    profile = PROFILES[name]
    if profile.base == "keep" or profile.verify == "report":
        return []
    if change.opened and "retain-safe-private" not in profile.options:
        return []
    kept = {"retain-uids": (*UIDS, LONG_UID, SHORT_UID), "retain-institution-identity": (NAME,)}
    meant = {text for option in profile.options for text in kept.get(option, ())}
    if name == "rules about UIDs":  # of which one keeps the SOP Instance UID
        meant |= set(UIDS)
    needles = (*change.left, *((NAME,) if change.names else ()))
    return [needle for needle in needles if needle not in meant and needle in data]


@pytest.mark.parametrize("one", CHANGES, ids=lambda one: one.name)
def test_what_differs_in_one_instance_is_not_missed(one: Change) -> None:
    for name in PROFILES:
        for outcome, different in compare(name, series(one)):
            if different:
                assert is_told(one, name, outcome.data) == [], name


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_changes_one_after_another(name: str) -> None:
    chance = random.Random(name)
    instances = []
    for one in chance.sample(CHANGES, len(CHANGES) // 3):
        instances.append((changed(chance.randrange(1, 13), one, chance.randrange(2)), True))
        if chance.random() < 0.6:
            instances.append((PLAIN[chance.randrange(1, 13)], False))
    compare(name, instances)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_two_changes_at_once(name: str) -> None:
    chance = random.Random(name)
    for _ in range(20):
        one, two = chance.sample(CHANGES, 2)
        file = plain(3)
        try:
            one.make(file, 0)
            two.make(file, 1)
        except KeyError:  # one has removed what the other wants
            continue
        pair = file.encoded()
        compare(
            name,
            [(pair, True), (changed(4, one, 1), True), (PLAIN[5], False), (pair, True)],
        )


def edited(number: int, *values: tuple[int, str, bytes]) -> tuple[bytes, bool]:
    file = plain(number)
    for value in values:
        file.put(*value)
    return file.encoded(), True


# What comes first is learned from, the last is what must not be missed.
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_uid_that_an_escape_sequence_divides(name: str) -> None:
    japanese = (CHARACTER_SET, "CS", b"\\ISO 2022 IR 87")
    constant = (FILTER, "SH", b"1.9.123\x1b(B45.901")
    benign = [edited(n, japanese, constant, (FRAME, "UI", b"1.9.12345.70%d" % n)) for n in (1, 2)]
    compare(name, [*benign, edited(3, japanese, constant, (FRAME, "UI", UIDS[0]))])
    benign = [edited(n, japanese) for n in (1, 2)]
    compare(name, [*benign, edited(3, japanese, (VERSION, "LO", b"1.9.123\x1b(B45.903"))])


def test_a_private_creator_that_becomes_a_uid() -> None:
    uid = b"1.9.12345.999"
    creator = (0x00210010, "LO", uid)
    benign = [edited(n, creator, (FRAME, "UI", b"1.9.12345.70%d" % n)) for n in (1, 2, 4)]
    compare("private rules", [*benign, edited(3, creator, (FRAME, "UI", uid))])


@pytest.mark.parametrize("name", ["basic", "rules about UIDs"])
def test_a_text_that_grows_too_large_for_memory(name: str, tmp_path: pathlib.Path) -> None:
    both = [Engine(PLANS[name], Identity(KEY), remembering=ways) for ways in (True, False)]
    for number, size in enumerate((1 << 20, (1 << 20) - 2, 1 << 20, (1 << 20) + 2), 1):
        path = tmp_path / str(number)
        path.write_bytes(edited(number, (REMARKS, "UT", b"%d" % number * size))[0])
        found = []
        for engine in both:
            try:
                with engine.prepare(str(path)) as prepared:
                    found.append(written(prepared))
            except InstanceError as error:
                found.append(error.code.encode())
        assert found[0] == found[1]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_benign_instances_take_the_short_way(name: str) -> None:
    short = Taker(PLANS[name])
    outcomes = [short.take(PLAIN[number]) for number in range(1, 13)]
    assert all(outcome.data for outcome in outcomes) or name == "quarantine"
    assert short.walks < 6


def test_every_profile_writes_most_changed_instances() -> None:
    some = CHANGES[::6]
    for name in PROFILES:
        taker = Taker(PLANS[name])
        done = [taker.take(changed(3, one, 0)).data for one in some]
        assert sum(map(bool, done)) > len(some) / 2, name
