"""Counts add up or the summary says that they do not."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from deident.app.reports import QUARANTINED, SKIPPED, WRITTEN, KeptTexts, RunSummary

OUTCOMES = st.tuples(
    st.sampled_from([(WRITTEN, ""), (SKIPPED, "duplicate"), (QUARANTINED, "bad-vr")]),
    st.sampled_from(["", "1.2", "1.3"]),
)


@given(st.lists(OUTCOMES), st.integers(-2, 2))
def test_a_complete_run_reconciles_only_when_everything_has_an_outcome(
    outcomes: list[tuple[tuple[str, str], str]], off: int
) -> None:
    summary = RunSummary("r")
    for (status, code), series in outcomes:
        summary.count(status, code, series, 10)
    summary.found = len(outcomes) + off
    summary.state = "complete"
    assert summary.reconciles is (off == 0)
    summary.state = "interrupted"
    assert summary.reconciles is (off >= 0)
    by_series = [sum(counts.values()) for counts in summary.as_json()["series"].values()]
    assert sum(by_series) == summary.done == len(outcomes)
    assert summary.bytes_out == 10 * summary.written


def test_a_summary_is_plain_data() -> None:
    summary = RunSummary("r")
    summary.observe([("identifier", "likely", "name", (), 0x00100010, "reported")], ["no-meta"])
    summary.add_tally({(0x00100010, "replace", "Z", "replaced", "row"): 2})
    summary.add_tally({(0x00100010, "replace", "Z", "replaced", "row"): 1})
    described = json.loads(json.dumps(summary.as_json()))
    assert described["changes"][0]["count"] == 3
    assert described["findings"] == [
        {
            "code": "identifier",
            "grade": "likely",
            "kind": "name",
            "done": "reported",
            "count": 1,
        }
    ]


def test_findings_to_review_are_well_founded_and_not_repaired() -> None:
    summary = RunSummary("r")
    for grade in ("certain", "likely", "weak", ""):
        for done in ("repaired", "reported", "quarantined"):
            summary.observe([("identifier", grade, "name", (), 0, done)], [])
    assert summary.to_review == 2


def test_what_may_be_a_patient_id_is_to_be_reviewed_however_weak() -> None:
    summary = RunSummary("r")
    for kind in ("name", "number", "patient-id"):
        for done in ("repaired", "reported"):
            summary.observe([("identifier", "weak", kind, (), 0, done)], [])
    assert summary.to_review == 1


def test_of_texts_that_stay_some_thousands_are_kept_and_all_are_counted() -> None:
    texts = KeptTexts()
    for number in range(100):
        many = {(tag, f"{number} {one}", ""): 1 for tag in range(30) for one in range(10)}
        texts.add({**many, (1, "often", ""): 5, (2, "", "hidden"): 2, (3, "", "more"): 1})
    rows = [row for portion in texts.rows() for row in portion]
    assert sum(count for *_, count in rows) == 100 * (300 + 5 + 2 + 1)
    told = [row for row in rows if row[1]]
    assert 4900 < len(told) <= 5000
    assert max(Counter(tag for tag, *_ in told).values()) <= 300
    assert (1, "often", "", 500) in told
    assert (2, "", "hidden", 200) in rows
    assert [row for row in rows if row[2] == "more"]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_one_attribute_cannot_crowd_out_the_others() -> None:
    texts = KeptTexts()
    texts.add({(1, str(number), ""): 1 for number in range(400)})
    texts.add({(2, "another", ""): 1})
    rows = [row for portion in texts.rows() for row in portion]
    assert len(rows) == 302
    assert [row for row in rows if row[2]] == [(1, "", "more", 100)]
    assert rows[-1] == (2, "another", "", 1)
