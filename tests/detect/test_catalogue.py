"""The catalogue of networks, the dates they were open, and the baskets used by the statistics."""

import re
from datetime import date

import pytest
from rows import every_row

from cegep_audit.detect.networks.identify import NETWORKS, Network, basket
from cegep_audit.errors import UsageError

REQUIRED_FIRST = (
    "facebook twitter youtube itunes_u instagram linkedin tiktok threads bluesky mastodon snapchat pinterest flickr "
    "vimeo twitch discord reddit spotify apple_podcasts soundcloud issuu slideshare tumblr telegram whatsapp "
    "google_plus foursquare dailymotion viadeo"
).split()


def test_networks_start_with_the_required_ones_in_order() -> None:
    assert list(NETWORKS)[: len(REQUIRED_FIRST)] == REQUIRED_FIRST
    assert {"medium", "myspace", "vine"} <= set(NETWORKS)
    assert [network.id for network in NETWORKS.values()] == list(NETWORKS)
    assert NETWORKS["twitter"].name == "X (Twitter)"
    assert {"twitter.com", "x.com"} <= set(NETWORKS["twitter"].domains)


@every_row(NETWORKS.values(), lambda network: network.id)
def test_network_has_plausible_dates_and_a_source(network: Network) -> None:
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
        ("google_plus", date(2011, 11, 6), False),  # open to individuals only
        ("google_plus", date(2011, 11, 7), True),
        ("facebook", date(2007, 11, 5), False),
        ("facebook", date(2007, 11, 6), True),
        ("pinterest", date(2011, 9, 6), True),  # by invitation
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
def test_network_is_open_on_date(network: str, day: date, is_open: bool) -> None:
    assert (network in basket("all", day)) is is_open


def test_baskets() -> None:
    day = date(2011, 9, 6)
    assert basket("classic", day) == ("facebook", "twitter", "youtube", "instagram", "linkedin")
    assert basket("seed", day) == ("facebook", "twitter", "youtube", "itunes_u")
    assert basket("all", day) == tuple(name for name, network in NETWORKS.items() if network.is_open(day))
    assert basket("seed", date(2026, 11, 1)) == ("facebook", "twitter", "youtube")
    assert basket("classic", date(2005, 6, 1)) == ("youtube",)


def test_unknown_basket_error_lists_the_baskets() -> None:
    with pytest.raises(UsageError, match=r"'klassik'.*all, classic, seed"):
        basket("klassik", date(2026, 11, 1))
