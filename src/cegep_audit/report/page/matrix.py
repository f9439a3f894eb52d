"""The presence matrix: institutions and networks, to sort, filter and search."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from cegep_audit.analyze.institution.sheets import Sheet
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say, value_words
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Cell, Words, web_address
from cegep_audit.report.text.words import network_name
from cegep_audit.text import plain, slug
from cegep_audit.vocabulary import ReadBy, Role, Status

_FILTERED = ("type", "region", "language")  # registry columns to choose by
_SHOWN = ("type", "region")  # those that have a column in the table if any institution has a value
_OWN = {ReadBy.NONE, ReadBy.LIVE, ReadBy.WARC}  # how a scan reads sites by itself
_SIGN = 2  # letters of a network's sign on a phone


class Line(NamedTuple):
    """One institution: how its site was read (``state`` and its words), its values in words, its squares.

    ``state`` is ``missing`` (not assessed), ``partial``, ``other`` (read by another mode than the scan's) or "". A
    square is the official account as a link, ``u`` (of a unit), ``x`` (not read) or "" (none).
    """

    institution: Institution
    anchor: str
    state: str
    note: str
    words: Sequence[str]
    number: str
    squares: Sequence[Words]


class Network(NamedTuple):
    """A column of the matrix: id, title, and its abbreviation on a phone."""

    id: str
    name: str
    sign: str


class Matrix(NamedTuple):
    """The whole table: ``titles`` of its columns of words, then ``networks``, in their order.

    ``choices`` are what one can choose by: column, title, and values with their words.
    """

    titles: Sequence[str]
    networks: Sequence[Network]
    lines: Sequence[Line]
    choices: Sequence[tuple[str, str, Sequence[tuple[str, str]]]]


def anchors(stats: ScanStatistics, *, has_sheets: bool = True) -> dict[str, str]:
    """Return the anchor of each institution's sheet, by its id: unique, and valid in an address.

    All are "" if the page has no sheets.
    """
    ids = [each.id for each in stats.scan.institutions]
    named = (f"f-{id_}" if re.fullmatch(r"[a-z0-9-]+", id_) else f"f.{place}" for place, id_ in enumerate(ids))
    return {id_: name if has_sheets else "" for id_, name in zip(ids, named, strict=True)}


def matrix(stats: ScanStatistics, sheets: Sequence[Sheet], names: Mapping[str, str], lang: Language) -> Matrix:
    """Return the table of *sheets*; *names* are the anchors by id.

    A network has a column where a site shows an official account or a unit's; those that count come first, by how
    many are on them.
    """
    counts = stats.figures.networks
    units = [_units(sheet) for sheet in sheets]
    met = {name for sheet in sheets if sheet.n_networks is not None for name in sheet.main}.union(*units)
    order = [name for name in (*counts, *(name for name in NETWORKS if name not in counts)) if name in met]
    said = [column for column in _SHOWN if any(getattr(sheet.institution, column) for sheet in sheets)]
    own = _OWN | {ReadBy.ARCHIVE} if stats.scan.mode == "as_of" else _OWN
    lines = [
        Line(
            sheet.institution,
            names[sheet.institution.id],
            *_reading(sheet, own, lang),
            [_value(sheet.institution, column, lang) for column in said],
            "?" if sheet.n_networks is None else locales.number(sheet.n_networks, lang),
            _squares(sheet, of_units, order),
        )
        for sheet, of_units in zip(sheets, units, strict=True)
    ]
    states = [name for name in ("missing", "partial", "other") if any(line.state == name for line in lines)]
    choices = [(column, say(f"head.{column}", lang), _options(sheets, column, lang)) for column in _FILTERED]
    read = [(name, say(f"grid.{name}", lang)) for name in (["read", *states] if states else [])]
    return Matrix(
        titles=[say(f"head.{column}", lang) for column in said],
        networks=[_network(name, lang, is_open=name in counts) for name in order],
        lines=lines,
        choices=[each for each in (*choices, ("state", say("grid.state", lang), read)) if len(each[2]) > 1],
    )


def _units(sheet: Sheet) -> set[str]:
    """Return the known networks on which a unit of the institution has an account."""
    accounts = sheet.result.accounts if sheet.result is not None else ()
    return {account.network for account in accounts if account.role is Role.UNIT and account.network in NETWORKS}


def _reading(sheet: Sheet, own: Collection[ReadBy], lang: Language) -> tuple[str, str]:
    """Return the state of a line and the words for it."""
    if sheet.n_networks is None or sheet.result is None:
        return "missing", say("grid.missing", lang)
    if sheet.result.status is Status.PARTIAL:
        return "partial", say("grid.partial", lang)
    if sheet.result.read_by in own:
        return "", ""
    mode = say(f"read_mode.{sheet.result.read_by}", lang)
    if sheet.result.read_by is ReadBy.ARCHIVE and sheet.result.captured_at is not None:
        mode = f"{mode}, {locales.month(sheet.result.captured_at, lang)}"
    return "other", mode


def _squares(sheet: Sheet, units: Collection[str], order: Sequence[str]) -> Sequence[Words]:
    if sheet.n_networks is None:
        return ["x"] * len(order)
    squares: dict[str, Words] = dict.fromkeys(units, "u")
    for name, account in sheet.main.items():
        squares[name] = Cell(plain(account.handle) or "●", web_address(account.url))
    return [squares.get(name, "") for name in order]


def _value(institution: Institution, column: str, lang: Language) -> str:
    value = plain(getattr(institution, column))
    return value_words(column, value, lang) if value else ""


def _options(sheets: Sequence[Sheet], column: str, lang: Language) -> list[tuple[str, str]]:
    words = {plain(getattr(sheet.institution, column)): _value(sheet.institution, column, lang) for sheet in sheets}
    words.pop("", None)
    return sorted(words.items(), key=lambda option: slug(option[1]))


def _network(name: str, lang: Language, *, is_open: bool) -> Network:
    called = network_name(name)
    bare = called.partition(" (")[0]
    capitals = "".join(re.findall("[A-Z]", bare))
    sign = capitals[:_SIGN] if len(capitals) >= _SIGN else bare[:_SIGN]
    return Network(name, called if is_open else say("grid.closed", lang, network=called), sign)
