"""One page, parsed once: its links, how and where each stands, and what the page says of itself."""
