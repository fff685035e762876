"""DICOM file-sets (PS3.10 8): the files that a DICOMDIR names, and nothing outside its folder."""

from __future__ import annotations

import os

from deident.dicom import part10
from deident.dicom.elements import walk
from deident.dicom.meta import MEDIA_STORAGE_SOP_CLASS, uid
from deident.errors import InstanceError, UsageError

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_REFERENCED_FILE_ID = 0x00041500


def is_dicomdir(path: str) -> bool:
    """Whether a file is a DICOMDIR by what is in it."""
    if not os.path.isfile(path):
        return False
    try:
        with part10.open(path) as file:
            return uid(file.meta.get(MEDIA_STORAGE_SOP_CLASS, b"")) == _MEDIA_STORAGE_DIRECTORY
    except (InstanceError, OSError):
        return False


def referenced_files(dicomdir: str) -> list[str]:
    """Absolute paths of the files that a DICOMDIR names (Referenced File ID), each once, in order.

    Names on media are in capitals; where a folder has them in small letters, those are taken. A
    name that leads out of the DICOMDIR's folder names nothing.

    Raises:
        UsageError: `input-unreadable`: the DICOMDIR cannot be read.
    """
    folder = os.path.dirname(os.path.abspath(dicomdir))
    found: dict[str, None] = {}
    try:
        with part10.open(dicomdir) as file:
            for _, element in walk(file.elements()):
                if element.tag == _REFERENCED_FILE_ID and element.length:
                    text = element.value.decode("ascii", "replace")
                    components = [part.strip(" \0") for part in text.split("\\")]
                    if not {"", ".", ".."} & set(components):
                        found[_there(folder, components)] = None
    except (InstanceError, OSError) as error:
        text = f"the DICOMDIR cannot be read: {dicomdir}"
        raise UsageError("input-unreadable", text) from error
    return list(found)


def _there(folder: str, components: list[str]) -> str:
    path = "/".join([folder, *components])
    if not os.path.lexists(path):
        small = "/".join([folder, *(part.lower() for part in components)])
        return small if os.path.lexists(small) else path
    return path
