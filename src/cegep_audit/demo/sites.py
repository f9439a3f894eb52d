"""The invented institutions of the demo, and what their hosts answer.

Each institution is one file of ``sites/``, which names its traps. Everything is invented: names, texts, handles. Host
names end in ``.test`` or ``.example``, which nobody can own (RFC 2606).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cegep_audit.tables import read_tables

REGISTRY_COLUMNS = (
    *("id", "name", "short_name", "type", "language", "region", "region_code", "city", "website", "alt_hosts"),
    *("founded", "closed", "enrolment", "parent_id", "status"),
)
_SLOTS = ("head", "header", "main", "aside", "footer", "own_footer", "credit", "scripts")
_HOMES = ("/", "/fr/", "/en/", "/accueil.htm")
_CONTACTS = ("/nous-joindre", "/contact-us")
_A_PAGE = {"articles": 9, "paragraphs": 4}  # how many of them a page has; it has all of the others


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


@cache
def sites() -> tuple[Site, ...]:
    """Return every invented institution, in the order of the registry (by id)."""
    names = sorted(each.name for each in files("cegep_audit.demo").joinpath("sites").iterdir())
    tables = ((name.removesuffix(".toml"), read_tables(f"demo/sites/{name}")) for name in names)
    return tuple(_site(site_id, dict(table)) for site_id, table in tables)


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


class Answer(NamedTuple):
    """One HTTP answer, not compressed; ``wait_s`` is how long it takes to come, in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wait_s: float = 0.0


def answer(site: Site, path: str) -> Answer:
    """Return what *site* answers to *path* (without query): a page of its own, a usual one, or a 404."""
    usual = (_usual(site.look, language).get(path) for language in site.languages)
    missing = Document(status=404, body="<!doctype html><title>404</title><h1>Page introuvable</h1>")
    document = site.pages.get(path) or next(filter(None, usual), missing)
    content_type = site.content_type if document.content_type is None else document.content_type
    headers = {"Content-Type": content_type, "Location": document.location}
    text = document.body if document.body is not None else _rendered(site, path, document)
    charset = site.charset if content_type == site.content_type else "utf-8"
    # Characters that the codec lacks become character references, as editors of the time wrote them.
    body = text.encode(charset, "xmlcharrefreplace")
    return Answer(document.status, {name: value for name, value in headers.items() if value}, body, document.wait_s)


def saved_pages() -> dict[str, bytes]:
    """Return the pages that a person saved from her browser, by file name, with their address as browsers note it."""
    found = {}
    for site in sites():
        if site.saved:
            url = f"http://{site.host}/"
            page = _rendered(site, "/", Document(slots=site.saved))
            found[f"{site.id}.html"] = f"<!-- saved from url=({len(url):04}){url} -->\n{page}".encode()
    return found


def _rendered(site: Site, path: str, document: Document) -> str:
    """Return the page at *path* as the site's template renders it; "" for a site without one."""
    if not site.look:
        return ""
    language = document.language or site.languages[0]
    text = _prose(language, crc32(f"{site.host}{path}".encode()))
    marked = {**site.slots, **document.slots}
    template = _templates().get_template(f"{site.look}.html")
    return template.render(
        site=site,
        path=path,
        title=document.title or _usual(site.look, language).get(path, document).title or text["home"],
        language=language,
        slots={slot: Markup(marked.get(slot, "")) for slot in _SLOTS},  # noqa: S704 - a site's file holds markup
        text=text,
        hue=crc32(site.id.encode()) % 360,
        is_home=path in _HOMES,
        is_contact=path in _CONTACTS,
    )


@cache
def _usual(look: str, language: str) -> dict[str, Document]:
    """Return the pages that every site of *look* has: the home page, those of the menu, the articles."""
    pages = {"/robots.txt": Document(content_type="text/plain", body="User-agent: *\nDisallow: /recherche\n")}
    if look:
        text = _prose(language)
        entries = [entry for label, href, below in text["menu"] for entry in ([label, href], *below)]
        entries += [(text["home"], "/"), *((heading, href) for heading, _, href in text["articles"])]
        pages |= {href: Document(title=label, language=language) for label, href in entries}
    return pages


def _prose(language: str, deal: int | None = None) -> dict[str, Any]:
    """Return the prose of *language*. With a *deal* its lists are rotated and cut: pages differ, but never change."""
    text: dict[str, Any] = read_tables("demo/prose.toml")[language]
    articles = [(heading, body, f"/actualites/{number}") for number, (heading, body) in enumerate(text["articles"], 1)]
    lists = {"articles": articles, "names": text["names"], "paragraphs": text["paragraphs"]}
    if deal is not None:
        turned = {name: items[deal % len(items) :] + items[: deal % len(items)] for name, items in lists.items()}
        lists = {name: items[: _A_PAGE.get(name)] for name, items in turned.items()}
    return text | lists


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("cegep_audit.demo"), autoescape=True, undefined=StrictUndefined)
