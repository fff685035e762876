"""Runs one command and writes what it took: `launch.py LOG COMMAND...` prints times and memory.

A process of its own, and a small one: the peak memory that the system reports for a command is at
least what the process that started it held, so the benchmark itself must not be the one.
"""

import os
import sys
import time


def main(log: str, command: list[str]) -> None:
    """Print wall seconds, processor seconds, peak bytes and exit code of `command`."""
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began = time.perf_counter()
    process = os.fork()
    if process == 0:
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - began
    processor = usage.ru_utime + usage.ru_stime
    print(wall, processor, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
