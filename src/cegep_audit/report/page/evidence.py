"""The evidence sheet: one page to read beside the coding sheet, in its order, that makes no request.

It lists the pages that were read, with links to the live and the archived page, and where each page links to each
network. Beside a blind sheet the links have neither role nor rank, and stay folded.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from cegep_audit.coding.sampling import CodingRow
from cegep_audit.models import Account, Evidence, PageRecord, Scan
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Block, Cell, Folded, Grid, Line, Row, Title, bullets, link
from cegep_audit.report.page.document import blocks_page
from cegep_audit.report.text.words import detail_words, network_name
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Zone

ARCHIVE = "https://web.archive.org/web/"  # takes a moment (14 digits) and an address, and goes to the nearest capture
_FIRST_LINE = 2  # of the coding sheet: its header is line 1
_ZONES = list(Zone)


def evidence_page(scan: Scan, rows: Sequence[CodingRow], sheet: str, lang: Language, *, is_shown: bool) -> bytes:
    """Return the evidence sheet of *rows*, in their order, for the coding sheet named *sheet*: HTML in UTF-8."""
    return blocks_page(_blocks(scan, rows, sheet, lang, is_shown=is_shown), lang, is_private=True)


def _blocks(scan: Scan, rows: Sequence[CodingRow], sheet: str, lang: Language, *, is_shown: bool) -> Iterator[Block]:
    timegate = scan.settings.get("timegate")
    archive = timegate if isinstance(timegate, str) and timegate else ARCHIVE
    yield Title(say("evidence.title", lang, scan=str(scan.id), sheet=sheet), 1)
    yield Line(say("evidence.about", lang, day=locales.day(scan.started_at, lang), count=len(rows), sheet=sheet))
    yield Line(say("evidence.shown" if is_shown else "evidence.blind", lang), "warn")
    yield Line(say("evidence.decisions", lang))
    for _, group in groupby(enumerate(rows, _FIRST_LINE), key=lambda item: item[1].unit.institution_id):
        yield from _site(list(group), archive, lang, is_shown=is_shown)


def _site(lines: Sequence[tuple[int, CodingRow]], archive: str, lang: Language, *, is_shown: bool) -> Iterator[Block]:
    institution, result = lines[0][1].institution, lines[0][1].result
    yield Title(plain(institution.name), 2, plain(institution.id))
    address = link(institution.url)
    yield Line(f"{plain(institution.id)} · {address.text}", "dim", href=address.href)
    if result is None or not result.status.is_assessed:
        why = say(f"status.{result.status if result else 'not_visited'}", lang)
        why = f"{why}, {detail_words(result.detail, lang)}" if result else why
        yield Line(say("evidence.not_assessed", lang, why=why), "warn")
    pages = result.pages if result else ()
    if pages:
        rows = [_page(number, page, archive, lang) for number, page in enumerate(pages, 1)]
        names = ("page", "address", "role", "captured", "archive")
        yield Grid(say("evidence.page", lang), _heads(names, lang), rows, texts=len(names))
    else:
        yield Line(say("evidence.no_page", lang))
    if failures := result.failures if result else ():
        said = (
            link(each.url)._replace(text=f"{link(each.url).text} : {detail_words(each.detail, lang)}")
            for each in failures
        )
        yield Folded(say("evidence.failures", lang, count=len(failures)), [bullets(said)])
    numbers = {without_password(page.url): number for number, page in enumerate(pages, 1)}
    for line, row in lines:
        yield from _row(row, line, numbers, lang, is_shown=is_shown)


def _heads(names: Sequence[str], lang: Language) -> list[str]:
    return [say(f"evidence.{name}", lang) for name in names]


def _page(number: int, page: PageRecord, archive: str, lang: Language) -> Row:
    role, record = say(f"page_role.{page.role}", lang), plain(page.record_id or "").strip("<>")
    archived = link(f"{archive}{page.captured_at:%Y%m%d%H%M%S}/{without_password(page.url)}")
    return [
        f"P{number}",
        link(page.url),
        f"{role} · WARC {record}" if record else role,
        locales.minute(page.captured_at),
        archived._replace(text=say("evidence.archived", lang)),
    ]


def _row(row: CodingRow, line: int, numbers: Mapping[str, int], lang: Language, *, is_shown: bool) -> Iterator[Block]:
    name = network_name(row.unit.network)
    answer = f" · {say(f'coding_state.{row.state}', lang)}" if is_shown else ""
    yield Title(f"{name}, {say('evidence.line', lang, number=str(line))}{answer}", 3, f"l{line}")
    seen = [
        (numbers.get(without_password(each.page_url), 0), account, each)
        for account in (row.result.accounts if row.result else ())
        if account.network == row.unit.network and (account.kind.names_account or not account.url)
        for each in account.evidence
    ]
    blocks: list[Block] = []
    if seen:  # page by page, from top to bottom, then by address: the order does not tell which was chosen
        names = ("page", "place", "label", "account", *(("whose",) if is_shown else ()))
        seen.sort(key=lambda each: (each[0], _ZONES.index(each[2].zone), each[1].url, plain(each[2].label)))
        rows = [_sighting(*each, lang, is_shown=is_shown) for each in seen]
        blocks.append(Grid(name, _heads(names, lang), rows, texts=len(names)))
    if bare := sorted({*numbers.values()}.difference(page for page, _, _ in seen)):
        pages = ", ".join(f"P{number}" for number in bare)
        blocks.append(Line(say("evidence.no_link", lang, network=name, pages=pages)))
    yield Folded(say("evidence.links", lang, network=name), blocks, is_open=is_shown)


def _sighting(page: int, account: Account, seen: Evidence, lang: Language, *, is_shown: bool) -> Row:
    row: list[Cell | str] = [
        f"P{page}" if page else "",
        f"{say(f'zone.{seen.zone}', lang)}, {say(f'how.{seen.how}', lang)}",
        plain(seen.label),
        link(account.url) if account.url else say("table.unresolved", lang),
    ]
    return [*row, f"{say(f'role.{account.role}', lang)} ({plain(account.reason)})"] if is_shown else row
