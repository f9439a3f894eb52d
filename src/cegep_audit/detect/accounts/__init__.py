"""Who holds the accounts that a site shows: candidates, name matching, rules, the main account of each network."""
