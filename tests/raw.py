"""Files put together byte by byte, right and wrong: what our own encoder would not write.

Independent of `deident.dicom.encode`, so that a mistake there is not repeated here. Lengths, VRs
and delimiters are written as they are given.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace

from deident.dicom import part10
from deident.dicom.elements import EXPLICIT_LE, Encoding

UNDEFINED = 0xFFFFFFFF
EXPLICIT_LE_UID = "1.2.840.10008.1.2.1"
DEFLATED_UID = "1.2.840.10008.1.2.1.99"
LONG_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
SHORT_VRS = frozenset((
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS",
    "ST", "TM", "UI", "UL", "US",
))  # fmt: skip
_ZERO_PADDED = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UI", "UN"))


def tag_bytes(tag: int, encoding: Encoding = EXPLICIT_LE) -> bytes:
    """The four bytes of a tag."""
    return struct.pack("<HH" if encoding.little else ">HH", tag >> 16, tag & 0xFFFF)


def head(tag: int, vr: str, length: int, encoding: Encoding = EXPLICIT_LE) -> bytes:
    """Tag, VR and length, true or not; `vr` may be any two letters."""
    order = "<" if encoding.little else ">"
    start = tag_bytes(tag, encoding)
    if not encoding.explicit:
        return start + struct.pack(order + "L", length)
    if vr in LONG_VRS:
        return start + vr.encode("latin-1") + struct.pack(order + "HL", 0, length)
    return start + vr.encode("latin-1") + struct.pack(order + "H", length)


def element(
    tag: int, vr: str, value: bytes, encoding: Encoding = EXPLICIT_LE, *, pad: bool = True
) -> bytes:
    """One element; a value that is too long for its VR goes under UN."""
    if pad and len(value) & 1:
        value += b"\0" if vr in _ZERO_PADDED else b" "
    if encoding.explicit and vr not in LONG_VRS and len(value) > 0xFFFF:
        vr = "UN"
    return head(tag, vr, len(value), encoding) + value


def item(content: bytes, encoding: Encoding = EXPLICIT_LE, *, undefined: bool = False) -> bytes:
    """One item."""
    length = UNDEFINED if undefined else len(content)
    order = "<" if encoding.little else ">"
    start = tag_bytes(0xFFFEE000, encoding) + struct.pack(order + "L", length)
    end = tag_bytes(0xFFFEE00D, encoding) + bytes(4) if undefined else b""
    return start + content + end


def sequence(
    tag: int,
    *contents: bytes,
    encoding: Encoding = EXPLICIT_LE,
    undefined: bool = False,
    vr: str = "SQ",
) -> bytes:
    """One sequence of items with these contents, all of defined or all of undefined length."""
    items = b"".join(item(content, encoding, undefined=undefined) for content in contents)
    if not undefined:
        return head(tag, vr, len(items), encoding) + items
    return head(tag, vr, UNDEFINED, encoding) + items + tag_bytes(0xFFFEE0DD, encoding) + bytes(4)


def nested(content: bytes, parents: tuple[int, ...], encoding: Encoding = EXPLICIT_LE) -> bytes:
    """`content` inside sequences, the outermost first."""
    for number, parent in enumerate(reversed(parents)):
        content = sequence(parent, content, encoding=encoding, undefined=bool(number % 2))
    return content


@dataclass
class File:
    """A file in pieces, to be changed and put together again.

    Attributes:
        syntax: Transfer Syntax UID.
        encoding: how the data set is encoded.
        elements: top level: tag → the whole element, encoded. Written in the order of tags.
        preamble: 128 bytes.
        meta: file meta information besides what every file has: tag → VR and value.
        sop: SOP Class and SOP Instance UID for the file meta information.
        behind: bytes behind the last element.
    """

    syntax: str = EXPLICIT_LE_UID
    encoding: Encoding = EXPLICIT_LE
    elements: dict[int, bytes] = field(default_factory=dict)
    preamble: bytes = bytes(128)
    meta: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    sop: tuple[str, str] = ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4")
    behind: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> File:
        """Take a file apart."""
        with part10.from_bytes(data) as source:
            elements = {}
            for entry in source.elements():
                raw = entry.raw
                if entry.span is not None:
                    raw = entry.buf[entry.start : entry.value_start]
                    raw += source.read(entry.span.offset, entry.span.length)
                elements[entry.tag] = raw
            found = {entry.tag: entry.value for entry in source.elements() if entry.span is None}
            sop_class, instance = (
                found.get(tag, b"1.2").decode("latin-1").strip("\0 ") for tag in (0x80016, 0x80018)
            )
            return cls(source.transfer_syntax, source.encoding, elements, sop=(sop_class, instance))

    @staticmethod
    def inflated(data: bytes) -> bytes:
        """A deflated file with its data set inflated."""
        start = 144 + struct.unpack_from("<L", data, 140)[0]
        return data[:start] + zlib.decompress(data[start:], -zlib.MAX_WBITS)

    def copy(self) -> File:
        """The same file, to be changed by itself."""
        return replace(self, elements=dict(self.elements), meta=dict(self.meta))

    def put(self, tag: int, vr: str, value: bytes) -> None:
        """Set an element of the top level."""
        self.elements[tag] = element(tag, vr, value, self.encoding)

    def put_items(
        self, tag: int, *contents: bytes, undefined: bool = False, vr: str = "SQ"
    ) -> None:
        """Set a sequence of the top level."""
        self.elements[tag] = sequence(
            tag, *contents, encoding=self.encoding, undefined=undefined, vr=vr
        )

    def nest(self, content: bytes, parents: tuple[int, ...]) -> None:
        """Set `content` inside sequences at the top level, the outermost first."""
        self.elements[parents[0]] = nested(content, parents, self.encoding)

    @property
    def body(self) -> bytes:
        """The data set, encoded."""
        return b"".join(self.elements[tag] for tag in sorted(self.elements)) + self.behind

    def encoded(self) -> bytes:
        """The whole file."""
        return part10_bytes(self.body, self.syntax, self.preamble, self.meta, self.sop)


def part10_bytes(
    body: bytes,
    syntax: str = EXPLICIT_LE_UID,
    preamble: bytes = bytes(128),
    meta: dict[int, tuple[str, bytes]] | None = None,
    sop: tuple[str, str] = ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"),
) -> bytes:
    """A file around an encoded data set."""
    fields = {
        0x00020001: ("OB", b"\0\1"),
        0x00020002: ("UI", sop[0].encode("latin-1")),
        0x00020003: ("UI", sop[1].encode("latin-1")),
        0x00020010: ("UI", syntax.encode("latin-1")),
        0x00020012: ("UI", b"1.2.3.4.5"),
    } | (meta or {})
    group = b"".join(element(tag, *fields[tag]) for tag in sorted(fields))
    length = element(0x00020000, "UL", struct.pack("<L", len(group)))
    if syntax == DEFLATED_UID:
        body = deflated(body)
    return preamble + b"DICM" + length + group + body


def deflated(body: bytes) -> bytes:
    """A data set as one deflate stream (PS3.5 A.5)."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()
