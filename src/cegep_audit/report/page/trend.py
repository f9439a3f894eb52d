"""The section on several scans: the shares over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cegep_audit.analyze.trend import Point, Population, Share, Trend
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.curves import Series, lines
from cegep_audit.report.page.grid import Grid, Part, Row, Section, heads, section, ticks
from cegep_audit.report.terminal.screen import network_name

_MOST_LINES = 5  # networks of the chart, beside the threshold
_LEAST_STEPS = 2  # a line has two ends

Key = tuple[str, str]  # basket of a threshold and "", or "" and a network
Step = tuple[Point, dict[Key, Share]]


def over_time(found: Trend | None, lang: Language) -> Section | None:
    """Return the section on the scans of *found*, None where fewer than two of them could assess anybody."""
    steps = _steps(found) if found else []
    if len(steps) < _LEAST_STEPS:
        return None
    names = _names(steps[-1], lang)
    series = [
        Series(
            name, [point.day for point, _ in steps], [_share(shares, key) for _, shares in steps], is_strong=not key[1]
        )
        for key, name in names.items()
    ]
    lead = say("lead.trend", lang)
    chart = lines(series, _days([point.day for point, _ in steps]), say("chart.trend", lang), ticks(lang))
    return section("trend", lang, Part(lead=lead, chart=chart, grid=_grid(steps, names, lang)))


def _grid(steps: Sequence[Step], names: dict[Key, str], lang: Language) -> Grid:
    """Return the shares as a table, one column a scan: those of the chart, then each network that somebody was on."""
    met = dict.fromkeys(key for _, shares in steps for key, share in shares.items() if key[1] and share.count)
    rows: list[Row] = [
        [*heads(lang, "scan"), *(str(point.facts.id) for point, _ in steps)],
        [*heads(lang, "assessed"), *(locales.number(point.assessed, lang) for point, _ in steps)],
    ]
    rows += [
        [name, *(locales.percent(_share(shares, key), lang) for _, shares in steps)]
        for key, name in (names | {key: network_name(key[1]) for key in met if key not in names}).items()
    ]
    days = [locales.day(point.day, lang) for point, _ in steps]
    return Grid(say("section.trend", lang), [*heads(lang, "date"), *days], rows)


def _steps(found: Trend) -> list[Step]:
    return [
        (point, {(share.basket, share.network): share for share in shares if share.population is Population.ALL})
        for point, shares in zip(found.points, found.shares, strict=True)
        if point.assessed
    ]


def _names(last: Step, lang: Language) -> dict[Key, str]:
    """Return the lines to draw with their names: the threshold, then the networks most frequent in the *last* scan."""
    shares = last[1]
    threshold: Key = ("all", "")
    names = {threshold: f"≥\u00a0{say('summary.networks_count', lang, count=shares[threshold].k or 0)}"}
    ranked = sorted((key for key in shares if key[1] and shares[key].count), key=lambda key: -(shares[key].count or 0))
    return names | {key: network_name(key[1]) for key in ranked[:_MOST_LINES]}


def _share(shares: dict[Key, Share], key: Key) -> float | None:
    return shares[key].share if key in shares else None


def _days(days: Sequence[date]) -> list[tuple[date, str]]:
    """Return the *days* with the text that tells them apart: the year, where each scan is of another one."""
    is_yearly = len({day.year for day in days}) == len(days)
    return [(day, str(day.year) if is_yearly else day.isoformat()) for day in dict.fromkeys(days)]
