"""Phrases that several reports share: names of networks and columns, facts about a scan, sentences for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import Figures, Records
from cegep_audit.analyze.presence import ScanFacts
from cegep_audit.detect.networks.identify import name_of
from cegep_audit.models import Institution
from cegep_audit.phrases import Language, known, locales, say
from cegep_audit.text import plain

if TYPE_CHECKING:  # pandas and numpy come with them
    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.analyze.stats import Attained, Sensitivity

FEW_MARK = " *"  # beside a group of few
_NAMED = 5  # institutions that one line can name
_PAGES_DEFAULT = 6  # of scans that did not keep their limits


def network_name(name: str) -> str:
    """Return the name of a network, or its id if the rules no longer define it."""
    return name_of(name) or plain(name)


def institution_name(each: Institution) -> str:
    """Return the short name of an institution, its name if it has none."""
    return plain(each.short_name or each.name)


def named(institutions: Sequence[Institution], *, are_named: bool = False) -> str:
    """Return *institutions* by name in brackets after a space, "" if they are too many, unless *are_named*."""
    is_short = are_named or len(institutions) <= _NAMED
    return f" ({', '.join(map(institution_name, institutions))})" if is_short else ""


def merged_words(merged: Sequence[tuple[Institution, Institution]], lang: Language) -> str:
    """Return how many institutions merged into another one, and the first of them: ``old → new``."""
    pairs = ", ".join(f"{was.id} → {heir.id}" for was, heir in merged[:_NAMED])
    return f"{say('compare.merged', lang, count=len(merged))} ({pairs})"


def detail_words(detail: str, lang: Language) -> str:
    """Return a *detail* code in words: ``réponse HTTP 403`` for ``http_403``; an unknown code unchanged."""
    if detail.startswith("http_"):
        return say("detail.http", lang, status=detail.removeprefix("http_"))
    return say(f"detail.{detail}", lang) if known(f"detail.{detail}") else plain(detail)


def column_name(lang: Language, *columns: str) -> str:
    """Return the name of crossed registry *columns*: ``type × langue``; a column of the user's own keeps its name."""
    keys = {f"column_name.{column}": column for column in columns}
    return " × ".join(say(key, lang) if known(key) else plain(column) for key, column in keys.items())


def measure_words(measure: str, lang: Language) -> str:
    """Return the name of a *measure*: ``at_least_3`` or ``assessed`` in words, or the name of a network."""
    if known(f"head.{measure}"):
        return say(f"head.{measure}", lang)
    k = measure.removeprefix("at_least_")
    return say("head.at_least_k", lang, count=int(k)) if k != measure else network_name(measure)


def difference_words(column: str, tests: Records, k: int, lang: Language) -> str:
    """Return whether the groups of a registry *column* differ in the share on at least *k* networks, in one line.

    *tests* are the rows of the group tests of that column; without a row for *k* there was nothing to test.
    """
    caption = say("grid.tests", lang, column=column_name(lang, column))
    test = next((row for row in tests if row["measure"] == f"at_least_{k}"), None)
    if test is None:
        return say("test.untested", lang, caption=caption)
    value = locales.p_value(test["p"], lang)
    p = value if value.startswith("<") else f"= {value}"
    name, effect = say(f"test.{test['test']}", lang), locales.decimal(test["cramers_v"], lang, digits=2)
    return say("test.result", lang, caption=caption, test=name, p=p, effect=effect)


def center_words(figures: Figures, lang: Language, key: str = "summary.center") -> str:
    """Return mean, median, quartiles and maximum in the sentence *key*; at least one site of *figures* is assessed."""
    median, low, high = (locales.number(each, lang) for each in (figures.median or 0, *(figures.quartiles or (0, 0))))
    mean = locales.decimal(figures.mean, lang)
    return say(key, lang, mean=mean, median=median, low=low, high=high, maximum=figures.maximum or 0)


def unlisted_words(figures: Figures, lang: Language) -> Iterator[str]:
    """Yield sentences on networks without any institution, that were closed, and that were not open yet, if any."""
    if absent := [network_name(name) for name, share in figures.networks.items() if not share.count]:
        yield say("summary.no_network", lang, names=", ".join(absent))
    for key, counts in (("summary.closed", figures.closed), ("sure.not_yet_open", figures.not_yet_open)):
        if counts:
            shown = (f"{network_name(name)} ({locales.number(count, lang)})" for name, count in counts.items())
            yield say(key, lang, names=", ".join(shown))


def assessed_words(figures: Figures, lang: Language, key: str = "summary.assessed") -> str:
    """Return how many institutions were assessed, and their share of all, in the sentence *key*."""
    share = locales.percent(figures.assessed / figures.institutions if figures.institutions else None, lang)
    return say(key, lang, count=figures.assessed, total=figures.institutions, share=share)


def scan_day(facts: ScanFacts) -> date:
    """Return the day of a scan: the day asked of an archive, else that of its first capture, else of its start."""
    return facts.asked_day or (facts.captured[0] if facts.captured else facts.started_at.date())


def days_words(facts: ScanFacts, lang: Language) -> str:
    """Return when the pages of a scan were captured: ``le 15 novembre 2026``, ``du 3 mai 2011 au 7 juin 2012``."""
    first, last = (locales.day(day, lang) for day in facts.captured or (facts.started_at.date(),) * 2)
    return say("paper.on" if first == last else "paper.between", lang, day=first, first=first, last=last)


def rendered_words(facts: ScanFacts, lang: Language) -> Iterator[str]:
    """Yield how many sites a browser rendered, and which browser, if any."""
    if facts.rendered:
        yield say("rendered.sites", lang, count=len(facts.rendered), browsers=", ".join(facts.browsers))


def completion_lines(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode assessed, and the share after the first reading alone."""
    if attained is None:
        return
    first, completed = attained.first, attained.completed
    modes = ", ".join([say("read_by.first", lang, count=first.assessed), *later_modes(attained, lang)])
    yield say("read_by.summary", lang, modes=modes, assessed=completed.assessed, institutions=completed.institutions)
    if first.bounds and completed.bounds:
        names = ("share", "low", "high", "completed", "completed_low", "completed_high")
        shares = (first.share, *first.bounds, completed.share, *completed.bounds)
        facts = {name: locales.percent(share, lang) for name, share in zip(names, shares, strict=True)}
        yield say("read_by.alone", lang, k=attained.k, **facts)
    if attained.archive_refused:
        yield say("read_by.took_refused", lang)


def later_modes(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode but the first assessed: ``1 from a saved page``."""
    if attained is not None:
        days = " – ".join(locales.day(each, lang) for each in attained.archive_days)
        yield from (say(f"read_by.{mode}", lang, count=count, days=days) for mode, count in attained.by_mode.items())


def headline_sentence(stats: ScanStatistics, lang: Language) -> str:
    """Return the main finding in one sentence: coverage, date of capture, presence, bounds for all institutions."""
    figures, facts = stats.figures, stats.facts
    if not figures.assessed:
        return say("summary.none_assessed", lang)
    k, headline = next(iter(figures.at_least.items()))
    first, last = (locales.month(day, lang) for day in facts.captured or (facts.started_at.date(),) * 2)
    key = "paper.in_month" if first == last else "paper.in_months"
    shares = (headline.share, *(headline.bounds or (None, None)))
    share, low, high = (locales.percent(each, lang, digits=0) for each in shares)
    return say(
        "headline.whole" if figures.assessed == figures.institutions else "headline.sentence",
        lang,
        assessed=figures.assessed,
        when=say(key, lang, month=first, first=first, last=last),
        count=headline.count,
        networks=say("summary.networks_count", lang, count=k),
        share=share,
        low=low,
        high=high,
    )


def citation(stats: ScanStatistics, lang: Language) -> str:
    """Return the citation of the scan: tool, rules, number, date, coverage and, for a past scan, its captures."""
    facts, figures = stats.facts, stats.figures
    versions = {"tool": facts.tool_version, "rules": facts.rules_version, "scan": str(facts.id)}
    day, total = locales.day(facts.started_at, lang), figures.institutions
    said = [say("summary.citation", lang, **versions, day=day, count=figures.assessed, total=total)]
    if facts.captured and facts.mode != "live":
        said.append(say("summary.captured", lang, when=days_words(facts, lang)))
    if (asked := facts.asked_day) and (drift := facts.largest_drift_days) is not None:
        said.append(say("summary.asked", lang, day=locales.day(asked, lang), count=drift))
    return " ".join(said)


def paragraph(stats: ScanStatistics, lang: Language) -> str:
    """Return the methods and results of *stats* as one paragraph."""
    return " ".join(_sentences(stats, lang))


def _sentences(stats: ScanStatistics, lang: Language) -> Iterator[str]:
    figures, facts = stats.figures, stats.facts
    is_whole = figures.assessed == figures.institutions
    versions = {"tool": facts.tool_version, "rules": facts.rules_version}
    key = f"paper.{facts.mode}" if facts.captured else "paper.of_nothing"
    yield say(key, lang, count=figures.institutions, when=days_words(facts, lang), **versions)
    limits = facts.settings.get("limits")
    pages = limits.get("max_pages", _PAGES_DEFAULT) if isinstance(limits, dict) else _PAGES_DEFAULT
    yield say("paper.pages", lang, count=int(pages))
    yield from rendered_words(facts, lang)
    yield say("paper.presence", lang)
    if facts.ended_at is None:
        yield say("paper.interrupted", lang)
    yield assessed_words(figures, lang, "paper.coverage")
    yield from completion_lines(stats.attained, lang)
    if not is_whole:
        yield say("paper.bounds", lang)
    if figures.assessed:
        k, headline = next(iter(figures.at_least.items()))
        share = locales.percent(headline.share, lang)
        if not is_whole:
            share = say("paper.with_bounds", lang, share=share, bounds=locales.span(headline.bounds, lang))
        yield say("paper.headline", lang, count=headline.count, k=k, share=share)
        yield center_words(figures, lang, "paper.center")
        if headline.ci95 is None:
            yield say("paper.census", lang)
        yield from uncertainty_words(stats, lang)
    yield say("paper.lower_bound", lang)


def uncertainty_words(stats: ScanStatistics, lang: Language) -> Iterator[str]:
    """Yield the uncertainty of the first share beyond its bounds: partial reading, sampling, correction."""
    headline = next(iter(stats.figures.at_least.values()))
    known = stats.of_known_age
    if known and (unknown := stats.figures.institutions - known.institutions):
        key = "sure.unknown_age_alone" if known.share is None else "sure.unknown_age"
        yield say(key, lang, count=unknown, known=known.institutions, share=locales.percent(known.share, lang))
    if headline.bounds_partial != headline.bounds:
        yield say("sure.partial", lang, bounds=locales.span(headline.bounds_partial, lang))
    if headline.ci95 is not None:
        key = "sure.sample" if headline.assessed < headline.institutions else "sure.sample_whole"
        interval, without = (locales.span(each, lang) for each in (headline.ci95, headline.ci95_bounds))
        yield say(key, lang, population=stats.asked.sample_of, interval=interval, without=without)
    if adjusted := headline.adjusted:
        of_all = ("sure.population", adjusted.population, adjusted.sampled_unread)
        for key, found, count in (("sure.adjusted", adjusted, adjusted.sampled), of_all):
            if found and count:
                share, interval = locales.percent(found.share, lang), locales.span(found.ci95, lang)
                yield say(key, lang, count=count, share=share, interval=interval)


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
