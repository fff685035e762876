"""`deident compare`: silent on what runs make, and loud about damage done to it afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from deident.app.sample.modules import private
from deident.app.science.checks import CHECKS
from deident.app.science.series import KINDS
from deident.cli.main import main
from tests.make import (
    BUILDERS,
    PEOPLE,
    ct,
    document,
    encoded,
    enhanced_mr,
    jpeg_like,
    mr,
    pet,
    presentation_state,
    report,
    save,
    segmentation,
    structure_set,
    ultrasound_cine,
)

ONE = PEOPLE[0]
RETAINED = (
    "retain-safe-private", "retain-modified-dates", "retain-patient-characteristics",
    "retain-device-identity", "retain-institution-identity",
)  # fmt: skip
OPTION_SETS: dict[str, tuple[str, ...]] = {
    "basic": (),
    "modified dates": ("retain-modified-dates",),
    "all, modified dates": (*RETAINED, "retain-uids"),
    "all, full dates": ("retain-full-dates", "retain-uids", *RETAINED[:1], *RETAINED[2:]),
    "safe private": ("retain-safe-private",),
}


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["compare", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def compared(capsys, *arguments: object) -> tuple[int, dict[str, Any]]:
    code, out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


def findings(whole: dict[str, Any], severity: str) -> set[tuple[str, str, str]]:
    return {
        (one["check"], one["kind"], one["what"])
        for series in whole["series"]
        for one in series["findings"]
        if one["severity"] == severity
    }


# -- a study that has everything ------------------------------------------------------------------


def diffusion(number: int) -> FileDataset:
    """A slice of a diffusion series, with Siemens' private attributes."""
    made = mr(ONE, number, series=4, rows=16, columns=16)
    made.DiffusionBValue = 1000.0 * (number - 1)
    made.DiffusionGradientOrientation = [0.6, 0.8, 0.0]
    made.TriggerTime = f"{12.5 * number}"
    made.InPlanePhaseEncodingDirection = "COL"
    made.TemporalPositionIdentifier = number
    private(
        made,
        0x0019,
        "SIEMENS MR HEADER",
        {
            0x0C: ("IS", 1000 * (number - 1)),
            0x0E: ("FD", [0.6, 0.8, 0.0]),
            0x27: ("FD", [360.5, 480.0, 0.0, 640.0, 0.0, 0.0]),
            0x29: ("FD", [0.0, 52.5, 105.0]),
        },
    )
    return made


def positron(number: int) -> FileDataset:
    made = pet(ONE)
    made.SOPInstanceUID += f".{number}"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.InstanceNumber = made.ImageIndex = number
    made.ImagePositionPatient = [-100, -100, 3 * number]
    made.SeriesTime = "111000"
    return made


def diffusing_frames() -> FileDataset:
    """Enhanced MR with a diffusion sequence in each frame; no two frames are alike."""
    made = enhanced_mr(ONE, frames=3)
    for number, item in enumerate(made.PerFrameFunctionalGroupsSequence):
        gradient = Dataset()
        gradient.DiffusionGradientOrientation = [0.0, 0.0, 1.0]
        weighting = Dataset()
        weighting.DiffusionBValue = 500.0 * number
        weighting.DiffusionDirectionality = "DIRECTIONAL"
        weighting.DiffusionGradientDirectionSequence = [gradient]
        item.MRDiffusionSequence = [weighting]
    size = len(made.PixelData) // 3
    made.PixelData = b"".join(bytes([number]) * size for number in range(3))
    return made


def write(folder: Path) -> Path:
    """Write the study; names say what is in a file."""
    made = {
        **{f"ct{n}": ct(ONE, n, size=16) for n in (1, 2, 3, 4)},
        **{f"mr{n}": mr(ONE, n, series=2, rows=16, columns=16) for n in (1, 2)},
        **{f"dwi{n}": diffusion(n) for n in (1, 2, 3)},
        **{f"pet{n}": positron(n) for n in (1, 2)},
        "enhanced": diffusing_frames(),
        "struct": structure_set(ONE),
        "seg": segmentation(ONE),
        "pr": presentation_state(ONE),
        "sr": report(ONE),
        "doc": document(ONE),
        "cine": ultrasound_cine(
            ONE, [jpeg_like(300 + n, n) for n in range(3)], rows=48, columns=64
        ),
    }
    for name, dataset in made.items():
        save(dataset, folder / f"{name}.dcm")
    return folder


def clean(source: Path, out: Path, options: tuple[str, ...]) -> Path:
    words = [word for option in options for word in ("--with", option)]
    layout = ["--layout", "mirror", "--keep-names"]
    assert main(["run", str(source), "-o", str(out), "--quiet", *layout, *words]) in (0, 4)
    return out


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("compare") / "in")


@pytest.fixture(scope="module")
def retained(study) -> Path:
    """What a run with options makes of the study."""
    return clean(study, study.parent / "retained", RETAINED)


# -- no false alarms ------------------------------------------------------------------------------


@pytest.mark.parametrize("options", OPTION_SETS.values(), ids=OPTION_SETS)
def test_runs_do_no_damage(capsys, study, tmp_path, options):
    out = clean(study, tmp_path / "out", options)
    code, whole = compared(capsys, study, out, "--project", f"{out}.deident-project")
    assert findings(whole, "damage") == set()
    assert (code, whole["damage"], whole["pairs"]) == (0, 0, 18)
    assert {tuple(sorted(one["options"])) for one in whole["judged_by"]} == {tuple(sorted(options))}


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_no_kind_of_object_is_damaged(capsys, tmp_path, kind):
    for number, options in enumerate(OPTION_SETS.values()):
        path = save(BUILDERS[kind](PEOPLE[3]), tmp_path / "in/a.dcm")
        out = clean(path.parent, tmp_path / f"out{number}", options)
        code, whole = compared(capsys, path, out / "a.dcm")
        assert (code, findings(whole, "damage")) == (0, set())


@pytest.mark.samples
@pytest.mark.parametrize("options", OPTION_SETS.values(), ids=OPTION_SETS)
def test_runs_over_the_samples_do_no_damage(capsys, samples, tmp_path, options):
    words = [word for option in options for word in ("--with", option)]
    out = tmp_path / "out"
    assert main(["run", str(samples), "-o", str(out), "-j", "2", "--quiet", *words]) == 3
    capsys.readouterr()
    code, whole = compared(capsys, samples, out, "--project", f"{out}.deident-project")
    assert code == 3  # some samples are broken on purpose
    assert findings(whole, "damage") == set()
    assert whole["pairs"] > 250
    assert whole["cleaned_strangers"] == 0


def test_basic_loses_what_the_standard_takes_away_and_says_so(capsys, study, tmp_path):
    out = clean(study, tmp_path / "out", ())
    code, whole = compared(capsys, study, out, "--project", f"{out}.deident-project")
    lost = findings(whole, "lost")
    assert code == 0
    assert ("suv", "removed", "PatientWeight") in lost
    assert ("suv", "not-computable", "SUV factor, for lack of PatientWeight") in lost
    assert ("diffusion", "removed", "Siemens b-value") in lost
    assert ("times", "removed", "AcquisitionTime") in lost
    text = run(capsys, study, out, "--project", f"{out}.deident-project")[1]
    assert "No damage was found." in text
    assert "PatientWeight: gone [Table E.1-1 (0010,1030) X], in 1 series" in text


def test_safe_private_keeps_diffusion(capsys, study, retained):
    _, whole = compared(capsys, study, retained)
    (series,) = [one for one in whole["series"] if "Siemens b-value" in json.dumps(one)] or [None]
    assert series is None
    states = [one["checks"].get("diffusion") for one in whole["series"]]
    assert states.count("same") == 2
    (positrons,) = [one for one in whole["series"] if one["modality"] == "PT"]
    assert positrons["suv_relative_difference"] == 0.0


@pytest.mark.parametrize(
    ("creator", "severity"),
    [("PHILIPS MR IMAGING DD 001", "lost"), ("Philips MR Imaging DD 001", "damage")],
)
def test_private_attributes_are_found_however_their_creator_is_written(
    capsys, tmp_path, creator, severity
):
    """In capitals it does not stand in Table E.3.10-1; otherwise it must have stayed."""
    made = mr(ONE, 1)
    private(made, 0x2005, creator, {0x0D: ("FL", 0.0), 0x0E: ("FL", 0.0027)})
    save(made, tmp_path / "in" / "1.dcm")
    out = clean(tmp_path / "in", tmp_path / "out", ("retain-safe-private",))
    (path,) = out.rglob("*.dcm")
    after = dcmread(path)
    if severity == "damage":
        del after[after.private_block(0x2005, creator).get_tag(0x0E)]
        after.save_as(path)
    _, whole = compared(capsys, tmp_path / "in", out, "--project", f"{out}.deident-project")
    assert ("rescale", "removed", "Philips scale slope") in findings(whole, severity)


# -- damage ---------------------------------------------------------------------------------------


def edit(*names: str) -> Callable[[Callable[..., None]], Callable[[Path], None]]:
    """A damage that changes the data sets of some files."""

    def decorated(change: Callable[..., None]) -> Callable[[Path], None]:
        def carry_out(folder: Path) -> None:
            paths = [folder / f"{name}.dcm" for name in names]
            datasets = [dcmread(path) for path in paths]
            change(*datasets)
            for dataset, path in zip(datasets, paths, strict=True):
                dataset.save_as(path)

        carry_out.__name__ = change.__name__
        return carry_out

    return decorated


class Damage(NamedTuple):
    """What was done, and what must be told."""

    do: Callable[[Path], None]
    check: str
    kind: str
    what: str


DAMAGES: list[Damage] = []


def damage(check: str, kind: str, what: str) -> Callable[..., Callable[[Path], None]]:
    def decorated(do: Callable[[Path], None]) -> Callable[[Path], None]:
        DAMAGES.append(Damage(do, check, kind, what))
        return do

    return decorated


@damage("pixels", "frames-swapped", "PixelData")
@edit("enhanced")
def swapped_frames(made):
    size = len(made.PixelData) // 3
    first, second, third = (made.PixelData[n * size : (n + 1) * size] for n in range(3))
    made.PixelData = second + first + third


@damage("pixels", "frames-swapped", "PixelData")
@edit("cine")
def swapped_compressed_frames(made):
    frames = list(generate_frames(made.PixelData, number_of_frames=3))
    made.PixelData = encapsulate([frames[0], frames[2], frames[1]])
    made["PixelData"].is_undefined_length = True


@damage("pixels", "pixels-of-another", "PixelData")
@edit("ct2", "ct3")
def swapped_pixels_of_two_slices(one, other):
    one.PixelData, other.PixelData = other.PixelData, one.PixelData


@damage("pixels", "changed", "PixelData")
@edit("mr1")
def one_other_byte(made):
    made.PixelData = made.PixelData[:-1] + bytes([made.PixelData[-1] ^ 1])


@damage("pixels", "removed", "PixelData")
@edit("mr1")
def no_pixels(made):
    del made.PixelData


@damage("pixels", "added", "FloatPixelData")
@edit("sr")
def pixels_out_of_nowhere(made):
    made.add_new(0x7FE00008, "OF", bytes(8))


@damage("geometry", "rounded", "PixelSpacing")
@edit("ct1")
def a_rounded_decimal(made):
    made.PixelSpacing = ["0.7031", "0.7031"]


@damage("geometry", "changed", "ImagePositionPatient")
@edit("ct1")
def a_moved_slice(made):
    made.ImagePositionPatient = [-180, -180, -600]


@damage("geometry", "changed", "ImageOrientationPatient")
@edit("mr2")
def a_mirrored_slice(made):
    made.ImageOrientationPatient = [-1, 0, 0, 0, 1, 0]


@damage("geometry", "removed", "SpacingBetweenSlices")
@edit("mr2")
def no_spacing(made):
    del made.SpacingBetweenSlices


@damage("geometry", "changed", "ImagePositionPatient in PlanePositionSequence")
@edit("enhanced")
def a_moved_frame(made):
    made.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient[2] += 1


@damage("order", "changed", "DimensionIndexValues in FrameContentSequence")
@edit("enhanced")
def another_order_of_frames(made):
    first, second, *_ = made.PerFrameFunctionalGroupsSequence
    one, other = first.FrameContentSequence[0], second.FrameContentSequence[0]
    one.DimensionIndexValues, other.DimensionIndexValues = 2, 1


@damage("order", "reordered", "InstanceNumber")
@edit("ct2", "ct3")
def another_order_of_slices(one, other):
    one.InstanceNumber, other.InstanceNumber = other.InstanceNumber, one.InstanceNumber


@damage("order", "reordered", "position along the slice normal")
@edit("ct2", "ct3")
def slices_that_changed_places(one, other):
    one.ImagePositionPatient, other.ImagePositionPatient = (
        other.ImagePositionPatient, one.ImagePositionPatient
    )  # fmt: skip


@damage("rescale", "changed", "RescaleSlope")
@edit("ct1")
def another_slope(made):
    made.RescaleSlope = "1.1"


@damage("rescale", "added", "RescaleSlope")
@edit("mr1")
def a_slope_out_of_nowhere(made):
    made.RescaleSlope = "2"


@damage("window", "changed", "WindowCenter")
@edit("ct1")
def another_window(made):
    made.WindowCenter = "50"


@damage("format", "changed", "BitsStored")
@edit("ct1")
def another_depth(made):
    made.BitsStored = 16


@damage("format", "changed", "PhotometricInterpretation")
@edit("ct1")
def inverted(made):
    made.PhotometricInterpretation = "MONOCHROME1"


@damage("syntax", "changed", "TransferSyntaxUID")
def another_transfer_syntax(folder):
    made = dcmread(folder / "mr1.dcm")
    made.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    made.save_as(folder / "mr1.dcm", implicit_vr=True, little_endian=True, enforce_file_format=True)


@damage("instances", "missing", "an instance")
def a_dropped_instance(folder):
    (folder / "ct4.dcm").unlink()


@damage("instances", "duplicated", "an instance")
def a_duplicated_instance(folder):
    shutil.copy(folder / "ct4.dcm", folder / "ct5.dcm")


@damage("instances", "more", "an instance")
def one_instance_more(folder):
    made = dcmread(folder / "ct4.dcm")
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.save_as(folder / "ct5.dcm")


@damage("references", "reference-broken", "ReferencedSOPInstanceUID")
@edit("struct")
def a_reference_to_nothing(made):
    image = made.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0]
    image.ReferencedSOPInstanceUID = generate_uid()


@damage("references", "reference-moved", "ReferencedSOPInstanceUID")
@edit("pr", "ct2")
def a_reference_to_another(made, other):
    image = made.ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    image.ReferencedSOPInstanceUID = other.SOPInstanceUID


@damage("references", "reference-removed", "ReferencedSOPInstanceUID")
@edit("seg")
def a_lost_reference(made):
    del made.ReferencedSeriesSequence[0].ReferencedInstanceSequence


@damage("groups", "split", "SeriesInstanceUID")
@edit("pr")
def a_reference_to_another_series(made):
    made.ReferencedSeriesSequence[0].SeriesInstanceUID = generate_uid()


@damage("groups", "merged", "SeriesInstanceUID")
@edit("ct1", "mr1", "mr2")
def merged_series(one, *others):
    for other in others:
        other.SeriesInstanceUID = one.SeriesInstanceUID


@damage("frames-of-reference", "split", "FrameOfReferenceUID")
@edit("mr1")
def another_frame_of_reference(made):
    made.FrameOfReferenceUID = generate_uid()


@damage("frames-of-reference", "removed", "FrameOfReferenceUID")
@edit("pet1")
def no_frame_of_reference(made):
    del made.FrameOfReferenceUID


@damage("diffusion", "changed", "DiffusionBValue")
@edit("dwi2")
def another_b_value(made):
    made.DiffusionBValue = 999.0


@damage("diffusion", "removed", "DiffusionGradientOrientation")
@edit("dwi2")
def a_lost_gradient(made):
    del made.DiffusionGradientOrientation


@damage("diffusion", "removed", "Siemens b-value")
@edit("dwi2")
def a_lost_private_b_value(made):
    del made[made.private_block(0x0019, "SIEMENS MR HEADER").get_tag(0x0C)]


@damage("diffusion", "rounded", "Siemens b-matrix")
@edit("dwi2")
def a_rounded_private_matrix(made):
    made[made.private_block(0x0019, "SIEMENS MR HEADER").get_tag(0x27)].value = [
        360, 480.0, 0.0, 640.0, 0.0, 0.0
    ]  # fmt: skip


@damage("diffusion", "changed", "DiffusionBValue in MRDiffusionSequence")
@edit("enhanced")
def another_b_value_of_a_frame(made):
    made.PerFrameFunctionalGroupsSequence[2].MRDiffusionSequence[0].DiffusionBValue = 501.0


@damage("timing", "changed", "TriggerTime")
@edit("dwi3")
def another_trigger_time(made):
    made.TriggerTime = "12.5"


@damage("timing", "changed", "RepetitionTime")
@edit("mr1")
def another_repetition_time(made):
    made.RepetitionTime = "5000"


@damage("times", "moved", "AcquisitionTime")
@edit("dwi2")
def one_slice_later(made):
    made.AcquisitionTime = "115959"


@damage("times", "moved", "FrameAcquisitionDateTime")
@edit("enhanced")
def one_frame_later(made):
    content = made.PerFrameFunctionalGroupsSequence[1].FrameContentSequence[0]
    content.FrameAcquisitionDateTime = content.FrameAcquisitionDateTime[:8] + "235959"


@damage("times", "removed", "AcquisitionTime")
@edit("mr1")
def no_time(made):
    del made.AcquisitionTime


@damage("series-times", "series-moved", "dates and times")
@edit("pet1", "pet2")
def one_series_a_day_later(*both):
    for made in both:
        for element in made.iterall():
            if element.VR in ("DA", "DT") and element.value:
                text = str(element.value)
                element.value = f"{text[:6]}{(int(text[6:8]) % 28) + 1:02d}{text[8:]}"


@damage("phase", "changed", "InPlanePhaseEncodingDirection")
@edit("dwi1")
def another_phase_direction(made):
    made.InPlanePhaseEncodingDirection = "ROW"


@damage("suv", "removed", "PatientWeight")
@edit("pet1")
def no_weight(made):
    del made.PatientWeight


@damage("suv", "changed", "PatientWeight")
@edit("pet1")
def another_weight(made):
    made.PatientWeight = "70"


@damage("suv", "not-computable", "SUV factor, for lack of RadionuclideTotalDose")
@edit("pet1")
def no_dose(made):
    del made.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose


@damage("suv", "differs", "SUV factor")
@edit("pet2")
def another_injection_time(made):
    dose = made.RadiopharmaceuticalInformationSequence[0]
    day = dose.RadiopharmaceuticalStartDateTime[:8]
    dose.RadiopharmaceuticalStartDateTime = f"{day}102500.00"


@damage("rt", "rounded", "ContourData in ContourSequence")
@edit("struct")
def a_rounded_contour(made):
    contour = made.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = ["0", "0", "0", "10.5", "0", "0", "10.5", "7.2", "0"]


@pytest.mark.parametrize("planted", DAMAGES, ids=lambda planted: planted.do.__name__)
def test_planted_damage_is_caught_and_named(capsys, study, retained, tmp_path, planted):
    damaged = tmp_path / "damaged"
    shutil.copytree(retained, damaged)
    planted.do(damaged)
    code, whole = compared(capsys, study, damaged)
    assert code == 4
    assert (planted.check, planted.kind, planted.what) in findings(whole, "damage")
    text = run(capsys, study, damaged)[1]
    assert f"{planted.check}  {planted.what}: {KINDS[planted.kind]}" in text


def test_merged_frames_of_reference(capsys, tmp_path):
    """Two patients' frames of reference become one."""
    for number in (0, 1):
        save(ct(PEOPLE[number], size=4), tmp_path / f"in/{number}.dcm")
    out = clean(tmp_path / "in", tmp_path / "out", RETAINED)
    made = [dcmread(out / f"{number}.dcm") for number in (0, 1)]
    made[1].FrameOfReferenceUID = made[0].FrameOfReferenceUID
    made[1].save_as(out / "1.dcm")
    code, whole = compared(capsys, tmp_path / "in", out)
    assert code == 4
    assert findings(whole, "damage") == {("frames-of-reference", "merged", "FrameOfReferenceUID")}


def test_at_least_twenty_kinds_of_damage_are_planted():
    assert len(DAMAGES) >= 40
    assert {one.check for one in DAMAGES} >= set(CHECKS) - {"vendor", "signals", "measured"}


# -- what is the same in other words --------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        edit("ct1")(lambda made: setattr(made, "PixelSpacing", ["7.03125e-1", "0.70312500"])),
        edit("ct1")(lambda made: setattr(made, "SliceThickness", "1.250")),
        edit("ct1", "ct2", "ct3", "ct4")(
            lambda *slices: [
                setattr(made, "InstanceNumber", made.InstanceNumber + 7) for made in slices
            ]
        ),
        edit("ct1")(lambda made: setattr(made, "ImageComments", "anything")),
        edit("pet1", "pet2")(lambda *all_: None),
    ],
    ids=["spelled differently", "zeros", "renumbered", "no science", "written anew"],
)  # fmt: skip
def test_what_means_the_same_is_the_same(capsys, study, retained, tmp_path, change):
    other = tmp_path / "other"
    shutil.copytree(retained, other)
    change(other)
    code, whole = compared(capsys, study, other)
    assert (code, findings(whole, "damage")) == (0, set())


def test_numbers_are_compared_in_any_byte_order(capsys):
    paths = (get_testdata_file(f"MR_small{end}.dcm") for end in ("", "_bigendian"))
    _, whole = compared(capsys, *paths)
    assert {check for check, *_ in findings(whole, "damage")} <= {"syntax", "pixels"}


# -- pairing, options, output ---------------------------------------------------------------------


def test_a_file_against_a_file(capsys, study, retained):
    code, whole = compared(capsys, study / "ct1.dcm", retained / "ct1.dcm")
    assert (code, whole["pairs"]) == (0, 1)


def test_what_the_run_left_out_is_told_and_no_damage(capsys, tmp_path):
    source = tmp_path / "in"
    for number in (1, 2):
        save(ct(ONE, number, size=4), source / f"{number}.dcm")
    made = ct(ONE, 3, size=4)
    made.PatientName = "MARK"
    (source / "3.dcm").write_bytes(encoded(made).replace(b"MARK", b"M\xfc  "))
    out = tmp_path / "out"
    assert main(["run", str(source), "-o", str(out), "--quiet"]) == 3
    capsys.readouterr()
    code, whole = compared(capsys, source, out, "--project", f"{out}.deident-project")
    assert (code, whole["pairs"]) == (0, 2)
    assert ("instances", "left-out", "an instance") in findings(whole, "lost")
    text = run(capsys, source, out, "--project", f"{out}.deident-project", "--details")[1]
    assert "an instance: left out by the run" in text
    assert "[bad-charset]" in text


def test_an_identical_original_has_the_same_counterpart(capsys, tmp_path):
    source = tmp_path / "in"
    save(ct(ONE, 1, size=4), source / "a/1.dcm")
    save(ct(ONE, 1, size=4), source / "b/1.dcm")
    out = tmp_path / "out"
    assert main(["run", str(source), "-o", str(out), "--quiet"]) == 0
    capsys.readouterr()
    code, whole = compared(capsys, source, out, "--project", f"{out}.deident-project")
    assert (code, whole["damage"]) == (0, 0)


def test_options_judge_losses(capsys, study, tmp_path):
    out = clean(study, tmp_path / "out", ())
    project = ("--project", f"{out}.deident-project")
    assert compared(capsys, study, out, *project)[0] == 0
    code, whole = compared(capsys, study, out, *project, "--with", "retain-patient-characteristics")
    assert code == 4
    assert ("suv", "removed", "PatientWeight") in findings(whole, "damage")


def test_nothing_that_goes_together(capsys, study, tmp_path):
    out = tmp_path / "out"
    assert main(["run", str(study), "-o", str(out), "--quiet"]) in (0, 4)
    capsys.readouterr()
    code, text, _ = run(capsys, study, out)
    assert code == 5
    assert "Give --project" in text
    assert "18 originals without a counterpart" in text


def test_series_that_the_originals_do_not_have_are_counted(capsys, study, retained, tmp_path):
    save(ct(PEOPLE[1], size=4), tmp_path / "out/other.dcm")
    shutil.copy(retained / "ct1.dcm", tmp_path / "out/ct1.dcm")
    (tmp_path / "in").mkdir()
    shutil.copy(study / "ct1.dcm", tmp_path / "in/ct1.dcm")
    code, whole = compared(capsys, tmp_path / "in", tmp_path / "out")
    assert (code, whole["cleaned_strangers"]) == (0, 1)
    assert "1 cleaned instance of series" in run(capsys, tmp_path / "in", tmp_path / "out")[1]


def test_what_cannot_be_read_is_counted(capsys, study, retained, tmp_path):
    shutil.copytree(retained, tmp_path / "out")
    path = tmp_path / "out/ct1.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    code, whole = compared(capsys, study, tmp_path / "out")
    assert code == 3
    assert whole["unreadable"] == {"bad-length": 1}
    assert ("instances", "missing", "an instance") in findings(whole, "damage")


def test_values_and_names_of_originals_only_when_asked_for(capsys, study, retained, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(retained, damaged)
    a_rounded_decimal(damaged)
    a_dropped_instance(damaged)
    for flags in ([], ["--details"], ["--json"], ["--details", "--json"]):
        text = run(capsys, study, damaged, *flags)[1]
        assert "0.703125" not in text
        assert "ct4.dcm" not in text
        assert not [needle for needle in ONE.needles() if needle in text.encode()]
        assert ("in ct1.dcm" in text) == (flags == ["--details"])
    for flags in (["--values"], ["--values", "--json"]):
        text = run(capsys, study, damaged, *flags)[1]
        assert "0.703125" in text
        assert "ct4.dcm" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}", "/nowhere"], "no such file or folder: /nowhere [input-missing]"),
        (["{tmp}"], "Missing argument 'AFTER'"),
        (["{tmp}", "{tmp}", "--with", "retain-uid"], "did you mean retain-uids?"),
        (["{tmp}", "{tmp}", "--project", "{tmp}"], "[project-invalid]"),
    ],
)
def test_wrong_calls_are_one_line(capsys, tmp_path, arguments, said):
    code, out, err = run(capsys, *[text.format(tmp=tmp_path) for text in arguments])
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@given(st.data())
def test_any_two_readable_files_are_compared(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    paths = []
    for name in ("a", "b"):
        damaged = bytearray(encoded(diffusing_frames()))
        for _ in range(data.draw(st.integers(0, 6))):
            damaged[data.draw(st.integers(400, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        paths.append(folder / name)
        paths[-1].write_bytes(bytes(damaged))
    assert main(["compare", *map(str, paths)]) in (0, 3, 4, 5)
