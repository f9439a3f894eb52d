"""The invented web is consistent and complete, and answers like a proxy in front of forty real hosts."""

import csv
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from rows import every_row

from cegep_audit.demo.server import REGISTRY_COLUMNS, Site, Web, answer, saved_pages, serve, sites
from cegep_audit.vocabulary import Role, Status

SITES = {site.id: site for site in sites()}
SERVED = [site for site in sites() if site.serves == "pages"]
COUNTED = [site for site in sites() if not site.row["parent_id"] and site.row["status"] != "closed"]


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as open_web:
        yield open_web


@pytest.fixture
def client(web: Web) -> Iterator[httpx.Client]:
    with httpx.Client(proxy=web.proxy, trust_env=False, timeout=5) as one:
        yield one


def read(site: Site, path: str = "/") -> str:
    codec = "utf-16" if site.charset == "utf-16" else site.charset
    return answer(site, path).body.decode(codec)


def own_pages(site: Site) -> list[str]:
    usual = ["/", "/nous-joindre", "/a-propos"] if site.look else []
    return [path for path in dict.fromkeys([*site.pages, *usual]) if path != "/robots.txt"]


# --- the institutions ---


def test_at_least_28_institutions_cover_every_status() -> None:
    assert len(COUNTED) >= 28
    assert {site.status for site in COUNTED} == {status.value for status in Status}


def test_institutions_cover_regions_types_and_languages() -> None:
    regions = {(site.row["region_code"], site.row["region"]) for site in COUNTED}
    assert len(regions) == 17
    assert len({site.row["type"] for site in COUNTED}) >= 5
    assert {site.row["language"] for site in COUNTED} == {"fr", "en", "bilingual"}


@every_row(sites(), lambda site: site.id)
def test_site_has_reserved_hosts_traps_and_valid_roles(site: Site) -> None:
    hosts = [site.host, *site.aliases, urlsplit(site.row["website"]).hostname]
    assert all(host and host.endswith((".test", ".example")) for host in hosts)
    assert urlsplit(site.row["website"]).scheme == "http"
    assert site.traps
    assert {role for _, _, role in site.accounts} <= {role.value for role in Role}


def test_unknown_key_in_a_site_file_is_an_error() -> None:
    from cegep_audit.demo.server import _site

    table = {"host": "x.test", "registry": {"name": "X", "language": "fr", "city": "X"}, "acounts": []}
    with pytest.raises(TypeError, match="acounts"):
        _site("x", table)


@every_row(SERVED, lambda site: site.id)
def test_every_page_says_that_it_is_invented(site: Site) -> None:
    texts = [read(site, path) for path in own_pages(site) if answer(site, path).status == 200]
    assert all(re.search("invent", text) for text in texts if text)


@every_row(SERVED, lambda site: site.id)
def test_every_declared_account_is_on_its_site(site: Site) -> None:
    locations = [document.location for document in site.pages.values()]
    text = unquote("".join([*locations, *(read(site, path) for path in own_pages(site))])).lower()
    for _, url, _ in (*site.accounts, *site.rendered):
        handle = url.rstrip("/").rpartition("/")[2].removeprefix("id").lower()
        assert handle in text, url


def test_shared_third_parties_are_linked_by_three_or_more_institutions() -> None:
    links = Counter(url for site in COUNTED for _, url, role in site.accounts if role == "third_party")
    for handle in ("ministeredusavoir", "federationriveraine", "agenceborealis"):
        assert links[f"https://www.facebook.com/{handle}"] >= 3


@every_row([site for site in SERVED if site.status == "ok"], lambda site: site.id)
def test_internal_links_are_not_broken(site: Site) -> None:
    found = {
        path
        for page in own_pages(site)
        for path in re.findall(r"""<a [^>]*href=["']?(/[^/"'>#?][^"'>#?]*)""", read(site, page))
    }
    assert [path for path in sorted(found) if answer(site, path).status >= 400] == []


def test_homepages_have_realistic_sizes() -> None:
    sizes = [len(answer(site, "/").body) for site in SERVED if site.look and site.status == "ok"]
    assert sum(size > 10_000 for size in sizes) >= 20
    assert max(sizes) < 80_000


def test_page_is_the_same_at_each_request() -> None:
    site = SITES["cegep-riviere-bleue"]
    assert answer(site, "/") == answer(site, "/")
    assert answer(site, "/a-propos").body != answer(site, "/services").body


@pytest.mark.parametrize(
    ("site_id", "path", "codec", "trap"),
    [
        ("seminaire-cote-fleurie", "/accueil.htm", "latin-1", "Séminaire"),
        ("college-montagne-verte", "/", "cp1252", "d’études"),
        ("conservatoire-du-ruisseau", "/", "utf-16", "À propos"),
    ],
)
def test_odd_encoding_is_used_and_not_declared(site_id: str, path: str, codec: str, trap: str) -> None:
    body = answer(SITES[site_id], path).body
    assert trap in body.decode(codec)
    assert b"charset" not in body
    with pytest.raises(UnicodeDecodeError):
        body.decode("utf-8")


# --- the server ---


def test_registry_has_the_contract_columns(web: Web) -> None:
    with web.registry.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == REGISTRY_COLUMNS
    assert [row["id"] for row in rows] == list(SITES)
    assert all(row["name"] and row["website"] for row in rows)


@pytest.mark.parametrize(
    ("url", "status", "location"),
    [
        pytest.param("http://www.cegep-riviere-bleue.test/", 200, None, id="homepage"),
        pytest.param("http://www.cegep-riviere-bleue.test/robots.txt", 200, None, id="robots.txt"),
        pytest.param("http://www.cegep-riviere-bleue.test/rien", 404, None, id="missing page"),
        pytest.param("http://WWW.Cegep-Riviere-Bleue.test:80/?a=b", 200, None, id="case, port and query are ignored"),
        pytest.param("http://www.northfield-harbour.test/contact-us", 200, None, id="English page"),
        pytest.param(
            "http://www.college-tournesol.test/facebook",
            302,
            "https://www.facebook.com/collegetournesol",
            id="redirect to a network",
        ),
        pytest.param(
            "http://cegep-trait-dunion.test/admission", 301, "http://www.cegep-trait-dunion.test/admission", id="alias"
        ),
        pytest.param(
            "http://www.cegep-plaine-haute.test/",
            301,
            "http://www.cegep-plaine-haute.example/",
            id="redirect to another domain",
        ),
        pytest.param("http://www.college-forteresse.test/", 403, None, id="blocked"),
        pytest.param("http://www.cegep-vieille-ecluse.test/robots.txt", 500, None, id="robots.txt error"),
        pytest.param("http://www.college-egare.test/", 404, None, id="missing homepage"),
        pytest.param("http://www.college-fantome.test/", 502, None, id="dead host"),
        pytest.param("http://www.facebook.com/", 502, None, id="unknown host"),
    ],
)
def test_answer_to_a_request(client: httpx.Client, url: str, status: int, location: str | None) -> None:
    response = client.get(url)
    assert response.status_code == status
    assert response.headers.get("location") == location


def test_post_is_refused(client: httpx.Client) -> None:
    assert client.post("http://www.cegep-riviere-bleue.test/", content=b"x").status_code == 501


def test_silent_host_closes_the_connection(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("http://www.ecole-du-silence.test/")


def test_https_is_refused_with_501(client: httpx.Client) -> None:
    with pytest.raises(httpx.ProxyError, match="501"):
        client.get("https://www.cegep-riviere-bleue.test/")


def test_origin_form_request_is_answered(web: Web) -> None:
    reply = _said(web, b"GET / HTTP/1.1\r\nHost: www.cegep-riviere-bleue.test\r\nConnection: close\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "rubbish", [b"\r\n\r\n", b"\xff\xfe \r\n\r\n", b"GET http://[ HTTP/1.1\r\n\r\n", b"GET\r\n\r\n"]
)
def test_server_survives_a_malformed_request(web: Web, client: httpx.Client, rubbish: bytes) -> None:
    _said(web, rubbish)
    assert client.get("http://www.cegep-riviere-bleue.test/").status_code == 200


def test_log_records_the_requests() -> None:
    with serve() as web, httpx.Client(proxy=web.proxy, trust_env=False) as client:
        client.get("http://www.cegep-riviere-bleue.test/?a=1")
        client.get("http://www.college-egare.test/")
        assert [hit[1:] for hit in web.log] == [
            ("www.cegep-riviere-bleue.test", "/?a=1", 200),
            ("www.college-egare.test", "/", 404),
        ]


def test_server_stops_cleanly_with_open_connections() -> None:
    before = set(threading.enumerate())
    with serve() as web:
        address = ("127.0.0.1", urlsplit(web.proxy).port or 0)
        idle = socket.create_connection(address, timeout=5)
        client = httpx.Client(proxy=web.proxy, trust_env=False)
        client.get("http://www.cegep-riviere-bleue.test/")
    with idle, closing(client):
        assert idle.recv(1) == b""
        assert set(threading.enumerate()) == before
        assert not web.registry.exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


def test_two_webs_can_run_at_once() -> None:
    with serve() as one, serve() as other:
        assert one.proxy != other.proxy


def _said(web: Web, question: bytes) -> bytes:
    """Send *question* as it is and return everything received until the server closes."""
    with socket.create_connection(("127.0.0.1", urlsplit(web.proxy).port or 0), timeout=5) as line:
        line.sendall(question)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_saved_page_has_an_account_that_the_site_does_not_serve() -> None:
    """The demo is completed from a page that a person saved, which names its own address."""
    pages = saved_pages()
    assert list(pages) == ["college-forteresse.html"]
    text = pages["college-forteresse.html"].decode()
    assert text.startswith("<!-- saved from url=(0035)http://www.college-forteresse.test/ -->")
    assert "facebook.com/collegeforteresse" in text
    assert "collegeforteresse" not in read(SITES["college-forteresse"])
