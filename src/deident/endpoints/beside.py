"""Outputs beside their originals, under another name, or in their place.

An output grows as a hidden file in the original's own folder, so that it can get its name by a
rename within one file system. Workers bring each to the disk by themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from deident.endpoints.folder import place, same_content, unlink_if_there
from deident.endpoints.naming import numbered
from deident.endpoints.placing import Placed
from deident.endpoints.sources import FileId

_STAGED = re.compile(r"\.deident-(?P<run>\d{8}T\d{6}Z-[0-9a-f]{8})-\d+\.tmp")


class BesidePlacement(NamedTuple):
    """Where a worker writes, in the run with this name."""

    run: str

    def staged(self, number: int, source: str) -> str:
        """Where the output of instance `number` is written first."""
        return f"{os.path.dirname(source)}/.deident-{self.run}-{number}.tmp"

    def final(self, name: str) -> str:
        """Names are absolute paths."""
        return name

    def abandon(self) -> None:
        """Nothing can be found without its original; the next run removes what it meets."""


def staged_by(path: str) -> str:
    """Name of the run that wrote a hidden file here before it was to get its name; else empty."""
    found = _STAGED.fullmatch(os.path.basename(path))
    return found["run"] if found else ""


class BesideOutput:
    """Outputs under a name beside their originals; whatever has the name already is not replaced.

    Attributes:
        root, made, vain, gone: see `placing.Output`; there is no folder that could be made or gone.
    """

    root = ""
    made = False
    gone = False

    def __init__(self, run: str) -> None:
        self.vain = False
        self.placement = BesidePlacement(run)
        self._waiting: dict[str, list[tuple[int, str]]] = {}

    def excluded(self) -> frozenset[FileId]:
        """Every folder may be read."""
        return frozenset()

    def sync(self) -> None:
        """Workers have done that."""

    @property
    def colliding(self) -> frozenset[str]:
        """Names that something else has already."""
        return frozenset(self._waiting)

    def commit(self, number: int, source: str, name: str) -> str:
        """Give a staged output its name; see `placing.Output`."""
        staged = self.placement.staged(number, source)
        try:
            place(staged, name)
        except FileExistsError:
            if same_content(staged, name):
                os.unlink(staged)
                return "duplicate"
            self._waiting.setdefault(name, []).append((number, staged))
            return "collision"
        sync_folder(name)
        return "written"

    def drop(self, number: int, source: str) -> None:
        """Remove what is staged for an instance, if anything."""
        unlink_if_there(self.placement.staged(number, source))

    def settle(self, placed: Mapping[str, Mapping[int, str]]) -> Iterator[Placed]:
        """Name what collided: `a.dcm`, `a_2.dcm`, …"""
        for name, waiting in sorted(self._waiting.items()):
            for number, staged in sorted(waiting):
                yield self._numbered(number, staged, name)
        self._waiting.clear()

    def _numbered(self, number: int, staged: str, name: str) -> Placed:
        for counter in count(2):
            target = numbered(name, counter)
            try:
                place(staged, target)
            except FileExistsError:
                if same_content(staged, target):
                    os.unlink(staged)
                    return Placed(number, "duplicate", target)
            else:
                break
        sync_folder(target)
        return Placed(number, "written", target)

    def complete(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Remove whatever waits for a name."""
        for waiting in self._waiting.values():
            for _, staged in waiting:
                unlink_if_there(staged)


class InPlaceOutput(BesideOutput):
    """Outputs that take the place of their originals, with owner and permissions of those."""

    def commit(self, number: int, source: str, name: str) -> str:
        """Replace the original: at any time the name has the old content or the new one."""
        replace(self.placement.staged(number, source), source)
        return "written"


def replace(staged: str, target: str) -> None:
    """Let a complete file take the place of another, with its owner and permissions.

    Raises:
        OSError: the file system refused; the other is as it was.
    """
    before = os.stat(target)
    os.chmod(staged, before.st_mode & 0o7777)
    with suppress(PermissionError):  # only root may give files away
        os.chown(staged, before.st_uid, before.st_gid)
    os.replace(staged, target)
    sync_folder(target)


def sync_folder(path: str) -> None:
    """Bring the name of a file to the disk.

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
