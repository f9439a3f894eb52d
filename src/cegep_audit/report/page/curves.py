"""The chart over time, as SVG: one line a network, named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cegep_audit.report.page.charts import (
    ACCENT,
    GRID,
    LETTER,
    MUTED,
    SMALL,
    SOFT,
    Chart,
    Drawing,
    Scale,
    drawing,
    in_both_widths,
    pixels,
    svg,
)

_HEIGHT = 260  # pixels
_LEFT = 44  # pixels for the names of shares
_LINE = 16  # pixels from one name to the next

Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its share on each day, None where there is none; the last day has one."""

    name: str
    days: Sequence[date]
    shares: Sequence[float | None]
    is_strong: bool = False


def lines(series: Sequence[Series], days: Sequence[tuple[date, str]], label: str, ticks: Ticks) -> Chart:
    """Return a line for each of *series*, named at its end; *days* are those to name below, with their text."""
    return in_both_widths(lambda width: _lines(series, days, width, ticks), label)


def _lines(series: Sequence[Series], days: Sequence[tuple[date, str]], width: int, ticks: Ticks) -> str:
    import altair as alt

    right = 20 + int(LETTER * max(len(each.name) for each in series))
    inner = width - right - _LEFT
    first, last = min(day for day, _ in days), max(day for day, _ in days)
    span = max((last - first).days, 1)
    x, y = (alt.Scale(domain=[0, 1], nice=False) for _ in range(2))
    points = [
        {"at": (day - first).days / span, "share": share, "name": each.name, "color": _color(each)}
        for each in series
        for day, share in zip(each.days, each.shares, strict=True)
        if share is not None
    ]
    curves = drawing("points").encode(
        x=alt.X("at:Q", axis=None, scale=x),
        y=alt.Y("share:Q", axis=None, scale=y),
        color=alt.Color("color:N", scale=None, legend=None),
        detail=alt.Detail("name:N"),
    )
    data = {
        "points": points,
        "days": [{"at": (day - first).days / span, "text": text} for day, text in days],
        "ticks": [{"share": share, "text": text} for share, text in ticks],
        "ends": _ends(series),
    }
    layers = [
        *_grid(y, inner),
        curves.mark_line(strokeWidth=2),
        curves.mark_point(filled=True, size=40, opacity=1),
        drawing("days")
        .mark_text(dy=14, color=MUTED, fontSize=SMALL)
        .encode(x=alt.X("at:Q", axis=None, scale=x), y=pixels("Y", _HEIGHT), text=alt.Text("text:N")),
        _names(inner),
    ]
    return svg(layers, data, inner, _HEIGHT, _LEFT, right, top=10)


def _color(each: Series) -> str:
    return ACCENT if each.is_strong else SOFT


def _grid(scale: Scale, inner: int) -> list[Drawing]:
    """Faint lines at a few shares, named at the left."""
    import altair as alt

    base = drawing("ticks").encode(y=alt.Y("share:Q", axis=None, scale=scale))
    named = base.mark_text(align="right", dx=-8, color=MUTED, fontSize=SMALL)
    return [
        base.mark_rule(color=GRID).encode(x=pixels("X", 0), x2=pixels("X2", inner)),
        named.encode(x=pixels("X", 0), text=alt.Text("text:N")),
    ]


def _names(inner: int) -> Drawing:
    import altair as alt

    return (
        drawing("ends")
        .mark_text(align="left", dx=10)
        .encode(
            x=pixels("X", inner),
            y=alt.Y("share:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False)),
            text=alt.Text("name:N"),
            color=alt.Color("color:N", scale=None, legend=None),
        )
    )


def _ends(series: Sequence[Series]) -> list[dict[str, object]]:
    """Return the names of lines at their ends, moved apart where they would touch."""
    places = _apart([1 - (each.shares[-1] or 0) for each in series], _LINE / _HEIGHT)
    return [
        {"share": 1 - place, "name": each.name, "color": ACCENT if each.is_strong else MUTED}
        for each, place in zip(series, places, strict=True)
    ]


def _apart(places: Sequence[float], least: float) -> list[float]:
    """Return *places* moved down as far as needed for each to be *least* below the one above it."""
    moved = [0.0] * len(places)
    floor = -1.0
    for index in sorted(range(len(places)), key=lambda index: places[index]):
        floor = max(places[index], floor + least)
        moved[index] = floor
    return moved
