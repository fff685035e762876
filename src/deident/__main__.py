"""The entry: `deident` and `python -m deident`. Answers `--version` before importing more."""

from __future__ import annotations

import gc
import sys

from deident._version import __version__


def main() -> int:
    """Run the command line, return its exit code."""
    if sys.argv[1:] == ["--version"]:
        print(f"deident {__version__}")  # noqa: T201
        return 0
    # What loads while a command starts is there to stay: looking for garbage in it only takes time.
    gc.set_threshold(20_000, 20, 20)
    try:
        from deident.cli.main import main as run_command_line

        return run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
