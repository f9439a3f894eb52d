"""The errors of this program; those of pages and sites never leave a scan."""

from collections.abc import Mapping
from typing import NamedTuple


class CegepAuditError(Exception):
    """Base of every error of this program; its text is one line meant for the user."""


class UsageError(CegepAuditError):
    """An option or argument that cannot be honoured: exit code 2."""


class StoreError(CegepAuditError):
    """A file or database that cannot be read or written: exit code 3. The message names it and says what to do."""


class TooManyAccountsError(CegepAuditError):
    """A site that names more accounts than are judged; it becomes a status."""


class Fault(NamedTuple):
    """One fault of a file that a user wrote: where, what is wrong, and what to do."""

    file: str
    line: int  # from 1; 0 for the file as a whole
    column: str  # the header's name, "" for a whole line
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(filter(None, (where, self.column, self.message)))


class RegistryError(CegepAuditError):
    """A registry or other user file that cannot be used: exit code 2. *lines* are the messages of the first faults."""

    def __init__(self, faults: list[Fault], lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.faults = faults


class FetchError(CegepAuditError):
    """A page that could not be read; it becomes a ``Failure``.

    ``detail`` is a code of :class:`cegep_audit.vocabulary.Detail` or ``http_NNN``; ``status`` is the HTTP status of
    the last answer, None if there was none; ``record_id`` names the WARC record, if one is kept. ``headers`` and
    ``body`` are those of an error answer, as far as it was read.
    """

    def __init__(
        self, url: str, detail: str, message: str, *, status: int | None = None, record_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.url, self.detail, self.status, self.record_id = url, detail, status, record_id
        self.headers: Mapping[str, str] = {}
        self.body = b""
