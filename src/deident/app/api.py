"""The library's front door: one instance in, one de-identified instance out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.engine.result import Change, Finding, InstanceResult
from deident.errors import UsageError
from deident.profiles.model import Profile
from deident.profiles.standard import check_options

if TYPE_CHECKING:
    from pydicom import Dataset


class Deidentified(NamedTuple):
    """A de-identified instance.

    Attributes:
        data: the new DICOM file (PS3.10), file meta information included.
        result: what was done; see `InstanceResult`.
    """

    data: bytes
    result: InstanceResult

    def __repr__(self) -> str:
        return f"<Deidentified: {len(self.data)} bytes>"

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every decision, in the order of the walk."""
        return self.result.changes

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should look at."""
        return self.result.findings

    @property
    def dataset(self) -> Dataset:
        """The new instance as a pydicom data set."""
        from pydicom import dcmread

        return dcmread(BytesIO(self.data))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file; an existing one is never overwritten.

        Raises:
            FileExistsError: there is a file at `path`.
            OSError: it cannot be written.
        """
        with open(path, "xb") as file:  # noqa: PTH123 - exclusive creation
            file.write(self.data)


def deidentify(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | Dataset,
    *,
    profile: str | os.PathLike[str] | Profile = "basic",
    options: Iterable[str] = (),
    project: str | os.PathLike[str] | None = None,
) -> Deidentified:
    r"""De-identify one instance.

    Args:
        source: path of a DICOM file, its bytes, or a pydicom data set (which is not changed).
        profile: name of a shipped profile, path of a profile file, or a `Profile`.
        options: PS3.15 options to switch on besides the profile's own, e.g. `retain-uids`.
        project: project folder (`deident project init`). Pseudonyms, UIDs and date shifts are
            consistent within it. Without one, a random key is made and forgotten: each call is a
            world of its own, and nothing leads back.

    Raises:
        UsageError: an argument is of a kind that cannot be used; no such file or project; an option
            is unknown, not available, or excludes another.
        ProfileError: the profile cannot be used.
        InstanceError: the instance cannot be processed or not be cleaned; nothing is returned.

    Examples:
        >>> from pydicom.data import get_testdata_file
        >>> import deident
        >>> new = deident.deidentify(get_testdata_file("CT_small.dcm"))
        >>> new.dataset.PatientIdentityRemoved
        'YES'
        >>> new.dataset.PatientName == new.dataset.PatientID
        True
        >>> "StudyDate" in new.dataset and new.dataset.StudyDate
        ''
        >>> kept = deident.deidentify(new.dataset, profile="keep-all-except")
        >>> kept.dataset.PatientID == new.dataset.PatientID
        True
    """
    if not isinstance(profile, Profile):
        profile = load_profile(profile, options)
    elif chosen := _names(options):
        profile = profile._replace(options=check_options([*profile.options, *chosen]))
    data = None if isinstance(source, str | os.PathLike) else _bytes(source)
    path = "" if data is not None else _existing(source)
    engine = Engine(Plan(profile), _identity(profile, project), details=True)
    with engine.prepare(path) if data is None else engine.prepare_bytes(data) as prepared:
        return Deidentified(_written(prepared.write), prepared.result)


def load_profile(name_or_path: str | os.PathLike[str], options: Iterable[str] = ()) -> Profile:
    """Return a shipped profile or one from a YAML file, with `options` besides its own.

    Raises:
        ProfileError: there is no such profile, or it is wrong; with line and column.
        UsageError: an argument is of a kind that cannot be used; an option is unknown, not
            available, or excludes another.
    """
    from deident.engine.actions import CATALOG
    from deident.profiles.loader import load

    _path("profile", name_or_path, "a name, a path or a Profile")
    return load(name_or_path, _names(options), CATALOG)


def _identity(profile: Profile, project: str | os.PathLike[str] | None) -> Identity:
    from deident.store.project import open_project

    key = os.urandom(32) if project is None else open_project(_path("project", project)).key
    return identity_of(profile, key)


def identity_of(profile: Profile, key: bytes) -> Identity:
    """The identities that a profile's settings and a project key make."""
    return Identity(
        key,
        uid_root=profile.uid_root,
        patient_prefix=profile.patient_prefix,
        max_days=profile.dates.max_days,
        whole_weeks=profile.dates.whole_weeks,
    )


def _path(name: str, given: object, wanted: str = "a path") -> str:
    """The path that an argument gives, as text."""
    if not isinstance(given, str | os.PathLike) or isinstance(os.fspath(given), bytes):
        raise _unusable(name, wanted, given)
    if not os.fspath(given):
        raise UsageError("usage", f"{name}: the path is empty")
    return os.fspath(given)


def _existing(source: object) -> str:
    """The path of a file to read."""
    path = _path("source", source)
    if os.path.isdir(path):  # noqa: PTH112 - the name may be no text
        raise UsageError("usage", f"{path} is a folder; deident run takes folders")
    if not os.path.lexists(path):
        raise UsageError("input-missing", f"no such file: {path}")
    return path


def _names(options: Iterable[str]) -> list[str]:
    """The names of options; text would be taken letter by letter."""
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise _unusable("options", "a list of names", options)
    names = list(options)
    for name in names:
        if not isinstance(name, str):
            raise _unusable("options", "a list of names", name)
    return names


def _unusable(name: str, wanted: str, given: object) -> UsageError:
    return UsageError("usage", f"{name}: {wanted} is wanted, not {type(given).__name__}")


def _bytes(source: object) -> bytes:
    """A DICOM file in memory: bytes, or a data set; pydicom adds what its file meta lacks."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    from pydicom import Dataset, dcmwrite

    if not isinstance(source, Dataset):
        raise _unusable("source", "a path, bytes or a pydicom Dataset", source)
    stream = BytesIO()
    try:
        dcmwrite(stream, source, enforce_file_format=True)
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds, some with values
        kind = type(error).__name__
        text = f"source: pydicom cannot encode the data set ({kind}); see its file_meta and values"
        raise UsageError("usage", text) from None
    return stream.getvalue()


def _written(write: Callable[[int], int]) -> bytes:
    """What `write` writes, by way of a file in memory that has no name."""
    with open(os.memfd_create("deident"), "r+b") as file:  # noqa: PTH123 - a descriptor
        write(file.fileno())
        file.seek(0)
        return file.read()
