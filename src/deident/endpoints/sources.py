"""Where originals come from: files, folders, patterns; what lies there, what is never read."""

from __future__ import annotations

import os
import re
import sys
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


STDIN = "-"


def resolve_inputs(arguments: Iterable[str]) -> list[str]:
    """Return absolute paths for what a person typed: files, folders, glob patterns, DICOMDIR files.

    `-` stands for a list of paths on standard input, one in each line, or with a zero byte behind
    each. A DICOMDIR stands for the files that it names. An argument that lies inside another one
    is dropped, so that nothing is counted twice.

    Raises:
        UsageError: `input-missing`: a path does not exist, a pattern matches nothing;
            `input-unreadable`.
    """
    paths: list[str] = []
    for argument in arguments:
        if argument == STDIN:
            paths.extend(_listed())
        elif os.path.lexists(argument):
            paths.extend(_named(argument))
        else:
            paths.extend(_expanded(argument))
    real = {path: os.path.realpath(path) for path in dict.fromkeys(paths)}
    targets = set(real.values())
    kept: dict[str, str] = {}
    for path, target in real.items():
        if target not in kept and not _has_parent_in(target, targets):
            kept[target] = path
    return list(kept.values())


def _has_parent_in(path: str, folders: set[str]) -> bool:
    parent = os.path.dirname(path)
    while parent not in folders:
        if parent in ("/", ""):
            return False
        parent = os.path.dirname(parent)
    return parent != path


def _named(argument: str) -> list[str]:
    if os.path.basename(argument).upper() == "DICOMDIR":
        from deident.endpoints.filesets import is_dicomdir, referenced_files

        if is_dicomdir(argument):
            return referenced_files(argument)
    return [os.path.abspath(argument)]


def _listed() -> Iterator[str]:
    """Paths from standard input.

    Raises:
        UsageError: `input-missing`: there is none, or one does not exist.
    """
    content = sys.stdin.buffer.read()
    separator = b"\0" if b"\0" in content else b"\n"
    names = [os.fsdecode(name) for name in content.split(separator) if name]
    if not names:
        raise UsageError("input-missing", "standard input lists no file")
    for name in names:
        if not os.path.lexists(name):
            raise UsageError("input-missing", f"no such file or folder: {name}")
        yield os.path.abspath(name)


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
    extensions: Extensions | None = None,
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
        extensions: of the files to read; others get a code. An input that is a file is read.
    """
    visited: set[FileId] | None = set() if follow_symlinks else None
    for path in inputs:
        alone = (len(inputs) == 1 or below_each) and os.path.isdir(path)
        start = len(path.rstrip("/")) + 1 if alone else len(os.path.dirname(path).rstrip("/")) + 1
        if not os.path.isdir(path):
            yield _found_file(path, start)
            continue
        tree = _scan_tree(_Folder(path.rstrip("/") or "/", start), visited, exclude)
        for found in tree:
            wanted = found.code or extensions is None or extensions.allow(found.path)
            yield found if wanted else found._replace(code="other-extension")


class Extensions(NamedTuple):
    """Which files are read by their names, in small letters: with one of these endings.

    Attributes:
        endings: such as `.dcm`.
        numbers: also names of digits and dots, as UIDs are, and without any ending (`[dcm]`).
    """

    endings: tuple[str, ...]
    numbers: bool

    @staticmethod
    def parse(text: str) -> Extensions:
        """Read a list such as `dcm,ima,[dcm]`.

        Raises:
            UsageError: `usage`: something else is in it.
        """
        words = [word.strip().lower() for word in text.split(",")]
        for word in words:
            if word != "[dcm]" and not _EXTENSION.fullmatch(word):
                raise UsageError("usage", f"--ext: {word!r} is no extension; such as dcm,ima,[dcm]")
        plain = [word for word in words if word != "[dcm]"]
        return Extensions(tuple("." + word.removeprefix(".") for word in plain), "[dcm]" in words)

    def allow(self, path: str) -> bool:
        """Whether a file is read."""
        name = os.path.basename(path).lower()
        return name.endswith(self.endings) or (self.numbers and bool(_NUMBERS.fullmatch(name)))


_EXTENSION = re.compile(r"\.?[a-z0-9_][a-z0-9_.-]*")
_NUMBERS = re.compile(r"[0-9.]+|[^.]+")


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
