"""What a page says: its links, the accounts they name, whose those are, and whether the site was readable."""
