"""What is written into an instance about what was done to it (PS3.15 E.1.1, E.2, E.3).

Patient Identity Removed, De-identification Method and its codes, Longitudinal Temporal Information
Modified, and an item of Contributing Equipment Sequence. What other programs wrote before stays:
ours is added to it. Burned In Annotation and Recognizable Visual Features are never touched here:
they may say NO only when pixels were cleaned (C23).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from deident import tables
from deident._version import __version__
from deident.dicom.elements import Element
from deident.engine.decision import NewItems

PATIENT_IDENTITY_REMOVED = 0x00120062
DEIDENTIFICATION_METHOD = 0x00120063
DEIDENTIFICATION_METHOD_CODES = 0x00120064
CONTRIBUTING_EQUIPMENT = 0x0018A001
TEMPORAL_INFORMATION = 0x00280303
_CODE_VALUE = 0x00080100

PRODUCT = "Deident"
_MAX_LO = 64  # characters, PS3.5 6.2
_EQUIPMENT = ("109104", "DCM", "De-identifying Equipment")  # PS3.16 CID 7005

Temporal = Literal["REMOVED", "MODIFIED", "UNMODIFIED"]


class Performed(NamedTuple):
    """What was done with one instance.

    Attributes:
        base: base of the profile; `keep` claims nothing.
        methods: what was carried out, as keys of `tables.methods()`: `basic` and options.
        temporal: what became of dates and times (C22).
        loosened: the profile's own rules keep what the standard's would not: then no code is
            claimed (C26) and the text says so.
        identified: who the patient is stays, because rules of the profile keep it, or because
            verify found it and shall only report.
    """

    base: Literal["ps3.15", "keep"]
    methods: tuple[str, ...] = ()
    temporal: Temporal = "REMOVED"
    loosened: bool = False
    identified: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether it may be said that the patient's identity was removed."""
        return self.base == "ps3.15" and not self.identified


class Insertion(NamedTuple):
    """One element to write at the top level.

    Attributes:
        tag, vr: which.
        value: raw bytes, or the items of a sequence.
        append: items go behind those that the output already has; otherwise the element takes the
            place of the one in the output.
    """

    tag: int
    vr: str
    value: bytes | NewItems
    append: bool = False


class Existing(NamedTuple):
    """What the output holds already of what is added to.

    Attributes:
        method: raw value of De-identification Method (0012,0063), empty if there is none.
        codes: code values in De-identification Method Code Sequence (0012,0064).
    """

    method: bytes = b""
    codes: frozenset[str] = frozenset()


NOTHING = Existing()


def existing(elements: Iterable[Element]) -> Existing:
    """Read the markers that stay in the output from its top-level elements."""
    method, codes = b"", frozenset[str]()
    for element in elements:
        if element.tag == DEIDENTIFICATION_METHOD:
            method = element.value.rstrip(b" \0")
        elif element.tag == DEIDENTIFICATION_METHOD_CODES:
            codes = frozenset(
                entry.value.decode("ascii", "replace").strip(" \0")
                for item in element.items or ()
                for entry in item.elements
                if entry.tag == _CODE_VALUE
            )
    return Existing(method, codes)


def markers(performed: Performed, before: Existing = NOTHING) -> tuple[Insertion, ...]:
    """The elements that say what was done, in the order of their tags."""
    return _markers(performed, before)


@lru_cache(maxsize=64)
def _markers(performed: Performed, before: Existing) -> tuple[Insertion, ...]:
    found = [
        Insertion(PATIENT_IDENTITY_REMOVED, "CS", b"YES" if performed.anonymous else b"NO"),
        Insertion(DEIDENTIFICATION_METHOD, "LO", _method(performed, before.method)),
    ]
    codes = _codes(performed, before.codes)
    if codes:
        found.append(Insertion(DEIDENTIFICATION_METHOD_CODES, "SQ", codes, append=True))
    found.append(Insertion(CONTRIBUTING_EQUIPMENT, "SQ", (_equipment(),), append=True))
    if performed.base == "ps3.15":
        found.append(Insertion(TEMPORAL_INFORMATION, "CS", performed.temporal.encode()))
    return tuple(found)


def claimed(performed: Performed) -> tuple[tables.Method, ...]:
    """The codes of CID 7050 that an instance may bear; none where rules keep more (C26)."""
    if performed.base == "keep" or performed.loosened:
        return ()
    return tuple(tables.methods()[key] for key in performed.methods)


def method_texts(performed: Performed) -> list[str]:
    """What De-identification Method says in words, each at most 64 characters."""
    texts = [f"{PRODUCT} {__version__}"]
    if performed.base == "keep":
        texts.append("NOT de-identified: only what the profile names was changed")
        return _split(texts)
    known = tables.methods()
    for key in performed.methods:
        edition = f"PS3.15 {tables.edition()} " if key == "basic" else ""
        texts.append(edition + known[key].meaning)
    if performed.identified:
        texts.append("NOT de-identified: the profile lets identifiers stay")
    elif performed.loosened:
        texts.append("Rules of the profile keep more than PS3.15 allows")
    return _split(texts)


def _split(texts: Iterable[str]) -> list[str]:
    """Break texts at blanks into values that an LO can hold; nothing is cut off."""
    values: list[str] = []
    for text in texts:
        line = ""
        for word in text.split():
            if line and len(line) + 1 + len(word) > _MAX_LO:
                values.append(line)
                line = ""
            line = f"{line} {word}" if line else word
        values.append(line)
    return values


def _method(performed: Performed, before: bytes) -> bytes:
    there = b"\\" + before + b"\\"
    ours = [text.encode("ascii") for text in method_texts(performed)]
    added = [text for text in ours if b"\\" + text + b"\\" not in there]
    return b"\\".join([before, *added] if before else added)


def _codes(performed: Performed, before: frozenset[str]) -> NewItems:
    return tuple(
        _code_item(method.code, method.scheme, method.meaning)
        for method in claimed(performed)
        if method.code not in before
    )


def _code_item(code: str, scheme: str, meaning: str) -> tuple[tuple[int, str, bytes], ...]:
    return (
        (0x00080100, "SH", code.encode()),
        (0x00080102, "SH", scheme.encode()),
        (0x00080104, "LO", meaning.encode()),
    )


def _equipment() -> tuple[tuple[int, str, bytes | NewItems], ...]:
    """An item of Contributing Equipment Sequence (PS3.3 C.12.1): this program, nobody's site."""
    return (
        (0x00080070, "LO", PRODUCT.encode()),  # Manufacturer
        (0x00081090, "LO", PRODUCT.encode()),  # Manufacturer's Model Name
        (0x00181020, "LO", __version__.encode()),  # Software Versions
        (0x0040A170, "SQ", (_code_item(*_EQUIPMENT),)),  # Purpose of Reference Code Sequence
    )
