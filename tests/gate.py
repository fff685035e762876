"""Holds a real run at a chosen place until a test lets it go on: no guessing how fast it is.

The interpreter tells of every file that it opens, links or makes (`sys.addaudithook`). A
`sitecustomize` on PYTHONPATH listens in the program's processes, and where one of them gets to the
place it says so through a named pipe and waits at another. The program itself is not changed.
"""

from __future__ import annotations

import json
import os
import select
from pathlib import Path

_SITECUSTOMIZE = '''
"""Waits at the gate of tests/gate.py."""

import json
import os
import sys

_gate = json.loads(os.environ["TEST_GATE"])


def _hook(event, arguments):
    if event != _gate["event"] or not isinstance(arguments[0], (str, bytes)):
        return
    path = os.fsdecode(arguments[0])
    if path.endswith(_gate["ending"]) and os.path.exists(_gate["come"]):
        told = os.open(_gate["come"], os.O_WRONLY)
        os.write(told, b"%d\\n" % os.getpid())
        os.close(told)
        let = os.open(_gate["go"], os.O_RDONLY)
        os.read(let, 1)
        os.close(let)


sys.addaudithook(_hook)
'''
_PATIENCE = 120.0


class Gate:
    """A place at which a run waits.

    Args:
        folder: for the gate's own files.
        event: name of an audit event whose first argument is a path, such as `open`, `os.link`.
        ending: how that path ends.
    """

    def __init__(self, folder: Path, event: str, ending: str) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self._come, self._go = folder / "come", folder / "go"
        for pipe in (self._come, self._go):
            os.mkfifo(pipe)
        place = {
            "event": event,
            "ending": ending,
            "come": str(self._come),
            "go": str(self._go),
        }
        self.environment = os.environ | {
            "PYTHONPATH": str(folder),
            "TEST_GATE": json.dumps(place),
        }
        # for both: a pipe with one end only would block
        self._heard, self._told = (os.open(p, os.O_RDWR) for p in (self._come, self._go))

    def wait(self) -> int:
        """Wait until a process is at the gate; return its number. No other will wait there."""
        ready, _, _ = select.select([self._heard], [], [], _PATIENCE)
        assert ready, "the run did not come to the gate"
        self._come.unlink()
        return int(os.read(self._heard, 16))

    def open(self) -> None:
        """Let the process go on."""
        os.write(self._told, b".")

    def close(self) -> None:
        """Let go of the pipes."""
        os.close(self._heard)
        os.close(self._told)
