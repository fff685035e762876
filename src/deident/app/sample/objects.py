"""Builders of invented objects, one for each kind: CT, MR, ultrasound, report, document.

Each returns a data set with file meta information that `save_as(path, enforce_file_format=True)`
writes, and plants the person's identifiers where real devices leave them: in plain attributes, in
nested items, in free text, in private blocks and inside binary private values.
"""

from __future__ import annotations

import random
from typing import Any

from pydicom import uid as uids
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate

from deident.app.sample import modules
from deident.app.sample.modules import STUDY_DATE, build, code, dataset, private, uid
from deident.app.sample.people import Person

_AXIAL = [1, 0, 0, 0, 1, 0]


def ct(
    person: Person, number: int = 1, *, study: int = 1, series: int = 1, size: int = 64
) -> FileDataset:
    """Slice `number` of a helical CT series: some 120 elements, nested and private ones too."""
    position = round(-612.5 + 1.25 * number, 3)
    made = build(
        modules.patient(person),
        modules.study(person, study_number=study, description="CT THORAX"),
        modules.series(person, "CT", study_number=study, number=series, description="THORAX 1.25"),
        modules.frame_of_reference(person, study_number=study),
        modules.procedure_step(person),
        modules.instance(
            person, uids.CTImageStorage, study_number=study, series_number=series, number=number
        ),
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"],
            "AcquisitionDate": STUDY_DATE,
            "ContentDate": STUDY_DATE,
            "AcquisitionTime": f"0921{number // 10 % 60:02d}.{number % 10}00000",
            "ContentTime": f"0924{number // 10 % 60:02d}.{number % 10}50000",
            "AcquisitionNumber": 1,
            "ReferencedImageSequence": [
                {
                    "ReferencedSOPClassUID": uids.CTImageStorage,
                    "ReferencedSOPInstanceUID": uid(person, study, 99, localizer),
                }
                for localizer in (1, 2)
            ],
            "AnatomicRegionSequence": [code("51185008", "SCT", "Chest")],
            "BodyPartExamined": "CHEST",
            "PatientPosition": "FFS",
            "ProtocolName": "6.1 Thorax routine",
            "ContrastBolusAgent": "IODINE 300",
            "ScanOptions": "HELICAL MODE",
            "SliceThickness": "1.25",
            "KVP": "120",
            "DataCollectionDiameter": "500",
            "ReconstructionDiameter": "360",
            "DistanceSourceToDetector": "949.075",
            "DistanceSourceToPatient": "541",
            "GantryDetectorTilt": "0",
            "TableHeight": "164.5",
            "RotationDirection": "CW",
            "ExposureTime": 500,
            "XRayTubeCurrent": 210 + number % 90,
            "Exposure": 105 + number % 45,
            "FilterType": "BODY FILTER",
            "GeneratorPower": 34800,
            "FocalSpots": ["1.2"],
            "DateOfLastCalibration": "20240311",
            "TimeOfLastCalibration": "064500",
            "ConvolutionKernel": "STANDARD",
            "RevolutionTime": 0.5,
            "SingleCollimationWidth": 0.625,
            "TotalCollimationWidth": 40.0,
            "TableSpeed": 110.0,
            "TableFeedPerRotation": 55.0,
            "SpiralPitchFactor": 1.375,
            "CTDIvol": 7.42,
            "CTDIPhantomTypeCodeSequence": [code("113691", "DCM", "IEC Body Dosimetry Phantom")],
            "IrradiationEventUID": uid(person, study, series, 0, 1),
            "ImagePositionPatient": [-180, -180, position],
            "ImageOrientationPatient": _AXIAL,
            "SliceLocation": position,
            "PixelSpacing": ["0.703125", "0.703125"],
            "ImageComments": f"pat. {person.name.partition('^')[0]}",
            "RescaleIntercept": "-1024",
            "RescaleSlope": "1",
            "RescaleType": "HU",
            "WindowCenter": str(40 + number % 7),
            "WindowWidth": "400",
        },
        modules.pixels(size, size, number),
    )
    _add_ct_private(made, person, number, position)
    return made


def _add_ct_private(made: Dataset, person: Person, number: int, position: float) -> None:
    private(
        made,
        0x0009,
        "GEMS_IDEN_01",
        {
            0x01: ("LO", "CT_LIGHTSPEED"),
            0x02: ("SH", "CT01"),
            0x04: ("SH", "LightSpeed VCT"),
            0x27: ("SL", 1710753312 + number),
            0xE3: ("UI", uid(person, 1, 77)),
        },
    )
    private(
        made,
        0x0019,
        "GEMS_ACQU_01",
        {
            0x02: ("SL", 912),
            0x03: ("DS", "373.750000"),
            0x0F: ("DS", "1147.399902"),
            0x18: ("LO", "S"),
            0x1A: ("LO", "I"),
            0x23: ("DS", "55.000000"),
            0x24: ("DS", f"{position:.6f}"),
            0x27: ("DS", "0.500000"),
            0x39: ("SS", 16),
            0x70: ("SS", 2),
        },
    )
    private(made, 0x0027, "GEMS_IMAG_01", {0x1C: ("SL", 400), 0x50: ("FL", position)})
    private(
        made,
        0x0043,
        "GEMS_PARM_01",
        {0x10: ("US", 400), 0x26: ("US", [0, 1, 1, 0, 0, 0]), 0x31: ("DS", ["-1.5", "2.5"])},
    )
    note = dataset({"PatientName": person.name, "ContentDate": STUDY_DATE})
    private(note, 0x0029, "MODELWORKS NOTES", {0x05: ("LT", f"seen by {person.referring}")})
    private(
        made,
        0x0029,
        "MODELWORKS NOTES",
        {0x01: ("LO", person.name.partition("=")[0]), 0x02: ("SQ", [note])},
    )


def mr(
    person: Person,
    number: int = 1,
    *,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
    blob: int = 2000,
) -> FileDataset:
    """Slice `number` of an MR series, with two private headers of together some `blob` bytes."""
    made = build(
        modules.patient(person),
        modules.study(person, study_number=study, description="MR HEAD"),
        modules.series(person, "MR", study_number=study, number=series, description="t2_tse_tra"),
        modules.frame_of_reference(person, study_number=study),
        modules.procedure_step(person),
        modules.instance(
            person, uids.MRImageStorage, study_number=study, series_number=series, number=number
        ),
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"],
            "AcquisitionDate": STUDY_DATE,
            "ContentDate": STUDY_DATE,
            "AcquisitionTime": f"1002{number // 10 % 60:02d}.{number % 10}25000",
            "ContentTime": f"1004{number // 10 % 60:02d}.{number % 10}75000",
            "AcquisitionNumber": 1,
            "BodyPartExamined": "HEAD",
            "ScanningSequence": "SE",
            "SequenceVariant": ["SK", "SP", "OSP"],
            "ScanOptions": "SAT1",
            "MRAcquisitionType": "2D",
            "SequenceName": "*tse2d1_17",
            "SliceThickness": "3",
            "RepetitionTime": "5200",
            "EchoTime": "93",
            "NumberOfAverages": "1",
            "ImagingFrequency": "123.249421",
            "ImagedNucleus": "1H",
            "EchoNumbers": 1,
            "MagneticFieldStrength": "3",
            "SpacingBetweenSlices": "3.6",
            "NumberOfPhaseEncodingSteps": 320,
            "EchoTrainLength": 17,
            "PixelBandwidth": "223",
            "ProtocolName": "t2_tse_tra",
            "FlipAngle": "150",
            "SAR": f"{0.91 + number % 9 / 1000:.5f}",
            "PatientPosition": "HFS",
            "ImagePositionPatient": ["-110.5", "-128.25", f"{-60 + 3.6 * number:.4f}"],
            "ImageOrientationPatient": _AXIAL,
            "SliceLocation": f"{-60 + 3.6 * number:.4f}",
            "PixelSpacing": ["0.6875", "0.6875"],
            "WindowCenter": str(420 + number % 40),
            "WindowWidth": str(900 + number % 80),
        },
        modules.pixels(rows, columns, number),
    )
    image, protocol = csa_blobs(person, number, blob)
    private(
        made,
        0x0029,
        "SIEMENS CSA HEADER",
        {
            0x08: ("CS", "IMAGE NUM 4"),
            0x09: ("LO", STUDY_DATE),
            0x10: ("OB", image),
            0x18: ("CS", "MR"),
            0x19: ("LO", STUDY_DATE),
            0x20: ("OB", protocol),
        },
    )
    private(
        made,
        0x0051,
        "SIEMENS MR HEADER",
        {
            0x08: ("CS", "IMAGE NUM 4"),
            0x09: ("LO", "1.0"),
            0x0C: ("LO", "FoV 220*256"),
            0x0D: ("SH", f"SP H{3.6 * number:.1f}"),
            0x13: ("SH", "+LPH"),
        },
    )
    return made


def csa_blobs(person: Person, number: int, size: int) -> tuple[bytes, bytes]:
    """Image and series header of one slice; a sixth of `size` bytes and the rest."""
    numbers = random.Random(f"{person.number} {number}")  # noqa: S311 - filler, not secrets
    image = modules.csa_header(
        [
            ("SliceLocation", "FD", [f"{3.6 * number:.8f}"]),
            ("TimeAfterStart", "DS", [f"{0.0175 * number:.8f}"]),
            ("B_value", "IS", ["0"]),
            ("MosaicRefAcqTimes", "FD", _numbers(numbers, size // 6)),
        ]
    )
    protocol = modules.csa_header(
        [
            ("PatientName", "PN", [person.name]),
            ("UsedPatientWeight", "IS", ["68"]),
            ("MrPhoenixProtocol", "UN", [f"### ASCCONV BEGIN ###\nuid {uid(person, 1)}\n"]),
            ("CoilData", "FD", _numbers(numbers, size - size // 6)),
        ]
    )
    return image, protocol


def _numbers(source: random.Random, size: int) -> list[str]:
    """Texts of numbers that take about `size` bytes in a header of `csa_header`."""
    return [f"{source.random():.17f}" for _ in range(max(1, size // 36))]


def ultrasound_cine(
    person: Person, frames: list[bytes], *, rows: int = 480, columns: int = 640, number: int = 1
) -> FileDataset:
    """Ultrasound cine loop in JPEG Baseline; `frames` are the compressed frames."""
    return build(
        modules.patient(person),
        modules.study(person, description="US ABDOMEN"),
        modules.series(person, "US", number=3),
        modules.instance(
            person, uids.UltrasoundMultiFrameImageStorage, series_number=3, number=number
        ),
        {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "ContentDate": STUDY_DATE,
            "ContentTime": "111512",
            "AcquisitionDateTime": f"{STUDY_DATE}111510.500000+0100",
            "BodyPartExamined": "ABDOMEN",
            "PatientOrientation": None,
            "FrameTime": "33.3",
            "FrameIncrementPointer": 0x00181063,
            "NumberOfFrames": len(frames),
            "SequenceOfUltrasoundRegions": [
                {
                    "RegionSpatialFormat": 1,
                    "RegionDataType": 1,
                    "RegionFlags": 3,
                    "RegionLocationMinX0": 40,
                    "RegionLocationMinY0": 60,
                    "RegionLocationMaxX1": columns - 40,
                    "RegionLocationMaxY1": rows - 20,
                    "PhysicalUnitsXDirection": 3,
                    "PhysicalUnitsYDirection": 3,
                    "PhysicalDeltaX": 0.031,
                    "PhysicalDeltaY": 0.031,
                }
            ],
            "TransducerData": "C5-1",
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": "YBR_FULL_422",
            "PlanarConfiguration": 0,
            "Rows": rows,
            "Columns": columns,
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": "12",
            "LossyImageCompressionMethod": "ISO_10918_1",
            "PixelData": encapsulate(frames),
        },
        transfer_syntax=uids.JPEGBaseline8Bit,
    )


def jpeg_like(size: int, seed: int) -> bytes:
    """Bytes framed like a JPEG image, for tests in which nothing decodes them. Even length."""
    noise = random.Random(seed).randbytes(size - 4).replace(b"\xff", b"\xfe")  # noqa: S311
    return b"\xff\xd8" + noise + bytes(size % 2) + b"\xff\xd9"


def report(person: Person, number: int = 1, *, series: int = 4, sections: int = 1) -> FileDataset:
    """Basic Text SR: `sections` findings, of which each names somebody."""
    content: list[dict[str, Any]] = [
        _content("HAS OBS CONTEXT", "PNAME", ("121008", "Person Observer Name"), person.referring)
    ]
    for section in range(sections):
        text = (
            f"{person.name.partition('=')[0]}: nodule no. {section}, {3 + number % 9} mm, stable."
        )
        content.append(
            {
                **_content("CONTAINS", "CONTAINER", ("121070", "Findings")),
                "ContinuityOfContent": "SEPARATE",
                "ContentSequence": [
                    _content("CONTAINS", "TEXT", ("121071", "Finding"), text),
                    _content("CONTAINS", "DATE", ("111060", "Study Date"), STUDY_DATE),
                ],
            }
        )
    return build(
        modules.patient(person),
        modules.study(person, description="CT THORAX"),
        modules.series(person, "SR", number=series, description="Report"),
        modules.instance(person, uids.BasicTextSRStorage, series_number=series, number=number),
        {
            "ReferencedPerformedProcedureStepSequence": [],
            "PerformedProcedureCodeSequence": [],
            "ContentDate": STUDY_DATE,
            "ContentTime": f"1130{number % 60:02d}",
            "ValueType": "CONTAINER",
            "ConceptNameCodeSequence": [code("18748-4", "LN", "Diagnostic imaging report")],
            "ContinuityOfContent": "SEPARATE",
            "CompletionFlag": "COMPLETE",
            "VerificationFlag": "VERIFIED",
            "VerifyingObserverSequence": [
                {
                    "VerifyingObserverName": person.referring,
                    "VerifyingObserverIdentificationCodeSequence": [],
                    "VerifyingOrganization": person.institution,
                    "VerificationDateTime": f"{STUDY_DATE}113500",
                }
            ],
            "ContentSequence": content,
        },
    )


_VALUE_KEYWORD = {"PNAME": "PersonName", "TEXT": "TextValue", "DATE": "Date"}


def _content(relation: str, kind: str, concept: tuple[str, str], value: str = "") -> dict[str, Any]:
    item: dict[str, Any] = {
        "RelationshipType": relation,
        "ValueType": kind,
        "ConceptNameCodeSequence": [code(concept[0], "DCM", concept[1])],
    }
    if kind in _VALUE_KEYWORD:
        item[_VALUE_KEYWORD[kind]] = value
    return item


def document(person: Person) -> FileDataset:
    """Encapsulated PDF: a letter that names the patient."""
    letter = f"BT /F1 12 Tf 72 720 Td (Letter about {person.patient_id}) Tj ET".encode()
    pdf = b"%PDF-1.4\n" + (
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
    ) % (len(letter), letter)
    pdf += b"%%EOF\n"
    return build(
        modules.patient(person),
        modules.study(person, description="LETTER"),
        modules.series(person, "DOC", number=5),
        modules.instance(person, uids.EncapsulatedPDFStorage, series_number=5),
        {
            "ConversionType": "WSD",
            "ContentDate": STUDY_DATE,
            "ContentTime": "120000",
            "AcquisitionDateTime": f"{STUDY_DATE}120000",
            "BurnedInAnnotation": "YES",
            "DocumentTitle": "Letter",
            "ConceptNameCodeSequence": [],
            "MIMETypeOfEncapsulatedDocument": "application/pdf",
            "EncapsulatedDocument": pdf + bytes(len(pdf) % 2),
            "EncapsulatedDocumentLength": len(pdf),
        },
    )
