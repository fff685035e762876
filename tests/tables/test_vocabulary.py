"""Words and their classes, and that nobody has edited the built list."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from deident.engine.folding import fold
from deident.tables.vocabulary import listed_words, word_class

ROOT = Path(__file__).parents[2]
ROLES = (
    "placeholders",
    "particles",
    "titles",
    "before_persons",
    "before_numbers",
    "before_birth_dates",
)


def test_the_list_is_what_the_tool_makes() -> None:
    path = ROOT / "tools/build_vocabulary.py"
    spec = importlib.util.spec_from_file_location("build_vocabulary", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    kept = (ROOT / "src/deident/tables/vocabulary.txt").read_text(encoding="utf-8")
    assert kept.split() == tool.vocabulary()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hand", "term"),
        ("chest", "term"),
        ("long", "term"),
        ("localizer", "term"),
        ("baker", "eponym"),
        ("king", "eponym"),
        ("siemens", "eponym"),
        ("zimmerli", "name"),
        ("smith", "name"),
        ("", "name"),
    ],
)
def test_words_have_classes(word: str, expected: str) -> None:
    assert word_class(word) == expected


@pytest.mark.parametrize("role", ROLES)
def test_listed_words_are_folded(role: str) -> None:
    words = listed_words(role)
    assert words
    assert all(fold(word) == word for word in words)
