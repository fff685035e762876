"""What docs/reference/profiles.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deident.engine.actions import CATALOG
from deident.profiles.lint import lint
from deident.profiles.loader import load
from deident.profiles.selectors import parse_selector

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "profiles.md").read_text()


def test_the_example_is_a_profile_without_findings(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "lung.yaml"
    path.write_text(example)
    assert lint(path, CATALOG) == []
    assert load(str(path), actions=CATALOG).name == "lung-trial"


def selector_rows() -> list[str]:
    section = PAGE.partition("## Selectors")[2].partition("##")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    texts = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    return [text for text in texts if "…" not in text]


@pytest.mark.parametrize("text", selector_rows())
def test_the_selectors_are_selectors(text):
    assert parse_selector(text).text == text
