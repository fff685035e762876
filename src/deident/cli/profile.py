"""`deident profile`: look at profiles, check them, compare them, say which rule decides."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from deident.cli import output
from deident.cli.base import Group
from deident.cli.exits import ExitCode
from deident.errors import InstanceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from deident.app.explain import Explanation, Link
    from deident.profiles.catalog import ActionSpec, ParamSpec
    from deident.profiles.compare import Changed
    from deident.profiles.model import Profile, Rule


@click.group("profile", cls=Group)
def profile_group() -> None:
    """Look at profiles: what should happen to every instance.

    A profile is a shipped one by name, or a YAML file.
    """


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_with = click.option(
    "--with", "options", multiple=True, metavar="OPTION", help="Switch an option of PS3.15 on."
)


@profile_group.command("list")
@_as_json
def list_profiles(as_json: bool) -> None:
    """List the shipped profiles and the options of PS3.15."""
    from deident import tables
    from deident.profiles.loader import load, shipped_names
    from deident.profiles.model import AVAILABLE_OPTIONS

    profiles = [load(name) for name in shipped_names()]
    methods = tables.methods()
    if as_json:
        _print_json(
            profiles=[_head(profile) for profile in profiles],
            options=[
                {"name": name, "code": methods[name].code, "meaning": methods[name].meaning}
                for name in AVAILABLE_OPTIONS
            ],
        )
        return
    output.table(
        ("PROFILE", "VERSION", "BASE", "DESCRIPTION"),
        [(p.name, str(p.version), p.base, _first_sentence(p.description)) for p in profiles],
    )
    output.line()
    output.table(
        ("OPTION (--with)", "CODE", "MEANING"),
        [(name, methods[name].code, methods[name].meaning) for name in AVAILABLE_OPTIONS],
    )


@profile_group.command()
@click.argument("profile", metavar="NAME|FILE")
@_with
@_as_json
def show(profile: str, options: Sequence[str], as_json: bool) -> None:
    """Show a profile with everything that it extends."""
    from deident.profiles.plain import profile_hash, to_plain

    loaded = _load(profile, options)
    if as_json:
        _print_json(profile=to_plain(loaded), hash=profile_hash(loaded))
        return
    rows = [("name", loaded.name), ("version", str(loaded.version))]
    rows += [("author", loaded.author), ("edition", loaded.edition), ("base", loaded.base)]
    rows += [("options", ", ".join(loaded.options) or "none"), *_settings(loaded)]
    rows.append(("hash", profile_hash(loaded)))
    output.table((), [row for row in rows if row[1]])
    if loaded.description:
        output.line()
        output.line(_words(loaded.description))
    if loaded.filters:
        output.line()
        output.line("Filters, the first that holds decides:")
        output.table((), [(f"  {f.then}", _words(f.when), f.origin) for f in loaded.filters])
    if loaded.rules:
        output.line()
        output.line("Rules, the most specific selector wins, then the later rule:")
        output.table((), [(f"  {r.select.text}", _what(r), r.origin) for r in loaded.rules])


def _settings(profile: Profile) -> list[tuple[str, str]]:
    dates = f"up to {profile.dates.max_days} days" + (
        ", whole weeks" if profile.dates.whole_weeks else ""
    )
    private = [
        word
        for word, on in (
            ("numbers of known creators", profile.private_numeric),
            ("what (0008,0300) calls safe", profile.private_characteristics),
        )
        if on
    ]
    return [
        ("naming", profile.naming),
        ("dates shift", dates),
        ("verify", profile.verify),
        ("ages", "strict" if profile.strict_ages else "standard"),
        ("private, besides", ", ".join(private)),
        ("patient prefix", profile.patient_prefix),
        ("UID root", profile.uid_root),
    ]


@profile_group.command()
@click.argument("profile", metavar="NAME|FILE")
@_as_json
def lint(profile: str, as_json: bool) -> ExitCode:
    """Check a profile; exit code 2 for errors, 4 for warnings only."""
    from deident.engine.actions import CATALOG
    from deident.profiles.lint import lint as findings_of

    found = findings_of(_path(profile), CATALOG)
    if as_json:
        _print_json(findings=[finding._asdict() for finding in found])
    for finding in () if as_json else found:
        place = f"{finding.source}:{finding.line}:{finding.column}: " if finding.line else ""
        output.line(_words(f"{place}{finding.severity}: {finding.message} [{finding.code}]"))
    if any(finding.severity == "error" for finding in found):
        return ExitCode.USAGE
    return ExitCode.REVIEW if found else ExitCode.DONE


@profile_group.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_as_json
def diff(before: str, after: str, as_json: bool) -> None:
    """Say what profile B does differently from profile A."""
    from deident.profiles.compare import compare
    from deident.profiles.plain import to_plain

    one, other = _load(before), _load(after)
    difference = compare(one, other)
    if as_json:
        rules = {"removed": to_plain(one)["rules"], "added": to_plain(other)["rules"]}
        kept = {
            "removed": [one.rules.index(rule) for rule in difference.removed],
            "added": [other.rules.index(rule) for rule in difference.added],
        }
        _print_json(
            settings=[change._asdict() for change in difference.settings],
            codes=[change._asdict() for change in difference.codes],
            filters=[change._asdict() for change in difference.filters],
            **{name: [rules[name][index] for index in kept[name]] for name in rules},
        )
        return
    if difference.empty:
        output.line("Both do the same.")
        return
    changes = [
        (change.what, f"{change.before or '-'} -> {change.after or '-'}")
        for change in (*difference.settings, *difference.filters)
    ]
    output.table((), [*changes, *_grouped(difference.codes)])
    for sign, rules_only in (("-", difference.removed), ("+", difference.added)):
        for rule in rules_only:
            output.line(_words(f"{sign} {rule.select.text}: {_what(rule)}  ({rule.origin})"))


@profile_group.command()
@click.argument("name", required=False)
@_as_json
def actions(name: str | None, as_json: bool) -> None:
    """List the actions that rules may ask for, with the PS3.15 codes they carry out."""
    from deident.engine.actions import CATALOG

    if name is not None and name not in CATALOG:
        raise UsageError("usage", f"no action {name!r}; there are {', '.join(CATALOG)}")
    chosen = [CATALOG[name]] if name else [CATALOG[key] for key in sorted(CATALOG)]
    if as_json:
        _print_json(actions=[_action_data(action) for action in chosen])
        return
    width = max(len(action.name) for action in chosen)
    for action in chosen:
        output.line(f"{action.name:{width}}  {action.code or '-'}  {action.doc}")
        for param in action.params:
            output.line(f"{'':{width}}       {param.name}: {_about(param)}")


def _about(param: ParamSpec) -> str:
    """A parameter in one line: what is written, what holds without it, what it is for."""
    choices = "|".join(param.choices) if param.kind == "choice" else param.kind
    if param.required:
        given = "required"
    else:
        given = f"default {_written(param)}" if param.default not in (None, "") else "optional"
    return f"{choices}, {given}. {param.doc}"


def _written(param: ParamSpec) -> str:
    from deident.dicom.tags import format_tag

    return format_tag(param.default) if param.kind == "tag" else str(param.default)


def _action_data(action: ActionSpec) -> dict[str, Any]:
    return {
        "name": action.name,
        "code": action.code,
        "doc": action.doc,
        "vrs": None if action.vrs is None else sorted(action.vrs),
        "sequences": action.sequences,
        "params": [param._asdict() for param in action.params],
    }


@profile_group.command()
def schema() -> None:
    """Print the JSON Schema of profile files, for editors."""
    from deident.engine.actions import CATALOG
    from deident.profiles.schema import json_schema

    output.json_object(json_schema(CATALOG))


@profile_group.command()
@click.argument("profile", metavar="[NAME|FILE]", default="basic")
@_with
@click.option("--html", "as_html", is_flag=True, help="Print HTML instead of Markdown.")
def conformance(profile: str, options: Sequence[str], as_html: bool) -> None:
    """Print the conformance statement of a profile (PS3.15 E.1.3).

    It says which profile and options are claimed, what becomes of every attribute, how dates are
    modified, which private attributes stay, and what is not done.

    \b
    Examples:
      deident profile conformance > conformance.md
      deident profile conformance trial.yaml --with retain-modified-dates --html > statement.html
    """
    from deident.app.conformance import statement
    from deident.app.documents import html, markdown

    document = statement(_load(profile, options))
    for text in (html if as_html else markdown).render(document):
        output.write(text)


@profile_group.command()
@click.argument("attribute", metavar="TAG")
@click.argument("file", required=False)
@click.option("--profile", default="basic", show_default=True, metavar="NAME|FILE")
@_with
@click.option("--values", is_flag=True, help="Print values of the file, which identify patients.")
@_as_json
def explain(
    attribute: str,
    file: str | None,
    profile: str,
    options: Sequence[str],
    values: bool,
    as_json: bool,
) -> None:
    """Say what decides about an attribute, and what becomes of it in a file.

    TAG is written as in a rule: PatientName, (0010,0010), ContentSequence/PersonName,
    '(0019,"SIEMENS MR HEADER",0C)'. New values shown by --values are made with a key that is
    forgotten at once.
    """
    from deident.app.explain import explain as explain_attribute
    from deident.app.explain import explain_in_file

    loaded = _load(profile, options)
    if file is not None and not os.path.isfile(file):  # noqa: PTH113
        raise UsageError("input-missing", f"{file}: no such file")
    if file is None:
        found = explain_attribute(loaded, attribute)
    else:
        try:
            found = explain_in_file(loaded, attribute, file, values=values)
        except InstanceError as error:
            raise InstanceError(error.code, f"{file}: {error}") from error
    if as_json:
        _print_json(**_explanation_data(found, values))
        return
    _print_attribute(found, loaded)
    if file is not None:
        output.line()
        _print_file(found, values)


def _explanation_data(found: Explanation, values: bool) -> dict[str, Any]:
    from deident.dicom.tags import format_path

    data = found._asdict()
    data["tag"] = _number(found)
    data["row"] = found.row and found.row._asdict()
    data["links"] = [link._asdict() for link in found.links]
    data["occurrences"] = [
        {
            "path": format_path(one.path, one.tag),
            "vr": one.vr,
            "type": one.type,
            "links": [link._asdict() for link in one.links],
            "outcome": one.outcome,
            "origin": one.origin,
            "findings": [finding._asdict() for finding in one.findings],
            **({"before": one.before, "after": one.after} if values else {}),
        }
        for one in found.occurrences
    ]
    return data


_CODES = {"X": "remove", "Z": "empty", "D": "dummy", "U": "new UID", "K": "keep", "C": "clean"}


def _number(found: Explanation) -> str:
    from deident.dicom.tags import format_tag

    if not found.creator:
        return format_tag(found.tag)
    return f'({found.tag >> 16:04X},"{_words(found.creator)}",{found.tag & 0xFF:02X})'


def _spelled(code: str) -> str:
    """A code of PS3.15 with what it means: `Z/D (empty or dummy)`."""
    return f"{code} ({' or '.join(_CODES[part] for part in code.rstrip('*').split('/'))})"


def _print_attribute(found: Explanation, profile: Profile) -> None:
    words = [f"{_number(found)} {found.keyword}".strip(), found.vr and f"VR {found.vr}"]
    words += ["retired"] if found.retired else []
    output.line(", ".join(word for word in words if word))
    from deident.profiles.standard import SUPPLEMENT

    if found.row is None:
        output.line("PS3.15: no row")
    else:
        reason = f"; {found.row.reason}" if found.row.reason else ""
        ours = found.row.table == SUPPLEMENT
        where = "the supplement of Deident" if ours else f"PS3.15: {found.row.table}"
        output.line(f"{where} says {_spelled(found.row.basic)}{reason}")
        for option, code in found.row.options.items():
            on = " (on)" if option in profile.options else ""
            output.line(f"  with {option}{on}: {_spelled(code)}")
    if len(found.links) == 1:
        output.line(_words(f"profile {profile.name}: {_link(found.links[0])}"))
    else:
        output.line(_words(f"profile {profile.name}: the first of these whose condition holds"))
        for link in found.links:
            output.line("  " + _words(_link(link)))
    if found.by_type and found.links[-1].origin.startswith(("Table", "supplement")):
        types = ", ".join(f"Type {type_}: {code}" for type_, code in found.by_type.items())
        output.line(f"  by attribute type in the IOD: {types}")


def _link(link: Link) -> str:
    code = f" ({link.code})" if link.code else ""
    text = f"{link.origin}: {link.action}{code}"
    return f"{text} when {link.when}" if link.when else text


def _print_file(found: Explanation, values: bool) -> None:
    from pydicom.uid import UID

    from deident.dicom.tags import format_path

    output.line(f"in the file, {_words(UID(found.sop_class).name) or 'SOP Class unknown'}:")
    if not found.occurrences:
        output.line("  the attribute is not there")
    for one in found.occurrences:
        type_ = f"Type {one.type}" if one.type else "not in the IOD"
        result = f"{one.outcome} by {one.origin}" if one.outcome else "not decided"
        text = f"{format_path(one.path, one.tag)}, {one.vr}, {type_}: {result}"
        if values:
            text += f"; {one.before!r} -> {one.after!r}"
        output.line("  " + _words(text))
        if len(one.links) > 1:
            for link in one.links:
                holds = {True: "holds", False: "does not hold", None: "has no answer"}[link.holds]
                output.line("    " + _words(_link(link)) + (f": {holds}" if link.when else ""))
        for finding in one.findings:
            output.line(f"    verify: {finding.grade} {finding.kind}, {finding.done}")
    if found.failure:
        output.line("  " + _words(f"the instance would not be written: {found.failure}"))


# -- helpers --------------------------------------------------------------------------------------


def _load(name: str, options: Iterable[str] = ()) -> Profile:
    from deident.engine.actions import CATALOG
    from deident.profiles.loader import load

    return load(name, options, CATALOG)


def _path(name: str) -> Path:
    from pathlib import Path

    from deident.profiles.loader import shipped_names, shipped_path

    return shipped_path(name) if name in shipped_names() else Path(name)


def _head(profile: Profile) -> dict[str, Any]:
    from deident.profiles.plain import profile_hash

    return {
        "name": profile.name,
        "version": profile.version,
        "base": profile.base,
        "description": profile.description,
        "hash": profile_hash(profile),
    }


def _what(rule: Rule) -> str:
    """The action of a rule as it could be written."""
    from deident.engine.actions import CATALOG

    spec = {param.name: param for param in CATALOG[rule.action].params}
    given = [
        f"{name}: {_written(spec[name]._replace(default=value))}"
        for name, value in rule.params.items()
        if value != spec[name].default
    ]
    text = f"{rule.action} {{{', '.join(given)}}}" if given else rule.action
    return _words(f"{text} when {rule.when}") if rule.when else text


def _attribute(pattern: str) -> str:
    """A pattern of the tables with its keyword, if it has one."""
    from deident import tables
    from deident.dicom.tags import format_pattern

    if len(pattern) == 2:
        return f"VR {pattern}"
    if pattern == tables.PRIVATE_PATTERN:
        return "private attributes"
    known = tables.attribute(tables.pattern_mask(pattern)[0])
    keyword = f" {known.keyword}" if known and known.keyword else ""
    return format_pattern(pattern) + keyword


_ONE_BY_ONE = 12


def _grouped(codes: Sequence[Changed]) -> list[tuple[str, str]]:
    """Changed codes one by one, but together where the same change is about many attributes."""
    groups: dict[str, list[str]] = {}
    for change in codes:
        groups.setdefault(f"{change.before} -> {change.after}", []).append(change.what)
    lines = []
    for shown, patterns in groups.items():
        patterns.sort(key=lambda pattern: (pattern < "0008", pattern))  # data sets before meta
        few = patterns if len(patterns) <= _ONE_BY_ONE else patterns[:3]
        lines += [(_attribute(pattern), shown) for pattern in few]
        if few is not patterns:
            lines.append((f"… and {len(patterns) - 3} more (see --json)", shown))
    return lines


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _words(text: str) -> str:
    """Text from a file on one line; `output` sees to what could steer a terminal."""
    return " ".join(text.split())


def _print_json(**data: Any) -> None:
    output.json_object({"schema": 1, **data})
