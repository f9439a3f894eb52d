"""Two scans side by side on a terminal: what changed, account by account and share by share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from cegep_audit.analyze.compare import BASKETS, Change, Comparison, NetworkChange, Scope, ShareChange
from cegep_audit.analyze.findings import ScanFacts
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.models import Institution
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.overview import WIDTH
from cegep_audit.report.terminal.screen import Paragraph, network_name, plain_table

_NAMED = 5  # institutions that a line can name
_LISTED = 30  # institutions whose changes a screen lists
_MARKS = {Change.GAINED: "+", Change.LOST: "−", Change.RENAMED: "~"}


def comparison_view(comparison: Comparison, lang: Language, advice: str = "") -> RenderableType:
    """Return the report of *comparison*, readable from 60 columns on and never wider than ``overview.WIDTH``.

    *advice* says what can be done where the rules are not the same.
    """
    blocks = [_title(comparison, lang), *_cautions(comparison, lang, advice), *_coverage(comparison, lang)]
    if comparison.compared:
        blocks += [Text(), _thresholds(comparison, lang), Text(), _networks(comparison, lang)]
        blocks += [Paragraph(say("compare.legend", lang), "dim"), *_list(comparison, lang)]
        blocks += [Text(), Paragraph(say("compare.test", lang), "dim")]
    else:
        blocks += [Text(), Paragraph(say("compare.nothing", lang), "bold red")]
    return Constrain(Group(*blocks), WIDTH)


def day_of(facts: ScanFacts, lang: Language) -> str:
    """Return the day that a scan is of, in full: the one asked of an archive, else that of its first capture."""
    day = facts.asked_day or (facts.captured[0] if facts.captured else facts.started_at)
    return locales.day(day, lang)


def _title(comparison: Comparison, lang: Language) -> RenderableType:
    old, new = comparison.old, comparison.new
    facts = {"old": str(old.id), "old_day": day_of(old, lang), "new": str(new.id), "new_day": day_of(new, lang)}
    return Paragraph(say("compare.title", lang, **facts), "bold")


def _cautions(comparison: Comparison, lang: Language, advice: str) -> Iterator[RenderableType]:
    old, new = comparison.old, comparison.new
    if not comparison.has_same_rules:
        yield Text()
        yield Paragraph(say("compare.rules", lang, old=old.rules_version, new=new.rules_version), "bold")
        if advice:
            yield Paragraph(advice)
    drawn = [facts for facts in (old, new) if facts.rendered]
    if len(drawn) == 1:
        yield Paragraph(say("compare.drawn", lang, scan=str(drawn[0].id)), "bold")
    for facts in (old, new):
        if facts.ended_at is None:
            yield Paragraph(say("compare.interrupted", lang, scan=str(facts.id)), "bold")


def _coverage(comparison: Comparison, lang: Language) -> Iterator[RenderableType]:
    """How many can be compared; who cannot, who entered and who left, by name where they are few."""
    missing = {
        change.institution.id: change.institution
        for change in comparison.changes
        if change.change is Change.NOT_COMPARABLE
    }
    yield Text()
    yield Paragraph(say("compare.compared", lang, count=len(comparison.compared)), "bold")
    for key, institutions in (
        ("not_comparable", tuple(missing.values())),
        ("entered", comparison.entered),
        ("left", comparison.left),
    ):
        if institutions:
            yield Paragraph(say(f"compare.{key}", lang, count=len(institutions)) + named(institutions), hang=4)
    if comparison.renamed:
        ids = ", ".join(new.id for _, new in comparison.renamed[:_NAMED])
        yield Paragraph(f"{say('compare.renamed_institution', lang, count=len(comparison.renamed))} ({ids})", "bold")


def named(institutions: Sequence[Institution]) -> str:
    """Return the names of *institutions* in brackets after a space, "" where they are too many for a line."""
    names = ", ".join(each.short_name or each.name for each in institutions)
    return f" ({names})" if len(institutions) <= _NAMED else ""


def _thresholds(comparison: Comparison, lang: Language) -> Table:
    """The share on three networks or more: over those open each day, and for each basket over the same twice."""
    table = _moved_table(say("compare.shares", lang, count=THREE_PLUS), ("old", "new", "points", "p", "interval"), lang)
    wanted = [("all", Scope.EACH_DAY), *((name, Scope.BOTH_DAYS) for name in BASKETS)]
    shares = {(each.basket, each.scope): each for each in comparison.shares if each.k == THREE_PLUS}
    for name, scope in wanted:
        title = say(f"basket.{name}", lang) if name != "all" else say(f"compare.{scope}", lang)
        if share := shares.get((name, scope)):  # a basket of fewer open networks has no such share
            low, high = (locales.points(100 * end, lang) for end in share.interval or (0.0, 0.0))
            interval = f"[{low}; {high}]" if share.interval else "—"
            table.add_row(Text(title), *_share_cells(share, lang), Text(interval))
    return table


def _networks(comparison: Comparison, lang: Language) -> Table:
    """Each network that somebody is on: both shares, how many gained, lost and renamed, and the test."""
    headings = ("old", "new", "points", "gained", "lost", "renamed", "p_holm")
    table = _moved_table(say("compare.networks", lang), headings, lang)
    for share in comparison.shares:
        if share.measure == "network" and (share.old_count or share.new_count):
            renamed = sum(
                each.change is Change.RENAMED and each.network == share.network for each in comparison.changes
            )
            old, new, points, _ = _share_cells(share, lang)
            p = Text(locales.p_value(share.p_holm, lang))
            numbers = (Text(locales.number(number, lang)) for number in (share.gained, share.lost, renamed))
            table.add_row(Text(network_name(share.network)), old, new, points, *numbers, p)
    return table


def _share_cells(share: ShareChange, lang: Language) -> tuple[Text, Text, Text, Text]:
    return (
        Text(locales.percent(share.old_share, lang)),
        Text(locales.percent(share.new_share, lang)),
        Text(locales.points(share.points, lang)),
        Text(locales.p_value(share.p_value, lang)),
    )


def _moved_table(title: str, headings: Iterable[str], lang: Language) -> Table:
    table = plain_table(title)
    for heading in headings:
        table.add_column(Text(say(f"moved.{heading}", lang)), justify="right", no_wrap=True)
    return table


def _list(comparison: Comparison, lang: Language) -> Iterator[RenderableType]:
    """Who gained, lost or renamed what, one institution a line, as many as a screen bears."""
    counts = {
        change.value: comparison.count(change) for change in (Change.GAINED, Change.LOST, Change.RENAMED, Change.KEPT)
    }
    yield Text()
    yield Paragraph(say("compare.accounts", lang), "bold")
    yield Paragraph(say("compare.counts", lang, **counts))
    moved = [each for each in comparison.changes if each.change in _MARKS]
    lines = [_line(list(changes)) for _, changes in groupby(moved, key=lambda each: each.institution.id)]
    yield from (Paragraph(f"  {line}", hang=4) for line in lines[:_LISTED])
    if len(lines) > _LISTED:
        yield Paragraph("  " + say("compare.more", lang, count=len(lines) - _LISTED))


def _line(changes: Sequence[NetworkChange]) -> str:
    institution = changes[0].institution
    marked = ", ".join(f"{_MARKS[each.change]}\u00a0{network_name(each.network)}" for each in changes)
    return f"{institution.short_name or institution.name}\u00a0: {marked}"
