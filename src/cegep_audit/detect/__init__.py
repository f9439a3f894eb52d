"""What a page says: its links, the accounts they name, who holds those, and whether the site was readable."""
