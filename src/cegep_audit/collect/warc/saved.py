"""Pages that a person saved from a browser, read from files: HTML, MHTML, Safari's webarchive, WACZ and WARC.

The functions that a command calls, in this order::

    saved = read_saved(paths, limits, lang)              # files or folders -> Saved: pages, archives, refused (lines)
    matched = match_saved(saved, institutions, lang)     # saved_visit.py -> Matched: visits by id, unmatched (lines)
    visit = matched.visits[institution.id]
    choices = visit.choices(limits)                      # what to read, homepage first; () lets the frontier choose
    async with visit.open_source(limits, keep) as site:  # the one site reader; keep=writer.keep_saved, or None
        page = await site.get(choices[0].url)
    visit.files                                          # evidence: name, SHA-256 and date of each file

A file of any other kind is refused by name, with one line that says what it is: it never counts as a page without
accounts. The address of a page is the one that the browser noted in it.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import html
import plistlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.http.body import looks_like_markup
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.errors import StoreError
from cegep_audit.models import Limits
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

_MAX_FILE = 100_000_000  # bytes of a single saved page: an MHTML file holds its images
_MAX_FILES = 10_000  # of one folder; one that holds more is no folder of saved pages
_HEAD = 256 * 1024  # bytes of a page in which its own address is looked for

_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|a|table)\b", re.IGNORECASE)
_MHTML = re.compile(
    rb"(?:[\w-]+:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){0,40}?Content-Type:\s*multipart/related", re.IGNORECASE
)

# Which browsers note the address where. Chrome, Edge and Internet Explorer: the number is the length of the address
# (https://learn.microsoft.com/previous-versions/windows/internet-explorer, "Mark of the Web"). SingleFile: two lines.
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\((\d{1,5})\)(\S+)")
_SINGLE_FILE = re.compile(r"<!--\s*Page saved with SingleFile\s+url:\s*(\S+)\s+saved date:\s*([^\n]{1,80})")
_TAG = re.compile(r"<(?:link|meta)\s[^<>]{0,2000}>", re.IGNORECASE)
_IS_CANONICAL = re.compile(r"rel\s*=\s*[\"']?canonical\b", re.IGNORECASE)
_IS_OG_URL = re.compile(r"property\s*=\s*[\"']?og:url\b", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:href|content)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_ASSETS = re.compile(r"(.+)(?:_files|_fichiers|\.files)", re.IGNORECASE)  # the folder beside a page saved with images

# What else people hand in: how files begin (offset, bytes) and which line says what they are.
_KINDS = (
    (0, b"%PDF", "saved.pdf"),
    (0, b"\x89PNG", "saved.image"),
    (0, b"\xff\xd8\xff", "saved.image"),
    (0, b"GIF8", "saved.image"),
    (8, b"WEBP", "saved.image"),
    (4, b"ftyp", "saved.image"),
    (0, b"SQLite format 3\0", "saved.database"),
    (0, b"PK", "saved.archive"),
    (0, b"\x1f\x8b", "saved.archive"),
    (0, b"7z\xbc\xaf", "saved.archive"),
    (0, b"Rar!", "saved.archive"),
    (257, b"ustar", "saved.archive"),
    (0, b"\xd0\xcf\x11\xe0", "saved.office"),
    (0, b"{\\rtf", "saved.office"),
)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """The evidence of one file: its name without folder, the SHA-256 of its bytes, when the page was saved (UTC)."""

    name: str
    sha256: str
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SavedPage:
    """One page that a person saved; ``url`` is None where the file does not say of which address it is."""

    file: SavedFile
    url: str | None
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SavedArchive:
    """One WARC or WACZ; ``urls`` are the addresses of the HTML pages in it, in file order."""

    file: SavedFile
    archive: WarcArchive
    urls: tuple[str, ...]


@dataclass(slots=True)
class Saved:
    """What files hold; ``refused`` has one line for each file that is no saved page."""

    pages: list[SavedPage] = field(default_factory=list)
    archives: list[SavedArchive] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class _RefusedError(Exception):
    """A file is no saved page; the text is the key of the line that says why."""


def read_saved(paths: Sequence[Path], limits: Limits, lang: Language = "fr") -> Saved:
    """Read the files at *paths*, of folders all files below; raise StoreError for a path that cannot be read."""
    saved = Saved()
    for path in paths:
        for file in _files_of(path, lang):
            try:
                _read_file(file, saved, limits, lang)
            except _RefusedError as error:
                what = say(str(error), lang)
                saved.refused.append(say("saved.refused", lang, file=shown(str(file)), what=what))
            except OSError as error:
                reason = error.strerror or str(error)
                raise StoreError(say("saved.cannot_read", lang, file=shown(str(file)), reason=reason)) from error
    return saved


def _files_of(path: Path, lang: Language) -> list[Path]:
    """Return the files to read at *path*, sorted by name; hidden ones and the images beside a page are left out."""
    if not path.is_dir():
        if not path.exists():
            raise StoreError(say("saved.missing", lang, file=shown(str(path))))
        return [path]
    found: list[Path] = []
    folders = [path]
    while folders:
        entries = sorted(folders.pop().iterdir())
        pages = {entry.stem for entry in entries if entry.suffix.lower() in {".html", ".htm", ".xhtml"}}
        for entry in entries:
            beside = _ASSETS.fullmatch(entry.name)
            if entry.name.startswith(".") or entry.is_symlink() or (beside and beside[1] in pages and entry.is_dir()):
                continue
            if entry.is_dir():
                folders.append(entry)
            elif entry.is_file():
                found.append(entry)
        if len(found) > _MAX_FILES:
            raise StoreError(say("saved.too_many", lang, file=shown(str(path)), most=_MAX_FILES))
    return found


def _read_file(path: Path, saved: Saved, limits: Limits, lang: Language) -> None:
    """Add what the file at *path* holds to *saved*; raise _RefusedError and OSError."""
    with path.open("rb") as file:
        start = file.read(4096)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    evidence = SavedFile(path.name, digest, changed)
    if start.startswith((b"WARC/", b"\x1f\x8b", b"PK\x03\x04", b"filedesc:")):
        saved.archives.append(_archive(path, evidence, limits, lang))
        return
    if path.stat().st_size > _MAX_FILE:
        raise _RefusedError("saved.too_large")
    page = _page(path.read_bytes(), evidence)
    if len(page.body) > limits.max_bytes:
        raise _RefusedError("saved.too_large")
    saved.pages.append(page)


def _page(data: bytes, file: SavedFile) -> SavedPage:
    """Return the page that a file of *data* is; raise _RefusedError."""
    if data.startswith(b"bplist00"):
        return _webarchive(data, file)
    if _MHTML.match(data[:_HEAD].lstrip()):
        return _mhtml(data, file)
    if looks_like_markup(data[:512]) and _HTML.search(data[:_HEAD].replace(b"\0", b"")):
        url, saved_at = _origin(data)
        return SavedPage(_dated(file, saved_at), url, "text/html", data)
    raise _RefusedError(_kind(data))


def _kind(data: bytes) -> str:
    if not data.strip(b"\0 \t\r\n"):
        return "saved.empty"
    for offset, magic, key in _KINDS:
        if data.startswith(magic, offset):
            return key
    return "saved.xml" if looks_like_markup(data[:512]) else "saved.other"


def _dated(file: SavedFile, saved_at: datetime | None) -> SavedFile:
    return SavedFile(file.name, file.sha256, saved_at) if saved_at else file


# ------------------------------------------------------------------------------------------ formats


def _origin(data: bytes) -> tuple[str | None, datetime | None]:
    """Return the address of a saved HTML page, and when it was saved; None for what the page does not say."""
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data[:_HEAD].decode("utf-16" if is_utf16 else "utf-8", "replace")
    if found := _SAVED_FROM.search(text):
        return _address(found[2][: int(found[1])]), None
    if found := _SINGLE_FILE.search(text):
        return _address(found[1]), _date(found[2].partition("(")[0])
    tags = [tag[0] for tag in _TAG.finditer(text)]
    for pattern in (_IS_CANONICAL, _IS_OG_URL):
        for tag in filter(pattern.search, tags):
            if (value := _ADDRESS.search(tag)) and (
                url := _address(html.unescape(value[1] or value[2] or value[3] or ""))
            ):
                return url, None
    return None, None


def _address(text: str | None) -> str | None:
    """Return *text* where it is an http or https address, without its fragment; None where it is none."""
    return urls.crawl_key(text.strip()) if text and urls.split(text.strip()) else None


def _date(text: str | None) -> datetime | None:
    """Return a date as mail and JavaScript write it, in UTC; None where it is none."""
    for each in (
        (text or "").strip(),
        re.sub(r"^(\w{3}) (\w{3}) (\d\d) (\d{4}) ", r"\1, \3 \2 \4 ", (text or "").strip()),
    ):
        try:
            found = parsedate_to_datetime(each.replace("GMT+", "+").replace("GMT-", "-"))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _mhtml(data: bytes, file: SavedFile) -> SavedPage:
    """Return the page of an MHTML file (RFC 2557) as Chrome and Edge write it; raise _RefusedError.

    A frame has the address ``cid:…`` in the page, and its own in a header of its part: it is put back, for that of a
    network's plugin names the account.
    """
    try:
        message = email.message_from_bytes(data, policy=email.policy.compat32)
        parts = [part for part in message.walk() if part.get_content_type() in {"text/html", "application/xhtml+xml"}]
        root = parts[0]
        body = _payload(root)
        charset = root.get_content_charset() or ""
    except (IndexError, RecursionError, ValueError, LookupError, AttributeError, TypeError):
        raise _RefusedError("saved.broken") from None
    for part in parts[1:]:
        name, location = _header(part, "Content-ID").strip("<> "), _header(part, "Content-Location")
        if name and _address(location):
            body = body.replace(b"cid:" + name.encode(), html.escape(location).encode())
    url = _address(_header(message, "Snapshot-Content-Location")) or _address(_header(root, "Content-Location"))
    content_type = f"text/html; charset={charset}" if charset else "text/html"
    return SavedPage(_dated(file, _date(_header(message, "Date"))), url, content_type, body)


def _header(part: Message, name: str) -> str:
    return re.sub(r"\s+", "", value) if (value := str(part.get(name, ""))) and name != "Date" else value


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        raise _RefusedError("saved.broken")
    return payload


def _webarchive(data: bytes, file: SavedFile) -> SavedPage:
    """Return the page of Safari's webarchive, a property list; raise _RefusedError."""
    try:
        main = plistlib.loads(data, fmt=plistlib.FMT_BINARY)["WebMainResource"]
        body, url = main["WebResourceData"], main["WebResourceURL"]
        charset = str(main.get("WebResourceTextEncodingName") or "")
    except (plistlib.InvalidFileException, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        raise _RefusedError("saved.other") from None
    if not isinstance(body, bytes) or not isinstance(url, str) or not looks_like_markup(body[:512]):
        raise _RefusedError("saved.other")
    return SavedPage(file, _address(url), f"text/html; charset={charset}" if charset else "text/html", body)


def _archive(path: Path, file: SavedFile, limits: Limits, lang: Language) -> SavedArchive:
    """Return the archive that a WARC or WACZ is; raise _RefusedError."""
    try:
        archive = WarcArchive.open([path], limits, lang=lang)
    except StoreError:
        raise _RefusedError("saved.archive") from None
    pages = dict(archive.html_pages())
    newest = max(pages.values(), default=file.saved_at)
    return SavedArchive(_dated(file, newest), archive, tuple(pages))
