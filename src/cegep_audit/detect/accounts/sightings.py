"""Find the account that each link of a site leads to, or note that its address does not tell."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cegep_audit import urls
from cegep_audit.detect.accounts.name_matching import Identity, listed, names_in
from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.host_rules import Classified, no_account
from cegep_audit.detect.networks.identify import classify, mastodon_handle
from cegep_audit.models import Link, Page, Visit
from cegep_audit.text import fold
from cegep_audit.vocabulary import How, Kind, PageRole, Zone

MASTODON = "mastodon"
_AT_NAME = re.compile(r"@([\w.]{2,30})")
_PASSED_ON = frozenset({"share", "quote", "comment"})  # cues of share buttons and of what others wrote


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
        linked: dict[str, set[str]] = defaultdict(set)  # by name, the addresses of links whose label is their own @name
        for link in visit.reading.links:
            if "@" in link.label and (name := _last(link.url)) in _AT_NAME.findall(link.label.lower()):
                linked[name].add(link.url)
        for link in visit.reading.links:
            # Only text names the account, as in "Instagram : @name": a link with that name is better evidence.
            is_mentioned = link.how is How.ANCHOR and link.zone is Zone.MAIN and not (link.label or link.block)
            if is_mentioned and any(url != link.url for url in linked.get(_last(link.url), ())):
                continue
            if found := _what(link, resolved, identity):
                what, seen = found
                yield Sighting(seen, what, visit.page)


def _last(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].removeprefix("@").lower()


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
        if target := resolved.get(urls.visit_key(link.url)):
            through = _read(target)
            return (through, replace(link, how=How.REDIRECT)) if through.account_url else None
        return None if link.cues & _PASSED_ON else (no_account(link.names, Kind.NONE, "unresolved_link"), link)
    if what.network is None:
        inside = _sent_on(link)
        behind = _read(inside) if inside else what
        return (behind, link) if behind.kind.names_account else None
    # An icon of the institution's account names nobody and shares nothing.
    is_icon = link.how is How.ANCHOR and not link.cues & _PASSED_ON and not names_in(link)
    return (no_account(what.network, Kind.NONE, "unresolved_link"), link) if what.hides_account and is_icon else None


def _read(url: str) -> Classified:
    """Classify *url*; a Mastodon account gets the address of its own server, whatever server shows it."""
    what = classify(url)
    name, _, server = (what.handle or "").rpartition("@")
    if what.network != MASTODON or not name or "." not in server:
        return what
    return what._replace(handle=name, account_url=f"https://{server}/@{name}")


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
    is_other_service = not listed("not_mastodon").isdisjoint((host.removeprefix("www."), urls.registrable_domain(host)))
    if host == urls.host_of(link.page_url) or host in identity.hosts or is_other_service:
        return False
    if link.how is not How.REL_ME:
        return link.how is How.JSON_LD and link.subject == "organization"
    has_sign = _SIGN_IN_LABEL.search(fold(link.label)) or _SIGN_IN_HOST.search(host)
    is_own_server = urls.is_same_site(link.url, link.page_url)
    return link.zone is Zone.HEAD or is_own_server or link.names == MASTODON or has_sign is not None


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
