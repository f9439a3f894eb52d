"""How far a scan is: on a terminal, in a file, and never on standard output."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading

from builders import account, institution, result

from cegep_audit.report.locales import Language
from cegep_audit.report.progress import Progress

NBSP = "\u00a0"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def watched(total: int, lang: Language = "fr", done: int = 0) -> tuple[Progress, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    return Progress(total, lang, done=done, stream=stream, clock=clock), stream, clock


def test_elsewhere_than_on_a_terminal_a_line_for_each_tenth() -> None:
    progress, stream, clock = watched(100)
    with progress:
        for number in range(100):
            progress.started(institution(f"s{number}"))
            clock.now += 0.5
            progress.finished(result(f"s{number}", account("facebook")))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "10/100, 0 en cours, 10 comptes, 10 requêtes, encore 45 s"
    assert lines[-1] == "100/100, 0 en cours, 100 comptes, 100 requêtes"


def test_a_slow_scan_still_speaks_every_half_minute() -> None:
    progress, stream, clock = watched(1000, "en")
    with progress:
        for number in range(4):
            clock.now += 20
            progress.started(institution(f"s{number}"))
    assert stream.getvalue().splitlines() == [
        "0/1,000, 2 in flight, 0 accounts, 0 requests",
        "0/1,000, 4 in flight, 0 accounts, 0 requests",
    ]


def test_the_time_left_is_that_of_this_run_where_a_scan_goes_on() -> None:
    progress, stream, clock = watched(20, "en", done=10)
    with progress:
        clock.now += 10
        progress.finished(result("a"))
        clock.now += 10
        progress.finished(result("b"))
    assert stream.getvalue().splitlines()[-1].startswith("12/20,")
    assert stream.getvalue().splitlines()[-1].endswith("1 min 20 s left")


def test_a_note_is_one_line_of_text() -> None:
    progress, stream, _ = watched(3)
    with progress:
        progress.note("a [red]note[/red]\x1b[2J\nof " + "many words " * 30)
    assert stream.getvalue().count("\n") == 1
    assert "[red]note[/red][2J of" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_shows_what_is_slow_and_is_left_clean() -> None:
    stream, clock = Screen(), Clock()
    before = threading.active_count()
    with Progress(4, "fr", stream=stream, clock=clock) as progress:
        assert threading.active_count() == before, "no thread draws"
        progress.started(institution("lent", "Cégep [b]Lent[/b]\x1b[2J"))
        progress.started(institution("vif"))
        clock.now += 25
        progress.finished(result("vif", "facebook"))
        progress.note("une note")
    text = stream.getvalue()
    assert "1/4 · 1 en cours · 1 compte · 1 requête · encore 1 min 15 s" in text
    assert f"lents{NBSP}: Cégep [b]Lent[/b][2J (25 s)" in text
    assert "une note" in text
    assert "\x1b[?25h" in text, "the cursor is back"


def test_a_terminal_is_drawn_ten_times_a_second_at_most() -> None:
    stream, clock = Screen(), Clock()
    with Progress(5000, "fr", stream=stream, clock=clock) as progress:
        for number in range(1000):
            clock.now += 0.001
            progress.started(institution(f"s{number}"))
    assert 5 < len(re.findall(r"en cours", stream.getvalue())) <= 11


def test_standard_output_holds_results_alone() -> None:
    code = (
        "import sys\n"
        "from cegep_audit.report.progress import Progress\n"
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
