"""What a URL is on its network: an account, a share button, a post, or nothing, by the rules of networks.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.catalogue import NETWORKS, Network, basket, name_of, open_networks
from cegep_audit.detect.networks.grammar import BLANK_IN_NAME, WRAPPED, Match, Rule, read_tables
from cegep_audit.detect.networks.host_rules import Place, place_of, places
from cegep_audit.vocabulary import Kind

__all__ = [
    "NETWORKS",
    "Classified",
    "Network",
    "account_key",
    "addresses_in_text",
    "basket",
    "classify",
    "mastodon_handle",
    "might_name_account",
    "name_of",
    "open_networks",
]

SHORT_LINK = "short_link"  # what the names of their rules begin with
_MAX_WRAPPERS = 5  # redirectors around redirectors; more is a trap
_REMEMBERED = 2_048  # addresses: one is met when a page is read, then on page after page, and when it is judged
_SAFE = "/@+:,~.-_&'()!*$="  # characters a path holds as they are


@dataclass(frozen=True, slots=True)
class Classified:
    """What a URL is on its network.

    ``url`` is as it was given. ``network`` is None where the URL leads to none. ``handle`` and ``account_url``
    are set for every kind that names an account; an ``embed`` or ``content`` may have them too, as weak evidence
    of whose it is. ``account_url`` is canonical: two accounts are one exactly where it is equal. ``reason`` is
    the name of the rule that decided.
    """

    url: str
    network: str | None
    kind: Kind
    handle: str | None
    account_url: str | None
    reason: str

    @property
    def hides_account(self) -> bool:
        """Whether an account may stand behind the address, which does not say: a short link, a name with a blank.

        ``network`` is that of the account where the host tells it, None for the shorteners that lead anywhere.
        """
        return self.reason.startswith(SHORT_LINK) or self.reason == BLANK_IN_NAME


class _Verdict(NamedTuple):
    network: str | None
    kind: Kind
    handle: str | None
    account_url: str | None
    reason: str


_NO_NETWORK = _Verdict(None, Kind.NONE, None, None, "no_network")
_UNREADABLE = _NO_NETWORK._replace(reason="unreadable")


def classify(raw: str) -> Classified:
    """Return what the link *raw* is, as it stands on a page: wrapped, escaped, mistyped or without a scheme.

    Never raises, whatever the string; takes bounded time, for only the start of a very long one is read.
    """
    return Classified(raw, *_verdict(unwrap.readable(raw)))


@lru_cache(maxsize=_REMEMBERED)
def _verdict(text: str) -> _Verdict:
    return _judged(text, 0) if might_name_account(text) else _NO_NETWORK


def _judged(raw: str, depth: int) -> _Verdict:
    address = unwrap.read_address(raw)
    if address is None or depth > _MAX_WRAPPERS:
        return _UNREADABLE
    place = place_of(address.host)
    if place is not None:
        path, query = unwrap.shown_path(address.path, address.query, address.fragment)
        address = address._replace(path=path, query=query, fragment="")
    if (inner := _address_behind(place, address)) is not None:
        return _judged(inner, depth + 1)
    return _at_place(place, address, depth) if place is not None else _NO_NETWORK


def _address_behind(place: Place | None, address: unwrap.Address) -> str | None:
    """Return the address that *address* leads to by its path alone, None where there is none."""
    path = address.path
    if place is None:
        return unwrap.address_inside(path, address.query, address.fragment)
    if "ttp" in path:
        return unwrap.repeated_address(unwrap.decoded(path), address.query, address.fragment)
    return _typed_address(place, path, address.query) if "." in path else None


def _typed_address(place: Place, path: str, query: str) -> str | None:
    """Return the address without a scheme that was pasted behind another: ``/www.network.com/name``."""
    parts = path.strip("/").split("/")
    for number, part in enumerate(parts[:-1]):
        known = places().hosts.get(part.lower().removeprefix("www.")) if "." in part else None
        if known is not None and (number == 0 or known.network == place.network):
            return f"//{'/'.join(parts[number:])}?{query}"
    return None


def _at_place(place: Place, address: unwrap.Address, depth: int) -> _Verdict:
    if place.grammar is None:
        return _Verdict(place.network, place.kind, None, None, place.reason)
    read = place.grammar.read(f"/{place.prefix}{address.path}", address.query)
    if isinstance(read, Match):
        return _by_rule(read.rule, {**read.pieces, "host": address.host.removeprefix("www.")}, depth)
    if place.reason:  # the host only looks like the network's: nothing but a rule speaks for it
        return _NO_NETWORK
    return _Verdict(place.network, read.kind, None, None, read.reason)


def _by_rule(rule: Rule, pieces: dict[str, str], depth: int) -> _Verdict:
    kind = Kind.NONE if rule.kind == WRAPPED else Kind(rule.kind)
    nobody = _Verdict(rule.network, kind, None, None, rule.name)
    if "dashed" in pieces:
        pieces["url"] = unquote(pieces["dashed"].replace("-", "%").replace("_", "/"))
    if "url" in pieces:
        inner = _judged(pieces["url"], depth + 1)
        if rule.kind == WRAPPED:
            return inner
        is_of_network = inner.network == rule.network and inner.account_url is not None
        return inner._replace(kind=kind, reason=rule.name) if is_of_network else nobody
    if not rule.handle:
        return nobody
    handle = _spelt(rule, rule.handle.format_map(pieces))
    if reason := _no_name(handle, rule):
        return nobody._replace(kind=Kind.NONE if kind.names_account else kind, reason=reason)
    return nobody._replace(handle=handle, account_url=_account_url(rule, handle, pieces))


def _spelt(rule: Rule, handle: str) -> str:
    if rule.exact:
        return handle
    handle = unwrap.composed(handle.lower().replace("i\u0307", "i"))  # the small letter of İ is two characters
    return rule.respell[0].sub(rule.respell[1], handle) if rule.respell else handle


def _no_name(handle: str, rule: Rule) -> str:
    """Return why *handle* is nobody's, "" where it may be somebody's."""
    name = handle.rpartition("/")[2].lstrip("@+").lower()
    known = _not_names()
    if name in known.vendors:
        return "vendor_default"
    if known.placeholder.fullmatch(name):
        return "placeholder"
    is_reserved = rule.is_bare and rule.network is not None and places().main[rule.network].is_reserved(handle)
    return "reserved_word" if is_reserved else ""


class _NotNames(NamedTuple):
    vendors: frozenset[str]
    placeholder: re.Pattern[str]


@cache
def _not_names() -> _NotNames:
    table = read_tables("wrappers.toml")
    vendors = frozenset(name for row in table["vendor_default"] for name in row["names"])
    return _NotNames(vendors, re.compile("|".join(row["pattern"] for row in table["placeholder"])))


def _account_url(rule: Rule, handle: str, pieces: dict[str, str]) -> str:
    """Return the canonical address of the account that *rule* found."""
    named = {**pieces, "handle": handle}
    quoted = {name: quote(_spelt(rule, named[name]), safe=_SAFE) for name in rule.account_pieces}
    return rule.account.format_map(quoted)


def account_key(network: str, account_url: str) -> str:
    """Return what is equal for two canonical addresses of one account of *network*, for comparisons.

    Folds the scheme, ``www.``, a final slash, and what the rows ``same`` of networks.toml name: dots in a name on
    Facebook; a bare name and ``/user/`` on YouTube; company, school and edu pages of one name or number on
    LinkedIn. Case is folded on networks none of whose names depend on it. ``/user/x`` and ``/@x`` stay apart.
    """
    rest = account_url.partition("://")[2].removeprefix("www.").rstrip("/")
    folds = _folds()
    for pattern, becomes in folds.same.get(network, ()):
        rest = pattern.sub(becomes, rest)
    return f"{network}:{rest if network in folds.with_case else rest.lower()}"


class _Folds(NamedTuple):
    same: dict[str, list[tuple[re.Pattern[str], str]]]
    with_case: frozenset[str]


@cache
def _folds() -> _Folds:
    rows = read_tables("networks.toml")["network"]
    same = {row["id"]: [(re.compile(fold[0]), fold[1]) for fold in row.get("same", ())] for row in rows}
    return _Folds(same, frozenset(row["id"] for row in rows if any(rule.get("exact") for rule in row.get("rule", ()))))


_FEDIVERSE_PATH = re.compile(r"(?:web/)?(?:@|users/)([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)", re.IGNORECASE)


def mastodon_handle(url: str) -> str | None:
    """Return the name in an address that has the form of a Mastodon account on any host (``/@name``, ``/users/name``).

    None on the hosts of other networks and for any other form. The form proves nothing by itself: it is meant for
    links that declare an account, ``rel="me"``.
    """
    address = unwrap.read_address(url)
    if address is None or "." not in address.host:
        return None
    place = place_of(address.host)
    if place is not None and place.network != "mastodon":
        return None
    found = _FEDIVERSE_PATH.fullmatch("/".join(unwrap.segments(address.path)))
    return found[1].lower() if found else None
