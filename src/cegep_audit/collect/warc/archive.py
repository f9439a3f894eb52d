"""WARC files as a port: an index in memory, and bodies that are read on demand.

An address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they found. The latest of several captures of one address counts.
If a time is given, the last capture within a day of it counts (a crawl that repeats a request after an error or an
interruption uses the last answer), otherwise the nearest one.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Self

from cegep_audit import urls
from cegep_audit.collect.archive import Period
from cegep_audit.collect.http.body import SUCCESS, AnswerError
from cegep_audit.collect.port import REPLAY, Answer, Source, Want
from cegep_audit.collect.site import Site
from cegep_audit.collect.warc.captures import Found, Response, body_of, fields_of, files_of, go_through, response_of
from cegep_audit.collect.warc.records import HEAD_BYTES, RENDERED_BY, RENDERED_FOR, Record, parse_date
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Rendering
from cegep_audit.phrases.locales import Language
from cegep_audit.text import HTML_TYPES, media_type
from cegep_audit.vocabulary import REDIRECTS, Detail, Need

_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed


class WarcArchive:
    """The captures of one or more WARC files; ``damage`` has a line for each damage: file, byte and what is wrong."""

    def __init__(self, founds: Iterable[Found], limits: Limits, period: Period | None = None) -> None:
        """Join *founds*, the indexes of the files in order; with a *period*, only captures in its range count."""
        self.damage: list[str] = []
        self._by_key: dict[str, list[Record]] = {}  # by visit key, which all spellings of an address share
        self._by_digest: dict[str, Record] = {}  # the first response with each payload: what revisits refer to
        self._rendered: dict[str, Record] = {}  # what a browser rendered, by the name of the record it came from
        self._limits = limits
        self._most = HEAD_BYTES + limits.max_bytes + 1  # bytes read of a block, a byte more than a body may have
        self._near = period.noon if period else None
        for captures, damage in founds:
            self.damage += damage
            for capture in captures:
                if capture.kind == "conversion":
                    self._rendered[capture.get("WARC-Refers-To")] = capture
                    continue
                if not (period and period.refusal(capture.at)):
                    self._by_key.setdefault(urls.visit_key(capture.url), []).append(capture)
                if capture.has_payload and (digest := capture.get("WARC-Payload-Digest")):
                    self._by_digest.setdefault(digest, capture)

    @classmethod
    def open(
        cls, paths: Sequence[Path], limits: Limits | None = None, period: Period | None = None, lang: Language = "fr"
    ) -> Self:
        """Index the files at *paths*: WARC 0.17 to 1.1 and ARC (plain, gzipped by record or as a whole), and WACZ.

        With a *period*, only captures in its range count, the nearest first. Raises StoreError, with a message in
        *lang*, for a file that cannot be read or holds no record.
        """
        founds = (go_through(file, lang) for file in files_of(paths, lang))
        return cls(founds, limits or Limits(), period)

    @asynccontextmanager
    async def open_source(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the archived site of *institution*: an :data:`~cegep_audit.collect.port.OpenSource`."""
        yield Site(institution, WarcFetch(self, self._near), self._limits, terms=REPLAY)

    @property
    def captures(self) -> Iterator[Record]:
        """Every capture, those of one address together."""
        return (capture for captures in self._by_key.values() for capture in captures)

    def captures_of(self, url: str, near: datetime | None, *, exact: bool = False) -> Iterator[Record]:
        """Yield the capture of *url* that counts at the time *near*, then one for each of its other spellings.

        Spellings with fewer differences come first. A failure that a crawler noted counts only for its own spelling,
        and only if no spelling has an answer. With *exact*, other spellings do not count, because the rules of a
        robots.txt hold for one origin.
        """

        def differences(capture: Record) -> int:
            return _differences(capture.url, url)

        held = sorted(self._by_key.get(urls.visit_key(url), ()), key=differences)
        answers = [item for item in held if item.kind != "metadata" and not (exact and differences(item))]
        failures = [item for item in held if item.kind == "metadata" and not differences(item)]
        for _, captures in groupby(answers or failures, differences):
            spelled = list(captures)
            if of_crawl := [item for item in spelled if near is None or abs(item.at - near) <= _SAME_CRAWL]:
                yield max(reversed(of_crawl), key=lambda item: item.at)  # of equal times, the last in the file
            else:
                yield min(spelled, key=lambda item: abs(item.at - (near or item.at)))

    def html_pages(self) -> Iterator[tuple[str, datetime]]:
        """Yield the address and time of each undamaged capture whose headers call it an HTML page."""
        for capture in self.captures:
            if capture.has_payload and capture.is_whole:
                with suppress(AnswerError):
                    response = self._response(capture, HEAD_BYTES)
                    kind = media_type(response.headers.get("content-type", ""))
                    if response.status in SUCCESS and kind in HTML_TYPES:
                        yield capture.url, capture.at

    def read(self, capture: Record, want: Want) -> Answer:
        """Return the answer in *capture*; raise FetchError. A body is read up to the limit and hardly further."""
        status, body, record_id = None, b"", capture.get("WARC-Record-ID") or None
        try:
            if capture.kind == "metadata":
                fields = fields_of(capture.block(self._most))
                raise FetchError(capture.url, fields["detail"], fields.get("message", ""), record_id=record_id)
            response = self._response(capture, self._most)
            status = response.status
            if response.status in SUCCESS and want is Want.PAGE and (rendered := self._rendered_of(capture)):
                return rendered
            # Any readable part of an error is enough to recognise a firewall's challenge.
            with nullcontext() if response.status in SUCCESS else suppress(AnswerError):
                body = body_of(response, want, self._limits.max_bytes, is_whole=capture.is_whole)
        except AnswerError as error:
            raise FetchError(capture.url, error.detail, str(error), status=status, record_id=record_id) from error
        return Answer(capture.url, status, response.headers, body, capture.at, record_id)

    def _response(self, capture: Record, most: int) -> Response:
        """Return the HTTP response in a record, with *most* bytes of its block; raise AnswerError without one."""
        own = response_of(capture, most)
        if capture.kind == "revisit":
            return self._revisited(capture, own)
        if own is None:
            detail = Detail.PROTOCOL if capture.is_whole else Detail.CUT_SHORT
            raise AnswerError(detail, "the archive's record holds no HTTP response")
        return own

    def _revisited(self, capture: Record, own: Response | None) -> Response:
        """Return the response that a revisit record refers to, under its *own* headers; raise AnswerError."""
        is_unchanged = own is not None and own.status == HTTPStatus.NOT_MODIFIED
        url = capture.get("WARC-Refers-To-Target-URI").strip("<> ") or capture.url
        at, digest = parse_date(capture.get("WARC-Refers-To-Date")), capture.get("WARC-Payload-Digest")
        held = [item for item in reversed(self._by_key.get(urls.visit_key(url), ())) if item.has_payload]
        held.sort(key=lambda item: _differences(item.url, url))
        source = next((item for item in held if item.at == at), None) or self._by_digest.get(digest)
        if source is None and held and (is_unchanged or not digest):
            source = held[0]  # the record does not say which capture, so use the last one
        if source is None or not source.is_whole:
            message = "the archive holds only a reference to a capture that it does not hold"
            raise AnswerError(Detail.NO_CAPTURE, message)
        former = self._response(source, self._most)
        return former if own is None or is_unchanged else former._replace(status=own.status, headers=own.headers)

    def _rendered_of(self, response: Record) -> Answer | None:
        """Return the page that a browser rendered from *response*; None without one, or if it exceeds the limit."""
        capture = self._rendered.get(response.get("WARC-Record-ID"))
        if capture is None or not capture.is_whole or capture.size > self._limits.max_bytes:
            return None
        get, body = capture.get, capture.block(capture.size)
        needs = tuple(Need(word) for word in get(RENDERED_FOR).split() if word in set(Need))
        rendering = Rendering(get(RENDERED_BY), needs)
        headers, name = {"content-type": get("Content-Type")}, get("WARC-Record-ID") or None
        return Answer(capture.url, HTTPStatus.OK, headers, body, response.at, name, rendering)


@dataclass(slots=True)
class WarcFetch:
    """The captures of an archive for one site: a :class:`~cegep_audit.collect.port.Fetch`.

    ``near`` is the time asked for. If it is None, the last capture of the homepage counts, and other pages are those
    nearest to it.
    """

    archive: WarcArchive
    near: datetime | None = None

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the capture of *url*; raise FetchError, ``no_capture`` where none is held."""
        failure = FetchError(url, Detail.NO_CAPTURE, "the archive holds no such page")
        for capture in self.archive.captures_of(url, self.near, exact=want is Want.ROBOTS):
            try:
                answer = self.archive.read(capture, want)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                failure = error  # a revisit of a missing capture; another spelling may have one
                continue
            if answer.status in REDIRECTS and answer.location and _differences(answer.url, url):
                target = urls.absolute(answer.url, answer.location) or ""
                if urls.visit_key(target) == urls.visit_key(url):
                    continue  # another spelling of the address, which redirects to this one
            if want is not Want.ROBOTS:
                self.near = self.near or capture.at
            return answer
        raise failure


def _differences(one: str, other: str) -> int:
    """Return the number of parts in which two spellings of an address differ: scheme, host, path and query."""
    parts = zip(urls.crawl_key(one).split("/", 3), urls.crawl_key(other).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)
