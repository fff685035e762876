"""The command table, help and version; what they import and what they do not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deident._version import __version__
from deident.cli.main import COMMANDS, main

HEAVY = ("pydicom", "pydantic", "ruamel", "cryptography", "logging", "multiprocessing")


def imported_by(*arguments: str) -> set[str]:
    program = (
        "import sys; sys.argv = ['deident', *sys.argv[1:]]\n"
        "from deident.__main__ import main\n"
        "code = main()\n"
        "print('modules', *sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_the_version_needs_nearly_nothing() -> None:
    modules = imported_by("--version")
    assert "click" not in modules
    assert not modules & set(HEAVY)


def test_help_imports_no_command() -> None:
    modules = imported_by("--help")
    assert not modules & set(HEAVY)
    assert not {name for name in modules if name.startswith(("deident.app", "deident.engine"))}


def test_a_run_imports_nothing_heavy_before_it_works() -> None:
    program = (
        "import sys; import deident.cli.main, deident.cli.run\n"
        "from deident.app.recipes import recipe\n"
        "recipe('basic').engine(bytes(32)).build()\n"
        f"print(*set(sys.modules) & set({HEAVY}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, [])


@pytest.mark.parametrize("arguments", [["--version"], ["project", "--help"], ["run", "-h"], []])
def test_asking_is_no_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out
    assert err == ""


def test_the_version_is_the_package_s() -> None:
    done = subprocess.run([sys.executable, "-m", "deident", "--version"], capture_output=True)
    assert done.stdout.decode() == f"deident {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_called(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"deident {name}" in capsys.readouterr().out


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    out = capsys.readouterr().out
    assert all(text[:40] in out for _, text in COMMANDS.values())


def test_a_reader_of_help_that_leaves_early() -> None:
    command = f"{sys.executable} -m deident run --help | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
