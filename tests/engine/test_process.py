"""The engine on whole files: both ways agree, the result is a valid file, nothing is left."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_files
from pydicom.dataelem import DataElement
from pydicom.dataset import FileDataset

from deident.dicom import part10
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.engine.pseudonyms import Identity
from deident.errors import InstanceError
from deident.profiles.model import FilterRule, Profile, Rule, Selector
from tests.make import BUILDERS, PEOPLE, ct, encoded
from tests.raw import File, element

KEY = bytes(range(32))
BASIC = Profile("basic")


def engine(profile: Profile = BASIC, **options: bool) -> Engine:
    return Engine(Plan(profile), Identity(KEY), **options)


def outcome(made: Engine, source: Path | bytes, tmp_path: Path) -> bytes | str:
    """The new file's bytes, or the code of the refusal."""
    try:
        if isinstance(source, bytes):
            prepared = made.prepare_bytes(source)
        else:
            prepared = made.prepare(str(source))
        with prepared:
            target = tmp_path / "out"
            with target.open("wb") as file:
                prepared.write(file.fileno())
            prepared.commit()
            return target.read_bytes()
    except InstanceError as error:
        return error.code


def deidentified(made: FileDataset, tmp_path: Path, profile: Profile = BASIC) -> FileDataset:
    result = outcome(engine(profile), encoded(made), tmp_path)
    assert isinstance(result, bytes), result
    return pydicom.dcmread(io.BytesIO(result))


def same(before: DataElement | None, after: DataElement) -> bool:
    return before == after or (before is not None and before.is_empty and after.is_empty)


def wheel_files() -> list[Path]:
    return sorted(Path(name) for name in get_testdata_files() if Path(name).is_file())


def test_remembering_changes_nothing_on_the_wheels_files(tmp_path: Path) -> None:
    long_way, short_way = engine(remembering=False), engine()
    files = wheel_files() * 2
    random.Random(7).shuffle(files)
    written = 0
    for path in files:
        expected = outcome(long_way, path, tmp_path)
        assert outcome(short_way, path, tmp_path) == expected, path.name
        written += isinstance(expected, bytes)
    assert written > len(files) // 2
    assert short_way.take_tally() == long_way.take_tally()
    assert short_way.take_texts() == long_way.take_texts()


@pytest.mark.samples
def test_remembering_changes_nothing_on_the_samples(samples: Path, tmp_path: Path) -> None:
    long_way, short_way = engine(remembering=False), engine()
    files = sorted(path for path in samples.rglob("*") if path.is_file())
    for path in [*files, *reversed(files)]:
        assert outcome(short_way, path, tmp_path) == outcome(long_way, path, tmp_path), path.name
    assert short_way.take_tally() == long_way.take_tally()
    assert short_way.take_texts() == long_way.take_texts()


@pytest.mark.parametrize("options", [(), ("retain-uids",), ("retain-safe-private",)])
def test_a_series_takes_the_short_way_with_the_same_result(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    profile = BASIC._replace(options=options)
    long_way, short_way = engine(profile, remembering=False), engine(profile)
    walks = []
    walk = short_way._walk
    short_way._walk = lambda file: walks.append(file) or walk(file)  # type: ignore[method-assign]
    for number in range(1, 30):
        data = encoded(ct(PEOPLE[0], number))
        assert outcome(short_way, data, tmp_path) == outcome(long_way, data, tmp_path)
    assert len(walks) < 10
    assert short_way.take_tally() == long_way.take_tally()
    assert short_way.take_texts() == long_way.take_texts()


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_every_kind_of_object_comes_out_readable_and_without_its_person(
    kind: str, tmp_path: Path
) -> None:
    person = PEOPLE[0]
    made = BUILDERS[kind](person)
    result = outcome(engine(), encoded(made), tmp_path)
    assert isinstance(result, bytes), result
    for needle in person.needles():
        assert needle not in result
    new = pydicom.dcmread(io.BytesIO(result))
    assert new.PatientIdentityRemoved == "YES"
    assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID
    assert new.SOPInstanceUID != made.SOPInstanceUID
    assert new.SOPClassUID == made.SOPClassUID
    if "PixelData" in made:
        assert new.PixelData == made.PixelData


def test_elements_come_out_in_order_and_none_twice(tmp_path: Path) -> None:
    data = outcome(engine(), encoded(BUILDERS["ct"](PEOPLE[0])), tmp_path)
    assert isinstance(data, bytes)
    tags = [element.tag for element in part10.from_bytes(data).elements()]
    assert tags == sorted(set(tags))


def test_the_same_key_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    sources = [encoded(BUILDERS[kind](PEOPLE[i % 3])) for i, kind in enumerate(sorted(BUILDERS))]
    forwards = [outcome(engine(), data, tmp_path) for data in sources]
    made = engine()
    backwards = [outcome(made, data, tmp_path) for data in reversed(sources)]
    assert forwards == backwards[::-1]


def test_a_filter_that_fails_quarantines(tmp_path: Path) -> None:
    data = encoded(BUILDERS["ct"](PEOPLE[0]))
    skip = BASIC._replace(filters=(FilterRule('Modality == "CT"', "skip"),))
    assert outcome(engine(skip), data, tmp_path) == "filtered"
    keep_out = BASIC._replace(filters=(FilterRule('Modality == "CT"', "quarantine"),))
    assert outcome(engine(keep_out), data, tmp_path) == "filter"
    failing = BASIC._replace(filters=(FilterRule("PatientName > 5", "accept"),))
    assert outcome(engine(failing), data, tmp_path) == "filter-failed"


def test_the_first_filter_that_holds_decides(tmp_path: Path) -> None:
    filters = (FilterRule('Modality == "CT"', "accept"), FilterRule("exists(Modality)", "skip"))
    data = encoded(BUILDERS["ct"](PEOPLE[0]))
    assert isinstance(outcome(engine(BASIC._replace(filters=filters)), data, tmp_path), bytes)


def test_a_rule_overrides_the_table_and_takes_the_claim_away(tmp_path: Path) -> None:
    rule = Rule(Selector("tag", 0x00081030, text="StudyDescription"), "keep", origin="mine:1")
    made = BUILDERS["ct"](PEOPLE[0])
    made.StudyDescription = "Abdomen"
    new = deidentified(made, tmp_path, BASIC._replace(rules=(rule,)))
    assert new.StudyDescription == "Abdomen"
    assert "DeidentificationMethodCodeSequence" not in new
    assert len(deidentified(made, tmp_path).DeidentificationMethodCodeSequence) == 1


def test_keep_all_except_changes_only_what_rules_name(tmp_path: Path) -> None:
    rule = Rule(Selector("tag", 0x00100010, text="PatientName"), "empty", origin="mine:1")
    made = pydicom.dcmread(io.BytesIO(encoded(ct(PEOPLE[0]))))
    profile = Profile("edit", base="keep", rules=(rule,), verify="report")
    new = deidentified(made, tmp_path, profile)
    ours = {"PatientIdentityRemoved", "DeidentificationMethod", "ContributingEquipmentSequence"}
    changed = {
        str(element.tag)
        for element in new
        if element.keyword not in ours and not same(made.get(element.tag), element)
    }
    assert changed == {"(0010,0010)", "(0029,1002)"}  # a rule holds in private sequences too
    assert new[0x00291002][0].PatientName == ""
    assert new.PatientIdentityRemoved == "NO"
    assert not [element.tag for element in made if element.tag not in new and element.tag.element]


def test_uids_inside_text_are_renewed(tmp_path: Path) -> None:
    made = BUILDERS["ct"](PEOPLE[0])
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.add_new(0x00204000, "LT", "")
    profile = BASIC._replace(
        rules=(Rule(Selector("tag", 0x00204000, text="ImageComments"), "keep"),)
    )
    made.ImageComments = f"see {made.SOPInstanceUID} in {made.StudyInstanceUID}."
    new = deidentified(made, tmp_path, profile)
    assert new.ImageComments == f"see {new.SOPInstanceUID} in {new.StudyInstanceUID}."


def test_an_original_uid_in_an_unknown_value_does_not_stay(tmp_path: Path) -> None:
    made = BUILDERS["ct"](PEOPLE[0])
    made.add_new(0x00282000, "OB", made.SOPInstanceUID.encode() + b"\0" * 20)  # ICC Profile
    result = outcome(engine(), encoded(made), tmp_path)
    assert isinstance(result, bytes)
    assert made.SOPInstanceUID.encode() not in result


def test_an_overlay_in_the_pixels_is_cleared(tmp_path: Path) -> None:
    made = BUILDERS["ct"](PEOPLE[0])
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelRepresentation = 0
    count = len(made.PixelData) // 2
    made.PixelData = b"\x34\xf2" * count
    made.add_new(0x60000010, "US", made.Rows)
    made.add_new(0x60000100, "US", 16)
    made.add_new(0x60000102, "US", 15)
    new = deidentified(made, tmp_path)
    assert new.PixelData == b"\x34\x72" * count
    assert 0x60000102 not in new


def test_an_instance_without_a_patient_or_uids_is_refused(tmp_path: Path) -> None:
    made = BUILDERS["ct"](PEOPLE[0])
    del made.PatientID, made.StudyInstanceUID
    assert outcome(engine(), encoded(made), tmp_path) == "no-patient-id"


def test_a_name_in_the_form_of_a_sequence_is_quarantined(tmp_path: Path) -> None:
    made = ct(PEOPLE[0])
    del made.PatientName
    item = pydicom.Dataset()
    item.PatientID = "1234567"
    made.add_new(0x00100010, "SQ", [item])
    assert outcome(engine(), encoded(made), tmp_path) == "rule-failed"


def test_deep_nesting_takes_no_longer_with_remembering(tmp_path: Path) -> None:
    made = ct(PEOPLE[0])
    inner = pydicom.Dataset()
    inner.CodeMeaning = "0"
    for number in range(60):
        outer = pydicom.Dataset()
        outer.CodeMeaning = str(number)
        outer.AnatomicRegionSequence = [inner, inner] if number == 0 else [inner]
        inner = outer
    made.AnatomicRegionSequence = [inner]
    one = engine()
    results = []
    for number in range(6):
        made.AnatomicRegionSequence[0].CodeMeaning = f"top {number}"
        results.append(outcome(one, encoded(made), tmp_path))
        assert results[-1] == outcome(engine(remembering=False), encoded(made), tmp_path)


def test_a_name_in_a_kept_attribute_is_still_a_name(tmp_path: Path) -> None:
    made = ct(PEOPLE[0])
    made.add_new(0x00760090, "PN", "Brackenthwist^Oliveron")
    made.add_new(0x00081090, "PN", "Brackenthwist^Oliveron")
    result = outcome(engine(), encoded(made), tmp_path)
    assert isinstance(result, bytes)
    assert b"Brackenthwist" not in result


def name_in_removed_sequence(made: FileDataset, number: int) -> None:
    item = pydicom.Dataset()
    item.RequestedProcedureID = f"RP{number:05d}"
    item.RequestedProcedureDescription = "x" * 300
    if number > 6:
        item.RequestedProcedureComments = "y"
        item.OperatorsName = "Quillfeather^Ottoline"
        made.SequenceName = "Quillfeather"
    made.RequestAttributesSequence = [item]


def uid_in_a_blob_of_a_sequence(made: FileDataset, number: int) -> None:
    item = pydicom.Dataset()
    uid = made.StudyInstanceUID if number in (5, 8) else "no uid here"
    item.add_new(0x00282000, "OB", f"{uid} and slice {number} ".encode().ljust(90))
    made.OpticalPathSequence = [item]


def own_uid_in_a_blob_that_all_share(made: FileDataset, number: int) -> None:
    item = pydicom.Dataset()
    fourth = ct(PEOPLE[0], 4).SOPInstanceUID
    item.add_new(0x00282000, "OB", f"made from {fourth}".encode().ljust(90))
    made.OpticalPathSequence = [item]
    if number > 6:
        made.ImageComments = "varies"


@pytest.mark.parametrize(
    "change",
    [name_in_removed_sequence, uid_in_a_blob_of_a_sequence, own_uid_in_a_blob_that_all_share],
)
def test_what_appears_in_a_later_instance_is_found(
    change: Callable[[FileDataset, int], None], tmp_path: Path
) -> None:
    short_way = engine()
    for number in range(1, 11):
        made = ct(PEOPLE[0], number)
        change(made, number)
        expected = outcome(engine(remembering=False), encoded(made), tmp_path)
        assert outcome(short_way, encoded(made), tmp_path) == expected
        assert isinstance(expected, bytes)
        assert b"Quillfeather" not in expected


def test_version_numbers_are_no_uids(tmp_path: Path) -> None:
    made = ct(PEOPLE[0])
    made.SoftwareVersions = ["2.0.1.4.5", "epi 1.1.10.2.3 x"]
    assert list(deidentified(made, tmp_path).SoftwareVersions) == ["2.0.1.4.5", "epi 1.1.10.2.3 x"]


@pytest.mark.parametrize("form", ["SQ", "undefined SQ", "LO", "UT", "UC", "large UT"])
def test_what_is_no_pixel_data_is_not_left_unseen_because_it_has_its_tag(
    form: str, tmp_path: Path
) -> None:
    file, name = File.of(encoded(ct(PEOPLE[0]))), PEOPLE[0].name.encode()
    pixel_data = 0x7FE00010
    if form.endswith("SQ"):
        undefined = form.startswith("undefined")
        file.put_items(pixel_data, element(0x00100010, "PN", name), undefined=undefined)
    else:
        size = 2 << 20 if form.startswith("large") else 0
        file.put(pixel_data, form[-2:], b"read by " + name + b" " * size)
    result = outcome(engine(), file.encoded(), tmp_path)
    assert isinstance(result, bytes), result
    assert name.partition(b"^")[0] not in result
