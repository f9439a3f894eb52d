"""The tables of a scan: institutions, accounts, evidence, failures, presence, statistics, and the coding sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import chain, compress, starmap
from operator import attrgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, get_args

from cegep_audit.analyze.inference import difference_interval
from cegep_audit.analyze.institution.sheets import advise
from cegep_audit.analyze.presence import THREE_PLUS, causes, day_of, main_accounts, rendered_pages, visits
from cegep_audit.coding.sampling import CodingRow
from cegep_audit.coding.sheet import SAMPLED, SHOWN
from cegep_audit.detect.networks.identify import NETWORKS, Network, basket
from cegep_audit.models import Account, Decision, Institution, InstitutionResult, Scan, Unit
from cegep_audit.phrases import Language
from cegep_audit.report.files.table import Cell, Heading, Table, Value, filled, headings
from cegep_audit.report.text.words import paragraph
from cegep_audit.tables import read_tables
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role

if TYPE_CHECKING:  # numpy comes with them
    from cegep_audit.analyze.findings import Figures, Proportion
    from cegep_audit.analyze.scan_statistics import ScanStatistics

_NETWORKS = {name: number for number, name in enumerate(NETWORKS)}
_ROLES = {role: number for number, role in enumerate(Role)}

Rows = Iterable[Iterable[Cell]]


def institutions_of(scan: Scan) -> Table:
    """Return ``report.csv`` as a table: one row per institution, in registry order."""
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    columns = institution_headings(extras)

    def extra(name: str) -> Value:
        return lambda row: row.institution.extra.get(name)

    empty = dict.fromkeys((*NETWORKS, "n_networks", "three_plus"))

    def row_of(institution: Institution, result: InstitutionResult | None) -> SimpleNamespace:
        """Return what a row shows; values that need a visit or an assessment are None without one."""
        main = main_accounts(result) if result else {}
        row = SimpleNamespace(institution=institution, result=result, pages=len(result.pages) if result else 0, **empty)
        vars(row).update((name, account.url) for name, account in main.items())
        if result and result.status.is_assessed:
            row.n_networks = len(main.keys() & basket("all", day_of(scan, result)))
            row.three_plus = row.n_networks >= THREE_PLUS
        return row

    values = {column.name: extra(column.path) for column in columns[len(columns) - len(extras) :]}
    return filled("institutions", columns, starmap(row_of, visits(scan)), values)


def institution_headings(extras: Iterable[str] = ()) -> list[Heading]:
    """Return the headings of ``report.csv``, its *extras* last; one whose name is taken begins with ``registry_``."""
    [of_network], [of_extra] = headings("network"), headings("extra")

    def named(heading: Heading, name: str, path: str, /, **facts: str) -> Heading:
        """Return *heading* with another *name* and *path*, and with *facts* filled into its meaning."""
        return replace(heading, name=name, path=path, fr=heading.fr.format(**facts), en=heading.en.format(**facts))

    networks = [named(of_network, each.id, each.id, name=each.name, years=years(each)) for each in NETWORKS.values()]
    columns = [*headings("institution"), *networks, *headings("registry")]
    taken = {column.name for column in columns}
    for extra in extras:
        name = plain(extra).strip()
        while name in taken or not name:
            name = f"registry_{name}"
        taken.add(name)
        columns.append(named(of_extra, name, extra, name=extra))
    return columns


def years(network: Network) -> str:
    """Return the years a *network* was open: ``2004–``, ``2011–2019``."""
    last = (network.closed - timedelta(days=1)).year if network.closed else ""
    return f"{network.opened.year}–{last}"


def accounts_of(scan: Scan) -> Table:
    """Return ``report-accounts.csv`` as a table: institutions in registry order, their accounts sorted."""
    return filled("accounts", headings("account"), _accounts(scan, 1))


def evidence_of(scan: Scan) -> Table:
    """Return every piece of evidence as a table, in the order of the accounts, the best of each first."""
    return filled("evidence", headings("evidence"), (row for row in _accounts(scan, None) if row.best))


def _accounts(scan: Scan, most: int | None) -> Iterator[SimpleNamespace]:
    """Yield a row for each of the *most* best pieces of evidence of each account (None: all), or one without any."""
    for institution, result in visits(scan):
        for account in sorted_accounts(result) if result else ():
            for best in account.evidence[:most] or (None,):
                yield SimpleNamespace(institution=institution, account=account, best=best)


def sorted_accounts(result: InstitutionResult) -> list[Account]:
    """Return the accounts to show: by network, the main one first, then by role and address."""

    def sort_key(account: Account) -> tuple[int, str, bool, int, str, str]:
        order = _NETWORKS.get(account.network, len(_NETWORKS))
        return order, account.network, not account.is_main, _ROLES[account.role], account.url, account.handle

    return sorted(filter(is_shown, result.accounts), key=sort_key)


def is_shown(account: Account) -> bool:
    """Whether *account* may be shown: no URL that names no account, such as a person's page, leaves the program."""
    return account.kind.names_account or not account.url


def failures_of(scan: Scan) -> Table:
    """Return the pages that could not be read as a table, in registry order."""
    rows = (
        SimpleNamespace(institution=institution, failure=failure)
        for institution, result in visits(scan)
        for failure in (result.failures if result else ())
    )
    return filled("failures", headings("failure"), rows)


def matrix_of(scan: Scan, basket: str = "all") -> Table:
    """Return the presence matrix, one row per institution: 1, 0, or None if not assessed or not open that day."""
    from cegep_audit.analyze.stats import presence

    found = presence(scan, basket)
    counted = found.counts.sum(axis=0) > 0
    cells = found.shown.astype(int).astype(object)
    cells[~(found.counts & found.assessed[:, None])] = None
    [of_network] = headings("matrix")
    columns = headings("account")[:2] + [replace(of_network, name=name) for name in compress(NETWORKS, counted)]
    rows = zip(scan.institutions, cells[:, counted].tolist(), strict=True)
    return Table("matrix", columns, ((each.id, each.name, *row) for each, row in rows))


def sheet_of(rows: Iterable[CodingRow], *, is_shown: bool, decisions: Mapping[Unit, Decision] | None = None) -> Table:
    """Return the coding sheet of *rows* as a table, with the *decisions* of one coder filled in.

    It has the tool's answer if it *is_shown*, the main account or, if none is official, the first of another role; and
    the columns of a sample if a row has a weight. Stratum and weight are those of the sample, else of the decision.
    """
    lines = []
    for row in rows:
        decision = (decisions or {}).get(row.unit)
        accounts = sorted_accounts(row.result) if row.result else []
        shown = next((each for each in accounts if each.network == row.unit.network and each.url), None)
        line = SimpleNamespace(row=row, decision=decision, shown=shown)
        line.drawn = row if row.weight is not None or decision is None else decision
        line.evidence = shown.evidence[0] if shown and shown.evidence else None
        lines.append(line)
    is_sampled = any(line.drawn.weight is not None for line in lines)
    left_out = {*(() if is_shown else SHOWN), *(() if is_sampled else SAMPLED)}
    return filled("review", [each for each in headings("coding") if each.name not in left_out], lines)


def statistics(stats: ScanStatistics) -> list[Table]:
    """Return every table of ``statistics.toml`` on *stats*."""
    rows: Mapping[str, Rows] = {**_figures(stats), **_lists(stats)}
    return [Table(name, headings(name), [tuple(row) for row in rows[name]]) for name in table_names()]


def table_names() -> list[str]:
    """Return the names of the tables of statistics, in the order of the workbook's sheets."""
    return list(read_tables("report/files/statistics.toml")["tables"])


def _figures(stats: ScanStatistics) -> Mapping[str, Rows]:
    """Return the rows of the tables of figures, by the name of the table."""
    baskets, k = stats.baskets, stats.asked.min_networks
    return {
        "key_figures": ((name, each.institutions, each.assessed, *_center(each)) for name, each in baskets.items()),
        "thresholds": (
            (name, k, *_share(each.at_least[k])) for name, each in baskets.items() for k in sorted(each.at_least)
        ),
        "networks": ((name, *_share(each)) for name, each in stats.figures.networks.items()),
        "distribution": (
            (name, number, count, count / each.assessed)
            for name, each in baskets.items()
            for number, count in each.distribution.items()
        ),
        "groups": _groups(stats),
        "group_networks": (
            (";".join(by), ";".join(values), name, share.count, share.assessed, group.is_few, share.share)
            + (share.bounds or (None, None))
            for by, groups in stats.groups.items()
            for values, group in groups.items()
            for name, share in group.networks.items()
        ),
        "tests": (
            (column, *row.values())
            for column in dict.fromkeys(chain.from_iterable(stats.groups))
            for row in stats.group_tests_by(column)
        ),
        "correlations": (row.values() for row in stats.correlations),
        "sensitivity": ((k, *step.values()) for step in stats.sensitivity.steps),
        "turning_points": ((k, *turn.values()) for turn in stats.sensitivity.turns),
        **{name: (row.values() for row in table) for name, table in stats.tables.items()},
    }


def _lists(stats: ScanStatistics) -> Mapping[str, Rows]:
    """Return the rows of the tables that list institutions, pages, published figures or text, by the table's name."""
    scan, lang = stats.scan, stats.lang
    names = {institution.id: institution.name for institution in scan.institutions}
    before = attrgetter("study", "year", f"population_{lang}", "n", "measure", "k", "network", "relation", "value")
    after = attrgetter("rule", f"caution_{lang}", "source")
    return {
        "exceptions": ((*row.values(), names[row["institution_id"]]) for row in stats.tables["exceptions"]),
        "coverage": (
            (cause.status.value if cause.status else None, cause.detail, each.id, each.name)
            for cause in causes(scan)
            for each in cause.institutions
        ),
        "rendered": (
            (each.id, each.name, without_password(page.url), " ".join(rendering.needs), rendering.browser)
            for each, page, rendering in rendered_pages(scan)
        ),
        "advice": (
            (each.id, each.name, advice.rule, advice.network, *map(without_password, (advice.url, advice.page_url)))
            for each, advice in ((result.institution, advice) for result in scan.results for advice in advise(result))
        ),
        "baselines": ((*before(each), ours, *after(each)) for each, ours in stats.published),
        "methods": ((language, paragraph(stats, language)) for language in get_args(Language)),
    }


def _groups(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    """Yield the figures of each group, and how far its share is from that of all others together."""
    k = stats.asked.min_networks
    for by, groups in stats.groups.items():
        counts = [(group.at_least[k].count, group.assessed) for group in groups.values()]
        count, total = map(sum, zip(*counts, strict=True))
        for (values, group), (own, size) in zip(groups.items(), counts, strict=True):
            share, others = group.at_least[k], (count - own, total - size)
            low, high = share.bounds or (None, None)
            interval = difference_interval((own, size), others)
            difference = own / size - others[0] / others[1] if interval else None
            head = (";".join(by), ";".join(values), group.institutions, group.assessed, group.is_few)
            tail = (difference, *(interval or (None, None)), *_center(group))
            yield *head, k, share.count, share.share, low, high, *tail


def _center(figures: Figures) -> tuple[Cell, ...]:
    low, high = figures.quartiles or (None, None)
    return figures.mean, low, figures.median, high, figures.maximum


def _share(share: Proportion) -> tuple[Cell, ...]:
    intervals = (share.bounds, share.bounds_partial, share.ci95, share.ci95_bounds)
    ends = chain.from_iterable(interval or (None, None) for interval in intervals)
    corrected = (share.adjusted.share, *share.adjusted.ci95) if share.adjusted else (None, None, None)
    return share.count, share.assessed, share.institutions, share.share, *ends, *corrected
