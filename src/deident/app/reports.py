"""What a run comes to: counts that must add up, by outcome, reason and series. No identifiers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from deident._version import __version__
from deident.engine.result import MORE, Finding, TallyKey, TextKey

SCHEMA = 1
_TEXTS, _TEXTS_OF_A_TAG, _PORTION = 5000, 300, 200
_GRADES_TO_REVIEW = frozenset({"certain", "likely"})

# Notes of the engine, in words; those of the reader are `reading.READER_NOTES`.
ENGINE_NOTES: dict[str, str] = {
    "reordered": "elements were not in the order of their tags; now they are",
    "pixels-exceeded": "more than pixels under a pixel tag: searched, and kept as it was",
    "overlay-bits-cleared": "an overlay in bits of Pixel Data was cleared (PS3.5 8.1.2)",
}

WRITTEN, SKIPPED, QUARANTINED = "written", "skipped", "quarantined"


def is_to_review(grade: str, kind: str, done: str) -> bool:
    """Whether a person should look at a finding: it was left as it was, and is well founded or may
    be a Patient ID.
    """
    return done == "reported" and (grade in _GRADES_TO_REVIEW or kind == "patient-id")


class KeptTexts:
    """Which texts stand in the outputs of a run as in the originals, for people to look at.

    Of each attribute some hundred different ones are kept, of all together some thousands; the rest
    is counted.
    """

    def __init__(self) -> None:
        self._counts: dict[TextKey, int] = {}
        self._of_tag: Counter[int] = Counter()

    def add(self, texts: dict[TextKey, int]) -> None:
        """Add what a worker tells."""
        for key, count in texts.items():
            tag, text, _ = key
            if text and key not in self._counts:
                if self._of_tag[tag] >= _TEXTS_OF_A_TAG or len(self._counts) >= _TEXTS:
                    key = (tag, "", MORE)
                else:
                    self._of_tag[tag] += 1
            self._counts[key] = self._counts.get(key, 0) + count

    def rows(self) -> Iterator[tuple[tuple[int, str, str, int], ...]]:
        """(tag, text, mark, count) in portions: by attribute, the frequent ones first."""
        ordered = sorted(self._counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1:]))
        rows = [(*key, count) for key, count in ordered]
        for start in range(0, len(rows), _PORTION):
            yield tuple(rows[start : start + _PORTION])


class RunSummary:
    """Counts of one run, filled while it goes on.

    Attributes:
        found: entries that the scan has met, counted where they are met.
        written: instances written; in a dry run: that would be.
        skipped, quarantined: how many for each code.
        collisions: outputs with another name than they asked for, as other content had that one.
        bytes_in, bytes_out: size of the originals that were read, and of the outputs.
        series: new Series Instance UID → how many of each outcome; the key is empty for instances
            whose series is not known because they could not be read.
        findings: how many of each (code, grade, kind, done).
        notes: how often the reader had to put up with something, by code.
        tally: how often each rule did what to which attribute.
        texts: what stays as text; not in `as_json`, as values have no place in a summary.
        state: `running`, `complete`, `interrupted` or `failed`.
        signal: number of the signal that interrupted the run, 0 for none.
        seconds: how long the run took.
    """

    def __init__(self, run: str = "", *, dry_run: bool = False) -> None:
        self.run = run
        self.dry_run = dry_run
        self.found = 0
        self.written = 0
        self.skipped: Counter[str] = Counter()
        self.quarantined: Counter[str] = Counter()
        self.collisions = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.series: dict[str, Counter[str]] = {}
        self.findings: Counter[tuple[str, str, str, str]] = Counter()
        self.notes: Counter[str] = Counter()
        self.tally: Counter[TallyKey] = Counter()
        self.texts = KeptTexts()
        self.state = "running"
        self.signal = 0
        self.seconds = 0.0

    @property
    def done(self) -> int:
        """How many entries have an outcome."""
        return self.written + self.skipped.total() + self.quarantined.total()

    @property
    def reconciles(self) -> bool:
        """Whether every entry has exactly one outcome, over all and by series.

        A run that was interrupted or failed may have entries without one, never more than one.
        """
        by_series = sum(counts.total() for counts in self.series.values())
        if self.state == "complete":
            return self.found == self.done == by_series
        return self.found >= self.done == by_series

    @property
    def to_review(self) -> int:
        """How many findings a person should look at."""
        return sum(
            count
            for (_, grade, kind, done), count in self.findings.items()
            if is_to_review(grade, kind, done)
        )

    def count(self, status: str, code: str, series: str, size: int = 0) -> None:
        """Add an instance's outcome: `written`, `skipped` or `quarantined` (both with a code)."""
        if status == WRITTEN:
            self.written += 1
            self.bytes_out += size
        elif status == SKIPPED:
            self.skipped[code] += 1
        else:
            self.quarantined[code] += 1
        counts = self.series.get(series)
        if counts is None:
            counts = self.series[series] = Counter()
        counts[status] += 1

    def observe(self, findings: Iterable[tuple[Any, ...]], notes: Iterable[str]) -> None:
        """Add what was seen in an instance."""
        for values in findings:
            finding = Finding._make(values)
            self.findings[finding.code, finding.grade, finding.kind, finding.done] += 1
        self.notes.update(notes)

    def add_tally(self, tally: dict[TallyKey, int]) -> None:
        """Add statistics of the rules."""
        for key, count in tally.items():
            self.tally[key] += count

    def as_json(self) -> dict[str, Any]:
        """The summary as plain values; `schema` names their meaning."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "run": self.run,
            "dry_run": self.dry_run,
            "state": self.state,
            "reconciles": self.reconciles,
            "found": self.found,
            "written": self.written,
            "skipped": dict(sorted(self.skipped.items())),
            "quarantined": dict(sorted(self.quarantined.items())),
            "collisions": self.collisions,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "seconds": round(self.seconds, 3),
            "findings": [
                {"code": code, "grade": grade, "kind": kind, "done": done, "count": count}
                for (code, grade, kind, done), count in sorted(self.findings.items())
            ],
            "notes": dict(sorted(self.notes.items())),
            "series": {name: dict(self.series[name]) for name in sorted(self.series)},
            "changes": [
                {
                    "tag": f"{tag:08X}",
                    "action": action,
                    "code": code,
                    "outcome": outcome,
                    "origin": origin,
                    "count": count,
                }
                for (tag, action, code, outcome, origin), count in sorted(self.tally.items())
            ],
        }
