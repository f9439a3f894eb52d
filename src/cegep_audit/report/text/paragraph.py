"""Sentences on a scan for a paper, ready to paste: methods, headline, uncertainty, completion, citation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import CorrectedShare
from cegep_audit.analyze.presence import ScanFacts
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.text.words import center_words, days_words, months_words
from cegep_audit.vocabulary import ReadBy

if TYPE_CHECKING:
    from cegep_audit.analyze.completion import Attained
    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.analyze.stats import Sensitivity  # numpy comes with it

_PAGES_DEFAULT = 6  # of scans that did not keep their limits


def paragraph(stats: ScanStatistics, lang: Language, completed: Attained | None = None) -> str:
    """Return the methods and results of *stats* as one paragraph of plain text.

    *completed* says how the institutions of a scan that completes another were read.
    """
    return " ".join(_sentences(stats, lang, completed))


def headline_sentence(stats: ScanStatistics, lang: Language) -> str:
    """Return the main finding in one sentence: coverage, date of capture, presence, bounds for all institutions."""
    figures, facts = stats.figures, stats.facts
    if not figures.assessed:
        return say("summary.none_assessed", lang)
    k, share = next(iter(figures.at_least.items()))
    is_whole = figures.assessed == figures.institutions
    low, high = share.bounds or (None, None)
    return say(
        "headline.whole" if is_whole else "headline.sentence",
        lang,
        assessed=figures.assessed,
        when=months_words(facts, lang),
        count=share.count,
        networks=say("summary.networks_count", lang, count=k),
        share=locales.percent(share.share, lang, digits=0),
        low=locales.percent(low, lang, digits=0),
        high=locales.percent(high, lang, digits=0),
    )


def citation(stats: ScanStatistics, lang: Language) -> str:
    """Return the citation of the scan: tool, rules, number, date, coverage and, for a past scan, its captures."""
    facts, figures = stats.facts, stats.figures
    said = say(
        "summary.citation",
        lang,
        tool=facts.tool_version,
        rules=facts.rules_version,
        scan=str(facts.id),
        day=locales.day(facts.started_at, lang),
        count=figures.assessed,
        total=figures.institutions,
    )
    if facts.captured and facts.mode != "live":
        said = f"{said} {say('summary.captured', lang, when=days_words(facts, lang))}"
    if (asked := facts.asked_day) and (drift := facts.largest_drift_days) is not None:
        past = say("summary.asked", lang, day=locales.day(asked, lang), count=drift)
        said = f"{said} {past}"
    return said


def _sentences(stats: ScanStatistics, lang: Language, completed: Attained | None) -> Iterator[str]:
    figures, facts = stats.figures, stats.facts
    yield say(
        f"paper.{facts.mode}" if facts.captured else "paper.of_nothing",
        lang,
        count=figures.institutions,
        when=days_words(facts, lang),
        tool=facts.tool_version,
        rules=facts.rules_version,
    )
    yield say("paper.pages", lang, pages=_pages(facts))
    yield from rendered_words(facts, lang)
    yield say("paper.presence", lang)
    if facts.ended_at is None:
        yield say("paper.interrupted", lang)
    yield say(
        "paper.coverage",
        lang,
        count=figures.assessed,
        share=locales.percent(figures.assessed / figures.institutions if figures.institutions else None, lang),
    )
    yield from completion_lines(completed, lang)
    if figures.assessed < figures.institutions:
        yield say("paper.bounds", lang)
    if figures.assessed:
        yield from _results(stats, lang)
    yield say("paper.lower_bound", lang)


def rendered_words(facts: ScanFacts, lang: Language) -> Iterator[str]:
    """Yield how many sites a browser rendered, and which browser, if any."""
    if facts.rendered:
        yield say("rendered.sites", lang, count=len(facts.rendered), browsers=", ".join(facts.browsers))


def _results(stats: ScanStatistics, lang: Language) -> Iterator[str]:
    figures = stats.figures
    k, headline = next(iter(figures.at_least.items()))
    share = locales.percent(headline.share, lang)
    if figures.assessed < figures.institutions:
        share = say("paper.with_bounds", lang, share=share, bounds=locales.span(headline.bounds, lang))
    yield say("paper.headline", lang, count=headline.count, k=k, share=share)
    yield center_words(figures, lang, "paper.center")
    if headline.ci95 is None:
        yield say("paper.census", lang)
    yield from sureness_words(stats, lang)


def sureness_words(stats: ScanStatistics, lang: Language) -> Iterator[str]:
    """Yield the uncertainty of the first share beyond its bounds: partial reading, sampling, correction."""
    headline = next(iter(stats.figures.at_least.values()))
    if (age := stats.of_known_age) and age.unknown:
        facts = {"known": age.known.institutions, "share": locales.percent(age.known.share, lang)}
        key = "sure.unknown_age_alone" if age.known.share is None else "sure.unknown_age"
        yield say(key, lang, count=age.unknown, **facts)
    if headline.bounds_partial != headline.bounds:
        yield say("sure.partial", lang, bounds=locales.span(headline.bounds_partial, lang))
    if headline.ci95 is not None:
        key = "sure.sample" if headline.assessed < headline.institutions else "sure.sample_whole"
        without = locales.span(headline.ci95_bounds, lang)
        interval = locales.span(headline.ci95, lang)
        yield say(key, lang, population=stats.asked.sample_of, interval=interval, without=without)
    if adjusted := headline.adjusted:
        yield _estimated("sure.adjusted", adjusted, adjusted.sampled, lang)
        if adjusted.population and adjusted.sampled_unread:
            yield _estimated("sure.population", adjusted.population, adjusted.sampled_unread, lang)


def _estimated(key: str, estimate: CorrectedShare, count: int, lang: Language) -> str:
    share, interval = locales.percent(estimate.share, lang), locales.span(estimate.ci95, lang)
    return say(key, lang, count=count, share=share, interval=interval)


def sensitivity_words(found: Sensitivity, lang: Language) -> Iterator[str]:
    """Yield how far one institution moves the share, and how many errors would move it across a reference."""
    if not found.assessed:
        return
    points = locales.decimal(100 * (found.per_institution or 0), lang)
    yield say("sure.step", lang, points=points, below=found.one_below, above=found.one_above)
    for turn in found.turns:
        if turn["accounts"] is not None:
            reference = locales.percent(turn["reference"], lang, digits=0)
            counts = {"accounts": turn["accounts"], "institutions": turn["institutions"]}
            key = "sure.turn_missed" if turn["errors"] == "missed" else "sure.turn_false"
            yield say(key, lang, reference=reference, **counts)


def _pages(facts: ScanFacts) -> int:
    limits = facts.settings.get("limits")
    asked = limits.get("max_pages", _PAGES_DEFAULT) if isinstance(limits, dict) else _PAGES_DEFAULT
    return int(asked)


def completion_lines(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode assessed, and the share after the first reading alone."""
    if attained is None:
        return
    modes = [say("read_by.first", lang, count=attained.at_first), *later_modes(attained, lang)]
    counts = {"assessed": attained.assessed, "institutions": attained.institutions}
    yield say("read_by.summary", lang, modes=", ".join(modes), **counts)
    first, completed = attained.first, attained.completed
    if first.bounds and completed.bounds:
        yield say(
            "read_by.alone",
            lang,
            k=attained.k,
            share=locales.percent(first.share, lang),
            low=locales.percent(first.bounds[0], lang),
            high=locales.percent(first.bounds[1], lang),
            completed=locales.percent(completed.share, lang),
            completed_low=locales.percent(completed.bounds[0], lang),
            completed_high=locales.percent(completed.bounds[1], lang),
        )
    if attained.archive_refused:
        yield say("read_by.took_refused", lang)


def later_modes(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode but the first assessed: ``1 from a saved page``."""
    if attained is None:
        return
    days = " – ".join(locales.day(each, lang) for each in attained.archive_days)
    for mode, count in attained.by_mode.items():
        facts = {"days": days} if mode is ReadBy.ARCHIVE else {}
        yield say(f"read_by.{mode}", lang, count=count, **facts)
