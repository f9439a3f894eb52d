"""The registry: the list of institutions to audit. This package reads, checks and selects them."""

from cegep_audit.registry.reading import KNOWN_COLUMNS, REQUIRED_COLUMNS, default_registry, read_registry
from cegep_audit.registry.selection import as_of, columns, counts, is_open, select, value_of

__all__ = [
    "KNOWN_COLUMNS",
    "REQUIRED_COLUMNS",
    "as_of",
    "columns",
    "counts",
    "default_registry",
    "is_open",
    "read_registry",
    "select",
    "value_of",
]
