"""Folders as source and destination: find files, put finished outputs in place, never overwrite."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from deident.endpoints.naming import numbered
from deident.errors import InfrastructureError, UsageError, unwritable

FileId = tuple[int, int]
_STAGING_PREFIX, _STAGING_SUFFIX = ".deident-", ".tmp"
_CHUNK = 1 << 20

# Nothing more can be written to this output: the run stops instead of failing file by file.
FATAL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
# What is written first lies in a folder of ours: when it cannot be found, that folder is gone.
STAGING_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class Found(NamedTuple):
    """Something that lies in an input.

    Attributes:
        path: absolute path; bytes that are not UTF-8 as surrogates (PEP 383).
        start: `path[start:]` is the part that names it below the input.
        code: empty for a file to process, else why it is not opened.
    """

    path: str
    start: int
    code: str = ""


class _Folder(NamedTuple):
    path: str
    start: int


def resolve_inputs(arguments: Iterable[str]) -> list[str]:
    """Return absolute paths for what a person typed: files, folders, glob patterns.

    An argument that lies inside another one is dropped, so that nothing is counted twice.

    Raises:
        UsageError: `input-missing`: a path does not exist, a pattern matches nothing.
    """
    paths: list[str] = []
    for argument in arguments:
        if os.path.lexists(argument):
            paths.append(os.path.abspath(argument))
        else:
            paths.extend(_expanded(argument))
    real = {path: os.path.realpath(path) for path in dict.fromkeys(paths)}
    kept: list[str] = []
    for path, target in real.items():
        others = [other for name, other in real.items() if name != path]
        covered = any(is_inside(target, other) for other in others if other != target)
        if not covered and target not in [real[name] for name in kept]:
            kept.append(path)
    return kept


def _expanded(pattern: str) -> list[str]:
    from glob import glob

    matches = sorted(glob(pattern, recursive=True)) if set(pattern) & set("*?[") else []
    if not matches:
        raise UsageError("input-missing", f"no such file or folder: {pattern}")
    return [os.path.abspath(match) for match in matches]


def is_inside(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it; both real and absolute."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def scan(
    inputs: list[str], *, follow_symlinks: bool = False, exclude: frozenset[FileId] = frozenset()
) -> Iterator[Found]:
    """Yield every file below the inputs, depth first, sorted within a folder, without holding more
    than one folder's names at a time.

    Links, devices, sockets and pipes are reported with a code and not opened; so are folders that
    cannot be listed. An input that is itself a link is followed: somebody typed it.

    Args:
        inputs: absolute paths. With one folder, names start below it; with several inputs, with the
            input's own name.
        follow_symlinks: follow links that are met below the inputs; a folder is entered only once.
        exclude: (device, inode) of folders that are never entered.
    """
    visited: set[FileId] | None = set() if follow_symlinks else None
    for path in inputs:
        alone = len(inputs) == 1 and os.path.isdir(path)
        start = len(path.rstrip("/")) + 1 if alone else len(os.path.dirname(path).rstrip("/")) + 1
        if os.path.isdir(path):
            yield from _scan_tree(_Folder(path.rstrip("/") or "/", start), visited, exclude)
        else:
            yield _found_file(path, start)


def folder_ids(*paths: str) -> frozenset[FileId]:
    """(device, inode) of folders, for `scan(exclude=…)`."""
    return frozenset((status.st_dev, status.st_ino) for status in map(os.stat, paths))


def _found_file(path: str, start: int) -> Found:
    if os.path.isfile(path):
        return Found(path, start)
    return Found(path, start, "special-file" if os.path.exists(path) else "unreadable")


def _scan_tree(
    top: _Folder, visited: set[FileId] | None, exclude: frozenset[FileId]
) -> Iterator[Found]:
    stack = [top]
    while stack:
        folder = stack.pop()
        if visited is not None or exclude:
            code = _barred(folder.path, visited, exclude)
            if code:
                yield Found(folder.path, folder.start, code)
                continue
        below: list[_Folder] = []
        yield from _scan_folder(folder, below, visited is not None)
        stack.extend(reversed(below))


def _barred(path: str, visited: set[FileId] | None, exclude: frozenset[FileId]) -> str:
    """Why a folder must not be entered, or an empty string."""
    try:
        status = os.stat(path)
    except OSError:
        return "folder-unreadable"
    identity = (status.st_dev, status.st_ino)
    if identity in exclude:
        return "output-in-input"
    if visited is not None:
        if identity in visited:
            return "symlink"
        visited.add(identity)
    return ""


def _scan_folder(folder: _Folder, below: list[_Folder], follow: bool) -> Iterator[Found]:
    """Yield the files of one folder; add its folders to `below`."""
    names: list[str] = []
    kinds: dict[str, str] = {}  # of what is no file: most folders hold very many files or none
    code = ""
    try:
        with os.scandir(folder.path) as listing:
            for entry in listing:
                names.append(entry.name)
                if kind := _kind(entry, follow):
                    kinds[entry.name] = kind
    except OSError:
        code = "folder-unreadable"
    names.sort()
    prefix = folder.path.rstrip("/") + "/"
    for name in names:
        kind = kinds.get(name, "")
        if kind == "folder":
            below.append(_Folder(prefix + name, folder.start))
        else:
            yield Found(prefix + name, folder.start, kind)
    if code:
        yield Found(folder.path, folder.start, code)


def _kind(entry: os.DirEntry[str], follow: bool) -> str:
    """`folder`, the code for what is not opened, or an empty string for a file."""
    try:
        if entry.is_file(follow_symlinks=follow):
            return ""
        if entry.is_dir(follow_symlinks=follow):
            return "folder"
        if not entry.is_symlink():
            return "special-file"
        if not follow:
            return "symlink"
        return "special-file" if os.path.exists(entry.path) else "unreadable"
    except OSError:
        return "unreadable"


class Placed(NamedTuple):
    """What became of a finished output: `status` is `written`, `duplicate` or `collision`."""

    number: int
    status: str
    name: str


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

    def commit(self, number: int, name: str) -> str:
        """Give the staged output `number` its name. One call per output, from one process.

        Returns:
            `written`; `duplicate` when the same bytes are there already (the staged output is
            dropped); `collision` when other bytes are there: it waits for `settle`.

        Raises:
            OSError: the file system refused.
        """
        staged, final = f"{self.staging}/{number}", f"{self.root}/{name}"
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

    def drop(self, number: int) -> None:
        """Remove what a lost worker staged for `number`, if anything."""
        _unlink_if_there(f"{self.staging}/{number}")

    @property
    def gone(self) -> bool:
        """Whether somebody has removed the folder."""
        return not os.path.isdir(self.staging)

    @property
    def colliding(self) -> frozenset[str]:
        """Names that more than one output of this run asked for, with different bytes."""
        return frozenset(self._colliding)

    def settle(self, placed: Mapping[str, int]) -> Iterator[Placed]:
        """Name the outputs that collided: in the order of their digests, `a.dcm`, `a_2.dcm`, …

        The result depends on the contents alone, not on which was finished first. What earlier runs
        left is never renamed or replaced.

        Args:
            placed: of `colliding`, the names that this run has written, and for which number.
        """
        for name in sorted(self._colliding):
            yield from self._settle_name(name, self._colliding[name], placed.get(name))
        self._colliding.clear()

    def _settle_name(self, name: str, numbers: list[int], holder: int | None) -> Iterator[Placed]:
        paths = {number: f"{self.staging}/{number}" for number in numbers}
        if holder is not None:
            paths[holder] = f"{self.root}/{name}"
        same: dict[bytes, list[int]] = {}
        for number, path in sorted(paths.items(), key=lambda pair: (pair[0] != holder, pair[0])):
            same.setdefault(_digest(path), []).append(number)
        digests = {numbers_of_one[0]: digest for digest, numbers_of_one in sorted(same.items())}
        first = list(digests)
        targets = dict(zip(first, self._targets(name, first, paths, holder), strict=True))
        # Who gets the first name comes last: by then its holder has moved on.
        for number in sorted(first, key=lambda number: targets[number][0] == name):
            target, there = targets[number]
            status = "duplicate" if there and number != holder else "written"
            if there and number == holder:
                os.unlink(paths[number])  # it was counted as written, and it is
            elif not there and (number, target) != (holder, name):
                status, target = self._place(paths[number], name, target)
            for other in same[digests[number]][1:]:
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
        self, name: str, numbers: list[int], paths: Mapping[int, str], holder: int | None
    ) -> Iterator[tuple[str, bool]]:
        """For each output the name it gets, and whether its bytes are there already."""
        counter = count(1)
        for number in numbers:
            there = False
            while True:
                place_number = next(counter)
                target = name if place_number == 1 else numbered(name, place_number)
                if target == name and holder is not None:
                    break
                if not os.path.lexists(f"{self.root}/{target}"):
                    break
                if there := same_content(paths[number], f"{self.root}/{target}"):
                    break
            yield target, there

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


def _unlink_if_there(path: str) -> None:
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
            lock = _lock(path)
        except (FileNotFoundError, BlockingIOError):
            continue
        if os.path.isdir(path):
            return path, lock
        os.close(lock)


def _lock(folder: str) -> int:
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
            lock = _lock(path)
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
        _unlink_if_there(name)
    os.rmdir(path)


def check_relations(inputs: list[str], output: str, project: str) -> None:
    """Refuse combinations of folders that would read outputs or give the project away.

    Raises:
        UsageError: `output-in-input`, `input-in-output`, `project-in-output`, `project-in-input`.
    """
    out, store = os.path.realpath(output), os.path.realpath(project)
    for path in inputs:
        source = os.path.realpath(path)
        if is_inside(out, source):
            raise UsageError(
                "output-in-input", f"the output folder {output} lies inside the input {path}"
            )
        if is_inside(source, out):
            raise UsageError(
                "input-in-output", f"the input {path} lies inside the output folder {output}"
            )
        if is_inside(store, source):
            raise UsageError(
                "project-in-input", f"the project folder {project} lies inside the input {path}"
            )
    if is_inside(store, out):
        raise UsageError(
            "project-in-output", f"the project folder {project} lies inside the output {output}"
        )


def write_error(error: OSError) -> InfrastructureError:
    """The error that stops a run because its output cannot take more."""
    reason = os.strerror(error.errno) if error.errno else "unknown reason"
    if error.errno in STAGING_GONE:
        reason = "the output folder is gone"
    return InfrastructureError("write-failed", f"the output could not be written: {reason}")
