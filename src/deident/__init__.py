"""Deident de-identifies DICOM: `deidentify` one instance, the command `deident` whole folders.

The names here are the public interface; everything else may change between versions. Importing this
package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deident._version import __version__

if TYPE_CHECKING:
    from deident.app.api import Deidentified, deidentify, load_profile
    from deident.engine.result import Change, Finding
    from deident.errors import (
        DeidentError,
        InfrastructureError,
        InstanceError,
        ProfileError,
        UsageError,
    )
    from deident.profiles.model import Profile

__all__ = [
    "Change",
    "DeidentError",
    "Deidentified",
    "Finding",
    "InfrastructureError",
    "InstanceError",
    "Profile",
    "ProfileError",
    "UsageError",
    "__version__",
    "deidentify",
    "load_profile",
]

_HOMES = {
    "Change": "deident.engine.result",
    "DeidentError": "deident.errors",
    "Deidentified": "deident.app.api",
    "Finding": "deident.engine.result",
    "InfrastructureError": "deident.errors",
    "InstanceError": "deident.errors",
    "Profile": "deident.profiles.model",
    "ProfileError": "deident.errors",
    "UsageError": "deident.errors",
    "deidentify": "deident.app.api",
    "load_profile": "deident.app.api",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that it lives in, on first use."""
    from importlib import import_module

    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deident' has no attribute {name!r}")
