"""`deident diff`: what became of each element, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from deident.cli import output
from deident.cli.base import Command
from deident.cli.colour import Painter, painted_line
from deident.cli.exits import ExitCode
from deident.errors import InstanceError, UsageError

if TYPE_CHECKING:
    from deident.app.differing import Comparison, Difference
    from deident.app.readable import Words
    from deident.app.reasons import Reasoner, Why
    from deident.dicom.part10 import Part10File

JSON_SCHEMA = 1
SIGNS = {"removed": "-", "added": "+", "changed": "~", "same": "="}
COLOURS = {"removed": "red", "added": "green", "changed": "yellow", "same": "dim"}
NAME_WIDTH = 36
_MASK = "•••"
# lengths of hidden values are told in classes only: 9 digits could be recognised
_CLASSES = (8, 16, 64)


class _Asked(NamedTuple):
    """What of a comparison is printed: values of originals, elements that are the same."""

    values: bool
    same: bool
    longest: int


@click.command(cls=Command)
@click.argument("original", metavar="ORIGINAL")
@click.argument("cleaned", metavar="CLEANED")
@click.option(
    "--profile", metavar="NAME|FILE",
    help="Explain differences by this profile; default: basic, with the options that CLEANED says "
    "were used.",
)  # fmt: skip
@click.option(
    "--with", "options", multiple=True, metavar="OPTION", help="Switch an option of PS3.15 on."
)
@click.option(
    "--project",
    metavar="DIR",
    help="Project of the run: its key pairs folders and checks new values.",
)
@click.option("--all", "same", is_flag=True, help="List what is the same, too.")
@click.option(
    "--values/--no-values", default=False, show_default=True,
    help="Show original values of what was changed or removed.",
)  # fmt: skip
@click.option(
    "--max-value", "longest", type=click.IntRange(0), default=60, show_default=True, metavar="N",
    help="Cut longer values and say so; 0 cuts nothing.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    original: str,
    cleaned: str,
    profile: str | None,
    options: tuple[str, ...],
    project: str | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Compare an original with what was made of it, element by element, and say why.

    Two files, or two folders: then differences are summed up by attribute. Original values that
    were changed or removed are hidden unless you ask for them with --values; what stands in CLEANED
    is always shown, so do not swap the two. A line that ends in ! is not what the profile does, and
    makes the exit code 4.

    \b
    - removed   + added   ~ changed   = the same (with --all)

    \b
    Examples:
      deident diff in/1.dcm out/1.dcm
      deident diff in/1.dcm out/1.dcm --values --all
      deident diff STUDY CLEAN --project CLEAN.deident-project
    """
    folders = [_is_folder(path) for path in (original, cleaned)]
    if folders[0] != folders[1]:
        raise UsageError("usage", "compare two files or two folders")
    if folders[0]:
        from deident.cli.diff_folders import diff_folders

        wanted = profile, options, project
        return diff_folders(original, cleaned, wanted, as_json=as_json, same=asked["same"])
    with ExitStack() as stack:
        try:
            before, after = (stack.enter_context(opened(path)) for path in (original, cleaned))
        except InstanceError:
            return ExitCode.QUARANTINED
        reasoner = make_reasoner(after, profile, options, project)
        return _diff_files(before, after, reasoner, _Asked(**asked), as_json=as_json)


def _is_folder(path: str) -> bool:
    if not Path(path).exists():
        raise UsageError("input-missing", f"no such file or folder: {path}")
    return Path(path).is_dir()


def opened(path: str) -> Part10File:
    """Open a file; say which one it was that cannot be read.

    Raises:
        InstanceError: it has been told.
    """
    from deident.app.reading import open_instance

    try:
        return open_instance(path)
    except InstanceError as error:
        output.error(f"{path}: {error}", error.code)
        raise


def make_reasoner(
    cleaned: Part10File | None, profile: str | None, options: tuple[str, ...], project: str | None
) -> Reasoner:
    """The profile that explains: the one that was named, or what a cleaned file says of itself."""
    from deident.app.reasons import Reasoner, claimed_options
    from deident.engine.actions import CATALOG
    from deident.profiles.loader import load
    from deident.store.project import open_project

    key = open_project(project).key if project else None
    if profile is None and not options and cleaned is not None:
        options = claimed_options(cleaned)
    return Reasoner(load(profile or "basic", options, CATALOG), key)


def profile_words(reasoner: Reasoner) -> str:
    """`basic with retain-uids`."""
    profile = reasoner.profile
    return f"{profile.name} with {', '.join(profile.options)}" if profile.options else profile.name


# -- two files ------------------------------------------------------------------------------------


def _diff_files(
    original: Part10File, cleaned: Part10File, reasoner: Reasoner, asked: _Asked, *, as_json: bool
) -> int:
    from deident.app.differing import compare

    found = compare(original, cleaned, reasoner, longest=asked.longest, same=asked.same)
    end = ExitCode.REVIEW if found.unexpected or found.failure else ExitCode.DONE
    if as_json:
        paths = {"original": str(original.path), "cleaned": str(cleaned.path)}
        output.json_object(_as_json(paths, reasoner, found, values=asked.values))
        return end
    painter = Painter()
    for text in _head(reasoner, found, painter):
        painted_line(text)
    for difference in found.differences:
        painted_line(_line(difference, asked, painter))
    return end


def _head(reasoner: Reasoner, found: Comparison, painter: Painter) -> Iterator[str]:
    from deident.app.reading import READER_NOTES

    yield counts_words(found.counts)
    name = profile_words(reasoner)
    if found.failure:
        yield painter(f"profile {name} would quarantine the original: {found.failure}", "red")
    elif found.unexpected:
        text = f"{found.unexpected} of them are not what profile {name} does, marked with !"
        yield painter(text, "red", "bold")
    else:
        yield f"all of it is what profile {name} does"
    for code in found.structure:
        yield painter(f"note: {_STRUCTURE.get(code) or READER_NOTES.get(code, code)}", "yellow")


_STRUCTURE = {"preamble-cleared": "the preamble of the original was not empty; now it is"}


def counts_words(counts: Counter[str]) -> str:
    """`18 changed, 196 removed, 5 added, 52 the same`."""
    words = {"same": "the same"}
    return ", ".join(
        f"{counts[status]} {words.get(status, status)}"
        for status in ("changed", "removed", "added", "same")
    )


def _line(found: Difference, asked: _Asked, painter: Painter) -> str:
    from deident.dicom.tags import format_path, format_tag

    name = found.name or "?"
    if found.path:
        name = f"{format_path(found.path)}/{name}"
    colour = COLOURS[found.status]
    head = f"{SIGNS[found.status]} {format_tag(found.tag)} {found.vr:<2} {name:<{NAME_WIDTH}}"
    parts = [painter(head, colour), _values(found, asked)]
    if found.why:
        parts.append(painter(f"[{why_words(found.why)}]", "dim"))
    if not found.expected:
        parts.append(painter("!", "red", "bold"))
    return "  ".join(part for part in parts if part)


def _values(found: Difference, asked: _Asked) -> str:
    """The values of a line: before → after."""
    texts = []
    if found.before is not None:
        shown = found.before.text or '""'
        hidden = found.status in ("changed", "removed") and not asked.values
        texts.append(masked(found.vr, found.before) if hidden else shown)
        if found.inside and found.status == "removed":
            texts[-1] += f" with {found.inside} elements"
    if found.after is not None and found.status != "same":
        texts.append(found.after.text or '""')
    digest = found.after_hash
    return " → ".join(texts) + (f" sha256 {digest[:12]}…" if digest else "")


def masked(vr: str, words: Words) -> str:
    """What is said of a hidden value: that there is one, and roughly how long it is."""
    text = words.text
    if not text or vr == "SQ" or text.startswith("<"):
        return text or '""'
    longest = next((limit for limit in _CLASSES if len(text) <= limit), None)
    return f"{_MASK} (≤ {longest})" if longest and words.complete else f"{_MASK} (> {_CLASSES[-1]})"


def why_words(why: Why) -> str:
    """`remove X: Table E.1-1 (0010,1040)`, and for the supplement why."""
    what = f"{why.action} {why.code}".strip()
    reason = f" {why.reason}" if why.reason else ""
    return f"{what}: {why.origin}{'.' if reason else ''}{reason}"


# -- JSON -----------------------------------------------------------------------------------------


def profile_json(reasoner: Reasoner) -> dict[str, Any]:
    """Which profile explains."""
    from deident.profiles.plain import profile_hash

    profile = reasoner.profile
    return {
        "name": profile.name,
        "version": profile.version,
        "options": list(profile.options),
        "hash": profile_hash(profile),
    }


def why_json(why: Why | None) -> dict[str, str] | None:
    """A reason as plain values."""
    return None if why is None else why._asdict()


def _as_json(
    paths: dict[str, str], reasoner: Reasoner, found: Comparison, *, values: bool
) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        **paths,
        "profile": profile_json(reasoner),
        "failure": found.failure,
        "counts": dict(found.counts),
        "unexpected": found.unexpected,
        "structure": list(found.structure),
        "differences": [_difference(one, values=values) for one in found.differences],
    }


def _difference(found: Difference, *, values: bool) -> dict[str, Any]:
    from deident.dicom.tags import format_path

    made: dict[str, Any] = {
        "status": found.status,
        "path": format_path(found.path, found.tag),
        "tag": f"{found.tag:08X}",
        "vr": found.vr,
        "name": found.name,
        "expected": found.expected,
        "why": why_json(found.why),
    }
    if found.before is not None and (values or found.status == "same"):
        made["before"] = found.before.text
    if found.after is not None:
        made["after"] = found.after.text
    if found.inside:
        made["elements_inside"] = found.inside
    if found.after_hash:
        made["before_sha256"], made["after_sha256"] = found.before_hash, found.after_hash
    return made
