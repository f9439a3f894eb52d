"""A web archive over Memento: which capture stands for a page as of a day."""
