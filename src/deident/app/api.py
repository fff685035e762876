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
    source: str | os.PathLike[str] | bytes | Dataset,
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
        UsageError: an option is unknown, not available, or excludes another; no such project.
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
    elif options:
        profile = profile._replace(options=check_options([*profile.options, *options]))
    engine = Engine(Plan(profile), _identity(profile, project), details=True)
    if isinstance(source, str | os.PathLike):
        prepared = engine.prepare(os.fspath(source))
    else:
        prepared = engine.prepare_bytes(source if isinstance(source, bytes) else _encoded(source))
    with prepared:
        return Deidentified(_written(prepared.write), prepared.result)


def load_profile(name_or_path: str | os.PathLike[str], options: Iterable[str] = ()) -> Profile:
    """Return a shipped profile or one from a YAML file, with `options` besides its own.

    Raises:
        ProfileError: there is no such profile, or it is wrong; with line and column.
        UsageError: an option is unknown, not available, or excludes another.
    """
    from deident.engine.actions import CATALOG
    from deident.profiles.loader import load

    return load(name_or_path, options, CATALOG)


def _identity(profile: Profile, project: str | os.PathLike[str] | None) -> Identity:
    from deident.store.project import open_project

    key = os.urandom(32) if project is None else open_project(os.fspath(project)).key
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


def _encoded(dataset: Dataset) -> bytes:
    """A data set as a DICOM file; pydicom adds what its file meta information lacks."""
    from pydicom import dcmwrite

    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _written(write: Callable[[int], int]) -> bytes:
    """What `write` writes; the file it goes through holds de-identified bytes only."""
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        write(file.fileno())
        file.seek(0)
        return file.read()
