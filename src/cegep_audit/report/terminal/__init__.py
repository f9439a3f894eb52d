"""What a scan looks like in a terminal."""
