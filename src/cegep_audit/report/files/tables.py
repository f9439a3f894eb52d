"""The tables of a scan: institutions, accounts, evidence, failures, and the presence matrix."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from cegep_audit.analyze.presence import THREE_PLUS, day_of, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS, Network, basket
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.report.files.table import Heading, Table, Value, filled, headings
from cegep_audit.text import plain
from cegep_audit.vocabulary import Role

_NETWORKS = {name: place for place, name in enumerate(NETWORKS)}
_ROLES = {role: place for place, role in enumerate(Role)}


def institutions_of(scan: Scan) -> Table:
    """Return ``report.csv`` as a table: one row per institution, in registry order."""
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    columns = institution_headings(extras)
    values = {name: _value_in("urls", name) for name in NETWORKS}
    values |= {column.name: _value_in("extra", column.path) for column in columns[len(columns) - len(extras) :]}
    return filled("institutions", columns, _institution_rows(scan), values)


def _value_in(mapping: str, key: str) -> Value:
    """Return a function from a row to the value of *key* in one of its mappings, None if it is not there."""
    return lambda row: getattr(row, mapping).get(key)


def _institution_rows(scan: Scan) -> Iterator[SimpleNamespace]:
    """Yield a row per institution; values that need a visit or an assessment are None without one."""
    for institution, result in visits(scan):
        main = main_accounts(result) if result else {}
        is_assessed = result is not None and result.status.is_assessed
        number = len(main.keys() & basket("all", day_of(scan, result))) if is_assessed else None
        yield SimpleNamespace(
            institution=institution,
            result=result,
            urls={name: account.url for name, account in main.items()},
            extra=institution.extra,
            pages=len(result.pages) if result else 0,
            n_networks=number,
            three_plus=None if number is None else number >= THREE_PLUS,
        )


def institution_headings(extras: Iterable[str] = ()) -> list[Heading]:
    """Return the headings of ``report.csv``, those of a registry with the further columns *extras* last.

    A further column whose name is taken gets the prefix ``registry_``; its ``path`` is its own name.
    """
    [of_network], [of_extra] = headings("network"), headings("extra")
    networks = [_named(of_network, each.id, {"name": each.name, "years": years(each)}) for each in NETWORKS.values()]
    columns = [*headings("institution"), *networks, *headings("registry")]
    taken = {column.name for column in columns}
    for extra in extras:
        name = plain(extra).strip()
        while name in taken or not name:
            name = f"registry_{name}"
        taken.add(name)
        columns.append(replace(_named(of_extra, name, {"name": extra}), path=extra))
    return columns


def _named(heading: Heading, name: str, facts: Mapping[str, str]) -> Heading:
    """Return *heading* under another *name*, with *facts* filled into its meaning."""
    return replace(heading, name=name, fr=heading.fr.format_map(facts), en=heading.en.format_map(facts))


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
    return sorted(filter(is_shown, result.accounts), key=_place)


def is_shown(account: Account) -> bool:
    """Whether *account* may be shown: no URL that names no account, such as a person's page, leaves the program."""
    return account.kind.names_account or not account.url


def _place(account: Account) -> tuple[int, str, bool, int, str, str]:
    order = _NETWORKS.get(account.network, len(_NETWORKS))
    return order, account.network, not account.is_main, _ROLES[account.role], account.url, account.handle


def failures_of(scan: Scan) -> Table:
    """Return the pages that could not be read as a table, in registry order."""
    rows = (
        SimpleNamespace(institution=institution, failure=failure)
        for institution, result in visits(scan)
        for failure in (result.failures if result else ())
    )
    return filled("failures", headings("failure"), rows)


def matrix_of(scan: Scan, basket: str = "all") -> Table:
    """Return the presence matrix, one row per institution: 1, 0, or empty if unknown.

    A cell is unknown if the site was not assessed, or if the network was not open on the day of the capture.
    """
    from cegep_audit.analyze.stats import presence
    from cegep_audit.analyze.tables import matrix_of_numbers

    matrix = matrix_of_numbers(presence(scan, basket))
    [of_network] = headings("matrix")
    columns = [*headings("account")[:2], *(replace(of_network, name=str(network)) for network in matrix.columns)]
    cells = matrix.astype(object).where(matrix.notna(), None).to_numpy().tolist()
    rows = ((each.id, each.name, *row) for each, row in zip(scan.institutions, cells, strict=True))
    return Table("matrix", columns, rows)
