"""An invented web of Quebec institutions with the traps of real sites, served on loopback for ``cegep-audit demo``."""

from cegep_audit.demo.pages import saved_pages
from cegep_audit.demo.server import Hit, Web, serve
from cegep_audit.demo.sites import Expectation, Truth, expected, truth, write_registry

__all__ = ["Expectation", "Hit", "Truth", "Web", "expected", "saved_pages", "serve", "truth", "write_registry"]
