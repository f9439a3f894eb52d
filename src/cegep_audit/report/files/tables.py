"""The tables of a scan: institutions (``report.csv``), accounts (``report-accounts.csv``), presence matrix."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cegep_audit.analyze.presence import THREE_PLUS, day_of, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS, Network, basket
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult, Scan
from cegep_audit.report.files.table import Cell, Column, Heading, Table, column, columns_of, filled
from cegep_audit.text import plain
from cegep_audit.vocabulary import Role


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """A row of ``report.csv``.

    ``result`` is None where a scan was stopped before the institution; ``main`` is the main official account
    by network; ``n_networks`` is None where the site was not assessed.
    """

    institution: Institution
    result: InstitutionResult | None
    main: Mapping[str, Account]
    n_networks: int | None

    @property
    def three_plus(self) -> bool | None:
        """Whether the institution is on three networks or more."""
        return None if self.n_networks is None else self.n_networks >= THREE_PLUS

    @property
    def pages(self) -> int:
        """The number of pages read."""
        return len(self.result.pages) if self.result else 0


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A row of ``report-accounts.csv``; ``best`` is the best evidence, None where none is kept."""

    institution: Institution
    account: Account
    best: Evidence | None


def institutions_of(scan: Scan) -> Table:
    """Return ``report.csv`` as a table: one row per institution, in registry order."""
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    rows = (_institution_row(scan, institution, result) for institution, result in visits(scan))
    return filled("institutions", institution_columns(extras), rows)


def _institution_row(scan: Scan, institution: Institution, result: InstitutionResult | None) -> InstitutionRow:
    main = main_accounts(result) if result else {}
    is_assessed = result is not None and result.status.is_assessed
    number = len(main.keys() & basket("all", day_of(scan, result))) if is_assessed else None
    return InstitutionRow(institution, result, main, number)


def institution_columns(extras: Iterable[str] = ()) -> list[Column]:
    """Return the columns of ``report.csv``, those of a registry with the further columns *extras* last.

    A further column whose name is taken becomes ``registry_`` and its name.
    """
    networks = [_network_column(network) for network in NETWORKS.values()]
    columns = [*columns_of("institution"), *networks, *columns_of("registry")]
    taken = {column.heading.name for column in columns}
    for extra in extras:
        name = plain(extra).strip()
        while name in taken or not name:
            name = f"registry_{name}"
        taken.add(name)
        columns.append(_extra_column(extra, name))
    return columns


def _network_column(network: Network) -> Column:
    def urls(rows: Sequence[InstitutionRow]) -> list[Cell]:
        return [account.url if (account := row.main.get(network.id)) else None for row in rows]

    return Column(column("network", "network", network.id, name=network.name, years=years(network)).heading, urls)


def years(network: Network) -> str:
    """Return the years a *network* was open: ``2004–``, ``2011–2019``."""
    last = (network.closed - timedelta(days=1)).year if network.closed else ""
    return f"{network.opened.year}–{last}"


def _extra_column(extra: str, name: str) -> Column:
    return column("extra", "column", name, lambda row: row.institution.extra.get(extra), name=extra)


def accounts_of(scan: Scan) -> Table:
    """Return ``report-accounts.csv`` as a table: institutions in registry order, their accounts sorted."""
    rows = (
        AccountRow(institution, account, account.evidence[0] if account.evidence else None)
        for institution, result in visits(scan)
        for account in (sorted_accounts(result) if result else ())
    )
    return filled("accounts", columns_of("account"), rows)


def sorted_accounts(result: InstitutionResult) -> list[Account]:
    """Return the accounts to show: by network, the main one first, then by role and address."""
    return sorted(filter(is_shown, result.accounts), key=_place)


def is_shown(account: Account) -> bool:
    """Whether *account* may be shown. What names no account is not, whatever it is: no person's page leaves here."""
    return account.kind.names_account or not account.url


_NETWORKS = {name: place for place, name in enumerate(NETWORKS)}
_ROLES = {role: place for place, role in enumerate(Role)}


def _place(account: Account) -> tuple[int, str, bool, int, str, str]:
    order = _NETWORKS.get(account.network, len(_NETWORKS))
    return order, account.network, not account.is_main, _ROLES[account.role], account.url, account.handle


def matrix_of(scan: Scan, basket: str = "all") -> Table:
    """Return the presence matrix, one row per institution: 1 and 0, empty where nothing can be said.

    That is where the site was not assessed, and where the network was not open on the day of its capture.
    """
    from cegep_audit.analyze.stats import presence
    from cegep_audit.analyze.tables import matrix_of_numbers

    matrix = matrix_of_numbers(presence(scan, basket))
    id_, name = (column.heading for column in columns_of("account")[:2])
    said = {"fr": "1 : présent; 0 : absent.", "en": "1: present; 0: absent."}
    nothing = {
        "empty_fr": "site non évalué, ou réseau fermé ce jour-là",
        "empty_en": "site not assessed, or network not open that day",
    }
    headings = [Heading(str(network), "integer", **said, **nothing) for network in matrix.columns]
    cells = matrix.astype(object).where(matrix.notna(), None).to_numpy().tolist()
    rows = ((each.id, each.name, *row) for each, row in zip(scan.institutions, cells, strict=True))
    return Table("matrix", [id_, name, *headings], rows)
