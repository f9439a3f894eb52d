"""SVG charts: sizes follow the figures, and marks and labels do not overlap."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from cegep_audit.report.page.parts import Bar, Chart, Series, chart, lines

SVG = "{http://www.w3.org/2000/svg}"
TICKS = [(0, "0"), (0.5, "50"), (1, "100 %")]
ROWS = [Bar("Facebook", 0.8, 0.7, 0.9, "80 %"), Bar("<b>&", 0.2, 0.2, 0.2, "20 %", is_few=True)]


def tile(place: int, code: str, name: str, share: float | None, text: str, **facts: object) -> dict[str, object]:
    shown = {"column": place, "row": place, "code": code, "name": name, "share": share, "text": text}
    return {**shown, "is_few": False, **facts}


CHARTS = {
    "bars": chart("bars", "label", rows=ROWS, ticks=TICKS),
    "dots": chart("bars", "label", rows=ROWS, ticks=TICKS, dots=True),
    "columns": chart("columns", "label", counts=[(0, 3), (1, 0), (2, 7)], strong_from=2, axis="axis"),
    "lines": lines(
        [Series("≥ 3", [0.5, 1.0]), Series("x", [None, 0.1])],
        [(0, "2011"), (1, "2026")],
        "label",
        TICKS,
    ),
    "tiles": chart("tiles", "label", tiles=[tile(0, "06", "Montréal", 0.5, "50 %"), tile(1, "10", "Nord", None, "—")]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_both_widths_of_a_chart_are_valid_svg_in_the_palette(name: str) -> None:
    for text, width in ((CHARTS[name].wide, 720), (CHARTS[name].narrow, 300)):
        root = ET.fromstring(text)  # noqa: S314 - our own output
        assert root.tag == f"{SVG}svg"
        assert float(root.attrib["width"]) <= width
        colors = set(re.findall(r'(?:fill|stroke)="(#\w+)"', text))
        assert colors <= {"#1b1f24", "#5b6470", "#1f5f8b", "#a7b4c0", "#e2e6ea", "#fdfdfc"}


def test_bar_lengths_are_proportional_to_shares() -> None:
    root = ET.fromstring(CHARTS["bars"].wide)  # noqa: S314 - our own output
    first, second = (float(each.attrib["width"]) for each in root.iter(f"{SVG}rect"))
    assert first / second == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.62, 0.95])
def test_the_mark_of_a_published_figure_overlaps_no_bar(share: float) -> None:
    rows = [Bar(f"k{place}", 0.9, 0.9, 0.9, "", mark=share if place == 1 else None) for place in range(3)]
    made = chart("bars", "label", rows=rows, ticks=TICKS)
    for text in (made.wide, made.narrow):
        root = ET.fromstring(text)  # noqa: S314 - our own output
        spans = [(float(each.attrib["y"]), float(each.attrib["y"]) + 14) for each in root.iter(f"{SVG}rect")]
        (mark,) = [each.attrib["d"] for each in root.iter(f"{SVG}path") if "l5 5" in each.attrib["d"]]
        top = float(mark.split(" ")[1].split("l")[0])
        assert not [span for span in spans if span[0] < top + 10 and span[1] > top]


def test_line_labels_do_not_overlap() -> None:
    series = [Series(f"n{place}", [0.5, 0.5]) for place in range(4)]
    made: Chart = lines(series, [(0, "a"), (1, "b")], "label", TICKS)
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" fill="#5b6470">n\d', made.wide))
    assert len(heights) == 4
    assert min(after - before for before, after in pairwise(heights)) >= 15


def test_a_region_with_few_institutions_is_hollow_and_dashed() -> None:
    text = chart("tiles", "label", tiles=[tile(0, "09", "Côte-Nord", 1.0, "100 %", is_few=True)]).wide
    assert 'fill-opacity="0"' in text
    assert "stroke-dasharray" in text
