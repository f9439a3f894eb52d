"""Saves and loads scans. Results are committed whole: a scan that is killed loses only what is in flight."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Decision, Institution, InstitutionResult, Scan, Stall, Unit
from cegep_audit.phrases import Language
from cegep_audit.store.opening import BUSY_S, claiming, connect, store_error, telling, transaction
from cegep_audit.store.rows import DECISIONS, INSTITUTIONS, RESULTS, SCANS, collector_paused, insert, load, stored
from cegep_audit.vocabulary import Status, Verdict

# Decisions carry over from one scan to the next; a scan of the past (as_of) is coded on its own.
_CODED = """
SELECT coded.id FROM scans AS coded JOIN scans AS asked ON asked.id = ?
WHERE coded.id = asked.id OR (coded.id < asked.id AND coded.mode <> 'as_of' AND asked.mode <> 'as_of')
ORDER BY coded.id
"""
_FINAL_URLS = "SELECT institution_id, final_url FROM results WHERE scan_id = ?"
_SHOWN = "SELECT institution_id, network, CAST(url AS TEXT) FROM accounts WHERE scan_id = ? AND url <> ''"
_AT_ONCE = 500  # institutions read at once; another process may write between two reads


class Store(AbstractContextManager["Store", None]):
    """An open database of scans; close it, or use it as a context manager.

    Any number of processes may read and write one file, and wait for each other; one process at a time writes a given
    scan (:meth:`claim`). Calls from several threads take turns. Every method raises StoreError if the file cannot be
    read or written; opening it raises one for a missing or empty file, unless it is to *create* the database.
    """

    def __init__(self, path: Path, *, create: bool, lang: Language = "fr", busy_s: float = BUSY_S) -> None:
        self.path = Path(path)
        self._lang: Language = lang
        self._connection = connect(self.path, create=create, lang=lang, busy_s=busy_s)
        self._turn = Lock()
        self._claims: dict[int, ExitStack] = {}

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release every claim. May be called twice."""
        for scan_id in list(self._claims):
            self._let_go(scan_id)
        self._connection.close()

    def start_scan(self, scan: Scan) -> int:
        """Begin *scan* with its institutions, claim it, and return the number that it gets."""
        self._check_sound()
        unnumbered: Any = None  # SQLite gives the number
        with self._writing() as connection:
            insert(connection, SCANS, [((), replace(scan, id=unnumbered))])
            scan_id = int(connection.execute("SELECT max(id) FROM scans").fetchone()[0])
            insert(connection, INSTITUTIONS, (((scan_id, rank), each) for rank, each in enumerate(scan.institutions)))
            self._hold(scan_id)
        return scan_id

    def claim(self, scan_id: int) -> None:
        """Claim *scan_id* until :meth:`finish_scan` or :meth:`close`; StoreError if another process has claimed it."""
        self._check_sound()
        self._hold(scan_id)

    def save(self, scan_id: int, *results: InstitutionResult) -> None:
        """Save *results*, one an institution, in one transaction; their earlier results are replaced."""
        entries = [((scan_id, stored(result.institution.id)), result) for result in results]
        with self._writing() as connection:
            keys = (key for key, _ in entries)
            connection.executemany("DELETE FROM results WHERE scan_id = ? AND institution_id = ?", keys)
            insert(connection, RESULTS, entries)

    def note_stalls(self, scan_id: int, stalls: Sequence[Stall]) -> None:
        """Add *stalls* of this machine to those of a scan."""
        if stalls:
            self._update(scan_id, "stalls", (*self.scan(scan_id).stalls, *stalls))

    def label(self, scan_id: int, text: str) -> None:
        """Set the label of a scan."""
        self._update(self.scan(scan_id).id, "label", text)

    def delete(self, scan_id: int) -> None:
        """Delete a scan with its results and decisions; StoreError if it is running or another scan completes it."""
        self._hold(self.scan(scan_id).id)
        try:
            later = [scan.id for scan in self.scans() if scan.completes == scan_id]
            if later:
                raise self._error("store.completed_by", scan=scan_id, others=", ".join(map(str, later)))
            with self._writing() as connection:
                connection.execute("DELETE FROM scans WHERE id = ?", (scan_id,))
        finally:
            self._let_go(scan_id)

    def finish_scan(self, scan_id: int, ended_at: datetime) -> None:
        """Record the end of a scan and release its claim."""
        self._update(scan_id, "ended_at", ended_at)
        self._let_go(scan_id)

    def forget_if_empty(self, scan_id: int) -> None:
        """Delete a scan without any result, and release its claim; leave any other as it is."""
        if self.done_ids(scan_id):
            return
        with self._writing() as connection:
            connection.execute("DELETE FROM scans WHERE id = ?", (scan_id,))
            connection.execute("UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'scans' AND seq = ?", (scan_id,))
        self._let_go(scan_id)

    def save_decisions(self, scan_id: int, decisions: Sequence[Decision]) -> None:
        """Save the decisions of coders on a scan in one transaction.

        A coder's earlier decision on the same unit is replaced. A list from elsewhere replaces the whole earlier list
        of that name, because it may no longer name an account.
        """
        units = {(scan_id, *item.unit, item.coder) for item in decisions}
        lists = {(scan_id, item.coder) for item in decisions if item.verdict is Verdict.LISTED}
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM decisions WHERE scan_id = ? AND institution_id = ? AND network = ? AND coder = ?", units
            )
            connection.executemany("DELETE FROM decisions WHERE scan_id = ? AND coder = ?", lists)
            insert(connection, DECISIONS, [((scan_id, *item.unit), item) for item in decisions])

    def scans(self) -> list[Scan]:
        """Return every scan, the oldest first, without its institutions and results (see :meth:`tally`)."""
        with self._reading() as connection:
            return load(connection, SCANS)[1]

    def tally(self, scan_id: int) -> tuple[int, dict[Status, int]]:
        """Return the number of institutions that a scan is to audit, and the number of its results by status."""
        by_status = "SELECT status, count(*) FROM results WHERE scan_id = ? GROUP BY status ORDER BY status"
        with self._reading() as connection:
            (number,) = connection.execute("SELECT count(*) FROM institutions WHERE scan_id = ?", (scan_id,)).fetchone()
            return number, {Status(name): count for name, count in connection.execute(by_status, (scan_id,))}

    def done_ids(self, scan_id: int) -> set[str]:
        """Return the ids of the institutions that have a result in a scan."""
        with self._reading() as connection:
            found = connection.execute("SELECT institution_id FROM results WHERE scan_id = ?", (scan_id,))
            return {name for (name,) in found}

    def scan(self, scan_id: int | None = None) -> Scan:
        """Return a scan with its institutions, without its results; the latest if *scan_id* is None.

        The latest is the newest finished scan of a whole registry, or its completion; failing that, the newest finished
        scan of a selection, and then the newest. Raises UsageError for an unknown number, StoreError if the database
        holds no scan.
        """
        known = {scan.id: scan for scan in self.scans()}
        if not known:
            raise self._error("store.empty")
        latest = max(known.values(), key=lambda scan: (scan.ended_at is not None, not scan.is_selection, scan.id))
        chosen = latest.id if scan_id is None else scan_id
        if chosen not in known:
            raise UsageError(str(self._error("store.unknown_scan", scan=chosen, existing=", ".join(map(str, known)))))
        with self._reading() as connection:
            return replace(known[chosen], institutions=tuple(load(connection, INSTITUTIONS, (chosen,))[1]))

    def load(self, scan_id: int | None = None) -> Scan:
        """Return a scan with its results in registry order; which one, and the errors, are as for :meth:`scan`."""
        scan = self.scan(scan_id)
        return replace(scan, results=tuple(self.results(scan.id, scan.institutions)))

    def results(
        self, scan_id: int, subjects: Sequence[Institution], without: Collection[str] = (), whole: Collection[str] = ()
    ) -> Iterator[InstitutionResult]:
        """Yield the results of *subjects*, in order; the fields *without* stay empty, except for the ids *whole*."""
        for first in range(0, len(subjects), _AT_ONCE):
            by_id = {each.id: each for each in subjects[first : first + _AT_ONCE]}
            given, found = {"institution": by_id.__getitem__}, dict[str, InstitutionResult]()
            for ids, left_out in (([*by_id.keys() & whole], ()), ([*by_id.keys() - whole], without)):
                if ids:
                    with collector_paused(), self._reading() as connection:
                        (kept,), results = load(connection, RESULTS, (scan_id,), given, among=ids, without=left_out)
                    found.update(zip(kept, results, strict=True))
            yield from (found[id_] for id_ in by_id if id_ in found)

    def shown_accounts(self, scan_id: int) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
        """Return the institution id, network and URL of each shown account that has a URL, and every final URL."""
        with self._reading() as connection:
            final_urls = dict(connection.execute(_FINAL_URLS, (scan_id,)))
            return connection.execute(_SHOWN, (scan_id,)).fetchall(), final_urls

    def decisions(self, scan_id: int) -> list[Decision]:
        """Return the decisions of coders on a scan, after those on earlier scans that carry over, the oldest first."""
        items: list[Decision] = []
        with self._reading() as connection:
            for (number,) in connection.execute(_CODED, (scan_id,)).fetchall():
                items += load(connection, DECISIONS, (number,), {"unit": Unit})[1]
        return sorted(items, key=lambda item: (item.scan_id, item.unit, item.coder, item.correct_account))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._turn, telling(self.path, self._lang):
            try:
                with transaction(self._connection, "BEGIN DEFERRED"):
                    yield self._connection
            except (ValueError, TypeError) as error:
                raise self._error("store.bad_value", reason=str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._turn, telling(self.path, self._lang), transaction(self._connection):
            yield self._connection

    def _check_sound(self) -> None:
        """Raise StoreError if the file is damaged, before hours of scanning are written to it."""
        with self._turn, telling(self.path, self._lang):
            (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise self._error("store.damaged", reason=verdict.strip().splitlines()[-1])

    def _update(self, scan_id: int, column: str, value: object) -> None:
        with self._writing() as connection:
            cells = (stored(value), scan_id)
            connection.execute(f"UPDATE scans SET {column} = ? WHERE id = ?", cells)  # noqa: S608 - our own names

    def _let_go(self, scan_id: int) -> None:
        self._claims.pop(scan_id, ExitStack()).close()

    def _hold(self, scan_id: int) -> None:
        if scan_id not in self._claims:
            stack = ExitStack()
            stack.enter_context(claiming(self.path, scan_id, self._lang))
            self._claims[scan_id] = stack

    def _error(self, key: str, **facts: object) -> StoreError:
        return store_error(key, self.path, self._lang, **facts)
