"""What a decision may depend on besides the element itself: the patient, and the original header.

One `Context` serves every instance that has the same patient and the same looked-up attributes, so
it reads only from the elements that it was given, and derives what it needs when first asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from deident.dicom.charsets import Charset
from deident.dicom.elements import Element
from deident.dicom.values import NUMBER_CODES, unpack_numbers
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from deident.profiles.model import Profile

if TYPE_CHECKING:
    from deident.profiles.expression import Key

PATIENT_ID = 0x00100020
ISSUER_OF_PATIENT_ID = 0x00100021
STUDY_INSTANCE_UID = 0x0020000D

NEEDED = frozenset({PATIENT_ID, ISSUER_OF_PATIENT_ID, STUDY_INSTANCE_UID})
"""Top-level attributes that say whose instance it is; a context must always be given them."""

_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


class Context:
    """The patient, the profile and the look-ups that decisions about one instance may use.

    Attributes:
        identity: the project's secret.
        profile: the active profile.
        charset: the data set's character set.
        sop_class: SOP Class UID of the instance.
        looked_up: top-level tags that any decision has asked for so far.
    """

    __slots__ = (
        "_elements",
        "_key",
        "_pseudonym",
        "_shift",
        "charset",
        "identity",
        "looked_up",
        "profile",
        "sop_class",
    )

    def __init__(
        self,
        identity: Identity,
        profile: Profile,
        charset: Charset,
        sop_class: str,
        elements: Mapping[int, Element],
    ) -> None:
        self.identity = identity
        self.profile = profile
        self.charset = charset
        self.sop_class = sop_class
        self.looked_up: set[int] = set()
        self._elements = elements
        self._key: bytes | None = None
        self._pseudonym = ""
        self._shift = 0

    @property
    def patient_key(self) -> bytes:
        """What stands for the patient in this project, see `Identity.patient_key`.

        Without a Patient ID the study stands for an unnamed patient.

        Raises:
            InstanceError: `no-patient-id` when there is no study either.
        """
        if self._key is None:
            self._key = self._derive_key()
        return self._key

    def _derive_key(self) -> bytes:
        patient = (self.lookup(PATIENT_ID) or "").strip(" \t\r\n\0")
        if patient:
            return self.identity.patient_key(patient, self.lookup(ISSUER_OF_PATIENT_ID) or "")
        study = (self.lookup(STUDY_INSTANCE_UID) or "").strip(" \t\r\n\0")
        if study:
            return self.identity.fallback_key(study)
        raise InstanceError("no-patient-id")

    @property
    def pseudonym(self) -> str:
        """The new Patient ID."""
        if not self._pseudonym:
            self._pseudonym = self.identity.pseudonym(self.patient_key)
        return self._pseudonym

    @property
    def shift_days(self) -> int:
        """By how many days this patient's dates move; below zero."""
        if not self._shift:
            self._shift = self.identity.shift_days(self.patient_key)
        return self._shift

    def lookup(self, key: Key) -> str | None:
        """Text of an attribute of the original header, or `None` if there is none.

        Several values are joined by backslashes, and so are the values of all items of a path. An
        attribute without text (a sequence, bulk data) gives an empty text. See
        `profiles.expression.Key` for how paths and private attributes are named.

        Raises:
            InstanceError: `bad-charset` when the text cannot be decoded.
        """
        tags, creator = _split_key(key)
        self.looked_up.update(_top_tags(tags, creator, self._elements))
        found = _find(self._elements, tags, creator, self.charset)
        if not found:
            return None
        return "\\".join(text_of(element, charset) for element, charset in found)


def _split_key(key: Key) -> tuple[tuple[int, ...], str]:
    if isinstance(key, int):
        return (key,), ""
    creator = key[-1] if isinstance(key[-1], str) else ""
    return tuple(tag for tag in key if isinstance(tag, int)), creator


def _top_tags(
    tags: tuple[int, ...], creator: str, elements: Mapping[int, Element]
) -> Iterable[int]:
    """The asked-for tag, or for a private attribute all of its group: any block may be it."""
    if not creator or len(tags) > 1:
        return tags[:1]
    return [tag for tag in elements if tag >> 16 == tags[0] >> 16]


def _find(
    elements: Mapping[int, Element], tags: tuple[int, ...], creator: str, charset: Charset
) -> list[tuple[Element, Charset]]:
    """The elements at the end of a path, each with the character set that holds there."""
    if len(tags) == 1:
        tag = _private_tag(elements, tags[0], creator, charset) if creator else tags[0]
        return [(elements[tag], charset)] if tag in elements else []
    top = elements.get(tags[0])
    found: list[tuple[Element, Charset]] = []
    for item in (top.items if top else None) or ():
        inside = {element.tag: element for element in item.elements}
        own = inside.get(0x00080005)
        item_charset = Charset.of(own.value) if own else charset
        found += _find(inside, tags[1:], creator, item_charset)
    return found


def _private_tag(elements: Mapping[int, Element], tag: int, creator: str, charset: Charset) -> int:
    """The tag of a private attribute in its creator's block; 0 if no block is the creator's."""
    group = tag & 0xFFFF0000
    for block in range(0x10, 0x100):
        owner = elements.get(group | block)
        if owner and not owner.span and text_of(owner, charset) == creator:
            return group | block << 8 | tag & 0xFF
    return 0


def text_of(element: Element, charset: Charset) -> str:
    """The value as text: words and digits as they stand without padding, numbers in decimals."""
    vr, raw = element.vr, b"" if element.span else element.value
    if vr in NUMBER_CODES:
        return "\\".join(map(_decimal, unpack_numbers(vr, raw, element.encoding)))
    if vr == "AT":
        parts = unpack_numbers("US", raw, element.encoding)
        return "\\".join(
            f"{int(group):04X}{int(number):04X}"
            for group, number in zip(parts[::2], parts[1::2], strict=False)
        )
    if vr == "SQ" or vr in _BULK:
        return ""
    return charset.decode(raw, vr).strip(" \0")


def _decimal(number: float) -> str:
    return repr(number)
