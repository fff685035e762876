"""A profile file through the public interface, from its rules to the new instance."""

from __future__ import annotations

import pytest
from pydicom.data import get_testdata_file

import deident

PROFILE = """\
format: 1
name: trial
extends: basic
patient-prefix: TRIAL-
rules:
  - PatientComments: keep
  - select: StationName
    action: replace
    value: "{modality}-1"
    when: Modality == "CT"
  - select: InstitutionName
    action: replace
    value: nowhere
    when: Modality == "MR"
filters:
  - skip: Modality == "SR"
"""


def test_a_profile_file_is_carried_out(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(PROFILE)
    new = deident.deidentify(get_testdata_file("CT_small.dcm"), profile=path).dataset
    assert new.PatientID.startswith("TRIAL-")
    assert new.StationName == "CT-1"
    assert new.get("InstitutionName", "") != "nowhere"


def test_a_filter_is_carried_out(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(PROFILE.replace('skip: Modality == "SR"', "quarantine: SeriesNumber > 0"))
    with pytest.raises(deident.InstanceError) as caught:
        deident.deidentify(get_testdata_file("CT_small.dcm"), profile=path)
    assert caught.value.code == "filter"


def test_load_profile_knows_the_actions(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(PROFILE)
    profile = deident.load_profile(str(path), ["retain-uids"])
    assert profile.options == ("retain-uids",)
    assert [rule.action for rule in profile.rules] == ["keep", "replace", "replace"]


def test_a_filter_may_ask_for_the_transfer_syntax(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(
        'format: 1\nname: x\nfilters: [{quarantine: TransferSyntaxUID == "1.2.840.10008.1.2.1"}]\n'
    )
    with pytest.raises(deident.InstanceError) as caught:
        deident.deidentify(get_testdata_file("CT_small.dcm"), profile=path)
    assert caught.value.code == "filter"
    assert deident.deidentify(get_testdata_file("MR_small_implicit.dcm"), profile=path).data
