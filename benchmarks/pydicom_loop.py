"""What people write themselves: read with pydicom, edit, save. `pydicom_loop.py IN OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

_EMPTY = {
    "AccessionNumber",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyID",
}
_REMOVE = {
    "DeviceSerialNumber",
    "ImageComments",
    "InstitutionAddress",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "IssuerOfPatientID",
    "OperatorsName",
    "OtherPatientIDsSequence",
    "PatientAddress",
    "PatientAge",
    "PatientComments",
    "PatientSize",
    "PatientTelephoneNumbers",
    "PatientWeight",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "RequestAttributesSequence",
    "SeriesDescription",
    "StationName",
    "StudyDescription",
}
_NEW_UID = {
    "FrameOfReferenceUID",
    "ReferencedSOPInstanceUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
}


def _edit(item: Dataset, element: DataElement) -> None:
    if element.keyword in _EMPTY:
        element.value = None
    elif element.keyword in _REMOVE:
        del item[element.tag]
    elif element.keyword in _NEW_UID:
        element.value = generate_uid(entropy_srcs=[element.value])


def main(source: Path, out: Path) -> None:
    """De-identify every file of `source` into `out`."""
    for path in source.iterdir():
        read = dcmread(path)
        read.remove_private_tags()
        read.walk(_edit)
        read.file_meta.MediaStorageSOPInstanceUID = read.SOPInstanceUID
        read.save_as(out / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
