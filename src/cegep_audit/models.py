"""The records shared by all packages. Times are aware and in UTC, sizes in bytes, durations in seconds (``_s``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from cegep_audit.vocabulary import How, Kind, Need, PageRole, ReadBy, Role, Status, Verdict, Zone


@dataclass(frozen=True, slots=True)
class Institution:
    """One row of the registry: an institution with one web site."""

    id: str
    name: str
    url: str  # absolute, http or https
    short_name: str = ""
    type: str = ""
    language: str = ""
    region: str = ""
    region_code: str = ""
    city: str = ""
    alt_hosts: tuple[str, ...] = ()  # other or former hosts of the site
    names: tuple[str, ...] = ()  # former names, each as value@2005..2012
    founded: int | None = None  # a year
    closed: int | None = None
    enrolment: str = ""
    parent_id: str = ""
    successor_id: str = ""
    status: str = ""
    wikidata: str = ""
    ror: str = ""
    dated_hosts: tuple[str, ...] = ()  # hosts valid in some years only, each as host@2005..2012
    extra: Mapping[str, str] = field(default_factory=dict)  # the registry's other columns, in file order


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a scan; ``docs/method.md`` gives the reason for each number."""

    max_pages: int = 6  # pages a site, homepage included
    delay_s: float = 1.0  # minimum time between two requests to one host
    concurrency: int = 32  # sites in flight
    timeout_s: float = 12.0  # total time of one request, connection included
    max_bytes: int = 5_000_000  # one response, after decompression
    max_redirects: int = 10
    retries: int = 2  # further tries after a temporary failure
    max_retry_after_s: float = 60.0  # the scan gives up on a site that asks for more
    max_crawl_delay_s: float = 30.0  # above it only the homepage is read
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a browser rendered a page: its name and version, and the reasons (never empty)."""

    browser: str
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One document as received, after redirects inside the site."""

    requested_url: str
    url: str
    status: int
    content_type: str  # as sent
    body: bytes  # content-decoded, or as a browser rendered it (UTF-8); empty with ``redirect_to``
    captured_at: datetime
    redirect_to: str | None = None  # off the site
    record_id: str | None = None
    rendering: Rendering | None = None
    refresh: str = ""  # the header of that name


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be read."""

    url: str
    role: PageRole
    detail: str  # a code
    message: str  # one line for a person
    at: datetime
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One URL of a page, absolute."""

    url: str
    how: How
    zone: Zone
    label: str  # at most 200 characters of what a reader sees or hears
    page_url: str
    subject: str = ""  # what structured data says the URL belongs to: organization …
    cues: frozenset[str] = frozenset()  # of its context
    block: int = 0  # number of the container shared with other network links; 0: none
    names: str = ""  # a network named by an icon


class InnerLink(NamedTuple):  # a page has hundreds, and a tuple is made in half the time
    """One link that stays on the site."""

    href: str  # as written, not yet resolved against ``Reading.base``
    label: str
    zone: Zone
    hreflang: str = ""
    rel: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The content of one page, parsed once."""

    url: str
    base: str  # relative addresses resolve against it
    title: str
    language: str
    links: tuple[Link, ...]  # those that leave the host or may name an account
    inner: tuple[InnerLink, ...]  # the others
    frames: tuple[str, ...]
    refresh_to: str | None
    text_length: int  # visible characters
    opening: str  # the first 600 of them
    signs: frozenset[str] = frozenset()  # of a shell that scripts fill: app_root, noscript_plea …


@dataclass(frozen=True, slots=True)
class Choice:
    """The next page to read."""

    url: str
    role: PageRole  # what it is expected to be
    why: str  # it was chosen, in words for a person


@dataclass(frozen=True, slots=True)
class Visit:
    """A page with its reading, a redirect off the site without one, or a failure."""

    choice: Choice
    page: Page | None = None
    reading: Reading | None = None
    failure: Failure | None = None
    size: int = 0  # bytes


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
    """One account that a site shows."""

    network: str
    handle: str
    url: str  # canonical; "" for an icon whose link cannot be resolved (uncertain, reason unresolved_link)
    kind: Kind
    role: Role
    reason: str  # the rule that gave the role
    evidence: tuple[Evidence, ...]  # the best first
    is_main: bool = False

    @property
    def pages_seen(self) -> int:
        """How many pages of the site show the account."""
        return len({item.page_url for item in self.evidence})


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page that was read, with its bytes in the WARC."""

    requested_url: str
    url: str
    role: PageRole
    why: str
    status: int
    content_type: str
    size: int
    captured_at: datetime
    brought: int = 0  # accounts first seen on it
    record_id: str | None = None
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """A faulty link to a network."""

    rule: str  # a row of ``analyze/institution/flaws.toml``
    network: str
    url: str
    account_url: str
    page_url: str
    zone: Zone
    label: str


@dataclass(frozen=True, slots=True)
class InstitutionResult:
    """The result of a scan for one institution."""

    institution: Institution
    status: Status
    detail: str
    message: str
    final_url: str
    captured_at: datetime | None = None  # of the homepage, where it was read
    pages: tuple[PageRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    accounts: tuple[Account, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    read_by: ReadBy = ReadBy.NONE

    @property
    def official(self) -> list[Account]:
        """Its official accounts."""
        return [account for account in self.accounts if account.role is Role.OFFICIAL]


@dataclass(frozen=True, slots=True)
class Stall:
    """A period in which this program did not run, as on a suspended laptop: its end and its length in seconds."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Scan:
    """One run over a registry."""

    id: int
    started_at: datetime
    ended_at: datetime | None  # None: interrupted, or still running
    mode: str  # live, replay or as_of
    settings: Mapping[str, object]  # its options, as JSON values
    tool_version: str
    rules_version: str
    institutions: tuple[Institution, ...] = ()
    results: tuple[InstitutionResult, ...] = ()
    label: str = ""  # set by the user
    completes: int | None = None  # the scan whose gaps it fills
    stalls: tuple[Stall, ...] = ()

    @property
    def is_selection(self) -> bool:
        """Whether the user chose some institutions of the registry (``--id``, ``--limit`` …)."""
        chosen = self.settings.get("selection")
        return isinstance(chosen, Mapping) and any(value for name, value in chosen.items() if name != "with_parts")


class Unit(NamedTuple):
    """The unit of hand coding, one row of a coding sheet."""

    institution_id: str
    network: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one coder on one unit of a scan."""

    scan_id: int
    unit: Unit
    coder: str
    verdict: Verdict
    correct_account: str  # canonical; "" for none
    date: date
    note: str = ""
    detected: str | None = None  # the main account that the rules had found, "" for none; None: not assessed
    is_blind: bool = True  # the coder did not see it
    stratum: str = ""  # of a drawn row
    weight: float | None = None  # the rows that a drawn row stands for
