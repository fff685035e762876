"""Why each element of an instance becomes what it becomes: the engine's own decisions, by place.

The instance goes through the engine of a run, with every decision recorded; nothing is written. So
an explanation is what a run does, not a second opinion on the rules.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from deident import tables
from deident.app.api import identity_of
from deident.dicom.elements import Element, Path
from deident.dicom.parse import PIXEL_DATA
from deident.dicom.part10 import Part10File
from deident.engine.markers import PRODUCT, existing
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.result import Change, InstanceResult
from deident.errors import InstanceError
from deident.profiles.model import AVAILABLE_OPTIONS, Profile

_META_GROUP = 0x0002


class Why(NamedTuple):
    """Why an element becomes what it becomes.

    Attributes:
        outcome: `kept`, `removed`, `emptied`, `replaced`, `inserted`.
        action: name in the registry; `verify` where an identifier was found, `insert` for markers.
        code: PS3.15 action code, or empty.
        origin: which row, option or rule decided.
        reason: of the supplement's rows: why.
    """

    outcome: str
    action: str
    code: str
    origin: str
    reason: str = ""


META = Why("replaced", "structure", "", "PS3.10 7.1, made new")
CLEARED = Why("replaced", "clear-overlay-bits", "X", "PS3.5 8.1.2, overlays in unused bits")


class Reasons(NamedTuple):
    """The decisions about one instance.

    Attributes:
        failure: code and words of why the instance is not de-identified; empty if it is.
        decisions: by path and tag.
        planned: top-level elements of what a run would write; values on disk are the original's.
    """

    failure: str
    decisions: Mapping[tuple[Path, int], Why]
    planned: list[Element]

    def why(self, path: Path, tag: int) -> Why | None:
        """Why an element becomes what it becomes; `None` when the engine did not decide about it.

        An element inside a sequence that goes or is replaced as a whole has the sequence's reason.
        """
        if tag >> 16 == _META_GROUP:
            return META
        for end in range(0, len(path), 2):
            above = self.decisions.get((path[:end], path[end]))
            if above is not None and above.outcome == "inserted":  # what was there is decided about
                return self.decisions.get((path, tag), above)
            if above is not None and above.outcome != "kept":
                return above
        return self.decisions.get((path, tag))


class Reasoner:
    """Takes instances through a profile to ask why.

    Attributes:
        profile: the effective profile.
        exact: whether new values are those of the project, too.
    """

    def __init__(self, profile: Profile, key: bytes | None = None) -> None:
        """`key`: of the project; without one, decisions are the same and new values differ."""
        self.profile = profile
        self.exact = key is not None
        self._plan = Plan(profile)
        self._engine = Engine(self._plan, identity_of(profile, key or os.urandom(32)), details=True)

    def ask(self, path: str) -> Reasons:
        """Return the decisions about the instance in a file."""
        try:
            with self._engine.prepare(path) as prepared:
                result, clears = prepared.result, prepared.clears_overlays
                planned = prepared.preview().elements()
        except InstanceError as error:
            return Reasons(f"{error} [{error.code}]", {}, [])
        decisions: dict[tuple[Path, int], Why] = {}
        for change in result.changes:
            key = (change.path, change.tag)
            before = decisions.get(key)
            why = self._why(change)
            if before is not None and before.action == "verify":  # the repair itself
                why = before._replace(outcome=change.outcome, reason=_found(result, *key))
            decisions[key] = why
        if clears:
            decisions[(), PIXEL_DATA] = CLEARED
        return Reasons("", decisions, planned)

    def _why(self, change: Change) -> Why:
        row = self._plan.standard.row(change.tag, change.vr) if self._plan.standard else None
        reason = row.reason if row is not None and row.origin == change.origin else ""
        return Why(change.outcome, change.action, change.code, change.origin, reason)


def _found(result: InstanceResult, path: Path, tag: int) -> str:
    """What verify found in an element: `holds a likely name of this instance`."""
    kinds = dict.fromkeys(
        f"{finding.grade} {finding.kind}"
        for finding in result.findings
        if (finding.path, finding.tag) == (path, tag) and finding.grade != "weak"
    )
    return f"holds an identifier of the instance: {', '.join(kinds)}"


def claimed_options(file: Part10File) -> tuple[str, ...]:
    """Return the options of PS3.15 that a file says it was de-identified with by this program.

    Codes (0012,0064) that were there before do not count: the words (0012,0063) behind our name do.
    """
    found = existing(file.elements())
    texts = found.method.decode("latin-1").split("\\")
    named = [number for number, text in enumerate(texts) if text.startswith(f"{PRODUCT} ")]
    ours = " ".join(texts[named[-1] :]) if named else ""
    return tuple(
        name
        for name, code in AVAILABLE_OPTIONS.items()
        if code in found.codes and tables.methods()[name].meaning in ours
    )
