"""Loads what every run needs before it is known what the run is; see `work.early`."""

from __future__ import annotations

from deident.app.api import identity_of
from deident.dicom import part10
from deident.dicom.elements import EXPLICIT_LE
from deident.dicom.encode import element_bytes
from deident.dicom.syntaxes import EXPLICIT_VR_LE
from deident.engine.actions import CATALOG
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.profiles.loader import load
from deident.profiles.plain import profile_hash

_CT = "1.2.840.10008.5.1.4.1.1.2"
# Nobody's instance: enough to make tables, patterns and searches be there for the first real one.
_ATTRIBUTES = (
    (0x00080016, "UI", _CT.encode() + b"\0"),
    (0x00080018, "UI", b"2.25.1"),
    (0x00080020, "DA", b"20000101"),
    (0x00080060, "CS", b"CT"),
    (0x00081030, "LO", b"Head"),
    (0x00100010, "PN", b"Nobody^Nowhere"),
    (0x00100020, "LO", b"N-000001"),
    (0x00100030, "DA", b"19500102"),
    (0x00180060, "DS", b"120 "),
    (0x00181030, "LO", b"Routine"),
    (0x0020000D, "UI", b"2.25.2"),
    (0x0020000E, "UI", b"2.25.3"),
    (0x00280010, "US", b"\0\0"),
)


def preload() -> None:
    """Compile a profile, take an invented instance through it, forget both."""
    profile = load("basic", (), CATALOG)
    profile_hash(profile)
    engine = Engine(Plan(profile), identity_of(profile, bytes(32)))
    data = b"".join(element_bytes(*attribute, EXPLICIT_LE) for attribute in _ATTRIBUTES)
    engine.prepare_bytes(part10.build_meta(_CT, "2.25.1", EXPLICIT_VR_LE) + data).close()
