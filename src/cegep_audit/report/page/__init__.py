"""The report as one HTML page that asks nothing of anybody: see :mod:`cegep_audit.report.page.document`."""
