"""Further tables of a scan: networks found together, where accounts are shown, and groups of institutions.

A presence matrix has the assessed institutions as its rows, in registry order and named by their id, and the
networks that counted for one institution or more as its columns, in the order of the networks. Its cells are bool.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations as couples
from itertools import compress
from typing import Any

import pandas as pd

from cegep_audit.analyze.findings import Records
from cegep_audit.analyze.inference import association, difference_interval, holm_corrected
from cegep_audit.analyze.presence import THREE_PLUS, page_of, visits
from cegep_audit.analyze.stats import Presence
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases import Language, say
from cegep_audit.registry.institutions import KNOWN_COLUMNS, columns, value_of
from cegep_audit.text import excerpt, slug
from cegep_audit.vocabulary import How, PageRole, Role, Zone

NINE_IN_TEN = 0.9  # share from which a network is common enough to name those that lack it
_ASPECTS = {"zone": Zone, "how": How, "page": PageRole}
_NUMBERS = frozenset({"founded", "closed", "enrolment"})  # columns of numbers that the registry knows
_MANY = 8  # different values from which another column of numbers is cut: fewer are groups as they are
_QUARTERS = 4
_TWO = 2


def presence_matrix(found: Presence) -> pd.DataFrame:
    """Return the presence matrix of *found*."""
    read = found.assessed & found.counts.any(axis=1)
    ids = pd.Index(list(compress(found.ids, read)), dtype="str")
    held = pd.DataFrame((found.shown & found.counts)[read], index=ids, columns=list(NETWORKS))
    return held[list(compress(NETWORKS, found.counts.sum(axis=0)))]


def co_occurrence(held: pd.DataFrame) -> Records:
    """Return one row for each pair of networks that some institution is on, the most frequent pair first.

    ``network_a``, ``network_b`` (in the order of the networks); ``both``, ``only_a``, ``only_b``, ``neither``
    (institutions); ``share`` (both, of the assessed); ``jaccard`` (both, of those on either).
    """
    numbers = held.to_numpy(dtype=int)
    together = (numbers.T @ numbers).tolist()
    rows = []
    for (a, one), (b, other) in couples(enumerate(held.columns), 2):
        if together[a][a] and together[b][b]:
            both = together[a][b]
            only_a, only_b = together[a][a] - both, together[b][b] - both
            either = both + only_a + only_b
            row = {"network_a": one, "network_b": other, "both": both, "only_a": only_a, "only_b": only_b}
            rows.append(row | {"neither": len(held) - either, "share": both / len(held), "jaccard": both / either})
    return sorted(rows, key=lambda row: -row["both"])


def combinations(held: pd.DataFrame) -> Records:
    """Return one row for each exact set of networks that institutions are on, the most frequent first.

    ``networks`` (ids, separated by ``;``); ``n_networks``; ``count`` (institutions); ``share`` (of the assessed).
    """
    names = list(held.columns)
    counts = Counter(tuple(compress(names, row)) for row in held.to_numpy().tolist())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], -len(item[0])))
    return [
        {"networks": ";".join(names), "n_networks": len(names), "count": count, "share": count / len(held)}
        for names, count in ordered
    ]


def exceptions(held: pd.DataFrame) -> Records:
    """Return the institutions that a reader asks for by name: ``kind``, ``network``, ``institution_id``.

    A ``sole_holder`` is alone on its network; one of ``no_network`` is on none; one that ``lacks_common`` is not on a
    network that nine in ten of the assessed are on.
    """
    counts = held.sum()
    rows = [("sole_holder", name, id_) for name in held.columns if counts[name] == 1 for id_ in held.index[held[name]]]
    rows += [("no_network", "", id_) for id_ in held.index[~held.any(axis=1)]]
    common = [name for name in held.columns if len(held) and counts[name] / len(held) >= NINE_IN_TEN]
    rows += [("lacks_common", name, id_) for name in common for id_ in held.index[~held[name]]]
    return [dict(zip(("kind", "network", "institution_id"), row, strict=True)) for row in rows]


def places(scan: Scan) -> Records:
    """Return where the official accounts of the assessed sites are shown, one row for each place of each aspect.

    ``aspect``; ``place``; ``accounts`` (of an institution); ``share``. ``zone`` and ``how`` are of the best evidence,
    ``page`` is that of :func:`page_of`.
    """
    official = [(result, account) for result in _assessed(scan) for account in result.official]
    counts = Counter[tuple[str, str]]()
    for result, account in official:
        for best in account.evidence[:1]:
            counts.update([("zone", best.zone.value), ("how", best.how.value), ("page", page_of(result, account))])
    return [
        {"aspect": aspect, "place": place.value, "accounts": number, "share": number / len(official)}
        for aspect, values in _ASPECTS.items()
        for place in values
        if (number := counts[aspect, place.value])
    ]


def account_counts(scan: Scan) -> Records:
    """Return one row for each network that an assessed site shows an account of, in the order of the networks.

    ``network``; ``holders`` (institutions with an official account); ``official``, ``unit``, ``third_party``,
    ``uncertain`` (accounts of an institution); ``several`` (institutions with two official ones or more); ``most``
    (official accounts of one institution).
    """
    roles: dict[str, Counter[Role]] = defaultdict(Counter)
    official: dict[str, Counter[str]] = defaultdict(Counter)
    for result in _assessed(scan):
        for account in result.accounts:
            roles[account.network][account.role] += 1
        for account in result.official:
            official[account.network][result.institution.id] += 1
    return [
        {"network": name, "holders": len(official[name]), **{role.value: roles[name][role] for role in Role}}
        | {"several": sum(number > 1 for number in official[name].values())}
        | {"most": max(official[name].values(), default=0)}
        for name in NETWORKS
        if name in roles
    ]


def _assessed(scan: Scan) -> list[InstitutionResult]:
    return [result for result in scan.results if result.status.is_assessed]


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

    def sort_key(label: str) -> tuple[bool, float, str, str]:
        first = label.partition("–")[0]
        number = float(first) if first.replace(".", "", 1).isdigit() else float("inf")
        return not label, number, slug(label), label

    return {
        values: replace(
            scan,
            institutions=tuple(each for each, _ in groups[values]),
            results=tuple(result for _, result in groups[values] if result),
        )
        for values in sorted(groups, key=lambda values: [*map(sort_key, values)])
    }


def labels_of(scan: Scan, column: str, lang: Language = "fr", *, bins: Sequence[float] = ()) -> Mapping[str, str]:
    """Return the group of each institution by *column*, by id: a value, a range (``1967–1969``), or "" for none."""
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
    matrix: pd.DataFrame, scan: Scan, column: str, k: int = THREE_PLUS, *, bins: Sequence[float] = ()
) -> Records:
    """Return a test between the groups of a registry *column* of *scan*, one row a measure; *bins* cut numbers.

    ``measure`` is ``at_least_3`` (*k* networks), ``assessed`` (whether being assessed differs between the groups) or a
    network; what is true of all or of none has no row. ``assessed`` counts the institutions compared, ``no_value`` and
    ``not_assessed`` those left out. The test is that of :func:`~cegep_audit.analyze.inference.association`; ``p_holm``
    is corrected over the networks, None for other measures. ``difference`` is the share of the first group less that
    of the second, with its 95 % interval; None for more than two groups.
    """
    labels = pd.Series(labels_of(scan, column, bins=bins), dtype="str")
    groups = labels[labels != ""]
    traits = matrix.assign(**{f"at_least_{k}": matrix.sum(axis=1) >= k}).groupby(groups.reindex(matrix.index))
    of_all = pd.Series(labels.index.isin(matrix.index), labels.index).groupby(groups)
    present, sizes = traits.sum(), traits.size()
    measures = {f"at_least_{k}": (present[f"at_least_{k}"], sizes, len(matrix))}
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
