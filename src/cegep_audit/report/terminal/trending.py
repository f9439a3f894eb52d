"""Several scans side by side on a terminal: one column a scan, one row a share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from cegep_audit.analyze.trend import Point, Population, Share, Trend
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.comparison import named
from cegep_audit.report.terminal.overview import WIDTH
from cegep_audit.report.terminal.screen import Paragraph, network_name, plain_table

_ABREAST = 5  # scans that 80 columns hold


def trend_view(trend: Trend, lang: Language) -> RenderableType:
    """Return the report of *trend*, never wider than ``overview.WIDTH``; more scans than fit go below the first."""
    blocks: list[RenderableType] = [Paragraph(say("trend.title", lang, count=len(trend.points)), "bold")]
    if not trend.has_same_rules:
        versions = ", ".join(dict.fromkeys(point.facts.rules_version for point in trend.points))
        blocks.append(Paragraph(say("trend.rules", lang, versions=versions), "bold"))
    for population in Population:
        blocks += _block(trend, population, lang)
    blocks += [*_moves(trend, lang), Text(), Paragraph(say("trend.dash", lang), "dim")]
    return Constrain(Group(*blocks), WIDTH)


def _block(trend: Trend, population: Population, lang: Language) -> Iterator[RenderableType]:
    """The shares of one population, as many scans abreast as fit."""
    yield Text()
    if population is Population.ALL:
        yield Paragraph(say("trend.all", lang), "bold")
    elif not trend.every_time:
        yield Paragraph(say("trend.nobody_every_time", lang))
        return
    else:
        yield Paragraph(say("trend.every_time", lang, count=len(trend.every_time)), "bold")
    for first in range(0, len(trend.points), _ABREAST):
        yield _table(trend, range(first, min(first + _ABREAST, len(trend.points))), population, lang)


def _table(trend: Trend, places: Sequence[int], population: Population, lang: Language) -> Table:
    points = [trend.points[place] for place in places]
    table = plain_table(say("trend.at_least", lang))
    for point in points:
        table.add_column(Text(_day(point)), justify="right", no_wrap=True)
    columns = [[each for each in trend.shares[place] if each.population is population] for place in places]
    for row in zip(*columns, strict=True):
        if row[0].measure == "min_networks":
            table.add_row(Text(f"  {say(f'basket.{row[0].basket}', lang)}"), *_cells(row, lang))
    table.add_row(Text(say("compare.networks", lang), "bold"))
    for row in zip(*columns, strict=True):
        if row[0].measure == "network" and row[0].network in _shown(trend, population):
            table.add_row(Text(f"  {network_name(row[0].network)}"), *_cells(row, lang))
    if population is Population.ALL:
        _add_facts(table, trend, places, lang)
    return table


def _day(point: Point) -> str:
    """Return the day that a scan goes by: the one asked of an archive, else that of its captures."""
    return (point.asked or point.day).isoformat()


def _shown(trend: Trend, population: Population) -> set[str]:
    """Return the networks that somebody is on in one scan or more."""
    return {each.network for shares in trend.shares for each in shares if each.count and each.population is population}


def _cells(row: Sequence[Share], lang: Language) -> Iterator[Text]:
    return (Text(locales.percent(share.share, lang)) for share in row)


def _add_facts(table: Table, trend: Trend, places: Sequence[int], lang: Language) -> None:
    """Add which scan each column is, how many it assessed, and how far its captures are from the day asked for."""
    points = [trend.points[place] for place in places]
    coverage = (
        f"{locales.number(point.assessed, lang)}/{locales.number(point.institutions, lang)}" for point in points
    )
    table.add_section()
    table.add_row(Text(say("trend.scan", lang)), *(Text(str(point.facts.id)) for point in points))
    table.add_row(Text(say("trend.assessed", lang)), *map(Text, coverage))
    if any(point.drift_days is not None for point in points):
        drifts = ("—" if point.drift_days is None else locales.number(point.drift_days, lang) for point in points)
        table.add_row(Text(say("trend.drift", lang)), *map(Text, drifts))


def _moves(trend: Trend, lang: Language) -> Iterator[RenderableType]:
    for (before, after), move in zip(pairwise(trend.points), trend.moves, strict=True):
        if move.entered or move.left:
            days = {"before": _day(before), "after": _day(after)}
            yield Text()
            yield Paragraph(say("trend.between", lang, **days), "bold")
            for key, institutions in (("entered", move.entered), ("left", move.left)):
                if institutions:
                    line = say(f"compare.{key}", lang, count=len(institutions)) + named(institutions)
                    yield Paragraph(f"  {line}", hang=4)
