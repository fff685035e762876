"""From the name of a profile to what a run needs: an effective profile, compiled.

What compiles and carries out is imported where it is needed: a run whose recipe was compiled by an
early worker (`work.early`) never loads it into its own process.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from deident._version import __version__
from deident.app.running import Recipe
from deident.store import journal
from deident.work import early

if TYPE_CHECKING:
    from deident.engine.plan import Plan
    from deident.engine.process import Engine


class PackedPlan:
    """A compiled profile that is unpacked only where it is used, however often it is sent on.

    The process that packed it never unpacks it.
    """

    def __init__(self, plan: Plan | None, packed: bytes = b"") -> None:
        """Hold a plan, or what `pickle` made of one."""
        self._plan, self._packed = plan, packed

    @property
    def plan(self) -> Plan:
        """The plan."""
        if self._plan is None:
            self._plan = _packed_here.get(self._packed) or pickle.loads(self._packed)  # noqa: S301 (our own process sent it)
        return self._plan

    def __reduce__(self) -> tuple[Any, ...]:
        if not self._packed:
            self._packed = pickle.dumps(self._plan)
            _packed_here[self._packed] = self.plan
        return PackedPlan, (None, self._packed)


_packed_here: dict[bytes, Plan] = {}


class PlannedEngine(NamedTuple):
    """Makes the engine of a run inside a worker; see `work.deidentify.EngineSpec`.

    Attributes:
        packed: the compiled profile.
        details: whether results list every single decision.
        key: the project key.
    """

    packed: PackedPlan
    details: bool
    key: bytes

    @property
    def plan(self) -> Plan:
        """The compiled profile."""
        return self.packed.plan

    def build(self) -> Engine:
        """Make it."""
        from deident.app.api import identity_of
        from deident.engine.process import Engine

        return Engine(self.plan, identity_of(self.plan.profile, self.key), details=self.details)

    def __repr__(self) -> str:  # never the key
        return "<PlannedEngine>"


def recipe(
    profile: str, options: Iterable[str] = (), *, verify: Any = None, details: bool = False
) -> Recipe:
    """Load and compile a profile.

    Args:
        profile: name of a shipped one, or path of a YAML file.
        options: PS3.15 options to switch on besides its own.
        verify: what happens to identifiers that verify finds, instead of the profile's choice.
        details: let results list every single decision.

    Raises:
        ProfileError: the profile cannot be used.
        UsageError: an option is unknown, not available, or excludes another.
    """
    from deident.engine.actions import CATALOG
    from deident.engine.plan import Plan
    from deident.profiles.loader import load
    from deident.profiles.plain import profile_hash

    loaded = load(profile, options, CATALOG)
    if verify is not None:
        loaded = loaded._replace(verify=verify)
    plan = Plan(loaded)
    return Recipe(
        loaded.name,
        f"{profile_hash(loaded)} {__version__}",
        loaded.naming,
        partial(PlannedEngine, PackedPlan(plan), details),
        "" if plan.performed.anonymous else _NO_DEIDENTIFICATION[loaded.base].format(loaded.name),
        statement(plan),
    )


def statement(plan: Plan) -> str:
    """A profile as the books keep it: its rules, its hash, and what its outputs say of it."""
    from deident import tables
    from deident.engine.actions import CATALOG
    from deident.engine.markers import claimed, method_texts
    from deident.profiles.plain import profile_hash
    from deident.profiles.written import to_text

    profile = plan.profile
    told = {
        "name": profile.name,
        "options": list(profile.options),
        "rules": to_text(profile, CATALOG),
        "hash": profile_hash(profile),
        "version": __version__,
        "edition": tables.edition(),
        "identity_removed": plan.performed.anonymous,
        "methods": method_texts(plan.performed),
        "codes": [[method.code, method.meaning] for method in claimed(plan.performed)],
    }
    return json.dumps(told, separators=(",", ":"))


_NO_DEIDENTIFICATION = {
    "keep": "Warning: profile {} is no de-identification: all stays but what its rules name",
    "ps3.15": "Warning: profile {} is no de-identification: its rules keep who the patient is",
}


def early_recipe(
    profile: str, options: Iterable[str] = (), *, verify: Any = None, details: bool = False
) -> Recipe:
    """Have an early worker make a recipe, if one waits; see `recipe`.

    What it does not come back from is done in this process, which can tell of it.
    """
    order = partial(recipe, profile, tuple(options), verify=verify, details=details)
    worker = early.waiting()
    if worker is not None:
        try:
            return worker.ask(order, meanwhile=journal.prepare)
        except EOFError:
            early.discard()
    return order()
