"""A real Chromium renders pages of a loopback web: what it may request, what it returns, and how it fails."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from servers import Reply, Web, in_pairs, robots
from visits import AGENT, HOME, QUICK, institution

from cegep_audit.collect.browser import browser as rendering
from cegep_audit.collect.browser import require
from cegep_audit.collect.browser.browser import AT_ONCE, CONTEXTS, Browser, analytics_at
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Source
from cegep_audit.detect.page.links import extract_links
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits, Page
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Need

ACCOUNT = "https://www.facebook.com/cegeprb"
SHELL = '<!doctype html><title>Cégep</title><div id="root"></div><script src="/app.js"></script>'
WRITES = f"document.getElementById('root').innerHTML = '<a href=\"{ACCOUNT}\">Facebook</a>';"
HOST = "cegeprb.test"


# The tests share one event loop, so that they can share one browser.
in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for all tests: each site opens in its own context."""
    web = LiveWeb(QUICK, AGENT)
    async with Browser(chromium, AGENT, web, lambda _: (), lambda _: None, lambda *_: None) as started:
        yield started


class Renderings:
    """Collects the pages that were rendered, and the failures; a record's ID is its number."""

    def __init__(self) -> None:
        self.rendered: list[Page] = []
        self.not_rendered: list[tuple[str, str]] = []

    def __call__(self, page: Page) -> str:
        self.rendered.append(page)
        return f"rendered-{len(self.rendered)}"

    def tell(self, url: str, reason: str) -> None:
        self.not_rendered.append((url, reason))


@asynccontextmanager
async def visit(
    browser: Browser, kept: Renderings, limits: Limits = QUICK, needs: Sequence[Need] = (Need.APP_ROOT,)
) -> AsyncIterator[Source]:
    """Visit the site in a browser that renders every page, or none if *needs* is empty."""
    browser.web, browser.decide, browser.keep, browser.tell = LiveWeb(limits, AGENT), lambda _: needs, kept, kept.tell
    async with browser.open(institution()) as site:
        yield site


def script(text: str) -> Reply:
    return Reply(text.encode(), content_type="text/javascript; charset=utf-8")


def shell(text: str) -> Reply:
    return Reply(f'<!doctype html><title>Cégep</title><div id="root"></div><script>{text}</script>'.encode())


@pytest.fixture
def site(proxied: Web) -> Web:
    """A site whose account appears only once its script has run."""
    proxied[f"{HOST}/robots.txt"] = robots("")
    proxied[f"{HOST}/"] = Reply(SHELL.encode())
    proxied[f"{HOST}/app.js"] = script(WRITES)
    return proxied


@in_one_loop
async def test_a_link_written_by_a_script_is_found(browser: Browser, site: Web) -> None:
    kept = Renderings()
    async with visit(browser, kept) as source:
        page = await source.get(HOME)
    assert ACCOUNT in {link.url for link in extract_links(page).links}
    assert page.rendering
    assert page.rendering.needs == (Need.APP_ROOT,)
    assert re.fullmatch(r"Chromium \d+(\.\d+)*", page.rendering.browser)
    assert page.url == HOME
    assert page.record_id == "rendered-1"
    assert site.asked() == [f"{HOST}/robots.txt", f"{HOST}/", f"{HOST}/app.js"]  # the page itself is fetched once
    assert {asked.header("User-Agent") for asked in site.log} == {AGENT}
    assert not kept.not_rendered


@in_one_loop
async def test_a_page_without_needs_is_not_rendered(browser: Browser, site: Web) -> None:
    kept = Renderings()
    async with visit(browser, kept, needs=()) as source:
        page = await source.get(HOME)
    assert page.body == SHELL.encode()
    assert page.rendering is None
    assert site.asked() == [f"{HOST}/robots.txt", f"{HOST}/"]


@in_one_loop
async def test_scripts_load_data_from_the_sites_own_hosts_only(browser: Browser, site: Web) -> None:
    site["api.cegeprb.test/robots.txt"] = robots("")
    site["api.cegeprb.test/comptes"] = Reply(json.dumps([ACCOUNT]).encode(), content_type="application/json")
    site[f"{HOST}/"] = shell(
        """
        fetch("http://www.facebook.com/tr").catch(() => 0);
        new Image().src = "/logo.png";
        new Image().src = "http://mesure.example/pixel.gif";
        navigator.sendBeacon("/vu", "x");
        try { new WebSocket("ws://cegeprb.test/direct"); } catch (e) {}
        fetch("http://cdn.example/lib.js").catch(() => 0);
        fetch("/stats/matomo.php").catch(() => 0);
        fetch("/formulaire", {method: "POST", body: "x"}).catch(() => 0);
        window.open("http://www.facebook.com/cegeprb");
        fetch("http://api.cegeprb.test/comptes").then(r => r.json()).then(urls => {
          document.getElementById("root").innerHTML = urls.map(url => `<a href="${url}">Facebook</a>`).join("");
        });
        """
    )
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert ACCOUNT in page.body.decode()
    assert site.asked() == [
        f"{HOST}/robots.txt",
        f"{HOST}/",
        "api.cegeprb.test/robots.txt",
        "api.cegeprb.test/comptes",
    ]


@in_one_loop
async def test_images_fonts_and_media_are_not_loaded(browser: Browser, site: Web) -> None:
    site[f"{HOST}/style.css"] = Reply(
        b"@font-face { font-family: f; src: url(/font.woff2) } body { font-family: f; background: url(/fond.png) }",
        content_type="text/css",
    )
    site[f"{HOST}/"] = Reply(
        b"""<!doctype html><link rel="icon" href="/icon.png"><link rel="stylesheet" href="/style.css">
        <link rel="preload" as="font" href="/font.woff2"><link rel="preload" as="image" href="/large.png">
        <p>Texte<img src="/logo.png" srcset="/logo-2x.png 2x">
        <video src="/film.mp4" autoplay poster="/affiche.png"></video>
        <audio src="/son.mp3" preload="auto"></audio>"""
    )
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert page.rendering
    assert site.asked() == [f"{HOST}/robots.txt", f"{HOST}/", f"{HOST}/style.css"]


@in_one_loop
async def test_a_consent_banner_is_not_clicked(browser: Browser, site: Web) -> None:
    site[f"{HOST}/consent.js"] = script(WRITES)
    site[f"{HOST}/"] = shell(
        """
        document.getElementById("root").innerHTML = '<div role="dialog">Nous utilisons des témoins. ' +
          '<button>Tout accepter</button> <button>Tout refuser</button></div>';
        for (const button of document.querySelectorAll("button")) button.onclick = () => import("/consent.js");
        """
    )
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert "Tout accepter" in page.body.decode()
    assert ACCOUNT not in page.body.decode()
    assert f"{HOST}/consent.js" not in site.asked()


@in_one_loop
async def test_robots_txt_applies_to_subresources(browser: Browser, site: Web) -> None:
    site[f"{HOST}/robots.txt"] = robots("User-agent: *\nDisallow: /app.js")
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert ACCOUNT not in page.body.decode()
    assert f"{HOST}/app.js" not in site.asked()


@in_one_loop
async def test_at_most_two_subresources_load_at_once(browser: Browser, site: Web) -> None:
    names = [f"/part-{number}.js" for number in range(6)]
    for name in names:
        site[HOST + name] = lambda _: in_pairs(site, "/part-", WRITES)
    tags = "".join(f'<script async src="{name}"></script>' for name in names)
    site[f"{HOST}/"] = Reply(f'<div id="root"></div>{tags}'.encode())
    async with visit(browser, Renderings()) as source:
        await source.get(HOME)
    loaded = [asked for asked in site.log if asked.path in names]
    assert len(loaded) == len(names)
    at_once = [sum(other.started <= one.started < (other.ended or 0) for other in loaded) for one in loaded]
    assert max(at_once) == 2


@in_one_loop
async def test_the_delay_separates_a_page_its_subresources_and_the_next_page(browser: Browser, site: Web) -> None:
    site[f"{HOST}/contact"] = Reply(b"<p>Contact</p>")
    async with visit(browser, Renderings(), replace(QUICK, delay_s=0.3)) as source:
        await source.get(HOME)
        await source.get(HOME + "contact")
    gaps = [after.started - (before.ended or 0) for before, after in zip(site.log, site.log[1:], strict=False)]
    assert site.asked()[-2:] == [f"{HOST}/app.js", f"{HOST}/contact"]
    assert all(gap >= 0.25 for gap in gaps), gaps


def test_rendering_limits() -> None:
    assert (rendering.RENDER_S, rendering.MAX_MEMORY, AT_ONCE, CONTEXTS) == (20.0, 300_000_000, 2, 2)


BREAKING = {
    "endless script": ("while (true) {}", "not rendered within 1.5 s"),
    "too much memory": (
        """
        window.kept = [];
        for (let i = 0; i < 100; i++) setTimeout(() => window.kept.push(new Uint8Array(2e7).fill(1)), i * 2);
        fetch("/lent");
        """,
        "the page crashed",
    ),
    "too long when rendered": (
        "document.write('<!--' + 'a'.repeat(6e6) + '-->')",
        "longer than 5,000,000 bytes when rendered",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BREAKING.values(), ids=BREAKING)
@in_one_loop
async def test_a_page_that_fails_to_render_stays_as_received_and_the_next_one_renders(
    browser: Browser, site: Web, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    site[f"{HOST}/"] = bad = shell(text)
    site[f"{HOST}/lent"] = Reply(b"", delay_s=10.0)
    site[f"{HOST}/contact"] = Reply(SHELL.encode())
    kept = Renderings()
    async with visit(browser, kept) as source:
        with monkeypatch.context() as patched:
            patched.setattr(rendering, "RENDER_S", 1.5 if "1.5" in reason else 20.0)
            page = await source.get(HOME)
        after = await source.get(HOME + "contact")
    assert (page.body, page.rendering) == (bad.body, None)
    assert kept.not_rendered == [(HOME, reason)]
    assert ACCOUNT in after.body.decode()


@in_one_loop
async def test_script_navigation_off_the_site_is_blocked(browser: Browser, site: Web) -> None:
    site[f"{HOST}/"] = shell("location.href = 'http://ailleurs.example/'; " + WRITES)
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert page.url == HOME
    assert page.rendering
    assert not any("ailleurs" in path for path in site.asked())


@in_one_loop
async def test_script_navigation_within_the_site_is_followed(browser: Browser, site: Web) -> None:
    site[f"{HOST}/"] = shell("location.replace('/fr/')")
    site[f"{HOST}/fr/"] = Reply(SHELL.encode())
    async with visit(browser, Renderings()) as source:
        page = await source.get(HOME)
    assert (page.requested_url, page.url) == (HOME, HOME + "fr/")
    assert ACCOUNT in page.body.decode()


@pytest.mark.parametrize("row", read_tables("collect/browser/analytics.toml")["service"], ids=lambda row: row["name"])
def test_audience_measurement_rules_match_their_examples(row: dict[str, list[str]]) -> None:
    assert [analytics_at(f"https://{HOST}{path}") for path in row["examples"]] == [row["name"]] * len(row["examples"])
    assert [analytics_at(f"https://{HOST}{path}") for path in row["others"]] == [""] * len(row["others"])


def test_missing_playwright_is_reported_in_one_line_with_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright", None)
    with pytest.raises(UsageError, match="pip install") as raised:
        require("en")
    assert "\n" not in str(raised.value)


def test_missing_chromium_is_reported_in_one_line() -> None:
    for environ, said in (
        ({"PATH": "/nowhere"}, "chromium"),
        ({"PATH": "/nowhere", "CEGEP_AUDIT_CHROMIUM": "/nowhere/chrome"}, "/nowhere/chrome"),
    ):
        with pytest.raises(UsageError, match=said) as raised:
            require("en", environ)
        assert "\n" not in str(raised.value)
