"""Progress, lists and reports in a terminal."""
