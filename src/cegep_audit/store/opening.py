"""Opens the database file, and turns every database error into a one-line message for the user.

The journal is a rollback journal, not a write-ahead log, because the file must work on network drives and read-only
media and be complete when copied alone (``docs/decisions/database.md``). A file may come from somebody else, so its
schema must equal ours exactly: no additional view, trigger or table.
"""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from cegep_audit.errors import StoreError
from cegep_audit.phrases import Language, say
from cegep_audit.text import shown

APPLICATION_ID, VERSION = 0x63654741, 1  # both set by schema.sql

BUSY_S = 10.0  # how long to wait for another program that locks the file

_PRIVATE = 0o600  # the file holds coders' names
_PRIMARY = 0xFF  # the part of an extended result code that SQLite documents as the primary one
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "store.locked",
    sqlite3.SQLITE_LOCKED: "store.locked",
    sqlite3.SQLITE_FULL: "store.full",
    sqlite3.SQLITE_IOERR: "store.disk",
    sqlite3.SQLITE_READONLY: "store.read_only",
    sqlite3.SQLITE_CANTOPEN: "store.read_only",  # once open, SQLite cannot create the journal beside it
    sqlite3.SQLITE_PERM: "store.not_allowed",
    sqlite3.SQLITE_NOTADB: "store.not_database",
    sqlite3.SQLITE_CORRUPT: "store.damaged",
}
_WHEN_OPENING = _SENTENCES | {sqlite3.SQLITE_CANTOPEN: "store.not_allowed"}
_WHEN_CLAIMING = _SENTENCES | {sqlite3.SQLITE_BUSY: "store.running"}


def store_error(key: str, path: Path, lang: Language, **facts: object) -> StoreError:
    """Return an error whose message is the sentence *key* about the database at *path*."""
    return StoreError(say(key, lang, file=shown(str(path)), **facts))


def connect(path: Path, *, create: bool, lang: Language, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the database at *path*; *create* makes a missing or empty one, readable by its owner only.

    Statements outside :func:`transaction` commit on their own. A read-only file is opened read-only.
    """
    with telling(path, lang, _WHEN_OPENING):
        if path.is_dir():
            raise store_error("store.directory", path, lang)
        if not create and not path.exists():
            raise store_error("store.missing", path, lang)
        if not path.absolute().parent.is_dir():
            raise store_error("store.no_folder", path, lang)
        if create:
            with suppress(FileExistsError):
                path.touch(_PRIVATE, exist_ok=False)
        connection = _connection(path, timeout=busy_s)
    with ExitStack() as stack, telling(path, lang):
        stack.callback(connection.close)
        _prepare(connection, path, create=create, lang=lang)
        stack.pop_all()  # it stays open
    return connection


@contextmanager
def telling(path: Path, lang: Language, sentences: Mapping[int, str] = _SENTENCES, **facts: object) -> Iterator[None]:
    """Turn errors of SQLite and of the system inside the block into a StoreError of one line about *path*."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        key = sentences.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY, "store.other")
        if isinstance(error, PermissionError):
            key = "store.not_allowed"
        raise store_error(key, path, lang, reason=str(error), **facts) from error


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run the block as one transaction: it is rolled back on any exception, Ctrl-C included."""
    connection.execute(begin)
    with connection:
        yield


@contextmanager
def claiming(path: Path, scan_id: int, lang: Language) -> Iterator[None]:
    """Hold *scan_id* of the database at *path* for this process; StoreError if another process holds it.

    The claim is SQLite's own lock on an empty file beside the database: it works wherever the database does, and ends
    with the process, even if that is killed. The file is removed while the lock is held, so a lock on a file that has
    been removed meanwhile does not count. A file that a killed process left behind claims nothing.
    """
    file = path.with_name(f"{path.name}-scan-{scan_id}.lock")
    with telling(path, lang, _WHEN_CLAIMING, scan=scan_id):
        while (holder := _locked(file)) is None:
            pass
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            file.unlink()
        holder.close()


def _locked(file: Path) -> sqlite3.Connection | None:
    """Lock *file*, creating it if needed; return None if its holder removed it before we had the lock."""
    with suppress(FileExistsError):
        file.touch(_PRIVATE, exist_ok=False)
    with ExitStack() as stack:
        try:
            before = file.stat()
            holder = stack.enter_context(closing(_connection(file, timeout=0)))
            holder.execute("PRAGMA journal_mode = MEMORY")  # no second file beside the first
            holder.execute("BEGIN EXCLUSIVE")
            if os.path.samestat(before, file.stat()):
                stack.pop_all()
                return holder
        except (FileNotFoundError, sqlite3.OperationalError):
            if file.exists():
                raise
    return None


def _connection(path: Path, timeout: float) -> sqlite3.Connection:
    """Open the existing file at *path*. Drive letters and network shares of Windows need three slashes in a URI."""
    name = path.absolute().as_posix()
    uri = f"file://{'' if name.startswith('/') else '/'}{quote(os.fsencode(name), safe='/:')}?mode=rw"
    # Store lets one thread in at a time.
    return sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool, lang: Language) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    with transaction(connection, "BEGIN DEFERRED"):  # a consistent view: another process may be creating the tables
        found = _schema_of(connection)
        pragmas = connection.execute("SELECT * FROM pragma_application_id, pragma_user_version")
        application, version = pragmas.fetchone()
    if not found and not application:
        if not create:
            raise store_error("store.empty", path, lang)
        with transaction(connection):
            if not _schema_of(connection):  # another process may have created it meanwhile
                for statement in _script().split(";\n"):  # ``executescript`` would commit the transaction
                    connection.execute(statement)
    elif application != APPLICATION_ID:
        raise store_error("store.other_program", path, lang)
    elif version != VERSION:
        raise store_error("store.other_version", path, lang, found=version, known=VERSION)
    elif found != _our_schema():
        raise store_error("store.other_schema", path, lang)


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return kind, name and definition of all in the database but SQLite's own tables, without comments and spaces."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat_'")
    return {(kind, name, re.sub(r"--[^\n]*|\s", "", sql or "")) for kind, name, sql in found}


@cache
def _our_schema() -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_script())
        return _schema_of(connection)


def _script() -> str:
    return (files(__package__ or "") / "schema.sql").read_text("utf-8")
