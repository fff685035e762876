"""Which rule decides, and what becomes of an attribute in a file."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence

import deident
from deident.app.explain import explain, explain_in_file
from deident.errors import UsageError

CT = get_testdata_file("CT_small.dcm")
BASIC = deident.load_profile("basic")

RULES = """\
format: 1
name: trial
extends: basic
rules:
  - {select: StationName, action: keep, when: Modality == "MR"}
  - {select: StationName, action: replace, value: new, when: Modality == "CT"}
  - {select: ContentSequence/TextValue, action: keep}
"""


@pytest.fixture
def trial(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(RULES)
    return deident.load_profile(path)


@pytest.fixture
def nested(tmp_path):
    """A CT with names inside a sequence that stays, and inside one that goes."""
    dataset = dcmread(CT)
    item = Dataset()
    item.PersonName = "Planted^Name"
    item.TextValue = "text"
    dataset.ContentSequence = Sequence([Dataset(), item])
    gone = Dataset()
    gone.PatientName = "Planted^Other"
    dataset.OtherPatientIDsSequence = Sequence([gone])
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    path = tmp_path / "nested.dcm"
    path.write_bytes(stream.getvalue())
    return path


def test_the_row_of_the_table_and_its_options():
    found = explain(BASIC, "StationName")
    assert (found.tag, found.keyword, found.vr) == (0x00081010, "StationName", "SH")
    assert (found.row.table, found.row.basic) == ("Table E.1-1", "X/Z/D")
    assert found.row.options == {"retain-device-identity": "K"}
    assert found.by_type == {"1": "D", "2": "Z", "3": "X"}
    (link,) = found.links
    assert (link.origin, link.action, link.when) == ("Table E.1-1 (0008,1010)", "dummy", "")


def test_an_option_decides():
    profile = deident.load_profile("basic", ["retain-device-identity"])
    (link,) = explain(profile, "StationName").links
    assert link.action == "keep"
    assert link.origin.endswith("retain-device-identity")


def test_the_supplement_says_why():
    found = explain(BASIC, "PatientBirthDateInAlternativeCalendar")
    assert found.row.table == "supplement"
    assert found.row.reason


def test_rules_come_in_order_of_precedence(trial):
    links = explain(trial, "StationName").links
    assert [(link.origin, link.when, link.holds) for link in links] == [
        ("trial.yaml:6", 'Modality == "CT"', None),
        ("trial.yaml:5", 'Modality == "MR"', None),
        ("Table E.1-1 (0008,1010)", "", None),
    ]


@pytest.mark.parametrize(
    ("attribute", "options", "action"),
    [
        ("Modality", (), "keep"),
        ("60xx3000", (), "remove"),
        ("(0019,100C)", (), "remove"),
        ('(0019,"SIEMENS MR HEADER",0C)', (), "remove"),
        ('(0019,"SIEMENS MR HEADER",0C)', ("retain-safe-private",), "keep"),
        ("ContentSequence/PersonName", (), "dummy"),
        ("00020010", (), "remove"),
        ("InstanceCreationDate", ("retain-modified-dates",), "shift-date"),
    ],
)
def test_without_a_file(attribute, options, action):
    (link,) = explain(deident.load_profile("basic", options), attribute).links
    assert link.action == action


@pytest.mark.parametrize("attribute", ["vr:PN", "*", "(0010,xxxx)", "private:*", "Nonsense"])
def test_it_must_be_one_attribute(attribute):
    with pytest.raises(UsageError):
        explain(BASIC, attribute)


def test_in_a_file_conditions_are_answered(trial):
    found = explain_in_file(trial, "StationName", CT)
    assert found.sop_class == "1.2.840.10008.5.1.4.1.1.2"
    (one,) = found.occurrences
    assert (one.path, one.tag, one.type) == ((), 0x00081010, "3")
    assert [link.holds for link in one.links] == [True, False, None]
    assert (one.outcome, one.origin) == ("replaced", "trial.yaml:6")
    assert (one.before, one.after) == ("", "")


def test_values_only_when_asked_for(trial):
    (one,) = explain_in_file(trial, "StationName", CT, values=True).occurrences
    assert (one.before, one.after) == (dcmread(CT).StationName, "new")


def test_every_occurrence_at_any_depth(nested):
    found = explain_in_file(BASIC, "PatientName", nested, values=True)
    assert [one.path for one in found.occurrences] == [(), (0x00101002, 0)]
    top, inner = found.occurrences
    assert top.outcome == "replaced"
    assert top.after.startswith("DEID-")
    assert (inner.outcome, inner.after) == ("removed", "")
    assert "(0010,1002)" in inner.origin


def test_a_path_selects_its_occurrences(nested, trial):
    found = explain_in_file(trial, "ContentSequence/TextValue", nested)
    (one,) = found.occurrences
    assert one.path == (0x0040A730, 1)
    assert one.links[0].origin == "trial.yaml:7"
    assert explain_in_file(trial, "/TextValue", nested).occurrences == ()


def test_private_attributes_by_creator_and_by_number():
    by_creator = explain_in_file(BASIC, '(0043,"GEMS_PARM_01",10)', CT).occurrences
    assert [one.tag for one in by_creator] == [0x00431010]
    assert by_creator[0].outcome == "removed"
    assert explain_in_file(BASIC, '(0043,"OTHER",10)', CT).occurrences == ()
    by_number = explain_in_file(BASIC, "00431010", CT).occurrences
    assert [one.tag for one in by_number] == [0x00431010]


def test_an_instance_that_fails_says_why(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(RULES + "  - {select: StudyID, action: keep, when: PatientName > 3}\n")
    found = explain_in_file(deident.load_profile(path), "StudyID", CT)
    assert "[rule-failed]" in found.failure
    (one,) = found.occurrences
    assert [link.holds for link in one.links] == [None, None]
    assert one.outcome == ""


def test_an_attribute_that_is_not_there():
    assert explain_in_file(BASIC, "PatientMotherBirthName", CT).occurrences == ()


def test_a_file_that_only_the_lenient_reader_reads():
    path = get_testdata_file("SC_rgb_jpeg.dcm")
    (one,) = explain_in_file(BASIC, "SOPInstanceUID", path).occurrences
    assert one.outcome == "replaced"
