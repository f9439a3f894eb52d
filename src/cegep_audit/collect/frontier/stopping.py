"""The stopping rule: whether the pages read name a site's accounts, so that a further page is unlikely to add one.

It looks at hosts and paths only as far as that question needs; ``detect`` decides what an account is.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cache

from cegep_audit import urls
from cegep_audit.collect.frontier.scoring import table
from cegep_audit.models import Link, Reading
from cegep_audit.vocabulary import How, Zone

# Accounts on so many networks in the part of the page that repeats make a block that was made to name them all; one
# or two may be a leftover or a campaign. Wrong where a site names a further account on its contact or about page only.
REPEATED_NETWORKS = 3

SITE_WIDE = frozenset({Zone.HEADER, Zone.NAV, Zone.ASIDE, Zone.FOOTER})
_IN_SIGHT = frozenset({How.ANCHOR, How.REL_ME, How.MICRODATA})


def has_seen_enough(blocks: Sequence[AbstractSet[tuple[str, str]]]) -> bool:
    """Whether two pages or more show the same accounts on several networks, and the last page added none.

    *blocks* are what the pages read show, one a page, as :func:`shown_accounts` gives it.
    """
    if len(blocks) < 2:  # noqa: PLR2004 -- a block repeats on two pages
        return False
    repeated = {
        item for number, block in enumerate(blocks) for item in block if any(item in b for b in blocks[:number])
    }
    if len({network for network, _ in repeated}) < REPEATED_NETWORKS:
        return False
    return not blocks[-1] - set().union(*blocks[:-1])


def shown_accounts(reading: Reading) -> frozenset[tuple[str, str]]:
    """Return (network, address) of what the repeating parts of a page link to on networks, share buttons left out."""
    found = ((_network(link), link.url) for link in reading.links)
    return frozenset((network, urls.visit_key(url)) for network, url in found if network)


def _network(link: Link) -> str:
    """Return the network that *link* shows an account of, as far as host and path tell, else ""."""
    if link.zone not in SITE_WIDE or link.how not in _IN_SIGHT:
        return ""
    host, _, path = link.url.partition("://")[2].lower().partition("/")
    if not path or not _not_accounts().isdisjoint(path.partition("?")[0].split("/")):
        return ""
    return next((network for label in host.split(".") if (network := _host_labels().get(label))), "")


@cache
def _host_labels() -> dict[str, str]:
    """Return the networks by the label of their host names: "facebook" of ``fr-ca.facebook.com``."""
    return {name: row["network"] for row in table()["own"]["networks"] for name in row["names"] if " " not in name}


@cache
def _not_accounts() -> frozenset[str]:
    return frozenset(table()["stopping"]["not_accounts"])
