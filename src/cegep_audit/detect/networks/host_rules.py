"""Match addresses against networks.toml and wrappers.toml: first the host, then the path by the rules for that host."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from cegep_audit.detect.networks import unwrap
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

Table = Mapping[str, Any]  # a table of a TOML file; the tests read every row, so its types are right
BLANK_IN_NAME = "blank_in_name"  # the reason of an address whose name contains a space: no network allows one
_NETWORKS = "detect/networks/networks.toml"
_PIECE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_ESCAPED_PIECE = re.compile(r"\\\{(\w+)(?::(\w+))?\\\}")
_BLANK = re.compile(r"\s")
# First labels that lead to the same site: www., mobile and language versions.
_ALIAS = re.compile(r"(?:w{1,4}\d?|m|mobile|touch|web|wap|mbasic|lite|old|new|beta|[a-z]{2}(?:[-_][a-z]{2,4})?)\.")
_MAX_LABELS = 6  # of a host name; no network has more


class Classified(NamedTuple):
    """What a URL is on its network (None where it leads to none), by the rule that ``reason`` names.

    ``url`` is as given. ``handle`` and ``account_url`` are set for every kind that names an account; an ``embed`` or
    ``content`` may have them too, as weak evidence of its owner. Equal ``account_url`` mean the same account.
    """

    url: str
    network: str | None
    kind: Kind
    handle: str | None
    account_url: str | None
    reason: str

    @property
    def hides_account(self) -> bool:
        """Whether it may lead to an account without naming it: a short link (of any network), a name with a space."""
        return self.reason.startswith("short_link") or self.reason == BLANK_IN_NAME


def no_account(network: str | None, kind: Kind, reason: str) -> Classified:
    """Return what an address is that names no account."""
    return Classified("", network, kind, None, None, reason)


NO_NETWORK = no_account(None, Kind.NONE, "no_network")


class Rule:
    """One pattern *at* of a rule, a *row* of the *table* of a network: the kind of what it matches, and its account.

    ``handle`` and ``account`` are templates over the named pieces; ``handle`` is "" where the address names no account.
    ``account_pieces`` are those that ``account`` uses, the handle and the host among them. ``is_bare`` says that the
    name directly follows the host, where some words are reserved. Patterns are compiled when they are first tried.
    """

    def __init__(self, at: str, row: Table, table: Table) -> None:
        self.at, _, self._query = at.partition("?")
        self._shapes: Table = {**read_tables(_NETWORKS)["shapes"], **table.get("shapes", {})}
        first = self.at.partition("/")[0]
        self.words = None if "*" in first or "{" in first else first.lower().split("|")
        named = [piece for piece, _ in _PIECE.findall(at)]
        self.name: str = row["name"]
        self.network: str | None = table.get("id")
        self.kind: str = row.get("kind", Kind.PROFILE.value)
        self.handle: str = row.get("handle", next((f"{{{key}}}" for key in ("name", "id") if key in named), ""))
        self.account: str = row.get("account", table.get("account", ""))
        self.account_pieces = [piece for piece, _ in _PIECE.findall(self.account)]
        self.exact: bool = row.get("exact", False)
        self.is_bare = self.account == table.get("account") and "/" not in self.handle
        self.respell: tuple[str, str] | None = table.get("respell")

    def match(self, path: str, query: str) -> dict[str, str] | None:
        """Return the named pieces of a decoded *path* and its *query*, None where they do not match."""
        found = self._path.fullmatch(path)
        if found is None:
            return None
        pieces = found.groupdict()
        if self._query:
            given = {**unwrap.parameters(query), "": query}  # the empty name means the whole query
            for name, value in self._parameters:
                if name not in given or (there := value.fullmatch(given[name])) is None:
                    return None
                pieces |= there.groupdict()
        return pieces

    @cached_property
    def _path(self) -> re.Pattern[str]:
        text, tail = self.at, ""
        if text.endswith("**"):
            text, tail = text[:-2].removesuffix("/"), "(?:/.*)?" if text != "**" else ".*"
        return re.compile("(?is)" + "/".join(map(self._segment, text.split("/"))) + tail)

    @cached_property
    def _parameters(self) -> list[tuple[str, re.Pattern[str]]]:
        asked = (part.partition("=") for part in self._query.split("&"))
        return [(name.lower(), re.compile("(?is)" + self._segment(value, ".*"))) for name, _, value in asked]

    def _segment(self, text: str, anything: str = "[^/]+") -> str:
        if "|" in text:
            return "(?:" + "|".join(self._segment(word, anything) for word in text.split("|")) + ")"
        escaped = re.escape(text).replace(r"\*", anything)
        return _ESCAPED_PIECE.sub(lambda piece: f"(?P<{piece[1]}>{self._shapes[piece[2] or piece[1]]})", escaped)


class HostRules:
    """The rules for the paths of one host, put together when the first address on it is read.

    ``tables`` are those of the networks on the host, with the rules that hold there, and under ``words`` tables of the
    words that are never names. ``miss`` is what an address without a rule is, None where its path tells.
    """

    def __init__(self, *tables: Table, miss: Classified | None = None) -> None:
        self.tables = list(tables)
        self.miss = miss

    @cached_property
    def network(self) -> str | None:
        """The network of the host; None where two share it, because only a matching rule tells it then."""
        networks: set[str | None] = {table.get("id") for table in self.tables}
        if not networks and self.miss:
            return self.miss.network
        return networks.pop() if len(networks) == 1 else None

    @cached_property
    def words(self) -> dict[str, Kind]:
        """The first words of paths that are not names of accounts."""
        return _kinds(words for table in self.tables for words in table["words"])

    @cached_property
    def rules(self) -> dict[str | None, list[Rule]]:
        """The rules in order, by the first word of the paths they match; None: those that match any word."""
        found: dict[str | None, list[Rule]] = defaultdict(list)
        for table in self.tables:
            for row in table["rule"]:
                for at in [row["at"]] if isinstance(row["at"], str) else row["at"]:
                    rule = Rule(at, row, table)
                    for word in rule.words or (None,):
                        found[word].append(rule)
        return dict(found)

    def read(self, path: str, query: str) -> tuple[Rule, dict[str, str]] | Classified:
        """Return the first rule that *path* and *query* match, with the named pieces, or what they are without one."""
        path = "/".join(unwrap.segments(path))
        if self.tables and (skip := self.tables[0].get("skip")):
            path = re.sub(skip, "", path, count=1, flags=re.IGNORECASE)
        word = path.partition("/")[0].lower()
        kind = self.words.get(word)
        rules = self.rules.get(word, [])
        if kind is None and not (rules and word):
            rules = rules + self.rules.get(None, [])
        for rule in rules:
            if (pieces := rule.match(path, query)) is not None:
                return rule, pieces
        if self.miss:
            return self.miss
        if (kind or Kind.NONE) is Kind.NONE and _BLANK.search(path):
            reason = BLANK_IN_NAME
        else:
            reason = f"word_{kind}" if kind is not None else "unknown_path" if path else "home"
        return no_account(self.network, kind or Kind.NONE, reason)


class Host(NamedTuple):
    """A host found in the tables; ``prefix`` is the part of it that names an account (``rb`` of ``rb.tumblr.com``)."""

    rules: HostRules
    prefix: str = ""


class Hosts:
    """The hosts of networks.toml and wrappers.toml."""

    def __init__(self) -> None:
        self.exact: dict[str, HostRules] = defaultdict(HostRules)  # by the whole name
        self.wild: dict[str, HostRules] = defaultdict(HostRules)  # sites whose sub-domains are names
        self.assets: dict[str, str | None] = {}
        self.parts: dict[str | None, dict[str, Kind]] = defaultdict(dict)  # other hosts of a network, by first label
        self.main: dict[str | None, HostRules] = {}  # of each network's own site
        self.hinted: list[tuple[re.Pattern[str], HostRules]] = []  # for hosts that are recognized by a pattern
        networks = read_tables(_NETWORKS)
        tables = [(table, networks["common"]) for table in (*networks["network"], *networks["hub"])]
        tables += [(table, {}) for table in read_tables("detect/networks/wrappers.toml")["site"]]
        for table, common in tables:
            network = table.get("id")
            self.parts[network] |= _kinds([each.get("parts", {}) for each in (common, table)])
            self.assets |= dict.fromkeys(table.get("assets", ()), network)
            for row in table["rule"]:
                for host in row.get("on", ()):
                    known = self.wild if host.startswith("*.") else self.exact
                    known[host.removeprefix("*.")].tables.append({**table, "rule": [row], "words": ()})
            words = [each.get("words", {}) for each in (common, table)]
            main = {**table, "rule": [row for row in table["rule"] if "on" not in row], "words": words}
            self.main[network] = HostRules(main)
            if "hints" in table:
                self.hinted.append((re.compile(table["hints"], re.IGNORECASE), HostRules(main, miss=NO_NETWORK)))
            for host in table["domains"]:
                for label in ("", *(f"{label}." for label in table.get("subdomains", ()))):
                    self.exact[label + host].tables.append(main)


def _kinds(tables: Iterable[Table]) -> dict[str, Kind]:
    """Return the kind of each word in *tables* of words by kind; later tables win."""
    listed = ((Kind(kind), words) for table in tables for kind, words in table.items())
    return {word: kind for kind, words in listed for word in words}


hosts = cache(Hosts)  # both files are read once


@lru_cache(maxsize=4096)
def match_host(host: str) -> Host | None:
    """Return the rules for *host* (lower case, no port), matched by whole labels; None if no table has it.

    ``fr-ca.facebook.com`` is Facebook; ``facebook.com.example.net`` and ``notfacebook.com`` are not.
    """
    known = hosts()
    name = host
    while (rules := known.exact.get(name)) is None:
        shorter = _ALIAS.match(name)
        label, _, parent = name.partition(".")
        if shorter is None or (parent in known.exact and label in known.parts[known.exact[parent].network]):
            return _match_parent(host)
        if name[shorter.end() :] in known.wild and shorter[0] != "www.":  # fr.tumblr.com is an account
            return _match_parent(name)
        name = name[shorter.end() :]
    return Host(rules)


def _match_parent(host: str) -> Host | None:
    """Return the rules for a *host* that is not in the tables: by its longest parent that is, or by its form."""
    known = hosts()
    labels = host.split(".")[-_MAX_LABELS:]
    for count in range(len(labels)):
        label, parent = ".".join(labels[:count]), ".".join(labels[count:])
        if parent in known.assets:
            return Host(HostRules(miss=no_account(known.assets[parent], Kind.NONE, "assets")))
        if site := known.wild.get(parent) or known.exact.get(parent):
            kind = known.parts[site.network].get(label)
            if kind is None and parent in known.wild and "." not in label:
                return Host(site, prefix=label)
            miss = no_account(site.network, kind or Kind.NONE, "part" if kind else "other_host")
            return Host(HostRules(miss=miss))
    hinted = known.hinted if host.isascii() else ()
    return next((Host(main) for hint, main in hinted if hint.search(host)), None)
