"""Decode the bytes of a page as browsers do (WHATWG Encoding and HTML standards).

The order is: byte-order mark, charset of the header, ``<meta>`` in the first 1,024 bytes, detection. Bytes that
an encoding does not have become U+FFFD, as in a browser: decoding never fails.
"""

import codecs
import re
from contextlib import suppress
from functools import lru_cache

import webencodings

from cegep_audit.models import Page

_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Encodings that the standard decodes with the table of a larger one.
_DECODED_AS = {"gbk": "gb18030", "euc-kr": "cp949", "x-user-defined": "windows-1252"}

_LATE = 16_384  # bytes that may declare an encoding too late for browsers: the search is quadratic
_SAMPLE = 20_000  # characters that show whether a text is one
_MOST_BAD = 0.1  # share of them that no text has: a wrong charset costs a French page some 4 %
_MOST_FOREIGN = 0.3  # share of characters beyond ASCII in a page without a single tag


def utf8(page: Page) -> bytes:
    """Return the text of *page* in UTF-8, as the parser reads it; never fails."""
    body = page.body.removeprefix(codecs.BOM_UTF8)
    if len(body) < len(page.body) or _declared(body, page.content_type) == "utf-8":
        with suppress(UnicodeDecodeError):
            body.decode("utf-8")
            return body
    return decode_bytes(page.body, page.content_type).encode("utf-8", "replace")


def decode_bytes(body: bytes, content_type: str = "") -> str:
    """Return *body* as text; *content_type* is the header as sent, "" when absent.

    Where the declared encoding gives rubbish, which browsers would show, detection decides.
    """
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    declared = _declared(body, content_type)
    text = body.decode(declared or _detected(body), "replace")
    if not declared or not is_rubbish(text):
        return text
    detected = body.decode(_detected(body), "replace")
    return text if is_rubbish(detected) else detected


def _declared(body: bytes, content_type: str) -> str | None:
    return _from_header(content_type) or declared_encoding(body)


def is_rubbish(text: str) -> bool:
    """Whether nobody wrote *text*: its bytes are not text, or were decoded with the wrong encoding."""
    sample = text[:_SAMPLE]
    if sample.count("\ufffd") + sample.count("\0") > len(sample) * _MOST_BAD:
        return True
    return (
        not sample.isascii() and "<" not in text and sum(char > "\x7f" for char in sample) > len(sample) * _MOST_FOREIGN
    )


@lru_cache(maxsize=256)
def known_encoding(label: str) -> str | None:
    """Return the Python codec for *label* of the Encoding Standard; None for any other label.

    The labels of ``replacement`` count as unknown: no text is ever decoded by it.
    """
    found = webencodings.lookup(label)
    if found is None or found.name == "replacement":
        return None
    return _DECODED_AS.get(found.name) or str(found.codec_info.name)


def _from_header(content_type: str) -> str | None:
    found = _HEADER_CHARSET.search(content_type)
    return known_encoding(found[1]) if found else None


def _detected(body: bytes) -> str:
    """Detect UTF-8 and unmarked UTF-16, else take a late declaration, else windows-1252, the Web's old default."""
    head = body[:200]
    if head[1::2].count(0) > len(head) // 3:
        return "utf-16-le"
    if head[0::2].count(0) > len(head) // 3:
        return "utf-16-be"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut at the very end is no sign of another encoding.
        is_cut = error.start >= len(body) - 3 and error.reason == "unexpected end of data"
        return "utf-8" if is_cut else _guessed(body)
    return "cp1252" if body.isascii() else "utf-8"


def _guessed(body: bytes) -> str:
    if len(body) <= _PRESCANNED:
        return "cp1252"
    from bs4.dammit import EncodingDetector  # a tenth of the start-up time, for one page in a hundred

    after = max(0, body.rfind(b"<", 0, _PRESCANNED))  # what comes before was looked at as browsers do
    late = EncodingDetector.find_declared_encoding(body[after:_LATE], is_html=True, search_entire_document=True)
    return (known_encoding(late) if late else None) or "cp1252"


# ------------------------------------------------------------------------------------------ the prescan
# https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding

_PRESCANNED = 1024  # bytes
_MARKUP = re.compile(rb"<!--(?:.*?-)?->|<!-->|<meta(?=[\s/])|</?[a-z][^\s>]*|<[!/?][^>]*>?", re.IGNORECASE | re.DOTALL)
_ATTRIBUTE = re.compile(
    rb"""[\s/]*([^\s/>=][^\s/>=]*|=[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*|(?=>))))?""", re.DOTALL
)
_CONTENT_CHARSET = re.compile(r"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.IGNORECASE)


def declared_encoding(body: bytes) -> str | None:
    """Return the codec that a ``<meta>`` in the first 1,024 bytes of *body* declares, None where none does."""
    head = body[:_PRESCANNED]
    place = 0
    while found := _MARKUP.search(head, place):
        place = found.end()
        if found[0][1:2].isalpha() or found[0][1:2] == b"/":
            attributes, place = _attributes(head, place)
            if place == len(head):  # the tag does not end here: its last attribute may be cut
                return None
            if found[0].lower() == b"<meta" and (name := _of_meta(attributes)):
                return name
    return None


def _attributes(head: bytes, place: int) -> tuple[dict[str, str], int]:
    attributes: dict[str, str] = {}
    while found := _ATTRIBUTE.match(head, place):
        place = found.end()
        value = next((group for group in found.groups()[1:] if group is not None), b"")
        attributes.setdefault(found[1].lower().decode("latin-1"), value.decode("latin-1"))
    return attributes, place


def _of_meta(attributes: dict[str, str]) -> str | None:
    label = attributes.get("charset")
    if label is None and attributes.get("http-equiv", "").lower() == "content-type":
        found = _CONTENT_CHARSET.search(attributes.get("content", ""))
        label = next(filter(None, found.groups()), None) if found else None
    name = known_encoding(label) if label else None
    # A declaration that could be read as ASCII is not in UTF-16: browsers take it for UTF-8.
    return "utf-8" if name and name.startswith("utf-16") else name
