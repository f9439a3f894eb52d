"""The registry: the list of institutions to audit. This package reads, checks and selects them."""
