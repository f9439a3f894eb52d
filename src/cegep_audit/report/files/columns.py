"""The columns of ``report.csv`` and ``report-accounts.csv``: what each means, and where its value comes from.

The files, the codebook of the workbook and ``docs/data-dictionary.md`` are all made from these columns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Generic, TypeVar

from cegep_audit.analyze.findings import timestamp
from cegep_audit.detect.networks.identify import NETWORKS, Network
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult
from cegep_audit.phrases.catalogue import set_in_french
from cegep_audit.report.files.cells import Cell, whole
from cegep_audit.text import plain
from cegep_audit.urls import without_password

_FILES = ("columns.toml", "changes.toml")  # no section stands in both


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """What a row of ``report.csv`` is made of.

    ``result`` is None where a scan was stopped before the institution; ``main`` is the main official account
    by network; ``n_networks`` is None where the site was not assessed.
    """

    institution: Institution
    result: InstitutionResult | None
    main: Mapping[str, Account]
    n_networks: int | None
    three_plus: bool | None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What a row of ``report-accounts.csv`` is made of; ``best`` is the best evidence, None where none is kept."""

    institution: Institution
    account: Account
    best: Evidence | None


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of one column and what it means.

    ``type`` is ``text``, ``code``, ``url``, ``integer``, ``number``, ``boolean``, ``date`` or ``time``; ``fr`` and
    ``en`` say what it means, ``empty_fr`` and ``empty_en`` when it is empty ("": never).
    """

    name: str
    type: str = "text"
    unit: str = ""
    fr: str = ""
    en: str = ""
    empty_fr: str = ""
    empty_en: str = ""


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a file: its heading, and what gives its cell of a row."""

    heading: Heading
    value: Callable[[Row], Cell]


_INSTITUTION: Mapping[str, Callable[[InstitutionRow], Cell]] = {
    "id": lambda row: row.institution.id,
    "name": lambda row: row.institution.name,
    "type": lambda row: row.institution.type,
    "language": lambda row: row.institution.language,
    "region": lambda row: row.institution.region,
    "website": lambda row: without_password(row.institution.url),
    "status": lambda row: row.result.status.value if row.result else None,
    "detail": lambda row: row.result.detail if row.result else None,
    "final_url": lambda row: without_password(row.result.final_url) if row.result else None,
    "pages": lambda row: len(row.result.pages) if row.result else 0,
    "captured_at": lambda row: timestamp(row.result.captured_at) if row.result else None,
    "read_by": lambda row: row.result.read_by.value if row.result else None,
    "n_networks": lambda row: row.n_networks,
    "three_plus": lambda row: row.three_plus,
}

_REGISTRY: Mapping[str, Callable[[InstitutionRow], Cell]] = {
    "short_name": lambda row: row.institution.short_name,
    "region_code": lambda row: row.institution.region_code,
    "city": lambda row: row.institution.city,
    "alt_hosts": lambda row: ";".join(row.institution.alt_hosts),
    "founded": lambda row: row.institution.founded,
    "closed": lambda row: row.institution.closed,
    "enrolment": lambda row: whole(row.institution.enrolment),
    "parent_id": lambda row: row.institution.parent_id,
    "registry_status": lambda row: row.institution.status,
}

_ACCOUNT: Mapping[str, Callable[[AccountRow], Cell]] = {
    "institution_id": lambda row: row.institution.id,
    "institution": lambda row: row.institution.name,
    "network": lambda row: row.account.network,
    "account_url": lambda row: row.account.url,
    "handle": lambda row: row.account.handle,
    "kind": lambda row: row.account.kind.value,
    "role": lambda row: row.account.role.value,
    "reason": lambda row: row.account.reason,
    "how": lambda row: row.best.how.value if row.best else None,
    "zone": lambda row: row.best.zone.value if row.best else None,
    "label": lambda row: row.best.label if row.best else None,
    "page_url": lambda row: without_password(row.best.page_url) if row.best else None,
    "pages_seen": lambda row: row.account.pages_seen,
    "captured_at": lambda row: timestamp(row.best.captured_at) if row.best else None,
}


def institution_columns(extras: Iterable[str] = ()) -> tuple[Column[InstitutionRow], ...]:
    """Return the columns of ``report.csv``, those of a registry with the further columns *extras* last.

    A further column whose name is taken becomes ``registry_`` and its name.
    """
    columns = [
        *(described("institution", name, value) for name, value in _INSTITUTION.items()),
        *(_network_column(network) for network in NETWORKS.values()),
        *(described("registry", name, value) for name, value in _REGISTRY.items()),
    ]
    taken = {column.heading.name for column in columns}
    for extra in extras:
        name = plain(extra).strip()
        while name in taken or not name:
            name = f"registry_{name}"
        taken.add(name)
        columns.append(_extra_column(extra, name))
    return tuple(columns)


def account_columns() -> tuple[Column[AccountRow], ...]:
    """Return the columns of ``report-accounts.csv``."""
    return tuple(described("account", name, value) for name, value in _ACCOUNT.items())


def years(network: Network) -> str:
    """Return the years a *network* was open: ``2004–``, ``2011–2019``."""
    last = (network.closed - timedelta(days=1)).year if network.closed else ""
    return f"{network.opened.year}–{last}"


def _network_column(network: Network) -> Column[InstitutionRow]:
    def url(row: InstitutionRow) -> Cell:
        account = row.main.get(network.id)
        return account.url if account else None

    return described("network", "network", url, named=network.id, name=network.name, years=years(network))


def _extra_column(extra: str, name: str) -> Column[InstitutionRow]:
    return described("extra", "column", lambda row: row.institution.extra.get(extra), named=name, name=extra)


def described(section: str, key: str, value: Callable[[Row], Cell], named: str = "", **places: str) -> Column[Row]:
    """Return a column with the words of its *section*, the *places* in them filled; *named* other than its *key*."""
    words = dict(_words()[section][key])
    words |= {language: words[language].format_map(places) for language in ("fr", "en")}
    words |= {key: set_in_french(text) for key, text in words.items() if key in {"fr", "empty_fr"}}
    return Column(Heading(named or key, **words), value)


@cache
def _words() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    tables = (tomllib.loads(files(__package__).joinpath(name).read_text("utf-8")) for name in _FILES)
    return {section: rows for table in tables for section, rows in table.items()}
