"""A ZIP archive as destination: outputs are collected in a hidden folder beside it, then packed.

Members are stored, not compressed, in the order of their names and without times, so that equal
outputs make equal archives. Until the archive is whole it has no name, and a run that was killed
goes on with what the folder holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from deident.endpoints.folder import FolderOutput, place
from deident.errors import UsageError

_EXTENSION, _WORK = ".zip", ".deident-work"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive can say
_CHUNK = 1 << 20


def is_archive(output: str) -> bool:
    """Whether an output is to be an archive, by its name."""
    return output.lower().endswith(_EXTENSION)


def work_folder(archive: str) -> str:
    """Where the outputs of an archive are collected."""
    folder, name = os.path.split(os.path.realpath(archive))
    return f"{folder}/.{name}{_WORK}"


def archive_of(work: str) -> str:
    """The archive that is packed from a folder; the inverse of `work_folder`."""
    folder, name = os.path.split(work)
    return f"{folder}/{name.removeprefix('.').removesuffix(_WORK)}"


class ZipOutput(FolderOutput):
    """Collects outputs as a folder does; `complete` packs them.

    Raises:
        UsageError: `output-unwritable`, also when there is such an archive already.
        InfrastructureError: `write-failed`: the disk is full or broken.
    """

    def __init__(self, archive: str) -> None:
        if os.path.lexists(archive):
            text = f"the output cannot be written: {archive}: it exists already"
            raise UsageError("output-unwritable", text)
        super().__init__(work_folder(archive))

    def complete(self) -> None:
        """Pack what was collected, give the archive its name, and remove the folder.

        Raises:
            OSError: the file system refused; the folder keeps everything.
        """
        growing = f"{self.staging}/archive"
        names = sorted(self._collected())
        with open(growing, "xb") as file:
            pack(file, self.root, names)
            file.flush()
            os.fsync(file.fileno())
        place(growing, archive_of(self.root))
        for name in names:
            os.unlink(f"{self.root}/{name}")
        for folder, _, _ in os.walk(self.root, topdown=False):
            if folder != self.root and folder != self.staging:
                os.rmdir(folder)

    def _collected(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if f"{folder}/{name}" != self.staging]
            for name in files:
                yield os.path.relpath(f"{folder}/{name}", self.root)

    def close(self) -> None:
        """Remove what was not committed; of a folder that is empty then nothing stays."""
        super().close()
        try:
            os.rmdir(self.root)
        except OSError:  # what was collected waits for the run to be resumed
            return


def pack(file: BinaryIO, root: str, names: list[str]) -> None:
    """Write an archive of files below `root`, stored, without times.

    Raises:
        OSError: the file system refused.
    """
    from shutil import copyfileobj
    from zipfile import ZIP_STORED, ZipFile, ZipInfo

    with ZipFile(file, "w", ZIP_STORED, allowZip64=True) as archive:
        for name in names:
            member = ZipInfo(name, _EPOCH)
            member.external_attr = 0o644 << 16
            with open(f"{root}/{name}", "rb") as content:
                member.file_size = os.fstat(content.fileno()).st_size
                with archive.open(member, "w") as target:
                    copyfileobj(content, target, _CHUNK)


def remove_unchanged_archive(archive: str, sizes: dict[str, int]) -> str:
    """Remove an archive if its members are still those with these sizes.

    Returns:
        `removed`, `changed` (it stays), `missing`.

    Raises:
        OSError: it cannot be removed.
    """
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(archive) as found:
            if {member.filename: member.file_size for member in found.infolist()} != sizes:
                return "changed"
            if found.testzip() is not None:
                return "changed"
        os.unlink(archive)
    except FileNotFoundError:
        return "missing"
    except BadZipFile:
        return "changed"
    return "removed"
