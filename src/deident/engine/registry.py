"""The shape of an action and the table of all of them, by name.

An action is one pure function `(subject, context, params) -> Decision`, registered with its
`ActionSpec`; help, schema, lint and docs are made of the specs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from deident.engine.context import Context
from deident.engine.decision import Decision, Subject
from deident.profiles.catalog import ActionSpec, ParamSpec

Params = Mapping[str, Any]
ActionFunction = Callable[[Subject, Context, Params], Decision]


def _nothing(_params: Params) -> frozenset[int]:
    return frozenset()


class Action(NamedTuple):
    """One entry of the registry.

    Attributes:
        spec: name, PS3.15 code, parameters and doc line.
        function: what carries it out.
        looks_at: from the parameters, the top-level tags whose value it may ask the context for.
        retains: from the parameters, whether the result may hold anything of the original value.
    """

    spec: ActionSpec
    function: ActionFunction
    looks_at: Callable[[Params], frozenset[int]]
    retains: Callable[[Params], bool]


REGISTRY: dict[str, Action] = {}
"""Every action by name; complete once `engine.actions` is imported."""


def action(
    spec: ActionSpec,
    *,
    looks_at: Callable[[Params], frozenset[int]] = _nothing,
    retains: bool | Callable[[Params], bool] = False,
) -> Callable[[ActionFunction], ActionFunction]:
    """Register the decorated function as the action `spec`."""

    def register(function: ActionFunction) -> ActionFunction:
        keeps = retains if callable(retains) else lambda _params: bool(retains)
        REGISTRY[spec.name] = Action(spec, function, looks_at, keeps)
        return function

    return register


def get(params: Params, spec: ParamSpec) -> Any:
    """The value of a parameter, its default where a caller left it out."""
    return params.get(spec.name, spec.default)
