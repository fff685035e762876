"""Find for each original in a folder the cleaned instance in another one.

In this order, and only where the answer is one file: what the project's journals say; the SOP
Instance UID that the project's key derives from the original's (outputs may have been moved); the
same SOP Instance UID (kept by a rule or an option); the same path below both folders. A guess by
modality or size would pair wrong files sooner or later, so none is made: what has no counterpart is
counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from deident.app.reading import open_instance, value_at
from deident.dicom.meta import MEDIA_STORAGE_SOP_INSTANCE, uid
from deident.endpoints.sources import Found
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError

_SOP_INSTANCE, _DIRECTORY_RECORDS = 0x00080018, 0x00041220
_NO_DICOM = frozenset(("not-dicom", "empty-file"))


class Pair(NamedTuple):
    """An original and its counterpart; `cleaned` is empty where there is none, or several."""

    original: str
    cleaned: str


class Pairing:
    """The cleaned side, by SOP Instance UID and by relative path.

    Attributes:
        files: how many cleaned instances there are.
        unmatched: how many of them no original was paired with until now.
        unreadable: how many files of either side could not be read, by code; not files that are no
            DICOM.
    """

    def __init__(
        self,
        cleaned: Iterable[Found],
        identity: Identity | None = None,
        written: Callable[[str], str] | None = None,
    ) -> None:
        """Read the UIDs of the cleaned files.

        With a project: `identity` derives new UIDs, `written` says what stands for which original
        (`ledger.written_names`).
        """
        self._identity = identity
        self._written = written
        self._by_uid: dict[str, list[str]] = {}
        self._by_name: dict[str, str] = {}
        self._files: set[str] = set()
        self.unreadable: Counter[str] = Counter()
        for found in cleaned:
            instance = self._instance(found)
            if instance:
                self._by_uid.setdefault(instance, []).append(found.path)
                self._by_name[found.path[found.start :]] = found.path
                self._files.add(found.path)
        self._left = set(self._files)
        self.files = len(self._files)

    @property
    def unmatched(self) -> int:
        """Cleaned instances without an original until now."""
        return len(self._left)

    def pairs(self, originals: Iterable[Found]) -> Iterator[Pair]:
        """Yield every original instance with its counterpart; other files are left out."""
        for found in originals:
            instance = self._instance(found)
            if instance:
                cleaned = self._written(found.path) if self._written else ""
                if cleaned not in self._files:
                    cleaned = self._counterpart(instance, found.path[found.start :])
                self._left.discard(cleaned)
                yield Pair(found.path, cleaned)

    def rest(self) -> list[str]:
        """Paths of the cleaned instances that no original was paired with until now."""
        return sorted(self._left)

    def _instance(self, found: Found) -> str:
        """The SOP Instance UID of what was found; empty if it is no instance."""
        try:
            return "" if found.code else _instance_uid(found.path)
        except InstanceError as error:
            if error.code not in _NO_DICOM:
                self.unreadable[error.code] += 1
            return ""

    def _counterpart(self, instance: str, name: str) -> str:
        wanted = [instance] if self._identity is None else [self._identity.uid(instance), instance]
        for one in wanted:
            paths = self._by_uid.get(one, [])
            if len(paths) == 1:
                return paths[0]
        return self._by_name.get(name, "")


def instance_uid(path: str) -> str:
    """Return the SOP Instance UID of a file; empty if it is no DICOM instance that can be read."""
    try:
        return _instance_uid(path)
    except InstanceError:
        return ""


def _instance_uid(path: str) -> str:
    """The SOP Instance UID; empty if there is none, or in a DICOMDIR, whose own means nothing."""
    with open_instance(path) as file:
        elements = file.elements()
        if any(element.tag == _DIRECTORY_RECORDS for element in elements):
            return ""
        raw = value_at(elements, _SOP_INSTANCE) or file.meta.get(MEDIA_STORAGE_SOP_INSTANCE)
    return uid(raw or b"")
