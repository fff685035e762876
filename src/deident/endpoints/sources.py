"""Where originals come from: files, folders, patterns; what lies there, what is never read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deident.errors import UsageError

FileId = tuple[int, int]


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
    inputs: list[str],
    *,
    follow_symlinks: bool = False,
    exclude: frozenset[FileId] = frozenset(),
    below_each: bool = False,
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
        below_each: names start below each input folder, also when there are several.
    """
    visited: set[FileId] | None = set() if follow_symlinks else None
    for path in inputs:
        alone = (len(inputs) == 1 or below_each) and os.path.isdir(path)
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


def check_relations(inputs: list[str], output: str, project: str) -> None:
    """Refuse combinations of folders that would read outputs or give the project away.

    `output` is empty where outputs lie beside their originals.

    Raises:
        UsageError: `output-in-input`, `input-in-output`, `project-in-output`, `project-in-input`.
    """
    store = os.path.realpath(project)
    out = os.path.realpath(output) if output else ""
    for path in inputs:
        source = os.path.realpath(path)
        if out and is_inside(out, source):
            raise UsageError(
                "output-in-input", f"the output folder {output} lies inside the input {path}"
            )
        if out and is_inside(source, out):
            raise UsageError(
                "input-in-output", f"the input {path} lies inside the output folder {output}"
            )
        if is_inside(store, source):
            raise UsageError(
                "project-in-input", f"the project folder {project} lies inside the input {path}"
            )
    if out and is_inside(store, out):
        raise UsageError(
            "project-in-output", f"the project folder {project} lies inside the output {output}"
        )
