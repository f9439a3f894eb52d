"""A scan: the audit of one institution, and of all of them."""
