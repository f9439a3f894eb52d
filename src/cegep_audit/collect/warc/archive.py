"""WARC files as a port: an index of what they hold in memory, bodies read when they are asked for.

An address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they met. Of several captures of one address, the latest is the
page. Where a time is given, it is the last of those within a day of it (a crawl that asks again, after an error or an
interruption, uses the last answer), else the nearest.
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
    """The captures of one or several WARC files; ``damage`` has one line a fault: file, byte and what is wrong."""

    def __init__(self, founds: Iterable[Found], limits: Limits, period: Period | None = None) -> None:
        """Take *founds*, what each file holds, in order."""
        self.damage: list[str] = []
        self._by_key: dict[str, list[Capture]] = {}  # by address, whatever its spelling
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
        """Index the records of all *paths*; with a *period*, the captures in its range, nearest first.

        WARC 0.17 to 1.1, ARC and WACZ are read; WARC and ARC as they are, gzipped by record or as a whole. Raises
        StoreError, one line in *lang*, for a file that cannot be read or holds no record.
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
        """Open the site of *institution* as the archive holds it: an :data:`~cegep_audit.collect.port.OpenSource`."""
        fetch = WarcFetch(self, self._period.noon if self._period else None)
        yield Site(institution, fetch, self._limits, terms=REPLAY)

    @property
    def captures(self) -> Iterator[Capture]:
        """Every capture, those of one address together."""
        return (capture for captures in self._by_key.values() for capture in captures)

    def captures_of(self, url: str, near: datetime | None, *, exact: bool = False) -> Iterator[Capture]:
        """Yield the capture of *url* to use at the time *near*, then those of its other spellings, the nearest first.

        A failure that a crawler noted counts only for its own spelling, and where no spelling has an answer. With
        *exact*, no other spelling counts: the rules of a robots.txt hold for one origin.
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
        """Return the response captured of *url* at exactly *at*, None for none; at any time where *at* is None."""
        same = self._by_key.get(urls.visit_key(url), ())
        held = [item for item in same if item.has_payload and (at is None or item.at == at)]
        return min(reversed(held), key=lambda item: _differences(item.url, url), default=None)

    def html_pages(self) -> Iterator[tuple[str, datetime]]:
        """Yield address and time of each whole capture whose headers say that it is an HTML page, in file order."""
        for capture in self.captures:
            if not (capture.has_payload and capture.is_whole):
                continue
            with suppress(BodyError):
                response = self._response(capture, *_read(capture, HEAD_BYTES))
                if response.is_ok and response.headers.get("content-type", "").lower().startswith(_HTML_TYPES):
                    yield capture.url, capture.at

    def read(self, capture: Capture, want: Want) -> Answer:
        """Return the answer that *capture* holds, reading little more of a body than the limit; raise FetchError."""
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
        """Return what is wanted of a body, of an error what tells a firewall's challenge; raise BodyError."""
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
        """Return the HTTP response of a record; raise BodyError where it holds none."""
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
        """Return what a browser rendered of a record, None where it rendered nothing, or more than the limit."""
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

    *near* is the time that is asked for; None for the last capture of the homepage, and that of its time for the
    pages after it.
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
                failure = error  # a reference to what is not held: another spelling may be held
                continue
            if _leads_back(answer, url):
                continue
            if want is not Want.ROBOTS:
                self._near = self._near or capture.at
            return answer
        raise failure


def _leads_back(answer: Answer, url: str) -> bool:
    """Return whether *answer* is a capture of another spelling of *url* that redirects to *url* itself."""
    if answer.status not in REDIRECTS or not answer.location or urls.crawl_key(answer.url) == urls.crawl_key(url):
        return False
    return urls.visit_key(urls.absolute(answer.url, answer.location) or "") == urls.visit_key(url)


def _read(capture: Capture, most: int) -> tuple[Record, bytes]:
    """Return the headers and *most* bytes of the block of a record; raise BodyError for a file that has changed."""
    data = capture.file.block(capture.offset, capture.block_at + min(capture.size, most))
    record = parse_head(data)
    if record is None:
        raise BodyError(Detail.CUT_SHORT, "the archive's record is damaged")
    return record, data[capture.block_at :]


def _differences(one: str, other: str) -> int:
    """Return in how many parts two spellings of one address differ: scheme, host, path."""
    parts = zip(urls.crawl_key(one).split("/", 3), urls.crawl_key(other).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)


def _nearest(captures: list[Capture], near: datetime | None) -> Capture:
    if near is not None:
        of_crawl = [item for item in captures if abs(item.at - near) <= _SAME_CRAWL]
        if not of_crawl:
            return min(captures, key=lambda item: abs(item.at - near))
        captures = of_crawl
    return max(reversed(captures), key=lambda item: item.at)  # of equal times, the last in the file
