"""WARC files and pages that a person saved: a writer, an index of captures, and a reader of what they hold."""
