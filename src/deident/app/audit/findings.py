"""What the second look can find: every check with its meaning, and one finding."""

from __future__ import annotations

from typing import Literal, NamedTuple

Grade = Literal["certain", "likely", "weak"]
GRADES: tuple[Grade, ...] = ("certain", "likely", "weak")


class Finding(NamedTuple):
    """Something in an output that should not be there.

    Attributes:
        code: key of `CHECKS`.
        grade: `certain`, `likely`, or `weak`: may well be harmless.
        where: path of the attribute by keywords, items counted from 1, or `preamble`, `trailing
            bytes`, `file name`, `file`.
        value: what was found, when values were asked for, else empty.
    """

    code: str
    grade: Grade
    where: str
    value: str = ""


class Check(NamedTuple):
    """What a code means (`text`) and what to do about it (`advice`)."""

    text: str
    advice: str


_LEAK = "Remove it, and find out who put it there after the run."
_LOOK = "Look at the value."

CHECKS: dict[str, Check] = {
    # attributes, by the table
    "patient": Check("an attribute about the patient has a value", _LEAK),
    "characteristics": Check("a characteristic of the patient is kept, not claimed", _LEAK),
    "number": Check("a number or ID of study, order, specimen or visit has a value", _LEAK),
    "person": Check("the name or address of a person has a value", _LEAK),
    "institution": Check("institution, department or site is kept, not claimed", _LEAK),
    "device": Check("station, serial number or ID of a device is kept, not claimed", _LEAK),
    "comment": Check("a description or comment is kept, not claimed", _LEAK),
    "place": Check("geographic coordinates", _LEAK),
    "sealed": Check("encrypted or signed content, old values or an icon", _LEAK),
    "graphics": Check("an overlay or a curve", _LEAK),
    "pseudonym": Check(
        "Patient's Name or Patient ID does not look like a pseudonym",
        "A pseudonym of a run begins with `DEID-`, and name and ID are the same.",
    ),
    "date": Check("a date or time is kept, not claimed", _LEAK),
    "age": Check("an age is kept, not claimed", _LEAK),
    "uid": Check("a UID that was not made by a run and that the standard does not register", _LEAK),
    "title": Check("an application entity title", _LEAK),
    "link": Check("a web address in an attribute for such", _LEAK),
    "private": Check("a private element that is not known to be safe, or not claimed", _LEAK),
    "unknown": Check("an attribute that no dictionary knows", _LEAK),
    "group": Check("a group length, or a group that is in no data set", _LEAK),
    "document": Check("an encapsulated document", "Read it; a run replaces documents."),
    # what outputs say about themselves
    "not-marked": Check(
        "Patient Identity Removed (0012,0062) is not YES", "This file was not made by a run."
    ),
    "no-method": Check(
        "neither method (0012,0063) nor codes (0012,0064) say how it was done",
        "This file was not made by a run.",
    ),
    "no-codes": Check(
        "no code (0012,0064) says what was done",
        "Normal for a profile whose rules keep more than PS3.15 allows.",
    ),
    "temporal": Check(
        "(0028,0303) is missing or does not fit the codes in (0012,0064)",
        "Dates may not be what the file claims.",
    ),
    # patterns in text
    "text-name": Check("a person's name by its form: `AAA^BBB`", _LEAK),
    "text-person": Check("a name after a title, or after a word such as *patient*", _LEAK),
    "text-date": Check("a date written in text", _LOOK),
    "text-email": Check("an e-mail address", _LEAK),
    "text-web": Check("a web address", _LOOK),
    "text-path": Check("a path of a file on somebody's computer", _LEAK),
    "text-user": Check("a user name after a word such as *login*", _LEAK),
    "text-phone": Check("a telephone number", _LEAK),
    "text-host": Check("an IP, MAC or host name", _LEAK),
    "text-street": Check("a street with a house number", _LEAK),
    "text-number": Check(
        "a number after a word such as *MRN*, or a national ID by its form", _LEAK
    ),
    "text-uid": Check("a UID in text or bytes that a run did not make", _LEAK),
    # files
    "preamble": Check("the first 128 bytes are not zero", _LEAK),
    "meta": Check("file meta information that a run does not write", _LEAK),
    "meta-differs": Check(
        "file meta information and data set do not name the same instance",
        "The file was put together from two.",
    ),
    "trailing": Check("bytes behind the data set", _LEAK),
    "second": Check("a second data set behind the first", _LEAK),
    "file-name": Check("the name of a file or folder may identify somebody", "Rename it."),
    "not-dicom": Check("a file that is not DICOM", "Look at it; a run never writes one."),
    "archive": Check("comments or names in a ZIP file; what it packs is not looked at", _LOOK),
    # identifiers of the originals
    "original-name": Check("a name of an original", _LEAK),
    "original-person": Check("the name of another person in an original", _LEAK),
    "original-patient-id": Check("a Patient ID of an original", _LEAK),
    "original-number": Check("an accession or other number of an original", _LEAK),
    "original-birth-date": Check("a birth date of an original", _LEAK),
    "original-address": Check("an address of an original", _LEAK),
    "original-contact": Check("a telephone number or e-mail address of an original", _LEAK),
    "original-institution": Check("an institution of an original", _LEAK),
    "original-device": Check("a station or serial number of an original", _LEAK),
    "original-uid": Check("a UID of an original", _LEAK),
    "original-file": Check("the name of a file or folder of the originals", _LEAK),
}
