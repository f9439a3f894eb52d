"""Two scans side by side: what changed, account by account and share by share."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from cegep_audit.analyze.change.compare import BASKETS, Change, Comparison, NetworkChange, Scope, ShareChange
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Block, Grid, Line, Row, Title, bullets, numbers
from cegep_audit.report.text import words

_NAMED = 5  # institutions that a line can name
_LISTED = 30  # institutions whose changes a screen lists
MARKS = {Change.GAINED: "+", Change.LOST: "−", Change.RENAMED: "~"}


def comparison_blocks(
    comparison: Comparison, lang: Language, advice: str = "", most: int | None = _LISTED
) -> Iterator[Block]:
    """Yield the report of *comparison*, with the changes of at most *most* institutions (None: of all).

    *advice* says what can be done where the rules are not the same.
    """
    old, new = comparison.old, comparison.new
    days = {side: locales.day(words.scan_day(facts), lang) for side, facts in (("old_day", old), ("new_day", new))}
    yield Title(say("compare.title", lang, old=str(old.id), new=str(new.id), **days), 1)
    yield from comparison_cautions(comparison, lang, advice)
    yield from comparison_coverage(comparison, lang)
    if not comparison.compared:
        yield Line(say("compare.nothing", lang), "warn", is_apart=True)
        return
    yield thresholds_grid(comparison, lang)
    yield networks_grid(comparison, lang)
    yield Line(say("compare.legend", lang), "dim")
    yield from _changes(comparison, lang, most)
    yield Line(say("compare.test", lang), "dim", is_apart=True)


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
        ids = ", ".join(new.id for _, new in comparison.renamed[:_NAMED])
        yield Line(f"{say('compare.renamed_institution', lang, count=len(comparison.renamed))} ({ids})", "strong")
    for facts in (old, new):
        if facts.ended_at is None:
            yield Line(say("compare.interrupted", lang, scan=str(facts.id)), "strong")


def comparison_coverage(comparison: Comparison, lang: Language) -> Iterator[Line]:
    """Yield how many institutions can be compared, and which cannot, entered or left, by name if they are few."""
    missing = {
        change.institution.id: change.institution
        for change in comparison.changes
        if change.change is Change.NOT_COMPARABLE
    }
    yield Line(say("compare.compared", lang, count=len(comparison.compared)), "strong", is_apart=True)
    groups = {
        "not_comparable": tuple(missing.values()),
        "entered": comparison.entered,
        "left": comparison.left,
    }
    for key, institutions in groups.items():
        if institutions:
            yield Line(say(f"compare.{key}", lang, count=len(institutions)) + words.named(institutions))


def thresholds_grid(comparison: Comparison, lang: Language) -> Grid:
    """Return the share on three networks or more: over the networks open on each day, then for each basket."""
    wanted = [("all", Scope.EACH_DAY), *((name, Scope.BOTH_DAYS) for name in BASKETS)]
    shares = {(each.basket, each.scope): each for each in comparison.shares if each.k == THREE_PLUS}
    rows = [
        [
            say(f"basket.{name}", lang) if name != "all" else say(f"compare.{scope}", lang),
            *_cells(share, lang),
            _interval(share, lang),
        ]
        for name, scope in wanted
        if (share := shares.get((name, scope)))  # a basket of fewer open networks has no such share
    ]
    return _grid(say("compare.shares", lang, count=THREE_PLUS), ("old", "new", "points", "p", "interval"), rows, lang)


def _interval(share: ShareChange, lang: Language) -> str:
    if share.interval is None:
        return "—"
    low, high = (locales.points(100 * end, lang) for end in share.interval)
    return f"[{low}; {high}]"


def networks_grid(comparison: Comparison, lang: Language) -> Grid:
    """Return each network with an institution on it: both shares, how many gained, lost and renamed, and the test."""
    renamed = [each.network for each in comparison.changes if each.change is Change.RENAMED]
    rows: list[Row] = []
    for share in comparison.shares:
        if share.measure == "network" and (share.old_count or share.new_count):
            *shares, _ = _cells(share, lang)
            counts = numbers(lang, share.gained, share.lost, renamed.count(share.network))
            rows.append([words.network_name(share.network), *shares, *counts, locales.p_value(share.p_holm, lang)])
    names = ("old", "new", "points", "gained", "lost", "renamed", "p_holm")
    return _grid(say("compare.networks", lang), names, rows, lang)


def _cells(share: ShareChange, lang: Language) -> list[str]:
    shares = (locales.percent(each, lang) for each in (share.old_share, share.new_share))
    return [*shares, locales.points(share.points, lang), locales.p_value(share.p_value, lang)]


def _grid(title: str, names: Sequence[str], rows: Sequence[Row], lang: Language) -> Grid:
    return Grid(title, [title, *(say(f"moved.{name}", lang) for name in names)], rows)


def _changes(comparison: Comparison, lang: Language, most: int | None) -> Iterator[Block]:
    """Yield who gained, lost or renamed what, one institution a line."""
    kinds = (Change.GAINED, Change.LOST, Change.RENAMED, Change.KEPT)
    yield Line(say("compare.accounts", lang), "strong", is_apart=True)
    yield Line(say("compare.counts", lang, **{change.value: comparison.count(change) for change in kinds}))
    moved = [each for each in comparison.changes if each.change in MARKS]
    lines = [_line(list(changes), lang) for _, changes in groupby(moved, key=lambda each: each.institution.id)]
    yield bullets(lines[:most])
    if most is not None and len(lines) > most:
        yield Line(say("compare.more", lang, count=len(lines) - most))


def _line(changes: Sequence[NetworkChange], lang: Language) -> str:
    marked = ", ".join(f"{MARKS[each.change]}\u00a0{words.network_name(each.network)}" for each in changes)
    return say("table.pair", lang, term=words.institution_name(changes[0].institution), text=marked)
