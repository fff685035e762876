"""Values as numbers, so that `1.50` equals `1.5`, and how two of them are related.

Decimal strings (DS, IS) and binary numbers are compared as exact decimals, text without its
padding, and bytes by their SHA-256 (PS3.5 6.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Literal

from deident.app.readable import tag_values
from deident.dicom.elements import Element
from deident.dicom.encode import swap_vr_bytes
from deident.dicom.part10 import Part10File
from deident.dicom.values import NUMBER_CODES, normalise, rules, unpack_numbers

Relation = Literal["same", "rounded", "changed"]
Scalar = Decimal | str
Value = tuple[Scalar, ...]

_PADDING = b"\0 "
_SINGLE_PRECISION = Decimal(2) ** -23


def read_value(file: Part10File, element: Element, vr: str) -> Value:
    """The value of an element that is no sequence, read as `vr`; nothing for an empty one.

    Raises:
        InstanceError: `changed`: the file has become shorter.
    """
    if not element.length:
        return ()
    if element.span is not None:
        return (digest(file, element),)
    raw = element.value
    if vr in NUMBER_CODES:
        return tuple(_exact(number) for number in unpack_numbers(vr, raw, element.encoding))
    if vr == "AT":
        return tuple(f"{tag:08X}" for tag in tag_values(raw, element.encoding))
    if rules(vr).unit:
        little = raw if element.encoding.little else swap_vr_bytes(vr, raw)
        return (hashlib.sha256(little).hexdigest(),)
    texts = [text.strip(_PADDING) for text in raw.split(b"\\")]
    if not any(texts):
        return ()
    return tuple(_number(vr, text) for text in texts)


def digest(file: Part10File, element: Element) -> str:
    """SHA-256 of a value, wherever it lies; read in pieces."""
    found = hashlib.sha256()
    if element.span is None:
        found.update(element.value)
    else:
        for piece in file.source.chunks(element.span.offset, element.span.length):
            found.update(piece)
    return found.hexdigest()


def _exact(number: float) -> Scalar:
    """A binary number as the decimal that stands for it; infinities and NaN as words."""
    found = Decimal(repr(number))
    return found if found.is_finite() else repr(number)


def _number(vr: str, text: bytes) -> Scalar:
    """A text value; of DS and IS as a number if it is one, also one that is oddly written."""
    if vr in ("DS", "IS"):
        spelled = normalise(vr, text)[0].strip(_PADDING)
        try:
            found = Decimal(spelled.decode("ascii", "replace"))
        except InvalidOperation:
            return text.decode("latin-1")
        if found.is_finite():
            return found
    return text.decode("latin-1")


def relate(before: Sequence[Scalar], after: Sequence[Scalar]) -> Relation:
    """How two values that are both there are related.

    `rounded`: the same numbers with fewer digits, or in single precision.
    """
    if len(before) == len(after):
        if all(map(_equal, before, after)):
            return "same"
        if all(map(_close, before, after)):
            return "rounded"
    return "changed"


def _equal(before: Scalar, after: Scalar) -> bool:
    return type(before) is type(after) and before == after


def _close(before: Scalar, after: Scalar) -> bool:
    if not isinstance(before, Decimal) or not isinstance(after, Decimal):
        return _equal(before, after)
    difference = abs(before - after)
    if difference <= abs(before) * _SINGLE_PRECISION:
        return True
    decimals = _decimals(after)
    return decimals < _decimals(before) and difference * 2 <= Decimal(1).scaleb(-decimals)


def _decimals(number: Decimal) -> int:
    """How many digits behind the point a number needs."""
    exponent = number.normalize().as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def in_words(value: Value, longest: int = 60) -> str:
    """A value for people, cut to length."""
    text = "\\".join(str(one) for one in value)
    return text if len(text) <= longest else f"{text[:longest]}…"
