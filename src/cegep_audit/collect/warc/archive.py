"""WARC files as a port: an index in memory, and bodies that are read on demand.

Each file is indexed separately, possibly in another process; the indexes of several files make up one archive. An
address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they found. The latest of several captures of one address counts.
If a time is given, the last capture within a day of it counts (a crawl that repeats a request after an error or an
interruption uses the last answer), otherwise the nearest one.
"""

import re
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Self

from cegep_audit import urls
from cegep_audit.collect.archive import Period
from cegep_audit.collect.http.body import SUCCESS, AnswerError
from cegep_audit.collect.port import REPLAY, Answer, Fetch, Source, Want
from cegep_audit.collect.site import Site
from cegep_audit.collect.warc.members import Damage
from cegep_audit.collect.warc.records import (
    HEAD_BYTES,
    PAYLOADS,
    RENDERED_BY,
    RENDERED_FOR,
    Record,
    RecordFile,
    explaining,
    parse_date,
)
from cegep_audit.collect.warc.responses import Response, body_of, response_of
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Institution, Limits, Rendering
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import HTML_TYPES, media_type, shown
from cegep_audit.vocabulary import REDIRECTS, Detail, Need

_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_MAX_DAMAGE = 20  # messages per file; a file with more faults should be created again
_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed

Found = tuple[list[Record], list[str]]
"""The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""


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
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        records = file.records(damage)
        captures = [record for record in records if record.is_capture() and urls.split(record.url)]
    if not records:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return captures, lines


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
                if capture.kind in PAYLOADS and (digest := capture.get("WARC-Payload-Digest")):
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
        yield Site(institution, self.fetch(), self._limits, terms=REPLAY)

    def fetch(self) -> Fetch:
        """Return a fetch of the captures for one site.

        Without a period, the last capture of the homepage counts, and those of other pages that are nearest to it.
        """
        near = self._near

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
        for capture in self.captures:
            response = response_of(capture, HEAD_BYTES) if capture.kind in PAYLOADS and capture.is_whole else None
            content_type = response.headers.get("content-type", "") if response and response.status in SUCCESS else ""
            if media_type(content_type) in HTML_TYPES:
                yield capture.url, capture.at

    def read(self, capture: Record, want: Want) -> Answer:
        """Return the answer in *capture*, or the page that a browser rendered from it; raise FetchError.

        A body is read up to the limit and hardly further. A rendered page that exceeds it does not count.
        """
        status, name, most = None, capture.get("WARC-Record-ID"), self._limits.max_bytes
        try:
            if capture.kind == "metadata":
                fields = capture.fields()
                raise FetchError(capture.url, fields["detail"], fields.get("message", ""), record_id=name or None)
            response = self._response(capture)
            status = response.status
            rendered = self._rendered.get(name) if status in SUCCESS and want is Want.PAGE else None
            if rendered and rendered.is_whole and rendered.size <= most:
                headers, body = {"content-type": rendered.get("Content-Type")}, rendered.block(most)
                needs = tuple(Need(word) for word in rendered.get(RENDERED_FOR).split() if word in set(Need))
                rendering, name = Rendering(rendered.get(RENDERED_BY), needs), rendered.get("WARC-Record-ID")
                return Answer(rendered.url, HTTPStatus.OK, headers, body, capture.at, name or None, rendering)
            body = body_of(response, want, most, is_whole=capture.is_whole)
        except (AnswerError, OSError) as error:
            detail = error.detail if isinstance(error, AnswerError) else Detail.CUT_SHORT
            raise FetchError(capture.url, detail, str(error), status=status, record_id=name or None) from error
        return Answer(capture.url, status, response.headers, body, capture.at, name or None)

    def _response(self, capture: Record) -> Response:
        """Return the HTTP response in *capture*; raise AnswerError without one, and OSError.

        That of a revisit is the response that it refers to, under its own headers.
        """
        own = response_of(capture, self._most)
        if capture.kind != "revisit":
            if own is None:
                detail = Detail.PROTOCOL if capture.is_whole else Detail.CUT_SHORT
                raise AnswerError(detail, "the archive's record holds no HTTP response")
            return own
        is_unchanged = own is not None and own.status == HTTPStatus.NOT_MODIFIED
        url = capture.get("WARC-Refers-To-Target-URI").strip("<> ") or capture.url
        at, digest = parse_date(capture.get("WARC-Refers-To-Date")), capture.get("WARC-Payload-Digest")
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
