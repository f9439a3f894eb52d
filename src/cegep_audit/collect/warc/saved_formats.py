"""The formats in which browsers save a page: HTML that names its origin, MHTML, Safari's webarchive."""

import email
import html
import plistlib
import re
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser

from cegep_audit import urls
from cegep_audit.clock import read_mail_date
from cegep_audit.text import HTML_TYPES, looks_like_markup

_HEAD = 256 * 1024  # bytes of a page that are searched for its own address
MAX_FRAMES = 50  # of one page
_MAX_REPLACED = 100  # names of one frame in a page; each is replaced by a longer address

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|a|table)\b", re.IGNORECASE)

# Comments with the address. Chrome, Edge and Internet Explorer: the number is the length of the address
# (https://learn.microsoft.com/previous-versions/windows/internet-explorer, "Mark of the Web"). SingleFile: two lines.
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\((\d{1,5})\)(\S+)")
_SINGLE_FILE = re.compile(r"<!--\s*Page saved with SingleFile\s+url:\s*(\S+)\s+saved date:\s*([^\n(]{1,80})")
_TAG = re.compile(r"<(?:link|meta)\s[^<>]{0,2000}>", re.IGNORECASE)
_NAMES_ITSELF = (
    re.compile(r"rel\s*=\s*[\"']?canonical\b", re.IGNORECASE),
    re.compile(r"property\s*=\s*[\"']?og:url\b", re.IGNORECASE),
)
_VALUE = re.compile(r"(?:href|content)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_JAVASCRIPT_DATE = re.compile(r"^(\w{3}) (\w{3}) (\d\d) (\d{4} [\d:]+) GMT")  # Fri Nov 20 2026 15:04:05 GMT-0500

# Other files that people pass: the sentence that names the kind, and how such files begin (offset, bytes).
_OTHER_KINDS = {
    "saved.pdf": [(0, b"%PDF")],
    "saved.image": [(0, b"\x89PNG"), (0, b"\xff\xd8\xff"), (0, b"GIF8"), (8, b"WEBP"), (4, b"ftyp")],
    "saved.database": [(0, b"SQLite format 3\0")],
    "saved.archive": [(0, b"PK"), (0, b"\x1f\x8b"), (0, b"7z\xbc\xaf"), (0, b"Rar!"), (257, b"ustar")],
    "saved.office": [(0, b"\xd0\xcf\x11\xe0"), (0, b"{\\rtf")],
}

Document = tuple[str | None, datetime | None, str, bytes]
"""A saved page: its address and time (UTC), each None if the file has none; its charset or ""; its body."""


class RefusedError(Exception):
    """A file is not a saved page; the text is the key of the sentence that says why."""


def read_document(data: bytes) -> Document:
    """Return the page in *data*, the content of a file; raise RefusedError."""
    if data.startswith(b"bplist00"):
        return _webarchive(data)
    if BytesHeaderParser().parsebytes(data[:_HEAD].lstrip()).get_content_type() == "multipart/related":
        return _mhtml(data)
    is_markup = looks_like_markup(data)
    if is_markup and _HTML.search(data[:_HEAD].replace(b"\0", b"")):
        return *origin_of(data), "", data
    if not data.strip(b"\0 \t\r\n"):
        raise RefusedError("saved.empty")
    kinds = (key for key, starts in _OTHER_KINDS.items() for at, magic in starts if data.startswith(magic, at))
    raise RefusedError(next(kinds, "saved.xml" if is_markup else "saved.other"))


def origin_of(data: bytes) -> tuple[str | None, datetime | None]:
    """Return the address of a saved HTML page and when it was saved, each None if missing."""
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data[:_HEAD].decode("utf-16" if is_utf16 else "utf-8", "replace")
    if found := _SAVED_FROM.search(text):
        return _address(found[2][: int(found[1])]), None
    if found := _SINGLE_FILE.search(text):
        return _address(found[1]), read_mail_date(_JAVASCRIPT_DATE.sub(r"\1, \3 \2 \4 ", found[2].strip()))
    tags = _TAG.findall(text)
    values = (_VALUE.search(tag) for pattern in _NAMES_ITSELF for tag in filter(pattern.search, tags))
    named = (_address(html.unescape(value[1] or value[2] or value[3] or "")) for value in values if value)
    return next(filter(None, named), None), None


def put_back(body: bytes, name: str, url: str) -> bytes:
    """Return *body* with the *url* of a frame, which may name an account, in place of the *name* it was saved under."""
    return body.replace(name.encode(), html.escape(url).encode(), _MAX_REPLACED)


def _mhtml(data: bytes) -> Document:
    """Return the page in an MHTML file (RFC 2557) of Chrome or Edge; raise RefusedError."""
    try:
        message = email.message_from_bytes(data)
        root, *frames = (part for part in message.walk() if part.get_content_type() in HTML_TYPES)
        body = root.get_payload(decode=True)
        charset = root.get_content_charset() or ""
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError):
        body = None
    if not isinstance(body, bytes) or not body.strip():
        raise RefusedError("saved.broken")
    for frame in frames[:MAX_FRAMES]:  # which the page calls cid:…
        name, location = _unfolded(frame, "Content-ID").strip("<>"), _unfolded(frame, "Content-Location")
        if name and _address(location):
            body = put_back(body, f"cid:{name}", location)
    url = _address(_unfolded(message, "Snapshot-Content-Location")) or _address(_unfolded(root, "Content-Location"))
    return url, read_mail_date(str(message.get("Date", ""))), charset, body


def _unfolded(part: Message, name: str) -> str:
    """Return the address in the header called *name*; mail programs break long ones over several lines."""
    return re.sub(r"\s+", "", str(part.get(name, "")))


def _webarchive(data: bytes) -> Document:
    """Return the page in a webarchive of Safari; raise RefusedError."""
    try:
        main = plistlib.loads(data, fmt=plistlib.FMT_BINARY)["WebMainResource"]
        body, url = main["WebResourceData"], main["WebResourceURL"]
        charset = str(main.get("WebResourceTextEncodingName") or "")
    except (plistlib.InvalidFileException, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        raise RefusedError("saved.other") from None
    if not isinstance(body, bytes) or not isinstance(url, str) or not looks_like_markup(body):
        raise RefusedError("saved.other")
    return _address(url), None, charset, body


def _address(text: str) -> str | None:
    """Return *text* without its fragment if it is an http or https address, None otherwise."""
    return urls.crawl_key(text.strip()) if urls.split(text.strip()) else None
