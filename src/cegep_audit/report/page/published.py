"""The section on figures that other studies published, ours beside them."""

from __future__ import annotations

from itertools import groupby

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.grid import Grid, Part, Row, Section, heads, section
from cegep_audit.report.terminal.differences import measure_words


def published(stats: ScanStatistics, lang: Language) -> Section:
    """Return the section on published figures: one row a study, with what to beware of and ours beside each figure."""
    rows: list[Row] = []
    for (study, population, caution), found in groupby(stats.published, lambda pair: _study(pair[0], lang)):
        figures = "; ".join(_figure(each, ours, lang) for each, ours in found)
        rows.append([study, population, figures, caution])
    head = heads(lang, "study", "population", "figures", "caution")
    title = say("grid.published", lang)
    return section(
        "published",
        lang,
        Part(lead=say("lead.published", lang), grid=Grid(title, head, rows, texts=4), is_folded=True),
    )


def _study(each: Baseline, lang: Language) -> tuple[str, str, str]:
    """Return what the rows of one study have in common: its name and year, its population, what to beware of."""
    population: str = getattr(each, f"population_{lang}")
    return (
        f"{each.study} ({each.year})" if each.year else each.study,
        population if each.n is None else f"{population} ({locales.number(each.n, lang)})",
        getattr(each, f"caution_{lang}"),
    )


def _figure(each: Baseline, ours: float | None, lang: Language) -> str:
    measure = (
        say("head.mean_networks", lang)
        if each.measure == "mean"
        else measure_words(each.network or f"at_least_{each.k}", lang)
    )
    figure, here = _written(each, each.value, lang), _written(each, ours, lang)
    return say(f"published.{each.relation}", lang, measure=measure, figure=figure, ours=here)


def _written(each: Baseline, value: float | None, lang: Language) -> str:
    return locales.decimal(value, lang) if each.measure == "mean" else locales.percent(value, lang)
