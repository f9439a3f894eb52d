"""Links of a site grouped by the account they lead to, with what the rules of attribution look at."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from re import Pattern
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.accounts.name_matching import Likeness, likeness, names_of
from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.identify import Classified, account_key, classify, mastodon_handle
from cegep_audit.detect.page.cues import compile_words, fold
from cegep_audit.models import Institution, Link, Visit
from cegep_audit.vocabulary import How, Kind, PageRole


@dataclass(frozen=True, slots=True)
class Sighting:
    """One link that leads to an account: the link, what its URL is, when and in which record it was captured."""

    link: Link
    what: Classified
    captured_at: datetime
    record_id: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """The accounts, as (network, key), whose links share one container of one page."""

    members: frozenset[tuple[str, str]]

    @property
    def networks(self) -> int:
        """Number of different networks."""
        return len({network for network, _ in self.members})

    @property
    def most_of_one(self) -> int:
        """Number of accounts of the network that has most."""
        return max(Counter(network for network, _ in self.members).values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account with all that speaks for and against it; the rules look at nothing else.

    ``url`` is "" for an icon whose link cannot be resolved. ``likeness``: how far its name or a label shows
    the institution's. ``is_unit`` and ``is_subject``: it names a part, which the institution is not, or is.
    The last fields compare it with the others of the site, see ``rivalry``: ``rivals`` counts those of its network;
    it ``is_outdone`` by one that looks more like the institution, ``is_outranked`` by one that stands better,
    ``in_directory`` among several that stand as it does, ``is_of_others`` where its rows are, ``is_in_own_row`` where
    an account of another network in its row names the whole institution, and has an account of the whole institution
    beside it (``has_whole_beside``) on whatever network.
    """

    network: str
    handle: str
    url: str
    kind: Kind
    sightings: tuple[Sighting, ...]
    rows: tuple[Row, ...]
    likeness: Likeness
    is_vendor: bool
    is_separate: bool
    is_unit: bool
    is_subject: bool
    rivals: int = 0
    is_outdone: bool = False
    is_outranked: bool = False
    in_directory: bool = False
    is_of_others: bool = False
    is_in_own_row: bool = False
    has_whole_beside: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What tells the account from every other: network and key."""
        return _key_of(self.network, self.url)

    @property
    def alike(self) -> bool:
        """Whether its name or a label shows the institution's at all."""
        return self.likeness > Likeness.NONE

    def every(self, test: Callable[[Link], bool]) -> bool:
        """Whether *test* holds for all links to the account."""
        return all(test(seen.link) for seen in self.sightings)

    def some(self, test: Callable[[Link], bool]) -> bool:
        """Whether *test* holds for a link to the account."""
        return any(test(seen.link) for seen in self.sightings)

    @property
    def every_content(self) -> bool:
        """Whether only posts of the account are shown, never the account itself."""
        return all(seen.what.kind is Kind.CONTENT for seen in self.sightings)

    @property
    def every_embed(self) -> bool:
        """Whether only posts, documents and players of the account are shown."""
        return all(
            seen.what.kind is Kind.CONTENT or (seen.what.kind is Kind.EMBED and seen.link.how is not How.WIDGET)
            for seen in self.sightings
        )


@cache
def _lists() -> tuple[frozenset[str], Pattern[str], Pattern[str]]:
    rows = tomllib.loads((files("cegep_audit.detect.accounts") / "attribution.toml").read_text("utf-8"))
    vendors = frozenset(account for row in rows["vendor"] for account in row["accounts"])
    separate, unit = (
        compile_words(word for row in rows[name] for word in row["words"]) for name in ("separate", "unit")
    )
    return vendors, separate, unit


def gather(institution: Institution, visits: Sequence[Visit]) -> list[Candidate]:
    """Return the accounts that the pages of *visits* name, in the order they were first seen."""
    sightings = list(_sightings(visits))
    groups: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for seen in sightings:
        groups[_key(seen.what)].append(seen)
    home = next((visit for visit in visits if visit.page), None)
    subject = _Subject(institution, home)
    rows = _rows(sightings)
    return [_candidate(subject, group, rows) for group in groups.values()]


class _Subject:
    """Whose site is read: what it may be called, and what it says it is."""

    def __init__(self, institution: Institution, home: Visit | None) -> None:
        final_url = home.page.url if home and home.page else ""
        title = home.reading.title if home and home.reading else ""
        self.names = names_of(institution, final_url)
        self.own = fold(f"{institution.name} {institution.short_name}")
        # A registry may point to the page of a part: the library is not a part of itself.
        self.page = fold(" ".join([self.own, _spaced(_written(institution.url)), title]))


def _key(what: Classified) -> tuple[str, str]:
    return _key_of(what.network or "", what.account_url or "")


def _key_of(network: str, url: str) -> tuple[str, str]:
    return network, account_key(network, url) if url else ""


def _sightings(visits: Iterable[Visit]) -> Iterator[Sighting]:
    resolved = _own_redirects(visits)
    read = cache(classify)  # the same addresses stand on page after page
    for visit in visits:
        if visit.page is None or visit.reading is None:
            continue
        for link in visit.reading.links:
            what, link_seen = _what(link, resolved, read)
            if what is not None:
                yield Sighting(link_seen, what, visit.page.captured_at, visit.page.record_id)


def _own_redirects(visits: Iterable[Visit]) -> dict[str, str]:
    """Return where addresses of the site's own that stand for an account were found to lead."""
    return {
        urls.visit_key(visit.choice.url): visit.page.redirect_to
        for visit in visits
        if visit.choice.role is PageRole.OWN_LINK and visit.page and visit.page.redirect_to
    }


def _what(link: Link, resolved: dict[str, str], read: Callable[[str], Classified]) -> tuple[Classified | None, Link]:
    """Return what *link* leads to as *read* says, None where that is no account of a network."""
    what = read(link.url)
    # A site that is a blog of a network is no account of itself.
    if what.account_url and urls.host_of(what.account_url) != urls.host_of(link.page_url):
        return what, link
    if link.names:
        target = resolved.get(urls.visit_key(link.url))
        through = read(target) if target else None
        if through and through.account_url:
            return through, replace(link, how=How.REDIRECT)
        if target is None:
            return Classified(link.url, link.names, Kind.NONE, None, None, "unresolved_link"), link
    elif what.network is None and (inside := _sent_on(link)) and read(inside).kind.names_account:
        return read(inside), link
    elif link.how is How.REL_ME and what.network is None and (handle := mastodon_handle(link.url)):
        return Classified(link.url, "mastodon", Kind.PROFILE, handle, link.url, "rel_me"), link
    return None, link


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


def _rows(sightings: Iterable[Sighting]) -> dict[tuple[str, int], Row]:
    """Return, by page and block, the accounts whose links share the block."""
    members: dict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    for seen in sightings:
        if seen.link.block:
            members[seen.link.page_url, seen.link.block].add(_key(seen.what))
    return {place: Row(frozenset(keys)) for place, keys in members.items()}


def _candidate(subject: _Subject, group: list[Sighting], rows: dict[tuple[str, int], Row]) -> Candidate:
    what = next((seen.what for seen in group if seen.what.kind.names_account), group[0].what)
    network, handle = what.network or "", what.handle or ""
    shown = [handle, *(_written(seen.link.url) for seen in group)]
    labels = [seen.link.label for seen in group if seen.link.label]
    vendors, separate, unit = _lists()
    text = fold(" ".join([*map(_spaced, shown), *labels]))
    return Candidate(
        network=network,
        handle=handle,
        url=what.account_url or "",
        kind=classify(what.account_url).kind if what.account_url else Kind.NONE,
        sightings=tuple(group),
        rows=tuple({rows[key] for seen in group if (key := (seen.link.page_url, seen.link.block)) in rows}),
        likeness=max(likeness(item, subject.names) for item in (*shown, *labels)),
        is_vendor=f"{network}/{handle.lower()}" in vendors,
        is_separate=bool(separate.search(text)) and not separate.search(subject.own),
        is_unit=bool(unit.search(text)) and not unit.search(subject.page),
        is_subject=bool(unit.search(text)) and bool(unit.search(subject.page)),
    )


def _written(url: str) -> str:
    """Return the path of *url* as a reader would read it: old addresses hold the page's title."""
    return unquote(url.partition("://")[2].partition("/")[2])


def _spaced(text: str) -> str:
    """Return *text* with the marks that join words in handles as blanks."""
    return text.translate(str.maketrans("-_./?=&", "       "))
