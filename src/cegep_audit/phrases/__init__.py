"""Every sentence the program says, in French and English, and how each language writes figures and dates."""
