"""Every example in README.md and docs/ runs as printed.

A block of the kind `console` holds command lines that begin with `$ ` and the output that must
follow. In output, `…` stands for any text, and a line of nothing but `…` for any number of lines. A
line `# exit code 3` says how the command before it ends; without one it must end with 0. The
commands of a page run one after the other in one folder, where `study` is the sample study set.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from deident.app.sample.study import write_study

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"# exit code (\d+)")


class Example(NamedTuple):
    """A command line, the output that must follow, and the exit code."""

    command: str
    output: list[str]
    exit_code: int


def examples(text: str) -> list[Example]:
    """The examples of a page."""
    found: list[Example] = []
    for block in _BLOCK.findall(text):
        lines = block.splitlines()
        assert not lines or lines[0].startswith("$ "), "a console block begins with a command"
        for line in lines:
            ends = _EXIT.fullmatch(line)
            if line.startswith("$ "):
                found.append(Example(line[2:], [], 0))
            elif ends:
                found[-1] = found[-1]._replace(exit_code=int(ends[1]))
            else:
                found[-1].output.append(line)
    return found


def matches(wanted: list[str], got: list[str]) -> bool:
    """Whether output is as wanted; see the beginning of this file."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else r".*?".join(map(re.escape, line.split("…"))) + r"\n"
        for line in wanted
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in got)) is not None


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "study"
    write_study(folder)
    return folder


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _BLOCK.search(page.read_text(encoding="utf-8"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)  # fmt: skip
def test_the_examples_of_a_page(page: Path, study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for example in examples(page.read_text(encoding="utf-8")):
        assert example.command.startswith("deident "), example.command
        done = subprocess.run(
            example.command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        got = done.stdout.splitlines()
        assert done.returncode == example.exit_code, (example.command, got[-3:])
        assert matches(example.output, got), f"{example.command}\n{done.stdout}"


def test_wildcards() -> None:
    assert matches(["a…c", "…", "z"], ["abbc", "x", "y", "z"])
    assert matches(["…"], [])
    assert not matches(["a"], ["a", "b"])
    assert not matches(["a…"], ["b"])
    assert not matches([], ["b"])


def test_some_page_has_examples() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(examples(text)) for text in texts) >= 10
