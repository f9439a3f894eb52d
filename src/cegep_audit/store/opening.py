"""Opens the database file, and turns every database error into a one-line message for the user.

The journal is a rollback journal, not a write-ahead log, because the file must work on network drives and read-only
media and be complete when copied alone (``docs/decisions/database.md``). A file may come from somebody else, so its
schema must equal ours exactly: no additional view, trigger or table.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
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


def connect(path: Path, *, create: bool, lang: Language, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the database at *path*; *create* makes a missing or empty one, readable by its owner only.

    Statements outside :func:`transaction` commit on their own. A read-only file is opened read-only. Raises StoreError,
    in the language *lang*.
    """
    with telling(path, lang, opening=True):
        _check_place(path, create=create, lang=lang)
        if create:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
        connection = sqlite3.connect(
            _uri(path, "rwc" if create else "rw"),
            uri=True,
            timeout=busy_s,
            isolation_level=None,
            check_same_thread=False,  # Store lets one thread in at a time
        )
    try:
        with telling(path, lang):
            _prepare(connection, path, create=create, lang=lang)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def telling(path: Path, lang: Language, *, opening: bool = False) -> Iterator[None]:
    """Turn errors of SQLite and of the system inside the block into a StoreError of one line about *path*."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        key = _SENTENCES.get(code, "store.other")
        if isinstance(error, PermissionError) or (opening and code == sqlite3.SQLITE_CANTOPEN):
            key = "store.not_allowed"
        raise StoreError(say(key, lang, file=shown(str(path)), reason=str(error))) from error


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Run the block as one transaction: it is rolled back on any exception, Ctrl-C included."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # report the first error; some roll back on their own
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def claiming(path: Path, scan_id: int, lang: Language) -> Iterator[None]:
    """Hold *scan_id* of the database at *path* for this process; StoreError if another process holds it.

    The claim is SQLite's own lock on an empty file beside the database: it works wherever the database does, and ends
    with the process, even if that is killed. The file is removed while the lock is held, so a lock on a file that has
    been removed meanwhile does not count. A file that a killed process left behind claims nothing.
    """
    file = path.with_name(f"{path.name}-scan-{scan_id}.lock")
    with telling(path, lang):
        try:
            while (holder := _locked(file)) is None:
                pass
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_BUSY:
                raise StoreError(say("store.running", lang, file=shown(str(path)), scan=scan_id)) from error
            raise
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            file.unlink()
        holder.close()


def _locked(file: Path) -> sqlite3.Connection | None:
    """Lock *file*, creating it if needed; return None if its holder removed it before we had the lock."""
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    try:
        before = file.stat()
        holder = sqlite3.connect(_uri(file, "rw"), uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    except (FileNotFoundError, sqlite3.OperationalError):
        if file.exists():
            raise
        return None
    try:
        holder.execute("PRAGMA journal_mode = MEMORY")  # no second file beside the first
        holder.execute("BEGIN EXCLUSIVE")
        is_there = file.exists() and os.path.samestat(before, file.stat())
    except BaseException:
        holder.close()
        raise
    if not is_there:
        holder.close()
    return holder if is_there else None


def check_sound(connection: sqlite3.Connection, path: Path, lang: Language) -> None:
    """Raise StoreError if the file is damaged, before hours of scanning are written to it."""
    with telling(path, lang):
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        reason = verdict.strip().splitlines()[-1]
        raise StoreError(say("store.damaged", lang, file=shown(str(path)), reason=reason))


def _check_place(path: Path, *, create: bool, lang: Language) -> None:
    tell = partial(say, lang=lang, file=shown(str(path)))
    if path.is_dir():
        raise StoreError(tell("store.directory"))
    if path.exists():
        return
    if not create:
        raise StoreError(tell("store.missing"))
    if not path.absolute().parent.is_dir():
        raise StoreError(tell("store.no_folder"))


def _uri(path: Path, mode: str) -> str:
    """Return *path* as a URI for SQLite. Drive letters and network shares of Windows need three slashes."""
    name = path.absolute().as_posix()
    return f"file://{'' if name.startswith('/') else '/'}{quote(os.fsencode(name), safe='/:')}?mode={mode}"


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool, lang: Language) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    tell = partial(say, lang=lang, file=shown(str(path)))
    with transaction(connection, "BEGIN DEFERRED"):  # a consistent view: another process may be creating the tables
        found = _schema_of(connection)
        application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if not found and not application:
        if not create:
            raise StoreError(tell("store.empty"))
        _make(connection)
    elif application != APPLICATION_ID:
        raise StoreError(tell("store.other_program"))
    elif version != VERSION:
        raise StoreError(tell("store.other_version", found=version, known=VERSION))
    elif found != _our_schema():
        raise StoreError(tell("store.other_schema"))


def _make(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        if not _schema_of(connection):  # another process may have created it meanwhile
            for statement in _statements(_script()):
                connection.execute(statement)


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return the kind, name and definition of everything in the database, without comments and spaces.

    SQLite's own tables have no definition; those of ``ANALYZE`` are left out.
    """
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat_'")
    return {(kind, name, re.sub(r"--[^\n]*|\s", "", sql or "")) for kind, name, sql in found}


@cache
def _our_schema() -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_script())
        return _schema_of(connection)


def _script() -> str:
    return (files(__package__ or "") / "schema.sql").read_text("utf-8")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a *script*; ``executescript`` would commit the current transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
