"""The report as one HTML page that makes no requests and never shows text as markup.

The templates escape everything; the page's content security policy allows its script and styles by hash.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files

from cegep_audit.analyze.change.compare import Comparison
from cegep_audit.analyze.change.trend import Trend
from cegep_audit.analyze.institution.sheets import Sheet, bare_sheets, sheets
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import Language, say
from cegep_audit.report.blocks import Block, Title, heads
from cegep_audit.report.page import change
from cegep_audit.report.page.groups import co_occurrence, exceptions, groups, places, published, regions
from cegep_audit.report.page.parts import Part, environment
from cegep_audit.report.page.presence import Matrix, coverage, headlines, matrix, networks, thresholds
from cegep_audit.report.text.comparison import comparison_cautions, comparison_title
from cegep_audit.report.text.sheet import card_words, sheet_blocks
from cegep_audit.report.text.words import citation, days_words, headline_sentence, later_modes, paragraph

MOST_COLUMNS = 18  # networks that the presence matrix shows at first; more do not fit a page
MAX_SHEETS = 2_000  # a browser is slow to open a page with more; the command ``sheet`` shows each
_FRAME = ("style.css", "script.js")
_AT_ONCE = 1_000  # pieces of a page, most a few letters long, joined at once


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
    facts = stats.facts
    has_sheets = len(stats.scan.institutions) <= MAX_SHEETS
    found = list((sheets if has_sheets else bare_sheets)(stats.scan))
    addresses = _addresses(stats, has_sheets=has_sheets)
    table = matrix(stats, found, addresses, lang)
    modes = ", ".join((say(f"mode.{facts.mode}", lang), *later_modes(stats.attained, lang)))
    about = {"count": len(found), "scan": str(facts.id), "when": days_words(facts, lang), "mode": modes}
    warnings = {"page.coded": is_coded, "page.interrupted": facts.ended_at is None}
    return _rendered(
        "page.html",
        lang,
        "".join(_signs(table)),
        tool=facts.tool_version,
        title=say("page.title", lang),
        about=say("page.about" if facts.captured else "page.about_nothing", lang, **about),
        warnings=[say(key, lang) for key, is_so in warnings.items() if is_so],
        sentence=headline_sentence(stats, lang),
        headlines=headlines(stats, lang),
        sections=_sections(stats, addresses, lang, history, since),
        cautions=_cautions(stats, lang),
        citation=citation(stats, lang),
        paragraph=paragraph(stats, lang),
        matrix=table,
        has_sheets=has_sheets,
        is_wide=len(table.networks) > MOST_COLUMNS,
        sheets=_sheets(found if has_sheets else [], addresses, since, lang),
    )


def _sheets(
    found: Sequence[Sheet], addresses: Mapping[str, str], since: Comparison | None, lang: Language
) -> Iterator[tuple[str, Iterable[Block], Sequence[str]]]:
    """Yield each sheet on the page: its anchor, its blocks, and the text of its card."""
    changes = change.since_words(since, lang) if since else {}
    for each in found:
        id_ = each.institution.id
        yield addresses[id_][1:], sheet_blocks(each, lang, addresses, changes.get(id_, "")), card_words(each, lang)


def change_page(since: Comparison, lang: Language) -> bytes:
    """Return what changed between two scans as a page of its own, like that of :func:`page`."""
    return _rendered(
        "page.html",
        lang,
        tool=since.new.tool_version,
        title=say("page.change", lang),
        about=comparison_title(since, lang),
        warnings=[each.text for each in comparison_cautions(since, lang)],
        sentence=change.change_sentence(since, lang),
        headlines=change.change_headlines(since, lang),
        sections=change.change_sections(since, lang),
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


def _rendered(template: str, lang: Language, style: str = "", **facts: object) -> bytes:
    """Return a page with the common parts: language, sentences, style, script and the policy for them."""
    own_style, script = (files(__package__).joinpath("templates", name).read_text("utf-8") for name in _FRAME)
    style = own_style + style
    of_style, of_script = (b64encode(sha256(text.encode()).digest()).decode() for text in (style, script))
    # The page creates images only to save a chart as PNG, and loads nothing else.
    policy = (
        f"default-src 'none'; style-src 'sha256-{of_style}'; script-src 'sha256-{of_script}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    frame = {"lang": lang, "style": style, "script": script, "policy": policy}
    pieces = (
        environment().get_template(template).stream(say=lambda key, **said: say(key, lang, **said), **frame, **facts)
    )
    pieces.enable_buffering(_AT_ONCE)
    return b"".join(piece.encode("utf-8", "replace") for piece in pieces)


def _addresses(stats: ScanStatistics, *, has_sheets: bool) -> dict[str, str]:
    """Return the address of each institution's sheet on the page, by its id; "" if the page has no sheets."""
    ids = [each.id for each in stats.scan.institutions]
    named = (f"#f-{id_}" if re.fullmatch(r"[a-z0-9-]+", id_) else f"#f.{number}" for number, id_ in enumerate(ids))
    return {id_: name if has_sheets else "" for id_, name in zip(ids, named, strict=True)}


def _signs(table: Matrix) -> Iterator[str]:
    """Yield the style of the columns: the sign of each network on a phone, the rare ones hidden on a desktop."""
    first = len(table.titles) + 3  # after the name, the titles and the number of networks, counted from 1
    hidden = f".grid:not(.all) tr > :nth-child(n + {first + MOST_COLUMNS})"
    yield f"@media print, (min-width: 56.01rem) {{ {hidden} {{ display: none; }} }}\n"
    yield "@media screen and (max-width: 56rem) {\n"
    for column, (_, _, sign) in enumerate(table.networks, first):
        yield f'#grid .y:nth-child({column}), #grid .u:nth-child({column}) {{ --sign: "{sign}"; }}\n'
    yield "}\n"


def _sections(
    stats: ScanStatistics, addresses: Mapping[str, str], lang: Language, history: Trend | None, since: Comparison | None
) -> Mapping[str, Sequence[Part]]:
    """Return the sections of the page in order, those with nothing to show too; the table has its own template."""
    found: dict[str, Iterable[Part]] = {"coverage": coverage(stats, addresses, lang)}
    if stats.figures.assessed:
        trend = change.over_time(history, lang) if history else ()
        found |= {
            "networks": networks(stats, lang),
            "thresholds": thresholds(stats, lang),
            "trend": (*trend, *(change.moved(since, addresses, lang) if since else ())),
            "table": (),
            "regions": regions(stats, lang),
            "groups": groups(stats, lang),
            "co_occurrence": co_occurrence(stats, lang),
            "exceptions": exceptions(stats, addresses, lang),
            "places": places(stats, lang),
            "published": published(stats, lang),
        }
    return {name: list(parts) for name, parts in found.items()}


def _cautions(stats: ScanStatistics, lang: Language) -> list[str]:
    """Return the cautions on the figures, in sentences that can be cited."""
    population = stats.asked.sample_of
    bounds = ["bounds"] if stats.figures.assessed < stats.figures.institutions else []
    names = ["presence", "lower_bound", "activity", *bounds, "census" if population is None else "sample"]
    cautions = heads(lang, *names, "closed", "rules", of="caution", population=population)
    return [*cautions, say("lead.tests", lang)]
