"""Everything that is shown on a terminal, by name."""

from cegep_audit.report.terminal.listings import (
    accounts_table,
    classified_table,
    counts_table,
    institutions_table,
    networks_table,
    scans_table,
)
from cegep_audit.report.terminal.overview import methods_view, summary_view
from cegep_audit.report.terminal.screen import Paragraph, console, detail_words

__all__ = [
    "Paragraph",
    "accounts_table",
    "classified_table",
    "console",
    "counts_table",
    "detail_words",
    "institutions_table",
    "methods_view",
    "networks_table",
    "scans_table",
    "summary_view",
]
