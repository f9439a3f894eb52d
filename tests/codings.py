"""Builders for scans to code and for decisions; addresses are real because decisions compare accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from builders import account, institution, result

from cegep_audit.models import Account, Decision, InstitutionResult, Unit
from cegep_audit.vocabulary import Role, Verdict

DAY = date(2026, 11, 23)
OFFICIAL, OTHER, LIBRARY = (f"https://www.facebook.com/{name}" for name in ("cegeprb", "autrecegep", "biblicegeprb"))


def facebook(url: str = OFFICIAL, role: Role = Role.OFFICIAL, *, is_main: bool = True) -> Account:
    is_main = is_main and role is Role.OFFICIAL
    return account("facebook", url.rpartition("/")[2], role, url=url, is_main=is_main)


def found(id_: str, *accounts: Account) -> InstitutionResult:
    return result(institution(id_, type="cegep-public"), *accounts)


def decision(
    id_: str = "a",
    verdict: Verdict = Verdict.PRESENT,
    account_url: str = "",
    coder: str = "AB",
    network: str = "facebook",
    **fields: object,
) -> Decision:
    """Return a decision on scan 3, the number of the builders' scans; *detected* defaults to ""."""
    item = Decision(3, Unit(id_, network), coder, verdict, account_url, DAY, detected="")
    return replace(item, **fields)  # type: ignore[arg-type] # field names vary by test
