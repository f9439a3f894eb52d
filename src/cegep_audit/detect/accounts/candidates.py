"""The links of a site grouped by the account they lead to, with what the rules of attribution look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from cegep_audit.detect.accounts.labels import is_title, names_other_site
from cegep_audit.detect.accounts.lists import Part, is_vendor, parts_in, separate_bodies_in
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch, match_name
from cegep_audit.detect.accounts.sightings import Sighting, sightings
from cegep_audit.detect.networks.identify import Classified, account_key, classify
from cegep_audit.errors import TooManyAccountsError
from cegep_audit.models import Link, Visit
from cegep_audit.vocabulary import How, Kind

Key = tuple[str, str]  # network, account_key


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The accounts whose links share one container of one page; ``is_script`` where the container is a script."""

    members: frozenset[Key]
    counts: Counter[str]  # accounts by network
    is_script: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account with all that speaks for and against it: the rules look at nothing else.

    ``url`` is "" for an icon whose link cannot be resolved. ``parts`` are the parts of the institution that its handle
    or address names; ``is_subject``: it names the part that the institution itself is. The fields from ``competitors``
    on compare it with the site's other accounts, see :mod:`cegep_audit.detect.accounts.competing`.
    """

    key: Key
    network: str
    handle: str
    url: str
    kind: Kind
    sightings: tuple[Sighting, ...]
    rows: tuple[Row, ...]
    name_match: NameMatch
    is_vendor: bool
    is_separate: bool
    parts: frozenset[Part]
    is_subject: bool
    is_title: bool  # every label is the title of something else
    names_other_site: bool
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
        return all(test(seen.link) for seen in self.sightings)

    def some(self, test: Callable[[Link], bool]) -> bool:
        """Whether *test* holds for a link to the account."""
        return any(test(seen.link) for seen in self.sightings)


def gather(identity: Identity, visits: Sequence[Visit], most: int) -> list[Candidate]:
    """Return the accounts that the pages of *visits* name, in the order they were first seen.

    Raise TooManyAccountsError where they are more than *most*.
    """
    groups: dict[Key, list[Sighting]] = defaultdict(list)
    blocks: dict[tuple[str, int], list[tuple[Key, How]]] = defaultdict(list)
    for seen in sightings(identity, visits):
        key = _key(seen.what)
        groups[key].append(seen)
        if len(groups) > most:
            raise TooManyAccountsError(len(groups))
        if seen.link.block:
            blocks[seen.link.page_url, seen.link.block].append((key, seen.link.how))
    rows = {place: _row(members) for place, members in blocks.items()}
    return [_candidate(key, group, identity, rows) for key, group in groups.items()]


def _row(members: Iterable[tuple[Key, How]]) -> Row:
    keys = frozenset(key for key, _ in members)
    return Row(keys, Counter(network for network, _ in keys), any(how is How.SCRIPT for _, how in members))


def _key(what: Classified) -> Key:
    network = what.network or ""
    return network, account_key(network, what.account_url) if what.account_url else ""


def _candidate(key: Key, group: Sequence[Sighting], identity: Identity, rows: dict[tuple[str, int], Row]) -> Candidate:
    what = next((seen.what for seen in group if seen.what.kind.names_account), group[0].what)
    handle = what.handle or ""
    shown = list(dict.fromkeys([handle, *(_path_of(seen.link.url) for seen in group)]))
    labels = list(dict.fromkeys(seen.link.label for seen in group if seen.link.label))
    parts = parts_in(" ".join(shown))
    named = parts | parts_in(" ".join(labels))
    return Candidate(
        key=key,
        network=key[0],
        handle=handle,
        url=what.account_url or "",
        kind=_kind(what),
        sightings=tuple(group),
        rows=tuple(dict.fromkeys(rows[at] for seen in group if (at := (seen.link.page_url, seen.link.block)) in rows)),
        name_match=max(match_name(text, identity) for text in (*shown, *labels)),
        is_vendor=is_vendor(key[0], handle),
        is_separate=bool(separate_bodies_in(" ".join([*shown, *labels])) - separate_bodies_in(identity.text)),
        parts=parts - identity.parts,
        is_subject=not identity.parts.isdisjoint(named),
        is_title=all(is_title(seen.link, identity) for seen in group),
        names_other_site=all(names_other_site(seen.link, identity) for seen in group),
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
