"""Opens the database file, whatever it turns out to be, and says in one line what is wrong with it.

``docs/decisions/database.md`` gives the reasons: a rollback journal and no write-ahead log, for the file must
work on network drives and, to be read, on media that cannot be written to, and be whole when copied alone.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

APPLICATION_ID = 0x63654741  # set by schema.sql

# The n-th script makes version n (PRAGMA user_version) of the one before. A script that was released stays as
# it is; a change is a further script.
MIGRATIONS = ("schema.sql", "decisions.sql", "flaws.sql", "drawings.sql")
VERSION = len(MIGRATIONS)

BUSY_S = 10.0  # how long another program may keep the file to itself before it is said to be in use

_PRIMARY = 0xFF  # the part of an extended result code that SQLite documents as the primary one
_SENTENCES = {
    sqlite3.SQLITE_BUSY: "store.locked",
    sqlite3.SQLITE_LOCKED: "store.locked",
    sqlite3.SQLITE_FULL: "store.full",
    sqlite3.SQLITE_IOERR: "store.disk",
    sqlite3.SQLITE_READONLY: "store.read_only",
    sqlite3.SQLITE_CANTOPEN: "store.read_only",  # once open: its journal cannot be made beside it
    sqlite3.SQLITE_PERM: "store.not_allowed",
    sqlite3.SQLITE_NOTADB: "store.not_database",
    sqlite3.SQLITE_CORRUPT: "store.damaged",
}


def connect(path: Path, *, create: bool, lang: Language, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the database at *path*, with the tables of this version in it; *create* makes it where there is none.

    Statements commit by themselves outside :func:`transaction`. A file that may only be read is opened so.
    Raises StoreError, said in *lang*.
    """
    with telling(path, lang, opening=True):
        _check_place(path, create=create, lang=lang)
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
    """Turn what SQLite and the system raise inside the block into a StoreError of one line about *path*."""
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
    """Make the statements of the block one: all are kept, or none where anything is raised, Ctrl-C included."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # the first error is the one to tell; some roll back by themselves
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise


@contextmanager
def claiming(path: Path, scan_id: int, lang: Language) -> Iterator[None]:
    """Hold *scan_id* of the database at *path* for this process; StoreError where another process holds it.

    The claim is SQLite's own lock on an empty file beside the database: it works wherever the database does,
    on any system, and dies with the process, even one that was killed. The file is removed afterwards; one that
    a killed process left behind claims nothing.
    """
    lock = path.with_name(f"{path.name}-scan-{scan_id}.lock")
    with telling(path, lang):
        holder = sqlite3.connect(_uri(lock, "rwc"), uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        with telling(path, lang):
            try:
                holder.execute("PRAGMA journal_mode = MEMORY")  # no second file beside the first
                holder.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_BUSY:
                    raise StoreError(say("store.running", lang, file=shown(str(path)), scan=scan_id)) from error
                raise
        yield
    finally:
        was_ours = holder.in_transaction
        holder.close()
        if was_ours:
            with suppress(OSError):
                lock.unlink()


def check_sound(connection: sqlite3.Connection, path: Path, lang: Language) -> None:
    """Raise StoreError where the file is damaged: better known before a scan of hours is written into it."""
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
    """Return SQLite's name for *path*. A drive letter and a share of Windows both need the three slashes."""
    name = path.absolute().as_posix()
    return f"file://{'' if name.startswith('/') else '/'}{quote(os.fsencode(name), safe='/:')}?mode={mode}"


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool, lang: Language) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    tell = partial(say, lang=lang, file=shown(str(path)))
    with transaction(connection, "BEGIN DEFERRED"):  # one moment: another process may be making the tables
        is_blank = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if is_blank and not application and not create:
        raise StoreError(tell("store.empty"))
    if application != APPLICATION_ID and not (is_blank and not application):
        raise StoreError(tell("store.other_program"))
    if version > VERSION:
        raise StoreError(tell("store.newer", found=version, known=VERSION))
    if version < VERSION:
        _migrate(connection, may_stay=bool(version))


def _migrate(connection: sqlite3.Connection, *, may_stay: bool) -> None:
    """Bring the database to this version; another process may have done so since we looked.

    One that cannot be written to is read as it is, if it *may_stay*: whoever reads has to do without later tables.
    """
    try:
        with transaction(connection):
            for script in MIGRATIONS[_pragma(connection, "user_version") :]:
                for statement in _statements((files(__package__ or "") / script).read_text("utf-8")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    except sqlite3.OperationalError as error:
        if not may_stay or error.sqlite_errorcode & _PRIMARY not in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
            raise


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a *script*; ``executescript`` would commit the transaction they belong to."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
