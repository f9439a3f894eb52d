"""The console, and the blocks of a document as Rich renders them.

Text from the web or the registry passes through ``plain`` and reaches Rich in ``Text`` objects, never as markup.
"""

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from cegep_audit.report.blocks import Block, Bullets, Entries, Folded, Grid, Line, Title, text_of
from cegep_audit.text import plain

WIDTH = 80  # columns of a report, however wide the terminal
_UNBROKEN = 10_000  # columns if the output is not a terminal, so that programs read whole lines
_NARROWEST = 12  # columns of a paragraph or of the first column of a table, at least
_HEADING = 24  # columns of a heading over figures: Rich would break a longer one inside a word
_FIGURE = 9  # characters of a figure that is never broken
_STYLES = {"": "", "strong": "bold", "dim": "dim", "warn": "bold red"}


class _Screen(Console):
    """A console that raises BrokenPipeError when the reader is gone; Rich would exit with 1."""

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


class Paragraph(NamedTuple):
    """Text broken at spaces, but not at no-break spaces as Rich would. ``hang`` indents all lines but the first."""

    text: str
    style: str = ""
    hang: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield one line at a time."""
        width = max(options.max_width, _NARROWEST)
        lines = textwrap.wrap(plain(self.text), width, subsequent_indent=" " * self.hang, break_on_hyphens=False)
        yield from (Text(line, style=self.style) for line in lines or [""])


def view(blocks: Iterable[Block], width: int | None = WIDTH) -> RenderableType:
    """Return a document as Rich renders it, at most *width* columns wide; None for the whole window."""
    parts = [part for number, block in enumerate(blocks) for part in _rendered(block, is_first=number == 0)]
    return Constrain(Group(*parts), width)


def _rendered(block: Block, *, is_first: bool) -> Iterator[RenderableType]:
    is_apart = block.is_apart if isinstance(block, Line) else not isinstance(block, Bullets | Entries)
    if is_apart and not is_first:
        yield Text()
    match block:
        case Title(text=text, level=level):
            yield Paragraph(text, "bold" if level != 2 else "bold underline")  # noqa: PLR2004 - the level of a section
        case Line(text=text, style=style):
            yield Paragraph(text, _STYLES[style])
        case Bullets(items=items):
            for item, more in items:
                yield Paragraph(f"• {text_of(item)}", hang=2)
                yield from (Paragraph(f"  – {text_of(one)}", "dim", hang=4) for one in more)
        case Grid():
            yield _table(block) if block.texts < len(block.head) else _List(block)
        case Folded(title=title, blocks=blocks):
            yield Paragraph(title, "bold")
            for number, one in enumerate(blocks):
                yield from _rendered(one, is_first=number == 0)
        case Entries():
            yield _entries(block)


class _List(NamedTuple):
    """A table of words; if the window is narrower than the longest of each column, its rows are shown as entries."""

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = _table(self.grid)
        least = Measurement.get(console, options.update(max_width=_UNBROKEN), table).minimum
        rows = [(text_of(term), list(filter(text_of, cells))) for term, *cells in self.grid.rows]
        yield table if least <= options.max_width else _entries(Entries(rows))


def _entries(block: Entries) -> Table:
    table = Table.grid(padding=(0, 2))
    for term, lines in block.items:
        shown = [Text(plain(text_of(one)), "dim" if number > 1 else "") for number, one in enumerate(lines)]
        table.add_row(Text(plain(term), "bold"), Group(*shown))
    return table


def _table(grid: Grid) -> Table:
    """Return a table without frame; a long heading over figures is broken between words."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1), show_edge=False)
    for column, heading in enumerate(grid.head):
        is_figure = column >= grid.texts
        lines = textwrap.wrap(plain(heading), _HEADING, break_on_hyphens=False) if is_figure else [plain(heading)]
        cells = [text_of(row[column]) for row in grid.rows if len(row) > column]
        is_unbroken = len(grid.head) == grid.texts and not any(" " in cell for cell in cells)  # ids, addresses
        table.add_column(
            Text("\n".join(lines)),
            justify="right" if is_figure else "left",
            no_wrap=is_unbroken or (is_figure and max(map(len, cells), default=0) <= _FIGURE),
            overflow="fold",
            min_width=None if column else _NARROWEST,
        )
    for number, row in enumerate(grid.rows):
        is_strong = number in grid.strong or (len(row) == 1 and len(grid.head) > 1)
        table.add_row(*(Text(plain(text_of(cell))) for cell in row), style="bold" if is_strong else "")
    return table
