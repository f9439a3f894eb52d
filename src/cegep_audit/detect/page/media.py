"""Decide whether a response is an HTML page, by its type and, where the type is vague or wrong, its first bytes."""

import codecs
import re

from cegep_audit.models import Page

SNIFFED = 1024  # bytes; browsers look at 1445 at most (https://mimesniff.spec.whatwg.org/#reading-the-resource-header)

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_XML = re.compile(r"(?:text|application)/(?:[\w.-]+\+)?xml")
_VAGUE = re.compile(
    r"|[^/]*|\*/\*|text/.*|(?:application|binary)/(?:octet-stream|x-unknown|unknown|force-download)|unknown/unknown"
)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLANK = b" \t\r\n\f\0"

# How files begin that servers send under the name of HTML: PDF, ZIP and Office, images, gzip, old Office.
_MAGIC = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"RIFF")


def looks_like_html(page: Page) -> bool:
    """Whether *page* is one to parse; False for an empty body.

    A page typed as HTML counts unless its first bytes are those of another kind of file. XML counts if an ``html``
    element opens it. Plain text, a missing type and the types for "some bytes" count if the content begins with a
    tag, because servers send pages under all of these.
    """
    start = _start(page.body)
    if not start:
        return False
    kind = media_type(page.content_type)
    if kind in _HTML:
        return not start.startswith(_MAGIC)
    is_markup = start.startswith(b"<")
    if _XML.fullmatch(kind) or start[:5].lower() == b"<?xml":
        return is_markup and b"<html" in start.lower()
    return is_markup and _VAGUE.fullmatch(kind) is not None


def is_blank(page: Page) -> bool:
    """Whether the body is empty and the type is that of a page; other kinds of files may be kept without a body."""
    kind = media_type(page.content_type)
    may_be_page = kind in _HTML or _XML.fullmatch(kind) or _VAGUE.fullmatch(kind)
    return bool(may_be_page) and not _start(page.body)


def media_type(content_type: str) -> str:
    """Return type and subtype of a ``Content-Type``, in lower case: the first where there are several; "" for none."""
    return re.split("[;,]", content_type, maxsplit=1)[0].strip().lower()


def _start(body: bytes) -> bytes:
    """Return the first bytes of *body* after a byte-order mark and blanks; of UTF-16 every second is left out."""
    start = body[:SNIFFED]
    for bom in _BOMS:
        start = start.removeprefix(bom)
    return start.lstrip(_BLANK).replace(b"\0", b"")
