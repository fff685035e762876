"""Values and items that stand where something must stand: legal, and about nobody.

PS3.15 code D asks for a non-empty value; for a sequence that is one valid item (C02). What a plain
value of a VR looks like is `dicom.values`' to say; here are the attributes for which that would not
do: sequences, documents, attributes with enumerated values (`tables/dummy_items.json`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from deident.dicom.elements import Encoding
from deident.dicom.values import NUMBER_CODES, pack_numbers
from deident.engine.context import Context
from deident.engine.decision import NewItems
from deident.tables.files import load

ENCAPSULATED_DOCUMENT = 0x00420011
MIME_TYPE = 0x00420012
ENCAPSULATED_DOCUMENT_LENGTH = 0x00420015
GRAPHIC_LAYER_SEQUENCE = 0x00700060

LOOKS_AT = frozenset({MIME_TYPE, GRAPHIC_LAYER_SEQUENCE})
"""Top-level attributes that a dummy may depend on."""

# A document of an unknown kind cannot be imitated: two bytes that are no document at all.
_NO_DOCUMENT = b"\0\0"


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = load("dummy_items.json")
    return data


def has_items(tag: int) -> bool:
    """Whether it is known what an item of this sequence must hold."""
    return f"{tag:08X}" in _data()["items"]


def dummy_items(tag: int, context: Context, encoding: Encoding) -> NewItems:
    """One valid item for the sequence `tag`; a code that means "unknown" for sequences not known.

    Text is ASCII, UIDs are derived from the patient and nothing else (C51).
    """
    data = _data()
    return _items(data["items"].get(f"{tag:08X}", data["generic"]), context, encoding)


def _items(items: list[Any], context: Context, encoding: Encoding) -> NewItems:
    return tuple(
        tuple(
            (
                int(tag, 16),
                vr,
                _items(value, context, encoding)
                if vr == "SQ"
                else _value(vr, value, context, encoding),
            )
            for tag, vr, value in item
        )
        for item in items
    )


def _value(vr: str, value: Any, context: Context, encoding: Encoding) -> bytes:
    if vr in NUMBER_CODES:
        return pack_numbers(vr, value, encoding)
    if isinstance(value, str):
        return value.encode("ascii")
    if "zeros" in value:
        return bytes(value["zeros"])
    if "uid" in value:
        return dummy_uid(value["uid"], context).encode()
    return _borrowed(value, context).encode("ascii")


def _borrowed(value: dict[str, Any], context: Context) -> str:
    """The first value of an attribute that stays in the data set and that the item must repeat."""
    text = context.lookup(tuple(int(tag, 16) for tag in value["first"])) or ""
    first = text.split("\\")[0].strip()
    return first if first and first.isascii() else str(value["else"])


def dummy_uid(purpose: str, context: Context) -> str:
    """A UID that refers to nothing: one per patient and purpose.

    Raises:
        InstanceError: `no-patient-id`.
    """
    return context.identity.uid(f"dummy/{purpose}/{context.pseudonym}")


def special_value(tag: int, context: Context, encoding: Encoding) -> bytes | None:
    """The dummy of an attribute for which any value of its VR would not do, else `None`."""
    if tag == ENCAPSULATED_DOCUMENT:
        return document(context)
    if tag == ENCAPSULATED_DOCUMENT_LENGTH:
        return pack_numbers("UL", [len(document(context))], encoding)
    value = _data()["values"].get(f"{tag:08X}")
    if value is None:
        return None
    return value.encode("ascii") if isinstance(value, str) else bytes(value["zeros"])


def document(context: Context) -> bytes:
    """A document without content, of the MIME type that the instance states (PS3.3 C.24.2)."""
    mime = (context.lookup(MIME_TYPE) or "").split(";")[0].strip().lower()
    found = _data()["documents"].get(mime)
    if found is None:
        return _NO_DOCUMENT
    return found.encode("ascii") if isinstance(found, str) else bytes(found["zeros"])
