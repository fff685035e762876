"""From a profile file's data to a `Profile`: meaning is checked here, shape in `schema`.

Every problem is collected with its place, so that `loader` can raise the first and `lint` list all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from deident.errors import ProfileError, UsageError
from deident.profiles.catalog import ActionCatalog, ParamError, check_params, template_fields
from deident.profiles.expression import parse
from deident.profiles.model import NAME_FIELDS, DatePolicy, FilterRule, Profile, Rule, Selector
from deident.profiles.selectors import parse_selector
from deident.profiles.standard import check_options
from deident.profiles.tree import Keys, Place, Problem, Tree

if TYPE_CHECKING:
    from deident.profiles.schema import ProfileDocument, RuleDocument

_NAME_FIELD = re.compile(r"(\w+)(?::0\d{1,2})?")

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Built(NamedTuple):
    """A profile made from a file, what it extends, and where its own rules and filters stand."""

    profile: Profile
    parent: Profile | None
    rule_places: tuple[Place, ...]
    filter_places: tuple[Place, ...]


class Builder:
    """Makes the `Profile` of one document on top of the profile that it extends."""

    def __init__(self, tree: Tree, source: str, actions: ActionCatalog) -> None:
        self.tree = tree
        self.source = source
        self.actions = actions
        self.problems: list[Problem] = []

    def problem(self, path: Keys, message: str, code: str = "profile-invalid") -> None:
        """Note that what stands at `path` is wrong."""
        place = self.tree.place(path)
        self.problems.append(Problem(place.line, place.column, message, code))

    def build(self, document: ProfileDocument, parent: Profile | None) -> Built:
        """Return the profile; it counts only if there are no `problems`."""
        start = parent or Profile("")
        rules = list(self._rules(document))
        filters = list(self._filters(document))
        profile = start._replace(
            name=document.name,
            version=document.version,
            description=document.description,
            author=document.author,
            edition=document.edition or start.edition,
            options=self._options(document, start),
            rules=(*start.rules, *(rule for rule, _ in rules)),
            filters=(*(rule for rule, _ in filters), *start.filters),
            **self._settings(document),
        )
        return Built(
            profile,
            parent,
            tuple(place for _, place in rules),
            tuple(place for _, place in filters),
        )

    def _settings(self, document: ProfileDocument) -> dict[str, Any]:
        """The settings that the document gives; others come from what it extends."""
        given: dict[str, Any] = {
            "base": document.base,
            "naming": document.naming,
            "verify": document.verify,
            "patient_prefix": document.patient_prefix,
            "uid_root": document.uid_root,
            "strict_ages": None if document.ages is None else document.ages == "strict",
        }
        if document.dates is not None:
            given["dates"] = DatePolicy(document.dates.max_days, document.dates.whole_weeks)
        if document.private is not None:
            given["private_numeric"] = document.private.numeric
            given["private_characteristics"] = document.private.characteristics
        if document.naming is not None:
            self._check_naming(document.naming)
        return {name: value for name, value in given.items() if value is not None}

    def _check_naming(self, template: str) -> None:
        """Check what does not depend on the instance; `endpoints.naming` carries templates out."""
        try:
            fields = [_NAME_FIELD.fullmatch(field) for field in template_fields(template)]
        except ValueError as error:
            self.problem(("naming",), f"naming: {error}")
            return
        if not all(field and field[1] in NAME_FIELDS for field in fields):
            self.problem(("naming",), f"naming: the fields are {', '.join(NAME_FIELDS)}")
        if any(part.strip(".") == "" for part in template.split("/")) or "{{" in template:
            self.problem(("naming",), "naming: every part of the path must be a name")

    def _options(self, document: ProfileDocument, start: Profile) -> tuple[str, ...]:
        known = [
            name
            for number, name in enumerate(document.options)
            if self._checked(("options", number), check_options, (name,))
        ]
        last: Keys = ("options", len(document.options) - 1)
        return self._checked(last, check_options, (*start.options, *known)) or start.options

    def _checked(
        self, path: Keys, check: Callable[[Argument], Result], argument: Argument
    ) -> Result | None:
        try:
            return check(argument)
        except UsageError as error:
            code = "profile-invalid" if error.code == "usage" else error.code
            self.problem(path, error.message, code)
            return None

    def _rules(self, document: ProfileDocument) -> Iterator[tuple[Rule, Place]]:
        for number, rule in enumerate(document.rules):
            here: Keys = ("rules", number)
            params = self._params(here, rule)
            when = self._expression((*here, "when"), rule.when)
            place = self.tree.place(here)
            for selector, where in self._selectors((*here, "select"), rule.select):
                origin = f"{self.source}:{place.line}"
                yield Rule(selector, rule.action, params, when, origin, rule.note), where

    def _selectors(self, path: Keys, source: Any) -> Iterator[tuple[Selector, Place]]:
        if isinstance(source, list):
            if not source:
                self.problem(path, "select: the list is empty")
            for number, one in enumerate(source):
                yield from self._selectors((*path, number), one)
            return
        selector = self._checked(path, parse_selector, source)
        if selector is not None:
            yield selector, self.tree.place(path)

    def _params(self, here: Keys, rule: RuleDocument) -> Mapping[str, Any]:
        action = self.actions.get(rule.action)
        if action is None:
            self.problem((*here, "action"), _unknown_action(rule.action, self.actions))
            return {}
        try:
            return check_params(action, rule.model_extra or {})
        except ParamError as error:
            known = any(param.name == error.param for param in action.params)
            path = (*here, error.param) if error.param else (*here, "action")
            place = self.tree.place(path) if known or not error.param else self.tree.key_place(path)
            self.problems.append(Problem(place.line, place.column, error.message))
            return {}

    def _filters(self, document: ProfileDocument) -> Iterator[tuple[FilterRule, Place]]:
        for number, rule in enumerate(document.filters):
            for then in ("accept", "skip", "quarantine"):
                text = getattr(rule, then)
                if text is not None:
                    path: Keys = ("filters", number, then)
                    when = self._expression(path, text)
                    place = self.tree.key_place(path)
                    origin = f"{self.source}:{place.line}"
                    yield FilterRule(when, then, origin, rule.note), self.tree.place(path)

    def _expression(self, path: Keys, text: str | None) -> str:
        """Check an expression; an error within it is given its place in the file."""
        if text is None:
            return ""
        try:
            parse(text)
        except ProfileError as error:
            place = self.tree.place(path)
            line, column = place.line, place.column
            if place.text:
                line, column = place.text[0] + error.line - 1, place.text[1] + error.column - 1
            self.problems.append(Problem(line, column, error.message))
        return text


def _unknown_action(name: str, actions: ActionCatalog) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, actions, n=1)
    return f"no action {name!r}" + (f"; did you mean {near[0]}?" if near else "")
