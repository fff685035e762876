"""The shape of a profile file, as pydantic models: what keys there are, of what type, and why.

Validation of files and the published JSON Schema both come from here. What goes beyond shape
(selectors, actions, expressions) is checked by `build`. Scalars arrive as the text that stands in
the file, so that `00100010` is a tag and not a number; pydantic makes numbers where they belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from deident.dicom.tags import format_tag
from deident.profiles.catalog import ActionCatalog, ActionSpec, ParamSpec
from deident.profiles.model import AVAILABLE_OPTIONS

FORMAT = 1
NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$"
UID_ROOT = r"^[0-2](\.(0|[1-9][0-9]*))+$"


def _flag(value: object) -> bool:
    if value in ("true", True):
        return True
    if value in ("false", False):
        return False
    raise ValueError("must be true or false")


Flag = Annotated[bool, BeforeValidator(_flag)]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, regex_engine="python-re")


_SELECTOR_PARTS = {
    "tag": "Keyword or tag of an attribute.",
    "vr": "Value representation, two letters.",
    "group": "Private group, four hexadecimal digits.",
    "creator": "Private creator as it stands in the file.",
    "element": "Last two hexadecimal digits of the private element number.",
    "in": "Path of the sequences above; ** in front for any depth.",
}
_ONE_SELECTOR: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "description": "A selector in parts, for private creators that hold quotation marks.",
            "properties": {
                name: {"type": "string", "description": text}
                for name, text in _SELECTOR_PARTS.items()
            },
            "additionalProperties": False,
        },
    ]
}
_SELECT = {"anyOf": [*_ONE_SELECTOR["anyOf"], {"type": "array", "items": _ONE_SELECTOR}]}


class RuleDocument(BaseModel):
    """One rule: for what `select` names, do `action`. Parameters of the action are further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)

    select: Annotated[Any, WithJsonSchema(_SELECT)] = Field(
        description="Which elements: a keyword, a tag such as (0010,0010), a pattern such as "
        '60xx3000, a private attribute such as (0019,"CREATOR",0C), vr:PN, *, or a path of '
        "sequences before any of these. A list makes one rule of each."
    )
    action: str = Field(description="What to do; `deident profile actions` lists the actions.")
    when: str | None = Field(
        None,
        description="Expression that must hold for the rule to apply; else the next rule does.",
    )
    note: str = Field("", max_length=2000, description="Why, in the author's words.")


# What a filter may say about an instance.
ANSWERS = ("accept", "skip", "quarantine")


class FilterDocument(_Strict):
    """One filter: exactly one of `accept`, `skip` and `quarantine`, each with an expression."""

    accept: str | None = Field(None, description="Process the instance if this expression holds.")
    skip: str | None = Field(None, description="Leave the instance out if this expression holds.")
    quarantine: str | None = Field(
        None, description="Put the instance into quarantine if this expression holds."
    )
    note: str = Field("", max_length=2000, description="Why, in the author's words.")

    @model_validator(mode="after")
    def _one_answer(self) -> FilterDocument:
        if len([word for word in ANSWERS if getattr(self, word) is not None]) != 1:
            raise ValueError("needs exactly one of accept, skip and quarantine")
        return self


class DatesDocument(_Strict):
    """How dates are shifted where they are shifted per patient."""

    max_days: int = Field(
        3650,
        alias="max-days",
        ge=1,
        le=36500,
        description="A patient's dates move back by 1 to this many days.",
    )
    whole_weeks: Flag = Field(
        False, alias="whole-weeks", description="Move by whole weeks, so that weekdays stay."
    )


class PrivateDocument(_Strict):
    """What else of private data is kept when retain-safe-private is on."""

    numeric: Flag = Field(
        False,
        description="Also keep numbers of known creators that the list of PS3.15 does not name.",
    )
    characteristics: Flag = Field(
        False,
        description="Believe what Private Data Element Characteristics Sequence (0008,0300) says.",
    )


class ProfileDocument(_Strict):
    """A profile of Deident: what should happen to every instance."""

    format: int = Field(ge=FORMAT, le=FORMAT, description="Version of this file format: 1.")
    name: str = Field(
        pattern=NAME, max_length=64, description="Name of the profile, as reports show it."
    )
    version: int = Field(1, ge=1, le=10**9, description="Counts the changes of this profile.")
    description: str = Field("", max_length=10_000, description="What the profile is for.")
    author: Line = Field("", description="Who answers for the profile.")
    edition: Line = Field("", description="Edition of PS3.15 the author had in mind, e.g. 2026d.")
    extends: str | None = Field(
        None,
        description="Profile to start from: a shipped one by name, or a path relative to this "
        "file. What is said here goes before what it says.",
    )
    base: Literal["ps3.15", "keep"] | None = Field(
        None,
        description="ps3.15: Basic Profile of PS3.15 Annex E. keep: only what rules name is "
        "changed, which is unsafe by design.",
    )
    options: list[str] = Field(
        [], description="Options of PS3.15 E.3 that are on, besides those of the extended profile."
    )
    rules: list[RuleDocument] = Field(
        [],
        description="Rules that override base and options. The most specific selector wins, then "
        "the later rule.",
    )
    filters: list[FilterDocument] = Field(
        [],
        description="Decided on the original header before any rule; the first that holds decides, "
        "and an instance for which none holds is processed.",
    )
    naming: str | None = Field(
        None, description="Template of output paths, e.g. {PatientID}/{SOPInstanceUID}.dcm."
    )
    dates: DatesDocument | None = Field(None, description="How dates are shifted.")
    verify: Literal["repair", "quarantine", "report"] | None = Field(
        None, description="What happens when an identifier is found in what is about to be written."
    )
    ages: Literal["standard", "strict"] | None = Field(
        None, description="strict: ages over 89 become 90 (HIPAA), and birth dates go."
    )
    private: PrivateDocument | None = Field(None, description="What else of private data is kept.")
    patient_prefix: str | None = Field(
        None,
        alias="patient-prefix",
        pattern=r"^[A-Za-z0-9._-]*$",
        max_length=32,
        description="Prefix of pseudonymous Patient IDs.",
    )
    uid_root: str | None = Field(
        None,
        alias="uid-root",
        pattern=UID_ROOT,
        max_length=32,
        description="Root of new UIDs; 2.25 makes them from UUIDs.",
    )


# Keys of a rule that are not parameters of its action.
RULE_KEYS = frozenset(RuleDocument.model_fields)


class Fault(NamedTuple):
    """Where the data has a wrong shape, as keys and list positions from the top, and why.

    Attributes:
        at_key: whether the last key itself is wrong rather than its value.
    """

    path: tuple[str | int, ...]
    message: str
    at_key: bool


def validate(data: object) -> tuple[ProfileDocument | None, list[Fault]]:
    """Check the shape of a file's data; return the document, or everything that is wrong."""
    try:
        return ProfileDocument.model_validate(data), []
    except ValidationError as error:
        return None, [
            Fault(problem["loc"], _words(problem), problem["type"] == "extra_forbidden")
            for problem in error.errors(include_url=False)
        ]


_MESSAGES = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_type": "must be text",
    "missing": "this key is missing",
    "string_pattern_mismatch": "has characters that are not allowed here",
}


def _words(problem: Mapping[str, Any]) -> str:
    """Say in our words what pydantic found."""
    location, kind = problem["loc"], problem["type"]
    name = next((part for part in reversed(location) if isinstance(part, str)), "the profile")
    if kind == "extra_forbidden":
        near = get_close_matches(str(location[-1]), _KEYS, n=1)
        return f"unknown key {location[-1]!r}" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "literal_error":
        return f"{name}: must be {problem['ctx']['expected']}"
    return f"{name}: {_MESSAGES.get(kind) or problem['msg'].removeprefix('Value error, ').lower()}"


def _keys(*models: type[BaseModel]) -> list[str]:
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


_KEYS = _keys(ProfileDocument, FilterDocument, DatesDocument, PrivateDocument)


def json_schema(actions: ActionCatalog) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of profile files, actions and parameters included."""
    schema = _tidied(ProfileDocument.model_json_schema(by_alias=True))
    definitions = schema["$defs"]
    rule = definitions["RuleDocument"]
    rule["properties"]["action"]["enum"] = sorted(actions)
    rule.pop("additionalProperties", None)
    rule["allOf"] = [
        {
            "if": {"properties": {"action": {"const": name}}},
            "then": _parameters(actions[name]),
        }
        for name in sorted(actions)
    ]
    rule["unevaluatedProperties"] = False
    definitions["FilterDocument"]["oneOf"] = [{"required": [answer]} for answer in ANSWERS]
    definitions["ShortRule"] = _short_rule(actions, rule)
    schema["properties"]["rules"]["items"] = {
        "anyOf": [{"$ref": "#/$defs/RuleDocument"}, {"$ref": "#/$defs/ShortRule"}]
    }
    schema["properties"]["options"]["items"]["enum"] = list(AVAILABLE_OPTIONS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Deident profile, format 1",
        **schema,
    }


_NULL = {"type": "null"}


def _tidied(schema: Any) -> Any:
    """Without generated titles, and without null, which a file may not have."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema if part != _NULL]
    if not isinstance(schema, dict):
        return schema
    tidied = {
        key: _tidied(value)
        for key, value in schema.items()
        if key != "title" and not (key == "default" and value is None)
    }
    choices = tidied.get("anyOf", ())
    if len(choices) == 1:
        del tidied["anyOf"]
        tidied |= choices[0]
    return tidied


def _parameters(action: ActionSpec) -> dict[str, Any]:
    required = [param.name for param in action.params if param.required]
    parameters: dict[str, Any] = {
        "properties": {param.name: _parameter(param) for param in action.params}
    }
    return parameters | ({"required": required} if required else {})


_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "regex": {"type": "string", "format": "regex"},
    "date": {"type": ["string", "integer"]},
    "mapping": {"type": "object", "additionalProperties": {"type": "string"}},
}


def _parameter(param: ParamSpec) -> dict[str, Any]:
    schema = {"description": param.doc, **_TYPES.get(param.kind, {"type": "string"})}
    if param.kind == "choice":
        schema["enum"] = list(param.choices)
    if param.low is not None:
        schema["minimum"] = param.low
    if param.high is not None:
        schema["maximum"] = param.high
    if param.default is not None:
        tag = param.kind == "tag"
        schema["default"] = format_tag(param.default) if tag else param.default
    return schema


def _short_rule(actions: ActionCatalog, rule: Mapping[str, Any]) -> dict[str, Any]:
    """One key, the selector; its value an action, or a mapping of the rule's other keys."""
    plain = [name for name in sorted(actions) if not any(p.required for p in actions[name].params)]
    longer = {key: rule[key] for key in ("allOf", "unevaluatedProperties")}
    longer["properties"] = {
        key: value for key, value in rule["properties"].items() if key != "select"
    }
    return {
        "type": "object",
        "description": "A rule in short: the selector as key, the action as value.",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"not": {"enum": sorted(RULE_KEYS)}},
        "additionalProperties": {
            "anyOf": [
                {"enum": plain},
                {"type": "object", "required": ["action"], **longer},
            ]
        },
    }
