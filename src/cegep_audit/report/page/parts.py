"""The parts of a section: words, a table, a chart. Charts are SVG from the templates of ``charts.svg``.

Every chart has two widths, for a desktop and for a phone; the page shows the one that fits. The same figures give the
same bytes on any machine: text is not measured, so margins assume a wide letter. Colours are those of the light theme,
and the style sheet overrides them in the dark theme, so that a chart saved on its own is complete.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from cegep_audit.analyze.findings import Proportion
from cegep_audit.phrases import Language, locales
from cegep_audit.report.blocks import Cell, Grid
from cegep_audit.text import plain

_WIDE, _NARROW = 720, 300  # pixels
_NAME = 16 / 260  # from one name to the next at the ends of lines, of the height of their chart

Ticks = Sequence[tuple[float, str]]
Headline = tuple[str, str, Sequence[str]]  # a figure in large, its subject, its caveats


class Bar(NamedTuple):
    """One line of a chart of shares: ``value`` from 0 to 1 with its bounds, and the figure as a reader writes it.

    ``is_few`` marks a group of few; ``mark`` is a published share to show below ours, None where there is none.
    """

    name: str
    value: float
    low: float
    high: float
    text: str
    is_strong: bool = True
    is_few: bool = False
    mark: float | None = None
    mark_text: str = ""


class Series(NamedTuple):
    """One line over time: its share at each moment, None if there is none; the last moment has one."""

    name: str
    shares: Sequence[float | None]
    is_strong: bool = False


class Chart(NamedTuple):
    """A chart in both widths, as SVG, with its text alternative."""

    wide: str
    narrow: str
    label: str


class Part(NamedTuple):
    """One piece of a section. Its table is folded beside a chart, or if asked; on paper it is open.

    A table without a caption has the lead, or else the title, as its caption. ``causes`` are those for which sites
    were not assessed: the cause, the status, the sites.
    """

    title: str = ""
    lead: str = ""
    chart: Chart | None = None
    grid: Grid | None = None
    note: str = ""
    is_folded: bool = False
    causes: Sequence[tuple[str, str, Sequence[Cell]]] = ()


@cache
def environment() -> Environment:
    """Return the environment of the templates: all text is escaped."""
    found = Environment(
        loader=PackageLoader("cegep_audit.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["plain"] = plain
    found.filters["short"] = lambda text: text.removeprefix("https://").removeprefix("www.")
    found.tests["block"] = lambda block, name: type(block).__name__ == name
    return found


def chart(macro: str, label: str, **facts: object) -> Chart:
    """Return the chart that a *macro* of ``charts.svg`` makes of *facts*, with the text alternative *label*."""
    render = getattr(environment().get_template("charts.svg").module, macro)
    wide, narrow = (str(render(width=width, is_narrow=width == _NARROW, **facts)).strip() for width in (_WIDE, _NARROW))
    return Chart(wide, narrow, label)


def lines(series: Sequence[Series], moments: Sequence[tuple[float, str]], label: str, ticks: Ticks) -> Chart:
    """Return a line for each of *series*, named at its end; *moments* are positions from 0 to 1 and their names."""
    ends = [1 - (each.shares[-1] or 0) for each in series]  # from the top; each is moved below the name above it
    floor = -1.0
    for index in sorted(range(len(ends)), key=ends.__getitem__):
        floor = ends[index] = max(ends[index], floor + _NAME)
    points = [
        [(position, share) for (position, _), share in zip(moments, each.shares, strict=True) if share is not None]
        for each in series
    ]
    shown, days = list(zip(series, ends, points, strict=True)), list(dict.fromkeys(moments))
    return chart("lines", label, series=shown, days=days, ticks=ticks)


def ticks(lang: Language) -> Ticks:
    """Return the shares that charts name on their axis."""
    return [(0, "0"), (0.5, "50"), (1, locales.percent(1, lang, digits=0))]


def share_bar(name: str, share: Proportion, lang: Language) -> Bar:
    """Return a proportion as a line of a chart."""
    value = share.share or 0
    low, high = share.bounds or (value, value)
    text = f"{locales.percent(value, lang)} · {locales.number(share.count, lang)}"
    return Bar(plain(name), value, low, high, text)
