"""The parts of a document: headings, paragraphs, tables, bars. Frozen data without any markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Mono(NamedTuple):
    """Text that is code: a tag, a UID, a hash."""

    text: str


class Mark(NamedTuple):
    """A word that stands out; `kind` is `good`, `look` or `bad`."""

    text: str
    kind: str


class Link(NamedTuple):
    """A link to a heading of the same document."""

    text: str
    anchor: str


Inline = str | Mono | Mark | Link


class Heading(NamedTuple):
    """A heading; `level` 2 or 3; `anchor` is what links name, empty for none."""

    text: str
    level: int = 2
    anchor: str = ""


class Paragraph(NamedTuple):
    """Some sentences."""

    parts: tuple[Inline, ...]


class Bullets(NamedTuple):
    """A list."""

    items: tuple[tuple[Inline, ...], ...]


class Facts(NamedTuple):
    """Names and what they are."""

    rows: tuple[tuple[str, tuple[Inline, ...]], ...]


class Table(NamedTuple):
    """A table; `numbers` are the columns that hold counts."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[Inline, ...]]
    numbers: frozenset[int] = frozenset()


class Bars(NamedTuple):
    """A picture of counts: one bar for each label; `kinds` as in `Mark`, by label."""

    title: str
    counts: Sequence[tuple[str, int]]
    kinds: tuple[tuple[str, str], ...] = ()


class Code(NamedTuple):
    """Text that is shown as it is."""

    text: str


class Callout(NamedTuple):
    """What must not be overlooked; `kind` as in `Mark`."""

    kind: str
    parts: tuple[Inline, ...]


Block = Heading | Paragraph | Bullets | Facts | Table | Bars | Code | Callout


class Document(NamedTuple):
    """A whole document; `subtitle` may be empty."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def say(*parts: Inline) -> Paragraph:
    """A paragraph of these parts."""
    return Paragraph(parts)


def plain(part: Inline) -> str:
    """The words of a part."""
    return part if isinstance(part, str) else part.text
