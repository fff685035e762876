"""What tests of the command line rely on: the program in this process, and an eye on its books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import program


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Callable[..., program.Result]:
    """Run the program in this process, which is quicker."""
    return program.here(capsys)


@pytest.fixture(autouse=True)
def counts_reconcile(tmp_path: Path) -> Iterator[None]:
    """Whatever runs a test has carried out: found = written + skipped + quarantined."""
    yield
    program.check_books(tmp_path)
