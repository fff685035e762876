"""C02, C06, C51: a dummy sequence is one valid item that says nothing."""

from __future__ import annotations

import pytest
from pydicom import examples
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread

from deident import tables
from deident.dicom.elements import EXPLICIT_LE
from deident.dicom.uids import is_registered
from deident.engine.dummies import dummy_items, has_items
from deident.profiles.standard import effective_table, resolve
from tests.engine.support import context, dciodvfy, element, sequence, to_dataset

DUMMY_ROWS = [
    row.value for row in tables.annex_e() if "D" in row.basic and tables.vr_of(row.value) == "SQ"
]
# What the type of these sequences' place asks for is known by no table; the generic item will do.
assert len(DUMMY_ROWS) == 9
SEQUENCES = [known.tag for known in tables.attributes() if known.vr == "SQ"]
SOP_CLASSES = [f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "88.11", "11.1", "9.1.1", "481.3")]


@pytest.mark.parametrize("tag", DUMMY_ROWS)
def test_C02_every_sequence_that_can_become_a_dummy_has_one_item(tag: int) -> None:
    items = dummy_items(tag, context(), EXPLICIT_LE)
    assert len(items) == 1
    assert items[0]


@pytest.mark.parametrize("tag", DUMMY_ROWS)
def test_C51_dummy_items_do_not_depend_on_the_instance(tag: int) -> None:
    layer = sequence(0x00700060, [element(0x00700002, "CS", "L")])
    one = context(layer, element(0x00100010, "PN", "Roe^Jane"), element(0x0020000D, "UI", "1.2"))
    other = context(layer, element(0x00100010, "PN", "Doe^Joe"), element(0x0020000D, "UI", "1.3"))
    assert dummy_items(tag, one, EXPLICIT_LE) == dummy_items(tag, other, EXPLICIT_LE)


def report() -> Dataset:
    made = dcmread(get_testdata_file("reportsi.dcm"))
    made.VerificationFlag = "VERIFIED"
    made.VerifyingObserverSequence = to_dataset(dummy_items(0x0040A073, context(), EXPLICIT_LE))
    return made


def presentation_state() -> Dataset:
    image = examples.ct
    made = Dataset()
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
        setattr(made, keyword, image.get(keyword, ""))
    for keyword in ("StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"):
        setattr(made, keyword, image.get(keyword, ""))
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    made.SOPInstanceUID, made.SeriesInstanceUID = "2.25.1", "2.25.2"
    made.StudyInstanceUID = image.StudyInstanceUID
    made.Modality, made.SeriesNumber, made.InstanceNumber = "PR", 1, 1
    made.Manufacturer, made.PresentationLUTShape = "Test", "IDENTITY"
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "TEST", "", ""
    made.PresentationCreationDate, made.PresentationCreationTime = "20200101", "120000"
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedImageSequence = "2.25.3", [reference]
    made.ReferencedSeriesSequence = [series]
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "LESIONS", 1
    made.GraphicLayerSequence = [layer]
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [image.Columns, image.Rows]
    area.PresentationSizeMode, area.PresentationPixelAspectRatio = "SCALE TO FIT", [1, 1]
    made.DisplayedAreaSelectionSequence = [area]
    text, note = Dataset(), Dataset()
    text.AnchorPointAnnotationUnits, text.UnformattedTextValue = "PIXEL", "Jane Roe"
    text.AnchorPoint, text.AnchorPointVisibility = [1, 1], "N"
    note.GraphicLayer, note.TextObjectSequence = "LESIONS", [text]
    made.GraphicAnnotationSequence = [note]
    return made


def electrocardiogram() -> Dataset:
    return dcmread(get_testdata_file("waveform_ecg.dcm"))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("make", "tags"),
    [
        (report, (0x0040A730, 0x0040A073, 0x00081111, 0x00081072)),
        (presentation_state, (0x00700001, 0x00080082)),
        (electrocardiogram, (0x0040B020, 0x00081111)),
    ],
)
def test_C06_dummy_items_add_no_error(make, tags) -> None:  # type: ignore[no-untyped-def]
    original = make()
    before = dciodvfy(original)
    layers = sequence(0x00700060, [element(0x00700002, "CS", "LESIONS")])
    for tag in tags:
        items = dummy_items(tag, context(layers), EXPLICIT_LE)
        original.add_new(tag, "SQ", to_dataset(items))
    assert dciodvfy(original) <= before


def test_C02_items_are_known_wherever_a_type_1_sequence_becomes_a_dummy() -> None:
    """Over all IODs: what is not in the table of items is a code sequence, for which one serves."""
    table = effective_table()
    for sop_class in SOP_CLASSES:
        for tag in SEQUENCES:
            type_ = tables.attribute_type(sop_class, (), tag)
            row = table.row(tag, "SQ")
            if row and type_ and resolve(row.code, "SQ", type_, True) == "D":
                known = tables.attribute(tag)
                assert has_items(tag) or (known and known.keyword.endswith("CodeSequence"))


def test_C06_every_dummy_reference_names_a_registered_class() -> None:
    for tag in (0x00081110, 0x00081111):
        (item,) = dummy_items(tag, context(), EXPLICIT_LE)
        classes = [value for number, _, value in item if number == 0x00081150]
        assert [is_registered(str(value, "ascii")) for value in classes] == [True]  # type: ignore[arg-type]
