"""An effective profile as the text of a profile file: all that it does, in one fixed order.

Layers are flattened and settings spelled out, so equal profiles have equal text but for words and
the spelling of selectors. `loader` reads the text back to a profile with the same hash. Written by
hand, because a run that is about to end should not load a YAML library for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deident.dicom.tags import format_tag
from deident.errors import UsageError
from deident.profiles.catalog import ActionCatalog, ParamSpec
from deident.profiles.model import Profile, Rule, Selector
from deident.profiles.selectors import parse_selector

_PLAIN = re.compile(r"[A-Za-z0-9/(][A-Za-z0-9_./(),*-]*")
# What YAML or the loader would not take for text, and what looks like a number with a colon.
_NOT_PLAIN = re.compile(r"(?i:true|false|null|yes|no|on|off|~)|.*[,:]$")
_GROUPS = {0xFFE1: "xx", 0xFF01: "xx"}  # repeating groups: any even number (PS3.5 7.6)


def to_text(profile: Profile, actions: ActionCatalog) -> str:
    """Return the YAML text of a profile; `actions` says which parameters are defaults."""
    return "\n".join(_lines(profile, actions)) + "\n"


def _lines(profile: Profile, actions: ActionCatalog) -> Iterator[str]:
    yield "format: 1"
    for key, value in _settings(profile):
        yield f"{key}: {value}"
    if profile.options:
        yield "options:"
        yield from (f"  - {option}" for option in profile.options)
    if profile.filters:
        yield "filters:"
        for one in profile.filters:
            yield f"  - {one.then}: {_scalar(one.when)}"
            if one.note:
                yield f"    note: {_scalar(one.note)}"
    if profile.rules:
        yield "rules:"
        for rule in profile.rules:
            specs = {param.name: param for param in actions[rule.action].params}
            yield from _rule(rule, specs)


def _settings(profile: Profile) -> Iterator[tuple[str, str]]:
    yield "name", _scalar(profile.name)
    yield "version", str(profile.version)
    for key in ("description", "author", "edition"):
        if getattr(profile, key):
            yield key, _scalar(getattr(profile, key))
    yield "base", profile.base
    yield "verify", profile.verify
    yield "ages", "strict" if profile.strict_ages else "standard"
    weeks = _flag(profile.dates.whole_weeks)
    yield "dates", f"{{max-days: {profile.dates.max_days}, whole-weeks: {weeks}}}"
    numeric, named = _flag(profile.private_numeric), _flag(profile.private_characteristics)
    yield "private", f"{{numeric: {numeric}, characteristics: {named}}}"
    yield "naming", _scalar(profile.naming)
    yield "patient-prefix", _scalar(profile.patient_prefix)
    yield "uid-root", _scalar(profile.uid_root)


def _rule(rule: Rule, specs: Mapping[str, ParamSpec]) -> Iterator[str]:
    yield f"  - select: {_selector(rule.select)}"
    yield f"    action: {rule.action}"
    for name, value in rule.params.items():
        if value != specs[name].default:
            yield f"    {name}: {_param(specs[name], value)}"
    if rule.when:
        yield f"    when: {_scalar(rule.when)}"
    if rule.note:
        yield f"    note: {_scalar(rule.note)}"


def _param(spec: ParamSpec, value: Any) -> str:
    if spec.kind == "mapping":
        pairs = (f"{_quoted(key)}: {_quoted(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if spec.kind == "bool":
        return _flag(value)
    return _scalar(format_tag(value) if spec.kind == "tag" else str(value))


def _selector(select: Selector) -> str:
    """A selector as it was written where that is text, else spelled from its parts."""
    try:
        same = parse_selector(select.text)._replace(text="") == select._replace(text="")
    except UsageError:
        same = False
    if same:
        return _scalar(select.text)
    above = "".join(f"{tag:08X}/" for tag in select.parents)
    lead = "/" if select.anchored else "**/" if above else ""
    if select.kind != "private":
        return _scalar(f"{lead}{above}{_target(select)}")
    parts = {
        "group": f"{select.tag >> 16:04X}",
        "creator": select.creator,
        "element": f"{select.tag & 0xFF:02X}",
    }
    if lead:
        parts["in"] = f"{lead}{above}"
    return f"{{{', '.join(f'{key}: {_quoted(value)}' for key, value in parts.items())}}}"


def _target(select: Selector) -> str:
    if select.kind in ("vr", "all"):
        return f"vr:{select.vr}" if select.vr else "*"
    if select.mask == 0x00010000:
        return "private:*"
    digits = "".join(
        f"{select.tag >> shift & 0xF:X}" if select.mask >> shift & 0xF else "x"
        for shift in range(28, -4, -4)
    )
    group = _GROUPS.get(select.mask >> 16)
    return f"{digits[:2]}{group}{digits[4:]}" if group else digits


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and not _NOT_PLAIN.fullmatch(text)
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    r"""Text in quotation marks (YAML 1.2, 7.3.1), with escapes for what is not printable.

    >>> _quoted('a "b"\n')
    '"a \\"b\\"\\n"'
    """
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char == "\n":
        return "\\n"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
