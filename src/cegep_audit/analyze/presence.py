"""Who is in a scan and when, on which networks they are present, which of them count, and what could not be read."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date
from fnmatch import fnmatch
from functools import cached_property
from statistics import median_low
from typing import NamedTuple

from cegep_audit.detect.networks.identify import account_key, basket
from cegep_audit.models import Account, Institution, InstitutionResult, PageRecord, Rendering, Scan
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import PageRole, Status

THREE_PLUS = 3  # networks: the threshold of the study of 2011


def basket_names() -> tuple[str, ...]:
    """Return the names of the baskets that networks can be counted over, ``all`` first."""
    return tuple(row["name"] for row in read_tables("detect/networks/networks.toml")["basket"])


def visits(scan: Scan) -> Iterator[tuple[Institution, InstitutionResult | None]]:
    """Yield each institution in registry order with its result, None where a scan was stopped before it."""
    found = {result.institution.id: result for result in scan.results}
    return ((institution, found.get(institution.id)) for institution in scan.institutions)


def main_accounts(result: InstitutionResult) -> Mapping[str, Account]:
    """Return the official account of each network where *result* has one: the main one, or else the first."""
    chosen: dict[str, Account] = {}
    for account in sorted(result.official, key=lambda account: not account.is_main):
        chosen.setdefault(account.network, account)
    return chosen


def account_keys(result: InstitutionResult | None, network: str) -> set[str]:
    """Return the keys of the official accounts of *result* on *network*, the main one and others."""
    official = result.official if result else ()
    return {account_key(network, account.url) for account in official if account.network == network}


def day_of(scan: Scan, result: InstitutionResult | None) -> date:
    """Return the day (UTC) whose networks count: of the capture, else as asked of a web archive, else of the scan."""
    if result is not None and result.captured_at is not None:
        return result.captured_at.astimezone(UTC).date()
    asked = scan.settings.get("as_of")
    return date.fromisoformat(asked) if isinstance(asked, str) else scan.started_at.astimezone(UTC).date()


def counted_networks(scan: Scan, result: InstitutionResult, name: str = "all") -> frozenset[str]:
    """Return the networks of the basket *name*, open on the day of the capture, that *result* is present on."""
    return frozenset(main_accounts(result)).intersection(basket(name, day_of(scan, result)))


def page_of(result: InstitutionResult, account: Account) -> str:
    """Return the role of the page that shows *account*: ``home`` if the homepage does, or a page that a replay lost."""
    roles = {page.url: page.role for page in result.pages}
    shown_on = [roles.get(item.page_url, PageRole.HOME) for item in account.evidence]
    return (PageRole.HOME if PageRole.HOME in shown_on or not shown_on else shown_on[0]).value


def without_institutions(scan: Scan, ids: Collection[str]) -> Scan:
    """Return *scan* as if the institutions *ids* were not in its registry."""
    kept = tuple(each for each in scan.institutions if each.id not in ids)
    return replace(scan, institutions=kept, results=tuple(r for r in scan.results if r.institution.id not in ids))


class Cause(NamedTuple):
    """The institutions that were not assessed for one cause; ``status`` None, ``detail`` "": they were not visited."""

    status: Status | None
    detail: str
    institutions: tuple[Institution, ...]


def causes(scan: Scan) -> Sequence[Cause]:
    """Return why institutions of *scan* were not assessed: by status in the contract's order, most frequent first."""
    found: dict[tuple[Status | None, str], list[Institution]] = {}
    for institution, result in visits(scan):
        if result is None or not result.status.is_assessed:
            key = (result.status, result.detail) if result else (None, "")
            found.setdefault(key, []).append(institution)
    statuses: list[Status | None] = [*Status, None]
    ordered = sorted(found.items(), key=lambda item: (statuses.index(item[0][0]), -len(item[1]), item[0][1]))
    return [Cause(*key, tuple(members)) for key, members in ordered]


def helpful_modes(detail: str) -> tuple[str, ...]:
    """Return the modes of a completion to try for a *detail*, in order; () if only another address can help."""
    rows = read_tables("analyze/remedies.toml")["remedy"]
    found = (tuple(row["modes"]) for row in rows if any(fnmatch(detail, each) for each in row["details"]))
    return next(found, ("retry",))


def rendered_pages(scan: Scan) -> Iterator[tuple[Institution, PageRecord, Rendering]]:
    """Yield the pages of *scan* that a browser rendered, in the order of its results and of reading."""
    pages = ((result.institution, page) for result in scan.results for page in result.pages)
    return ((institution, page, page.rendering) for institution, page in pages if page.rendering)


@dataclass(frozen=True)
class ScanFacts(Scan):
    """A scan, with what a reader needs to cite it. Days are those of homepages' captures, in UTC."""

    @cached_property
    def _days(self) -> list[date]:
        return sorted(each.captured_at.astimezone(UTC).date() for each in self.results if each.captured_at)

    @property
    def captured(self) -> tuple[date, date] | None:
        """The first and the last day, None where no homepage was captured."""
        return (self._days[0], self._days[-1]) if self._days else None

    @property
    def day(self) -> date:
        """The median day; without any, the day asked of an archive, or that on which the scan began."""
        return median_low(self._days) if self._days else day_of(self, None)

    @property
    def asked_day(self) -> date | None:
        """The day that a web archive was asked for, None for a scan of its own day."""
        return day_of(self, None) if isinstance(self.settings.get("as_of"), str) else None

    @property
    def largest_drift_days(self) -> int | None:
        """How far the farthest capture of a homepage is from the day asked for, in days; None where there is none."""
        asked = self.asked_day
        return max((abs((day - asked).days) for day in self.captured or ()), default=None) if asked else None

    @property
    def assessed(self) -> int:
        """The number of institutions assessed."""
        return sum(result.status.is_assessed for result in self.results)

    @cached_property
    def rendered(self) -> tuple[str, ...]:
        """The ids of the institutions of which a browser rendered a page."""
        return tuple(dict.fromkeys(institution.id for institution, _, _ in rendered_pages(self)))

    @property
    def browsers(self) -> tuple[str, ...]:
        """The browsers that rendered them, with their versions."""
        return tuple(dict.fromkeys(rendering.browser for *_, rendering in rendered_pages(self)))


def facts_of(scan: Scan) -> ScanFacts:
    """Return *scan* with what a reader needs to cite it."""
    return ScanFacts(**{each.name: getattr(scan, each.name) for each in fields(Scan)})
