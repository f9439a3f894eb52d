"""Change: the shares over several scans, who gained or lost an account, and the page of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise

from cegep_audit.analyze.change.compare import Change, Comparison, NetworkChange, Scope, ShareChange
from cegep_audit.analyze.change.trend import Point, Population, Share, Trend
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Grid, Row, heads, link
from cegep_audit.report.page.charts import Series, lines
from cegep_audit.report.page.parts import Headline, Part, Section, section, ticks, to_sheet
from cegep_audit.report.text import words
from cegep_audit.report.text.comparison import MARKS, comparison_coverage, networks_grid, thresholds_grid

_MOST_LINES = 5  # networks of the chart, beside the threshold
_LEAST_STEPS = 2  # a line has two ends
_YEARLY = 300  # days between scans from which their years alone tell them apart

_LISTS = {Change.GAINED: ("account",), Change.LOST: ("account",), Change.RENAMED: ("before", "after")}

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
    """Return the lists of accounts gained, lost and renamed, a row each; a long list is folded."""
    if since is None:
        return []
    parts = []
    day = locales.day(words.scan_day(since.old), lang)
    for kind, head in _LISTS.items():
        rows: list[Row] = [
            [
                to_sheet(words.institution_name(each.institution), anchors.get(each.institution.id, "")),
                words.network_name(each.network),
                *(link(url) for url in _urls(each)),
            ]
            for each in since.changes
            if each.change is kind
        ]
        if rows:
            title = say(f"change.{kind.value}", lang, count=len(rows), day=day)
            is_folded = len(rows) > _MOST_LINES and bool(anchors)
            grid = Grid(title, heads(lang, "institution", "network", *head), rows, texts=len(head) + 2)
            parts.append(Part(title="" if is_folded else title, grid=grid, is_folded=is_folded))
    return parts


def _urls(each: NetworkChange) -> Iterator[str]:
    """Yield the addresses that a list shows: the old one unless it was gained, the new one unless it was lost."""
    if each.change is not Change.GAINED:
        yield each.old_url or ""
    if each.change is not Change.LOST:
        yield each.new_url or ""


def since_words(since: Comparison | None, lang: Language) -> Mapping[str, str]:
    """Return what each institution compared gained and lost, in a sentence, by its id."""
    if since is None:
        return {}
    moved: dict[str, list[str]] = {each.id: [] for each in since.compared}
    for change in since.changes:
        if change.change in MARKS and change.institution.id in moved:
            mark, name = MARKS[change.change], words.network_name(change.network)
            moved[change.institution.id].append(f"{mark}\u00a0{name}")
    old, new = words.scan_day(since.old), words.scan_day(since.new)
    when = locales.day(old, lang) if (old.year, old.month) == (new.year, new.month) else locales.month(old, lang)
    return {
        id_: say("sheet.since", lang, when=when, moves=", ".join(moves))
        if moves
        else say("sheet.since_nothing", lang, when=when)
        for id_, moves in moved.items()
    }


def threshold_share(since: Comparison) -> ShareChange | None:
    """Return the share on three networks or more of those open each day; None where nothing was compared."""
    wanted = ("all", THREE_PLUS, Scope.EACH_DAY)
    return next((each for each in since.shares if (each.basket, each.k, each.scope) == wanted), None)


def change_sections(since: Comparison, lang: Language) -> list[Section]:
    """Return the sections of the page of a comparison: who can be compared, what moved most, who gained and lost."""
    lines = [each.text for each in comparison_coverage(since, lang)]
    found = [
        section("coverage", lang, Part(lead=lines[0], note=" ".join(lines[1:]))),
        section("movers", lang, _movers(since, lang)),
        section("thresholds", lang, Part(grid=thresholds_grid(since, lang))) if since.compared else None,
        section("moved", lang, *_moved(since, {}, lang)),
    ]
    return [each for each in found if each is not None]


def _movers(since: Comparison, lang: Language) -> Part | None:
    """Return the threshold and the networks that moved most as lines from one scan to the other, and all as a table."""
    found = [each for each in since.shares if each.network and each.points]
    ranked = sorted(found, key=lambda each: (-abs(each.points or 0), -each.new_count))
    shown = [each for each in (threshold_share(since), *ranked[:_MOST_LINES]) if each]
    if not since.compared:
        return None
    ends = (date.min, date.min.replace(day=2))  # two ends, whatever the time between them
    named = [locales.short_day(words.scan_day(facts), lang) for facts in (since.old, since.new)]
    series = [
        Series(
            f"{_share_name(each, lang)} {locales.points(each.points, lang)}",
            ends,
            (each.old_share, each.new_share),
            is_strong=not each.network,
        )
        for each in shown
    ]
    chart = lines(series, list(zip(ends, named, strict=True)), say("chart.movers", lang), ticks(lang))
    note = say("compare.legend", lang)
    return Part(lead=say("lead.movers", lang), chart=chart, grid=networks_grid(since, lang), note=note)


def _share_name(each: ShareChange, lang: Language) -> str:
    if each.network:
        return words.network_name(each.network)
    return f"≥\u00a0{say('summary.networks_count', lang, count=each.k or 0)}"


def change_headlines(since: Comparison, lang: Language) -> list[Headline]:
    """Return the figures of a comparison in large: the share now and before, and accounts gained and lost."""
    share, day = threshold_share(since), locales.day(words.scan_day(since.old), lang)
    compared = say("headline.compared", lang, count=len(since.compared))
    headlines = []
    if share:
        before = say("headline.before", lang, share=locales.percent(share.old_share, lang), day=day)
        moved = say("headline.points", lang, points=locales.points(share.points, lang))
        now, name = locales.percent(share.new_share, lang), say("headline.present", lang, count=THREE_PLUS)
        headlines.append(Headline(now, name, [before, moved, compared]))
    for kind in _LISTS:
        count = since.count(kind)
        if kind is Change.RENAMED and not count:
            continue
        sites = {each.institution.id for each in since.changes if each.change is kind}
        facts = [say("headline.sites", lang, count=len(sites))] if count else []
        headlines.append(Headline(locales.number(count, lang), say(f"headline.{kind.value}", lang, count=count), facts))
    return headlines


def change_sentence(since: Comparison, lang: Language) -> str:
    """Return what changed in one sentence: accounts, the share then and now, and over whom."""
    share = threshold_share(since)
    if not since.compared or share is None:
        return say("compare.nothing", lang)
    old, new = (locales.percent(each, lang) for each in (share.old_share, share.new_share))
    key = "headline.stays" if old == new else "headline.moves"
    return say(
        "headline.change",
        lang,
        first=locales.day(words.scan_day(since.old), lang),
        last=locales.day(words.scan_day(since.new), lang),
        gained=say("headline.gains", lang, count=since.count(Change.GAINED)),
        lost=say("headline.losses", lang, count=since.count(Change.LOST)),
        share=say(key, lang, old=old, new=new, count=len(since.compared)),
    )
