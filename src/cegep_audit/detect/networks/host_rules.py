"""Recognize hosts: a network's own site, another of its hosts, or a site whose sub-domains are account names."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from cegep_audit.detect.networks.grammar import Grammar, Rule, Table
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

# First labels that lead to the same site: www., mobile and language versions.
_FACE = re.compile(r"(?:w{1,4}\d?|m|mobile|touch|web|wap|mbasic|lite|old|new|beta|[a-z]{2}(?:[-_][a-z]{2,4})?)\.")
_MAX_LABELS = 6  # of a host name; no network has more


class Place(NamedTuple):
    """A host found in the tables: its grammar, or the one kind of all its addresses.

    ``prefix`` is the part of the host that names an account (``cegeprb`` of ``cegeprb.tumblr.com``).
    """

    network: str | None
    grammar: Grammar | None
    prefix: str = ""
    kind: Kind = Kind.NONE
    reason: str = ""


class Places:
    """The hosts of networks.toml and wrappers.toml. ``wild`` holds the sites whose sub-domains are names.

    ``parts`` gives, by network and first label, the kind of other hosts of its domains. ``main`` is the grammar of
    each network's own site, by id; ``hinted`` holds grammars for hosts that are recognized by a pattern.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, Grammar] = {}
        self.wild: dict[str, Grammar] = {}
        self.assets: dict[str, Place] = {}
        self.parts: dict[str | None, dict[str, Kind]] = defaultdict(dict)
        self.main: dict[str | None, Grammar] = {}
        self.hinted: list[tuple[re.Pattern[str], Grammar]] = []
        networks = read_tables("detect/networks/networks.toml")
        common = {name: _kinds(kinds) for name, kinds in networks["common"].items()}
        for table in (*networks["network"], *networks["hub"]):
            self._add(table, networks["shapes"], common)
        for table in read_tables("detect/networks/wrappers.toml")["site"]:
            self._add(table, networks["shapes"], {})

    def _add(self, table: Table, shapes: Mapping[str, str], common: Mapping[str, Mapping[str, Kind]]) -> None:
        network = table.get("id")
        skip = re.compile(table["skip"], re.IGNORECASE) if "skip" in table else None
        main = Grammar(network, {**common.get("words", {}), **_kinds(table.get("words", {}))}, skip=skip)
        self.main[network] = main
        self.parts[network] |= {**common.get("parts", {}), **_kinds(table.get("parts", {}))}
        self.assets |= {host: Place(network, None, reason="assets") for host in table.get("assets", ())}
        if "hints" in table:
            self.hinted.append((re.compile(table["hints"], re.IGNORECASE), main))
        for row in table["rule"]:
            rule = Rule(row, table, {**shapes, **table.get("shapes", {})})
            if "on" not in row:
                main.add(rule)
            for host in row.get("on", ()):
                known = self.wild if host.startswith("*.") else self.hosts
                grammar = known.setdefault(host.removeprefix("*."), Grammar(network, skip=skip))
                grammar.share_with(network)
                grammar.add(rule)
        for host in table["domains"]:
            for face in ("", *(f"{label}." for label in table.get("faces", ()))):
                self.hosts.setdefault(face + host, main).take_over(main)

    def names(self) -> Iterator[str]:
        """Yield every host name, and the schemes of apps (``fb:``)."""
        yield from self.hosts
        yield from self.wild
        yield from self.assets


def _kinds(table: Table) -> dict[str, Kind]:
    """Return the kind of each word of a *table* that lists words by kind."""
    return {word: Kind(kind) for kind, words in table.items() for word in words}


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
        if shorter is None or _is_part(face):
            return _parent_place(host)
        if face[shorter.end() :] in known.wild and shorter[0] != "www.":  # fr.tumblr.com is somebody's
            return _parent_place(face)
        face = face[shorter.end() :]
    return Place(grammar.network, grammar)


def _is_part(host: str) -> bool:
    """Whether the tables list the first label of *host* as another host, not a version of the site."""
    label, _, parent = host.partition(".")
    grammar = places().hosts.get(parent)
    return grammar is not None and label in places().parts[grammar.network]


def _parent_place(host: str) -> Place | None:
    known = places()
    for label, parent in _parents(host):
        if parent in known.assets:
            return known.assets[parent]
        wild = known.wild.get(parent)
        if (site := wild or known.hosts.get(parent)) is None:
            continue
        if (kind := known.parts[site.network].get(label)) is not None:
            return Place(site.network, None, kind=kind, reason="part")
        if wild and "." not in label:
            return Place(wild.network, wild, prefix=label)
        return Place(site.network, None, reason="other_host")
    hinted = known.hinted if host.isascii() else ()
    return next((Place(main.network, main, reason="hint") for hint, main in hinted if hint.search(host)), None)


def _parents(host: str) -> Iterator[tuple[str, str]]:
    """Yield (prefix, parent) for each parent of *host*, the host itself first, then the longest."""
    labels = host.split(".")[-_MAX_LABELS:]
    for count in range(len(labels)):
        yield ".".join(labels[:count]), ".".join(labels[count:])
