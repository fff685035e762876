"""Every error that Deident raises on purpose: one root, four families, stable codes.

A code is a short kebab-case word that scripts may rely on; `REASONS` says for each code what it
means and what a person can do about it. Messages never carry a value taken from a DICOM file or a
path below an input: they name tags, offsets, codes and things that the user typed.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple


class Reason(NamedTuple):
    """What a code means (`text`) and what to do about it (`advice`)."""

    text: str
    advice: str


class DeidentError(Exception):
    """Root of all errors that Deident raises on purpose.

    `code` is a key of `REASONS`; `exit_code` is what the command line exits with.
    """

    exit_code = 1

    def __init__(self, code: str, message: str = "") -> None:
        if code not in REASONS:
            raise ValueError(f"no reason is registered for the code {code!r}")
        super().__init__(code, message)
        self.code = code
        self.message = message or REASONS[code].text

    def __str__(self) -> str:
        return self.message


class UsageError(DeidentError):
    """The command line or the call was wrong: nothing has been read or written."""

    exit_code = 2


class ProfileError(DeidentError):
    """A profile is wrong. `source`, `line` and `column` (from 1) say where."""

    exit_code = 2

    def __init__(
        self, code: str, message: str, *, source: str = "", line: int = 0, column: int = 0
    ) -> None:
        super().__init__(code, message)
        self.args = (code, message, source, line, column)
        self.source, self.line, self.column = source, line, column

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}: " if self.source and self.line else ""
        return where + self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _profile_error, self.args


def _profile_error(code: str, message: str, source: str, line: int, column: int) -> ProfileError:
    return ProfileError(code, message, source=source, line=line, column=column)


class InstanceError(DeidentError):
    """One instance cannot be processed; it is quarantined with `code`. `offset` is in bytes."""

    exit_code = 3

    def __init__(self, code: str, message: str = "", *, offset: int | None = None) -> None:
        super().__init__(code, message)
        self.offset = offset
        if offset is not None:
            self.message += f" (at byte {offset})"


class InfrastructureError(DeidentError):
    """The machine refused: disk full, folder not writable, key unreadable."""

    exit_code = 1


# The machine has no room or is broken; any other refusal is about the place that was named.
_MACHINE_REFUSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def unwritable(what: str, path: str | os.PathLike[str], error: OSError) -> DeidentError:
    """The error for a place named in a request that cannot be written to, before any work is done.

    >>> unwritable("the mapping", "/proc/x", PermissionError(13, ""))
    UsageError('output-unwritable', 'the mapping cannot be written: /proc/x: Permission denied')
    """
    taken = error.errno == errno.EEXIST
    reason = "a file has that name" if taken else os.strerror(error.errno or 0)
    text = f"{what} cannot be written: {os.fspath(path)}: {reason}"
    if error.errno in _MACHINE_REFUSES:
        return InfrastructureError("write-failed", text)
    return UsageError("output-unwritable", text)


def place_of(error: BaseException) -> str:
    """Where an unexpected error arose: its kind and the innermost place in this package."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        _, found, module = code.co_filename.rpartition("/deident/")
        if found:
            place = f" in {module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place


# code: (what happened, what to do). Sorted by family; docs/reference/codes.md is generated from it.
REASONS: dict[str, Reason] = {
    # reading
    "not-dicom": Reason(
        "not a DICOM file", "It was left out. Check that it is not a broken DICOM file."
    ),
    "empty-file": Reason("the file has no bytes", "Fetch the file again from its source."),
    "unreadable": Reason(
        "the operating system refused to read the file", "Check permissions and the disk."
    ),
    "vanished": Reason("the file disappeared during the run", "Run again when nothing moves it."),
    "changed": Reason("the file changed while it was read", "Run again when nothing writes to it."),
    "bad-length": Reason(
        "an element claims more bytes than there are",
        "The file is cut short or damaged; fetch it again.",
    ),
    "bad-vr": Reason(
        "a value representation is not one of PS3.5 6.2",
        "The file is damaged or written by a faulty program; re-export it.",
    ),
    "bad-structure": Reason(
        "sequence or item delimiters do not fit together", "Re-export the file from its source."
    ),
    "bad-meta": Reason(
        "the file meta information cannot be read", "Re-export the file from its source."
    ),
    "bad-charset": Reason(
        "the Specific Character Set is unknown or its text cannot be decoded",
        "Correct (0008,0005) at the source, or map it with a rule.",
    ),
    "bad-deflate": Reason("the deflated data set cannot be inflated", "Re-export the file."),
    "unknown-transfer-syntax": Reason(
        "the transfer syntax is not known, so the data set cannot be parsed",
        "Convert the file to a transfer syntax of PS3.5 chapter 10.",
    ),
    "duplicate-element": Reason(
        "the same element occurs twice with different values",
        "Which value counts cannot be known; correct the file at its source.",
    ),
    "too-deep": Reason("sequences are nested beyond the limit", "Raise the limit if this is real."),
    "too-many-elements": Reason(
        "more elements than the limit", "Raise the limit if this is real data."
    ),
    "too-large": Reason(
        "a value that must be held in memory is larger than the limit",
        "Raise the limit if this is real data.",
    ),
    "dicomdir": Reason(
        "a DICOMDIR is never copied; the files that it names are processed by themselves",
        "Nothing to do.",
    ),
    "missing-uid": Reason(
        "SOP Class UID or SOP Instance UID is missing or no UID, so no valid file can be written",
        "Add the UIDs at the source.",
    ),
    # deciding
    "filter": Reason("a filter of the profile quarantined the instance", "See the profile."),
    "filter-failed": Reason(
        "a filter of the profile could not be evaluated on this instance",
        "Correct the filter expression or the instance.",
    ),
    "rule": Reason("a rule of the profile quarantined the instance", "See the profile."),
    "rule-failed": Reason(
        "a rule could not be carried out on a value of this instance",
        "Correct the rule, or the value at its source.",
    ),
    "discarded": Reason("a rule of the profile discarded the instance", "See the profile."),
    "not-encodable": Reason(
        "a new text has characters that the instance's Specific Character Set lacks",
        "Use replacement text in ASCII.",
    ),
    "bad-date": Reason(
        "a date, time or age is not of the form that DICOM asks for, or cannot be changed as asked",
        "Remove or replace it with a rule, or correct it at its source.",
    ),
    "private-unknown": Reason(
        "a private value could not be parsed, so it cannot be judged", "Remove it with a rule."
    ),
    "filtered": Reason("a filter of the profile left the instance out", "See the profile."),
    "overlay-in-pixels": Reason(
        "an overlay is stored in bits of Pixel Data that cannot be cleared without decoding",
        "Convert the file to an uncompressed transfer syntax, or remove the overlay at its source.",
    ),
    # proving
    "identifier-left": Reason(
        "an identifier of the patient would be left and could not be repaired",
        "See the finding for the element; add a rule that removes it.",
    ),
    "no-patient-id": Reason(
        "neither Patient ID nor Study Instance UID says whose instance this is",
        "Add the Patient ID at the source.",
    ),
    # running
    "timeout": Reason(
        "processing took longer than the limit", "Raise --timeout or look at the file."
    ),
    "worker-died": Reason(
        "the worker process ended while it worked on this file", "Report this file's kind."
    ),
    "collision": Reason(
        "another output has the same name",
        "Two different instances share a SOP Instance UID (correct the source), or an earlier run "
        "wrote something else there (choose a new output folder).",
    ),
    "write-failed": Reason(
        "the output could not be written", "Check free space and permissions of the output folder."
    ),
    "unexpected": Reason(
        "an unexpected error", "Report it with the program's version; no file content is needed."
    ),
    "duplicate": Reason(
        "an identical output is already there", "Nothing to do: nothing was lost or overwritten."
    ),
    "resumed": Reason("written by an earlier run that this one continues", "Nothing to do."),
    "symlink": Reason(
        "a symbolic link was not followed", "Name its target as an input, or use --follow-symlinks."
    ),
    "special-file": Reason("a device, socket or pipe is never opened", "Nothing to do."),
    "other-extension": Reason(
        "its name has none of the extensions that were asked for", "See --ext."
    ),
    "own-output": Reason(
        "an output that was written beside its original", "Nothing to do; it is not read again."
    ),
    "folder-unreadable": Reason(
        "a folder could not be listed, so what it holds is not known",
        "Check its permissions, and that its path has fewer than 4,096 bytes; run again.",
    ),
    "worker-failed": Reason(
        "a worker process could not start", "Check memory limits and the installation."
    ),
    "counts-differ": Reason(
        "the run's counts do not add up", "Do not use the output; report it with the summary."
    ),
    # asking
    "usage": Reason("the command line is wrong", "See --help."),
    "option-not-available": Reason(
        "this option of PS3.15 is not available yet", "Leave it out; see the changelog."
    ),
    "options-exclude": Reason("these options exclude each other", "Choose one of them."),
    "profile-unreadable": Reason("the profile cannot be read", "Correct it; see profile lint."),
    "profile-invalid": Reason("the profile is not valid", "Correct it; see profile lint."),
    "unknown-tag": Reason("no attribute of this name or number", "Check the spelling."),
    "output-unwritable": Reason(
        "the place to write to cannot be written", "Check its permissions, or choose another."
    ),
    "not-replaced": Reason(
        "there is a file already that would be lost", "Choose another name, or move the file away."
    ),
    "mapping-misplaced": Reason(
        "a mapping among originals or outputs would be read or given away with them",
        "Choose a folder elsewhere, as safe as the originals.",
    ),
    "output-in-input": Reason(
        "output inside input would be read again", "Choose an output folder elsewhere."
    ),
    "input-in-output": Reason(
        "input inside output could be overwritten", "Choose an output folder elsewhere."
    ),
    "project-in-output": Reason(
        "a project inside the output would be given away with it", "Choose a folder elsewhere."
    ),
    "project-in-input": Reason(
        "a project inside the input would be read as input", "Choose a folder elsewhere."
    ),
    "input-unreadable": Reason("an input cannot be read", "Check that it is what it should be."),
    "input-missing": Reason("no such file or folder", "Check the path."),
    "project-invalid": Reason("this is not a usable project folder", "See deident project init."),
    "journal-damaged": Reason(
        "a run journal cannot be read with this project's key",
        "Restore the project folder from a backup; key and runs belong together.",
    ),
    "safety-copy-damaged": Reason(
        "a safety copy cannot be read with this project's key",
        "Restore the project folder from a backup; the file that was to be restored is unchanged.",
    ),
    "quarantine-damaged": Reason(
        "an entry of the quarantine cannot be read",
        "Restore the project folder from a backup, or move the entry away.",
    ),
    "resume-impossible": Reason(
        "earlier runs into this output had another profile", "Leave --resume out."
    ),
    "key-unusable": Reason(
        "the project key is missing, unreadable or open to others",
        "Restore the key file; its permissions must be 0600.",
    ),
}

# Codes for which an instance is left out on purpose; any other code of an instance quarantines it.
SKIPPED = frozenset(
    {
        "dicomdir",
        "discarded",
        "duplicate",
        "filtered",
        "not-dicom",
        "output-in-input",
        "other-extension",
        "own-output",
        "resumed",
        "special-file",
        "symlink",
    }
)
