"""A document as one HTML file: nothing is loaded from elsewhere, nothing is executed.

Every text goes through `_text`, which escapes it. The style is for telephones, desks and paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
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
    Mark,
    Mono,
    Paragraph,
    Table,
)

# Says to the browser what is true anyway: this page needs nobody and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root { color-scheme: light; --ink: #1c2733; --soft: #5b6875; --line: #d5dce3; --bar: #3d6fa5;
  --good: #1f7a4d; --look: #a15c00; --bad: #b3261e; --tint: #f4f7fa; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: var(--ink);
  background: #fff; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .75rem; padding-top: .75rem;
  border-top: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p, ul, dl, figure { margin: 0 0 1rem; }
ul { padding-left: 1.25rem; }
li { margin-bottom: .25rem; }
a { color: var(--bar); }
.sub { color: var(--soft); margin-bottom: 1.5rem; overflow-wrap: anywhere; }
code { font: .875em/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
pre { margin: 0 0 1rem; padding: .75rem 1rem; background: var(--tint);
  border: 1px solid var(--line); border-radius: 4px; white-space: pre-wrap;
  font: .8125rem/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .375rem 1rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; }
table code { overflow-wrap: break-word; }
th, td { text-align: left; vertical-align: top; padding: .375rem 1rem .375rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.call { margin: 0 0 1rem; padding: .75rem 1rem; border-left: 4px solid var(--soft);
  background: var(--tint); }
.good { border-color: var(--good); } .look { border-color: var(--look); }
.bad { border-color: var(--bad); }
.mark { font-weight: 600; }
.mark.good { color: var(--good); } .mark.look { color: var(--look); }
.mark.bad { color: var(--bad); }
figcaption { font-weight: 600; font-size: .875rem; margin-bottom: .25rem; }
.bars { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr max-content;
  gap: .25rem .75rem; align-items: center; font-size: .875rem; }
.bars span { max-width: 18rem; }
svg { display: block; width: 100%; height: .875rem; }
rect { fill: var(--bar); } rect.good { fill: var(--good); } rect.look { fill: var(--look); }
rect.bad { fill: var(--bad); }
@media (max-width: 34rem) {
  h1 { font-size: 1.375rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  .bars { grid-template-columns: 1fr max-content; }
  .bars span:not(.n) { grid-column: 1 / -1; margin-top: .25rem; max-width: none; }
}
@page { margin: 16mm 14mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  h2 { margin-top: 1.5rem; }
  h1, h2, h3, figcaption { break-after: avoid; }
  tr, dt, dd, li, .call, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; line-height: 1.3; }
  th, td { padding-top: .125rem; padding-bottom: .125rem; }
  td { overflow-wrap: anywhere; }
  pre { font-size: 7.5pt; }
  a { color: inherit; text-decoration: none; }
}
"""


def render(document: Document) -> Iterator[str]:
    """Yield the HTML file in pieces."""
    title = _text(document.title)
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f"<title>{title}</title>\n"
    yield f'<meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    if document.subtitle:
        yield f'<p class="sub">{_text(document.subtitle)}</p>\n'
    for block in document.blocks:
        yield from _WRITERS[type(block)](block)
    yield "</main>\n</body>\n</html>\n"


def _text(text: str) -> str:
    """Text for any place of the page; characters that HTML cannot hold are shown as such."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
    return escape(text)


def _inline(part: Inline) -> str:
    if isinstance(part, str):
        return _text(part)
    if isinstance(part, Mono):
        return f"<code>{_text(part.text)}</code>"
    if isinstance(part, Mark):
        return f'<span class="mark {_text(part.kind)}">{_text(part.text)}</span>'
    return f'<a href="#{_text(part.anchor)}">{_text(part.text)}</a>'


def _inlines(parts: tuple[Inline, ...]) -> str:
    return "".join(map(_inline, parts))


def _heading(block: Heading) -> Iterator[str]:
    anchor = f' id="{_text(block.anchor)}"' if block.anchor else ""
    yield f"<h{block.level}{anchor}>{_text(block.text)}</h{block.level}>\n"


def _paragraph(block: Paragraph) -> Iterator[str]:
    yield f"<p>{_inlines(block.parts)}</p>\n"


def _bullets(block: Bullets) -> Iterator[str]:
    yield "<ul>\n"
    for item in block.items:
        yield f"<li>{_inlines(item)}</li>\n"
    yield "</ul>\n"


def _facts(block: Facts) -> Iterator[str]:
    yield "<dl>\n"
    for name, value in block.rows:
        yield f"<dt>{_text(name)}</dt><dd>{_inlines(value)}</dd>\n"
    yield "</dl>\n"


def _table(block: Table) -> Iterator[str]:
    classes = [' class="n"' if n in block.numbers else "" for n in range(len(block.heads))]
    heads = zip(classes, block.heads, strict=True)
    yield '<div class="wide"><table>\n<thead><tr>'
    yield "".join(f"<th{style}>{_text(head)}</th>" for style, head in heads)
    yield "</tr></thead>\n<tbody>\n"
    for row in block.rows:
        cells = zip(classes, row, strict=True)
        yield f"<tr>{''.join(f'<td{style}>{_inline(cell)}</td>' for style, cell in cells)}</tr>\n"
    yield "</tbody></table></div>\n"


def _bars(block: Bars) -> Iterator[str]:
    most = max((count for _, count in block.counts), default=0)
    kinds = dict(block.kinds)
    yield f'<figure><figcaption>{_text(block.title)}</figcaption>\n<div class="bars">\n'
    for label, count in block.counts:
        width = max(100 * count / most, 0.5) if count else 0
        name, number = _text(label), _text(f"{count:,}")
        yield f"<span>{name}</span>"
        yield '<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        yield f'aria-label="{name}: {number}"><rect class="{_text(kinds.get(label, ""))}" '
        yield f'width="{width:.2f}" height="10"/></svg><span class="n">{number}</span>\n'
    yield "</div></figure>\n"


def _code(block: Code) -> Iterator[str]:
    yield f"<pre>{_text(block.text)}</pre>\n"


def _callout(block: Callout) -> Iterator[str]:
    yield f'<p class="call {_text(block.kind)}">{_inlines(block.parts)}</p>\n'


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
