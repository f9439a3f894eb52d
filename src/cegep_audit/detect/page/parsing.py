"""From the bytes of a page to its document: decode them as browsers do, and parse the text in bounded time.

The encoding comes from the byte-order mark, else the header, else a ``<meta>``, else detection (WHATWG Encoding and
HTML standards). Bytes that an encoding does not have become U+FFFD: decoding never fails.

lexbor reads an ordinary page thirty times as fast as other parsers, but its time grows with the square of the depth of
unclosed elements, and of the attributes of one element. The guard detects such a page before it is parsed. The tags
that matter are then cut out of it and parsed as a shallow document, so that one set of finders serves both. Guard and
cut look at each character a bounded number of times: five megabytes of anything are read in seconds.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

import webencodings
from selectolax.lexbor import LexborHTMLParser

from cegep_audit.models import Page

_HEADER_CHARSET = re.compile(r"""charset\s*=\s*["']?\s*([^\s"';,]+)""", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# Encodings that the standard decodes with the table of a larger one.
_DECODED_AS = {"gbk": "gb18030", "euc-kr": "cp949", "x-user-defined": "windows-1252"}
_PRESCANNED = 1024  # bytes
_LATE = 16_384  # bytes that may declare an encoding too late for browsers: the search is quadratic
_SAMPLE = 20_000  # characters that show whether bytes are text
_MOST_BAD = 0.1  # share of them that makes a text rubbish: a wrong charset costs a French page some 4 %
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
    """Return *body* as text, by the header *content_type*; detection decides where what is declared gives rubbish."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    declared = _declared(body, content_type)
    text = body.decode(declared or _detected(body), "replace")
    if not declared or not is_rubbish(text):
        return text
    detected = body.decode(_detected(body), "replace")
    return text if is_rubbish(detected) else detected


def is_rubbish(text: str) -> bool:
    """Whether *text* is not real text: its bytes are not text, or were decoded with the wrong encoding."""
    sample = text[:_SAMPLE]
    if sample.count("\ufffd") + sample.count("\0") > len(sample) * _MOST_BAD:
        return True
    is_plain = sample.isascii() or "<" in text
    return not is_plain and sum(char > "\x7f" for char in sample) > len(sample) * _MOST_FOREIGN


@lru_cache(maxsize=256)
def known_encoding(label: str) -> str | None:
    """Return the Python codec for *label* of the Encoding Standard; None for any other label."""
    found = webencodings.lookup(label)
    if found is None or found.name == "replacement":  # no text is ever decoded by it
        return None
    return _DECODED_AS.get(found.name) or str(found.codec_info.name)


def _declared(body: bytes, content_type: str) -> str | None:
    header = _HEADER_CHARSET.search(content_type)
    return (known_encoding(header[1]) if header else None) or _prescanned(body)


def _detected(body: bytes) -> str:
    """Detect UTF-8 and unmarked UTF-16, else take a late declaration, else windows-1252, the Web's old default."""
    head = body[:200]
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[start::2].count(0) > len(head) // 3:
            return name
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut at the very end does not mean another encoding.
        if error.start < len(body) - 3 or error.reason != "unexpected end of data":
            from bs4.dammit import EncodingDetector  # a tenth of the start-up time, for one page in a hundred

            after = max(0, body.rfind(b"<", 0, _PRESCANNED))  # what comes before was looked at as browsers do
            late = body[after:_LATE] if len(body) > _PRESCANNED else b""
            label = EncodingDetector.find_declared_encoding(late, is_html=True, search_entire_document=True)
            return (known_encoding(label) if label else None) or "cp1252"
    return "utf-8"


# https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding
_MARKUP = re.compile(
    rb"<!--(?:.*?-)?->|<!-->|(<meta(?=[\s/])|</?[a-z][^\s>]*)|<[!/?][^>]*>?", re.IGNORECASE | re.DOTALL
)
_ATTRIBUTE = re.compile(
    rb"""[\s/]*([^\s/>=][^\s/>=]*|=[^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*|(?=>))))?""", re.DOTALL
)
_CONTENT_CHARSET = re.compile(r"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.IGNORECASE)


def _prescanned(body: bytes) -> str | None:
    """Return the codec that a ``<meta>`` in the first 1,024 bytes of *body* declares, None where none does."""
    head = body[:_PRESCANNED]
    position = 0
    while found := _MARKUP.search(head, position):
        position = found.end()
        if not found[1]:  # a comment, a doctype
            continue
        attributes: dict[str, str] = {}
        while pair := _ATTRIBUTE.match(head, position):
            position = pair.end()
            value = next((group for group in pair.groups()[1:] if group is not None), b"")
            attributes.setdefault(pair[1].lower().decode("latin-1"), value.decode("latin-1"))
        if position == len(head):  # the tag does not end here: its last attribute may be cut
            return None
        if found[1].lower() == b"<meta" and (name := _of_meta(attributes)):
            return name
    return None


def _of_meta(attributes: dict[str, str]) -> str | None:
    label = attributes.get("charset")
    if label is None and attributes.get("http-equiv", "").lower() == "content-type":
        found = _CONTENT_CHARSET.search(attributes.get("content", ""))
        label = next(filter(None, found.groups()), None) if found else None
    name = known_encoding(label) if label else None
    # A declaration that could be read as ASCII is not in UTF-16: browsers take it for UTF-8.
    return "utf-8" if name and name.startswith("utf-16") else name


MAX_DEPTH = 1_000  # nested elements, counted as in _is_deep; of 134 real pages the deepest had 334
_CHEAP_COUNT = 4 * MAX_DEPTH  # start tags below which a page cannot be too deep to matter
# Elements that are empty, or that end where the next one begins: leaving them open nests nothing.
_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
_SELF_ENDING = f"{_VOID}|p|li|dt|dd|option|optgroup|tr|td|th|thead|tbody|tfoot|colgroup|html|head|body"
_NESTING = re.compile(rb"<(/?(?!(?:%s)(?![a-z0-9:-]))[a-z][a-z0-9:-]*)" % _SELF_ENDING.encode())
_SLASH = ord("/")
_LONGEST_TAG = 100_000  # bytes of one tag
_MAX_ATTRIBUTES = 500  # of one element; five megabytes of such elements take three seconds
_LONG = 5 * _MAX_ATTRIBUTES  # bytes that so many attributes have at least
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_QUOTED_BYTES = re.compile(_QUOTED.pattern.encode())
_SHADOW_ROOT = re.compile(rb"<template(?=\s[^<>]{0,200}\bshadowroot)", re.IGNORECASE)
_CLOSED_AT_ONCE = re.compile(rb"<(?!(?:%s)\b)([a-zA-Z][\w:-]{0,40})((?:\s[^<>]{0,2000})?)/>" % _VOID.encode())


def parse(body: bytes, *, is_xml: bool = False) -> LexborHTMLParser:
    """Return the document in *body*, UTF-8, sent as XHTML if *is_xml*; one too deep for lexbor comes back shallow."""
    if is_xml:  # there ``<title/>`` is an element without content and not one that goes on
        body = _CLOSED_AT_ONCE.sub(rb"<\1\2></\1>", body)
    # A shadow root declared in the markup is shown to the reader, unlike any other template.
    body = _SHADOW_ROOT.sub(b"<shadow-root", body)
    return LexborHTMLParser(body if is_safe(body) else shallow(body.decode("utf-8", "replace")))


def is_safe(body: bytes) -> bool:
    """Whether *body* nests little enough, and has no monstrous element, for the fast parser."""
    for tag in _long_tags(body):
        if len(tag) > _LONGEST_TAG or len(_QUOTED_BYTES.sub(b"", tag).split()) > _MAX_ATTRIBUTES:
            return False
    tags = body.count(b"<")
    return tags < _CHEAP_COUNT or tags - body.count(b"</") < _CHEAP_COUNT or not _is_deep(body)


def _long_tags(body: bytes) -> Iterator[bytes]:
    """Yield the tags of *body* that are long enough to be monstrous, by looking for brackets a long step apart."""
    start = 0
    while (step := start + _LONG) < len(body):
        bracket = body.rfind(b">", start, step)
        if bracket < 0:
            bracket = body.rfind(b"<", start, step)
        if bracket >= 0:
            step = bracket + 1
        elif body[start - 1 : start] in {b"", b"<"} and body[start : start + 2].lstrip(b"/")[:1].isalpha():
            yield body[start : start + _LONGEST_TAG + 1].partition(b"<")[0].partition(b">")[0]
        start = step


def _is_deep(body: bytes) -> bool:
    """Whether more than MAX_DEPTH elements are open at once somewhere, those that end by themselves left out."""
    # As in a browser, an end tag closes what was opened since its element, and nothing where that is not open.
    is_open: list[bytes] = []
    names = _NESTING.findall(body.lower())
    counts = dict.fromkeys(names, 0)
    for name in names:
        if name[0] != _SLASH:
            is_open.append(name)
            counts[name] += 1
            if len(is_open) > MAX_DEPTH:
                return True
        elif counts.get(name := name[1:]):
            while (last := is_open.pop()) != name:
                counts[last] -= 1
            counts[name] -= 1
    return False


_KEPT = re.compile(
    r"<(?:!--|(a|area|base|link|meta|title|iframe|frame|script|embed|object)(?=[\s/>])|(div)(?=\s[^<>]{0,500}\bdata-))",
    re.IGNORECASE,
)
_KEPT_TAG = 4_000  # characters of a tag that are read; an address has no more than 2,000
_PASSED_OVER = 3  # times that a ">" in a quoted value is not taken for the end of its tag
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)


def shallow(text: str) -> str:
    """Return the tags of *text* that matter as a flat document, without its comments."""
    kept = []
    position = 0
    while found := _KEPT.search(text, position):
        name = (found[1] or found[2] or "").lower()
        if not name:
            position = _after(text, "-->", found.end())
            continue
        position = _after(text, ">", found.end())
        for _ in range(_PASSED_OVER):
            unquoted = _QUOTED.sub("", text[found.end() : min(position, found.end() + _KEPT_TAG)])
            if '"' not in unquoted and "'" not in unquoted:
                break
            position = _after(text, ">", position)
        if position > len(text):  # a tag without an end is not a tag
            break
        tag = text[found.start() : min(position, found.start() + _KEPT_TAG)]
        kept.append(tag if tag.endswith(">") else f"{tag}x\"'>")  # ends it whatever quote is open where it was cut
        if name == "script":
            close = _SCRIPT_END.search(text, position)
            content, position = text[position : close.start() if close else None], close.end() if close else len(text)
        else:
            content = text[position : _after(text, "<", position) - 1]
        kept.append(f"{content}</{name}>")
    return "".join(kept)


def _after(text: str, mark: str, start: int) -> int:
    """Return the position after the next *mark* from *start* on, or one past the end of *text*."""
    position = text.find(mark, start)
    return len(text) + 1 if position < 0 else position + len(mark)
