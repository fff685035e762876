"""How each transfer syntax encodes a data set (PS3.5 chapter 10 and annex A, PS3.6 table A-1)."""

from __future__ import annotations

from typing import NamedTuple

from deident.dicom.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Encoding

IMPLICIT_VR_LE = "1.2.840.10008.1.2"
EXPLICIT_VR_LE = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BE = "1.2.840.10008.1.2.2"


class Syntax(NamedTuple):
    """How a transfer syntax encodes.

    Attributes:
        encoding: of the data set, after inflating where that applies.
        deflated: the whole data set is deflated (PS3.5 A.5).
        encapsulated: Pixel Data is a sequence of fragments (PS3.5 A.4).
    """

    encoding: Encoding
    deflated: bool = False
    encapsulated: bool = False


_DEFLATED = ("1.2.1.99", "1.2.4.95", "1.2.4.205")
_REFERENCED = ("1.2.4.94", "1.2.4.204")  # JPIP: no Pixel Data at all
_ENCAPSULATED = (
    "1.2.1.98",
    *(f"1.2.4.{n}" for n in (*range(50, 67), 70, 80, 81, 90, 91, 92, 93)),
    *(f"1.2.4.{n}{fragmentable}" for n in range(100, 107) for fragmentable in ("", ".1")),
    *(f"1.2.4.{n}" for n in (107, 108, 110, 111, 112, 201, 202, 203)),
    "1.2.5",
    "1.2.8.1",
)

# Every syntax of PS3.6 that a file can have. Not here, because they encode no data set that can be
# parsed: RFC 2557, XML, SMPTE ST 2110, Papyrus 3.
SYNTAXES: dict[str, Syntax] = {
    IMPLICIT_VR_LE: Syntax(IMPLICIT_LE),
    EXPLICIT_VR_LE: Syntax(EXPLICIT_LE),
    EXPLICIT_VR_BE: Syntax(EXPLICIT_BE),
    # GE's private syntax: Implicit VR Little Endian, only the pixel words have the other byte order
    "1.2.840.113619.5.2": Syntax(IMPLICIT_LE),
    **{f"1.2.840.10008.{uid}": Syntax(EXPLICIT_LE, deflated=True) for uid in _DEFLATED},
    **{f"1.2.840.10008.{uid}": Syntax(EXPLICIT_LE) for uid in _REFERENCED},
    **{f"1.2.840.10008.{uid}": Syntax(EXPLICIT_LE, encapsulated=True) for uid in _ENCAPSULATED},
}

NATIVE = {IMPLICIT_LE: IMPLICIT_VR_LE, EXPLICIT_LE: EXPLICIT_VR_LE, EXPLICIT_BE: EXPLICIT_VR_BE}
