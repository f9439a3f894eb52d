"""WARC files as a port: an index in memory, and bodies that are read when they are asked for.

An address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they found. Of several captures of one address, the latest counts.
If a time is given, the last capture within a day of it counts (a crawl that repeats a request after an error or an
interruption uses the last answer), otherwise the nearest one.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Self

from cegep_audit import urls
from cegep_audit.collect.archive.uri_m import Period
from cegep_audit.collect.http.body import BodyError
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import REPLAY, Answer, Source, Want
from cegep_audit.collect.site import Site
from cegep_audit.collect.warc import index
from cegep_audit.collect.warc.index import Capture, Found
from cegep_audit.collect.warc.payload import Response, beginning_of, body_of, parse_response
from cegep_audit.collect.warc.records import HEAD_BYTES, Record, parse_head
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Rendering
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import MAY_CHALLENGE, REDIRECTS, Detail, Need

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed


class WarcArchive:
    """The captures of one or more WARC files; ``damage`` has a line for each damage: file, byte and what is wrong."""

    def __init__(self, founds: Iterable[Found], limits: Limits, period: Period | None = None) -> None:
        """Join *founds*, the indexes of the files in order; with a *period*, only captures in its range count."""
        self.damage: list[str] = []
        self._by_key: dict[str, list[Capture]] = {}  # by visit key, which all spellings of an address share
        self._by_digest: dict[str, Capture] = {}  # the first response with each payload: what revisits refer to
        self._rendered: dict[str, Capture] = {}  # what a browser rendered, by the name of the record it came from
        self._limits = limits
        self._most = HEAD_BYTES + limits.max_bytes + 1  # bytes read of a block, a byte more than a body may have
        self._period = period
        for captures, damage in founds:
            self.damage += damage
            for capture in captures:
                self._take_in(capture)

    @classmethod
    def open(
        cls, paths: Sequence[Path], limits: Limits | None = None, period: Period | None = None, lang: Language = "fr"
    ) -> Self:
        """Index the files at *paths*: WARC 0.17 to 1.1 and ARC (plain, gzipped by record or as a whole), and WACZ.

        With a *period*, only captures in its range count, the nearest first. Raises StoreError, one line in *lang*,
        for a file that cannot be read or holds no record.
        """
        founds = (index.go_through(file, lang) for file in index.files_of(paths, lang))
        return cls(founds, limits or Limits(), period)

    def _take_in(self, capture: Capture) -> None:
        if capture.kind == "rendered":
            self._rendered[capture.mark] = capture
            return
        if not (self._period and self._period.refusal(capture.at)):
            self._by_key.setdefault(urls.visit_key(capture.url), []).append(capture)
        if capture.mark and capture.has_payload:
            self._by_digest.setdefault(capture.mark, capture)

    @asynccontextmanager
    async def open_source(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the archived site of *institution*: an :data:`~cegep_audit.collect.port.OpenSource`."""
        fetch = WarcFetch(self, self._period.noon if self._period else None)
        yield Site(institution, fetch, self._limits, terms=REPLAY)

    @property
    def captures(self) -> Iterator[Capture]:
        """Every capture, those of one address together."""
        return (capture for captures in self._by_key.values() for capture in captures)

    def captures_of(self, url: str, near: datetime | None, *, exact: bool = False) -> Iterator[Capture]:
        """Yield the capture of *url* that counts at the time *near*, then one for each of its other spellings.

        Spellings with fewer differences come first. A failure that a crawler noted counts only for its own spelling,
        and only if no spelling has an answer. With *exact*, other spellings do not count, because the rules of a
        robots.txt hold for one origin.
        """
        spellings: dict[int, list[Capture]] = {}
        failures: list[Capture] = []
        for capture in self._by_key.get(urls.visit_key(url), ()):
            differences = _differences(capture.url, url)
            if not differences or not (exact or capture.kind == "failure"):
                held = failures if capture.kind == "failure" else spellings.setdefault(differences, [])
                held.append(capture)
        for captures in [spellings[key] for key in sorted(spellings)] or [failures]:
            if captures:
                yield _nearest(captures, near)

    def _payload_of(self, url: str, at: datetime | None) -> Capture | None:
        """Return the response of *url* captured at exactly *at*, or at any time if *at* is None; None without one."""
        same = self._by_key.get(urls.visit_key(url), ())
        held = [item for item in same if item.has_payload and (at is None or item.at == at)]
        return min(reversed(held), key=lambda item: _differences(item.url, url), default=None)

    def html_pages(self) -> Iterator[tuple[str, datetime]]:
        """Yield the address and time of each undamaged capture whose headers call it an HTML page."""
        for capture in self.captures:
            if not (capture.has_payload and capture.is_whole):
                continue
            with suppress(BodyError):
                response = self._response(capture, *_read(capture, HEAD_BYTES))
                if response.is_ok and response.headers.get("content-type", "").lower().startswith(_HTML_TYPES):
                    yield capture.url, capture.at

    def read(self, capture: Capture, want: Want) -> Answer:
        """Return the answer in *capture*; raise FetchError. A body is read up to the limit and hardly further."""
        status = record_id = None
        try:
            record, block = _read(capture, self._most)
            record_id = record.get("WARC-Record-ID") or None
            if capture.kind == "failure":
                fields = index.fields_of(block)
                raise FetchError(capture.url, fields["detail"], fields.get("message", ""), record_id=record_id)
            response = self._response(capture, record, block)
            status = response.status
            if want is Want.PAGE and response.is_ok and (rendered := self._rendered_of(record_id, capture)):
                return rendered
            body = self._body(capture, response, want)
        except BodyError as error:
            raise FetchError(capture.url, error.detail, str(error), status=status, record_id=record_id) from error
        return Answer(capture.url, status, response.headers, body, capture.at, record_id)

    def _body(self, capture: Capture, response: Response, want: Want) -> bytes:
        """Return what is wanted of the body, of an error what shows a firewall's challenge; raise BodyError."""
        if response.status in MAY_CHALLENGE:
            with suppress(BodyError):
                return beginning_of(response, ROBOTS_BYTES)
        if not response.is_ok:
            return b""
        if not capture.is_whole:
            raise BodyError(Detail.CUT_SHORT, "the archive's record is damaged")
        if want is Want.ROBOTS:
            return beginning_of(response, ROBOTS_BYTES)
        return body_of(response, self._limits.max_bytes)

    def _response(self, capture: Capture, record: Record, block: bytes) -> Response:
        """Return the HTTP response in a record; raise BodyError without one."""
        truncated = record.get("WARC-Truncated").lower()
        if capture.kind == "resource":
            return Response(HTTPStatus.OK, {"content-type": record.get("Content-Type")}, block, truncated)
        own = parse_response(block, truncated)
        if capture.kind == "revisit":
            return self._revisited(capture, record, own)
        if own is None:
            detail = Detail.PROTOCOL if capture.is_whole else Detail.CUT_SHORT
            raise BodyError(detail, "the archive's record holds no HTTP response")
        return own

    def _revisited(self, capture: Capture, record: Record, own: Response | None) -> Response:
        """Return the response that a revisit record refers to, under its *own* headers; raise BodyError."""
        is_unchanged = own is not None and own.status == HTTPStatus.NOT_MODIFIED
        url = record.get("WARC-Refers-To-Target-URI").strip("<> ") or capture.url
        at = index.parse_date(record.get("WARC-Refers-To-Date"))
        source = self._payload_of(url, at) if at else None
        source = source or self._by_digest.get(capture.mark)
        if source is None and (is_unchanged or not capture.mark):
            source = self._payload_of(url, None)  # nothing says which capture, so that the last one counts
        if source is None or not source.is_whole:
            message = "the archive holds only a reference to a capture that it does not hold"
            raise BodyError(Detail.NO_CAPTURE, message)
        former = self._response(source, *_read(source, self._most))
        return former if own is None or is_unchanged else replace(former, status=own.status, headers=own.headers)

    def _rendered_of(self, record_id: str | None, response: Capture) -> Answer | None:
        """Return what a browser rendered of the record *record_id*; None for nothing, or for more than the limit."""
        capture = self._rendered.get(record_id or "")
        if capture is None or not capture.is_whole or capture.size > self._limits.max_bytes:
            return None
        record, body = _read(capture, capture.size)
        needs = tuple(Need(word) for word in record.get(index.RENDERED_FOR).split() if word in set(Need))
        rendering = Rendering(record.get(index.RENDERED_BY), needs)
        headers, name = {"content-type": record.get("Content-Type")}, record.get("WARC-Record-ID") or None
        return Answer(capture.url, HTTPStatus.OK, headers, body, response.at, name, rendering)


class WarcFetch:
    """The captures of an archive for one site: a :class:`~cegep_audit.collect.port.Fetch`.

    *near* is the time asked for. If it is None, the last capture of the homepage counts, and other pages are those
    nearest to it.
    """

    def __init__(self, archive: WarcArchive, near: datetime | None = None) -> None:
        self._archive = archive
        self._near = near

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the capture of *url*; raise FetchError, ``no_capture`` where none is held."""
        failure = FetchError(url, Detail.NO_CAPTURE, "the archive holds no such page")
        for capture in self._archive.captures_of(url, self._near, exact=want is Want.ROBOTS):
            try:
                answer = self._archive.read(capture, want)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                failure = error  # a revisit of something that is not held; another spelling may be
                continue
            if _leads_back(answer, url):
                continue
            if want is not Want.ROBOTS:
                self._near = self._near or capture.at
            return answer
        raise failure


def _leads_back(answer: Answer, url: str) -> bool:
    """Return whether *answer*, a capture of another spelling of *url*, redirects to *url* itself."""
    if answer.status not in REDIRECTS or not answer.location or urls.crawl_key(answer.url) == urls.crawl_key(url):
        return False
    return urls.visit_key(urls.absolute(answer.url, answer.location) or "") == urls.visit_key(url)


def _read(capture: Capture, most: int) -> tuple[Record, bytes]:
    """Return the headers of a record and *most* bytes of its block; raise BodyError if the file has changed."""
    data = capture.file.block(capture.offset, capture.block_at + min(capture.size, most))
    record = parse_head(data)
    if record is None:
        raise BodyError(Detail.CUT_SHORT, "the archive's record is damaged")
    return record, data[capture.block_at :]


def _differences(one: str, other: str) -> int:
    """Return in how many parts two spellings of one address differ: scheme, host, path and query."""
    parts = zip(urls.crawl_key(one).split("/", 3), urls.crawl_key(other).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)


def _nearest(captures: list[Capture], near: datetime | None) -> Capture:
    if near is not None:
        of_crawl = [item for item in captures if abs(item.at - near) <= _SAME_CRAWL]
        if not of_crawl:
            return min(captures, key=lambda item: abs(item.at - near))
        captures = of_crawl
    return max(reversed(captures), key=lambda item: item.at)  # of equal times, the last in the file
