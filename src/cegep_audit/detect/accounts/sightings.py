"""Find the account that each link of a site leads to, or note that its address does not tell."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cegep_audit import urls
from cegep_audit.detect.accounts.lists import listed
from cegep_audit.detect.accounts.name_matching import Identity, names_in
from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.host_rules import Classified
from cegep_audit.detect.networks.identify import classify, mastodon_handle
from cegep_audit.models import Link, Page, Visit
from cegep_audit.text import fold
from cegep_audit.vocabulary import How, Kind, PageRole, Zone

MASTODON = "mastodon"


class Sighting(NamedTuple):
    """One link that leads to an account, what its URL is, and the page that shows it."""

    link: Link
    what: Classified
    page: Page


def sightings(identity: Identity, visits: Sequence[Visit]) -> Iterator[Sighting]:
    """Yield the links of *visits* that lead to an account or may lead to one."""
    resolved = {
        urls.visit_key(visit.choice.url): visit.page.redirect_to
        for visit in visits
        if visit.choice.role is PageRole.OWN_LINK and visit.page and visit.page.redirect_to
    }
    for visit in visits:
        if visit.page is None or visit.reading is None:
            continue
        linked = _linked_names(visit.reading.links)
        for link in visit.reading.links:
            if _is_mentioned(link) and any(other != link.url for other in linked.get(_last(link.url), ())):
                continue
            if found := _what(link, resolved, identity):
                what, seen = found
                yield Sighting(seen, what, visit.page)


def _linked_names(links: Sequence[Link]) -> dict[str, set[str]]:
    """Return, by name, the addresses of links whose label is their own ``@name``."""
    linked: dict[str, set[str]] = defaultdict(set)
    for link in links:
        for name in _AT_NAME.findall(link.label.lower()) if "@" in link.label else ():
            if name == _last(link.url):
                linked[name].add(link.url)
    return linked


def _is_mentioned(link: Link) -> bool:
    """Whether only text names the account, as in ``Instagram : @name``: a link with that name is better evidence."""
    return link.how is How.ANCHOR and link.zone is Zone.MAIN and not (link.label or link.block)


def _last(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].removeprefix("@").lower()


_AT_NAME = re.compile(r"@([\w.]{2,30})")


def _read(url: str) -> Classified:
    """Classify *url*; a Mastodon account gets the address of its own server, whatever server shows it."""
    what = classify(url)
    name, _, server = (what.handle or "").rpartition("@")
    if what.network != MASTODON or not name or "." not in server:
        return what
    return what._replace(handle=name, account_url=f"https://{server}/@{name}")


def _what(link: Link, resolved: Mapping[str, str], identity: Identity) -> tuple[Classified, Link] | None:
    """Return what *link* leads to, and the link as evidence of it; None where that is no account of a network.

    *resolved* says where addresses of the site's own that stand for an account were found to lead.
    """
    what = _read(link.url)
    # A site hosted by a network, such as a blog, is not an account of itself.
    if what.account_url and urls.host_of(what.account_url) != urls.host_of(link.page_url):
        return what, link
    if what.network is None and (handle := mastodon_handle(link.url)) and _declares_mastodon(link, identity):
        server = urls.host_of(link.url)
        return Classified(link.url, MASTODON, Kind.PROFILE, handle, f"https://{server}/@{handle}", "rel_me"), link
    if link.names:
        target = resolved.get(urls.visit_key(link.url))
        through = _read(target) if target else None
        if through and through.account_url:
            return through, replace(link, how=How.REDIRECT)
        return None if target or link.cues & _PASSED_ON else (_unresolved(link, link.names), link)
    if what.network and what.hides_account and _is_icon(link):
        return _unresolved(link, what.network), link
    inside = _sent_on(link) if what.network is None else None
    behind = _read(inside) if inside else None
    return (behind, link) if behind and behind.kind.names_account else None


def _unresolved(link: Link, network: str) -> Classified:
    return Classified(link.url, network, Kind.NONE, None, None, "unresolved_link")


_PASSED_ON = frozenset({"share", "quote", "comment"})  # cues of share buttons and of what others wrote


def _is_icon(link: Link) -> bool:
    """Whether *link* looks like an icon of the institution's account: it names nobody and shares nothing."""
    return link.how is How.ANCHOR and not link.cues & _PASSED_ON and not names_in(link)


# ------------------------------------------------------------------------------------------ Mastodon on any host

# Any host may be a Mastodon server, and other services use the same form of address. These words show the service.
_SIGN_IN_HOST = re.compile(r"(?:^|[.-])(?:masto\w*|mstdn|toots?|fedi\w*|social)(?=[.-])")
_SIGN_IN_LABEL = re.compile(r"mastodon|fediverse|fedivers")


def _declares_mastodon(link: Link, identity: Identity) -> bool:
    """Whether *link*, whose address has the form of a Mastodon account, declares one.

    ``rel="me"`` in the page's head and the data of an organization are written for machines. A visible ``rel="me"``
    needs another sign, because templates put it on every icon.
    """
    host = urls.host_of(link.url)
    if host == urls.host_of(link.page_url) or host in identity.hosts or _is_of_another_service(host):
        return False
    if link.how is not How.REL_ME:
        return link.how is How.JSON_LD and link.subject == "organization"
    has_sign = _SIGN_IN_LABEL.search(fold(link.label)) or _SIGN_IN_HOST.search(host)
    is_own_server = urls.is_same_site(link.url, link.page_url)
    return link.zone is Zone.HEAD or is_own_server or link.names == MASTODON or has_sign is not None


def _is_of_another_service(host: str) -> bool:
    return not listed("not_mastodon", "hosts").isdisjoint((host.removeprefix("www."), urls.registrable_domain(host)))


# ------------------------------------------------------------------------------------------ links within the site

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
