"""Which captures WARC and ARC files hold, where they are, and which of them is the page at a given time.

Files can be gone through separately, by other processes too; together they are an archive.

An address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they met. Of several captures of one address, the latest is the
page. Where a time is given, it is the last of those within a day of it (a crawl that asks again, after an error or an
interruption, uses the last answer), else the nearest.
"""

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from cegep_audit import urls
from cegep_audit.collect.warc.members import Damage
from cegep_audit.collect.warc.records import Record, RecordFile, SeveralRecordsError
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

# Header fields of our own, as WARC 1.1 (section 5) lets a writer add them. The first two mark a ``conversion`` that our
# browser rendered: other programs keep extracted text under that name. The third marks what a page loaded meanwhile.
# The last two say from which file of a person's a ``resource`` was copied.
RENDERED_BY = "Cegep-Audit-Rendered-By"
RENDERED_FOR = "Cegep-Audit-Rendered-For"
ASSET = "Cegep-Audit-Asset"
SAVED_AS = "Cegep-Audit-Saved-As"
SAVED_DIGEST = "Cegep-Audit-Saved-Digest"

_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed
_UNSAFE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]~\w.-]", re.ASCII)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")

_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_FIRST_DAY = {4: "-01-01", 7: "-01"}  # of a year or month, by the length of what is written of it

_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    errno.EACCES: "warc.not_allowed",
    errno.EPERM: "warc.not_allowed",
}


Kind = Literal["response", "resource", "revisit", "failure", "rendered"]
_PAGES: dict[str, Kind] = {"response": "response", "resource": "resource", "revisit": "revisit"}


@dataclass(frozen=True, slots=True)
class Capture:
    """One record that answers for *url*, at a place as in :class:`~cegep_audit.collect.warc.records.Record`.

    ``file`` is the number of its file, ``block_at`` the length of its headers. ``mark`` is what other records know it
    by: the digest of its payload or, of a rendered page, the name of the record that was rendered; "" for nothing.
    """

    url: str
    at: datetime
    kind: Kind
    file: int
    offset: int
    block_at: int
    size: int
    is_whole: bool
    mark: str = ""

    @property
    def has_payload(self) -> bool:
        """Whether the record itself holds a page."""
        return self.kind in {"response", "resource"}


@dataclass(slots=True)
class Found:
    """What a *file* holds: its captures in file order; ``records`` counts records of every kind."""

    file: RecordFile
    captures: list[Capture] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    records: int = 0


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, those inside a WACZ each by itself; raise StoreError, said in *lang*."""
    found: list[RecordFile] = []
    for path in paths:
        with explaining(path, lang):
            entries = _entries_of(path)
        if not entries:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, number, entry) for number, entry in enumerate(entries, len(found))]
    return found


def _entries_of(path: Path) -> list[str]:
    """Return the names of the WARC files in a WACZ, [""] for a file that is none; raise OSError."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if _IN_WACZ.fullmatch(name)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError: the sentence of its number in *keys*, or *other*."""
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        raise StoreError(say(key, lang, file=shown(str(path)), reason=error.strerror or str(error))) from error


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return what *file* holds; raise StoreError, one line in *lang*, where it cannot be read."""
    with explaining(file.path, lang):
        try:
            return _captures_of(file)
        except SeveralRecordsError:
            return _captures_of(replace(file, is_packed=True))


def _captures_of(file: RecordFile) -> Found:
    found = Found(file)
    # A record without a readable date has the time of the one before it, the first that of the file's last change.
    at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
    for record in file.records(found.damage.append):
        found.records += 1
        at = parse_date(record.head.get("WARC-Date")) or at
        kind = _kind(record)
        url = record.head.get("WARC-Target-URI").strip("<> ") if kind else ""
        if kind and urls.split(url):
            place = (record.offset, record.head.length, record.size, record.is_whole)
            mark = record.head.get("WARC-Refers-To" if kind == "rendered" else "WARC-Payload-Digest")
            found.captures.append(Capture(url, at, kind, file.number, *place, mark))
    return found


def _kind(record: Record) -> Kind | None:
    """Return what kind of capture *record* is, None for what is no page: requests, assets, others' notes."""
    head = record.head
    if head.get(ASSET):
        return None
    if head.type == "conversion":
        return "rendered" if head.get(RENDERED_BY) and head.get("WARC-Refers-To") else None
    if head.type == "metadata":
        return "failure" if "detail" in fields_of(record.glance) else None
    return _PAGES.get(head.type)


def fields_of(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}


def parse_date(text: str) -> datetime | None:
    """Return a ``WARC-Date``, None where it is none. WARC 1.1 lets it end anywhere after the year."""
    text = text.strip().removesuffix("Z")
    try:
        found = datetime.fromisoformat(text + _FIRST_DAY.get(len(text), ""))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


class Captures:
    """The captures of an archive by address."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Capture]] = {}

    def add(self, capture: Capture) -> None:
        """Add the next *capture* of the archive."""
        self._by_key.setdefault(_key(capture.url), []).append(capture)

    def all(self) -> Iterator[Capture]:
        """Yield every capture, those of one address together."""
        for captures in self._by_key.values():
            yield from captures

    def of(self, url: str, near: datetime | None, *, exact: bool = False) -> Iterator[Capture]:
        """Yield the capture of *url* to use at the time *near*, then those of its other spellings, the nearest first.

        A failure that a crawler noted counts only for its own spelling, and where no spelling has an answer. With
        *exact*, no other spelling counts: the rules of a robots.txt hold for one origin.
        """
        spellings: dict[int, list[Capture]] = {}
        failures: list[Capture] = []
        for capture in self._by_key.get(_key(url), ()):
            differences = _differences(capture.url, url)
            if not differences or not (exact or capture.kind == "failure"):
                held = failures if capture.kind == "failure" else spellings.setdefault(differences, [])
                held.append(capture)
        for captures in [spellings[key] for key in sorted(spellings)] or [failures]:
            if captures:
                yield _nearest(captures, near)

    def payload_of(self, url: str, at: datetime | None) -> Capture | None:
        """Return the response captured of *url* at exactly *at*, None for none; at any time where *at* is None."""
        held = [item for item in self._by_key.get(_key(url), ()) if item.has_payload and (at is None or item.at == at)]
        return min(reversed(held), key=lambda item: _differences(item.url, url), default=None)


def is_same_page(one: str, other: str) -> bool:
    """Return whether two addresses are spellings of one."""
    return _key(one) == _key(other)


def _key(url: str) -> str:
    """Return what all spellings of one address share, also those with other percent escapes."""
    key = urls.visit_key(url)
    if not _UNSAFE.search(key):
        return key
    return quote(_ESCAPE.sub(lambda found: _unescaped(found[0]), key), safe="!#$&'()*+,/:;=?@[]~%")


def _unescaped(escape: str) -> str:
    """Return the character of *escape* where it needs none (RFC 3986, section 2.3), else the escape in upper case."""
    char = chr(int(escape[1:], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape.upper()


def _nearest(captures: list[Capture], near: datetime | None) -> Capture:
    if near is not None:
        of_crawl = [item for item in captures if abs(item.at - near) <= _SAME_CRAWL]
        if not of_crawl:
            return min(captures, key=lambda item: abs(item.at - near))
        captures = of_crawl
    return max(reversed(captures), key=lambda item: item.at)  # of equal times, the last in the file


def _differences(one: str, other: str) -> int:
    """Return in how many parts two spellings of one address differ: scheme, host, path."""
    parts = zip(urls.crawl_key(one).split("/", 3), urls.crawl_key(other).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)
