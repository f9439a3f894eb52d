"""Collects pages: from the live web, WARC files or an archive, within robots.txt, pacing and a page limit."""
