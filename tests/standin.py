"""A small real engine for tests of everything around the engine.

An instance is a text file: `deident-test` on the first line, then `name value` lines. `PatientID`
and the UIDs are hashed, the rest is copied. Lines that start with `!` say what goes wrong while it
is written, with `!!` while it is read.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from deident.app.running import Recipe
from deident.engine.result import Finding, InstanceResult, TallyKey, TextKey
from deident.errors import InstanceError
from deident.work.worker import write_all

_HASHED = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class StandInPrepared:
    """See `Prepared` of `deident.work.deidentify`."""

    def __init__(self, content: bytes, result: InstanceResult, engine: StandIn, fault: str) -> None:
        self._content, self.result, self._engine, self._fault = content, result, engine, fault

    @property
    def naming(self) -> dict[str, str]:
        return self.result.naming

    def write(self, fd: int) -> int:
        half = len(self._content) // 2
        write_all(fd, self._content[:half])
        if self._fault == "short":
            return len(self._content)
        if self._fault:
            misbehave(self._fault)
        write_all(fd, self._content[half:])
        return len(self._content)

    def commit(self) -> None:
        self._engine.count += 1

    def close(self) -> None:
        self._content = b""


def misbehave(fault: str) -> None:
    """Do what a `!` line asks for."""
    kind, _, argument = fault.partition(" ")
    if kind == "kill":
        os.kill(os.getpid(), int(argument or signal.SIGKILL))
    elif kind == "exit":
        os._exit(int(argument or 0))
    elif kind == "sleep":
        time.sleep(float(argument))
    elif kind == "memory":
        raise MemoryError
    elif kind == "crash":
        raise ZeroDivisionError("secret")
    elif kind == "remove":
        Path(argument).unlink()
    elif kind == "pipe":
        Path(argument).unlink()
        os.mkfifo(argument)
    elif kind == "append":
        with Path(argument).open("a") as file:
            file.write("more")
    else:
        raise InstanceError(kind, argument)


class StandIn:
    """See `Engine` of `deident.work.deidentify`."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.count = 0

    def _new(self, value: str) -> str:
        return "9." + str(int.from_bytes(hashlib.sha256(self._key + value.encode()).digest()[:6]))

    def prepare(self, path: str) -> StandInPrepared:
        lines = Path(path).read_text("utf-8", "surrogateescape").splitlines()
        if not lines or lines[0] != "deident-test":
            raise InstanceError("not-dicom")
        values = dict(line.split(" ", 1) for line in lines[1:] if not line.startswith("!"))
        early = [line[2:] for line in lines if line.startswith("!!")]
        late = [line[1:] for line in lines if line.startswith("!") and not line.startswith("!!")]
        for fault in early:
            misbehave(fault)
        naming = {
            key: self._new(value) if key in _HASHED else value for key, value in values.items()
        }
        content = "\n".join([f"{key} {value}" for key, value in naming.items()]) + "\n"
        result = InstanceResult(
            naming,
            (Finding("identifier", values["finding"], "name"),) if "finding" in values else (),
            (),
            tuple((values[key], naming[key]) for key in _HASHED[1:] if key in values),
            (values.get("PatientID", ""), naming.get("PatientID", "")),
        )
        fill = int(values.get("fill", "0"))
        return StandInPrepared(
            content.encode("utf-8", "surrogateescape") + b"x" * fill,
            result,
            self,
            late[0] if late else "",
        )

    def take_tally(self) -> dict[TallyKey, int]:
        count, self.count = self.count, 0
        return {(0x00100020, "replace", "Z", "replaced", "test"): count} if count else {}

    def take_texts(self) -> dict[TextKey, int]:
        return {}


class StandInSpec(NamedTuple):
    key: bytes

    def build(self) -> StandIn:
        return StandIn(self.key)


RECIPE = Recipe("stand-in", "fingerprint", "", StandInSpec)


def instance(path: Path, *, uid: str = "", patient: str = "p1", **more: str) -> Path:
    """Write an instance file; `fault` and `early` say what goes wrong with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    uid = uid or str(path)
    faults = [f"!{more.pop('fault')}"] if "fault" in more else []
    faults += [f"!!{more.pop('early')}"] if "early" in more else []
    values = {
        "PatientID": patient,
        "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.3",
        "SOPInstanceUID": uid,
        **more,
    }
    lines = ["deident-test", *(f"{key} {value}" for key, value in values.items()), *faults]
    path.write_text("\n".join(lines) + "\n", "utf-8", "surrogateescape")
    return path
