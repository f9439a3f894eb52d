"""Parse a page in bounded time, whatever its bytes.

lexbor reads an ordinary page thirty times as fast as other parsers, but its time grows with the square of the depth of
unclosed elements, and of the attributes of one element. The guard detects such a page before it is parsed. The tags
that matter are then cut out of it and parsed as a shallow document, so that one set of finders serves both. Guard and
cut look at each character a bounded number of times: five megabytes of anything are read in seconds.
"""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

MAX_DEPTH = 1_000  # nested elements, counted as in _is_deep; of 134 real pages the deepest had 334
_CHEAP_COUNT = 4 * MAX_DEPTH  # start tags below which a page cannot be too deep to matter

# Elements that are empty, or that end where the next one begins: leaving them open nests nothing.
_SELF_ENDING = (
    "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|p|li|dt|dd|option|optgroup|tr|td|th|"
    "thead|tbody|tfoot|colgroup|html|head|body"
)
_NESTING = re.compile(rb"<(/?(?!(?:%s)(?![a-z0-9:-]))[a-z][a-z0-9:-]*)" % _SELF_ENDING.encode())
_SLASH = ord("/")
_LONGEST_TAG = 100_000  # bytes of one tag
_MAX_ATTRIBUTES = 500  # of one element; five megabytes of such elements take three seconds
_LONG = 5 * _MAX_ATTRIBUTES  # bytes that so many attributes have at least
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_QUOTED_BYTES = re.compile(_QUOTED.pattern.encode())
_SHADOW_ROOT = re.compile(rb"<template(?=\s[^<>]{0,200}\bshadowroot)", re.IGNORECASE)

_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr"
_CLOSED_AT_ONCE = re.compile(rb"<(?!(?:%s)\b)([a-zA-Z][\w:-]{0,40})((?:\s[^<>]{0,2000})?)/>" % _VOID.encode())

_KEPT = re.compile(
    r"<(?:!--|(a|area|base|link|meta|title|iframe|frame|script|embed|object)(?=[\s/>])|(div)(?=\s[^<>]{0,500}\bdata-))",
    re.IGNORECASE,
)
_KEPT_TAG = 4_000  # characters of a tag that are read; an address has no more than 2,000
_PASSED_OVER = 3  # times that a ">" in a quoted value is not taken for the end of its tag
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)


def parse(body: bytes, *, is_xml: bool = False) -> LexborHTMLParser:
    """Return the document in *body*, UTF-8; a page too deep for the fast parser comes back shallow.

    *is_xml* says that it was sent as XHTML, where ``<title/>`` is an element without content and not one that goes on.
    """
    if is_xml:
        body = _CLOSED_AT_ONCE.sub(rb"<\1\2></\1>", body)
    # A shadow root declared in the markup is shown to the reader, unlike any other template.
    body = _SHADOW_ROOT.sub(b"<shadow-root", body)
    return LexborHTMLParser(body if is_safe(body) else shallow(body.decode("utf-8", "replace")))


def is_safe(body: bytes) -> bool:
    """Whether *body* nests little enough, and has no monstrous element, for the fast parser."""
    if any(map(_is_monstrous, _long_tags(body))):
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
            start = bracket + 1
            continue
        if body[start - 1 : start] in {b"", b"<"} and body[start : start + 2].lstrip(b"/")[:1].isalpha():
            yield body[start : start + _LONGEST_TAG + 1].partition(b"<")[0].partition(b">")[0]
        start = step


def _is_monstrous(tag: bytes) -> bool:
    """Whether a long *tag* is too long, or has more attributes than anybody writes."""
    return len(tag) > _LONGEST_TAG or len(_QUOTED_BYTES.sub(b"", tag).split()) > _MAX_ATTRIBUTES


def _is_deep(body: bytes) -> bool:
    """Whether more than MAX_DEPTH elements are open at once somewhere, those that end by themselves left out.

    As in a browser, an end tag closes what was opened since its element, and nothing where that is not open.
    """
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


def shallow(text: str) -> str:
    """Return the tags of *text* that matter as a flat document, without its comments."""
    return "".join(_flat(text))


def _flat(text: str) -> Iterator[str]:
    place = 0
    while found := _KEPT.search(text, place):
        name = (found[1] or found[2] or "").lower()
        if not name:
            place = _after(text, "-->", found.end())
            continue
        place = _end_of_tag(text, found.end())
        if place > len(text):  # a tag without an end is none
            return
        yield _bounded(text[found.start() : min(place, found.start() + _KEPT_TAG)])
        if name == "script":
            close = _SCRIPT_END.search(text, place)
            content, place = text[place : close.start() if close else None], close.end() if close else len(text)
        else:
            content = text[place : _after(text, "<", place) - 1]
        yield f"{content}</{name}>"


def _after(text: str, mark: str, start: int) -> int:
    """Return the position after the next *mark* from *start* on, or one past the end of *text*."""
    place = text.find(mark, start)
    return len(text) + 1 if place < 0 else place + len(mark)


def _end_of_tag(text: str, start: int) -> int:
    """Return the position after the tag that continues at *start*; a ">" in a quoted value does not end it."""
    end = _after(text, ">", start)
    for _ in range(_PASSED_OVER):
        unquoted = _QUOTED.sub("", text[start : min(end, start + _KEPT_TAG)])
        if '"' not in unquoted and "'" not in unquoted:
            break
        end = _after(text, ">", end)
    return end


def _bounded(tag: str) -> str:
    """Return *tag* with an end where it was cut off, whatever quote is open there."""
    return tag if tag.endswith(">") else f"{tag}x\"'>"
