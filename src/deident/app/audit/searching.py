"""Search an output for identifiers of the originals: every byte of it but pixels.

Values are searched where they stand; what the reader did not take for an element is searched as it
lies in the file. Bytes are read as Latin-1, UTF-8 and UTF-16, text also in its own character set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from deident.app.audit import rules
from deident.app.audit.files import PREAMBLE, TRAILING, Opened
from deident.app.audit.findings import Finding, Grade
from deident.app.audit.instance import TEXT_VRS, Claims, Leaf, is_kept_whole, leaves, text_of
from deident.app.audit.needles import Needles
from deident.app.audit.patterns import runs_of_text
from deident.dicom.charsets import AFFECTED_VRS
from deident.dicom.parse import holds_pixels
from deident.dicom.tags import format_path

_PIECE = 1 << 18
_OVERLAP = 1 << 9  # longer than any identifier
_LONGEST_KEPT = 256  # bytes of a value whose readings are remembered
_ESCAPE = b"\x1b"
_META_START = 132
# Where numbers are numbers: a find is worth one grade less.
_NUMERIC = frozenset(("DA", "DS", "DT", "FD", "FL", "IS", "SL", "SS", "TM", "UI", "UL", "US"))
_LESS: dict[Grade, Grade] = {"certain": "likely", "likely": "weak", "weak": "weak"}


def search_output(opened: Opened, claims: Claims, needles: Needles) -> Iterator[Finding]:
    """Yield identifiers of the originals in an opened output."""
    if not needles.count:
        return
    uids_kept = rules.RETAIN_UIDS in claims.options
    yield from _in_bytes(opened.head[: _META_START - 4], needles, claims, PREAMBLE)
    for tag, raw in sorted(opened.file.meta.items()):
        for finding in _in_bytes(raw, needles, claims, format_path((), tag)):
            if not uids_kept or not finding.value.isdigit():
                yield finding
    for leaf in leaves(opened.elements):
        yield from _in_leaf(opened, leaf, claims, needles)
    yield from _in_bytes(opened.tail, needles, claims, TRAILING)


def search_file(path: str, needles: Needles) -> Iterator[Finding]:
    """Yield identifiers of the originals in a file that is not DICOM, or cannot be read as such.

    Each is found once. Of a file that the system does not let be read nothing is yielded: the
    caller knows that from trying to open it.
    """
    if not needles.count:
        return
    found: dict[Finding, None] = {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the name may be no text
            before = b""
            while data := file.read(_PIECE):
                found |= dict.fromkeys(_in_bytes(before + data, needles, Claims(), "file"))
                before = data[-_OVERLAP:]
    except OSError:
        return
    yield from found


def _in_leaf(opened: Opened, leaf: Leaf, claims: Claims, needles: Needles) -> Iterator[Finding]:
    element = leaf.element
    if not element.length or (not leaf.path and holds_pixels(element.tag, element.vr)):
        return
    for raw in _pieces(opened, leaf):
        texts = list(_readings(raw) if element.vr in TEXT_VRS else _runs(raw))
        coded = not raw.isascii() or _ESCAPE in raw  # the sets of ISO 2022 may have seven bits
        if coded and element.vr in AFFECTED_VRS and element.span is None:
            texts.append(text_of(element, leaf.charset))
        for finding in _in_texts(texts, needles, claims, leaf.where):
            weighed = _weighed(finding, leaf, claims)
            if weighed is not None:
                yield weighed


def _weighed(finding: Finding, leaf: Leaf, claims: Claims) -> Finding | None:
    """A find with the grade that it has at its place; `None` where it is none."""
    tag, vr = leaf.element.tag, leaf.element.vr
    if finding.code == "original-uid":
        return finding
    if vr in _NUMERIC and finding.value.isdigit():
        if finding.code == "original-birth-date" and tag != rules.BIRTH_DATE:
            return finding._replace(grade="weak")  # somebody was examined on somebody's birthday
        if vr == "UI" and rules.RETAIN_UIDS in claims.options:
            return None
        whole = finding.value == text_of(leaf.element, leaf.charset)
        return finding._replace(grade=_LESS[finding.grade]) if whole else None
    if is_kept_whole(tag, claims):
        return finding._replace(grade="weak") if finding.code in _OF_PERSONS else None
    if vr == "CS" or tag in rules.tags_of("product"):
        less = _LESS[finding.grade] if finding.code == "original-name" else "weak"
        return finding._replace(grade=less)
    if vr not in TEXT_VRS and finding.value.isascii() and len(finding.value) < _SURE:
        return finding._replace(grade="weak")
    return finding


_OF_PERSONS = frozenset(("original-name", "original-person"))
_SURE = 6  # letters; shorter words turn up in bytes by chance


def _pieces(opened: Opened, leaf: Leaf) -> Iterator[bytes]:
    span = leaf.element.span
    if span is None:
        raw = leaf.element.value
        step = _PIECE - _OVERLAP
        yield from (raw[at : at + _PIECE] for at in range(0, max(len(raw), 1), step))
        return
    before = b""
    for data in opened.file.source.chunks(span.offset, span.length):
        yield before + data
        before = data[-_OVERLAP:]


def _in_bytes(raw: bytes, needles: Needles, claims: Claims, where: str) -> Iterator[Finding]:
    yield from _in_texts(list(_readings(raw)), needles, claims, where)


def _in_texts(texts: list[str], needles: Needles, claims: Claims, where: str) -> Iterator[Finding]:
    """Yield each find once, whichever reading shows it."""
    found: dict[tuple[str, str], Finding] = {}
    for text in texts:
        for finding in needles.in_text(text, claims.options, where):
            found.setdefault((finding.code, finding.value), finding)
    yield from found.values()


def _readings(raw: bytes) -> tuple[str, ...]:
    """What bytes may say: short values come again and again."""
    return _remembered(raw) if len(raw) <= _LONGEST_KEPT else _read(raw)


@lru_cache(maxsize=4096)
def _remembered(raw: bytes) -> tuple[str, ...]:
    return _read(raw)


def _read(raw: bytes) -> tuple[str, ...]:
    body = raw.strip(b"\0 ")
    if not body:
        return ()
    if body.isascii() and b"\0" not in body:
        return (body.decode("ascii"),)
    texts = [body.decode("latin-1"), body.decode("utf-8", "ignore"), *_wide(raw)]
    return tuple(dict.fromkeys(texts))


def _wide(raw: bytes) -> Iterator[str]:
    """Bytes as UTF-16, at both alignments."""
    for start in (0, 1):
        even = raw[start : start + ((len(raw) - start) & ~1)]
        yield even.decode("utf-16-le", "ignore")
        yield even.decode("utf-16-be", "ignore")


def _runs(raw: bytes) -> Iterator[str]:
    """What bytes that are not known to be text have of it; all else are numbers, and read as none.

    Scripts without an alphabet are looked for in runs of their own characters.
    """
    yield _APART.join(runs_of_text(raw, least=_ANCHOR))
    if not raw.isascii():
        yield _APART.join(_IDEOGRAPHS.findall(raw.decode("utf-8", "ignore")))
        for text in _wide(raw):
            yield _APART.join(_IDEOGRAPHS.findall(text))


_ANCHOR = 4
_APART = " " * 8  # more than may stand between two words of one identifier
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af^=  ]{4,}")
