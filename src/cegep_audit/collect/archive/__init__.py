"""A web archive over Memento: which capture is a page as of a day."""
