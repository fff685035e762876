"""The use case `compare`: originals and cleaned instances, pair by pair, summed up by series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from deident.app.pairing import Pair as Paths
from deident.app.pairing import Pairing
from deident.app.reading import open_instance
from deident.app.reasons import claimed_options
from deident.app.scanning import MODALITIES
from deident.app.science.allowed import Allowance, allowance
from deident.app.science.checks import INSTANCES, SERIES_TIMES
from deident.app.science.clocks import agree, reference
from deident.app.science.facts import (
    ISSUER,
    MODALITY,
    PATIENT_ID,
    SERIES,
    SOP_INSTANCE,
    STUDY,
    Facts,
)
from deident.app.science.pairs import Pair, compare_pair
from deident.app.science.relations import Graph, key
from deident.app.science.series import Example, Finding, Series
from deident.dicom.part10 import Part10File
from deident.endpoints.sources import Found
from deident.errors import REASONS, InstanceError

_DUPLICATE = "duplicate"  # the output of the identical original stands for this one too


class Observer:
    """Hears of a comparison's progress; this one does not listen."""

    def progress(self, summary: Summary) -> None:
        """Called after each original."""


class Summary:
    """What a comparison has come to.

    Attributes:
        series: in the order in which their first original was met.
        pairs: how many were compared.
        options: the options of PS3.15 that losses were judged by, and for how many pairs.
        strangers: cleaned instances of series that the originals do not have.
        unreadable: files that could not be read, by code.
    """

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.pairs = 0
        self.options: Counter[tuple[str, ...]] = Counter()
        self.strangers = 0
        self.unreadable: Counter[str] = Counter()

    def count(self, severity: str) -> int:
        """How many findings of a severity there are, counted once for each series."""
        return sum(one.severity == severity for series in self.series for one in series.findings)


def compare(
    originals: Iterable[Found],
    pairing: Pairing,
    *,
    options: tuple[str, ...] | None = None,
    left_out: Callable[[str], str] | None = None,
    values: bool = False,
    observer: Observer | None = None,
) -> Summary:
    """Compare all originals that were found with their counterparts.

    Args:
        originals: from `endpoints.sources.scan`.
        pairing: of the cleaned side.
        options: of PS3.15, that losses are judged by; `None`: those that each cleaned file claims.
        left_out: tells by absolute path with which code the run left an original out, if it did.
        values: keep a few values and the names of originals.
        observer: hears of progress.

    Raises:
        UsageError: an option is unknown.
    """
    comparison = _Comparison(options, left_out, values=values)
    for paths in pairing.pairs(originals):
        try:
            comparison.add(paths)
        except InstanceError as error:
            comparison.summary.unreadable[error.code] += 1
        (observer or Observer()).progress(comparison.summary)
    comparison.add_rest(pairing.rest())
    comparison.finish()
    comparison.summary.unreadable.update(pairing.unreadable)
    return comparison.summary


class _Comparison:
    """The books of a comparison."""

    def __init__(
        self,
        options: tuple[str, ...] | None,
        left_out: Callable[[str], str] | None,
        *,
        values: bool,
    ) -> None:
        self.summary = Summary()
        self._options, self._left_out, self._values = options, left_out, values
        self._graph = Graph()
        self._labels: dict[tuple[int, ...], str] = {}
        self._children: Counter[tuple[int, ...]] = Counter()
        self._series: dict[tuple[int, ...], Series] = {}
        self._cleaned_series: dict[int, Series] = {}
        self._cleaned: set[int] = set()

    def add(self, paths: Paths) -> None:
        """Compare an original with its counterpart, or note that it has none.

        Raises:
            InstanceError: a file cannot be read.
        """
        with open_instance(paths.original) as file:
            before = Facts(file)
            series = self._series_of(before)
            if not paths.cleaned:
                self._missing(before, series, paths.original)
                return
            with open_instance(paths.cleaned) as other:
                self._pair(before, other, series, paths.cleaned)

    def _pair(self, before: Facts, other: Part10File, series: Series, path: str) -> None:
        allowed = self._allowance(other)
        after = Facts(other)
        compare_pair(Pair(before, after, allowed, series, path, self._values))
        self.summary.pairs += 1
        self.summary.options[allowed.options] += 1
        series.before += 1
        series.after += 1
        instance = key(after.uid(SOP_INSTANCE))
        self._graph.add_instance(key(before.uid(SOP_INSTANCE)), instance)
        self._cleaned.add(instance)
        self._cleaned_series.setdefault(key(after.uid(SERIES)), series)

    def _allowance(self, cleaned: Part10File) -> Allowance:
        return allowance(claimed_options(cleaned) if self._options is None else self._options)

    def _missing(self, before: Facts, series: Series, path: str) -> None:
        code = self._left_out(path) if self._left_out else ""
        if code == _DUPLICATE:
            return
        series.before += 1
        reason = f"{REASONS[code].text} [{code}]" if code else ""
        finding = (
            Finding(INSTANCES, "lost", "left-out", "an instance", reason)
            if code
            else Finding(INSTANCES, "damage", "missing", "an instance")
        )
        series.find(finding, Example(path, "", "") if self._values else None)
        self._graph.missing[key(before.uid(SOP_INSTANCE))] = reason

    def add_rest(self, paths: Iterable[str]) -> None:
        """Cleaned instances that no original was paired with."""
        for path in paths:
            try:
                with open_instance(path) as file:
                    after = Facts(file)
            except InstanceError as error:
                self.summary.unreadable[error.code] += 1
                continue
            instance = key(after.uid(SOP_INSTANCE))
            series = self._cleaned_series.get(key(after.uid(SERIES)))
            if series is None:
                self.summary.strangers += 1
                continue
            kind = "duplicated" if instance in self._cleaned else "more"
            self._cleaned.add(instance)
            series.after += 1
            series.find(Finding(INSTANCES, "damage", kind, "an instance"), Example(path, "", ""))

    def _series_of(self, facts: Facts) -> Series:
        """The series of an original; without a Patient ID its study stands for the patient."""
        patient_id, study = facts.text(PATIENT_ID), facts.uid(STUDY)
        patient = key(patient_id, facts.text(ISSUER)) if patient_id else key("", "", study)
        place = patient, key(study), key(facts.uid(SERIES))
        found = self._series.get(place)
        if found is None:
            modality = facts.text(MODALITY)
            shown = modality if modality in MODALITIES else "other"
            found = self._series[place] = Series(self._label(place), shown, patient)
            self.summary.series.append(found)
        return found

    def _label(self, place: tuple[int, ...]) -> str:
        if not place:
            return ""
        if place not in self._labels:
            above = self._label(place[:-1])
            self._children[place[:-1]] += 1
            self._labels[place] = f"{above}.{self._children[place[:-1]]}".lstrip(".")
        return self._labels[place]

    def finish(self) -> None:
        """Judge what takes all instances to be judged."""
        for series in self.summary.series:
            self._graph.add(series.relations)
        for series in self.summary.series:
            series.finish(self._graph)
        patients: dict[int, list[Series]] = {}
        for series in self.summary.series:
            patients.setdefault(series.patient, []).append(series)
        for together in patients.values():
            _between(together)


def _between(together: list[Series]) -> None:
    """Whether all series of a patient were moved alike; when in doubt, those of more instances."""
    moves = [(series, move) for series in together if (move := series.usual_move())]
    if len(moves) < 2:
        return
    usual = reference((move, series.after) for series, move in moves)
    for series, move in moves:
        series.compared[SERIES_TIMES] += 1
        if usual is not None and not agree(move, usual):
            series.find(Finding(SERIES_TIMES, "damage", "series-moved", "dates and times"))
