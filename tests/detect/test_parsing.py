"""Bytes to text as browsers do it, and any text to a document in bounded time: what is too deep keeps its links."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from webencodings.labels import LABELS

from cegep_audit.detect.page.parsing import MAX_DEPTH, decode_bytes, is_rubbish, is_safe, known_encoding, parse, shallow

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


META = b'<html><head><meta charset="%s"></head><body>'

CASES = {
    "utf-8 without a word": ("Cégep".encode(), "", "Cégep"),
    "latin-1 without a word": ("Cégep".encode("latin-1"), "", "Cégep"),
    "header wins over the document": (META % b"utf-8" + "é".encode("latin-1"), "text/html; charset=iso-8859-1", "é"),
    "document's declaration": (META % b"iso-8859-1" + b"\x80 \xe9", "text/html", "€ é"),
    "http-equiv": (
        b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">\xe9\x92',
        "text/html",
        "é’",
    ),
    "latin-1 is read as windows-1252": (b"l\x92\xe9cole", "text/html; charset=ISO-8859-1", "l’école"),
    "quoted header charset": ("é".encode(), 'text/html; charset="UTF-8"', "é"),
    "byte-order mark wins over the header": (codecs.BOM_UTF8 + "é".encode(), "text/html; charset=latin-1", "é"),
    "utf-16 with a mark": (codecs.BOM_UTF16_BE + "Cégep".encode("utf-16-be"), "", "Cégep"),
    "utf-16 without a mark": ("<html>Cégep</html>".encode("utf-16-le"), "", "<html>Cégep</html>"),
    "utf-16 declared in ASCII": (META % b"utf-16" + "é".encode(), "", "é"),
    "unknown label": ("é".encode(), "text/html; charset=klingon", "é"),
    "a codec that is no encoding of text": ("é".encode(), "text/html; charset=zip", "é"),
    "an escape codec": (rb"\u00e9", "text/html; charset=unicode_escape", r"\u00e9"),
    "lies about utf-8": ("é".encode("latin-1"), "text/html; charset=utf-8", "�"),
    "cut in the middle of a character": ("Cégep é".encode()[:-1], "", "Cégep �"),
    "a label that only Python knows": (b"<p>Coll\xc3\xa8ge", "text/html; charset=utf_16", "Collège"),
    "another": (b"<p>Coll\xc3\xa8ge", "text/html; charset=cp037", "Collège"),
    "utf-16 declared for ASCII": (b"<p>Coll\xc3\xa8ge", "text/html; charset=utf-16", "Collège"),
    "meta in a comment": (b"<!-- <meta charset=iso-8859-2> --><meta charset=utf-8>\xc3\xa9", "", "é"),
    "meta in a description": (b'<meta name=d content="charset=iso-8859-2">\xc3\xa9', "", "é"),
    "an end tag without a name": (b"</ x><meta charset=iso-8859-2>\xb1", "", "ą"),
    "meta in a script": (b'<script>"<!--meta charset=big5-->"</script>\xc3\xa9', "", "é"),
    "declared too late for a browser": (b"<!--" + b"x" * 2000 + b"--><meta charset=iso-8859-2>\xb1", "", "ą"),
    "japanese": ("大学".encode("cp932"), "text/html; charset=Shift_JIS", "大学"),
}


@pytest.mark.parametrize(("body", "content_type", "expected"), CASES.values(), ids=CASES)
def test_decodes_as_browsers_do(body: bytes, content_type: str, expected: str) -> None:
    assert decode_bytes(body, content_type).endswith(expected)


@pytest.mark.parametrize(
    "label",
    [
        "utf16",
        "utf_16",
        "utf-32",
        "500",
        "ebcdic-cp-be",
        "replacement",
        "zip",
        "rot13",
        "undefined",
        "idna",
        "punycode",
        "utf-7",
        "raw_unicode_escape",
        "\x00",
        "",
    ],
)
def test_what_is_no_encoding_of_pages_is_unknown(label: str) -> None:
    assert known_encoding(label) is None


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_give_a_text(body: bytes, content_type: str) -> None:
    assert isinstance(decode_bytes(body, content_type), str)


@given(st.binary(max_size=20), st.sampled_from(["utf-16", "zip", "hz", "utf-7", "cp1252", "mbcs", "x-user-defined"]))
def test_any_label_gives_a_text(body: bytes, label: str) -> None:
    assert isinstance(decode_bytes(body, f"text/html; charset={label}"), str)


def test_every_label_of_the_standard_is_known_but_those_that_no_page_is_read_by() -> None:
    unknown = {label for label in LABELS if known_encoding(label) is None}
    assert {LABELS[label] for label in unknown} == {"replacement"}
    assert len(LABELS) == 228


@pytest.mark.parametrize("body", [bytes(range(128, 256)) * 20, b"\0\1\2\3" * 500, "Collège".encode("cp037") * 50])
def test_what_is_no_text_in_any_encoding_is_said_to_be_none(body: bytes) -> None:
    assert is_rubbish(decode_bytes(body, "text/html; charset=utf-8"))


@pytest.mark.parametrize(
    "text", ["", "Bonjour", "<p>大学</p>", "<p>" + "é" * 500, "<p>Coll\ufffdge d\ufffd\ufffdt" + "x" * 60]
)
def test_a_text_is_no_rubbish_for_a_few_wrong_characters(text: str) -> None:
    assert not is_rubbish(text)
