"""What the program's exit codes mean; `docs/reference/exit-codes.md` is made from this."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    QUARANTINED = 3
    REVIEW = 4
    NOTHING = 5
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "Done, and everything that was written was searched for identifiers first.",
    ExitCode.UNEXPECTED: "The machine refused (disk full, no permission to write), or an error "
    "that nobody foresaw. What was written until then is complete.",
    ExitCode.USAGE: "The command line or a profile is wrong. Nothing was read or written.",
    ExitCode.QUARANTINED: "Finished, but some instances were quarantined or failed.",
    ExitCode.REVIEW: "Finished, and there are findings that a person should look at: identifiers "
    "that were found and left, or what may be a Patient ID.",
    ExitCode.NOTHING: "Finished, but there was nothing to do: no instance matched.",
    ExitCode.INTERRUPTED: "Interrupted by SIGINT (Ctrl-C). What was written is complete.",
    ExitCode.TERMINATED: "Ended by SIGTERM. What was written is complete.",
}
