"""An invented web of Quebec institutions with the traps of real sites, served on loopback for ``cegep-audit demo``."""

from cegep_audit.demo.pages import saved_pages
from cegep_audit.demo.server import Hit, Web, serve

__all__ = ["Hit", "Web", "saved_pages", "serve"]
