"""Measures a whole process from outside: wall time, processor time, peak memory."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_LAUNCHER = Path(__file__).with_name("launch.py")


class Measurement(NamedTuple):
    """One run of one command; times in seconds, memory in bytes (of the largest process)."""

    wall: float
    processor: float
    peak: int
    exit_code: int


def measure(command: list[str], log: Path) -> Measurement:
    """Run `command` to its end, with what it prints going to `log`."""
    launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(log), *command]
    wall, processor, peak, exit_code = subprocess.run(
        launch, capture_output=True, text=True, check=True
    ).stdout.split()
    return Measurement(float(wall), float(processor), int(peak), int(exit_code))


def warm(folder: Path, size: int) -> None:
    """Have every file of `folder` in the page cache, and memory for `size` bytes at hand.

    A virtual machine gives pages that are free for some seconds back to its host; getting them
    again costs more than filling them, and would be counted against whoever happens to run then.
    """
    buffer = bytearray(1 << 20)
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass
    pages = min(size * 5 // 4, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    mmap.mmap(-1, pages, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()
