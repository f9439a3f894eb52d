"""The parts of a section of the page: words, a chart, its table; and a proportion as the line of a chart."""

from collections.abc import Sequence
from typing import NamedTuple

from cegep_audit.analyze.findings import Baseline, Figures, Proportion
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Cell, Grid
from cegep_audit.report.page.charts import Bar, Chart
from cegep_audit.text import plain


class Headline(NamedTuple):
    """One headline figure: the figure, its subject, and its caveats."""

    figure: str
    name: str
    facts: Sequence[str]


class CauseRow(NamedTuple):
    """A cause for which sites were not assessed, its status, and the sites; the template folds a long list."""

    cause: str
    status: str
    sites: Sequence[Cell]


class Part(NamedTuple):
    """One piece of a section. Its table is folded beside a chart, or if asked; on paper it is open."""

    title: str = ""
    lead: str = ""
    chart: Chart | None = None
    grid: Grid | None = None
    note: str = ""
    is_folded: bool = False
    causes: Sequence[CauseRow] = ()


class Section(NamedTuple):
    """One section of the page: the name of its anchor, its title, its parts."""

    id: str
    title: str
    parts: Sequence[Part]


def section(name: str, lang: Language, *parts: Part | None) -> Section | None:
    """Return the section *name* of the parts that are not None, or None without any."""
    found = [part for part in parts if part is not None]
    return Section(name, say(f"section.{name}", lang), found) if found else None


def to_sheet(text: str, anchor: str) -> Cell:
    """Return a cell that links to the sheet at *anchor*, or plain text if that is ""."""
    return Cell(text, f"#{anchor}" if anchor else "")


def ticks(lang: Language) -> list[tuple[float, str]]:
    """Return the shares that charts name on their axis."""
    return [(0, "0"), (0.5, "50"), (1, locales.percent(1, lang, digits=0))]


def share_bar(
    name: str,
    share: Proportion,
    lang: Language,
    published: Baseline | None = None,
    of: Figures | None = None,
    *,
    is_strong: bool = True,
) -> Bar:
    """Return a proportion as a line of a chart, a *published* one below it; one *of* a group has its counts."""
    value = share.share or 0
    text = f"{locales.percent(value, lang)} · {locales.number(share.count, lang)}"
    if of:
        text = say("chart.of", lang, count=share.count, total=of.assessed)
    bar = Bar(plain(name), value, *(share.bounds or (value, value)), text, is_strong, of is not None and of.is_few)
    if published is None:
        return bar
    theirs = locales.percent(published.value, lang, digits=published.digits)
    mark_text = say("chart.baseline", lang, year=str(published.year), share=theirs)
    return bar._replace(mark=published.value, mark_text=mark_text)
