"""What the last instances looked like: the top level of a file, recognised but for what varies.

`memo` compares one data set with a template; `Recall` keeps the templates of whole instances, one
for each series that was met lately, finds the one that is likely to fit, and checks that what
follows the header is nothing but Pixel Data that ends with the file.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, NamedTuple

from deident.dicom.elements import Encoding, Span
from deident.dicom.parse import holds_pixels
from deident.dicom.part10 import Part10File
from deident.engine.apply import Walker
from deident.engine.case import Case
from deident.engine.memo import Part, Record, Template, Varying, remember
from deident.engine.pixels import odd_offset_table
from deident.engine.prove import Place
from deident.engine.verify import may_hold_uids

# Attributes whose new values can stand in the name of an output.
NAMING = {
    0x00080060: "Modality",
    0x00100010: "PatientName",
    0x00100020: "PatientID",
    0x0020000D: "StudyInstanceUID",
    0x0020000E: "SeriesInstanceUID",
    0x00080018: "SOPInstanceUID",
    0x00080016: "SOPClassUID",
    0x00080020: "StudyDate",
    0x00200011: "SeriesNumber",
    0x00200013: "InstanceNumber",
}
_KEPT_TEMPLATES = 64
_FIRST_WINDOW = 65536
_SLACK = 2048
_UNDEFINED = b"\xff\xff\xff\xff"  # as a length


class Remembered(NamedTuple):
    """A remembered instance: the template of its top level and what lies around it.

    `bulk` holds the bytes of the Pixel Data element before its value, empty without Pixel Data;
    `naming` the values for output names that do not vary, `varying` which parts of the template's
    output hold the others; `size` is the header's length in bytes; `uids` its own original UIDs.
    """

    case: Case
    template: Template
    bulk: bytes
    naming: dict[str, str]
    varying: tuple[tuple[str, int], ...]
    size: int
    uids: frozenset[bytes]

    def names(self, out: list[bytes]) -> dict[str, str]:
        """New values for output names, given the template's output."""
        explicit = self.case.key.encoding.explicit
        return self.naming | {
            name: value_text(out[index], explicit) for name, index in self.varying
        }


class Recognised(NamedTuple):
    """An instance that fits: its new header, what is behind it, and new values for its name.

    The `parts` of the header are runs and varying elements by turns.
    """

    remembered: Remembered
    walker: Walker
    parts: list[bytes]
    header: bytes
    tail: list[bytes | Span]
    naming: dict[str, str]


class Recall:
    """The instances that one engine remembers; `window` is how much of a file to read at once."""

    def __init__(self) -> None:
        self.window = _FIRST_WINDOW
        self._tops: OrderedDict[bytes, Remembered] = OrderedDict()
        self._latest: Remembered | None = None

    def recognise(self, file: Part10File) -> Recognised | None:
        """The instance in `file`, if it differs from a remembered one only where those may."""
        latest = self._latest
        if latest is None:
            return None
        found = _match(latest, file)
        if found is None:
            other = self._tops.get(_series_key(file.header, file.encoding))
            if other is not None and other is not latest:
                self._latest = other
                found = _match(other, file)
        return found

    def remember(
        self, file: Part10File, parts: list[Part], walker: Walker, naming: dict[str, str]
    ) -> None:
        """Keep an instance that was walked, if it is a header with at most Pixel Data behind it."""
        bulk, last = b"", parts[-1]
        if last.element is not None and last.element.span is not None:
            if last.tag not in walker.spans or not holds_pixels(last.tag, last.element.vr):
                return  # only what is copied unseen: no decision, and no search, depends on it
            parts = parts[:-1]
            bulk = last.element.buf[last.element.start : last.element.value_start]
        read = [part.element for part in parts if part.element is not None]
        if not read or any(one.span or one.buf is not file.header for one in read):
            return
        template = self._template(file, parts, walker)
        varying = tuple(
            (NAMING[entry.varying.tag], 2 * number + 1)
            for number, entry in enumerate(template.entries)
            if entry.varying is not None and entry.varying.tag in NAMING
        )
        size = read[-1].end + len(bulk)
        uids = walker.own_uids | walker.renewed()
        self._keep(file, Remembered(walker.case, template, bulk, naming, varying, size, uids))

    def _template(self, file: Part10File, parts: list[Part], walker: Walker) -> Template:
        last = self._tops.get(_series_key(file.header, file.encoding))
        template = remember(
            last.template if last and last.case is walker.case else None,
            parts,
            walker,
            Record(),
            Template(Place((), (), walker.case.charset), file.encoding),
        )
        walked = next((part.record for part in reversed(parts) if part.record), Record())
        template.record(walker, walked, walker.record())  # Pixel Data, and what was inserted
        return template

    def _keep(self, file: Part10File, top: Remembered) -> None:
        key = _series_key(file.header, file.encoding)
        self._tops[key] = self._latest = top
        self._tops.move_to_end(key)
        if len(self._tops) > _KEPT_TEMPLATES:
            self._tops.popitem(last=False)
        self.window = _SLACK + max(top.size for top in self._tops.values())


def _match(top: Remembered, file: Part10File) -> Recognised | None:
    key = top.case.key
    if key.encoding != file.encoding or key.transfer_syntax != file.transfer_syntax:
        return None
    walker = Walker(top.case, read=file.read, remembering=True)
    found = top.template.run(file.header, 0, walker)
    if found is None:
        return None
    out, end = found
    tail = _tail(file, end, top.bulk)
    if tail is None:
        return None
    return Recognised(top, walker, out, b"".join(out), tail, top.names(out))


def holds_original_uids(found: Recognised) -> bool:
    """Whether an original UID may be left in a header that was recognised: not if this says no.

    UIDs that are new with this instance are looked for everywhere, those of the remembered one
    where this one differs. Where UIDs belong, only those that were renewed are not to be.
    """
    walker, parts, entries = found.walker, found.parts, found.remembered.template.entries
    if walker.uids and may_hold_uids(found.header, walker.renewed(), walker.uids):
        return True
    if walker.unrenewed:
        others = [
            part
            for number, part in enumerate(parts)
            if not (number & 1 and _is_uid(entries[number >> 1].varying))
        ]
        if may_hold_uids(b"".join(others), walker.unrenewed, walker.uids):
            return True
    return may_hold_uids(b"".join(parts[1::2]), found.remembered.uids, walker.uids)


def _is_uid(varying: Varying | None) -> bool:
    return varying is not None and varying.vr == "UI"


def _tail(file: Part10File, end: int, bulk: bytes) -> list[bytes | Span] | None:
    """Pixel Data behind a header that was recognised, `None` unless it ends with the file."""
    buf = file.header
    if not bulk:
        return [] if file.start + end == file.source.size else None
    if not buf.startswith(bulk, end):
        return None
    value_at = end + len(bulk)
    order: Literal["little", "big"] = "little" if file.encoding.little else "big"
    span = file.bulk_at(value_at, int.from_bytes(buf[value_at - 4 : value_at], order))
    if span is None or span.offset + span.length != file.source.size:
        return None
    if buf.endswith(_UNDEFINED, end, value_at) and odd_offset_table(span, file.read) is not None:
        return None
    return [buf[end:value_at], span]


def _series_key(header: bytes, encoding: Encoding) -> bytes:
    """Bytes that are likely to tell series apart: a hint where to look, never a proof."""
    at = header.find(b"\x20\0\x0e\0" if encoding.little else b"\0\x20\0\x0e")
    if at < 0:
        return b""
    length = header[at + 6 : at + 8] if encoding.explicit else header[at + 4 : at + 6]
    size = int.from_bytes(length, "little" if encoding.little else "big")
    return header[at : at + 8 + min(size, 64)]


def value_text(element: bytes, explicit: bool) -> str:
    """The value of an encoded element of a text VR or UI, as plain text."""
    start = 8
    if explicit and element[4:6] in (b"UC", b"UR", b"UT", b"UN"):
        start = 12
    return element[start:].decode("ascii", "replace").strip(" \0")
