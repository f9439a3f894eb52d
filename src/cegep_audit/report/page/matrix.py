"""The table of institutions and networks: who is on what, to sort, filter and search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.analyze.sheets import Sheet
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import value_words
from cegep_audit.registry.headings import fold
from cegep_audit.report.page.grid import web_address
from cegep_audit.report.terminal.screen import network_name
from cegep_audit.text import plain
from cegep_audit.vocabulary import Role

FILTERED = ("type", "region", "language")  # registry columns to choose by
SHOWN = ("type", "region")  # those that the table has a column for, where an institution has a value


@dataclass(frozen=True, slots=True)
class Square:
    """One cell: ``kind`` is ``y`` (official account), ``u`` (of a unit only), ``n`` (none shown), ``x`` (not read)."""

    kind: str
    text: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One institution: the anchor of its sheet, its words, what it is found by, its cells."""

    anchor: str
    name: str
    values: Sequence[str]
    words: Sequence[str]
    found_by: str
    number: str
    squares: Sequence[Square]


@dataclass(frozen=True, slots=True)
class Choice:
    """What one can choose by: a registry column, and its values with their words."""

    column: str
    title: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole table: ``titles`` of its columns of words, then ``networks``, id and title of each, in their order."""

    titles: Sequence[str]
    networks: Sequence[tuple[str, str]]
    lines: Sequence[Line]
    choices: Sequence[Choice]


def anchors(stats: ScanStatistics, *, has_sheets: bool = True) -> dict[str, str]:
    """Return the anchor of each institution's sheet, by its id: unique, and made of what an address can hold.

    "" for all where the page has no sheets.
    """
    if not has_sheets:
        return dict.fromkeys((institution.id for institution in stats.scan.institutions), "")
    found: dict[str, str] = {}
    for place, institution in enumerate(stats.scan.institutions):
        is_plain = re.fullmatch(r"[a-z0-9-]+", institution.id) is not None
        found[institution.id] = f"f-{institution.id}" if is_plain else f"f.{place}"
    return found


def matrix(stats: ScanStatistics, sheets: Sequence[Sheet], names: Mapping[str, str], lang: Language) -> Matrix:
    """Return the table of *sheets*; *names* are the anchors by id.

    A network has a column where a site shows an official account or a unit's; those that count come first, by how
    many are on them.
    """
    of_units = [_of_units(sheet) for sheet in sheets]
    counts = stats.summary.figures.networks
    shown = {name for sheet in sheets if sheet.n_networks is not None for name in sheet.main}
    shown = {name for name in shown.union(*of_units) if name in NETWORKS}
    order = [*(name for name in counts if name in shown), *(name for name in NETWORKS if name in shown - set(counts))]
    columns = [(name, network_name(name) if name in counts else _closed(name, lang)) for name in order]
    said = [column for column in SHOWN if any(getattr(sheet.institution, column) for sheet in sheets)]
    titles = [say(f"head.{column}", lang) for column in said]
    lines = [_line(sheet, own, order, said, names, lang) for sheet, own in zip(sheets, of_units, strict=True)]
    choices = [choice for column in FILTERED if (choice := _choice(sheets, column, lang)).options]
    return Matrix(titles, columns, lines, choices)


def _closed(name: str, lang: Language) -> str:
    return say("grid.closed", lang, network=network_name(name))


def _of_units(sheet: Sheet) -> frozenset[str]:
    accounts = sheet.result.accounts if sheet.result is not None else ()
    return frozenset(account.network for account in accounts if account.role is Role.UNIT)


def _line(
    sheet: Sheet,
    of_units: frozenset[str],
    order: Sequence[str],
    said: Sequence[str],
    names: Mapping[str, str],
    lang: Language,
) -> Line:
    each = sheet.institution
    values = [getattr(each, column) for column in FILTERED]
    handles = (account.handle for account in sheet.main.values())
    found_by = " ".join((each.name, each.short_name, each.city, each.id, *handles))
    return Line(
        anchor=names[each.id],
        name=plain(each.name),
        values=[plain(value) for value in values],
        words=[value_words(column, getattr(each, column), lang) if getattr(each, column) else "" for column in said],
        found_by=fold(plain(found_by)).replace("-", " "),
        number="?" if sheet.n_networks is None else locales.number(sheet.n_networks, lang),
        squares=[_square(sheet, name, of_units) for name in order],
    )


def _square(sheet: Sheet, name: str, of_units: frozenset[str]) -> Square:
    if sheet.n_networks is None:
        return Square("x", "?")
    if account := sheet.main.get(name):
        return Square("y", plain(account.handle) or "●", web_address(account.url))
    return Square("u", "○") if name in of_units else Square("n", "–")


def _choice(sheets: Sequence[Sheet], column: str, lang: Language) -> Choice:
    values = {plain(getattr(sheet.institution, column)) for sheet in sheets} - {""}
    options = sorted(
        ((value, value_words(column, value, lang)) for value in values), key=lambda option: fold(option[1])
    )
    return Choice(column, say(f"head.{column}", lang), options if len(options) > 1 else [])
