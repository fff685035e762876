"""The use case `scan`: what lies in files and folders, by patient, study and series, and its risks.

Files are read one after the other, headers only; what is kept grows with the number of series, plus
eight bytes for each instance. Identifying values are kept only when they are asked for.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from deident.app.readable import class_name, uid_name
from deident.app.reading import open_instance
from deident.app.risks import (
    BIRTH_DATE,
    DIRECTORY_RECORDS,
    ISSUER,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    RISKS,
    SERIES_DESCRIPTION,
    SERIES_UID,
    SOP_INSTANCE_UID,
    STUDY_UID,
    Facts,
    risks_of,
)
from deident.endpoints.sources import Found
from deident.errors import InstanceError

STUDY_DATE, STUDY_DESCRIPTION = 0x00080020, 0x00081030

# Modality (0008,0060), PS3.3 C.7.3.1.1.1, with the retired terms; others are not printed, as
# anything may stand there.
_TERMS = """
    ANN AR ASMT AU BDUS BI BMD CD CF CFM CP CR CS CT CTPROTOCOL DD DF DG DM DMS DOC DS DX EC ECG EEG
    EMG EOG EPS ES FA FID FS GM HC HD IO IOL IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NEARFIELD
    NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE
    RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF ST STAIN
    TEXTUREMAP TG US VA VF XA XAPROTOCOL XC
"""
MODALITIES = frozenset(_TERMS.split())
_OTHER = "other"
# What lies there is not known: the system refused to list or open it.
_REFUSED = frozenset(("folder-unreadable", "unreadable"))

# What the first bytes of a file that is not DICOM say it is.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "PDF"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"PK", "ZIP"),
    (0, b"\x1f\x8b", "GZIP"),
    (0, b"7z\xbc\xaf", "7-Zip"),
    (0, b"Rar!", "RAR"),
    (0, b"MZ", "program"),
    (0, b"\x7fELF", "program"),
    (0, b"\xca\xfe\xba\xbe", "program"),
    (344, b"n+1\0", "NIfTI"),
    (0, b"NRRD", "NRRD"),
    (0, b"SQLite format 3", "database"),
    (4, b"ftyp", "video"),
    (0, b"RIFF", "video or sound"),
    (0, b"\x89HDF", "HDF5"),
)


class SeriesSummary:
    """One series.

    Attributes:
        instances, frames, size: how many, and bytes of the files.
        modalities, sop_classes, syntaxes, charsets: how many instances of each.
        risks: how many instances have each.
        label: such as `1.2.1`, third number of patient and study.
        values: identifying values, when they were asked for: description.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.instances = self.frames = self.size = 0
        self.modalities: Counter[str] = Counter()
        self.sop_classes: Counter[str] = Counter()
        self.syntaxes: Counter[str] = Counter()
        self.charsets: Counter[str] = Counter()
        self.risks: Counter[str] = Counter()
        self.values: dict[str, str] = {}


class StudySummary:
    """One study of one patient: series by the hash of their UID."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.series: dict[bytes, SeriesSummary] = {}
        self.values: dict[str, str] = {}


class PatientSummary:
    """One patient, as Patient ID and issuer tell: studies by the hash of their UID."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.studies: dict[bytes, StudySummary] = {}
        self.values: dict[str, str] = {}

    def all_series(self) -> Iterator[SeriesSummary]:
        """Every series of every study."""
        for study in self.studies.values():
            yield from study.series.values()


class LeftOut(NamedTuple):
    """A file that is not counted as an instance: `code` of `errors.REASONS`, and what it is."""

    path: str
    code: str
    kind: str


class Totals(NamedTuple):
    """Sums over some series."""

    series: int
    instances: int
    frames: int
    size: int
    modalities: Counter[str]
    sop_classes: Counter[str]
    syntaxes: Counter[str]
    charsets: Counter[str]


class Observer:
    """Hears of a scan's progress; this one does not listen."""

    def progress(self, summary: ScanSummary) -> None:
        """Called after each file."""

    def left_out(self, left_out: LeftOut) -> None:
        """A file is not counted as an instance."""


class ScanSummary:
    """What a scan has seen.

    Attributes:
        files: entries that were met.
        size: bytes of the instances.
        patients: by the hash of Patient ID and issuer.
        not_dicom: files that are not DICOM, by kind.
        unreadable: files that could not be read, by code.
        not_opened: links, pipes and the like, by code.
        directories: DICOMDIR files.
    """

    def __init__(self, *, values: bool = False) -> None:
        """`values`: keep names, IDs, dates and descriptions."""
        self.files = self.size = self.directories = 0
        self.patients: dict[bytes, PatientSummary] = {}
        self.not_dicom: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.not_opened: Counter[str] = Counter()
        self._values = values
        self._instances = _Seen()
        self._ids_of_person: dict[bytes, set[bytes]] = {}
        self._patients_of_study: dict[bytes, set[bytes]] = {}

    @property
    def instances(self) -> int:
        """Number of DICOM instances."""
        return sum(series.instances for series in self.all_series())

    def all_series(self) -> Iterator[SeriesSummary]:
        """Every series, in the order in which they were met, by patient and study."""
        for patient in self.patients.values():
            yield from patient.all_series()

    def add(self, facts: Facts) -> None:
        """Count an instance."""
        study_key = _key(facts.text(STUDY_UID))
        patient_key = _patient_key(facts)
        series_key = _key(facts.text(SERIES_UID))
        patient = self.patients.get(patient_key)
        if patient is None:
            patient = self.patients[patient_key] = PatientSummary(str(len(self.patients) + 1))
        study = patient.studies.get(study_key)
        if study is None:
            label = f"{patient.label}.{len(patient.studies) + 1}"
            study = patient.studies[study_key] = StudySummary(label)
        series = study.series.get(series_key)
        if series is None:
            label = f"{study.label}.{len(study.series) + 1}"
            series = study.series[series_key] = SeriesSummary(label)
        self._count(facts, series)
        self._relate(facts, patient_key, study_key)
        if self._values:
            _note_values(facts, patient, study, series)

    def _count(self, facts: Facts, series: SeriesSummary) -> None:
        self.size += facts.file.size
        series.instances += 1
        series.frames += facts.frames
        series.size += facts.file.size
        modality = facts.text(MODALITY)
        series.modalities[
            modality if modality in MODALITIES else _OTHER if modality else "none"
        ] += 1
        series.sop_classes[class_name(facts.sop_class) or "none"] += 1
        series.syntaxes[uid_name(facts.file.transfer_syntax) or "private transfer syntax"] += 1
        charset = facts.charset
        terms = "\\".join(charset.terms) if charset.known else _OTHER
        series.charsets[terms or "none"] += 1
        series.risks.update(risks_of(facts))

    def _relate(self, facts: Facts, patient: bytes, study: bytes) -> None:
        """Remember what tells patients that are mixed up, as hashes."""
        if facts.text(STUDY_UID):
            self._patients_of_study.setdefault(study, set()).add(patient)
        name, birth = facts.text(PATIENT_NAME), facts.text(BIRTH_DATE)
        if name and birth and facts.text(PATIENT_ID):
            self._ids_of_person.setdefault(_key(name.upper(), birth), set()).add(patient)
        uid = facts.text(SOP_INSTANCE_UID)
        if uid:
            self._instances.add(_key(uid))

    def risks(self) -> dict[str, RiskCount]:
        """Every risk that was met, in the order of `RISKS`."""
        counts: Counter[str] = Counter()
        places: dict[str, list[str]] = {}
        for series in self.all_series():
            for code, count in series.risks.items():
                counts[code] += count
                places.setdefault(code, []).append(series.label)
        for code, where in self._mix_ups().items():
            counts[code], places[code] = len(where), where
        counts["duplicate"] = self._instances.repeated()
        counts["dicomdir"] = self.directories
        return {
            code: RiskCount(counts[code], tuple(places.get(code, ())))
            for code in RISKS
            if counts[code]
        }

    def _mix_ups(self) -> dict[str, list[str]]:
        """Studies of several patients, and persons with several IDs: labels of the patients."""
        labels = {key: patient.label for key, patient in self.patients.items()}
        groups = {
            "mixed-patients": self._patients_of_study.values(),
            "several-ids": self._ids_of_person.values(),
        }
        found: dict[str, list[str]] = {}
        for code, sets in groups.items():
            for keys in sets:
                if len(keys) > 1:
                    together = sorted((labels[key] for key in keys), key=int)
                    found.setdefault(code, []).append(" and ".join(together))
        return found


class RiskCount(NamedTuple):
    """How often a risk was met, and where: labels of series; of mix-ups, labels of patients."""

    times: int
    where: tuple[str, ...]


def totals(series: Iterable[SeriesSummary]) -> Totals:
    """Add series up."""
    found = Totals(0, 0, 0, 0, Counter(), Counter(), Counter(), Counter())
    for one in series:
        for counter, more in zip(
            found[4:], (one.modalities, one.sop_classes, one.syntaxes, one.charsets), strict=True
        ):
            counter.update(more)
        found = found._replace(
            series=found.series + 1,
            instances=found.instances + one.instances,
            frames=found.frames + one.frames,
            size=found.size + one.size,
        )
    return found


def scan(
    found: Iterable[Found], *, values: bool = False, observer: Observer | None = None
) -> ScanSummary:
    """Read everything that was found (`endpoints.sources.scan`) and sum it up."""
    observer = observer or Observer()
    summary = ScanSummary(values=values)
    for one in found:
        summary.files += 1
        left_out = _not_opened(one, summary) if one.code else _read(one.path, summary)
        if left_out:
            observer.left_out(left_out)
        observer.progress(summary)
    return summary


def _not_opened(found: Found, summary: ScanSummary) -> LeftOut:
    counter = summary.unreadable if found.code in _REFUSED else summary.not_opened
    counter[found.code] += 1
    return LeftOut(found.path, found.code, "")


def _read(path: str, summary: ScanSummary) -> LeftOut | None:
    try:
        with open_instance(path) as file:
            facts = Facts(file)
            if DIRECTORY_RECORDS in facts.top:
                summary.directories += 1
                return LeftOut(path, "dicomdir", "DICOMDIR")
            summary.add(facts)
            return None
    except InstanceError as error:
        code = error.code
    if code in ("not-dicom", "empty-file"):
        kind = "empty" if code == "empty-file" else kind_of(path)
        summary.not_dicom[kind] += 1
        return LeftOut(path, code, kind)
    summary.unreadable[code] += 1
    return LeftOut(path, code, "")


def kind_of(path: str) -> str:
    """Return what a file that is not DICOM seems to be, from its first bytes."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the name may be no text
            head = file.read(1024)
    except OSError:
        return _OTHER
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind
    return _text_kind(head)


def _text_kind(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for opening, kind in ((b"<?xml", "XML"), (b"<!doctype html", "HTML"), (b"<html", "HTML")):
        if start.startswith(opening):
            return kind
    if b"\0" in head:
        return _OTHER
    return "JSON" if start[:1] in (b"{", b"[") else "text"


def _patient_key(facts: Facts) -> bytes:
    """Whose instance it is: without a Patient ID, its study stands for the patient, as in a run."""
    patient_id = facts.text(PATIENT_ID)
    if patient_id:
        return _key(patient_id, facts.text(ISSUER))
    return _key("", "", facts.text(STUDY_UID))


def _key(*parts: str) -> bytes:
    """A short hash, so that no identifier is held."""
    text = "\0".join(part.strip() for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=_SALT).digest()


_SALT = os.urandom(16)


def _note_values(
    facts: Facts, patient: PatientSummary, study: StudySummary, series: SeriesSummary
) -> None:
    """Keep the first values that are met."""
    noted: tuple[tuple[dict[str, str], str, int], ...] = (
        (patient.values, "PatientID", PATIENT_ID),
        (patient.values, "PatientName", PATIENT_NAME),
        (patient.values, "PatientBirthDate", BIRTH_DATE),
        (study.values, "StudyDate", STUDY_DATE),
        (study.values, "StudyDescription", STUDY_DESCRIPTION),
        (study.values, "StudyInstanceUID", STUDY_UID),
        (series.values, "SeriesDescription", SERIES_DESCRIPTION),
        (series.values, "SeriesInstanceUID", SERIES_UID),
    )
    for values, keyword, tag in noted:
        if not values.get(keyword):
            values[keyword] = facts.text(tag)


class _Seen:
    """Counts keys of eight bytes that come more than once; eight bytes of memory for each.

    Keys lie in 256 heaps by their first byte, so that only one heap is sorted at a time.
    """

    def __init__(self) -> None:
        self._heaps = [array("Q") for _ in range(256)]

    def add(self, key: bytes) -> None:
        """Note a key."""
        self._heaps[key[0]].append(int.from_bytes(key, "big"))

    def repeated(self) -> int:
        """How many keys came again."""
        return sum(len(heap) - len(set(heap)) for heap in self._heaps)
