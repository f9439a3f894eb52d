"""Reads the registry, or reports every fault of its file at once; selects and counts its institutions."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from difflib import get_close_matches
from functools import cache, partial
from itertools import chain, count, product
from pathlib import Path

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.phrases import Language, called, say
from cegep_audit.registry import cells
from cegep_audit.registry.cells import CellError, FaultList, Row, filled
from cegep_audit.registry.spreadsheet import Table, read_table
from cegep_audit.tables import read_tables
from cegep_audit.text import excerpt, slug
from cegep_audit.urls import host_of

_NO_COLUMNS = frozenset({"dated_hosts", "extra"})  # fields that share a column, or hold the registry's other ones
KNOWN_COLUMNS = tuple(
    "website" if field.name == "url" else field.name for field in fields(Institution) if field.name not in _NO_COLUMNS
)
_DERIVED = ("id", "name")  # from the website, in a list that somebody else made
_NOT_TEXT = frozenset({"alt_hosts", "names", "founded", "closed"})
_REFERENCES = {"parent_id": "registry.own_parent", "successor_id": "registry.own_successor"}

_SPELLINGS = "registry/headings.toml"  # French headings, and other spellings of values
_LONGEST_ID = 100  # characters
_LONGEST_CELL = 1_000  # characters of a column that the registry knows
_LONGEST_NUMBER = 9  # digits of an enrolment
_YEAR = re.compile(r"([12][0-9]{3})(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))?")  # or a day of that year
_WIKIDATA = re.compile(r"Q[1-9][0-9]{0,10}")
_ROR = re.compile(r"(?:https?://)?(?:ror\.org/)?(0[0-9a-hj-km-np-tv-z]{6}[0-9]{2})")  # ror.readme.io
_LISTED_AT_MOST = 40  # values that a message lists; there are more ids


def default_registry() -> Path:
    """Return the registry shipped in the package, or the one of a source checkout."""
    packaged = Path(__file__).parents[1] / "data" / "institutions.csv"
    checkout = Path(__file__).parents[3] / "data" / "institutions.csv"
    return packaged if packaged.is_file() else checkout


def read_registry(path: Path | None = None, lang: Language = "fr") -> list[Institution]:
    """Return the institutions of the registry at *path* (None: the bundled one), a CSV file or workbook.

    They are in file order. Raises RegistryError, and nothing else, with every fault of the file in the language *lang*.
    """
    path = path or default_registry()
    found, institutions = FaultList(str(path), lang), []
    required, headings = (*_DERIVED, "website"), registry_headings()
    table = read_table(path, required=required, known=KNOWN_COLUMNS, found=found, headings=headings, derived=_DERIVED)
    if table is not None:
        rows = _completed(table)
        _check_ids(rows, found, is_whole=table.whole)
        institutions = [_institution(row, found) for row in rows]
    found.check()
    return institutions


def _completed(table: Table) -> Sequence[Row]:
    """Return the rows with their missing columns: a name made from the website, an id made from the name."""
    if {*_DERIVED} <= {*table.columns}:
        return table.rows
    rows: dict[str, Row] = {}  # by the id made
    for row in table.rows:
        website = row.cells.get("website", "")
        name = row.cells.get("name", host_of(website if "//" in website else f"https://{website}").removeprefix("www."))
        wanted = slug(name)[:_LONGEST_ID]
        others = (f"{wanted}-{number}" for number in count(2))
        made = next(each for each in chain([wanted], others) if each not in rows)
        rows[made] = Row(row.line, {"id": made, "name": name, **row.cells})
    return list(rows.values())


def _check_ids(rows: Sequence[Row], found: FaultList, *, is_whole: bool) -> None:
    """Report duplicate ids and, unless an unreadable row may have the id, references to no row."""
    lines: dict[str, int] = {}
    for row in rows:
        name = row.cells["id"]
        if name and (first := lines.setdefault(name, row.line)) != row.line:
            found.add("registry.duplicate_id", line=row.line, column="id", cell=excerpt(name), first=first)
    for row, (column, own) in product(rows if is_whole else (), _REFERENCES.items()):
        other = row.cells.get(column, "")
        if other and other == row.cells["id"]:
            found.add(own, line=row.line, column=column)
        elif other and other not in lines:
            found.add("registry.unknown_parent", line=row.line, column=column, cell=excerpt(other))


def _institution(row: Row, found: FaultList) -> Institution:
    """Return the institution of one row; a cell with a fault is reported and left empty."""
    read_year = partial(cells.read_matching, pattern=_YEAR, key="registry.bad_year")
    founded, closed = (int(found.parse(row, column, read_year, "") or 0) or None for column in ("founded", "closed"))
    if founded and closed and closed < founded:
        found.add("registry.closed_first", line=row.line, column="closed", closed=str(closed), founded=str(founded))
    hosts = found.parse_each(row, "alt_hosts", partial(cells.read_dated, read=cells.read_host), between=r"[;,\s]+")
    texts = {column: found.parse(row, column, read, "") for column, read in _TEXTS.items()}
    return Institution(
        url=texts.pop("website"),
        alt_hosts=tuple(host for host in hosts if "@" not in host),
        dated_hosts=tuple(host for host in hosts if "@" in host),
        names=found.parse_each(row, "names", partial(cells.read_dated, read=filled), between=";"),
        founded=founded,
        closed=closed,
        extra={column: text for column, text in row.cells.items() if column not in KNOWN_COLUMNS},
        **texts,
    )


def _as_written(text: str, column: str) -> str:
    """Return a cell of *column*, or the registry's own value if the cell is another spelling of one."""
    text = " ".join(text.split())  # on one line
    if len(text) > _LONGEST_CELL:
        raise CellError("csv.long_text", cell=excerpt(text), limit=_LONGEST_CELL)
    if column == "enrolment" and sum(map(str.isdigit, text)) > _LONGEST_NUMBER:
        raise CellError("registry.long_number", cell=excerpt(text), limit=_LONGEST_NUMBER)
    return _values().get(column, {}).get(slug(text), text)


_TEXTS: Mapping[str, Callable[[str], str]] = {
    **{column: partial(_as_written, column=column) for column in KNOWN_COLUMNS if column not in _NOT_TEXT},
    "id": partial(filled, at_most=_LONGEST_ID),
    "name": lambda text: filled(" ".join(text.split())),
    "website": cells.read_website,
    "wikidata": partial(cells.read_matching, pattern=_WIKIDATA, key="registry.bad_identifier"),
    "ror": partial(cells.read_matching, pattern=_ROR, key="registry.bad_identifier"),
}


@cache
def registry_headings() -> Mapping[str, str]:
    """Return the columns of a registry by the folded headings that other lists have for them."""
    return {slug(word): column for column, words in read_tables(_SPELLINGS)["columns"].items() for word in words}


def heading_of(column: str, lang: Language) -> str:
    """Return the heading of *column* in a template in the language *lang*."""
    return str(read_tables(_SPELLINGS)["columns"][column][0]) if lang == "fr" else column


@cache
def _values() -> Mapping[str, Mapping[str, str]]:
    """Return the registry's values by folded spelling, for each column that has a closed list of them."""
    return {
        column: {slug(word): value for value, words in values.items() for word in (value, *words)}
        for column, values in read_tables(_SPELLINGS)["values"].items()
    }


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
    chosen = [item for item in institutions if ids or (is_open(item, day) and (with_parts or not item.parent_id))]
    for column, values in {"id": ids, "type": types, "region": regions, "language": languages}.items():
        if values:
            wanted = _wanted(institutions, column, values, lang)
            chosen = [item for item in chosen if not wanted.isdisjoint(_spellings(item, column))]
    if not chosen:
        raise UsageError(say("registry.none_selected", lang))
    return chosen[:limit]


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


def _spellings(institution: Institution, column: str) -> Collection[str]:
    """Return the spellings under which an *institution* is selected by *column*."""
    if column == "id":
        return {institution.id.casefold()}
    if column == "region":
        code = slug(institution.region_code)
        return {slug(institution.region), code, code.lstrip("0")}
    return _words(column, getattr(institution, column))


@cache
def _words(column: str, value: str) -> frozenset[str]:
    """Return the spellings of a *value*: its code, its words, or their beginning (``cégep``)."""
    words = (slug(each).split("-") for each in called(column, value))
    return frozenset("-".join(parts[:count]) for parts in words for count in range(1, len(parts) + 1))


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
        dated = filter(None, map(cells.DATED.fullmatch, texts))
        return next((each[1] for each in dated if int(each[2] or 0) <= day.year <= int(each[3] or day.year)), "")

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
    """Return how many *institutions* have each value of *column* ("": none), most frequent first; raise UsageError."""
    existing = columns(institutions)
    if column not in existing:
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    tally = Counter(value_of(item, column) for item in institutions)
    return dict(sorted(tally.items(), key=lambda pair: (-pair[1], slug(pair[0]))))
