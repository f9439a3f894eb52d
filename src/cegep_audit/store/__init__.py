"""The database that keeps scans: one SQLite file, one transaction an institution."""

from cegep_audit.store.rows import collector_paused
from cegep_audit.store.scans import Store

__all__ = ["Store", "collector_paused"]
