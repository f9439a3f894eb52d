"""Whether the web is there at all: told by the first sites, taken back by the first answer."""

from __future__ import annotations

import pytest
from visits import AGENT, QUICK, institution

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.http.progress import FIRST_SITES, PATIENCE_S, Connectivity
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits


def silent(detail: str = "timeout", sites: int = FIRST_SITES) -> Connectivity:
    connectivity = Connectivity()
    for _ in range(sites):
        connectivity.visited(detail)
    return connectivity


@pytest.mark.parametrize("detail", ["dns", "refused", "timeout", "proxy", "tls", "connection_lost", "http_502"])
def test_the_first_sites_that_all_stay_silent_show_that_the_line_is_dead(detail: str) -> None:
    assert not silent(detail, FIRST_SITES - 1).is_cut_off
    assert silent(detail).is_cut_off
    assert silent(detail).commonest == detail


@pytest.mark.parametrize("detail", ["", "robots", "http_403", "http_500", "private_address", "bad_url", "not_html"])
def test_what_a_site_or_the_registry_is_at_fault_for_shows_nothing(detail: str) -> None:
    assert not silent(detail).is_cut_off


def test_one_answer_ends_it() -> None:
    connectivity = silent()
    assert connectivity.patience_s(12.0) == PATIENCE_S
    connectivity.heard(502)  # a gateway: not the site
    assert connectivity.is_cut_off
    connectivity.heard(404)
    assert not connectivity.is_cut_off
    assert connectivity.patience_s(12.0) == 12.0


def test_patience_is_never_longer_than_the_user_s() -> None:
    assert silent().patience_s(0.5) == 0.5


async def test_with_the_line_dead_a_request_is_given_up_soon_and_an_answer_brings_patience_back() -> None:
    async def resolve(host: str) -> list[str]:
        if host == "dead.test":
            raise OSError("no such name")
        return ["192.0.2.1"]  # TEST-NET: nobody is there

    web = LiveWeb(Limits(delay_s=0.0, timeout_s=0.3), AGENT, resolve=resolve)
    for _ in range(FIRST_SITES):
        web.connectivity.visited("dns")
    async with web.open(institution("http://dead.test/")) as site:
        with pytest.raises(FetchError):
            await site.get("http://dead.test/")
    assert web.connectivity.is_cut_off, "a failure is no answer"
    assert QUICK.timeout_s > PATIENCE_S
    assert web.connectivity.patience_s(QUICK.timeout_s) == PATIENCE_S
