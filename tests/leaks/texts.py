"""What is planted: a person's identifiers as texts, and as bytes of the person's character set."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.charset import convert_encodings, encode_string
from pydicom.valuerep import PersonName

from tests.make import Person

# VRs whose values are of the default repertoire, whatever (0008,0005) says.
ASCII_VRS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


def texts(person: Person) -> dict[str, str]:
    """Everything that tells who the person is, by what it is."""
    family, given = _alphabetic(person.name)
    year, month, day = person.birth_date[:4], person.birth_date[4:6], person.birth_date[6:]
    return {
        "name": person.name,
        "given and family": f"{given} {family}",
        "family, given": f"{family}, {given}",
        "joined": f"{family}{given}",
        "capitals": f"{family}^{given}".upper(),
        "small letters": f"{given}.{family}".lower(),
        "family": family,
        "physician": person.referring,
        "Patient ID": person.patient_id,
        "Patient ID without zeros": person.patient_id.lstrip("0"),
        "other ID": person.other_id,
        "accession": person.accession,
        "phone": person.phone,
        "phone without separators": re.sub(r"\D", "", person.phone),
        "address": person.address,
        "institution": person.institution,
        "birth date": person.birth_date,
        "birth date, dashes": f"{year}-{month}-{day}",
        "birth date, dots": f"{day}.{month}.{year}",
        "birth date, words": f"{day} {_MONTHS[int(month) - 1]} {year}",
        "UID": f"{person.uid_root}.1.1.1",
    }


def _alphabetic(name: str) -> tuple[str, str]:
    """Family and given name; of several groups the last, which is in the person's script."""
    parts = name.split("=")[-1].split("^")
    return parts[0], parts[1]


def encode(text: str, person: Person, vr: str = "LO") -> bytes:
    """A text in the person's character set."""
    if text.isascii():
        return text.encode()
    encodings = convert_encodings(person.charset.split("\\") if person.charset else "")
    if vr == "PN":
        return PersonName(text).encode(encodings)
    return encode_string(text, encodings)


def values(person: Person, vr: str) -> Iterator[tuple[str, bytes]]:
    """What can stand in an element of `vr`, by what it is."""
    for kind, text in texts(person).items():
        if text.isascii() or vr not in ASCII_VRS:
            yield kind, encode(text, person, vr)
