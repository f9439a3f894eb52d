"""What an invented host answers to a path: a pure function of the site's file, the prose and the templates."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeVar
from zlib import crc32

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cegep_audit.demo.sites import Document, Site, sites

ROBOTS = Document(content_type="text/plain", body="User-agent: *\nDisallow: /recherche\n")
NOT_FOUND = Document(status=404, body="<!doctype html><title>404</title><h1>Page introuvable</h1>")
SLOTS = ("head", "header", "main", "aside", "footer", "own_footer", "credit", "scripts")
HOMES = ("/", "/fr/", "/en/", "/accueil.htm")
CONTACTS = ("/nous-joindre", "/contact-us")
ARTICLES_A_PAGE = 9
PARAGRAPHS_A_PAGE = 4

Item = TypeVar("Item")


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
    # What a codec cannot write becomes a character reference, as an editor of the time would have typed.
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
    """Return the page at *path* in the site's look; "" for a site without one (a redirect, say)."""
    if not site.look:
        return ""
    language = document.language or site.language
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
            declared=site.declared,
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
        text = _prose()[language]
        entries = [entry for section in text["menu"] for entry in ([section[0], section[1]], *section[2])]
        entries += [(text["home"], "/"), *((heading, href) for heading, _, href in _addressed(text["articles"]))]
        pages |= {href: Document(title=label, language=language) for label, href in entries}
    return pages


def _dealt(language: str, deal: int) -> dict[str, Any]:
    """Return the prose of *language* with its lists turned by *deal*, so that pages differ and stay the same."""
    text = _prose()[language]
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
def _prose() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("cegep_audit.demo") / "prose.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(loader=PackageLoader("cegep_audit.demo"), autoescape=True, undefined=StrictUndefined)
