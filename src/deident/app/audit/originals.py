"""Gather the identifiers of originals, so that they can be looked for in outputs.

By an own list of attributes (`tables/verify_rules.json`), and by value representation: every name
of a person and every UID at every depth. Names of files and folders count too.
"""

from __future__ import annotations

from collections.abc import Iterable

from deident import tables
from deident.app.audit import rules
from deident.app.audit.checking import AuditSummary, Observer
from deident.app.audit.files import open_output
from deident.app.audit.instance import Leaf, leaves, text_of
from deident.app.audit.needles import Needles, file_needles, needles_of
from deident.app.mappings import mappings
from deident.dicom.lenient import reread
from deident.dicom.tags import creator_tag
from deident.dicom.uids import is_registered
from deident.endpoints.sources import Found
from deident.errors import InstanceError

_NO_INSTANCE = frozenset(("not-dicom", "empty-file"))
_MANY_VALUED = frozenset(("PN", "LO", "SH", "UI"))


def gather(
    found: Iterable[Found], needles: Needles, summary: AuditSummary, observer: Observer
) -> None:
    """Read all originals and keep their identifiers in `needles`; count them in `summary`."""
    for one in found:
        for needle in file_needles(one.path[one.start :]):
            needles.add(needle)
        if one.code:
            continue
        try:
            refusal = _read(one.path, needles)
            summary.originals += 1
        except InstanceError as error:
            refusal = error.code if error.code not in _NO_INSTANCE else ""
        if refusal:
            summary.unread_originals[refusal] += 1
        observer.progress(summary)
    summary.identifiers = needles.count


def gather_project(project: str, needles: Needles, summary: AuditSummary) -> None:
    """Keep what a project's books say of the originals: their Patient IDs and UIDs.

    Raises:
        UsageError: no usable project.
        InfrastructureError: `journal-damaged`.
    """
    found = mappings(project)
    for old in found.patients.pairs:
        for needle in needles_of(old, "patient-id"):
            needles.add(needle)
    for old in found.uids.pairs:
        needles.add_uid(old)
    summary.identifiers = needles.count


def _read(path: str, needles: Needles) -> str:
    """Take the identifiers of an original; of a damaged one, of what is in front of the damage.

    Returns:
        why it could not be read to its end, or empty.

    Raises:
        InstanceError: it is no DICOM file, or nothing of it can be read.
    """
    refusal = ""
    opened = open_output(path)
    elements = opened.elements
    with opened.file:
        if opened.error is not None:
            try:
                with reread(path) as file:
                    elements = file.elements()
            except InstanceError:
                refusal = opened.error.code
        for leaf in leaves(elements):
            _take(leaf, needles)
    return refusal


def _take(leaf: Leaf, needles: Needles) -> None:
    element = leaf.element
    if element.span is not None or not element.length:
        return
    kind = rules.harvested().get(element.tag, "")
    if not kind and element.vr in ("PN", "UI"):
        kind = "uid" if element.vr == "UI" else "person"
    if not kind or (kind == "uid" and _is_structural(element.tag)):
        return
    text = text_of(element, leaf.charset)
    for value in text.split("\\") if element.vr in _MANY_VALUED else [text]:
        if kind != "uid":
            for needle in needles_of(value.strip(" \0"), kind):
                needles.add(needle)
        elif value.strip(" \0") and not is_registered(value.strip(" \0")):
            needles.add_uid(value.strip(" \0"))


def _is_structural(tag: int) -> bool:
    """Whether a UID names a class or a vocabulary; of a private one that cannot be known."""
    return tag in rules.tags_of("structural_uids") or (
        creator_tag(tag) is not None and tables.vr_of(tag) is None
    )
