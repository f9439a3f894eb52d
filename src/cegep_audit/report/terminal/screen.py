"""What every screen shares: the console, text broken into lines, and the plain look of a table.

Text from the web or the registry is shown as text: it passes through ``plain`` and reaches Rich in ``Text``
objects, never as markup.
"""

from __future__ import annotations

import os
import sys
import textwrap
from dataclasses import dataclass
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from cegep_audit.detect.networks.identify import name_of
from cegep_audit.phrases.catalogue import known, say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import plain

_UNBROKEN = 10_000  # columns of what is no terminal: a program that reads a line wants it whole
_NARROWEST = 12  # columns of a text or of the first column of a table, at least


class _Screen(Console):
    """A console that lets its caller know when nobody reads any more, where Rich would end the process with 1."""

    def on_broken_pipe(self) -> None:
        """Pass on the BrokenPipeError that is being handled."""
        raise  # noqa: PLE0704 - Rich calls this where it has caught one


def console(stream: TextIO | None = None) -> Console:
    """Return a console that writes to *stream* (standard output): colours and the window's width on a terminal.

    Elsewhere there are neither colours nor a width; NO_COLOR and COLUMNS are obeyed. A character that the
    stream's encoding lacks becomes ``?``.
    """
    stream = stream or sys.stdout
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    shown = _Screen(file=stream, highlight=False, markup=False, emoji=False)
    if not shown.is_terminal and "COLUMNS" not in os.environ:
        shown.width = _UNBROKEN
    return shown


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text broken at spaces, its unbreakable ones held: Rich alone would break there. ``hang`` indents the rest."""

    text: str
    style: str = ""
    hang: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one line at a time."""
        width = max(options.max_width, _NARROWEST)
        lines = textwrap.wrap(plain(self.text), width, subsequent_indent=" " * self.hang, break_on_hyphens=False)
        yield from (Text(line, style=self.style) for line in lines or [""])


def detail_words(detail: str, lang: Language) -> str:
    """Return a *detail* code in words: ``réponse HTTP 403`` for ``http_403``; a code without words as it is."""
    if detail.startswith("http_"):
        return say("detail.http", lang, status=detail.removeprefix("http_"))
    return say(f"detail.{detail}", lang) if known(f"detail.{detail}") else plain(detail)


def network_name(name: str) -> str:
    """Return the name people know a network by, its id where the rules no longer know it."""
    return name_of(name) or plain(name)


def column_name(column: str, lang: Language) -> str:
    """Return what people call a *column* of the registry; one of a file's own keeps its name."""
    return say(f"column_name.{column}", lang) if known(f"column_name.{column}") else plain(column)


def plain_table(first_heading: str) -> Table:
    """Return a table without frame, its first column headed *first_heading*; others are added to it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), show_edge=False)
    table.add_column(Text(plain(first_heading)), overflow="fold", min_width=_NARROWEST)
    return table
