"""Which captures WARC and ARC files hold, and where.

Each file is indexed by itself, possibly in another process; the indexes of several files make up one archive.
"""

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from cegep_audit import urls
from cegep_audit.collect.warc.members import Damage
from cegep_audit.collect.warc.records import Record, RecordFile, SeveralRecordsError
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

# Header fields of our own, which WARC 1.1 (section 5) allows. The first two mark a ``conversion`` that our browser
# rendered, since other programs use that type for extracted text. The third marks a file that a page loaded while it
# was rendered. The last two name the saved file that a ``resource`` was copied from.
RENDERED_BY = "Cegep-Audit-Rendered-By"
RENDERED_FOR = "Cegep-Audit-Rendered-For"
ASSET = "Cegep-Audit-Asset"
SAVED_AS = "Cegep-Audit-Saved-As"
SAVED_DIGEST = "Cegep-Audit-Saved-Digest"

_MAX_DAMAGE = 20  # lines a file; one with more faults is better made again than read about
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
    """A record that answers for ``url``; its place is that of a :class:`~cegep_audit.collect.warc.records.Record`.

    ``mark`` is how other records refer to it: the digest of its payload or, for a rendered page, the id of the record
    that was rendered; "" without one.
    """

    url: str
    at: datetime
    kind: Kind
    file: RecordFile
    offset: int
    block_at: int
    size: int
    is_whole: bool
    mark: str = ""

    @property
    def has_payload(self) -> bool:
        """Whether the record itself holds a page."""
        return self.kind in {"response", "resource"}


class Found(NamedTuple):
    """The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""

    captures: list[Capture]
    damage: list[str]


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError with the sentence for its number in *keys*, or *other*.

    The sentence names the file of the error, or *path* if the error names none.
    """
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        file = shown(str(error.filename or path))
        raise StoreError(say(key, lang, file=file, reason=error.strerror or str(error))) from error


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, including each of those inside a WACZ; raise StoreError, said in *lang*."""
    found: list[RecordFile] = []
    for path in paths:
        with explaining(path, lang):
            entries = _entries_of(path)
        if not entries:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, entry) for entry in entries]
    return found


def _entries_of(path: Path) -> list[str]:
    """Return the names of the WARC files in a WACZ, [""] for a file that is not a ZIP; raise OSError."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return [""]
        try:
            return [name for name in zipfile.ZipFile(file).namelist() if _IN_WACZ.fullmatch(name)]
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return []


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return the index of *file*; raise StoreError, said in *lang*, if it cannot be read or holds no record."""
    damage: Damage = []
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        try:
            captures = list(_captures_of(file, damage))
        except SeveralRecordsError:
            damage.clear()
            file = replace(file, is_packed=True)
            captures = list(_captures_of(file, damage))
    if not captures:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return Found([capture for capture in captures if capture], lines)


def _captures_of(file: RecordFile, damage: Damage) -> Iterator[Capture | None]:
    """Yield a capture for each record of *file*, None for a record of another kind; note the *damage*."""
    # A record without a readable date gets the time of the record before it, the first one that of the file.
    at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
    for record in file.records(damage):
        at = parse_date(record.get("WARC-Date")) or at
        kind = _kind(record)
        url = record.get("WARC-Target-URI").strip("<> ") if kind else ""
        if kind is None or urls.split(url) is None:
            yield None
            continue
        mark = record.get("WARC-Refers-To" if kind == "rendered" else "WARC-Payload-Digest")
        place = (record.offset, record.block_at, record.size, record.is_whole)
        yield Capture(url, at, kind, file, *place, mark)


def _kind(record: Record) -> Kind | None:
    """Return the kind of capture of *record*; None for requests, assets and the notes of other programs."""
    if record.get(ASSET):
        return None
    if record.type == "conversion":
        return "rendered" if record.get(RENDERED_BY) and record.get("WARC-Refers-To") else None
    if record.type == "metadata":
        return "failure" if "detail" in fields_of(record.glance) else None
    return _PAGES.get(record.type)


def fields_of(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}


def parse_date(text: str) -> datetime | None:
    """Return a ``WARC-Date`` in UTC, None if it is not a date. WARC 1.1 allows any precision from the year on."""
    text = text.strip().removesuffix("Z")
    try:
        found = datetime.fromisoformat(text + _FIRST_DAY.get(len(text), ""))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
