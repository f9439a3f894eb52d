"""What each link of a site leads to: an account, or an account that its address does not tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cegep_audit import urls
from cegep_audit.detect.accounts.lists import listed
from cegep_audit.detect.accounts.name_matching import Identity, names_in
from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.identify import Classified, classify, mastodon_handle
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Link, Visit
from cegep_audit.vocabulary import How, Kind, PageRole, Zone

MASTODON = "mastodon"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One link that leads to an account, what its URL is, and the capture that shows it."""

    link: Link
    what: Classified
    captured_at: datetime
    record_id: str | None


def sightings(identity: Identity, visits: Sequence[Visit]) -> Iterator[Sighting]:
    """Yield the links of *visits* that lead to an account, or may."""
    resolved = _own_redirects(visits)
    for visit in visits:
        if visit.page is None or visit.reading is None:
            continue
        linked = _linked_names(visit.reading.links)
        for link in visit.reading.links:
            if _is_mentioned(link) and any(other != link.url for other in linked.get(_last(link.url), ())):
                continue
            for what, seen in _what(link, resolved, identity):
                yield Sighting(seen, what, visit.page.captured_at, visit.page.record_id)


def _linked_names(links: Sequence[Link]) -> dict[str, set[str]]:
    """Return the addresses of links by the name that their label has: ``@name``."""
    linked: dict[str, set[str]] = defaultdict(set)
    for link in links:
        for name in _AT_NAME.findall(link.label.lower()) if "@" in link.label else ():
            if name == _last(link.url):
                linked[name].add(link.url)
    return linked


def _is_mentioned(link: Link) -> bool:
    """Whether only text names the account, ``Instagram : @name``: a link under that name says whose it is."""
    return link.how is How.ANCHOR and link.zone is Zone.MAIN and not (link.label or link.block)


def _last(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2].removeprefix("@").lower()


_AT_NAME = re.compile(r"@([\w.]{2,30})")


def _read(url: str) -> Classified:
    """Return what *url* is; a Mastodon account has the address of its own server, whatever server shows it."""
    what = classify(url)
    name, _, server = (what.handle or "").rpartition("@")
    if what.network != MASTODON or not name or "." not in server:
        return what
    return replace(what, handle=name, account_url=f"https://{server}/@{name}")


def _own_redirects(visits: Iterable[Visit]) -> dict[str, str]:
    """Return where addresses of the site's own that stand for an account were found to lead."""
    return {
        urls.visit_key(visit.choice.url): visit.page.redirect_to
        for visit in visits
        if visit.choice.role is PageRole.OWN_LINK and visit.page and visit.page.redirect_to
    }


def _what(link: Link, resolved: dict[str, str], identity: Identity) -> Iterator[tuple[Classified, Link]]:
    """Yield what *link* leads to, nothing where that is no account of a network."""
    what = _read(link.url)
    # A site that is a blog of a network is no account of itself.
    if what.account_url and urls.host_of(what.account_url) != urls.host_of(link.page_url):
        yield what, link
    elif what.network is None and (handle := mastodon_handle(link.url)) and _declares_mastodon(link, identity):
        server = urls.host_of(link.url)
        yield Classified(link.url, MASTODON, Kind.PROFILE, handle, f"https://{server}/@{handle}", "rel_me"), link
    elif link.names:
        target = resolved.get(urls.visit_key(link.url))
        through = _read(target) if target else None
        if through and through.account_url:
            yield through, replace(link, how=How.REDIRECT)
        elif target is None and not link.cues & _PASSED_ON:
            yield _unresolved(link, link.names), link
    elif what.network and what.hides_account and _is_icon(link):
        yield _unresolved(link, what.network), link
    elif what.network is None and (inside := _sent_on(link)) and (what := _read(inside)).kind.names_account:
        yield what, link


def _unresolved(link: Link, network: str) -> Classified:
    return Classified(link.url, network, Kind.NONE, None, None, "unresolved_link")


_PASSED_ON = frozenset({"share", "quote", "comment"})  # signs of buttons and of what others wrote


def _is_icon(link: Link) -> bool:
    """Whether *link* stands for an account of the institution: its words name nobody and share nothing."""
    return link.how is How.ANCHOR and not link.cues & _PASSED_ON and not names_in(link)


# ------------------------------------------------------------------------------------------ Mastodon on any host

# Any host may be a Mastodon server, and other services write their addresses alike. What names the service is a sign.
_SIGN_IN_HOST = re.compile(r"(?:^|[.-])(?:masto\w*|mstdn|toots?|fedi\w*|social)(?=[.-])")
_SIGN_IN_LABEL = re.compile(r"mastodon|fediverse|fedivers")


def _declares_mastodon(link: Link, identity: Identity) -> bool:
    """Whether *link*, whose address has the form of a Mastodon account, declares one.

    ``rel="me"`` in the page's head is written for machines, and so are the data of an organisation; a visible
    ``rel="me"`` needs a sign, for templates put it on every icon.
    """
    host = urls.host_of(link.url)
    if host == urls.host_of(link.page_url) or host in identity.hosts or _is_of_another_service(host):
        return False
    if link.how is How.REL_ME:
        is_own_server = urls.is_same_site(link.url, link.page_url)
        return (
            link.zone is Zone.HEAD
            or is_own_server
            or link.names == MASTODON
            or _has_sign(link.label)
            or bool(_SIGN_IN_HOST.search(host))
        )
    return link.how is How.JSON_LD and link.subject == "organization"


def _has_sign(label: str) -> bool:
    return bool(_SIGN_IN_LABEL.search(fold(label)))


def _is_of_another_service(host: str) -> bool:
    return host.removeprefix("www.") in listed("not_mastodon", "hosts") or urls.registrable_domain(host) in listed(
        "not_mastodon", "hosts"
    )


# ------------------------------------------------------------------------------------------ links of the site's own

# Parameters of an address that say where its reader comes from, not where it leads.
_ORIGINS = frozenset({"ref", "referer", "referrer", "from", "source", "src", "via"})


def _sent_on(link: Link) -> str | None:
    """Return the address that a page of the site's own sends its reader on to: ``/click?url=https%3A%2F%2F…``."""
    query = link.url.partition("?")[2]
    if "//" not in query and "%2f%2f" not in query.lower():
        return None
    address = unwrap.read_address(link.url)
    if address is None or not urls.is_same_site(link.url, link.page_url):
        return None
    parameters = unwrap.parameters(address.query).items()
    return next((value for name, value in parameters if "//" in value[:8] and name not in _ORIGINS), None)
