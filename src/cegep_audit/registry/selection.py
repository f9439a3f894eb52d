"""Selects institutions of the registry and counts them by column."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from itertools import islice

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import called, say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.reading import KNOWN_COLUMNS, period_of
from cegep_audit.text import excerpt, slug

_LISTED_AT_MOST = 40  # values that a message lists; there are more ids


@cache
def _words(column: str, value: str) -> frozenset[str]:
    """Return the spellings of a *value*: its code, its words, or their beginning (``cégep``)."""
    words = (slug(each).split("-") for each in called(column, value))
    return frozenset("-".join(parts[:count]) for parts in words for count in range(1, len(parts) + 1))


def _spellings(institution: Institution, column: str) -> Collection[str]:
    """Return the spellings under which an *institution* is selected by *column*."""
    if column == "id":
        return {institution.id.casefold()}
    if column == "region":
        code = slug(institution.region_code)
        return {slug(institution.region), code, code.lstrip("0")}
    return _words(column, getattr(institution, column))


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
    """Return the *institutions* that meet every criterion, in their order, at most *limit* of them.

    Any value of a criterion is enough. Accents, case and dashes do not matter, and a region may be named or given by
    its code. Only institutions that count are taken (no ``parent_id``, open now or on *day*, see :func:`is_open`);
    *with_parts* adds those with a parent, and *ids* select any institution. Raises UsageError for a value that no row
    has, with the existing ones, and if nothing is left.
    """
    if limit is not None and limit < 1:
        raise UsageError(say("registry.bad_limit", lang, limit=limit))
    chosen: Iterable[Institution] = institutions
    if not ids:
        chosen = [item for item in institutions if is_open(item, day) and (with_parts or not item.parent_id)]
    for column, values in {"id": ids, "type": types, "region": regions, "language": languages}.items():
        if values:
            wanted = _wanted(institutions, column, values, lang)
            chosen = [item for item in chosen if not wanted.isdisjoint(_spellings(item, column))]
    selected = list(islice(chosen, limit))
    if not selected:
        raise UsageError(say("registry.none_selected", lang))
    return selected


def _wanted(institutions: Sequence[Institution], column: str, values: Collection[str], lang: Language) -> set[str]:
    """Return the folded *values*; raise UsageError for the first one that no institution has."""
    known = {spelling for item in institutions for spelling in _spellings(item, column)} - {""}
    unknown = next((value for value in values if known.isdisjoint({value.casefold(), slug(value)})), None)
    if unknown is None:
        return {spelling for value in values for spelling in (value.casefold(), slug(value))} & known
    option = f"--{column}"
    existing = sorted({value_of(item, column) for item in institutions} - {""}, key=slug)
    if not existing:
        raise UsageError(say("registry.nothing_to_choose", lang, option=option, column=column))
    key = "registry.unknown_choice"
    if len(existing) > _LISTED_AT_MOST:
        key = "registry.unknown_choice_of_many"
        existing = get_close_matches(unknown, existing, n=5, cutoff=0.3) or existing[:5]
    raise UsageError(say(key, lang, option=option, asked=excerpt(unknown), existing=", ".join(existing)))


def is_open(institution: Institution, day: date | None = None) -> bool:
    """Return whether *institution* is open: now, by its ``status``, or on a *day* in the past, by its years.

    The years of founding and closing count as open. An institution that closed in an unknown year counts as open on
    any day in the past, or only survivors would be counted. If its site was gone already, it has no capture and is
    never counted as absent.
    """
    if day is None:
        return institution.status.casefold() != "closed"
    return (institution.founded or 0) <= day.year <= (institution.closed or day.year)


def as_of(institutions: list[Institution], day: date) -> list[Institution]:
    """Return the *institutions* with the name and host that they had on *day*, as far as the registry says.

    The former host becomes the website, and today's host joins ``alt_hosts``. A dated host counts only in its years:
    before or after them it may have belonged to somebody else. ``is_open`` says which institutions existed.
    """

    def then(texts: tuple[str, ...]) -> str:
        """Return the first value with years that was valid on *day*, or ""."""
        periods = (period_of(text) for text in texts if "@" in text)
        return next((value for value, first, last in periods if first <= day.year <= last), "")

    changed = []
    for institution in institutions:
        renamed = replace(institution, name=then(institution.names) or institution.name)
        if host := then(institution.dated_hosts):
            today = institution.url.partition("//")[2].partition("/")[0]
            others = tuple(other for other in dict.fromkeys((*institution.alt_hosts, today)) if other != host)
            renamed = replace(renamed, url=f"http://{host}/", alt_hosts=others)
        changed.append(renamed)
    return changed


def columns(institutions: Sequence[Institution]) -> list[str]:
    """Return the non-empty columns of the registry: the known ones, then the others in file order."""
    known = [column for column in KNOWN_COLUMNS if any(value_of(item, column) for item in institutions)]
    return known + list(dict.fromkeys(column for item in institutions for column in item.extra))


def value_of(institution: Institution, column: str) -> str:
    """Return the registry's cell for *institution* in *column* as text, "" if there is none."""
    if column not in KNOWN_COLUMNS:
        return institution.extra.get(column, "")
    value = getattr(institution, "url" if column == "website" else column)
    if isinstance(value, tuple):
        return ";".join(value + institution.dated_hosts if column == "alt_hosts" else value)
    return "" if value is None else str(value)


def counts(institutions: Sequence[Institution], column: str, lang: Language = "fr") -> Mapping[str, int]:
    """Return how many *institutions* have each value of *column*, the most frequent first; "" counts empty cells.

    Raises UsageError, with the existing columns, for a column that the registry does not have.
    """
    existing = columns(institutions)
    if column not in existing:
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    tally = Counter(value_of(item, column) for item in institutions)
    return dict(sorted(tally.items(), key=lambda pair: (-pair[1], slug(pair[0]))))
