"""Invented multi-frame objects with functional groups; see `make`."""

from __future__ import annotations

from typing import Any

from pydicom import uid as uids
from pydicom.dataset import FileDataset

from deident.app.sample import modules
from deident.app.sample.modules import STUDY_DATE, build, code, uid
from deident.app.sample.people import Person


def head(person: Person, modality: str, sop_class: uids.UID, series: int) -> list[dict[str, Any]]:
    """Return the modules that every object here has."""
    return [
        modules.patient(person),
        modules.study(person, description=f"{modality} study"),
        modules.series(person, modality, number=series),
        modules.instance(person, sop_class, series_number=series),
        {"ContentDate": STUDY_DATE, "ContentTime": "101500"},
    ]


def reference(person: Person, sop_class: uids.UID, series: int, number: int) -> dict[str, Any]:
    return {
        "ReferencedSOPClassUID": sop_class,
        "ReferencedSOPInstanceUID": uid(person, 1, series, number),
    }


def enhanced_mr(person: Person, *, frames: int = 3, size: int = 16, number: int = 1) -> FileDataset:
    """Enhanced MR Image with complete per-frame functional groups (PS3.3 C.7.6.16, C.8.13)."""
    frame = modules.pixels(size, size)
    shared = {
        "MRImageFrameTypeSequence": [_frame_type()],
        "PixelMeasuresSequence": [{"PixelSpacing": [0.7, 0.7], "SliceThickness": 3}],
        "PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}],
        "FrameAnatomySequence": [
            {
                "FrameLaterality": "U",
                "AnatomicRegionSequence": [code("12738006", "SCT", "Brain")],
            }
        ],
        "PixelValueTransformationSequence": [
            {"RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "US"}
        ],
        "MRTimingAndRelatedParametersSequence": [
            {
                "RepetitionTime": 5200.0,
                "FlipAngle": 150.0,
                "EchoTrainLength": 17,
                "RFEchoTrainLength": 17,
                "GradientEchoTrainLength": 0,
                "GradientOutputType": "DB_DT",
                "GradientOutput": 0.0,
                "SpecificAbsorptionRateSequence": [
                    {
                        "SpecificAbsorptionRateDefinition": "IEC_HEAD",
                        "SpecificAbsorptionRateValue": 0.91,
                    }
                ],
                "OperatingModeSequence": [
                    {"OperatingModeType": "STATIC FIELD", "OperatingMode": "IEC_NORMAL"}
                ],
            }
        ],
        "MRModifierSequence": [
            {
                "InversionRecovery": "NO",
                "FlowCompensation": "NONE",
                "Spoiling": "NONE",
                "T2Preparation": "NO",
                "SpectrallySelectedExcitation": "NONE",
                "SpatialPresaturation": "NONE",
                "PartialFourier": "NO",
                "ParallelAcquisition": "NO",
            }
        ],
        "MRFOVGeometrySequence": [
            {
                "InPlanePhaseEncodingDirection": "ROW",
                "MRAcquisitionFrequencyEncodingSteps": 320,
                "MRAcquisitionPhaseEncodingStepsInPlane": 320,
                "PercentSampling": 100.0,
                "PercentPhaseFieldOfView": 100.0,
            }
        ],
        "MRReceiveCoilSequence": [
            {
                "ReceiveCoilName": "HEAD 32",
                "ReceiveCoilManufacturerName": None,
                "ReceiveCoilType": "VOLUME",
                "QuadratureReceiveCoil": "NO",
            }
        ],
        "MRTransmitCoilSequence": [
            {
                "TransmitCoilName": "BODY",
                "TransmitCoilManufacturerName": None,
                "TransmitCoilType": "BODY",
            }
        ],
    }
    return build(
        *head(person, "MR", uids.EnhancedMRImageStorage, 6),
        modules.frame_of_reference(person),
        modules.instance(person, uids.EnhancedMRImageStorage, series_number=6, number=number),
        _frame_type("ImageType"),
        {
            "AcquisitionDateTime": f"{STUDY_DATE}100000",
            "AcquisitionDuration": 61.5,
            "AcquisitionNumber": 1,
            "PatientPosition": "HFS",
            "ReferencedImageEvidenceSequence": [
                {
                    "StudyInstanceUID": uid(person, 1),
                    "ReferencedSeriesSequence": [
                        {
                            "SeriesInstanceUID": uid(person, 1, 98),
                            "ReferencedSOPSequence": [
                                reference(person, uids.MRImageStorage, 98, n) for n in (1, 2, 3)
                            ],
                        }
                    ],
                }
            ],
            "PulseSequenceName": "tse",
            "MRAcquisitionType": "2D",
            "EchoPulseSequence": "SPIN",
            "MultipleSpinEcho": "NO",
            "MultiPlanarExcitation": "NO",
            "PhaseContrast": "NO",
            "TimeOfFlightContrast": "NO",
            "SteadyStatePulseSequence": "NONE",
            "EchoPlanarPulseSequence": "NO",
            "SaturationRecovery": "NO",
            "SpectrallySelectedSuppression": "NONE",
            "OversamplingPhase": "NONE",
            "GeometryOfKSpaceTraversal": "RECTILINEAR",
            "SegmentedKSpaceTraversal": "PARTIAL",
            "RectilinearPhaseEncodeReordering": "LINEAR",
            "NumberOfKSpaceTrajectories": 1,
            "ResonantNucleus": "1H",
            "MagneticFieldStrength": 3.0,
            "KSpaceFiltering": "NONE",
            "ContentQualification": "PRODUCT",
            "ApplicableSafetyStandardAgency": "IEC",
            "AcquisitionContextSequence": [],
            "PresentationLUTShape": "IDENTITY",
            "BurnedInAnnotation": "NO",
            "LossyImageCompression": "00",
            "ImageComments": f"frames of {person.name.partition('^')[0]}",
            "DimensionOrganizationSequence": [
                {"DimensionOrganizationUID": uid(person, 1, 6, 0, 9)}
            ],
            "DimensionIndexSequence": [
                {
                    "DimensionIndexPointer": 0x00209057,
                    "FunctionalGroupPointer": 0x00209111,
                    "DimensionOrganizationUID": uid(person, 1, 6, 0, 9),
                }
            ],
            "SharedFunctionalGroupsSequence": [shared],
            "PerFrameFunctionalGroupsSequence": [_per_frame(person, n) for n in range(frames)],
            "NumberOfFrames": frames,
        },
        frame,
        {"PixelData": frame["PixelData"] * frames},
    )


def _frame_type(keyword: str = "FrameType") -> dict[str, Any]:
    return {
        keyword: ["ORIGINAL", "PRIMARY", "T2", "NONE"],
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ComplexImageComponent": "MAGNITUDE",
        "AcquisitionContrast": "T2",
    }


def _per_frame(person: Person, number: int) -> dict[str, Any]:
    time = f"{STUDY_DATE}1000{number // 10 % 60:02d}.{number % 10}00000"
    return {
        "FrameContentSequence": [
            {
                "FrameAcquisitionNumber": 1,
                "FrameReferenceDateTime": time,
                "FrameAcquisitionDateTime": time,
                "FrameAcquisitionDuration": 0.2,
                "StackID": "1",
                "InStackPositionNumber": number + 1,
                "DimensionIndexValues": [number + 1],
                "FrameComments": f"slice {number} for {person.referring.partition('^')[0]}",
            }
        ],
        "PlanePositionSequence": [
            {"ImagePositionPatient": [-110.5, -128.25, round(3.6 * number, 1)]}
        ],
        "ReferencedImageSequence": [
            {
                **reference(person, uids.MRImageStorage, 98, number % 3 + 1),
                "PurposeOfReferenceCodeSequence": [code("121311", "DCM", "Localizer")],
            }
        ],
        "FrameVOILUTSequence": [{"WindowCenter": 400 + number % 9, "WindowWidth": 900}],
        "MREchoSequence": [{"EffectiveEchoTime": 93.0}],
        "MRAveragesSequence": [{"NumberOfAverages": 1.0}],
        "MRImagingModifierSequence": [
            {
                "MagnetizationTransfer": "NONE",
                "BloodSignalNulling": "NO",
                "Tagging": "NONE",
                "TransmitterFrequency": 123.249421,
                "PixelBandwidth": 223.0,
            }
        ],
    }


def segmentation(person: Person) -> FileDataset:
    """Segmentation of one segment on one frame, bits packed."""
    image = reference(person, uids.CTImageStorage, 1, 1)
    source = {
        **image,
        "PurposeOfReferenceCodeSequence": [code("121322", "DCM", "Source of image")],
    }
    derivation = {
        "DerivationCodeSequence": [code("113076", "DCM", "Segmentation")],
        "SourceImageSequence": [source],
    }
    return build(
        *head(person, "SEG", uids.SegmentationStorage, 10),
        modules.frame_of_reference(person),
        {
            "ImageType": ["DERIVED", "PRIMARY"],
            "ContentLabel": "HEART",
            "ContentDescription": None,
            "ContentCreatorName": person.referring,
            "SegmentationType": "BINARY",
            "LossyImageCompression": "00",
            "SegmentSequence": [
                {
                    "SegmentNumber": 1,
                    "SegmentLabel": "heart",
                    "SegmentAlgorithmType": "MANUAL",
                    "SegmentedPropertyCategoryCodeSequence": [
                        code("123037004", "SCT", "Anatomical Structure")
                    ],
                    "SegmentedPropertyTypeCodeSequence": [code("80891009", "SCT", "Heart")],
                }
            ],
            "ReferencedSeriesSequence": [
                {
                    "SeriesInstanceUID": uid(person, 1, 1),
                    "ReferencedInstanceSequence": [image],
                }
            ],
            "DimensionOrganizationSequence": [
                {"DimensionOrganizationUID": uid(person, 1, 10, 0, 9)}
            ],
            "DimensionIndexSequence": [
                {
                    "DimensionIndexPointer": 0x0062000B,
                    "FunctionalGroupPointer": 0x0062000A,
                    "DimensionOrganizationUID": uid(person, 1, 10, 0, 9),
                }
            ],
            "SharedFunctionalGroupsSequence": [
                {
                    "PixelMeasuresSequence": [{"PixelSpacing": [1, 1], "SliceThickness": 1}],
                    "PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}],
                }
            ],
            "PerFrameFunctionalGroupsSequence": [
                {
                    "FrameContentSequence": [{"DimensionIndexValues": [1]}],
                    "DerivationImageSequence": [derivation],
                    "PlanePositionSequence": [{"ImagePositionPatient": [0, 0, 0]}],
                    "SegmentIdentificationSequence": [{"ReferencedSegmentNumber": 1}],
                }
            ],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "NumberOfFrames": 1,
            "Rows": 16,
            "Columns": 16,
            "BitsAllocated": 1,
            "BitsStored": 1,
            "HighBit": 0,
            "PixelRepresentation": 0,
            "PixelData": b"\x0f\xf0" * 16,
        },
    )
