"""Output names are legal on every file system, whatever stands in a file or in a template."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.endpoints.naming import (
    DEFAULT_TEMPLATE,
    MirrorNames,
    NameTemplate,
    numbered,
    safe_component,
)
from deident.errors import UsageError

ANYTHING = st.text(max_size=400)
LEGAL = re.compile(r'[^\x00-\x1f\x7f-\x9f/\\:*?"<>|\ud800-\udfff]+')


@given(ANYTHING)
def test_a_component_is_always_legal(text: str) -> None:
    component = safe_component(text)
    assert LEGAL.fullmatch(component)
    assert len(component.encode()) <= 255
    assert component not in (".", "..")
    assert component[0] not in "-.~"
    assert component[-1] not in " ."
    assert safe_component(component) == component


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("1.2.840.10008", "1.2.840.10008"),
        ("", "unknown"),
        ("..", "unknown"),
        ("COM1.dcm", "_COM1.dcm"),
        ("nul", "_nul"),
        ("nulla", "nulla"),
        ("a/../../etc/passwd", "a_.._.._etc_passwd"),
        ("Müller^Jörg", "Müller^Jörg"),
        ("山田^太郎", "山田^太郎"),
        ("a\x1b[31mb\n\x00", "a_[31mb__"),
        ("x\u202egnp.exe", "x_gnp.exe"),
        ("end. ", "end"),
        ("CT 1", "CT_1"),
        ("x\udcff", "x_"),
    ],
)
def test_components(text: str, component: str) -> None:
    assert safe_component(text) == component


def test_long_values_stay_apart_and_keep_their_extension() -> None:
    one, other = safe_component("é" * 300 + "1.dcm"), safe_component("é" * 300 + "2.dcm")
    assert one != other
    assert one.endswith(".dcm")
    assert len(one.encode()) <= 255


def test_the_usual_template() -> None:
    values = {
        "PatientID": "DEID-1",
        "StudyInstanceUID": "2.25.1",
        "SeriesInstanceUID": "2.25.2",
        "SOPInstanceUID": "2.25.3",
    }
    assert NameTemplate(DEFAULT_TEMPLATE).name(values) == "DEID-1/2.25.1/2.25.2/2.25.3.dcm"
    assert NameTemplate().name({}) == "unknown/unknown/unknown/unknown.dcm"


def test_fields_with_width_and_literals() -> None:
    template = NameTemplate("{Modality}-{SeriesNumber:03}/im{InstanceNumber:05}.dcm")
    assert template.fields == ("Modality", "SeriesNumber", "InstanceNumber")
    values = {"Modality": "CT", "SeriesNumber": "7", "InstanceNumber": "x"}
    assert template.name(values) == "CT-007/imx.dcm"


@given(st.dictionaries(st.sampled_from(["PatientID", "Modality", "StudyID"]), ANYTHING))
def test_values_never_add_or_take_a_folder(values: dict[str, str]) -> None:
    name = NameTemplate("{PatientID}/{Modality}_{StudyID}/x").name(values)
    assert name.count("/") == 2
    assert all(LEGAL.fullmatch(part) and part not in (".", "..") for part in name.split("/"))


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/x",
        "x/",
        "a//b",
        "../{PatientID}",
        "{Nothing}",
        "{PatientID",
        "a}",
        "{PatientID:x}",
        "a?",
    ],
)
def test_templates_that_cannot_be_used(template: str) -> None:
    with pytest.raises(UsageError, match="name template"):
        NameTemplate(template)


def test_numbered_names() -> None:
    assert numbered("a/b.dcm", 2) == "a/b_2.dcm"
    assert numbered("b", 3) == "b_3"
    assert numbered("a/.hidden", 2) == "a/.hidden_2"
    long = numbered("a/" + "x" * 255, 12)
    assert len(long) <= 257
    assert long.endswith("_12")


def test_mirrored_names_are_tokens() -> None:
    naming = MirrorNames(b"k" * 32)
    name = naming.name({}, "/in/Müller/CT/a.dcm", 4)
    folder, modality, file = name.split("/")
    assert re.fullmatch(r"[a-z2-7]{16}\.dcm", file)
    assert naming.name({}, "/else/where/Müller/b", 12).split("/")[0] == folder
    assert MirrorNames(b"l" * 32).name({}, "/in/Müller/CT/a.dcm", 4).split("/")[0] != folder
    assert "CT" not in modality


def test_mirrored_names_may_be_kept() -> None:
    assert MirrorNames(None).name({}, "/in/-a b/\udcff\n.dcm", 4) == "-a b/\udcff\n.dcm"
