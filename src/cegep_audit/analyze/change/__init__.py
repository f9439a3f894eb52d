"""What changed: two scans side by side, and the shares over several."""
