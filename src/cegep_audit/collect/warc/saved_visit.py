"""Whose the saved pages are, and the visit of one institution over them; :mod:`saved` reads the files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from urllib.parse import quote

from cegep_audit import urls
from cegep_audit.collect.hosts import OwnHosts
from cegep_audit.collect.port import REPLAY, Answer, Want
from cegep_audit.collect.site import Site
from cegep_audit.collect.warc.archive import WarcFetch
from cegep_audit.collect.warc.saved import Saved, SavedArchive, SavedFile, SavedPage
from cegep_audit.errors import FetchError
from cegep_audit.models import Choice, Institution, Limits, Source
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown
from cegep_audit.vocabulary import Detail, PageRole

_MOST = 50  # saved pages that are read of one institution; a person saves a handful
_NUMBER = re.compile(r"-\d{1,4}$")  # a second page of an institution: <id>-2.html

Keep = Callable[[SavedPage], str]
"""Keeps a copy of a page and returns the name of its record: ``WarcWriter.keep_saved``."""


@dataclass(slots=True)
class SavedVisit:
    """The saved pages of one institution, read as one visit; each page has an address of its own."""

    institution: Institution
    pages: list[SavedPage] = field(default_factory=list)
    archives: list[SavedArchive] = field(default_factory=list)

    @property
    def files(self) -> tuple[SavedFile, ...]:
        """The files that the pages come from, each once."""
        files = [*(page.file for page in self.pages), *(archive.file for archive in self.archives)]
        return tuple(dict.fromkeys(files))

    @property
    def site(self) -> Institution:
        """The institution, with the hosts of pages that are its own by the name of their file alone."""
        own = OwnHosts(self.institution)
        found = [page.url for page in self.pages if page.url]
        for archive in self.archives:
            found += [] if any(map(own.hold, archive.urls)) else archive.urls[:1]
        others = dict.fromkeys(urls.host_of(url) for url in found if not own.hold(url))
        return replace(self.institution, alt_hosts=(*self.institution.alt_hosts, *others))

    def choices(self, limits: Limits) -> tuple[Choice, ...]:
        """Return the pages to read in order, the homepage first; () where an archive holds enough to choose from."""
        home = urls.visit_key(self.institution.url)
        own = OwnHosts(self.site)
        addresses = [page.url for page in self.pages if page.url]
        held = [url for archive in self.archives for url in archive.urls if own.hold(url)]
        if len(held) > limits.max_pages and not addresses and home in map(urls.visit_key, held):
            return ()
        by_key: dict[str, str] = {}
        for url in (*addresses, *held[: limits.max_pages]):
            by_key.setdefault(urls.visit_key(url), url)
        ordered = sorted(by_key, key=lambda key: (key != home, "/" in key.rstrip("/")))[:_MOST]
        roles = [PageRole.HOME, *[PageRole.ABOUT] * _MOST]
        return tuple(Choice(by_key[key], role, "saved") for key, role in zip(ordered, roles, strict=False))

    @asynccontextmanager
    async def open_source(self, limits: Limits, keep: Keep | None = None) -> AsyncIterator[Source]:
        """Open the pages as a site; *keep* is given each page that is read."""
        yield Site(self.site, SavedFetch(self, keep), limits, terms=REPLAY)


class SavedFetch:
    """The saved pages of one visit: a :class:`~cegep_audit.collect.port.Fetch`."""

    def __init__(self, visit: SavedVisit, keep: Keep | None = None) -> None:
        self._keep = keep
        self._pages = {urls.visit_key(page.url): page for page in visit.pages if page.url}
        self._archives = [(item, WarcFetch(item.archive)) for item in visit.archives]

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the page saved of *url*; raise FetchError, ``no_capture`` where none was."""
        if want is Want.PAGE and (page := self._pages.get(urls.visit_key(url))):
            record_id = self._keep(page) if self._keep else None
            headers = {"content-type": page.content_type}
            return Answer(page.url or url, 200, headers, page.body, page.file.saved_at, record_id)
        for item, fetch in self._archives:
            try:
                answer = await fetch(url, want)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                continue
            if self._keep and want is Want.PAGE and answer.body:
                file = replace(item.file, saved_at=answer.at)
                copy = SavedPage(file, answer.url, answer.content_type, answer.body)
                return replace(answer, record_id=self._keep(copy))
            return answer
        raise FetchError(url, Detail.NO_CAPTURE, "this page was not saved")


# ------------------------------------------------------------------------------------------ matching


@dataclass(slots=True)
class Matched:
    """The visits by id of the institution; ``unmatched`` has one line for each page that is in none."""

    visits: dict[str, SavedVisit] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)


def match_saved(saved: Saved, institutions: Sequence[Institution], lang: Language = "fr") -> Matched:
    """Say whose each page is: by its address, else by ``<id>`` or ``<id>-2`` as the name of its file.

    Where several institutions have the host of the address, the file's name decides, else the very host, else the
    page is theirs together and counts for none. Of one page saved twice, the later file counts. A page that does not
    say its address is the homepage or, if that was saved too, gets an address made of its file's name.
    """
    matched = Matched()
    by_id = {institution.id: institution for institution in institutions}
    sites = [(institution, OwnHosts(institution)) for institution in institutions]

    def owner(url: str | None, name: str) -> list[Institution]:
        fits = [institution for institution, hosts in sites if url and hosts.hold(url)]
        named = _named(name, by_id)
        if named and (not fits or named in fits):
            return [named]
        exact = [item for item in fits if urls.pace_key(item.url) == urls.pace_key(url or "")]
        return exact if len(exact) == 1 else fits

    def visit(institution: Institution) -> SavedVisit:
        return matched.visits.setdefault(institution.id, SavedVisit(institution))

    for page in sorted(saved.pages, key=lambda page: (page.url is None, page.file.saved_at)):
        owners = owner(page.url, page.file.name)
        if len(owners) == 1:
            matched.unmatched += _add(page, visit(owners[0]), lang)
        else:
            matched.unmatched.append(_reason(page.file.name, page.url, owners, lang))
    for archive in saved.archives:
        hosts = dict.fromkeys(map(urls.host_of, archive.urls))
        found = (item for host in hosts for item in owner(f"https://{host}/", archive.file.name))
        owners = list({item.id: item for item in found}.values())
        for each in owners:
            visit(each).archives.append(archive)
        if not owners:
            matched.unmatched.append(_reason(archive.file.name, next(iter(archive.urls), None), [], lang))
    return matched


def _add(page: SavedPage, visit: SavedVisit, lang: Language) -> Iterator[str]:
    """Add *page* to *visit*; yield a line for an earlier file of the same page, which it replaces."""
    home = visit.institution.url
    held = {urls.visit_key(each.url or ""): each for each in visit.pages}
    if page.url is None:
        is_free = urls.visit_key(home) not in held
        page = replace(page, url=home if is_free else urls.absolute(home, f"/?saved={quote(page.file.name)}"))
    if earlier := held.get(urls.visit_key(page.url or "")):
        visit.pages.remove(earlier)
        yield say("saved.twice", lang, file=shown(earlier.file.name), url=page.url, other=shown(page.file.name))
    visit.pages.append(page)


def _named(name: str, by_id: dict[str, Institution]) -> Institution | None:
    stem = PurePath(name).name.partition(".")[0].lower()
    return by_id.get(stem) or by_id.get(_NUMBER.sub("", stem))


def _reason(name: str, url: str | None, owners: Sequence[Institution], lang: Language) -> str:
    if owners:
        names = ", ".join(item.id for item in owners)
        return say("saved.fits_several", lang, file=shown(name), url=url or "", ids=names)
    if url:
        return say("saved.fits_none", lang, file=shown(name), url=url)
    return say("saved.no_address", lang, file=shown(name))
