"""Decode bytes as browsers do, and parse any text in bounded time: a document that is too deep keeps its links."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from webencodings.labels import LABELS

from cegep_audit.detect.page.parsing import MAX_DEPTH, decode_bytes, is_rubbish, is_safe, known_encoding, parse, shallow

LINK = '<a href="https://www.facebook.com/cegeprb">f</a>'
# Without the guard, each makes the fast parser too slow or makes lxml lose the link.
HOSTILE = {
    "unclosed divs": "<div>" * 60_000 + LINK,
    "deep divs, closed at the end": "<div>" * 60_000 + LINK + "</div>" * 60_000,
    "unclosed lists": "<ul><li>" * 30_000 + LINK,
    "unclosed bold with paragraphs": "<b><p>" * 30_000 + LINK,
    "nested tables": "<table><tr><td>" * 20_000 + LINK,
    "nested forms and fonts": "<form><font>" * 20_000 + LINK,
    "100,000 attributes": "<a " + " ".join(f"x{n}=1" for n in range(100_000)) + ">x</a>" + LINK,
    "one megabyte in an attribute": f'<img alt="{"x" * 1_000_000}">' + LINK,
    "only angle brackets": "<" * 300_000 + " " + LINK,
    "templates": "<template>" * 5_000 + "</template>" * 5_000 + LINK,
    "mismatched end tags": "<div></b>" * 60_000 + LINK,
    "attributes on an end tag": "<b></b " + " ".join(f"x{n}=1" for n in range(50_000)) + ">" + LINK,
    "many attributes on many elements": ("<i " + " ".join(f"x{n}" for n in range(10_000)) + "></i>") * 20 + LINK,
    "unterminated tags": "<a " * 200_000 + ">" + LINK,
    "unterminated quotes": '<a href="x' * 100_000 + '">' + LINK,
    "unclosed SVG groups": "<svg><g>" * 50_000 + LINK,
    "misnested links and bold": "<a><b><p></a>" * 50_000 + LINK,
    "long script in deep divs": "<div>" * 5_000 + "<script>" + "if (a<b) {}" * 50_000 + "</script>" + LINK,
}
SAFE = {
    "long ordinary page": "<div><p>texte<br></div>" * 20_000 + LINK,
    "unclosed paragraphs and list items": "<p>a<ul>" + "<li>b" * 20_000 + "</ul>" + LINK,
    "unclosed table cells": "<table>" + "<tr><td>a" * 20_000 + "</table>" + LINK,
    "just below the depth limit": "<div>" * (MAX_DEPTH - 1) + LINK,
    "misnested but shallow": "<div><span><font>a</div>" * 20_000 + LINK,
    "large data attribute": "<div data-props='" + '{"a": 1} ' * 8_000 + "'></div>" + LINK,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_page_keeps_its_link(text: str) -> None:
    hrefs = [node.attributes.get("href") for node in parse(text.encode()).css("a[href]")]
    assert "https://www.facebook.com/cegeprb" in hrefs


@pytest.mark.parametrize("text", SAFE.values(), ids=SAFE)
def test_ordinary_page_is_safe_for_the_fast_parser(text: str) -> None:
    assert is_safe(text.encode())
    assert len(parse(text.encode()).css("a[href]")) == 1


def test_element_with_too_many_attributes_is_not_safe() -> None:
    many = " ".join(f"x{number}=1" for number in range(2_000)).encode()
    assert not is_safe(b"<div " + many + b">")
    assert not is_safe(b"<p>avant</p><div " + many + b">")
    assert is_safe(b"<p>" + many + b"</p>")
    assert is_safe(b'<div title="' + many + b'">')


def test_page_over_the_depth_limit_is_not_safe() -> None:
    assert not is_safe(b"<div>" * (MAX_DEPTH + 1) + b"<br>" * (4 * MAX_DEPTH))


def test_shallow_document_keeps_text_attributes_and_scripts_but_not_comments() -> None:
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
def test_shallow_reads_the_whole_of_a_difficult_tag(tag: str) -> None:
    hrefs = [node.attributes.get("href") for node in LexborHTMLParser(shallow(tag)).css("a[href]")]
    assert hrefs == ["https://www.facebook.com/cegeprb"]


def test_shallow_drops_an_unterminated_tag() -> None:
    assert not parse(shallow('<p><a href="/debut">x</a><a href="/fin').encode()).css("a[href='/fin']")


META = b'<html><head><meta charset="%s"></head><body>'

CASES = {
    "undeclared utf-8": ("Cégep".encode(), "", "Cégep"),
    "undeclared latin-1": ("Cégep".encode("latin-1"), "", "Cégep"),
    "header takes precedence over meta": (
        META % b"utf-8" + "é".encode("latin-1"),
        "text/html; charset=iso-8859-1",
        "é",
    ),
    "meta charset": (META % b"iso-8859-1" + b"\x80 \xe9", "text/html", "€ é"),
    "meta http-equiv": (
        b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1252">\xe9\x92',
        "text/html",
        "é’",
    ),
    "latin-1 means windows-1252": (b"l\x92\xe9cole", "text/html; charset=ISO-8859-1", "l’école"),
    "quoted header charset": ("é".encode(), 'text/html; charset="UTF-8"', "é"),
    "byte-order mark takes precedence over the header": (
        codecs.BOM_UTF8 + "é".encode(),
        "text/html; charset=latin-1",
        "é",
    ),
    "utf-16 with a byte-order mark": (codecs.BOM_UTF16_BE + "Cégep".encode("utf-16-be"), "", "Cégep"),
    "utf-16 without a byte-order mark": ("<html>Cégep</html>".encode("utf-16-le"), "", "<html>Cégep</html>"),
    "utf-16 declared in an ASCII meta": (META % b"utf-16" + "é".encode(), "", "é"),
    "unknown label": ("é".encode(), "text/html; charset=klingon", "é"),
    "Python codec that is not a text encoding": ("é".encode(), "text/html; charset=zip", "é"),
    "escape codec": (rb"\u00e9", "text/html; charset=unicode_escape", r"\u00e9"),
    "latin-1 declared as utf-8": ("é".encode("latin-1"), "text/html; charset=utf-8", "�"),
    "truncated in the middle of a character": ("Cégep é".encode()[:-1], "", "Cégep �"),
    "label known only to Python": (b"<p>Coll\xc3\xa8ge", "text/html; charset=utf_16", "Collège"),
    "EBCDIC label known only to Python": (b"<p>Coll\xc3\xa8ge", "text/html; charset=cp037", "Collège"),
    "utf-8 declared as utf-16": (b"<p>Coll\xc3\xa8ge", "text/html; charset=utf-16", "Collège"),
    "meta in a comment": (b"<!-- <meta charset=iso-8859-2> --><meta charset=utf-8>\xc3\xa9", "", "é"),
    "charset in the content of another meta": (b'<meta name=d content="charset=iso-8859-2">\xc3\xa9', "", "é"),
    "meta after an end tag without a name": (b"</ x><meta charset=iso-8859-2>\xb1", "", "ą"),
    "meta in a script": (b'<script>"<!--meta charset=big5-->"</script>\xc3\xa9', "", "é"),
    "meta after the first 1,024 bytes": (b"<!--" + b"x" * 2000 + b"--><meta charset=iso-8859-2>\xb1", "", "ą"),
    "Shift_JIS": ("大学".encode("cp932"), "text/html; charset=Shift_JIS", "大学"),
}


@pytest.mark.parametrize(("body", "content_type", "expected"), CASES.values(), ids=CASES)
def test_decode_bytes(body: bytes, content_type: str, expected: str) -> None:
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
def test_label_outside_the_standard_is_unknown(label: str) -> None:
    assert known_encoding(label) is None


@given(st.binary(max_size=300), st.text(max_size=40))
def test_arbitrary_bytes_are_decoded(body: bytes, content_type: str) -> None:
    assert isinstance(decode_bytes(body, content_type), str)


@given(st.binary(max_size=20), st.sampled_from(["utf-16", "zip", "hz", "utf-7", "cp1252", "mbcs", "x-user-defined"]))
def test_unusual_labels_never_raise(body: bytes, label: str) -> None:
    assert isinstance(decode_bytes(body, f"text/html; charset={label}"), str)


def test_every_standard_label_is_known_except_replacement() -> None:
    unknown = {label for label in LABELS if known_encoding(label) is None}
    assert {LABELS[label] for label in unknown} == {"replacement"}
    assert len(LABELS) == 228


@pytest.mark.parametrize("body", [bytes(range(128, 256)) * 20, b"\0\1\2\3" * 500, "Collège".encode("cp037") * 50])
def test_bytes_in_no_text_encoding_are_rubbish(body: bytes) -> None:
    assert is_rubbish(decode_bytes(body, "text/html; charset=utf-8"))


@pytest.mark.parametrize(
    "text", ["", "Bonjour", "<p>大学</p>", "<p>" + "é" * 500, "<p>Coll\ufffdge d\ufffd\ufffdt" + "x" * 60]
)
def test_text_with_a_few_wrong_characters_is_not_rubbish(text: str) -> None:
    assert not is_rubbish(text)
