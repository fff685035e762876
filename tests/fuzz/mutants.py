"""Broken files: a file and a seed make one mutant, the same on every machine.

Mutations know where tags, VRs, lengths, values and delimiters are, so that most mutants get past
the first check; some only know bytes.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from deident.dicom import part10
from deident.dicom.elements import Element, walk
from deident.errors import InstanceError
from tests.raw import LONG_VRS, SHORT_VRS

UNDEFINED = b"\xff\xff\xff\xff"
_VRS = [vr.encode() for vr in (*sorted(SHORT_VRS), *sorted(LONG_VRS), "??", "\0\0", "ox", "Zz")]
_TAGS = [
    struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    for tag in (
        0x00020010, 0x00080005, 0x00080016, 0x00080018, 0x00080070, 0x00100010, 0x00100020,
        0x00104000, 0x00181020, 0x00204000, 0x00280010, 0x00290010, 0x00291010, 0x00400031,
        0x0040A730, 0x52009230, 0x60003000, 0x7FE00008, 0x7FE00010, 0x7FE11001, 0xFFFCFFFC,
        0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x00000000, 0x00041220, 0x00010001, 0xFFFFFFFF,
    )
]  # fmt: skip
_CHARSETS = (
    b"ISO_IR 192", b"ISO_IR 100", b"GB18030", b"ISO 2022 IR 87", b"\\ISO 2022 IR 149", b"ISO_IR 13",
    b"ISO_IR 999", b"\\\\\\", b"utf8", b"ISO 2022 IR 6\\ISO 2022 IR 58\\GBK", b"",
)  # fmt: skip
_ITEM, _ITEM_END, _SEQUENCE_END = (
    b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0",
)  # fmt: skip
_MOST = 6
_SOFTLY = 0.5
_MODERATE = 4000


Place = tuple[int, int, int, int, int]


class Seed(NamedTuple):
    """A whole file and where its parts are.

    Attributes:
        name: for reports.
        data: the file.
        elements: offset of each element of every depth: of its tag, its length, its value, its end;
            and the number of bytes of the length.
        top: those of the top level that are no sequences and of moderate size.
    """

    name: str
    data: bytes
    elements: tuple[Place, ...]
    top: tuple[Place, ...]


def seed(name: str, data: bytes) -> Seed:
    """Find the parts of a file; none are known of one that is deflated or cannot be read."""
    try:
        with part10.from_bytes(data) as file:
            known = [] if file.deflated else file.elements()
            places = [
                _place(element, file.start)
                for _, element in walk(known)
                if element.buf is file.header
            ]
            top = [
                _place(element, file.start)
                for element in known
                if element.buf is file.header
                and element.items is None
                and not element.undefined
                and element.length < _MODERATE
            ]
    except InstanceError:
        places, top = [], []
    return Seed(name, data, tuple(places), tuple(top))


def _place(element: Element, start: int) -> Place:
    size = 4 if element.raw_vr is None or element.raw_vr in LONG_VRS else 2
    value = start + element.value_start
    end = value + element.length if element.span else start + element.end
    return start + element.start, value - size, value, end, size


class Mutation:
    """One mutant in the making."""

    def __init__(self, source: Seed, other: Seed, numbers: random.Random) -> None:
        self.data = bytearray(source.data)
        self.source, self.other, self.numbers = source, other, numbers

    def _element(self) -> Place:
        """Some element; the later ones may have moved by earlier mutations."""
        if self.source.elements:
            return self.numbers.choice(self.source.elements)
        start = self.numbers.randrange(max(1, len(self.data) - 16))
        return start, start + 6, start + 8, start + 12, 2

    def _offset(self) -> int:
        """Some byte, more often of the header than of pixels."""
        end = len(self.data)
        return self.numbers.randrange(min(end, self.numbers.choice((1024, 8192, end))) or 1)

    def flip_bit(self) -> None:
        at = self._offset()
        self.data[at] ^= 1 << self.numbers.randrange(8)

    def set_byte(self) -> None:
        self.data[self._offset()] = self.numbers.choice((0, 0xFF, 0x5C, 0x1B, 0x20, 0x5E, 0x80))

    def lie_about_length(self) -> None:
        _, at, value, end, size = self._element()
        true = end - value
        lie = self.numbers.choice(
            (0, 1, true - 1, true + 1, true + 2, true * 2, true - 8, true + 8, 0xFFFE, 0xFFFF)
        )
        self.data[at : at + size] = (lie % (1 << 8 * size)).to_bytes(size, "little")

    def claim_much(self) -> None:
        _, at, _, _, size = self._element()
        claim = self.numbers.choice((UNDEFINED, b"\xfe\xff\xff\xff", b"\0\0\0\x80", b"\0\0\1\0"))
        self.data[at : at + size] = claim[:size]

    def change_tag(self) -> None:
        at = self._element()[0]
        self.data[at : at + 4] = self.numbers.choice(_TAGS)

    def swap_tags(self) -> None:
        one, other = self._element()[0], self._element()[0]
        self.data[one : one + 4], self.data[other : other + 4] = (
            self.data[other : other + 4],
            self.data[one : one + 4],
        )

    def change_vr(self) -> None:
        at = self._element()[0] + 4
        self.data[at : at + 2] = self.numbers.choice(_VRS)

    def truncate(self) -> None:
        del self.data[self.numbers.randrange(len(self.data) or 1) :]

    def cut_at_element(self) -> None:
        start, _, value, end, _ = self._element()
        del self.data[self.numbers.choice((start, value, end, end - 1)) :]

    def remove_element(self) -> None:
        start, _, _, end, _ = self._element()
        del self.data[start:end]

    def repeat_element(self) -> None:
        start, _, _, end, _ = self._element()
        piece = self.data[start:end][:65536]
        at = self.numbers.choice((start, end, self._element()[0]))
        self.data[at:at] = piece

    def move_element(self) -> None:
        start, _, _, end, _ = self._element()
        piece = self.data[start:end][:65536]
        del self.data[start:end]
        at = self._element()[0]
        self.data[at:at] = piece

    def splice(self) -> None:
        piece = self.other.data
        if self.other.elements:
            start, _, _, end, _ = self.numbers.choice(self.other.elements)
            piece = piece[start : min(end, start + 65536)]
        else:
            start = self.numbers.randrange(len(piece))
            piece = piece[start : start + 200]
        at = self._element()[0]
        self.data[at:at] = piece

    def remove_bytes(self) -> None:
        at = self._offset()
        del self.data[at : at + self.numbers.choice((1, 2, 4, 8, 100))]

    def insert_bytes(self) -> None:
        at = self._offset()
        self.data[at:at] = self.numbers.randbytes(self.numbers.choice((1, 2, 4, 8, 100)))

    def insert_delimiter(self) -> None:
        at = self.numbers.choice((self._element()[0], self._element()[2]))
        kind = self.numbers.choice((_ITEM, _ITEM_END, _SEQUENCE_END))
        self.data[at:at] = kind + self.numbers.choice((bytes(4), UNDEFINED, b"\4\0\0\0"))

    def open_sequence(self) -> None:
        start = self._element()[0]
        head = b"\x08\0\x40\x11SQ\0\0" + UNDEFINED + _ITEM + UNDEFINED
        self.data[start:start] = head * self.numbers.choice((1, 2, 70))

    def wrap_in_unknown(self) -> None:
        start, _, _, end, _ = self._element()
        if end - start < 60000:
            tag = self.numbers.choice((b"\x08\0\x18\x22", b"\x29\0\x05\x10", b"\x18\0\x29\x92"))
            item = _ITEM + struct.pack("<L", end - start)
            head = tag + b"UN\0\0" + struct.pack("<L", end - start + 8) + item
            self.data[start:start] = head

    def change_charset(self) -> None:
        term = self.numbers.choice(_CHARSETS)
        term += b" " * (len(term) & 1)
        element = b"\x08\0\x05\0CS" + struct.pack("<H", len(term)) + term
        at = self.data.find(b"\x08\0\x05\0CS")
        if at >= 0:
            del self.data[at : at + 8 + int.from_bytes(self.data[at + 6 : at + 8], "little")]
        else:
            at = self.source.elements[0][0] if self.source.elements else 132
        self.data[at:at] = element

    def cut_escape(self) -> None:
        at = self.data.find(b"\x1b", self._offset())
        if at >= 0:
            del self.data[at : at + self.numbers.randrange(1, 4)]
        else:
            start = self._element()[2]
            self.data[start:start] = self.numbers.choice((b"\x1b", b"\x1b$", b"\x1b$B", b"\x1b$)C"))

    def zero_length_everywhere(self) -> None:
        for _ in range(20):
            _, at, _, _, size = self._element()
            self.data[at : at + size] = bytes(size)

    # -- mutations that leave the structure as it is: these mutants are decided, not refused -------

    def soft_retag(self) -> None:
        """Another attribute, known or not, with the same value."""
        at = self._top()[0]
        self.data[at : at + 4] = self.numbers.choice(
            (*_TAGS[3:16], struct.pack("<HH", self.numbers.choice(_GROUPS), self._number()))
        )

    def _number(self) -> int:
        return self.numbers.choice((0x10, 0x11, 0x1001, 0x1010, self.numbers.randrange(0x10000)))

    def soft_change_vr(self) -> None:
        """Another VR with a length of the same size."""
        start, _, value, _, size = self._top()
        if size == 4 and value - start == 8:
            return  # Implicit VR
        vrs = SHORT_VRS if size == 2 else LONG_VRS
        self.data[start + 4 : start + 6] = self.numbers.choice(sorted(vrs)).encode()

    def soft_transplant(self) -> None:
        """The value of one element as the value of another."""
        _, _, value, end, _ = self._top()
        content = bytes(self.data[value:end])
        if self.numbers.random() < 0.3:
            content += self.numbers.choice((b"\0", b" ", b"\\", b"^", b"=", b"\r\n")) + content
        content += b" " * (len(content) & 1)
        _, at, value, end, size = self._top()
        self.data[at:end] = len(content).to_bytes(size, "little") + content

    def soft_noise(self) -> None:
        """Other bytes within a value."""
        _, _, value, end, _ = self._top()
        if value < end:
            for _ in range(self.numbers.choice((1, 2, 8))):
                at = self.numbers.randrange(value, end)
                if at < len(self.data):
                    self.data[at] = self.numbers.choice((0, 0x20, 0x5C, 0x1B, 0x41, 0x80, 0xFF))

    def soft_remove(self) -> None:
        """One element less."""
        start, _, _, end, _ = self._top()
        del self.data[start:end]

    def _top(self) -> Place:
        return self.numbers.choice(self.source.top) if self.source.top else self._element()


_GROUPS = (0x0008, 0x0010, 0x0018, 0x0028, 0x0029, 0x0009, 0x0040, 0x6000, 0x7FE1, 0x0032)

MUTATIONS: tuple[Callable[[Mutation], None], ...] = tuple(
    function
    for name, function in vars(Mutation).items()
    if callable(function) and not name.startswith("_")
)
SOFT = tuple(mutation for mutation in MUTATIONS if mutation.__name__.startswith("soft"))


def mutant(source: Seed, other: Seed, number: int) -> tuple[bytes, tuple[str, ...]]:
    """The mutant with this number, and the names of what was done to it."""
    numbers = random.Random(f"{source.name} {number}")
    making = Mutation(source, other, numbers)
    done = []
    choice = SOFT if numbers.random() < _SOFTLY else MUTATIONS
    for _ in range(numbers.choice((1, 1, 1, 2, 2, 3, _MOST))):
        if len(making.data) < 8:
            break
        mutation = numbers.choice(choice)
        mutation(making)
        done.append(mutation.__name__)
    return bytes(making.data), tuple(done)
