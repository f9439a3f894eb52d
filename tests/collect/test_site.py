"""The hosts of a site: those in the registry, the same name under another domain, and the names of its homepage."""

from __future__ import annotations

import pytest

from cegep_audit.collect.site import OwnHosts
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution

SITE = Institution("rb", "Cégep", "https://www.cegeprb.qc.ca", alt_hosts=("cegep-riviere.test",))


def test_current_and_former_homepage() -> None:
    hosts = OwnHosts(SITE)
    assert (hosts.home, hosts.former) == ("https://www.cegeprb.qc.ca/", ("http://cegep-riviere.test/",))


def test_a_former_host_is_encoded_as_idna() -> None:
    hosts = OwnHosts(Institution("rb", "Cégep", "https://www.cegeprb.qc.ca", alt_hosts=("Cégep-Rivière.test",)))
    assert hosts.former == ("http://xn--cgep-rivire-69ae.test/",)


@pytest.mark.parametrize(
    ("url", "is_held"),
    [
        ("http://cegeprb.qc.ca/a", True),
        ("https://biblio.cegeprb.qc.ca/", True),
        ("https://www.cegep-riviere.test/", True),
        ("https://cegeprb.ca/", False),
        ("https://autre.qc.ca/", False),
        ("mailto:a@cegeprb.qc.ca", False),
    ],
)
def test_hold(url: str, is_held: bool) -> None:
    assert OwnHosts(SITE).contains(url) is is_held


def test_the_same_name_under_another_domain_is_admitted_if_the_site_may_move() -> None:
    hosts = OwnHosts(SITE)
    assert not hosts.admit("https://cegeprb.ca/", may_move=False)
    assert not hosts.contains("https://cegeprb.ca/")
    assert hosts.admit("https://cegeprb.ca/", may_move=True)
    assert hosts.contains("https://www.cegeprb.ca/contact"), "the host belongs to the site from then on"
    assert not hosts.admit("https://casino.test/", may_move=True)


@pytest.mark.parametrize(
    ("url", "detail", "tried"),
    [
        (
            "http://rb.test/",
            "refused",
            ["http://rb.test/", "https://rb.test/", "http://www.rb.test/", "https://www.rb.test/"],
        ),
        (
            "https://www.rb.test/",
            "refused",
            ["https://www.rb.test/", "http://www.rb.test/", "https://rb.test/", "http://rb.test/"],
        ),
        ("https://rb.test/", "dns", ["https://rb.test/", "https://www.rb.test/"]),
        ("https://rb.test/", "private_address", ["https://rb.test/", "https://www.rb.test/"]),
        ("https://rb.test/", "timeout", ["https://rb.test/"]),
        ("https://rb.test/", "http_404", ["https://rb.test/"]),
        ("https://rb.test:8443/", "refused", ["https://rb.test:8443/", "https://www.rb.test:8443/"]),
        ("http://192.0.2.1/", "refused", ["http://192.0.2.1/", "https://192.0.2.1/"]),
    ],
)
def test_the_names_tried_for_a_homepage(url: str, detail: str, tried: list[str]) -> None:
    assert names_tried(Institution("rb", "Cégep", url, alt_hosts=("ancien.test",)), detail) == tried


def test_an_archive_is_asked_for_a_former_name_if_it_has_no_capture_of_the_homepage() -> None:
    site = Institution("rb", "Cégep", "https://rb.test/", alt_hosts=("ancien.test",))
    assert names_tried(site, "no_capture", ignores_spelling=True) == ["https://rb.test/", "http://ancien.test/"]


def names_tried(institution: Institution, detail: str, *, ignores_spelling: bool = False) -> list[str]:
    """Return the names of the homepage that are tried while each fails with *detail*."""
    names: list[str] = []
    failures: list[FetchError] = []
    for name in OwnHosts(institution).names(failures, ignores_spelling=ignores_spelling):
        names.append(name)
        failures.append(FetchError(name, detail, ""))
    return names
