"""Language selection, and numbers, dates and durations in each language."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from cegep_audit.phrases import Language, locales
from cegep_audit.phrases.locales import pick_language

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("option", "environ", "language"),
    [
        pytest.param("en", {"LANG": "fr_CA.UTF-8"}, "en", id="option"),
        pytest.param("fr", {"LC_ALL": "en_US"}, "fr", id="option for French"),
        pytest.param(None, {"LANG": "en_CA.UTF-8"}, "en", id="English locale"),
        pytest.param(None, {"LANG": "fr_CA.UTF-8"}, "fr", id="French locale"),
        pytest.param(
            None, {"LC_ALL": "fr_CA", "LC_MESSAGES": "en_CA", "LANG": "en_CA"}, "fr", id="LC_ALL before the others"
        ),
        pytest.param(None, {"LC_MESSAGES": "en_CA", "LANG": "fr_CA"}, "en", id="LC_MESSAGES before LANG"),
        pytest.param(None, {"LC_ALL": "", "LANG": "en_CA"}, "en", id="empty means unset"),
        pytest.param(None, {"LC_ALL": "C.UTF-8", "LANG": "en_CA"}, "fr", id="C locale is skipped"),
        pytest.param(None, {"LANG": "C"}, "fr", id="C locale"),
        pytest.param(None, {"LANG": "POSIX"}, "fr", id="POSIX locale"),
        pytest.param(None, {"LANG": "es_MX.UTF-8"}, "en", id="unsupported language"),
        pytest.param(None, {"LANG": "fr@euro"}, "fr", id="locale modifier"),
        pytest.param(None, {}, "fr", id="empty environment"),
    ],
)
def test_pick_language(option: str | None, environ: dict[str, str], language: str) -> None:
    assert pick_language(option, environ) == language


@pytest.mark.parametrize(
    ("lang", "number", "decimal", "percent", "whole", "span", "day"),
    [
        ("fr", f"12{NBSP}345", "3,7", f"62,3{NBSP}%", f"62{NBSP}%", f"58,3–71,2{NBSP}%", "23 novembre 2026"),
        ("en", "12,345", "3.7", "62.3%", "62%", "58.3–71.2%", "November 23, 2026"),
    ],
)
def test_numbers_and_dates(
    lang: Language, number: str, decimal: str, percent: str, whole: str, span: str, day: str
) -> None:
    assert locales.number(12345, lang) == number
    assert locales.decimal(3.68, lang) == decimal
    assert locales.percent(0.62345, lang) == percent
    assert locales.percent(0.62, lang, digits=0) == whole
    assert locales.span((0.5833, 0.7117), lang) == span
    assert locales.day(date(2026, 11, 23), lang) == day


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_missing_value_is_a_dash(lang: Language) -> None:
    assert {locales.decimal(None, lang), locales.percent(None, lang), locales.span(None, lang)} == {"—"}


def test_first_day_of_a_month_is_an_ordinal_in_french() -> None:
    assert locales.day(date(2026, 11, 1), "fr") == "1er novembre 2026"
    assert locales.day(date(2026, 11, 11), "fr") == "11 novembre 2026"
    assert locales.day(date(2026, 11, 1), "en") == "November 1, 2026"


def test_datetime_is_shown_in_utc() -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert locales.day(late, "en") == "November 24, 2026"
    assert locales.minute(late) == "2026-11-24 03:30"
    assert locales.minute(datetime(2026, 1, 2, 3, 4, 59, tzinfo=UTC)) == "2026-01-02 03:04"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3600, "1 h 00 min"), (-1, "0 s")],
)
def test_duration(seconds: float, text: str) -> None:
    assert locales.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "fr", "en"),
    [(0, "one", "other"), (1, "one", "one"), (2, "other", "other"), (1_000_000, "other", "other")],
)
def test_plural(count: int, fr: str, en: str) -> None:
    assert (locales.number(count, "fr").category, locales.number(count, "en").category) == (fr, en)


@pytest.mark.parametrize(
    ("share", "digits", "text"), [(0.125, 0, "13"), (0.0625, 1, "6.3"), (0.285, 0, "29"), (0.045, 0, "5")]
)
def test_percent_rounds_half_up(share: float, digits: int, text: str) -> None:
    assert locales.percent(share, "en", digits=digits) == f"{text}%"


def test_decimal_rounds_half_up() -> None:
    assert [locales.decimal(value, "en") for value in (2.25, 2.35, 0.05)] == ["2.3", "2.4", "0.1"]


@pytest.mark.parametrize(
    ("difference", "fr", "en"),
    [
        (12.54, "+12,5", "+12.5"),
        (-3.0, "−3,0", "−3.0"),
        (0.0, "0,0", "0.0"),
        (-0.04, "0,0", "0.0"),
        (12.25, "+12,3", "+12.3"),
        (None, "—", "—"),
    ],
)
def test_points(difference: float | None, fr: str, en: str) -> None:
    assert (locales.points(difference, "fr"), locales.points(difference, "en")) == (fr, en)


@pytest.mark.parametrize(
    ("value", "fr", "en"),
    [
        (0.0312, "0,031", "0.031"),
        (1.0, "1,000", "1.000"),
        (0.0625, "0,063", "0.063"),
        (0.0009, "<0,001", "<0.001"),
        (np.float64(0.0009), "<0,001", "<0.001"),
        (None, "—", "—"),
    ],
)
def test_p_values(value: float | None, fr: str, en: str) -> None:
    assert (locales.p_value(value, "fr"), locales.p_value(value, "en")) == (fr, en)


@pytest.mark.parametrize("share", [-0.0, -0.0001, 0.0001, -0.00049])
def test_value_that_rounds_to_zero_has_no_sign(share: float) -> None:
    assert locales.percent(share, "en") == "0.0%"
    assert (locales.decimal(share, "fr"), locales.points(share, "fr")) == ("0,0", "0,0")
