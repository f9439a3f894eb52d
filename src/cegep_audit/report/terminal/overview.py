"""The summary of a scan on a terminal: one report of at most 80 columns, readable from 40 on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.completion import attained
from cegep_audit.analyze.coverage import causes
from cegep_audit.analyze.findings import FEW, Figures, Proportion, Summary
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.models import Scan
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import known, say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import group_words
from cegep_audit.report.terminal.screen import Paragraph, column_name, detail_words, network_name, plain_table
from cegep_audit.report.text.completion import completion_lines
from cegep_audit.report.text.paragraph import citation, drawn_words, paragraph
from cegep_audit.vocabulary import Status

WIDTH = 80  # columns of a report, however wide the terminal
FEW_MARK = " *"  # beside a group of few
_NAMED = 5  # institutions that a line can name
_FIRST_KS = (1, 2, THREE_PLUS)


def summary_view(
    scan: Scan, summaries: Sequence[Summary], lang: Language, differences: Sequence[str] = ()
) -> RenderableType:
    """Return the report of *scan*: coverage, presence for the basket of each summary, networks of the first.

    *summaries* are of one scan and not empty; *differences* say whether the groups of the first differ, one line a
    column. Readable from 40 columns on; never wider than :data:`WIDTH`.
    """
    blocks = [
        _title(summaries[0], lang),
        *_coverage(scan, summaries[0], lang),
        *(_presence(summaries, lang, differences) if summaries[0].figures.assessed else ()),
        *_citation(summaries[0], lang),
    ]
    return Constrain(Group(*blocks), WIDTH)


def methods_view(summary: Summary, lang: Language) -> RenderableType:
    """Return the methods paragraph of a paper on *summary*, on one line where a program reads it."""
    return Paragraph(paragraph(summary, lang))


def _title(summary: Summary, lang: Language) -> RenderableType:
    facts = summary.scan
    title = say("summary.title", lang, scan=str(facts.id), day=locales.day(facts.started_at, lang))
    return Paragraph(title, "bold")


def _coverage(scan: Scan, summary: Summary, lang: Language) -> Iterator[RenderableType]:
    """How many were assessed; why the others were not, with their names where they are few."""
    figures = summary.figures
    yield Text()
    share = locales.percent(figures.assessed / figures.institutions if figures.institutions else None, lang)
    yield Paragraph(
        say("summary.assessed", lang, count=figures.assessed, total=figures.institutions, share=share), "bold"
    )
    yield from map(Paragraph, completion_lines(attained(scan, summary.basket), lang))
    if partial := figures.by_status[Status.PARTIAL]:
        yield Paragraph(say("summary.partial", lang, count=partial))
    yield from map(Paragraph, drawn_words(summary.scan, lang))
    if missing := figures.institutions - figures.assessed:
        yield Text()
        yield Paragraph(say("summary.not_assessed", lang, count=missing), "bold")
        for cause in causes(scan):
            names = ", ".join(each.short_name or each.name for each in cause.institutions)
            line = cause_words(cause.status, cause.detail, len(cause.institutions), lang)
            yield Paragraph(f"  {line} ({names})" if len(cause.institutions) <= _NAMED else f"  {line}", hang=4)
    if not figures.assessed:
        yield Text()
        yield Paragraph(say("summary.none_assessed", lang), "bold red")


def cause_words(status: Status | None, detail: str, count: int, lang: Language) -> str:
    """Return why *count* sites were not assessed, in words: ``injoignables, délai dépassé : 3``."""
    said = say(f"status.{status or 'not_visited'}", lang)
    if not detail:
        return say("summary.cause_bare", lang, status=said, count=count)
    return say("summary.cause", lang, status=said, detail=detail_words(detail, lang), count=count)


def _presence(summaries: Sequence[Summary], lang: Language, differences: Sequence[str]) -> Iterator[RenderableType]:
    first = summaries[0]
    figures = first.figures
    yield Text()
    yield _thresholds(summaries, lang)
    for baseline in _comparable(first):
        yield Text()
        yield Paragraph(getattr(baseline, f"caution_{lang}"), "dim")
    yield Text()
    yield _networks(first, lang)
    yield from _unlisted(figures, lang)
    yield Text()
    yield Paragraph(center_words(figures, lang))
    if first.groups is not None:
        yield Text()
        yield _groups(first, first.groups, lang)
        yield from _notes_on_groups(first, first.groups, lang)
        yield from map(Paragraph, differences)
    yield Text()
    yield from _cautions(first, lang)


def _notes_on_groups(
    summary: Summary, groups: Mapping[tuple[str, ...], Figures], lang: Language
) -> Iterator[RenderableType]:
    yield Paragraph(say("summary.group_share", lang, count=next(iter(summary.figures.at_least))), "dim")
    if any(group.is_few for group in groups.values()):
        yield Paragraph(say("summary.few", lang, count=FEW), "dim")


def center_words(figures: Figures, lang: Language) -> str:
    """Return mean, median, quartiles and maximum in one sentence; *figures* are of one assessed site or more."""
    low, high = (locales.number(quartile, lang) for quartile in figures.quartiles or (0, 0))
    return say(
        "summary.center",
        lang,
        mean=locales.decimal(figures.mean, lang),
        median=locales.number(figures.median or 0, lang),
        low=low,
        high=high,
        maximum=figures.maximum,
    )


def _thresholds(summaries: Sequence[Summary], lang: Language) -> Table:
    """Share on one, two, three or more networks for each basket, and the published figures below, in one column."""
    table = _figures_table(say("summary.at_least", lang), summaries[0], lang)
    for summary in summaries:
        name = summary.basket
        title = say(f"basket.{name}", lang) if known(f"basket.{name}") else say("basket.other", lang, name=name)
        table.add_row(Text(title, "bold"))
        at_least = summary.figures.at_least
        for k in sorted({*_FIRST_KS, next(iter(at_least))} & set(at_least)):
            style = "bold" if k == next(iter(at_least)) else ""
            cells = _cells(at_least[k], summary, lang)
            table.add_row(Text(f"  {say('summary.networks_count', lang, count=k)}"), *cells, style=style)
    for baseline in _comparable(summaries[0]):
        heading = say("summary.baseline", lang, year=str(baseline.year), study=baseline.study)
        table.add_row(Text(heading, "bold"))
        threshold = say("summary.networks_count", lang, count=baseline.k or 0)
        value = locales.percent(baseline.value, lang, digits=0)
        table.add_row(Text(f"  {threshold}"), Text("—"), Text(value))
    return table


def _comparable(summary: Summary) -> list[Baseline]:
    """Return the published figures that are shares on at least so many networks, as the table has."""
    return [baseline for baseline in summary.baselines if baseline.measure == "min_networks"]


def _networks(summary: Summary, lang: Language) -> Table:
    """Share on each network that somebody is on, most frequent first."""
    table = _figures_table(say("summary.networks", lang), summary, lang)
    for name, proportion in summary.figures.networks.items():
        if proportion.count:
            table.add_row(Text(network_name(name)), *_cells(proportion, summary, lang))
    return table


def _unlisted(figures: Figures, lang: Language) -> Iterator[RenderableType]:
    """The networks that nobody is on, and those that were closed."""
    if absent := [network_name(name) for name, proportion in figures.networks.items() if not proportion.count]:
        yield Paragraph(say("summary.no_network", lang, names=", ".join(absent)))
    if closed := [f"{network_name(name)} ({locales.number(count, lang)})" for name, count in figures.closed.items()]:
        yield Paragraph(say("summary.closed", lang, names=", ".join(closed)))


def _groups(summary: Summary, groups: Mapping[tuple[str, ...], Figures], lang: Language) -> Table:
    """The headline share of each group, a mark at those of few."""
    k = next(iter(summary.figures.at_least))
    names = " × ".join(column_name(column, lang) for column in summary.by)
    table = plain_table(say("summary.by", lang, column=names))
    for heading in ("assessed", "count", "share", "mean"):
        table.add_column(Text(say(f"column.{heading}", lang)), justify="right", no_wrap=True)
    for values, group in groups.items():
        proportion = group.at_least[k]
        table.add_row(
            Text(f"{group_words(summary.by, values, lang)}{FEW_MARK if group.is_few else ''}"),
            Text(f"{locales.number(group.assessed, lang)}/{locales.number(group.institutions, lang)}"),
            Text(locales.number(proportion.count, lang)),
            Text(locales.percent(proportion.share, lang)),
            Text(locales.decimal(group.mean, lang)),
        )
    return table


def _cautions(summary: Summary, lang: Language) -> Iterator[RenderableType]:
    yield Paragraph(say("summary.lower_bound", lang), "dim")
    if summary.figures.assessed < summary.figures.institutions:
        yield Paragraph(say("summary.never_absent", lang), "dim")
    if summary.sample_of is not None:
        yield Paragraph(say("summary.interval", lang, population=summary.sample_of), "dim")


def _citation(summary: Summary, lang: Language) -> Iterator[RenderableType]:
    yield Text()
    if summary.scan.ended_at is None:
        yield Paragraph(say("summary.interrupted", lang), "bold")
    yield Paragraph(say("summary.cite", lang), "bold")
    yield Paragraph(citation(summary, lang))


def _figures_table(title: str, summary: Summary, lang: Language) -> Table:
    """A table of proportions, with bounds where a site is missing and intervals for a sample."""
    table = plain_table(title)
    headings = ["count", "share"]
    if summary.figures.assessed < summary.figures.institutions:
        headings.append("bounds")
    if summary.sample_of is not None:
        headings.append("ci95")
    for heading in headings:
        may_fold = heading in {"bounds", "ci95"}  # where a narrow screen has to hold both
        headed = Text(say(f"column.{heading}", lang))
        table.add_column(headed, justify="right", no_wrap=not may_fold, overflow="fold")
    return table


def _cells(proportion: Proportion, summary: Summary, lang: Language) -> Iterator[Text]:
    yield Text(locales.number(proportion.count, lang))
    yield Text(locales.percent(proportion.share, lang))
    if summary.figures.assessed < summary.figures.institutions:
        yield Text(locales.span(proportion.bounds, lang))
    if summary.sample_of is not None:
        yield Text(locales.span(proportion.ci95, lang))
