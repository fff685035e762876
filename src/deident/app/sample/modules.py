"""The modules that invented objects share: patient, study, series, pixels, private blocks.

A module is a dictionary from keyword to value, as in PS3.3 annex C; `build` makes a data set of
several.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from deident.app.sample.people import Person

Values = Mapping[str, Any]

STUDY_DATE = "20240318"
_IMPLEMENTATION = UID("1.2.826.0.1.3680043.10.1337.0.1")


def dataset(*modules: Values) -> Dataset:
    """Make a data set; where modules name the same attribute the later one counts.

    A value that is a list of mappings becomes a sequence.
    """
    made = Dataset()
    for module in modules:
        for keyword, value in module.items():
            if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
                value = [dataset(item) for item in value]
            setattr(made, keyword, value)
    return made


def build(*modules: Values, transfer_syntax: UID = ExplicitVRLittleEndian) -> FileDataset:
    """Make a data set with file meta information, ready for `save_as`."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = _IMPLEMENTATION
    made = FileDataset("", dataset(*modules), file_meta=meta, preamble=bytes(128))
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def private(item: Dataset, group: int, creator: str, values: Mapping[int, tuple[str, Any]]) -> None:
    """Add a private block to `item`: for each low byte of the element number a VR and a value."""
    block = item.private_block(group, creator, create=True)
    for number, (vr, value) in values.items():
        block.add_new(number, vr, value)


def uid(person: Person, *parts: int) -> str:
    """UID of something that belongs to the person's studies."""
    return ".".join([person.uid_root, *map(str, parts)])


def code(value: str, scheme: str, meaning: str) -> dict[str, str]:
    """One item of a code sequence (PS3.3 8.8)."""
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def patient(person: Person) -> dict[str, Any]:
    """Patient and Patient Study modules, with every identifier that a careless site fills in."""
    charset = {"SpecificCharacterSet": person.charset.split("\\")} if person.charset else {}
    return {
        **charset,
        "PatientName": person.name,
        "PatientID": person.patient_id,
        "IssuerOfPatientID": f"HIS-{person.number}",
        "PatientBirthDate": person.birth_date,
        "PatientSex": person.sex,
        "OtherPatientIDsSequence": [
            {
                "PatientID": person.other_id,
                "IssuerOfPatientID": "INSURANCE",
                "TypeOfPatientID": "TEXT",
            }
        ],
        "PatientAddress": person.address,
        "PatientTelephoneNumbers": person.phone,
        "PatientAge": f"{2024 - int(person.birth_date[:4]):03d}Y",
        "PatientSize": "1.71",
        "PatientWeight": "68.5",
        "PatientComments": f"call {person.phone}",
    }


def study(person: Person, *, study_number: int = 1, description: str = "") -> dict[str, Any]:
    """General Study module."""
    return {
        "StudyInstanceUID": uid(person, study_number),
        "StudyDate": STUDY_DATE,
        "StudyTime": "091512",
        "AccessionNumber": person.accession,
        "StudyID": str(4200 + person.number),
        "ReferringPhysicianName": person.referring,
        "PhysiciansOfRecord": person.referring,
        "StudyDescription": description,
        "ProcedureCodeSequence": [code("241541005", "SCT", "CT of chest")],
    }


def series(
    person: Person, modality: str, *, study_number: int = 1, number: int = 1, description: str = ""
) -> dict[str, Any]:
    """General Series and General Equipment modules."""
    return {
        "Modality": modality,
        "SeriesInstanceUID": uid(person, study_number, number),
        "SeriesNumber": number,
        "SeriesDate": STUDY_DATE,
        "SeriesTime": f"09{20 + number % 30:02d}03.140000",
        "SeriesDescription": description,
        "PerformingPhysicianName": person.referring,
        "OperatorsName": person.referring,
        "Manufacturer": "Modelworks",
        "ManufacturerModelName": "Example 9000",
        "DeviceSerialNumber": f"SN-{person.number:05d}",
        "SoftwareVersions": "7.2.1",
        "InstitutionName": person.institution,
        "InstitutionAddress": person.address,
        "InstitutionalDepartmentName": "Radiology",
        "StationName": f"ROOM{person.number}",
    }


def instance(
    person: Person,
    sop_class: UID,
    *,
    study_number: int = 1,
    series_number: int = 1,
    number: int = 1,
) -> dict[str, Any]:
    """SOP Common module and Instance Number."""
    clock = f"10{number // 60 % 60:02d}{number % 60:02d}.{number % 1000:03d}000"
    return {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": uid(person, study_number, series_number, number),
        "InstanceNumber": number,
        "InstanceCreationDate": STUDY_DATE,
        "InstanceCreationTime": clock,
    }


def frame_of_reference(person: Person, *, study_number: int = 1) -> dict[str, Any]:
    """Frame of Reference module."""
    return {
        "FrameOfReferenceUID": uid(person, study_number, 0, 1),
        "PositionReferenceIndicator": None,
    }


def procedure_step(person: Person) -> dict[str, Any]:
    """What a worklist puts into images: nested items with names and descriptions."""
    physician = person.referring.partition("^")[0]
    return {
        "RequestAttributesSequence": [
            {
                "RequestedProcedureID": f"RP{person.number}",
                "RequestedProcedureDescription": f"control for {physician}",
                "ScheduledProcedureStepID": f"SPS{person.number}",
                "ScheduledProcedureStepDescription": "routine",
                "ScheduledProtocolCodeSequence": [code("P-CHEST", "99MODEL", "chest routine")],
            }
        ],
        "PerformedProcedureStepStartDate": STUDY_DATE,
        "PerformedProcedureStepStartTime": "091510",
        "PerformedProcedureStepID": f"PPS{person.number}",
        "PerformedProcedureStepDescription": "routine",
        "PerformedProtocolCodeSequence": [code("P-CHEST", "99MODEL", "chest routine")],
    }


@lru_cache(maxsize=8)
def _phantom(rows: int, columns: int) -> bytes:
    """Bright ellipse with a darker inside, 12 bits in 16."""
    values = array("H")
    for row in range(rows):
        y = (2 * row / rows - 1) ** 2
        for column in range(columns):
            distance = (2 * column / columns - 1) ** 2 + 1.4 * y
            values.append(40 if distance > 0.8 else 1900 if distance > 0.6 else 900 + row % 64)
    return values.tobytes()


def pixels(rows: int, columns: int, number: int = 0) -> dict[str, Any]:
    """Image Pixel module with one 16-bit frame; `number` makes images of a series differ."""
    turned = 2 * columns * (number % rows)
    data = _phantom(rows, columns)
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelData": data[turned:] + data[:turned],
    }


def csa_header(tags: Iterable[tuple[str, str, list[str]]]) -> bytes:
    """Encode (name, VR, values) in the layout of the large private blobs of Siemens MR images.

    It starts with `SV10`; a tag has a name of 64 bytes, five numbers, and items of four lengths and
    text padded to four bytes.
    """
    tags = list(tags)
    parts = [b"SV10\4\3\2\1", struct.pack("<II", len(tags), 77)]
    for name, vr, values in tags:
        head = name.encode().ljust(64, b"\0"), len(values), vr.encode(), 0, len(values), 77
        parts.append(struct.pack("<64si4siii", *head))
        for value in values:
            raw = value.encode() + b"\0"
            parts.append(struct.pack("<4i", len(raw), len(raw), 77, len(raw)))
            parts.append(raw + bytes(-len(raw) % 4))
    return b"".join(parts)
