"""The filter language: meaning against an independent evaluator, errors with their place."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deident.errors import InstanceError, ProfileError
from deident.profiles.expression import ExpressionError, parse

VALUES = {
    0x00080060: "CT",
    0x00080008: r"DERIVED\PRIMARY\AXIAL",
    0x00101010: "090Y",
    0x00200011: "2 ",
    0x00180050: r"1.5\2",
    0x00081030: "",
    0x00100020: "12345678901234567",
    0x00080020: "20200131",
    (0x00400275, 0x00400009): r"A1\B2",
    (0x0019000C, "SIEMENS MR HEADER"): "1000",
    0x00104000: r"one\two",
    0x00020010: "1.2.840.10008.1.2",
}


def holds(text: str) -> bool:
    return parse(text).evaluate(VALUES.get)


@pytest.mark.parametrize(
    "text",
    [
        'Modality == "CT"',
        "Modality == 'CT'",
        '(0008,0060) == "CT"',
        '[0008,0060] == "CT" and 00080060 == "CT"',
        '/Modality == "CT"',
        'Modality != "MR"',
        'Modality ~= "ct"',
        'Modality ~in ["mr", "ct"]',
        'not Modality == "MR"',
        'not not (Modality == "CT")',
        'Modality == "MR" or Modality == "CT" and true',
        '(Modality == "MR" or true) and not false',
        r'ImageType contains "PRIMARY\\AXIAL"',
        r'ImageType matches "DERIVED\\PRIMARY.*"',
        r'ImageType ~matches "derived.*"',
        'ImageType startswith "DERIVED" and ImageType endswith "AXIAL"',
        'ImageType ~startswith "derived" and ImageType ~endswith "axial"',
        'ImageType ~contains "primary"',
        'any(ImageType == "PRIMARY")',
        'any(ImageType in ["X", "AXIAL"])',
        'all(ImageType matches "[A-Z]+")',
        'not all(ImageType == "AXIAL")',
        "SeriesNumber == 2 and SeriesNumber <= 2 and SeriesNumber >= 2.0",
        "SeriesNumber < 3 and SeriesNumber > -1 and SeriesNumber in [1, 2]",
        'SeriesNumber == "2"',
        "PatientAge > 89 and PatientAge < 91",
        "StudyDate < 20200201",
        "any(SliceThickness > 1.9) and all(SliceThickness >= 1.5)",
        "PatientID == 12345678901234567 and PatientID != 12345678901234568",
        "exists(Modality) and missing(StationName) and empty(StudyDescription)",
        "exists(StudyDescription) and not empty(StationName)",
        'StudyDescription == ""',
        'StationName != "X" and not StationName == "X"',
        'not any(StationName == "X") and not all(StationName == "X")',
        "missing(StationName) or StationName > 3",
        'any(RequestAttributesSequence/ScheduledProcedureStepID == "B2")',
        '(0019,"SIEMENS MR HEADER",0C) >= 1000',
        r'any(PatientComments == "one\\two")',
        'Modality == "CT" # a comment\n  and true',
        r'Modality != "say \"CT\""',
        "not StudyDescription == 3",
        'TransferSyntaxUID == "1.2.840.10008.1.2"',
    ],
)
def test_what_holds(text):
    assert holds(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "Modality > 3",
        "Modality == 3",
        "Modality in [1]",
        "StationName > 3",
        "StationName > 3 or true",
        "StudyDescription < 3",
        "SliceThickness > 1",
        "PatientAge > 89 and SliceThickness == 2",
        'any(ImageType > 3)',
        "all(StationName > 3)",
    ],
)  # fmt: skip
def test_what_has_no_answer_raises_and_so_fails_closed(text):
    with pytest.raises(ExpressionError) as caught:
        holds(text)
    assert isinstance(caught.value, InstanceError)
    assert caught.value.code == "rule-failed"
    assert not any(value and value in str(caught.value) for value in VALUES.values())


def test_a_value_too_long_for_a_pattern_is_refused():
    expression = parse('StudyDescription matches "(a|b)*"')
    with pytest.raises(ExpressionError, match="too long"):
        expression.evaluate(lambda _key: "a" * 20_000)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        ("  # nothing", 1, 12, "empty"),
        ("Modality", 1, 9, "a comparison is expected"),
        ("Modality = 'CT'", 1, 10, "a comparison is expected"),
        ("Modality == CT", 1, 13, "text in quotation marks or a number"),
        ("Modality == 'CT", 1, 13, "text in quotation marks or a number"),
        ("Modality == 'CT' 'MR'", 1, 18, "and, or, or the end"),
        ("Modality == 'CT' &&", 1, 18, "and, or, or the end"),
        ("Modality == 'CT'\n  and Modalit == 'MR'", 2, 7, "did you mean Modality"),
        ("Modality contains 3", 1, 19, "text in quotation marks"),
        ("Modality ~= 3", 1, 13, "text in quotation marks"),
        ("Modality < 'a'", 1, 12, "needs a number"),
        ("Modality in 'CT'", 1, 13, r"\[ is missing"),
        ("Modality in ['CT'", 1, 18, "] is missing"),
        ("Modality matches '('", 1, 18, "not a regular expression"),
        ("(Modality == 'CT'", 1, 18, r"\) is missing"),
        ("any(Modality == 'CT' or true)", 1, 22, r"\) is missing"),
        ("Modality == 'CT' and", 1, 21, "an attribute is expected"),
        ("not and true", 1, 5, "an attribute is expected"),
        ("OverlayRows == 3", 1, 1, "names one attribute"),
        ("vr:PN == 'a'", 1, 1, "names one attribute"),
        ("**/ContentSequence/PersonName == 'a'", 1, 1, "whole path"),
        ("ImplementationClassUID == 'a'", 1, 1, "not part of the data set"),
        ("00080000 == 'a' or 00020002 == 'a'", 1, 20, "not part of the data set"),
        ("exists(Modality", 1, 16, r"\) is missing"),
        ("(" * 41 + "true" + ")" * 41, 1, 41, "nested deeper"),
        ("not " * 5000 + "true", 1, 1, "longer|nested deeper"),
        ("true or " * 2000 + "true", 1, 1, "longer than"),
    ],
)
def test_errors_say_where(text, line, column, message):
    with pytest.raises(ProfileError, match=message) as caught:
        parse(text)
    assert caught.value.code == "profile-invalid"
    if len(text) < 100:
        assert (caught.value.line, caught.value.column) == (line, column)


def test_what_an_expression_depends_on():
    expression = parse('Modality == "CT" and exists(ContentSequence/PersonName) or (0009,1001) < 2')
    assert expression.attributes == {0x00080060, 0x0040A730, 0x00091001}
    private = parse('exists((0019,"A",0C))').attributes
    assert 0x00190010 in private
    assert 0x0019100C in private
    assert 0x0019FF0C in private
    assert len(private) == 480


def test_an_expression_survives_pickling():
    expression = parse(r'Modality ~matches "c." and SeriesNumber == 2 and exists((0019,"A",0C))')
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.evaluate({**VALUES, (0x0019000C, "A"): "x"}.get) is True


# -- against an independent evaluator -----------------------------------------------------------

NAMES = {"Modality": 0x00080060, "StationName": 0x00081010, "ImageType": 0x00080008}
texts = st.text(alphabet="abA1.^ ", max_size=4)
values = st.none() | texts | st.lists(texts, min_size=2, max_size=3).map("\\".join)


class NoAnswer(Exception):
    pass


def number(value):
    if value is None or not re.fullmatch(r"-?\d+(\.\d*)?|\.\d+", value):
        raise NoAnswer
    return float(value)


def quoted(text):
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def text_test(word):
    tests = {
        "==": lambda v, o: v == o,
        "!=": lambda v, o: v != o,
        "contains": lambda v, o: v is not None and o in v,
        "startswith": lambda v, o: v is not None and v[: len(o)] == o,
        "endswith": lambda v, o: v is not None and v[len(v) - len(o) :] == o and len(v) >= len(o),
        "~=": lambda v, o: v is not None and v.lower() == o.lower(),
        "~contains": lambda v, o: v is not None and o.lower() in v.lower(),
    }
    return tests[word]


def number_test(word):
    return {
        "<": lambda v, o: number(v) < o,
        "<=": lambda v, o: number(v) <= o,
        ">": lambda v, o: number(v) > o,
        ">=": lambda v, o: number(v) >= o,
        "==": lambda v, o: bool(v) and number(v) == o,
        "!=": lambda v, o: not v or number(v) != o,
    }[word]


@st.composite
def comparisons(draw):
    name = draw(st.sampled_from(sorted(NAMES)))
    each = draw(st.sampled_from(["", "", "any", "all"]))
    if draw(st.booleans()):
        word = draw(
            st.sampled_from(["==", "!=", "contains", "startswith", "endswith", "~=", "~contains"])
        )
        operand = draw(texts)
        shown, test = quoted(operand), text_test(word)
    else:
        word = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
        operand = draw(st.integers(-2, 12))
        shown, test = str(operand), number_test(word)

    def evaluate(record):
        value = record[name]
        value = None if value is None else value.strip(" ")
        if not each or value is None:
            return test(value, operand)
        parts = [test(part.strip(" "), operand) for part in value.split("\\")]
        return True in parts if each == "any" else False not in parts

    text = f"{name} {word} {shown}"
    return (f"{each}({text})" if each else text), evaluate


@st.composite
def presences(draw):
    name = draw(st.sampled_from(sorted(NAMES)))
    word = draw(st.sampled_from(["exists", "missing", "empty"]))
    test = {
        "exists": lambda value: value is not None,
        "missing": lambda value: value is None,
        "empty": lambda value: value is not None and not value.strip(" "),
    }[word]
    return f"{word}({name})", lambda record: test(record[name])


def joined(children):
    def junction(parts):
        word, terms = parts
        shown = f" {word} ".join(f"({text})" for text, _ in terms)

        def evaluate(record):
            for _, term in terms:
                if term(record) == (word == "or"):
                    return word == "or"
            return word == "and"

        return shown, evaluate

    def negated(child):
        text, term = child
        return f"not ({text})", lambda record: not term(record)

    lists = st.lists(children, min_size=2, max_size=3)
    return st.tuples(st.sampled_from(["and", "or"]), lists).map(junction) | children.map(negated)


trees = st.recursive(comparisons() | presences(), joined, max_leaves=8)
records = st.fixed_dictionaries({name: values for name in NAMES})


@settings(max_examples=400)
@given(trees, records)
def test_the_meaning_is_that_of_an_independent_evaluator(tree, record):
    text, evaluate = tree
    by_tag = {NAMES[name]: value for name, value in record.items()}
    try:
        expected = evaluate(record)
    except NoAnswer:
        with pytest.raises(ExpressionError):
            parse(text).evaluate(by_tag.get)
        return
    assert parse(text).evaluate(by_tag.get) is expected


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["and", "or"]), min_size=1, max_size=6), st.data())
def test_and_binds_closer_than_or(words, data):
    constants = data.draw(st.lists(st.booleans(), min_size=len(words) + 1, max_size=len(words) + 1))
    text = str(constants[0]).lower()
    groups = [[constants[0]]]
    for word, value in zip(words, constants[1:], strict=True):
        text += f" {word} {str(value).lower()}"
        if word == "or":
            groups.append([])
        groups[-1].append(value)
    assert holds(text) is any(all(group) for group in groups)


@given(st.text(alphabet="Modality=!<>~\"'()[],/ 0\\andornt", max_size=40))
def test_any_text_is_read_or_refused_with_its_place(text):
    place = (1, 1)
    try:
        parse(text)
    except ProfileError as error:
        place = (error.line, error.column)
    assert min(place) >= 1
