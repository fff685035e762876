"""What a report says, section by section: from facts to the blocks of a document.

Whoever reads it has not seen the program: codes come with words, and words with advice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from deident import tables
from deident.app.documents.blocks import (
    Bars,
    Block,
    Bullets,
    Callout,
    Code,
    Document,
    Facts,
    Heading,
    Inline,
    Link,
    Mark,
    Mono,
    Table,
    say,
)
from deident.app.report_facts import RunFacts
from deident.app.reports import ENGINE_NOTES, is_to_review
from deident.app.unchecked import unchecked
from deident.dicom.tags import format_tag
from deident.engine.result import HIDDEN, MORE, WEAK
from deident.errors import REASONS

_MOST_ATTRIBUTES = 600
_MOST_TEXTS = 1500
_OUTCOMES = ("kept", "replaced", "emptied", "removed", "inserted")
_STATES = {
    "complete": Mark("complete", "good"),
    "confirmed": Mark("complete, and confirmed by a person", "good"),
    "interrupted": Mark("interrupted before its end", "look"),
    "failed": Mark("failed before its end", "bad"),
    "undone": Mark("undone: its outputs were removed again", "look"),
    "running": Mark("not ended", "bad"),
}
_GRADES = (
    ("certain", "it is the identifier"),
    ("likely", "it nearly always is"),
    ("weak", "it may be, and mostly is not: a name that is also a word, a short number"),
)
_NUMBERS = frozenset({1})


class ManifestEnd(NamedTuple):
    """What a manifest comes to: how many outputs, their bytes, and the last hash of its chain."""

    outputs: int
    size: int
    chain: str


class Report(NamedTuple):
    """All that a report is made of.

    Attributes:
        run, state: name and state of the run, as the books have them.
        facts: what its journal says.
        summary: what it counted itself; empty for one that has not come to its end.
        project, key: the project's id, and the fingerprint of its key.
        details: more about quarantined instances, by number.
        manifest: what its manifest comes to, if it has one.
        made: when the report was made, ISO 8601, UTC.
    """

    run: str
    state: str
    facts: RunFacts
    summary: dict[str, Any]
    project: str
    key: str
    details: dict[int, str]
    manifest: ManifestEnd | None
    made: str

    @property
    def options(self) -> tuple[str, ...]:
        """The options of PS3.15 that were on."""
        return tuple(self.facts.statement.get("options", ()))

    @property
    def to_review(self) -> int:
        """How many findings a person should look at."""
        found = self.facts.findings.items()
        return sum(n for (_, grade, kind, done), n in found if is_to_review(grade, kind, done))


def document(report: Report) -> Document:
    """The report as a document."""
    blocks: list[Block] = []
    for section in _SECTIONS:
        blocks += section(report)
    return Document("De-identification report", f"Run {report.run}", tuple(blocks))


# -- summary --------------------------------------------------------------------------------------


def _summary(report: Report) -> Iterator[Block]:
    statuses, statement = report.facts.statuses, report.facts.statement
    found = statuses.total()
    yield say(
        f"{_count(found, 'file')} found: {statuses['written']:,} de-identified and written, "
        f"{statuses['skipped']:,} left out, {statuses['quarantined']:,} quarantined, which means "
        "that nothing of them was written because they could not be cleaned."
    )
    if statement and not statement["identity_removed"]:
        text = " The profile of this run lets identifiers of patients stay in the outputs."
        yield Callout("bad", (Mark("This is no de-identification.", "bad"), text))
    if not report.summary:
        text = " Its journal has no end, so outputs may be missing here. Complete it with --resume."
        yield Callout("bad", (Mark("The run has not come to its end.", "bad"), text))
    elif not report.summary.get("reconciles"):
        text = " Do not use the output; report it with the summary."
        yield Callout("bad", (Mark("The counts do not add up.", "bad"), text))
    yield Facts(tuple(_summary_rows(report)))


def _summary_rows(report: Report) -> Iterator[tuple[str, tuple[Inline, ...]]]:
    facts = report.facts
    yield "State", (_STATES.get(report.state, Mark(report.state, "look")),)
    if report.to_review:
        count = Mark(f"{report.to_review:,} to review", "look")
        yield "Findings", (count, ", see ", Link("Findings", "findings"))
    else:
        yield "Findings", (Mark("none to review", "good"),)
    shown = sum(1 for _, text, _, _ in facts.texts if text)
    kept = f"{shown:,} different ones to look at, see "
    yield "Texts that stay", (kept, Link("Look at these", "texts"))
    yield "Not checked", ("pixels, faces and more, see ", Link("What was not checked", "unchecked"))
    words = {"patients": "patient", "studies": "study", "series": "series"}
    groups = [_count(n, words[name], name) for name, n in facts.groups.items()]
    yield "Outputs are of", (", ".join(groups),)
    yield "Size", (f"{_size(facts.bytes_in)} read, {_size(facts.bytes_out)} written",)
    yield "Begun", (facts.opening.started or "not known",)
    if report.summary:
        yield "Took", (f"{report.summary['seconds']:,.1f} seconds",)


# -- what was not checked -------------------------------------------------------------------------


def _unchecked(report: Report) -> Iterator[Block]:
    yield Heading("What was not checked", anchor="unchecked")
    yield say("No program settles these. They are for a person to decide before data is shared.")
    yield Bullets(
        tuple((Mark(f"{one.what}. ", "look"), one.text) for one in unchecked(report.options))
    )


# -- outcome --------------------------------------------------------------------------------------


def _outcome(report: Report) -> Iterator[Block]:
    facts = report.facts
    yield Heading("What became of the files")
    kinds = (("written", "good"), ("skipped", "look"), ("quarantined", "bad"))
    counts = [(status, facts.statuses[status]) for status, _ in kinds]
    counts += [(s, n) for s, n in facts.statuses.items() if s not in dict(kinds)]
    yield Bars("Files by outcome", counts, kinds)
    if facts.codes:
        yield Bullets(tuple(_reasons(facts)))
    if facts.modalities:
        yield Bars("Outputs by modality", facts.modalities.most_common())
        yield Bars("Outputs by SOP class", facts.sop_classes.most_common())
    yield from _quarantined(report)
    yield from _notes(report)


def _reasons(facts: RunFacts) -> Iterator[tuple[Inline, ...]]:
    """Why files were not written, and what can be done about it."""
    for (status, code), count in sorted(facts.codes.items()):
        if code in REASONS:
            reason = REASONS[code]
            told = f": {reason.text}. {reason.advice} "
            yield Mark(f"{count:,} {status}", ""), told, Mono(code)


def _quarantined(report: Report) -> Iterator[Block]:
    listed = report.facts.quarantined
    if not listed:
        return
    yield Heading("Quarantined files", 3)
    yield say(
        "Nothing of them was written. Numbers count the files in the order of the scan; which file "
        "it was says ",
        Mono("deident project quarantine DIR --show-paths"),
        ".",
    )
    rows: list[tuple[Inline, ...]] = [
        (str(number), Mono(code), report.details.get(number, "")) for number, code in listed
    ]
    yield Table(("number", "code", "where"), rows, frozenset({0}))
    yield from _more(report.facts.statuses["quarantined"] - len(listed), "instances.csv")


def _notes(report: Report) -> Iterator[Block]:
    if not report.facts.notes:
        return
    from deident.app.reading import READER_NOTES

    words = {**READER_NOTES, **ENGINE_NOTES}
    yield Heading("What the reader had to put up with", 3)
    rows: list[tuple[Inline, ...]] = [
        (words.get(code, code), f"{n:,}") for code, n in sorted(report.facts.notes.items())
    ]
    yield Table(("note", "files"), rows, _NUMBERS)


# -- findings -------------------------------------------------------------------------------------


def _findings(report: Report) -> Iterator[Block]:
    facts = report.facts
    yield Heading("Findings", anchor="findings")
    yield say(
        "Before a file was written, every value that stays was searched for the identifiers that "
        "the same file carried. Places, grades and what was done are listed; values never are."
    )
    if not facts.findings:
        yield say("Nothing was found.")
        return
    yield Bullets(tuple((Mark(f"{grade}: ", ""), text) for grade, text in _GRADES))
    yield Table(
        ("grade", "count", "what", "done", ""),
        [
            (
                grade or "–",
                f"{n:,}",
                kind or code,
                done,
                Mark("to review", "look") if is_to_review(grade, kind, done) else "",
            )
            for (code, grade, kind, done), n in sorted(facts.findings.items())
        ],
        _NUMBERS,
    )
    yield Heading("Where", 3)
    yield Table(
        ("number", "attribute", "grade", "what", "done", ""),
        [
            (
                str(one.number),
                Mono(one.attribute),
                one.grade,
                one.kind or one.code,
                one.done,
                Mark("to review", "look") if one.review else "",
            )
            for one in facts.located
        ],
        frozenset({0}),
    )
    yield from _more(facts.findings.total() - len(facts.located), "instances.csv")


# -- texts ----------------------------------------------------------------------------------------


def _texts(report: Report) -> Iterator[Block]:
    yield Heading("Look at these: texts that stay", anchor="texts")
    if not report.summary:
        yield say("The run has not come to its end, so they are not known.")
        return
    yield say(
        "Every different text of a standard attribute that stands in outputs as it stood in "
        "originals, with how often. Read them: a name, a place or a date that does not belong "
        "there was not known to the search. Texts that hold a weak find come first."
    )
    shown = [row for row in report.facts.texts if row[1]]
    shown.sort(key=lambda row: (row[2] != WEAK, _is_code(row[0]), row[0]))
    for title, codes in (("Words", False), ("Codes", True)):
        rows = [row for row in shown[:_MOST_TEXTS] if _is_code(row[0]) == codes]
        if rows:
            yield Heading(title, 3)
            yield Table(("attribute", "count", "text", ""), list(_text_rows(rows)), _NUMBERS)
    yield from _more(len(shown) - _MOST_TEXTS, "report.json")
    yield from _untold(report)


def _is_code(tag: int) -> bool:
    return tables.vr_of(tag) == "CS"


def _text_rows(rows: list[tuple[int, str, str, int]]) -> Iterator[tuple[Inline, ...]]:
    """A line for each text; only the first one of an attribute names it."""
    last = -1
    for tag, text, mark, count in rows:
        found = Mark("weak find", "look") if mark == WEAK else ""
        yield "" if tag == last else name_of(tag), f"{count:,}", text, found
        last = tag


def _untold(report: Report) -> Iterator[Block]:
    """Attributes of which texts are counted but not shown."""
    for mark, title, text in (
        (
            HIDDEN,
            "Not shown",
            "Texts of these attributes stay although they may identify somebody or something, as "
            "an option, a rule or --verify report asks for. They are in the outputs.",
        ),
        (MORE, "Too many to keep", "Further different texts of these attributes are in outputs."),
    ):
        rows = [(name_of(tag), f"{n:,}") for tag, _, its, n in report.facts.texts if its == mark]
        if rows:
            yield Heading(title, 3)
            yield say(text)
            yield Table(("attribute", "count"), rows, _NUMBERS)


# -- rules ----------------------------------------------------------------------------------------


def _attributes(report: Report) -> Iterator[Block]:
    changes = report.summary.get("changes", ())
    yield Heading("What was removed, replaced and kept")
    if not changes:
        yield say("There are no statistics of this run.")
        return
    by_tag: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_rule: Counter[tuple[str, str, str, str]] = Counter()
    for one in changes:
        by_tag[_line_of(int(one["tag"], 16))][one["outcome"]] += one["count"]
        origin = _table_of(one["origin"])
        by_rule[origin, one["action"], one["code"], one["outcome"]] += one["count"]
    yield say(
        "Elements of all outputs, at every depth. Codes are those of PS3.15 Table E.1-1: X remove, "
        "Z empty, D replace by a dummy, U replace by a new UID, C clean (for dates: shift), K keep."
    )
    rules: list[tuple[Inline, ...]] = [
        (origin, f"{n:,}", action, code, outcome)
        for (origin, action, code, outcome), n in sorted(by_rule.items())
    ]
    heads: tuple[str, ...] = ("rule", "count", "action", "code", "outcome")
    yield Table(heads, rules[:_MOST_ATTRIBUTES], _NUMBERS)
    yield from _more(len(rules) - _MOST_ATTRIBUTES, "report.json")
    yield Heading("By attribute", 3)
    yield say(
        "An attribute can stand in several columns, because what becomes of it depends on the kind "
        "of object and on its place. Private attributes are summed up by group."
    )
    rows: list[tuple[Inline, ...]] = [
        (line, *_cells(counts)) for line, counts in sorted(by_tag.items())
    ]
    heads = ("attribute", *_OUTCOMES)
    yield Table(heads, rows[:_MOST_ATTRIBUTES], frozenset(range(1, len(heads))))
    yield from _more(len(rows) - _MOST_ATTRIBUTES, "report.json")


def _line_of(tag: int) -> str:
    """The line of the statistics that an attribute counts in: its own, or its private group's."""
    if tag & 0x10000:
        return f"({tag >> 16:04X},xxxx) private"
    return f"{format_tag(tag)} {name_of(tag)}"


def _cells(counts: Counter[str]) -> list[str]:
    return [f"{counts[outcome]:,}" if counts[outcome] else "" for outcome in _OUTCOMES]


def _table_of(origin: str) -> str:
    """`Table E.1-1 (0010,0010), retain-uids` without the attribute."""
    table, opened, rest = origin.partition(" (")
    if not opened or not table.startswith(("Table E", "supplement")):
        return origin
    _, _, option = rest.partition("), ")
    table = table.replace("supplement", "Rules of Deident for what the table leaves open")
    return f"{table}, {option}" if option else table


# -- how ------------------------------------------------------------------------------------------


def _profile(report: Report) -> Iterator[Block]:
    statement, opening = report.facts.statement, report.facts.opening
    yield Heading("With what")
    rows: list[tuple[str, tuple[Inline, ...]]] = [
        ("Program", (f"Deident {statement.get('version', 'not known')}",)),
        ("Tables", (f"DICOM PS3.15 {statement.get('edition', 'not known')}, Annex E",)),
        ("Project", (Mono(report.project),)),
        ("Key", (Mono(report.key), " (fingerprint; says nothing about the key)")),
        ("Profile", (str(statement.get("name", "not known")),)),
        ("Options", (", ".join(report.options) or "none",)),
        ("Hash of the profile", (Mono(str(statement.get("hash", "not known"))),)),
        ("Fingerprint", (Mono(opening.profile),)),
    ]
    if opening.continues:
        rows.append(("Continues run", (Mono(opening.continues),)))
    yield Facts(tuple(rows))
    if not statement:
        return
    yield Heading("What outputs say about themselves", 3)
    yield say(
        "Patient Identity Removed (0012,0062) is ",
        Mono("YES" if statement["identity_removed"] else "NO"),
        "; De-identification Method (0012,0063) and its codes (0012,0064) name:",
    )
    codes = [f"{meaning} ({code}, DCM)" for code, meaning in statement["codes"]]
    yield Bullets(tuple((text,) for text in [*statement["methods"], *codes]))
    yield Heading("The rules", 3)
    yield say(
        "The whole profile, layers and options joined. What it does not name follows Table E.1-1 "
        "and the rules that come with the program; ",
        Mono("deident profile conformance"),
        " lists them. Rules are printed as somebody wrote them.",
    )
    yield Code(statement["rules"])


def _manifest(report: Report) -> Iterator[Block]:
    yield Heading("Manifest of the outputs")
    if report.manifest is None:
        command = f"deident report DIR {report.run} --manifest"
        yield say("There is none. ", Mono(command), " reads all outputs again and makes one.")
        return
    count, size, chain = report.manifest
    yield say(
        f"manifest.csv lists {_count(count, 'output')}, {_size(size)}, each with its SHA-256. The "
        "hash of each line covers the line before, so no line can be changed, left out or added "
        "without changing the last one:"
    )
    yield Code(chain)
    yield say("Write it down elsewhere. ", Mono(f"deident report DIR {report.run} --check"),
              " compares outputs and manifest.")  # fmt: skip


def _foot(report: Report) -> Iterator[Block]:
    yield Heading("About this report")
    yield say(
        f"Made {report.made} from the journal of the run. It holds no original identifiers; UIDs, "
        "Patient IDs and names of files in instances.csv are those of the outputs. "
        "report.json has the same for programs."
    )


_SECTIONS = (
    _summary, _unchecked, _outcome, _findings, _texts, _profile, _manifest, _foot, _attributes,
)  # fmt: skip


# -- words ----------------------------------------------------------------------------------------


def name_of(tag: int) -> str:
    """What PS3.6 calls an attribute, or its number."""
    known = tables.attribute(tag)
    if known and known.name:
        return known.name
    if tag & 0x10000:
        return "private creator" if 0x10 <= tag & 0xFFFF <= 0xFF else "private"
    return format_tag(tag)


def _more(count: int, file: str) -> Iterable[Block]:
    return (say(f"… and {count:,} more, see {file}."),) if count > 0 else ()


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
