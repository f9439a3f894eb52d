"""The section on change: the shares over several scans, and who gained or lost an account since the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby, pairwise

from cegep_audit.analyze.change.compare import Change, Comparison, NetworkChange
from cegep_audit.analyze.change.trend import Point, Population, Share, Trend
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Grid, Row, heads
from cegep_audit.report.page.charts import Series, lines
from cegep_audit.report.page.parts import Part, Section, section, ticks, to_sheet
from cegep_audit.report.text import words

_MOST_LINES = 5  # networks of the chart, beside the threshold
_LEAST_STEPS = 2  # a line has two ends
_YEARLY = 300  # days between scans from which their years alone tell them apart

Key = tuple[str, str]  # basket of a threshold and "", or "" and a network
Step = tuple[Point, Mapping[Key, Share]]


def change(found: Trend | None, since: Comparison | None, anchors: Mapping[str, str], lang: Language) -> Section | None:
    """Return the section on the scans of *found* and on what changed *since* an earlier one; None without either.

    Shares are of the institutions assessed in every scan: they change with the world, not with the registry.
    """
    return section("trend", lang, _over_time(found, lang), *_moved(since, anchors, lang))


def _over_time(found: Trend | None, lang: Language) -> Part | None:
    steps = _steps(found, Population.EVERY_TIME) if found and found.every_time else []
    if found is None or len(steps) < _LEAST_STEPS:
        return None
    keys = _lines(steps)
    days = [point.day for point, _ in steps]
    series = [
        Series(name, days, [_share(shares, key) for _, shares in steps], is_strong=not key[1])
        for key, name in ((key, _name(key, steps, lang)) for key in keys)
    ]
    lead = say("lead.trend", lang, count=len(found.every_time))
    chart = lines(series, _named(days, lang), say("chart.trend", lang), ticks(lang))
    return Part(lead=lead, chart=chart, grid=_grid(found, steps, keys, lang))


def _steps(found: Trend, population: Population) -> list[Step]:
    return [
        (point, {(share.basket, share.network): share for share in shares if share.population is population})
        for point, shares in zip(found.points, found.shares, strict=True)
        if point.assessed
    ]


def _lines(steps: Sequence[Step]) -> list[Key]:
    """Return the lines to draw: the threshold, then the networks that moved most from the first scan to the last."""
    first, last = steps[0][1], steps[-1][1]
    moves = {
        key: abs((share.share or 0) - (_share(first, key) or 0))
        for key, share in last.items()
        if key[1] and share.count
    }
    ranked = sorted(moves, key=lambda key: (-moves[key], -(last[key].count or 0)))
    return [("all", ""), *ranked[:_MOST_LINES]]


def _name(key: Key, steps: Sequence[Step], lang: Language) -> str:
    k = steps[-1][1][key].k or 0
    return words.network_name(key[1]) if key[1] else f"≥\u00a0{say('summary.networks_count', lang, count=k)}"


def _share(shares: Mapping[Key, Share], key: Key) -> float | None:
    return shares[key].share if key in shares else None


def _grid(found: Trend, steps: Sequence[Step], keys: Sequence[Key], lang: Language) -> Grid:
    """Return the shares as a table, one column a scan: the threshold of all assessed too, then every network."""
    met = dict.fromkeys(key for _, shares in steps for key, share in shares.items() if key[1] and share.count)
    whole = _steps(found, Population.ALL)
    rows: list[Row] = [
        [*heads(lang, "scan"), *(str(point.facts.id) for point, _ in steps)],
        [*heads(lang, "assessed"), *(locales.number(point.assessed, lang) for point, _ in steps)],
        [say("trend.all", lang), *(locales.percent(_share(shares, keys[0]), lang) for _, shares in whole)],
    ]
    rows += [
        [_name(key, steps, lang), *(locales.percent(_share(shares, key), lang) for _, shares in steps)]
        for key in dict.fromkeys((keys[0], *met))
    ]
    days = [locales.day(point.day, lang) for point, _ in steps]
    return Grid(say("section.trend", lang), [*heads(lang, "date"), *days], rows)


def _named(days: Sequence[date], lang: Language) -> list[tuple[date, str]]:
    """Return the *days* as readers write them: the year where scans are years apart, else the day."""
    is_yearly = all((after - before).days >= _YEARLY for before, after in pairwise(days))
    is_yearly = is_yearly and len({day.year for day in days}) == len(days)
    return [(day, str(day.year) if is_yearly else locales.short_day(day, lang)) for day in dict.fromkeys(days)]


def _moved(since: Comparison | None, anchors: Mapping[str, str], lang: Language) -> list[Part]:
    """Return the lists of what was gained and lost, one institution a row."""
    if since is None:
        return []
    parts = []
    day = locales.day(words.scan_day(since.old), lang)
    for kind in (Change.GAINED, Change.LOST):
        changes = [each for each in since.changes if each.change is kind]
        rows: list[Row] = [
            [to_sheet(words.institution_name(institution), anchors.get(institution.id, "")), _networks(list(moved))]
            for institution, moved in groupby(changes, key=lambda each: each.institution)
        ]
        if rows:
            title = say(f"change.{kind.value}", lang, count=len(changes), day=day)
            grid = Grid(title, heads(lang, "institution", "n_networks"), rows, texts=2)
            is_long = len(rows) > _MOST_LINES
            parts.append(Part(title="" if is_long else title, grid=grid, is_folded=is_long))
    return parts


def _networks(moved: Sequence[NetworkChange]) -> str:
    return ", ".join(words.network_name(each.network) for each in moved)
