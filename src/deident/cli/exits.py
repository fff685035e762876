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
    READER_GONE = 141
    TERMINATED = 143


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "Done, and everything that was written was searched for identifiers first.",
    ExitCode.UNEXPECTED: "The machine refused in the middle (disk full, standard output closed to "
    "writing), the project's books are damaged, or an error that nobody foresaw. What was written "
    "until then is complete.",
    ExitCode.USAGE: "The command line or a profile is wrong, or a place that it names cannot be "
    "used. No original was read, no output written.",
    ExitCode.QUARANTINED: "Finished, but some instances were quarantined or failed.",
    ExitCode.REVIEW: "Finished, and there are findings that a person should look at: identifiers "
    "that were found and left, or what may be a Patient ID.",
    ExitCode.NOTHING: "Finished, but there was nothing to do: no instance matched.",
    ExitCode.INTERRUPTED: "Interrupted by SIGINT (Ctrl-C). What was written is complete.",
    ExitCode.READER_GONE: "Standard output was closed before all was said (by `head`, for one). A "
    "run goes on all the same and ends with its own code.",
    ExitCode.TERMINATED: "Ended by SIGTERM. What was written is complete.",
}

# What makes a command end with `REVIEW`, and what does not.
REVIEWED: dict[str, str] = {
    "run": "a finding that was `reported`, which leaves the value as it was, of grade `certain` or "
    "`likely` (`--verify report`), or of kind `patient-id` and any grade. Findings that were "
    "repaired, other `weak` findings and notes do not count. The summary marks what counts with "
    "*to review*, `deident project findings` with `!`.",
    "diff": "a difference that the profile does not explain (marked `!`), in a file or in any pair "
    "of two folders; or an original that the profile would quarantine, though there is a cleaned "
    "instance of it. Originals and cleaned instances without a counterpart do not count.",
    "compare": "damage (marked `!`): the science in a file is not what it was, and no rule of "
    "PS3.15 under the options that the cleaned file claims allows that. What a rule takes away is "
    "lost, not damaged, and ends with 0.",
    "scan": "nothing: risks are what it was asked to list.",
    "verify": "a finding of grade `certain` or `likely`, also beside files that could not be read "
    "to their end; `weak` findings do not count. Without such a finding, files that could not be "
    "read end with 3.",
    "profile lint": "a warning, when there is no error.",
    "runs undo": "outputs that somebody has changed since, which stay.",
    "report": "outputs that are gone or were changed since the run, for `--check` also a manifest "
    "that was changed.",
    "project mapping": "an old identity that has more than one new one, or a run that has not "
    "come to its end: the mapping may lack some of its outputs.",
}
