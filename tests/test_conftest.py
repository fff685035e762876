"""The guarantees of `conftest.py` hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


def test_home_is_a_fresh_folder() -> None:
    home = Path(os.environ["HOME"])
    assert home.is_dir()
    assert list(home.iterdir()) == []


def test_other_machines_cannot_be_reached() -> None:
    with pytest.raises(RuntimeError, match="network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


@pytest.mark.parametrize(("required", "exit_code"), [("", 0), ("0", 0), ("1", 1)])
def test_skipped_integration_tests_are_named_and_fail_where_required(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, required: str, exit_code: int
) -> None:
    monkeypatch.setenv("DEIDENT_REQUIRE_INTEGRATION", required)
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers =\n  integration: x\n  samples: y")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.integration
        def test_other_program():
            pytest.skip("dciodvfy is not installed")

        def test_mine():
            pass
        """
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == exit_code
    result.stdout.fnmatch_lines(["*test_other_program: dciodvfy is not installed"])
