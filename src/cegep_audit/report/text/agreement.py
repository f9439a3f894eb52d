"""The report on agreement between the tool and the coders, and its paragraph for a methods section."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cegep_audit.analyze.findings import Estimate
from cegep_audit.coding.agreement import LEVELS, Agreement, AtLevel, Comparison
from cegep_audit.coding.coefficients import COEFFICIENTS, FIGURES, RESAMPLES
from cegep_audit.coding.decisions import CONSENSUS, TOOL
from cegep_audit.phrases import Language, locales, say
from cegep_audit.report.blocks import Block, Grid, Line, Row, Title, grid, heads, listed, numbers
from cegep_audit.report.text.words import network_name
from cegep_audit.text import plain

_LISTED = 30  # differences that a screen lists
_FEWEST = 5  # rows that a network needs to get a line of figures


def agreement_blocks(found: Agreement, lang: Language) -> Iterator[Block]:
    """Yield the report of *found*: each pair of raters, each list from elsewhere, and the methods paragraph."""
    day = locales.day(found.scan.started_at, lang)
    yield Title(say("agreement.title", lang, scan=str(found.scan.id), day=day), 1)
    for each in found.comparisons:
        yield from _comparison(each, found, lang)
    if sum(not coder.is_list for coder in found.coders) > 2:  # noqa: PLR2004 - of two, the pair says it
        yield Line(say("agreement.all_coders", lang, **_alphas(found, lang)), is_apart=True)
    for of in found.overlaps:
        first, second = _rater_name(of.first, lang), _rater_name(of.second, lang)
        yield Title(say("agreement.list", lang, first=first, second=second))
        parts = (("both", "", of.both), ("only", first, of.first_only), ("only", second, of.second_only))
        for key, rater, items in parts:
            yield Line(say(f"agreement.{key}", lang, count=len(items), rater=rater), "strong")
            lines = [", ".join((*_names(item).values(), item["account_url"])) for item in items]
            yield from listed(lines, _LISTED, "agreement.more", lang)
        if of.not_assessed:
            yield Line(say("agreement.list_not_assessed", lang, count=of.not_assessed))
        yield Line(say("agreement.no_total", lang), "dim")
    if found.comparisons:
        yield Line(say("agreement.caution", lang), "dim", is_apart=True)
        yield Line(say("agreement.methods", lang), "strong", is_apart=True)
        yield Line(methods_paragraph(found, lang))


def _comparison(each: Comparison, found: Agreement, lang: Language) -> Iterator[Block]:
    first, second = _rater_name(each.first, lang), _rater_name(each.second, lang)
    whole = each.presence.overall
    yield Title(say("agreement.pair", lang, first=first, second=second))
    institutions = say("table.institutions", lang, count=whole.institutions)
    yield Line(say("agreement.rows", lang, count=whole.rows, institutions=institutions))
    for cause, count in each.left_out.items():
        yield Line(say(f"agreement.{cause}", lang, count=count))
    if each.first == TOOL and not any(coder.name == each.second and coder.is_blind for coder in found.coders):
        yield Line(say("agreement.not_blind", lang, coder=each.second))
    if not whole.rows:
        return
    of_first, of_second = (
        heads(lang, "says_present", "says_absent", of="agreement", rater=rater) for rater in (first, second)
    )
    counts = numbers(lang, *(whole.table[cell] for cell in ("both", "first_only", "second_only", "neither")))
    rows = [[of_first[0], *counts[:2]], [of_first[1], *counts[2:]]]
    yield grid(say("agreement.table", lang), of_second, rows)
    accounts = each.account.overall.table
    yield Line(say("agreement.accounts", lang, both=accounts["both"], different=accounts["different"]))
    yield _figures(each, lang)
    yield Line(say("agreement.reference", lang, second=second), "dim")
    if each.sampled.weighted:
        yield Line(say("agreement.weighted", lang), "dim")
        yield from map(Line, _sample_words(each, lang))
    for name, level in (("presence", each.presence), ("account", each.account)):
        yield from _by_network(level, say(f"agreement.{name}", lang), lang)
    if each.differences:
        yield Line(say("agreement.differences", lang, count=len(each.differences)), "strong", is_apart=True)
        nothing = say("agreement.nothing", lang)
        facts = ({key: said or nothing for key, said in item.items()} | _names(item) for item in each.differences)
        lines = [say("agreement.difference", lang, **item) for item in facts]
        yield from listed(lines, _LISTED, "agreement.more", lang)


def _figures(each: Comparison, lang: Language) -> Grid:
    """Return a grid with one figure a row and its interval at both levels."""
    parts = [each.presence.overall, each.account.overall]
    names = [*FIGURES, *(f"{name}_unweighted" for name in COEFFICIENTS if each.sampled.weighted)]
    rows = []
    for name in names:
        values = (_value(name, part.figures[name], lang, with_interval=True) for part in parts)
        rows.append([say(f"agreement.{name}", lang), *values])
    return grid(say("agreement.figures", lang), heads(lang, *LEVELS, of="agreement"), rows)


def _value(name: str, estimate: Estimate, lang: Language, *, with_interval: bool = False) -> str:
    is_coefficient = name.removesuffix("_unweighted") in COEFFICIENTS
    value = locales.decimal(estimate.value, lang, digits=3) if is_coefficient else locales.percent(estimate.value, lang)
    if with_interval and estimate.ci95 and estimate.value is not None:
        coefficients = " – ".join(locales.decimal(bound, lang, digits=3) for bound in estimate.ci95)
        value = f"{value} ({coefficients if is_coefficient else locales.span(estimate.ci95, lang)})"
    return value


def _by_network(level: AtLevel, name: str, lang: Language) -> Iterator[Block]:
    parts = {say("basket.classic", lang): level.classic}
    parts |= {network_name(network): part for network, part in level.networks.items() if part.rows >= _FEWEST}
    rows: list[Row] = []
    for heading, part in parts.items():
        values = (_value(figure, part.figures[figure], lang) for figure in FIGURES)
        rows.append([heading, *numbers(lang, part.rows), *values])
    title = say("agreement.by_network", lang, level=name)
    shorts = heads(lang, *(f"short_{figure}" for figure in FIGURES), of="agreement")
    yield Line(title, "strong", is_apart=True)
    yield Grid(title, [*heads(lang, "network", "count", of="column"), *shorts], rows)
    few = [f"{network_name(name)} ({part.rows})" for name, part in level.networks.items() if part.rows < _FEWEST]
    if few:
        yield Line(say("agreement.few", lang, names=", ".join(few)), "dim")


def _names(item: Mapping[str, Any]) -> dict[str, str]:
    name = item["institution"] or item["institution_id"]
    return {"institution": plain(name), "network": network_name(item["network"])}


def methods_paragraph(found: Agreement, lang: Language) -> str:
    """Return the paragraph of a paper on the coding behind *found*: who, how, and how well they agree."""
    return " ".join(_sentences(found, lang))


def _sentences(found: Agreement, lang: Language) -> Iterator[str]:
    scan = {"scan": str(found.scan.id), "day": locales.day(found.scan.started_at, lang)}
    people = [coder for coder in found.coders if not coder.is_list and coder.name != CONSENSUS]
    for key, is_blind in (("coded_blind", True), ("coded_shown", False)):
        if names := [plain(coder.name) for coder in people if coder.is_blind is is_blind]:
            yield say(f"methods.{key}", lang, coders=_joined(names, lang), **scan)
    yield say("methods.rule", lang)
    if any(coder.name == CONSENSUS for coder in found.coders):
        yield say("methods.consensus", lang)
    if any(each.sampled.weighted for each in found.comparisons):
        yield say("methods.sample", lang)
    for each in found.comparisons:
        yield from _sample_words(each, lang) if each.first == TOOL else ()
        presence, account = each.presence.overall, each.account.overall
        if not presence.rows:
            continue
        first = say("methods.name_tool", lang) if each.first == TOOL else plain(each.first)
        second = plain(each.second)
        said = {name: _value(name, estimate, lang) for name, estimate in presence.figures.items()}
        said |= {name: _bracketed(presence.figures[name], lang) for name in COEFFICIENTS}
        same = locales.percent(account.figures["agreement"].value, lang)
        yield say("methods.pair", lang, **said, first=first, second=second, count=presence.rows, account=same)
        known = [name for name in ("precision", "recall", "f1") if presence.figures[name].value is not None]
        if each.first == TOOL and known:
            figures = _joined([say(f"methods.of_{name}", lang, value=said[name]) for name in known], lang)
            yield say("methods.against", lang, second=second, figures=figures)
    if len(people) > 2:  # noqa: PLR2004 - of two, the pair says it
        yield say("methods.all_coders", lang, **_alphas(found, lang))
    yield say("methods.intervals", lang, resamples=RESAMPLES)
    yield from (say("agreement.not_blind", lang, coder=plain(coder.name)) for coder in people if not coder.is_blind)
    if found.comparisons:
        yield say("agreement.caution", lang)


def _sample_words(each: Comparison, lang: Language) -> Iterator[str]:
    """Yield which part of the sample behind the weights of *each* is not decided yet, if any."""
    if each.sampled.rows_undone:
        yield say("agreement.undone", lang, count=each.sampled.rows_undone)
    if each.sampled.empty_strata:
        yield say("agreement.empty_strata", lang, names=", ".join(map(plain, each.sampled.empty_strata)))


def _alphas(found: Agreement, lang: Language) -> dict[str, str]:
    return {level: _bracketed(found.alpha[level], lang) for level in LEVELS}


def _bracketed(estimate: Estimate, lang: Language) -> str:
    """Return a coefficient with its interval in brackets; if it is undefined, say so in words."""
    if estimate.value is None:
        return say("methods.undefined", lang)
    interval = "; ".join(locales.decimal(bound, lang, digits=3) for bound in estimate.ci95 or ())
    return locales.decimal(estimate.value, lang, digits=3) + (f" [{interval}]" if interval else "")


def _joined(names: Sequence[str], lang: Language) -> str:
    *others, last = names
    return say("methods.and", lang, first=", ".join(others), second=last) if others else last


def _rater_name(name: str, lang: Language) -> str:
    """Return the name of a rater: the tool in the reader's language, a coder by its initials."""
    return say("agreement.tool", lang) if name == TOOL else plain(name)
