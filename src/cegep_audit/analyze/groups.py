"""A scan in groups: by one column of the registry or by several, columns of numbers cut into ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import KNOWN_COLUMNS, columns, value_of
from cegep_audit.text import excerpt, slug

_NUMBERS = frozenset({"founded", "closed", "enrolment"})  # columns of numbers that the registry knows
_MANY = 8  # different values from which another column of numbers is cut: fewer are groups as they are
_QUARTERS = 4


def split(
    scan: Scan, by: Sequence[str], lang: Language = "fr", *, bins: Sequence[float] = ()
) -> Mapping[tuple[str, ...], Scan]:
    """Return a scan for each combination of values of the registry columns *by* that an institution has.

    A column of numbers is cut into ranges: at *bins*, each the start of a range, or else at its quartiles. Values are
    in alphabetical order, ranges in that of their numbers; "", those that have none, comes last. Raises UsageError, in
    the language *lang*, where the registry has no such column, or none of its institutions has a value there.
    """
    labels = [labels_of(scan, column, lang, bins=bins) for column in by]
    groups: dict[tuple[str, ...], list[Institution]] = {}
    for institution in scan.institutions:
        groups.setdefault(tuple(column[institution.id] for column in labels), []).append(institution)
    visited = {result.institution.id: result for result in scan.results}
    return {
        values: replace(
            scan,
            institutions=tuple(groups[values]),
            results=tuple(visited[member.id] for member in groups[values] if member.id in visited),
        )
        for values in sorted(groups, key=lambda values: [*map(_place, values)])
    }


def _place(label: str) -> tuple[bool, float, str, str]:
    """Return the place of a label among others: ranges by their first number, words by spelling, "" last."""
    first = label.partition("–")[0]
    number = float(first) if first.replace(".", "", 1).isdigit() else float("inf")
    return not label, number, slug(label), label


def labels_of(scan: Scan, column: str, lang: Language = "fr", *, bins: Sequence[float] = ()) -> Mapping[str, str]:
    """Return the group of each institution of *scan* by a registry *column*, by id; "" for one without a value.

    A range is written with its least and greatest value, ``1967–1969``. Errors are those of :func:`split`.
    """
    if column not in KNOWN_COLUMNS and column not in (existing := columns(scan.institutions)):
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    texts = {each.id: value_of(each, column) for each in scan.institutions}
    if not any(texts.values()):
        raise UsageError(say("summary.empty_column", lang, column=excerpt(column)))
    numbers = numbers_of(scan, column)
    if numbers is None:
        return texts
    if bins:
        edges = [-float("inf"), *sorted(bins), float("inf")]
        ranges = pd.cut(numbers, edges, right=False, duplicates="drop")
    else:
        ranges = pd.qcut(numbers, _QUARTERS, duplicates="drop")
    spans = numbers.groupby(ranges, observed=True).agg(["min", "max"])
    names = {span: _span(low, high) for span, low, high in spans.itertuples()}
    return {each.id: names.get(ranges.get(each.id), "") for each in scan.institutions}


def numbers_of(scan: Scan, column: str) -> pd.Series[float] | None:
    """Return the numbers of a registry *column* by institution id, without those that have none; None for text.

    Known columns of numbers are ``founded``, ``closed`` and ``enrolment``. One of the user's own is a column of numbers
    where every value is one, none has a leading zero (a code) and there are more than eight different ones.
    """
    texts = pd.Series({each.id: value_of(each, column) for each in scan.institutions}, dtype="str")
    texts = texts[texts != ""].str.replace(r"[\s  ]", "", regex=True)
    numbers = pd.to_numeric(texts, errors="coerce")
    if column in _NUMBERS:
        numbers = numbers.dropna()
        return numbers.astype(float) if len(numbers) else None
    is_code = column == "region_code" or texts.str.match(r"0\d").any()
    return None if is_code or numbers.isna().any() or numbers.nunique() <= _MANY else numbers.astype(float)


def _span(low: float, high: float) -> str:
    ends = (f"{end:.0f}" if end.is_integer() else f"{end:g}" for end in (low, high))
    return f"{low:g}" if low == high else "–".join(ends)
