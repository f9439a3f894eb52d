"""Which captures WARC and ARC files hold, and where.

Each file is indexed by itself, possibly in another process; the indexes of several files make up one archive.
"""

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.http.body import BodyError
from cegep_audit.collect.warc.members import GLANCE_BYTES, Damage, starts_record
from cegep_audit.collect.warc.records import ASSET, RENDERED_BY, Record, RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown
from cegep_audit.vocabulary import Detail

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


@dataclass(frozen=True, slots=True)
class Capture:
    """A *record* of *file* that answers for ``url``, made ``at`` a time in UTC.

    That is a page, a failure that this program noted (``metadata``), or what its browser rendered (``conversion``).
    """

    url: str
    at: datetime
    file: RecordFile
    record: Record

    @property
    def kind(self) -> str:
        """The type of the record."""
        return self.record.get("WARC-Type")

    @property
    def has_payload(self) -> bool:
        """Whether the record itself holds a page."""
        return self.kind in {"response", "resource"}

    def block(self, most: int) -> bytes:
        """Return at most *most* bytes of the block; raise BodyError if the file has changed."""
        data = self.file.start(self.record, most)
        if not starts_record(data):
            raise BodyError(Detail.CUT_SHORT, "the archive's record is damaged")
        return data[self.record.block_at :]

    def counts(self) -> bool:
        """Return False for requests, what a page loaded while it was rendered, and the notes of other programs."""
        get = self.record.get
        if self.kind == "conversion":
            return bool(get(RENDERED_BY) and get("WARC-Refers-To"))
        if self.kind == "metadata" and not get(ASSET):
            return "detail" in fields_of(self.file.start(self.record, GLANCE_BYTES)[self.record.block_at :])
        return self.kind in {"response", "resource", "revisit"} and not get(ASSET)


Found = tuple[list[Capture], list[str]]
"""The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""


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
        names = [""]
        with explaining(path, lang), path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP:
                names = []
                with suppress(zipfile.BadZipFile, ValueError, NotImplementedError):
                    names = list(filter(_IN_WACZ.fullmatch, zipfile.ZipFile(file).namelist()))
        if not names:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, name) for name in names]
    return found


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return the index of *file*; raise StoreError, said in *lang*, if it cannot be read or holds no record."""
    damage: Damage = []
    captures: list[Capture] = []
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        # A record without a readable date gets the time of the record before it, the first one that of the file.
        at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
        records = file.records(damage)
        for record in records:
            at = parse_date(record.get("WARC-Date")) or at
            captures.append(Capture(record.url, at, file, record))
        captures = [capture for capture in captures if capture.counts() and urls.split(capture.url)]
    if not records:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return captures, lines


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
