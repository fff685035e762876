"""docs/reference/standard.md says what the tables and the tests say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / "tools" / "docs_standard.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_standard", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, TOOL, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_requirement_has_a_number_and_a_test(tool: ModuleType) -> None:
    numbers = [
        number
        for section in tool.requirements()["sections"]
        for number, _, _, _ in section["requirements"]
    ]
    asked = [*range(1, 15), *range(20, 27), *range(30, 38), *range(40, 48), *range(50, 54)]
    asked += [*range(80, 87), *range(90, 96)]
    assert numbers == [f"C{number:02d}" for number in asked]
    assert tool.untested(tool.named_tests()) == []


def test_a_requirement_without_a_test_is_noticed(tool: ModuleType) -> None:
    tests = tool.named_tests()
    del tests["C12"], tests["C44"]
    assert tool.untested(tests) == ["C12", "C44"]


def test_names_with_several_numbers_count_for_each(tool: ModuleType) -> None:
    tests = tool.named_tests()
    name = "test_C01_C02_C03_C04_C05_every_row_in_every_place"
    for number in ("C01", "C02", "C03", "C04", "C05"):
        assert ("tests/standard/test_table.py", name) in tests[number]


def test_only_what_comes_later_is_not_done(tool: ModuleType) -> None:
    later = [
        number
        for section in tool.requirements()["sections"]
        for number, _, _, status in section["requirements"]
        if status.startswith(tool.LATER)
    ]
    assert later == []
