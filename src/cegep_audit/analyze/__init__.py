"""What the accounts add up to: tidy tables and figures, from records alone."""
