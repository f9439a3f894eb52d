"""The politeness of scans, measured from the server's log."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import manners
import pytest
from commands import Done, command, rows_of
from manners import Request
from servers import Asked, Reply, Web, page, redirect, robots, serve

from cegep_audit.demo import server as demo

DELAY_S = 0.2
MAX_PAGES = 4
TOLERANCE_S = 0.005  # the server logs a request a varying moment after it arrives
DISALLOWED = ("/interdit", "/en/interdit", "/prive/contact")

SITES = {  # id → website
    "plain": "http://plain.test/",
    "moved": "http://moved.test/",
    "left": "http://shared.test/gauche/",
    "right": "http://www.shared.test/droite/",
    "busy": "http://busy.test/",
    "dated": "http://dated.test/",
    "stern": "http://stern.test/",
    "sulky": "http://sulky.test/",
    "crawl": "http://crawl.test/",
    "framed": "http://framed.test/",
    "foreign": "http://foreign.test/",
    "chain": "http://chain.test/",
    "named": "http://named.test/",
    "closed": "http://closed.test/",
    "broken": "http://broken.test/",
}
HOSTS = {"shared.test" if name in {"left", "right"} else f"{name}.test" for name in SITES}

MENU = (
    "/nous-joindre", "/contact", "/a-propos", "/medias-sociaux", "/suivez-nous", "/en/", "/en/contact", "/about",
    *DISALLOWED, "https://www.facebook.com/cegepplain", "https://twitter.com/cegepplain",
    "https://ailleurs.test/nous-joindre", "mailto:info@plain.test", "javascript:void(0)",
)  # fmt: skip


def once(first: Reply, then: Reply) -> Callable[[Asked], Reply]:
    """Answer the first request with *first*, and all others with *then*."""
    given: list[Asked] = []

    def answer(asked: Asked) -> Reply:
        given.append(asked)
        return first if len(given) == 1 else then

    return answer


def put_sites(web: Web) -> None:
    """Put sites on *web* that tempt a crawler into every kind of impolite request."""
    rules = robots("User-agent: *\nDisallow: /interdit\nDisallow: /en/interdit\nDisallow: /prive/\n")
    for host in ("plain.test", "www.moved.test", "crawl.test", "named.test", "busy.test", "dated.test"):
        web[f"{host}/*"] = page("Page", links=MENU)
        web[f"{host}/robots.txt"] = rules
    web["moved.test/*"] = lambda asked: redirect(f"http://www.moved.test{asked.path}", 301)
    web["www.moved.test/"] = redirect("/accueil")
    web["shared.test/*"] = page("Page", links=("contact", "a-propos", "medias-sociaux"))
    web["www.shared.test/*"] = page("Page", links=("contact", "a-propos", "medias-sociaux"))
    web["busy.test/"] = once(Reply(status=503, headers=[("Retry-After", "1")]), page("Accueil", links=MENU))
    # Two seconds by the server's clock, whatever the local clock says.
    in_two_seconds = [("Date", "Mon, 23 Nov 2026 12:00:00 GMT"), ("Retry-After", "Mon, 23 Nov 2026 12:00:02 GMT")]
    web["dated.test/"] = once(Reply(status=429, headers=in_two_seconds), page("Accueil", links=MENU))
    web["stern.test/*"] = Reply(status=429)
    web["stern.test/robots.txt"] = Reply(status=404)
    web["sulky.test/"] = Reply(status=503, headers=[("Retry-After", "3600")])
    web["crawl.test/robots.txt"] = robots(
        "User-agent: *\nCrawl-delay: 0.5\nDisallow: /interdit\nDisallow: /en/\nDisallow: /prive/\n"
    )
    web["framed.test/"] = Reply(b"<frameset cols=20%,80%><frame src=/menu.html><frame src=/corps.html></frameset>")
    web["framed.test/menu.html"] = page("Menu", links=MENU[:8])
    web["framed.test/corps.html"] = Reply(b'<meta http-equiv=refresh content="0; url=/vrai.html">')
    web["framed.test/*"] = page("Page", links=MENU[:8])
    web["framed.test/robots.txt"] = Reply(status=404)
    web["foreign.test/"] = redirect("http://ailleurs.test/")
    web["ailleurs.test/*"] = page("Ailleurs")
    web["chain.test/*"] = lambda asked: redirect(f"/p{int(re.sub(r'[^0-9]', '', asked.path) or 0) + 1}")
    web["chain.test/robots.txt"] = redirect("/r1.txt")
    web["named.test/robots.txt"] = robots(
        "User-agent: *\nDisallow:\n\nUser-agent: Cegep-Audit\nDisallow: /interdit\nDisallow: /en/\nDisallow: /prive/\n"
    )
    web["closed.test/*"] = page("Page", links=MENU)
    web["closed.test/robots.txt"] = robots("User-agent: *\nDisallow: /\n")
    web["broken.test/*"] = Reply(status=500)
    web["broken.test/robots.txt"] = Reply(status=404)


class ScanRun:
    """A scan of the sites, and the log of their server."""

    def __init__(self, done: Done, web: Web) -> None:
        self.done = done
        self.asked = list(web.log)
        self.connects = list(web.connects)
        now = time.monotonic()
        self.log = [Request(each.started, each.ended or now, each.host, each.path, each.status) for each in self.asked]

    def of(self, host: str) -> list[Request]:
        return list(manners.by_site(self.log)[host])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScanRun]:
    folder = tmp_path_factory.mktemp("polite")
    write_registry(folder / "registry.csv", SITES)
    with serve() as web:
        put_sites(web)
        done = command(
            "scan", "registry.csv", "--delay", str(DELAY_S), "--max-pages", str(MAX_PAGES), "--contact", "nous@rb.test",
            folder=folder, HTTP_PROXY=web.proxy, HTTPS_PROXY=web.proxy,
        )  # fmt: skip
        yield ScanRun(done, web)


def write_registry(path: Path, sites: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "website"])
        writer.writerows((name, f"Cégep {name}", url) for name, url in sites.items())


def test_each_site_gets_its_status_and_detail(run: ScanRun) -> None:
    assert run.done.code == 0, run.done.err
    found = {row["id"]: (row["status"], row["detail"]) for row in rows_of(run.done.folder / "report.csv")}
    assert found == {
        **dict.fromkeys(("plain", "moved", "left", "right", "busy", "dated", "framed"), ("ok", "")),
        **dict.fromkeys(("crawl", "named"), ("partial", "robots")),  # robots.txt disallows their English pages
        "stern": ("blocked", "http_429"),
        "sulky": ("blocked", "retry_after"),
        "foreign": ("unusable", "foreign_site"),
        "chain": ("unusable", "redirect_loop"),
        "closed": ("blocked", "robots"),
        "broken": ("unreachable", "http_500"),
    }


def test_requests_to_a_host_never_overlap(run: ScanRun) -> None:
    assert manners.most_at_once(run.log) == 1


def test_requests_to_a_host_are_at_least_one_delay_apart(run: ScanRun) -> None:
    shortest, request = manners.gaps(run.log)[0]
    assert shortest >= DELAY_S - TOLERANCE_S, request


def test_two_institutions_on_one_host_take_turns(run: ScanRun) -> None:
    pages = [request.path.split("/")[1] for request in run.of("shared.test") if request.path != "/robots.txt"]
    assert pages.count("gauche") >= 2
    assert pages.count("droite") >= 2
    assert max(len(turn) for turn in re.findall(r"(?:gauche)+|(?:droite)+", "".join(pages))) < sum(map(len, pages)) / 2


def test_crawl_delay_is_obeyed(run: ScanRun) -> None:
    requests = run.of("crawl.test")
    after_robots = requests[1:]
    assert len(after_robots) > 1
    assert all(b.started - a.started >= 0.5 - TOLERANCE_S for a, b in pairwise(after_robots))


def test_disallowed_paths_are_never_requested(run: ScanRun) -> None:
    requested = {(request.site, request.path) for request in run.log}
    assert not {(site, path) for site, path in requested if path.startswith(DISALLOWED)}
    assert not {path for site, path in requested if site in {"crawl.test", "named.test"} and path.startswith("/en/")}
    assert [request.path for request in run.of("closed.test")] == ["/robots.txt"]


def test_first_request_to_each_host_is_for_robots_txt(run: ScanRun) -> None:
    for site, requests in manners.by_site(run.log).items():
        assert requests[0].path == "/robots.txt", site


def test_requests_to_each_site_stay_within_their_limits(run: ScanRun) -> None:
    for site, requests in manners.by_site(run.log).items():
        spent = manners.count_requests(requests)
        institutions = 2 if site == "shared.test" else 1
        assert spent.pages <= MAX_PAGES * institutions, site
        assert spent.retries <= manners.RETRIES, site
        assert spent.hops <= 5 + 11, site  # for robots.txt, and for a page whose redirects never end
        assert spent.robots <= 2, site  # with and without www.


def test_retry_after_is_obeyed_in_seconds_and_as_a_date(run: ScanRun) -> None:
    for host, wait_s in (("busy.test", 1.0), ("dated.test", 2.0)):
        first, second = (request for request in run.of(host) if request.path == "/")
        assert second.started - first.ended >= wait_s - TOLERANCE_S, host


def test_second_429_ends_the_visit(run: ScanRun) -> None:
    assert [request.path for request in run.of("stern.test")] == ["/robots.txt", "/", "/"]


def test_retry_after_of_an_hour_ends_the_visit(run: ScanRun) -> None:
    assert [request.path for request in run.of("sulky.test")] == ["/robots.txt", "/"]


def test_endless_redirects_are_abandoned(run: ScanRun) -> None:
    of_robots = ["/robots.txt", "/r1.txt", *(f"/p{n}" for n in range(2, 6))]
    of_page = ["/", *(f"/p{n}" for n in range(1, 11))]
    assert [request.path for request in run.of("chain.test")] == of_robots + of_page


def test_only_hosts_of_the_registry_get_requests(run: ScanRun) -> None:
    assert {request.site for request in run.log} == HOSTS
    assert run.connects == []


def test_user_agent_names_the_program_its_url_and_the_contact(run: ScanRun) -> None:
    (agent,) = {each.header("user-agent") for each in run.asked}
    assert re.fullmatch(r"cegep-audit/[\w.]+ \(\+https?://\S+; nous@rb\.test\)", agent or "")


def test_demo_sites_are_scanned_politely(tmp_path: Path) -> None:
    with demo.serve() as web:
        done = command(
            "scan", str(web.registry), "--delay", "0.1", "--concurrency", "40", "--no-warc", "--timeout", "3",
            folder=tmp_path, HTTP_PROXY=web.proxy, HTTPS_PROXY=web.proxy,
        )  # fmt: skip
    assert done.code == 0, done.err
    log = [Request(at_s, at_s, host, path, status) for at_s, host, path, status in web.log]
    shortest, request = manners.gaps(log)[0]
    assert shortest >= 0.1 - TOLERANCE_S, request
    for site, requests in manners.by_site(log).items():
        assert manners.count_requests(requests).pages <= 6, site
        assert len(requests) <= 6 + 10 + 2 + 2, site
