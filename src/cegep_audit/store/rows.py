"""Records as rows of the database, and back: the columns of a table are the fields of its dataclass.

Times and closed lists are text, booleans are 0 and 1, tuples, mappings and nested records are JSON. UTF-8 cannot encode
a lone surrogate, so one is stored as U+FFFD; any other text is read back unchanged.
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
from itertools import islice, repeat
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from cegep_audit import models
from cegep_audit.clock import stamp

Cell = str | int | float | None
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that holds records of one class."""

    name: str
    record: type[Any]
    keys: tuple[str, ...] = ()  # the columns that identify a row, the most general first
    children: tuple[Table, ...] = ()  # each for the records in the field of its name
    apart: tuple[str, ...] = ()  # fields without a column

    @property
    def columns(self) -> list[str]:
        """The fields that are columns, in the record's order."""
        elsewhere = {*self.apart, *(child.name for child in self.children)}
        return [field.name for field in fields(self.record) if field.name not in elsewhere]


_KEY = ("scan_id", "institution_id")
_IN_ORDER = (*_KEY, "position")
_EVIDENCE = Table("evidence", models.Evidence, (*_KEY, "account_position", "position"))
_OF_A_RESULT = (
    Table("pages", models.PageRecord, _IN_ORDER),
    Table("failures", models.Failure, _IN_ORDER),
    Table("accounts", models.Account, _IN_ORDER, (_EVIDENCE,)),
    Table("flaws", models.Flaw, _IN_ORDER),
)
SCANS = Table("scans", models.Scan, apart=("institutions", "results"))
INSTITUTIONS = Table("institutions", models.Institution, ("scan_id", "position"))
RESULTS = Table("results", models.InstitutionResult, _KEY, _OF_A_RESULT, apart=("institution",))
DECISIONS = Table("decisions", models.Decision, (*_KEY, "network"), apart=("scan_id", "unit"))


def insert(connection: sqlite3.Connection, table: Table, entries: Iterable[tuple[Key, Any]]) -> None:
    """Add records, each with the values of the table's keys, and their children."""
    entries = list(entries)
    names = [*table.keys, *table.columns]
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names
    cells = ((*key, *(getattr(record, name) for name in table.columns)) for key, record in entries)
    connection.executemany(sql, [tuple(map(stored, row)) for row in cells])
    for child in table.children:
        parts = ((key, enumerate(getattr(record, child.name))) for key, record in entries)
        insert(connection, child, (((*key, position), item) for key, items in parts for position, item in items))


def load(
    connection: sqlite3.Connection,
    table: Table,
    key: Key = (),
    given: Mapping[str, Callable[..., object]] | None = None,
    *,
    among: Sequence[str] = (),
    without: Collection[str] = (),
) -> tuple[list[Sequence[Any]], list[Any]]:
    """Return the columns of the keys that follow *key*, and the records, both in the order of the keys.

    *among* limits the first of the other keys to these values. *given* makes fields without a column from the other
    keys; any other such field has the value in *key* of its name, or its default. Children named in *without* are not
    read. Equal cells of a column become one value that the records share. Raises ValueError or TypeError for a value
    that this version never writes.
    """
    others, names = table.keys[len(key) :], [*table.keys[len(key) :], *table.columns]
    conditions = [f"{name} = ?" for name in table.keys[: len(key)]]
    conditions += [f"{others[0]} IN ({', '.join('?' * len(among))})"] if among else []
    sql = f"SELECT {', '.join(names)} FROM {table.name} WHERE {' AND '.join(conditions) or '1'}"  # noqa: S608 - our own names
    cells = tuple(map(stored, (*key, *among)))
    rows = connection.execute(f"{sql} ORDER BY {', '.join(table.keys) or 'id'}", cells).fetchall()
    columns = dict(zip(names, zip(*rows, strict=True) if rows else repeat(()), strict=bool(rows)))
    own: list[Sequence[Any]] = [columns[name] for name in others]
    values: dict[str, Iterable[Any]] = dict(zip(table.keys, map(repeat, key), strict=False))
    values |= {name: _values(_hints(table.record)[name], columns[name]) for name in table.columns}
    for child in table.children:
        found = ([], []) if child.name in without else load(connection, child, key, among=among, without=without)
        # The key of a child is that of its parent and a position: children of one parent follow each other.
        parents, records = Counter(zip(*found[0][:-1], strict=True)), iter(found[1])
        groups = {parent: tuple(islice(records, number)) for parent, number in parents.items()}
        values[child.name] = [groups.get(each, ()) for each in zip(*own, strict=True)]
    values |= {name: map(make, *own) for name, make in (given or {}).items()}
    arguments = (values.get(field.name, repeat(field.default)) for field in fields(table.record))
    return own, list(map(table.record, *arguments)) if rows else []


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause garbage collection while records are made and read: they have no cycles, and it is slow."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def stored(value: object) -> Cell:
    """Return *value* as SQLite keeps it. Raises ValueError for a time without a zone."""
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


_hints: Callable[[Any], Mapping[str, Any]] = cache(get_type_hints)
_PLAIN = {str, int, float, NoneType}
_FROM_TEXT: Mapping[Any, Callable[[str], date]] = {datetime: datetime.fromisoformat, date: date.fromisoformat}


def _values(hint: Any, cells: Sequence[Any]) -> Iterable[Any]:  # noqa: ANN401 - a type, as typing gives it
    """Return the values of the type *hint* that the *cells* of a column hold; equal cells become one value."""
    kinds = frozenset(get_args(hint)) if get_origin(hint) is UnionType else frozenset({hint})
    if kinds <= _PLAIN:
        return map(dict[Cell, Cell]().setdefault, _checked(cells, kinds), cells)
    (inner,) = kinds - {NoneType}
    read, is_json = _of_json(inner), get_origin(inner) or is_dataclass(inner)
    made = {cell: None if cell is None else read(json.loads(cell) if is_json else cell) for cell in set(cells)}
    return map(made.__getitem__, cells)


def _of_json(hint: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type, as typing gives it
    """Return a function from a JSON value to a value of the type *hint*."""
    if get_origin(hint) is tuple:
        item = _of_json(get_args(hint)[0])
        return lambda values: tuple(map(item, values))
    if get_origin(hint):
        return dict
    if is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return lambda values: hint(**{name: _of_json(hints[name])(value) for name, value in values.items()})
    if hint in _PLAIN:
        return lambda value: _checked([value], {hint})[0]
    return _FROM_TEXT.get(hint, hint)  # bool and the closed lists make their own values


def _checked(cells: Sequence[Any], kinds: Collection[type]) -> Sequence[Any]:
    """Return *cells*; raise TypeError if one is of none of *kinds*. A whole number may stand for a float."""
    for strange in set(map(type, cells)) - {*kinds, *({int} if float in kinds else ())}:
        example = next(cell for cell in cells if type(cell) is strange)
        raise TypeError(f"{example!r} is not {' or '.join(sorted(kind.__name__ for kind in kinds))}")
    return cells
