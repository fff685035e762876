"""The identifiers that an instance carries about itself: who, which numbers, where, reachable how.

`harvest` reads them from the original header at every depth; `verify` searches what is about to be
written for them. Which attributes count is a table (`KINDS`), drawn from PS3.15 Table E.1-1: the
rows whose value names one person, one place, one device or one record. Rows that describe
(comments, descriptions, diagnoses), times, dates that differ from instance to instance, and UIDs
(searched as bytes) are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple

from deident.dicom.charsets import Charset
from deident.dicom.elements import Element
from deident.engine.folding import fold
from deident.tables import vrs
from deident.tables.vocabulary import listed_words

Kind = Literal[
    "name",  # of the patient and relatives
    "person",  # anybody else: physicians, operators, reviewers, observers
    "patient-id",
    "number",  # accession, admission, orders, trial, specimen …
    "birth-date",
    "date",  # of the study and its parts: tells by how much dates were shifted
    "contact",  # telephone, e-mail
    "address",
    "institution",
    "device",
]

_SPECIFIC_CHARACTER_SET = 0x00080005

_TAGS: dict[Kind, tuple[int, ...]] = {
    "name": (
        0x00100010,  # Patient's Name
        0x00100012,  # Name to Use
        0x00101001,  # Other Patient Names
        0x00101005,  # Patient's Birth Name
        0x00101060,  # Patient's Mother's Birth Name
        0x00102297,  # Responsible Person
    ),
    "person": (
        0x0016004D,  # Camera Owner Name
        0x00880910,  # Topic Author
        # and every other attribute of VR PN, see `harvest`
    ),
    "patient-id": (
        0x00100020,  # Patient ID
        0x00101000,  # Other Patient IDs
        0x00101050,  # Insurance Plan Identification
        0x00101090,  # Medical Record Locator
        0x00120040,  # Clinical Trial Subject ID
        0x00120042,  # Clinical Trial Subject Reading ID
    ),
    "number": (
        0x00080050,  # Accession Number
        0x00120020,  # Clinical Trial Protocol ID
        0x00120030,  # Clinical Trial Site ID
        0x00120050,  # Clinical Trial Time Point ID
        0x00120071,  # Clinical Trial Series ID
        0x00120082,  # Clinical Trial Protocol Ethics Committee Approval Number
        0x00200010,  # Study ID
        0x00201070,  # Other Study Numbers
        0x00380010,  # Admission ID
        0x00380060,  # Service Episode ID
        0x00400009,  # Scheduled Procedure Step ID
        0x00400253,  # Performed Procedure Step ID
        0x0040050A,  # Specimen Accession Number
        0x00400512,  # Container Identifier
        0x00400551,  # Specimen Identifier
        0x004006FA,  # Slide Identifier
        0x00401001,  # Requested Procedure ID
        0x00401006,  # Placer Order Number / Procedure
        0x00401007,  # Filler Order Number / Procedure
        0x00402006,  # Placer Order Number / Imaging Service Request (retired)
        0x00402007,  # Filler Order Number / Imaging Service Request (retired)
        0x00402016,  # Placer Order Number / Imaging Service Request
        0x00402017,  # Filler Order Number / Imaging Service Request
        0x0050001B,  # Container Component ID
        0x22000005,  # Barcode Value
        0x40080040,  # Results ID
        0x40080200,  # Interpretation ID
    ),
    "birth-date": (
        0x00100030,  # Patient's Birth Date
        0x00100033,  # Patient's Birth Date in Alternative Calendar (not in Table E.1-1)
    ),
    "date": (
        0x00080020,  # Study Date
        0x00080021,  # Series Date
        0x00080022,  # Acquisition Date
        0x00080023,  # Content Date
    ),
    "contact": (
        0x00080094,  # Referring Physician's Telephone Numbers
        0x00102154,  # Patient's Telephone Numbers
        0x00102155,  # Patient's Telecom Information
        0x00401103,  # Person's Telephone Numbers
        0x00401104,  # Person's Telecom Information
        0x00402010,  # Order Callback Phone Number
        0x00402011,  # Order Callback Telecom Information
        0x0040A354,  # Telephone Number (Trial)
    ),
    "address": (
        0x00080081,  # Institution Address
        0x00080092,  # Referring Physician's Address
        0x00101040,  # Patient's Address
        0x00401102,  # Person's Address
        0x0040A353,  # Address (Trial)
        0x4008011A,  # Distribution Address
    ),
    "institution": (
        0x00080080,  # Institution Name
        0x00081040,  # Institutional Department Name
        0x00100021,  # Issuer of Patient ID
        0x00101081,  # Branch of Service
        0x00102299,  # Responsible Organization
        0x00120010,  # Clinical Trial Sponsor Name
        0x00120022,  # Issuer of Clinical Trial Protocol ID
        0x00120031,  # Clinical Trial Site Name
        0x00120032,  # Issuer of Clinical Trial Site ID
        0x00120041,  # Issuer of Clinical Trial Subject ID
        0x00120043,  # Issuer of Clinical Trial Subject Reading ID
        0x00120055,  # Issuer of Clinical Trial Time Point ID
        0x00120060,  # Clinical Trial Coordinating Center Name
        0x00120073,  # Issuer of Clinical Trial Series ID
        0x00120081,  # Clinical Trial Protocol Ethics Committee Name
        0x00320012,  # Study ID Issuer
        0x00321020,  # Scheduled Study Location
        0x00321033,  # Requesting Service
        0x00380011,  # Issuer of Admission ID
        0x0038001E,  # Scheduled Patient Institution Residence
        0x00380061,  # Issuer of Service Episode ID
        0x00380300,  # Current Patient Location
        0x00380400,  # Patient's Institution Residence
        0x00400011,  # Scheduled Procedure Step Location
        0x00400243,  # Performed Location
        0x00401005,  # Requested Procedure Location
        0x00402009,  # Order Enterer's Location
        0x00404036,  # Human Performer's Organization
        0x0040A027,  # Verifying Organization
        0x40080042,  # Results ID Issuer
        0x40080202,  # Interpretation ID Issuer
    ),
    "device": (
        0x00080054,  # Retrieve AE Title
        0x00080055,  # Station AE Title
        0x00081000,  # Network ID
        0x00081010,  # Station Name
        0x00160051,  # Lens Serial Number
        0x00181000,  # Device Serial Number
        0x00181003,  # Device ID
        0x00181004,  # Plate ID
        0x00181005,  # Generator ID
        0x00181006,  # Grid ID
        0x00181007,  # Cassette ID
        0x00181008,  # Gantry ID
        0x00181009,  # Unique Device Identifier
        0x00181010,  # Secondary Capture Device ID
        0x00181011,  # Hardcopy Creation Device ID
        0x0018700A,  # Detector ID
        0x00189367,  # X-Ray Source ID
        0x00189371,  # X-Ray Detector ID
        0x00203401,  # Modifying Device ID
        0x00321021,  # Scheduled Study Location AE Title
        0x00400001,  # Scheduled Station AE Title
        0x00400010,  # Scheduled Station Name
        0x00400241,  # Performed Station AE Title
        0x00400242,  # Performed Station Name
        0x30020020,  # Radiation Machine Name
        0x30080105,  # Source Serial Number
        0x300A00B2,  # Treatment Machine Name
        0x3010001B,  # Device Alternate Identifier
        0x30100043,  # Manufacturer's Device Identifier
    ),
}

KINDS: dict[int, Kind] = {tag: kind for kind, tags in _TAGS.items() for tag in tags}
IDENTIFIER_TAGS = frozenset(KINDS)
PERSONAL: frozenset[Kind] = frozenset({"birth-date", "contact", "name", "patient-id", "person"})
"""Kinds that tell who somebody is, not where or with what something was done."""

PATIENT_TAGS = frozenset(
    tag
    for kind in ("name", "patient-id", "contact", "address")
    for tag in _TAGS[kind]
    if tag >> 16 == 0x0010
)
"""Attributes of the Patient Modules that tell who the patient is."""

# Fewer folded characters than this say nothing: every text has them. A Patient ID of two or three
# says something beside a name.
_SHORTEST: dict[Kind, int] = {
    "name": 2,
    "person": 2,
    "patient-id": 2,
    "number": 4,
    "birth-date": 5,
    "date": 8,
    "contact": 7,
    "address": 6,
    "institution": 3,
    "device": 5,
}


class Identifier(NamedTuple):
    """One value that tells who or where: what kind, the text as decoded, where it stood."""

    kind: Kind
    text: str
    tag: int

    def __repr__(self) -> str:  # never the value: reprs end up in logs
        return f"<Identifier {self.kind} ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})>"


class Identifiers(NamedTuple):
    """Every identifier of an instance. Equal ones mean that the same search serves both."""

    entries: frozenset[Identifier] = frozenset()

    def __repr__(self) -> str:
        return f"<Identifiers: {len(self.entries)}>"


def harvest(elements: list[Element], charset: Charset) -> Identifiers:
    """The identifiers in a data set and in the items of its sequences, placeholders left out.

    `elements` is the original top level, `charset` its Specific Character Set; an item with a
    (0008,0005) of its own is read by that.

    Raises:
        InstanceError: `bad-charset`: an identifying value is not text of the declared sets.
    """
    found: set[Identifier] = set()
    _collect(elements, charset, found)
    return Identifiers(frozenset(found))


def contributes(element: Element) -> bool:
    """Whether `harvest` takes anything from the element or from what is nested in it."""
    if element.items is None:
        return _kind(element) is not None
    return any(contributes(inner) for item in element.items for inner in item.elements)


def is_placeholder(folded: str) -> bool:
    """Whether a folded text is a word for nothing, such as `anonymous`, or one letter repeated.

    A number of one repeated digit may be somebody's, but for zeros and short ones.
    """
    word = folded.rstrip("0123456789")
    number = len(folded) > 5 and folded.isdecimal() and folded[0] != "0"
    return (len(set(folded)) < 2 and not number) or (
        word in listed_words("placeholders") and len(folded) - len(word) < 4
    )


def _collect(elements: list[Element], charset: Charset, found: set[Identifier]) -> None:
    kinds = _kinds()
    for element in elements:
        if element.items is not None:
            for item in element.items:
                _collect(item.elements, _charset_of(item.elements, charset), found)
        elif element.tag in kinds or element.vr == "PN":
            kind = _kind(element)
            if kind is not None and element.value_end > element.value_start:
                found.update(_values(element, kind, charset))


def _kind(element: Element) -> Kind | None:
    """The kind of an attribute, whatever VR it is written with; what has VR PN is a `person`."""
    return _kinds().get(element.tag) or ("person" if element.vr == "PN" else None)


@cache
def _kinds() -> dict[int, Kind]:
    """The rows of `KINDS`, and every other attribute that PS3.6 gives VR PN."""
    persons: dict[int, Kind] = {tag: "person" for tag, vr in vrs().items() if vr == "PN"}
    return persons | KINDS


def _charset_of(elements: list[Element], inherited: Charset) -> Charset:
    for element in elements:
        if element.tag == _SPECIFIC_CHARACTER_SET:
            return Charset.of(element.value)
        if element.tag > _SPECIFIC_CHARACTER_SET:
            break
    return inherited


def _values(element: Element, kind: Kind, charset: Charset) -> Iterator[Identifier]:
    vr = element.vr
    if vr == "UN":
        vr = "PN" if kind in ("name", "person") else "LO"
    for text in charset.decode_values(element.value, vr):
        folded = fold(text)
        if len(folded) >= _SHORTEST[kind] and not is_placeholder(folded):
            yield Identifier(kind, text.strip(), element.tag)
