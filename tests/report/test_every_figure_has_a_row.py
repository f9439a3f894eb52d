"""Every figure has a row: each account that a report counts in the invented pages is listed in every output."""

from __future__ import annotations

import json
from pathlib import Path

import builders
import pytest
from accuracy import OWN_PAGES, accounts_on, read_corpus
from commands import rows_of

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Scan
from cegep_audit.report.files.export import write


@pytest.fixture(scope="module")
def scan() -> Scan:
    results = [builders.result(page.institution, *accounts_on(page)) for page in read_corpus(OWN_PAGES)]
    return builders.scan(*results)


@pytest.fixture(scope="module")
def report(scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write(scan, folder / "report.csv")
    write(scan, folder / "report.json")
    return folder


def test_every_account_in_the_report_has_a_row_in_the_accounts_file(report: Path) -> None:
    rows = {
        (row["institution_id"], row["network"], row["account_url"]) for row in rows_of(report / "report-accounts.csv")
    }
    shown = {
        (row["id"], network, row[network])
        for row in rows_of(report / "report.csv")
        for network in NETWORKS
        if row.get(network)
    }
    assert len(shown) > 100
    assert any(network == "mastodon" for _, network, _ in shown)
    assert not shown - rows


def test_network_counts_do_not_exceed_official_account_rows(report: Path) -> None:
    official: dict[str, set[str]] = {}
    for row in rows_of(report / "report-accounts.csv"):
        if row["role"] == "official":
            official.setdefault(row["institution_id"], set()).add(row["network"])
    for row in rows_of(report / "report.csv"):
        assert int(row["n_networks"]) <= len(official.get(row["id"], ())), row["id"]


def test_json_and_csv_list_the_same_accounts(report: Path) -> None:
    accounts = json.loads((report / "report.json").read_text("utf-8"))["accounts"]
    assert [(row["institution_id"], row["account_url"] or "") for row in accounts] == [
        (row["institution_id"], row["account_url"]) for row in rows_of(report / "report-accounts.csv")
    ]


def test_only_kinds_that_name_an_account_have_a_url(scan: Scan) -> None:
    accounts = [account for result in scan.results for account in result.accounts]
    assert not [account for account in accounts if account.url and not account.kind.names_account]
