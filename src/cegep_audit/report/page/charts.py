"""Charts as SVG, from the templates of ``charts.svg``: the same figures give the same bytes on any machine.

Every chart has two widths, for a desktop and for a phone; the page shows the one that fits. Text is not measured:
margins assume a wide letter. Colours are those of the light theme, and the style sheet overrides them in the dark
theme, so that a chart saved on its own is complete.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from cegep_audit.report.page.templates import environment

_WIDE, _NARROW = 720, 300  # pixels
_LETTER = 7.2  # width of a letter of 13 pixels, generously estimated
_MOST_NAME = 250  # pixels that names may take beside a chart
_FIGURES = 120  # pixels for the figures at the right of a bar
_MARK = 16  # pixels of the lane under a bar that a published share has
_HEIGHT, _LINE = 260, 16  # pixels of a chart over time, and from one name to the next

Ticks = Sequence[tuple[float, str]]


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
    """One line over time: its share on each day, None if there is none; the last day has one."""

    name: str
    days: Sequence[date]
    shares: Sequence[float | None]
    is_strong: bool = False


class Tile(NamedTuple):
    """One region of the map: its position, code, name with ``/`` as line break, and share (None: no site)."""

    column: int
    row: int
    code: str
    name: str
    share: float | None
    text: str
    is_few: bool = False


class Chart(NamedTuple):
    """A chart in both widths, as SVG, with its text alternative."""

    wide: str
    narrow: str
    label: str


def bars(rows: Sequence[Bar], label: str, ticks: Ticks, *, dots: bool = False) -> Chart:
    """Return a chart with a bar a row (or a dot, hollow for a group of few), its bounds as a thin line, its figure."""

    def facts(width: int) -> Mapping[str, object]:
        above = width == _NARROW  # where names and figures have no room beside the bars, they go above them
        left = 8 if above else min(_MOST_NAME, 16 + int(_LETTER * max(len(row.name) for row in rows)))
        room = int((width - 110 if above else left) / _LETTER)
        tops = [4]
        for row in rows:
            tops.append(tops[-1] + (40 if above else 26) + (_MARK if row.mark is not None else 0))
        names = [row.name if len(row.name) <= room else f"{row.name[: room - 1]}…" for row in rows]
        inner = width - left - (20 if above else _FIGURES)
        shown = list(zip(tops, names, rows, strict=False))
        return {"rows": shown, "above": above, "left": left, "inner": inner, "height": tops[-1]}

    return _chart("bars", label, facts, ticks=ticks, dots=dots)


def columns(counts: Sequence[tuple[int, int]], strong_from: int, label: str, axis: str) -> Chart:
    """Return a column for each number of networks, its count above; those from *strong_from* on stand out."""
    most = max(count for _, count in counts) or 1

    def facts(width: int) -> Mapping[str, object]:
        return {"step": min(56, (width - 16) / len(counts))}

    return _chart("columns", label, facts, counts=counts, most=most, strong_from=strong_from, axis=axis)


def lines(series: Sequence[Series], days: Sequence[tuple[date, str]], label: str, ticks: Ticks) -> Chart:
    """Return a line for each of *series*, named at its end; *days* are those to name below, with their text."""
    first, last = min(day for day, _ in days), max(day for day, _ in days)
    span = max((last - first).days, 1)
    ends = _apart([1 - (each.shares[-1] or 0) for each in series], _LINE / _HEIGHT)
    points = [
        [((day - first).days / span, y) for day, y in zip(each.days, each.shares, strict=True) if y is not None]
        for each in series
    ]
    places = [((day - first).days / span, text) for day, text in days]
    right = 20 + int(_LETTER * max(len(each.name) for each in series))

    def facts(width: int) -> Mapping[str, object]:
        return {"days": places if width == _WIDE else [places[0], places[-1]]}

    found = list(zip(series, ends, points, strict=True))
    return _chart("lines", label, facts, series=found, ticks=ticks, right=right, height=_HEIGHT)


def _apart(places: Sequence[float], least: float) -> list[float]:
    """Return *places* moved down as far as needed for each to be *least* below the one above it."""
    moved = [0.0] * len(places)
    floor = -1.0
    for index in sorted(range(len(places)), key=lambda index: places[index]):
        floor = max(places[index], floor + least)
        moved[index] = floor
    return moved


def tiles(found: Sequence[Tile], label: str) -> Chart:
    """Return a map with one tile a region, coloured by its share; a region of few is muted."""

    def facts(width: int) -> Mapping[str, object]:
        return {"small": width == _NARROW}

    spread = 1 + max(tile.column for tile in found), 1 + max(tile.row for tile in found)
    return _chart("tiles", label, facts, tiles=found, columns=spread[0], rows=spread[1])


def _chart(name: str, label: str, of_width: Callable[[int], Mapping[str, object]], **facts: object) -> Chart:
    """Render the macro *name* of ``charts.svg`` with *facts* and those that depend on the width."""
    drawn = getattr(environment().get_template("charts.svg").module, name)
    wide, narrow = (str(drawn(width=width, **facts, **of_width(width))).strip() for width in (_WIDE, _NARROW))
    return Chart(wide, narrow, label)
