"""Text and bytes from outside: folds text for comparison, sniffs the type of bytes, makes text safe to show."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # --help needs this module but no records
    from cegep_audit.models import Page

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def fold(text: str) -> str:
    """Return *text* in lower case without accents, typographic apostrophes made straight."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return _NOT_ASCII.sub(lambda found: "" if unicodedata.combining(found[0]) else found[0], decomposed)


def slug(text: str) -> str:
    """Return *text* folded, its words joined by one dash."""
    return re.sub(r"[\W_]+", "-", fold(text)).strip("-")


def compile_words(words: Iterable[str], *, classes: bool = False) -> re.Pattern[str]:
    """Return a pattern for whole *words* in folded text, or by dashes in *classes*; ``*`` stands for any letters."""
    start, end = (r"(?:^|(?<=[\s_-]))", r"(?=[\s_-]|$)") if classes else (r"(?<![\w-])", r"(?![\w'])")
    return re.compile(f"{start}(?:{'|'.join(re.escape(fold(word)) for word in words)}){end}".replace(r"\*", r"[\w-]*"))


# Line breaks and tabs of every kind become one space: C0 and C1 breaks, line and paragraph separators.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
# The other control characters (C0, DEL, C1: CWE-150), and marks that show nothing but move or hide their
# neighbours: bidirectional marks, overrides and isolates, invisible operators, byte-order mark, annotation
# anchors, tags. The joiners (U+200C, U+200D) stay, because words and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x1b\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # no encoding can write them
_EXCERPT = 80  # characters of a cell that fit on one line of a terminal


def plain(text: str) -> str:
    """Return *text* on one line, reduced to what a reader sees; doing it twice changes nothing.

    Line breaks and tabs become a space, control and invisible characters are removed, lone surrogates become U+FFFD.
    An escape sequence loses its escape character alone. The result may hold Rich markup: use ``rich.text.Text``.
    """
    if text.isprintable():  # no control, format or surrogate character: the usual case
        return text
    text = _UNSEEN.sub("", _BREAKS.sub(" ", text))
    return _LONE_SURROGATES.sub("\ufffd", text)


def shown(text: str) -> str:
    r"""Return *text* with its invisible characters written out (``\u200b``, ``\x1b``), so that a user can find them."""
    return "".join(
        each if each.isprintable() or each == "\xa0" else each.encode("unicode_escape").decode() for each in text
    )


def excerpt(text: str) -> str:
    """Return the *text* of a cell as an error message quotes it: see :func:`shown`, from at most 80 characters."""
    return shown(text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…")


_PATHS = {"registry", "warc", "output", "from_warc", "saved"}  # settings that name files of the user's machine


def without_folders(settings: object, name: str = "") -> Any:  # noqa: ANN401 -- what it is given
    """Return the *settings* (of that *name*) without folders of the user's machine: each file by its name alone."""
    if isinstance(settings, Mapping):
        return {key: without_folders(value, key) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [without_folders(value, name) for value in settings]
    return re.split(r"[/\\]", str(settings))[-1] if name in _PATHS else settings


SNIFFED = 1024  # bytes; browsers look at 1445 at most (https://mimesniff.spec.whatwg.org/#reading-the-resource-header)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_XML = re.compile(r"(?:text|application)/(?:[\w.-]+\+)?xml")
_VAGUE = re.compile(
    r"|[^/]*|\*/\*|text/.*|(?:application|binary)/(?:octet-stream|x-unknown|unknown|force-download)|unknown/unknown"
)
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLANK = b" \t\r\n\f\0"
# The first bytes of files that servers send as HTML: PDF, ZIP and Office, images, gzip, old Office.
_MAGIC = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"RIFF")


def media_type(content_type: str) -> str:
    """Return type and subtype of a ``Content-Type``, in lower case: the first where there are several; "" for none."""
    return re.split("[;,]", content_type, maxsplit=1)[0].strip().lower()


def is_vague(kind: str) -> bool:
    """Whether the media type *kind* is missing, or one of those that servers give to any bytes."""
    return _VAGUE.fullmatch(kind) is not None


def sniffed(body: bytes) -> bytes:
    """Return the first bytes of *body* after a byte-order mark and blanks, without the zero bytes of UTF-16."""
    start = body[:SNIFFED]
    for bom in _BOMS:
        start = start.removeprefix(bom)
    return start.lstrip(_BLANK).replace(b"\0", b"")


def looks_like_markup(body: bytes) -> bool:
    """Whether *body* is HTML or XML: the first thing in it is a "<"."""
    return sniffed(body).startswith(b"<")


def looks_like_html(page: Page) -> bool:
    """Whether *page* is one to parse; False for an empty body.

    A page typed as HTML counts unless its first bytes are those of another kind of file, XML if an ``html`` element is
    near its start, and under the vague types, all of which servers give to pages, what begins with a tag.
    """
    start, kind = sniffed(page.body), media_type(page.content_type)
    if kind in HTML_TYPES:
        return bool(start) and not start.startswith(_MAGIC)
    is_markup = start.startswith(b"<")
    if _XML.fullmatch(kind) or start[:5].lower() == b"<?xml":
        return is_markup and b"<html" in start.lower()
    return is_markup and is_vague(kind)


def is_blank(page: Page) -> bool:
    """Whether the body is empty and the type is that of a page; other kinds of files may be kept without a body."""
    kind = media_type(page.content_type)
    return (kind in HTML_TYPES or bool(_XML.fullmatch(kind)) or is_vague(kind)) and not sniffed(page.body)
