"""Several scans side by side: one column a scan, one row a share."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cegep_audit.analyze.change.trend import Population, Trend
from cegep_audit.analyze.presence import ScanFacts
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Block, Grid, Line, Row, Title
from cegep_audit.report.text import words

_ABREAST = 5  # scans that 80 columns hold


def trend_blocks(trend: Trend, lang: Language) -> Iterator[Block]:
    """Yield the report of *trend*; more scans than fit side by side follow in further tables."""
    yield Title(say("trend.title", lang, count=len(trend.scans)), 1)
    if not trend.has_same_rules:
        versions = ", ".join(dict.fromkeys(scan.rules_version for scan in trend.scans))
        yield Line(say("trend.rules", lang, versions=versions), "strong")
    yield Line(say("trend.all", lang), "strong", is_apart=True)
    yield from _tables(trend, Population.ALL, lang)
    if trend.every_time:
        yield Line(say("trend.every_time", lang, count=len(trend.every_time)), "strong", is_apart=True)
        yield from _tables(trend, Population.EVERY_TIME, lang)
    else:
        yield Line(say("trend.nobody_every_time", lang), is_apart=True)
    for (before, after), move in zip(pairwise(trend.scans), trend.moves, strict=True):
        if move.entered or move.left or move.merged:
            days = {"before": _day(before), "after": _day(after)}
            yield Line(say("trend.between", lang, **days), "strong", is_apart=True)
            for key, institutions in (("entered", move.entered), ("left", move.left)):
                if institutions:
                    yield Line(say(f"compare.{key}", lang, count=len(institutions)) + words.named(institutions))
            if move.merged:
                yield Line(words.merged_words(move.merged, lang))
    yield Line(say("trend.dash", lang), "dim", is_apart=True)


def _tables(trend: Trend, population: Population, lang: Language) -> Iterator[Grid]:
    for first in range(0, len(trend.scans), _ABREAST):
        yield _table(trend, range(first, min(first + _ABREAST, len(trend.scans))), population, lang)


def _table(trend: Trend, places: Sequence[int], population: Population, lang: Language) -> Grid:
    """Return the shares of one population in the scans at *places*."""
    met = {each.network for shares in trend.shares for each in shares if each.count and each.population is population}
    columns = [[each for each in trend.shares[place] if each.population is population] for place in places]
    rows: list[Row] = []
    networks: list[Row] = [[say("compare.networks", lang)]]
    for shares in zip(*columns, strict=True):
        cells = [locales.percent(share.share, lang) for share in shares]
        if shares[0].measure == "min_networks":
            rows.append([f"  {say(f'basket.{shares[0].basket}', lang)}", *cells])
        elif shares[0].network in met:
            networks.append([f"  {words.network_name(shares[0].network)}", *cells])
    scans = [trend.scans[place] for place in places]
    facts = _facts(scans, lang) if population is Population.ALL else []
    title = say("trend.at_least", lang)
    return Grid(title, [title, *map(_day, scans)], [*rows, *networks, *facts])


def _facts(scans: Sequence[ScanFacts], lang: Language) -> list[Row]:
    """Return rows with the number, coverage and drift (days from the day asked) of each scan."""
    coverage = (
        f"{locales.number(each.assessed, lang)}/{locales.number(len(each.institutions), lang)}" for each in scans
    )
    days = [each.largest_drift_days for each in scans]
    drifts = ["—" if day is None else locales.number(day, lang) for day in days]
    return [
        [say("trend.scan", lang), *(str(each.id) for each in scans)],
        [say("trend.assessed", lang), *coverage],
        *([[say("trend.drift", lang), *drifts]] if any(day is not None for day in days) else []),
    ]


def _day(scan: ScanFacts) -> str:
    """Return the day of a scan: the one asked of an archive, else that of its captures."""
    return (scan.asked_day or scan.day).isoformat()
