"""What a row of ``report.csv`` and of ``report-accounts.csv`` is made of, and their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cegep_audit.detect.networks.identify import NETWORKS, Network
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult
from cegep_audit.report.files.table import Column, column, columns_of
from cegep_audit.text import plain


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
    three_plus: bool | None

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


def account_columns() -> list[Column]:
    """Return the columns of ``report-accounts.csv``."""
    return columns_of("account")


def years(network: Network) -> str:
    """Return the years a *network* was open: ``2004–``, ``2011–2019``."""
    last = (network.closed - timedelta(days=1)).year if network.closed else ""
    return f"{network.opened.year}–{last}"


def _network_column(network: Network) -> Column:
    def url(row: InstitutionRow) -> str | None:
        account = row.main.get(network.id)
        return account.url if account else None

    return column("network", "network", network.id, url, name=network.name, years=years(network))


def _extra_column(extra: str, name: str) -> Column:
    def carried(row: InstitutionRow) -> str | None:
        return row.institution.extra.get(extra)

    return column("extra", "column", name, carried, name=extra)
