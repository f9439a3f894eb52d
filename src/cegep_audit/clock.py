"""The clock, the one format in which times are written, and the parser of dates in headers."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def stamp(when: datetime) -> str:
    """Return *when* as every file and JSON document writes it: ``2026-11-23T18:00:00.500000Z``.

    Texts sort as their times do, because all have the same length. Raises ValueError for a time without a zone.
    """
    if when.tzinfo is None:
        raise ValueError(f"a time without a zone: {when}")
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_mail_date(text: str) -> datetime | None:
    """Return a date as headers of HTTP and mail write it, in UTC; None for anything else."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
