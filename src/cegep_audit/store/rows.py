"""Records as rows of the database, and back: the columns of a table are the fields of its dataclass.

Times and closed lists are text, booleans are 0 and 1, tuples, mappings and nested records are JSON. A lone surrogate,
which UTF-8 cannot write, is stored as U+FFFD; any other text is read back unchanged.
"""

from __future__ import annotations

import gc
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from itertools import islice
from operator import itemgetter
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from cegep_audit.clock import stamp
from cegep_audit.models import (
    Account,
    Decision,
    Evidence,
    Failure,
    Flaw,
    Institution,
    InstitutionResult,
    PageRecord,
    Scan,
)

Value = str | int | float | None
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that holds records of one class.

    ``keys`` are columns that identify a row and are not fields of the record. Each of ``children`` is a table for the
    records in the field of that name. ``apart`` are the fields that the caller fills in.
    """

    name: str
    record: type[Any]
    keys: tuple[str, ...] = ()
    children: tuple[Table, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The fields that are columns, in the record's order."""
        elsewhere = {*self.apart, *(child.name for child in self.children)}
        return [field.name for field in fields(self.record) if field.name not in elsewhere]


_KEY = ("scan_id", "institution_id")
_IN_ORDER = (*_KEY, "position")
SCANS = Table("scans", Scan, apart=("institutions", "results"))
INSTITUTIONS = Table("institutions", Institution, ("scan_id", "position"))
RESULTS = Table(
    "results",
    InstitutionResult,
    _KEY,
    (
        Table("pages", PageRecord, _IN_ORDER),
        Table("failures", Failure, _IN_ORDER),
        Table("accounts", Account, _IN_ORDER, (Table("evidence", Evidence, (*_KEY, "account_position", "position")),)),
        Table("flaws", Flaw, _IN_ORDER),
    ),
    apart=("institution",),
)
DECISIONS = Table("decisions", Decision, (*_KEY, "network"), apart=("scan_id", "unit"))


def insert(connection: sqlite3.Connection, table: Table, entries: Iterable[tuple[Key, Any]]) -> None:
    """Add records, each with the values of the table's keys, and their children."""
    entries = list(entries)
    names = [*table.keys, *table.columns]
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names
    cells = ((*key, *(getattr(record, name) for name in table.columns)) for key, record in entries)
    connection.executemany(sql, [tuple(map(stored, row)) for row in cells])
    for child in table.children:
        insert(
            connection,
            child,
            (
                ((*key, position), item)
                for key, record in entries
                for position, item in enumerate(getattr(record, child.name))
            ),
        )


def load(
    connection: sqlite3.Connection,
    table: Table,
    key: Key,
    apart: Callable[[Key], Mapping[str, object]] = lambda _: {},
    *,
    among: Sequence[str] = (),
    without: Collection[str] = (),
) -> Iterator[tuple[Key, Any]]:
    """Yield the records whose first keys are *key*, the next one of *among* if given, in order, each with the rest.

    *apart* gives the fields without a column; children named in *without* stay empty. A value is decoded once however
    many rows hold it, and the records share it. Raises ValueError or TypeError for a value that this version never
    wrote.
    """
    others = table.keys[len(key) :]
    names = [*others, *table.columns]
    where = [f"{name} = ?" for name in table.keys[: len(key)]]
    if among:
        where.append(f"{others[0]} IN ({', '.join('?' * len(among))})")
    sql = f"SELECT {', '.join(names)} FROM {table.name} WHERE {' AND '.join(where) or '1'}"  # noqa: S608 - our own names
    cells = tuple(map(stored, (*key, *among)))
    rows = connection.execute(f"{sql} ORDER BY {', '.join(table.keys) or 'id'}", cells).fetchall()
    if not rows:
        return
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    keys = list(zip(*(columns[name] for name in others), strict=True)) if others else [()] * len(rows)
    values: dict[str, Iterable[object]] = {}
    for name, decode in _decoders(table):
        made = {cell: decode(cell) for cell in set(columns[name])}
        values[name] = map(made.__getitem__, columns[name])
    for child in table.children:
        found = () if child.name in without else load(connection, child, key, among=among, without=without)
        groups = _grouped(list(found))
        values[child.name] = [groups.get(own, ()) for own in keys]
    if table.apart:
        given = [apart(own) for own in keys]
        values |= {name: [each[name] for each in given] for name in table.apart}
    yield from zip(keys, map(table.record, *(values[field.name] for field in fields(table.record))), strict=True)


def _grouped(children: Sequence[tuple[Key, Any]]) -> dict[Key, tuple[Any, ...]]:
    """Return *children*, which are in order, by the key of the row that they belong to: theirs without its position."""
    numbers = Counter(own[:-1] for own, _ in children)
    records = map(itemgetter(1), children)
    return {own: tuple(islice(records, number)) for own, number in numbers.items()}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause garbage collection while records are made and read: they have no cycles, and looking for some is slow."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def stored(value: object) -> Value:
    """Return *value* as SQLite keeps it."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return stored(json.dumps(value, ensure_ascii=False, default=_jsonable))


def _jsonable(value: Any) -> object:  # noqa: ANN401 - what json cannot write by itself
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else stored(value)


@cache
def _decoders(table: Table) -> list[tuple[str, Callable[[Any], Any]]]:
    hints = get_type_hints(table.record)
    return [(name, _from_cell(hints[name])) for name in table.columns]


def _from_cell(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type, as typing gives it
    """Return a function that turns a cell into a value of the type *hint*."""
    if NoneType in get_args(hint):
        (inner,) = (_from_cell(each) for each in get_args(hint) if each is not NoneType)
        return lambda cell: None if cell is None else inner(cell)
    if get_origin(hint) or is_dataclass(hint):
        decode = _from_json(hint)
        return lambda cell: decode(json.loads(cell))
    return _from_json(hint)


def _from_json(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type, as typing gives it
    """Return a function that turns a JSON value, or a cell, into a value of the type *hint*."""
    if get_origin(hint) is tuple:
        item = _from_json(get_args(hint)[0])
        return lambda values: tuple(map(item, values))
    if get_origin(hint):
        return dict
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return lambda values: hint(**{name: _from_json(hints[name])(value) for name, value in values.items()})
    if hint in {datetime, date}:
        decode: Callable[[Any], Any] = hint.fromisoformat
        return decode
    if hint is bool or issubclass(hint, Enum):
        return hint  # type: ignore[no-any-return] # a class makes its own values
    return lambda cell: _checked(cell, hint)


def _checked(cell: object, kind: type) -> object:
    if not isinstance(cell, kind) and not (kind is float and isinstance(cell, int)):
        raise TypeError(f"{cell!r} is not {kind.__name__}")
    return cell
