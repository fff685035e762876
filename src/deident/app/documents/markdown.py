"""A document as Markdown (CommonMark with tables), for repositories and text editors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

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
    Paragraph,
    Table,
    plain,
)

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")
_ENTRY = re.compile(r"^([-+]|\d+[.)])(?=\s)")  # what would begin a list


def render(document: Document) -> Iterator[str]:
    """Yield the Markdown text in pieces."""
    yield f"# {_text(document.title)}\n"
    if document.subtitle:
        yield f"\n{_text(document.subtitle)}\n"
    for block in document.blocks:
        yield "\n"
        for line in _WRITERS[type(block)](block):
            yield f"{line}\n"


def _text(text: str) -> str:
    """Text on one line, with what Markdown would take for markup escaped."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _ENTRY.sub(r"\\\1", _SPECIAL.sub(r"\\\1", line))


def _mono(text: str) -> str:
    """A code span; its fence is longer than any row of backticks within (CommonMark 6.1)."""
    line = " ".join(text.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", line)), default=0))
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def _inline(part: Inline) -> str:
    """A part with the blanks around it: markup must enclose the words alone (CommonMark 6.2)."""
    words = plain(part)
    lead, trail = " " if words[:1].isspace() else "", " " if words[-1:].isspace() else ""
    if not words.strip():
        return lead
    if isinstance(part, Mono):
        text = _mono(words)
    elif isinstance(part, Mark):
        text = f"**{_text(words)}**"
    elif isinstance(part, Link):
        text = f"[{_text(words)}](#{part.anchor})"
    else:
        text = _text(words)
    return f"{lead}{text}{trail}"


def _inlines(parts: tuple[Inline, ...]) -> str:
    return "".join(map(_inline, parts))


def _heading(block: Heading) -> Iterator[str]:
    if block.anchor:
        yield f'<a id="{block.anchor}"></a>'
        yield ""
    yield f"{'#' * block.level} {_text(block.text)}"


def _paragraph(block: Paragraph) -> Iterator[str]:
    yield _inlines(block.parts)


def _bullets(block: Bullets) -> Iterator[str]:
    yield from (f"- {_inlines(item)}" for item in block.items)


def _facts(block: Facts) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    yield from (f"| {_text(name)} | {_inlines(value)} |" for name, value in block.rows)


def _table(block: Table) -> Iterator[str]:
    yield f"| {' | '.join(map(_text, block.heads))} |"
    yield f"|{'|'.join('--:' if n in block.numbers else '---' for n in range(len(block.heads)))}|"
    yield from (f"| {' | '.join(map(_inline, row))} |" for row in block.rows)


def _bars(block: Bars) -> Iterator[str]:
    yield from _table(
        Table((block.title, ""), [(label, str(n)) for label, n in block.counts], frozenset({1}))
    )


def _code(block: Code) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(t) for t in re.findall("`+", block.text)), default=0))
    yield from (fence, block.text.rstrip("\n"), fence)


def _callout(block: Callout) -> Iterator[str]:
    yield f"> {_inlines(block.parts)}"


_WRITERS: dict[type[Block], Callable[[Any], Iterator[str]]] = {
    Heading: _heading,
    Paragraph: _paragraph,
    Bullets: _bullets,
    Facts: _facts,
    Table: _table,
    Bars: _bars,
    Code: _code,
    Callout: _callout,
}
