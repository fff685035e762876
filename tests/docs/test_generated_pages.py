"""The pages about the command line and about risks say what the program says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deident.cli.main import COMMANDS
from tools import docs_cli

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "tool",
    [
        "docs_bad_input.py",
        "docs_checks.py",
        "docs_cli.py",
        "docs_figures.py",
        "docs_risks.py",
        "docs_verify.py",
    ],
)
def test_a_page_is_up_to_date(tool: str) -> None:
    command = [sys.executable, ROOT / "tools" / tool, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_and_option_is_described() -> None:
    text = docs_cli.page()
    for name in COMMANDS:
        assert f"\n## `deident {name}`\n" in text.replace("###", "##")
    # an option without help is listed by its name alone
    assert not re.search(r"(?m)^  (?:-\w, )?--[\w-]+(?: [A-Z|]+)?$\n^  -", text)
