"""From the name of a profile to what a run needs: an effective profile, compiled."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from deident._version import __version__
from deident.app.api import identity_of
from deident.app.running import Recipe
from deident.engine.actions import CATALOG
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.profiles.loader import load
from deident.profiles.plain import profile_hash


class PlannedEngine(NamedTuple):
    """Makes the engine of a run inside a worker; see `work.deidentify.EngineSpec`.

    Attributes:
        plan: the compiled profile.
        key: the project key.
        details: whether results list every single decision.
    """

    plan: Plan
    key: bytes
    details: bool

    def build(self) -> Engine:
        """Make it."""
        return Engine(self.plan, identity_of(self.plan.profile, self.key), details=self.details)

    def __repr__(self) -> str:  # never the key
        return f"<PlannedEngine {self.plan.profile.name}>"


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
    loaded = load(profile, options, CATALOG)
    if verify is not None:
        loaded = loaded._replace(verify=verify)
    plan = Plan(loaded)
    return Recipe(
        loaded.name,
        f"{profile_hash(loaded)} {__version__}",
        loaded.naming,
        partial(_engine, plan, details),
        _NO_DEIDENTIFICATION.format(loaded.name) if loaded.base == "keep" else "",
    )


_NO_DEIDENTIFICATION = (
    "Warning: profile {} is no de-identification: all stays but what its rules name"
)


def _engine(plan: Plan, details: bool, key: bytes) -> PlannedEngine:
    return PlannedEngine(plan, key, details)
