"""The use case `plan`: what a run would change, and what would come out differently by another
profile. Instances go through the engine of a run; nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deident.app.reasons import Reasoner, Reasons, Why
from deident.dicom.elements import Element, Path, walk
from deident.endpoints.sources import Found
from deident.errors import REASONS, SKIPPED


class Kind(NamedTuple):
    """What is decided alike in many instances: place but for item numbers, and why.

    Attributes:
        parents: tags of the sequences above.
        tag: of the element.
        why: the decision; `None`: the profile leaves the element alone.
        other: the decision of the other profile, where two are compared.
    """

    parents: tuple[int, ...]
    tag: int
    why: Why | None
    other: Why | None = None


class FilePlan(NamedTuple):
    """What would become of one file.

    Attributes:
        path: absolute path.
        outcome: `written`, or the code with which it is skipped or quarantined.
        other: the same by the other profile.
        kinds: elements that would change, or come out differently, and how many of each.
    """

    path: str
    outcome: str
    other: str
    kinds: Counter[Kind]


class Summary:
    """Sums over all files.

    Attributes:
        files: how many of each outcome.
        kinds: elements of each kind.
        where: how many files have each kind.
        moved: files that one profile writes and the other does not, by both outcomes.
    """

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self.where: Counter[Kind] = Counter()
        self.moved: Counter[tuple[str, str]] = Counter()

    def add(self, plan: FilePlan) -> None:
        """Count one file."""
        self.files[plan.outcome] += 1
        self.kinds.update(plan.kinds)
        self.where.update(dict.fromkeys(plan.kinds, 1))
        if plan.other and plan.other != plan.outcome:
            self.moved[plan.outcome, plan.other] += 1

    @property
    def quarantined(self) -> int:
        """How many files would be quarantined."""
        return sum(
            count
            for outcome, count in self.files.items()
            if outcome != "written" and outcome not in SKIPPED
        )


def plans(
    found: Iterable[Found], reasoner: Reasoner, other: Reasoner | None = None
) -> Iterator[FilePlan]:
    """Yield what would become of each file.

    Args:
        found: from `endpoints.sources.scan`.
        reasoner: carries the profile.
        other: carries the profile to compare with; both must have the same key.
    """
    for one in found:
        if one.code:
            yield FilePlan(one.path, one.code, one.code if other else "", Counter())
            continue
        reasons = reasoner.ask(one.path)
        if other is None:
            yield FilePlan(one.path, _outcome(reasons), "", _changes(reasons))
            continue
        others = other.ask(one.path)
        outcomes = _outcome(reasons), _outcome(others)
        kinds = _differences(reasons, others) if outcomes == ("written", "written") else Counter()
        yield FilePlan(one.path, *outcomes, kinds)


def _outcome(reasons: Reasons) -> str:
    if not reasons.failure:
        return "written"
    code = reasons.failure.rpartition("[")[2].rstrip("]")
    return code if code in REASONS else "unexpected"


def _changes(reasons: Reasons) -> Counter[Kind]:
    return Counter(
        Kind(path[::2], tag, why)
        for (path, tag), why in reasons.decisions.items()
        if why.outcome != "kept"
    )


def _differences(one: Reasons, other: Reasons) -> Counter[Kind]:
    """Elements that are in only one of two results, or have another value there."""
    mine, theirs = _values(one.planned), _values(other.planned)
    return Counter(
        Kind(path[::2], tag, one.why(path, tag), other.why(path, tag))
        for path, tag in sorted({*mine, *theirs})
        if mine.get((path, tag)) != theirs.get((path, tag)) and not _above(path, mine, theirs)
    )


def _values(elements: list[Element]) -> dict[tuple[Path, int], bytes]:
    """Every element by place; of sequences and of what is left on disk, that it is there."""
    return {
        (path, element.tag): b"" if element.items is not None else _value(element)
        for path, element in walk(elements)
    }


def _value(element: Element) -> bytes:
    return b"%d bytes" % element.span.length if element.span else element.value.rstrip(b" \0")


def _above(
    path: Path, mine: dict[tuple[Path, int], bytes], theirs: dict[tuple[Path, int], bytes]
) -> bool:
    """Whether a sequence above is in only one of both: then that is what differs."""
    return any(
        ((path[:end], path[end]) in mine) != ((path[:end], path[end]) in theirs)
        for end in range(0, len(path), 2)
    )
