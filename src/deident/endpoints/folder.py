"""A folder as destination: finished outputs are put in place, nothing is ever overwritten."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from deident.endpoints.naming import numbered
from deident.endpoints.placing import Placed
from deident.endpoints.sources import FileId, folder_ids
from deident.errors import InfrastructureError, unwritable

_STAGING_PREFIX, _STAGING_SUFFIX = ".deident-", ".tmp"
_CHUNK = 1 << 20

# Nothing more can be written to this output: the run stops instead of failing file by file.
FATAL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
# What is written first lies in a folder of ours: when it cannot be found, that folder is gone.
STAGING_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class FolderPlacement(NamedTuple):
    """Where a worker writes, and where an output of a name would be; see `FolderOutput`."""

    root: str
    staging: str

    def staged(self, number: int, source: str) -> str:
        """Where the output of instance `number` is written first."""
        return f"{self.staging}/{number}"

    def final(self, name: str) -> str:
        """Where an output of this name lies or would lie."""
        return f"{self.root}/{name}"

    def abandon(self) -> None:
        """Remove what is staged, as far as nobody writes there."""
        with suppress(OSError):  # another worker is still writing there; it comes here as well
            remove_staging(self.staging)


class FolderOutput:
    """An output folder. Outputs grow in a hidden staging folder inside it and are linked to their
    name when they are complete: the name either does not exist or has its whole content.

    The staging folder is private (0700), locked while its run lives, and removed at the end; one
    that a crashed run left behind is removed when the next run opens the folder.

    Attributes:
        made: the folder was made for this run.
        vain: nothing came of the run, so that `close` removes the folder if it was made for it.

    Raises:
        UsageError: `output-unwritable`.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.vain = False
        self.made = not os.path.isdir(self.root)
        self._colliding: dict[str, list[int]] = {}
        try:
            os.makedirs(self.root, exist_ok=True)
            _remove_stale(self.root)
            self.staging, self._lock = _make_staging(self.root)
        except OSError as error:
            raise unwritable("the output folder", root, error) from error

    @property
    def placement(self) -> FolderPlacement:
        """For workers."""
        return FolderPlacement(self.root, self.staging)

    def commit(self, number: int, source: str, name: str) -> str:
        """Give the staged output `number` its name. One call per output, from one process.

        Returns:
            `written`; `duplicate` when the same bytes are there already (the staged output is
            dropped); `collision` when other bytes are there: it waits for `settle`.

        Raises:
            OSError: the file system refused.
        """
        staged, final = self.placement.staged(number, source), self.placement.final(name)
        try:
            place(staged, final)
        except FileExistsError:
            if same_content(staged, final):
                os.unlink(staged)
                return "duplicate"
            self._colliding.setdefault(name, []).append(number)
            return "collision"
        return "written"

    def sync(self) -> None:
        """Bring all that was written into the folder's file system to the disk.

        Raises:
            OSError: the disk refused.
        """
        sync_file_system(self._lock)

    def drop(self, number: int, source: str) -> None:
        """Remove what a lost worker staged for `number`, if anything."""
        unlink_if_there(self.placement.staged(number, source))

    def excluded(self) -> frozenset[FileId]:
        """Folders that no scan of inputs may enter."""
        return folder_ids(self.root)

    @property
    def gone(self) -> bool:
        """Whether somebody has removed the folder."""
        return not os.path.isdir(self.staging)

    @property
    def colliding(self) -> frozenset[str]:
        """Names that more than one output of this run asked for, with different bytes."""
        return frozenset(self._colliding)

    def settle(self, placed: Mapping[str, Mapping[int, str]]) -> Iterator[Placed]:
        """Name the outputs that collided: in the order of their digests, `a.dcm`, `a_2.dcm`, …

        The result depends on the contents alone, not on which was finished first, nor on whether a
        run was interrupted and resumed. What else is there is never renamed or replaced.

        Args:
            placed: for each of `colliding`, what this run, or one that it resumes, has given that
                name or a numbered one: instance and name.
        """
        for name in sorted(self._colliding):
            yield from self._settle_name(name, self._colliding[name], placed.get(name, {}))
        self._colliding.clear()

    def _settle_name(
        self, name: str, numbers: list[int], holders: Mapping[int, str]
    ) -> Iterator[Placed]:
        paths = {number: f"{self.staging}/{number}" for number in numbers}
        paths |= {number: f"{self.root}/{held}" for number, held in holders.items()}
        same: dict[bytes, list[int]] = {}
        for number, path in sorted(paths.items(), key=lambda one: (one[0] not in holders, one[0])):
            same.setdefault(_digest(path), []).append(number)
        groups = [group for _, group in sorted(same.items())]
        first = [group[0] for group in groups]
        targets = dict(
            zip(first, self._targets(name, first, paths, set(holders.values())), strict=True)
        )
        for number in first:  # make way: one may be to get the name that another one has
            target, there = targets[number]
            if number in holders and not there and holders[number] != target:
                os.rename(paths[number], f"{self.staging}/{number}")
                paths[number] = f"{self.staging}/{number}"
        for number, *others in groups:
            target, there = targets[number]
            status = "duplicate" if there and number not in holders else "written"
            if there:
                os.unlink(paths[number])  # the same bytes are there; a holder was counted already
            elif paths[number] != f"{self.root}/{target}":
                status, target = self._place(paths[number], name, target)
            for other in others:
                yield Placed(other, "duplicate", target)
            yield Placed(number, status, target)

    def _place(self, path: str, name: str, target: str) -> tuple[str, str]:
        """Move to `target`; where another run has taken it meanwhile, to the next that is free."""
        for number in count(2):
            try:
                place(path, f"{self.root}/{target}")
            except FileExistsError:
                if same_content(path, f"{self.root}/{target}"):
                    os.unlink(path)
                    return "duplicate", target
                target = numbered(name, number)
            else:
                break
        return "written", target

    def _targets(
        self, name: str, numbers: list[int], paths: Mapping[int, str], own: set[str]
    ) -> Iterator[tuple[str, bool]]:
        """For each output the name it gets, and whether its bytes are there already.

        `own` are names that outputs among these have now; others' names are passed over.
        """
        counter = count(1)
        for number in numbers:
            there = False
            while True:
                place_number = next(counter)
                target = name if place_number == 1 else numbered(name, place_number)
                if target in own or not os.path.lexists(f"{self.root}/{target}"):
                    break
                if there := same_content(paths[number], f"{self.root}/{target}"):
                    break
            yield target, there

    def complete(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Remove the staging folder with all that was not committed, and release the lock."""
        remove_staging(self.staging)
        os.close(self._lock)
        if self.vain and self.made:
            with suppress(OSError):  # another run has written there meanwhile
                os.rmdir(self.root)


def sync_file_system(descriptor: int) -> None:
    """Bring everything that was written into a file system to its disk (syncfs, or sync).

    Raises:
        OSError: the disk refused.
    """
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    syncfs = getattr(library, "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def place(staged: str, final: str) -> None:
    """Move a complete file to `final` without ever replacing anything; folders are made as needed.

    Raises:
        FileExistsError: something has that name.
        OSError: the file system refused.
    """
    try:
        _move(staged, final)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        _move(staged, final)


def _move(staged: str, final: str) -> None:
    try:
        os.link(staged, final)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _move_without_links(staged, final)
    else:
        os.unlink(staged)


def _move_without_links(staged: str, final: str) -> None:
    """For file systems without hard links: reserve the name, then rename over the reservation."""
    os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
    try:
        os.rename(staged, final)
    except OSError:
        os.unlink(final)
        raise


def same_content(one: str, other: str) -> bool:
    """Whether two paths are regular files with equal bytes; what cannot be read is not equal."""
    try:
        if os.path.getsize(other) != os.path.getsize(one) or not os.path.isfile(other):
            return False
        with open(one, "rb") as left, open(other, "rb") as right:
            while True:
                chunk = left.read(_CHUNK)
                if chunk != right.read(_CHUNK):
                    return False
                if not chunk:
                    return True
    except OSError:
        return False


def size_and_time(path: str) -> tuple[int, int] | None:
    """Bytes and modification time (ns) of a file; `None` when it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _digest(path: str) -> bytes:
    from hashlib import file_digest

    with open(path, "rb") as file:
        return file_digest(file, "sha256").digest()


def unlink_if_there(path: str) -> None:
    """Remove a file; one that is not there does not matter."""
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return


def _make_staging(root: str) -> tuple[str, int]:
    """Make a staging folder and lock it.

    Before it is locked, another run may take it for one that was left, and remove it: then again.
    """
    while True:
        path = f"{root}/{_STAGING_PREFIX}{os.urandom(6).hex()}{_STAGING_SUFFIX}"
        os.mkdir(path, 0o700)
        try:
            lock = lock_folder(path)
        except (FileNotFoundError, BlockingIOError):
            continue
        if os.path.isdir(path):
            return path, lock
        os.close(lock)


def lock_folder(folder: str) -> int:
    """Lock a folder for as long as the descriptor that is returned is open.

    Raises:
        BlockingIOError: somebody else holds it.
        OSError: it cannot be opened.
    """
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_stale(root: str) -> None:
    """Remove staging folders whose run is gone; the lock tells."""
    with os.scandir(root) as listing:
        stale = [
            entry.path
            for entry in listing
            if entry.name.startswith(_STAGING_PREFIX)
            and entry.name.endswith(_STAGING_SUFFIX)
            and entry.is_dir(follow_symlinks=False)
        ]
    for path in stale:
        try:
            lock = lock_folder(path)
        except OSError:  # its run lives, or it is somebody else's
            continue
        with suppress(PermissionError):  # somebody else's, who let us look only
            remove_staging(path)
        os.close(lock)


def remove_staging(path: str) -> None:
    """Remove a staging folder (it holds files only); what is gone already does not matter."""
    try:
        with os.scandir(path) as listing:
            names = [entry.path for entry in listing]
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        unlink_if_there(name)
    os.rmdir(path)


def write_error(error: OSError) -> InfrastructureError:
    """The error that stops a run because its output cannot take more."""
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    if error.errno in STAGING_GONE:
        reason = "the output folder is gone"
    return InfrastructureError("write-failed", f"the output could not be written: {reason}")


def remove_unchanged(path: str, size: int, time: int) -> str:
    """Remove a file if it still has that size and modification time (ns).

    Returns:
        `removed`, `changed` (it stays), `missing`.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        status = os.stat(path, follow_symlinks=False)
        if (status.st_size, status.st_mtime_ns) != (size, time):
            return "changed"
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    return "removed"


def remove_empty(paths: Iterable[str], root: str, *, with_root: bool) -> None:
    """Remove the folders of `paths` below `root` that are empty, innermost first."""
    within: set[str] = set()
    for path in paths:
        folder = os.path.dirname(path)
        while folder.startswith(root + "/"):
            within.add(folder)
            folder = os.path.dirname(folder)
    for folder in sorted(within, key=len, reverse=True) + ([root] if with_root else []):
        with suppress(OSError):  # something else is in it, or it has gone
            os.rmdir(folder)
