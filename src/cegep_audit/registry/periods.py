"""Hosts and names that were valid for some years only, written ``host@2005..2012``."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from cegep_audit.models import Institution
from cegep_audit.registry.faults import CellError
from cegep_audit.text import excerpt

_DATED = re.compile(r"(.*?)\s*@\s*(\d{4})?\s*\.\.\s*(\d{4})?", re.DOTALL)


class Period(NamedTuple):
    """A *value* with the first and last year in which it was valid; None if unknown."""

    value: str
    first: int | None = None
    last: int | None = None

    def holds(self, year: int) -> bool:
        """Whether the value was valid in *year*; the first and last year count whole."""
        return (self.first is None or self.first <= year) and (self.last is None or year <= self.last)


def period_of(text: str) -> Period:
    """Return the value and years of *text*."""
    found = _DATED.fullmatch(text)
    return Period(found[1], *(int(year) if year else None for year in found.groups()[1:])) if found else Period(text)


def dated(text: str, read: Callable[[str], str]) -> str:
    """Return *text* with its value as *read* normalises it, and its years; raise CellError for impossible years."""
    value, first, last = period_of(text)
    if re.search(r"@[\s\d.]*$", text) and (
        not _DATED.fullmatch(text) or (first is None and last is None) or (first and last and last < first)
    ):
        raise CellError("registry.bad_period", cell=excerpt(text))
    years = "" if value == text else f"@{first or ''}..{last or ''}"
    return read(value) + years


def as_of(institutions: list[Institution], day: date) -> list[Institution]:
    """Return the *institutions* with the name and host that they had on *day*, as far as the registry says.

    The former host becomes the website, and today's host joins ``alt_hosts``. A dated host counts only in its years:
    before or after them it may have belonged to somebody else. ``is_open`` says which institutions existed.
    """
    return [_then(item, day.year) for item in institutions]


def _then(institution: Institution, year: int) -> Institution:
    name = _holding(institution.names, year)
    host = _holding(institution.dated_hosts, year)
    now = institution.url.partition("//")[2].partition("/")[0]
    if host:
        others = tuple(other for other in dict.fromkeys((*institution.alt_hosts, now)) if other != host)
        institution = replace(institution, url=f"http://{host}/", alt_hosts=others)
    return replace(institution, name=name) if name else institution


def _holding(texts: tuple[str, ...], year: int) -> str:
    """Return the first value with years among *texts* that was valid in *year*, or ""."""
    periods = (period_of(text) for text in texts if "@" in text)
    return next((period.value for period in periods if period.holds(year)), "")
