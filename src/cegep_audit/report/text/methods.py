"""The paragraph on hand coding for the methods section of a paper, in French and English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cegep_audit.analyze.findings import Estimate
from cegep_audit.coding.agreement import LEVELS, OVERALL, TOOL, Agreement, Coder, Comparison
from cegep_audit.coding.coefficients import RESAMPLES
from cegep_audit.coding.decisions import CONSENSUS
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import LOCALES, Language
from cegep_audit.text import plain


def methods_paragraph(found: Agreement, lang: Language) -> str:
    """Return what a paper has to say of the coding behind *found*: who, how, and how well they agree."""
    return " ".join(_sentences(found, lang))


def _sentences(found: Agreement, lang: Language) -> Iterator[str]:
    day = locales.day(found.scan.started_at, lang)
    people = [coder for coder in found.coders if not coder.is_list and coder.name != CONSENSUS]
    for key, is_blind in (("coded_blind", True), ("coded_shown", False)):
        if names := [plain(coder.name) for coder in people if coder.is_blind is is_blind]:
            coders = _joined(names, lang)
            yield say(f"methods.{key}", lang, coders=coders, scan=str(found.scan.id), day=day)
    yield say("methods.rule", lang)
    if any(coder.name == CONSENSUS for coder in found.coders):
        yield say("methods.consensus", lang)
    if any(each.is_weighted for each in found.comparisons):
        yield say("methods.sample", lang)
    for each in found.comparisons:
        yield from sample_words(each, lang) if each.first == TOOL else ()
        yield from _pair(each, lang) if each.levels["presence"][OVERALL].rows else ()
    yield from _cautions(found, people, lang)


def _cautions(found: Agreement, people: Sequence[Coder], lang: Language) -> Iterator[str]:
    """Yield the agreement of all coders together, and what the table warns of too."""
    if len(people) > 2:  # noqa: PLR2004 - of two, the pair says it
        alphas = {level: with_interval(found.alpha[level], lang) for level in LEVELS}
        yield say("methods.all_coders", lang, **alphas)
    yield say("methods.intervals", lang, resamples=RESAMPLES)
    yield from (say("agreement.not_blind", lang, coder=plain(coder.name)) for coder in people if not coder.is_blind)
    if found.comparisons:
        yield say("agreement.caution", lang)


def sample_words(each: Comparison, lang: Language) -> Iterator[str]:
    """Yield what is missing of the sample that the figures of *each* are weighted by; nothing where all is decided."""
    if each.sampled and each.sampled.undone:
        yield say("agreement.undone", lang, count=each.sampled.undone)
    if each.sampled and each.sampled.empty:
        yield say("agreement.empty_strata", lang, names=", ".join(map(plain, each.sampled.empty)))


_AGAINST = {"precision": "methods.of_precision", "recall": "methods.of_recall", "f1": "methods.of_f1"}


def _pair(each: Comparison, lang: Language) -> Iterator[str]:
    presence, account = (each.levels[level][OVERALL] for level in ("presence", "account"))
    is_tool = each.first == TOOL
    figures = presence.figures
    yield say(
        "methods.pair",
        lang,
        first=say("methods.name_tool", lang) if is_tool else plain(each.first),
        second=plain(each.second),
        count=presence.rows,
        agreement=locales.percent(figures["agreement"].value, lang),
        kappa=with_interval(figures["kappa"], lang),
        alpha=with_interval(figures["alpha"], lang),
        prevalence=locales.percent(figures["prevalence"].value, lang),
        account=locales.percent(account.figures["agreement"].value, lang),
    )
    if is_tool:
        shares = [
            say(key, lang, value=locales.percent(figures[name].value, lang))
            for name, key in _AGAINST.items()
            if figures[name].value is not None
        ]
        if shares:
            yield say("methods.against", lang, second=plain(each.second), figures=_joined(shares, lang))


def with_interval(estimate: Estimate, lang: Language) -> str:
    """Return a coefficient with its interval, in words where it is not defined."""
    if estimate.value is None:
        return say("methods.undefined", lang)
    value = coefficient(estimate.value, lang)
    if estimate.ci95 is None:
        return value
    low, high = (coefficient(bound, lang) for bound in estimate.ci95)
    return f"{value} [{low}; {high}]"


def _joined(names: Sequence[str], lang: Language) -> str:
    if len(names) == 1:
        return names[0]
    return say("methods.and", lang, first=", ".join(names[:-1]), second=names[-1])


def rater_name(name: str, lang: Language) -> str:
    """Return what a rater is called: the tool in the reader's language, a coder as it signs."""
    return say("agreement.tool", lang) if name == TOOL else plain(name)


def coefficient(value: float | None, lang: Language) -> str:
    """Return a coefficient of agreement with three decimals, ``0,857`` or ``0.857``; a dash where there is none."""
    if value is None:
        return "—"
    from babel.numbers import format_decimal

    return str(format_decimal(value, format="0.000", locale=LOCALES[lang]))
