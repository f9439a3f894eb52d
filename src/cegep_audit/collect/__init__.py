"""Where pages come from: the live web, a WARC file; what may be asked, when, and which page next."""
