"""An invented web of Quebec institutions with the traps of real sites, served on loopback for ``cegep-audit demo``."""

from cegep_audit.demo.server import Hit, Web, serve
from cegep_audit.demo.sites import saved_pages

__all__ = ["Hit", "Web", "saved_pages", "serve"]
