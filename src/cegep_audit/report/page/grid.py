"""The page's tables and sections, as records that the templates show: what is in a cell, and how it sorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.charts import Chart
from cegep_audit.text import plain
from cegep_audit.urls import without_password

HEAT = 10  # shades of a coloured cell, from nothing to all


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, and where it leads ("": nowhere). ``shade`` colours it, from 0 to :data:`HEAT`."""

    text: str
    href: str = ""
    shade: int | None = None


Row = Sequence[Cell | str]


@dataclass(frozen=True, slots=True)
class Grid:
    """One table: what it is about, its headings, its rows; ``texts`` is how many of its first columns are words."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Row]
    texts: int = 1
    is_heat: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a section: words, a chart, a table, a note. The table is folded away beside a chart, or if asked."""

    title: str = ""
    lead: str = ""
    chart: Chart | None = None
    grid: Grid | None = None
    note: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the page: the name of its anchor, its title, its parts."""

    id: str
    title: str
    parts: Sequence[Part]


def to_sheet(text: str, anchor: str) -> Cell:
    """Return a cell that leads to the sheet at *anchor*, nowhere where that is ""."""
    return Cell(text, f"#{anchor}" if anchor else "")


def section(name: str, lang: Language, *parts: Part | None) -> Section:
    """Return the section *name* of the parts that there are."""
    return Section(name, say(f"section.{name}", lang), [part for part in parts if part is not None])


def heads(lang: Language, *names: str) -> list[str]:
    """Return the headings *names* in words."""
    return [say(f"head.{name}", lang) for name in names]


def share_heads(figures: Figures, lang: Language, *, has_interval: bool = False) -> list[str]:
    """Return the headings of the cells that :func:`share_cells` gives."""
    is_whole = figures.assessed == figures.institutions
    names = ["count", "share", *(() if is_whole else ("bounds",)), *(("ci95",) if has_interval else ())]
    return heads(lang, *names)


def share_cells(share: Proportion, figures: Figures, lang: Language, *, has_interval: bool = False) -> list[str]:
    """Return a proportion as cells: count, share, bounds where a site of *figures* is missing, interval of a sample."""
    cells = [locales.number(share.count, lang), locales.percent(share.share, lang)]
    if figures.assessed < figures.institutions:
        cells.append(locales.span(share.bounds, lang))
    if has_interval:
        cells.append(locales.span(share.ci95, lang))
    return cells


def heat(share: float, lang: Language) -> Cell:
    """Return a *share* as a coloured cell."""
    return Cell(locales.percent(share, lang, digits=0), shade=round(share * HEAT))


def ticks(lang: Language) -> list[tuple[float, str]]:
    """Return the shares that charts name on their axis."""
    return [
        (share, locales.percent(share, lang, digits=0) if share == 1 else f"{share:.0%}".rstrip("%"))
        for share in (0, 0.5, 1)
    ]


def web_address(url: str) -> str:
    """Return *url* as a link can have it, "" for what is no web address: no other scheme is ever followed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return without_password(plain(url)) if parts.scheme in {"http", "https"} and parts.netloc else ""
