"""Faulty links to networks, by the rows of ``flaws.toml``. Nothing here judges an account or counts it."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from functools import cache
from typing import NamedTuple

from cegep_audit.detect.networks.host_rules import Classified
from cegep_audit.detect.networks.identify import account_key, classify
from cegep_audit.models import Account, Flaw, InnerLink, Reading, Visit
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import How, Zone

_ROWS = "analyze/institution/flaws.toml"
MAX_FLAWS = 50  # of one site: enough to show the pattern
_CLICKED = frozenset({How.ANCHOR, How.REL_ME})  # links that a reader follows; the others are for machines


class Rule(NamedTuple):
    """One row of ``flaws.toml``: a link that meets every condition has the flaw; an empty condition holds for all."""

    name: str
    kinds: frozenset[str]
    reasons: frozenset[str]
    zones: frozenset[str]
    address: re.Pattern[str]
    unless_label: re.Pattern[str]
    since: date

    def holds(self, what: Classified, zone: Zone, label: str) -> bool:
        """Whether a link that is *what*, in *zone* and named *label*, has the flaw."""
        return (
            (not self.kinds or what.kind in self.kinds)
            and (not self.reasons or what.reason in self.reasons)
            and (not self.zones or zone in self.zones)
            and self.address.search(what.url) is not None
            and self.unless_label.search(label) is None
        )


def flaws_of(visits: Sequence[Visit], accounts: Sequence[Account]) -> tuple[Flaw, ...]:
    """Return the faulty links of the pages read, each once, in the order in which they were met.

    An address (or a label without one) names a link, whatever its page. Links to accounts that are not among *accounts*
    are left out: those of persons are not kept.
    """
    kept = {(account.network, account_key(account.network, account.url)) for account in accounts}
    found: dict[tuple[str, str, str], Flaw] = {}
    seen: set[tuple[str, Zone, str]] = set()
    for visit in visits:
        day = visit.page.captured_at.astimezone(UTC).date() if visit.page else date.max
        for flaw in _of_page(visit.reading, seen, day) if visit.reading else ():
            if not flaw.account_url or (flaw.network, account_key(flaw.network, flaw.account_url)) in kept:
                found.setdefault((flaw.rule, flaw.network, flaw.account_url or flaw.url), flaw)
    return tuple(found.values())[:MAX_FLAWS]


def _of_page(reading: Reading, seen: set[tuple[str, Zone, str]], day: date) -> Iterator[Flaw]:
    """Yield the flaws of a page captured on *day*; links *seen* on an earlier page are left out."""
    for link in reading.links:
        if link.how not in _CLICKED or (shown := (link.url, link.zone, link.label)) in seen:
            continue
        seen.add(shown)
        what = classify(link.url)
        account = (what.account_url if what.kind.names_account else None) or ""
        for rule in rules() if what.network is not None else ():
            if day >= rule.since and rule.holds(what, link.zone, link.label):
                yield Flaw(rule.name, what.network or "", link.url, account, link.page_url, link.zone, link.label)
    [icons] = rules("without_address")
    for inner in reading.inner:
        if icons.address.match(inner.href) and (network := named_without_address(inner)):
            yield Flaw(icons.name, network, inner.href, "", reading.url, inner.zone, inner.label)


def named_without_address(inner: InnerLink) -> str:
    """Return the network that a link which leads nowhere is named after, "" for any other link."""
    [icons], [row] = rules("without_address"), read_tables(_ROWS)["without_address"]
    is_icon = inner.zone in icons.zones and len(inner.label) <= row["longest_label"]
    if not is_icon or not icons.address.match(inner.href) or icons.unless_label.search(inner.label):
        return ""
    words = re.findall(r"[a-z]+", inner.label.lower())
    return next((name for name in row["networks"] if name in words), "")


@cache
def rules(section: str = "rule") -> tuple[Rule, ...]:
    """Return the rules of a *section*, in file order: those on links with an address, or on icons without one."""
    found = []
    for row in read_tables(_ROWS)[section]:
        kinds, reasons, zones = (frozenset(row.get(name, ())) for name in ("kinds", "reasons", "zones"))
        address = re.compile(row.get("address", ""), re.IGNORECASE)
        unless_label = re.compile(row.get("unless_label", "(?!)"), re.IGNORECASE)
        found.append(Rule(row["name"], kinds, reasons, zones, address, unless_label, row.get("since", date.min)))
    return tuple(found)
