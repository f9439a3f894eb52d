"""WARC files as a port: an index in memory, and bodies that are read on demand.

Each file is indexed separately, possibly in another process; the indexes of several files make up one archive. An
address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they found. The latest of several captures of one address counts.
If a time is given, the last capture within a day of it counts (a crawl that repeats a request after an error or an
interruption uses the last answer), otherwise the nearest one.

Some archiving programs undo chunks or a content coding but keep the headers that announce them. The bytes override
such headers.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Self

from cegep_audit import urls
from cegep_audit.collect.archive import Period
from cegep_audit.collect.http import body as bodies
from cegep_audit.collect.http.body import SUCCESS, AnswerError
from cegep_audit.collect.politeness import ROBOTS_BYTES
from cegep_audit.collect.port import REPLAY, Answer, Fetch, Source, Want, header_map
from cegep_audit.collect.site import Site
from cegep_audit.collect.warc import records
from cegep_audit.collect.warc.records import PAYLOADS, Index, Record
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Rendering
from cegep_audit.phrases import Language
from cegep_audit.text import HTML_TYPES, SNIFFED, looks_like_markup, media_type
from cegep_audit.vocabulary import REDIRECTS, Detail, Need

_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed
_TAIL = 2048  # bytes at the end of a complete page that contain </html>; counters and comments may follow it
_STATUS = re.compile(rb"HTTP[^ \t]*[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r*\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")

# Details for WARC-Truncated; "length" is handled after the type of the body is known.
_CUT = {"time": Detail.TIMEOUT, "disconnect": Detail.CUT_SHORT, "unspecified": Detail.CUT_SHORT}


class Response(NamedTuple):
    """An archived HTTP response; ``payload`` follows its headers, ``truncated`` is WARC-Truncated in lower case."""

    status: int
    headers: dict[str, str]
    payload: bytes
    truncated: str


class WarcArchive:
    """The captures of one or more WARC files; ``damage`` has a line for each damage: file, byte and what is wrong."""

    def __init__(self, indexes: Iterable[Index], limits: Limits, period: Period | None = None) -> None:
        """Join the *indexes* of the files, in their order; with a *period*, only captures in its range count."""
        self.damage: list[str] = []
        self._by_key: dict[str, list[Record]] = {}  # by visit key, which all spellings of an address share
        self._by_digest: dict[str, Record] = {}  # the first response with each payload: what revisits refer to
        self._rendered: dict[str, Record] = {}  # what a browser rendered, by the name of the record it came from
        self._limits = limits
        self._most = records.HEAD_BYTES + limits.max_bytes + 1  # bytes of a block, a byte more than a body may have
        self._near = period.noon if period else None
        for captures, damage in indexes:
            self.damage += damage
            for capture in captures:
                if capture.kind == "conversion":
                    self._rendered[capture.get("WARC-Refers-To")] = capture
                    continue
                if not (period and period.refusal(capture.at)):
                    self._by_key.setdefault(urls.visit_key(capture.url), []).append(capture)
                if capture.kind in PAYLOADS and (digest := capture.get("WARC-Payload-Digest")):
                    self._by_digest.setdefault(digest, capture)

    @classmethod
    def open(
        cls, paths: Sequence[Path], limits: Limits | None = None, period: Period | None = None, lang: Language = "fr"
    ) -> Self:
        """Index WARC (0.17 to 1.1), ARC and WACZ files at *paths*, gzipped or not; raise StoreError, in *lang*."""
        indexes = (records.index_of(file, lang) for file in records.files_of(paths, lang))
        return cls(indexes, limits or Limits(), period)

    @asynccontextmanager
    async def open_source(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the archived site of *institution*: an :data:`~cegep_audit.collect.port.OpenSource`."""
        yield Site(institution, self.fetch(), self._limits, terms=REPLAY)

    def fetch(self) -> Fetch:
        """Return a fetch of the captures for one site."""
        near = self._near  # without a period, the time of the first page's last capture

        async def fetched(url: str, want: Want) -> Answer:
            nonlocal near
            failure = FetchError(url, Detail.NO_CAPTURE, "the archive holds no such page")
            for capture in self.captures_of(url, near, exact=want is Want.ROBOTS):
                try:
                    answer = self.read(capture, want)
                except FetchError as error:
                    if error.detail != Detail.NO_CAPTURE:
                        raise
                    failure = error  # a revisit of a missing capture; another spelling may have one
                    continue
                if answer.status in REDIRECTS and answer.location and _differences(capture, url):
                    target = urls.absolute(answer.url, answer.location) or ""
                    if urls.visit_key(target) == urls.visit_key(url):
                        continue  # another spelling of the address, which redirects to this one
                if want is not Want.ROBOTS:
                    near = near or capture.at
                return answer
            raise failure

        return fetched

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
        differences = partial(_differences, url=url)
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
        """Yield the address and time of each undamaged capture whose headers call it an HTML page; raise OSError."""
        for capture in (each for each in self.captures if each.kind in PAYLOADS and each.is_whole):
            response = response_of(capture, records.HEAD_BYTES)
            content_type = response.headers.get("content-type", "") if response and response.status in SUCCESS else ""
            if media_type(content_type) in HTML_TYPES:
                yield capture.url, capture.at

    def read(self, capture: Record, want: Want) -> Answer:
        """Return the answer in *capture*, or the page that a browser rendered from it; raise FetchError."""
        status, record_id, most = None, capture.get("WARC-Record-ID") or None, self._limits.max_bytes
        try:
            if capture.kind == "metadata":
                noted = capture.fields()
                detail, message = noted.get("detail", Detail.CUT_SHORT), noted.get("message", "")
                raise FetchError(capture.url, detail, message, record_id=record_id)
            response = self._response(capture)
            status = response.status
            page = self._rendered.get(record_id or "") if status in SUCCESS and want is Want.PAGE else None
            if page and page.is_whole and page.size <= most:
                headers, body = {"content-type": page.get("Content-Type")}, page.block(most)
                needs = tuple(Need(word) for word in page.get(records.RENDERED_FOR).split() if word in set(Need))
                rendering = Rendering(page.get(records.RENDERED_BY), needs)
                record_id = page.get("WARC-Record-ID") or None
                return Answer(page.url, HTTPStatus.OK, headers, body, capture.at, record_id, rendering)
            body = body_of(response, want, most, is_whole=capture.is_whole)
        except (AnswerError, OSError) as error:
            detail = error.detail if isinstance(error, AnswerError) else Detail.CUT_SHORT
            raise FetchError(capture.url, detail, str(error), status=status, record_id=record_id) from error
        return Answer(capture.url, status, response.headers, body, capture.at, record_id)

    def _response(self, capture: Record) -> Response:
        """Return the HTTP response in *capture* or, for a revisit, in what it refers to; raise AnswerError, OSError."""
        own = response_of(capture, self._most)
        if capture.kind != "revisit":
            if own is None:
                detail = Detail.PROTOCOL if capture.is_whole else Detail.CUT_SHORT
                raise AnswerError(detail, "the archive's record holds no HTTP response")
            return own
        is_unchanged = own is not None and own.status == HTTPStatus.NOT_MODIFIED
        url = capture.get("WARC-Refers-To-Target-URI").strip("<> ") or capture.url
        at, digest = records.parse_date(capture.get("WARC-Refers-To-Date")), capture.get("WARC-Payload-Digest")
        held = [item for item in reversed(self._by_key.get(urls.visit_key(url), ())) if item.kind in PAYLOADS]
        held.sort(key=partial(_differences, url=url))
        source = next((item for item in held if item.at == at), None) or self._by_digest.get(digest)
        if source is None and held and (is_unchanged or not digest):
            source = held[0]  # the record does not say which capture, so use the last one
        if source is None or not source.is_whole:
            message = "the archive holds only a reference to a capture that it does not hold"
            raise AnswerError(Detail.NO_CAPTURE, message)
        former = self._response(source)
        return former if own is None or is_unchanged else former._replace(status=own.status, headers=own.headers)


def _differences(capture: Record, url: str) -> int:
    """Return the number of parts in which the address of *capture* differs from *url*: scheme, host, path and query."""
    parts = zip(urls.crawl_key(capture.url).split("/", 3), urls.crawl_key(url).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)


def response_of(record: Record, most: int) -> Response | None:
    """Return the HTTP response in *record*, with *most* bytes of its block; None if it holds none. Raises OSError."""
    block, truncated = record.block(most), record.get("WARC-Truncated").lower()
    if record.kind == "resource":
        return Response(HTTPStatus.OK, {"content-type": record.get("Content-Type")}, block, truncated)
    status = _STATUS.match(block)
    if status is None:
        return None
    found = _HEAD_END.search(block)
    end = found.end() if found else len(block)
    # Headers are read as bytes, like those of a live answer; warcio's parser would decode them one way for all.
    lines = [line.partition(b":") for line in block[:end].split(b"\n")[1:]]
    headers = header_map((name.strip(), value.strip()) for name, colon, value in lines if colon)
    return Response(int(status[1]), headers, block[end:], truncated)


def body_of(response: Response, want: Want, limit: int, *, is_whole: bool) -> bytes:
    """Return the wanted part of the body: a complete page, at most *limit* bytes, or b"" for another type of file.

    The beginning of a robots.txt is enough, and of an error whatever can be read, which may be a firewall's challenge.
    Raises AnswerError if the archive holds less, as for a record that is not *is_whole*.
    """
    if response.status not in SUCCESS:
        raw, codings, _ = _raw(response._replace(truncated=""))
        return bodies.beginning_of(raw, codings, ROBOTS_BYTES)
    if not is_whole:
        raise AnswerError(Detail.CUT_SHORT, "the archive's record is damaged")
    is_robots = want is Want.ROBOTS
    is_page = True if is_robots else bodies.may_be_page(response.headers.get("content-type", ""))
    if is_page is False:
        return b""
    raw, codings, is_whole = _raw(response)
    what = "file" if is_robots else "page"
    part = AnswerError(Detail.CUT_SHORT, f"the archive holds less of this {what} than its headers announce")
    if is_robots:
        if not (is_whole or response.truncated):
            raise part
        return bodies.decoded(raw, codings, ROBOTS_BYTES, cuts=True)
    if codings[:1] == ["br"] and (undone := _without_brotli(raw, limit)) is not None:
        raw, codings = undone, codings[1:]
    if is_page is None and (start := bodies.beginning_of(raw, codings, SNIFFED)):
        bodies.require_markup(start)
    if response.truncated:
        raise AnswerError(Detail.TOO_LARGE, "the archive holds only the beginning of this page")
    body = bodies.decoded(raw, codings, limit)
    if not is_whole and b"</html>" not in body[-_TAIL:].lower():
        raise part
    return body


def _raw(response: Response) -> tuple[bytes, list[str], bool]:
    """Return the payload without chunks, its codings, and whether it is as long as the headers announce.

    A payload that does not begin with a chunk was archived without chunks. warcio's reader of chunks does not report
    whether the last chunk came. Raises AnswerError if the record says that it holds only a part.
    """
    if response.truncated in _CUT:
        raise AnswerError(_CUT[response.truncated], "the archive holds only a part of this page")
    get, raw = response.headers.get, response.payload
    if "chunked" in get("transfer-encoding", "").lower():
        is_whole, body, position = False, bytearray(), 0
        while not is_whole and (size := _CHUNK_SIZE.match(raw, position)):
            length = int(size[1], 16)
            is_whole = not length
            body += raw[size.end() : size.end() + length]
            position = size.end() + length
            position += 2 if raw[position : position + 2] == b"\r\n" else raw[position : position + 1] == b"\n"
        raw, is_whole = (bytes(body), is_whole) if position else (raw, True)
    else:
        announced = get("content-length", "").strip()
        is_whole = not (announced.isascii() and announced.isdigit()) or len(raw) >= int(announced[:12])
    codings = bodies.content_codings(get("content-encoding", ""))
    is_undone = set(codings) <= {"gzip", "deflate", "br"} and looks_like_markup(raw)
    return raw, [] if is_undone else codings, is_whole


def _without_brotli(raw: bytes, limit: int) -> bytes | None:
    """Return *raw* without Brotli, at most a byte more than *limit*; None without the package. Raises AnswerError."""
    # We never ask for this coding, but browsers do, and archives made through them hold it. Version 1.2 of the package
    # is the first that can limit its output.
    try:
        import brotli

        decoder = brotli.Decompressor()
        body: bytes = decoder.process(raw, output_buffer_limit=limit + 1)
    except (ImportError, TypeError):
        return None
    except brotli.error as error:
        raise AnswerError(Detail.DECODE, f"broken br ({error})") from error
    if len(body) <= limit and not decoder.is_finished():
        raise AnswerError(Detail.CUT_SHORT, "br ends in the middle")
    return body
