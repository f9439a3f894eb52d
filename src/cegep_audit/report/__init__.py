"""What a person sees: terminal, files."""
