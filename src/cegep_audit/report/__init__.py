"""Reports of a scan: terminal, text, HTML page and files."""
