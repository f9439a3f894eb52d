"""Which page of a site to read next, why, and when to stop."""
