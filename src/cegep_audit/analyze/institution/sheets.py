"""One institution of a scan, for its own staff: its accounts, what to improve on its site, and its peers."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import cache, partial
from statistics import median

from cegep_audit.analyze.findings import FEW
from cegep_audit.analyze.presence import account_keys, day_of, main_accounts, page_of, visits
from cegep_audit.detect.networks.identify import NETWORKS, account_key, basket
from cegep_audit.models import Account, Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import How, Kind, PageRole

MAX_NEIGHBOURS = 12  # institutions of its region that a sheet names
PEER_COLUMNS = ("type", "region")

_WITHOUT_ADDRESS = re.compile(r"\s*(?:#|javascript:|$)", re.IGNORECASE)
_IN_DATA = frozenset({How.JSON_LD, How.MICRODATA})
_INNER = frozenset({PageRole.SOCIAL, PageRole.CONTACT, PageRole.ABOUT})


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to improve: ``rule`` says what, the other fields where, "" for what does not apply."""

    rule: str
    network: str = ""
    url: str = ""  # as the page writes it, or that of the account
    page_url: str = ""


def _is_open(network: str, result: InstitutionResult) -> bool:
    """Whether *network* was open on the day of the capture; True for an unknown network or an unknown day."""
    moment = result.captured_at
    return network not in NETWORKS or moment is None or NETWORKS[network].is_open(moment.astimezone(UTC).date())


def advise(result: InstitutionResult) -> tuple[Advice, ...]:
    """Return what the site of *result* could improve, in the order of :data:`RULES`; () if it was not read."""
    if not result.status.is_assessed:
        return ()
    return tuple(dict.fromkeys(advice for rule in RULES for advice in rule(result)))


def _of(rule: str, accounts: Iterable[Account]) -> list[Advice]:
    """Return the advice of a *rule* on each of *accounts*, with the page of its best evidence."""
    return [
        Advice(rule, each.network, each.url, each.evidence[0].page_url if each.evidence else "") for each in accounts
    ]


def _in_place_of_account(rule: str, result: InstitutionResult) -> Iterator[Advice]:
    """Icons that lead to no account (``nowhere``), and buttons to share (``share_for_profile``).

    An icon without an address (``#``) may open a menu of accounts, share by a script or switch a tab. Like a button,
    it counts only next to the institution's own accounts, and only if the site shows no account of its network.
    """
    seen = {(item.page_url, item.zone) for account in result.official for item in account.evidence}
    networks = {account.network for account in result.accounts}
    for flaw in result.flaws:
        is_expected = (flaw.page_url, flaw.zone) in seen and flaw.network not in networks
        if flaw.rule == rule and (is_expected or (rule == "nowhere" and not _WITHOUT_ADDRESS.match(flaw.url))):
            yield Advice(rule, flaw.network, flaw.url, flaw.page_url)


def _two_accounts(result: InstitutionResult) -> list[Advice]:
    """Several official profiles of one network: the main one, then the others."""
    profiles: dict[str, list[Account]] = defaultdict(list)
    for account in sorted(result.official, key=lambda account: not account.is_main):
        if account.kind is Kind.PROFILE:
            profiles[account.network].append(account)
    return _of("two_accounts", (each for found in profiles.values() if len(found) > 1 for each in found))


def _one_language(result: InstitutionResult) -> Iterator[Advice]:
    """Networks that the homepage shows an account of and its version in another language does not."""
    home = next((page.url for page in result.pages if page.role is PageRole.HOME), "")
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for account in result.official:
        for item in account.evidence:
            shown[item.page_url].setdefault(account.network, account.url)
    for page in result.pages:
        if page.role is PageRole.LANGUAGE and page.url != home:
            missing = [name for name in NETWORKS if name in shown[home] and name not in shown[page.url]]
            yield from (Advice("one_language", name, shown[home][name], page.url) for name in missing)


def _flawed(rule: str, result: InstitutionResult) -> Iterator[Advice]:
    """Flawed links to the institution's own accounts."""
    for flaw in result.flaws:
        counts = flaw.rule == rule and flaw.network in NETWORKS and _is_open(flaw.network, result)
        if counts and account_key(flaw.network, flaw.account_url) in account_keys(result, flaw.network):
            yield Advice(rule, flaw.network, flaw.url, flaw.page_url)


def _no_same_as(result: InstitutionResult) -> Iterator[Advice]:
    """Accounts that the page's data (schema.org ``sameAs``) does not name."""
    evidence = (item for account in result.official for item in account.evidence)
    if result.official and not any(item.how in _IN_DATA for item in evidence):
        yield Advice("no_same_as", page_url=result.final_url)


RULES: tuple[Callable[[InstitutionResult], Iterable[Advice]], ...] = (  # what costs the site most readers first
    lambda result: [] if result.official else [Advice("no_account", page_url=result.final_url)],
    partial(_in_place_of_account, "nowhere"),
    partial(_in_place_of_account, "share_for_profile"),
    lambda result: _of("closed_network", (each for each in result.official if not _is_open(each.network, result))),
    lambda result: _of("unresolved", (each for each in result.accounts if each.reason == "unresolved_link")),
    lambda result: _of(  # a page of links (such as Linktree), on a site that shows no account itself
        "elsewhere", () if any(each.network in NETWORKS for each in result.official) else result.official
    ),
    _two_accounts,
    lambda result: _of("inner_page_only", (each for each in result.official if page_of(result, each) in _INNER)),
    _one_language,
    *(partial(_flawed, rule) for rule in ("old_name", "insecure", "mobile")),
    _no_same_as,
)


@dataclass(frozen=True, slots=True)
class Peers:
    """The other institutions that have the same value in a registry column."""

    column: str
    value: str
    institutions: int
    assessed: int
    networks: Mapping[str, int]  # how many of the assessed are on each network, without those that none is on
    median: float | None  # number of networks, None if none was assessed
    ahead: int  # those on more networks than the institution itself


@dataclass(frozen=True, slots=True)
class Sheet:
    """One institution: the result of its site, its networks, what it could improve, and its peers."""

    institution: Institution
    result: InstitutionResult | None  # None if the scan was stopped before it
    main: Mapping[str, Account]  # the main official account of each network
    counted: frozenset[str]  # those of its networks that count
    n_networks: int | None  # None if the site was not assessed
    advice: Sequence[Advice] | None  # None for a site of the past, which can no longer be improved
    peers: Sequence[Peers] = ()  # of its type, then of its region
    neighbours: Sequence[tuple[Institution, int]] = ()  # of its region, with how many networks each is on


def sheets(scan: Scan, ids: Collection[str] | None = None) -> Iterator[Sheet]:
    """Yield the sheet of each institution of *scan*, or of *ids*, in registry order; peers are counted among all."""
    alone = list(bare_sheets(scan))
    sizes, near = Counter[_Key](), defaultdict[str, list[tuple[Institution, int]]](list)
    numbers, networks = defaultdict[_Key, Counter[int]](Counter), defaultdict[_Key, Counter[str]](Counter)
    for sheet in alone:
        keys, institution = _keys(sheet.institution), sheet.institution
        sizes.update(keys)
        if sheet.n_networks is not None:
            near[institution.region].append((institution, sheet.n_networks))
            for key in keys:
                numbers[key][sheet.n_networks] += 1
                networks[key].update(sheet.counted)
    for found in near.values():
        found.sort(key=lambda each: -each[1])
    for sheet in alone if ids is None else (each for each in alone if each.institution.id in ids):
        institution = sheet.institution
        keys = [key for key in _keys(institution) if sizes[key] > 1]
        peers = [_peers(key, sizes[key], numbers[key], networks[key], sheet) for key in keys]
        first = near[institution.region][: MAX_NEIGHBOURS + 1] if institution.region else []
        neighbours = [(each, number) for each, number in first if each.id != institution.id][:MAX_NEIGHBOURS]
        missing = missing_networks(sheet, peers[0]) if peers else []
        advice = (*(advise(sheet.result) if sheet.result else ()), *missing)
        yield replace(sheet, peers=peers, neighbours=neighbours, advice=None if scan.mode == "as_of" else advice)


def bare_sheets(scan: Scan) -> Iterator[Sheet]:
    """Yield the sheet of each institution of *scan* without what takes time: its peers, neighbours and advice."""
    for institution, result in visits(scan):
        is_assessed = result is not None and result.status.is_assessed
        main = main_accounts(result) if result else {}
        counted = frozenset(main).intersection(basket("all", day_of(scan, result))) if is_assessed else frozenset()
        yield Sheet(institution, result, main, counted, len(counted) if is_assessed else None, None)


def missing_networks(sheet: Sheet, peers: Peers) -> list[Advice]:
    """Return the networks that more than half of *peers* (five or more) are on and a site is not, most common first."""
    if sheet.result is None or sheet.n_networks is None or peers.assessed < FEW:
        return []
    counts = {name: count for name, count in peers.networks.items() if name not in sheet.counted}
    common = [name for name in sorted(counts, key=lambda name: -counts[name]) if counts[name] > peers.assessed / 2]
    return [Advice("missing_network", name, page_url=sheet.result.final_url) for name in common]


_Key = tuple[str, str]  # registry column, value


def are_peers(one: Institution, other: Institution) -> bool:
    """Whether two institutions have a value in common that makes them peers."""
    return not set(_keys(one)).isdisjoint(_keys(other))


def _keys(institution: Institution) -> list[_Key]:
    return [(column, value) for column in PEER_COLUMNS if (value := getattr(institution, column))]


def _peers(key: _Key, size: int, numbers: Counter[int], networks: Counter[str], own: Sheet) -> Peers:
    """Return the peers that a sheet has in a group of so many institutions, by *numbers* and by *networks*."""
    others = numbers if own.n_networks is None else numbers - Counter([own.n_networks])
    counts = {name: networks[name] - (name in own.counted) for name in NETWORKS if name in networks}
    return Peers(
        *key,
        institutions=size - 1,
        assessed=others.total(),
        networks={name: count for name, count in counts.items() if count},
        median=_median(frozenset(others.items())),
        ahead=0 if own.n_networks is None else sum(others[each] for each in others if each > own.n_networks),
    )


@cache  # institutions on as many networks take the same number out of their group
def _median(numbers: frozenset[tuple[int, int]]) -> float | None:
    everything = list(Counter(dict(numbers)).elements())
    return float(median(everything)) if everything else None
