"""Formats numbers, percentages, dates and durations for a reader, and picks their language."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Literal

Language = Literal["fr", "en"]

LOCALES: Mapping[Language, str] = {"fr": "fr_CA", "en": "en_CA"}
_PERCENT: Mapping[Language, str] = {"fr": "\u00a0%", "en": "%"}
_LEAST_P = 0.001  # smaller p-values are shown as "<0.001"


def pick_language(option: str | None, environ: Mapping[str, str]) -> Language:
    """Return the language to print in: that of the *option*, else the locale's, else French.

    The first of LC_ALL, LC_MESSAGES and LANG that is set decides (POSIX.1-2024, 8.2). An unsupported language gives
    English, and no language (C, POSIX) gives French.
    """
    found = filter(None, (option, *(environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))))
    name = next(found, "").partition(".")[0].partition("@")[0]
    return "fr" if name in {"", "C", "POSIX"} or name.lower().startswith("fr") else "en"


class Figure(str):
    """A number as a reader writes it; its format may be two nouns, ``page|pages``: the one that agrees follows it."""

    __slots__ = ("category",)
    category: str  # of the plural: ``one`` or ``other``

    def __format__(self, nouns: str) -> str:
        return f"{self} {nouns.split('|')[self.category != 'one']}" if nouns else str(self)


@lru_cache(maxsize=10_000)  # a page repeats the same figures, and Babel is slow
def _figure(value: float | None, pattern: str | None, lang: Language) -> Figure:
    """Return *value* in a Unicode number *pattern* (None: the locale's own), or a dash for None."""
    from babel import Locale  # slow to import, and commands without figures do not need it
    from babel.numbers import format_decimal

    with localcontext(Context(rounding=ROUND_HALF_UP)):  # as in spreadsheets, so that page and workbook agree
        text = "—" if value is None else str(format_decimal(value, format=pattern, locale=LOCALES[lang]))
    figure = Figure(text if re.search("[1-9]", text) else text.lstrip("+-−"))  # zero has no sign
    digits = re.sub(r"[^\d.]", "", text.replace(",", "." if lang == "fr" else ""))
    # French has the singular below two. Its category ``many`` is for "un million de", which does not occur here.
    category = Locale.parse(LOCALES[lang]).plural_form(Decimal(digits or 0))
    figure.category = "one" if category == "one" else "other"
    return figure


def number(value: float, lang: Language) -> Figure:
    """Return *value* with the reader's separators: ``12 345`` or ``12,345``."""
    return _figure(value, None, lang)


def decimal(value: float | None, lang: Language, digits: int = 1) -> str:
    """Return *value* with *digits* decimals, ``3,7`` or ``3.7``; a dash for None."""
    return _figure(value, f"#,##0.{'0' * digits}", lang)


def percent(share: float | None, lang: Language, digits: int = 1) -> str:
    """Return a *share* from 0 to 1 as a percentage, ``62,3 %`` or ``62.3%``; a dash for None."""
    return _figure(share, f"#,##0{'.' if digits else ''}{'0' * digits}{_PERCENT[lang]}", lang)


def points(difference: float | None, lang: Language) -> str:
    """Return a *difference* in percentage points with its sign, ``+12,5`` or ``−3.0``; a dash for None."""
    return _figure(difference, "+#,##0.0;−#,##0.0", lang)


def p_value(value: float | None, lang: Language) -> str:
    """Return the p-value of a test with three decimals, ``0,031`` or ``<0.001``; a dash for None."""
    if value is not None and value < _LEAST_P:
        return f"<{_figure(_LEAST_P, '0.000', lang)}"
    return _figure(value, "0.000", lang)


def span(bounds: tuple[float, float] | None, lang: Language) -> str:
    """Return two shares as a range of percentages, ``58,3–71,2 %``; a dash for None."""
    low, high = (percent(share, lang) for share in bounds or (None, None))
    return f"{low.rstrip('%').rstrip()}–{high}" if bounds else low


def day(moment: date, lang: Language) -> str:
    """Return a date in full, ``23 novembre 2026`` or ``November 23, 2026``; a *moment* counts in UTC."""
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    text = _date(moment, "long", lang)
    return text.replace("1 ", "1er ", 1) if lang == "fr" and moment.day == 1 else text


def short_day(moment: date, lang: Language) -> str:
    """Return a date as an axis names it: ``23 nov. 2026``, ``Nov. 23, 2026``."""
    return _date(moment, "medium", lang)


def month(moment: date, lang: Language) -> str:
    """Return the month and year of a date: ``novembre 2026``, ``November 2026``."""
    return _date(moment, "MMMM y", lang)


def _date(moment: date, form: str, lang: Language) -> str:
    from babel.dates import format_date

    return str(format_date(moment, form, locale=LOCALES[lang]))


def minute(moment: datetime) -> str:
    """Return a *moment* to the minute, in UTC, the same in both languages: ``2026-11-23 18:00``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Return *seconds* in the two largest units that count, the same in both languages: ``2 min 05 s``."""
    minutes, left_s = divmod(max(0, round(seconds)), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {left_s:02d} s" if minutes else f"{left_s} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
