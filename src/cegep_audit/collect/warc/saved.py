"""Pages that a person saved from a browser, read from files: HTML, MHTML, Safari's webarchive, WACZ and WARC.

The functions that a command calls, in this order::

    saved = read_saved(paths, limits, lang)              # files or folders; .refused and .damage are lines to show
    matched = match_saved(saved, institutions, lang)     # in saved_visit.py; .unmatched are lines to show
    visit = matched.visits[institution.id]
    choices = visit.choices(limits)                      # what to read, homepage first; () lets the frontier choose
    async with visit.open_source(limits, keep) as site:  # the one site reader; keep=writer.keep_saved, or None
        page = await site.get(choices[0].url)
    visit.files                                          # evidence: name, SHA-256 and date of each file

A file of any other kind is refused by name, with one line that says what it is: it never counts as a page without
accounts. The address of a page is the one that the browser noted in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.saved_formats import RefusedError, origin_of, put_back, read_document
from cegep_audit.errors import StoreError
from cegep_audit.models import Limits
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

_MAX_FILE = 100_000_000  # bytes of a single saved page: an MHTML file holds its images
_MAX_FILES = 10_000  # of one folder; a folder with more holds something else
_MAX_FRAMES = 50  # of one page
_HEAD = 4096  # bytes that show what a file is, and in which a frame has its address
_ARCHIVES = (b"WARC/", b"\x1f\x8b", b"PK\x03\x04", b"filedesc:")
_PAGES = frozenset({".html", ".htm", ".xhtml"})
_BESIDE = re.compile(r"(.+)(?:_files|_fichiers|\.files)", re.IGNORECASE)  # the folder of a page saved with images


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
    """What files hold.

    ``refused`` has a line for each file that is not a saved page, ``damage`` for each damaged record.
    """

    pages: list[SavedPage] = field(default_factory=list)
    archives: list[SavedArchive] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def read_saved(paths: Sequence[Path], limits: Limits, lang: Language = "fr") -> Saved:
    """Read the files at *paths*, of folders all files below; raise StoreError for a path that cannot be read."""
    saved = Saved()
    for path in paths:
        for file in _files_of(path, lang):
            try:
                _read_file(file, saved, limits, lang)
            except RefusedError as error:
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
        pages = {entry.stem for entry in entries if entry.suffix.lower() in _PAGES}
        for entry in entries:
            beside = _BESIDE.fullmatch(entry.name)
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
    """Add what the file at *path* holds to *saved*; raise RefusedError and OSError."""
    with path.open("rb") as file:
        start = file.read(_HEAD)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    status = path.stat()
    evidence = SavedFile(path.name, digest, datetime.fromtimestamp(status.st_mtime, UTC))
    if start.startswith(_ARCHIVES):
        archive = _archive(path, evidence, limits, lang)
        saved.archives.append(archive)
        saved.damage += archive.archive.damage
        return
    if status.st_size > _MAX_FILE:
        raise RefusedError("saved.too_large")
    document = read_document(path.read_bytes())
    body = _with_frames(document.body, path)
    if len(body) > limits.max_bytes:
        raise RefusedError("saved.too_large")
    evidence = replace(evidence, saved_at=document.saved_at or evidence.saved_at)
    saved.pages.append(SavedPage(evidence, document.url, document.content_type, body))


def _with_frames(body: bytes, path: Path) -> bytes:
    """Return *body* with the addresses of frames that were saved beside it, as ``./Page_files/saved_resource.html``."""
    for folder in (path.with_name(path.stem + ending) for ending in ("_files", "_fichiers")):
        for frame in sorted(folder.glob("*.htm*"))[:_MAX_FRAMES]:
            with frame.open("rb") as file:
                url, _ = origin_of(file.read(_HEAD))
            if url:
                body = put_back(body, f"./{folder.name}/{frame.name}", url)
                body = put_back(body, f"./{quote(folder.name)}/{quote(frame.name)}", url)
    return body


def _archive(path: Path, file: SavedFile, limits: Limits, lang: Language) -> SavedArchive:
    """Return the archive that a WARC or WACZ is; raise RefusedError."""
    try:
        archive = WarcArchive.open([path], limits, lang=lang)
    except StoreError:
        raise RefusedError("saved.archive") from None
    pages = dict(archive.html_pages())
    if not pages:
        raise RefusedError("saved.no_page")
    return SavedArchive(replace(file, saved_at=max(pages.values())), archive, tuple(pages))
