"""How a rule names the elements that it is for: text or a mapping, read into a `Selector`.

PatientName                            an attribute, at every depth
(0010,0010)  00100010                  the same by number
60xx3000  (0010,xxxx)                  a repeating group, any pattern of digits
(0019,"SIEMENS MR HEADER",0C)          a private attribute by creator and low byte
0019,["SIEMENS MR HEADER"],0C          the same
private:*                              every private element
vr:PN                                  every element of a VR
*                                      every element
/PatientName                           at the top level only
RequestAttributesSequence/ScheduledProcedureStepID   from the top level down
**/ContentSequence/PersonName          below such a sequence at any depth (also `*/`)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deident import tables
from deident.errors import UsageError
from deident.profiles.model import Selector, below

MAX_LENGTH = 1000
MAX_DEPTH = 16

_ODD_GROUPS = 0x00010000
_DIGIT = "[0-9A-Fa-fxX]"
_PRIVATE = (
    r"(?P<group>[0-9A-Fa-f]{4}) *, *"
    r'(?:"(?P<quoted>[^"]+)"|\[ *"(?P<boxed>[^"]+)" *\]|\[ *(?P<bare>[^"\[\] ][^"\[\]]*?) *\])'
    r" *, *(?:[xX]{2})?(?P<low>[0-9A-Fa-f]{2})"
)
_TAG = (
    rf"\( *{_DIGIT}{{4}} *, *{_DIGIT}{{4}} *\)|\[ *{_DIGIT}{{4}} *,? *{_DIGIT}{{4}} *\]"
    rf"|{_DIGIT}{{4}},?{_DIGIT}{{4}}(?![A-Za-z0-9])"
)
# One step of a path. The private form is looked for first: a creator may hold any character. Like
# all patterns here it is compiled on first use: most runs read no selector.
_SEGMENT = (
    rf"(?P<open>\( *)?{_PRIVATE}(?P<close> *\))?|(?P<tag>{_TAG})"
    r"|vr:(?P<vr>[A-Za-z]{2})(?![A-Za-z0-9])|(?P<odd>private:\*)|(?P<any>\*\*?)"
    r"|(?P<keyword>[A-Za-z][A-Za-z0-9]*)"
)


def parse_selector(source: object) -> Selector:
    """Read a selector, written as text or as a mapping.

    A mapping has either `tag`, or `vr`, or `group`, `creator` and `element` together; `in` may name
    the path of the sequences above. It serves private creators that hold quotation marks.

    Raises:
        UsageError: `unknown-tag`, with a suggestion where one is near.
    """
    if isinstance(source, Mapping):
        return _from_mapping(source)
    if not isinstance(source, str):
        raise _wrong("a selector is text; put a number in quotation marks")
    text = source.strip()
    if len(text) > MAX_LENGTH:
        raise _wrong(f"a selector is longer than {MAX_LENGTH} characters")
    end, selector = match_selector(text)
    if end != len(text):
        raise _wrong(f"{text!r} is not a selector; {text[end:]!r} does not belong")
    return selector


def match_selector(text: str, start: int = 0) -> tuple[int, Selector]:
    """Read the selector that begins at `start` of `text`; return where it ends, and the selector.

    Raises:
        UsageError: `unknown-tag`, no selector begins there.
    """
    position, segments = start, []
    anchored = text.startswith("/", start)
    position += anchored
    while True:
        found = re.compile(_SEGMENT).match(text, position)
        if found is None or bool(found["open"]) != bool(found["close"]):
            raise _wrong(f"{text[start : start + 80]!r} is not a selector")
        segments.append(found)
        position = found.end()
        if not text.startswith("/", position):
            break
        position += 1
    if len(segments) > MAX_DEPTH:
        raise _wrong(f"a path has more than {MAX_DEPTH} steps")
    return position, _assemble(segments, anchored, text[start:position])


def _assemble(segments: list[re.Match[str]], anchored: bool, text: str) -> Selector:
    if len(segments) > 1:
        if segments[0]["any"]:
            if anchored:
                raise _wrong(f"{text!r}: a path starts with / or with **/, not both")
            segments = segments[1:]
        else:
            anchored = True
    *above, last = segments
    parents = tuple(_sequence(segment) for segment in above)
    return _target(last)._replace(parents=parents, anchored=anchored, text=text)


def _target(segment: re.Match[str]) -> Selector:
    if segment["any"]:
        if segment["any"] == "**":
            raise _wrong("** stands for the sequences above; * alone is every element")
        return Selector("all")
    if segment["odd"]:
        return Selector("mask", _ODD_GROUPS, _ODD_GROUPS)
    if segment["vr"]:
        return Selector("vr", vr=_vr(segment["vr"]))
    if segment["group"]:
        creator = segment["quoted"] or segment["boxed"] or segment["bare"]
        return _private(segment["group"], creator, segment["low"])
    if segment["keyword"]:
        return _by_pattern(_pattern_of(segment["keyword"]))
    return _by_pattern(re.sub(r"[^0-9A-Fa-fxX]", "", segment["tag"]).replace("X", "x"))


def _sequence(segment: re.Match[str]) -> int:
    """Return the tag of a step that is not the last: it must be one attribute, and a sequence."""
    selector = _target(segment)
    if selector.kind != "tag":
        raise _wrong(f"{segment[0]!r} cannot stand within a path: it does not name one sequence")
    known = tables.attribute(selector.tag)
    if known and known.vr != "SQ":
        raise _wrong(f"{segment[0]!r} is not a sequence")
    return selector.tag


def _by_pattern(pattern: str) -> Selector:
    value, mask = tables.pattern_mask(pattern)
    if mask == 0xFFFFFFFF:
        return Selector("tag", value)
    return Selector("mask", value, mask)


def _pattern_of(keyword: str) -> str:
    pattern = tables.keyword_to_pattern(keyword)
    if pattern is None:
        raise _wrong(f"no attribute has the keyword {keyword!r}{suggestion(keyword)}")
    return pattern


def suggestion(keyword: str) -> str:
    """Return `; did you mean …?` with the nearest keyword of PS3.6, or nothing."""
    from difflib import get_close_matches

    lower = {known.lower(): known for known in tables.keywords()}
    near = get_close_matches(keyword.lower(), lower, n=1, cutoff=0.8)
    return f"; did you mean {lower[near[0]]}?" if near else ""


def _vr(text: str) -> str:
    if text not in tables.vrs().values():
        raise _wrong(f"{text!r} is not a value representation of PS3.5 6.2")
    return text


def _private(group: str, creator: str, low: str) -> Selector:
    number = int(group, 16)
    if not number & 1 or number < 9 or number == 0xFFFF:
        raise _wrong(f"group {group} is not private: private groups are odd, from 0009 to FFFD")
    if "\\" in creator or len(creator) > 64 or creator != creator.strip():
        raise _wrong(
            "a private creator has at most 64 characters, no backslash, no blanks around it"
        )
    return Selector("private", number << 16 | int(low, 16), creator=creator)


_FORMS = ({"tag"}, {"vr"}, {"group", "creator", "element"})


def _from_mapping(source: Mapping[Any, Any]) -> Selector:
    if not all(isinstance(key, str) and isinstance(item, str) for key, item in source.items()):
        raise _wrong("a selector's keys and values are text; put numbers in quotation marks")
    values = {key: item.strip() for key, item in source.items()}
    path = values.pop("in", None)
    if set(values) not in _FORMS:
        raise _wrong("a selector has tag, or vr, or group with creator and element; and perhaps in")
    if "tag" in values:
        target = parse_selector(values["tag"])
        if target.parents or target.anchored:
            raise _wrong("tag cannot have a path of its own; use in")
    elif "vr" in values:
        target = Selector("vr", vr=_vr(values["vr"]))
    else:
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", values["group"]):
            raise _wrong("group has four hexadecimal digits")
        low = re.fullmatch(r"(?:[xX]{2})?([0-9A-Fa-f]{2})", values["element"])
        if not low:
            raise _wrong("element has the two last hexadecimal digits of the element number")
        target = _private(values["group"], values["creator"], low[1])
    return _below(path, target)._replace(text=", ".join(f"{k}: {v}" for k, v in source.items()))


def _below(path: str | None, target: Selector) -> Selector:
    if path is None:
        return target
    # any attribute will do as the end of the path: only the sequences above it count
    around = parse_selector(path.rstrip("/") + "/00080005")
    return target._replace(parents=around.parents, anchored=around.anchored)


def _wrong(message: str) -> UsageError:
    return UsageError("unknown-tag", message)


def canonical(selector: Selector) -> str:
    """Return the one spelling of a selector: equal selectors have equal text.

    Numbers instead of keywords, so that it does not depend on the edition of PS3.6.
    """
    target = {
        "tag": f"{selector.tag:08X}",
        "mask": f"{selector.tag:08X}&{selector.mask:08X}",
        "private": f"{selector.tag >> 16:04X},{selector.tag & 0xFF:02X},{selector.creator}",
        "vr": f"vr:{selector.vr}",
        "all": "*",
    }[selector.kind]
    lead = "/" if selector.anchored else "**/" if selector.parents else ""
    return lead + "".join(f"{tag:08X}/" for tag in selector.parents) + target


def selects(
    selector: Selector, parents: tuple[int, ...], tag: int, vr: str, creator: str | None
) -> bool:
    """Return whether a selector is for an element below the sequences `parents`.

    `creator` is the private creator of a private element, `None` for all others.
    """
    if not below(selector, parents):
        return False
    if selector.kind == "private":
        return tag & 0xFFFF00FF == selector.tag and creator == selector.creator
    if selector.kind == "vr":
        return vr == selector.vr
    return selector.kind == "all" or tag & selector.mask == selector.tag


def covers(wide: Selector, narrow: Selector) -> bool:
    """Return whether `wide` surely selects every element that `narrow` selects."""
    if (wide.anchored and not narrow.anchored) or not below(wide, narrow.parents):
        return False
    if wide.kind == "all":
        return True
    if wide.kind == "vr":
        return narrow.kind == "vr" and wide.vr == narrow.vr
    if wide.kind == "private":
        same = (wide.tag, wide.creator) == (narrow.tag, narrow.creator)
        return narrow.kind == "private" and same
    if narrow.kind not in ("tag", "mask", "private"):
        return False
    known = 0xFFFF00FF if narrow.kind == "private" else narrow.mask
    return wide.mask & ~known == 0 and narrow.tag & wide.mask == wide.tag
