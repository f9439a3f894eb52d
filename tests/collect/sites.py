"""Sites of every kind, each with what a reader must make of it: read live, and again from what was kept of them.

A site is a few programmed answers on the loopback web of ``servers``. ``{port}`` in an address is the web's own port:
such a site is reached directly, through a name server of the test; the others through the web as a proxy.
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
    """One site: what its addresses answer, which are asked in which order, and what comes of each.

    An outcome is the address of the page that is read, ``-> address`` for a redirect that leaves the site, or the
    detail of the failure.
    """

    answers: Mapping[str, Answering]
    outcomes: Sequence[tuple[str, str]]
    alt_hosts: tuple[str, ...] = ()
    limits: Limits = QUICK
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what the name server knows, for {port}

    @property
    def home(self) -> str:
        return self.outcomes[0][0]


def in_turn(*replies: Reply) -> Callable[[], Answering]:
    """Answer one request after the other, the last for ever; made anew for each test."""

    def make() -> Answering:
        waiting = list(replies)
        return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return make


def refusal(status: int, wait: str = "") -> Reply:
    return Reply(b"non", status=status, headers=[("Retry-After", wait)] if wait else [])


def wall(asked: Asked) -> Reply:
    """Redirect to itself whoever has no cookie yet."""
    if "vu=1" in (asked.header("Cookie") or ""):
        return page("derriere le mur")
    return Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "vu=1; Path=/; Max-Age=99")])


def detour(asked: Asked) -> Reply:
    """Send whoever has no cookie yet by way of another page that sets it."""
    return page("reconnu") if "ok=1" in (asked.header("Cookie") or "") else redirect("/cookie")


def site(answers: Mapping[str, object], *outcomes: tuple[str, str], **more: object) -> Site:
    return Site(answers, outcomes, **more)  # type: ignore[arg-type] # a row of the table


def homepage(answer: object, outcome: str, **more: object) -> Site:
    """A site whose homepage gives *answer*, all else being well."""
    return site({"cegeprb.test/": answer}, (HOME, outcome), **more)


def with_rules(answer: object, outcome: str, **more: object) -> Site:
    """A site with a good homepage and *answer* as its robots.txt."""
    return site({"cegeprb.test/robots.txt": answer, "cegeprb.test/*": page()}, (HOME, outcome), **more)


SITES: dict[str, Site] = {
    # ---------------------------------------------------------------------------------- pages
    "a page": homepage(page(), HOME),
    "two pages": site({"cegeprb.test/*": page()}, (HOME, HOME), (HOME + "a", HOME + "a")),
    "a page asked for twice": site({"cegeprb.test/*": page()}, (HOME, HOME), (HOME, HOME)),
    "gzip": homepage(Reply(gzip.compress(b"<html>" + b"a" * 5000), headers=[("Content-Encoding", "gzip")]), HOME),
    "chunks": homepage(
        Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n0\r\n\r\n"]),
        HOME,
    ),
    "an empty page": homepage(Reply(b""), HOME),
    "a picture": homepage(Reply(b"\x89PNG", content_type="image/png"), HOME),
    "a page without a type": homepage(Reply(b"<html>a", content_type=None), HOME),
    # ---------------------------------------------------------------------------------- failures
    "closes": homepage(DROP, "connection_lost"),
    "is no HTTP": homepage(NOT_HTTP, "protocol"),
    "never answers": homepage(Reply(raw=[60.0]), "timeout", limits=SHORT),
    "stops in the body": homepage(Reply(pieces=[b"<html>", 60.0]), "timeout", limits=SHORT),
    "is cut short": homepage(Reply(pieces=[b"<html>"], headers=[("Content-Length", "99")]), "cut_short"),
    "is longer than it says": homepage(Reply(raw=[OK + b"Content-Length: 6\r\n\r\n<html><p>more"]), "cut_short"),
    "sends a part": homepage(Reply(b"<html>", status=206), "cut_short"),
    "is too large": homepage(Reply(b"<html>" + b"a" * 200_000), "too_large"),
    "is a bomb": homepage(Reply(gzip.compress(bytes(2**22)), headers=[("Content-Encoding", "gzip")]), "too_large"),
    "cannot be decoded": homepage(Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "decode"),
    "cuts its gzip": homepage(
        Reply(gzip.compress(b"<html>" * 99)[:-9], headers=[("Content-Encoding", "gzip")]), "cut_short"
    ),
    "is not HTML": homepage(Reply(b"%PDF-1.7 " * 99, content_type="application/octet-stream"), "not_html"),
    **{
        f"answers {status}": homepage(Reply(b"non", status=status), f"http_{status}")
        for status in (304, 403, 404, 410, 500, 502, 503, 530)
    },
    "its name is unknown": site({}, (DIRECT, "dns"), limits=LOCAL),
    "nothing listens": site(
        {},
        ("http://cegeprb.test:1/", "refused"),
        limits=LOCAL,
        names={"cegeprb.test": ["127.0.0.1"], "www.cegeprb.test": ["127.0.0.1"]},
    ),
    "its name is private": site(
        {}, (DIRECT, "private_address"), names={"cegeprb.test": ["10.0.0.1"], "www.cegeprb.test": ["127.0.0.1"]}
    ),
    "the proxy finds nothing": site({}, (HOME, "http_502")),
    "no address": site(
        {"cegeprb.test/": page()},
        (HOME, HOME),
        ("ftp://cegeprb.test/", "bad_url"),
        ("http://a%20b.cegeprb.test/", "bad_url"),
    ),
    # ---------------------------------------------------------------------------------- names of the homepage
    "answers under www": site({"cegeprb.test/*": NOT_HTTP, "www.cegeprb.test/": page()}, (HOME, WWW)),
    "answers without www": site({"www.cegeprb.test/*": NOT_HTTP, "cegeprb.test/": page()}, (WWW, HOME)),
    "an error under the other name": site(
        {"cegeprb.test/*": DROP, "www.cegeprb.test/": Reply(status=403)}, (HOME, "http_403")
    ),
    "neither name answers": site({"cegeprb.test/*": NOT_HTTP, "www.cegeprb.test/*": DROP}, (HOME, "protocol")),
    "only its homepage has two names": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": NOT_HTTP, "www.cegeprb.test/a": page()},
        (HOME, HOME),
        (HOME + "a", "protocol"),
    ),
    "answers over https alone": site(
        {"www.cegeprb.test/": page()}, ("https://www.cegeprb.test/", "https://www.cegeprb.test/")
    ),
    "a name in capitals": site({"cegeprb.test/": page()}, ("http://CegepRB.test/", HOME)),
    # ---------------------------------------------------------------------------------- redirects
    **{
        f"redirects by {status}": site(
            {"cegeprb.test/": redirect("/fr/", status), "cegeprb.test/fr/": page()}, (HOME, HOME + "fr/")
        )
        for status in (301, 302, 303, 307, 308)
    },
    "redirects by 300": homepage(Reply(status=300, headers=[("Location", "/a")]), "http_300"),
    "redirects to www": site({"cegeprb.test/": redirect(WWW), "www.cegeprb.test/": page()}, (HOME, WWW)),
    "redirects from www": site({"www.cegeprb.test/": redirect(HOME), "cegeprb.test/": page()}, (WWW, HOME)),
    "redirects to https": site(
        {"cegeprb.test/": lambda asked: page() if asked.scheme == "https" else redirect("https://cegeprb.test/")},
        (HOME, "https://cegeprb.test/"),
    ),
    "redirects to https and www": site(
        {"cegeprb.test/": redirect("https://www.cegeprb.test/"), "www.cegeprb.test/": page()},
        (HOME, "https://www.cegeprb.test/"),
    ),
    "adds a slash": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": redirect("/a/"), "cegeprb.test/a/": page()},
        (HOME, HOME),
        (HOME + "a", HOME + "a/"),
    ),
    "redirects by a path with accents": site(
        {"cegeprb.test/": redirect("/\xe9"), "cegeprb.test/%E9": page()}, (HOME, HOME + "%E9")
    ),
    "redirects in a circle": site(
        {"cegeprb.test/": redirect("/a"), "cegeprb.test/a": redirect("/")}, (HOME, "redirect_loop")
    ),
    "redirects to itself": homepage(redirect("/"), "redirect_loop"),
    "redirects on and on": site(
        {"cegeprb.test/*": lambda asked: redirect(asked.path + "x"), "cegeprb.test/robots.txt": Reply(status=404)},
        (HOME, "redirect_loop"),
    ),
    "redirects nowhere": homepage(Reply(status=302), "bad_redirect"),
    "redirects to a file": homepage(redirect("file:///etc/passwd"), "bad_redirect"),
    "redirects to a bad name": homepage(redirect("http://exa mple.cegeprb.test/"), "bad_redirect"),
    "redirects to a private address": homepage(redirect("http://169.254.169.254/"), "private_address"),
    "redirects to this machine": homepage(redirect("http://0x7f.1/"), "private_address"),
    "leaves the site": site(
        {"cegeprb.test/": page(), "cegeprb.test/facebook": redirect("https://reseau.test/rb")},
        (HOME, HOME),
        (HOME + "facebook", "-> https://reseau.test/rb"),
    ),
    "its homepage leaves the site": homepage(redirect("https://reseau.test/rb"), "-> https://reseau.test/rb"),
    "redirects to an error": site(
        {"cegeprb.test/": redirect("/a"), "cegeprb.test/a": Reply(status=410)}, (HOME, "http_410")
    ),
    "moved to its name elsewhere": site(
        {"cegeprb.test/": redirect("http://cegeprb.qc.ca/"), "cegeprb.qc.ca/": page(), "biblio.cegeprb.qc.ca/": page()},
        (HOME, "http://cegeprb.qc.ca/"),
        ("http://biblio.cegeprb.qc.ca/", "http://biblio.cegeprb.qc.ca/"),
    ),
    "only a homepage moves": site(
        {"cegeprb.test/": page(), "cegeprb.test/en": redirect("http://cegeprb.ca/"), "cegeprb.ca/": page()},
        (HOME, HOME),
        (HOME + "en", "-> http://cegeprb.ca/"),
    ),
    # ---------------------------------------------------------------------------------- cookies
    "a wall that a cookie opens": homepage(wall, HOME),
    "a wall with a detour": site(
        {
            "cegeprb.test/": detour,
            "cegeprb.test/cookie": Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "ok=1; Path=/")]),
        },
        (HOME, HOME),
    ),
    "a cookie that opens nothing": homepage(
        Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "a=1")]), "redirect_loop"
    ),
    # ---------------------------------------------------------------------------------- hosts, frames
    "hosts of its own": site(
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
    "a frame at a private address": site(
        {"cegeprb.test/": page()},
        (HOME, HOME),
        ("http://192.168.1.1/", "private_address"),
        ("http://localhost/", "private_address"),
    ),
    "a meta refresh to its name elsewhere": site(
        {"cegeprb.test/": page(), "cegeprb.ca/": page()}, (HOME, HOME), ("http://cegeprb.ca/", "http://cegeprb.ca/")
    ),
    # ---------------------------------------------------------------------------------- robots.txt
    "robots.txt forbids all": with_rules(CLOSED, "robots"),
    "robots.txt forbids some": site(
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
    "robots.txt of another host": site(
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
    "robots.txt leaves the site": with_rules(redirect("http://reseau.test/robots.txt"), HOME),
    "robots.txt at a private address": with_rules(redirect("http://127.0.0.1/robots.txt"), HOME),
    "no robots.txt": with_rules(Reply(status=404), HOME),
    "robots.txt answers 401": with_rules(Reply(status=401), HOME),
    "robots.txt answers 500": with_rules(Reply(status=500), "robots"),
    "robots.txt answers 502": with_rules(Reply(status=502), "http_502"),
    "robots.txt never answers": with_rules(Reply(raw=[60.0]), "timeout", limits=SHORT),
    "robots.txt is cut short": with_rules(
        Reply(pieces=[b"User-agent: *\n"], headers=[("Content-Length", "999")]), "robots"
    ),
    "robots.txt cannot be decoded": with_rules(Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "robots"),
    "robots.txt is a page": with_rules(page(), HOME),
    "robots.txt in gzip": with_rules(
        Reply(gzip.compress(CLOSED.body), headers=[("Content-Encoding", "gzip")]), "robots"
    ),
    # ---------------------------------------------------------------------------------- patience
    "a crawl delay": with_rules(robots("User-agent: *\nCrawl-delay: 0.01"), HOME),
    "a crawl delay too long": site(
        {"cegeprb.test/robots.txt": robots("User-agent: *\nCrawl-delay: 31"), "cegeprb.test/*": page()},
        (HOME, HOME),
        (HOME + "a", "crawl_delay"),
        (HOME + "b", "crawl_delay"),
    ),
    "comes back": homepage(in_turn(refusal(503), DROP, page()), HOME),
    "comes back after a moment": homepage(in_turn(refusal(429, "0.01"), page()), HOME),
    "asks to wait an hour": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": refusal(503, "3600"), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "retry_after"),
        (HOME + "b", "retry_after"),
    ),
    "its homepage asks to wait an hour": site(
        {"cegeprb.test/*": refusal(429, "3600"), "cegeprb.test/robots.txt": Reply(status=404)},
        (HOME, "retry_after"),
        (HOME + "a", "retry_after"),
    ),
    "refuses twice": site(
        {"cegeprb.test/": page(), "cegeprb.test/a": refusal(429), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "http_429"),
        (HOME + "b", "http_429"),
    ),
    "refuses once here and once there": site(
        {"cegeprb.test/": in_turn(refusal(429), page()), "cegeprb.test/a": refusal(429), "cegeprb.test/b": page()},
        (HOME, HOME),
        (HOME + "a", "http_429"),
        (HOME + "b", "http_429"),
    ),
    "robots.txt refuses": with_rules(refusal(429), "http_429"),
    "robots.txt asks to wait an hour": with_rules(refusal(503, "3600"), "retry_after"),
}
