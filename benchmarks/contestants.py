"""The programs that are measured: how each is called, and what is asked of its output."""

from __future__ import annotations

import datetime
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_SCRIPTS = Path(sys.executable).parent
_HERE = Path(__file__).parent


class Contestant(NamedTuple):
    """One program.

    Attributes:
        name: as shown in the table.
        command: makes the command line from input, output and a folder for anything else.
        needs: the program that must be there.
        text: what it does, for the reader of the table.
        needs_output: whether the output folder must exist.
        strict: whether no identifier of any kind may be left; else Patient's Name must be new.
        deidentifies: whether it removes anything at all.
        success: exit codes that mean that the output is there.
    """

    name: str
    command: Callable[[Path, Path, Path], list[str]]
    needs: str
    text: str
    needs_output: bool = False
    strict: bool = False
    deidentifies: bool = True
    success: tuple[int, ...] = (0,)

    def version(self) -> str:
        """Return the version that the program states, or nothing when it is not installed."""
        try:
            run = subprocess.run(
                [self.needs, "--version"], capture_output=True, text=True, check=False
            )
        except OSError:
            return ""
        number = re.search(r"\d+(\.\d+)+", run.stdout + run.stderr)
        return number.group() if number else ""


def _certificate(scratch: Path) -> Path:
    """Make the certificate for which gdcmanon encrypts what it takes out."""
    path = scratch / "certificate.pem"
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _gdcmanon(source: Path, out: Path, scratch: Path) -> list[str]:
    options = ["--de-identify", "--certificate", str(_certificate(scratch)), "--recursive"]
    return ["gdcmanon", *options, "-i", str(source), "-o", str(out)]


# What the dumb mode is told to do: the identifying attributes of the top level that it can reach.
_DUMB_EMPTY = ["10,10", "10,20", "10,30", "10,40", "8,50", "8,90"]
_DUMB_REMOVE = [
    "8,80",
    "8,81",
    "8,1010",
    "8,1030",
    "8,103e",
    "8,1040",
    "8,1048",
    "8,1050",
    "8,1070",
    "10,21",
    "10,1002",
    "10,1010",
    "10,1020",
    "10,1030",
    "10,1040",
    "10,2154",
    "10,4000",
    "18,1000",
    "20,4000",
    "40,275",
]


def _gdcmanon_dumb(source: Path, out: Path, scratch: Path) -> list[str]:
    empty = [word for tag in _DUMB_EMPTY for word in ("--empty", tag)]
    remove = [word for tag in _DUMB_REMOVE for word in ("--remove", tag)]
    paths = ["-i", str(source), "-o", str(out)]
    return ["gdcmanon", "--dumb", "--recursive", *paths, *empty, *remove]


def _deident(*options: str) -> Callable[[Path, Path, Path], list[str]]:
    def command(source: Path, out: Path, scratch: Path) -> list[str]:
        program = str(_SCRIPTS / "deident")
        return [program, "run", str(source), "-o", str(out), "--quiet", *options]

    return command


BASELINE = Contestant(
    "cp -r",
    lambda source, out, scratch: ["cp", "-r", str(source), str(out)],
    "cp",
    "copies; the measure of all others",
    deidentifies=False,
)
CONTESTANTS = (
    BASELINE,
    Contestant(
        "deident -j1",
        _deident("-j", "1"),
        str(_SCRIPTS / "deident"),
        "Basic Profile, verified, new project",
        strict=True,
    ),
    Contestant(
        "deident -j2",
        _deident("-j", "2"),
        str(_SCRIPTS / "deident"),
        "the same with two processes",
        strict=True,
    ),
    Contestant(
        "gdcmanon",
        _gdcmanon,
        "gdcmanon",
        "PS3.15 mode: empties some 40 attributes, keeps the originals encrypted in the file",
    ),
    Contestant(
        "gdcmanon --dumb",
        _gdcmanon_dumb,
        "gdcmanon",
        f"empties or removes {len(_DUMB_EMPTY) + len(_DUMB_REMOVE)} attributes of the top level",
    ),
    Contestant(
        "pydicom loop",
        lambda source, out, scratch: [
            sys.executable,
            str(_HERE / "pydicom_loop.py"),
            str(source),
            str(out),
        ],
        sys.executable,
        "reads, edits 30 attributes at every depth, drops private elements, saves",
        needs_output=True,
    ),
    Contestant(
        "dicom-anonymizer",
        lambda source, out, scratch: [str(_SCRIPTS / "dicom-anonymizer"), str(source), str(out)],
        str(_SCRIPTS / "dicom-anonymizer"),
        "its default: the table of PS3.15 at the top level, private elements dropped",
        needs_output=True,
    ),
)


def installed(contestant: Contestant) -> bool:
    """Tell whether the program can be called."""
    return shutil.which(contestant.needs) is not None
