"""Every sentence of the program, in French and English, and the format of figures and dates in each language."""
