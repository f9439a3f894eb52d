"""Find the account that each link of a site leads to, group the links by account, and sum up what they show."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch, listed, match_name, names_in, parts_in
from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.host_rules import Classified, no_account
from cegep_audit.detect.networks.identify import account_key, classify, mastodon_handle
from cegep_audit.errors import TooManyAccountsError
from cegep_audit.models import Link, Page, Visit
from cegep_audit.text import fold
from cegep_audit.vocabulary import How, Kind, PageRole, Zone

FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})
_UNSEEN = frozenset({How.JSON_LD, How.META, How.SCRIPT, How.FEED})
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit", "separate"})
_REPEATED_FROM = 2  # pages that show an account: what a template repeats belongs to the frame of the site
MASTODON = "mastodon"
_AT_NAME = re.compile(r"@([\w.]{2,30})")
_PASSED_ON = frozenset({"share", "quote", "comment"})  # cues of share buttons and of what others wrote


class Prominence(IntEnum):
    """How an account is shown, by its best link."""

    CONTENT = 0
    INVITED = 1  # in the content, with words that ask to follow, or by the network's own widget
    BESIDE = 2  # in a menu or side column
    FRAME = 3  # in the header or footer, or in a menu or side column with such words
    DECLARED = 4  # the page's data says it is the organisation's


_OF_ZONE = dict.fromkeys((Zone.HEADER, Zone.FOOTER, Zone.HEAD), Prominence.FRAME)
_OF_ZONE |= dict.fromkeys((Zone.NAV, Zone.ASIDE), Prominence.BESIDE)


@dataclass(slots=True, eq=False)
class Row:
    """The accounts whose links share one container of one page."""

    members: set[Candidate] = field(default_factory=set)
    is_script: bool = False  # the container is a script
    # Set when the accounts of the site are compared:
    counts: Counter[str] = field(default_factory=Counter)  # accounts by network
    is_of_icons: bool = False  # it shows accounts of several networks


class Candidate:
    """One account with all the evidence for and against it: the rules look at nothing else."""

    def __init__(self, network: str, group: Sequence[Sighting], identity: Identity) -> None:
        what = next((seen.what for seen in group if seen.what.kind.names_account), group[0].what)
        # If only posts or players of an account are shown, its kind is that of its canonical address.
        kind = classify(what.account_url).kind if what.account_url and not what.kind.names_account else what.kind
        self.identity = identity
        self.network = network
        self.handle = what.handle or ""
        self.url = what.account_url or ""  # "" for an icon whose link cannot be resolved
        self.kind = kind if kind.names_account or not self.url else Kind.PROFILE
        self.sightings = group
        self.has_only_posts = all(seen.what.kind is Kind.CONTENT for seen in group)
        self.links = [seen.link for seen in group]
        cues = [link.cues for link in self.links]
        self.cues = frozenset().union(*cues)  # of any link
        self.common_cues = frozenset.intersection(*cues)  # of every link
        self.subjects = {link.subject for link in self.links}
        self.hows = {link.how for link in self.links}
        # Old addresses hold the title of the page in their path or query.
        paths = (unquote(link.url.partition("://")[2].partition("/")[2]) for link in self.links)
        shown = list(dict.fromkeys([self.handle, *paths]))
        labels = list(dict.fromkeys(link.label for link in self.links if link.label))
        self.name_match = max(match_name(text, identity) for text in (*shown, *labels))
        self.is_alike = self.name_match > NameMatch.NONE  # its handle or a label shows the institution's name
        self.is_separate = bool(parts_in(" ".join([*shown, *labels]), "separate") - parts_in(identity.text, "separate"))
        named = parts_in(" ".join(shown))
        self.parts = named - identity.parts  # of the institution, as its handle or address names them
        # It names the part that the institution itself is.
        self.is_subject = bool(identity.parts and identity.parts & (named | parts_in(" ".join(labels))))
        self.is_listed = any(link.how is How.JSON_LD and link.subject == "organization" for link in self.links)
        self.is_declared = self.some(lambda link: link.how in DATA and link.subject in {"organization", "claim", ""})
        own_pages = {link.page_url for link in self.links if not link.cues & _OF_OTHERS}
        is_repeated = len(own_pages) >= _REPEATED_FROM or (self.is_alike and How.WIDGET in self.hows)
        self.prominence = max(*map(prominence_of, self.links), Prominence.FRAME if is_repeated else Prominence.CONTENT)
        self.is_visible = self.some(is_visible)
        self.is_seen_in_frame = self.is_visible and self.prominence >= Prominence.FRAME
        self.rows: list[Row] = []
        # Set when the accounts of the site are compared:
        self.competitors = 0  # other accounts of its network
        self.is_outdone = False  # one of them shows the institution's whole name, and this one does not
        self.is_beside_same = False  # one of them is in the frame under the institution's very name
        self.is_apart = False  # it is outside the frame, and unlike the institution's accounts in it
        self.is_outranked = False  # one of them is more prominent
        self.in_list = False  # one of several of its network in its rows or in the content, without an invitation
        self.is_unit = False
        self.is_contradicted = False  # only the page's data names it, and the visible icons name others
        self.in_row_of_icons = False
        self.is_of_others = False  # all its rows are somebody else's
        self.is_in_own_row = False  # its row holds the institution's name on another network

    def every(self, test: Callable[[Link], object]) -> bool:
        """Whether *test* holds for all links to the account."""
        return all(map(test, self.links))

    def some(self, test: Callable[[Link], object]) -> bool:
        """Whether *test* holds for a link to the account."""
        return any(map(test, self.links))


def gather(identity: Identity, visits: Sequence[Visit], most: int) -> list[Candidate]:
    """Return the accounts that the pages of *visits* name, the first seen first; TooManyAccountsError above *most*."""
    groups: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for seen in _sightings(identity, visits):
        network, url = seen.what.network or "", seen.what.account_url
        groups[network, account_key(network, url) if url else ""].append(seen)
        if len(groups) > most:
            raise TooManyAccountsError(f"more than {most} different accounts")
    found = [Candidate(network, group, identity) for (network, _), group in groups.items()]
    rows: dict[tuple[str, int], Row] = defaultdict(Row)
    for candidate in found:
        for link in candidate.links:
            if link.block:
                row = rows[link.page_url, link.block]
                row.is_script |= link.how is How.SCRIPT
                if candidate not in row.members:
                    row.members.add(candidate)
                    candidate.rows.append(row)
    return found


def prominence_of(link: Link) -> Prominence:
    """Return how prominent *link* is by itself."""
    if link.how in DATA:
        return Prominence.DECLARED if link.subject in {"organization", ""} else Prominence.CONTENT
    found = _OF_ZONE.get(link.zone, Prominence.CONTENT)
    is_in_prose = found is Prominence.CONTENT and "prose" in link.cues
    if link.how is How.SCRIPT or link.cues & _OF_OTHERS or is_in_prose:
        return Prominence.CONTENT
    if "follow" in link.cues:
        return Prominence.INVITED if found is Prominence.CONTENT else Prominence.FRAME
    return max(found, Prominence.INVITED) if link.how is How.WIDGET else found


def is_visible(link: Link) -> bool:
    """Whether a reader of the page sees *link*, and not as somebody else's."""
    is_in_data = link.how in _UNSEEN or (link.how is How.REL_ME and link.zone is Zone.HEAD)
    return not is_in_data and not link.cues & _OF_OTHERS


class Sighting(NamedTuple):
    """One link that leads to an account, what its URL is, and the page that shows it."""

    link: Link
    what: Classified
    page: Page


def _sightings(identity: Identity, visits: Sequence[Visit]) -> Iterator[Sighting]:
    """Yield the links of *visits* that lead to an account or may lead to one."""
    resolved = {  # where the site's own addresses redirect
        urls.visit_key(visit.choice.url): visit.page.redirect_to
        for visit in visits
        if visit.choice.role is PageRole.OWN_LINK and visit.page and visit.page.redirect_to
    }
    for visit in visits:
        if visit.page is None or visit.reading is None:
            continue
        linked: dict[str, set[str]] = defaultdict(set)  # by name, the addresses of links whose label is their own @name
        for link in visit.reading.links:
            if "@" in link.label and (name := _last(link.url)) in _AT_NAME.findall(link.label.lower()):
                linked[name].add(link.url)
        for link in visit.reading.links:
            # Only text names the account, as in "Instagram : @name": a link with that name is better evidence.
            is_mentioned = link.how is How.ANCHOR and link.zone is Zone.MAIN and not (link.label or link.block)
            if is_mentioned and linked[_last(link.url)] - {link.url}:
                continue
            if found := _what(link, resolved, identity):
                yield Sighting(*found, visit.page)


def _last(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].removeprefix("@").lower()


def _what(link: Link, resolved: Mapping[str, str], identity: Identity) -> tuple[Link, Classified] | None:
    """Return *link* as evidence, and the account to which it leads; None if that is not an account of a network."""
    what = _read(link.url)
    # A site hosted by a network, such as a blog, is not an account of itself.
    if what.account_url and urls.host_of(what.account_url) != urls.host_of(link.page_url):
        return link, what
    if what.network is None and (handle := mastodon_handle(link.url)) and _declares_mastodon(link, identity):
        url = f"https://{urls.host_of(link.url)}/@{handle}"
        return link, Classified(link.url, MASTODON, Kind.PROFILE, handle, url, "rel_me")
    if link.names and (target := resolved.get(urls.visit_key(link.url))):
        through = _read(target)
        return (replace(link, how=How.REDIRECT), through) if through.account_url else None
    if what.network is None and not link.names:
        behind = _read(inside) if (inside := _sent_on(link)) else what
        return (link, behind) if behind.kind.names_account else None
    # An icon of the institution's own account has no name in its label and is not a share button.
    is_icon = link.names or (what.hides_account and link.how is How.ANCHOR and not names_in(link))
    network = link.names or what.network
    return (link, no_account(network, Kind.NONE, "unresolved_link")) if is_icon and not link.cues & _PASSED_ON else None


def _read(url: str) -> Classified:
    """Classify *url*; a Mastodon account gets the address of its own server, whatever server shows it."""
    what = classify(url)
    name, _, server = (what.handle or "").rpartition("@")
    if what.network != MASTODON or not name or "." not in server:
        return what
    return what._replace(handle=name, account_url=f"https://{server}/@{name}")


# Any host may be a Mastodon server, and other services use the same form of address. These words show the service.
_SIGN_IN_HOST = re.compile(r"(?:^|[.-])(?:masto\w*|mstdn|toots?|fedi\w*|social)(?=[.-])")
_SIGN_IN_LABEL = re.compile(r"mastodon|fediverse|fedivers")


def _declares_mastodon(link: Link, identity: Identity) -> bool:
    """Whether *link*, whose address has the form of a Mastodon account, declares one."""
    host = urls.host_of(link.url)
    is_other_service = not listed("not_mastodon").isdisjoint((host.removeprefix("www."), urls.registrable_domain(host)))
    if host == urls.host_of(link.page_url) or host in identity.hosts or is_other_service:
        return False
    if link.how is not How.REL_ME:
        return link.how is How.JSON_LD and link.subject == "organization"
    # A visible rel="me" needs another sign, because templates put it on every icon.
    has_sign = _SIGN_IN_LABEL.search(fold(link.label)) or _SIGN_IN_HOST.search(host)
    is_own_server = urls.is_same_site(link.url, link.page_url)
    return link.zone is Zone.HEAD or is_own_server or link.names == MASTODON or has_sign is not None


# Parameters that say where the reader comes from, not where the address leads.
_ORIGINS = frozenset({"ref", "referer", "referrer", "from", "source", "src", "via"})


def _sent_on(link: Link) -> str | None:
    """Return the address to which a page of the same site redirects: ``/click?url=https%3A%2F%2F…``."""
    query = link.url.partition("?")[2]
    if "//" not in query and "%2f%2f" not in query.lower():
        return None
    address = unwrap.read_address(link.url)
    if address is None or not urls.is_same_site(link.url, link.page_url):
        return None
    parameters = unwrap.parameters(address.query).items()
    return next((value for name, value in parameters if "//" in value[:8] and name not in _ORIGINS), None)
