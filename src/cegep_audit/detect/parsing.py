"""Text to a parsed document, whatever the text: depth is guarded before the fast parser sees it.

lexbor reads an ordinary page thirty times as fast as anything else, but its time grows with the square
of the depth of unclosed elements. What the guard refuses is read by BeautifulSoup under a strainer of the tags
that matter, and handed on as a shallow document, so that one set of finders serves both.
"""

from __future__ import annotations

import re
from html import escape

from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer
from selectolax.lexbor import LexborHTMLParser

MAX_DEPTH = 1_000  # nested elements, counted as in _depth; of 134 real pages the deepest had 334
_CHEAP_COUNT = 4 * MAX_DEPTH  # tags below which a page cannot be too deep to matter

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
# Elements that end by themselves where the next begins, or hold nothing: leaving them open nests nothing.
_SELF_ENDING = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li dt dd option optgroup tr td th "
    "thead tbody tfoot colgroup html head body".split()
)
_LONGEST_TAG = 100_000  # characters of one tag
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{_LONGEST_TAG}}}")
_SHADOW_ROOT = re.compile(r"<template(?=\s[^<>]{0,200}\bshadowroot)", re.IGNORECASE)
_KEPT_TAGS = ("a", "area", "base", "link", "meta", "title", "iframe", "frame", "script", "embed", "object", "div")
_KEPT_ATTRIBUTES = 40  # of one element of a page that was refused


def parse(text: str) -> LexborHTMLParser:
    """Return the document in *text*; a page too deep for the fast parser comes back shallow."""
    # A shadow root declared in the markup is shown to the reader, unlike any other template.
    text = _SHADOW_ROOT.sub("<shadow-root", text)
    return LexborHTMLParser(text if is_safe(text) else shallow(text))


def is_safe(text: str) -> bool:
    """Whether *text* nests little enough, and has no monstrous element, for the fast parser."""
    if len(text) > _LONGEST_TAG and _LONG_TAG.search(text):
        return False
    return text.count("<") < _CHEAP_COUNT or _depth(text) <= MAX_DEPTH


def _depth(text: str) -> int:
    """Return the greatest number of elements open at once, those that end by themselves left out."""
    depth = deepest = 0
    for closing, name in _TAG.findall(text):
        if name.lower() in _SELF_ENDING:
            continue
        if closing:
            depth = max(0, depth - 1)
        else:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def shallow(text: str) -> str:
    """Return the tags of *text* that matter as a flat document."""
    soup = BeautifulSoup(text, "html.parser", parse_only=SoupStrainer(_KEPT_TAGS))
    return "".join(_flat(tag) for tag in soup.find_all(_KEPT_TAGS))


def _flat(tag: Tag) -> str:
    attributes = "".join(
        f' {name}="{escape(_value(value))}"' for name, value in list(tag.attrs.items())[:_KEPT_ATTRIBUTES]
    )
    own = "".join(child for child in tag.contents if isinstance(child, str))
    content = own.replace("</", "<\\/") if tag.name == "script" else escape(own)
    return f"<{tag.name}{attributes}>{content}</{tag.name}>"


def _value(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
