"""What no run checks, in words for people: part of every report and conformance statement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Unchecked(NamedTuple):
    """One thing that is not checked.

    Attributes:
        what: in a few words.
        text: what may be left because of it, and what a person can do.
        option: holds only where this option of PS3.15 is on; empty for always.
    """

    what: str
    text: str
    option: str = ""


_ALL = (
    Unchecked(
        "Pixels and text burned into them",
        "Pixel data is copied as it is, compressed or not. Names and numbers that a device has "
        "drawn into ultrasound, X-ray, endoscopy, scanned or screen images are still there. "
        "'deident scan' lists images that are likely to hold text; look at one of each device.",
    ),
    Unchecked(
        "Faces",
        "A face can be computed from a head scan (CT, MR, PET) and be recognised. Nothing is "
        "defaced; Recognizable Visual Features (0028,0302) is left as it was.",
    ),
    Unchecked(
        "Documents, videos and waveforms inside instances",
        "Encapsulated documents are removed or replaced by the rules for their attribute, and what "
        "a profile keeps of them is not read. Sound and video are not listened to or watched.",
    ),
    Unchecked(
        "Other people in free text",
        "The search looks for the identifiers that the same instance names: patient, physicians, "
        "operators, institutions, numbers. A relative, or a patient of another file, who is named "
        "only in a comment is not known to it. Read the texts that stay (listed in the report).",
    ),
    Unchecked(
        "Weak finds",
        "A name that is also a word of medicine (Hand, Long, King), or a short number, that stands "
        "alone is reported as a weak find and left as it is: most are no names. They are counted "
        "under Findings, and texts that hold one are marked.",
    ),
    Unchecked(
        "Rare combinations",
        "A rare disease, an implant, an unusual examination, age and sex and place together, or "
        "the number and times of examinations may point to one person who knows what to look for.",
    ),
    Unchecked(
        "Whether the science survived",
        "Geometry, units and references stay unless a rule names them, but values that a study "
        "needs may be among what was removed. Compare before you give data away.",
    ),
    Unchecked(
        "Whether sharing is allowed",
        "Consent, contracts and law are not known to a program. Conformance to PS3.15 by itself "
        "does not guarantee that nobody can be recognised, as the standard itself says.",
    ),
    Unchecked(
        "True dates",
        "Dates and times stay as they were: who knows when somebody was examined can find them.",
        "retain-full-dates",
    ),
    Unchecked(
        "Intervals",
        "All dates of a patient move by the same number of days, so the time between examinations "
        "is true. Who knows two dates of an examined person may recognise the interval.",
        "retain-modified-dates",
    ),
    Unchecked(
        "Original UIDs",
        "UIDs are those of the originals: who has access to the archive can look them up.",
        "retain-uids",
    ),
    Unchecked(
        "Private attributes",
        "Private attributes of the list of PS3.15 stay because of what their makers say about "
        "them; what a site has put into one is searched like every other value, no more.",
        "retain-safe-private",
    ),
    Unchecked(
        "Characteristics of patients",
        "Age, sex, size, weight and the like are true, and narrow down who somebody may be.",
        "retain-patient-characteristics",
    ),
    Unchecked(
        "Devices",
        "Serial numbers and names of devices are true, and may lead to a place and a time.",
        "retain-device-identity",
    ),
    Unchecked(
        "Institutions",
        "Names and addresses of institutions are true, and narrow down where somebody lives.",
        "retain-institution-identity",
    ),
)


def unchecked(options: Iterable[str]) -> tuple[Unchecked, ...]:
    """What is not checked under these options of PS3.15."""
    chosen = frozenset(options)
    return tuple(one for one in _ALL if not one.option or one.option in chosen)
