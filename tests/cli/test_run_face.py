"""What a run's end means to a script, and what its progress looks like."""

from __future__ import annotations

from collections import Counter

import pytest

from deident.app.reports import RunSummary
from deident.cli.exits import ExitCode
from deident.cli.run_face import exit_code, failure, progress_text

FINDING = ("identifier", "likely", "name", "reported")


def summary(**values: object) -> RunSummary:
    made = RunSummary("r")
    made.state = "complete"
    for name, value in values.items():
        setattr(made, name, value)
    made.series = {"": Counter({"any": made.done})}
    made.found = made.done
    return made


CASES = [
    ({"written": 1}, ExitCode.DONE),
    ({"skipped": Counter(duplicate=3)}, ExitCode.DONE),
    ({"skipped": Counter(resumed=3)}, ExitCode.DONE),
    ({"skipped": Counter({"not-dicom": 3})}, ExitCode.NOTHING),
    ({}, ExitCode.NOTHING),
    ({"written": 1, "findings": Counter({FINDING: 1})}, ExitCode.REVIEW),
    ({"written": 1, "quarantined": Counter({"bad-vr": 1})}, ExitCode.QUARANTINED),
    (
        {"findings": Counter({FINDING: 1}), "quarantined": Counter({"bad-vr": 1})},
        ExitCode.QUARANTINED,
    ),
    ({"signal": 2, "quarantined": Counter({"bad-vr": 1})}, ExitCode.INTERRUPTED),
    ({"signal": 15}, ExitCode.TERMINATED),
]


@pytest.mark.parametrize(("values", "code"), CASES)
def test_exit_codes(values: dict[str, object], code: ExitCode) -> None:
    made = summary(**values)
    assert exit_code(made) is code
    if code is not ExitCode.DONE:
        assert failure(made, code)


def test_counts_that_differ_are_unexpected() -> None:
    made = summary(written=3)
    made.found = 4
    assert exit_code(made) is ExitCode.UNEXPECTED
    assert "4 found, 3 accounted for" in failure(made, ExitCode.UNEXPECTED)


def test_progress_has_counts_rate_and_remaining_time() -> None:
    made = summary(written=40, bytes_in=80_000_000, quarantined=Counter({"bad-vr": 10}))
    assert progress_text(made, 100, 2.0) == "50/100  50 %  40.0 MB/s  ETA 2.0 s  10 quarantined"
    assert progress_text(made, None, 2.0) == "50  40.0 MB/s  10 quarantined"
    assert progress_text(summary(), None, 0.0) == "0"
