"""The lock file fits the project file, and says nothing about where packages come from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK, re.MULTILINE))


def _requirements() -> list[str]:
    groups = PROJECT["dependency-groups"].values()
    return [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]] + [
        line for group in groups for line in group
    ]


@pytest.mark.parametrize("line", _requirements())
def test_lock_has_what_the_project_asks_for(line: str) -> None:
    requirement = Requirement(line)
    assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)])


def test_every_pinned_package_has_hashes() -> None:
    entries = re.split(r"\n(?=[a-z])", LOCK)
    assert len(entries) == len(PINNED)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_lock_names_no_place() -> None:
    assert not re.search(r"://|--index-url|--find-links| @ ", LOCK)


@pytest.mark.parametrize("script", [".ci/run", "tools/setup.sh", "tools/test-programs.sh"])
def test_scripts_can_be_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    shell = (ROOT / script).read_text().splitlines()[0].split()[-1].split("/")[-1]
    subprocess.run([shell, "-n", str(ROOT / script)], check=True)


def test_no_image_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file():
            with path.open("rb") as file:
                assert file.read(132)[128:] != b"DICM", name
