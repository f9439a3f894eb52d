"""The records shared by all packages. Times are aware and in UTC, sizes in bytes, durations in seconds (``_s``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from cegep_audit.clock import Stall
from cegep_audit.vocabulary import How, Kind, Need, PageRole, ReadBy, Role, Status, Verdict, Zone


@dataclass(frozen=True, slots=True)
class Institution:
    """One row of the registry: an institution with one web site, at ``url`` (absolute, http or https).

    ``alt_hosts`` are other or former hosts of the site; ``founded`` and ``closed`` are years, None if unknown.
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
    names: tuple[str, ...] = ()  # former names, each as value@2005..2012
    founded: int | None = None
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
    """One document as received, after redirects inside the site. If ``redirect_to`` leads off it, ``body`` is empty.

    ``body`` is content-decoded, or as a browser rendered it (UTF-8); ``content_type`` and ``refresh`` are headers.
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
    refresh: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A page that could not be read: ``detail`` is a code, ``message`` one line for a person."""

    url: str
    role: PageRole
    detail: str
    message: str
    at: datetime
    record_id: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One URL of a page, absolute; ``label`` is at most 200 characters of what a reader sees or hears.

    ``subject`` is what structured data says the URL belongs to (``organization`` …); ``cues`` name its context;
    ``block`` numbers the container shared with other network links (0: none); ``names`` is a network named by an icon.
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
    """The content of one page, parsed once; ``links`` leave the host or may name an account, ``inner`` are the others.

    Relative addresses resolve against ``base``. ``opening`` is the first 600 of ``text_length`` visible characters.
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
    signs: frozenset[str] = frozenset()  # of a shell that scripts fill: app_root, noscript_plea …


@dataclass(frozen=True, slots=True)
class Choice:
    """The next page to read, what it is expected to be, and why it was chosen, in words for a person."""

    url: str
    role: PageRole
    why: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A page with its reading, a redirect off the site without one, or a failure; ``size`` is in bytes."""

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
    """One account that a site shows; ``reason`` names the rule that gave ``role``; the best evidence comes first.

    ``url`` is canonical, "" for an icon whose link cannot be resolved (``uncertain``, reason ``unresolved_link``).
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
        """How many pages of the site show the account."""
        return len({item.page_url for item in self.evidence})


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page that was read, with its bytes in the WARC; ``brought`` counts the accounts first seen on it."""

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
    """A link to a network that serves its reader badly; ``rule`` names a row of ``analyze/institution/flaws.toml``."""

    rule: str
    network: str
    url: str
    account_url: str
    page_url: str
    zone: Zone
    label: str


@dataclass(frozen=True, slots=True)
class InstitutionResult:
    """The result of a scan for one institution; ``captured_at`` is None if the homepage was not read."""

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
    read_by: ReadBy = ReadBy.NONE


@dataclass(frozen=True, slots=True)
class Scan:
    """One run over a registry: ``live``, ``replay`` or ``as_of``, with its options as JSON values.

    ``ended_at`` is None if it was interrupted; the user sets ``label``; ``completes`` is the scan whose gaps it fills.
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
    label: str = ""
    completes: int | None = None
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
    """The decision of one coder on one unit of a scan; ``correct_account`` is canonical, "" for none.

    ``detected`` is what the rules had found, None if the site was not assessed; a blind coder did not see it.
    """

    scan_id: int
    unit: Unit
    coder: str
    verdict: Verdict
    correct_account: str
    date: date
    note: str = ""
    detected: str | None = None
    is_blind: bool = True
    stratum: str = ""  # of a drawn row
    weight: float | None = None  # the rows that a drawn row stands for
