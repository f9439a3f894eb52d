"""Shows the progress of a scan on standard error: one updated line on a terminal, occasional plain lines elsewhere.

It updates when something happens or when it is ticked, at most ten times a second: it has no thread and no timer.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cegep_audit.collect.http.progress import Tally
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases import Language, locales, say
from cegep_audit.report.terminal.screen import Paragraph, console
from cegep_audit.scan.audit import Observer
from cegep_audit.text import plain

_REFRESH_S = 0.1  # minimum time between two updates on a terminal
_LINE_S = 30.0  # maximum time between two lines elsewhere
_STEPS = 10  # minimum number of lines elsewhere over a whole scan
_SLOW_S = 20.0  # a site in flight for longer is named
_NAMED = 3  # slow sites that are named, the slowest first
_BAR = 20  # columns


def seconds_left(
    done_s: Sequence[float], in_flight_s: Sequence[float], waiting: int, slots: int, tail_s: float
) -> float | None:
    """Return the estimated seconds left of a scan that reads *slots* sites at a time, None if unknown.

    *done_s* are the seconds that each finished site took, *in_flight_s* those that each site in flight has taken so
    far, *waiting* the sites not begun, *tail_s* the seconds that the last sites may take. A site that hangs takes many
    times as long as the others, so an average is useless near the end: there, and before *slots* sites are done, no
    estimate is given. Sites in flight count too in what a site takes (the maximum-likelihood mean of censored
    exponential times), because the first to finish are the quick ones.
    """
    if len(done_s) < slots or not waiting:
        return None
    return waiting * (sum(done_s) + sum(in_flight_s)) / len(done_s) / slots + tail_s


@dataclass(eq=False)
class Progress(Observer):
    """Shows the progress of a scan of *total* institutions, *done* of them before it resumed; a context manager.

    *slots* and *tail_s* are those of :func:`seconds_left`. With *explains* it says what each slow site waits for. On a
    terminal the line disappears when the scan ends; notes stay above it. *stream* is standard error unless given;
    *clock* returns seconds and is that of the visits.
    """

    total: int
    lang: Language
    _: KW_ONLY
    done: int = 0
    slots: int = 1
    tail_s: float = 0.0
    explains: bool = False
    stream: TextIO | None = None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._accounts = 0
        self._done_s: list[float] = []
        self._tally: Tally | None = None
        self._in_flight: dict[str, tuple[Institution, float]] = {}  # by id, with the second it began
        self._explained: set[str] = set()
        self._last_shown = self.clock()
        self._last_step = self._step()
        self._console = console(self.stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            # Standard output is left alone: it may be a file that waits for results.
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(Text(), refresh=True)
            self._live.stop()

    def watch(self, tally: Tally) -> None:
        """Show requests and waits from *tally* from now on; without one, requests are not known."""
        self._tally = tally

    def started(self, institution: Institution) -> None:
        """Say that a visit begins."""
        self._in_flight[institution.id] = (institution, self.clock())
        self.tick()

    def finished(self, result: InstitutionResult) -> None:
        """Say that a visit ended, and what it brought."""
        _, since = self._in_flight.pop(result.institution.id, (None, self.clock()))
        self._done_s.append(self.clock() - since)
        self.done += 1
        self._accounts += len(result.accounts)
        self.tick()

    def note(self, text: str) -> None:
        """Print one line for a person; it stays."""
        self._console.print(Text(plain(text)), soft_wrap=True)

    def tick(self) -> None:
        """Update the progress if it is due; call it regularly while nothing happens."""
        now = self.clock()
        slow = [(now - since, each) for each, since in self._in_flight.values() if now - since >= _SLOW_S]
        slow.sort(key=lambda pair: (-pair[0], pair[1].id))
        for spent, each in slow if self.explains else ():
            self._explain(each, spent)
        named = (f"{each.short_name or each.name} ({locales.duration(spent)})" for spent, each in slow[:_NAMED])
        slow_words = say("progress.slow", self.lang, names=", ".join(named)) if slow else ""
        since_s = now - self._last_shown
        if self._live:
            if since_s >= _REFRESH_S or self.done == self.total:
                self._last_shown = now
                line = Table.grid(padding=(0, 1))
                bar = ProgressBar(total=max(self.total, 1), completed=self.done, width=_BAR)
                line.add_row(bar, Text(" · ".join(self._facts(now))))
                self._live.update(Group(line, Paragraph(slow_words, "dim")) if slow else line, refresh=True)
        elif self._step() > self._last_step or since_s >= _LINE_S:
            self._last_shown, self._last_step = now, self._step()
            self.note(", ".join(self._facts(now)))
            if slow:
                self.note(slow_words)

    def _step(self) -> int:
        return self.done * _STEPS // self.total if self.total else 0

    def _facts(self, now: float) -> Iterator[str]:
        """Yield done of all, in flight, accounts, requests, time left: in this order, without unknown ones."""
        lang = self.lang
        yield say("progress.done", lang, done=self.done, total=self.total)
        yield say("progress.in_flight", lang, count=len(self._in_flight))
        yield say("progress.accounts", lang, count=self._accounts)
        if self._tally:
            yield say("progress.requests", lang, count=self._tally.requests)
        spent = [now - since for _, since in self._in_flight.values()]
        left = seconds_left(self._done_s, spent, self.total - self.done - len(spent), self.slots, self.tail_s)
        if left is not None:
            yield say("progress.left", lang, duration=locales.duration(left))

    def _explain(self, each: Institution, spent: float) -> None:
        """Say once what a slow site waits for."""
        if each.id not in self._explained and (wait := self._tally and self._tally.visits.get(each.id)):
            self._explained.add(each.id)
            since = locales.duration(self.clock() - wait.since)
            facts = {"institution": each.id, "spent": locales.duration(spent), "url": wait.url, "since": since}
            self.note(say(f"progress.waits_for_{wait.what}", self.lang, **facts))
