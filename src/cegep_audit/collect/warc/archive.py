"""WARC files as a source of pages: an index of what they hold in memory, bodies read when they are asked for.

What was wrong with a file is told in :attr:`WarcArchive.damage`; what could be read of it is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Self

from cegep_audit.collect.archive.uri_m import Period
from cegep_audit.collect.warc.archived_site import Answer, ArchivedSite, Drawn
from cegep_audit.collect.warc.captures import Capture, Captures
from cegep_audit.collect.warc.heads import DRAWN_BY, DRAWN_FOR, HEAD_BYTES, Damage, Fault, Head, parse_head
from cegep_audit.collect.warc.index import Found, Stretch, captures_of, fields_of, go_through, parse_date, telling
from cegep_audit.collect.warc.members import SeveralRecordsError
from cegep_audit.collect.warc.payload import Response, parse_response
from cegep_audit.collect.warc.records import RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, Limits, Rendering, Source
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown
from cegep_audit.vocabulary import Detail, Need

_MAX_DAMAGE = 20  # lines a file; one with more faults is better made again than read about

_NOT_MODIFIED = 304

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
        parts = [Stretch(path, file) for file, path in enumerate(paths)]
        return cls.of(parts, (go_through(part, lang) for part in parts), limits, period=period, lang=lang)

    @classmethod
    def of(
        cls,
        parts: Sequence[Stretch],
        founds: Iterable[Found],
        limits: Limits | None = None,
        *,
        period: Period | None = None,
        lang: Language = "fr",
    ) -> Self:
        """Return the archive of the files that *parts* are of, whole and in order, where *founds* were found.

        Raises as :meth:`open` does.
        """
        archive = cls(limits or Limits(), lang, period)
        for _, each in groupby(zip(parts, founds, strict=True), key=lambda pair: pair[0].file):
            archive._add(list(each))
        return archive

    @asynccontextmanager
    async def open_source(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the site of *institution* as the archive holds it: an :data:`~cegep_audit.models.OpenSource`."""
        near = self._period.noon if self._period else None
        yield ArchivedSite(institution, self._captures, self._answer, self._limits, near)

    # -------------------------------------------------------------------------------- the index

    def _add(self, parts: Sequence[tuple[Stretch, Found]]) -> None:
        """Take in the next file, of which these are all the stretches, with what was found in each."""
        first, path = parts[0][0], parts[0][0].path
        founds = [found for _, found in parts]
        with telling(path, self._lang):
            file = RecordFile(path)
            if _are_torn(founds):
                founds = [_whole(file, replace(first, end=None))]
        if not any(found.records for found in founds):
            raise StoreError(say("warc.not_warc", self._lang, file=shown(str(path))))
        self._files.append(file)
        for found in founds:
            for capture, mark in found.captures:
                self._take_in(capture, mark)
        damage = dict.fromkeys(damage for found in founds for damage in found.damage)
        self.damage += _lines(path, list(damage), self._lang)

    def _take_in(self, capture: Capture, mark: str) -> None:
        if capture.kind == "drawn":
            self._drawn[mark] = capture
            return
        if not (self._period and self._period.refusal(capture.at)):
            self._captures.add([capture])
        if mark and capture.kind == "response":
            self._by_digest.setdefault(mark, capture)

    # -------------------------------------------------------------------------------- one record

    def _answer(self, capture: Capture) -> Answer:
        """Read what *capture* holds; of a body not much more than the limit, so that none fills the memory."""
        head, block = self._block(capture)
        if head is None:
            return Answer(None, detail=Detail.CUT_SHORT, message="the archive's record is damaged")
        record_id = head.headers.get_header("WARC-Record-ID")
        if capture.kind == "failure":
            fields = fields_of(block)
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
        rendering = Rendering(header(DRAWN_BY) or "", needs)
        return Drawn(header("WARC-Record-ID"), capture.url, header("Content-Type") or "", body, rendering)

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


def _are_torn(founds: Sequence[Found]) -> bool:
    """Whether stretches of one file do not add up to what the whole file holds."""
    fit = all(later.first == former.after for former, later in pairwise(founds))
    return not fit or any(found.is_broken_off for found in founds)


def _whole(file: RecordFile, stretch: Stretch) -> Found:
    """Return what the whole *file* holds, unpacked for good where its records cannot be found otherwise."""
    try:
        return captures_of(file, stretch)
    except SeveralRecordsError:
        unpacked = Found()
        file.unpack(unpacked.damage.append)
        found = captures_of(file, stretch)
        return replace(found, damage=unpacked.damage + found.damage)


def _lines(path: Path, damage: Sequence[Damage], lang: Language) -> Iterator[str]:
    file = shown(str(path))
    for item in damage[:_MAX_DAMAGE]:
        yield say("warc.damage", lang, file=file, offset=item.offset, what=say(_FAULTS[item.fault], lang))
    if len(damage) > _MAX_DAMAGE:
        yield say("warc.more_damage", lang, file=file, count=len(damage) - _MAX_DAMAGE)
