"""Match paths of one host against the rules of networks.toml and wrappers.toml.

The pattern of a rule consists of segments between slashes: ``a|b`` is one word or the other, ``*`` any segment,
``{id}`` a piece of that shape, ``/**`` at the end "and whatever follows", and ``?name=value`` a parameter that the
address must have. Words match whole, in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from cegep_audit.detect.networks import unwrap
from cegep_audit.vocabulary import Kind

Table = Mapping[str, Any]  # a table of a TOML file; the tests read every row, so its types are right

BLANK_IN_NAME = "blank_in_name"  # the reason of an address whose name contains a space: no network allows one
WRAPPED = "wrapped"  # the kind of a rule for addresses that only lead to another one

_PIECE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_BLANK = re.compile(r"\s")
_NO_WORD = re.compile(r"[*{]")


class Pattern:
    """One ``at`` of a rule, compiled when it is first tried: most networks never appear in a scan."""

    def __init__(self, text: str, shapes: Mapping[str, str]) -> None:
        self.text, _, self._query = text.partition("?")
        self._shapes = shapes
        first = self.text.split("/", 1)[0]
        self.words = None if _NO_WORD.search(first) else tuple(first.lower().split("|"))

    def match(self, path: str, query: str) -> dict[str, str] | None:
        """Return the named pieces of a decoded *path* and its *query*, None where they do not match."""
        found = self._path.fullmatch(path)
        if found is None:
            return None
        pieces = found.groupdict()
        if self._query:
            given = {**unwrap.parameters(query), "": query}  # the empty name stands for the whole query
            for name, value in self._parameters:
                if name not in given or (there := value.fullmatch(given[name])) is None:
                    return None
                pieces |= there.groupdict()
        return pieces

    @cached_property
    def _path(self) -> re.Pattern[str]:
        text, tail = self.text, ""
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
        made, position = "", 0
        for piece in _PIECE.finditer(text):
            made += re.escape(text[position : piece.start()]).replace(r"\*", anything)
            made += f"(?P<{piece[1]}>{self._shapes[piece[2] or piece[1]]})"
            position = piece.end()
        return made + re.escape(text[position:]).replace(r"\*", anything)


class Rule:
    """One rule of a network, from a *row* of its *table*: the kind of the addresses it matches, and their account.

    ``handle`` and ``account`` are templates over the named pieces; ``account_pieces`` are those that ``account``
    uses, the handle and the host among them. ``handle`` is "" where the address names nobody.
    ``is_bare`` marks accounts whose name directly follows the host, where some words are reserved.
    """

    def __init__(self, row: Table, table: Table, shapes: Mapping[str, str]) -> None:
        at = [row["at"]] if isinstance(row["at"], str) else row["at"]
        named = {piece for text in at for piece, _ in _PIECE.findall(text)}
        default = next((f"{{{piece}}}" for piece in ("name", "id") if piece in named), "")
        self.name: str = row["name"]
        self.network: str | None = table.get("id")
        self.kind: str = row.get("kind", Kind.PROFILE.value)
        self.patterns = [Pattern(text, shapes) for text in at]
        self.handle: str = row.get("handle", default)
        self.account: str = row.get("account", table.get("account", ""))
        self.account_pieces = [piece for piece, _ in _PIECE.findall(self.account)]
        self.exact: bool = row.get("exact", False)
        self.is_bare = self.account == table.get("account") and "/" not in self.handle
        self.respell: tuple[str, str] | None = table.get("respell")


class Miss(NamedTuple):
    """The kind of an address that no rule matches, and the reason."""

    kind: Kind
    reason: str


@dataclass(slots=True)
class Grammar:
    """The rules for the paths of one host: by first word, then the general ones; ``words`` are nobody's names."""

    network: str | None
    words: dict[str, Kind] = field(default_factory=dict)
    by_word: dict[str, list[tuple[Pattern, Rule]]] = field(default_factory=dict)
    general: list[tuple[Pattern, Rule]] = field(default_factory=list)
    skip: re.Pattern[str] | None = None

    def add(self, rule: Rule) -> None:
        """Append *rule*: earlier rules win."""
        for pattern in rule.patterns:
            if pattern.words is None:
                self.general.append((pattern, rule))
            for word in pattern.words or ():
                self.by_word.setdefault(word, []).append((pattern, rule))

    def share_with(self, network: str | None) -> None:
        """Note that *network* has rules here: an unknown path of a host that two networks share belongs to neither."""
        self.network = self.network if self.network == network else None

    def take_over(self, other: Grammar) -> None:
        """Add the rules of *other*, a grammar for the same host."""
        if other is self:
            return
        self.share_with(other.network)
        self.words |= other.words
        self.general += other.general
        for word, rules in other.by_word.items():
            self.by_word.setdefault(word, []).extend(rules)

    def is_reserved(self, word: str) -> bool:
        """Whether the network reserves *word*, so that no account can have it for its name."""
        return word in self.words or word in self.by_word

    def read(self, path: str, query: str) -> tuple[Rule, dict[str, str]] | Miss:
        """Return the first rule that *path* and *query* match, with the named pieces; a Miss where none does."""
        path = "/".join(unwrap.segments(path))
        if self.skip is not None:
            path = self.skip.sub("", path, count=1)
        word = path.partition("/")[0].lower()
        for pattern, rule in self.by_word.get(word, ()):
            if (pieces := pattern.match(path, query)) is not None:
                return rule, pieces
        if kind := self.words.get(word):
            return Miss(kind, BLANK_IN_NAME if kind is Kind.NONE and _BLANK.search(path) else f"word_{kind}")
        for pattern, rule in self.general if word not in self.by_word or not word else ():
            if (pieces := pattern.match(path, query)) is not None:
                return rule, pieces
        return Miss(Kind.NONE, BLANK_IN_NAME if _BLANK.search(path) else "unknown_path" if path else "home")
