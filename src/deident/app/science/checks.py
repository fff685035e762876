"""What `compare` looks at: one table of checks, each with the attributes that belong to it.

Names of attributes are keywords of PS3.6. Private attributes are named by group, creator and the
low byte of the element number (PS3.5 7.8.1); their meaning is from the vendors' conformance
statements. A new check of values needs a row here and nothing else.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from deident import tables
from deident.engine.private import is_numeric


class Vendor(NamedTuple):
    """A private attribute."""

    group: int
    creator: str
    low: int
    name: str


class Check(NamedTuple):
    """One question about a series.

    Attributes:
        head: of its column, at most five letters.
        words: what must be the same.
        keywords: attributes whose values are compared, wherever they stand.
        vendors: private attributes whose values are compared.
        groups: groups of which every number is compared.
        modality: the only one whose values are compared; empty for all.
    """

    head: str
    words: str
    keywords: str = ""
    vendors: tuple[Vendor, ...] = ()
    groups: tuple[int, ...] = ()
    modality: str = ""


_SIEMENS, _SIEMENS_CSA = "SIEMENS MR HEADER", "SIEMENS CSA HEADER"
_SIEMENS_SERIES, _SIEMENS_FRAME = "SIEMENS MR SDS 01", "SIEMENS MR SDI 02"
_GE_ACQUISITION, _GE_PARAMETERS = "GEMS_ACQU_01", "GEMS_PARM_01"
_PHILIPS, _PHILIPS_MR = "Philips Imaging DD 001", "Philips MR Imaging DD 001"

INSTANCES, ORDER, PIXELS, SYNTAX = "instances", "order", "pixels", "syntax"
REFERENCES, FRAMES, GROUPS = "references", "frames-of-reference", "groups"
TIMES, SERIES_TIMES, SUV = "times", "series-times", "suv"

CHECKS: dict[str, Check] = {
    INSTANCES: Check("INST", "number of instances: none lost, none more, none twice"),
    ORDER: Check(
        "ORDER",
        "order of slices and frames: by Instance Number, by position along the slice normal, and "
        "what each frame of a multi-frame image shows",
        "InstanceNumber DimensionIndexValues DimensionIndexPointer FunctionalGroupPointer StackID "
        "InStackPositionNumber FrameAcquisitionNumber ReferencedSegmentNumber FrameIncrementPointer"
        " SliceVector TimeSlotVector TimeSliceVector EnergyWindowVector DetectorVector PhaseVector "
        "RotationVector AngularViewVector RRIntervalVector ImageIndex NumberOfFrames",
    ),
    "geometry": Check(
        "GEOM",
        "geometry, also of single frames",
        "ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness "
        "SpacingBetweenSlices SliceLocation Rows Columns ImagerPixelSpacing "
        "NominalScannedPixelSpacing PixelAspectRatio PatientPosition GantryDetectorTilt "
        "ReconstructionDiameter TotalPixelMatrixRows TotalPixelMatrixColumns "
        "RowPositionInTotalImagePixelMatrix ColumnPositionInTotalImagePixelMatrix "
        "XOffsetInSlideCoordinateSystem YOffsetInSlideCoordinateSystem "
        "ZOffsetInSlideCoordinateSystem ImageOrientationSlide ImagePositionVolume "
        "ImageOrientationVolume PhysicalDeltaX PhysicalDeltaY PhysicalUnitsXDirection "
        "PhysicalUnitsYDirection FrameOfReferenceTransformationMatrix MatrixRegistrationSequence",
    ),
    PIXELS: Check("PIXEL", "Pixel Data, also as floating-point numbers: the same bytes"),
    "format": Check(
        "FORM",
        "how pixels are stored",
        "BitsAllocated BitsStored HighBit PixelRepresentation PhotometricInterpretation "
        "SamplesPerPixel PlanarConfiguration PixelPaddingValue PixelPaddingRangeLimit "
        "LossyImageCompression SegmentationType MaximumFractionalValue SmallestImagePixelValue "
        "LargestImagePixelValue",
    ),
    "rescale": Check(
        "SCALE",
        "what a pixel value means: rescale, modality table, real-world values, colour palette",
        "RescaleSlope RescaleIntercept RescaleType ModalityLUTType LUTDescriptor LUTData "
        "RealWorldValueSlope RealWorldValueIntercept RealWorldValueFirstValueMapped "
        "RealWorldValueLastValueMapped RealWorldValueLUTData DoseGridScaling "
        "PixelIntensityRelationship PixelIntensityRelationshipSign "
        "RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor "
        "BluePaletteColorLookupTableDescriptor "
        "RedPaletteColorLookupTableData GreenPaletteColorLookupTableData "
        "BluePaletteColorLookupTableData",
        (
            Vendor(0x2005, _PHILIPS_MR, 0x0D, "Philips scale intercept"),
            Vendor(0x2005, _PHILIPS_MR, 0x0E, "Philips scale slope"),
        ),
    ),
    "window": Check(
        "WIN",
        "how pixels are shown",
        "WindowCenter WindowWidth VOILUTFunction PresentationLUTShape",
    ),
    SYNTAX: Check("TS", "transfer syntax"),
    REFERENCES: Check(
        "REFS",
        "references to instances of the study (segmentations, RT, presentation states, reports): "
        "each still leads to the counterpart",
    ),
    FRAMES: Check("FOR", "which images share a frame of reference"),
    GROUPS: Check("UIDS", "which instances share a study, a series, another UID"),
    "diffusion": Check(
        "DIFF",
        "b-values and gradient directions",
        "DiffusionBValue DiffusionGradientOrientation DiffusionDirectionality "
        "DiffusionAnisotropyType DiffusionBValueXX DiffusionBValueXY DiffusionBValueXZ "
        "DiffusionBValueYY DiffusionBValueYZ DiffusionBValueZZ",
        (
            Vendor(0x0019, _SIEMENS, 0x0C, "Siemens b-value"),
            Vendor(0x0019, _SIEMENS, 0x0D, "Siemens diffusion directionality"),
            Vendor(0x0019, _SIEMENS, 0x0E, "Siemens gradient direction"),
            Vendor(0x0019, _SIEMENS, 0x27, "Siemens b-matrix"),
            Vendor(0x0043, _GE_PARAMETERS, 0x39, "GE b-value"),
            Vendor(0x0019, _GE_ACQUISITION, 0xBB, "GE gradient direction x"),
            Vendor(0x0019, _GE_ACQUISITION, 0xBC, "GE gradient direction y"),
            Vendor(0x0019, _GE_ACQUISITION, 0xBD, "GE gradient direction z"),
            Vendor(0x0019, _GE_ACQUISITION, 0xE0, "GE number of diffusion directions"),
            Vendor(0x2001, _PHILIPS, 0x03, "Philips b-value"),
            Vendor(0x2001, _PHILIPS, 0x04, "Philips diffusion direction"),
            Vendor(0x2005, _PHILIPS_MR, 0xB0, "Philips gradient direction right-left"),
            Vendor(0x2005, _PHILIPS_MR, 0xB1, "Philips gradient direction anterior-posterior"),
            Vendor(0x2005, _PHILIPS_MR, 0xB2, "Philips gradient direction foot-head"),
            Vendor(0x0065, "Image Private Header", 0x09, "UIH b-value"),
            Vendor(0x0065, "Image Private Header", 0x37, "UIH gradient direction"),
        ),
    ),
    "timing": Check(
        "TIME",
        "timing: repetition and echo times, triggers, slice timing, durations of frames",
        "RepetitionTime EchoTime EffectiveEchoTime InversionTime InversionTimes EchoNumbers "
        "TriggerTime NominalInterval NominalCardiacTriggerDelayTime TemporalPositionIdentifier "
        "NumberOfTemporalPositions TemporalResolution TemporalPositionIndex "
        "TemporalPositionTimeOffset FrameTime FrameTimeVector FrameDelay FrameReferenceTime "
        "ActualFrameDuration FrameAcquisitionDuration AcquisitionDuration",
        (
            Vendor(0x0019, _SIEMENS, 0x29, "Siemens slice times"),
            Vendor(0x2001, _PHILIPS, 0x0A, "Philips slice number"),
        ),
    ),
    TIMES: Check("CLOCK", "time differences within a series"),
    SERIES_TIMES: Check("BETW", "time differences between the series of a patient"),
    "phase": Check(
        "PHASE",
        "phase encoding",
        "InPlanePhaseEncodingDirection RectilinearPhaseEncodeReordering NumberOfPhaseEncodingSteps "
        "AcquisitionMatrix PercentPhaseFieldOfView PercentSampling PixelBandwidth EchoTrainLength "
        "MRAcquisitionPhaseEncodingStepsInPlane MRAcquisitionFrequencyEncodingSteps "
        "ParallelReductionFactorInPlane",
        (
            Vendor(0x0019, _SIEMENS, 0x28, "Siemens bandwidth per pixel in phase direction"),
            Vendor(0x0021, _SIEMENS_FRAME, 0x1C, "Siemens polarity of phase encoding"),
            Vendor(0x0043, _GE_PARAMETERS, 0x2C, "GE effective echo spacing"),
            Vendor(0x0043, _GE_PARAMETERS, 0x83, "GE acceleration"),
            Vendor(0x2001, _PHILIPS, 0x22, "Philips water-fat shift"),
        ),
    ),
    "vendor": Check(
        "VEND",
        "headers of vendors as a whole, which hold slice timing and diffusion too",
        vendors=(
            Vendor(0x0029, _SIEMENS_CSA, 0x10, "Siemens CSA image header"),
            Vendor(0x0029, _SIEMENS_CSA, 0x20, "Siemens CSA series header"),
            Vendor(0x0021, _SIEMENS_SERIES, 0x19, "Siemens protocol"),
            Vendor(0x0025, "GEMS_SERS_01", 0x1B, "GE protocol data block"),
        ),
    ),
    SUV: Check(
        "SUV",
        "what SUV is computed from, and the SUV factor",
        "PatientWeight PatientSize PatientSex Units DecayCorrection DecayFactor CorrectedImage "
        "RadionuclideTotalDose RadionuclideHalfLife RadionuclidePositronFraction SUVType "
        "DoseCalibrationFactor",
        (
            Vendor(0x7053, "Philips PET Private Group", 0x00, "Philips SUV factor"),
            Vendor(0x7053, "Philips PET Private Group", 0x09, "Philips activity factor"),
        ),
        modality="PT",
    ),
    "rt": Check(
        "RT",
        "numbers of radiotherapy: contours, dose, beams",
        "ContourGeometricType DoseUnits DoseType DoseSummationType RTROIInterpretedType",
        groups=(0x3002, 0x3004, 0x3006, 0x300A, 0x300C),
    ),
    "signals": Check(
        "SIGN",
        "waveforms and spectra",
        "WaveformData NumberOfWaveformChannels NumberOfWaveformSamples SamplingFrequency "
        "WaveformBitsAllocated WaveformSampleInterpretation ChannelSensitivity "
        "ChannelSensitivityCorrectionFactor ChannelBaseline ChannelSampleSkew "
        "MultiplexGroupTimeOffset SpectroscopyData DataPointRows DataPointColumns SpectralWidth "
        "TransmitterFrequency",
    ),
    "measured": Check(
        "MEAS",
        "measurements in reports",
        "NumericValue FloatingPointValue GraphicData TableOfXBreakPoints",
    ),
}


class Attribute(NamedTuple):
    """An attribute that is compared: the check it belongs to, and its name."""

    check: str
    name: str


@cache
def _attributes() -> dict[tuple[int, str], Attribute]:
    """By tag (of private ones without the block number) and creator in capitals: devices of one
    vendor write it in either way.
    """
    found: dict[tuple[int, str], Attribute] = {}
    for check, row in CHECKS.items():
        for keyword in row.keywords.split():
            tag = tables.keyword_to_tag(keyword)
            if tag is not None:
                found[tag, ""] = Attribute(check, keyword)
        for vendor in row.vendors:
            place = vendor.group << 16 | vendor.low
            found[place, vendor.creator.upper()] = Attribute(check, vendor.name)
    return found


@cache
def _groups() -> dict[int, str]:
    return {group: check for check, row in CHECKS.items() for group in row.groups}


def attribute_at(tag: int, vr: str, creator: str | None) -> Attribute | None:
    """What is compared at a tag; `creator` is `None` for standard attributes."""
    if creator is not None:
        return _attributes().get((tag & 0xFFFF00FF, creator.upper())) if creator else None
    found = _attributes().get((tag, ""))
    if found is None and is_numeric(vr) and (check := _groups().get(tag >> 16)):
        known = tables.attribute(tag)
        return Attribute(check, known.keyword) if known else None
    return found
