"""The closed lists of the contract: the codes for accounts, links, pages, failures and decisions."""

from enum import StrEnum


class Kind(StrEnum):
    """What a URL leads to on its network; the first three kinds identify an account."""

    PROFILE = "profile"
    GROUP = "group"
    SHOW = "show"
    SHARE = "share"
    EMBED = "embed"
    CONTENT = "content"
    POLICY = "policy"
    NONE = "none"

    @property
    def names_account(self) -> bool:
        """Whether a URL of this kind is the address of an account."""
        return self in {Kind.PROFILE, Kind.GROUP, Kind.SHOW}


class Role(StrEnum):
    """Who owns an account, as judged by the rules."""

    OFFICIAL = "official"
    UNIT = "unit"
    THIRD_PARTY = "third_party"
    UNCERTAIN = "uncertain"


class How(StrEnum):
    """How a link is written on a page."""

    ANCHOR = "anchor"
    REL_ME = "rel_me"
    META = "meta"
    JSON_LD = "json_ld"
    MICRODATA = "microdata"
    WIDGET = "widget"
    EMBED = "embed"
    SCRIPT = "script"
    REDIRECT = "redirect"
    FEED = "feed"


class Zone(StrEnum):
    """The part of the page where a link is."""

    HEAD = "head"
    HEADER = "header"
    NAV = "nav"
    MAIN = "main"
    ASIDE = "aside"
    FOOTER = "footer"


class Status(StrEnum):
    """Whether a site could be assessed; only ``ok`` and ``partial`` count as assessed."""

    OK = "ok"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    UNUSABLE = "unusable"

    @property
    def is_assessed(self) -> bool:
        """Whether the absence of an account means anything on such a site."""
        return self in {Status.OK, Status.PARTIAL}


class Detail(StrEnum):
    """Why a page or site could not be read. An HTTP status is written ``http_NNN``, see :func:`http_detail`."""

    NONE = ""
    DNS = "dns"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    CONNECTION_LOST = "connection_lost"
    PROTOCOL = "protocol"  # an answer that is not HTTP
    PROXY = "proxy"
    ROBOTS = "robots"
    TOO_LARGE = "too_large"
    CUT_SHORT = "cut_short"  # fewer bytes than announced
    DECODE = "decode"  # content coding or character encoding that cannot be undone
    NOT_HTML = "not_html"
    EMPTY = "empty"
    NEEDS_JS = "needs_js"
    PARKED = "parked"
    CHALLENGE = "challenge"  # a page that asks the reader to prove that they are human
    REDIRECT_LOOP = "redirect_loop"  # also: more redirects than ``Limits.max_redirects``
    BAD_REDIRECT = "bad_redirect"  # a redirect without a usable http(s) address
    FOREIGN_SITE = "foreign_site"
    PRIVATE_ADDRESS = "private_address"
    BAD_URL = "bad_url"
    RETRY_AFTER = "retry_after"  # asked to wait longer than ``Limits.max_retry_after_s``
    CRAWL_DELAY = "crawl_delay"  # robots.txt asks for more than ``Limits.max_crawl_delay_s`` between pages
    NO_CAPTURE = "no_capture"  # the archive or WARC holds no such page
    TOO_MANY_ACCOUNTS = "too_many_accounts"  # more than can be judged; the site is not counted
    INTERNAL_ERROR = "internal_error"


# A request without an answer: the site, this machine or something between them is at fault.
NO_ANSWER = frozenset(
    {Detail.DNS, Detail.REFUSED, Detail.TIMEOUT, Detail.TLS, Detail.CONNECTION_LOST, Detail.PROTOCOL, Detail.PROXY}
)


def http_detail(status: int) -> str:
    """Return the detail code of an HTTP *status*: ``http_403``."""
    return f"http_{status}"


REDIRECTS = frozenset({301, 302, 303, 307, 308})  # statuses of a redirect that is followed
MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})  # statuses that may be temporary
# Statuses by which a gateway says that the site behind it does not answer. 52x and 530 are Cloudflare's.
SITE_DOWN = frozenset({502, 504, *range(520, 528), 530})
MAY_CHALLENGE = frozenset({401, 403, 405, 429, 503})  # statuses of a firewall's challenge


class PageRole(StrEnum):
    """Why a page of a site is read."""

    HOME = "home"
    FRAME = "frame"  # a frame of a page, or the target of its immediate refresh
    LANGUAGE = "language"  # the same site in another language, or behind a splash page
    SOCIAL = "social"
    CONTACT = "contact"
    ABOUT = "about"
    OWN_LINK = "own_link"  # an address of the site that leads to an account: /facebook


class ReadBy(StrEnum):
    """How the result of an assessed institution was obtained."""

    NONE = ""  # not assessed
    LIVE = "live"
    RETRY = "retry"  # live again, after a scan that could not assess it
    BROWSER = "browser"
    ARCHIVE = "archive"
    SAVED = "saved"  # pages that a person saved
    WARC = "warc"  # replayed
    CODED = "coded"  # the decisions of coders


class Verdict(StrEnum):
    """The decision of a coder on one institution and network."""

    PRESENT = "present"  # the site shows an account of its own: the one named
    ABSENT = "absent"  # the site shows none
    WRONG_ACCOUNT = "wrong_account"  # the site shows one, but not the one that the sheet named
    UNSURE = "unsure"  # the coder looked but could not decide
    LISTED = "listed"  # named by a list from elsewhere, which says nothing about the site

    @property
    def is_decisive(self) -> bool:
        """Whether a coder looked at the site and decided."""
        return self in {Verdict.PRESENT, Verdict.ABSENT, Verdict.WRONG_ACCOUNT}


class Need(StrEnum):
    """Why a browser rendered a page; all but the first two are ``signs`` of its reading."""

    ALWAYS = "always"  # the user asked to render every page
    FEW_LINKS = "few_links"
    APP_ROOT = "app_root"
    NOSCRIPT_PLEA = "noscript_plea"
    STATE = "state"  # data for scripts, without the markup that they would create from it
