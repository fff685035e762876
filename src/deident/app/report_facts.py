"""What a run has come to, gathered in one pass over its journal; memory does not grow with it.

Nothing here holds an original identifier: the old identities of a record are not looked at.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NamedTuple

from deident import tables
from deident.app.reports import is_to_review
from deident.dicom.tags import format_path
from deident.engine.result import Finding
from deident.store.journal import Closing, Entry, Opening, Record, Renamed, Retained

MOST_LISTED = 200
OTHER, UNKNOWN = "other", "not known"
_MOST_KINDS = 100
_MODALITY = re.compile(r"[A-Z0-9_ ]{1,16}")
_STANDARD_ROOT = "1.2.840.10008."

COLUMNS = (
    "number", "status", "code", "output", "study_uid", "series_uid", "sop_instance_uid",
    "sop_class", "modality", "size", "findings", "to_review",
)  # fmt: skip


class Found(NamedTuple):
    """One finding in one instance; see `engine.result.Finding`."""

    number: int
    attribute: str
    code: str
    grade: str
    kind: str
    done: str
    review: bool


class RunFacts:
    """Counts of a run, filled entry by entry.

    Args:
        renamed: the last outcome of instances whose output name others asked for as well.

    Attributes:
        opening: what the run was asked to do.
        statement: the profile as the run had it, see `app.recipes`; empty in older books.
        state: how it ended; empty while its journal has no end.
        statuses: how many of each outcome.
        codes: how many of each (status, code).
        modalities, sop_classes: how many outputs of each.
        bytes_in, bytes_out: size of the originals that were read, of the outputs.
        findings: how many of each (code, grade, kind, done).
        quarantined: (number, code) of the first ones.
        located: the first findings, those to review first.
        notes: how often the reader had to put up with something.
        texts: (tag, text, mark, how often); see `engine.result.TextKey`.
    """

    def __init__(self, renamed: dict[int, Renamed]) -> None:
        self._renamed = renamed
        self.opening = Opening((), "", "", "")
        self.statement: dict[str, Any] = {}
        self.state = ""
        self.statuses: Counter[str] = Counter()
        self.codes: Counter[tuple[str, str]] = Counter()
        self.modalities: Counter[str] = Counter()
        self.sop_classes: Counter[str] = Counter()
        self.bytes_in = self.bytes_out = 0
        self.findings: Counter[tuple[str, str, str, str]] = Counter()
        self.quarantined: list[tuple[int, str]] = []
        self._to_review: list[Found] = []
        self._other_finds: list[Found] = []
        self.with_findings = 0
        self.notes: Counter[str] = Counter()
        self.texts: list[tuple[int, str, str, int]] = []
        self._groups: dict[str, set[int]] = {"patients": set(), "studies": set(), "series": set()}

    @property
    def located(self) -> list[Found]:
        """Findings to list, those that a person should look at first."""
        return [*self._to_review, *self._other_finds][:MOST_LISTED]

    @property
    def groups(self) -> dict[str, int]:
        """How many patients, studies and series the outputs are of."""
        return {name: len(known) for name, known in self._groups.items()}

    @property
    def names_told(self) -> bool:
        """Whether outputs have names that say nothing about their originals."""
        anonymous = bool(self.statement.get("identity_removed"))
        return anonymous and self.opening.policy == "folder" and not self.opening.keeps_names

    def add(self, entry: Entry) -> tuple[str, ...] | None:
        """Count an entry; of a record return the values of `COLUMNS`."""
        if isinstance(entry, Record):
            return self._add(self._final(entry))
        if isinstance(entry, Opening):
            self.opening = entry
            self.statement = json.loads(entry.statement or "{}")
        elif isinstance(entry, Closing):
            self.state = entry.state
        elif isinstance(entry, Retained):
            self.texts += entry.texts
        return None

    def _final(self, record: Record) -> Record:
        last = self._renamed.get(record.number)
        if last is None:
            return record
        if last.status == "duplicate":
            return record._replace(status="skipped", code="duplicate")
        return record._replace(status=last.status, name=last.name)

    def _add(self, record: Record) -> tuple[str, ...]:
        self.statuses[record.status] += 1
        self.bytes_in += record.source_size
        if record.status == "written":
            self._count_output(record)
        else:
            self.codes[record.status, record.code] += 1
        if record.status == "quarantined" and len(self.quarantined) < MOST_LISTED:
            self.quarantined.append((record.number, record.code))
        self.notes.update(record.notes)
        return self._row(record, self._count_findings(record))

    def _count_output(self, record: Record) -> None:
        self.bytes_out += record.size
        _count(self.modalities, modality_of(record))
        _count(self.sop_classes, class_of(record))
        values = (record.patient[1], record.study, record.series)
        for known, value in zip(self._groups.values(), values, strict=True):
            if value:
                known.add(hash(value))

    def _count_findings(self, record: Record) -> list[Found]:
        found = [_found(record.number, Finding._make(one)) for one in record.findings]
        self.with_findings += bool(found)
        for one in found:
            self.findings[one.code, one.grade, one.kind, one.done] += 1
            listed = self._to_review if one.review else self._other_finds
            if len(listed) < MOST_LISTED:
                listed.append(one)
        return found

    def _row(self, record: Record, found: list[Found]) -> tuple[str, ...]:
        words = (
            " ".join(filter(None, (one.grade, one.kind or one.code, one.done, one.attribute)))
            for one in found
        )
        return (
            str(record.number),
            record.status,
            record.code,
            record.name if self.names_told and record.status == "written" else "",
            record.study,
            record.series,
            record.instance,
            class_of(record) if record.sop_class else "",
            modality_of(record) if record.modality else "",
            str(record.size) if record.status == "written" else "",
            "; ".join(words),
            str(sum(one.review for one in found) or ""),
        )


def _found(number: int, finding: Finding) -> Found:
    return Found(
        number,
        format_path(finding.path, finding.tag),
        finding.code,
        finding.grade,
        finding.kind,
        finding.done,
        is_to_review(finding.grade, finding.kind, finding.done),
    )


def _count(into: Counter[str], name: str) -> None:
    """Count under a name; a file that was made to fill memory has names without end."""
    into[name if name in into or len(into) < _MOST_KINDS else OTHER] += 1


def modality_of(record: Record) -> str:
    """The output's modality, if it is a code at all (PS3.5 6.2, CS)."""
    if not record.modality:
        return UNKNOWN
    return record.modality if _MODALITY.fullmatch(record.modality) else OTHER


def class_of(record: Record) -> str:
    """What PS3.6 calls the SOP class; a private UID is not told, it may name an institution."""
    uid = record.sop_class
    if not uid.startswith(_STANDARD_ROOT):
        return "private SOP class" if uid else UNKNOWN
    return tables.sop_class_name(uid) or uid
