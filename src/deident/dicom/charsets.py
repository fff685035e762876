"""Specific Character Set (0008,0005): text from bytes and back, strict, without third parties.

PS3.3 C.12.1.1.2 lists the defined terms, PS3.5 6.1 says how they work. Python's codecs do the
tables; what is DICOM's own, the code extensions of ISO 2022 and their resets, is done here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from deident.errors import InstanceError

# VRs whose characters (0008,0005) governs (PS3.5 6.1.2.3); UN may hide any of them.
AFFECTED_VRS = frozenset(("SH", "LO", "ST", "LT", "UC", "UT", "PN", "UN"))

# VRs of text in which a backslash separates values (PS3.5 6.2, 6.4).
MULTI_TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI")
)

# VRs of text whose leading spaces count (PS3.5 6.2).
LEADING_SPACE_COUNTS = frozenset(("ST", "LT", "UT", "UC", "UR", "PN", "UN"))

_ESC = b"\x1b"


class _Code(NamedTuple):
    """A code element that an escape sequence designates (PS3.3 Tables C.12-3 and C.12-4).

    Attributes:
        half: 0 for G0 (bytes below 128), 1 for G1 (bytes above).
        codec: the Python codec; those of two-byte G0 sets want the escape sequence in front.
        escape: the escape sequence, ESC included.
        width: bytes per character; 0 when the codec knows.
    """

    half: int
    codec: str
    escape: bytes
    width: int


_ASCII = _Code(0, "ascii", b"\x1b(B", 1)
_ROMAJI = _Code(0, "ascii", b"\x1b(J", 1)  # yen sign and overline read as ASCII, as everybody does

# ISO registration number: the code elements that belong to it, the one for escapes to text first.
_REGISTERED: dict[str, tuple[_Code, ...]] = {
    "6": (_ASCII,),
    "13": (_Code(1, "shift_jis", b"\x1b)I", 1), _ROMAJI),
    "100": (_Code(1, "latin_1", b"\x1b-A", 1),),
    "101": (_Code(1, "iso8859_2", b"\x1b-B", 1),),
    "109": (_Code(1, "iso8859_3", b"\x1b-C", 1),),
    "110": (_Code(1, "iso8859_4", b"\x1b-D", 1),),
    "126": (_Code(1, "iso8859_7", b"\x1b-F", 1),),
    "127": (_Code(1, "iso8859_6", b"\x1b-G", 1),),
    "138": (_Code(1, "iso8859_8", b"\x1b-H", 1),),
    "144": (_Code(1, "iso8859_5", b"\x1b-L", 1),),
    "148": (_Code(1, "iso8859_9", b"\x1b-M", 1),),
    "166": (_Code(1, "tis_620", b"\x1b-T", 1),),
    "203": (_Code(1, "iso8859_15", b"\x1b-b", 1),),
    "58": (_Code(1, "gb2312", b"\x1b$)A", 2),),
    "149": (_Code(1, "euc_kr", b"\x1b$)C", 2),),
    "87": (_Code(0, "iso2022_jp", b"\x1b$B", 2), _ROMAJI),
    "159": (_Code(0, "iso2022_jp_2", b"\x1b$(D", 2), _ROMAJI),
}
_MULTI_BYTE = frozenset(("58", "87", "149", "159"))

# Sets that stand alone: no code extension, no second value (PS3.3 Table C.12-5).
_STANDALONE = {"ISO_IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}

# Other people's names for the same sets, without punctuation and in capitals.
_ALIASES: dict[str, str] = {
    "UTF8": "ISO_IR 192",
    "ISOIR192": "ISO_IR 192",
    "ISO2022IR192": "ISO_IR 192",
    "ISO192": "ISO_IR 192",
    "GB18030": "GB18030",
    "GBK": "GBK",
    "ISO2022GBK": "GBK",
    "GB2312": "GBK",
    "ASCII": "ISO_IR 6",
    "USASCII": "ISO_IR 6",
    "ISO646": "ISO_IR 6",
    "LATIN1": "ISO_IR 100",
    "LATIN2": "ISO_IR 101",
    "ISO88591": "ISO_IR 100",
    "ISO88592": "ISO_IR 101",
    "ISO88593": "ISO_IR 109",
    "ISO88594": "ISO_IR 110",
    "ISO88595": "ISO_IR 144",
    "ISO88596": "ISO_IR 127",
    "ISO88597": "ISO_IR 126",
    "ISO88598": "ISO_IR 138",
    "ISO88599": "ISO_IR 148",
    "ISO885911": "ISO_IR 166",
    "ISO885915": "ISO_IR 203",
    "TIS620": "ISO_IR 166",
    "EUCKR": "ISO 2022 IR 149",
}
_PUNCTUATION = re.compile(r"[^A-Z0-9]")
_TERM = re.compile(r"(?:ISO)?(2022)?(?:IR)?(\d{1,3})")

# Where the initial sets become active again, by VR (PS3.5 6.1.2.5.3): ends of lines and pages,
# tabs, the separators of values and of the parts of a name.
_LAYOUT = b"\t\n\f\r"
_LINE_RESETS = frozenset(_LAYOUT)
_RESETS = {"PN": frozenset(_LAYOUT + b"\\^=")} | dict.fromkeys(
    ("SH", "LO", "UC"), frozenset(_LAYOUT + b"\\")
)

_TOKENS = re.compile(
    rb"\x1b[\x20-\x2f]*.?|[\x00-\x1a\x1c-\x20\x7f]+|[\x21-\x7e]+|[\x80-\xff]+", re.S
)
_GB_TOKENS = re.compile(rb"[\x81-\xfe].|.", re.S)

# What text turns out to be that is not what was declared; tried for searching, commonest first.
_OTHER_CODECS = (
    "utf_8", "cp1252", "latin_1", "gb18030", "shift_jis", "euc_jp", "euc_kr", "big5", "cp1250",
    "iso8859_2", "cp1251", "iso8859_5", "koi8_r", "iso8859_7", "iso8859_8", "iso8859_6", "cp1256",
    "iso8859_9", "tis_620",
)  # fmt: skip

_RARER_CODECS = ("iso8859_3", "iso8859_4", "iso8859_15", "iso2022_jp", "iso2022_jp_2")
_ESCAPES = re.compile(rb"\x1b[\x20-\x2f]+.")


def known_terms() -> tuple[str, ...]:
    """The defined terms of Specific Character Set that are read and written (PS3.3 C.12.1.1.2)."""
    single = [f"ISO_IR {number}" for number in _REGISTERED if number not in _MULTI_BYTE]
    extended = [f"ISO 2022 IR {number}" for number in _REGISTERED]
    return (*single, *extended, *_STANDALONE)


def _is_plain(raw: bytes) -> bool:
    """Whether every declared set reads these bytes as ASCII."""
    return raw.isascii() and _ESC not in raw


class Charset:
    """What one (0008,0005) value means. Get one from `of`; instances are shared and never change.

    Attributes:
        terms: the defined terms as they should have been written; empty for the default repertoire.
        known: whether every term is one of PS3.3 C.12.1.1.2, perhaps after a correction.
        notes: codes of what was corrected: `charset-respelled`, `charset-extension-respelled`
            (several sets need the ISO 2022 spelling), `charset-standalone` (a set that stands
            alone had company, which was left out).
        is_ascii_superset: whether a byte below 128 is always that ASCII character; not so in
            GBK, GB18030 and the two-byte Japanese sets, where it may be half of another one.
    """

    __slots__ = ("_codec", "_escapes", "_initial", "is_ascii_superset", "known", "notes", "terms")

    def __init__(self, terms: tuple[str, ...], notes: tuple[str, ...], *, known: bool) -> None:
        self.terms, self.notes, self.known = terms, notes, known
        numbers = [term.rpartition(" ")[2] or "6" for term in terms]
        codes = [code for number in numbers for code in _REGISTERED.get(number, ())]
        self._codec = "ascii"
        self._initial: tuple[_Code, _Code | None] = (_ASCII, None)
        self._escapes: dict[bytes, _Code] = {}
        self.is_ascii_superset = not {"87", "159", "GBK", "GB18030"}.intersection(numbers)
        if not known or not terms:
            return
        self._codec = _STANDALONE.get(terms[0]) or codes[0].codec
        if len(terms) > 1 or terms[0].startswith("ISO 2022"):
            self._escapes = {code.escape: code for code in (*codes, _ASCII)}
            first = _REGISTERED[numbers[0]]
            self._initial = (
                next((code for code in first if code.half == 0 and code.width == 1), _ASCII),
                next((code for code in first if code.half == 1), None),
            )

    @staticmethod
    @lru_cache(maxsize=256)
    def of(raw_value: bytes | None) -> Charset:
        """The character set for a raw (0008,0005) value, padding included; `None`: absent."""
        return _parse(raw_value or b"")

    @property
    def raw(self) -> bytes:
        """The (0008,0005) value to write for `terms`, not padded."""
        return "\\".join(self.terms).encode("ascii", "replace")

    def decode(self, raw: bytes, vr: str) -> str:
        """The text of a value, padding and separators included.

        A backslash in the result is a real one: bytes that are halves of other characters are not.
        VRs that (0008,0005) does not govern are read as ASCII.

        Raises:
            InstanceError: `bad-charset` when the bytes are not text of the declared sets.
        """
        if _is_plain(raw):
            return raw.decode("ascii")
        text = self._read(raw, vr) if vr in AFFECTED_VRS else None
        if text is None:
            raise InstanceError("bad-charset")
        return text

    def decode_values(self, raw: bytes, vr: str) -> list[str]:
        """The values of an element as text, padding removed (PS3.5 6.2, 6.4); none if it is empty.

        Raises:
            InstanceError: `bad-charset`, see `decode`.
        """
        text = self.decode(raw, vr).rstrip("\0 ")
        if not text:
            return []
        values = text.split("\\") if vr in MULTI_TEXT_VRS else [text]
        if vr in LEADING_SPACE_COUNTS:
            return [value.rstrip("\0 ") for value in values]
        return [value.strip("\0 ") for value in values]

    def split(self, raw: bytes, vr: str) -> list[bytes]:
        """The bytes of the single values of an element, padding included; one for a text block."""
        if vr not in MULTI_TEXT_VRS or b"\\" not in raw:
            return [raw]
        if self.is_ascii_superset or vr not in AFFECTED_VRS:
            return raw.split(b"\\")
        if not self._escapes:
            tokens: Iterator[tuple[bytes, bool]] = (
                (token, len(token) == 1) for token in _GB_TOKENS.findall(raw)
            )
        else:
            tokens = ((t, c is not None and c.width == 1) for t, c in self._tokens(raw, vr))
        values = [b""]
        for token, separates in tokens:
            first, *rest = token.split(b"\\") if separates else (token,)
            values[-1] += first
            values.extend(rest)
        return values

    def encode(self, text: str, vr: str) -> bytes:
        """The bytes of a text, not padded; the inverse of `decode`.

        Raises:
            InstanceError: `not-encodable` when the declared sets lack one of the characters.
        """
        if text.isascii() and "\x1b" not in text:
            return text.encode("ascii")
        raw = None
        if "\x1b" not in text and vr in AFFECTED_VRS:
            raw = self._write_extended(text, vr) if self._escapes else self._write(text)
        if raw is None:
            raise InstanceError("not-encodable")
        return raw

    def decode_lenient(self, raw: bytes) -> tuple[str, ...]:
        """Every plausible reading of the bytes, the declared one first: for searching only.

        Meant for text, of which few values are not ASCII; to search large binary values, look for
        `byte_forms` of what is sought.
        """
        body = raw.rstrip(b"\0 ")
        if _is_plain(body) and b"\0" not in body:
            return (raw.decode("ascii"),)
        readings: dict[str, None] = {}
        readings[self._read(raw, "PN") or ""] = None
        if _ESC in raw:
            for charset, vr in ((self, "UN"), (_ANY_EXTENSION, "PN"), (_ANY_EXTENSION, "UN")):
                readings[charset._read(raw, vr) or ""] = None
        if b"\0" in body:
            even = raw[: len(raw) & ~1]
            readings[even.decode("utf_16_le", "replace")] = None
            readings[even.decode("utf_16_be", "replace")] = None
        for codec in _OTHER_CODECS:
            readings[_decoded(raw, codec) or ""] = None
        readings.pop("", None)
        return tuple(readings)

    def _read(self, raw: bytes, vr: str) -> str | None:
        """The text, or `None` when the bytes are not of the declared sets."""
        if not self._escapes:
            if _ESC in raw:  # PS3.5 6.1.2.5.4: no code extension unless it was declared
                return None
            text = _decoded(raw, self._codec)
            # shift_jis holds JIS X 0201 and more; a second byte is not of the declared set
            foreign = self._codec == "shift_jis" and text is not None and len(text) != len(raw)
            return None if foreign else text
        parts: list[str] = []
        for token, code in self._tokens(raw, vr):
            if token[:1] == _ESC:
                if code is None:
                    return None
                continue
            part = _decoded_run(token, code)
            if part is None:
                return None
            parts.append(part)
        return "".join(parts)

    def _tokens(self, raw: bytes, vr: str) -> Iterator[tuple[bytes, _Code | None]]:
        """Runs of bytes of one code element each; escape sequences too, with what they designate.

        The code is `None` where nothing is designated: the bytes mean nothing.
        """
        resets = _RESETS.get(vr, _LINE_RESETS)
        active: list[_Code | None] = list(self._initial)
        for token in _TOKENS.findall(raw):
            first = token[0]
            if first == 0x1B:
                code = self._escapes.get(token)
                if code:
                    active[code.half] = code
                yield token, code
            elif first >= 0x80:
                yield token, active[1]
            else:
                code = _ASCII if first <= 0x20 or first == 0x7F else active[0]
                yield token, code
                # in a two-byte set these bytes are halves of characters, not separators
                if code and code.width == 1 and not resets.isdisjoint(token):
                    active = list(self._initial)

    def _write(self, text: str) -> bytes | None:
        try:
            raw = text.encode(self._codec)
        except UnicodeEncodeError:
            return None
        # Python writes a yen sign as a backslash; what does not read back was not encodable
        return raw if self._read(raw, "UT") == text else None

    def _write_extended(self, text: str, vr: str) -> bytes | None:
        """The bytes with escape sequences: one at each change of set, also where ISO 2022 needs
        none because the halves are independent; many readers know one active set only.
        """
        resets = _RESETS.get(vr, _LINE_RESETS)
        out = bytearray()
        active, latest = list(self._initial), self._initial[1]
        for char in text:
            if char.isascii():
                if active[0] is not self._initial[0]:
                    active[0] = latest = self._initial[0]
                    out += latest.escape
                out += char.encode("ascii")
                if out[-1] in resets:
                    active, latest = list(self._initial), self._initial[1]
                continue
            found = self._code_for(char, active)
            if not found:
                return None
            code, encoded = found
            if latest is not code:
                active[code.half] = latest = code
                out += code.escape
            out += encoded
        if active[0] is not self._initial[0]:
            out += self._initial[0].escape
        return bytes(out)

    def _code_for(self, char: str, active: list[_Code | None]) -> tuple[_Code, bytes] | None:
        """The code element to write a character with, the active ones preferred, and its bytes."""
        for code in (*reversed(active), *self._escapes.values()):
            if code and code.codec != "ascii" and (encoded := _encoded_char(char, code)):
                return code, encoded
        return None


def _decoded(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def _decoded_run(token: bytes, code: _Code | None) -> str | None:
    """The text of a run of bytes of one code element, `None` when it does not fit."""
    if code is None or len(token) % code.width:
        return None
    if code.half == 0 and code.width == 2:
        token = code.escape + token + _ASCII.escape
    text = _decoded(token, code.codec)
    if code.codec == "shift_jis" and text is not None and len(text) != len(token):
        return None
    return text


def _encoded_char(char: str, code: _Code) -> bytes | None:
    """One character in one code element without escape sequences, `None` when it has none."""
    try:
        encoded = char.encode(code.codec)
    except UnicodeEncodeError:
        return None
    if code.half == 0:
        if not encoded.startswith(code.escape):
            return None
        encoded = encoded[len(code.escape) : len(code.escape) + code.width]
    elif min(encoded) < 0xA0:
        return None
    return encoded if len(encoded) == code.width else None


def _canonical(term: str) -> str | None:
    """The defined term that a spelling stands for, `None` when there is none."""
    squashed = _PUNCTUATION.sub("", term.upper())
    if squashed in _ALIASES:
        return _ALIASES[squashed]
    match = _TERM.fullmatch(squashed)
    if not match or not squashed.startswith("I") or match[2] not in _REGISTERED:
        return None
    extension = match[1] or match[2] in _MULTI_BYTE
    return f"ISO 2022 IR {match[2]}" if extension else f"ISO_IR {match[2]}"


def _parse(raw: bytes) -> Charset:
    written = [part.strip("\0 ") for part in raw.decode("latin_1").split("\\")]
    while written and not written[-1]:
        written.pop()
    terms: list[str] = []
    notes: dict[str, None] = {}
    for number, term in enumerate(written):
        canonical = "" if number == 0 and not term else _canonical(term)
        if canonical is None:
            return Charset(tuple(written), (), known=False)
        if canonical != term:
            notes["charset-respelled"] = None
        terms.append(canonical)
    if len(terms) > 1:
        terms = _settle(terms, notes)
    return Charset(tuple(terms), tuple(notes), known=True)


def _settle(terms: list[str], notes: dict[str, None]) -> list[str]:
    """Several terms together: those that stand alone, and the ISO 2022 spelling of the others."""
    if terms[0] in _STANDALONE:
        notes["charset-standalone"] = None
        return terms[:1]
    extended = [term for term in terms if term not in _STANDALONE]
    if len(extended) < len(terms):
        notes["charset-standalone"] = None
    respelled = [term.replace("ISO_IR", "ISO 2022 IR") for term in extended]
    if respelled != extended:
        notes["charset-extension-respelled"] = None
    return respelled


def byte_forms(text: str) -> frozenset[bytes]:
    """The bytes that a text may be hidden as in a value that cannot be decoded.

    Covers UTF-8, UTF-16 of both byte orders, every set of PS3.3 C.12.1.1.2 without escape sequences
    and the usual code pages.
    """
    forms = {text.encode("utf_16_le", "ignore"), text.encode("utf_16_be", "ignore")}
    if text.isascii():
        return frozenset((*forms, text.encode("ascii")))
    for codec in (*_OTHER_CODECS, *_RARER_CODECS):
        with suppress(UnicodeEncodeError):
            forms.add(_ESCAPES.sub(b"", text.encode(codec)))
    return frozenset(forms)


def escaped_forms(text: str) -> frozenset[bytes]:
    """What `byte_forms` is without: the bytes of a text with the escape sequences of ISO 2022."""
    written = (charset._write_extended(text, "UN") for charset in _EXTENSIONS)
    return frozenset(form for form in written if form)


DEFAULT = Charset((), (), known=True)
_EXTENSION_TERMS = tuple(f"ISO 2022 IR {number}" for number in _REGISTERED if number != "6")
_ANY_EXTENSION = Charset(("", *_EXTENSION_TERMS), (), known=True)
_EXTENSIONS = tuple(Charset(("", term), (), known=True) for term in _EXTENSION_TERMS)
