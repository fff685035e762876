"""What a profile may say about actions: their names and parameters, apart from how they are done.

`engine.actions` describes each of its actions with an `ActionSpec`; `loader`, `lint` and the schema
receive these as an `ActionCatalog`, because this room may not import the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from deident import tables
from deident.errors import UsageError

ParamKind = Literal["str", "int", "bool", "choice", "regex", "template", "tag", "date", "mapping"]

MAX_PATTERN = 500
MAX_TEXT = 10_000


class ParamSpec(NamedTuple):
    """One parameter of an action.

    Attributes:
        name: the key in a rule.
        kind: what is written and what the action gets: `str`, `int`, `bool`; `choice` one of
            `choices`; `regex` a pattern, checked, as text; `template` text with `{fields}`; `tag` a
            keyword or tag, given to the action as a number; `date` as YYYYMMDD (YYYY-MM-DD is read
            too); `mapping` text to text.
        required: whether a rule must give it.
        default: what the action gets when the rule does not give it; must be of the kind's type.
        choices: for `choice`; for `template` the fields, if only some are allowed: one that ends
            in a colon, such as `orig:`, is followed by the keyword of an attribute.
        doc: one line for help, schema and docs.
        low, high: limits of an `int`, inclusive.
        needed_with: another parameter and a value of it; with that, this one must be given, and not
            be its default, which would do nothing.
    """

    name: str
    kind: ParamKind
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    doc: str = ""
    low: int | None = None
    high: int | None = None
    needed_with: tuple[str, str] | None = None


class ActionSpec(NamedTuple):
    """One action as profiles, help and docs see it.

    Attributes:
        name: as written in a profile, e.g. `shift-date`.
        code: the action code of PS3.15 Table E.1-1a that it carries out (`X`, `Z`, `D`, `K`, `C`,
            `U`), or empty.
        doc: one line that says what becomes of the element.
        params: its parameters, in the order in which help shows them.
        vrs: the VRs whose values it can work on; `None` for all.
        sequences: whether it can be applied to a sequence.
    """

    name: str
    code: str
    doc: str
    params: tuple[ParamSpec, ...] = ()
    vrs: frozenset[str] | None = None
    sequences: bool = True


# Name of an action to what it is; `engine.actions` owns the one that counts.
ActionCatalog = Mapping[str, ActionSpec]


class ParamError(ValueError):
    """A parameter of an action is wrong; `param` names it (empty: the action lacks one)."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(param, message)
        self.param, self.message = param, message

    def __str__(self) -> str:
        return self.message


def check_params(action: ActionSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters an action gets: those given, converted, and the defaults of the others.

    Raises:
        ParamError: a parameter is unknown, missing, or its value does not fit.
    """
    known = {param.name: param for param in action.params}
    for name in given:
        if name not in known:
            takes = ", ".join(known) if known else "none"
            raise ParamError(
                name, f"unknown parameter {name!r} of {action.name}; it takes: {takes}"
            )
    checked: dict[str, Any] = {}
    for name, param in known.items():
        if name in given:
            checked[name] = check_value(param, given[name])
        elif param.required:
            raise ParamError("", f"{action.name} needs the parameter {name!r}")
        else:
            checked[name] = param.default
    for name, param in known.items():
        if param.needed_with and checked[name] == param.default:
            other, value = param.needed_with
            if checked[other] == value:
                text = f"{action.name} with {other}: {value} needs {name}, and not {param.default}"
                where = next((one for one in (name, other) if one in given), "")
                raise ParamError(where, text)
    return checked


def check_value(param: ParamSpec, value: Any) -> Any:
    """Convert one parameter value to what its kind promises.

    Raises:
        ParamError: the value does not fit.
    """
    try:
        return _KINDS[param.kind](param, value)
    except ValueError as error:
        raise ParamError(param.name, f"{param.name}: {error}") from None


def _text(_param: ParamSpec, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("must be text")
    text = str(value)
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    return text


def _integer(param: ParamSpec, value: Any) -> int:
    text = _text(param, value)
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        raise ValueError("must be a whole number")
    number = int(text)
    if (param.low is not None and number < param.low) or (
        param.high is not None and number > param.high
    ):
        raise ValueError(f"must be {_limits(param)}")
    return number


def _limits(param: ParamSpec) -> str:
    if param.high is None:
        return f"{param.low} or more"
    return f"{param.high} or less" if param.low is None else f"from {param.low} to {param.high}"


def _boolean(_param: ParamSpec, value: Any) -> bool:
    if value in (True, "true", "True", "TRUE"):
        return True
    if value in (False, "false", "False", "FALSE"):
        return False
    raise ValueError("must be true or false")


def _choice(param: ParamSpec, value: Any) -> str:
    text = _text(param, value)
    if text not in param.choices:
        raise ValueError(f"must be one of {', '.join(param.choices)}")
    return text


def _regex(param: ParamSpec, value: Any) -> str:
    text = _text(param, value)
    compile_pattern(text)
    return text


def compile_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a regular expression that a person wrote.

    Raises:
        ValueError: it is not one, or is longer than `MAX_PATTERN`.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def _template(param: ParamSpec, value: Any) -> str:
    text = _text(param, value)
    for field in template_fields(text):
        _check_field(field, param.choices)
    return text


def _check_field(field: str, allowed: tuple[str, ...]) -> None:
    start, colon, keyword = field.partition(":")
    if allowed and start + colon not in allowed:
        raise ValueError(f"there is no field {{{field}}}; there are: {', '.join(allowed)}")
    if allowed and colon and tables.keyword_to_tag(keyword) is None:
        raise ValueError(f"no attribute has the keyword {keyword!r}")


def template_fields(text: str) -> tuple[str, ...]:
    """Return the names between braces of a template; `{{` and `}}` stand for the braces themselves.

    Raises:
        ValueError: a brace has no partner, or a field has no name.
    """
    rest = text.replace("{{", "").replace("}}", "")
    fields = re.findall(r"\{([^{}]*)\}", rest)
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", rest)):
        raise ValueError("a brace has no partner; write {{ or }} for the character itself")
    if any(not field.strip() for field in fields):
        raise ValueError("a field has no name")
    return tuple(fields)


def _tag(_param: ParamSpec, value: Any) -> int:
    from deident.profiles.selectors import parse_selector

    try:
        selector = parse_selector(value)
    except UsageError as error:
        raise ValueError(error.message) from None
    if selector.kind != "tag" or selector.parents or selector.anchored:
        raise ValueError("must name one attribute, without a path")
    return selector.tag


def _date(param: ParamSpec, value: Any) -> str:
    from datetime import date

    text = _text(param, value)
    parts = re.fullmatch(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})", text)
    try:
        if not parts:
            raise ValueError
        return date(int(parts[1]), int(parts[3]), int(parts[4])).strftime("%Y%m%d")
    except ValueError:
        raise ValueError("must be a date, YYYYMMDD or YYYY-MM-DD") from None


def _mapping(param: ParamSpec, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of text to text")
    return {_text(param, key): _text(param, item) for key, item in value.items()}


_KINDS: dict[str, Callable[[ParamSpec, Any], Any]] = {
    "str": _text,
    "int": _integer,
    "bool": _boolean,
    "choice": _choice,
    "regex": _regex,
    "template": _template,
    "tag": _tag,
    "date": _date,
    "mapping": _mapping,
}
