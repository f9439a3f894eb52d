"""The evidence sheet: one page to read beside the coding sheet, in its order, that makes no request.

It lists the pages that were read, with links to the live and the archived page, and where each page links to each
network. Beside a blind sheet the links have neither role nor rank, and stay folded.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from cegep_audit.coding.sampling import CodingRow
from cegep_audit.models import Scan
from cegep_audit.phrases import Language, locales, say
from cegep_audit.report.blocks import Block, Folded, Grid, Line, Row, Title, bullets, heads, link, noted
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
    timegate = scan.settings.get("timegate")
    archive = timegate if isinstance(timegate, str) and timegate else ARCHIVE
    blocks: list[Block] = [
        Title(say("evidence.title", lang, scan=str(scan.id), sheet=sheet), 1),
        Line(say("evidence.about", lang, day=locales.day(scan.started_at, lang), count=len(rows), sheet=sheet)),
        Line(say("evidence.shown" if is_shown else "evidence.blind", lang), "warn"),
        Line(say("evidence.decisions", lang)),
    ]
    for _, lines in groupby(enumerate(rows, _FIRST_LINE), key=lambda item: item[1].unit.institution_id):
        blocks += _site(list(lines), archive, lang, is_shown=is_shown)
    return blocks_page(blocks, lang, is_private=True)


def _site(lines: Sequence[tuple[int, CodingRow]], archive: str, lang: Language, *, is_shown: bool) -> Iterator[Block]:
    institution, result = lines[0][1].institution, lines[0][1].result
    yield Title(plain(institution.name), 2, plain(institution.id))
    address = link(institution.url)
    yield Line(f"{plain(institution.id)} · {address.text}", "dim", href=address.href)
    if result is None or not result.status.is_assessed:
        why = say(f"status.{result.status if result else 'not_visited'}", lang)
        why = f"{why}, {detail_words(result.detail, lang)}" if result else why
        yield Line(say("evidence.not_assessed", lang, why=why), "warn")
    pages, failures = (result.pages, result.failures) if result else ((), ())
    rows: list[Row] = []
    for number, page in enumerate(pages, 1):
        role, record = say(f"page_role.{page.role}", lang), plain(page.record_id or "").strip("<>")
        archived = link(f"{archive}{page.captured_at:%Y%m%d%H%M%S}/{without_password(page.url)}")
        facts = (f"{role} · WARC {record}" if record else role, locales.minute(page.captured_at))
        rows.append([f"P{number}", link(page.url), *facts, archived._replace(text=say("evidence.archived", lang))])
    names = heads(lang, "page", "address", "role", "captured", "archive", of="evidence")
    yield Grid(names[0], names, rows, texts=len(names)) if rows else Line(say("evidence.no_page", lang))
    if failures:
        said = bullets(noted(each.url, detail_words(each.detail, lang)) for each in failures)
        yield Folded(say("evidence.failures", lang, count=len(failures)), [said])
    numbers = {without_password(page.url): number for number, page in enumerate(pages, 1)}
    for line, row in lines:
        yield from _row(row, line, numbers, lang, is_shown=is_shown)


def _row(row: CodingRow, line: int, numbers: Mapping[str, int], lang: Language, *, is_shown: bool) -> Iterator[Block]:
    name = network_name(row.unit.network)
    answer = f" · {say(f'coding_state.{row.state}', lang)}" if is_shown else ""
    yield Title(f"{name}, {say('evidence.line', lang, number=str(line))}{answer}", 3, f"l{line}")
    found = [
        (numbers.get(without_password(seen.page_url), 0), account, seen)
        for account in (row.result.accounts if row.result else ())
        if account.network == row.unit.network and (account.kind.names_account or not account.url)
        for seen in account.evidence
    ]
    # Page by page, from top to bottom, then by address: the order does not tell which was chosen.
    found.sort(key=lambda each: (each[0], _ZONES.index(each[2].zone), each[1].url, plain(each[2].label)))
    rows: list[Row] = []
    for page, account, seen in found:
        whose = [f"{say(f'role.{account.role}', lang)} ({plain(account.reason)})"] if is_shown else []
        where = f"{say(f'zone.{seen.zone}', lang)}, {say(f'how.{seen.how}', lang)}"
        url = link(account.url) if account.url else say("table.unresolved", lang)
        rows.append([f"P{page}" if page else "", where, plain(seen.label), url, *whose])
    names = heads(lang, "page", "place", "label", "account", *(["whose"] if is_shown else []), of="evidence")
    blocks: list[Block] = [Grid(name, names, rows, texts=len(names))] if rows else []
    if bare := sorted({*numbers.values()}.difference(page for page, _, _ in found)):
        pages = ", ".join(f"P{number}" for number in bare)
        blocks.append(Line(say("evidence.no_link", lang, network=name, pages=pages)))
    yield Folded(say("evidence.links", lang, network=name), blocks, is_open=is_shown)
