"""The published JSON Schema: every field described, actions and parameters in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deident.profiles.schema import ProfileDocument, json_schema

ROOT = Path(__file__).parents[2]


@pytest.fixture
def schema(actions):
    return json_schema(actions)


def test_every_field_is_described(schema):
    parts = {"": schema, **{k: v for k, v in schema["$defs"].items() if k != "ShortRule"}}
    for name, part in parts.items():
        assert part.get("description"), name
        for field, properties in part["properties"].items():
            assert properties.get("description"), f"{name}.{field}"


def test_the_schema_knows_the_keys_of_the_model(schema):
    expected = {field.alias or name for name, field in ProfileDocument.model_fields.items()}
    assert schema["properties"].keys() == expected
    assert schema["additionalProperties"] is False


def test_actions_and_parameters_are_in_it(schema, actions):
    rule = schema["$defs"]["RuleDocument"]
    assert rule["properties"]["action"]["enum"] == sorted(actions)
    shift = next(
        branch["then"]
        for branch in rule["allOf"]
        if branch["if"]["properties"]["action"]["const"] == "shift-date"
    )
    assert shift["properties"]["mode"]["enum"] == ["patient", "fixed"]
    assert shift["properties"]["days"]["maximum"] == 3650
    short = schema["$defs"]["ShortRule"]["additionalProperties"]["anyOf"]
    assert "remove" in short[0]["enum"]
    assert "prefix" not in short[0]["enum"]


def test_it_is_plain_json_without_null(schema):
    assert "null" not in json.dumps(schema)


def test_published_pages_are_up_to_date():
    tool = ROOT / "tools" / "docs_profiles.py"
    subprocess.run([sys.executable, str(tool), "--check"], check=True)
