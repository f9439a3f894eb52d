"""Pages that only a browser can render."""
