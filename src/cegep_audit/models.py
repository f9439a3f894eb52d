"""The records that travel through the program, its limits, and the door pages come through.

Times are aware and in UTC, sizes are bytes, durations are seconds and say so in their name (``_s``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from cegep_audit.vocabulary import How, Kind, Need, PageRole, Role, Status, Zone


@dataclass(frozen=True, slots=True)
class Institution:
    """One row of the registry: an institution with one web site.

    ``url`` is absolute, http or https; ``alt_hosts`` are other or former host names of the site;
    ``founded`` and ``closed`` are years, None where not known; ``extra`` holds the registry's other
    columns, name to text, in file order.
    """

    id: str
    name: str
    url: str
    short_name: str = ""
    type: str = ""
    language: str = ""
    region: str = ""
    region_code: str = ""
    city: str = ""
    alt_hosts: tuple[str, ...] = ()
    founded: int | None = None
    closed: int | None = None
    enrolment: str = ""
    parent_id: str = ""
    status: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scan allows itself. Stored with the scan; ``docs/method.md`` gives the reason of each number."""

    max_pages: int = 6  # pages a site, homepage included
    delay_s: float = 1.0  # least time between two requests to one host
    concurrency: int = 32  # sites in flight
    timeout_s: float = 12.0  # total time of one request, connection included
    max_bytes: int = 5_000_000  # one response, after decompression
    max_redirects: int = 10
    retries: int = 2  # further tries for what may pass
    max_retry_after_s: float = 60.0  # above it the site is given up
    max_crawl_delay_s: float = 30.0  # above it only the homepage is read
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a browser drew a page: which it was, with its version, and why (never empty)."""

    browser: str
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One document as received, after redirects inside the site.

    ``body`` is content-decoded bytes; ``content_type`` is as sent, "" when absent; ``captured_at`` is
    the time of the answer and, for a memento or replay, that of the capture. ``redirect_to`` is set
    where the page answers with a redirect that leaves the site: the address is not followed and
    ``body`` is empty. ``record_id`` names the WARC record, None where none is kept. ``rendering`` is
    set where a browser drew the page: ``body`` then is what it drew, in UTF-8.
    """

    requested_url: str
    url: str
    status: int
    content_type: str
    body: bytes
    captured_at: datetime
    redirect_to: str | None = None
    record_id: str | None = None
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be had, as a value: ``detail`` is a code, ``message`` one line for a person."""

    url: str
    role: PageRole
    detail: str
    message: str
    at: datetime
    record_id: str | None = None


class Source(Protocol):
    """Where the pages of one site come from: the live web, a WARC file, or a web archive."""

    async def get(self, url: str) -> Page:
        """Return the page at *url*, redirects inside the site followed; raise FetchError otherwise."""


OpenSource = Callable[[Institution], AbstractAsyncContextManager[Source]]
"""Opens the source of one institution's pages; a live one keeps connections and cookies until it is closed."""


@dataclass(frozen=True, slots=True)
class Link:
    """One URL as it stands on a page.

    ``url`` is absolute; ``label`` is what a reader sees or hears (text, alternative text, title), at most 200
    characters. ``subject`` is whose link the page's data says it is (``organization``, ``person``, ``article``), ""
    where it says nothing. ``cues`` are names of signs found around the link, see ``detect/cues.toml``. ``block``
    numbers the smallest container the link shares with other links to networks, so that a row of icons is told from
    a link in running text (0: none). ``names`` is the network that the link's icon or path names where its address
    does not, "" for others.
    """

    url: str
    how: How
    zone: Zone
    label: str
    page_url: str
    subject: str = ""
    cues: frozenset[str] = frozenset()
    block: int = 0
    names: str = ""


class InnerLink(NamedTuple):  # a page has hundreds, and a tuple is made in half the time
    """One link that stays on the site: ``href`` as written, not yet resolved against ``Reading.base``."""

    href: str
    label: str
    zone: Zone
    hreflang: str = ""
    rel: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one page says, parsed once.

    ``base`` is what relative addresses resolve against; ``links`` are those that lead off the page's host or may
    name an account; ``inner`` the others; ``frames`` and ``refresh_to`` are absolute. ``language`` is the document's
    own word for it ("" where it has none). ``text_length`` counts characters of visible text, ``opening`` is the
    first 600 of them. ``signs`` are names of marks of a shell that scripts fill (``app_root``, ``noscript_plea`` …).
    """

    url: str
    base: str
    title: str
    language: str
    links: tuple[Link, ...]
    inner: tuple[InnerLink, ...]
    frames: tuple[str, ...]
    refresh_to: str | None
    text_length: int
    opening: str
    signs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """The next page to read: where, what it is expected to be, and why it was chosen, for a person."""

    url: str
    role: PageRole
    why: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One page of a site asked for, and what came of it: a page with its reading, or a failure.

    ``page`` without ``reading`` is a redirect that leaves the site (``Page.redirect_to``). Of a page's body only the
    first bytes may still be there; ``size`` is that of all of it, in bytes.
    """

    choice: Choice
    page: Page | None = None
    reading: Reading | None = None
    failure: Failure | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an account was seen: one link of one page."""

    page_url: str
    how: How
    zone: Zone
    label: str
    captured_at: datetime
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One account that a site shows, with whose it is and the evidence, the best first.

    ``url`` is canonical and names the account; it is "" for an icon whose link cannot be resolved
    (role ``uncertain``, reason ``unresolved_link``). ``reason`` is the name of the rule that gave ``role``.
    """

    network: str
    handle: str
    url: str
    kind: Kind
    role: Role
    reason: str
    evidence: tuple[Evidence, ...]
    is_main: bool = False

    @property
    def pages_seen(self) -> int:
        """Number of different pages of the site that show the account."""
        return len({item.page_url for item in self.evidence})


@dataclass(frozen=True, slots=True)
class PageRecord:
    """What is kept of a page that was read: the bytes themselves are in the WARC.

    ``why`` says why the page was chosen, for a person; ``brought`` counts accounts first seen on it; ``rendering`` is
    None where no browser drew it.
    """

    requested_url: str
    url: str
    role: PageRole
    why: str
    status: int
    content_type: str
    size: int
    captured_at: datetime
    brought: int = 0
    record_id: str | None = None
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """A link to a network that serves its reader badly, at the first place where the site has it.

    ``rule`` is the name of a row of ``analyze/flaws.toml``; ``url`` is the address as it stands there; ``account_url``
    is the account it leads to, "" where it leads to none.
    """

    rule: str
    network: str
    url: str
    account_url: str
    page_url: str
    zone: Zone
    label: str


@dataclass(frozen=True, slots=True)
class InstitutionResult:
    """What a scan found of one institution; ``captured_at`` is that of the homepage, None where it was not read."""

    institution: Institution
    status: Status
    detail: str
    message: str
    final_url: str
    captured_at: datetime | None
    pages: tuple[PageRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    accounts: tuple[Account, ...] = ()
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """One run over a registry.

    ``id`` counts from 1 in its database; ``mode`` is ``live``, ``replay`` or ``as_of``; ``settings`` are
    the options it ran with, name to JSON value; ``ended_at`` is None where it was interrupted.
    ``institutions`` are all that were to be audited, in registry order; ``results`` those that were.
    """

    id: int
    started_at: datetime
    ended_at: datetime | None
    mode: str
    settings: Mapping[str, object]
    tool_version: str
    rules_version: str
    institutions: tuple[Institution, ...] = ()
    results: tuple[InstitutionResult, ...] = ()
