"""Tags as numbers: printing them and paths of them, and the arithmetic of private blocks.

A tag is `group << 16 | element` everywhere. How people write tags is read by `profiles.selectors`.
"""

from __future__ import annotations

from collections.abc import Sequence

from deident import tables


def format_tag(tag: int) -> str:
    """Return a tag as PS3.6 prints it: `(0010,0010)`."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def format_pattern(pattern: str) -> str:
    """Return a tag pattern of the tables as PS3.15 prints it: `(60xx,3000)`."""
    return f"({pattern[:4]},{pattern[4:]})" if len(pattern) == 8 else pattern


def format_path(path: Sequence[int], tag: int | None = None) -> str:
    """Return a path by keywords, items counted from 1: `ContentSequence[2]/PersonName`.

    `path` alternates sequence tag and item number (from 0), see `elements.walk`; `tag` is the
    element at its end. Private tags and others without a keyword are printed as numbers.
    """
    steps = [f"{_name(path[i])}[{path[i + 1] + 1}]" for i in range(0, len(path), 2)]
    if tag is not None:
        steps.append(_name(tag))
    return "/".join(steps)


def _name(tag: int) -> str:
    known = tables.attribute(tag)
    # One keyword stands for all groups of a repeating group, so these keep their number.
    return known.keyword if known and known.keyword and known.tag == tag else format_tag(tag)


def is_private(tag: int) -> bool:
    """Return whether the group is odd (PS3.5 7.8)."""
    return tag & 0x10000 != 0


def is_private_creator(tag: int) -> bool:
    """Return whether the tag reserves a private block: odd group, 0010-00FF (PS3.5 7.8.1)."""
    return tag & 0x10000 != 0 and 0x0010 <= tag & 0xFFFF <= 0x00FF


def creator_tag(tag: int) -> int | None:
    """Return the tag of the private creator that a private element belongs to.

    `(0019,100C)` belongs to `(0019,0010)`. `None` for what belongs to no block: standard
    attributes, private creators themselves, elements below (gggg,1000).
    """
    block = tag >> 8 & 0xFF
    return tag & 0xFFFF0000 | block if is_private(tag) and block >= 0x10 else None
