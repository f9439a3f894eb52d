"""Match addresses against networks.toml and wrappers.toml: first the host, then the path by the rules for that host.

The pattern of a rule consists of segments between slashes: ``a|b`` is one word or the other, ``*`` any segment,
``{id}`` a piece of that shape, ``/**`` at the end "and whatever follows", and ``?name=value`` a parameter that the
address must have. Words match whole, in any case.
"""

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
_NO_WORD = re.compile(r"[*{]")
# First labels that lead to the same site: www., mobile and language versions.
_FACE = re.compile(r"(?:w{1,4}\d?|m|mobile|touch|web|wap|mbasic|lite|old|new|beta|[a-z]{2}(?:[-_][a-z]{2,4})?)\.")
_MAX_LABELS = 6  # of a host name; no network has more


class Classified(NamedTuple):
    """What a URL is on its network.

    ``url`` is the URL as given. ``network`` is None where it leads to none. ``handle`` and ``account_url`` are set
    for every kind that names an account; an ``embed`` or ``content`` may have them too, as weak evidence of its
    owner. ``account_url`` is canonical: equal addresses mean the same account. ``reason`` is the name of the rule
    that decided.
    """

    url: str
    network: str | None
    kind: Kind
    handle: str | None
    account_url: str | None
    reason: str

    @property
    def hides_account(self) -> bool:
        """Whether the address may lead to an account without naming it: a short link, a name with a space.

        ``network`` is set where the host tells it, and None for shorteners that lead anywhere.
        """
        return self.reason.startswith("short_link") or self.reason == BLANK_IN_NAME


def no_account(network: str | None, kind: Kind, reason: str) -> Classified:
    """Return what an address is that names no account."""
    return Classified("", network, kind, None, None, reason)


NO_NETWORK = no_account(None, Kind.NONE, "no_network")


class Rule:
    """One pattern *at* of a rule, a *row* of the *table* of a network: the kind of what it matches, and its account.

    ``handle`` and ``account`` are templates over the named pieces; ``account_pieces`` are those that ``account``
    uses, the handle and the host among them. ``handle`` is "" where the address names nobody.
    ``is_bare`` marks accounts whose name directly follows the host, where some words are reserved. The pattern is
    compiled when it is first tried: most are never tried in a scan.
    """

    def __init__(self, at: str, row: Table, table: Table) -> None:
        self.at, _, self._query = at.partition("?")
        self._shapes: Table = table.get("shapes", {})
        first = self.at.partition("/")[0]
        self.words = None if _NO_WORD.search(first) else first.lower().split("|")
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
        shapes = {**read_tables(_NETWORKS)["shapes"], **self._shapes}
        escaped = re.escape(text).replace(r"\*", anything)
        return _ESCAPED_PIECE.sub(lambda piece: f"(?P<{piece[1]}>{shapes[piece[2] or piece[1]]})", escaped)


class Grammar:
    """The rules for the paths of one host, put together when the first address on it is read.

    ``tables`` are those of the networks that use the host, with the rules that hold on it, and under ``words`` what no
    account has for its name there. A host that two networks share belongs to neither: only a matching rule tells the
    network of an address. ``miss`` is what an address is that no rule matches, None where its path tells.
    """

    def __init__(self, *tables: Table, miss: Classified | None = None) -> None:
        self.tables = list(tables)
        self.miss = miss

    @cached_property
    def network(self) -> str | None:
        """The network of the host."""
        networks: set[str | None] = {table.get("id") for table in self.tables}
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


class Place(NamedTuple):
    """A host found in the tables; ``prefix`` is the part of it that names an account (``rb`` of ``rb.tumblr.com``)."""

    network: str | None
    grammar: Grammar
    prefix: str = ""


class Places:
    """The hosts of networks.toml and wrappers.toml. ``wild`` holds the sites whose sub-domains are names.

    ``parts`` gives, by network and first label, the kind of other hosts of its domains. ``main`` is the grammar of
    each network's own site, by id; ``hinted`` holds those for hosts that are recognized by a pattern.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, Grammar] = defaultdict(Grammar)
        self.wild: dict[str, Grammar] = defaultdict(Grammar)
        self.assets: dict[str, str | None] = {}
        self.parts: dict[str | None, dict[str, Kind]] = defaultdict(dict)
        self.main: dict[str | None, Grammar] = {}
        self.hinted: list[tuple[re.Pattern[str], Grammar]] = []
        networks = read_tables(_NETWORKS)
        tables = [(table, networks["common"]) for table in (*networks["network"], *networks["hub"])]
        tables += [(table, {}) for table in read_tables("detect/networks/wrappers.toml")["site"]]
        for table, common in tables:
            network = table.get("id")
            self.parts[network] |= _kinds([each.get("parts", {}) for each in (common, table)])
            self.assets |= dict.fromkeys(table.get("assets", ()), network)
            for row in table["rule"]:
                for host in row.get("on", ()):
                    known = self.wild if host.startswith("*.") else self.hosts
                    known[host.removeprefix("*.")].tables.append({**table, "rule": [row], "words": ()})
            words = [each.get("words", {}) for each in (common, table)]
            main = {**table, "rule": [row for row in table["rule"] if "on" not in row], "words": words}
            self.main[network] = Grammar(main)
            if "hints" in table:
                self.hinted.append((re.compile(table["hints"], re.IGNORECASE), Grammar(main, miss=NO_NETWORK)))
            for host in table["domains"]:
                for face in ("", *(f"{label}." for label in table.get("faces", ()))):
                    self.hosts[face + host].tables.append(main)


def _kinds(tables: Iterable[Table]) -> dict[str, Kind]:
    """Return the kind of each word in *tables* of words by kind; later tables win."""
    listed = ((Kind(kind), words) for table in tables for kind, words in table.items())
    return {word: kind for kind, words in listed for word in words}


places = cache(Places)  # both files are read once


@lru_cache(maxsize=4096)
def place_of(host: str) -> Place | None:
    """Return the place of *host* (lower case, no port), matched by whole labels; None if no table has it.

    ``fr-ca.facebook.com`` is Facebook; ``facebook.com.example.net`` and ``notfacebook.com`` are not.
    """
    known = places()
    face = host
    while (grammar := known.hosts.get(face)) is None:
        shorter = _FACE.match(face)
        label, _, parent = face.partition(".")
        if shorter is None or (parent in known.hosts and label in known.parts[known.hosts[parent].network]):
            return _parent_place(host)
        if face[shorter.end() :] in known.wild and shorter[0] != "www.":  # fr.tumblr.com is somebody's
            return _parent_place(face)
        face = face[shorter.end() :]
    return Place(grammar.network, grammar)


def _parent_place(host: str) -> Place | None:
    """Return the place of a *host* that is not in the tables: by its longest parent that is, or by its form."""
    known = places()
    labels = host.split(".")[-_MAX_LABELS:]
    for count in range(len(labels)):
        label, parent = ".".join(labels[:count]), ".".join(labels[count:])
        if parent in known.assets:
            return _without_accounts(known.assets[parent], Kind.NONE, "assets")
        wild = known.wild.get(parent)
        if (site := wild or known.hosts.get(parent)) is None:
            continue
        if (kind := known.parts[site.network].get(label)) is not None:
            return _without_accounts(site.network, kind, "part")
        if wild and "." not in label:
            return Place(wild.network, wild, prefix=label)
        return _without_accounts(site.network, Kind.NONE, "other_host")
    hinted = known.hinted if host.isascii() else ()
    main = next((main for hint, main in hinted if hint.search(host)), None)
    return Place(main.network, main) if main else None


def _without_accounts(network: str | None, kind: Kind, reason: str) -> Place:
    return Place(network, Grammar(miss=no_account(network, kind, reason)))
