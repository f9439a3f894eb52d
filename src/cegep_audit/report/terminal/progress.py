"""Shows the progress of a scan on standard error: one updated line on a terminal, occasional plain lines elsewhere.

It updates when something happens or when it is ticked, at most ten times a second: it has no thread and no timer.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cegep_audit.collect.http.progress import Tally
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.screen import Paragraph, console
from cegep_audit.scan.audit import Observer
from cegep_audit.text import plain

_REFRESH_S = 0.1  # minimum time between two updates on a terminal
_LINE_S = 30.0  # maximum time between two lines elsewhere
_STEPS = 10  # minimum number of lines elsewhere over a whole scan
_SLOW_S = 20.0  # a site in flight for longer is named
_NAMED = 3  # slow sites that are named, the slowest first
_BAR = 20  # columns


@dataclass(slots=True)
class Remaining:
    """Time left of a scan whose sites are read *slots* at a time; the last of them take up to *tail_s* seconds.

    A site that hangs takes many times as long as the others, so an average is useless near the end: there, and before
    *slots* sites are done, no estimate is given.
    """

    slots: int
    tail_s: float
    done: int = 0
    spent_s: float = 0.0

    def finished(self, spent_s: float) -> None:
        """Note that a site is done, and that it took *spent_s* seconds."""
        self.done += 1
        self.spent_s += spent_s

    def seconds(self, in_flight_s: Sequence[float], waiting: int) -> float | None:
        """Return the estimated seconds left, None if unknown.

        *in_flight_s* are the seconds that each site in flight has taken so far, *waiting* the sites not begun. Those in
        flight count too in what a site takes (the maximum-likelihood mean of censored exponential times): the first to
        finish are the quick ones.
        """
        if self.done < self.slots or not waiting:
            return None
        return waiting * (self.spent_s + sum(in_flight_s)) / self.done / self.slots + self.tail_s


class Progress(Observer):
    """Shows the progress of a scan of *total* institutions, *done* of them before it resumed; a context manager.

    *slots* sites are read at a time; *tail_s* is how long the last of them may take, in seconds. With *explains* it
    says what each slow site waits for. On a terminal the line disappears when the scan ends; notes stay above it.
    *clock* returns seconds and is that of the visits.
    """

    def __init__(
        self,
        total: int,
        lang: Language,
        *,
        done: int = 0,
        slots: int = 1,
        tail_s: float = 0.0,
        explains: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._lang: Language = lang
        self._done = done
        self._explains = explains
        self._accounts = 0
        self._remaining = Remaining(slots, tail_s)
        self._tally: Tally | None = None
        self._in_flight: dict[str, tuple[Institution, float]] = {}  # by id, with the second it began
        self._explained: set[str] = set()
        self._clock = clock
        self._last_shown = clock()
        self._last_step = self._step()
        self._console = console(stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            # Standard output is left alone: it may be a file that waits for results.
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal."""
        if self._live:
            self._live.update(Text(), refresh=True)
            self._live.stop()

    def watch(self, tally: Tally) -> None:
        """Show requests and waits from *tally* from now on; without one, requests are not known."""
        self._tally = tally

    def started(self, institution: Institution) -> None:
        """Say that a visit begins."""
        self._in_flight[institution.id] = (institution, self._clock())
        self.tick()

    def finished(self, result: InstitutionResult) -> None:
        """Say that a visit ended, and what it brought."""
        _, since = self._in_flight.pop(result.institution.id, (None, self._clock()))
        self._remaining.finished(self._clock() - since)
        self._done += 1
        self._accounts += len(result.accounts)
        self.tick()

    def note(self, text: str) -> None:
        """Print one line for a person; it stays."""
        self._console.print(Text(plain(text)), soft_wrap=True)

    def tick(self) -> None:
        """Update the progress if it is due; call it regularly while nothing happens."""
        now = self._clock()
        slow = [(now - since, each) for each, since in self._in_flight.values() if now - since >= _SLOW_S]
        slow.sort(key=lambda pair: (-pair[0], pair[1].id))
        if self._explains:
            self._explain(slow)
        named = ", ".join(
            f"{each.short_name or each.name} ({locales.duration(spent)})" for spent, each in slow[:_NAMED]
        )
        slow_words = say("progress.slow", self._lang, names=named) if slow else ""
        since_s = now - self._last_shown
        if self._live:
            if since_s >= _REFRESH_S or self._done == self._total:
                self._last_shown = now
                self._live.update(self._moving(now, slow_words), refresh=True)
        elif self._step() > self._last_step or since_s >= _LINE_S:
            self._last_shown, self._last_step = now, self._step()
            self.note(", ".join(self._facts(now)))
            if slow_words:
                self.note(slow_words)

    def _step(self) -> int:
        return self._done * _STEPS // self._total if self._total else 0

    def _moving(self, now: float, slow_words: str) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(self._total, 1), completed=self._done, width=_BAR)
        line.add_row(bar, Text(" · ".join(self._facts(now))))
        return Group(line, Paragraph(slow_words, "dim")) if slow_words else line

    def _facts(self, now: float) -> Iterator[str]:
        """Yield done of all, in flight, accounts, requests, time left: in this order, without unknown ones."""
        lang = self._lang
        yield say("progress.done", lang, done=self._done, total=self._total)
        yield say("progress.in_flight", lang, count=len(self._in_flight))
        yield say("progress.accounts", lang, count=self._accounts)
        if self._tally:
            yield say("progress.requests", lang, count=self._tally.requests)
        spent = [now - since for _, since in self._in_flight.values()]
        left = self._remaining.seconds(spent, self._total - self._done - len(spent))
        if left is not None:
            yield say("progress.left", lang, duration=locales.duration(left))

    def _explain(self, slow: Sequence[tuple[float, Institution]]) -> None:
        """Report once per slow site what it waits for."""
        for spent, each in slow:
            if each.id in self._explained or not (wait := self._tally and self._tally.visits.get(each.id)):
                continue
            self._explained.add(each.id)
            since = locales.duration(self._clock() - wait.since)
            facts = {"institution": each.id, "spent": locales.duration(spent), "url": wait.url, "since": since}
            self.note(say(f"progress.waits_for_{wait.what}", self._lang, **facts))
