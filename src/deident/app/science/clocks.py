"""By how much dates and times were moved: equal for all of a patient, and differences are unharmed.

A date and its time make one moment (PS3.3 C.12.1.1); where one of the two is missing, what is left
still says something: a time alone is known but for whole days, a date alone within a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from deident.dicom import dates
from deident.errors import InstanceError

SECOND = 1_000_000
DAY = 86_400 * SECOND


class Moment(NamedTuple):
    """Microseconds since a fixed midnight; a date or a time alone says so.

    Attributes:
        day: days, `None` without a date.
        clock: microseconds since midnight, `None` without a time.
    """

    day: int | None
    clock: int | None

    @property
    def seconds(self) -> float | None:
        """Seconds since a fixed midnight; `None` unless date and time are there."""
        if self.day is None or self.clock is None:
            return None
        return (self.day * DAY + self.clock) / SECOND


class Move(NamedTuple):
    """By how much a moment was moved: microseconds, and whether days and clock are both known."""

    kind: str
    amount: int


def moment(date_text: str, time_text: str) -> Moment | None:
    """A date and a time as a moment, either of them perhaps empty; `None` if one is malformed."""
    try:
        day = dates.parse_da(date_text).toordinal() if date_text else None
        clock = _clock(dates.parse_tm(time_text)) if time_text else None
    except InstanceError:
        return None
    return Moment(day, clock)


def moment_of(text: str) -> Moment | None:
    """A DT value as a moment, moved to UTC where it says its offset; `None` if it is malformed."""
    from datetime import date

    try:
        found = dates.parse_dt(text)
    except InstanceError:
        return None
    if found.month is None or found.day is None or found.day == 0:
        return None
    day = date(found.year, found.month, found.day).toordinal()
    if found.time is None:
        return Moment(day, None)
    turned = day * DAY + _clock(found.time) - (found.offset or 0) * 60 * SECOND
    return Moment(*divmod(turned, DAY))


def _clock(time: dates.Time) -> int:
    seconds = time.hour * 3600 + (time.minute or 0) * 60 + (time.second or 0)
    return seconds * SECOND + int(time.fraction.ljust(6, "0") or 0)


def move(before: Moment, after: Moment) -> Move | None:
    """By how much; `None` if the two have nothing in common."""
    days = None if before.day is None or after.day is None else after.day - before.day
    clock = None if before.clock is None or after.clock is None else after.clock - before.clock
    if days is not None and clock is not None:
        return Move("full", days * DAY + clock)
    if days is not None:
        return Move("date", days * DAY)
    return None if clock is None else Move("time", clock % DAY)


def reference(moves: Iterable[tuple[Move, int]]) -> Move | None:
    """The move that most have, of those that say most; whole days before others when in doubt."""
    counts: dict[str, Counter[int]] = {}
    for found, count in moves:
        counts.setdefault(found.kind, Counter())[found.amount] += count
    usual = {kind: _usual(found) for kind, found in counts.items()}
    if "full" in usual:
        return Move("full", usual["full"])
    if len(usual) == 2:
        return Move("full", usual["date"] + usual["time"])
    return next((Move(kind, amount) for kind, amount in usual.items()), None)


def _usual(counts: Counter[int]) -> int:
    return min(counts, key=lambda amount: (-counts[amount], amount % DAY != 0, amount))


def agree(one: Move, other: Move) -> bool:
    """Whether two moves may be the same one."""
    kinds = {one.kind, other.kind}
    difference = one.amount - other.amount
    if "time" in kinds:
        return "date" in kinds or difference % DAY == 0
    return difference == 0 if kinds == {"full"} or kinds == {"date"} else abs(difference) < DAY
