"""Leaks to plant into finished outputs: each a name, what it does, and what must be found where.

A leak changes a folder as a careless program, or a person, might do after the run.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from tests.make import PEOPLE

ONE = PEOPLE[0]  # Hartwhistle^Rosamund^June, Patient ID 00734109
VENDOR_UID = "1.2.840.113619.2.5.1762583153.215519.978957063.78"
CT = "ct.dcm"


class Leak(NamedTuple):
    """A planted leak.

    Attributes:
        name: for the test.
        plant: does it, in a folder with `ct.dcm`, `sr.dcm` and a `DICOMDIR`.
        code: the check that must see it.
        where: the beginning of the place that must be named.
    """

    name: str
    plant: Callable[[Path], None]
    code: str
    where: str


def changed(change: Callable[[Dataset], object], name: str = CT) -> Callable[[Path], None]:
    """Plant by pydicom: read, change, write."""

    def plant(folder: Path) -> None:
        data_set = dcmread(folder / name)
        change(data_set)
        data_set.save_as(folder / name)

    return plant


def attribute(keyword: str, value: Any) -> Callable[[Path], None]:
    return changed(lambda data_set: setattr(data_set, keyword, value))


def element(tag: int, vr: str, value: Any) -> Callable[[Path], None]:
    return changed(lambda data_set: data_set.add_new(tag, vr, value))


def text(value: str) -> Callable[[Path], None]:
    """A text in an attribute that a run keeps."""
    return attribute("ReceiveCoilName" if len(value) <= 16 else "DetectorDescription", value)


def items(keyword: str, **values: Any) -> Callable[[Path], None]:
    return attribute(keyword, Sequence([_item(**values)]))


def _item(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def private(value: Any, vr: str = "LO") -> Callable[[Path], None]:
    def change(data_set: Dataset) -> None:
        block = data_set.private_block(0x0029, "SOMEBODY 1.0", create=True)
        block.add_new(0x01, vr, value)

    return changed(change)


def beside_safe(data_set: Dataset) -> None:
    """An output that claims the safe private option: what is not safe is still a leak."""
    data_set.DeidentificationMethodCodeSequence.append(
        _item(CodeValue="113111", CodingSchemeDesignator="DCM", CodeMeaning="x")
    )
    data_set.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "0")
    data_set.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x55, "LO", "x")


def within_equipment(data_set: Dataset) -> None:
    data_set.ContributingEquipmentSequence[0].OperatorsName = "Grünwald^Jürgen"


def within_code(data_set: Dataset) -> None:
    purpose = data_set.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0]
    purpose.CodeMeaning = "Hartwhistle^Rosamund"


def within_content(data_set: Dataset) -> None:
    data_set.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data_set.ContributingEquipmentSequence[0].ContactDisplayName = "森重田^春瑚子"


def japanese(folder: Path, value: str) -> None:
    """Text in ISO 2022 IR 87, all of whose bytes are those of ASCII characters."""

    def change(data_set: Dataset) -> None:
        data_set.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        data_set.DetectorDescription = value

    changed(change)(folder)


def deep(data_set: Dataset) -> None:
    inner = _item(TextValue="she was seen by Dr. Hartwhistle", ValueType="TEXT")
    data_set.ContentSequence[0].ContentSequence = Sequence([inner])


def written(change: Callable[[bytes], bytes], name: str = CT) -> Callable[[Path], None]:
    """Plant into the bytes of a file."""

    def plant(folder: Path) -> None:
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return plant


def meta(number: int, vr: bytes, value: bytes) -> Callable[[Path], None]:
    """An element of file meta information, in front of the data set, group length corrected."""

    def change(data: bytes) -> bytes:
        head = b"\x02\0" + struct.pack("<H", number) + vr
        made = head + (b"\0\0" + struct.pack("<L", len(value)) if vr == b"OB" else b"")
        made += b"" if vr == b"OB" else struct.pack("<H", len(value))
        made += value
        (length,) = struct.unpack_from("<L", data, 140)
        end = 144 + length
        return (
            data[:140] + struct.pack("<L", length + len(made)) + data[144:end] + made + data[end:]
        )

    return written(change)


def preamble(data: bytes) -> bytes:
    return b"HARTWHISTLE^ROSAMUND".ljust(128, b"\0") + data[128:]


def other_instance(data_set: Dataset) -> None:
    data_set.file_meta.MediaStorageSOPInstanceUID = "2.25.1234567890123456789"


def deflated_tail(folder: Path) -> None:
    """Bytes behind the end of a deflated stream, which no program inflates."""
    data_set = dcmread(folder / CT)
    data_set.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data_set.save_as(folder / CT)
    data = (folder / CT).read_bytes()
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    start = 144 + struct.unpack_from("<L", data, 140)[0]
    inflater.decompress(data[start:])
    assert not inflater.unused_data.strip(b"\0")
    (folder / CT).write_bytes(data + b"Hartwhistle Rosamund")


def renamed(name: str) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / CT).rename(folder / name)

    return plant


def record(change: Callable[[Dataset], object]) -> Callable[[Path], None]:
    """Plant into the first record (of the patient) of the DICOMDIR."""
    return changed(lambda data_set: change(data_set.DirectoryRecordSequence[0]), "DICOMDIR")


def image_record(change: Callable[[Dataset], object]) -> Callable[[Path], None]:
    return changed(lambda data_set: change(data_set.DirectoryRecordSequence[-1]), "DICOMDIR")


def zipped(comment: bytes, member: str = "a.dcm") -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            archive.writestr(member, b"")
            archive.comment = comment

    return plant


def copied(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def make_directory(folder: Path) -> None:
    """Write a DICOMDIR for `ct.dcm`: four records (PS3.3 F.3), offsets left out."""
    image = dcmread(folder / CT)
    kept = {
        "PATIENT": ("PatientName", "PatientID"),
        "STUDY": ("StudyDate", "StudyTime", "StudyInstanceUID", "StudyID", "AccessionNumber"),
        "SERIES": ("Modality", "SeriesInstanceUID", "SeriesNumber"),
        "IMAGE": ("InstanceNumber",),
    }
    records = [
        _item(DirectoryRecordType=kind, **{one: image.get(one) for one in keywords})
        for kind, keywords in kept.items()
    ]
    records[-1].ReferencedFileID = ["CT"]
    records[-1].ReferencedSOPClassUIDInFile = image.SOPClassUID
    records[-1].ReferencedSOPInstanceUIDInFile = image.SOPInstanceUID
    made = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    made.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    made.file_meta.MediaStorageSOPInstanceUID = "2.25.99887766554433221100"
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.FileSetID = "CLEAN"
    made.DirectoryRecordSequence = Sequence(records)
    made.save_as(folder / "DICOMDIR", enforce_file_format=True)


_PN = "Hartwhistle^Rosamund"
HEADER = [
    Leak("patient's name", attribute("PatientName", _PN), "pseudonym", "PatientName"),
    Leak("patient ID", attribute("PatientID", "MRN00734109"), "pseudonym", "PatientID"),
    Leak("birth date", attribute("PatientBirthDate", "19571103"), "patient", "PatientBirthDate"),
    Leak("address", attribute("PatientAddress", "12 Ridgemoor"), "patient", "PatientAddress"),
    Leak("telephone", attribute("PatientTelephoneNumbers", "5557037"), "patient", "PatientTel"),
    Leak("other IDs", items("OtherPatientIDsSequence", PatientID="X1"), "patient", "OtherPatient"),
    Leak("institution", attribute("InstitutionName", "Ridgemoor"), "institution", "Institution"),
    Leak("physician", attribute("ReferringPhysicianName", _PN), "person", "ReferringPhysician"),
    Leak("operator", attribute("OperatorsName", "KL"), "person", "OperatorsName"),
    Leak("station", attribute("StationName", "CT01OC0"), "device", "StationName"),
    Leak("serial number", attribute("DeviceSerialNumber", "000987"), "device", "DeviceSerial"),
    Leak("accession number", attribute("AccessionNumber", "R4711"), "number", "AccessionNumber"),
    Leak("description", attribute("StudyDescription", "knee of Rosa"), "comment", "StudyDesc"),
    Leak("comment", attribute("ImageComments", "see 2nd floor"), "comment", "ImageComments"),
    Leak(
        "request",
        items("RequestAttributesSequence", RequestedProcedureID="RP1"),
        "number",
        "RequestAttributesSequence",
    ),
    Leak("study date", attribute("StudyDate", "20260131"), "date", "StudyDate"),
    Leak("study time", attribute("StudyTime", "101500"), "date", "StudyTime"),
    Leak("age", attribute("PatientAge", "068Y"), "characteristics", "PatientAge"),
    Leak("UID", attribute("StudyInstanceUID", VENDOR_UID), "uid", "StudyInstanceUID"),
    Leak("AE title", attribute("RetrieveAETitle", "PACS_RAD1"), "title", "RetrieveAETitle"),
    Leak("URL", attribute("RetrieveURL", "http://pacs/1"), "link", "RetrieveURL"),
    Leak(
        "old values",
        items("OriginalAttributesSequence", SourceOfPreviousValues="PACS"),
        "sealed",
        "OriginalAttributesSequence",
    ),
    Leak(
        "encrypted",
        items("EncryptedAttributesSequence", EncryptedContent=b"1234"),
        "sealed",
        "EncryptedAttributesSequence",
    ),
    Leak("overlay", element(0x60003000, "OW", bytes(64)), "graphics", "OverlayData"),
    Leak("curve", element(0x50003000, "OW", bytes(64)), "graphics", "CurveData"),
    Leak("unknown", element(0x00100FF0, "LO", "Rosamund"), "unknown", "(0010,0FF0)"),
    Leak("group", element(0x00041500, "CS", ["OLD", "NAME"]), "group", "ReferencedFileID"),
    Leak("not marked", attribute("PatientIdentityRemoved", "NO"), "not-marked", "PatientIdent"),
    Leak(
        "no method",
        changed(
            lambda d: (
                d.pop("DeidentificationMethod"), d.pop("DeidentificationMethodCodeSequence")
            )
        ),
        "no-method",
        "DeidentificationMethod",
    ),
    Leak(
        "dates said to be there",
        attribute("LongitudinalTemporalInformationModified", "UNMODIFIED"),
        "temporal",
        "LongitudinalTemporal",
    ),
]  # fmt: skip
TEXTS = [
    Leak("name in text", text("for Grünwald^Jürgen, urgent"), "text-name", "Detector"),
    Leak("titled name", text("discussed with Dr. Hartwhistle"), "text-person", "Detector"),
    Leak("e-mail", text("rosa.hart@example.org"), "text-email", "Detector"),
    Leak("telephone in text", text("call +49 555 703-7101 first"), "text-phone", "Detector"),
    Leak("share", text("\\\\srv-pacs1\\exports$\\0815"), "text-path", "Detector"),
    Leak("home", text("/home/hartwhistle/ct1"), "text-path", "Detector"),
    Leak("user", text("login=hartwhi"), "text-user", "ReceiveCoil"),
    Leak("number in text", text("MRN: 00734109 3rd scan"), "text-number", "Detector"),
    Leak("SSN", text("078-05-1120"), "text-number", "ReceiveCoil"),
    Leak("street", text("lives at 12 Ridgemoor Lane, alone"), "text-street", "Detector"),
    Leak("date in text", text("born 3.11.1957"), "text-date", "ReceiveCoil"),
    Leak("month in text", text("seen on 3 November 1957"), "text-date", "Detector"),
    Leak("address in the net", text("192.168.17.4"), "text-host", "ReceiveCoil"),
    Leak("UID in text", text(f"copy of {VENDOR_UID}"), "text-uid", "Detector"),
]
NESTED = [
    Leak("nested name", changed(within_equipment), "person", "ContributingEquipmentSequence[1]/"),
    Leak("nested code", changed(within_code), "text-name", "ContributingEquipmentSequence[1]/Pur"),
    Leak("Japanese", changed(within_content), "text-name", "ContributingEquipmentSequence[1]/"),
    Leak("deep text", changed(deep, "sr.dcm"), "comment", "ContentSequence[1]/ContentSequence[1]"),
    Leak("private", private("x"), "private", "(0029,1001)"),
    Leak(
        "private sequence",
        private(Sequence([_item(PatientName="Hartwhistle")]), "SQ"),
        "pseudonym",
        "(0029,1001)[1]/PatientName",
    ),
    Leak("beside safe private", changed(beside_safe), "private", "(0019,1055)"),
    Leak(
        "name in bytes",
        attribute("ICCProfile", bytes(50) + b"Hartwhistle^Rosamund" + bytes(50)),
        "text-name",
        "ICCProfile",
    ),
    Leak(
        "name in UTF-16",
        attribute("ICCProfile", bytes(50) + _PN.encode("utf-16-le") + bytes(50)),
        "text-name",
        "ICCProfile",
    ),
]
FILES = [
    Leak("source title", meta(0x0016, b"AE", b"PACS_RAD1 "), "meta", "SourceApplicationEntity"),
    Leak("private meta", meta(0x0102, b"OB", b"Rosamund"), "meta", "PrivateInformation"),
    Leak("other instance", changed(other_instance), "meta-differs", "MediaStorageSOPInstance"),
    Leak("preamble", written(preamble), "preamble", "preamble"),
    Leak("tail", written(lambda d: d + b"Hartwhistle^Rosamund"), "trailing", "trailing"),
    Leak("tail of deflated", deflated_tail, "trailing", "trailing"),
    Leak("second file", written(lambda d: d + d), "second", "file"),
    Leak("bare data set", written(lambda d: d + d[d.index(b"\x08\0\x16\0UI") :]), "second", "file"),
    Leak("padding", element(0xFFFCFFFC, "OB", b"Rosamund"), "trailing", "DataSetTrailingPadding"),
    Leak("file name", renamed("Hartwhistle^Rosamund.dcm"), "file-name", "file name"),
    Leak("folder name", renamed("2026-01-31 knee/1.dcm"), "file-name", "file name"),
    Leak("name in words", renamed("HARTWHISTLE_ROSAMUND.dcm"), "file-name", "file name"),
    Leak("UID as name", renamed(f"{VENDOR_UID}.dcm"), "file-name", "file name"),
    Leak(
        "DICOMDIR, name",
        record(lambda r: setattr(r, "PatientName", _PN)),
        "pseudonym",
        "DirectoryRecordSequence[1]/PatientName",
    ),
    Leak(
        "DICOMDIR, birth date",
        record(lambda r: setattr(r, "PatientBirthDate", "19571103")),
        "patient",
        "DirectoryRecordSequence[1]/PatientBirthDate",
    ),
    Leak(
        "DICOMDIR, file",
        image_record(lambda r: setattr(r, "ReferencedFileID", ["20260131", "CT1"])),
        "file-name",
        "DirectoryRecordSequence",
    ),
    Leak(
        "DICOMDIR, UID",
        image_record(lambda r: setattr(r, "ReferencedSOPInstanceUIDInFile", VENDOR_UID)),
        "uid",
        "DirectoryRecordSequence",
    ),
    Leak("ZIP comment", zipped(b"for Dr. Hartwhistle"), "archive", "comment in ZIP"),
    Leak("ZIP name", zipped(b"", "Hartwhistle^Rosamund.dcm"), "file-name", "name in ZIP"),
]  # fmt: skip
LEAKS = [*HEADER, *TEXTS, *NESTED, *FILES]

# What only a comparison with the originals can tell.
_ID = ONE.patient_id
AGAINST = [
    Leak(
        "Japanese in seven bits",
        lambda folder: japanese(folder, PEOPLE[9].name.split("=")[1]),
        "original-name",
        "DetectorDescription",
    ),
    Leak("surname", text("HARTWHISTLE"), "original-name", "ReceiveCoil"),
    Leak("physician", text(ONE.referring.partition("^")[0]), "original-person", "ReceiveCoil"),
    Leak("number", text(f"x{_ID}x"[:16]), "original-patient-id", "ReceiveCoil"),
    Leak("number, parted", text("-".join((_ID[:3], _ID[3:]))), "original-patient-id", "Receive"),
    Leak(
        "Latin-1 in bytes",
        attribute("ICCProfile", bytes(9) + PEOPLE[1].name.encode("latin-1") + bytes(9)),
        "original-name",
        "ICCProfile",
    ),
    Leak(
        "UTF-8 in bytes",
        attribute("ICCProfile", bytes(9) + PEOPLE[1].name.upper().encode() + bytes(9)),
        "original-name",
        "ICCProfile",
    ),
    Leak(
        "UTF-16 in bytes",
        attribute("ICCProfile", bytes(9) + PEOPLE[1].name.encode("utf-16-be") + bytes(9)),
        "original-name",
        "ICCProfile",
    ),
    Leak("private", private(ONE.name), "original-name", "(0029"),
    Leak("birth date", text(f"b. {ONE.birth_date[6:]}/{ONE.birth_date[4:6]}/{ONE.birth_date[:4]}"),
         "original-birth-date", "ReceiveCoil"),
    Leak("preamble", written(preamble), "original-name", "preamble"),
    Leak("tail", written(lambda d: d + b"rosamund hartwhistle"), "original-name", "trailing"),
    Leak("name", renamed("hartwhistle.dcm"), "original-name", "file name"),
    Leak("table", copied("map.csv", f"DEID-1;{_ID}\n".encode()), "original-patient-id", "file"),
]  # fmt: skip
