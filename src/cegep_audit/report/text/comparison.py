"""Two or more scans side by side: what changed, account by account and share by share."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from cegep_audit.analyze.change.compare import BASKETS, Change, Comparison, Scope, ShareChange
from cegep_audit.analyze.change.trend import Population, Trend
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.models import Institution
from cegep_audit.phrases import Language, locales, say
from cegep_audit.report.blocks import Block, Grid, Line, Row, Title, grid, heads, listed, numbers
from cegep_audit.report.text import words

_MOST_NAMED = 5  # institutions that a line can name
_LISTED = 30  # institutions whose changes a screen lists
_ABREAST = 5  # scans of a trend that 80 columns hold
MARKS = {Change.GAINED: "+", Change.LOST: "−", Change.RENAMED: "~"}


def comparison_blocks(
    comparison: Comparison, lang: Language, advice: str = "", most: int | None = _LISTED
) -> Iterator[Block]:
    """Yield the report of *comparison*: changes of *most* institutions (None: all), *advice* if rules differ."""
    yield Title(comparison_title(comparison, lang), 1)
    yield from comparison_cautions(comparison, lang, advice)
    yield from comparison_coverage(comparison, lang)
    if not comparison.compared:
        yield Line(say("compare.nothing", lang), "warn", is_apart=True)
        return
    yield thresholds_grid(comparison, lang)
    yield networks_grid(comparison, lang)
    yield Line(say("compare.legend", lang), "dim")
    yield Line(say("compare.accounts", lang), "strong", is_apart=True)
    counts = {change.value: comparison.count(change) for change in (*MARKS, Change.KEPT)}
    yield Line(say("compare.counts", lang, **counts))
    lines = []  # who gained, lost or renamed what, one institution a line
    moved = (each for each in comparison.changes if each.change in MARKS)
    for institution, changes in groupby(moved, key=lambda each: each.institution):
        marked = ", ".join(f"{MARKS[each.change]}\u00a0{words.network_name(each.network)}" for each in changes)
        lines.append(say("table.pair", lang, term=words.institution_name(institution), text=marked))
    yield from listed(lines, most, "compare.more", lang)
    yield Line(say("compare.test", lang), "dim", is_apart=True)


def comparison_title(comparison: Comparison, lang: Language) -> str:
    """Return which scans are compared, and their days."""
    old, new = comparison.old, comparison.new
    old_day, new_day = (locales.day(words.scan_day(facts), lang) for facts in (old, new))
    return say("compare.title", lang, old=str(old.id), new=str(new.id), old_day=old_day, new_day=new_day)


def comparison_cautions(comparison: Comparison, lang: Language, advice: str = "") -> Iterator[Line]:
    """Yield reasons why a difference may come from the scans: other rules, a browser, a merger, an early stop."""
    old, new = comparison.old, comparison.new
    if not comparison.has_same_rules:
        versions = {"old": old.rules_version, "new": new.rules_version}
        yield Line(say("compare.rules", lang, **versions), "strong", is_apart=True)
        if advice:
            yield Line(advice)
    rendered = [facts for facts in (old, new) if facts.rendered]
    if len(rendered) == 1:
        yield Line(say("compare.rendered", lang, scan=str(rendered[0].id)), "strong")
    if comparison.merged:
        yield Line(words.merged_words(comparison.merged, lang), "strong")
    if comparison.renamed:
        ids = ", ".join(new.id for _, new in comparison.renamed[:_MOST_NAMED])
        yield Line(f"{say('compare.renamed_institution', lang, count=len(comparison.renamed))} ({ids})", "strong")
    for facts in (old, new):
        if facts.ended_at is None:
            yield Line(say("compare.interrupted", lang, scan=str(facts.id)), "strong")


def comparison_coverage(comparison: Comparison, lang: Language) -> Iterator[Line]:
    """Yield how many institutions can be compared, and which cannot, entered or left, by name if they are few."""
    changes = (each for each in comparison.changes if each.change is Change.NOT_COMPARABLE)
    missing = {each.institution.id: each.institution for each in changes}
    yield Line(say("compare.compared", lang, count=len(comparison.compared)), "strong", is_apart=True)
    groups = {"not_comparable": tuple(missing.values()), "entered": comparison.entered, "left": comparison.left}
    yield from _named(lang, **groups)


def _named(lang: Language, **groups: Sequence[Institution]) -> Iterator[Line]:
    for key, found in groups.items():
        if found:
            yield Line(say(f"compare.{key}", lang, count=len(found)) + words.named(found))


def thresholds_grid(comparison: Comparison, lang: Language) -> Grid:
    """Return the share on three networks or more: over the networks open on each day, then for each basket."""
    wanted = [("all", Scope.EACH_DAY), *((name, Scope.BOTH_DAYS) for name in BASKETS)]
    shares = {(each.basket, each.scope): each for each in comparison.shares if each.k == THREE_PLUS}
    rows = []
    for name, scope in wanted:
        if share := shares.get((name, scope)):  # a basket with fewer open networks has no such share
            ends = "; ".join(locales.points(100 * end, lang) for end in share.interval or ())
            title = say(f"compare.{scope}" if name == "all" else f"basket.{name}", lang)
            p = locales.p_value(share.p_value, lang)
            rows.append([title, *_shares(share, lang), p, f"[{ends}]" if ends else "—"])
    title = say("compare.shares", lang, count=THREE_PLUS)
    return grid(title, heads(lang, "old", "new", "points", "p", "interval", of="moved"), rows)


def networks_grid(comparison: Comparison, lang: Language) -> Grid:
    """Return each network with an institution on it: both shares, how many gained, lost and renamed, and the test."""
    renamed = [each.network for each in comparison.changes if each.change is Change.RENAMED]
    rows = []
    for share in comparison.shares:
        if share.measure == "network" and (share.old_count or share.new_count):
            counts = numbers(lang, share.gained, share.lost, renamed.count(share.network))
            p = locales.p_value(share.p_holm, lang)
            rows.append([words.network_name(share.network), *_shares(share, lang), *counts, p])
    names = ("old", "new", "points", "gained", "lost", "renamed", "p_holm")
    return grid(say("compare.networks", lang), heads(lang, *names, of="moved"), rows)


def _shares(share: ShareChange, lang: Language) -> list[str]:
    both = (locales.percent(each, lang) for each in (share.old_share, share.new_share))
    return [*both, locales.points(share.points, lang)]


def trend_blocks(trend: Trend, lang: Language) -> Iterator[Block]:
    """Yield the report of *trend*: one column a scan, one row a share. Scans that do not fit go into further tables."""
    yield Title(say("trend.title", lang, count=len(trend.scans)), 1)
    if not trend.has_same_rules:
        versions = ", ".join(dict.fromkeys(scan.rules_version for scan in trend.scans))
        yield Line(say("trend.rules", lang, versions=versions), "strong")
    days = [(scan.asked_day or scan.day).isoformat() for scan in trend.scans]
    yield Line(say("trend.all", lang), "strong", is_apart=True)
    yield from _tables(trend, Population.ALL, days, lang)
    if trend.every_time:
        yield Line(say("trend.every_time", lang, count=len(trend.every_time)), "strong", is_apart=True)
        yield from _tables(trend, Population.EVERY_TIME, days, lang)
    else:
        yield Line(say("trend.nobody_every_time", lang), is_apart=True)
    for (before, after), move in zip(pairwise(days), trend.moves, strict=True):
        if move.entered or move.left or move.merged:
            yield Line(say("trend.between", lang, before=before, after=after), "strong", is_apart=True)
            yield from _named(lang, entered=move.entered, left=move.left)
            if move.merged:
                yield Line(words.merged_words(move.merged, lang))
    yield Line(say("trend.dash", lang), "dim", is_apart=True)


def _tables(trend: Trend, population: Population, days: Sequence[str], lang: Language) -> Iterator[Grid]:
    """Yield the shares of one population, a few scans at a time; those of all also say what each scan is."""
    shares = [[each for each in of_scan if each.population is population] for of_scan in trend.shares]
    met = {each.network for of_scan in shares for each in of_scan if each.count}
    for begin in range(0, len(days), _ABREAST):
        shown = slice(begin, begin + _ABREAST)
        baskets, networks, facts = list[Row](), list[Row](), list[Row]()
        for row in zip(*shares[shown], strict=True):
            cells = [locales.percent(share.share, lang) for share in row]
            if row[0].measure == "min_networks":
                baskets.append([f"  {say(f'basket.{row[0].basket}', lang)}", *cells])
            elif row[0].network in met:
                networks.append([f"  {words.network_name(row[0].network)}", *cells])
        if population is Population.ALL:
            scans = trend.scans[shown]
            coverage = ("/".join(numbers(lang, each.assessed, len(each.institutions))) for each in scans)
            drifts = [each.largest_drift_days for each in scans]
            facts += [[say("trend.scan", lang), *(str(each.id) for each in scans)]]
            facts += [[say("trend.assessed", lang), *coverage]]
            if set(drifts) != {None}:
                cells = ["—" if drift is None else locales.number(drift, lang) for drift in drifts]
                facts += [[say("trend.drift", lang), *cells]]
        rows = [*baskets, [say("compare.networks", lang)], *networks, *facts]
        yield grid(say("trend.at_least", lang), days[shown], rows)
