"""A report of a large run: its page stays small, and says what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

from deident.app.reporting import write_report
from deident.app.reports import RunSummary
from deident.engine.result import MORE
from deident.store import project as projects
from deident.store.journal import JournalWriter, Opening, Record, Retained
from deident.store.quarantine import QuarantineWriter

FOUND, LIMIT = 6000, 5_000_000


def large(folder: Path) -> str:
    """A project with one run that has as much of everything as a run may have."""
    project = projects.init(str(folder))
    run_folder = projects.make_run_folder(project, "r")
    writer = JournalWriter(project, "r", Opening(("/in",), "/out", "hash", "2026-01-01T00:00:00Z"))
    quarantine = QuarantineWriter(project.quarantine_folder("r"))
    summary = RunSummary("r")
    finding = ("identifier", "weak", "name", (0x0040A730, 3), 0x00080104, "reported")
    for number in range(1, FOUND + 1):
        if number % 10:
            record = Record(
                number, "/in/x", "written", size=5, findings=(finding,), modality=f"M{number}",
                sop_class=f"1.2.840.10008.{number}",
            )  # fmt: skip
        else:
            record = Record(number, "/in/x", "quarantined", "bad-length")
            quarantine.add(number, "bad-length", "(at byte 5)")
        writer.add(record)
        summary.count(record.status, record.code, "")
    texts = tuple((0x00080070, f"{n}{'&' * 195}", "", 1) for n in range(5000))
    writer.add(Retained((*texts, (0x00080070, "", MORE, 7))))
    summary.add_tally(
        {(0x00100000 + n, "remove", "X", "removed", f"rule {n}"): 1 for n in range(5000)}
    )
    summary.found, summary.state = FOUND, "complete"
    writer.close("complete")
    content = json.dumps(summary.as_json()).encode()
    projects.write_private(f"{run_folder}/summary.json", content)
    return str(folder)


def test_the_page_of_a_large_run_is_small(tmp_path: Path) -> None:
    made = write_report(large(tmp_path / "p"))
    page = Path(made.folder, "report.html").read_text(encoding="utf-8")
    assert len(page.encode()) <= LIMIT
    assert Path(made.folder, "report.json").stat().st_size <= LIMIT
    for text in (
        "… and 400 more, see instances.csv",  # of 600 in quarantine
        "… and 5,200 more, see instances.csv",  # of 5,400 findings
        "… and 3,500 more, see report.json",  # of 5,000 texts
        "… and 4,400 more, see report.json",  # of 5,000 attributes, and of rules
        "Too many to keep",
        "(at byte 5)",
    ):
        assert text in page
    assert len(made.report.facts.modalities) <= 101
    assert len(made.report.facts.sop_classes) <= 101
    lines = Path(made.folder, "instances.csv").read_text().splitlines()
    assert len(lines) == FOUND + 1
