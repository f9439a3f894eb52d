"""How a reader writes numbers, per cents, dates and durations, and which language they read.

Babel is imported where it is used: it costs what a command without figures need not pay.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Literal

Language = Literal["fr", "en"]

LOCALES: Mapping[Language, str] = {"fr": "fr_CA", "en": "en_CA"}
_SILENT = frozenset({"", "C", "POSIX"})  # locales that say nothing of a language
_PERCENT: Mapping[Language, str] = {"fr": "\u00a0%", "en": "%"}
_ROUNDING = Context(rounding=ROUND_HALF_UP)  # as spreadsheets round: page and workbook say the same
_UNKNOWN = "—"  # what stands where there is no figure
_MINUTE_S, _HOUR_S = 60, 3600
_REMEMBERED = 10_000  # figures as written: a page has the same ones over and over, and Babel takes its time
_P_DECIMALS = 3


def pick_language(option: str | None, environ: Mapping[str, str]) -> Language:
    """Return the language to print in: that of the *option*, else the locale's, else French.

    LC_ALL, LC_MESSAGES and LANG are looked at in this order (POSIX.1-2024, 8.2) and the first that is set
    decides. A language that is not spoken here is answered in English, no language (C, POSIX) in French.
    """
    for said in (option or "", *(environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))):
        name = said.partition(".")[0].partition("@")[0]
        if name not in _SILENT:
            return "fr" if name.lower().startswith("fr") else "en"
        if said:  # C.UTF-8 is an answer, though it names no language
            break
    return "fr"


@lru_cache(maxsize=_REMEMBERED)
def number(value: float, lang: Language) -> str:
    """Return *value* with the reader's separators: ``12 345`` or ``12,345``."""
    from babel.numbers import format_decimal

    return str(format_decimal(value, locale=LOCALES[lang]))


@lru_cache(maxsize=_REMEMBERED)
def decimal(value: float | None, lang: Language, digits: int = 1) -> str:
    """Return *value* with so many decimals, ``3,7`` or ``3.7``; a dash where there is none."""
    from babel.numbers import format_decimal

    if value is None:
        return _UNKNOWN
    with localcontext(_ROUNDING):
        return str(format_decimal(value, format=f"#,##0.{'0' * digits}", locale=LOCALES[lang]))


@lru_cache(maxsize=_REMEMBERED)
def percent(share: float | None, lang: Language, digits: int = 1) -> str:
    """Return a *share* of one as a per cent, ``62,3 %`` or ``62.3%``; a dash where there is none."""
    if share is None:
        return _UNKNOWN
    from babel.numbers import format_percent

    if abs(share) < 0.5 / 10 ** (digits + 2):
        share = 0.0  # never "-0.0 %"
    pattern = f"#,##0{'.' if digits else ''}{'0' * digits}{_PERCENT[lang]}"
    with localcontext(_ROUNDING):
        return str(format_percent(share, format=pattern, locale=LOCALES[lang]))


def points(difference: float | None, lang: Language) -> str:
    """Return a *difference* in percentage points with its sign, ``+12,5`` or ``−3.0``; a dash where there is none."""
    if difference is None:
        return _UNKNOWN
    from babel.numbers import format_decimal

    rounded = Decimal(str(difference)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    pattern = "+#,##0.0;−#,##0.0" if rounded else "0.0"
    return str(format_decimal(rounded or 0, format=pattern, locale=LOCALES[lang]))


def p_value(value: float | None, lang: Language) -> str:
    """Return the p-value of a test with three decimals, ``0,031`` or ``<0.001``; a dash where there is none."""
    if value is None:
        return _UNKNOWN
    from babel.numbers import format_decimal

    least = 10**-_P_DECIMALS
    text = str(format_decimal(max(value, least), format="0.000", locale=LOCALES[lang]))
    return f"<{text}" if value < least else text


def span(bounds: tuple[float, float] | None, lang: Language) -> str:
    """Return two shares as one span of per cents, ``58,3–71,2 %``; a dash where there are none."""
    if bounds is None:
        return _UNKNOWN
    low, high = (percent(share, lang) for share in bounds)
    return f"{low.rstrip('%').rstrip()}–{high}"


def day(moment: date, lang: Language) -> str:
    """Return a date in full, ``23 novembre 2026`` or ``November 23, 2026``; a *moment* counts in UTC."""
    from babel.dates import format_date

    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).date()
    text = str(format_date(moment, "long", locale=LOCALES[lang]))
    return text.replace("1 ", "1er ", 1) if lang == "fr" and moment.day == 1 else text


def short_day(moment: date, lang: Language) -> str:
    """Return a date as an axis names it: ``23 nov. 2026``, ``Nov. 23, 2026``."""
    from babel.dates import format_date

    return str(format_date(moment, "medium", locale=LOCALES[lang]))


def month(moment: date, lang: Language) -> str:
    """Return the month and year of a date: ``novembre 2026``, ``November 2026``."""
    from babel.dates import format_date

    return str(format_date(moment, "MMMM y", locale=LOCALES[lang]))


def minute(moment: datetime) -> str:
    """Return a *moment* to the minute, in UTC, the same in both languages: ``2026-11-23 18:00``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """Return *seconds* in the two largest units that count, the same in both languages: ``2 min 05 s``."""
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"


def plural(count: float, lang: Language) -> str:
    """Return the plural category of *count*: ``one`` or ``other``. French counts zero and one and a half as one."""
    from babel import Locale

    # CLDR's third French category, ``many``, serves "un million de": not said here.
    return "one" if Locale.parse(LOCALES[lang]).plural_form(count) == "one" else "other"
