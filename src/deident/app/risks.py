"""What in a file deserves a look before it is shared: one table of risks, one function for each.

A risk is told from the header alone; pixels are never decoded. The sentences say what the profile
`basic` does about it, so that a person knows what is left to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from deident import tables
from deident.app.readable import STANDARD_ROOT, text_values
from deident.app.reading import Surroundings
from deident.dicom.charsets import AFFECTED_VRS, Charset
from deident.dicom.elements import Element, walk
from deident.dicom.parse import PIXEL_TAGS
from deident.dicom.part10 import Part10File
from deident.dicom.tags import creator_tag, is_private
from deident.dicom.values import unpack_numbers
from deident.errors import InstanceError

IMAGE_TYPE, SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080008, 0x00080016, 0x00080018
MODALITY, CONVERSION_TYPE = 0x00080060, 0x00080064
SERIES_DESCRIPTION = 0x0008103E
PATIENT_NAME, PATIENT_ID, ISSUER, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100021, 0x00100030
IDENTITY_REMOVED = 0x00120062
STUDY_UID, SERIES_UID = 0x0020000D, 0x0020000E
NUMBER_OF_FRAMES = 0x00280008
BURNED_IN, RECOGNIZABLE = 0x00280301, 0x00280302
_ANATOMIC_REGION, _CODE_VALUE = 0x00082218, 0x00080100
_LABEL_IN_IMAGE = 0x00480010
_BODY_PART = 0x00180015
_DESCRIPTIONS = (0x00081030, SERIES_DESCRIPTION, 0x00181030)  # study, series, protocol
_GRAPHIC_ANNOTATIONS = (0x00700001, 0x00700008, 0x0040B020)
_PATIENT_PHOTO = 0x00101100
DIRECTORY_RECORDS = 0x00041220


class Risk(NamedTuple):
    """What a risk means and what to do; `after`: it is left when a run has finished."""

    text: str
    advice: str
    after: bool


# code: sorted by harm. docs/reference/risks.md is generated from it.
RISKS: dict[str, Risk] = {
    "burned-in": Risk(
        "Burned In Annotation (0028,0301) is YES: there is text in the pixels.",
        "A run does not change pixels: keep these images apart, or clean them elsewhere.",
        after=True,
    ),
    "text-likely": Risk(
        "Images of this kind usually have text in the pixels (ultrasound, X-ray video, endoscopy, "
        "secondary capture, scanned film), and nothing says that these have none.",
        "Look at one image of each device; a run does not change pixels.",
        after=True,
    ),
    "dose-sheet": Risk(
        "A dose sheet: an image of a table, often headed by the patient's name.",
        "Leave it out; a run does not change pixels.",
        after=True,
    ),
    "derived-secondary": Risk(
        "Image Type is DERIVED and SECONDARY: often a screenshot or a rendered view with text.",
        "Look at one of them; a run does not change pixels.",
        after=True,
    ),
    "face": Risk(
        "Slices of a head: a face can be rebuilt from them and recognised.",
        "A run does not change pixels: deface them elsewhere, or share under an agreement.",
        after=True,
    ),
    "photo": Risk(
        "Photographs: they may show a face or a name tag, and cameras write place and time into "
        "compressed images.",
        "Look at each of them; a run does not change pixels.",
        after=True,
    ),
    "slide-label": Risk(
        "A label or overview image of a slide: the label names the patient or the specimen.",
        "Leave it out; a run does not change pixels.",
        after=True,
    ),
    "localizer": Risk(
        "A localizer: some devices write names or lines with text into it.",
        "Look at one of each device.",
        after=True,
    ),
    "overlay-in-pixels": Risk(
        "Overlays in unused bits of Pixel Data (retired): they may hold text.",
        "A run clears the bits; where it can't, it quarantines the instance.",
        after=False,
    ),
    "private-class": Risk(
        "A private SOP class: what its attributes mean is known to one vendor only.",
        "A run applies the rules to what it knows and removes private elements; look at the rest.",
        after=True,
    ),
    "report": Risk(
        "A structured report: free text about a patient.",
        "The profile basic replaces the content by a dummy.",
        after=False,
    ),
    "document": Risk(
        "An encapsulated document (PDF, CDA, model).",
        "The profile basic replaces the document by an empty one.",
        after=False,
    ),
    "graphics": Risk(
        "Text or graphics that somebody drew on images.",
        "The profile basic removes or replaces them.",
        after=False,
    ),
    "overlay": Risk(
        "Overlay planes: they may hold text.", "The profile basic removes them.", after=False
    ),
    "curve": Risk("Curves (retired).", "The profile basic removes them.", after=False),
    "private": Risk(
        "Private elements.",
        "A run removes them, but for those that retain-safe-private and your rules keep.",
        after=False,
    ),
    "private-unknown": Risk(
        "Private elements of creators that no dictionary knows.",
        "A run removes them; a rule that keeps one should be well founded.",
        after=False,
    ),
    "private-orphan": Risk(
        "Private elements without a private creator: nobody can say whose they are.",
        "A run removes them.",
        after=False,
    ),
    "undeclared-text": Risk(
        "Text beyond ASCII, but no Specific Character Set (0008,0005) to read it by.",
        "A run quarantines instances whose text it cannot read; correct (0008,0005) at the source.",
        after=False,
    ),
    "undecodable-text": Risk(
        "Text that is not in the declared character set.",
        "A run quarantines instances whose text it cannot read; correct (0008,0005) at the source.",
        after=False,
    ),
    "mixed-patients": Risk(
        "One study holds instances of several patients: a Patient ID was corrected, or is wrong.",
        "Each Patient ID gets a pseudonym of its own; correct the IDs first if it is one person.",
        after=True,
    ),
    "several-ids": Risk(
        "The same name and birth date under several Patient IDs.",
        "They would become several patients; map the IDs first if it is one person.",
        after=True,
    ),
    "no-patient-id": Risk(
        "Patient ID is missing or empty.",
        "A run takes the study for the patient; give IDs first if studies belong together.",
        after=True,
    ),
    "no-study-uid": Risk(
        "Study Instance UID is missing or empty.", "Correct it at the source.", after=True
    ),
    "duplicate": Risk(
        "SOP Instance UIDs that occur more than once.",
        "Equal results are written once, different ones get a number behind their name.",
        after=True,
    ),
    "already-deidentified": Risk(
        "Patient Identity Removed (0012,0062) is YES: another program was here before.",
        "A run adds its own statement to the other one's.",
        after=False,
    ),
    "odd-file": Risk(
        "Files that are not quite as PS3.10 wants them, such as without file meta information.",
        "A run writes them correctly; deident show says what is odd.",
        after=False,
    ),
    "dicomdir": Risk(
        "A DICOMDIR names patients and studies.", "A run never copies it.", after=False
    ),
}


class Facts:
    """One instance as a scan sees it.

    Attributes:
        file: it was read from.
        top: top-level elements by tag.
        around: character sets and private creators of all its data sets.
    """

    def __init__(self, file: Part10File) -> None:
        """Index an opened file; raises what `Part10File.elements` raises."""
        self.file = file
        self.elements = file.elements()
        self.top = {element.tag: element for element in self.elements}
        self.around = Surroundings(self.elements)
        self.charset: Charset = self.around.charset(())

    def values(self, tag: int) -> list[str]:
        """The values of a top-level text element; none if it is missing or empty."""
        element = self.top.get(tag)
        if element is None or element.items is not None or element.span is not None:
            return []
        return text_values(element.value, element.vr, self.charset)[0]

    def text(self, tag: int) -> str:
        """The first value of a top-level text element, or nothing."""
        return next(iter(self.values(tag)), "")

    @property
    def sop_class(self) -> str:
        """SOP Class UID, or nothing."""
        return self.text(SOP_CLASS_UID)

    @property
    def has_pixels(self) -> bool:
        """Whether there is Pixel Data of any kind."""
        return not PIXEL_TAGS.isdisjoint(self.top)

    @property
    def frames(self) -> int:
        """Number of frames: as stated, else 1 for an image and 0 for anything else."""
        stated = self.text(NUMBER_OF_FRAMES)
        if stated.isascii() and stated.isdigit() and len(stated) < 10:
            return int(stated)
        return int(self.has_pixels)


def risks_of(facts: Facts) -> frozenset[str]:
    """Return the codes of the risks that one instance shows by itself."""
    return frozenset(
        [code for code, shows in _TESTS.items() if shows(facts)]
        + [code for code in _walked(facts)]
        + (["odd-file"] if facts.file.notes else [])
    )


# -- pixels ---------------------------------------------------------------------------------------

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_TEXT_MODALITIES = frozenset(
    ("US", "IVUS", "XA", "RF", "ES", "OT", "DF", "DS", "CF", "FS", "DG", "LP", "FA", "VF")
)
_PHOTO_MODALITIES = frozenset(("XC", "DMS", "OP"))
_FACE_MODALITIES = frozenset(("CT", "MR", "PT"))
_HEAD_PARTS = frozenset(
    ("HEAD", "BRAIN", "SKULL", "FACE", "HEADNECK", "HEAD AND NECK", "SINUS", "PARANASAL SINUS",
     "ORBIT", "EYE", "JAW", "MANDIBLE", "MAXILLA", "ZYGOMA", "TMJ", "IAC", "EAR", "NOSE",
     "PITUITARY", "CEREBRUM", "CEREBELLUM", "WHOLEBODY")
)  # fmt: skip
# SCT: head, brain, skull, face, head and neck, orbit, paranasal sinus, jaw; SRT: head, brain, skull
_HEAD_CODES = frozenset(
    ("69536005", "12738006", "89546000", "89545001", "774007", "363654007", "2095001", "661005",
     "T-D1100", "T-A0100", "T-11100")
)  # fmt: skip
_HEAD_WORDS = re.compile(
    r"\b(?:head|brain|skull|fac(?:e|ial)|sinus(?:es)?|orbits?|neuro|cereb\w*|crani\w*|cr[aâ]n\w*"
    r"|kopf|sch[aä]del|hirn|t[eê]te|cerveau|cabeza|cr[aá]neo|testa|cervello|hoofd)\b",
    re.IGNORECASE,
)
_DOSE_WORDS = re.compile(r"\bdose (?:report|info|record|sheet|summary)|patient protocol", re.I)


def _burned_in(facts: Facts) -> bool:
    return facts.has_pixels and facts.text(BURNED_IN).upper() == "YES"


def _text_likely(facts: Facts) -> bool:
    if not facts.has_pixels or facts.text(BURNED_IN).upper() in ("NO", "YES"):
        return False
    captured = (facts.sop_class + ".").startswith(_STORAGE + "7.")
    return captured or CONVERSION_TYPE in facts.top or facts.text(MODALITY) in _TEXT_MODALITIES


def _derived_secondary(facts: Facts) -> bool:
    if facts.text(BURNED_IN).upper() in ("NO", "YES"):
        return False
    return facts.has_pixels and facts.values(IMAGE_TYPE)[:2] == ["DERIVED", "SECONDARY"]


def _dose_sheet(facts: Facts) -> bool:
    if not facts.has_pixels or facts.text(MODALITY).startswith("RT"):
        return False
    described = _DOSE_WORDS.search(facts.text(SERIES_DESCRIPTION))
    return described is not None or any("DOSE" in kind for kind in facts.values(IMAGE_TYPE)[2:])


def _localizer(facts: Facts) -> bool:
    return "LOCALIZER" in facts.values(IMAGE_TYPE)


def _face(facts: Facts) -> bool:
    if facts.text(RECOGNIZABLE).upper() == "YES":
        return True
    if facts.text(MODALITY) not in _FACE_MODALITIES or not facts.has_pixels:
        return False
    if facts.text(RECOGNIZABLE).upper() == "NO":
        return False
    if facts.text(_BODY_PART).upper() in _HEAD_PARTS or _region_codes(facts) & _HEAD_CODES:
        return True
    return any(_HEAD_WORDS.search(_words(facts.text(tag))) for tag in _DESCRIPTIONS)


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text)


def _region_codes(facts: Facts) -> set[str]:
    region = facts.top.get(_ANATOMIC_REGION)
    return {
        element.value.decode("ascii", "replace").strip(" \0")
        for item in (region.items if region else None) or ()
        for element in item.elements
        if element.tag == _CODE_VALUE
    }


def _photo(facts: Facts) -> bool:
    if _PATIENT_PHOTO in facts.top:
        return True
    return facts.sop_class.startswith(
        (_STORAGE + "77.1.4", _STORAGE + "77.1.5", _STORAGE + "77.1.7")
    ) or (facts.has_pixels and facts.text(MODALITY) in _PHOTO_MODALITIES)


def _slide_label(facts: Facts) -> bool:
    if facts.text(_LABEL_IN_IMAGE).upper() == "YES":
        return True
    return not {"LABEL", "OVERVIEW"}.isdisjoint(facts.values(IMAGE_TYPE)[2:])


# -- overlays, text, identity ---------------------------------------------------------------------


def _in_group(tag: int, group: int) -> bool:
    """Whether the tag is of a repeating group, 50xx or 60xx (PS3.5 7.6)."""
    return tag >> 16 & 0xFFE1 == group


def _overlay(facts: Facts) -> bool:
    return any(_in_group(tag, 0x6000) and tag & 0xFFFF == 0x3000 for tag in facts.top)


def _overlay_in_pixels(facts: Facts) -> bool:
    return any(
        _in_group(tag, 0x6000)
        and tag & 0xFFFF == 0x0102
        and tag + 0x2EFE not in facts.top
        and any(unpack_numbers("US", element.value, element.encoding))
        for tag, element in facts.top.items()
    )


def _curve(facts: Facts) -> bool:
    return any(_in_group(tag, 0x5000) for tag in facts.top)


def _report(facts: Facts) -> bool:
    return facts.sop_class.startswith(_STORAGE + "88.")


def _document(facts: Facts) -> bool:
    return facts.sop_class.startswith(_STORAGE + "104.") or 0x00420011 in facts.top


def _graphics(facts: Facts) -> bool:
    return any(tag in facts.top for tag in _GRAPHIC_ANNOTATIONS)


def _private_class(facts: Facts) -> bool:
    return bool(facts.sop_class) and not facts.sop_class.startswith(STANDARD_ROOT)


_TESTS: dict[str, Callable[[Facts], bool]] = {
    "burned-in": _burned_in,
    "text-likely": _text_likely,
    "derived-secondary": _derived_secondary,
    "dose-sheet": _dose_sheet,
    "localizer": _localizer,
    "face": _face,
    "photo": _photo,
    "slide-label": _slide_label,
    "overlay": _overlay,
    "overlay-in-pixels": _overlay_in_pixels,
    "curve": _curve,
    "report": _report,
    "document": _document,
    "graphics": _graphics,
    "private-class": _private_class,
    "no-patient-id": lambda facts: not facts.text(PATIENT_ID),
    "no-study-uid": lambda facts: not facts.text(STUDY_UID),
    "already-deidentified": lambda facts: facts.text(IDENTITY_REMOVED).upper() == "YES",
}


# -- at every depth -------------------------------------------------------------------------------


def _walked(facts: Facts) -> set[str]:
    """Risks that may hide at any depth."""
    found: set[str] = set()
    for path, element in walk(facts.elements):
        if is_private(element.tag):
            found |= _private(facts.around.creator(path, element.tag), element.tag)
        if element.vr in AFFECTED_VRS and element.items is None and not _plain(element.value):
            code = _foreign_text(element, facts.around.charset(path))
            if code:
                found.add(code)
    return found


def _private(creator: str | None, tag: int) -> set[str]:
    if creator_tag(tag) is None:
        return {"private"}
    if not creator:
        return {"private", "private-orphan"}
    return {"private"} if creator in tables.private_creators() else {"private", "private-unknown"}


def _plain(raw: bytes) -> bool:
    return raw.isascii() and b"\x1b" not in raw


def _foreign_text(element: Element, charset: Charset) -> str:
    """What is wrong with text that is not plain ASCII; `UN` is not known to be text."""
    if element.vr == "UN":
        return ""
    if not charset.terms:
        return "undeclared-text"
    try:
        charset.decode(element.value, element.vr)
    except InstanceError:
        return "undecodable-text"
    return ""
