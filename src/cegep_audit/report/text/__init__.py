"""Reports in words, as blocks: summary, comparison, agreement, the sheet of an institution, paragraphs for a paper."""
