"""The invented institutions of the demo: who they are, what they serve, and what a careful reader finds there.

One file of ``sites/`` holds all there is to know of one institution, its traps named. Everything
is invented: names, texts, handles. Host names end in ``.test`` or ``.example``, which nobody can own (RFC 2606).
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

REGISTRY_COLUMNS = (
    *("id", "name", "short_name", "type", "language", "region", "region_code", "city", "website", "alt_hosts"),
    *("founded", "closed", "enrolment", "parent_id", "status"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One address of a site. Where ``body`` is None the site's look lays it out, with ``slots`` filled in.

    ``status`` is an HTTP status; ``location`` is where a redirect leads; ``content_type`` is the header as
    sent, the site's own where None; ``wait_s`` is how long the answer takes, in seconds.
    """

    status: int = 200
    location: str = ""
    title: str = ""
    language: str = ""
    content_type: str | None = None
    body: str | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """One invented institution and its host.

    ``look`` names a template of ``templates/``; "" for a site that serves only its own ``pages``. ``serves``
    is ``pages``, ``nothing`` (the host does not exist: a proxy answers 502) or ``silence`` (it closes the
    connection without an answer). ``aliases`` maps further hosts to the address they redirect to.
    ``charset`` is a Python codec, ``declared`` the name the pages give it ("" for none). ``rendered`` are accounts that
    the site shows only where a browser has run its scripts: such a site is ``ok`` then. ``saved`` are the slots of a
    homepage that refuses programs, as a person saves it from her browser.
    """

    id: str
    row: Mapping[str, str]
    host: str
    traps: tuple[str, ...]
    look: str = "modern"
    serves: str = "pages"
    status: str = "ok"
    detail: str = ""
    accounts: tuple[tuple[str, str, str], ...] = ()
    rendered: tuple[tuple[str, str, str], ...] = ()
    slots: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, Document] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    charset: str = "utf-8"
    declared: str = "utf-8"
    content_type: str = "text/html; charset=utf-8"

    @property
    def name(self) -> str:
        """The institution's full name."""
        return self.row["name"]

    @property
    def city(self) -> str:
        """The town it says it is in."""
        return self.row["city"]

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its pages, the main one first."""
        return ("fr", "en") if self.row["language"] == "bilingual" else (self.row["language"],)

    @property
    def language(self) -> str:
        """The language of its pages where they do not say otherwise, ``fr`` or ``en``."""
        return self.languages[0]


@lru_cache(maxsize=1)
def sites() -> tuple[Site, ...]:
    """Return every invented institution, in the order of the registry (by id)."""
    folder = files("cegep_audit.demo") / "sites"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return tuple(_site(entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text("utf-8"))) for entry in found)


def _site(site_id: str, table: dict[str, Any]) -> Site:
    """Build a site from its file; an unknown key raises TypeError, so that a typing error cannot hide a trap."""
    pages = {path: Document(**document) for path, document in table.pop("pages", {}).items()}
    row = dict.fromkeys(REGISTRY_COLUMNS, "") | table.pop("registry") | {"id": site_id}
    own = {item.name for item in fields(Site)}
    unknown = table.keys() - own
    if unknown:
        raise TypeError(f"{site_id}: unknown keys {sorted(unknown)}")
    row["website"] = row["website"] or f"http://{table['host']}/"
    traps = tuple(table.pop("traps"))
    accounts = tuple((network, url, role) for network, url, role in table.pop("accounts"))
    rendered = tuple((network, url, role) for network, url, role in table.pop("rendered", ()))
    return Site(id=site_id, row=row, pages=pages, traps=traps, accounts=accounts, rendered=rendered, **table)


def write_registry(path: Path) -> None:
    """Write the registry of the invented institutions to *path*, with the contract's columns."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, REGISTRY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(site.row for site in sites())
