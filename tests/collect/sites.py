"""Sample sites and their expected outcomes, for a live visit and for a replay of what that visit saved.

A site is a few programmed answers on the loopback web of ``servers``. A site whose URLs contain ``{port}``, that web's
port, is reached directly, through the test's resolver; every other site is reached through the web as a proxy.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from servers import DROP, Answering, Asked, Reply, page, redirect, robots

from cegep_audit.models import Limits

HOME = "http://cegeprb.test/"
WWW = "http://www.cegeprb.test/"
DIRECT = "http://cegeprb.test:{port}/"
QUICK = Limits(delay_s=0.0, timeout_s=5.0, max_bytes=100_000)
LOCAL = Limits(delay_s=0.0, timeout_s=5.0, max_bytes=100_000, allow_private=True)
SHORT = Limits(delay_s=0.0, timeout_s=0.5)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
NOT_HTTP = Reply(raw=[b"nonsense\r\n\r\n"])
CLOSED = robots("User-agent: *\nDisallow: /")


@dataclass(frozen=True)
class Site:
    """One site: the answers of its URLs, and the URLs to fetch in order, each with its expected outcome.

    An outcome is the URL of the page that is read, ``-> URL`` for a redirect off the site, or the detail of the
    failure.
    """

    answers: Mapping[str, Answering]
    outcomes: Sequence[tuple[str, str]]
    alt_hosts: tuple[str, ...] = ()
    limits: Limits = QUICK
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what the resolver knows, for sites with {port}

    @property
    def home(self) -> str:
        return self.outcomes[0][0]


def in_turn(*replies: Reply) -> Callable[[], Answering]:
    """Return a factory of answers that give one reply after the other, and repeat the last one."""

    def make() -> Answering:
        waiting = list(replies)
        return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return make


def refusal(status: int, wait: str = "") -> Reply:
    return Reply(b"non", status=status, headers=[("Retry-After", wait)] if wait else [])


def wall(asked: Asked) -> Reply:
    """Redirect a client without the cookie to the same page, and set the cookie."""
    if "vu=1" in (asked.header("Cookie") or ""):
        return page("derriere le mur")
    return Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "vu=1; Path=/; Max-Age=99")])


def detour(asked: Asked) -> Reply:
    """Redirect a client without the cookie to another page, which sets it."""
    return page("reconnu") if "ok=1" in (asked.header("Cookie") or "") else redirect("/cookie")


def site(answers: Mapping[str, object], *outcomes: tuple[str, str], **more: object) -> Site:
    return Site(answers, outcomes, **more)  # type: ignore[arg-type] # a row of the table


def homepage(answer: object, outcome: str, **more: object) -> Site:
    """A site whose homepage gives *answer*."""
    return site({"cegeprb.test/": answer}, (HOME, outcome), **more)


def with_robots(answer: object, outcome: str, **more: object) -> Site:
    """A site with a good homepage and *answer* as its robots.txt."""
    return site({"cegeprb.test/robots.txt": answer, "cegeprb.test/*": page()}, (HOME, outcome), **more)


SITES: dict[str, Site] = {
    # ---------------------------------------------------------------------------------- pages
    "a page": homepage(page(), HOME),
    "two pages": site({"cegeprb.test/*": page()}, (HOME, HOME), (HOME + "a", HOME + "a")),
    "a page fetched twice": site({"cegeprb.test/*": page()}, (HOME, HOME), (HOME, HOME)),
    "gzip": homepage(Reply(gzip.compress(b"<html>" + b"a" * 5000), headers=[("Content-Encoding", "gzip")]), HOME),
    "chunked": homepage(
        Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n0\r\n\r\n"]),
        HOME,
    ),
    "an empty page": homepage(Reply(b""), HOME),
    "an image": homepage(Reply(b"\x89PNG", content_type="image/png"), HOME),
    "no Content-Type": homepage(Reply(b"<html>a", content_type=None), HOME),
    # ---------------------------------------------------------------------------------- failures
    "connection closed": homepage(DROP, "connection_lost"),
    "not HTTP": homepage(NOT_HTTP, "protocol"),
    "no answer": homepage(Reply(raw=[60.0]), "timeout", limits=SHORT),
    "stalls in the body": homepage(Reply(pieces=[b"<html>", 60.0]), "timeout", limits=SHORT),
    "shorter than Content-Length": homepage(Reply(pieces=[b"<html>"], headers=[("Content-Length", "99")]), "cut_short"),
    "longer than Content-Length": homepage(Reply(raw=[OK + b"Content-Length: 6\r\n\r\n<html><p>more"]), "cut_short"),
    "partial content": homepage(Reply(b"<html>", status=206), "cut_short"),
    "too large": homepage(Reply(b"<html>" + b"a" * 200_000), "too_large"),
    "gzip bomb": homepage(Reply(gzip.compress(bytes(2**22)), headers=[("Content-Encoding", "gzip")]), "too_large"),
    "undecodable": homepage(Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "decode"),
    "truncated gzip": homepage(
        Reply(gzip.compress(b"<html>" * 99)[:-9], headers=[("Content-Encoding", "gzip")]), "cut_short"
    ),
    "not HTML": homepage(Reply(b"%PDF-1.7 " * 99, content_type="application/octet-stream"), "not_html"),
    **{
        f"status {status}": homepage(Reply(b"non", status=status), f"http_{status}")
        for status in (304, 403, 404, 410, 500, 502, 503, 530)
    },
    "unknown host": site({}, (DIRECT, "dns"), limits=LOCAL),
    "connection refused": site(
        {},
        ("http://cegeprb.test:1/", "refused"),
        limits=LOCAL,
        names={"cegeprb.test": ["127.0.0.1"], "www.cegeprb.test": ["127.0.0.1"]},
    ),
    "host with a private address": site(
        {}, (DIRECT, "private_address"), names={"cegeprb.test": ["10.0.0.1"], "www.cegeprb.test": ["127.0.0.1"]}
    ),
    "host unknown to the proxy": site({}, (HOME, "http_502")),
    "invalid URLs": site(
        {"cegeprb.test/": page()},
        (HOME, HOME),
        ("ftp://cegeprb.test/", "bad_url"),
        ("http://a%20b.cegeprb.test/", "bad_url"),
    ),
    # ---------------------------------------------------------------------------------- hosts of the homepage
    "only www answers": site({"cegeprb.test/*": NOT_HTTP, "www.cegeprb.test/": page()}, (HOME, WWW)),
    "only the bare host answers": site({"www.cegeprb.test/*": NOT_HTTP, "cegeprb.test/": page()}, (WWW, HOME)),
    "HTTP error under www": site({"cegeprb.test/*": DROP, "www.cegeprb.test/": Reply(status=403)}, (HOME, "http_403")),
    "neither host answers": site({"cegeprb.test/*": NOT_HTTP, "www.cegeprb.test/*": DROP}, (HOME, "protocol")),
    "only the homepage falls back to www": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": NOT_HTTP, "www.cegeprb.test/a": page()},
        (HOME, HOME),
        (HOME + "a", "protocol"),
    ),
    "https homepage": site({"www.cegeprb.test/": page()}, ("https://www.cegeprb.test/", "https://www.cegeprb.test/")),
    "uppercase host": site({"cegeprb.test/": page()}, ("http://CegepRB.test/", HOME)),
    # ---------------------------------------------------------------------------------- redirects
    **{
        f"redirect {status}": site(
            {"cegeprb.test/": redirect("/fr/", status), "cegeprb.test/fr/": page()}, (HOME, HOME + "fr/")
        )
        for status in (301, 302, 303, 307, 308)
    },
    "status 300 with a Location": homepage(Reply(status=300, headers=[("Location", "/a")]), "http_300"),
    "redirect to www": site({"cegeprb.test/": redirect(WWW), "www.cegeprb.test/": page()}, (HOME, WWW)),
    "redirect from www": site({"www.cegeprb.test/": redirect(HOME), "cegeprb.test/": page()}, (WWW, HOME)),
    "redirect to https": site(
        {"cegeprb.test/": lambda asked: page() if asked.scheme == "https" else redirect("https://cegeprb.test/")},
        (HOME, "https://cegeprb.test/"),
    ),
    "redirect to https and www": site(
        {"cegeprb.test/": redirect("https://www.cegeprb.test/"), "www.cegeprb.test/": page()},
        (HOME, "https://www.cegeprb.test/"),
    ),
    "redirect that adds a slash": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": redirect("/a/"), "cegeprb.test/a/": page()},
        (HOME, HOME),
        (HOME + "a", HOME + "a/"),
    ),
    "redirect to an unencoded path": site(
        {"cegeprb.test/": redirect("/\xe9"), "cegeprb.test/%E9": page()}, (HOME, HOME + "%E9")
    ),
    "redirect loop": site({"cegeprb.test/": redirect("/a"), "cegeprb.test/a": redirect("/")}, (HOME, "redirect_loop")),
    "redirect to itself": homepage(redirect("/"), "redirect_loop"),
    "endless redirects": site(
        {"cegeprb.test/*": lambda asked: redirect(asked.path + "x"), "cegeprb.test/robots.txt": Reply(status=404)},
        (HOME, "redirect_loop"),
    ),
    "redirect without a Location": homepage(Reply(status=302), "bad_redirect"),
    "redirect to a file URL": homepage(redirect("file:///etc/passwd"), "bad_redirect"),
    "redirect to an invalid host": homepage(redirect("http://exa mple.cegeprb.test/"), "bad_redirect"),
    "redirect to a private address": homepage(redirect("http://169.254.169.254/"), "private_address"),
    "redirect to loopback in hex": homepage(redirect("http://0x7f.1/"), "private_address"),
    "redirect off the site": site(
        {"cegeprb.test/": page(), "cegeprb.test/facebook": redirect("https://reseau.test/rb")},
        (HOME, HOME),
        (HOME + "facebook", "-> https://reseau.test/rb"),
    ),
    "homepage redirects off the site": homepage(redirect("https://reseau.test/rb"), "-> https://reseau.test/rb"),
    "redirect to an error": site(
        {"cegeprb.test/": redirect("/a"), "cegeprb.test/a": Reply(status=410)}, (HOME, "http_410")
    ),
    "homepage moved to another suffix": site(
        {"cegeprb.test/": redirect("http://cegeprb.qc.ca/"), "cegeprb.qc.ca/": page(), "biblio.cegeprb.qc.ca/": page()},
        (HOME, "http://cegeprb.qc.ca/"),
        ("http://biblio.cegeprb.qc.ca/", "http://biblio.cegeprb.qc.ca/"),
    ),
    "inner page redirects to another suffix": site(
        {"cegeprb.test/": page(), "cegeprb.test/en": redirect("http://cegeprb.ca/"), "cegeprb.ca/": page()},
        (HOME, HOME),
        (HOME + "en", "-> http://cegeprb.ca/"),
    ),
    # ---------------------------------------------------------------------------------- cookies
    "cookie wall": homepage(wall, HOME),
    "cookie wall with a detour": site(
        {
            "cegeprb.test/": detour,
            "cegeprb.test/cookie": Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "ok=1; Path=/")]),
        },
        (HOME, HOME),
    ),
    "cookie wall that never opens": homepage(
        Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "a=1")]), "redirect_loop"
    ),
    # ---------------------------------------------------------------------------------- other hosts, frames
    "subdomain and alternate host": site(
        {"cegeprb.test/": page(), "biblio.cegeprb.test/": page(), "ancien.test/": page()},
        (HOME, HOME),
        ("http://biblio.cegeprb.test/", "http://biblio.cegeprb.test/"),
        ("http://ancien.test/", "http://ancien.test/"),
        ("http://reseau.test/", "foreign_site"),
        alt_hosts=("ancien.test",),
    ),
    "a frame": site(
        {"cegeprb.test/": page(), "cegeprb.test/menu.html?l=fr": page()},
        (HOME, HOME),
        (HOME + "menu.html?l=fr", HOME + "menu.html?l=fr"),
    ),
    "frames at private addresses": site(
        {"cegeprb.test/": page()},
        (HOME, HOME),
        ("http://192.168.1.1/", "private_address"),
        ("http://localhost/", "private_address"),
    ),
    "meta refresh to another suffix": site(
        {"cegeprb.test/": page(), "cegeprb.ca/": page()}, (HOME, HOME), ("http://cegeprb.ca/", "http://cegeprb.ca/")
    ),
    # ---------------------------------------------------------------------------------- robots.txt
    "robots.txt disallows everything": with_robots(CLOSED, "robots"),
    "robots.txt disallows some paths": site(
        {
            "cegeprb.test/robots.txt": robots("User-agent: *\nDisallow: /prive\n"),
            "cegeprb.test/*": page(),
            "cegeprb.test/b": redirect("/prive/a"),
        },
        (HOME, HOME),
        (HOME + "prive/a", "robots"),
        (HOME + "a/../prive/b", "robots"),
        (HOME + "b", "robots"),
        (HOME + "a", HOME + "a"),
    ),
    "robots.txt of a subdomain": site(
        {"cegeprb.test/": page(), "biblio.cegeprb.test/robots.txt": CLOSED, "biblio.cegeprb.test/": page()},
        (HOME, HOME),
        ("http://biblio.cegeprb.test/", "robots"),
    ),
    "robots.txt behind a redirect": site(
        {"cegeprb.test/robots.txt": redirect("/r.txt"), "cegeprb.test/r.txt": CLOSED, "cegeprb.test/": page()},
        (HOME, "robots"),
    ),
    "robots.txt redirects to www": site(
        {
            "cegeprb.test/robots.txt": redirect(WWW + "robots.txt"),
            "www.cegeprb.test/robots.txt": CLOSED,
            "cegeprb.test/": page(),
        },
        (HOME, "robots"),
    ),
    "robots.txt redirects off the site": with_robots(redirect("http://reseau.test/robots.txt"), HOME),
    "robots.txt redirects to a private address": with_robots(redirect("http://127.0.0.1/robots.txt"), HOME),
    "no robots.txt": with_robots(Reply(status=404), HOME),
    "robots.txt answers 401": with_robots(Reply(status=401), HOME),
    "robots.txt answers 500": with_robots(Reply(status=500), "robots"),
    "robots.txt answers 502": with_robots(Reply(status=502), "http_502"),
    "robots.txt never answers": with_robots(Reply(raw=[60.0]), "timeout", limits=SHORT),
    "robots.txt is truncated": with_robots(
        Reply(pieces=[b"User-agent: *\n"], headers=[("Content-Length", "999")]), "robots"
    ),
    "robots.txt is undecodable": with_robots(Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "robots"),
    "robots.txt is HTML": with_robots(page(), HOME),
    "robots.txt in gzip": with_robots(
        Reply(gzip.compress(CLOSED.body), headers=[("Content-Encoding", "gzip")]), "robots"
    ),
    # ---------------------------------------------------------------------------------- delays and retries
    "Crawl-delay": with_robots(robots("User-agent: *\nCrawl-delay: 0.01"), HOME),
    "Crawl-delay too long": site(
        {"cegeprb.test/robots.txt": robots("User-agent: *\nCrawl-delay: 31"), "cegeprb.test/*": page()},
        (HOME, HOME),
        (HOME + "a", "crawl_delay"),
        (HOME + "b", "crawl_delay"),
    ),
    "success on the third try": homepage(in_turn(refusal(503), DROP, page()), HOME),
    "success after Retry-After": homepage(in_turn(refusal(429, "0.01"), page()), HOME),
    "Retry-After of an hour": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": refusal(503, "3600"), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "retry_after"),
        (HOME + "b", "retry_after"),
    ),
    "Retry-After of an hour on the homepage": site(
        {"cegeprb.test/*": refusal(429, "3600"), "cegeprb.test/robots.txt": Reply(status=404)},
        (HOME, "retry_after"),
        (HOME + "a", "retry_after"),
    ),
    "429 twice on one page": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": refusal(429), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "http_429"),
        (HOME + "b", "http_429"),
    ),
    "429 once on each of two pages": site(
        {"cegeprb.test/": in_turn(refusal(429), page()), "cegeprb.test/a": refusal(429), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "http_429"),
        (HOME + "b", "http_429"),
    ),
    "robots.txt answers 429": with_robots(refusal(429), "http_429"),
    "Retry-After of an hour on robots.txt": with_robots(refusal(503, "3600"), "retry_after"),
}
