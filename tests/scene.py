"""A folder of good instances with a place among them for one more, and what a run must make of it.

The key is always the same, so that it can be said in advance, byte by byte, what comes of the good
ones. The one more is of `VICTIM`, under a name that says so, and of nobody else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deident.engine.pseudonyms import Identity
from deident.store import project as projects
from tests.leaks.search import found_in, needles
from tests.make import PEOPLE, ct, encoded, mr
from tests.program import Result, check_books, check_summary, command, deident, here, outputs

KEY = bytes(range(100, 132))
VICTIM = PEOPLE[1]
PLACE = f"3 {VICTIM.name} {VICTIM.patient_id}.dcm"
NUMBER = 3  # of what lies at that place, in the order of the scan

Options = tuple[str, ...]


def good() -> dict[str, bytes]:
    """The good instances, of other people: names that sort around `PLACE`."""
    return {
        "1.dcm": encoded(ct(PEOPLE[0], 1)),
        "2.dcm": encoded(ct(PEOPLE[0], 2)),
        "4.dcm": encoded(mr(PEOPLE[2], 1)),
        "5.dcm": encoded(ct(PEOPLE[0], 3)),
    }


def make_project(folder: Path) -> Path:
    """A new project that has the one key."""
    made = projects.init(str(folder))
    settings = json.loads((folder / "project.json").read_text())
    settings["key"] = Identity(KEY).fingerprint()
    (folder / "project.json").write_text(json.dumps(settings))
    (folder / "key").write_text(KEY.hex() + "\n")
    assert projects.open_project(made.path).key == KEY
    return folder


@cache
def expected(options: Options = (), profile: str = "") -> Mapping[str, bytes]:
    """What a run makes of the good instances alone."""
    with TemporaryDirectory() as folder:
        scene = Scene(Path(folder), options, profile)
        assert scene.run().code == 0
        return outputs(scene.out)


class Scene:
    """The good instances in a folder of their own, and a project.

    Attributes:
        source: the input folder.
        place: where the one more instance belongs.
        out: the output folder.
        project: the project folder.
    """

    def __init__(self, folder: Path, options: Options = (), profile: str = "") -> None:
        """`options` of the command line, and the text of a profile if it is not `basic`."""
        self.folder = folder
        self.source, self.out = folder / "in", folder / "out"
        self.place = self.source / PLACE
        self.project = make_project(folder / "project")
        self._options, self._profile = options, profile
        self.source.mkdir()
        for name, data in good().items():
            (self.source / name).write_bytes(data)

    @property
    def arguments(self) -> list[str]:
        """The command line of a run, as far as all of them have it."""
        words = ["run", str(self.source), "-o", str(self.out), "--project", str(self.project)]
        if self._profile:
            path = self.folder / "profile.yaml"
            path.write_text(self._profile, encoding="utf-8")
            words += ["--profile", str(path)]
        return [*words, *self._options, "--json"]

    def run(self, *more: object, **how: Any) -> Result:
        """Carry the run out."""
        return deident(*self.arguments, *more, **how)

    def command(self, *more: object) -> list[str]:
        """The run as a command, to be started."""
        return command(*self.arguments, *more)

    # -- what must have come of it ----------------------------------------------------------------

    def check_refused(self, result: Result, code: str, number: int = NUMBER) -> None:
        """Assert that the one more is in quarantine and nowhere else, and the others are done."""
        assert "Traceback" not in result.err
        assert result.code == 3
        summary = result.summary
        assert check_summary(summary)["written"] == len(good())
        assert (summary["state"], summary["skipped"]) == ("complete", {})
        assert (summary["found"], summary["quarantined"]) == (len(good()) + 1, {code: 1})
        check_books(self.project)
        assert outputs(self.out) == expected(self._options, self._profile)
        assert not list(self.out.glob(".*"))
        (entry,) = self.quarantined()
        assert (entry["number"], entry["code"], entry["path"]) == (number, code, "")
        self.check_silence(result)

    def quarantined(self) -> list[dict[str, Any]]:
        """What the quarantine lists."""
        listed = here("project", "quarantine", self.project, "--json").summary["quarantine"]
        assert isinstance(listed, list)
        return listed

    def check_judged(self, result: Result) -> bytes:
        """Assert that the one more was written without its patient, and return what was written."""
        assert "Traceback" not in result.err
        assert result.code == 0
        summary = result.summary
        assert check_summary(summary)["written"] == summary["found"] == len(good()) + 1
        check_books(self.project)
        written = outputs(self.out)
        for name, data in expected(self._options, self._profile).items():
            assert written.pop(name) == data
        ((name, data),) = written.items()
        assert found_in(data, VICTIM) == set()
        assert found_in(name.encode(), VICTIM) == set()
        self.check_silence(result)
        return data

    def check_silence(self, result: Result) -> None:
        """Assert that neither what was printed nor the project tells of the victim."""
        listed = [here("project", "quarantine", self.project, *how) for how in ([], ["--json"])]
        for text in (result.out, result.err, *(one.out + one.err for one in listed)):
            assert found_in(text.encode(errors="surrogateescape"), VICTIM) == set()
        for name, data in outputs(self.project).items():
            assert found_in(os.fsencode(name), VICTIM) == set()
            if "books.sqlite" in name:  # sealed: what is short may stand in it by chance
                low = data.lower()
                assert not [one for one, _ in needles(VICTIM) if len(one) > 7 and one in low]
            else:
                assert found_in(data, VICTIM) == set()
