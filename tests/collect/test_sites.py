"""Each site of the table, read live and replayed from the WARC of the live scan."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from servers import Web
from sites import SITES, Site
from visits import AGENT

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import OpenSource
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution

pytestmark = pytest.mark.usefixtures("no_backoff")

Result = tuple[object, ...]


async def read(site: Site, web: Web, open_source: OpenSource) -> list[tuple[str, Result]]:
    """Return, for each address requested, the outcome and all that the source returns except time and record."""
    home = site.home.format(port=web.port)
    institution = Institution("rb", "Cégep de Rivière-Bleue", home, alt_hosts=site.alt_hosts)
    found: list[tuple[str, Result]] = []
    async with open_source(institution) as source:
        for url, _ in site.outcomes:
            try:
                page = await source.get(url.format(port=web.port))
            except FetchError as error:
                found.append((error.detail, (error.detail, error.status, error.url)))
            else:
                outcome = f"-> {page.redirect_to}" if page.redirect_to else page.url
                content = page.content_type, page.body
                found.append((outcome, (page.requested_url, page.url, page.status, *content, page.redirect_to)))
    return found


@pytest.mark.parametrize("name", SITES)
async def test_a_replayed_site_is_the_same_as_the_live_one(
    name: str, secure_web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = SITES[name]
    if ":" in site.home.removeprefix("http://").removeprefix("https://"):
        monkeypatch.delenv("HTTP_PROXY")
        monkeypatch.delenv("HTTPS_PROXY")
    for place, answer in site.answers.items():
        secure_web[place] = answer() if getattr(answer, "__name__", "") == "make" else answer

    async def resolve(host: str) -> Sequence[str]:
        if host not in site.names and host != "127.0.0.1":
            raise socket.gaierror(-2, "Name or service not known")
        return site.names.get(host, ["127.0.0.1"])

    path = tmp_path / "scan.warc.gz"
    with WarcWriter.open(path, {"software": "tests"}) as record:
        live = LiveWeb(site.limits, AGENT, record=record, resolve=resolve)
        first = await read(site, secure_web, live.open)
    assert [outcome for outcome, _ in first] == [outcome for _, outcome in site.outcomes]
    archive = WarcArchive.open([path], site.limits)
    assert await read(site, secure_web, archive.open_source) == first


def test_the_table_has_at_least_40_sites() -> None:
    assert len(SITES) >= 40
