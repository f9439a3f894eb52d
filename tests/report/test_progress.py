"""The progress of a scan: on a terminal or in a file, never on standard output."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading

from builders import account, institution, result

from cegep_audit.collect.http.progress import Tally, Waiting
from cegep_audit.phrases import Language
from cegep_audit.report.terminal.progress import Progress

NBSP = "\u00a0"


class Clock:
    """A clock that a test advances by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def make_progress(total: int, lang: Language = "fr", **options: object) -> tuple[Progress, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    return Progress(total, lang, stream=stream, clock=clock, **options), stream, clock  # type: ignore[arg-type] # each test's own options


def test_without_a_terminal_each_tenth_prints_a_line() -> None:
    progress, stream, clock = make_progress(100)
    tally = Tally()
    with progress:
        progress.watch(tally)
        for number in range(100):
            progress.started(institution(f"s{number}"))
            clock.now += 0.5
            tally.requests += 3
            progress.finished(result(f"s{number}", account("facebook")))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "10/100, 0 en cours, 10 comptes, 30 requêtes, encore 45 s"
    assert lines[-1] == "100/100, 0 en cours, 100 comptes, 300 requêtes"


def test_a_slow_scan_prints_every_30_seconds_and_names_slow_sites() -> None:
    progress, stream, clock = make_progress(1000, "en")
    with progress:
        for number in range(4):
            clock.now += 20
            progress.started(institution(f"s{number}"))
    assert stream.getvalue().splitlines() == [
        "0/1,000, 2 in flight, 0 accounts",
        "slow: Cégep s0 (20 s)",
        "0/1,000, 4 in flight, 0 accounts",
        "slow: Cégep s0 (1 min 00 s), Cégep s1 (40 s), Cégep s2 (20 s)",
    ]


def test_ticks_update_the_time_of_a_slow_site() -> None:
    progress, stream, clock = make_progress(9, "en")
    with progress:
        progress.started(institution("s0"))
        for _ in range(3):
            clock.now += 30
            progress.tick()
    shown = [line for line in stream.getvalue().splitlines() if line.startswith("slow")]
    assert shown == [f"slow: Cégep s0 ({spent})" for spent in ("30 s", "1 min 00 s", "1 min 30 s")]


def test_the_time_left_of_a_resumed_scan_is_based_on_this_run() -> None:
    progress, stream, clock = make_progress(20, "en", done=10)
    with progress:
        for name in ("a", "b"):
            progress.started(institution(name))
            clock.now += 10
            progress.finished(result(name))
    assert stream.getvalue().splitlines()[-1].startswith("12/20,")
    assert stream.getvalue().splitlines()[-1].endswith("1 min 20 s left")


def test_explains_prints_once_what_each_slow_site_waits_for() -> None:
    progress, stream, clock = make_progress(5, "en", explains=True)
    tally = Tally()
    with progress:
        progress.watch(tally)
        for name in ("hangs", "patient", "quick"):
            progress.started(institution(name))
        clock.now += 15
        progress.finished(result("quick"))
        tally.visits["hangs"] = Waiting("answer", "http://hangs.test/\x1b[2J", clock.now)
        tally.visits["patient"] = Waiting("turn", "http://p.test/a", clock.now - 10)
        for _ in range(20):
            clock.now += 1
            progress.tick()
    notes = [line for line in stream.getvalue().splitlines() if "has waited" in line]
    assert notes == [
        "hangs: slow (20 s); has waited 5 s for an answer from http://hangs.test/[2J",
        "patient: slow (20 s); has waited 15 s to request http://p.test/a (delay between requests)",
    ]


def test_a_note_is_one_line_without_escape_codes() -> None:
    progress, stream, _ = make_progress(3)
    with progress:
        progress.note("a [red]note[/red]\x1b[2J\nof " + "many words " * 30)
    assert stream.getvalue().count("\n") == 1
    assert "[red]note[/red][2J of" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_names_slow_sites_and_gets_its_cursor_back() -> None:
    stream, clock = Screen(), Clock()
    before = threading.active_count()
    with Progress(4, "fr", stream=stream, clock=clock) as progress:
        assert threading.active_count() == before, "no thread renders the bar"
        progress.started(institution("lent", "Cégep [b]Lent[/b]\x1b[2J"))
        progress.started(institution("vif"))
        clock.now += 25
        progress.finished(result("vif", "facebook"))
        progress.note("une note")
    text = stream.getvalue()
    assert "1/4 · 1 en cours · 1 compte · encore 1 min 40 s" in text
    assert f"lents{NBSP}: Cégep [b]Lent[/b][2J (25 s)" in text
    assert "une note" in text
    assert "\x1b[?25h" in text, "the cursor is visible again"


def test_a_terminal_is_updated_at_most_ten_times_a_second() -> None:
    stream, clock = Screen(), Clock()
    with Progress(5000, "fr", stream=stream, clock=clock) as progress:
        for number in range(1000):
            clock.now += 0.001
            progress.started(institution(f"s{number}"))
    assert 5 < len(re.findall(r"en cours", stream.getvalue())) <= 11


def test_progress_stays_off_standard_output() -> None:
    code = (
        "import sys\n"
        "from cegep_audit.report.terminal.progress import Progress\n"
        "with Progress(3, 'fr') as progress:\n"
        "    progress.note('note')\n"
        "    print('result')\n"
    )
    ours, theirs = pty.openpty()
    try:
        run = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm"},
            check=True,
            timeout=60,
        )
        assert run.stdout == b"result\n"
        assert b"note" in os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)
