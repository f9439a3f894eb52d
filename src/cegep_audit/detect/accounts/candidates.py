"""The accounts that a site names, each with all links to it and what these show by themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import unquote

from cegep_audit.detect.accounts.lists import Part, parts_in, separate_bodies_in
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch, match_name
from cegep_audit.detect.accounts.sightings import Sighting, sightings
from cegep_audit.detect.networks.identify import Classified, account_key, classify
from cegep_audit.errors import TooManyAccountsError
from cegep_audit.models import Link, Visit
from cegep_audit.vocabulary import How, Kind, Zone

FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})
_UNSEEN = frozenset({How.JSON_LD, How.META, How.SCRIPT, How.FEED})
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit", "separate"})
_REPEATED_FROM = 2  # pages that show an account: what a template repeats is the frame of the site, marked or not


class Prominence(IntEnum):
    """How an account is shown, by its best link."""

    CONTENT = 0
    INVITED = 1  # in the content, with words that ask to follow, or by the network's own widget
    BESIDE = 2  # in a menu or side column
    FRAME = 3  # in the header or footer, or in a menu or side column with such words
    DECLARED = 4  # the page's data says it is the organisation's


_OF_ZONE = {
    Zone.HEADER: Prominence.FRAME,
    Zone.FOOTER: Prominence.FRAME,
    Zone.HEAD: Prominence.FRAME,
    Zone.NAV: Prominence.BESIDE,
    Zone.ASIDE: Prominence.BESIDE,
}


@dataclass(slots=True, eq=False)
class Row:
    """The accounts whose links share one container of one page; ``is_script`` where the container is a script.

    The fields from ``counts`` on sum up what the site's accounts are when they are compared.
    """

    members: set[Candidate] = field(default_factory=set)
    is_script: bool = False
    counts: Counter[str] = field(default_factory=Counter)  # accounts by network
    is_of_icons: bool = False  # it shows accounts of several networks
    is_of_others: bool = False
    has_outranked: bool = False
    named: frozenset[str] = frozenset()  # networks with an account that shows the institution's whole name
    named_in_part: frozenset[str] = frozenset()  # the same, and those that show a part of it


@dataclass(slots=True, eq=False)
class Candidate:
    """One account with all that speaks for and against it: the rules look at nothing else.

    ``url`` is "" for an icon whose link cannot be resolved. ``parts`` are the parts of the institution that its handle
    or address names; ``is_subject``: it names the part that the institution itself is. ``cues``, ``subjects`` and
    ``hows`` are those of any link, ``common_cues`` those of every link. The fields from ``competitors`` on compare it
    with the site's other accounts, see :mod:`cegep_audit.detect.accounts.competing`.
    """

    identity: Identity
    network: str
    handle: str
    url: str
    kind: Kind
    sightings: Sequence[Sighting]
    links: tuple[Link, ...]
    cues: frozenset[str]
    common_cues: frozenset[str]
    subjects: frozenset[str]
    hows: frozenset[How]
    name_match: NameMatch
    prominence: Prominence
    is_visible: bool
    is_separate: bool
    parts: frozenset[Part]
    is_subject: bool
    rows: list[Row] = field(default_factory=list)
    competitors: int = 0  # other accounts of its network
    is_outdone: bool = False  # one of them shows the institution's whole name, and this one does not
    is_beside_same: bool = False  # one of them is in the frame under the institution's very name
    is_apart: bool = False  # it is outside the frame, and unlike the institution's accounts in it
    is_outranked: bool = False  # one of them is more prominent
    in_directory: bool = False  # one of several of its network in the content
    is_unit: bool = False
    is_contradicted: bool = False  # the page's data alone names it, and the visible icons name others
    in_row_of_icons: bool = False
    is_of_others: bool = False  # all its rows are somebody else's
    is_in_own_row: bool = False  # its row holds the institution's name on another network

    @property
    def is_alike(self) -> bool:
        """Whether its name or a label shows the institution's name at all."""
        return self.name_match > NameMatch.NONE

    def every(self, test: Callable[[Link], bool]) -> bool:
        """Whether *test* holds for all links to the account."""
        return all(map(test, self.links))

    def some(self, test: Callable[[Link], bool]) -> bool:
        """Whether *test* holds for a link to the account."""
        return any(map(test, self.links))


def gather(identity: Identity, visits: Sequence[Visit], most: int) -> list[Candidate]:
    """Return the accounts that the pages of *visits* name, in the order they were first seen.

    Raise TooManyAccountsError where they are more than *most*.
    """
    groups: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for seen in sightings(identity, visits):
        network, url = seen.what.network or "", seen.what.account_url
        groups[network, account_key(network, url) if url else ""].append(seen)
        if len(groups) > most:
            raise TooManyAccountsError(len(groups))
    rows: dict[tuple[str, int], Row] = defaultdict(Row)
    found = []
    for (network, _), group in groups.items():
        candidate = _candidate(network, group, identity)
        for link in candidate.links:
            if link.block:
                row = rows[link.page_url, link.block]
                row.is_script |= link.how is How.SCRIPT
                if candidate not in row.members:
                    row.members.add(candidate)
                    candidate.rows.append(row)
        found.append(candidate)
    return found


def _candidate(network: str, group: Sequence[Sighting], identity: Identity) -> Candidate:
    what = next((seen.what for seen in group if seen.what.kind.names_account), group[0].what)
    handle = what.handle or ""
    links = tuple(seen.link for seen in group)
    shown = list(dict.fromkeys([handle, *(_path_of(link.url) for link in links)]))
    labels = list(dict.fromkeys(link.label for link in links if link.label))
    parts = parts_in(" ".join(shown))
    cues = [link.cues for link in links]
    match = max(match_name(text, identity) for text in (*shown, *labels))
    return Candidate(
        identity=identity,
        network=network,
        handle=handle,
        url=what.account_url or "",
        kind=_kind(what),
        sightings=group,
        links=links,
        cues=frozenset().union(*cues),
        common_cues=frozenset.intersection(*cues),
        subjects=frozenset(link.subject for link in links),
        hows=frozenset(link.how for link in links),
        name_match=match,
        prominence=_prominence(links, is_alike=match > NameMatch.NONE),
        is_visible=any(map(is_visible, links)),
        is_separate=bool(separate_bodies_in(" ".join([*shown, *labels])) - separate_bodies_in(identity.text)),
        parts=parts - identity.parts,
        is_subject=bool(identity.parts) and not identity.parts.isdisjoint(parts | parts_in(" ".join(labels))),
    )


def _kind(what: Classified) -> Kind:
    """Return the kind of an account: that of its own address, where only a post or a player of it is shown."""
    if what.account_url is None or what.kind.names_account:
        return what.kind
    kind = classify(what.account_url).kind
    return kind if kind.names_account else Kind.PROFILE


def _path_of(url: str) -> str:
    """Return the path and query of *url*, decoded: old addresses hold the title of the page."""
    return unquote(url.partition("://")[2].partition("/")[2])


def prominence_of(link: Link) -> Prominence:
    """Return how prominent *link* is by itself."""
    if link.how in DATA:
        return Prominence.DECLARED if link.subject in {"organization", ""} else Prominence.CONTENT
    if link.how is How.SCRIPT or link.cues & _OF_OTHERS:
        return Prominence.CONTENT
    found = _OF_ZONE.get(link.zone, Prominence.CONTENT)
    if found is Prominence.CONTENT and "prose" in link.cues:
        return Prominence.CONTENT
    if "follow" in link.cues:
        return Prominence.INVITED if found is Prominence.CONTENT else Prominence.FRAME
    return max(found, Prominence.INVITED) if link.how is How.WIDGET else found


def _prominence(links: Sequence[Link], *, is_alike: bool) -> Prominence:
    best = max(map(prominence_of, links))
    has_own_widget = is_alike and any(link.how is How.WIDGET for link in links)
    pages = {link.page_url for link in links if not link.cues & _OF_OTHERS}
    return max(best, Prominence.FRAME) if has_own_widget or len(pages) >= _REPEATED_FROM else best


def is_visible(link: Link) -> bool:
    """Whether a reader of the page sees *link*, and not as somebody else's."""
    is_in_data = link.how in _UNSEEN or (link.how is How.REL_ME and link.zone is Zone.HEAD)
    return not is_in_data and not link.cues & _OF_OTHERS
