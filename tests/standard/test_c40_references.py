"""C40 to C47 in whole files: a study whose objects refer to each other."""

from __future__ import annotations

import itertools
import uuid

import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from deident import tables
from deident.dicom import values
from deident.dicom.uids import is_registered
from deident.engine.pseudonyms import Identity
from deident.profiles.model import Rule, Selector
from tests.engine.support import KEY, written
from tests.make import BUILDERS, PEOPLE, ct, encoded
from tests.standard.whole import cleaned, engine, keep, outcome, reread, walk

PERSON = PEOPLE[0]
KINDS = ("ct", "structure-set", "presentation-state", "segmentation", "report", "enhanced", "pet")
# Attributes of UIDs that must agree between the objects of a study or a patient.
CONSISTENT = (
    "FrameOfReferenceUID",
    "SynchronizationFrameOfReferenceUID",
    "DimensionOrganizationUID",
    "ConcatenationUID",
    "SOPInstanceUIDOfConcatenationSource",
    "IrradiationEventUID",
    "SpecimenUID",
    "DeviceUID",
    "FiducialUID",
    "ReferencedFiducialUID",
    "TemplateExtensionOrganizationUID",
    "ObservationUID",
    "DoseReferenceUID",
    "ReferencedFrameOfReferenceUID",
    "StorageMediaFileSetUID",
    "TargetFrameOfReferenceUID",
    "MultiFrameSourceSOPInstanceUID",
)


def study() -> list[FileDataset]:
    slices = [ct(PERSON, number) for number in range(1, 4)]
    return slices + [BUILDERS[kind](PERSON) for kind in KINDS[1:]]


def uids_of(made: Dataset) -> list[tuple[int, str]]:
    """(tag, UID) of every UID at every depth, in order."""
    return [
        (int(element.tag), str(value))
        for element in walk(made)
        if element.VR == "UI" and element.value
        for value in ([element.value] if isinstance(element.value, str) else element.value)
    ]


def processed(objects: list[FileDataset]) -> list[FileDataset]:
    """All of them by one engine."""
    made = engine("retain-full-dates")
    found = []
    for entry in objects:
        with made.prepare_bytes(encoded(entry)) as prepared:
            found.append(reread(written(prepared)))
    return found


def test_C40_references_lead_to_the_new_instances() -> None:
    before = study()
    after = processed(before)
    new_of = dict(
        zip((o.SOPInstanceUID for o in before), (n.SOPInstanceUID for n in after), strict=True)
    )
    led = 0
    for old, new in zip(before, after, strict=True):
        there = [uid for tag, uid in uids_of(old) if tag == 0x00081155 and uid in new_of]
        left = [uid for tag, uid in uids_of(new) if tag == 0x00081155]
        assert set(left) & set(new_of) == set()
        kept = [new_of[uid] for uid in there if new_of[uid] in left]
        led += len(kept)
    assert led > 5


def test_C40_no_original_uid_is_left_in_any_byte() -> None:
    for old in study():
        found = outcome(old, "retain-full-dates", "retain-safe-private")
        assert not isinstance(found, str)
        for _, uid in uids_of(old):
            assert is_registered(uid) or uid.encode() not in found[0]


def test_C42_no_two_uids_collapse_and_all_are_legal() -> None:
    pairs: dict[str, str] = {}
    made = engine()
    for entry in study():
        with made.prepare_bytes(encoded(entry)) as prepared:
            pairs.update(prepared.result.uids)
    assert len(pairs) > 15
    assert len(set(pairs.values())) == len(pairs)
    assert all(UID(new).is_valid and len(new) <= 44 for new in pairs.values())
    assert not set(pairs) & set(pairs.values())


def test_C45_new_uids_hold_no_time() -> None:
    for new in processed(study()[:1]):
        for uid in {uid for _, uid in uids_of(new) if uid.startswith("2.25.")}:
            assert uuid.UUID(int=int(uid[5:])).version == 8


def test_C43_uids_of_classes_and_vocabularies_stay() -> None:
    made = BUILDERS["ct"](PERSON)
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99X", "code"
    item.ContextUID = "1.2.840.10008.6.1.925"
    item.MappingResourceUID = "1.2.840.10008.8.1.1"
    item.CodingSchemeUID = "1.2.840.10008.2.6.1"
    made.ProcedureCodeSequence = [item]
    made.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"  # Talairach Brain Atlas
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.34.5"  # well-known instance
    made.ReferencedInstanceSequence = [reference]
    new = cleaned(made)
    for old, now in zip(made.ProcedureCodeSequence[0], new.ProcedureCodeSequence[0], strict=True):
        assert old.value == now.value
    assert new.FrameOfReferenceUID == made.FrameOfReferenceUID
    assert new.SOPClassUID == made.SOPClassUID
    (kept,) = new.ReferencedInstanceSequence
    assert kept.ReferencedSOPClassUID == reference.ReferencedSOPClassUID
    assert kept.ReferencedSOPInstanceUID == reference.ReferencedSOPInstanceUID


@pytest.mark.parametrize("keyword", CONSISTENT)
def test_C44_a_uid_is_renewed_alike_in_every_object_and_depth(keyword: str) -> None:
    tag = tables.keyword_to_tag(keyword)
    assert tag is not None
    old = f"{PERSON.uid_root}.77.1"
    objects = [BUILDERS[kind](PERSON) for kind in ("ct", "report", "enhanced")]
    for made in objects:
        made.add_new(tag, "UI", old)
        inside, deeper = Dataset(), Dataset()
        inside.add_new(tag, "UI", old)
        deeper.ProcedureCodeSequence = Sequence([inside])
        made.PixelMeasuresSequence = Sequence([deeper])
    found = set()
    for new in processed(objects):
        top = new.get(tag)
        deep = new.PixelMeasuresSequence[0].ProcedureCodeSequence[0].get(tag)
        found |= {element.value for element in (top, deep) if element is not None}
    assert len(found) == 1
    assert old not in found


def test_C46_what_belongs_to_an_entity_is_the_same_in_all_its_instances() -> None:
    after = processed([*study(), *(ct(PEOPLE[1], number) for number in (1, 2))])
    for person in itertools.groupby(after, key=lambda new: new.PatientID):
        group = list(person[1])
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyID", "StudyDate"):
            assert len({str(new.get(keyword)) for new in group}) == 1
    assert len({new.PatientID for new in after}) == 2
    by_series: dict[str, set[str]] = {}
    for new in after:
        by_series.setdefault(new.SeriesInstanceUID, set()).add(str(new.get("SeriesNumber")))
    assert all(len(numbers) == 1 for numbers in by_series.values())


def test_C46_the_same_number_from_another_hospital_is_another_patient() -> None:
    objects = [ct(PERSON), ct(PERSON), ct(PERSON)]
    objects[1].IssuerOfPatientID = "ANOTHER"
    objects[2].PatientID = f" {PERSON.patient_id} "
    one, other, padded = processed(objects)
    assert one.PatientID != other.PatientID
    assert one.PatientID == padded.PatientID


IMAGE_COMMENTS = 0x00204000


def test_C47_uids_inside_text_are_renewed() -> None:
    made = BUILDERS["ct"](PERSON)
    made.ImageComments = f"after {made.StudyInstanceUID}, see {made.SOPInstanceUID}."
    new = cleaned(made, rules=(keep(IMAGE_COMMENTS),))
    assert new.ImageComments == f"after {new.StudyInstanceUID}, see {new.SOPInstanceUID}."


OLD_UID = "1.2.840.99999.1"  # shorter than any that is made new
FILTER, VERSION, KERNEL, MEANING = 0x00181160, 0x00181020, 0x00181210, 0x00080104


def test_C47_a_text_that_a_new_uid_makes_too_long_goes_as_its_type_allows() -> None:
    made = BUILDERS["ct"](PERSON)
    made.FilterType = OLD_UID  # SH
    made.Manufacturer = f"{OLD_UID} " + "x" * 40  # LO, Type 2
    made.SoftwareVersions = ["1.0", f"{OLD_UID} " + "x" * 40]
    made.ProcedureCodeSequence = Sequence([Dataset()])
    made.ProcedureCodeSequence[0].CodeMeaning = f"{OLD_UID} " + "x" * 40  # LO, Type 1
    found = outcome(made)
    assert not isinstance(found, str)
    new = reread(found[0])
    assert "FilterType" not in new
    assert new.Manufacturer == ""
    assert "SoftwareVersions" not in new
    assert new.ProcedureCodeSequence[0].CodeMeaning == "ANONYMIZED"
    assert OLD_UID.encode() not in found[0]
    assert {(one.kind, one.done) for one in found[1].findings} == {("uid", "repaired")}


def long_enough(vr: str) -> int:
    """The most characters that a value may have."""
    return values.rules(vr).longest or 1 << 20


@pytest.mark.parametrize(
    ("vr", "length"),
    [
        (vr, length)
        for vr in ("LO", "SH", "ST", "LT", "UC", "UT")
        for length in (15, 16, 34, 35, 36, 64, 994, 995, 1024, 10211, 10212, 10240, 60000)
        if length <= long_enough(vr)
    ],
)
def test_C47_renewed_texts_are_legal(vr: str, length: int) -> None:
    text = f"{OLD_UID}-{'y' * 60000}"[:length]
    renewed = length - len(OLD_UID) + len(Identity(KEY).uid(OLD_UID))
    private = BUILDERS["ct"](PERSON)
    block = private.private_block(0x0011, "ACME 1.0", create=True)
    block.add_new(1, vr, text)
    rule = Rule(Selector("private", 0x00110001, creator="ACME 1.0"), "keep", {}, origin="test")
    tag = {"LO": VERSION, "SH": FILTER, "ST": 0x00082111, "LT": IMAGE_COMMENTS}.get(vr, 0x0040A160)
    standard = BUILDERS["ct"](PERSON)
    standard.add_new(tag, vr, text)
    for made, place, rules_ in ((private, 0x00111001, rule), (standard, tag, keep(tag))):
        found = outcome(made, rules=(rules_,))
        assert not isinstance(found, str)
        assert OLD_UID.encode() not in found[0]
        new = reread(found[0])
        assert (place in new) == (renewed <= long_enough(vr))
        if place in new:
            assert len(new[place].value) == renewed


def test_C47_a_text_that_was_too_long_before_may_stay_as_long() -> None:
    made = BUILDERS["ct"](PERSON)
    long_uid = "1.2.840.113619." + "2" * 48
    made.add_new(VERSION, "LO", f"{long_uid} " + "x" * 40)
    new = cleaned(made)
    assert new.SoftwareVersions.endswith(" " + "x" * 40)
    assert long_uid not in new.SoftwareVersions


def test_C47_where_findings_quarantine_a_text_that_cannot_be_renewed_does() -> None:
    made = BUILDERS["ct"](PERSON)
    made.FilterType = OLD_UID
    assert outcome(made, verify="quarantine") == "identifier-left"
    assert outcome(made, verify="report") == "identifier-left"


def test_C47_uids_in_reports_and_private_strings_are_renewed() -> None:
    made = BUILDERS["report"](PERSON)
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "UIDREF"
    item.UID = made.StudyInstanceUID
    made.ContentSequence = Sequence([*made.ContentSequence, item])
    block = made.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x60, "LO", f"ref {made.SeriesInstanceUID}")
    found = outcome(made, "retain-safe-private", rules=(keep(0x0040A730),))
    assert not isinstance(found, str)
    new = reread(found[0])
    assert new.StudyInstanceUID == new.ContentSequence[-1].UID
    assert made.SeriesInstanceUID.encode() not in found[0]
