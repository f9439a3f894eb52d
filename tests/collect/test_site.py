"""The hosts of a site: those in the registry, and the same name under another domain."""

from __future__ import annotations

import pytest

from cegep_audit.collect.site import OwnHosts
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
    assert OwnHosts(SITE).hold(url) is is_held


def test_the_same_name_under_another_domain_is_admitted_if_the_site_may_move() -> None:
    hosts = OwnHosts(SITE)
    assert not hosts.admit("https://cegeprb.ca/", may_move=False)
    assert not hosts.hold("https://cegeprb.ca/")
    assert hosts.admit("https://cegeprb.ca/", may_move=True)
    assert hosts.hold("https://www.cegeprb.ca/contact"), "from then on it is the site's"
    assert not hosts.admit("https://casino.test/", may_move=True)
