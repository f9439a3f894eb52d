"""One site as an archive holds it near a day, page by page: its former names, and where its redirects led then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from cegep_audit.collect.archive.uri_m import Moment, stamp_of
from cegep_audit.collect.frontier.own_hosts import OwnHosts
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page
from cegep_audit.urls import crawl_key, host_of, split, visit_key
from cegep_audit.vocabulary import Detail, http_detail

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Archives know one address by all its spellings. Where a site redirects from one to another (http to https, the bare
# name to www.) the nearest capture of the second may again be the redirect; the page itself was captured just after.
_JUST_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Memento:
    """One capture in range: the site's answer at the time ``at``.

    ``url`` is the original address; ``location`` the original address that a redirect leads to, None for no
    redirect and for one without a usable address.
    """

    url: str
    at: datetime
    status: int
    content_type: str
    body: bytes
    location: str | None
    record_id: str | None


Ask = Callable[[Moment], Awaitable[Memento]]
"""Gives the capture nearest to a moment; raises FetchError, ``no_capture`` where none is in range."""


class MementoSite:
    """The archived site of one institution: a :class:`~cegep_audit.models.Source`."""

    def __init__(self, institution: Institution, ask: Ask, near: datetime, max_redirects: int) -> None:
        self._hosts = OwnHosts(institution)
        self._ask = ask
        self._stamp = stamp_of(near)
        self._max_redirects = max_redirects

    async def get(self, url: str) -> Page:
        """Return the page at *url* as captured nearest to that moment, redirects inside the site followed.

        ``Page.url`` is the original address, ``Page.captured_at`` the time of the capture. Raise FetchError:
        ``no_capture`` where no capture is in range, ``http_NNN`` for an archived error. The homepage is looked
        for under the site's former names, too, where its present one has no capture in range.
        """
        if split(url) is None:
            raise FetchError(url, Detail.BAD_URL, "no http or https address")
        address = crawl_key(url)
        if address == self._hosts.home:
            return await self._get_home(url)
        if not self._hosts.admit(address, may_move=True):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
        return await self._follow(url, address)

    async def _get_home(self, url: str) -> Page:
        failures: list[FetchError] = []
        for address in (self._hosts.home, *self._hosts.former):
            try:
                return await self._follow(url, address, is_home=True)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                failures.append(error)
        raise failures[0]

    async def _follow(self, requested: str, address: str, *, is_home: bool = False) -> Page:
        """Get *address* and where it redirected to, each hop nearest to the same day."""
        seen: set[tuple[str, datetime]] = set()
        moment = Moment(self._stamp, address)
        for _ in range(self._max_redirects + 1):
            memento = await self._ask(moment)
            if memento.status not in _REDIRECTS:
                return _page(requested, memento)
            if memento.location is None:
                raise FetchError(memento.url, Detail.BAD_REDIRECT, "redirects to no address", status=memento.status)
            if (memento.url, memento.at) in seen:
                break
            seen.add((memento.url, memento.at))
            target = crawl_key(memento.location)
            if not self._hosts.admit(target, may_move=is_home):
                return _page(requested, memento, redirect_to=target)
            is_respelled = visit_key(target) == visit_key(memento.url)
            moment = Moment(stamp_of(memento.at + _JUST_AFTER) if is_respelled else self._stamp, target)
        raise FetchError(requested, Detail.REDIRECT_LOOP, f"archived redirects lead on and on, last to {moment.url}")


def _page(requested: str, memento: Memento, redirect_to: str | None = None) -> Page:
    """Return the page of *memento*; raise FetchError for an error that the site answered then."""
    if memento.status == HTTPStatus.PARTIAL_CONTENT:
        raise FetchError(memento.url, Detail.CUT_SHORT, "only a part of the page was captured", status=206)
    if redirect_to is None and not HTTPStatus.OK <= memento.status < HTTPStatus.MULTIPLE_CHOICES:
        message = f"the site answered {memento.status} on {memento.at:%Y-%m-%d}"
        raise FetchError(
            memento.url, http_detail(memento.status), message, status=memento.status, record_id=memento.record_id
        )
    return Page(
        requested_url=requested,
        url=memento.url,
        status=memento.status,
        content_type=memento.content_type,
        body=memento.body,
        captured_at=memento.at,
        redirect_to=redirect_to,
        record_id=memento.record_id,
    )
