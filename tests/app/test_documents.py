"""Documents: what is said arrives as text, whatever it is."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.app.documents import html, markdown
from deident.app.documents.blocks import (
    Bars,
    Bullets,
    Callout,
    Code,
    Document,
    Facts,
    Heading,
    Link,
    Mark,
    Mono,
    Table,
    say,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def document(text: str) -> Document:
    """A document that has a text in every place."""
    return Document(
        text,
        text,
        (
            Heading(text, anchor="a"),
            say(text, Mono(text), Mark(text, "look"), Link(text, "a")),
            Bullets(((text,),)),
            Facts(((text, (Mono(text),)),)),
            Table((text, "n"), [(text, "1"), (Mono(text), "2")], frozenset({1})),
            Bars(text, [(text, 3), ("none", 0)], ((text, "good"),)),
            Code(text),
            Callout("bad", (text,)),
        ),
    )


class Structure(HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


@given(TEXT)
def test_no_text_can_change_what_a_page_is_made_of(text: str) -> None:
    page = "".join(html.render(document(text)))
    assert Structure(page).tags == Structure("".join(html.render(document("x")))).tags


@given(TEXT)
def test_no_text_can_change_the_lines_of_a_markdown_file(text: str) -> None:
    def lines(text: str) -> list[str]:
        whole = document(text)
        without = whole._replace(blocks=tuple(b for b in whole.blocks if not isinstance(b, Code)))
        return "".join(markdown.render(without)).split("\n")

    assert len(lines(text)) == len(lines("x"))
    for line, plain in zip(lines(text), lines("x"), strict=True):
        if plain.startswith("| "):
            assert line.replace("\\\\", "").replace("\\|", "").count("|") == plain.count("|")


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("a <b> & *c*", "a \\<b\\> \\& \\*c\\*"),
        ("- no list", "\\- no list"),
        ("1. no list", "\\1. no list"),
        ("two\nlines", "two lines"),
    ],
)
def test_markup_is_escaped_in_markdown(given_: str, shown: str) -> None:
    assert "".join(markdown.render(Document("t", "", (say(given_),)))) == f"# t\n\n{shown}\n"


def test_code_in_markdown_ends_where_it_should() -> None:
    text = "".join(markdown.render(Document("t", "", (say(Mono("a `b` |")), Code("```\nx\n```")))))
    assert "`` a `b` \\| ``" in text
    assert "````\n```\nx\n```\n````" in text


def test_blanks_stand_outside_of_markup() -> None:
    text = "".join(markdown.render(Document("t", "", (say(Mark("Bold. ", "look"), "And on."),))))
    assert "**Bold.** And on." in text


def test_control_characters_are_shown_as_unknown() -> None:
    page = "".join(html.render(Document("t", "", (say("a\x1b[31m\u202eb\0"), Code("c\nd")))))
    assert "a\ufffd[31m\ufffdb\ufffd" in page
    assert "<pre>c\nd</pre>" in page


def test_a_bar_is_seen_even_when_it_is_short() -> None:
    page = "".join(html.render(Document("t", "", (Bars("b", [("x", 1_000_000), ("y", 1)]),))))
    assert 'width="100.00"' in page
    assert 'width="0.50"' in page
    assert "1,000,000" in page
