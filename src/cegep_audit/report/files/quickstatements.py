"""The official accounts of a scan as statements for Wikidata, each with the page that shows it as its reference.

The format is that of QuickStatements, version 1 (https://www.wikidata.org/wiki/Help:QuickStatements), one statement a
line. Which property holds the accounts of a network is a row of ``quickstatements.toml``.
"""

import re
from collections.abc import Iterator
from datetime import UTC
from functools import cache

from cegep_audit.analyze.presence import main_accounts
from cegep_audit.models import Account, Institution, Scan
from cegep_audit.tables import read_tables

_REFERENCE_URL, _RETRIEVED = "S854", "S813"
_DAY = "11"  # the precision of a date that is a day


def statements(scan: Scan) -> str:
    """Return a statement for each main official account of an institution whose Wikidata item is known.

    Accounts whose network or form of handle has no property are left out; so are institutions without an item.
    """
    lines = (
        line
        for result in scan.results
        if result.institution.wikidata and result.status.is_assessed
        for account in main_accounts(result).values()
        for line in _statement(result.institution, account)
    )
    return "".join(f"{line}\n" for line in lines)


def _statement(institution: Institution, account: Account) -> Iterator[str]:
    for pattern, property_id in _properties().get(account.network, ()):
        if found := pattern.fullmatch(account.handle):
            seen = account.evidence[0]
            day = f"+{seen.captured_at.astimezone(UTC):%Y-%m-%d}T00:00:00Z/{_DAY}"
            value = found[pattern.groups]  # the group where there is one, else the whole handle
            fields = (
                institution.wikidata,
                property_id,
                _text(value),
                _REFERENCE_URL,
                _text(seen.page_url),
                _RETRIEVED,
                day,
            )
            yield "|".join(fields)
            return


def _text(value: str) -> str:
    escaped = value.replace("|", "%7C").replace('"', "%22")
    return f'"{escaped}"'


@cache
def _properties() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    rows = read_tables("report/files/quickstatements.toml")["property"]
    found: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for row in rows:
        found.setdefault(row["network"], []).append((re.compile(row["handle"]), row["id"]))
    return found
