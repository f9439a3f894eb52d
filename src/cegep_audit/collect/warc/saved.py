"""Pages that a person saved from a browser: :func:`read_saved`, :func:`match_saved`, and one visit per institution.

A file that is not a saved page is rejected with a message that names its kind; it never counts as a page.
The address of a page is the one that the browser noted in the file.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from cegep_audit import urls
from cegep_audit.collect.port import REPLAY, Answer, Fetch, Source, Want
from cegep_audit.collect.site import OwnHosts, Site
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.records import explaining
from cegep_audit.collect.warc.saved_formats import MAX_FRAMES, RefusedError, origin_of, put_back, read_document
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Choice, Institution, Limits
from cegep_audit.phrases import Language, say
from cegep_audit.text import shown
from cegep_audit.vocabulary import Detail, PageRole

_MAX_FILE = 100_000_000  # bytes of a single saved page: an MHTML file holds its images
_MAX_FILES = 10_000  # of one folder; a folder with more holds something else
_MAX_PAGES = 50  # that are read of one institution; a person saves a handful
_HEAD = 4096  # bytes that hold the address of a frame
_ARCHIVES = (b"WARC/", b"\x1f\x8b", b"PK\x03\x04", b"filedesc:")
_PAGES = frozenset({".html", ".htm", ".xhtml"})
_BESIDE = ("_files", "_fichiers", ".files")  # endings of the folder that a browser saves beside a page
_NUMBER = re.compile(r"-\d{1,4}$")  # a second page of an institution: <id>-2.html
_READING = {errno.ENOENT: "saved.missing", errno.ENOTDIR: "saved.missing"}


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file: its name without folder, its SHA-256, when it was saved (UTC), and one page or an ``archive``."""

    name: str
    sha256: str
    saved_at: datetime
    urls: tuple[str, ...] = ()  # of its HTML pages; none of a page that does not give its address
    content_type: str = ""
    body: bytes = b""
    archive: WarcArchive | None = None

    async def page(self, url: str, want: Want) -> Answer:
        """Return the page if *url* is its address; raise FetchError ``no_capture`` otherwise."""
        if want is not Want.PAGE or urls.visit_key(url) not in map(urls.visit_key, self.urls):
            raise FetchError(url, Detail.NO_CAPTURE, "this page was not saved")
        return Answer(self.urls[0], 200, {"content-type": self.content_type}, self.body, self.saved_at)


Note = Callable[[str], None]  # takes a line for the user
Keep = Callable[[SavedFile, Answer], str]  # WarcWriter.keep_saved


def read_saved(
    paths: Sequence[Path], limits: Limits, note: Note, lang: Language = "fr", *, strict: bool = False
) -> list[SavedFile]:
    """Read the files at *paths*, including all files in folders.

    *note* gets a line for each damaged record and for each file that is not a saved page; if *strict*, such a file
    raises StoreError. So does a path that cannot be read.
    """
    found: list[SavedFile] = []
    for given in paths:
        with explaining(given, lang, _READING, "saved.cannot_read"):
            for path in _files_of(given, lang):
                try:
                    found.append(_read_file(path, limits, note, lang))
                except RefusedError as error:
                    line = say("saved.refused", lang, file=shown(str(path)), what=say(str(error), lang))
                    if strict:
                        raise StoreError(line) from None
                    note(line)
    return found


def _files_of(path: Path, lang: Language) -> list[Path]:
    """Return the files to read at *path*, without hidden files and the images beside a page; raise OSError."""

    def give_up(error: OSError) -> None:
        raise error

    found = [] if path.is_dir() else [path]
    for folder, folders, names in os.walk(path, onerror=give_up) if not found else ():
        files = [Path(folder, name) for name in sorted(names) if not name.startswith(".")]
        found += [file for file in files if file.is_file() and not file.is_symlink()]
        beside = {file.stem + ending for file in files if file.suffix.lower() in _PAGES for ending in _BESIDE}
        folders[:] = sorted(name for name in folders if name not in beside and not name.startswith("."))
        if len(found) > _MAX_FILES:
            raise StoreError(say("saved.too_many", lang, file=shown(str(path)), most=_MAX_FILES))
    return found


def is_archive(path: Path) -> bool:
    """Return whether the file at *path* begins like a WARC, ARC or WACZ file, gzipped or not."""
    with path.open("rb") as file:
        return file.read(16).startswith(_ARCHIVES)


def _read_file(path: Path, limits: Limits, note: Note, lang: Language) -> SavedFile:
    """Read the file at *path*; raise RefusedError and OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    status = path.stat()
    found = SavedFile(path.name, digest, datetime.fromtimestamp(status.st_mtime, UTC))
    if is_archive(path):
        try:
            archive = WarcArchive.open([path], limits, lang=lang)
        except StoreError:
            raise RefusedError("saved.archive") from None
        pages = dict(archive.html_pages())
        if not pages:
            raise RefusedError("saved.no_page")
        for line in archive.damage:
            note(line)
        return replace(found, saved_at=max(pages.values()), urls=tuple(pages), archive=archive)
    if status.st_size > _MAX_FILE:
        raise RefusedError("saved.too_large")
    url, saved_at, charset, body = read_document(path.read_bytes())
    for folder in (path.with_name(path.stem + ending) for ending in _BESIDE):
        for frame in sorted(folder.glob("*.htm*"))[:MAX_FRAMES]:  # the page calls it ./Page_files/frame.html
            with frame.open("rb") as file:
                address, _ = origin_of(file.read(_HEAD))
            if address:
                body = put_back(body, f"./{folder.name}/{frame.name}", address)
                body = put_back(body, f"./{quote(folder.name)}/{quote(frame.name)}", address)
    if len(body) > limits.max_bytes:
        raise RefusedError("saved.too_large")
    own, content_type = (url,) if url else (), f"text/html; charset={charset}" if charset else "text/html"
    return replace(found, saved_at=saved_at or found.saved_at, urls=own, content_type=content_type, body=body)


@dataclass(slots=True)
class SavedVisit:
    """The saved pages of one institution, read in one visit: single pages, each with an address, then archives."""

    institution: Institution
    files: list[SavedFile] = field(default_factory=list)

    @property
    def site(self) -> Institution:
        """The institution, with the hosts of pages that were matched by file name only."""
        own = OwnHosts(self.institution)
        foreign = [urls.host_of(file.urls[0]) for file in self.files if not any(map(own.contains, file.urls))]
        return replace(self.institution, alt_hosts=(*self.institution.alt_hosts, *dict.fromkeys(foreign)))

    def choices(self, limits: Limits) -> tuple[Choice, ...]:
        """Return the pages to read, the homepage first; () if an archive holds enough for the frontier to choose."""
        own, home = OwnHosts(self.site), urls.visit_key(self.institution.url)
        single = [url for file in self.files if not file.archive for url in file.urls]
        held = [url for file in self.files if file.archive for url in file.urls if own.contains(url)]
        if len(held) > limits.max_pages and not single and home in map(urls.visit_key, held):
            return ()
        pages: dict[str, str] = {}
        for url in (*single, *held[: limits.max_pages]):
            pages.setdefault(urls.visit_key(url), url)
        ordered = sorted(pages, key=lambda key: (key != home, "/" in key))[:_MAX_PAGES]
        roles = [PageRole.HOME, *[PageRole.ABOUT] * _MAX_PAGES]
        return tuple(Choice(pages[key], role, "saved") for key, role in zip(ordered, roles, strict=False))

    def add(self, file: SavedFile, note: Note, lang: Language) -> None:
        """Add *file* in place of an earlier one of the same page."""
        home = self.institution.url
        held = {urls.visit_key(each.urls[0]): each for each in self.files}
        if not file.urls:  # the homepage or, if that was saved too, an address made of the file's name
            is_free = urls.visit_key(home) not in held
            url = home if is_free else urls.absolute(home, f"/?saved={quote(file.name)}") or home
            file = replace(file, urls=(url,))
        if not file.archive and (earlier := held.get(urls.visit_key(file.urls[0]))):
            self.files.remove(earlier)
            note(say("saved.twice", lang, file=shown(earlier.name), url=file.urls[0], other=shown(file.name)))
        self.files.append(file)

    def source(self, limits: Limits, keep: Keep | None = None) -> Source:
        """Return the pages as a site; *keep* gets each page that is read."""
        return Site(self.site, saved_fetch(self.files, keep), limits, terms=REPLAY)


def saved_fetch(files: Sequence[SavedFile], keep: Keep | None = None) -> Fetch:
    """Return a fetch of the pages in *files*, all of one site; *keep* gets each page that is read."""
    fetches = [(file, file.archive.fetch() if file.archive else file.page) for file in files]

    async def fetched(url: str, want: Want) -> Answer:
        for file, fetch in fetches:
            try:
                answer = await fetch(url, want)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                continue
            if keep and want is Want.PAGE and answer.body:
                return replace(answer, record_id=keep(file, answer))
            return answer
        raise FetchError(url, Detail.NO_CAPTURE, "this page was not saved")

    return fetched


def match_saved(
    files: Sequence[SavedFile], institutions: Sequence[Institution], note: Note, lang: Language = "fr"
) -> dict[str, SavedVisit]:
    """Return the visits by id of the institution; *note* gets a line for each file that is left out.

    A page is matched by its address, otherwise by its file name: ``<id>`` or ``<id>-2``. If several institutions share
    the registrable domain of the address, the file name decides, then the exact host; otherwise the page is left out.
    An archive may hold pages of several institutions.
    """
    visits: dict[str, SavedVisit] = {}
    by_id = {institution.id: institution for institution in institutions}
    sites = [(institution, OwnHosts(institution)) for institution in institutions]

    def owners_of(url: str, stem: str) -> list[Institution]:
        fits = [institution for institution, hosts in sites if url and hosts.contains(url)]
        named = by_id.get(stem) or by_id.get(_NUMBER.sub("", stem))
        if named and (not fits or named in fits):
            return [named]
        exact = [item for item in fits if urls.pace_key(item.url) == urls.pace_key(url)]
        return exact if len(exact) == 1 else fits

    pages = sorted((file for file in files if not file.archive), key=lambda file: (not file.urls, file.saved_at))
    for file in (*pages, *(file for file in files if file.archive)):
        stem = file.name.partition(".")[0].lower()
        hosts = dict.fromkeys(map(urls.host_of, file.urls))
        asked = [f"https://{host}/" for host in hosts] if file.archive else file.urls or [""]
        owners = {item.id: item for url in asked for item in owners_of(url, stem)}
        if not owners or (len(owners) > 1 and not file.archive):
            key = "saved.fits_several" if owners else "saved.fits_none" if file.urls else "saved.no_address"
            note(say(key, lang, file=shown(file.name), url="".join(file.urls[:1]), ids=", ".join(owners)))
            continue
        for institution in owners.values():
            visits.setdefault(institution.id, SavedVisit(institution)).add(file, note, lang)
    return visits
