"""Charts as SVG, drawn by altair and vl-convert: what is seen as a shape, its figures in a table beside it.

Every chart comes in two widths, for a desk and for a telephone; the page shows the one that fits. Margins are our own
and nothing is measured, so that the same figures give the same bytes on any machine. The colours are those of a
light page; the style sheet gives each of them another value in the dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What the style sheet knows as --ink, --muted, --accent, --soft, --grid and --surface.
INK, MUTED, ACCENT, SOFT, GRID, SURFACE = "#1b1f24", "#5b6470", "#1f5f8b", "#a7b4c0", "#e2e6ea", "#fdfdfc"
WIDE, NARROW = 720, 300  # pixels
_FONT, _SIZE, SMALL = "sans-serif", 13, 11
LETTER = 7.2  # pixels of a letter at that size, on the generous side: margins are not measured
_MOST_NAME = 250  # pixels that names may take beside a chart
_LABEL = 120  # pixels for the figures at the right of a bar
_EDGE = 8  # pixels at the left of a narrow chart: half a dot and its line


Drawing = Any  # one of altair's classes of charts: which, is altair's affair
Scale = Any
Channel = Any


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart of shares: ``value`` from 0 to 1 with its bounds, and the figure as a reader writes it.

    ``is_few`` marks a group of few, ``mark`` is a published share to set beside ours, None where there is none.
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


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in both widths, as SVG, and what it says to somebody who does not see it."""

    wide: str
    narrow: str
    label: str


def bars(rows: Sequence[Bar], label: str, ticks: Sequence[tuple[float, str]]) -> Chart:
    """Return a chart with a bar a row, its bounds as a thin line, its figure at the end. *ticks* are share and text."""
    return in_both_widths(lambda width: _shares(rows, width, ticks, dots=False), label)


def dots(rows: Sequence[Bar], label: str, ticks: Sequence[tuple[float, str]]) -> Chart:
    """Return a chart with a dot a row, hollow for a group of few, its bounds as a thin line, its figure at the end."""
    return in_both_widths(lambda width: _shares(rows, width, ticks, dots=True), label)


def in_both_widths(draw: Callable[[int], str], label: str) -> Chart:
    """Return the chart that *draw* makes for a width in pixels, in both."""
    return Chart(draw(WIDE), draw(NARROW), label)


def _shares(rows: Sequence[Bar], width: int, ticks: Sequence[tuple[float, str]], *, dots: bool) -> str:
    import altair as alt

    above = width == NARROW  # where names and figures have no room beside the bars, they stand above them
    step = 40 if above else 26
    left = _EDGE if above else min(_MOST_NAME, 16 + int(LETTER * max(len(row.name) for row in rows)))
    inner, height, dy = width - left - (20 if above else _LABEL), step * len(rows), 8 if above else 0
    x = alt.Scale(domain=[0, 1], nice=False)
    room = int((inner - 90 if above else _MOST_NAME - 16) / LETTER)
    data = {
        "rows": [_row(row, place, room) for place, row in enumerate(rows)],
        "ticks": [{"share": share, "text": text} for share, text in ticks],
    }
    base = drawing("rows").encode(
        y=alt.Y("place:O", axis=None, scale=alt.Scale(domain=list(range(len(rows))), padding=0))
    )
    spans = base.transform_filter("datum.high > datum.low").encode(
        x=alt.X("low:Q", axis=None, scale=x), x2=alt.X2("high:Q")
    )
    layers = [
        *_grid(x, height),
        *(() if dots else (_bar(base, x, dy),)),
        *(() if dots else (spans.mark_rule(color=SURFACE, strokeWidth=3, yOffset=dy),)),
        spans.mark_rule(color=SOFT if dots else INK, yOffset=dy),
        *((_dot(base, x, dy),) if dots else ()),
        *(_marks(base, x, dy) if any(row.mark is not None for row in rows) else ()),
        base.mark_text(align="right", dy=-12 if above else 1, color=INK).encode(
            x=pixels("X", inner if above else width - left - 4), text=alt.Text("text:N")
        ),
        base.mark_text(
            align="left" if above else "right", dx=0 if above else -10, dy=-12 if above else 1, color=INK
        ).encode(x=pixels("X", 0), text=alt.Text("name:N")),
    ]
    return svg(layers, data, inner, height, left, width - left - inner)


def drawing(data: str) -> Drawing:
    """Return altair's chart of the rows that :func:`svg` is given under the name *data*, with nothing drawn yet."""
    import altair as alt

    return alt.Chart(alt.NamedData(name=data))


def pixels(channel: str, at: float) -> Channel:
    """Return a place on *channel* (``X``, ``Y``, ``X2``, ``Y2``) in pixels, whatever the data."""
    import altair as alt

    return getattr(alt, f"{channel}Value")(at)


def _row(row: Bar, place: int, room: int) -> dict[str, object]:
    """Return what altair draws of *row*, its name in *room* letters: the table has it whole."""
    return {
        "place": place,
        "name": row.name if len(row.name) <= room else f"{row.name[: room - 1]}…",
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "text": row.text,
        "color": ACCENT if row.is_strong else SOFT,
        "fill": SURFACE if row.is_few else ACCENT,
        "mark": row.mark,
        "mark_text": row.mark_text,
    }


def _grid(scale: Scale, height: int) -> list[Drawing]:
    """Faint lines at a few shares, named below."""
    import altair as alt

    base = drawing("ticks").encode(x=alt.X("share:Q", axis=None, scale=scale))
    lines = base.mark_rule(color=GRID, strokeWidth=1).encode(y=pixels("Y", 0), y2=pixels("Y2", height))
    names = base.mark_text(color=MUTED, fontSize=SMALL, dy=12, baseline="middle").encode(
        y=pixels("Y", height), text=alt.Text("text:N")
    )
    return [lines, names]


def _bar(base: Drawing, scale: Scale, dy: int) -> Drawing:
    import altair as alt

    return base.mark_bar(height=14, yOffset=dy).encode(
        x=alt.X("value:Q", axis=None, scale=scale), color=alt.Color("color:N", scale=None, legend=None)
    )


def _dot(base: Drawing, scale: Scale, dy: int) -> Drawing:
    import altair as alt

    dot = base.mark_point(filled=True, size=90, opacity=1, strokeWidth=2, stroke=ACCENT, yOffset=dy)
    return dot.encode(x=alt.X("value:Q", axis=None, scale=scale), color=alt.Color("fill:N", scale=None, legend=None))


def _marks(base: Drawing, scale: Scale, dy: int) -> list[Drawing]:
    """Published shares: a hollow diamond, named beside it, whatever line passes behind."""
    import altair as alt

    marked = base.transform_filter("datum.mark !== null")
    x = alt.X("mark:Q", axis=None, scale=scale)
    text = {"align": "left", "dx": 10, "dy": dy + 1, "fontSize": SMALL}
    return [
        marked.mark_text(**text, stroke=SURFACE, strokeWidth=5, color=SURFACE).encode(
            x=x, text=alt.Text("mark_text:N")
        ),
        marked.mark_text(**text, color=INK).encode(x=x, text=alt.Text("mark_text:N")),
        marked.mark_point(shape="diamond", size=110, color=INK, fill=SURFACE, opacity=1, yOffset=dy).encode(x=x),
    ]


def columns(counts: Sequence[tuple[int, int]], strong_from: int, label: str, axis: str) -> Chart:
    """Return a column for each number of networks, its count above; those from *strong_from* on stand out."""
    return in_both_widths(lambda width: _columns(counts, strong_from, width, axis), label)


def _columns(counts: Sequence[tuple[int, int]], strong_from: int, width: int, axis: str) -> str:
    import altair as alt

    data = [
        {"number": str(number), "count": count, "color": ACCENT if number >= strong_from else SOFT}
        for number, count in counts
    ]
    inner, height = min(width - 16, 56 * len(counts)), 180
    base = drawing("columns").encode(
        x=alt.X("number:O", sort=None, title=axis, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("count:Q", axis=None, scale=alt.Scale(domain=[0, max(count for _, count in counts) * 1.12 or 1])),
    )
    drawn = [
        base.mark_bar(width={"band": 0.72}).encode(color=alt.Color("color:N", scale=None, legend=None)),
        base.mark_text(dy=-8, color=INK).encode(text=alt.Text("count:Q")),
    ]
    return svg(drawn, {"columns": data}, inner, height, 8, width - inner - 8, bottom=44)


_MACHINERY = re.compile(r' (?:class|role|aria-[a-z]+|stroke-miterlimit)="[^"]*"')
_EMPTY = re.compile(r'<path d="" display="none"/>|<path d="[^"]*"/>')


def svg(
    layers: Sequence[Drawing],
    data: Mapping[str, object],
    width: int,
    height: int,
    left: int,
    right: int,
    top: int = 4,
    bottom: int = 22,
) -> str:
    """Return *layers* over *data*, rows by name, as SVG: our margins, nothing behind, none of the marks for tools."""
    import altair as alt
    import vl_convert

    chart = alt.layer(
        *layers,
        width=width,
        height=height,
        autosize="none",
        padding={"left": left, "right": right, "top": top, "bottom": bottom},
        config=_CONFIG,
    )
    document = chart.to_dict(validate=False)  # the same charts at each run: what is wrong with one shows in the tests
    drawn = vl_convert.vegalite_to_svg(document | {"datasets": dict(data)})
    return _EMPTY.sub("", _MACHINERY.sub("", drawn))


_CONFIG: dict[str, object] = {
    "background": "transparent",
    "font": _FONT,
    "view": {"stroke": None},
    "text": {"fontSize": _SIZE, "baseline": "middle"},
    "axis": {
        "labelFontSize": _SIZE,
        "labelColor": INK,
        "titleFontSize": SMALL,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "domainColor": GRID,
        "ticks": False,
        "labelPadding": 6,
    },
}
