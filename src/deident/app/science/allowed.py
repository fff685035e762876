"""What PS3.15 lets a de-identifier take away, under the options that it says it has used.

An attribute may go if Table E.1-1, an option or the supplement gives it, or a sequence around it,
a code other than K, C or U (PS3.15 E.1.1, E.3). A private attribute may go unless it is safe and
the option Retain Safe Private was used (PS3.15 E.3.10).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from deident.engine.private import is_safe
from deident.profiles.standard import TABLE_E, StandardTable, effective_table

_STAYS = frozenset("KCU")
_SAFE_PRIVATE = "retain-safe-private"
PRIVATE = f"{TABLE_E} Private Attributes"


class Step:
    """One element on the way to a value: its tag, VR and private creator (`None` for standard)."""

    __slots__ = ("creator", "tag", "vr")

    def __init__(self, tag: int, vr: str, creator: str | None) -> None:
        self.tag, self.vr, self.creator = tag, vr, creator


class Allowance:
    """What may go under some options.

    Attributes:
        options: their names, as in `profiles.model.AVAILABLE_OPTIONS`.
    """

    def __init__(self, options: Iterable[str]) -> None:
        """Look the options up.

        Raises:
            UsageError: there is no such option.
        """
        self._table: StandardTable = effective_table(options)
        self.options = self._table.options

    def why(self, steps: Iterable[Step], *, other: bool = False) -> str:
        """The row that lets the last of some steps go, or what is above it; empty if none does.

        With `other`: the row that lets another value stand there, which code X does not.
        """
        return next((origin for step in steps if (origin := self._why(step, other=other))), "")

    def _why(self, step: Step, *, other: bool) -> str:
        if step.creator is not None:
            safe = _SAFE_PRIVATE in self.options
            stays = safe and is_safe(step.tag, step.creator, step.vr)
            return "" if stays or other else PRIVATE
        row = self._table.row(step.tag, step.vr)
        if row is None or row.code in _STAYS:
            return ""
        if other and not _lets_differ(row.code):
            return ""
        return f"{row.origin} {row.code}"


def _lets_differ(code: str) -> bool:
    """Whether a code allows a dummy: D does, and Z but for references (X/Z/U*)."""
    return "D" in code or ("Z" in code and "U" not in code)


@lru_cache(maxsize=32)
def allowance(options: tuple[str, ...]) -> Allowance:
    """The allowance of some options, made once."""
    return Allowance(options)
