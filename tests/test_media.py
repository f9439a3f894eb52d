"""HTML pages are told from other files by media type and first bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.models import Page
from cegep_audit.text import is_blank, looks_like_html


def page(content_type: str, body: bytes) -> Page:
    url = "https://www.cegeprb.test/"
    return Page(url, url, 200, content_type, body, datetime(2026, 11, 1, tzinfo=UTC))


HTML = b"<!DOCTYPE html><html lang=fr><title>C\xc3\xa9gep</title>"
RSS = b'<?xml version="1.0"?><rss version="2.0"><channel>'
XHTML = b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html xmlns="x">'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", HTML),
        ("text/html; charset=utf-8", b"Bienvenue au C\xe9gep"),
        ("TEXT/HTML;charset=latin-1", HTML),
        ("text/html, text/html", HTML),
        ("application/xhtml+xml", XHTML),
        ("text/html", XHTML),
        ("application/xml", XHTML),
        ("text/xml", b"<html><body>"),
        ("text/plain", HTML),
        ("text/plain", b"\xef\xbb\xbf \r\n<!doctype html>"),
        ("text/plain", b"<center>Bienvenue"),
        ("", HTML),
        ("html", HTML),
        ("application/octet-stream", HTML),
        ("", "\ufeff<html>".encode("utf-16-le")),
        ("", "<html>".encode("utf-16-be")),
    ],
)
def test_html_page(content_type: str, body: bytes) -> None:
    assert looks_like_html(page(content_type, body))
    assert not is_blank(page(content_type, body))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/pdf", b"%PDF-1.7"),
        ("application/pdf", b""),
        ("text/html", b"%PDF-1.4"),
        ("text/html", b"PK\x03\x04"),
        ("text/html; charset=utf-8", b"\x89PNG\r\n"),
        ("image/svg+xml", b"<svg xmlns='x'>"),
        ("application/rss+xml", RSS),
        ("text/xml", RSS),
        ("text/plain", RSS),
        ("text/plain", b"User-agent: *\nDisallow:"),
        ("", b'{"ok": true}'),
        ("application/json", b"{}"),
        ("video/mp4", HTML),
        ("multipart/mixed", HTML),
    ],
)
def test_not_an_html_page(content_type: str, body: bytes) -> None:
    assert not looks_like_html(page(content_type, body))
    assert not is_blank(page(content_type, body))


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\0\0\0", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize(
    "content_type", ["text/html", "", "text/plain; charset=utf-8", "application/xhtml+xml", "text/xml"]
)
def test_blank_page(content_type: str, body: bytes) -> None:
    assert is_blank(page(content_type, body))
    assert not looks_like_html(page(content_type, body))


@given(st.text(), st.binary(max_size=2000))
def test_nothing_is_both_html_and_blank(content_type: str, body: bytes) -> None:
    answers = looks_like_html(page(content_type, body)), is_blank(page(content_type, body))
    assert answers != (True, True)
