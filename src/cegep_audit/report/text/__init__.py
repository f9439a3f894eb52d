"""Paragraphs for a paper: methods and cautions."""
