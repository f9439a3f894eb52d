"""Names and short phrases that several reports share: networks, columns, causes, measures, tests."""

from collections.abc import Sequence
from datetime import date

from cegep_audit.analyze.findings import Figures, Records, ScanFacts
from cegep_audit.detect.networks.identify import name_of
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import known, say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import plain
from cegep_audit.vocabulary import ReadBy

FEW_MARK = " *"  # beside a group of few
_NAMED = 5  # institutions that one line can name


def network_name(name: str) -> str:
    """Return the name of a network, its id if the rules no longer have it."""
    return name_of(name) or plain(name)


def institution_name(each: Institution) -> str:
    """Return the short name of an institution, its name if it has none."""
    return plain(each.short_name or each.name)


def named(institutions: Sequence[Institution], *, are_named: bool = False) -> str:
    """Return the names of *institutions* in brackets after a space.

    "" where they are too many for a line, unless *are_named* asks for all.
    """
    is_short = are_named or len(institutions) <= _NAMED
    return f" ({', '.join(map(institution_name, institutions))})" if is_short else ""


def merged_words(merged: Sequence[tuple[Institution, Institution]], lang: Language) -> str:
    """Return how many institutions go on in another one, and the first of them: ``old → new``."""
    pairs = ", ".join(f"{was.id} → {heir.id}" for was, heir in merged[:_NAMED])
    return f"{say('compare.merged', lang, count=len(merged))} ({pairs})"


def detail_words(detail: str, lang: Language) -> str:
    """Return a *detail* code in words: ``réponse HTTP 403`` for ``http_403``; an unknown code unchanged."""
    if detail.startswith("http_"):
        return say("detail.http", lang, status=detail.removeprefix("http_"))
    return say(f"detail.{detail}", lang) if known(f"detail.{detail}") else plain(detail)


def column_name(column: str, lang: Language) -> str:
    """Return the name of a registry *column* in words; a column of the user's own keeps its name."""
    return say(f"column_name.{column}", lang) if known(f"column_name.{column}") else plain(column)


def crossed_name(columns: Sequence[str], lang: Language) -> str:
    """Return the name of crossed registry *columns*: ``type × langue``."""
    return " × ".join(column_name(column, lang) for column in columns)


def measure_words(measure: str, lang: Language) -> str:
    """Return what a *measure* is called: ``at_least_3`` or ``assessed`` in words, or the name of a network."""
    if known(f"head.{measure}"):
        return say(f"head.{measure}", lang)
    k = measure.removeprefix("at_least_")
    return say("head.at_least_k", lang, count=int(k)) if k != measure else network_name(measure)


def difference_words(column: str, tests: Records, k: int, lang: Language) -> str:
    """Return whether the groups of a registry *column* differ in the share on at least *k* networks, in one line.

    *tests* are the rows of the group tests of that column; without a row for *k* there was nothing to test.
    """
    caption = say("grid.tests", lang, column=column_name(column, lang))
    test = next((row for row in tests if row["measure"] == f"at_least_{k}"), None)
    if test is None:
        return say("test.untested", lang, caption=caption)
    value = locales.p_value(test["p"], lang)
    p = value if value.startswith("<") else f"= {value}"
    name, effect = say(f"test.{test['test']}", lang), locales.decimal(test["cramers_v"], lang, digits=2)
    return say("test.result", lang, caption=caption, test=name, p=p, effect=effect)


def center_words(figures: Figures, lang: Language, key: str = "summary.center") -> str:
    """Return mean, median, quartiles and maximum in the sentence *key*; at least one site of *figures* is assessed."""
    low, high = (locales.number(quartile, lang) for quartile in figures.quartiles or (0, 0))
    median = locales.number(figures.median or 0, lang)
    mean = locales.decimal(figures.mean, lang)
    return say(key, lang, mean=mean, median=median, low=low, high=high, maximum=figures.maximum or 0)


def unlisted_words(figures: Figures, lang: Language) -> list[str]:
    """Return sentences on networks that nobody is on, that were closed, and that were not open yet, if any."""
    absent = [network_name(name) for name, share in figures.networks.items() if not share.count]
    closed = [f"{network_name(name)} ({locales.number(count, lang)})" for name, count in figures.closed.items()]
    early = [f"{network_name(name)} ({locales.number(count, lang)})" for name, count in figures.not_yet_open.items()]
    found = [("summary.no_network", absent), ("summary.closed", closed), ("sure.not_yet_open", early)]
    return [say(key, lang, names=", ".join(names)) for key, names in found if names]


def assessed_words(figures: Figures, lang: Language) -> str:
    """Return how many institutions were assessed, and their share of all."""
    share = locales.percent(figures.assessed / figures.institutions if figures.institutions else None, lang)
    return say("summary.assessed", lang, count=figures.assessed, total=figures.institutions, share=share)


def scan_day(facts: ScanFacts) -> date:
    """Return the day of a scan: the day asked of an archive, else that of its first capture, else of its start."""
    return facts.asked_day or (facts.captured[0] if facts.captured else facts.started_at.date())


def days_words(facts: ScanFacts, lang: Language) -> str:
    """Return when the pages of a scan were captured: ``le 15 novembre 2026``, ``du 3 mai 2011 au 7 juin 2012``."""
    first, last = (locales.day(day, lang) for day in facts.captured or (facts.started_at.date(),) * 2)
    return say("paper.on" if first == last else "paper.between", lang, day=first, first=first, last=last)


def months_words(facts: ScanFacts, lang: Language) -> str:
    """Return the months of capture: ``en novembre 2026``, ``de mai 2011 à juin 2012``."""
    first, last = (locales.month(day, lang) for day in facts.captured or (facts.started_at.date(),) * 2)
    return say("paper.in_month" if first == last else "paper.in_months", lang, month=first, first=first, last=last)


def reading_words(result: InstitutionResult, lang: Language) -> str:
    """Return how the pages of an assessed site were obtained: ``live``, ``web archive, May 2016``."""
    mode = say(f"read_mode.{result.read_by or ReadBy.LIVE}", lang)
    if result.read_by is ReadBy.ARCHIVE and result.captured_at is not None:
        return f"{mode}, {locales.month(result.captured_at, lang)}"
    return mode
