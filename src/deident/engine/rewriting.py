"""How actions read a value and put another in its place: per value, legal for the VR, encoded.

Whatever cannot be done fails closed: `fall_back` leaves what the attribute's type allows,
everything else raises, and the instance is quarantined.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isfinite

from deident import tables
from deident.dicom import values
from deident.dicom.charsets import MULTI_TEXT_VRS, Charset
from deident.dicom.uids import is_registered
from deident.dicom.values import NUMBER_CODES
from deident.engine import dummies
from deident.engine.context import Context
from deident.engine.decision import EMPTY, EMPTY_SEQUENCE, KEEP, Decision, Subject
from deident.errors import InstanceError

TEXT_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
"""VRs of words that a person wrote or a program made for people."""

WRITTEN_VRS = TEXT_VRS | {"AS", "DA", "DS", "DT", "IS", "TM", "UI"}
"""VRs whose values are characters."""

_NUMBER = re.compile(r"[0-9]+")
_NO_LIMIT = 1 << 30


def failed(why: str) -> InstanceError:
    """The error of an action that cannot be carried out; `why` must not hold a value."""
    return InstanceError("rule-failed", why)


def texts(subject: Subject, context: Context) -> list[str]:
    """The values of an element of characters, padding removed; none if it is empty.

    Raises:
        InstanceError: `bad-charset` when they cannot be decoded; `rule-failed` when it has no text.
    """
    if subject.vr not in WRITTEN_VRS or subject.sequence:
        raise failed(f"the rule needs text, and an element of VR {subject.vr} has none")
    return _charset(subject, context).decode_values(subject.value, subject.vr)


def _charset(subject: Subject, context: Context) -> Charset:
    return subject.charset or context.charset


def each_value(subject: Subject, context: Context, change: Callable[[str], str]) -> Decision:
    """Change every value of an element of characters by itself; what is empty stays so.

    Raises:
        InstanceError: a value cannot be read, or a new one cannot be written.
    """
    old = texts(subject, context)
    new = [change(value) if value else "" for value in old]
    return KEEP if new == old else write(subject, context, new)


def write(subject: Subject, context: Context, new: Sequence[str]) -> Decision:
    """The decision to put these values in place of the element's.

    Raises:
        InstanceError: `rule-failed` when a value is not legal in the VR (PS3.5 6.2);
            `not-encodable` when the character set lacks one of its characters.
    """
    vr = subject.vr
    if vr in NUMBER_CODES:
        return Decision("value", _packed(subject, new))
    if vr not in WRITTEN_VRS or subject.sequence:
        raise failed(f"the rule cannot write an element of VR {vr}")
    if len(new) > 1 and vr not in MULTI_TEXT_VRS:
        raise failed(f"an element of VR {vr} has one value")
    if not all(values.is_legal(vr, value) for value in new):
        raise failed(f"the rule gives a value that is not legal in VR {vr}")
    return Decision("value", _charset(subject, context).encode("\\".join(new), vr))


def _packed(subject: Subject, new: Sequence[str]) -> bytes:
    convert = float if subject.vr in ("FL", "FD") else int
    try:
        numbers = [convert(value) for value in new]
        if not all(map(isfinite, numbers)):
            raise ValueError("not a number that can be written")
        return values.pack_numbers(subject.vr, numbers, subject.encoding)
    except (ValueError, OverflowError, struct.error) as error:
        raise failed(f"the rule gives no number that fits VR {subject.vr}") from error


def grows_too_long(vr: str, old: str, new: str) -> bool:
    """Whether a value of a new text is longer than the VR allows and than it was (PS3.5 6.2)."""
    pairs = zip(_values(vr, old), _values(vr, new), strict=True)
    return any(len(two) > len(one) and not values.fits(vr, two) for one, two in pairs)


def _values(vr: str, text: str) -> list[str]:
    parts = text.split("\\") if vr in MULTI_TEXT_VRS else [text]
    return [part.rstrip(" \0") for part in parts]


@lru_cache(maxsize=1024)
def multiplicity(tag: int) -> tuple[int, int]:
    """How many values an attribute has at least and at most (PS3.5 6.4); `2-2n` is 2 to any."""
    known = tables.attribute(tag)
    if known is None:
        return 1, _NO_LIMIT
    limits = [int(number) for number in _NUMBER.findall(known.vm)]
    highest = _NO_LIMIT if known.vm.endswith("n") or not limits else limits[-1]
    return (limits or [1])[0], highest


def dummy(subject: Subject, context: Context) -> Decision:
    """A legal value, or one valid item, that says nothing about anybody (PS3.15 E.1.1, code D).

    UIDs become their new UIDs, so that references to them still hold.
    """
    if subject.sequence or subject.vr == "SQ":
        if (subject.type or "")[:1] == "2" and not dummies.has_items(subject.tag):
            return EMPTY_SEQUENCE
        return Decision("items", items=dummies.dummy_items(subject.tag, context, subject.encoding))
    special = dummies.special_value(subject.tag, context, subject.encoding)
    if special is not None:
        return Decision("value", special)
    if subject.vr == "UI":
        there = subject.value.strip(b" \t\r\n\0\\")
        return new_uids(subject, context) if there else _any_uid(subject, context)
    one = values.dummy(subject.vr)
    return Decision("value", values.join(subject.vr, [one] * multiplicity(subject.tag)[0]))


def stand_in(tag: int, vr: str) -> bytes:
    """A value for an attribute that needs one and whose own one named somebody; empty if none can.

    Any number instead of a number would state what is not so; UIDs are renewed, not made up.
    """
    if vr in values.NUMBER_CODES or vr in ("AS", "AT", "DS", "IS", "UI"):
        return b""
    return values.join(vr, [values.dummy(vr)] * multiplicity(tag)[0])


def _any_uid(subject: Subject, context: Context) -> Decision:
    return write(subject, context, [dummies.dummy_uid(f"{subject.tag:08X}", context)])


def new_uids(subject: Subject, context: Context) -> Decision:
    """New UIDs for all that the standard does not register (C43).

    Whatever else stands there, text of any kind, becomes a UID too: nothing of it is left.
    """
    old = [value.strip(" \t\r\n\0") for value in subject.value.decode("latin-1").split("\\")]
    renew = context.identity.uid
    new = [value if not value or is_registered(value) else renew(value) for value in old]
    return KEEP if new == old else Decision("value", "\\".join(new).encode())


def emptied(subject: Subject) -> Decision:
    """The element with nothing in it."""
    return EMPTY_SEQUENCE if subject.sequence or subject.vr == "SQ" else EMPTY


def fall_back(subject: Subject, context: Context, note: str) -> Decision:
    """What is done with a value that the action cannot work on: nothing of it is left (C95).

    A dummy where the attribute must have a value, empty where it may be, else removed (PS3.5 7.4).
    """
    kind = (subject.type or "3")[0]
    if kind == "1":
        return dummy(subject, context)._replace(note=note)
    return emptied(subject)._replace(note=note) if kind == "2" else Decision("remove", note=note)
