"""The pages about codes say what the program says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from deident.cli.exits import MEANINGS, ExitCode
from deident.errors import REASONS, SKIPPED

ROOT = Path(__file__).parent.parent.parent


def test_the_pages_are_up_to_date() -> None:
    command = [sys.executable, ROOT / "tools" / "docs_codes.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_skipping_is_done_for_known_reasons() -> None:
    assert set(REASONS) >= SKIPPED


def test_every_code_that_the_program_uses_has_a_reason() -> None:
    raised = re.compile(r'(?:Error|failed)\(\s*"([a-z-]+)"')
    used = {
        code
        for path in (ROOT / "src" / "deident").rglob("*.py")
        for code in raised.findall(path.read_text(encoding="utf-8"))
    }
    assert len(used) > 20
    assert used <= set(REASONS)
