"""Names of files and folders under the second look: what in them may identify somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deident.app.audit.findings import Finding
from deident.app.audit.patterns import search
from deident.app.audit.rules import is_made, is_token
from deident.dicom.uids import find_uids
from deident.tables.vocabulary import word_class

FILE_NAME = "file name"

# Letters that follow each other in two words, as in DOE_JANE or Doe, Jane
_TWO_WORDS = re.compile(
    r"(?<![^\W_])([A-ZÀ-Þ][^\W\d_]{2,})(?:_|, ?| )([A-ZÀ-Þ][^\W\d_]{2,})(?![^\W_])"
)
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])\d{6,12}(?![0-9A-Za-z.]?\d)")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)")


def check_name(path: str, *, uids_kept: bool) -> Iterator[Finding]:
    """Yield what is wrong with the name of an output, folders below the checked one included.

    Args:
        path: relative to the folder that is looked at.
        uids_kept: the file claims that it keeps its UIDs, so its name may have them.
    """
    for component in path.split("/"):
        yield from _component(component, uids_kept=uids_kept)


def _component(text: str, *, uids_kept: bool) -> Iterator[Finding]:
    if is_token(text.partition(".")[0]):
        return
    made = True
    for _, _, uid in find_uids(text):
        made = made and is_made(uid)
    if not made and not uids_kept:
        yield Finding("file-name", "likely", FILE_NAME, text)
        return
    if not made or text.startswith("2.25."):
        return
    if "^" in text or _DATE.search(text) or _holds_name(text) or _likely(text):
        yield Finding("file-name", "likely", FILE_NAME, text)
    elif _NUMBER.search(text):
        yield Finding("file-name", "weak", FILE_NAME, text)


def _holds_name(text: str) -> bool:
    """Whether two words stand together of which neither is a term of medicine."""
    return any(
        all(word_class(word.lower()) == "name" for word in match.groups())
        for match in _TWO_WORDS.finditer(text)
    )


def _likely(text: str) -> bool:
    return any(match.grade != "weak" for match in search(text.replace("_", " "), "text"))
