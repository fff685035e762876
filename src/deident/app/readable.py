"""Names and values as people read them: decoded, cut to length, and harmless to a terminal.

Whatever a file holds, nothing that comes from here can move a cursor, change a colour or turn the
direction of the text around it (PS3.5 6.1.3 allows none of that in values either).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from deident import tables
from deident.dicom.charsets import Charset
from deident.dicom.elements import Element, Encoding
from deident.dicom.encode import WORD_SIZES, swap_vr_bytes
from deident.dicom.tags import format_tag, is_private, is_private_creator
from deident.dicom.values import NUMBER_CODES, RULES, unpack_numbers
from deident.errors import InstanceError

# Words of a single hexadecimal dump; longer values are only counted.
_SHOWN_BYTES = 16
_NO_LIMIT = 1 << 60
_GUESSED = 1 << 16
STANDARD_ROOT = "1.2.840.10008."  # all UIDs of the standard, and none of anybody else
_JOINERS = "\u200c\u200d"  # belong to the spelling of Persian, Hindi and other names
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "\u2421"}
_WORDS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


def printable(text: str) -> str:
    """Return text in which nothing controls a terminal: control characters become visible ones."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs":
        return char
    return _PICTURES.get(char, "\ufffd")


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return `1 file`, `2 files`."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def attribute_name(tag: int, creator: str | None = None, *, dictionary: bool = True) -> str:
    """Return the keyword of an attribute; for a private one its name in brackets, or nothing.

    `creator` is the private creator; `dictionary=False` does not look private names up.
    """
    known = tables.attribute(tag)
    if known:
        return known.keyword or known.name
    if not tag & 0xFFFF:
        return "GroupLength"
    if is_private_creator(tag):
        return "PrivateCreator"
    if creator and dictionary:
        found = tables.private_attribute(creator, tag >> 16, tag & 0xFF)
        return f"[{printable(found[2])}]" if found and found[2] else ""
    return ""


def uid_name(uid: str) -> str:
    """Return what PS3.6 calls a UID, or nothing. Imports pydicom's list (slow)."""
    if not uid.startswith(STANDARD_ROOT):
        return ""
    from pydicom._uid_dict import UID_dictionary

    entry = UID_dictionary.get(uid)
    return entry[0] if entry else ""


def class_name(sop_class: str) -> str:
    """Return the name of a SOP class; a private UID is not told, it may name an institution."""
    if sop_class.startswith(STANDARD_ROOT):
        return uid_name(sop_class) or sop_class
    return "private SOP class" if sop_class else ""


class Words(NamedTuple):
    """A value in words.

    Attributes:
        text: what to print.
        complete: whether the whole value is in it.
        decoded: whether the character set could be followed; otherwise it is a guess.
    """

    text: str
    complete: bool = True
    decoded: bool = True


def words_of(
    element: Element, vr: str, charset: Charset, longest: int = 0, *, names: bool = True
) -> Words:
    """Return the value of an element that is in memory and is no sequence.

    Args:
        element: whose value.
        vr: the VR to read it as.
        charset: of its data set.
        longest: characters of text that are shown; 0 for any number.
        names: whether to say what registered UIDs are called.
    """
    limit = longest or _NO_LIMIT
    raw = element.value
    if not raw:
        return Words("")
    if vr in NUMBER_CODES or vr == "AT":
        return _numbers(vr, raw, element.encoding, limit)
    if vr in _WORDS:
        return _bytes(vr, raw, element.encoding, limit)
    return _text(vr, raw, charset, limit, uid_name if names else None)


def _numbers(vr: str, raw: bytes, encoding: Encoding, limit: int) -> Words:
    unit = RULES[vr].unit
    count, rest = divmod(len(raw), unit)
    if rest:
        return _bytes("UN", raw, encoding, limit)
    shown = raw[: unit * limit] if limit < _NO_LIMIT else raw
    if vr == "AT":
        texts = [format_tag(tag) for tag in _tags(shown, encoding)]
    else:
        texts = [_number(number) for number in unpack_numbers(vr, shown, encoding)]
    text = "\\".join(texts)
    if len(text) <= limit and len(shown) == len(raw):
        return Words(text)
    kept = text[:limit].rpartition("\\")[0] or texts[0]
    return Words(f"{kept}\\\u2026 ({plural(count, 'value')})", complete=False)


def _number(number: float) -> str:
    return repr(number) if isinstance(number, float) else str(number)


def _tags(raw: bytes, encoding: Encoding) -> list[int]:
    halves = unpack_numbers("US", raw, encoding)
    return [int(halves[i]) << 16 | int(halves[i + 1]) for i in range(0, len(halves) - 1, 2)]


def tag_values(raw: bytes, encoding: Encoding) -> list[int]:
    """Return the tags that a value of VR AT holds."""
    return _tags(raw, encoding)


def _bytes(vr: str, raw: bytes, encoding: Encoding, limit: int) -> Words:
    if len(raw) > _SHOWN_BYTES:
        text = _as_text(raw, limit) if vr == "UN" else ""
        return Words(f"{text} <{len(raw)} bytes>".lstrip(), complete=False)
    if vr == "UN" and (text := _as_text(raw, limit)):
        return Words(text)
    unit = WORD_SIZES.get(vr, 1)
    big = raw if not encoding.little else swap_vr_bytes(vr, raw)
    groups = [big[start : start + unit].hex() for start in range(0, len(big), unit)]
    return Words(" ".join(groups))


def _as_text(raw: bytes, limit: int) -> str:
    """What a value of unknown form says if it is ASCII text, in quotation marks."""
    body = raw.rstrip(b"\0 ")
    text = body[:limit].decode("ascii", "replace")
    if not body or not text.isprintable() or "\ufffd" in text:
        return ""
    return f'"{text}\u2026"' if len(body) > limit else f'"{text}"'


def _text(
    vr: str, raw: bytes, charset: Charset, limit: int, name: Callable[[str], str] | None
) -> Words:
    values, decoded = text_values(raw, vr, charset)
    text = printable("\\".join(values))
    if len(text) > limit:
        note = f"\u2026 ({len(text)} characters)"
        return Words(text[:limit] + note, complete=False, decoded=decoded)
    if vr == "UI" and name and len(values) == 1 and (known := name(values[0])):
        text = f"{text} ({known})"
    return Words(text, decoded=decoded)


def text_values(raw: bytes, vr: str, charset: Charset) -> tuple[list[str], bool]:
    """Return the values of a text element, and whether the declared character set was followed.

    Bytes that do not fit the declared set are read in the way that is likeliest to be meant.
    """
    try:
        return charset.decode_values(raw, vr), True
    except InstanceError:
        body = raw.rstrip(b"\0 ")
    # every codec there is on a value of megabytes would take seconds
    guesses = charset.decode_lenient(body) if len(body) <= _GUESSED else ()
    return (guesses[0] if guesses else body.decode("latin_1")).split("\\"), False


def private_vr(tag: int, creator: str) -> str:
    """Return the VR that a dictionary gives a private attribute, or nothing. May import pydicom."""
    if not is_private(tag) or not creator:
        return ""
    found = tables.private_attribute(creator, tag >> 16, tag & 0xFF)
    return found[0] if found and found[0] in RULES else ""
