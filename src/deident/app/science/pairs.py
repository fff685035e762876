"""One original and its counterpart: every check that needs no third file."""

from __future__ import annotations

from collections.abc import Set
from typing import NamedTuple

from deident.app.science import suv
from deident.app.science.allowed import Allowance
from deident.app.science.checks import CHECKS, PIXELS, SUV, SYNTAX, TIMES
from deident.app.science.clocks import Moment, Move, moment, moment_of, move
from deident.app.science.facts import (
    CLOCKS,
    CLOCKS_ALONE,
    INSTANCE_NUMBER,
    MODALITY,
    ORIENTATION,
    POSITION,
    SOP_INSTANCE,
    Facts,
    Found,
    Place,
    name_of,
)
from deident.app.science.frames import became
from deident.app.science.relations import Relation, key
from deident.app.science.series import Example, Finding, Ranks, Series, Severity
from deident.app.science.values import in_words, relate
from deident.dicom.elements import Element, Path
from deident.dicom.tags import is_private

_DATE_OF = {time: day for day, time in CLOCKS.items()}
_START_TIME, _START_DATE_TIME = 0x00181072, 0x00181078
_RADIOPHARMACEUTICAL = 0x00540016
_STUDY, _SERIES, _ACQUISITION, _CONTENT = CLOCKS


class Pair(NamedTuple):
    """Two opened instances, and what their comparison goes by.

    Attributes:
        before, after: their facts.
        allowed: what may go.
        series: where findings are noted.
        file: name of the cleaned file.
        values: keep values for people.
    """

    before: Facts
    after: Facts
    allowed: Allowance
    series: Series
    file: str
    values: bool

    def find(
        self, check: str, kind: str, what: str, allowed: str = "", words: tuple[str, str] = ("", "")
    ) -> None:
        """Note a finding: `lost` if something allows it."""
        severity: Severity = "lost" if allowed else "damage"
        example = Example(self.file, *words) if self.values else Example(self.file, "", "")
        self.series.find(Finding(check, severity, kind, what, allowed), example)

    def why(self, path: Path, tag: int, vr: str = "", *, other: bool = False) -> str:
        """What lets the original's element at a place go, or differ; empty if nothing does."""
        return self.allowed.why(self.before.steps(path, tag, vr), other=other)


def compare_pair(pair: Pair) -> None:
    """Carry out every check that needs no third file, and note what the others need.

    Raises:
        InstanceError: a file cannot be read any more.
    """
    _values(pair)
    _pixels(pair)
    _syntax(pair)
    _times(pair)
    _uids(pair)
    _suv(pair)
    pair.series.add_ranks(_ranks(pair.before), _ranks(pair.after))


# -- values ---------------------------------------------------------------------------------------


def _values(pair: Pair) -> None:
    before, after = pair.before.values, pair.after.values
    for place, old in before.items():
        check, name = old.attribute.check, _name(place, old)
        if not _applies(pair, check):
            continue
        new = after.get(place)
        if new and _same_bytes(old.element, new.element):
            pair.series.compared[check] += 1
            continue
        value = pair.before.value(old, new)
        if not value:
            continue
        pair.series.compared[check] += 1
        found = pair.after.value(new, old) if new else ()
        if not found:
            pair.find(check, "removed", name, _why(pair, place, old), (in_words(value), ""))
            continue
        relation = relate(value, found)
        if relation == "same" or place.tag == INSTANCE_NUMBER:  # the order counts, see `_ranks`
            continue
        allowed = _why(pair, place, old, other=True)
        kind = "replaced" if allowed else relation
        pair.find(check, kind, name, allowed, (in_words(value), in_words(found)))
    for place in after.keys() - before.keys():
        _added(pair, place, after[place])


def _same_bytes(old: Element, new: Element) -> bool:
    """Whether two values in memory are the same without a look at what they mean."""
    alike = old.vr == new.vr and old.encoding.little == new.encoding.little
    return alike and old.span is None and new.span is None and old.value == new.value


def _added(pair: Pair, place: Place, new: Found) -> None:
    """A value that was not there; below a sequence that may be replaced it is part of a dummy."""
    check = new.attribute.check
    value = pair.after.value(new)
    if value and _applies(pair, check):
        pair.series.compared[check] += 1
        allowed = _why(pair, place, new, other=True)
        pair.find(check, "added", _name(place, new), allowed, ("", in_words(value)))


def _applies(pair: Pair, check: str) -> bool:
    """Whether a check says something about images of this modality."""
    wanted = CHECKS[check].modality
    return not wanted or pair.before.text(MODALITY) == wanted


def _name(place: Place, found: Found) -> str:
    """The attribute, and the sequence that it stands in."""
    if not place.path:
        return found.attribute.name
    above = place.path[-2]
    sequence = "a private sequence" if is_private(above) else name_of(above)
    return f"{found.attribute.name} in {sequence}"


def _why(pair: Pair, place: Place, found: Found, *, other: bool = False) -> str:
    return pair.why(place.path, found.element.tag, found.element.vr, other=other)


def _ranks(facts: Facts) -> Ranks:
    """Instance Number, and position along the normal of the slice (PS3.3 C.7.6.2.1.1)."""
    number = facts.numbers(INSTANCE_NUMBER)
    position, axes = facts.numbers(POSITION), facts.numbers(ORIENTATION)
    distance = None
    if len(position) == 3 and len(axes) == 6:
        (a, b, c), (d, e, f) = axes[:3], axes[3:]
        normal = (b * f - c * e, c * d - a * f, a * e - b * d)
        distance = float(sum(one * other for one, other in zip(normal, position, strict=True)))
    return (float(number[0]) if number else None), distance


# -- pixels ---------------------------------------------------------------------------------------


def _pixels(pair: Pair) -> None:
    before, after = pair.before.pixels, pair.after.pixels
    for tag, old in before.items():
        pair.series.compared[PIXELS] += 1
        new = after.get(tag)
        if new is None:
            pair.find(PIXELS, "removed", name_of(tag), pair.why((), tag, old.vr))
            continue
        outcome = became(pair.before, pair.after, old, new)
        if outcome.kind == "cleared":
            pair.find(PIXELS, "cleared", name_of(tag), "PS3.5 8.1.2")
        elif outcome.kind == "frames-swapped":
            pair.find(PIXELS, outcome.kind, name_of(tag))
        else:
            pair.series.add_pixels(*outcome.hashes, pair.file)
    for tag in after.keys() - before.keys():
        pair.find(PIXELS, "added", name_of(tag))


def _syntax(pair: Pair) -> None:
    pair.series.compared[SYNTAX] += 1
    syntaxes = pair.before.file.transfer_syntax, pair.after.file.transfer_syntax
    if syntaxes[0] != syntaxes[1]:
        pair.find(SYNTAX, "changed", "TransferSyntaxUID", words=syntaxes)


# -- times ----------------------------------------------------------------------------------------


def _times(pair: Pair) -> None:
    """Note by how much each date and time was moved."""
    before, after = pair.before.moments, pair.after.moments
    kept: set[tuple[Path, int]] = set()
    for (path, tag), text in before.items():
        if _moment(pair.before, path, tag, before.keys()) is None:  # malformed: it says nothing
            continue
        now = after.get((path, tag), "")
        if now == text:
            kept.add((path, tag))
            continue
        allowed = pair.why(path, tag, other=bool(now))
        if not now or allowed:
            pair.series.compared[TIMES] += 1
            pair.find(TIMES, "replaced" if now else "removed", name_of(tag), allowed, (text, now))
        else:
            kept.add((path, tag))
    for path, tag in sorted(kept):
        moved = _moves(pair, path, tag, kept)
        if moved:
            pair.series.moves[name_of(tag), moved] += 1


def _moves(pair: Pair, path: Path, tag: int, kept: Set[tuple[Path, int]]) -> Move | None:
    """By how much one was moved; a date that has its time beside it is told with the time."""
    if tag in CLOCKS and (path, CLOCKS[tag]) in kept:
        return None
    old, new = (_moment(facts, path, tag, kept) for facts in (pair.before, pair.after))
    return move(old, new) if old and new else None


def _moment(facts: Facts, path: Path, tag: int, kept: Set[tuple[Path, int]]) -> Moment | None:
    """A moment, of a time with its date if that is among what was kept; `None` if malformed."""
    text = facts.moments[path, tag]
    if tag in CLOCKS:
        return moment(text, "")
    if tag in CLOCKS_ALONE or tag in _DATE_OF:
        day = (path, _DATE_OF.get(tag, 0))
        return moment(facts.moments[day] if day in kept else "", text)
    return moment_of(text)


# -- UIDs -----------------------------------------------------------------------------------------


def _uids(pair: Pair) -> None:
    """Note what became of each UID, as hashes."""
    before, after = pair.before.uids, pair.after.uids
    for (path, tag), uids in before.items():
        if not path and tag == SOP_INSTANCE:
            continue
        now = after.get((path, tag), ())
        for number, uid in enumerate(uids):
            found = key(now[number]) if number < len(now) else None
            allowed = pair.why(path, tag, "UI", other=found is not None)
            pair.series.relations[Relation(tag, key(uid), found, allowed)] += 1


# -- SUV ------------------------------------------------------------------------------------------


def _suv(pair: Pair) -> None:
    """Compute the SUV factor of both."""
    if pair.before.text(MODALITY) != "PT":
        return
    before, after = (suv.factor(_inputs(facts)) for facts in (pair.before, pair.after))
    if before.value is None:
        return
    if after.value is None:
        for name in after.missing or ("Units",):
            pair.find(
                SUV, "not-computable", f"SUV factor, for lack of {name}", _why_lost(pair, name)
            )
        pair.series.compared[SUV] += 1
        return
    difference = abs(after.value / before.value - 1)
    pair.series.note_suv(difference)
    if difference:
        dummies = next(filter(None, (_why_lost(pair, name) for name in _TIMED)), "")
        words = (f"{before.value:.9g}", f"{after.value:.9g}")
        pair.find(SUV, "differs", "SUV factor", dummies, words)


_TIMED = ("SeriesTime", "AcquisitionTime", "RadiopharmaceuticalStartTime")


def _why_lost(pair: Pair, name: str) -> str:
    """What lets an input of the factor go, wherever it stands."""
    from deident import tables

    tag = tables.keyword_to_tag(name)
    return pair.why((), tag, tables.vr_of(tag) or "") if tag else ""


def _inputs(facts: Facts) -> suv.Inputs:
    dose = facts.first_item(_RADIOPHARMACEUTICAL)

    def of_dose(tag: int) -> str:
        found = dose.get(tag)
        return "" if found is None else found.value.strip(b"\0 ").decode("latin-1")

    def number(tag: int) -> float | None:
        return next(map(float, facts.numbers(tag)), None)

    def began(day: int) -> float | None:
        return _seconds(moment(facts.text(day), facts.text(CLOCKS[day])))

    start = moment("", of_dose(_START_TIME))
    return suv.Inputs(
        units=facts.text(0x00541001),
        decay_correction=facts.text(0x00541102),
        corrected=tuple(one.strip() for one in facts.text(0x00280051).split("\\")),
        weight=number(0x00101030),
        dose=facts.number_of(dose.get(0x00181074)),
        half_life=facts.number_of(dose.get(0x00181075)),
        injected=_seconds(moment_of(of_dose(_START_DATE_TIME))),
        injected_clock=start.clock / 1e6 if start and start.clock is not None else None,
        series=began(_SERIES),
        acquisition=began(_ACQUISITION),
        ge_scan=_seconds(moment_of(facts.private_text(0x0009, "GEMS_PETD_01", 0x0D))),
        reference=number(0x00541300),
        duration=number(0x00181242),
        philips_factor=facts.private_number(0x7053, "Philips PET Private Group", 0x00),
    )


def _seconds(found: Moment | None) -> float | None:
    return found.seconds if found else None
