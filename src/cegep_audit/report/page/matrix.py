"""The presence matrix: institutions and networks, to sort, filter and search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cegep_audit.analyze.institution.sheets import Sheet
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import value_words
from cegep_audit.registry.headings import fold
from cegep_audit.report.blocks import Cell, Words, web_address
from cegep_audit.report.text.words import network_name, reading_words
from cegep_audit.text import plain
from cegep_audit.vocabulary import ReadBy, Role, Status

FILTERED = ("type", "region", "language")  # registry columns to choose by
SHOWN = ("type", "region")  # those that the table has a column for, where an institution has a value
_OWN = frozenset({ReadBy.NONE, ReadBy.LIVE, ReadBy.WARC})  # how a scan reads sites by itself
_SIGN = 2  # letters of a network's sign on a telephone


@dataclass(frozen=True, slots=True)
class Line:
    """One institution: the anchor of its sheet, how its site was read, its words and its squares.

    ``state`` is ``missing`` (not assessed), ``partial``, ``other`` (read by another mode than the scan's) or "", and
    ``note`` says it. A square is the official account as a link, ``u`` (of a unit), ``x`` (not read) or "" (none).
    """

    institution: Institution
    anchor: str
    state: str
    note: str
    words: Sequence[str]
    number: str
    squares: Sequence[Words]


@dataclass(frozen=True, slots=True)
class Choice:
    """What one can choose by: a registry column or the state, and its values with their words."""

    column: str
    title: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Network:
    """A column of the matrix: id, title, and the sign that stands for it on a telephone."""

    id: str
    name: str
    sign: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """The whole table: ``titles`` of its columns of words, then ``networks``, in their order."""

    titles: Sequence[str]
    networks: Sequence[Network]
    lines: Sequence[Line]
    choices: Sequence[Choice]


def anchors(stats: ScanStatistics, *, has_sheets: bool = True) -> dict[str, str]:
    """Return the anchor of each institution's sheet, by its id: unique, and made of what an address can hold.

    "" for all where the page has no sheets.
    """
    found: dict[str, str] = {}
    for place, institution in enumerate(stats.scan.institutions):
        is_plain = re.fullmatch(r"[a-z0-9-]+", institution.id) is not None
        found[institution.id] = (f"f-{institution.id}" if is_plain else f"f.{place}") if has_sheets else ""
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
    said = [column for column in SHOWN if any(getattr(sheet.institution, column) for sheet in sheets)]
    own = _OWN | {ReadBy.ARCHIVE} if stats.scan.mode == "as_of" else _OWN
    lines = [
        _line(sheet, units, own, order, said, names[sheet.institution.id], lang)
        for sheet, units in zip(sheets, of_units, strict=True)
    ]
    choices = [*(_choice(sheets, column, lang) for column in FILTERED), _states(lines, lang)]
    return Matrix(
        titles=[say(f"head.{column}", lang) for column in said],
        networks=[_network(name, lang, is_open=name in counts) for name in order],
        lines=lines,
        choices=[
            choice for choice in choices if len(choice.options) > 1 or (choice.column == "state" and choice.options)
        ],
    )


def _network(name: str, lang: Language, *, is_open: bool) -> Network:
    called = network_name(name)
    bare = called.partition(" (")[0]
    capitals = "".join(re.findall("[A-Z]", bare))
    sign = capitals[:_SIGN] if len(capitals) >= _SIGN else bare[:_SIGN]
    return Network(name, called if is_open else say("grid.closed", lang, network=called), sign)


def _of_units(sheet: Sheet) -> frozenset[str]:
    accounts = sheet.result.accounts if sheet.result is not None else ()
    return frozenset(account.network for account in accounts if account.role is Role.UNIT)


def _line(
    sheet: Sheet,
    of_units: frozenset[str],
    own: frozenset[ReadBy],
    order: Sequence[str],
    said: Sequence[str],
    anchor: str,
    lang: Language,
) -> Line:
    each, state = sheet.institution, _state(sheet, own)
    note = say(f"grid.{state}", lang) if state else ""
    return Line(
        institution=each,
        anchor=anchor,
        state=state,
        note=reading_words(sheet.result, lang) if sheet.result and state == "other" else note,
        words=[value_words(column, getattr(each, column), lang) if getattr(each, column) else "" for column in said],
        number="?" if sheet.n_networks is None else locales.number(sheet.n_networks, lang),
        squares=[_square(sheet, name, of_units) for name in order],
    )


def _state(sheet: Sheet, own: frozenset[ReadBy]) -> str:
    if sheet.n_networks is None or sheet.result is None:
        return "missing"
    if sheet.result.status is Status.PARTIAL:
        return "partial"
    return "other" if sheet.result.read_by not in own else ""


def _square(sheet: Sheet, name: str, of_units: frozenset[str]) -> Words:
    if sheet.n_networks is None:
        return "x"
    if account := sheet.main.get(name):
        return Cell(plain(account.handle) or "●", web_address(account.url))
    return "u" if name in of_units else ""


def _choice(sheets: Sequence[Sheet], column: str, lang: Language) -> Choice:
    values = {plain(getattr(sheet.institution, column)) for sheet in sheets} - {""}
    options = ((value, value_words(column, value, lang)) for value in values)
    return Choice(column, say(f"head.{column}", lang), sorted(options, key=lambda option: fold(option[1])))


def _states(lines: Sequence[Line], lang: Language) -> Choice:
    """Return what one can choose by of how sites were read, as far as there is any such site."""
    there = {line.state for line in lines}
    options = [(name, say(f"grid.{name}", lang)) for name in ("missing", "partial", "other") if name in there]
    return Choice("state", say("grid.state", lang), [("read", say("grid.read", lang)), *options] if options else [])
