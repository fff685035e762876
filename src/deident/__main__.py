"""The entry: `deident` and `python -m deident`. Answers `--version` before importing more."""

from __future__ import annotations

import gc
import os
import sys

from deident._version import __version__


def main() -> int:
    """Run the command line, return its exit code."""
    _open_closed_streams()
    if sys.argv[1:] == ["--version"] and _version_printed():
        return 0
    return _command_line()


def _open_closed_streams() -> None:
    # A stream that was closed from the start is opened to nothing; else the next file or pipe that
    # is opened would get its number, and what is printed.
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _command_line() -> int:
    # What loads while a command starts is there to stay: looking for garbage in it only takes time.
    gc.set_threshold(20_000, 20, 20)
    try:
        return _run_with_early_worker() if sys.argv[1:2] == ["run"] else _any_command()
    except KeyboardInterrupt:
        return 130


def _run_with_early_worker() -> int:
    from deident.work import early

    try:
        early.start(_preload)
        return _any_command()
    finally:
        early.discard()


def _preload() -> None:
    from deident.app.preloading import preload

    preload()


def _any_command() -> int:
    from deident.cli.main import main as run_command_line

    return run_command_line(sys.argv[1:])


def _version_printed() -> bool:
    """Whether stdout took the version; if not, the command line says why."""
    try:
        os.write(1, f"deident {__version__}\n".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
