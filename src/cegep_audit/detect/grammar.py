"""The rules of networks.toml and wrappers.toml, made ready to match: hosts, paths, parameters.

A rule says where it holds with a pattern of the path: segments between slashes, ``a|b`` for one word or the
other, ``*`` for any segment, ``{id}`` for a piece of that shape, ``/**`` at the end for "and whatever follows", and
``?name=value`` for parameters the address must have. The words of a pattern match whole, in any case.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from cegep_audit.detect import unwrap
from cegep_audit.vocabulary import Kind

Table = Mapping[str, Any]  # a table of a TOML file: the tests read every row, so a wrong type cannot ship

WRAPPED = "wrapped"  # the kind of a rule whose address is only the way to another one

_PIECE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_NO_WORD = re.compile(r"[*{]")

# What stands before the name of a site without making another one: www., mobile and language versions.
_FACE = re.compile(r"(?:w{1,4}\d?|m|mobile|touch|web|wap|mbasic|lite|old|new|beta|[a-z]{2}(?:[-_][a-z]{2,4})?)\.")
_MAX_LABELS = 6  # of a host name; no network has more


class Target:
    """The path that a rule is tried on, decoded, and the parameters, read where a rule asks for one."""

    def __init__(self, path: str, query: str) -> None:
        self.path = path
        self.query = query

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of the address, decoded, by name in lower case; the whole query has no name."""
        return {**unwrap.parameters(self.query), "": self.query}


class Pattern:
    """One ``at`` of a rule, compiled when it is first tried."""

    def __init__(self, text: str, shapes: Mapping[str, str]) -> None:
        self.text, _, self._query = text.partition("?")
        self._shapes = shapes
        first = self.text.split("/", 1)[0]
        self.words = None if _NO_WORD.search(first) else tuple(first.lower().split("|"))

    def match(self, target: Target) -> dict[str, str] | None:
        """Return the named pieces of *target*, None where it does not match."""
        found = self._path.fullmatch(target.path)
        if found is None:
            return None
        pieces = found.groupdict()
        for name, value in self._parameters:
            given = target.parameters.get(name)
            if given is None or (there := value.fullmatch(given)) is None:
                return None
            pieces |= there.groupdict()
        return pieces

    @cached_property
    def _path(self) -> re.Pattern[str]:
        text = self.text
        tail = ""
        if text.endswith("**"):
            text, tail = text[:-2].removesuffix("/"), "(?:/.*)?" if text != "**" else ".*"
        return re.compile("(?is)" + "/".join(map(self._segment, text.split("/"))) + tail)

    @cached_property
    def _parameters(self) -> list[tuple[str, re.Pattern[str]]]:
        asked = (part.partition("=") for part in self._query.split("&") if part)
        return [(name.lower(), re.compile("(?is)" + self._segment(value, ".*"))) for name, _, value in asked]

    def _segment(self, text: str, anything: str = "[^/]+") -> str:
        if "|" in text:
            return "(?:" + "|".join(self._segment(word, anything) for word in text.split("|")) + ")"
        made, position = "", 0
        for piece in _PIECE.finditer(text):
            made += re.escape(text[position : piece.start()]).replace(r"\*", anything)
            made += f"(?P<{piece[1]}>{self._shapes[piece[2] or piece[1]]})"
            position = piece.end()
        return made + re.escape(text[position:]).replace(r"\*", anything)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a network: what an address it matches is, and whose account it names.

    ``handle`` and ``account`` are templates over the named pieces, the latter over ``account_pieces``, which may
    be the handle and the host too; ``handle`` is "" where the address names nobody.
    ``is_bare`` tells an account whose name stands alone behind the host, where words are reserved.
    """

    name: str
    network: str | None
    kind: str
    patterns: tuple[Pattern, ...]
    handle: str
    account: str
    account_pieces: tuple[str, ...]
    exact: bool
    is_bare: bool
    respell: tuple[re.Pattern[str], str] | None


@dataclass(slots=True)
class Grammar:
    """What the paths of one host mean."""

    network: str | None
    words: dict[str, Kind] = field(default_factory=dict)
    by_word: dict[str, list[tuple[Pattern, Rule]]] = field(default_factory=dict)
    general: list[tuple[Pattern, Rule]] = field(default_factory=list)
    skip: re.Pattern[str] | None = None

    def add(self, rule: Rule) -> None:
        """Put *rule* behind those already there."""
        for pattern in rule.patterns:
            if pattern.words is None:
                self.general.append((pattern, rule))
            for word in pattern.words or ():
                self.by_word.setdefault(word, []).append((pattern, rule))

    def take_over(self, other: Grammar) -> None:
        """Add what *other* says of the same host."""
        if other is self:
            return
        self.network = self.network if self.network == other.network else None
        self.words |= other.words
        self.general += other.general
        for word, rules in other.by_word.items():
            self.by_word.setdefault(word, []).extend(rules)

    def is_reserved(self, word: str) -> bool:
        """Whether *word* means something to the network and can be nobody's name."""
        return word in self.words or word in self.by_word

    def read(self, path: str, query: str) -> tuple[Rule, dict[str, str]] | tuple[Kind, str]:
        """Return the rule that matches with its pieces, or a kind with the reason why none does."""
        path = "/".join(unwrap.segments(path))
        if self.skip is not None:
            path = self.skip.sub("", path, count=1)
        target = Target(path, query)
        word = path.partition("/")[0].lower()
        for pattern, rule in self.by_word.get(word, ()):
            if (pieces := pattern.match(target)) is not None:
                return rule, pieces
        if kind := self.words.get(word):
            return kind, f"word_{kind}"
        for pattern, rule in self.general if word not in self.by_word or not word else ():
            if (pieces := pattern.match(target)) is not None:
                return rule, pieces
        return Kind.NONE, "unknown_path" if path else "home"


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
class Tables:
    """Both files, by host. ``wild`` holds the sites whose sub-domains are names, ``parts`` what other hosts are.

    ``main`` is the grammar of each network's own site, by id.
    """

    hosts: dict[str, Grammar] = field(default_factory=dict)
    wild: dict[str, Grammar] = field(default_factory=dict)
    parts: dict[str, Place] = field(default_factory=dict)
    main: dict[str, Grammar] = field(default_factory=dict)
    hints: re.Pattern[str] = re.compile("(?!)")
    hinted: Grammar | None = None


@cache
def read_tables(name: str) -> Table:
    """Return the file *name* of this package, read once."""
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


@cache
def tables() -> Tables:
    """Return the rules of both files, made ready once."""
    made = Tables()
    shapes = read_tables("networks.toml")["shapes"]
    for table in (*read_tables("networks.toml")["network"], *read_tables("wrappers.toml")["site"]):
        _add_site(made, table, shapes)
    return made


def _add_site(made: Tables, table: Table, shapes: Mapping[str, str]) -> None:
    network = table.get("id")
    shapes = {**shapes, **table.get("shapes", {})}
    main = Grammar(network, skip=re.compile(table["skip"], re.I) if "skip" in table else None)
    main.words = {word: Kind(kind) for kind, words in table.get("words", {}).items() for word in words}
    for row in table.get("rule", ()):
        rule = _rule(row, table, shapes)
        if "on" not in row:
            main.add(rule)
        for host in row.get("on", ()):
            known = made.wild if host.startswith("*.") else made.hosts
            grammar = known.setdefault(host.removeprefix("*."), Grammar(network, skip=main.skip))
            if grammar.network != network:
                grammar.network = None  # two networks share a host: what neither knows is neither's
            grammar.add(rule)
    if network:
        made.main[network] = main
    for host in table["domains"]:
        for face in ("", *(f"{label}." for label in table.get("faces", ()))):
            made.hosts.setdefault(face + host, main).take_over(main)
    for host in table.get("assets", ()):
        made.parts[host] = Place(network, None, kind=Kind.NONE, reason="assets")
    for kind, labels in table.get("parts", {}).items():
        for label in labels:
            made.parts[f"{label}@{network}"] = Place(network, None, kind=Kind(kind), reason="part")
    if "hints" in table:
        made.hints, made.hinted = re.compile(table["hints"], re.I), main


def _rule(row: Table, table: Table, shapes: Mapping[str, str]) -> Rule:
    at = [row["at"]] if isinstance(row["at"], str) else row["at"]
    named = {piece for text in at for piece, _ in _PIECE.findall(text)}
    handle = row.get("handle", next((f"{{{piece}}}" for piece in ("name", "id") if piece in named), ""))
    account = row.get("account", table.get("account", ""))
    return Rule(
        name=row["name"],
        network=table.get("id"),
        kind=row.get("kind", Kind.PROFILE.value),
        patterns=tuple(Pattern(text, shapes) for text in at),
        handle=handle,
        account=account,
        account_pieces=tuple(piece for piece, _ in _PIECE.findall(account)),
        exact=row.get("exact", False),
        is_bare=account == table.get("account") and "/" not in handle,
        respell=(re.compile(table["respell"][0]), table["respell"][1]) if "respell" in table else None,
    )


@lru_cache(maxsize=4096)
def place_of(host: str) -> Place | None:
    """Return what *host* is, by whole labels of its name; None where no table knows it.

    ``fr-ca.facebook.com`` is Facebook; ``facebook.com.example.net`` and ``notfacebook.com`` are not.
    """
    known = tables()
    face = host
    while True:
        if grammar := known.hosts.get(face):
            return Place(grammar.network, grammar)
        shorter = _FACE.match(face)
        if shorter is None or _is_part(face):
            break
        face = face[shorter.end() :]
    return _parent_place(host)


def _is_part(host: str) -> bool:
    label, _, parent = host.partition(".")
    grammar = tables().hosts.get(parent)
    return grammar is not None and f"{label}@{grammar.network}" in tables().parts


def _parent_place(host: str) -> Place | None:
    known = tables()
    for label, parent in _parents(host):
        if parent in known.parts:
            return known.parts[parent]
        wild, grammar = known.wild.get(parent), known.hosts.get(parent)
        if (site := wild or grammar) is None:
            continue
        if named := known.parts.get(f"{label}@{site.network}"):
            return named
        if wild and "." not in label:
            return Place(wild.network, wild, prefix=label)
        return Place(site.network, None, reason="other_host")
    if known.hinted and known.hints.search(host):
        return Place(known.hinted.network, known.hinted, reason="hint")
    return None


def _parents(host: str) -> Iterator[tuple[str, str]]:
    """Yield (what stands before, parent) of *host*, the longest parent first; the host itself comes first."""
    labels = host.split(".")[-_MAX_LABELS:]
    for count in range(len(labels)):
        yield ".".join(labels[:count]), ".".join(labels[count:])
