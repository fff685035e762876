"""Which row of PS3.15, option or rule decides about an attribute; what becomes of it in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from deident import tables
from deident.app.api import identity_of
from deident.app.reading import open_instance
from deident.dicom import part10
from deident.dicom.charsets import Charset
from deident.dicom.elements import Element, Path
from deident.dicom.tags import is_private
from deident.engine.apply import Walker
from deident.engine.case import SPECIFIC_CHARACTER_SET, Cases
from deident.engine.context import text_of
from deident.engine.plan import Plan, Step, is_structural, structural_step
from deident.engine.private import creator_of, creators, safe_vr
from deident.engine.process import Engine, Prepared
from deident.engine.result import Change, Finding, InstanceResult
from deident.errors import InstanceError, UsageError
from deident.profiles.expression import Expression, ExpressionError, Lookup
from deident.profiles.model import Profile, Selector, below
from deident.profiles.selectors import parse_selector
from deident.profiles.standard import TABLE_E, effective_table, resolve

# A block number for private attributes where there is no file to say which block it is.
_SOME_BLOCK = 0x1000


class Row(NamedTuple):
    """What a published table says about an attribute.

    Attributes:
        table: `Table E.1-1` or `supplement`.
        basic: code of the Basic Profile.
        options: code for each option that names the attribute.
        reason: why, for the supplement.
    """

    table: str
    basic: str
    options: Mapping[str, str]
    reason: str


class Link(NamedTuple):
    """One candidate for the decision, in order of precedence.

    Attributes:
        origin: which row, option or rule.
        action, params, code: what it does.
        when: its condition, empty for none.
        holds: whether the condition holds in the file; `None` without a file, and where it has no
            answer, which quarantines the instance.
    """

    origin: str
    action: str
    params: Mapping[str, Any]
    code: str
    when: str
    holds: bool | None


class Occurrence(NamedTuple):
    """The attribute at one place of a file.

    Attributes:
        path: sequences and items above it.
        tag, vr: of the element.
        type: attribute type in the IOD, `None` if not known.
        links: candidates for the decision; the first whose condition holds decides.
        outcome: `kept`, `removed`, `emptied`, `replaced`, or empty if the instance fails.
        origin: what decided in the end; verify or a sequence around it may.
        findings: what verify saw there.
        before, after: text of the value; empty unless asked for.
    """

    path: Path
    tag: int
    vr: str
    type: str | None
    links: tuple[Link, ...]
    outcome: str
    origin: str
    findings: tuple[Finding, ...]
    before: str = ""
    after: str = ""


class Explanation(NamedTuple):
    """What decides about an attribute.

    Attributes:
        tag: group << 16 | element; of a private attribute with the block number 0.
        creator: of a private attribute named by creator, else empty.
        keyword: of PS3.6, or empty.
        vr: of PS3.6 or a private dictionary, or empty.
        retired: whether PS3.6 has retired it.
        row: what PS3.15 or the supplement says, `None` if nothing does.
        links: candidates for the decision without a file.
        by_type: action code for each attribute type, when it depends on the type.
        sop_class: of the file, or empty.
        occurrences: where the attribute is in the file.
        failure: why the instance cannot be processed; empty if it can, or without a file.
    """

    tag: int
    creator: str
    keyword: str
    vr: str
    retired: bool
    row: Row | None
    links: tuple[Link, ...]
    by_type: Mapping[str, str]
    sop_class: str = ""
    occurrences: tuple[Occurrence, ...] = ()
    failure: str = ""


def explain(profile: Profile, attribute: str) -> Explanation:
    """Say what decides about an attribute, written as a selector, whatever the instance.

    Raises:
        UsageError: `unknown-tag`, or the selector is not about one attribute.
    """
    select = _one_attribute(attribute)
    plan = Plan(profile)
    known = tables.attribute(select.tag) if select.kind != "private" else None
    tag, creator = select.tag, None
    if select.kind == "private":
        tag, creator = select.tag | _SOME_BLOCK, select.creator
    elif is_private(tag):
        creator = ""
    vr = _vr(select)
    step = structural_step() if is_structural(tag) else None
    step = step or plan.scope("").step(select.parents, tag, vr or "UN", creator)
    return Explanation(
        select.tag,
        select.creator,
        known.keyword if known else "",
        vr,
        bool(known and known.retired),
        _row(tag, vr),
        tuple(_links(step, None)),
        _by_type(plan, tag, vr),
    )


def explain_in_file(
    profile: Profile, attribute: str, path: str | os.PathLike[str], *, values: bool = False
) -> Explanation:
    """Say what decides about an attribute at each place where a file has it.

    The instance goes through the whole engine with a key that is forgotten afterwards, so new
    values are not those that a project gives.

    Raises:
        UsageError: see `explain`.
        InstanceError: the file cannot be read.
    """
    general = explain(profile, attribute)
    identity = identity_of(profile, os.urandom(32))
    engine = Engine(Plan(profile), identity, details=True)
    with open_instance(os.fspath(path)) as file:
        elements = file.elements()
        case = Cases(engine.plan, identity).find(elements, file.encoding, file.transfer_syntax)
        walker = Walker(case, read=file.read, remembering=False)
        found = tuple(_occurrences(elements, walker, _one_attribute(attribute)))
        before = _texts(elements, case.charset) if values else {}
    try:
        with engine.prepare(os.fspath(path)) as prepared:
            result = prepared.result
            after = _new_texts(prepared) if values else {}
    except InstanceError as error:
        return general._replace(
            sop_class=case.scope.sop_class,
            occurrences=tuple(_valued(one, before, {}) for one in found),
            failure=f"{error} [{error.code}]",
        )
    changes = {(change.path, change.tag): change for change in result.changes}
    done = tuple(_valued(_settled(one, changes, result), before, after) for one in found)
    return general._replace(sop_class=case.scope.sop_class, occurrences=done)


# -- about the attribute ------------------------------------------------------------------------


def _one_attribute(text: str) -> Selector:
    select = parse_selector(text)
    repeating = select.kind == "mask" and tables.attribute(select.tag) is not None
    if select.kind not in ("tag", "private") and not repeating:
        raise UsageError("usage", f"{text!r} is not one attribute")
    return select


def _vr(select: Selector) -> str:
    if select.kind != "private":
        return tables.vr_of(select.tag) or ""
    safe = safe_vr(select.tag, select.creator)
    known = tables.private_attribute(select.creator, select.tag >> 16, select.tag & 0xFF)
    return safe or (known[0] if known else "")


def _row(tag: int, vr: str) -> Row | None:
    """The row that counts without options; `options` of it say what would change it."""
    row = effective_table().row(tag, vr)
    if row is None:
        return None
    listed = tables.annex_e() if row.table == TABLE_E else tables.supplement()
    options = next(one.options for one in listed if one.pattern == row.pattern)
    return Row(row.table, row.basic, options, row.reason)


def _by_type(plan: Plan, tag: int, vr: str) -> dict[str, str]:
    """Action code by attribute type, where the type matters and no rule is asked first."""
    row = plan.standard.row(tag, vr) if plan.standard else None
    if row is None:
        return {}
    codes = {type_: resolve(row.code, vr, type_, sop_class_known=True) for type_ in ("1", "2", "3")}
    return codes if len(set(codes.values())) > 1 else {}


def _links(step: Step | None, lookup: Lookup | None) -> Iterator[Link]:
    """A step and those that hold where its condition fails, in order of precedence."""
    while step is not None:
        when, holds = "", None
        if step.when is not None:
            when = step.when.text
            holds = _answer(step.when, lookup) if lookup else None
        yield Link(step.origin, step.action, step.params, step.code, when, holds)
        step = step.otherwise


def _answer(condition: Expression, lookup: Lookup) -> bool | None:
    try:
        return condition.evaluate(lookup)
    except ExpressionError:
        return None


# -- about one file -----------------------------------------------------------------------------


def _occurrences(elements: list[Element], walker: Walker, select: Selector) -> Iterator[Occurrence]:
    """Every element that the selector is about, with the candidates for its decision."""
    lookup = walker.case.context.lookup
    for level, path in _levels(elements, ()):
        owners, parents = creators(level), path[::2]
        for element in level:
            tag = element.tag
            creator = creator_of(tag, owners) if is_private(tag) else None
            if not below(select, parents) or not _is_it(select, tag, creator):
                continue
            vr, step = walker.step_of(element, parents, owners)
            links = tuple(_links(step, lookup))
            yield Occurrence(path, tag, vr, step.type, links, "", "", ())


def _is_it(select: Selector, tag: int, creator: str | None) -> bool:
    if select.kind == "private":
        return creator == select.creator and tag & 0xFFFF00FF == select.tag
    return tag & select.mask == select.tag


def _levels(elements: list[Element], path: Path) -> Iterator[tuple[list[Element], Path]]:
    """Every data set of an instance, the outermost first, with the path to it."""
    yield elements, path
    for element in elements:
        for number, item in enumerate(element.items or ()):
            yield from _levels(item.elements, (*path, element.tag, number))


def _settled(
    found: Occurrence, changes: Mapping[tuple[Path, int], Change], result: InstanceResult
) -> Occurrence:
    """With what became of it in the end: a sequence around it may have gone as a whole."""
    path, tag = found.path, found.tag
    around = [(path[:end], path[end]) for end in range(0, len(path), 2)]
    gone = [changes[key] for key in around if key in changes and changes[key].outcome != "kept"]
    change = gone[0] if gone else changes.get((path, tag))
    return found._replace(
        outcome=change.outcome if change else "",
        origin=change.origin if change else "",
        findings=tuple(one for one in result.findings if (one.path, one.tag) == (path, tag)),
    )


Texts = Mapping[tuple[Path, int], str]


def _valued(found: Occurrence, before: Texts, after: Texts) -> Occurrence:
    key = (found.path, found.tag)
    return found._replace(before=before.get(key, ""), after=after.get(key, ""))


def _texts(elements: list[Element], charset: Charset) -> dict[tuple[Path, int], str]:
    """The text of every element, decoded with the character set that holds in its item."""
    texts = {}
    charsets: dict[Path, Charset] = {(): charset}
    for level, path in _levels(elements, ()):
        own = next((one for one in level if one.tag == SPECIFIC_CHARACTER_SET), None)
        charsets[path] = Charset.of(own.value) if own else charsets[path[:-2]]
        for element in level:
            texts[path, element.tag] = text_of(element, charsets[path])
    return texts


def _new_texts(prepared: Prepared) -> dict[tuple[Path, int], str]:
    """The same of what would be written, which goes through a file that holds nothing else."""
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        prepared.write(file.fileno())
        file.seek(0)
        with part10.from_bytes(file.read()) as new:
            return _texts(new.elements(), Charset.of(None))
