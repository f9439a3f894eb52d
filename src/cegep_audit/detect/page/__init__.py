"""One page, parsed once: its links, how and where each is shown, and what the page says about itself."""
