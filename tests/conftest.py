"""What every test can rely on: its own home, no network, the sample files, named skips."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Whoever starts the tests in the background has SIGINT ignored, and all that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_COMMON)
# the same examples on every machine, so that a red build can be repeated
settings.register_profile("ci", max_examples=200, derandomize=True, **_COMMON)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


_NO_SAMPLES = "no sample files ($DEIDENT_SAMPLES or ../shared/dicom)"


def samples_folder() -> Path | None:
    """Return the folder of the sample collection, or `None` where it is absent."""
    folder = Path(os.environ.get("DEIDENT_SAMPLES") or ROOT.parent / "shared" / "dicom")
    return folder if (folder / "manifest.csv").is_file() else None


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of the sample collection; the test is skipped where there is none."""
    folder = samples_folder()
    if folder is None:
        pytest.skip(_NO_SAMPLES)
    return folder


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home, so that nothing of the developer's settings matters."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    return home


class _LocalSocket(socket.socket):
    """A socket that connects to this machine only."""

    def connect(self, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0]) if isinstance(address, tuple) else str(address)
            if host not in ("localhost", "::1") and not host.startswith("127."):
                raise RuntimeError("a test tried to use the network")
        super().connect(address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach another machine."""
    monkeypatch.setattr(socket, "socket", _LocalSocket)


# -- skips ---------------------------------------------------------------------------------------


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the sample collection where it is absent, also when they use no fixture."""
    if samples_folder() is None:
        mark = pytest.mark.skip(reason=_NO_SAMPLES)
        for item in items:
            if item.get_closest_marker("samples"):
                item.add_marker(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Mark reports of integration tests, so that the session's end can tell them."""
    report = yield
    if item.get_closest_marker("integration"):
        report.user_properties.append(("integration", True))
    return report


def _skipped_integration(reporter: pytest.TerminalReporter) -> list[str]:
    return sorted(
        f"{report.nodeid}: {str(report.longrepr[2]).removeprefix('Skipped: ')}"
        for report in reporter.stats.get("skipped", [])
        if ("integration", True) in report.user_properties
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every integration test that was skipped, and why."""
    skipped = _skipped_integration(terminalreporter)
    if skipped:
        terminalreporter.section("integration tests that were skipped")
        for line in skipped:
            terminalreporter.line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where other programs are required (`DEIDENT_REQUIRE_INTEGRATION`) but were missing.

    The sample collection is not part of the repository: who has none cannot be asked for it.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    required = os.environ.get("DEIDENT_REQUIRE_INTEGRATION", "0") not in ("", "0")
    if not required or reporter is None:
        return
    if any(not line.endswith(_NO_SAMPLES) for line in _skipped_integration(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
