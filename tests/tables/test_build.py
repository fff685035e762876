"""The files of the tables are what `tools/build_tables.py` makes of their sources."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "src/deident/tables"
STANDARD = Path(os.environ.get("DEIDENT_STANDARD", ROOT.parent / "shared/standard"))
WHEEL = os.environ.get("DEIDENT_HIGHDICOM")
BUILT = [
    "annex_e.json",
    "attribute_types.json",
    "attributes.json",
    "methods.json",
    "registered_uids.json",
    "safe_private.json",
    "sop_classes.json",
    "structured_content.json",
]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_tables", ROOT / "tools/build_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", BUILT)
def test_nobody_has_edited_a_built_file(tool: ModuleType, name: str) -> None:
    data = json.loads((TABLES / name).read_text(encoding="utf-8"))
    recorded = data.pop("digest")
    assert tool.digest(data) == recorded


@pytest.mark.skipif(
    not STANDARD.exists(), reason="needs the extracts of the standard ($DEIDENT_STANDARD)"
)
def test_building_again_gives_the_same_files(tool: ModuleType, tmp_path: Path) -> None:
    arguments = ["--standard", str(STANDARD), "--into", str(tmp_path)]
    if WHEEL:
        arguments += ["--highdicom", WHEEL]
    assert tool.main(arguments) == 0
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == (BUILT if WHEEL else [n for n in BUILT if n != "attribute_types.json"])
    for name in made:
        assert (tmp_path / name).read_bytes() == (TABLES / name).read_bytes(), name


def test_sources_name_every_file() -> None:
    text = (TABLES / "SOURCES.md").read_text(encoding="utf-8")
    for path in TABLES.glob("*.json"):
        assert f"`{path.name}`" in text
