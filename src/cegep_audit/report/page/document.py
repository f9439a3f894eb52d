"""The page as a whole: one file of HTML that works anywhere, asks nothing of anybody, and shows no text as markup.

Everything is escaped by the templates; what may run or style is named by its own hash in the page's policy.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.analyze.sheets import sheets
from cegep_audit.analyze.trend import Trend
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.coverage import coverage
from cegep_audit.report.page.grid import Section
from cegep_audit.report.page.groups import groups, regions
from cegep_audit.report.page.matrix import anchors, matrix
from cegep_audit.report.page.presence import headlines, networks, thresholds
from cegep_audit.report.page.published import published
from cegep_audit.report.page.sheets import sheet_view
from cegep_audit.report.page.together import exceptions, places, together
from cegep_audit.report.page.trend import over_time
from cegep_audit.report.text.paragraph import citation, paragraph

if TYPE_CHECKING:
    from jinja2 import Environment


MAX_SHEETS = 2_000  # beyond, no browser likes to open the page; the command ``sheet`` shows each


def page(stats: ScanStatistics, lang: Language, history: Trend | None = None, *, is_coded: bool = False) -> bytes:
    """Return the report of *stats* as one HTML page in UTF-8, with the scans of *history* over time.

    *is_coded* says that the scan was corrected by what coders decided.

    The same figures give the same bytes.
    """
    found = list(sheets(stats.scan))
    has_sheets = len(found) <= MAX_SHEETS
    names = anchors(stats, has_sheets=has_sheets)
    style, script = _resource("style.css"), _resource("script.js")
    pieces = (
        _environment()
        .get_template("page.html")
        .generate(
            lang=lang,
            say=partial(_say, lang),
            style=style,
            script=script,
            policy=_policy(style, script),
            is_coded=is_coded,
            **_words(stats, lang),
            headlines=headlines(stats, lang),
            sections=_sections(stats, names, lang, history),
            matrix=matrix(stats, found, names, lang),
            has_sheets=has_sheets,
            sheets=(sheet_view(sheet, names, lang) for sheet in found) if has_sheets else (),
        )
    )
    return "".join(pieces).encode("utf-8", "replace")


def _words(stats: ScanStatistics, lang: Language) -> dict[str, object]:
    """Return what the page says of the scan as a whole."""
    facts = stats.summary.scan
    mode = say(f"mode.{facts.mode}", lang)
    return {
        "population": say("page.population", lang, count=stats.summary.figures.institutions),
        "scan": say("page.scan", lang, scan=str(facts.id), day=locales.day(facts.started_at, lang), mode=mode),
        "is_stopped": facts.ended_at is None,
        "tool": facts.tool_version,
        "cautions": _cautions(stats, lang),
        "citation": citation(stats.summary, lang),
        "paragraph": paragraph(stats.summary, lang),
    }


def _say(lang: Language, key: str, **values: object) -> str:
    return say(key, lang, **values)


def _sections(
    stats: ScanStatistics, names: Mapping[str, str], lang: Language, history: Trend | None
) -> Sequence[Section]:
    """Return the sections there are, in the order of the page; the table of institutions has its own template."""
    covered = coverage(stats, names, lang)
    if not stats.summary.figures.assessed:
        return [covered]
    return [
        found
        for found in (
            networks(stats, lang),
            thresholds(stats, lang),
            Section("table", say("section.table", lang), ()),
            regions(stats, lang),
            groups(stats, lang),
            together(stats, lang),
            exceptions(stats, names, lang),
            places(stats, lang),
            over_time(history, lang),
            published(stats, lang),
            covered,
        )
        if found is not None
    ]


def _cautions(stats: ScanStatistics, lang: Language) -> Iterator[str]:
    """Yield what a reader must know of the figures, in words that can be cited."""
    summary = stats.summary
    yield say("caution.presence", lang)
    yield say("caution.lower_bound", lang)
    yield say("caution.activity", lang)
    if summary.figures.assessed < summary.figures.institutions:
        yield say("caution.bounds", lang)
    if summary.sample_of is None:
        yield say("caution.census", lang)
    else:
        yield say("caution.sample", lang, population=summary.sample_of)
    yield say("caution.closed", lang)
    yield say("caution.rules", lang)
    yield say("lead.tests", lang)


def _policy(style: str, script: str) -> str:
    """Return the page's content security policy: our style and script by their hashes, nothing else from anywhere."""
    return (
        f"default-src 'none'; style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


@cache
def _resource(name: str) -> str:
    return (files("cegep_audit.report.page") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("cegep_audit.report.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
