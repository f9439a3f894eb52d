"""Bytes to text as browsers do it."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.detect.page.decoding import decode_bytes, known_encoding

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
    "japanese": ("大学".encode("cp932"), "text/html; charset=Shift_JIS", "大学"),
}


@pytest.mark.parametrize(("body", "content_type", "expected"), CASES.values(), ids=CASES)
def test_decodes_as_browsers_do(body: bytes, content_type: str, expected: str) -> None:
    assert decode_bytes(body, content_type).endswith(expected)


@pytest.mark.parametrize(
    "label", ["zip", "rot13", "undefined", "idna", "punycode", "utf-7", "raw_unicode_escape", "\x00", ""]
)
def test_what_is_no_encoding_of_pages_is_unknown(label: str) -> None:
    assert known_encoding(label) is None


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_give_a_text(body: bytes, content_type: str) -> None:
    assert isinstance(decode_bytes(body, content_type), str)


@given(st.binary(max_size=20), st.sampled_from(["utf-16", "zip", "hz", "utf-7", "cp1252", "mbcs", "x-user-defined"]))
def test_any_label_gives_a_text(body: bytes, label: str) -> None:
    assert isinstance(decode_bytes(body, f"text/html; charset={label}"), str)
