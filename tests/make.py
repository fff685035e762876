"""Invented objects for tests and benchmarks: those of `deident.app.sample` and the rarer kinds.

`PEOPLE` are the invented patients; a builder takes one and returns a data set with file meta
information; `encoded` and `save` write it. Whatever identifies the person is in `person.needles()`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from pydicom import uid as uids
from pydicom.dataset import FileDataset

from deident.app.sample import modules
from deident.app.sample.modules import STUDY_DATE, build, code, uid
from deident.app.sample.objects import ct, document, jpeg_like, mr, report, ultrasound_cine
from deident.app.sample.people import PEOPLE, Person
from tests.make_multiframe import enhanced_mr, head, reference, segmentation

__all__ = [
    "BUILDERS",
    "PEOPLE",
    "Person",
    "ct",
    "document",
    "ecg",
    "encoded",
    "enhanced_mr",
    "jpeg_like",
    "mammography",
    "mr",
    "pet",
    "presentation_state",
    "report",
    "save",
    "segmentation",
    "structure_set",
    "ultrasound_cine",
]


def encoded(made: FileDataset, transfer_syntax: uids.UID | None = None) -> bytes:
    """Return the bytes of a Part 10 file, in another uncompressed transfer syntax if given."""
    if transfer_syntax is not None:
        made.file_meta.TransferSyntaxUID = transfer_syntax
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def save(made: FileDataset, path: Path, transfer_syntax: uids.UID | None = None) -> Path:
    """Write a Part 10 file, folders above it included, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(made, transfer_syntax))
    return path


def pet(person: Person) -> FileDataset:
    """PET image with the radiopharmaceutical times and doses that SUV depends on."""
    return build(
        *head(person, "PT", uids.PositronEmissionTomographyImageStorage, 7),
        modules.frame_of_reference(person),
        {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "AcquisitionDate": STUDY_DATE,
            "AcquisitionTime": "111500",
            "AcquisitionNumber": None,
            "SeriesType": ["STATIC", "IMAGE"],
            "Units": "BQML",
            "CountsSource": "EMISSION",
            "NumberOfSlices": 1,
            "CorrectedImage": ["DECY", "ATTN"],
            "DecayCorrection": "START",
            "CollimatorType": "NONE",
            "FrameReferenceTime": 0,
            "ActualFrameDuration": 120000,
            "ImageIndex": 1,
            "DecayFactor": 1.0,
            "DoseCalibrationFactor": 1.0,
            "PatientOrientationCodeSequence": [
                {
                    **code("102538003", "SCT", "recumbent"),
                    "PatientOrientationModifierCodeSequence": [code("40199007", "SCT", "supine")],
                }
            ],
            "PatientGantryRelationshipCodeSequence": [code("102540008", "SCT", "headfirst")],
            "RadiopharmaceuticalInformationSequence": [
                {
                    "Radiopharmaceutical": "FDG",
                    "RadiopharmaceuticalStartTime": "101500.00",
                    "RadiopharmaceuticalStartDateTime": f"{STUDY_DATE}101500.00",
                    "RadionuclideTotalDose": 3.1e8,
                    "RadionuclideHalfLife": 6586.2,
                    "RadionuclideCodeSequence": [code("77004003", "SCT", "^18^Fluorine")],
                }
            ],
            "ImagePositionPatient": [-100, -100, 0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [4, 4],
            "SliceThickness": 3,
            "BodyPartExamined": "CHEST",
            "RescaleIntercept": 0,
            "RescaleSlope": "1.25",
        },
        modules.pixels(16, 16),
        {"BitsStored": 16, "HighBit": 15},
    )


def mammography(person: Person) -> FileDataset:
    """Digital mammogram for presentation."""
    return build(
        *head(person, "MG", uids.DigitalMammographyXRayImageStorageForPresentation, 8),
        modules.pixels(32, 24),
        {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "AcquisitionDate": STUDY_DATE,
            "AcquisitionTime": "081500",
            "PresentationIntentType": "FOR PRESENTATION",
            "ReferencedPerformedProcedureStepSequence": [
                reference(person, uids.UID("1.2.840.10008.3.1.2.3.3"), 0, 8)
            ],
            "BodyPartExamined": "BREAST",
            "DetectorType": "DIRECT",
            "ImageLaterality": "L",
            "AnatomicRegionSequence": [code("76752008", "SCT", "Breast")],
            "ViewCodeSequence": [
                {**code("399162004", "SCT", "CC"), "ViewModifierCodeSequence": []}
            ],
            "PatientOrientation": ["A", "R"],
            "PositionerType": "MAMMOGRAPHIC",
            "OrganExposed": "BREAST",
            "PixelIntensityRelationship": "LOG",
            "PixelIntensityRelationshipSign": 1,
            "RescaleIntercept": 0,
            "RescaleSlope": 1,
            "RescaleType": "US",
            "PresentationLUTShape": "IDENTITY",
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
            "ImagerPixelSpacing": [0.1, 0.1],
            "WindowCenter": 2000,
            "WindowWidth": 4000,
            "AcquisitionContextSequence": [],
        },
    )


def structure_set(person: Person) -> FileDataset:
    """RT Structure Set that draws on slices of the CT series."""
    frame = modules.frame_of_reference(person)["FrameOfReferenceUID"]
    images = [reference(person, uids.CTImageStorage, 1, number) for number in (1, 2)]
    return build(
        *head(person, "RTSTRUCT", uids.RTStructureSetStorage, 9),
        modules.frame_of_reference(person),
        {
            "StructureSetLabel": "PLAN A",
            "StructureSetName": f"contours of {person.name.partition('^')[0]}",
            "StructureSetDate": STUDY_DATE,
            "StructureSetTime": "130000",
            "ReferencedFrameOfReferenceSequence": [
                {
                    "FrameOfReferenceUID": frame,
                    "RTReferencedStudySequence": [
                        {
                            "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
                            "ReferencedSOPInstanceUID": uid(person, 1),
                            "RTReferencedSeriesSequence": [
                                {
                                    "SeriesInstanceUID": uid(person, 1, 1),
                                    "ContourImageSequence": images,
                                }
                            ],
                        }
                    ],
                }
            ],
            "StructureSetROISequence": [
                {
                    "ROINumber": 1,
                    "ReferencedFrameOfReferenceUID": frame,
                    "ROIName": "Heart",
                    "ROIGenerationAlgorithm": "MANUAL",
                }
            ],
            "ROIContourSequence": [
                {
                    "ReferencedROINumber": 1,
                    "ROIDisplayColor": [255, 0, 0],
                    "ContourSequence": [
                        {
                            "ContourImageSequence": images[:1],
                            "ContourGeometricType": "CLOSED_PLANAR",
                            "NumberOfContourPoints": 3,
                            "ContourData": ["0", "0", "0", "10.5", "0", "0", "10.5", "7.25", "0"],
                        }
                    ],
                }
            ],
            "RTROIObservationsSequence": [
                {
                    "ObservationNumber": 1,
                    "ReferencedROINumber": 1,
                    "RTROIInterpretedType": "ORGAN",
                    "ROIInterpreter": person.referring,
                }
            ],
            "ApprovalStatus": "UNAPPROVED",
        },
    )


def presentation_state(person: Person) -> FileDataset:
    """Grayscale Softcopy Presentation State with a text annotation that names the patient."""
    image = reference(person, uids.CTImageStorage, 1, 1)
    return build(
        *head(person, "PR", uids.GrayscaleSoftcopyPresentationStateStorage, 11),
        {
            "BodyPartExamined": "CHEST",
            "ContentLabel": "ARROW",
            "ContentDescription": None,
            "ContentCreatorName": person.referring,
            "PresentationCreationDate": STUDY_DATE,
            "PresentationCreationTime": "140000",
            "ReferencedSeriesSequence": [
                {"SeriesInstanceUID": uid(person, 1, 1), "ReferencedImageSequence": [image]}
            ],
            "DisplayedAreaSelectionSequence": [
                {
                    "DisplayedAreaTopLeftHandCorner": [1, 1],
                    "DisplayedAreaBottomRightHandCorner": [64, 64],
                    "PresentationSizeMode": "SCALE TO FIT",
                    "PresentationPixelAspectRatio": [1, 1],
                }
            ],
            "GraphicLayerSequence": [{"GraphicLayer": "L1", "GraphicLayerOrder": 1}],
            "GraphicAnnotationSequence": [
                {
                    "GraphicLayer": "L1",
                    "TextObjectSequence": [
                        {
                            "BoundingBoxAnnotationUnits": "PIXEL",
                            "UnformattedTextValue": f"{person.patient_id} see here",
                            "BoundingBoxTopLeftHandCorner": [4.0, 4.0],
                            "BoundingBoxBottomRightHandCorner": [30.0, 12.0],
                            "BoundingBoxTextHorizontalJustification": "LEFT",
                        }
                    ],
                }
            ],
            "PresentationLUTShape": "IDENTITY",
        },
    )


def ecg(person: Person) -> FileDataset:
    """General ECG with one channel and an annotation."""
    samples = bytes(range(200)) * 2
    return build(
        *head(person, "ECG", uids.GeneralECGWaveformStorage, 12),
        {
            "AcquisitionDateTime": f"{STUDY_DATE}101500",
            "AcquisitionContextSequence": [],
            "WaveformSequence": [
                {
                    "WaveformOriginality": "ORIGINAL",
                    "NumberOfWaveformChannels": 1,
                    "NumberOfWaveformSamples": len(samples) // 2,
                    "SamplingFrequency": 500,
                    "ChannelDefinitionSequence": [
                        {
                            "ChannelSourceSequence": [code("2:1", "MDC", "Lead I")],
                            "ChannelSensitivity": 1,
                            "ChannelSensitivityUnitsSequence": [code("uV", "UCUM", "microvolt")],
                            "ChannelSensitivityCorrectionFactor": 1,
                            "ChannelBaseline": 0,
                            "ChannelSampleSkew": 0,
                            "WaveformBitsStored": 16,
                        }
                    ],
                    "WaveformBitsAllocated": 16,
                    "WaveformSampleInterpretation": "SS",
                    "WaveformData": samples,
                }
            ],
            "WaveformAnnotationSequence": [
                {
                    "UnformattedTextValue": f"{person.name.partition('^')[0]}: sinus rhythm",
                    "ReferencedWaveformChannels": [1, 0],
                    "AnnotationGroupNumber": 0,
                }
            ],
        },
    )


def _cine(person: Person) -> FileDataset:
    return ultrasound_cine(person, [jpeg_like(300 + n, n) for n in range(3)], rows=48, columns=64)


BUILDERS: dict[str, Callable[[Person], FileDataset]] = {
    "ct": ct,
    "mr": mr,
    "ultrasound": _cine,
    "report": report,
    "document": document,
    "enhanced": enhanced_mr,
    "pet": pet,
    "mammography": mammography,
    "structure-set": structure_set,
    "segmentation": segmentation,
    "presentation-state": presentation_state,
    "ecg": ecg,
}
