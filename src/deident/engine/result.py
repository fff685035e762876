"""What happened to one instance: small, picklable, without original values unless asked for."""

from __future__ import annotations

from typing import NamedTuple

from deident.dicom.elements import Path


class Change(NamedTuple):
    """What was done with one element.

    Attributes:
        path: sequence tags and item numbers above it.
        tag: group << 16 | element.
        vr: value representation.
        action: name in the action registry, `insert` for a marker, `structure` for what a file must
            not carry (group lengths, command elements), `verify` for a repair.
        code: PS3.15 action code that was performed (`X`, `Z`, `D`, `U`, `C`, `K`) or empty.
        outcome: `kept`, `removed`, `emptied`, `replaced`, `inserted`.
        origin: which row, option or rule decided.
    """

    path: Path
    tag: int
    vr: str
    action: str
    code: str
    outcome: str
    origin: str


class Finding(NamedTuple):
    """Something that a person should look at. Carries no value.

    Attributes:
        code: what was seen, e.g. `identifier` or a note of the reader.
        grade: `certain`, `likely`, `weak` or empty.
        kind: kind of identifier, e.g. `name`.
        path: where, as in `Change`.
        tag: the element.
        done: `repaired`, `reported`, `quarantined`.
    """

    code: str
    grade: str = ""
    kind: str = ""
    path: Path = ()
    tag: int = 0
    done: str = "reported"


class InstanceResult(NamedTuple):
    """Outcome of one instance that was written or is ready to be.

    Attributes:
        naming: new values that an output name can use, by keyword.
        findings: see `Finding`.
        notes: codes of what the reader had to put up with.
        uids: (old, new) of every UID that this instance introduced to the run.
        patient: (old, new) Patient ID.
        changes: every decision, when details were asked for; else empty.
    """

    naming: dict[str, str]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    uids: tuple[tuple[str, str], ...] = ()
    patient: tuple[str, str] = ("", "")
    changes: tuple[Change, ...] = ()


# One line of a run's statistics: (tag, action, code, outcome, origin) and how often.
TallyKey = tuple[int, str, str, str, str]

# A text of a standard attribute that stands in an output as in its original: (tag, text, mark) and
# how often. Marks: `WEAK` verify has a weak find in it; `HIDDEN` it may identify somebody, and the
# text is empty; `MORE` there were too many to keep, and the text is empty.
TextKey = tuple[int, str, str]
WEAK, HIDDEN, MORE = "weak", "hidden", "more"
LONGEST_TEXT = 200
_MOST_TEXTS = 5000


def count_text(into: dict[TextKey, int], key: TextKey, times: int = 1) -> None:
    """Count a retained text; of some thousands different ones only the attribute is kept."""
    if key not in into and len(into) >= _MOST_TEXTS:
        key = (key[0], "", MORE)
    into[key] = into.get(key, 0) + times
