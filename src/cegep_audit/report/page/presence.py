"""The sections on presence: the headline, coverage, each network, and how many networks."""

from collections.abc import Mapping
from itertools import groupby

from cegep_audit.analyze.findings import Figures, Proportion, shown_thresholds
from cegep_audit.analyze.presence import THREE_PLUS, causes, rendered_pages
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.analyze.stats import attained
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Grid, Row, heads, numbers, shares_grid
from cegep_audit.report.page.charts import bars, columns
from cegep_audit.report.page.parts import CauseRow, Headline, Part, Section, section, share_bar, ticks, to_sheet
from cegep_audit.report.text import words
from cegep_audit.report.text.words import completion_lines, rendered_words, sensitivity_words, sureness_words
from cegep_audit.text import plain
from cegep_audit.vocabulary import Need, Status

MOST_BARS = 25  # networks that a chart shows: the others are in its table


def headlines(stats: ScanStatistics, lang: Language) -> list[Headline]:
    """Return the headline figures: presence, coverage, the mean, the most common network."""
    figures = stats.figures
    missing = figures.institutions - figures.assessed
    read = say("headline.missing" if missing else "headline.all_read", lang, count=missing)
    title = say("headline.assessed", lang, total=figures.institutions)
    coverage = Headline(locales.number(figures.assessed, lang), title, [read])
    if not figures.assessed:
        return [coverage]
    k, share = next(iter(figures.at_least.items()))
    facts = _facts(share, figures, lang)
    for each in shown_thresholds(k):
        theirs = locales.percent(each.value, lang, digits=each.digits)
        facts.append(say("headline.baseline", lang, year=str(each.year), share=theirs, study=each.study))
    center = words.center_words(figures, lang, "headline.center")
    found = [
        Headline(locales.percent(share.share, lang), say("headline.present", lang, count=k), facts),
        coverage,
        Headline(locales.decimal(figures.mean, lang), say("headline.mean", lang), [center]),
    ]
    for name, most in list(figures.networks.items())[:1] if figures.maximum else ():
        title = say("headline.first", lang, network=words.network_name(name))
        found.append(Headline(locales.percent(most.share, lang), title, _facts(most, figures, lang)))
    return found


def _facts(share: Proportion, figures: Figures, lang: Language) -> list[str]:
    facts = [say("headline.of", lang, count=share.count, total=figures.assessed)]
    if figures.assessed < figures.institutions:
        facts.append(say("headline.bounds", lang, bounds=locales.span(share.bounds, lang)))
    if share.ci95 is not None:
        facts.append(say("headline.interval", lang, interval=locales.span(share.ci95, lang)))
    return facts


def coverage(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Section | None:
    """Return the section on coverage; *anchors* go from an institution's id to the anchor of its sheet."""
    figures = stats.figures
    k = stats.asked.min_networks
    said = list(completion_lines(attained(stats.scan, stats.asked.basket, k), lang))
    said = said or [words.assessed_words(figures, lang)]
    if partial := figures.by_status[Status.PARTIAL]:
        said.append(say("summary.partial", lang, count=partial))
    rows = [
        CauseRow(
            words.detail_words(cause.detail, lang) if cause.detail else "—",
            say(f"status.{cause.status or 'not_visited'}", lang),
            [to_sheet(words.institution_name(each), anchors[each.id]) for each in cause.institutions],
        )
        for cause in causes(stats.scan)
    ]
    if rows:
        said.append(say("lead.coverage", lang))
    return section("coverage", lang, Part(lead=" ".join(said), causes=rows), _rendered(stats, anchors, lang))


def _rendered(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Part | None:
    """Return which sites a browser rendered, and why; None if it rendered none."""
    lead = "".join(rendered_words(stats.facts, lang))
    if not lead:
        return None
    rows: list[Row] = []
    for id_, pages in groupby(rendered_pages(stats.scan), key=lambda each: each[0].id):
        found = [(institution, rendering.needs) for institution, _, rendering in pages]
        met = {need for _, needs in found for need in needs}
        words_of = ", ".join(say(f"need.{need}", lang) for need in Need if need in met)
        rows.append([to_sheet(plain(found[0][0].name), anchors[id_]), words_of])
    return Part(lead=lead, grid=Grid(lead, heads(lang, "institution", "needs"), rows, texts=2))


def networks(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on each network, the most frequent first."""
    figures = stats.figures
    found = {words.network_name(name): share for name, share in figures.networks.items() if share.count}
    shown = [share_bar(name, share, lang) for name, share in list(found.items())[:MOST_BARS]]
    label = say("chart.networks", lang, first=shown[0].name, last=shown[-1].name) if shown else ""
    chart = bars(shown, label, ticks(lang)) if shown else None
    lead = say("lead.networks_whole" if figures.assessed == figures.institutions else "lead.networks", lang)
    grid = shares_grid(say("section.networks", lang), say("head.network", lang), found, figures, lang)
    note = " ".join(words.unlisted_words(figures, lang))
    return section("networks", lang, Part(lead=lead, chart=chart, grid=grid, note=note))


def thresholds(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on the number of networks: the share on at least so many, and the distribution."""
    figures = stats.figures
    k_asked = stats.asked.min_networks
    shares, shown = {}, []
    for k, share in sorted(figures.at_least.items()):
        name = say("head.at_least_k", lang, count=k)
        shares[name] = share
        shown.append(share_bar(name, share, lang, next(iter(shown_thresholds(k)), None), is_strong=k >= k_asked))
    said = [getattr(each, f"caution_{lang}") for each in shown_thresholds(THREE_PLUS)]
    said += [*sureness_words(stats, lang), *sensitivity_words(stats.sensitivity, lang)]
    at_least = Part(
        lead=say("lead.thresholds", lang),
        chart=bars(shown, say("chart.thresholds", lang), ticks(lang)),
        grid=shares_grid(say("section.thresholds", lang), say("head.threshold", lang), shares, figures, lang),
        note=" ".join(said),
    )
    return section("thresholds", lang, at_least, _distribution(figures, k_asked, lang))


def _distribution(figures: Figures, k_asked: int, lang: Language) -> Part:
    counts = list(figures.distribution.items())
    rows = [
        [*numbers(lang, number, count), locales.percent(count / figures.assessed, lang)] for number, count in counts
    ]
    title = say("lead.distribution", lang)
    return Part(
        lead=title,
        chart=columns(counts, k_asked, say("chart.distribution", lang), say("chart.networks_axis", lang)),
        grid=Grid(title, heads(lang, "n_networks", "count", "share"), rows, texts=0),
    )
