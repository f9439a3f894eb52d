"""How far a scan is, on standard error: one line that moves on a terminal, a plain line now and then elsewhere.

It draws when it is told something, and at most ten times a second: no thread, no timer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.report import locales
from cegep_audit.report.locales import Language
from cegep_audit.report.phrases import phrase
from cegep_audit.report.plain import plain
from cegep_audit.report.screen import Paragraph, console

_REDRAW_S = 0.1  # least time between two drawings on a terminal
_LINE_S = 30.0  # most time between two lines elsewhere
_STEPS = 10  # lines elsewhere, at least, over a whole scan
_SLOW_S = 20.0  # a site in flight for longer is named
_NAMED = 3  # slow sites that are named, the slowest first
_BAR = 20  # columns


class Progress:
    """Shows how far a scan of *total* institutions is, *done* of them before it went on; a context manager.

    On a terminal the line goes when the scan ends; notes stay above it. *clock* gives seconds.
    """

    def __init__(
        self,
        total: int,
        lang: Language,
        *,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._lang: Language = lang
        self._before = self._done = done
        self._accounts = self._requests = 0
        self._in_flight: dict[str, tuple[Institution, float]] = {}  # by id, with the second it began
        self._clock = clock
        self._began = self._last_shown = clock()
        self._last_step = self._step()
        self._console = console(stream or sys.stderr)
        moving = self._console.is_terminal and not self._console.is_dumb_terminal
        # Standard output is left alone: it may be a file that waits for results.
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False) if moving else None
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was found."""
        if self._live:
            self._live.update(Text(), refresh=True)
            self._live.stop()

    def started(self, institution: Institution) -> None:
        """Say that a visit begins."""
        self._in_flight[institution.id] = (institution, self._clock())
        self.tick()

    def finished(self, result: InstitutionResult) -> None:
        """Say that a visit ended, and what it brought."""
        self._in_flight.pop(result.institution.id, None)
        self._done += 1
        self._accounts += len(result.accounts)
        self._requests += len(result.pages) + len(result.failures)
        self.tick()

    def note(self, text: str) -> None:
        """Print one line for a person; it stays."""
        self._console.print(Text(plain(text)), soft_wrap=True)

    def tick(self) -> None:
        """Show how far the scan is, if it is time; called now and then, it keeps the time left honest."""
        now = self._clock()
        if self._live:
            if now - self._last_shown >= _REDRAW_S or self._done == self._total:
                self._last_shown = now
                self._live.update(self._moving(now), refresh=True)
        elif self._step() > self._last_step or now - self._last_shown >= _LINE_S:
            self._last_shown, self._last_step = now, self._step()
            self.note(", ".join(self._facts(now)))

    def _step(self) -> int:
        return self._done * _STEPS // self._total if self._total else 0

    def _moving(self, now: float) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(self._total, 1), completed=self._done, width=_BAR)
        line.add_row(bar, Text(" · ".join(self._facts(now))))
        slow = self._slow(now)
        return Group(line, Paragraph(phrase("progress.slow", self._lang, names=slow), "dim")) if slow else line

    def _facts(self, now: float) -> Iterator[str]:
        """Yield done of all, in flight, accounts, requests, time left: in this order, as far as they are known."""
        lang = self._lang
        yield phrase("progress.done", lang, done=self._done, total=self._total)
        yield phrase("progress.in_flight", lang, count=len(self._in_flight))
        yield phrase("progress.accounts", lang, count=self._accounts)
        yield phrase("progress.requests", lang, count=self._requests)
        fresh = self._done - self._before
        if fresh and self._done < self._total:
            left = (now - self._began) / fresh * (self._total - self._done)
            yield phrase("progress.left", lang, duration=locales.duration(left))

    def _slow(self, now: float) -> str:
        """Names of the sites in flight for long, with how long, the slowest first."""
        slow = sorted((-(now - since), each) for each, (_, since) in self._in_flight.items() if now - since >= _SLOW_S)
        names = [(self._in_flight[each][0], -spent) for spent, each in slow[:_NAMED]]
        return ", ".join(f"{one.short_name or one.name} ({locales.duration(spent)})" for one, spent in names)
