"""Sentences on a scan for a paper, ready to paste: methods, headline, uncertainty, completion, citation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import CorrectedShare, ScanFacts, Summary
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.text.words import center_words, days_words, months_words

if TYPE_CHECKING:
    from cegep_audit.analyze.completion import Attained
    from cegep_audit.analyze.scan_statistics import Sensitivity  # pandas comes with it

_PAGES_DEFAULT = 6  # of scans that did not keep their limits


def paragraph(summary: Summary, lang: Language, completed: Attained | None = None) -> str:
    """Return the methods and results of *summary* as one paragraph of plain text.

    *completed* says how the institutions of a scan that completes another were read.
    """
    return " ".join(_sentences(summary, lang, completed))


def headline_sentence(summary: Summary, lang: Language) -> str:
    """Return the main finding in one sentence: coverage, date of capture, presence, bounds for all institutions."""
    figures = summary.figures
    if not figures.assessed:
        return say("summary.none_assessed", lang)
    k, share = next(iter(figures.at_least.items()))
    shares = (share.share, *(share.bounds or (None, None)))
    percents = (locales.percent(each, lang, digits=0) for each in shares)
    return say(
        "headline.whole" if figures.assessed == figures.institutions else "headline.sentence",
        lang,
        assessed=figures.assessed,
        when=months_words(summary.scan, lang),
        count=share.count,
        networks=say("summary.networks_count", lang, count=k),
        **dict(zip(("share", "low", "high"), percents, strict=True)),
    )


def citation(summary: Summary, lang: Language) -> str:
    """Return the citation of the scan: tool, rules, number, date, coverage and, for a past scan, its captures."""
    facts, figures = summary.scan, summary.figures
    versions = {"tool": facts.tool_version, "rules": facts.rules_version, "scan": str(facts.id)}
    day, total = locales.day(facts.started_at, lang), figures.institutions
    said = [say("summary.citation", lang, **versions, day=day, count=figures.assessed, total=total)]
    if facts.captured and facts.mode != "live":
        said.append(say("summary.captured", lang, when=days_words(facts, lang)))
    if (asked := facts.asked_day) and (drift := facts.largest_drift_days) is not None:
        said.append(say("summary.asked", lang, day=locales.day(asked, lang), count=drift))
    return " ".join(said)


def _sentences(summary: Summary, lang: Language, completed: Attained | None) -> Iterator[str]:
    figures, facts = summary.figures, summary.scan
    versions = {"tool": facts.tool_version, "rules": facts.rules_version}
    key = f"paper.{facts.mode}" if facts.captured else "paper.of_nothing"
    yield say(key, lang, count=figures.institutions, when=days_words(facts, lang), **versions)
    limits = facts.settings.get("limits")
    yield say(
        "paper.pages", lang, pages=int((limits if isinstance(limits, dict) else {}).get("max_pages", _PAGES_DEFAULT))
    )
    yield from rendered_words(facts, lang)
    yield say("paper.presence", lang)
    if facts.ended_at is None:
        yield say("paper.interrupted", lang)
    share = figures.assessed / figures.institutions if figures.institutions else None
    yield say("paper.coverage", lang, count=figures.assessed, share=locales.percent(share, lang))
    yield from completion_lines(completed, lang)
    if figures.assessed < figures.institutions:
        yield say("paper.bounds", lang)
    if figures.assessed:
        k, headline = next(iter(figures.at_least.items()))
        said = locales.percent(headline.share, lang)
        if figures.assessed < figures.institutions:
            said = say("paper.with_bounds", lang, share=said, bounds=locales.span(headline.bounds, lang))
        yield say("paper.headline", lang, count=headline.count, k=k, share=said)
        yield center_words(figures, lang, "paper.center")
        if headline.ci95 is None:
            yield say("paper.census", lang)
        yield from sureness_words(summary, lang)
    yield say("paper.lower_bound", lang)


def rendered_words(facts: ScanFacts, lang: Language) -> Iterator[str]:
    """Yield how many sites a browser rendered, and which browser, if any."""
    if facts.rendered:
        yield say("rendered.sites", lang, count=len(facts.rendered), browsers=", ".join(facts.browsers))


def sureness_words(summary: Summary, lang: Language) -> Iterator[str]:
    """Yield the uncertainty of the first share beyond its bounds: partial reading, sampling, correction."""
    headline = next(iter(summary.figures.at_least.values()))
    if (age := summary.of_known_age) and age.unknown:
        facts = {"known": age.known.institutions, "share": locales.percent(age.known.share, lang)}
        key = "sure.unknown_age_alone" if age.known.share is None else "sure.unknown_age"
        yield say(key, lang, count=age.unknown, **facts)
    if headline.bounds_partial != headline.bounds:
        yield say("sure.partial", lang, bounds=locales.span(headline.bounds_partial, lang))
    if headline.ci95 is not None:
        key = "sure.sample" if headline.assessed < headline.institutions else "sure.sample_whole"
        interval, without = (locales.span(each, lang) for each in (headline.ci95, headline.ci95_bounds))
        yield say(key, lang, population=summary.sample_of, interval=interval, without=without)
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
            facts = turn | {"reference": locales.percent(turn["reference"], lang, digits=0)}
            yield say(f"sure.turn_{turn['errors']}", lang, **facts)


def completion_lines(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode assessed, and the share after the first reading alone."""
    if attained is None:
        return
    modes = ", ".join([say("read_by.first", lang, count=attained.at_first), *later_modes(attained, lang)])
    yield say("read_by.summary", lang, modes=modes, assessed=attained.assessed, institutions=attained.institutions)
    first, completed = attained.first, attained.completed
    if first.bounds and completed.bounds:
        names = ("share", "low", "high", "completed", "completed_low", "completed_high")
        shares = (first.share, *first.bounds, completed.share, *completed.bounds)
        facts = {name: locales.percent(share, lang) for name, share in zip(names, shares, strict=True)}
        yield say("read_by.alone", lang, k=attained.k, **facts)
    if attained.archive_refused:
        yield say("read_by.took_refused", lang)


def later_modes(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode but the first assessed: ``1 from a saved page``."""
    if attained is None:
        return
    days = " – ".join(locales.day(each, lang) for each in attained.archive_days)
    for mode, count in attained.by_mode.items():
        yield say(f"read_by.{mode}", lang, count=count, days=days)
