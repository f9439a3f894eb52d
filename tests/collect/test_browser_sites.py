"""One browser renders all the sites of a scan: two at once, each in its own context; it restarts if it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from servers import Reply, Web, in_pairs, robots
from visits import AGENT, QUICK, institution

from cegep_audit.collect.browser.browser import Browser
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import OpenSource
from cegep_audit.models import Page
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Need

WRITES = "document.getElementById('root').innerHTML = '<p>Cégep</p>';"
SHELL = Reply(b'<!doctype html><div id="root"></div><script src="/app.js"></script>')


@asynccontextmanager
async def browsing(chromium: str) -> AsyncIterator[tuple[OpenSource, list[str]]]:
    """Open sites in a browser that renders every page; with it, the reasons for pages that were not rendered."""
    not_rendered: list[str] = []
    live = LiveWeb(QUICK, AGENT)

    def tell(_: str, reason: str) -> None:
        not_rendered.append(reason)

    async with Browser(chromium, AGENT, live, lambda _: (Need.ALWAYS,), lambda _: None, tell) as browser:
        yield browser.open, not_rendered


def site(web: Web, host: str, text: str = WRITES, delay_s: float = 0.0) -> str:
    """Serve a shell page and its script on *host*; return the URL."""
    web[f"{host}/robots.txt"] = robots("")
    web[f"{host}/"] = web[f"{host}/contact"] = SHELL
    web[f"{host}/app.js"] = Reply(text.encode(), content_type="text/javascript; charset=utf-8", delay_s=delay_s)
    return f"http://{host}/"


async def read(opened: OpenSource, url: str) -> Page:
    async with opened(institution(url)) as source:
        return await source.get(url)


def browsers() -> list[int]:
    """The PIDs of the browsers that this process started, without their helper processes."""

    def below(pid: int) -> list[int]:
        listed = [file.read_text("ascii").split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
        found = [int(child) for children in listed for child in children]
        return [*found, *(further for child in found for further in below(child))]

    words: dict[int, list[bytes]] = {}
    for pid in below(os.getpid()):
        with suppress(FileNotFoundError):  # the process has ended
            words[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return [
        pid
        for pid, command in words.items()
        if b"--remote-debugging-pipe" in command and not any(word.startswith(b"--type=") for word in command)
    ]


async def test_one_browser_renders_each_site_in_a_fresh_context(chromium: str, proxied: Web) -> None:
    stores = """
    const before = [localStorage.getItem("seen"), document.cookie];
    localStorage.setItem("seen", "yes"); document.cookie = "seen=yes; max-age=1000";
    document.getElementById("root").textContent = JSON.stringify(before);
    """
    url = site(proxied, "cegeprb.test", stores)
    async with browsing(chromium) as (opened, not_rendered):
        async with opened(institution(url)) as source:
            first = await source.get(url)
            second = await source.get(url + "contact")
            running = browsers()
        other = await read(opened, url)
        assert len(running) == 1
        assert browsers() == running
    assert not not_rendered
    assert b'[null,""]' in first.body
    assert b'["yes","seen=yes"]' in second.body
    assert b'[null,""]' in other.body
    assert browsers() == []


async def test_at_most_two_sites_render_at_once(chromium: str, proxied: Web) -> None:
    urls = [site(proxied, f"cegep{number}.test") for number in range(4)]
    for url in urls:
        proxied[f"{host_of(url)}/app.js"] = lambda _: in_pairs(proxied, "/app.js", WRITES)
    async with browsing(chromium) as (opened, _):
        pages = await asyncio.gather(*(read(opened, url) for url in urls))
    assert all(page.rendering for page in pages)
    scripts = [asked for asked in proxied.log if asked.path == "/app.js"]
    assert len(scripts) == len(urls)
    at_once = [sum(other.started <= one.started < (other.ended or 0) for other in scripts) for one in scripts]
    assert max(at_once) == 2


async def test_a_killed_browser_loses_only_the_current_page(chromium: str, proxied: Web) -> None:
    url = site(proxied, "cegeprb.test", delay_s=5.0)
    async with browsing(chromium) as (opened, not_rendered), opened(institution(url)) as source:
        rendering = asyncio.create_task(source.get(url))
        await until(lambda: any(asked.path == "/app.js" for asked in proxied.log))
        (pid,) = browsers()
        os.kill(pid, signal.SIGKILL)
        page = await rendering
        assert (page.body, page.rendering, len(not_rendered)) == (SHELL.body, None, 1)
        proxied["cegeprb.test/app.js"] = replace(SHELL, body=WRITES.encode(), content_type="text/javascript")
        after = await source.get(url + "contact")
    assert after.rendering


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)
