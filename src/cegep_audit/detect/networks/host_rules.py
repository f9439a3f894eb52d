"""What a host is: a network's own site, another of its hosts, a site whose sub-domains are names, or none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from cegep_audit.detect.networks.grammar import Grammar, Table, make_rule, read_tables
from cegep_audit.vocabulary import Kind

# What stands before the name of a site without making another one: www., mobile and language versions.
_FACE = re.compile(r"(?:w{1,4}\d?|m|mobile|touch|web|wap|mbasic|lite|old|new|beta|[a-z]{2}(?:[-_][a-z]{2,4})?)\.")
_MAX_LABELS = 6  # of a host name; no network has more


class Place(NamedTuple):
    """A host found in the tables: its grammar, or what all of it is.

    ``prefix`` is the part of the host that is a name itself (``cegeprb`` of ``cegeprb.tumblr.com``).
    """

    network: str | None
    grammar: Grammar | None
    prefix: str = ""
    kind: Kind = Kind.NONE
    reason: str = ""


@dataclass(slots=True)
class Places:
    """The hosts of both files. ``wild`` holds the sites whose sub-domains are names, ``parts`` what other hosts are.

    A part is a host, or a first label and the network it belongs to: ``("help", "twitter")``. ``main`` is the
    grammar of each network's own site, by id; ``hinted`` that of hosts which only their name tells.
    """

    hosts: dict[str, Grammar] = field(default_factory=dict)
    wild: dict[str, Grammar] = field(default_factory=dict)
    assets: dict[str, Place] = field(default_factory=dict)
    parts: dict[tuple[str, str | None], Place] = field(default_factory=dict)
    main: dict[str, Grammar] = field(default_factory=dict)
    hinted: list[tuple[re.Pattern[str], Grammar]] = field(default_factory=list)

    def names(self) -> Iterator[str]:
        """Yield every host name, and the schemes of apps (``fb:``)."""
        yield from self.hosts
        yield from self.wild
        yield from self.assets


@cache
def places() -> Places:
    """Return the hosts of networks.toml and wrappers.toml, made ready once."""
    made = Places()
    networks = read_tables("networks.toml")
    shapes = networks["shapes"]
    for table in (*networks["network"], *networks["hub"], *read_tables("wrappers.toml")["site"]):
        main = _add_rules(made, table, {**shapes, **table.get("shapes", {})})
        _add_hosts(made, table, main)
    return made


def _add_rules(made: Places, table: Table, shapes: Mapping[str, str]) -> Grammar:
    """Add the rules that name their hosts, and return the grammar that the others make."""
    network = table.get("id")
    main = Grammar(network, skip=re.compile(table["skip"], re.IGNORECASE) if "skip" in table else None)
    if network:
        main.words = _kinds(read_tables("networks.toml")["common"]["words"])
    main.words |= _kinds(table.get("words", {}))
    for row in table.get("rule", ()):
        rule = make_rule(row, table, shapes)
        if "on" not in row:
            main.add(rule)
        for host in row.get("on", ()):
            known = made.wild if host.startswith("*.") else made.hosts
            grammar = known.setdefault(host.removeprefix("*."), Grammar(network, skip=main.skip))
            grammar.share_with(network)
            grammar.add(rule)
    return main


def _kinds(table: Table) -> dict[str, Kind]:
    """Return, by word, what a *table* of words by kind says that it leads to."""
    return {word: Kind(kind) for kind, words in table.items() for word in words}


def _add_hosts(made: Places, table: Table, main: Grammar) -> None:
    network = main.network
    if network:
        made.main[network] = main
    for host in table["domains"]:
        for face in ("", *(f"{label}." for label in table.get("faces", ()))):
            made.hosts.setdefault(face + host, main).take_over(main)
    made.assets |= {host: Place(network, None, reason="assets") for host in table.get("assets", ())}
    common = read_tables("networks.toml")["common"]["parts"] if network else {}
    parts = {**_kinds(common), **_kinds(table.get("parts", {}))}
    made.parts |= {(label, network): Place(network, None, kind=kind, reason="part") for label, kind in parts.items()}
    if "hints" in table:
        made.hinted.append((re.compile(table["hints"], re.IGNORECASE), main))


@lru_cache(maxsize=4096)
def place_of(host: str) -> Place | None:
    """Return what *host* (lower case, no port) is, by whole labels of its name; None where no table knows it.

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
    """Whether the first label of *host* is listed as something else than a version of the site."""
    label, _, parent = host.partition(".")
    grammar = places().hosts.get(parent)
    return grammar is not None and (label, grammar.network) in places().parts


def _parent_place(host: str) -> Place | None:
    known = places()
    for label, parent in _parents(host):
        if parent in known.assets:
            return known.assets[parent]
        wild = known.wild.get(parent)
        if (site := wild or known.hosts.get(parent)) is None:
            continue
        if named := known.parts.get((label, site.network)):
            return named
        if wild and "." not in label:
            return Place(wild.network, wild, prefix=label)
        return Place(site.network, None, reason="other_host")
    hinted = known.hinted if host.isascii() else ()
    return next((Place(main.network, main, reason="hint") for hint, main in hinted if hint.search(host)), None)


def _parents(host: str) -> Iterator[tuple[str, str]]:
    """Yield (what stands before, parent) of *host*, the longest parent first; the host itself comes first."""
    labels = host.split(".")[-_MAX_LABELS:]
    for count in range(len(labels)):
        yield ".".join(labels[:count]), ".".join(labels[count:])
