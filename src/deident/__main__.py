"""The entry: `deident` and `python -m deident`. Answers `--version` before importing more."""

from __future__ import annotations

import sys

from deident._version import __version__


def main() -> int:
    """Run the command line, return its exit code."""
    if sys.argv[1:] == ["--version"] and _version_printed():
        return 0
    try:
        from deident.cli.main import main as run_command_line

        return run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


def _version_printed() -> bool:
    """Whether stdout took the version; if not, the command line says why."""
    try:
        print(f"deident {__version__}", flush=True)  # noqa: T201
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
