"""How well tool and coders agree, on a terminal, with the paragraph for a methods section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from cegep_audit.analyze.findings import Estimate
from cegep_audit.coding.agreement import BASKETS, CLASSIC, LEVELS, OVERALL, TOOL, Agreement, Comparison, Level
from cegep_audit.coding.coefficients import FIGURES
from cegep_audit.coding.overlap import Named, Overlap
from cegep_audit.coding_records import Unit
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.overview import WIDTH
from cegep_audit.report.terminal.screen import Paragraph, network_name, plain_table
from cegep_audit.report.text.methods import coefficient, methods_paragraph, rater_name, sample_words, with_interval
from cegep_audit.text import plain

_COEFFICIENTS = frozenset({"kappa", "alpha"})  # between -1 and 1; the others are shares
_SHOWN_AT_MOST = 30  # differences that a screen lists
_FEWEST = 5  # rows of a network whose figures are worth a line


def agreement_view(found: Agreement, lang: Language) -> RenderableType:
    """Return the report of *found*: each pair of raters, each list from elsewhere, and the methods paragraph."""
    day = locales.day(found.scan.started_at, lang)
    title = say("agreement.title", lang, scan=str(found.scan.id), day=day)
    blocks: list[RenderableType] = [Paragraph(title, "bold")]
    blind = {coder.name for coder in found.coders if coder.is_blind}
    for each in found.comparisons:
        blocks += _comparison(each, found, blind, lang)
    if sum(not coder.is_list for coder in found.coders) > 2:  # noqa: PLR2004 - of two, the pair says it
        values = {level: with_interval(found.alpha[level], lang) for level in LEVELS}
        blocks += [Text(), Paragraph(say("agreement.all_coders", lang, **values))]
    for overlap in found.overlaps:
        blocks += _overlap(overlap, found, lang)
    if found.comparisons:
        blocks += [Text(), Paragraph(say("agreement.caution", lang), "dim")]
        blocks += [Text(), Paragraph(say("agreement.methods", lang), "bold")]
        blocks.append(Paragraph(methods_paragraph(found, lang)))
    return Constrain(Group(*blocks), WIDTH)


def _comparison(each: Comparison, found: Agreement, blind: set[str], lang: Language) -> Iterator[RenderableType]:
    first, second = rater_name(each.first, lang), rater_name(each.second, lang)
    whole = each.levels["presence"][OVERALL]
    yield Text()
    yield Paragraph(say("agreement.pair", lang, first=first, second=second), "bold underline")
    institutions = say("table.institutions", lang, count=whole.institutions)
    yield Paragraph(say("agreement.rows", lang, count=whole.rows, institutions=institutions))
    for cause, count in each.left_out.items():
        yield Paragraph(say(f"agreement.{cause}", lang, count=count))
    if each.first == TOOL and each.second not in blind:
        yield Paragraph(say("agreement.not_blind", lang, coder=each.second))
    if not whole.rows:
        return
    yield Text()
    yield _confusion(each, first, second, lang)
    accounts = each.levels["account"][OVERALL].table
    yield Paragraph(say("agreement.accounts", lang, both=accounts.both, different=accounts.different))
    yield Text()
    yield _overall(each, lang)
    yield Paragraph(say("agreement.reference", lang, second=second), "dim")
    if each.is_weighted:
        yield Paragraph(say("agreement.weighted", lang), "dim")
        yield from (Paragraph(words) for words in sample_words(each, lang))
    for level in LEVELS:
        yield from _by_network(each, level, lang)
    yield from _differences(each, found, lang)


def _confusion(each: Comparison, first: str, second: str, lang: Language) -> Table:
    counts = each.levels["presence"][OVERALL].table
    table = plain_table(say("agreement.table", lang))
    for key in ("says_present", "says_absent"):
        table.add_column(Text(say(f"agreement.{key}", lang, rater=second)), justify="right")
    lines = (("says_present", counts.both, counts.first_only), ("says_absent", counts.second_only, counts.neither))
    for key, *numbers in lines:
        cells = (Text(locales.number(number, lang)) for number in numbers)
        table.add_row(Text(say(f"agreement.{key}", lang, rater=first)), *cells)
    return table


def _overall(each: Comparison, lang: Language) -> Table:
    """Every figure of both levels with its interval, one a line."""
    table = plain_table(say("agreement.figures", lang))
    for level in LEVELS:
        table.add_column(Text(say(f"agreement.{level}", lang)), justify="right")
    parts = [each.levels[level][OVERALL] for level in LEVELS]
    for name in FIGURES:
        table.add_row(_heading(name, lang), *(_with_interval(name, part.figures[name], lang) for part in parts))
    if each.is_weighted:
        for name in ("kappa", "alpha"):
            cells = (_with_interval(name, part.unweighted[name], lang) for part in parts)
            table.add_row(_heading(f"{name}_unweighted", lang), *cells)
    return table


def _heading(name: str, lang: Language) -> Text:
    return Text(say(f"agreement.{name}", lang))


def _with_interval(name: str, estimate: Estimate, lang: Language) -> Text:
    if estimate.ci95 is None or estimate.value is None:
        return Text(_value(name, estimate, lang))
    if name in _COEFFICIENTS:
        low, high = (coefficient(bound, lang) for bound in estimate.ci95)
        return Text(f"{_value(name, estimate, lang)} ({low} – {high})")
    return Text(f"{_value(name, estimate, lang)} ({locales.span(estimate.ci95, lang)})")


def _value(name: str, estimate: Estimate, lang: Language) -> str:
    return coefficient(estimate.value, lang) if name in _COEFFICIENTS else locales.percent(estimate.value, lang)


def _by_network(each: Comparison, level: Level, lang: Language) -> Iterator[RenderableType]:
    table = plain_table(say("column.network", lang))
    table.add_column(Text(say("column.count", lang)), justify="right")
    for name in FIGURES:
        table.add_column(Text(say(f"agreement.short_{name}", lang)), justify="right", no_wrap=True)
    few = []
    for network, part in each.levels[level].items():
        if network != CLASSIC and (network in BASKETS or part.rows < _FEWEST):
            few += [] if network in BASKETS else [f"{network_name(network)} ({part.rows})"]
            continue
        name = say("basket.classic", lang) if network == CLASSIC else network_name(network)
        cells = (Text(_value(figure, part.figures[figure], lang)) for figure in FIGURES)
        table.add_row(Text(name), Text(locales.number(part.rows, lang)), *cells)
    yield Text()
    yield Paragraph(say("agreement.by_network", lang, level=say(f"agreement.{level}", lang)), "bold")
    yield table
    if few:
        yield Paragraph(say("agreement.few", lang, names=", ".join(few)), "dim")


def _differences(each: Comparison, found: Agreement, lang: Language) -> Iterator[RenderableType]:
    if not each.differences:
        return
    yield Text()
    yield Paragraph(say("agreement.differences", lang, count=len(each.differences)), "bold")
    for item in each.differences[:_SHOWN_AT_MOST]:
        said = {side: getattr(item, side) or say("agreement.nothing", lang) for side in ("first", "second")}
        line = say("agreement.difference", lang, **_names(item.unit, found), **said)
        yield Paragraph(f"  {line}", hang=4)
    yield from _more(len(each.differences), lang)


def _overlap(each: Overlap, found: Agreement, lang: Language) -> Iterator[RenderableType]:
    first, second = rater_name(each.first, lang), rater_name(each.second, lang)
    yield Text()
    yield Paragraph(say("agreement.list", lang, first=first, second=second), "bold underline")
    yield from _accounts(say("agreement.both", lang, count=len(each.both)), each.both, found, lang)
    for rater, items in ((first, each.first_only), (second, each.second_only)):
        yield from _accounts(say("agreement.only", lang, count=len(items), rater=rater), items, found, lang)
    if each.not_assessed:
        yield Paragraph(say("agreement.list_not_assessed", lang, count=each.not_assessed))
    yield Paragraph(say("agreement.no_total", lang), "dim")


def _accounts(heading: str, items: Sequence[Named], found: Agreement, lang: Language) -> Iterator[RenderableType]:
    yield Paragraph(heading, "bold")
    for item in items[:_SHOWN_AT_MOST]:
        names = _names(item.unit, found)
        yield Paragraph(f"  {names['institution']}, {names['network']} {item.account_url}", hang=4)
    yield from _more(len(items), lang)


def _more(count: int, lang: Language) -> Iterator[RenderableType]:
    if count > _SHOWN_AT_MOST:
        yield Paragraph(f"  {say('agreement.more', lang, count=count - _SHOWN_AT_MOST)}", hang=4)


def _names(unit: Unit, found: Agreement) -> dict[str, str]:
    name = found.names.get(unit.institution_id) or unit.institution_id
    return {"institution": plain(name), "network": network_name(unit.network)}
