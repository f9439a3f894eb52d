"""The summary of a scan: coverage, presence, networks, groups, and the effect of coders' decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import FEW, Figures, shown_thresholds
from cegep_audit.analyze.presence import THREE_PLUS, causes
from cegep_audit.models import Scan
from cegep_audit.phrases import Language, group_words, known, locales, say
from cegep_audit.report import blocks
from cegep_audit.report.blocks import Block, Bullets, Grid, Line, Row, Title, grid, heads, numbers
from cegep_audit.report.text import words
from cegep_audit.vocabulary import Status

if TYPE_CHECKING:
    from cegep_audit.analyze.scan_statistics import ScanStatistics  # numpy comes with it
    from cegep_audit.coding.layers import LayerFacts  # the database comes with it

_MOST_NAMED = 20  # institutions not assessed: a report names them if there are no more
_FIRST_KS = (1, 2, THREE_PLUS)
_MOST_NETWORKS = 8  # in the summary of one screen


def summary_blocks(stats: ScanStatistics, others: Sequence[str], lang: Language) -> Iterator[Block]:
    """Yield the report of a scan: coverage, presence, networks, groups; and presence over the baskets *others*."""
    facts, figures, is_stopped = stats.facts, stats.figures, stats.facts.ended_at is None
    key = "summary.title" if facts.captured else "summary.title_of_nothing"
    mode = say(f"mode.{facts.mode}", lang)
    yield Title(say(key, lang, scan=str(facts.id), when=words.days_words(facts, lang), mode=mode), 1)
    yield Line(words.assessed_words(figures, lang), "strong", is_apart=True)
    yield from map(Line, words.completion_lines(stats.attained, lang))
    if partial := figures.by_status[Status.PARTIAL]:
        yield Line(say("summary.partial", lang, count=partial))
    yield from map(Line, words.rendered_words(facts, lang))
    if missing := figures.institutions - figures.assessed:
        yield Line(say("summary.not_assessed", lang, count=missing), "strong", is_apart=True)
        yield _causes(stats.scan, lang, are_named=missing <= _MOST_NAMED)
    if figures.assessed:
        yield from _presence(stats, others, lang)
    else:
        yield Line(say("summary.none_assessed", lang), "warn", is_apart=True)
    if is_stopped:
        yield Line(say("summary.interrupted", lang), "strong", is_apart=True)
    yield Line(say("summary.cite", lang), "strong", is_apart=not is_stopped)
    yield Line(words.citation(stats, lang))


def director_blocks(stats: ScanStatistics, lang: Language) -> Iterator[Block]:
    """Yield the headline, the most common networks, what could not be read, and how to cite the scan."""
    figures = stats.figures
    yield Title(say("page.title", lang), 1)
    yield Line(words.headline_sentence(stats, lang), "strong")
    if figures.assessed:
        yield Line(words.center_words(figures, lang))
        met = ((words.network_name(name), share) for name, share in figures.networks.items() if share.count)
        title = say("section.networks", lang)
        yield Title(title)
        yield blocks.shares_grid(title, say("head.network", lang), dict(islice(met, _MOST_NETWORKS)), figures, lang)
    if missing := figures.institutions - figures.assessed:
        yield Title(say("summary.not_assessed", lang, count=missing))
        yield _causes(stats.scan, lang)
        yield Line(say("summary.never_absent", lang))
    yield Line(say("summary.lower_bound", lang))
    yield Line(words.citation(stats, lang), "dim")


def _causes(scan: Scan, lang: Language, *, are_named: bool = False) -> Bullets:
    """Return why institutions of *scan* were not assessed, the number of each cause, and their names."""
    said = []
    for cause in causes(scan):
        key = "summary.cause" if cause.detail else "summary.cause_bare"
        status, detail = say(f"status.{cause.status or 'not_visited'}", lang), words.detail_words(cause.detail, lang)
        names = words.named(cause.institutions, are_named=are_named)
        said.append(say(key, lang, status=status, detail=detail, count=len(cause.institutions)) + names)
    return blocks.bullets(said)


def _presence(stats: ScanStatistics, others: Sequence[str], lang: Language) -> Iterator[Block]:
    """Yield the share on one, two, three or more networks for each basket, with published figures, then networks."""
    figures, asked, rows, strong = stats.figures, stats.asked, list[Row](), set()
    for basket, found in ((asked.basket, figures), *((name, stats.over(name)) for name in others)):
        key = f"basket.{basket}"
        rows.append([say(key, lang) if known(key) else say("basket.other", lang, name=basket)])
        for k in sorted({*_FIRST_KS, asked.min_networks} & set(found.at_least)):
            strong |= {len(rows)} if k == asked.min_networks else set()
            rows.append([f"  {_count(k, lang)}", *blocks.share_cells(found.at_least[k], found, lang)])
    for each in shown_thresholds():
        rows.append([say("summary.baseline", lang, year=str(each.year), study=each.study)])
        rows.append([f"  {_count(each.k or 0, lang)}", "—", locales.percent(each.value, lang, digits=each.digits)])
    title = say("summary.at_least", lang)
    yield Grid(title, [title, *blocks.share_heads(figures, lang)], rows, strong=frozenset(strong))
    for each in shown_thresholds():
        yield Line(getattr(each, f"caution_{lang}"), "dim", is_apart=True)
    met = {words.network_name(name): share for name, share in figures.networks.items() if share.count}
    title = say("summary.networks", lang)
    yield blocks.shares_grid(title, title, met, figures, lang)
    yield from map(Line, words.unlisted_words(figures, lang))
    yield Line(words.center_words(figures, lang), is_apart=True)
    if stats.asked.by:
        yield from _groups(stats, lang)
    yield Line(say("summary.lower_bound", lang), "dim", is_apart=True)
    if figures.assessed < figures.institutions:
        yield Line(say("summary.never_absent", lang), "dim")
    yield from (Line(said, "dim") for said in words.uncertainty_words(stats, lang))


def _count(k: int, lang: Language) -> str:
    return say("summary.networks_count", lang, count=k)


def _groups(stats: ScanStatistics, lang: Language) -> Iterator[Block]:
    """Yield the headline share of each group, those of few institutions with a mark, and whether the groups differ."""
    k, by = stats.asked.min_networks, stats.asked.by
    groups = stats.groups[by]
    rows = [
        [
            group_words(by, values, lang) + (words.FEW_MARK if group.is_few else ""),
            "/".join(numbers(lang, group.assessed, group.institutions)),
            locales.number(group.at_least[k].count, lang),
            locales.percent(group.at_least[k].share, lang),
            locales.decimal(group.mean, lang),
        ]
        for values, group in groups.items()
    ]
    title = say("summary.by", lang, column=words.column_name(lang, *by))
    yield grid(title, heads(lang, "assessed", "count", "share", "mean", of="column"), rows)
    yield Line(say("summary.group_share", lang, count=k), "dim")
    if any(group.is_few for group in groups.values()):
        yield Line(say("summary.few", lang, count=FEW), "dim")
    yield from (Line(words.difference_words(name, stats.group_tests_by(name), k, lang)) for name in by)


def layer_blocks(facts: LayerFacts, before: Figures, after: Figures, lang: Language) -> Iterator[Block]:
    """Yield how many institutions are on each network as detected and as coded, and how many rows were coded."""
    rows: list[Row] = []
    for k in _FIRST_KS:
        counts = (figures.at_least[k].count if k in figures.at_least else 0 for figures in (before, after))
        rows.append([f"≥ {_count(k, lang)}", *numbers(lang, *counts), ""])
    for name, now in after.networks.items():
        was = before.networks[name].count if name in before.networks else 0
        decided = facts.decided.get(name, 0)
        if was or now.count or decided:
            rows.append([words.network_name(name), *numbers(lang, was, now.count, decided)])
    yield Line("")
    yield grid(say("layer.title", lang), heads(lang, "detected", "coded", "decided", of="layer"), rows)
    institutions = say("table.institutions", lang, count=facts.institutions)
    yield Line(say("layer.basis", lang, count=sum(facts.decided.values()), institutions=institutions), is_apart=True)
    left = {"layer.not_assessed": facts.not_assessed, "review.disputed": facts.disputed, "review.lapsed": facts.lapsed}
    yield from (Line(say(key, lang, count=count)) for key, count in left.items() if count)
