"""Open instances to look at them: the strict reader first, the lenient one for what it refuses.

The same two readings as a run makes (`engine.process`), so that what can be looked at is what can
be processed, and the reverse.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.charsets import DEFAULT, Charset
from deident.dicom.elements import EXPLICIT_LE, Element, Path, walk
from deident.dicom.parse import DEFAULT_LIMITS, Limits
from deident.dicom.part10 import Part10File
from deident.dicom.tags import creator_tag, is_private_creator
from deident.dicom.windows import WindowReader
from deident.engine.private import creators
from deident.engine.process import READING_ERRORS
from deident.errors import InstanceError

SPECIFIC_CHARACTER_SET = 0x00080005

# What the reader had to put up with, in words.
READER_NOTES: dict[str, str] = {
    "no-preamble": "there is no preamble of 128 bytes (PS3.10 7.1)",
    "no-meta": "there is no file meta information",
    "syntax-guessed": "the transfer syntax is not stated; it was found by trying",
    "syntax-corrected": "the data set is not in the transfer syntax that is stated",
    "trailing-bytes": "there are bytes behind the last element; a run leaves them out",
    "lenient": "the strict reader refuses the file; the lenient one was able to read all of it",
    "undecodable-text": "some text is not in the character set that is declared; it was guessed",
}


def open_instance(path: str, limits: Limits = DEFAULT_LIMITS) -> Part10File:
    """Open a file and parse all of its elements; the caller closes it.

    Raises:
        InstanceError: neither reader can read it; the code is the strict reader's.
    """
    try:
        file = part10.open(path, limits)
        try:
            file.elements()
        except InstanceError:
            file.close()
            raise
        return file
    except InstanceError as error:
        if error.code not in READING_ERRORS:
            raise
        refusal = error
    from deident.dicom.lenient import reread

    try:
        return reread(path, limits)
    except InstanceError:
        raise refusal from None


class Opened(NamedTuple):
    """A file that was opened, perhaps a damaged one.

    Attributes:
        file: the caller closes it.
        elements: top-level elements; of a damaged file those in front of the damage.
        error: what is wrong behind them, `None` for a sound file.
    """

    file: Part10File
    elements: list[Element]
    error: InstanceError | None


def open_readable(path: str, limits: Limits = DEFAULT_LIMITS) -> Opened:
    """Open a file and parse as much of it as can be parsed.

    Raises:
        InstanceError: it is not DICOM, or there is nothing in it that can be shown.
    """
    try:
        file = open_instance(path, limits)
        return Opened(file, file.elements(), None)
    except InstanceError as error:
        if error.code not in READING_ERRORS:
            raise
        refusal = error
    file = part10.open(path, limits)
    reader = WindowReader(file.source, file.start, file.header, file.encoding, limits)
    with suppress(InstanceError):
        reader.read()
    return Opened(file, reader.elements, refusal)


def meta_elements(file: Part10File) -> list[Element]:
    """Return the file meta information as elements, in the order of their tags."""
    from deident import tables

    return [
        Element(tag, vr, vr, raw, 0, 0, len(raw), len(raw), EXPLICIT_LE)
        for tag, raw in sorted(file.meta.items())
        for vr in (tables.vr_of(tag) or "UN",)
    ]


class Surroundings:
    """What an element's meaning owes to its data set: character set and private creators.

    Both are looked up by the path of the data set (`elements.walk`): an item without a Specific
    Character Set has that of what is around it (PS3.3 C.12.1.1.2); private blocks are reserved for
    one data set only (PS3.5 7.8.1).
    """

    def __init__(self, elements: list[Element]) -> None:
        """Gather from the top-level `elements` and all below."""
        self._charsets: dict[Path, Charset] = {(): DEFAULT}
        reserving: dict[Path, list[Element]] = {}
        for path, element in walk(elements):
            if element.tag == SPECIFIC_CHARACTER_SET and element.items is None:
                self._charsets[path] = Charset.of(element.value)
            elif is_private_creator(element.tag):
                reserving.setdefault(path, []).append(element)
        self._creators = {path: creators(found) for path, found in reserving.items()}

    def charset(self, path: Path) -> Charset:
        """The character set that holds in the data set at `path`."""
        while path not in self._charsets:
            path = path[:-2]
        return self._charsets[path]

    def creator(self, path: Path, tag: int) -> str | None:
        """The private creator of an element; empty if it is missing, `None` for other elements."""
        reserved = creator_tag(tag)
        if reserved is None:
            return None
        return self._creators.get(path, {}).get(reserved, "")


def value_at(elements: Iterable[Element], tag: int) -> bytes | None:
    """The raw value of a top-level element that is in memory; `None` if there is none."""
    for element in elements:
        if element.tag == tag:
            return element.value if element.items is None and element.span is None else None
    return None
