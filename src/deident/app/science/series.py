"""What a comparison has come to for one series: findings, and what is judged when all is read.

Memory grows with the number of instances, not with their size: UIDs as hashes, keys that
instances are ordered by, hashes of pixels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from deident.app.science.checks import CHECKS, INSTANCES, ORDER, PIXELS, SUV, TIMES
from deident.app.science.clocks import Move, agree, reference
from deident.app.science.relations import Graph, Relation

Severity = Literal["damage", "lost", "same"]
Ranks = tuple[float | None, float | None]

# What happened, in words that follow the name of what it happened to.
KINDS: dict[str, str] = {
    "added": "not there before",
    "changed": "another value",
    "removed": "gone",
    "replaced": "replaced by a dummy",
    "rounded": "digits lost",
    "cleared": "bits of retired overlays cleared",
    "frames-swapped": "the same frames in another order",
    "pixels-of-another": "those of another instance of the series",
    "missing": "without a counterpart",
    "left-out": "left out by the run",
    "duplicated": "there twice",
    "more": "without an original, in this series",
    "reordered": "instances in another order",
    "moved": "moved by another time span than the rest of the series",
    "series-moved": "moved by another time span than other series of the patient",
    "reference-removed": "reference gone",
    "reference-moved": "leads to another instance",
    "reference-broken": "leads nowhere",
    "reference-dangles": "leads to an instance that has no counterpart",
    "split": "one became several",
    "merged": "several became one",
    "not-computable": "cannot be computed any more",
    "differs": "differs",
}


class Finding(NamedTuple):
    """Something that is not as it was.

    Attributes:
        check: key of `CHECKS`.
        severity: `damage`, or `lost`: the rule `allowed` lets it go.
        kind: key of `KINDS`.
        what: the attribute or thing.
        allowed: a row of PS3.15 or a code of `errors.REASONS`; empty for damage.
    """

    check: str
    severity: Severity
    kind: str
    what: str
    allowed: str = ""


class Example(NamedTuple):
    """One occurrence of a finding: a file (the cleaned one if there is one), values in words."""

    file: str
    before: str
    after: str


class Series:
    """One series of the originals and its counterpart.

    Attributes:
        label: numbers of patient, study and series, as in `scan`.
        modality: of its first instance.
        patient: hash that tells patients apart.
        before, after: how many instances.
        findings: how many times each was met.
        examples: the first occurrence of each.
        compared: how many values each check has compared.
        suv: largest relative difference of the SUV factors, `None` if none were compared.
    """

    def __init__(self, label: str, modality: str, patient: int) -> None:
        self.label, self.modality, self.patient = label, modality, patient
        self.before = self.after = 0
        self.findings: Counter[Finding] = Counter()
        self.examples: dict[Finding, Example] = {}
        self.compared: Counter[str] = Counter()
        self.suv: float | None = None
        self.relations: Counter[Relation] = Counter()
        self.moves: Counter[tuple[str, Move]] = Counter()
        self._ranks: list[tuple[Ranks, Ranks]] = []
        self._pixels: set[bytes] = set()
        self._other_pixels: list[tuple[bytes, str]] = []

    def find(self, finding: Finding, example: Example | None = None, count: int = 1) -> None:
        """Note a finding."""
        self.findings[finding] += count
        if example is not None:
            self.examples.setdefault(finding, example)

    def add_ranks(self, before: Ranks, after: Ranks) -> None:
        """What an instance is ordered by: Instance Number, position along the normal."""
        self._ranks.append((before, after))

    def add_pixels(self, before: str, after: str, file: str) -> None:
        """Hashes of the pixels of an instance; the same ones prove what others were mixed up."""
        old, new = (bytes.fromhex(digest)[:16] for digest in (before, after))
        self._pixels.add(old)
        if new != old:
            self._other_pixels.append((new, file))

    def state(self, check: str) -> Severity | None:
        """The worst that was found; `None` where there was nothing to compare."""
        severities = {one.severity for one in self.findings if one.check == check}
        if severities:
            return "damage" if "damage" in severities else "lost"
        return "same" if self.compared[check] else None

    def states(self) -> dict[str, Severity]:
        """All checks that say something."""
        found = ((check, self.state(check)) for check in CHECKS)
        return {check: state for check, state in found if state}

    def usual_move(self) -> Move | None:
        """By how much the times of the series were moved."""
        return reference((one, count) for (_, one), count in self.moves.items())

    def finish(self, graph: Graph) -> None:
        """Judge what takes all instances to be judged."""
        self.compared[INSTANCES] += self.before
        for broken in graph.broken(self.relations.items()):
            severity: Severity = "lost" if broken.allowed else "damage"
            found = Finding(broken.check, severity, broken.kind, broken.name, broken.allowed)
            self.find(found, count=broken.times)
        for relation in self.relations:
            self.compared[graph.check(relation)] += 1
        for what, example in self._mixed_up():
            self.find(Finding(PIXELS, "damage", what, "PixelData"), example)
        for number, name in enumerate(("InstanceNumber", "position along the slice normal")):
            if _is_reordered([(old[number], new[number]) for old, new in self._ranks]):
                self.find(Finding(ORDER, "damage", "reordered", name))
        usual = self.usual_move()
        for (name, one), count in self.moves.items():
            self.compared[TIMES] += count
            if usual is not None and not agree(one, usual):
                self.find(Finding(TIMES, "damage", "moved", name), count=count)

    def _mixed_up(self) -> Iterator[tuple[str, Example]]:
        for digest, file in self._other_pixels:
            kind = "pixels-of-another" if digest in self._pixels else "changed"
            yield kind, Example(file, "", "")

    def note_suv(self, difference: float) -> None:
        """A relative difference of SUV factors."""
        self.compared[SUV] += 1
        self.suv = max(self.suv or 0.0, difference)


def _is_reordered(pairs: Sequence[tuple[float | None, float | None]]) -> bool:
    """Whether two keys put the same things in different orders; things that tie stay together."""
    known = [(old, new) for old, new in pairs if old is not None and new is not None]
    ranks = (
        {key: n for n, key in enumerate(sorted(set(side)))} for side in zip(*known, strict=True)
    )
    if not known:
        return False
    before, after = ranks
    return any(before[old] != after[new] for old, new in known)
