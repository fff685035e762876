"""UIDs: whether one is valid, whether the standard registers it, and where they stand in text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deident import tables

MAX_LENGTH = 64

# Context groups (PS3.16) are registered under one arc and are too many to list.
_CONTEXT_GROUP = re.compile(r"1\.2\.840\.10008\.6\.1\.[1-9][0-9]{0,4}")

# A UID in text: the arcs of ISO 8824 begin with 0, 1 or 2. Components with leading zeros are not
# valid but occur. The end must not lie within a longer number; a full stop may follow.
_IN_TEXT = re.compile(r"(?<![0-9])(?<![0-9]\.)[0-2](?:\.[0-9]+){2,}")
# Roots under which DICOM UIDs are made; ANSI, private enterprises, countries, UUIDs.
_ROOTS = (
    *("1.2.840.", "1.2.826.", "1.2.276.", "1.2.392.", "1.2.250.", "1.2.124.", "1.2.156."),
    *("1.3.6.1.4.1.", "1.3.12.2.1107.", "1.3.46.670589.", "1.3.51.", "2.16.840.", "2.25."),
)
_MIN_AFTER_ROOT = 4
_MIN_COMPONENTS = 4
_LONG = 20


def normalise(uid: str) -> str:
    """Return a UID without the padding around it (NUL by the standard, blanks in practice)."""
    return uid.strip(" \0")


def is_registered(uid: str) -> bool:
    """Return whether the standard registers the UID: a class, a syntax, a well-known instance.

    Context groups of PS3.16 count too. Such a UID identifies nobody and is never replaced.
    """
    return uid in tables.registered_uids() or _CONTEXT_GROUP.fullmatch(uid) is not None


def find_uids(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield `(start, end, uid)` for every UID that stands in a text, from left to right.

    At least four components that are long together, or a root that UIDs are usually made under; at
    most 64 characters. Decimals, version numbers (1.2.3, 2.0.1.4.5) and IP addresses are none.
    """
    if text.count(".") < 2:
        return
    for match in _IN_TEXT.finditer(text):
        uid = match[0]
        if len(uid) <= MAX_LENGTH and _is_uid(uid):
            yield match.start(), match.end(), uid


def is_plain(uid: str) -> bool:
    """Whether a UID is one wherever it stands in a text; others look like version numbers."""
    return len(uid) <= MAX_LENGTH and _IN_TEXT.fullmatch(uid) is not None and _is_uid(uid)


def _is_uid(uid: str) -> bool:
    for root in _ROOTS:
        if uid.startswith(root):
            return len(uid) - len(root) >= _MIN_AFTER_ROOT
    return uid.count(".") >= _MIN_COMPONENTS - 1 and len(uid) >= _LONG
