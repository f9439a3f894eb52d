"""The sentences that tell a user what is wrong, and what to do: rows of ``messages.toml``, French and English.

Those of files, databases and what was asked for; what reports and screens say is ``report``'s.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["fr", "en"]

# Quebec usage (Office québécois de la langue française): a no-break space before a colon and a per cent
# sign and inside guillemets, none before ; ? and !. The table is written with plain spaces.
_FRENCH_SPACE = re.compile(r" (?=[:%»])|(?<=«) ")

_SHOWN_AT_MOST = 80  # characters of a cell that one line of a terminal bears


def say(key: str, lang: Language, **facts: object) -> str:
    """Return the sentence *key* (``"registry.bad_year"``) in *lang*, *facts* in their places.

    Text among the facts is made fit to print by :func:`shown`. Raises KeyError for a sentence that is not
    in the table or a fact that it needs and does not get.
    """
    fit = {name: shown(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return _sentences()[key][lang].format_map(fit)


def shown(text: str, *, at_most: int | None = None) -> str:
    r"""Return *text* with what cannot be seen written out: ``\u200b``, ``\x1b``; *at_most* so many characters of it.

    So a stray character can be found, and none drives the terminal or breaks the line. Sentences pass whole.
    """
    if at_most and len(text) > at_most:
        text = text[: at_most - 1] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\xa0" else _written_out(char) for char in text)


def excerpt(text: str) -> str:
    """Return the *text* of a cell as a message shows it: one line, at most 80 characters."""
    return shown(text, at_most=_SHOWN_AT_MOST)


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


@cache
def _sentences() -> dict[str, dict[str, str]]:
    table = tomllib.loads((files(__package__ or "cegep_audit") / "messages.toml").read_text("utf-8"))
    return {
        f"{subject}.{name}": {"en": row["en"], "fr": _FRENCH_SPACE.sub("\xa0", row["fr"])}
        for subject, rows in table.items()
        for name, row in rows.items()
    }
