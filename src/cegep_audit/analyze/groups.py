"""A scan in groups by columns of the registry, and whether these groups differ by more than chance.

Columns of numbers are cut into ranges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from cegep_audit.analyze.findings import Records
from cegep_audit.analyze.inference import Interval, association, difference_interval, holm_corrected
from cegep_audit.analyze.presence import visits
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.institutions import KNOWN_COLUMNS, columns, value_of
from cegep_audit.text import excerpt, slug

_NUMBERS = frozenset({"founded", "closed", "enrolment"})  # columns of numbers that the registry knows
_MANY = 8  # different values from which another column of numbers is cut: fewer are groups as they are
_QUARTERS = 4
_TWO = 2


def split(
    scan: Scan, by: Sequence[str], lang: Language = "fr", *, bins: Sequence[float] = ()
) -> Mapping[tuple[str, ...], Scan]:
    """Return a scan for each combination of values of the registry columns *by* that an institution has.

    A column of numbers is cut into ranges: at *bins*, each the start of a range, or else at its quartiles. Values are
    in alphabetical order, ranges in that of their numbers; "", those that have none, comes last. Raises UsageError, in
    the language *lang*, where the registry has no such column, or none of its institutions has a value there.
    """
    labels = [labels_of(scan, column, lang, bins=bins) for column in by]
    groups: dict[tuple[str, ...], list[tuple[Institution, InstitutionResult | None]]] = defaultdict(list)
    for institution, result in visits(scan):
        groups[tuple(column[institution.id] for column in labels)].append((institution, result))

    def place(label: str) -> tuple[bool, float, str, str]:
        first = label.partition("–")[0]
        number = float(first) if first.replace(".", "", 1).isdigit() else float("inf")
        return not label, number, slug(label), label

    return {
        values: replace(
            scan,
            institutions=tuple(each for each, _ in groups[values]),
            results=tuple(result for _, result in groups[values] if result),
        )
        for values in sorted(groups, key=lambda values: [*map(place, values)])
    }


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
    ranges: pd.Series[Any] = numbers  # one value that all share is a range of its own
    if bins:
        ranges = pd.cut(numbers, [-float("inf"), *sorted(bins), float("inf")], right=False, duplicates="drop")
    elif numbers.min() < numbers.max():
        ranges = pd.qcut(numbers, _QUARTERS, duplicates="drop")
    spans = numbers.groupby(ranges, observed=True).agg(["min", "max"])
    names = {}
    for span, *ends in spans.itertuples():
        written = (f"{end:.0f}" if end.is_integer() else f"{end:g}" for end in ends)
        names[span] = "–".join(dict.fromkeys(written))
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


def group_tests(
    matrix: pd.DataFrame, scan: Scan, column: str, thresholds: Sequence[int] = (3,), *, bins: Sequence[float] = ()
) -> Records:
    """Return a test between the groups of a registry *column* for each network, and for "at least k networks".

    *matrix* is the presence matrix of *scan*; *bins* cut a column of numbers. A measure that is true of all or of none
    has no row, and fewer than two groups give none at all. Columns:

    - ``measure``: ``at_least_3``, a network's id, or ``assessed`` (whether being assessed differs between the groups)
    - ``groups``, ``assessed``: groups, and institutions compared (with a value, and assessed; for ``assessed``, with a
      value). ``no_value`` and ``not_assessed`` count those left out.
    - ``test``, ``chi2``, ``df``, ``p``, ``cramers_v``: see :func:`~cegep_audit.analyze.inference.association`
    - ``p_holm``: corrected over the networks; None for the other measures, which are no part of that family
    - ``difference``: the share of the first group less that of the second, in the order of the groups, with its 95 %
      interval; None for more than two groups
    """
    labels = pd.Series(labels_of(scan, column, bins=bins), dtype="str")
    groups = labels[labels != ""]
    numbers = matrix.sum(axis=1)
    of_read = matrix.assign(**{f"at_least_{k}": numbers >= k for k in thresholds}).groupby(groups.reindex(matrix.index))
    of_all = pd.Series(labels.index.isin(matrix.index), labels.index).groupby(groups)
    present, sizes = of_read.sum(), of_read.size()
    measures = {f"at_least_{k}": (present[f"at_least_{k}"], sizes, len(matrix)) for k in thresholds}
    measures["assessed"] = (of_all.sum(), of_all.size(), len(labels))
    measures |= {name: (present[name], sizes, len(matrix)) for name in matrix.columns}
    rows: Records = []
    for name, (has, size, number) in measures.items():
        compared = int(size.sum())
        if len(size) < _TWO or not 0 < has.sum() < compared:
            continue
        row = {"measure": name, "groups": len(size), "assessed": compared}
        row |= {"no_value": number - compared, "not_assessed": len(groups) - compared}
        row |= association(has.to_numpy(), size.to_numpy())
        row |= dict.fromkeys(("difference", "difference_low", "difference_high"))
        if len(size) == _TWO:
            one, other = zip(has.tolist(), size.tolist(), strict=True)
            row["difference"] = one[0] / one[1] - other[0] / other[1]
            row["difference_low"], row["difference_high"] = difference_interval(one, other) or (None, None)
        rows.append(row)
    corrected = holm_corrected({row["measure"]: row["p"] for row in rows if row["measure"] in matrix.columns})
    return [row | {"p_holm": corrected.get(row["measure"])} for row in rows]


def rank_correlation(matrix: pd.DataFrame, scan: Scan, column: str) -> dict[str, object] | None:
    """Return how the number of networks correlates with a *column* of numbers, None for a column of text.

    ``tau``: Kendall's tau-b, which allows for ties (M. G. Kendall, Biometrika 33, 1945), with its two-sided ``p``;
    both None for fewer than three institutions, or where one of the two does not vary. ``assessed`` institutions are
    compared, ``no_value`` and ``not_assessed`` left out.
    """
    from scipy.stats import kendalltau

    numbers = numbers_of(scan, column)
    if numbers is None:
        return None
    both = pd.DataFrame({"number": numbers, "networks": matrix.sum(axis=1)}).dropna()
    varies = len(both) > _TWO and bool((both.max() > both.min()).all())
    found = kendalltau(both["number"], both["networks"]) if varies else None
    left_out = {"no_value": len(scan.institutions) - len(numbers), "not_assessed": len(numbers) - len(both)}
    tested = {"tau": float(found.statistic) if found else None, "p": float(found.pvalue) if found else None}
    return {"column": column, "assessed": len(both), **left_out, **tested}


def group_differences(figures: Mapping[str, tuple[int, int]]) -> Mapping[str, tuple[float, Interval] | None]:
    """Return how far the share of each group is from that of all others together, with its 95 % interval.

    *figures* goes from a group to how many of how many assessed have the trait; None where one side has nobody.
    """
    count, total = (sum(column) for column in zip(*figures.values(), strict=True)) if figures else (0, 0)
    found: dict[str, tuple[float, Interval] | None] = {}
    for name, (own, size) in figures.items():
        interval = difference_interval((own, size), (count - own, total - size))
        found[name] = (own / size - (count - own) / (total - size), interval) if interval else None
    return found
