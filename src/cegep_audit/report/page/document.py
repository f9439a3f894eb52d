"""The whole page: one HTML file that works anywhere, makes no requests, and never shows text as markup.

The templates escape everything; the page's content security policy allows its script and styles by hash.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from cegep_audit.analyze.change.compare import Comparison
from cegep_audit.analyze.change.trend import Trend
from cegep_audit.analyze.institution.sheets import Sheet, bare_sheets, sheets
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.analyze.stats import attained
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Block, Title
from cegep_audit.report.page.change import (
    change,
    change_headlines,
    change_sections,
    change_sentence,
    since_words,
)
from cegep_audit.report.page.further import co_occurrence, exceptions, places, published
from cegep_audit.report.page.groups import groups, regions
from cegep_audit.report.page.matrix import Network, anchors, matrix
from cegep_audit.report.page.parts import Section
from cegep_audit.report.page.presence import coverage, headlines, networks, thresholds
from cegep_audit.report.page.templates import environment, resource
from cegep_audit.report.text.comparison import comparison_cautions
from cegep_audit.report.text.sheet import card_words, sheet_blocks
from cegep_audit.report.text.words import citation, days_words, headline_sentence, later_modes, paragraph, scan_day

MOST_COLUMNS = 18  # networks that the presence matrix shows at first; more do not fit a page
_AT_ONCE = 1_000  # pieces of a page, most a few letters long, joined at once
MAX_SHEETS = 2_000  # a browser is slow to open a page with more; the command ``sheet`` shows each


def page(
    stats: ScanStatistics,
    lang: Language,
    history: Trend | None = None,
    since: Comparison | None = None,
    *,
    is_coded: bool = False,
) -> bytes:
    """Return the report of *stats* as one HTML page in UTF-8; the same figures give the same bytes.

    *history* gives the scans over time, *since* what changed from an earlier one. *is_coded* says that the decisions
    of coders corrected the scan.
    """
    has_sheets = len(stats.scan.institutions) <= MAX_SHEETS
    found = list((sheets if has_sheets else bare_sheets)(stats.scan))
    names = anchors(stats, has_sheets=has_sheets)
    table = matrix(stats, found, names, lang)
    facts, completed = stats.facts, attained(stats.scan)
    moved = since_words(since, lang)
    population = say("page.population", lang, count=stats.figures.institutions)
    modes = ", ".join((say(f"mode.{facts.mode}", lang), *later_modes(completed, lang)))
    key = "page.scan" if facts.captured else "page.scan_of_nothing"
    read = say(key, lang, scan=str(facts.id), when=days_words(facts, lang), mode=modes)
    warnings = {"page.coded": is_coded, "page.interrupted": facts.ended_at is None}
    return _rendered(
        "page.html",
        lang,
        "".join(_signs(table.networks, len(table.titles))),
        tool=facts.tool_version,
        title=say("page.title", lang),
        about=f"{population}, {read}.",
        warnings=[say(key, lang) for key, is_so in warnings.items() if is_so],
        sentence=headline_sentence(stats, lang),
        headlines=headlines(stats, lang),
        sections=_sections(stats, names, lang, history, since),
        cautions=_cautions(stats, lang),
        citation=citation(stats, lang),
        paragraph=paragraph(stats, lang, completed),
        matrix=table,
        has_sheets=has_sheets,
        is_wide=len(table.networks) > MOST_COLUMNS,
        sheets=(
            (name, sheet_blocks(each, lang, names, moved.get(each.institution.id, "")), card_words(each, lang))
            for each in found
            if (name := names[each.institution.id])
        ),
    )


def change_page(since: Comparison, lang: Language) -> bytes:
    """Return what changed between two scans as a page of its own, like that of :func:`page`."""
    days = (locales.day(scan_day(facts), lang) for facts in (since.old, since.new))
    facts = dict(zip(("old_day", "new_day"), days, strict=True), old=str(since.old.id), new=str(since.new.id))
    return _rendered(
        "page.html",
        lang,
        tool=since.new.tool_version,
        title=say("page.change", lang),
        about=say("compare.title", lang, **facts),
        warnings=[each.text for each in comparison_cautions(since, lang)],
        sentence=change_sentence(since, lang),
        headlines=change_headlines(since, lang),
        sections=change_sections(since, lang),
        cautions=[say(key, lang) for key in ("compare.test", "caution.presence", "caution.lower_bound")],
        citation="",
        has_sheets=False,
    )


def blocks_page(
    blocks: Iterable[Block], lang: Language, *, is_private: bool = False, facts: Sequence[str] = ()
) -> bytes:
    """Return *blocks* as an HTML page of their own; *facts* are those of its card, none where it has no card.

    A page for one reader (*is_private*) asks search engines to leave it out, and opens its links beside it.
    """
    found = list(blocks)
    title = next((block.text for block in found if isinstance(block, Title)), "cegep-audit")
    return _rendered("blocks.html", lang, title=title, blocks=found, is_private=is_private, facts=facts)


def sheet_page(each: Sheet, lang: Language) -> bytes:
    """Return the sheet *each* as an HTML page of its own, with its card to share."""
    return blocks_page(sheet_blocks(each, lang), lang, facts=card_words(each, lang))


def _rendered(template: str, lang: Language, style: str = "", **facts: object) -> bytes:
    """Return a page with the common parts: language, sentences, style, script and the policy for them."""
    style, script = resource("style.css") + style, resource("script.js")
    hashes = {name: b64encode(sha256(text.encode()).digest()).decode() for name, text in (("s", style), ("j", script))}
    # The page creates images only to save a chart as PNG, and loads nothing else.
    policy = (
        f"default-src 'none'; style-src 'sha256-{hashes['s']}'; script-src 'sha256-{hashes['j']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    frame = {"lang": lang, "style": style, "script": script, "policy": policy}
    pieces = (
        environment().get_template(template).stream(say=lambda key, **said: say(key, lang, **said), **frame, **facts)
    )
    pieces.enable_buffering(_AT_ONCE)
    return b"".join(piece.encode("utf-8", "replace") for piece in pieces)


def _signs(columns: Sequence[Network], titles: int) -> Iterator[str]:
    """Yield the style of the columns: the sign of each network on a phone, the rare ones hidden on a desktop."""
    hidden = f".grid:not(.all) tr > :nth-child(n + {titles + 3 + MOST_COLUMNS})"
    yield f"@media print, (min-width: 56.01rem) {{ {hidden} {{ display: none; }} }}\n"
    yield "@media screen and (max-width: 56rem) {\n"
    for place, network in enumerate(columns, titles + 3):
        yield f'#grid .y:nth-child({place}), #grid .u:nth-child({place}) {{ --sign: "{network.sign}"; }}\n'
    yield "}\n"


def _sections(
    stats: ScanStatistics, names: Mapping[str, str], lang: Language, history: Trend | None, since: Comparison | None
) -> Sequence[Section]:
    """Return the sections of the page in order; the table of institutions has its own template."""
    covered = coverage(stats, names, lang)
    if not stats.figures.assessed:
        return [covered] if covered else []
    found = (
        covered,
        networks(stats, lang),
        thresholds(stats, lang),
        change(history, since, names, lang),
        Section("table", say("section.table", lang), ()),
        regions(stats, lang),
        groups(stats, lang),
        co_occurrence(stats, lang),
        exceptions(stats, names, lang),
        places(stats, lang),
        published(stats, lang),
    )
    return [each for each in found if each is not None]


def _cautions(stats: ScanStatistics, lang: Language) -> list[str]:
    """Return the cautions on the figures, in sentences that can be cited."""
    figures, population = stats.figures, stats.asked.sample_of
    bounds = ("bounds",) if figures.assessed < figures.institutions else ()
    keys = ("presence", "lower_bound", "activity", *bounds, "census" if population is None else "sample")
    said = (f"caution.{key}" for key in (*keys, "closed", "rules"))
    return [say(key, lang, population=population) for key in (*said, "lead.tests")]
