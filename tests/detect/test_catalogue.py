"""The networks known, the years they were open, and the baskets that statistics count over."""

import re
from datetime import date

import pytest
from rows import every_row

from cegep_audit.detect.networks.identify import NETWORKS, Network, basket
from cegep_audit.errors import UsageError

CONTRACT = (
    "facebook twitter youtube itunes_u instagram linkedin tiktok threads bluesky mastodon snapchat pinterest flickr "
    "vimeo twitch discord reddit spotify apple_podcasts soundcloud issuu slideshare tumblr telegram whatsapp "
    "google_plus foursquare dailymotion viadeo"
).split()


def test_the_networks_of_the_contract_come_first_and_in_its_order() -> None:
    assert list(NETWORKS)[: len(CONTRACT)] == CONTRACT
    assert {"medium", "myspace", "vine"} <= set(NETWORKS)
    assert [network.id for network in NETWORKS.values()] == list(NETWORKS)
    assert NETWORKS["twitter"].name == "X (Twitter)"
    assert {"twitter.com", "x.com"} <= set(NETWORKS["twitter"].domains)


@every_row(NETWORKS.values(), lambda network: network.id)
def test_a_network_says_when_it_was_open_and_where_that_is_from(network: Network) -> None:
    assert date(1999, 1, 1) < network.opened < date(2026, 1, 1)
    assert network.closed is None or network.opened < network.closed < date(2026, 1, 1)
    assert str(network.opened.year) in network.source
    assert len(network.name) > 1
    assert re.fullmatch(r"[a-z][a-z0-9_]+", network.id)


@pytest.mark.parametrize(
    ("network", "day", "is_open"),
    [
        ("itunes_u", date(2006, 1, 22), False),
        ("itunes_u", date(2011, 9, 6), True),
        ("itunes_u", date(2022, 1, 1), False),
        ("google_plus", date(2011, 11, 6), False),  # persons alone
        ("google_plus", date(2011, 11, 7), True),
        ("facebook", date(2007, 11, 5), False),
        ("facebook", date(2007, 11, 6), True),
        ("pinterest", date(2011, 9, 6), True),  # on invitation
        ("delicious", date(2011, 9, 6), True),
        ("posterous", date(2013, 5, 1), False),
        ("google_plus", date(2019, 4, 1), True),
        ("google_plus", date(2019, 4, 2), False),
        ("instagram", date(2010, 10, 5), False),
        ("instagram", date(2010, 10, 6), True),
        ("facebook", date(2026, 11, 1), True),
        ("vine", date(2026, 11, 1), False),
        ("threads", date(2023, 7, 4), False),
    ],
)
def test_open_on_a_day(network: str, day: date, is_open: bool) -> None:
    assert (network in basket("all", day)) is is_open


def test_baskets() -> None:
    day = date(2011, 9, 6)
    assert basket("classic", day) == ("facebook", "twitter", "youtube", "instagram", "linkedin")
    assert basket("seed", day) == ("facebook", "twitter", "youtube", "itunes_u")
    assert basket("all", day) == tuple(name for name, network in NETWORKS.items() if network.is_open(day))
    assert basket("seed", date(2026, 11, 1)) == ("facebook", "twitter", "youtube")
    assert basket("classic", date(2005, 6, 1)) == ("youtube",)


def test_an_unknown_basket_names_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'klassik'.*all, classic, seed"):
        basket("klassik", date(2026, 11, 1))
