"""The evidence sheet: one page to read beside the coding sheet, in its order, that asks nothing of any network.

It says which pages were read, with links to them as they are now and as a web archive has them, and where on them
links to each network stand. Beside a blind sheet the links have neither role nor rank, and stay folded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cegep_audit.coding.sampling import CodingRow
from cegep_audit.models import Account, Evidence, InstitutionResult, Scan
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.screen import detail_words, network_name
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Zone

if TYPE_CHECKING:
    from jinja2 import Environment

ARCHIVE = "https://web.archive.org/web/"  # takes a moment (14 digits) and an address, and goes to the nearest capture
_FIRST_LINE = 2  # of the coding sheet: its header is line 1


@dataclass(frozen=True, slots=True)
class PageLine:
    """One page read: the number it is referred to by, its address, when it was captured, where it is archived."""

    number: int
    url: str
    captured: str
    archived: str
    role: str
    record: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """One link to an account, where it stands: page number (0: a page not listed), zone, how, label."""

    page: int
    zone: str
    how: str
    label: str
    address: str
    whose: str  # role and rule, "" in a blind sheet
    order: tuple[int, int, str, str]


@dataclass(frozen=True, slots=True)
class RowBlock:
    """One row of the coding sheet: its line there, its network, and the links to it.

    ``bare`` names the pages where none stands; ``answer`` is the tool's, "" in a blind sheet.
    """

    line: int
    name: str
    sightings: tuple[Sighting, ...]
    bare: str
    answer: str


@dataclass(frozen=True, slots=True)
class SiteBlock:
    """One institution: its pages, what could not be read, and its rows."""

    id: str
    name: str
    website: str
    status: str
    pages: tuple[PageLine, ...]
    failures: tuple[tuple[str, str], ...]
    rows: tuple[RowBlock, ...]


def evidence_page(scan: Scan, rows: Sequence[CodingRow], sheet: str, lang: Language, *, is_shown: bool) -> bytes:
    """Return the evidence sheet of *rows*, in their order, for the coding sheet named *sheet*: HTML in UTF-8."""
    timegate = scan.settings.get("timegate")
    archive = timegate if isinstance(timegate, str) and timegate else ARCHIVE
    numbered = groupby(enumerate(rows, _FIRST_LINE), key=lambda item: item[1].unit.institution_id)
    sites = [_site(list(group), archive, lang, is_shown=is_shown) for _, group in numbered]
    values = {
        "lang": lang,
        "scan": scan.id,
        "day": locales.day(scan.started_at, lang),
        "sheet": sheet,
        "sites": sites,
        "count": len(rows),
        "is_shown": is_shown,
        "say": lambda key, **facts: say(f"evidence.{key}", lang, **facts),
    }
    return _environment().get_template("evidence.html").render(values).encode("utf-8", "replace")


def _site(lines: Sequence[tuple[int, CodingRow]], archive: str, lang: Language, *, is_shown: bool) -> SiteBlock:
    institution, result = lines[0][1].institution, lines[0][1].result
    pages = _pages(result, archive, lang)
    numbers = {page.url: page.number for page in pages}
    failures = result.failures if result else ()
    return SiteBlock(
        id=plain(institution.id),
        name=plain(institution.name),
        website=without_password(institution.url),
        status=_status(result, lang),
        pages=pages,
        failures=tuple((without_password(each.url), detail_words(each.detail, lang)) for each in failures),
        rows=tuple(_row(row, line, numbers, lang, is_shown=is_shown) for line, row in lines),
    )


def _status(result: InstitutionResult | None, lang: Language) -> str:
    """Return why the site was not assessed, "" where it was."""
    if result is None:
        return say("status.not_visited", lang)
    if result.status.is_assessed:
        return ""
    return f"{say(f'status.{result.status}', lang)}, {detail_words(result.detail, lang)}"


def _pages(result: InstitutionResult | None, archive: str, lang: Language) -> tuple[PageLine, ...]:
    return tuple(
        PageLine(
            number=number,
            url=without_password(page.url),
            captured=locales.minute(page.captured_at),
            archived=_archived(archive, page.url, page.captured_at),
            role=say(f"page_role.{page.role}", lang),
            record=plain(page.record_id or "").strip("<>"),
        )
        for number, page in enumerate(result.pages if result else (), 1)
    )


def _archived(archive: str, url: str, moment: datetime) -> str:
    return f"{archive}{moment:%Y%m%d%H%M%S}/{without_password(url)}"


def _row(row: CodingRow, line: int, numbers: Mapping[str, int], lang: Language, *, is_shown: bool) -> RowBlock:
    accounts = [each for each in (row.result.accounts if row.result else ()) if each.network == row.unit.network]
    found = [
        _sighting(account, seen, numbers, lang, is_shown=is_shown)
        for account in accounts
        if account.kind.names_account or not account.url
        for seen in account.evidence
    ]
    bare = sorted({*numbers.values()}.difference(each.page for each in found))
    return RowBlock(
        line=line,
        name=network_name(row.unit.network),
        sightings=tuple(sorted(found, key=lambda each: each.order)),
        bare=", ".join(f"P{number}" for number in bare),
        answer=say(f"coding_state.{row.state}", lang) if is_shown else "",
    )


def _sighting(
    account: Account, seen: Evidence, numbers: Mapping[str, int], lang: Language, *, is_shown: bool
) -> Sighting:
    page = numbers.get(without_password(seen.page_url), 0)
    whose = f"{say(f'role.{account.role}', lang)} ({plain(account.reason)})" if is_shown else ""
    return Sighting(
        page=page,
        zone=say(f"zone.{seen.zone}", lang),
        how=say(f"how.{seen.how}", lang),
        label=plain(seen.label),
        address=account.url or say("table.unresolved", lang),
        whose=whose,
        # Page by page, from top to bottom, then by address: an order that does not tell which account was chosen.
        order=(page, list(Zone).index(seen.zone), account.url, plain(seen.label)),
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cegep_audit.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["web"] = _web
    return environment


def _web(url: Any) -> str:  # noqa: ANN401 - a filter gets whatever the page holds
    """Return *url* where it is a plain web address, else "": no other scheme becomes a link."""
    text = str(url)
    return text if text.startswith(("http://", "https://")) and text.isprintable() else ""
