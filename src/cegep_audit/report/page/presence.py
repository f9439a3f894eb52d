"""The sections on presence: the headline figures, each network, and how many networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.charts import Bar, bars, columns
from cegep_audit.report.page.grid import Grid, Part, Section, heads, section, share_cells, share_heads, ticks
from cegep_audit.report.terminal.screen import network_name
from cegep_audit.text import plain

MOST_BARS = 25  # networks that a chart shows: the others are in its table


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure in large: the figure, what it is of, and what a reader must know beside it."""

    figure: str
    name: str
    facts: Sequence[str]


def headlines(stats: ScanStatistics, lang: Language) -> list[Headline]:
    """Return the figures in large: presence, coverage, the mean, the most common network."""
    figures = stats.summary.figures
    missing = figures.institutions - figures.assessed
    coverage = Headline(
        locales.number(figures.assessed, lang),
        say("headline.assessed", lang, total=figures.institutions),
        [say("headline.missing", lang, count=missing) if missing else say("headline.all_read", lang)],
    )
    if not figures.assessed:
        return [coverage]
    low, high = (locales.number(quartile, lang) for quartile in figures.quartiles or (0, 0))
    median = locales.number(figures.median or 0, lang)
    center = say("headline.center", lang, median=median, low=low, high=high, maximum=figures.maximum)
    mean = Headline(locales.decimal(figures.mean, lang), say("headline.mean", lang), [center])
    return [_present(stats, lang), coverage, mean, *_most_common(figures, lang)]


def _present(stats: ScanStatistics, lang: Language) -> Headline:
    figures = stats.summary.figures
    k, share = next(iter(figures.at_least.items()))
    facts = _facts(share, figures, lang)
    facts += [
        say(
            "headline.baseline",
            lang,
            year=str(baseline.year),
            share=locales.percent(baseline.value, lang, digits=0),
            study=baseline.study,
        )
        for baseline in _comparable(stats, k)
    ]
    return Headline(locales.percent(share.share, lang), say("headline.present", lang, count=k), facts)


def _most_common(figures: Figures, lang: Language) -> list[Headline]:
    name, share = next(iter(figures.networks.items()), ("", None))
    if share is None or not share.count:
        return []
    title = say("headline.first", lang, network=network_name(name))
    return [Headline(locales.percent(share.share, lang), title, _facts(share, figures, lang))]


def _facts(share: Proportion, figures: Figures, lang: Language) -> list[str]:
    facts = [say("headline.of", lang, count=share.count, total=figures.assessed)]
    if figures.assessed < figures.institutions:
        facts.append(say("headline.bounds", lang, bounds=locales.span(share.bounds, lang)))
    if share.ci95 is not None:
        facts.append(say("headline.interval", lang, interval=locales.span(share.ci95, lang)))
    return facts


def _comparable(stats: ScanStatistics, k: int) -> list[Baseline]:
    """Return the published shares on at least *k* networks that stand beside ours."""
    return [each for each in stats.summary.baselines if (each.measure, each.k) == ("min_networks", k)]


def networks(stats: ScanStatistics, lang: Language) -> Section:
    """Return the section on each network, the most frequent first."""
    figures = stats.summary.figures
    found = {name: share for name, share in figures.networks.items() if share.count}
    shown = [share_bar(network_name(name), share, lang) for name, share in list(found.items())[:MOST_BARS]]
    chart = None
    if shown:
        label = say("chart.networks", lang, first=shown[0].name, last=shown[-1].name)
        chart = bars(shown, label, ticks(lang))
    is_whole = figures.assessed == figures.institutions
    lead = say("lead.networks_whole" if is_whole else "lead.networks", lang)
    grid = _shares_grid(
        "networks", "network", {network_name(name): share for name, share in found.items()}, stats, lang
    )
    return section("networks", lang, Part(lead=lead, chart=chart, grid=grid, note=_unlisted(figures, lang)))


def _unlisted(figures: Figures, lang: Language) -> str:
    absent = [network_name(name) for name, share in figures.networks.items() if not share.count]
    closed = [f"{network_name(name)} ({locales.number(count, lang)})" for name, count in figures.closed.items()]
    said = [say("summary.no_network", lang, names=", ".join(absent))] if absent else []
    said += [say("summary.closed", lang, names=", ".join(closed))] if closed else []
    return " ".join(said)


def thresholds(stats: ScanStatistics, lang: Language) -> Section:
    """Return the section on the number of networks: the share on at least so many, and the distribution."""
    figures = stats.summary.figures
    k_asked = stats.asked.min_networks
    shares = {k: figures.at_least[k] for k in sorted(figures.at_least)}
    shown = []
    for k, share in shares.items():
        published = next(iter(_comparable(stats, k)), None)
        shown.append(share_bar(say("head.at_least_k", lang, count=k), share, lang, published, is_strong=k >= k_asked))
    grid = _shares_grid(
        "thresholds",
        "threshold",
        {bar.name: share for bar, share in zip(shown, shares.values(), strict=True)},
        stats,
        lang,
    )
    caution = " ".join(getattr(each, f"caution_{lang}") for each in _comparable(stats, THREE_PLUS))
    at_least = Part(
        lead=say("lead.thresholds", lang),
        chart=bars(shown, say("chart.thresholds", lang), ticks(lang)),
        grid=grid,
        note=caution,
    )
    return section("thresholds", lang, at_least, _distribution(figures, k_asked, lang))


def _distribution(figures: Figures, k_asked: int, lang: Language) -> Part:
    counts = list(figures.distribution.items())
    rows = [
        [locales.number(number, lang), locales.number(count, lang), locales.percent(count / figures.assessed, lang)]
        for number, count in counts
    ]
    title = say("lead.distribution", lang)
    return Part(
        lead=title,
        chart=columns(counts, k_asked, say("chart.distribution", lang), say("chart.networks_axis", lang)),
        grid=Grid(title, heads(lang, "n_networks", "count", "share"), rows, texts=0),
    )


def share_bar(
    name: str,
    share: Proportion,
    lang: Language,
    published: Baseline | None = None,
    of: Figures | None = None,
    *,
    is_strong: bool = True,
) -> Bar:
    """Return the line of a chart for a proportion, a *published* one beside it; one *of* a group has its counts."""
    low, high = share.bounds or (share.share or 0, share.share or 0)
    counted = say("chart.of", lang, count=share.count, total=of.assessed) if of else locales.number(share.count, lang)
    return Bar(
        name=plain(name),
        value=share.share or 0,
        low=low,
        high=high,
        text=f"{locales.percent(share.share, lang)} · {counted}" if not of else counted,
        is_strong=is_strong,
        is_few=of is not None and of.is_few,
        mark=published.value if published else None,
        mark_text=_published(published, lang) if published else "",
    )


def _published(baseline: Baseline, lang: Language) -> str:
    share = locales.percent(baseline.value, lang, digits=0)
    return say("chart.baseline", lang, year=str(baseline.year), share=share)


def _shares_grid(
    name: str, first: str, shares: Mapping[str, Proportion], stats: ScanStatistics, lang: Language
) -> Grid:
    figures, has_interval = stats.summary.figures, stats.asked.sample_of is not None
    rows = [[title, *share_cells(share, figures, lang, has_interval=has_interval)] for title, share in shares.items()]
    head = [*heads(lang, first), *share_heads(figures, lang, has_interval=has_interval)]
    return Grid(say(f"section.{name}", lang), head, rows)
