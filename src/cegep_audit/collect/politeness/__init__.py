"""What may be asked of a host and when: robots.txt, crawl delays, pacing."""
