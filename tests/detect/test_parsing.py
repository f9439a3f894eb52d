"""Whatever the text, a document in bounded time; what is too deep comes back shallow and keeps its links."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from cegep_audit.detect.page.parsing import MAX_DEPTH, is_safe, parse, shallow

LINK = '<a href="https://www.facebook.com/cegeprb">f</a>'
# Each blows up the fast parser, or loses the link in lxml, when it is not guarded.
HOSTILE = {
    "unclosed divs": "<div>" * 60_000 + LINK,
    "closed in the end": "<div>" * 60_000 + LINK + "</div>" * 60_000,
    "unclosed lists": "<ul><li>" * 30_000 + LINK,
    "unclosed bold with paragraphs": "<b><p>" * 30_000 + LINK,
    "nested tables": "<table><tr><td>" * 20_000 + LINK,
    "nested forms and fonts": "<form><font>" * 20_000 + LINK,
    "a hundred thousand attributes": "<a " + " ".join(f"x{n}=1" for n in range(100_000)) + ">x</a>" + LINK,
    "a megabyte in one attribute": f'<img alt="{"x" * 1_000_000}">' + LINK,
    "angle brackets only": "<" * 300_000 + " " + LINK,
    "templates": "<template>" * 5_000 + "</template>" * 5_000 + LINK,
    "end tags of others": "<div></b>" * 60_000 + LINK,
    "attributes of an end tag": "<b></b " + " ".join(f"x{n}=1" for n in range(50_000)) + ">" + LINK,
    "many attributes, many times": ("<i " + " ".join(f"x{n}" for n in range(10_000)) + "></i>") * 20 + LINK,
    "tags that never end": "<a " * 200_000 + ">" + LINK,
    "quotes that never end": '<a href="x' * 100_000 + '">' + LINK,
    "svg": "<svg><g>" * 50_000 + LINK,
    "bold and links": "<a><b><p></a>" * 50_000 + LINK,
    "a script that is long": "<div>" * 5_000 + "<script>" + "if (a<b) {}" * 50_000 + "</script>" + LINK,
}
SAFE = {
    "a long ordinary page": "<div><p>texte<br></div>" * 20_000 + LINK,
    "never closed paragraphs and items": "<p>a<ul>" + "<li>b" * 20_000 + "</ul>" + LINK,
    "never closed cells": "<table>" + "<tr><td>a" * 20_000 + "</table>" + LINK,
    "deep, but bearable": "<div>" * (MAX_DEPTH - 1) + LINK,
    "sloppy, but no deeper for it": "<div><span><font>a</div>" * 20_000 + LINK,
    "much data in one attribute": "<div data-props='" + '{"a": 1} ' * 8_000 + "'></div>" + LINK,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_keeps_its_link(text: str) -> None:
    hrefs = [node.attributes.get("href") for node in parse(text.encode()).css("a[href]")]
    assert "https://www.facebook.com/cegeprb" in hrefs


@pytest.mark.parametrize("text", SAFE.values(), ids=SAFE)
def test_an_ordinary_page_is_read_by_the_fast_parser(text: str) -> None:
    assert is_safe(text.encode())
    assert len(parse(text.encode()).css("a[href]")) == 1


def test_a_page_too_deep_is_refused() -> None:
    assert not is_safe(b"<div>" * (MAX_DEPTH + 1) + b"<br>" * (4 * MAX_DEPTH))


def test_the_shallow_document_keeps_text_attributes_and_scripts_and_drops_comments() -> None:
    text = (
        '<base href="/x/"><!-- <a href="https://www.facebook.com/ancien">x</a> -->'
        '<a class="social fb" href="/facebook">Suivez-nous &amp; aimez</a><script>var a = "</div>";</script>'
    )
    document = parse(shallow(text).encode())
    (anchor,) = document.css("a")
    assert anchor.attributes["class"] == "social fb"
    assert anchor.text() == "Suivez-nous & aimez"
    assert document.css_first("script").text() == 'var a = "</div>";'


@pytest.mark.parametrize(
    "tag",
    [
        f"<a title='plus > moins' href={LINK[8:-6]}>f</a>",
        f'<a title="l\'école > tout" href={LINK[8:-6]}>f</a>',
        f'<a href={LINK[8:-6]} data-x="{"x > y " * 100_000}">f</a>',
        f"<A\nHREF = {LINK[8:-6]}\n>f</A>",
        f"<a href={LINK[8:-6]} {'x= ' * 5_000}>f</a>",
    ],
)
def test_the_cut_reads_a_tag_as_far_as_it_goes(tag: str) -> None:
    hrefs = [node.attributes.get("href") for node in LexborHTMLParser(shallow(tag)).css("a[href]")]
    assert hrefs == ["https://www.facebook.com/cegeprb"]


def test_the_cut_reads_no_tag_without_an_end() -> None:
    assert not parse(shallow('<p><a href="/debut">x</a><a href="/fin').encode()).css("a[href='/fin']")
