"""The invented institutions of the demo, and what their hosts answer.

Each institution is one file of ``sites/``, which names its traps. Everything is invented: names, texts, handles. Host
names end in ``.test`` or ``.example``, which nobody can own (RFC 2606).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import tomli
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cegep_audit.tables import read_tables

REGISTRY_COLUMNS = (
    *("id", "name", "short_name", "type", "language", "region", "region_code", "city", "website", "alt_hosts"),
    *("founded", "closed", "enrolment", "parent_id", "status"),
)
SLOTS = ("head", "header", "main", "aside", "footer", "own_footer", "credit", "scripts")
HOMES = ("/", "/fr/", "/en/", "/accueil.htm")
CONTACTS = ("/nous-joindre", "/contact-us")
ARTICLES_A_PAGE = 9
PARAGRAPHS_A_PAGE = 4

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Document:
    """One address of a site. Without a ``body``, the template of the site renders it, with ``slots`` filled in.

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
    def languages(self) -> tuple[str, ...]:
        """The languages of its pages, the main one first."""
        return ("fr", "en") if self.row["language"] == "bilingual" else (self.row["language"],)


ROBOTS = Document(content_type="text/plain", body="User-agent: *\nDisallow: /recherche\n")
NOT_FOUND = Document(status=404, body="<!doctype html><title>404</title><h1>Page introuvable</h1>")


@lru_cache(maxsize=1)
def sites() -> tuple[Site, ...]:
    """Return every invented institution, in the order of the registry (by id)."""
    folder = files("cegep_audit.demo") / "sites"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return tuple(_site(entry.name.removesuffix(".toml"), tomli.loads(entry.read_text("utf-8"))) for entry in found)


def _site(site_id: str, table: dict[str, Any]) -> Site:
    """Build a site from its file; an unknown key raises TypeError, so that a typo cannot hide a trap."""
    pages = {path: Document(**document) for path, document in table.pop("pages", {}).items()}
    row = dict.fromkeys(REGISTRY_COLUMNS, "") | table.pop("registry") | {"id": site_id}
    row["website"] = row["website"] or f"http://{table['host']}/"
    accounts: Any = {name: tuple(map(tuple, table.pop(name, ()))) for name in ("accounts", "rendered")}
    return Site(id=site_id, row=row, pages=pages, traps=tuple(table.pop("traps", ())), **accounts, **table)


def write_registry(path: Path) -> None:
    """Write the registry of the invented institutions to *path*, with the contract's columns."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, REGISTRY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(site.row for site in sites())


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, not compressed; ``wait_s`` is how long it takes to come, in seconds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wait_s: float = 0.0


def answer(site: Site, path: str) -> Answer:
    """Return what *site* answers to *path* (without query): a page of its own, a usual one, or a 404."""
    usual = (_usual(site.look, language).get(path) for language in site.languages)
    document = site.pages.get(path) or next(filter(None, usual), NOT_FOUND)
    content_type = site.content_type if document.content_type is None else document.content_type
    headers = {"Content-Type": content_type, "Location": document.location}
    sent = tuple((name, value) for name, value in headers.items() if value)
    text = document.body if document.body is not None else _laid_out(site, path, document)
    charset = site.charset if content_type == site.content_type else "utf-8"
    # Characters that the codec lacks become character references, as editors of the time wrote them.
    return Answer(document.status, sent, text.encode(charset, "xmlcharrefreplace"), document.wait_s)


def saved_pages() -> dict[str, bytes]:
    """Return the pages that a person saved from her browser, by file name, with their address as browsers note it."""
    found = {}
    for site in sites():
        if site.saved:
            url = f"http://{site.host}/"
            page = _laid_out(site, "/", Document(slots=site.saved))
            found[f"{site.id}.html"] = f"<!-- saved from url=({len(url):04}){url} -->\n{page}".encode()
    return found


def _laid_out(site: Site, path: str, document: Document) -> str:
    """Return the page at *path* as the site's template renders it; "" for a site without one."""
    if not site.look:
        return ""
    language = document.language or site.languages[0]
    usual = _usual(site.look, language)
    text = _dealt(language, crc32(f"{site.host}{path}".encode()))
    slots = {slot: Markup({**site.slots, **document.slots}.get(slot, "")) for slot in SLOTS}  # noqa: S704 — markup is what a site's file holds
    return (
        _templates()
        .get_template(f"{site.look}.html")
        .render(
            site=site,
            path=path,
            title=document.title or usual.get(path, Document()).title or text["home"],
            language=language,
            slots=slots,
            text=text,
            hue=crc32(site.id.encode()) % 360,
            is_home=path in HOMES,
            is_contact=path in CONTACTS,
        )
    )


@lru_cache(maxsize=8)
def _usual(look: str, language: str) -> dict[str, Document]:
    """Return the pages that every site of *look* has: the home page, those of the menu, the articles."""
    pages = {"/robots.txt": ROBOTS}
    if look:
        text = read_tables("demo/prose.toml")[language]
        entries = [entry for section in text["menu"] for entry in ([section[0], section[1]], *section[2])]
        entries += [(text["home"], "/"), *((heading, href) for heading, _, href in _addressed(text["articles"]))]
        pages |= {href: Document(title=label, language=language) for label, href in entries}
    return pages


def _dealt(language: str, deal: int) -> dict[str, Any]:
    """Return the prose of *language* with its lists rotated by *deal*: pages differ, but never change."""
    text: dict[str, Any] = read_tables("demo/prose.toml")[language]
    return text | {
        "articles": _turned(_addressed(text["articles"]), deal)[:ARTICLES_A_PAGE],
        "names": _turned(text["names"], deal),
        "paragraphs": _turned(text["paragraphs"], deal)[:PARAGRAPHS_A_PAGE],
    }


def _turned(items: Sequence[Item], by: int) -> list[Item]:
    start = by % len(items)
    return [*items[start:], *items[:start]]


def _addressed(articles: list[list[str]]) -> list[tuple[str, str, str]]:
    return [(heading, body, f"/actualites/{number}") for number, (heading, body) in enumerate(articles, start=1)]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=PackageLoader("cegep_audit.demo"), autoescape=True, undefined=StrictUndefined)
