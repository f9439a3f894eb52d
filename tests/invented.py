"""What a scan must say of the invented web: a careful reader found it there."""

from __future__ import annotations

from dataclasses import dataclass

from cegep_audit.demo.server import Site, sites


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a scan must say of one institution: status, detail code, and the URLs of its official accounts."""

    status: str
    detail: str
    accounts: frozenset[str]


def networks() -> dict[str, str]:
    """The network of every account that the invented sites show, official or not, by its address."""
    return {url: network for site in sites() for network, url, _ in site.accounts}


def expected(*, rendered: bool = False) -> dict[str, Expectation]:
    """What a scan must say of each institution, by its id; campuses and closed ones are included.

    With *rendered*, what it must say where a browser renders the pages that need it.
    """
    return {site.id: _expected(site, rendered=rendered and bool(site.rendered)) for site in sites()}


def _expected(site: Site, *, rendered: bool) -> Expectation:
    status, detail = ("ok", "") if rendered else (site.status, site.detail)
    shown = (*site.accounts, *(site.rendered if rendered else ()))
    return Expectation(status, detail, frozenset(url for _, url, role in shown if role == "official"))
