"""WARC files as a source of pages: an index of what they hold in memory, bodies read when they are asked for.

What was wrong with a file is told in :attr:`WarcArchive.damage`; what could be read of it is used.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cegep_audit import urls
from cegep_audit.collect.archived_site import Answer, ArchivedSite, Drawn
from cegep_audit.collect.captures import Capture, Captures, Kind
from cegep_audit.collect.uri_m import Period
from cegep_audit.collect.warc_heads import (
    ASSET,
    DRAWN_BY,
    DRAWN_FOR,
    HEAD_BYTES,
    Damage,
    Fault,
    Head,
    Record,
    parse_head,
)
from cegep_audit.collect.warc_members import SeveralRecordsError, Tell
from cegep_audit.collect.warc_payload import Response, parse_response
from cegep_audit.collect.warc_records import RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.messages import Language, say, shown
from cegep_audit.models import Drawing, Institution, Limits, Source
from cegep_audit.vocabulary import Detail, Need

_MAX_DAMAGE = 20  # lines a file; one with more faults is better made again than read about

# WARC 1.1 allows a date to end anywhere after its year, and up to nine digits after the point.
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?)?Z?")
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_NOT_MODIFIED = 304

_COMPLAINTS: dict[type[OSError], str] = {
    FileNotFoundError: "warc.missing",
    IsADirectoryError: "warc.directory",
    PermissionError: "warc.not_allowed",
}
_FAULTS: dict[Fault, str] = {
    "cut": "warc.cut",
    "broken": "warc.broken",
    "length": "warc.length",
    "noise": "warc.noise",
}


class WarcArchive:
    """The captures of one or several WARC files."""

    def __init__(self, limits: Limits, lang: Language, period: Period | None = None) -> None:
        self.damage: list[str] = []  # one line a fault: file, byte and what is wrong, for a person
        self._captures = Captures()
        self._by_digest: dict[str, Capture] = {}  # the first response with each payload: what revisits refer to
        self._drawn: dict[str, Capture] = {}  # what a browser drew, by the name of the record that it drew it of
        self._files: list[RecordFile] = []
        self._limits = limits
        self._lang = lang
        self._period = period

    @classmethod
    def open(
        cls,
        paths: Sequence[Path],
        limits: Limits | None = None,
        *,
        period: Period | None = None,
        lang: Language = "fr",
    ) -> Self:
        """Read where the records of all *paths* stand; with a *period*, of the captures in its range, nearest first.

        WARC 0.17 to 1.1 and ARC are read, as they are, gzipped by record or as a whole. Raises StoreError, one
        line in *lang*, for a file that cannot be read or holds no record.
        """
        archive = cls(limits or Limits(), lang, period)
        for path in paths:
            try:
                archive._add(path)
            except OSError as error:
                raise StoreError(_complaint(path, error, lang)) from error
        return archive

    @asynccontextmanager
    async def open_source(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the site of *institution* as the archive holds it: an :data:`~cegep_audit.models.OpenSource`."""
        near = self._period.noon if self._period else None
        yield ArchivedSite(institution, self._captures, self._answer, self._limits, near)

    # -------------------------------------------------------------------------------- the index

    def _add(self, path: Path) -> None:
        file = RecordFile(path)
        modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        damage: list[Damage] = []
        try:
            records = list(self._read(file, modified, damage.append))
        except SeveralRecordsError:
            damage.clear()
            file.unpack(damage.append)
            records = list(self._read(file, modified, damage.append))
        if not records:
            raise StoreError(say("warc.not_warc", self._lang, file=shown(str(path))))
        self._files.append(file)
        for capture, mark in records:
            if capture:
                self._take_in(capture, mark)
        self.damage += _lines(path, damage, self._lang)

    def _take_in(self, capture: Capture, mark: str) -> None:
        if capture.kind == "drawn":
            self._drawn[mark] = capture
            return
        if not (self._period and self._period.refusal(capture.at)):
            self._captures.add([capture])
        if mark and capture.kind == "response":
            self._by_digest.setdefault(mark, capture)

    def _read(self, file: RecordFile, modified: datetime, tell: Tell) -> Iterator[tuple[Capture | None, str]]:
        """Yield the capture that each record of *file* is, None for those that are none, with what it is known by.

        That is its payload's digest, or of a drawn page the name of the record that it was drawn of.
        A record without a readable date counts as of the one before it, the first as of when the file was *modified*.
        """
        at = modified
        for record in file.records(tell):
            headers = record.head.headers
            at = parse_date(headers.get_header("WARC-Date") or "") or at
            kind = _kind(record)
            url = (headers.get_header("WARC-Target-URI") or "").strip("<> ")
            if kind is None or urls.split(url) is None:
                yield None, ""
                continue
            capture = Capture(
                url, at, kind, len(self._files), record.offset, record.block_at, record.size, record.is_whole
            )
            yield capture, headers.get_header("WARC-Refers-To" if kind == "drawn" else "WARC-Payload-Digest") or ""

    # -------------------------------------------------------------------------------- one record

    def _answer(self, capture: Capture) -> Answer:
        """Read what *capture* holds; of a body not much more than the limit, so that none fills the memory."""
        head, block = self._block(capture)
        if head is None:
            return Answer(None, detail=Detail.CUT_SHORT, message="the archive's record is damaged")
        record_id = head.headers.get_header("WARC-Record-ID")
        if capture.kind == "failure":
            fields = _fields(block)
            return Answer(record_id, None, "", fields["detail"], fields.get("message", ""))
        response = parse_response(block)
        if capture.kind == "revisit":
            response = self._revisited(capture, head, response)
            if response is None:
                message = "the archive holds only a reference to a capture that it does not hold"
                return Answer(record_id, detail=Detail.NO_CAPTURE, message=message)
        truncated = (head.headers.get_header("WARC-Truncated") or "").lower()
        return Answer(record_id, response, truncated, drawn=self._drawn_of(record_id))

    def _drawn_of(self, record_id: str | None) -> Drawn | None:
        """Return what a browser drew of a record, None where it drew nothing, or more than the limit."""
        capture = self._drawn.get(record_id or "")
        if capture is None or not capture.is_whole or capture.size > self._limits.max_bytes:
            return None
        head, body = self._block(capture)
        if head is None:
            return None
        header = head.headers.get_header
        needs = tuple(Need(word) for word in (header(DRAWN_FOR) or "").split() if word in set(Need))
        drawing = Drawing(header(DRAWN_BY) or "", needs)
        return Drawn(header("WARC-Record-ID"), capture.url, header("Content-Type") or "", body, drawing)

    def _block(self, capture: Capture) -> tuple[Head | None, bytes]:
        most = capture.block_at + min(capture.size, HEAD_BYTES + self._limits.max_bytes + 1)
        data = self._files[capture.file].block(capture.offset, 0, most)
        return parse_head(data), data[capture.block_at :]

    def _revisited(self, capture: Capture, head: Head, own: Response | None) -> Response | None:
        """Return the response that a revisit record stands for: its own headers, the payload it refers to."""
        headers = head.headers
        url = (headers.get_header("WARC-Refers-To-Target-URI") or capture.url).strip("<> ")
        at = parse_date(headers.get_header("WARC-Refers-To-Date") or "")
        digest = headers.get_header("WARC-Payload-Digest") or ""
        source = self._captures.response_to(url, at) if at else None
        source = source or self._by_digest.get(digest) or self._captures.response_to(url, capture.at)
        former = parse_response(self._block(source)[1]) if source and source.is_whole else None
        if former is None or own is None or own.status == _NOT_MODIFIED:
            return former
        return Response(own.status, own.headers, former.payload)


def _kind(record: Record) -> Kind | None:
    """Return what kind of capture *record* is, None where it is none.

    None are requests, what a browser loaded to draw a page, notes and conversions of others, other protocols.
    """
    header = record.head.headers.get_header
    if header(ASSET):
        return None
    if record.head.type == "conversion":
        return "drawn" if header(DRAWN_BY) and header("WARC-Refers-To") else None
    if record.head.type == "metadata":
        return "failure" if "detail" in _fields(record.glance) else None
    kinds: dict[str, Kind] = {"response": "response", "revisit": "revisit"}
    return kinds.get(record.head.type)


def _fields(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}


def parse_date(text: str) -> datetime | None:
    """Return a ``WARC-Date``, what it leaves out taken as its least; None where it is none."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups("")
    date = f"{year}-{month or '01'}-{day or '01'}"
    time = f"{hour or '00'}:{minute or '00'}:{second or '00'}.{fraction[:6].ljust(6, '0')}"
    try:
        return datetime.fromisoformat(f"{date}T{time}+00:00")
    except ValueError:
        return None


def _complaint(path: Path, error: OSError, lang: Language) -> str:
    key = _COMPLAINTS.get(type(error), "warc.cannot_read")
    return say(key, lang, file=shown(str(path)), reason=error.strerror or str(error))


def _lines(path: Path, damage: Sequence[Damage], lang: Language) -> Iterator[str]:
    file = shown(str(path))
    for item in damage[:_MAX_DAMAGE]:
        yield say("warc.damage", lang, file=file, offset=item.offset, what=say(_FAULTS[item.fault], lang))
    if len(damage) > _MAX_DAMAGE:
        yield say("warc.more_damage", lang, file=file, count=len(damage) - _MAX_DAMAGE)
