"""The sections on presence: the headline, coverage, each network, how many networks, and the presence matrix."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from cegep_audit.analyze.findings import Figures, Proportion, shown_thresholds
from cegep_audit.analyze.institution.sheets import Sheet
from cegep_audit.analyze.presence import THREE_PLUS, causes, rendered_pages
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution
from cegep_audit.phrases import Language, locales, say, value_words
from cegep_audit.report.blocks import Cell, Grid, Row, Words, heads, numbers, shares_grid, web_address
from cegep_audit.report.page.parts import Headline, Part, chart, share_bar, ticks
from cegep_audit.report.text import words
from cegep_audit.report.text.words import institution_name, network_name
from cegep_audit.text import plain, slug
from cegep_audit.vocabulary import Need, ReadBy, Role, Status

MOST_BARS = 25  # networks that a chart shows: the others are in its table
_FILTERED = ("type", "region", "language")  # registry columns to choose by
_SHOWN = ("type", "region")  # those that have a column in the matrix if any institution has a value
_OWN = {ReadBy.NONE, ReadBy.LIVE, ReadBy.WARC}  # how a scan reads sites by itself
_SIGN = 2  # letters of a network's sign on a phone


def headlines(stats: ScanStatistics, lang: Language) -> Iterator[Headline]:
    """Yield the headline figures: presence, coverage, the mean, the most common network."""
    figures = stats.figures
    missing = figures.institutions - figures.assessed
    if figures.assessed:
        k, share = next(iter(figures.at_least.items()))
        facts = _facts(share, figures, lang)
        for each in shown_thresholds(k):
            theirs = locales.percent(each.value, lang, digits=each.digits)
            facts.append(say("headline.baseline", lang, year=str(each.year), share=theirs, study=each.study))
        yield locales.percent(share.share, lang), say("headline.present", lang, count=k), facts
    read = say("headline.missing" if missing else "headline.all_read", lang, count=missing)
    title = say("headline.assessed", lang, total=figures.institutions)
    yield locales.number(figures.assessed, lang), title, [read]
    if figures.assessed:
        center = words.center_words(figures, lang, "headline.center")
        mean, title = say("headline.mean", lang, mean=locales.decimal(figures.mean, lang)).split(" ", 1)
        yield mean, title, [center]
    if figures.maximum:
        name, most = next(iter(figures.networks.items()))
        title = say("headline.first", lang, network=network_name(name))
        yield locales.percent(most.share, lang), title, _facts(most, figures, lang)


def _facts(share: Proportion, figures: Figures, lang: Language) -> list[str]:
    facts = [say("headline.of", lang, count=share.count, total=figures.assessed)]
    if figures.assessed < figures.institutions:
        facts.append(say("headline.bounds", lang, bounds=locales.span(share.bounds, lang)))
    if share.ci95 is not None:
        facts.append(say("headline.interval", lang, interval=locales.span(share.ci95, lang)))
    return facts


def coverage(stats: ScanStatistics, addresses: Mapping[str, str], lang: Language) -> Iterator[Part]:
    """Yield what was read and why the rest was not, and which sites a browser rendered; see :func:`matrix`."""
    figures = stats.figures
    said = [*words.completion_lines(stats.attained, lang)]
    said = said or [words.assessed_words(figures, lang)]
    if partial := figures.by_status[Status.PARTIAL]:
        said.append(say("summary.partial", lang, count=partial))
    found = [
        (
            words.detail_words(cause.detail, lang) if cause.detail else "—",
            say(f"status.{cause.status or 'not_visited'}", lang),
            [Cell(institution_name(each), addresses[each.id]) for each in cause.institutions],
        )
        for cause in causes(stats.scan)
    ]
    if found:
        said.append(say("lead.coverage", lang))
    yield Part(lead=" ".join(said), causes=found)
    rows: list[Row] = []
    for institution, pages in groupby(rendered_pages(stats.scan), key=lambda each: each[0]):
        met = {need for _, _, rendering in pages for need in rendering.needs}
        needs = ", ".join(say(f"need.{need}", lang) for need in Need if need in met)
        rows.append([Cell(plain(institution.name), addresses[institution.id]), needs])
    for lead in words.rendered_words(stats.facts, lang):
        yield Part(lead=lead, grid=Grid("", heads(lang, "institution", "needs"), rows, texts=2))


def networks(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield each network, the most frequent first."""
    figures = stats.figures
    found = {network_name(name): share for name, share in figures.networks.items() if share.count}
    shown = [share_bar(name, share, lang) for name, share in list(found.items())[:MOST_BARS]]
    label = say("chart.networks", lang, first=shown[0].name, last=shown[-1].name) if shown else ""
    yield Part(
        lead=say("lead.networks_whole" if figures.assessed == figures.institutions else "lead.networks", lang),
        chart=chart("bars", label, rows=shown, ticks=ticks(lang)) if shown else None,
        grid=shares_grid(say("section.networks", lang), say("head.network", lang), found, figures, lang),
        note=" ".join(words.unlisted_words(figures, lang)),
    )


def thresholds(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield the share on at least so many networks, and the distribution of their number."""
    figures, asked = stats.figures, stats.asked.min_networks
    shares, bars = {}, []
    for k, share in sorted(figures.at_least.items()):
        name = say("head.at_least_k", lang, count=k)
        shares[name] = share
        bars.append(share_bar(name, share, lang)._replace(is_strong=k >= asked))
        for each in shown_thresholds(k)[:1]:
            year, theirs = str(each.year), locales.percent(each.value, lang, digits=each.digits)
            mark = say("chart.baseline", lang, year=year, share=theirs)
            bars[-1] = bars[-1]._replace(mark=each.value, mark_text=mark)
    said = [getattr(each, f"caution_{lang}") for each in shown_thresholds(THREE_PLUS)]
    said += [*words.uncertainty_words(stats, lang), *words.sensitivity_words(stats.sensitivity, lang)]
    title, head = say("section.thresholds", lang), say("head.threshold", lang)
    yield Part(
        lead=say("lead.thresholds", lang),
        chart=chart("bars", say("chart.thresholds", lang), rows=bars, ticks=ticks(lang)),
        grid=shares_grid(title, head, shares, figures, lang),
        note=" ".join(said),
    )
    counts = list(figures.distribution.items())
    rows = [
        [*numbers(lang, number, count), locales.percent(count / figures.assessed, lang)] for number, count in counts
    ]
    label, axis = say("chart.distribution", lang), say("chart.networks_axis", lang)
    yield Part(
        lead=say("lead.distribution", lang),
        chart=chart("columns", label, counts=counts, strong_from=asked, axis=axis),
        grid=Grid("", heads(lang, "n_networks", "count", "share"), rows, texts=0),
    )


class Matrix(NamedTuple):
    """Institutions and networks, to sort, filter and search.

    ``titles`` head the columns of words; ``networks`` follow, each with id, title, and its abbreviation on a phone.
    ``choices`` are what one can choose by: column, title, and values with their words. Each of ``lines`` has the
    institution, the address of its sheet, its state, the state in words, its values in words, its number of networks,
    and a square for each network. The state is ``missing`` (not assessed), ``partial``, ``other`` (read by another mode
    than the scan's) or "". A square is the official account as a link, ``u`` (of a unit), ``x`` (not read) or "".
    """

    titles: Sequence[str]
    networks: Sequence[tuple[str, str, str]]
    choices: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]
    lines: Sequence[tuple[Institution, str, str, str, Sequence[str], str, Sequence[Words]]]


def matrix(stats: ScanStatistics, found: Sequence[Sheet], addresses: Mapping[str, str], lang: Language) -> Matrix:
    """Return the table of *found*; *addresses* are those of their sheets on the page, by the institution's id.

    A network has a column where a site shows an official account or a unit's; those that count come first, by how
    many are on them.
    """
    counts = stats.figures.networks
    units = [  # of each sheet, the known networks on which a unit of the institution has an account
        {each.network for each in (sheet.result.accounts if sheet.result else ()) if each.role is Role.UNIT}
        & NETWORKS.keys()
        for sheet in found
    ]
    met = {name for sheet in found if sheet.n_networks is not None for name in sheet.main}.union(*units)
    order = [name for name in (*counts, *(name for name in NETWORKS if name not in counts)) if name in met]
    shown = [column for column in _SHOWN if any(getattr(sheet.institution, column) for sheet in found)]
    own = _OWN | {ReadBy.ARCHIVE} if stats.scan.mode == "as_of" else _OWN
    lines = []
    for sheet, of_units in zip(found, units, strict=True):
        squares: dict[str, Words] = dict.fromkeys(of_units, "u")
        squares |= {name: Cell(plain(each.handle) or "●", web_address(each.url)) for name, each in sheet.main.items()}
        number = "?" if sheet.n_networks is None else locales.number(sheet.n_networks, lang)
        said = [_value(sheet.institution, column, lang) for column in shown]
        row = ["x" if sheet.n_networks is None else squares.get(name, "") for name in order]
        institution = sheet.institution
        lines.append((institution, addresses[institution.id], *_reading(sheet, own, lang), said, number, row))
    choices = []
    for column in _FILTERED:
        values = {plain(getattr(each.institution, column)): _value(each.institution, column, lang) for each in found}
        options = sorted(filter(all, values.items()), key=lambda option: slug(option[1]))
        choices.append((column, say(f"head.{column}", lang), options))
    states = [name for name in ("missing", "partial", "other") if any(line[2] == name for line in lines)]
    read = [(name, say(f"grid.{name}", lang)) for name in (["read", *states] if states else [])]
    choices.append(("state", say("grid.state", lang), read))
    return Matrix(
        titles=heads(lang, *shown),
        networks=[_network(name, lang, is_open=name in counts) for name in order],
        choices=[each for each in choices if len(each[2]) > 1],
        lines=lines,
    )


def _reading(sheet: Sheet, own: set[ReadBy], lang: Language) -> tuple[str, str]:
    """Return the state of a line and the words for it."""
    if sheet.n_networks is None or sheet.result is None:
        return "missing", say("grid.missing", lang)
    if sheet.result.status is Status.PARTIAL:
        return "partial", say("grid.partial", lang)
    if sheet.result.read_by in own:
        return "", ""
    mode = say(f"read_mode.{sheet.result.read_by}", lang)
    if sheet.result.read_by is ReadBy.ARCHIVE and sheet.result.captured_at is not None:
        mode = f"{mode}, {locales.month(sheet.result.captured_at, lang)}"
    return "other", mode


def _value(institution: Institution, column: str, lang: Language) -> str:
    value = plain(getattr(institution, column))
    return value_words(column, value, lang) if value else ""


def _network(name: str, lang: Language, *, is_open: bool) -> tuple[str, str, str]:
    called = network_name(name)
    bare = called.partition(" (")[0]
    capitals = re.sub("[^A-Z]", "", bare)
    sign = (capitals if len(capitals) >= _SIGN else bare)[:_SIGN]
    return name, called if is_open else say("grid.closed", lang, network=called), sign
