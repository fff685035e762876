"""Which options of PS3.15 E.3 may be asked for, and together with which others."""

from __future__ import annotations

from collections.abc import Iterable

from deident.errors import UsageError
from deident.profiles.model import AVAILABLE_OPTIONS, LATER_OPTIONS

# Not more than one of each group may be on (PS3.15 E.3.6: the two ways to treat dates).
EXCLUSIVE = (("retain-full-dates", "retain-modified-dates"),)


def check_option(name: str) -> str:
    """Return the name of an option that exists and can be carried out.

    Raises:
        UsageError: `usage`, it does not exist; `option-not-available`, it is not built yet.
    """
    if name in AVAILABLE_OPTIONS:
        return name
    if name in LATER_OPTIONS:
        raise UsageError(
            "option-not-available", f"the option {name} of PS3.15 is not available yet"
        )
    from difflib import get_close_matches

    near = get_close_matches(name, [*AVAILABLE_OPTIONS, *LATER_OPTIONS], n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(AVAILABLE_OPTIONS)}"
    raise UsageError("usage", f"no option {name!r}{hint}")


def check_options(names: Iterable[str]) -> tuple[str, ...]:
    """Return the options in the order of `AVAILABLE_OPTIONS`, each once.

    Raises:
        UsageError: as `check_option`; `options-exclude`, two of them exclude each other.
    """
    wanted = set(names)
    for name in sorted(wanted):
        check_option(name)
    for group in EXCLUSIVE:
        both = [name for name in group if name in wanted]
        if len(both) > 1:
            raise UsageError(
                "options-exclude", f"the options {' and '.join(both)} exclude each other"
            )
    return tuple(name for name in AVAILABLE_OPTIONS if name in wanted)
