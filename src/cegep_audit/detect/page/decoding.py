"""Bytes to text, as browsers decode a page (WHATWG Encoding and HTML standards).

Order: byte-order mark, the header's charset, the document's own declaration, then detection. What
cannot be decoded becomes U+FFFD, as in a browser: it never stops a reading.
"""

from __future__ import annotations

import codecs
import re

from bs4.dammit import EncodingDetector

from cegep_audit.models import Page

_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_PRESCAN_BYTES = 4096  # browsers look at 1024; servers that put long comments first are common enough
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# Labels that browsers read as another encoding (https://encoding.spec.whatwg.org/#names-and-labels)
# and that Python would take at their word.
_AS_BROWSERS_READ = {
    "ascii": "windows-1252",
    "us-ascii": "windows-1252",
    "ansi_x3.4-1968": "windows-1252",
    "iso-8859-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso_8859-1": "windows-1252",
    "latin1": "windows-1252",
    "latin-1": "windows-1252",
    "l1": "windows-1252",
    "x-cp1252": "windows-1252",
    "x-user-defined": "windows-1252",
    "iso-8859-9": "windows-1254",
    "latin5": "windows-1254",
    "iso-8859-11": "windows-874",
    "tis-620": "windows-874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs",
    "unicode-1-1-utf-8": "utf-8",
    "utf8": "utf-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "unicode": "utf-16-le",
    "utf-16": "utf-16-le",
}
_NO_PAGE = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf_7"}  # text to Python, to no browser
_UTF16 = {"utf-16-le", "utf-16-be"}


def decode(page: Page) -> str:
    """Return the text of *page*; every byte sequence gives one."""
    return decode_bytes(page.body, page.content_type)


def decode_bytes(body: bytes, content_type: str = "") -> str:
    """Return *body* as text; *content_type* is the header as sent, "" when absent."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    name = _from_header(content_type) or _from_document(body) or _detected(body)
    return body.decode(name, "replace")


def _from_header(content_type: str) -> str | None:
    found = _HEADER_CHARSET.search(content_type)
    return known_encoding(found[1]) if found else None


def _from_document(body: bytes) -> str | None:
    declared = EncodingDetector.find_declared_encoding(body[:_PRESCAN_BYTES], is_html=True)
    name = known_encoding(declared) if declared else None
    # A declaration that could be read as ASCII cannot be UTF-16: browsers take it for UTF-8.
    return "utf-8" if name in _UTF16 else name


def _detected(body: bytes) -> str:
    """Tell UTF-8 and UTF-16 without a mark from the Web's old default."""
    head = body[:200]
    if head[1::2].count(0) > len(head) // 3:
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 3:
        return "utf-16-be"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut at the very end is no sign of another encoding.
        return "utf-8" if error.start >= len(body) - 3 and error.reason == "unexpected end of data" else "windows-1252"
    return "utf-8"


def known_encoding(label: str) -> str | None:
    """Return the Python codec that browsers would use for *label*, None where it is unknown or no text encoding."""
    name = _AS_BROWSERS_READ.get(label.strip().lower(), label.strip())
    try:
        found = codecs.lookup(name)
        # Codecs such as "zip", "rot13", "idna" or "undefined" are no encodings of pages: they fail here.
        b"a\x00".decode(found.name, "replace")
    except (LookupError, UnicodeError, ValueError, TypeError):
        return None
    return None if found.name.replace("-", "_") in _NO_PAGE else found.name
