"""Values as the cells of a file: one text form for each, and none that a spreadsheet takes for a formula."""

from __future__ import annotations

import re

from cegep_audit.text import plain

Cell = str | int | float | bool | None

# What makes a spreadsheet compute (OWASP, "CSV Injection"; the full-width forms in Japanese and Chinese
# locales). TAB, CR and NUL, which hide one, are taken out before. A semicolon starts a cell too: it is what
# separates cells where the decimal mark is a comma, as in French.
_FORMULA = re.compile("(^|;)([\\s\u200c\u200d]*)(?=[=+\\-@＝＋－＠])")


def inert(text: str) -> str:
    """Return *text* on one line, an apostrophe before what a spreadsheet would compute.

    It is its own inert form. A formula may start the cell, stand after blanks, or after a semicolon.
    """
    return _FORMULA.sub(lambda match: f"{match[1]}'{match[2]}", plain(text))


def written(value: Cell) -> str:
    """Return *value* as a CSV cell: ``true`` or ``false``, a number, inert text, or nothing for None.

    A number has a decimal point, and a minus before it where it is negative: no spreadsheet computes that.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return inert(value) if isinstance(value, str) else str(value)


def whole(text: str) -> int | str:
    """Return *text* as an integer where it is the usual spelling of one, else as it is."""
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text
