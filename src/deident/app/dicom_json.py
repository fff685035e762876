"""Data sets in the DICOM JSON model (PS3.18 annex F).

Values that are not loaded become a `BulkDataURI`, a reference relative to the file: `?offset=` and
`length=` in bytes of the data set as it is encoded (of a deflated one: inflated). A file that only
the lenient reader can read has none, because nothing in it lies where it did.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from deident.app.readable import tag_values, text_values
from deident.app.reading import Opened, Surroundings, meta_elements
from deident.app.viewing import ViewOptions, is_selected, vr_to_read
from deident.dicom.elements import Element, Encoding, Path
from deident.dicom.encode import swap_vr_bytes
from deident.dicom.values import NUMBER_CODES, RULES, is_legal, unpack_numbers

_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_NUMERIC_TEXT = frozenset(("DS", "IS"))
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_EXACT = 1 << 53  # what a JSON number surely carries (PS3.18 F.2.3 allows strings)


def file_model(opened: Opened, options: ViewOptions) -> dict[str, Any]:
    """Return what is to be shown of an opened file as plain values for JSON.

    Members: `size` in bytes, `transfer_syntax` as UID, `notes` (codes of `reading.READER_NOTES`),
    and `meta` and `dataset` in the DICOM JSON model. Values are never cut.
    """
    file, model = opened.file, _Model(opened, options)
    wanted = not options.selectors
    meta = model.data_set(meta_elements(file), (), wanted=wanted)
    data = model.data_set(opened.elements, (), wanted=wanted)
    notes = [*file.notes, *(["undecodable-text"] if model.undecoded else [])]
    return {
        "size": file.size,
        "transfer_syntax": file.transfer_syntax,
        "notes": notes,
        "meta": meta,
        "dataset": data,
    }


class _Model:
    """Builds the model of one file's data sets.

    Attributes:
        undecoded: how many values were not in their declared character set and were guessed.
    """

    def __init__(self, opened: Opened, options: ViewOptions) -> None:
        self.undecoded = 0
        self._around = Surroundings(opened.elements)
        self._in_place = "lenient" not in opened.file.notes
        self._options = options

    def data_set(self, elements: list[Element], path: Path, *, wanted: bool) -> dict[str, Any]:
        """The JSON object of one data set, members in the order of the file.

        `wanted`: it is inside of something that was selected.
        """
        model: dict[str, Any] = {}
        for element in elements:
            creator = self._around.creator(path, element.tag)
            vr = vr_to_read(element, creator, self._options)
            chosen = wanted or is_selected(path, element.tag, vr, creator, self._options)
            if element.items is not None:
                items = self._items(element, path, wanted=chosen)
                if chosen or any(items):
                    model[f"{element.tag:08X}"] = {
                        "vr": "SQ",
                        **({"Value": items} if items else {}),
                    }
            elif chosen:
                content = self._content(element, vr, path) if self._options.values else {}
                model[f"{element.tag:08X}"] = {"vr": vr, **content}
        return model

    def _items(self, element: Element, path: Path, *, wanted: bool) -> list[dict[str, Any]]:
        depth = self._options.depth
        if depth is not None and len(path) // 2 >= depth:
            return []
        return [
            self.data_set(item.elements, (*path, element.tag, number), wanted=wanted)
            for number, item in enumerate(element.items or ())
        ]

    def _content(self, element: Element, vr: str, path: Path) -> dict[str, Any]:
        if element.span is not None:
            span = element.span
            uri = f"?offset={span.offset}&length={span.length}"
            return {"BulkDataURI": uri} if self._in_place else {}
        raw = element.value
        if not raw:
            return {}
        if vr in _BINARY or element.undefined or len(raw) % (RULES[vr].unit or 1):
            little = raw if element.encoding.little else swap_vr_bytes(vr, raw)
            return {"InlineBinary": base64.b64encode(little).decode()}
        if vr in NUMBER_CODES or vr == "AT":
            return {"Value": _numbers(vr, raw, element.encoding)}
        values, decoded = text_values(raw, vr, self._around.charset(path))
        self.undecoded += not decoded
        return {"Value": [_text_value(vr, value) for value in values]} if any(values) else {}


def _numbers(vr: str, raw: bytes, encoding: Encoding) -> list[Any]:
    if vr == "AT":
        return [f"{tag:08X}" for tag in tag_values(raw, encoding)]
    return [_number(number) for number in unpack_numbers(vr, raw, encoding)]


def _number(number: float) -> float | str:
    """A number, as text where JSON could not carry it (PS3.18 F.2.3)."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return str(number) if isinstance(number, int) and abs(number) > _EXACT else number


def _text_value(vr: str, text: str) -> Any:
    if not text:
        return None
    if vr == "PN":
        parts = zip(_GROUPS, text.split("="), strict=False)
        return {group: part for group, part in parts if part}
    return _decimal(vr, text) if vr in _NUMERIC_TEXT else text


def _decimal(vr: str, text: str) -> float | str:
    """A number if the text is one that JSON carries exactly, else the text (PS3.18 F.2.3)."""
    if not is_legal(vr, text):
        return text
    number = float(text) if set(text) & set(".eE") else int(text)
    return number if math.isfinite(number) and abs(number) <= _EXACT else text
