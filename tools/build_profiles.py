"""Write profiles/library/compiled.json from the YAML files beside it; `--check` only compares.

A run with a shipped profile reads the compiled form and so needs neither pydantic nor YAML.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deident.engine.actions import CATALOG
from deident.profiles import loader
from deident.profiles.plain import to_plain

_LIBRARY = Path(loader.LIBRARY)
TARGET = _LIBRARY / "compiled.json"


def compiled() -> str:
    """Return what compiled.json must hold."""
    profiles = {}
    for path in sorted(_LIBRARY.glob("*.yaml")):
        examined = loader.examine_file(path, CATALOG)
        if examined.built is None:
            sys.exit(f"{path}: {examined.problems[0]}")
        profile = examined.built.profile
        if profile.name != path.stem:
            sys.exit(f"{path}: the profile is called {profile.name!r}")
        profiles[profile.name] = to_plain(profile)
    return json.dumps(profiles, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file, or with `--check` fail when it is not what it must be."""
    text = compiled()
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET} is not up to date: run python tools/build_profiles.py")


if __name__ == "__main__":
    main()
