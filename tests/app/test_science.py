"""Numbers behind `deident compare`: how values are related, moves of times, the SUV factor."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from deident.app.science.allowed import Allowance, Step
from deident.app.science.checks import CHECKS, attribute_at
from deident.app.science.clocks import DAY, SECOND, Move, agree, moment, moment_of, move, reference
from deident.app.science.suv import Factor, Inputs, factor
from deident.app.science.values import relate
from deident.tables import keyword_to_tag


@pytest.mark.parametrize(
    ("before", "after", "relation"),
    [
        ("1.50", "1.5", "same"), ("1500", "1.5e3", "same"), ("0.703125", "0.7031", "rounded"),
        ("0.703125", "0.70", "rounded"), ("0.703125", "0.71", "changed"),
        ("5200", "5000", "changed"),
        ("-611.25", "-611.2", "rounded"), ("-611.25", "611.25", "changed"), ("2.6", "3", "rounded"),
        ("0.1", repr(0.10000000149011612), "rounded"), ("0", "0.0", "same"),
        ("0", "1e-9", "changed"),
    ],
)  # fmt: skip
def test_numbers_are_the_same_rounded_or_changed(before, after, relation):
    assert relate((Decimal(before),), (Decimal(after),)) == relation


def test_numbers_of_another_count_or_kind_are_changed():
    one = Decimal(1)
    assert relate((one,), (one, one)) == "changed"
    assert relate((one,), ("1",)) == "changed"
    assert relate(("AP",), ("AP",)) == "same"


def test_moments_move_by_date_and_time():
    before, after = moment("20240229", "235959.5"), moment("20240301", "000000.5")
    assert move(before, after) == Move("full", SECOND)
    assert move(moment("20240229", ""), after) == Move("date", DAY)
    assert move(moment("", "10"), moment("", "0930")) == Move("time", DAY - 30 * 60 * SECOND)
    assert move(moment("20240229", ""), moment("", "10")) is None
    assert moment("2024", "") is None
    assert moment_of("2024") is None
    assert moment_of("20240101010000+0200") == moment("20231231", "230000")
    assert moment_of("20240101").clock is None


def test_moves_agree_as_far_as_they_are_known():
    day, more = Move("full", -3 * DAY), Move("full", -3 * DAY + SECOND)
    assert agree(day, Move("time", 0))
    assert agree(day, Move("date", -3 * DAY))
    assert not agree(day, more)
    assert not agree(more, Move("time", 0))
    assert not agree(day, Move("date", -4 * DAY))
    assert agree(Move("date", 0), Move("time", SECOND))
    assert reference([(day, 1), (more, 1)]) == day  # whole days when in doubt
    assert reference([(day, 1), (more, 2)]) == more
    assert reference([(Move("date", -DAY), 1), (Move("time", 0), 5)]) == Move("full", -DAY)
    assert reference([]) is None


PLAIN = Inputs(
    units="BQML", decay_correction="START", corrected=("DECY", "ATTN"), weight=70.0, dose=3.7e8,
    half_life=6586.2, injected=36_000.0, injected_clock=36_000.0, series=39_600.0,
    acquisition=39_600.0, ge_scan=None, reference=0.0, duration=120_000.0, philips_factor=None,
)  # fmt: skip


def test_the_suv_factor_is_weight_by_decayed_dose():
    expected = 70_000 / (3.7e8 * 0.5 ** (3600 / 6586.2))
    assert factor(PLAIN).value == pytest.approx(expected, rel=1e-12)
    moved = PLAIN._replace(injected=36_000.0 - 86_400, series=39_600.0 - 86_400,
                           acquisition=39_600.0 - 86_400)  # fmt: skip
    assert factor(moved) == factor(PLAIN)
    assert factor(PLAIN._replace(injected=None)) == factor(PLAIN)
    assert factor(PLAIN._replace(decay_correction="ADMIN")).value == pytest.approx(70_000 / 3.7e8)


def test_a_series_time_that_was_overwritten_is_not_used():
    later = PLAIN._replace(series=50_000.0)
    average = math.log(2) / 6586.2
    turn = average * 120
    middle = math.log(turn / (1 - math.exp(-turn))) / average
    wanted = PLAIN._replace(series=39_600.0 + middle, acquisition=None)
    assert factor(later).value == pytest.approx(factor(wanted).value, rel=1e-12)
    assert factor(later._replace(ge_scan=39_600.0)) == factor(PLAIN)
    assert factor(later._replace(duration=None)) == Factor(None, ("SeriesTime",))


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"units": "GML"}, Factor(1.0)),
        ({"units": "CNTS", "philips_factor": 0.5}, Factor(0.5)),
        ({"units": "CNTS"}, Factor(None, ("Philips SUV factor",))),
        ({"units": "PROPCNTS"}, Factor(None)),
        ({"corrected": ("DECY",)}, Factor(None)),
        ({"decay_correction": "NONE"}, Factor(None)),
        ({"weight": None}, Factor(None, ("PatientWeight",))),
        ({"dose": None, "half_life": None},
         Factor(None, ("RadionuclideTotalDose", "RadionuclideHalfLife"))),
        ({"injected": None, "injected_clock": None},
         Factor(None, ("RadiopharmaceuticalStartTime",))),
    ],
)  # fmt: skip
def test_suv_factors_of_other_kinds(changed, wanted):
    assert factor(PLAIN._replace(**changed)) == wanted


def test_what_may_go_and_what_may_differ():
    basic, kept = Allowance(()), Allowance(("retain-patient-characteristics",))
    weight, rows = Step(0x00101030, "DS", None), Step(0x00280010, "US", None)
    assert basic.why([weight]) == "Table E.1-1 (0010,1030) X"
    assert basic.why([weight], other=True) == ""
    assert kept.why([weight]) == ""
    assert basic.why([rows]) == ""
    content = Step(0x0040A730, "SQ", None)
    assert basic.why([content, rows], other=True).startswith("Table E.1-1 (0040,A730)")
    images = Step(0x00081140, "SQ", None)
    assert basic.why([images])
    assert basic.why([images], other=True) == ""
    b_value = Step(0x0019100C, "IS", "SIEMENS MR HEADER")
    assert basic.why([b_value]) == "Table E.1-1 Private Attributes"
    assert Allowance(("retain-safe-private",)).why([b_value]) == ""


def test_every_keyword_of_the_table_exists():
    for check, row in CHECKS.items():
        assert len(row.head) <= 5
        for keyword in row.keywords.split():
            tag = keyword_to_tag(keyword)
            assert tag is not None, keyword
            found = attribute_at(tag, "", None)
            assert found is not None
            assert (found.check, found.name) == (check, keyword)
