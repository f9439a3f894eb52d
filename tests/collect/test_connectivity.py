"""Connectivity: if none of the first sites answers, the scan is cut off, until the first answer."""

from __future__ import annotations

import pytest
from visits import AGENT, QUICK, institution

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.http.progress import FIRST_SITES, PATIENCE_S, Connectivity
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits


def after_failures(detail: str = "timeout", sites: int = FIRST_SITES) -> Connectivity:
    connectivity = Connectivity()
    for _ in range(sites):
        connectivity.visited(detail)
    return connectivity


@pytest.mark.parametrize("detail", ["dns", "refused", "timeout", "proxy", "tls", "connection_lost", "http_502"])
def test_when_all_the_first_sites_fail_to_answer_the_scan_is_cut_off(detail: str) -> None:
    assert not after_failures(detail, FIRST_SITES - 1).is_cut_off
    assert after_failures(detail).is_cut_off
    assert after_failures(detail).most_common == detail


@pytest.mark.parametrize("detail", ["", "robots", "http_403", "http_500", "private_address", "bad_url", "not_html"])
def test_success_and_failures_of_the_site_or_the_registry_do_not_count(detail: str) -> None:
    assert not after_failures(detail).is_cut_off


def test_an_answer_from_a_site_restores_the_full_timeout() -> None:
    connectivity = after_failures()
    assert connectivity.patience_s(12.0) == PATIENCE_S
    connectivity.heard(502)  # from a gateway, not from the site
    assert connectivity.is_cut_off
    connectivity.heard(404)
    assert not connectivity.is_cut_off
    assert connectivity.patience_s(12.0) == 12.0


def test_patience_never_exceeds_the_users_timeout() -> None:
    assert after_failures().patience_s(0.5) == 0.5


async def test_a_failed_request_does_not_count_as_an_answer() -> None:
    async def resolve(host: str) -> list[str]:
        if host == "dead.test":
            raise OSError("no such name")
        return ["192.0.2.1"]  # TEST-NET: no server is there

    web = LiveWeb(Limits(delay_s=0.0, timeout_s=0.3), AGENT, resolve=resolve)
    for _ in range(FIRST_SITES):
        web.connectivity.visited("dns")
    async with web.open(institution("http://dead.test/")) as site:
        with pytest.raises(FetchError):
            await site.get("http://dead.test/")
    assert web.connectivity.is_cut_off, "a failure does not count as an answer"
    assert QUICK.timeout_s > PATIENCE_S
    assert web.connectivity.patience_s(QUICK.timeout_s) == PATIENCE_S
