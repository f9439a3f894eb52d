"""An invented web of Quebec institutions with the traps of real sites, for ``cegep-audit demo`` and the tests.

Each institution is a file of ``sites/`` and a host under ``.test`` or ``.example``, which nobody can own (RFC 2606).
The web is served on loopback as a plain HTTP proxy: clients set ``HTTP_PROXY``, so that no name is resolved and the
ordinary code runs. Unknown hosts get a 502; CONNECT (https) gets a 501, because a proxy cannot forge certificates.
"""

import csv
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from pathlib import Path
from socketserver import ThreadingTCPServer
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from zlib import crc32

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cegep_audit.tables import read_tables

REGISTRY_COLUMNS = (
    *("id", "name", "short_name", "type", "language", "region", "region_code", "city", "website", "alt_hosts"),
    *("founded", "closed", "enrolment", "parent_id", "status"),
)
_SLOTS = ("head", "header", "main", "aside", "footer", "own_footer", "credit", "scripts")
_A_PAGE = {"articles": 9, "paragraphs": 4}  # how many of them a page has; it has all of the others
_TEMPLATES = Environment(loader=PackageLoader("cegep_audit.demo"), autoescape=True, undefined=StrictUndefined)
_POLL_S = 0.05  # longest time until the server notices that it must stop


@dataclass(frozen=True, slots=True)
class Document:
    """One address of a site. Without a ``body``, the site's template renders it, with ``slots`` filled in."""

    status: int = 200
    location: str = ""  # where a redirect leads
    title: str = ""
    language: str = ""
    content_type: str | None = None  # None: the site's own
    body: str | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0  # seconds until it answers


@dataclass(frozen=True, slots=True)
class Site:
    """One invented institution and its host."""

    id: str
    row: Mapping[str, str]
    host: str
    traps: tuple[str, ...]
    look: str = "modern"  # a template of templates/; "" for a site that serves only its own pages
    serves: str = "pages"  # or "nothing": the host does not exist; or "silence": it hangs up without an answer
    status: str = "ok"
    detail: str = ""
    accounts: tuple[tuple[str, str, str], ...] = ()
    rendered: tuple[tuple[str, str, str], ...] = ()  # accounts of a site that is ok once a browser runs its scripts
    slots: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)  # slots of a homepage that a person saved from her browser
    pages: Mapping[str, Document] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)  # other hosts, and the addresses to which they redirect
    charset: str = "utf-8"  # a Python codec
    declared: str = "utf-8"  # its name on the pages, "" for none
    content_type: str = "text/html; charset=utf-8"

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its pages, the main one first."""
        return ("fr", "en") if self.row["language"] == "bilingual" else (self.row["language"],)


@cache
def sites() -> tuple[Site, ...]:
    """Return every invented institution, in the order of the registry (by id)."""
    names = sorted(each.name for each in files("cegep_audit.demo").joinpath("sites").iterdir())
    return tuple(_site(name.removesuffix(".toml"), dict(read_tables(f"demo/sites/{name}"))) for name in names)


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
    """One HTTP answer; ``wait_s`` is how long it takes to come, in seconds."""

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
            url, page = f"http://{site.host}/", _rendered(site, "/", Document(slots=site.saved))
            found[f"{site.id}.html"] = f"<!-- saved from url=({len(url):04}){url} -->\n{page}".encode()
    return found


def _rendered(site: Site, path: str, document: Document) -> str:
    """Return the page at *path* as the site's template renders it; "" for a site without one."""
    if not site.look:
        return ""
    language = document.language or site.languages[0]
    prose: dict[str, Any] = read_tables("demo/prose.toml")[language]
    articles = [(heading, body, f"/actualites/{number}") for number, (heading, body) in enumerate(prose["articles"], 1)]
    lists = {"articles": articles, "names": prose["names"], "paragraphs": prose["paragraphs"]}
    turn = crc32(f"{site.host}{path}".encode())  # so that pages differ, but never change
    turned = {name: items[turn % len(items) :] + items[: turn % len(items)] for name, items in lists.items()}
    text = prose | {name: items[: _A_PAGE.get(name)] for name, items in turned.items()}
    marked = {**site.slots, **document.slots}
    return _TEMPLATES.get_template(f"{site.look}.html").render(
        site=site,
        path=path,
        title=document.title or _usual(site.look, language).get(path, document).title or text["home"],
        language=language,
        slots={slot: Markup(marked.get(slot, "")) for slot in _SLOTS},  # noqa: S704 - a site's file holds markup
        text=text,
        hue=crc32(site.id.encode()) % 360,
        is_home=path in {"/", "/fr/", "/en/", "/accueil.htm"},
        is_contact=path in {"/nous-joindre", "/contact-us"},
    )


@cache
def _usual(look: str, language: str) -> dict[str, Document]:
    """Return the pages that every site of *look* has: the home page, those of the menu, the articles."""
    pages = {"/robots.txt": Document(content_type="text/plain", body="User-agent: *\nDisallow: /recherche\n")}
    if look:
        text = read_tables("demo/prose.toml")[language]
        entries = [entry for label, href, below in text["menu"] for entry in ([label, href], *below)]
        entries += [(text["home"], "/")]
        entries += [(heading, f"/actualites/{number}") for number, (heading, _) in enumerate(text["articles"], 1)]
        pages |= {href: Document(title=label, language=language) for label, href in entries}
    return pages


@contextmanager
def serve() -> Iterator["Web"]:
    """Serve the invented web on a free port of 127.0.0.1 until the block ends; raise OSError if no port is free."""
    with TemporaryDirectory(prefix="cegep-audit-demo-") as folder:
        web = Web(Path(folder) / "institutions.csv")
        thread = threading.Thread(target=web.serve_forever, args=(_POLL_S,), name="cegep-audit-demo", daemon=True)
        thread.start()
        try:
            yield web
        finally:
            web.shutdown()
            for connection in web.connections:
                with suppress(OSError):  # closed already
                    connection.shutdown(socket.SHUT_RDWR)
            web.server_close()
            thread.join()


class Web(ThreadingTCPServer):
    """The invented web while it is served: the address of its proxy, the file of its registry, and its requests."""

    request_queue_size = 128  # connections that wait to be accepted

    def __init__(self, registry: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.proxy = f"http://127.0.0.1:{self.server_address[1]}"
        self.registry = registry
        self.log: list[tuple[float, str, str, int]] = []  # monotonic seconds, host, path with query, status (0: none)
        self.connections: list[Any] = []
        self.hosts = {site.host: site for site in sites()}
        self.aliases = {alias: to for site in sites() for alias, to in site.aliases.items()}
        write_registry(registry)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Serve a connection in a thread of its own."""
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Ignore clients that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent in one piece, so that its end does not wait for an acknowledgement
    server: Web

    def do_GET(self) -> None:
        try:
            url = urlsplit(self.path)
            host = (url.hostname or self.headers.get("host", "").partition(":")[0]).lower()
        except ValueError:
            self.send_error(400)
            return
        site = self.server.hosts.get(host)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        found: Answer | None = None  # the host closes the connection without an answer
        if to := self.server.aliases.get(host):
            found = Answer(301, {"Location": to + path.lstrip("/")}, b"")
        elif site is None or site.serves == "nothing":
            found = Answer(502, {"Content-Type": "text/plain; charset=utf-8"}, b"Bad Gateway\n")
        elif site.serves != "silence":
            found = answer(site, url.path or "/")
        self.server.log.append((time.monotonic(), host, path, found.status if found else 0))
        if found is None:
            self.close_connection = True
            return
        time.sleep(found.wait_s)
        self.send_response_only(found.status)
        for name, value in {**found.headers, "Content-Length": str(len(found.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(found.body)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as http.server has it
        """Print nothing; the log of the web is in memory."""
