"""The use case `verify`: look at every file of a folder, as somebody who did not make them.

Files are read one after the other; what is kept is counts, and the identifiers of the originals if
there are any to compare with. DICOMDIR files come last: what they may hold is what all instances
claim to keep.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deident.app.audit import rules
from deident.app.audit.files import Opened, check_frame, open_output
from deident.app.audit.findings import GRADES, Finding, Grade
from deident.app.audit.instance import Claims, InstanceCheck, claims_of
from deident.app.audit.names import check_name
from deident.app.audit.needles import NO_NEEDLES, Needles
from deident.app.audit.patterns import search
from deident.app.audit.searching import search_file, search_output
from deident.app.scanning import kind_of
from deident.dicom.elements import Span
from deident.endpoints.sources import Found
from deident.errors import InstanceError

DIRECTORY_RECORDS = 0x00041220
_REFERENCED_FILE = 0x00041500
_NOT_DICOM = frozenset(("not-dicom", "empty-file"))
_MOST_MEMBERS = 100_000
_ITEM = re.compile(r"\[\d+\]")


class Kind(NamedTuple):
    """Findings that are alike: `where` without item numbers."""

    grade: Grade
    code: str
    where: str


class Report(NamedTuple):
    """What was found in one file.

    Attributes:
        path: relative to the folder; empty if the name itself may identify somebody.
        number: of the file, counted from 1 in the order in which files are met.
        findings: each only once.
    """

    path: str
    number: int
    findings: tuple[Finding, ...]


class Observer:
    """Hears of progress; this one does not listen."""

    def progress(self, summary: AuditSummary) -> None:
        """Called after each file."""

    def report(self, report: Report) -> None:
        """Something was found in a file."""


class AuditSummary:
    """What a second look has seen.

    Attributes:
        files: entries that were met.
        instances, directories: DICOM instances and DICOMDIR files among them.
        not_dicom: other files, by kind.
        unreadable: files that could not be read to their end, by code.
        not_opened: links, pipes and the like, by code.
        times, in_files: findings of each kind, and files that have some.
        originals: instances whose identifiers were gathered; `unread_originals`: by code.
        identifiers: how many were gathered.
    """

    def __init__(self) -> None:
        self.files = self.instances = self.directories = 0
        self.not_dicom: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.not_opened: Counter[str] = Counter()
        self.times: Counter[Kind] = Counter()
        self.in_files: Counter[Kind] = Counter()
        self.originals = self.identifiers = 0
        self.unread_originals: Counter[str] = Counter()

    def kinds(self) -> list[Kind]:
        """Every kind of finding that was met, the gravest first."""
        return sorted(self.times, key=lambda kind: (GRADES.index(kind.grade), *kind[1:]))

    def of_grade(self, *grades: Grade) -> int:
        """How many findings have one of the grades."""
        return sum(times for kind, times in self.times.items() if kind.grade in grades)

    def add(self, findings: Iterable[Finding]) -> None:
        """Count the findings of one file."""
        kinds = Counter(Kind(f.grade, f.code, _without_items(f.where)) for f in findings)
        self.times.update(kinds)
        self.in_files.update(kinds.keys())


def _without_items(where: str) -> str:
    """A path by keywords without the numbers of items."""
    return _ITEM.sub("", where)


def audit(
    found: Iterable[Found],
    *,
    needles: Needles = NO_NEEDLES,
    values: bool = False,
    observer: Observer | None = None,
    summary: AuditSummary | None = None,
) -> AuditSummary:
    """Look at everything that was found (`endpoints.sources.scan`).

    Args:
        found: what lies in the folder.
        needles: identifiers of the originals.
        values: keep what was found in the reports, and show all file names.
        observer: hears of every file with findings.
        summary: to count in.
    """
    look = _Look(needles, values, observer or Observer(), summary or AuditSummary())
    for one in found:
        look.take(one)
    look.finish()
    return look.summary


class _Look:
    """One look at a folder."""

    def __init__(
        self, needles: Needles, values: bool, observer: Observer, summary: AuditSummary
    ) -> None:
        self.summary = summary
        self._needles = needles
        self._values = values
        self._observer = observer
        self._claimed: frozenset[str] | None = None  # by every instance
        self._later: list[tuple[Found, int]] = []

    def take(self, found: Found) -> None:
        """Look at one entry; a DICOMDIR is put off."""
        self.summary.files += 1
        number = self.summary.files
        if found.code:
            self.summary.not_opened[found.code] += 1
        else:
            self._read(found, number, last=False)
        self._observer.progress(self.summary)

    def finish(self) -> None:
        """Look at what was put off."""
        for found, number in self._later:
            self._read(found, number, last=True)

    def _read(self, found: Found, number: int, *, last: bool) -> None:
        try:
            opened = open_output(found.path)
        except InstanceError as error:
            self._tell(found, number, self._other(found, error.code), Claims())
            return
        with opened.file:
            directory = any(element.tag == DIRECTORY_RECORDS for element in opened.elements)
            if directory and not last:
                self._later.append((found, number))
                return
            claims = claims_of(opened.elements, directory=directory)
            if directory:
                self.summary.directories += 1
                claims = claims._replace(options=self._claimed or frozenset())
            else:
                self.summary.instances += 1
                before = claims.options if self._claimed is None else self._claimed
                self._claimed = before & claims.options
            refusal = opened.error.code if opened.error else ""
            try:
                self._tell(found, number, self._output(opened, claims), claims)
            except InstanceError as error:  # it became shorter while it was looked at
                refusal = error.code
            if refusal:
                self.summary.unreadable[refusal] += 1

    def _output(self, opened: Opened, claims: Claims) -> Iterator[Finding]:
        def fetch(span: Span, length: int) -> bytes:
            return opened.file.source.read(span.offset, min(span.length, length))

        uids_kept = rules.RETAIN_UIDS in claims.options
        yield from check_frame(opened, uids_kept=uids_kept)
        check = InstanceCheck(claims, fetch, whole=opened.error is None)
        yield from check.run(opened.elements)
        if claims.directory:
            yield from _referenced_names(opened, uids_kept=uids_kept)
        yield from search_output(opened, claims, self._needles)

    def _other(self, found: Found, code: str) -> Iterator[Finding]:
        """A file that is no DICOM, or that cannot be read."""
        if code not in _NOT_DICOM:
            self.summary.unreadable[code] += 1
        else:
            kind = "empty" if code == "empty-file" else kind_of(found.path)
            self.summary.not_dicom[kind] += 1
            yield Finding("not-dicom", "weak", "file", kind)
            if kind == "ZIP":
                yield from _archive(found.path)
        yield from search_file(found.path, self._needles)

    def _tell(self, found: Found, number: int, findings: Iterable[Finding], claims: Claims) -> None:
        name = found.path[found.start :]
        named = [
            *check_name(name, uids_kept=rules.RETAIN_UIDS in claims.options),
            *self._needles.in_name(name, claims.options),
        ]
        told = list(dict.fromkeys([*named, *findings]))
        if not told:
            return
        self.summary.add(told)
        if not self._values:
            told = list(dict.fromkeys(finding._replace(value="") for finding in told))
        shown = name if self._values or not named else ""
        self._observer.report(Report(shown, number, tuple(told)))


def _referenced_names(opened: Opened, *, uids_kept: bool) -> Iterator[Finding]:
    """Names of files in the records of a DICOMDIR (PS3.3 F.3): they are names like any other."""
    for element in opened.elements:
        for number, item in enumerate(element.items or ()):
            for entry in item.elements:
                if entry.tag == _REFERENCED_FILE and entry.items is None:
                    name = entry.value.decode("latin-1").strip(" \0").replace("\\", "/")
                    for finding in check_name(name, uids_kept=uids_kept):
                        where = f"DirectoryRecordSequence[{number + 1}]/ReferencedFileID"
                        yield finding._replace(where=where)


def _archive(path: str) -> Iterator[Finding]:
    """Comments and names of a ZIP file; what it packs is not looked at."""
    try:
        with zipfile.ZipFile(path) as archive:
            comments = [archive.comment, *(member.comment for member in archive.infolist())]
            names = archive.namelist()[:_MOST_MEMBERS]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield Finding("archive", "weak", "file")
        return
    for comment in dict.fromkeys(comments):
        if comment:
            text = comment.decode("utf-8", "replace")
            grade: Grade = "likely" if search(text, "text") else "weak"
            yield Finding("archive", grade, "comment in ZIP", text)
    for name in names:
        for finding in check_name(name.strip("/"), uids_kept=False):
            yield finding._replace(where="name in ZIP")
