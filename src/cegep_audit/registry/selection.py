"""Which institutions of the registry are meant, and how many of each there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import islice

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import called
from cegep_audit.registry.headings import fold
from cegep_audit.registry.reading import KNOWN_COLUMNS
from cegep_audit.text import excerpt
from cegep_audit.urls import visit_key

_LISTED_AT_MOST = 40  # values that a message can list whole; ids are more


@dataclass(frozen=True, slots=True)
class _Filter:
    """One option that chooses: the column it looks at, and the spellings under which an institution is found."""

    option: str
    column: str
    spellings: Callable[[Institution], Collection[str]]


@cache
def _spellings(column: str, value: str) -> frozenset[str]:
    """Return what a *value* may be asked as: its code or words, or their first words (``cégep`` for "cégep public")."""
    words = (fold(each).split("-") for each in called(column, value))
    return frozenset("-".join(parts[:count]) for parts in words for count in range(1, len(parts) + 1))


_BY_ID = _Filter("--id", "id", lambda institution: {institution.id.casefold()})
_BY_TYPE = _Filter("--type", "type", lambda institution: _spellings("type", institution.type))
_BY_LANGUAGE = _Filter("--language", "language", lambda institution: _spellings("language", institution.language))
_BY_REGION = _Filter(
    "--region",
    "region",
    lambda institution: {
        fold(institution.region),
        fold(institution.region_code),
        fold(institution.region_code).lstrip("0"),
    },
)


def select(
    institutions: Sequence[Institution],
    *,
    ids: Collection[str] = (),
    types: Collection[str] = (),
    regions: Collection[str] = (),
    languages: Collection[str] = (),
    limit: int | None = None,
    with_parts: bool = False,
    day: date | None = None,
    lang: Language = "fr",
) -> list[Institution]:
    """Return the *institutions* that meet every criterion given, in their order, at most *limit* of them.

    Within a criterion any of its values will do; accents, case and dashes do not matter, and a region goes by
    its name or code. Only institutions that count are taken (no ``parent_id``, open now or on *day*, see
    :func:`is_open`); *with_parts* takes those with a parent too, and naming its id takes any. Raises UsageError
    for a value that no row has, naming those there are, and where nothing is left.
    """
    if limit is not None and limit < 1:
        raise UsageError(say("registry.bad_limit", lang, limit=limit))
    asked = ((_BY_ID, ids), (_BY_TYPE, types), (_BY_REGION, regions), (_BY_LANGUAGE, languages))
    chosen: Iterable[Institution] = institutions
    if not ids:
        chosen = [item for item in institutions if is_open(item, day) and (with_parts or not item.parent_id)]
    for criterion, values in asked:
        if values:
            wanted = _wanted(institutions, criterion, values, lang)
            chosen = [item for item in chosen if not wanted.isdisjoint(criterion.spellings(item))]
    selected = list(islice(chosen, limit))
    if not selected:
        raise UsageError(say("registry.none_selected", lang))
    return selected


def is_open(institution: Institution, day: date | None = None) -> bool:
    """Whether *institution* is open: now, by its ``status``, or on a *day* of the past, by its years.

    Days of the year of foundation and of closing count as open. An institution that is closed now, nobody knows
    since when, counts as open on any day of the past: left out, the past would be that of the survivors alone, and
    a site that was gone by then is not captured, and so never counted as absent.
    """
    if day is None:
        return institution.status.casefold() != "closed"
    has_opened = institution.founded is None or institution.founded <= day.year
    return has_opened and (institution.closed is None or day.year <= institution.closed)


def _wanted(
    institutions: Sequence[Institution], criterion: _Filter, values: Collection[str], lang: Language
) -> set[str]:
    """Return the spellings of *values*; raise UsageError for the first value that no institution has."""
    known = {spelling for item in institutions for spelling in criterion.spellings(item)} - {""}
    unknown = next((value for value in values if known.isdisjoint({value.casefold(), fold(value)})), None)
    if unknown is None:
        return {spelling for value in values for spelling in (value.casefold(), fold(value))} & known
    existing = sorted({value_of(item, criterion.column) for item in institutions} - {""}, key=fold)
    if not existing:
        raise UsageError(say("registry.nothing_to_choose", lang, option=criterion.option, column=criterion.column))
    key = "registry.unknown_choice"
    if len(existing) > _LISTED_AT_MOST:
        key = "registry.unknown_choice_of_many"
        existing = get_close_matches(unknown, existing, n=5, cutoff=0.3) or existing[:5]
    raise UsageError(say(key, lang, option=criterion.option, asked=excerpt(unknown), existing=", ".join(existing)))


def columns(institutions: Iterable[Institution]) -> list[str]:
    """Return the registry's columns that hold something: the known ones, then the others in file order."""
    institutions = list(institutions)
    known = [column for column in KNOWN_COLUMNS if any(value_of(item, column) for item in institutions)]
    return known + list(dict.fromkeys(column for item in institutions for column in item.extra))


def value_of(institution: Institution, column: str) -> str:
    """Return what the registry holds of an *institution* in a *column*, as text; "" where it has no such column."""
    if column not in KNOWN_COLUMNS:
        return institution.extra.get(column, "")
    value = getattr(institution, "url" if column == "website" else column)
    if column == "alt_hosts":
        value = institution.alt_hosts + institution.dated_hosts
    if isinstance(value, tuple):
        return ";".join(value)
    return "" if value is None else str(value)


def counts(institutions: Iterable[Institution], column: str, lang: Language = "fr") -> Mapping[str, int]:
    """Return how many *institutions* have each value of a *column*, the most frequent first; "" counts the empty.

    Raises UsageError for a column that the registry does not have, naming those it has.
    """
    institutions = list(institutions)
    existing = columns(institutions)
    if column not in existing:
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    tally = Counter(value_of(item, column) for item in institutions)
    return dict(sorted(tally.items(), key=lambda pair: (-pair[1], fold(pair[0]))))


def shared_sites(institutions: Iterable[Institution], lang: Language = "fr") -> list[str]:
    """Return one sentence for each homepage that several *institutions* have: allowed, but worth knowing."""
    groups: dict[str, list[str]] = {}
    for item in institutions:
        groups.setdefault(visit_key(item.url), []).append(item.id)
    return [
        say("registry.shared_site", lang, count=len(ids), site=site, ids=", ".join(ids))
        for site, ids in groups.items()
        if len(ids) > 1
    ]
