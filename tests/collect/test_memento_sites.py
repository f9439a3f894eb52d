"""Each site of the table through a web archive, which returns what a live visit received, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import pytest
from servers import Web
from sites import SITES, Site
from test_sites import read
from visits import AGENT, Records, Time
from wayback import Kept, Wayback

from cegep_audit.collect.archive import Period, stamp_of
from cegep_audit.collect.archive.memento import WebArchive
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Exchange
from cegep_audit.vocabulary import Detail

pytestmark = pytest.mark.usefixtures("no_backoff")

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
APART = timedelta(seconds=40)  # between two captures
NOT_KEPT = {"content-length", "transfer-encoding", "connection"}

DIFFERENT = {  # sites that give another result on purpose, and why
    "no Content-Type": "the server of this archive adds a type",
    "longer than Content-Length": "the server of the archive states the length of the capture",
    "too large": "the capture ends where the live visit stopped reading",
    "host unknown to the proxy": "only robots.txt was requested, which is not a page",
    "robots.txt answers 502": "the same",
    "robots.txt answers 429": "the same",
    "Retry-After of an hour": "the archived Retry-After is ignored",
    "Retry-After of an hour on the homepage": "the same",
    "429 twice on one page": "the live visit did not request the second page",
    "429 once on each of two pages": "the same",
}


def captures_of(exchanges: list[Exchange]) -> list[Kept]:
    """Return what an archive would hold of *exchanges*: the last answer with a complete body for each address."""
    kept: dict[str, Kept] = {}
    for number, exchange in enumerate(exchanges):
        if exchange.status is None or exchange.truncated in {"time", "disconnect"}:
            continue
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in exchange.response_headers]
        location = next((value for name, value in headers if name.lower() == "location"), "")
        kept[exchange.url] = Kept(
            exchange.url,
            stamp_of(NOON + number * APART),
            exchange.body,
            exchange.status,
            urljoin(exchange.url, location) if location and 300 <= exchange.status < 400 else "",
            [item for item in headers if item[0].lower() not in {*NOT_KEPT, "location"}],
        )
    return list(kept.values())


@pytest.mark.parametrize("name", SITES)
async def test_an_archive_returns_what_a_live_visit_received(
    name: str, secure_web: Web, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    site: Site = SITES[name]
    if site.names or "{port}" in site.home:
        pytest.skip("an archive cannot hold this host")
    for place, answer in site.answers.items():
        secure_web[place] = answer() if getattr(answer, "__name__", "") == "make" else answer
    records = Records()
    live = await read(site, secure_web, LiveWeb(site.limits, AGENT, record=records).open)
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.delenv("HTTPS_PROXY")
    timegate, time = Wayback(web, captures_of(records.kept)).timegate, Time()
    limits = replace(site.limits, timeout_s=5.0)
    period = Period(NOON.date())
    async with WebArchive(period, limits, AGENT, timegate=timegate, clock=time.clock, sleep=time.sleep) as past:
        found = await read(site, secure_web, past.open)
    same = [
        now == then if outcome.startswith(("http", "->")) else now[0] in {outcome, Detail.NO_CAPTURE}
        for (outcome, then), (_, now) in zip(live, found, strict=True)
    ]
    assert all(same) == (name not in DIFFERENT), (live, found)
