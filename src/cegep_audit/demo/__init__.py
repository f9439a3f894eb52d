"""An invented web of Quebec institutions with the traps of real sites, served on loopback for ``cegep-audit demo``."""

from cegep_audit.demo.server import Web, serve
from cegep_audit.demo.sites import saved_pages

__all__ = ["Web", "saved_pages", "serve"]
