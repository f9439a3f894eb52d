"""The known networks, and what a URL is on its network: an account, a share button, a post, or nothing.

All of it comes from networks.toml: the networks with the years in which they were open, the baskets that statistics
count over, and the rules for addresses.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache, cached_property, lru_cache
from urllib.parse import quote, unquote

from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.host_rules import NO_NETWORK, Classified, Place, Rule, no_account, place_of, places
from cegep_audit.errors import UsageError
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

_TABLES = "detect/networks/networks.toml"
_MAX_WRAPPERS = 5  # nested redirectors; more is a trap
_REMEMBERED = 2_048  # addresses: each is classified while pages are read, and again when accounts are judged
_SAFE = "/@+:,~.-_&'()!*$="  # characters that a path may hold unquoted
_EVERY_NETWORK = "*"
_WRAPPED = "wrapped"  # the kind of a rule for addresses that only lead to another one


@dataclass(frozen=True, slots=True)
class Network:
    """One social platform.

    ``domains`` are the names its accounts are found under; ``opened`` is the first day an institution could have an
    account, ``closed`` the first day it could not, None where it is open; ``source`` says where both come from.
    """

    id: str
    name: str
    domains: tuple[str, ...]
    opened: date
    source: str
    closed: date | None = None

    def is_open(self, day: date) -> bool:
        """Whether the network could be used on *day*."""
        return self.opened <= day and (self.closed is None or day < self.closed)


class _Networks(Mapping[str, Network]):
    """The networks by id, in the order of networks.toml, read when they are first asked for."""

    @cached_property
    def _rows(self) -> dict[str, Network]:
        rows = ({**row, "domains": tuple(row["domains"])} for row in read_tables(_TABLES)["network"])
        names = [each.name for each in fields(Network)]
        return {row["id"]: Network(**{name: row[name] for name in names if name in row}) for row in rows}

    def __getitem__(self, name: str) -> Network:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


NETWORKS: Mapping[str, Network] = _Networks()


def name_of(network: str) -> str:
    """Return the usual name of *network*, or of link pages (``link_hub``); "" for an unknown id."""
    tables = read_tables(_TABLES)
    return next((row["name"] for row in (*tables["network"], *tables["hub"]) if row["id"] == network), "")


@lru_cache(maxsize=10_000)
def open_networks(day: date) -> tuple[str, ...]:
    """Return the ids of the networks open on *day*, in display order."""
    return tuple(network.id for network in NETWORKS.values() if network.is_open(day))


@lru_cache(maxsize=10_000)  # a scan asks it of each institution, of few days
def basket(name: str, day: date) -> tuple[str, ...]:
    """Return the ids of the networks of the basket *name* that were open on *day*, in the basket's order.

    Raises UsageError, which names the baskets, where *name* is none of them.
    """
    rows = {row["name"]: row["networks"] for row in read_tables(_TABLES)["basket"]}
    if name not in rows:
        raise UsageError(f"unknown basket {name!r}: choose one of {', '.join(rows)}")
    wanted = tuple(NETWORKS) if rows[name] == _EVERY_NETWORK else rows[name]
    return tuple(network for network in wanted if NETWORKS[network].is_open(day))


# ------------------------------------------------------------------------------------------ addresses


def classify(raw: str) -> Classified:
    """Classify the link *raw* as written on a page: wrapped, escaped, mistyped or without a scheme.

    Never raises. The time is bounded, because only the start of a very long string is read.
    """
    return _remembered(unwrap.readable(raw))._replace(url=raw)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str) -> Classified:
    return _judged(text, 0) if might_name_account(text) else NO_NETWORK


def _judged(raw: str, depth: int) -> Classified:
    address = unwrap.read_address(raw)
    if address is None or depth > _MAX_WRAPPERS:
        return no_account(None, Kind.NONE, "unreadable")
    place = place_of(address.host)
    if place is not None and address.fragment:
        path, query = unwrap.shown_path(address.path, address.query, address.fragment)
        address = address._replace(path=path, query=query, fragment="")
    if (inner := _address_behind(place, address)) is not None:
        return _judged(inner, depth + 1)
    if place is None:
        return NO_NETWORK
    read = place.grammar.read(f"/{place.prefix}{address.path}", address.query)
    if isinstance(read, Classified):
        return read
    rule, pieces = read
    return _by_rule(rule, {**pieces, "host": address.host.removeprefix("www.")}, depth)


def _address_behind(place: Place | None, address: unwrap.Address) -> str | None:
    """Return the other address that the path of *address* contains, None where there is none."""
    path = address.path
    if place is None:
        return unwrap.address_inside(path, address.query, address.fragment)
    if "ttp" in path:
        return unwrap.repeated_address(unwrap.decoded(path), address.query, address.fragment)
    # An address without a scheme may be pasted after another one, too: /www.network.com/name
    parts = path.strip("/").split("/") if "." in path else []
    for number, part in enumerate(parts[:-1]):
        known = places().hosts.get(part.lower().removeprefix("www.")) if "." in part else None
        if known is not None and (number == 0 or known.network == place.network):
            return f"//{'/'.join(parts[number:])}?{address.query}"
    return None


def _by_rule(rule: Rule, pieces: dict[str, str], depth: int) -> Classified:
    kind = Kind.NONE if rule.kind == _WRAPPED else Kind(rule.kind)
    nobody = no_account(rule.network, kind, rule.name)
    if "dashed" in pieces:
        pieces["url"] = unquote(pieces["dashed"].replace("-", "%").replace("_", "/"))
    if "url" in pieces:
        inner = _judged(pieces["url"], depth + 1)
        if rule.kind == _WRAPPED:
            return inner
        is_of_network = inner.network == rule.network and inner.account_url is not None
        return inner._replace(kind=kind, reason=rule.name) if is_of_network else nobody
    if not rule.handle:
        return nobody
    handle = _spelt(rule, rule.handle.format_map(pieces))
    name = handle.rpartition("/")[2].lstrip("@+").lower()
    makers, placeholder = _in_templates()
    reserved = places().main[rule.network] if rule.is_bare and rule.network is not None else None
    reasons = {
        "vendor_default": name in makers,
        "placeholder": placeholder.fullmatch(name),
        "reserved_word": reserved and (handle in reserved.words or handle in reserved.rules),
    }
    if reason := next((reason for reason, applies in reasons.items() if applies), ""):
        return nobody._replace(kind=Kind.NONE if kind.names_account else kind, reason=reason)
    named = {**pieces, "handle": handle}
    quoted = {name: quote(_spelt(rule, named[name]), safe=_SAFE) for name in rule.account_pieces}
    return nobody._replace(handle=handle, account_url=rule.account.format_map(quoted))


def _spelt(rule: Rule, handle: str) -> str:
    if rule.exact:
        return handle
    handle = unwrap.composed(handle.lower().replace("i\u0307", "i"))  # the small letter of İ is two characters
    return re.sub(*rule.respell, handle) if rule.respell else handle


@cache
def _in_templates() -> tuple[frozenset[str], re.Pattern[str]]:
    """Return what templates hold in place of the site's names: their makers' accounts, and a pattern for words."""
    tables = read_tables("detect/networks/wrappers.toml")
    makers = frozenset(name for row in tables["vendor_default"] for name in row["names"])
    return makers, re.compile("|".join(row["pattern"] for row in tables["placeholder"]))


def account_key(network: str, account_url: str) -> str:
    """Return a key that is equal for all canonical addresses of one account of *network*.

    Folds the scheme, ``www.``, a final slash, and what the rows ``same`` of networks.toml name: dots in a name on
    Facebook; a bare name and ``/user/`` on YouTube; company, school and edu pages of one name or number on
    LinkedIn. Case is folded on networks none of whose names depend on it. ``/user/x`` and ``/@x`` stay apart.
    """
    rest = account_url.partition("://")[2].removeprefix("www.").rstrip("/")
    folds, has_case = _folds().get(network, ((), False))
    for pattern, becomes in folds:
        rest = pattern.sub(becomes, rest)
    return f"{network}:{rest if has_case else rest.lower()}"


@cache
def _folds() -> dict[str, tuple[list[tuple[re.Pattern[str], str]], bool]]:
    """Return, by network, the replacements in addresses of its accounts, and whether their case matters."""
    return {
        row["id"]: (
            [(re.compile(pattern), becomes) for pattern, becomes in row.get("same", ())],
            any(rule.get("exact") for rule in row["rule"]),
        )
        for row in read_tables(_TABLES)["network"]
    }


_FEDIVERSE_PATH = re.compile(r"(?:web/)?(?:@|users/)([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)", re.IGNORECASE)


def mastodon_handle(url: str) -> str | None:
    """Return the name in an address that has the form of a Mastodon account on any host (``/@name``, ``/users/name``).

    None on the hosts of other networks and for any other form. The form alone proves nothing: use it only
    for links that declare an account, such as ``rel="me"``.
    """
    address = unwrap.read_address(url)
    if address is None or "." not in address.host:
        return None
    place = place_of(address.host)
    if place is not None and place.network != "mastodon":
        return None
    found = _FEDIVERSE_PATH.fullmatch("/".join(unwrap.segments(address.path)))
    return found[1].lower() if found else None
