"""UIDs before and after: a partition that must not change, references that must still lead home.

UIDs are kept as short keyed hashes, so that none is held. Two originals that were equal must be
equal afterwards, two that were not must not (PS3.15 E.1.1, code U).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deident.app.science.checks import FRAMES, GROUPS, REFERENCES
from deident.app.science.facts import name_of

_SALT = os.urandom(16)
# Frame of Reference, Synchronization, Referenced, Related Frame of Reference UID and RT's others
_FRAME_TAGS = frozenset((0x00200052, 0x00200200, 0x30060024, 0x300600C2, 0x00640003))


class Relation(NamedTuple):
    """A UID of an original and what stands at its place afterwards.

    Attributes:
        tag: of the attribute.
        before, after: hashes; `after` is `None` where there is nothing.
        allowed: what lets it go, empty if nothing does.
    """

    tag: int
    before: int
    after: int | None
    allowed: str


class Broken(NamedTuple):
    """A relation that does not hold: the check, what is wrong, the attribute, what allows it."""

    check: str
    kind: str
    name: str
    allowed: str
    times: int


def key(*parts: str) -> int:
    """A short hash of UIDs or other identifiers."""
    text = "\0".join(part.strip() for part in parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8, key=_SALT).digest(), "big")


class Graph:
    """All instances that were met, and what their UIDs became.

    Attributes:
        instances: SOP Instance UIDs of originals and of their counterparts; several where one UID
            stands for several files.
        missing: originals without a counterpart, and why that is allowed, or empty.
    """

    def __init__(self) -> None:
        self.instances: dict[int, set[int]] = {}
        self.missing: dict[int, str] = {}
        self._after: set[int] = set()
        self._forward: dict[int, Counter[int]] = {}
        self._backward: dict[int, Counter[int]] = {}

    def add_instance(self, before: int, after: int) -> None:
        """An original and its counterpart."""
        self.instances.setdefault(before, set()).add(after)
        self._after.add(after)
        self._count(before, after, 1)

    def add(self, relations: Counter[Relation]) -> None:
        """The other UIDs of a series; those that may go prove nothing about the others."""
        for relation, count in relations.items():
            if relation.after is not None and not relation.allowed:
                self._count(relation.before, relation.after, count)

    def _count(self, before: int, after: int, count: int) -> None:
        self._forward.setdefault(before, Counter())[after] += count
        self._backward.setdefault(after, Counter())[before] += count

    def is_instance(self, before: int) -> bool:
        """Whether a UID is that of an original."""
        return before in self.instances or before in self.missing

    def check(self, relation: Relation) -> str:
        """The check that a relation belongs to."""
        if self.is_instance(relation.before):
            return REFERENCES
        return FRAMES if relation.tag in _FRAME_TAGS else GROUPS

    def broken(self, relations: Iterable[tuple[Relation, int]]) -> Iterator[Broken]:
        """What does not hold of the UIDs of one series."""
        for relation, count in relations:
            judge = self._reference if self.is_instance(relation.before) else self._group
            kind, allowed = judge(relation)
            if kind:
                yield Broken(self.check(relation), kind, name_of(relation.tag), allowed, count)

    def _reference(self, relation: Relation) -> tuple[str, str]:
        """What is wrong with a reference to an instance."""
        if relation.before not in self.instances:
            if relation.after is None and relation.allowed:
                return "reference-removed", relation.allowed
            return "reference-dangles", self.missing[relation.before] or relation.allowed
        if relation.after is None:
            return "reference-removed", relation.allowed
        if relation.after in self.instances[relation.before]:
            return "", ""
        elsewhere = relation.after in self._after
        return "reference-moved" if elsewhere else "reference-broken", relation.allowed

    def _group(self, relation: Relation) -> tuple[str, str]:
        """What is wrong with another UID."""
        before, after, allowed = relation.before, relation.after, relation.allowed
        if after is None:
            return ("", "") if allowed and self.check(relation) == GROUPS else ("removed", allowed)
        if not _is_usual(self._forward.get(before), after):
            return "split", allowed
        if not _is_usual(self._backward.get(after), before):
            return "merged", allowed
        return "", ""


def _is_usual(counts: Counter[int] | None, one: int) -> bool:
    """Whether nothing else was met as often as this one."""
    if not counts or (len(counts) == 1 and one in counts):
        return True
    most = max(counts.values())
    return counts[one] == most and sum(count == most for count in counts.values()) == 1
