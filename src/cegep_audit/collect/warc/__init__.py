"""WARC files: a writer, an index of captures, and a reader of what they hold."""
