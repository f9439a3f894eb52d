"""Whose the accounts of a site are: candidates, name matching, rules, the main account of each network."""
