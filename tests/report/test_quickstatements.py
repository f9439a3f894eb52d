"""QuickStatements for Wikidata: which accounts get one, in which form, with which reference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cegep_audit.models import Account, Evidence, Institution, InstitutionResult, Scan
from cegep_audit.report.files.export import statements
from cegep_audit.vocabulary import How, Kind, Role, Status, Zone

AT = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
SEEN = Evidence("https://www.college.test/", How.ANCHOR, Zone.FOOTER, "Suivez-nous", AT)
COLLEGE = Institution("college", "Collège", "https://www.college.test/", wikidata="Q12345")
REFERENCE = 'S854|"https://www.college.test/"|S813|+2026-11-28T00:00:00Z/11'


def account(network: str, handle: str, role: Role = Role.OFFICIAL) -> Account:
    url = f"https://{network}.example/{handle}"
    return Account(network, handle, url, Kind.PROFILE, role, "row_of_icons", (SEEN,), is_main=True)


def statements_for(*accounts: Account, institution: Institution = COLLEGE, status: Status = Status.OK) -> list[str]:
    result = InstitutionResult(institution, status, "", "", institution.url, AT, accounts=accounts)
    scan = Scan(1, AT, AT, "live", {}, "0", "0", institutions=(institution,), results=(result,))
    return statements(scan).splitlines()


@pytest.mark.parametrize(
    ("network", "handle", "statement"),
    [
        ("facebook", "college.aulnes", 'P2013|"college.aulnes"'),
        ("twitter", "college_aulnes", 'P2002|"college_aulnes"'),
        ("youtube", "UCabcdefghijklmnopqrstuv", 'P2397|"UCabcdefghijklmnopqrstuv"'),
        ("youtube", "@collegeaulnes", 'P11245|"collegeaulnes"'),
        ("tiktok", "@collegeaulnes", 'P7085|"collegeaulnes"'),
        ("linkedin", "college-aulnes", 'P4264|"college-aulnes"'),
    ],
)
def test_an_official_account_gives_a_statement_with_a_reference(network: str, handle: str, statement: str) -> None:
    assert statements_for(account(network, handle)) == [f"Q12345|{statement}|{REFERENCE}"]


def test_accounts_without_a_property_or_item_are_left_out() -> None:
    assert statements_for(account("youtube", "college aulnes")) == []
    assert statements_for(account("issuu", "collegeaulnes")) == []
    assert statements_for(account("facebook", "x"), institution=replace(COLLEGE, wikidata="")) == []


def test_only_official_accounts_of_assessed_sites_are_exported() -> None:
    assert statements_for(account("facebook", "biblio", Role.UNIT)) == []
    assert statements_for(account("facebook", "aulnes"), status=Status.BLOCKED) == []


def test_delimiters_in_a_page_url_are_percent_encoded() -> None:
    odd = replace(SEEN, page_url='https://www.college.test/a|b"c')
    [line] = statements_for(replace(account("facebook", "aulnes"), evidence=(odd,)))
    assert line.count("|") == 6
    assert '"https://www.college.test/a%7Cb%22c"' in line
