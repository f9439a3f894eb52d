"""The invented web of `cegep-audit demo`."""
