"""Change: the shares over several scans, who gained or lost an account, and the page of a comparison."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cegep_audit.analyze.change.compare import Change, Comparison, Scope, ShareChange
from cegep_audit.analyze.change.trend import Population, Trend
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.phrases import Language, locales, say
from cegep_audit.report.blocks import Cell, Grid, Row, heads, link
from cegep_audit.report.page.parts import Headline, Part, Series, lines, ticks
from cegep_audit.report.text import words
from cegep_audit.report.text.comparison import MARKS, comparison_coverage, networks_grid, thresholds_grid

_MOST_LINES = 5  # networks of the chart, beside the threshold
_YEARLY = 300  # days between scans from which a year is enough to name each
_LISTS: Mapping[Change, Mapping[str, str]] = {  # of each list, its headings and the addresses below them
    Change.GAINED: {"account": "new_url"},
    Change.LOST: {"account": "old_url"},
    Change.RENAMED: {"before": "old_url", "after": "new_url"},
}


def over_time(found: Trend, lang: Language) -> Iterator[Part]:
    """Yield the threshold and the networks that moved most since the first scan as lines, and all as a table.

    Shares are of the institutions assessed in every scan: they change with the world, not with the registry. Nothing
    is yielded for fewer than two scans with institutions assessed, or if none was assessed in every scan.
    """
    read = [pair for pair in zip(found.scans, found.shares, strict=True) if pair[0].assessed]
    scans = [scan for scan, _ in read]
    if len(scans) < 2 or not found.every_time:  # noqa: PLR2004 - a line has two ends
        return
    everyone, steps = (  # by population, the shares of each scan by network; "" for the threshold over all networks
        [
            {each.network: each for each in shares if each.population is population and each.basket in {"all", ""}}
            for _, shares in read
        ]
        for population in (Population.ALL, Population.EVERY_TIME)
    )
    first, last = steps[0], steps[-1]
    moves = {name: abs((each.share or 0) - (first[name].share or 0)) for name, each in last.items() if each.count}
    most = sorted(filter(None, moves), key=lambda name: (-moves[name], -(last[name].count or 0)))[:_MOST_LINES]
    series = [
        Series(_name(name, lang), [step[name].share for step in steps], is_strong=not name) for name in ("", *most)
    ]
    days = [scan.day for scan in scans]
    is_yearly = all(day.year < then.year and (then - day).days >= _YEARLY for day, then in pairwise(days))
    names = [str(day.year) if is_yearly else locales.short_day(day, lang) for day in days]
    span = max((days[-1] - days[0]).days, 1)
    moments = [((day - days[0]).days / span, name) for day, name in zip(days, names, strict=True)]
    shown = dict.fromkeys(name for step in steps for name, each in step.items() if not name or each.count)
    titled = [(say("trend.all", lang), "", everyone), *((_name(name, lang), name, steps) for name in shown)]
    rows: list[Row] = [
        [*heads(lang, "scan"), *(str(scan.id) for scan in scans)],
        [*heads(lang, "assessed"), *(locales.number(scan.assessed, lang) for scan in scans)],
        *([title, *(locales.percent(step[name].share, lang) for step in shares)] for title, name, shares in titled),
    ]
    head = [*heads(lang, "date"), *(locales.day(day, lang) for day in days)]
    yield Part(
        lead=say("lead.trend", lang, count=len(found.every_time)),
        chart=lines(series, moments, say("chart.trend", lang), ticks(lang)),
        grid=Grid(say("section.trend", lang), head, rows),
    )


def _name(network: str, lang: Language) -> str:
    """Return the name of a *network*, or of the threshold for ""."""
    return words.network_name(network) or f"≥\u00a0{say('summary.networks_count', lang, count=THREE_PLUS)}"


def moved(since: Comparison, addresses: Mapping[str, str], lang: Language) -> Iterator[Part]:
    """Yield the accounts gained, lost and renamed; a long list is folded if there are *addresses* of sheets, by id."""
    day = locales.day(words.scan_day(since.old), lang)
    for kind, columns in _LISTS.items():
        rows: list[Row] = [
            [
                Cell(words.institution_name(each.institution), addresses.get(each.institution.id, "")),
                words.network_name(each.network),
                *(link(getattr(each, url) or "") for url in columns.values()),
            ]
            for each in since.changes
            if each.change is kind
        ]
        if rows:
            title = say(f"change.{kind.value}", lang, count=len(rows), day=day)
            is_folded = len(rows) > _MOST_LINES and bool(addresses)
            grid = Grid(title, heads(lang, "institution", "network", *columns), rows, texts=2 + len(columns))
            yield Part(title="" if is_folded else title, grid=grid, is_folded=is_folded)


def since_words(since: Comparison, lang: Language) -> Mapping[str, str]:
    """Return what each institution compared gained and lost, in a sentence, by its id."""
    moves: dict[str, list[str]] = {each.id: [] for each in since.compared}
    for each in since.changes:
        if each.change in MARKS and each.institution.id in moves:
            moves[each.institution.id].append(f"{MARKS[each.change]}\u00a0{words.network_name(each.network)}")
    old, new = words.scan_day(since.old), words.scan_day(since.new)
    when = locales.day(old, lang) if (old.year, old.month) == (new.year, new.month) else locales.month(old, lang)
    return {
        id_: say("sheet.since" if found else "sheet.since_nothing", lang, when=when, moves=", ".join(found))
        for id_, found in moves.items()
    }


def _threshold(since: Comparison) -> ShareChange | None:
    """Return the share on three networks or more of those open each day; None if nothing was compared."""
    wanted = ("all", THREE_PLUS, Scope.EACH_DAY)
    return next((each for each in since.shares if (each.basket, each.k, each.scope) == wanted), None)


def change_sections(since: Comparison, lang: Language) -> Mapping[str, Sequence[Part]]:
    """Return the sections of the page of a comparison: who can be compared, what moved most, who gained and lost."""
    first, *others = (each.text for each in comparison_coverage(since, lang))
    sections: dict[str, Sequence[Part]] = {"coverage": [Part(lead=first, note=". ".join(others))]}
    if since.compared:
        found = [each for each in since.shares if each.network and each.points]
        ranked = sorted(found, key=lambda each: (-abs(each.points or 0), -each.new_count))
        old, new = (locales.short_day(words.scan_day(facts), lang) for facts in (since.old, since.new))
        series = []
        for each in filter(None, (_threshold(since), *ranked[:_MOST_LINES])):
            name = f"{_name(each.network, lang)} {locales.points(each.points, lang)}"
            series.append(Series(name, (each.old_share, each.new_share), is_strong=not each.network))
        chart = lines(series, [(0.0, old), (1.0, new)], say("chart.movers", lang), ticks(lang))
        grid, note = networks_grid(since, lang), say("compare.legend", lang)
        sections["movers"] = [Part(lead=say("lead.movers", lang), chart=chart, grid=grid, note=note)]
        sections["thresholds"] = [Part(grid=thresholds_grid(since, lang))]
    return sections | {"moved": list(moved(since, {}, lang))}


def change_headlines(since: Comparison, lang: Language) -> Iterator[Headline]:
    """Yield the figures of a comparison in large: the share now and before, and accounts gained and lost."""
    if share := _threshold(since):
        day, then = locales.day(words.scan_day(since.old), lang), locales.percent(share.old_share, lang)
        facts = [
            say("headline.before", lang, share=then, day=day),
            say("headline.points", lang, points=locales.points(share.points, lang)),
            say("headline.compared", lang, count=len(since.compared)),
        ]
        yield locales.percent(share.new_share, lang), say("headline.present", lang, count=THREE_PLUS), facts
    for kind in _LISTS:
        sites = [each.institution.id for each in since.changes if each.change is kind]
        if sites or kind is not Change.RENAMED:
            figure, name = say(f"headline.{kind.value}", lang, count=len(sites)).split(" ", 1)
            yield figure, name, [say("headline.sites", lang, count=len(set(sites)))] if sites else []


def change_sentence(since: Comparison, lang: Language) -> str:
    """Return what changed in one sentence: accounts, the share then and now, and over whom."""
    share = _threshold(since)
    if not since.compared or share is None:
        return say("compare.nothing", lang)
    old, new = (locales.percent(each, lang) for each in (share.old_share, share.new_share))
    key = "headline.stays" if old == new else "headline.moves"
    return say(
        "headline.change",
        lang,
        first=locales.day(words.scan_day(since.old), lang),
        last=locales.day(words.scan_day(since.new), lang),
        gained=say("headline.gained", lang, count=since.count(Change.GAINED)),
        lost=say("headline.losses", lang, count=since.count(Change.LOST)),
        share=say(key, lang, old=old, new=new, count=len(since.compared)),
    )
