"""`deident diff` of two folders: differences of all pairs, summed up by attribute and reason."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from deident.cli import output
from deident.cli.colour import Painter, painted_line
from deident.cli.diff import (
    COLOURS,
    JSON_SCHEMA,
    NAME_WIDTH,
    SIGNS,
    counts_words,
    make_reasoner,
    opened,
    profile_json,
    profile_words,
    why_json,
    why_words,
)
from deident.cli.exits import ExitCode
from deident.errors import REASONS, InstanceError

if TYPE_CHECKING:
    from deident.app.differing import Difference
    from deident.app.pairing import Pairing
    from deident.app.reasons import Reasoner, Why

_RENEWED_SECONDS = 0.1

# what explains and pairs: profile by name or file, options, project folder
Wanted = tuple[str | None, tuple[str, ...], str | None]


class _Kind(NamedTuple):
    """Differences that are alike: same place but for item numbers, same status, same reason."""

    parents: tuple[int, ...]
    tag: int
    vr: str
    name: str
    status: str
    expected: bool
    why: Why | None


class _Sum:
    """What a comparison of two folders has come to."""

    def __init__(self) -> None:
        self.pairs = self.alone = 0
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[_Kind] = Counter()
        self.failures: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()

    @property
    def unexpected(self) -> int:
        """Differences that the profile does not explain."""
        return sum(count for kind, count in self.kinds.items() if not kind.expected)

    def add(self, found: Difference) -> None:
        """Count a difference."""
        kind = _Kind(
            found.path[::2],
            found.tag,
            found.vr,
            found.name,
            found.status,
            found.expected,
            found.why,
        )
        self.kinds[kind] += 1


def diff_folders(original: str, cleaned: str, wanted: Wanted, *, as_json: bool, same: bool) -> int:
    """Compare two folders and print the sums; values are not printed."""
    from deident.endpoints import sources

    profile, options, project = wanted
    inputs, outputs = (sources.resolve_inputs([path]) for path in (original, cleaned))
    with ExitStack() as stack:
        first = _first_instance(outputs)
        file = stack.enter_context(opened(first)) if first else None
        reasoner = make_reasoner(file, profile, options, project)
    pairing = _pairing(outputs, reasoner, project)
    status = output.StatusLine()
    try:
        found = _compare(pairing, inputs, reasoner, status, same=same)
    finally:
        status.clear()
    if as_json:
        output.json_object(_as_json(original, cleaned, reasoner, found, pairing.unmatched))
    else:
        _print(found, pairing.unmatched, reasoner)
    if found.unreadable:
        return ExitCode.QUARANTINED
    if found.unexpected or found.failures:
        return ExitCode.REVIEW
    return ExitCode.DONE if found.pairs else ExitCode.NOTHING


def _first_instance(inputs: list[str]) -> str:
    """Path of the first instance, which says what was done to all of them; empty without any."""
    from deident.app.pairing import instance_uid
    from deident.endpoints import sources

    paths = (found.path for found in sources.scan(inputs) if not found.code)
    return next((path for path in paths if instance_uid(path)), "")


def _pairing(outputs: list[str], reasoner: Reasoner, project: str | None) -> Pairing:
    from deident.app.api import identity_of
    from deident.app.ledger import written_names
    from deident.app.pairing import Pairing
    from deident.endpoints import sources
    from deident.store.project import open_project

    if project is None:
        return Pairing(sources.scan(outputs))
    found = open_project(project)
    identity = identity_of(reasoner.profile, found.key)
    written = written_names(found, str(Path(outputs[0]).resolve()))
    return Pairing(sources.scan(outputs), identity, written)


def _compare(
    pairing: Pairing,
    inputs: list[str],
    reasoner: Reasoner,
    status: output.StatusLine,
    *,
    same: bool,
) -> _Sum:
    from deident.app.differing import compare
    from deident.app.reading import open_instance
    from deident.endpoints import sources

    found, shown = _Sum(), 0.0
    for pair in pairing.pairs(sources.scan(inputs)):
        if not pair.cleaned:
            found.alone += 1
            continue
        try:
            with open_instance(pair.original) as before, open_instance(pair.cleaned) as after:
                compared = compare(before, after, reasoner, same=same)
        except InstanceError as error:
            found.unreadable[error.code] += 1
            continue
        found.pairs += 1
        found.counts.update(compared.counts)
        if compared.failure:
            found.failures[compared.failure] += 1
        for difference in compared.differences:
            found.add(difference)
        if status.possible and time.monotonic() - shown > _RENEWED_SECONDS:
            shown = time.monotonic()
            status.show(f"{found.pairs} of {pairing.files} compared")
    return found


def _print(found: _Sum, unmatched: int, reasoner: Reasoner) -> None:
    from deident.app.readable import plural

    painter = Painter()
    output.line(
        f"{plural(found.pairs, 'pair')} compared, {found.alone} originals without a cleaned "
        f"instance, {unmatched} cleaned instances without an original"
    )
    if not found.pairs:
        output.line(
            "No UID of the cleaned files was made with this project's key; is it the right project?"
            if reasoner.exact
            else "Give --project: new UIDs are paired by the project's key."
        )
        return
    output.line(counts_words(found.counts))
    name = profile_words(reasoner)
    if found.unexpected:
        text = f"{found.unexpected} of them are not what profile {name} does, marked with !"
        painted_line(painter(text, "red", "bold"))
    else:
        output.line(f"all of it is what profile {name} does")
    for failure, count in sorted(found.failures.items()):
        output.line(f"{count} originals would be quarantined: {failure}")
    for code, count in sorted(found.unreadable.items()):
        output.line(f"{count} could not be read: {REASONS[code].text} [{code}]")
    output.line()
    for kind, count in _sorted(found.kinds):
        painted_line(_line(kind, count, painter))


def _line(kind: _Kind, count: int, painter: Painter) -> str:
    from deident.dicom.tags import format_path, format_tag

    above = format_path(tuple(step for tag in kind.parents for step in (tag, -1)))
    where = f"{above.replace('[0]', '')}/{kind.name or '?'}" if above else kind.name or "?"
    head = f"{SIGNS[kind.status]} {format_tag(kind.tag)} {count:>7}  {where:<{NAME_WIDTH}}"
    parts = [painter(head, COLOURS[kind.status])]
    if kind.why:
        parts.append(painter(f"[{why_words(kind.why)}]", "dim"))
    if not kind.expected:
        parts.append(painter("!", "red", "bold"))
    return "  ".join(parts)


def _sorted(kinds: Counter[_Kind]) -> list[tuple[_Kind, int]]:
    """In the order of places, what is not expected first."""
    return sorted(kinds.items(), key=lambda pair: (pair[0].expected, pair[0][:5]))


def _as_json(
    original: str, cleaned: str, reasoner: Reasoner, found: _Sum, unmatched: int
) -> dict[str, Any]:
    return {
        "schema": JSON_SCHEMA,
        "original": original,
        "cleaned": cleaned,
        "profile": profile_json(reasoner),
        "pairs": found.pairs,
        "originals_alone": found.alone,
        "cleaned_alone": unmatched,
        "unreadable": dict(sorted(found.unreadable.items())),
        "failures": dict(sorted(found.failures.items())),
        "counts": dict(found.counts),
        "unexpected": found.unexpected,
        "differences": [
            {
                "status": kind.status,
                "parents": [f"{tag:08X}" for tag in kind.parents],
                "tag": f"{kind.tag:08X}",
                "vr": kind.vr,
                "name": kind.name,
                "times": count,
                "expected": kind.expected,
                "why": why_json(kind.why),
            }
            for kind, count in _sorted(found.kinds)
        ],
    }
