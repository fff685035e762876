"""The program as people and scripts use it, with an eye on its counts.

`deident` runs it in a process of its own, `here` in this one. Whatever a run prints about its
counts is checked on the way, and `check_books` checks what it wrote about them: every entry that
was found has one outcome.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from deident.cli.main import main
from deident.store import journal, quarantine
from deident.store import project as projects

_PRINTED = re.compile(
    r"^(\d+) found: (\d+) (?:would be )?written, (\d+) skipped, (\d+) quarantined$", re.MULTILINE
)


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def command(*arguments: object) -> list[str]:
    """The command line of the program."""
    return [sys.executable, "-m", "deident", *map(str, arguments)]


def deident(*arguments: object, **options: Any) -> Result:
    """Run the program in a process of its own; `options` are those of `subprocess.run`."""
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        check=False,
        errors="surrogateescape",
        **options,
    )
    return checked(arguments, Result(done.returncode, done.stdout, done.stderr))


def here(*arguments: object) -> Result:
    """Run the program in this process, which is quicker."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return checked(arguments, Result(code, out.getvalue(), err.getvalue()))


def outputs(root: Path) -> dict[str, bytes]:
    """Every file below a folder: its name and content."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


# -- counts ---------------------------------------------------------------------------------------


def checked(arguments: tuple[object, ...], result: Result) -> Result:
    """The result of a command; if it was a run that tells its counts, they add up."""
    words = [str(argument) for argument in arguments]
    if words[:1] == ["run"] and not {"-h", "--help"} & set(words):
        if "--json" in words and result.out:
            check_summary(result.summary)
        for numbers in _PRINTED.findall(result.out):
            found, *outcomes = map(int, numbers)
            assert sum(outcomes) == found or result.code in (130, 143)
    return result


def check_summary(summary: dict[str, Any]) -> Counter[str]:
    """Assert that found = written + skipped + quarantined, in all and by series.

    Returns:
        how many of each outcome.
    """
    counts = Counter(
        written=summary["written"],
        skipped=sum(summary["skipped"].values()),
        quarantined=sum(summary["quarantined"].values()),
    )
    by_series: Counter[str] = Counter()
    for outcomes in summary["series"].values():
        by_series.update(outcomes)
    assert by_series == +counts
    if summary["state"] == "complete":
        assert counts.total() == summary["found"]
    else:  # what was found and not begun has no outcome
        assert counts.total() <= summary["found"]
    assert summary["reconciles"] is True
    return counts


def check_books(folder: Path) -> None:
    """Assert of every run in every project below a folder that its books agree with its counts."""
    for path in folder.rglob("runs/*/summary.json"):
        summary = json.loads(path.read_text())
        counts = check_summary(summary)
        project = projects.open_project(str(path.parent.parent.parent))
        told = dict(_outcomes(project, summary["run"]))
        numbers = set(range(1, summary["found"] + 1))
        assert set(told) == numbers if summary["state"] == "complete" else set(told) <= numbers
        statuses = Counter(status for status, _ in told.values())
        statuses.pop("collision", None)  # of a run that ended before they had their names
        assert statuses == +counts
        refused = {number: code for number, (status, code) in told.items() if status[0] == "q"}
        assert refused == _quarantined(project, summary["run"])
        assert Counter(refused.values()) == Counter(summary["quarantined"])


def _outcomes(project: projects.Project, run_id: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Number, status and code of each instance by the journal; the last one said counts."""
    seen = set()
    for entry in journal.Books(project).entries(run_id):
        if isinstance(entry, journal.Record):
            assert entry.number not in seen  # one outcome each
            seen.add(entry.number)
            yield entry.number, (entry.status, entry.code)
        elif isinstance(entry, journal.Renamed):
            yield entry.number, ("skipped" if entry.status == "duplicate" else entry.status, "")


def _quarantined(project: projects.Project, run_id: str) -> dict[int, str]:
    """What lies in the quarantine of a run: number and code."""
    folder = project.quarantine_folder(run_id)
    if not Path(folder).is_dir():
        return {}
    return {entry.number: entry.code for entry in quarantine.entries(folder)}
