"""One data set under the second look: every element at every depth, by table, form and pattern.

PS3.15 E.1 to E.3. What an output may keep is what it says itself that it keeps, in
De-identification Method Code Sequence (0012,0064).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from deident import tables
from deident.app.audit import rules
from deident.app.audit.findings import Finding, Grade
from deident.app.audit.patterns import Place, runs_of_text, search
from deident.dicom.charsets import DEFAULT, Charset
from deident.dicom.elements import Element, Path, Span
from deident.dicom.parse import PIXEL_TAGS
from deident.dicom.tags import creator_tag, format_path, is_private, is_private_creator
from deident.errors import InstanceError

METHOD, METHOD_CODES = 0x00120063, 0x00120064
_IDENTITY_REMOVED, _TEMPORAL = 0x00120062, 0x00280303
_CHARACTER_SET, _CODE_VALUE = 0x00080005, 0x00080100
_DOCUMENT, _PADDING = 0x00420011, 0xFFFCFFFC
_LONGEST_DUMMY = 1024  # bytes of a document that stands for none

TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI",
     "UR", "UT")
)  # fmt: skip
_NUMBERS = frozenset(("AS", "DA", "DS", "DT", "IS", "TM", "UI"))
_NO_NUMBER = re.compile(r"[^\d\s.,:+\-eE\\\0]")
_BLOB = 1 << 20  # bytes of a binary value that are searched for forms
_DATES = frozenset((rules.FULL_DATES, rules.MODIFIED_DATES))
_TEMPORAL_OF = {"UNMODIFIED": rules.FULL_DATES, "MODIFIED": rules.MODIFIED_DATES, "REMOVED": ""}

# An address or a serial number that may stay has the form of one.
_KEPT_WHOLE = frozenset(("device", "institution"))

Fetch = Callable[[Span, int], bytes]
"""Reads up to so many bytes of a value that was left in the file."""


class Claims(NamedTuple):
    """What an output says that was done to it.

    Attributes:
        options: options of PS3.15 that it names by their codes.
        directory: it is a DICOMDIR, which says nothing about itself.
    """

    options: frozenset[str] = frozenset()
    directory: bool = False


def text_of(element: Element, charset: Charset) -> str:
    """The text of a value, padding removed; what its character set does not explain, as Latin-1."""
    try:
        return charset.decode(element.value, element.vr).strip(" \0")
    except InstanceError:
        return element.value.decode("latin-1").strip(" \0")


def claims_of(elements: list[Element], *, directory: bool) -> Claims:
    """Read what a data set claims."""
    names = {method.code: name for name, method in tables.methods().items()}
    codes = {
        text_of(entry, DEFAULT)
        for element in elements
        if element.tag == METHOD_CODES
        for item in element.items or ()
        for entry in item.elements
        if entry.tag == _CODE_VALUE and entry.items is None
    }
    claimed = {names[code] for code in codes if code in names}
    temporal = next((text_of(e, DEFAULT) for e in elements if e.tag == _TEMPORAL), "")
    # codes of an earlier program stay in the file; what became of the dates is said anew each time
    claimed -= _DATES - {_TEMPORAL_OF.get(temporal, "")}
    return Claims(frozenset(claimed), directory)


def is_kept_whole(tag: int, claims: Claims) -> bool:
    """Whether an output may keep an attribute whose values have the form of identifiers."""
    rule = rules.rule_of(tag)
    return rule is not None and rule.kind in _KEPT_WHOLE and bool(rule.options & claims.options)


class _Surroundings(NamedTuple):
    """What holds in one data set: its place, character set, private creators and identities."""

    path: Path
    charset: Charset
    creators: dict[int, str]
    identity: dict[int, str]


def _surroundings(elements: list[Element], path: Path, charset: Charset) -> _Surroundings:
    for element in elements:
        if element.tag == _CHARACTER_SET and element.items is None:
            charset = Charset.of(element.value)
    plain = [element for element in elements if element.items is None and element.span is None]
    return _Surroundings(
        path,
        charset,
        {e.tag: text_of(e, charset) for e in plain if is_private_creator(e.tag)},
        {
            e.tag: text_of(e, charset)
            for e in plain
            if e.tag in (rules.PATIENT_NAME, rules.PATIENT_ID)
        },
    )


class Leaf(NamedTuple):
    """An element that holds a value, and what its meaning owes to its data set."""

    element: Element
    path: Path
    charset: Charset
    where: str


def leaves(elements: list[Element], path: Path = (), charset: Charset = DEFAULT) -> Iterator[Leaf]:
    """Yield every element of every depth that is no sequence."""
    around = _surroundings(elements, path, charset)
    for element in elements:
        if element.items is None:
            yield Leaf(element, path, around.charset, format_path(path, element.tag))
        for number, item in enumerate(element.items or ()):
            yield from leaves(item.elements, (*path, element.tag, number), around.charset)


class InstanceCheck:
    """Looks at one data set, or what could be read of it if it is not `whole`."""

    def __init__(self, claims: Claims, fetch: Fetch, *, whole: bool) -> None:
        self._claims = claims
        self._whole = whole
        self._fetch = fetch

    def run(self, elements: list[Element]) -> Iterator[Finding]:
        """Yield everything that should not be there."""
        if self._whole and not self._claims.directory:  # else they may be behind the damage
            yield from self._markers(elements)
        yield from self._data_set(elements, (), DEFAULT)

    def _data_set(self, elements: list[Element], path: Path, charset: Charset) -> Iterator[Finding]:
        around = _surroundings(elements, path, charset)
        for element in elements:
            where = format_path(path, element.tag)
            found = list(self._judged(element, around))
            for code, grade in found:
                yield Finding(code, grade, where, _shown(element, around.charset))
            if element.items is None and not found:
                yield from self._patterns(element, around, where)
            for number, item in enumerate(element.items or ()):
                below = (*path, element.tag, number)
                yield from self._data_set(item.elements, below, around.charset)

    # -- by table and value representation ---------------------------------------------------------

    def _judged(self, element: Element, around: _Surroundings) -> Iterator[tuple[str, Grade]]:
        """What is wrong with an element, apart from patterns in its text."""
        tag = element.tag
        if is_private(tag):
            if not self._may_be_private(element, around):
                yield "private", "likely"
        elif self._is_foreign(tag):
            yield "group", "likely"
        elif tag == _PADDING:
            if element.value.strip(b"\0"):
                yield "trailing", "likely"
        elif tag in (rules.PATIENT_NAME, rules.PATIENT_ID):
            yield from _identity(tag, around)
        elif tag == _DOCUMENT and element.length > _LONGEST_DUMMY:
            yield "document", "likely"
        elif element.length:
            yield from self._by_rule(element, around)

    def _may_be_private(self, element: Element, around: _Surroundings) -> bool:
        """PS3.15 E.3.10: only what its table lists, and only when it is claimed."""
        if rules.RETAIN_PRIVATE not in self._claims.options:
            return False
        if is_private_creator(element.tag):
            return True
        creator = around.creators.get(creator_tag(element.tag) or 0, "")
        key = creator, element.tag & 0xFFFF0000 | element.tag & 0xFF
        return key in tables.safe_private()

    def _is_foreign(self, tag: int) -> bool:
        """Group lengths, commands, file meta information and directories (PS3.5 7.2, 7.8)."""
        group = tag >> 16
        if not tag & 0xFFFF:
            return True
        return group in (0, 2, 6) or (group == 4 and not self._claims.directory)

    def _by_rule(self, element: Element, around: _Surroundings) -> Iterator[tuple[str, Grade]]:
        rule = rules.rule_of(element.tag)
        if rule is not None:
            if not rule.options & self._claims.options and _has_content(element, rule, around):
                yield rule.kind, "likely"
        elif tables.vr_of(element.tag) is None:
            yield "unknown", "likely"
        elif element.items is None and element.span is None:
            code = self._by_vr(element, around)
            if code:
                yield code, "likely"

    def _by_vr(self, element: Element, around: _Surroundings) -> str:
        """Kind of a value that its VR alone makes suspicious, else empty."""
        judge = _BY_VR.get(element.vr)
        if judge is None or judge.options & self._claims.options:
            return ""
        if element.tag in rules.tags_of("structural_uids") or self._is_kept_device(element.tag):
            return ""
        values = text_of(element, around.charset).split("\\")
        return "" if all(judge.good(value.strip(" \0")) for value in values) else judge.code

    def _is_kept_device(self, tag: int) -> bool:
        kept = rules.RETAIN_DEVICE in self._claims.options
        return kept and tag in rules.tags_of("device_uids")

    # -- patterns ----------------------------------------------------------------------------------

    def _patterns(self, element: Element, around: _Surroundings, where: str) -> Iterator[Finding]:
        if not element.length or (not around.path and element.tag in PIXEL_TAGS):
            return
        if is_kept_whole(element.tag, self._claims):
            return
        for text, place in self._texts(element, around.charset):
            for match in search(text, place):
                if not self._claimed(match.code):
                    yield Finding(match.code, match.grade, where, match.value)

    def _texts(self, element: Element, charset: Charset) -> Iterator[tuple[str, Place]]:
        if element.span is not None:
            for run in runs_of_text(self._fetch(element.span, _BLOB)):
                yield run, "blob"
            return
        if element.vr in TEXT_VRS:
            text = text_of(element, charset)
            if element.vr not in _NUMBERS or _NO_NUMBER.search(text):
                yield text, "product" if element.tag in rules.tags_of("product") else "text"
            return
        raw = element.value
        if element.vr == "UN" and _is_text(raw):
            yield text_of(element, charset), "text"
            return
        for run in runs_of_text(raw[:_BLOB]):
            yield run, "blob"

    def _claimed(self, code: str) -> bool:
        option = {"text-date": rules.FULL_DATES, "text-uid": rules.RETAIN_UIDS}.get(code)
        return option in self._claims.options

    # -- what it says about itself -----------------------------------------------------------------

    def _markers(self, elements: list[Element]) -> Iterator[Finding]:
        """PS3.15 E.1.1: the four attributes that say what was done (PS3.3 C.7.1.1, C.7.6.1)."""
        top = {element.tag: element for element in elements}
        said = {
            tag: text_of(top[tag], DEFAULT) if tag in top else ""
            for tag in (_IDENTITY_REMOVED, METHOD, _TEMPORAL)
        }
        if said[_IDENTITY_REMOVED] != "YES":
            yield Finding("not-marked", "likely", "PatientIdentityRemoved", said[_IDENTITY_REMOVED])
        if METHOD_CODES not in top or not top[METHOD_CODES].items:
            if said[METHOD]:
                yield Finding("no-codes", "weak", format_path((), METHOD_CODES))
            else:
                yield Finding("no-method", "likely", format_path((), METHOD))
        option = _TEMPORAL_OF.get(said[_TEMPORAL])
        if option is None or (option and option not in self._claims.options):
            where = format_path((), _TEMPORAL)
            yield Finding("temporal", "likely", where, said[_TEMPORAL])


def _identity(tag: int, around: _Surroundings) -> Iterator[tuple[str, Grade]]:
    """Patient's Name and Patient ID: pseudonyms, dummies, or at least the same and no name."""
    text = around.identity.get(tag, "")
    if rules.is_dummy(text):
        return
    name, patient_id = (
        around.identity.get(one, "") for one in (rules.PATIENT_NAME, rules.PATIENT_ID)
    )
    one_is_made = rules.is_token(name) or rules.is_token(patient_id)
    if (
        one_is_made
        or not any(char.isdigit() for char in text)
        or (tag == rules.PATIENT_NAME and text != patient_id)
    ):
        yield "pseudonym", "likely"
    else:
        yield "pseudonym", "weak"


def _has_content(element: Element, rule: rules.Rule, around: _Surroundings) -> bool:
    """Whether an attribute of the table holds what it should not."""
    if element.items is not None:
        return any(item.elements for item in element.items)
    if rule.absent or element.span is not None:
        return True
    if element.vr not in TEXT_VRS:
        return any(element.value)
    good = rules.is_dummy_date if element.vr in ("DA", "DT", "TM") else rules.is_dummy
    return not all(good(value) for value in text_of(element, around.charset).split("\\"))


class _Judge(NamedTuple):
    """What a VR alone says: code, options that excuse, and what a good value is."""

    code: str
    options: frozenset[str]
    good: Callable[[str], bool]


_BY_VR: dict[str, _Judge] = {
    "PN": _Judge("person", frozenset(), rules.is_dummy),
    "DA": _Judge("date", _DATES, rules.is_dummy_date),
    "DT": _Judge("date", _DATES, rules.is_dummy_date),
    "TM": _Judge("date", _DATES, rules.is_dummy_date),
    "AS": _Judge("age", frozenset((rules.RETAIN_CHARACTERISTICS,)), rules.is_dummy),
    "AE": _Judge("title", frozenset(), rules.is_dummy),
    "UI": _Judge("uid", frozenset((rules.RETAIN_UIDS,)), rules.is_made),
    "UR": _Judge("link", frozenset(), rules.is_dummy),
}


def _is_text(raw: bytes) -> bool:
    """Whether a value of unknown form is text from end to end."""
    body = raw.rstrip(b"\0 ")
    return bool(body) and not any(byte < 32 and byte not in b"\t\r\n\x1b" for byte in body)


def _shown(element: Element, charset: Charset) -> str:
    """A value to show, for those who ask for values."""
    if element.items is not None or element.span is not None:
        return ""
    return text_of(element, charset) if element.vr in TEXT_VRS or element.vr == "UN" else ""
