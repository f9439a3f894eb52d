"""Expected results of a scan of the invented web, as a careful reader found them."""

from __future__ import annotations

from dataclasses import dataclass

from cegep_audit.demo.server import Site, sites


@dataclass(frozen=True, slots=True)
class Expectation:
    """Expected result for one institution: status, detail and the URLs of its official accounts."""

    status: str
    detail: str
    accounts: frozenset[str]


def networks() -> dict[str, str]:
    """Return the network of every account on the invented sites, official or not, by URL."""
    return {url: network for site in sites() for network, url, _ in site.accounts}


def expected(*, rendered: bool = False) -> dict[str, Expectation]:
    """Return the expected result for each institution by id, including campuses and closed institutions.

    With *rendered*, a browser renders the pages that need it.
    """
    return {site.id: _expected(site, rendered=rendered and bool(site.rendered)) for site in sites()}


def _expected(site: Site, *, rendered: bool) -> Expectation:
    status, detail = ("ok", "") if rendered else (site.status, site.detail)
    shown = (*site.accounts, *(site.rendered if rendered else ()))
    return Expectation(status, detail, frozenset(url for _, url, role in shown if role == "official"))
