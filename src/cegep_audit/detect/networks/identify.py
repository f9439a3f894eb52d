"""The networks of networks.toml, and what a URL is on its network: an account, a share button, a post, or nothing."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import quote, unquote

from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.host_rules import NO_NETWORK, Classified, Host, Rule, hosts, match_host, no_account
from cegep_audit.errors import UsageError
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

_MAX_WRAPPERS = 5  # nested redirectors; more is a trap
_REMEMBERED = 2_048  # addresses: each is classified while pages are read, and again when accounts are judged
_SAFE = "/@+:,~.-_&'()!*$="  # characters that a path may hold unquoted
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


_TABLES = read_tables("detect/networks/networks.toml")
_NAMES: dict[str, str] = {row["id"]: row["name"] for row in (*_TABLES["network"], *_TABLES["hub"])}
_BASKETS = {row["name"]: row["networks"] for row in _TABLES["basket"]}
NETWORKS = {  # in the order in which they are displayed
    row["id"]: Network(row["id"], row["name"], tuple(row["domains"]), row["opened"], row["source"], row.get("closed"))
    for row in _TABLES["network"]
}


def name_of(network: str) -> str:
    """Return the usual name of *network*, or of link pages (``link_hub``); "" for an unknown id."""
    return _NAMES.get(network, "")


@lru_cache(maxsize=10_000)  # a scan asks it of each institution, of few days
def basket(name: str, day: date) -> tuple[str, ...]:
    """Return the networks of the basket *name* open on *day*, in its order; raise UsageError for another name."""
    if name not in _BASKETS:
        raise UsageError(f"unknown basket {name!r}: choose one of {', '.join(_BASKETS)}")
    wanted = NETWORKS if _BASKETS[name] == "*" else _BASKETS[name]
    return tuple(network for network in wanted if NETWORKS[network].is_open(day))


# What templates hold in place of the site's names: their makers' accounts, and words.
_WRAPPERS = read_tables("detect/networks/wrappers.toml")
_MAKERS = frozenset(name for row in _WRAPPERS["vendor_default"] for name in row["names"])
_PLACEHOLDER = re.compile("|".join(row["pattern"] for row in _WRAPPERS["placeholder"]))


def classify(raw: str) -> Classified:
    """Classify the link *raw* as written on a page: wrapped, escaped, mistyped, without a scheme; never raises."""
    return _remembered(unwrap.readable(raw))._replace(url=raw)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str) -> Classified:
    return _judged(text, 0) if might_name_account(text) else NO_NETWORK


def _judged(raw: str, depth: int) -> Classified:
    address = unwrap.read_address(raw)
    if address is None or depth > _MAX_WRAPPERS:
        return no_account(None, Kind.NONE, "unreadable")
    host = match_host(address.host)
    if host is not None and address.fragment:
        path, query = unwrap.shown_path(address.path, address.query, address.fragment)
        address = address._replace(path=path, query=query, fragment="")
    if (inner := _address_behind(host, address)) is not None:
        return _judged(inner, depth + 1)
    if host is None:
        return NO_NETWORK
    read = host.rules.read(f"/{host.prefix}{address.path}", address.query)
    if isinstance(read, Classified):
        return read
    rule, pieces = read
    return _by_rule(rule, {**pieces, "host": address.host.removeprefix("www.")}, depth)


def _address_behind(host: Host | None, address: unwrap.Address) -> str | None:
    """Return the other address that the path of *address* contains, None where there is none."""
    path = address.path
    if host is None or "ttp" in path:
        inner = unwrap.repeated_address(unwrap.decoded(path)) if host else unwrap.archived_address(path)
        tail = (f"?{address.query}" if address.query else "") + (f"#{address.fragment}" if address.fragment else "")
        return inner and inner + tail
    # An address without a scheme may be pasted after another one, too: /www.network.com/name
    parts = path.strip("/").split("/") if "." in path else []
    for number, part in enumerate(parts[:-1]):
        known = hosts().exact.get(part.lower().removeprefix("www."))
        if known is not None and "." in part and (number == 0 or known.network == host.rules.network):
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
    handle = _normalized(rule, rule.handle.format_map(pieces))
    name = handle.rpartition("/")[2].lstrip("@+").lower()
    reason = "vendor_default" if name in _MAKERS else "placeholder" if _PLACEHOLDER.fullmatch(name) else ""
    if not reason and rule.is_bare:
        main = hosts().main[rule.network]
        reason = "reserved_word" if handle in main.words or handle in main.rules else ""
    if reason:
        return nobody._replace(kind=Kind.NONE if kind.names_account else kind, reason=reason)
    pieces["handle"] = handle
    quoted = {name: quote(_normalized(rule, pieces[name]), safe=_SAFE) for name in rule.account_pieces}
    return nobody._replace(handle=handle, account_url=rule.account.format_map(quoted))


def _normalized(rule: Rule, handle: str) -> str:
    if rule.exact:
        return handle
    handle = normalize("NFC", handle.lower().replace("i\u0307", "i"))  # the small letter of İ is two characters
    return re.sub(*rule.respell, handle) if rule.respell else handle


_SAME = {row["id"]: row["same"] for row in _TABLES["network"] if "same" in row}
_WITH_CASE = frozenset(row["id"] for row in _TABLES["network"] if any(rule.get("exact") for rule in row["rule"]))


def account_key(network: str, account_url: str) -> str:
    """Return a key that is equal for all canonical addresses of one account of *network*.

    Folds the scheme, ``www.``, a final slash, what ``same`` in networks.toml names (dots in a name on Facebook), and
    case on networks none of whose names depend on it. ``/user/x`` and ``/@x`` of YouTube stay apart.
    """
    rest = account_url.partition("://")[2].removeprefix("www.").rstrip("/")
    for pattern, becomes in _SAME.get(network, ()):
        rest = re.sub(pattern, becomes, rest)
    return f"{network}:{rest if network in _WITH_CASE else rest.lower()}"


_FEDIVERSE_PATH = re.compile(r"(?:web/)?(?:@|users/)([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)", re.IGNORECASE)


def mastodon_handle(url: str) -> str | None:
    """Return the name in an address that has the form of a Mastodon account on any host (``/@name``, ``/users/name``).

    None on hosts of other networks. The form alone proves nothing: use it for links that declare one (``rel="me"``).
    """
    address = unwrap.read_address(url)
    if address is None or "." not in address.host:
        return None
    host = match_host(address.host)
    if host is not None and host.rules.network != "mastodon":
        return None
    found = _FEDIVERSE_PATH.fullmatch("/".join(unwrap.segments(address.path)))
    return found[1].lower() if found else None
