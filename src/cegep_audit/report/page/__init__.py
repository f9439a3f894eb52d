"""The report as one HTML page that makes no requests: see :mod:`cegep_audit.report.page.document`."""
