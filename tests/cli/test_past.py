"""``scan --as-of`` over a small imitation of the Wayback Machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Done, command, inside, rows_of
from servers import Reply, Web
from wayback import Kept, Wayback

FACEBOOK, TWITTER, INSTAGRAM = "https://www.facebook.com/{}", "https://twitter.com/{}", "https://www.instagram.com/{}"
ITUNES = "https://deimos.apple.com/WebObjects/Core.woa/Browse/{}.test"
REGISTRY = """\
id,name,website,alt_hosts,founded,closed,status
rb,Cégep de Rivière-Bleue,https://www.cegeprb.test/,,1967,,active
neuf,Cégep neuf,https://www.cegepneuf.test/,www.cegepvieux.test,1970,,active
jeune,Collège jeune,https://www.jeune.test/,,2015,,active
parti,Collège parti,https://www.parti.test/,,1950,2012,closed
loin,Collège lointain,https://www.loin.test/,,,,active
"""


def capture(url: str, stamp: str, *accounts: str) -> Kept:
    name = url.split(".")[1]
    links = " ".join(f'<a href="{account.format(name)}">Suivez-nous</a>' for account in accounts)
    text = f"<h1>Bienvenue au cégep</h1><p>{'Nos programmes. ' * 30}</p><footer>{links}</footer>"
    return Kept(url, stamp, f"<html lang=fr><title>Cégep</title><body>{text}</body></html>".encode())


CAPTURES = [
    capture("http://www.cegeprb.test/", "20110901120000", FACEBOOK, TWITTER, ITUNES),
    capture("https://www.cegeprb.test/", "20210901120000", FACEBOOK, INSTAGRAM),
    capture("http://www.cegepvieux.test/", "20110915120000", FACEBOOK),
    capture("https://www.cegepneuf.test/", "20210915120000", FACEBOOK, TWITTER, INSTAGRAM),
    capture("https://www.jeune.test/", "20210915120000", INSTAGRAM),
    capture("http://www.parti.test/", "20110907120000", TWITTER),
    capture("http://www.loin.test/", "20150906120000", TWITTER),
]


@pytest.fixture
def wayback(web: Web) -> Wayback:
    return Wayback(web, CAPTURES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registre.csv").write_text(REGISTRY, "utf-8")
    return tmp_path


def scan(folder: Path, wayback: Wayback, *options: str) -> Done:
    return inside("scan", "registre.csv", "--timegate", wayback.timegate, *options, folder=folder)


def statuses(path: Path) -> dict[str, tuple[str, str]]:
    return {row["id"]: (row["status"], row["detail"]) for row in rows_of(path)}


def test_scan_as_of_a_day_covers_the_institutions_of_that_day(folder: Path, wayback: Wayback) -> None:
    done = scan(folder, wayback, "--as-of", "2011-09-06", "--verbose", "--max-pages", "1", "--lang", "en")
    assert done.code == 0, done.err
    found = {row["id"]: row for row in rows_of(folder / "report.csv")}
    assert list(found) == ["rb", "neuf", "parti", "loin"], "jeune was founded later, and parti had not closed yet"
    assert found["rb"]["facebook"] == "https://www.facebook.com/cegeprb"
    assert (found["rb"]["n_networks"], found["rb"]["three_plus"]) == ("3", "true"), "iTunes U was still open"
    assert (found["neuf"]["status"], found["neuf"]["final_url"]) == ("ok", "http://www.cegepvieux.test/")
    assert found["rb"]["captured_at"] == "2011-09-01T12:00:00Z"
    assert (found["loin"]["status"], found["loin"]["detail"]) == ("unreachable", "no_capture")
    assert found["loin"]["n_networks"] == ""
    assert "http://www.cegeprb.test/, captured 2011-09-01 (5 days off)" in done.err
    assert "Day requested from the archive: September 6, 2011; the farthest capture is 9 days away." in " ".join(
        done.out.split()
    )
    listed = json.loads(inside("scans", "--json", folder=folder).out)
    assert [entry["mode"] for entry in listed] == ["as_of"]


def test_summary_of_a_past_day_with_the_seed_basket(folder: Path, wayback: Wayback) -> None:
    scan(folder, wayback, "--as-of", "2011-09-06", "-q", "--max-pages", "1")
    summary = json.loads(inside("summary", "--basket", "seed", "--json", folder=folder).out)
    three = next(row for row in summary["min_networks"] if row["k"] == 3)
    assert (summary["assessed"], three["count"]) == (3, 1)
    assert summary["scan"]["settings"]["as_of"] == "2011-09-06"


def test_each_day_is_a_scan_with_its_own_files(folder: Path, wayback: Wayback) -> None:
    done = scan(folder, wayback, "--as-of", "2011-09-06", "--as-of", "2021-09-06", "--as-of", "2021-09-06", "-q")
    assert done.code == 0, done.err
    assert not (folder / "report.csv").exists()
    assert list(statuses(folder / "report-2011-09-06.csv")) == ["rb", "neuf", "parti", "loin"]
    assert list(statuses(folder / "report-2021-09-06.csv")) == ["rb", "neuf", "jeune", "loin"]
    assert (folder / "report-2011-09-06-accounts.csv").exists()
    trend = inside("trend", "-o", "trend.csv", folder=folder)
    assert trend.code == 0, trend.err
    shares = {
        (row["asked_day"], row["network"]): row["share"]
        for row in rows_of(folder / "trend.csv")
        if row["population"] == "every_time" and row["network"] in {"twitter", "instagram", "itunes_u"}
    }
    assert shares == {
        ("2011-09-06", "twitter"): "0.5",
        ("2011-09-06", "instagram"): "0.0",
        ("2011-09-06", "itunes_u"): "0.5",
        ("2021-09-06", "twitter"): "0.5",
        ("2021-09-06", "instagram"): "1.0",
        ("2021-09-06", "itunes_u"): "0.0",
    }
    moves = {(row["institution_id"], row["move"]) for row in rows_of(folder / "trend-institutions.csv")}
    assert moves == {("jeune", "entered"), ("parti", "left")}


def test_max_drift_limits_how_far_a_capture_may_be(folder: Path, wayback: Wayback) -> None:
    scan(folder, wayback, "--as-of", "2011-09-06", "--max-drift", "4", "-q")
    assert statuses(folder / "report.csv") == {
        "rb": ("unreachable", "no_capture"),
        "neuf": ("unreachable", "no_capture"),
        "parti": ("ok", ""),
        "loin": ("unreachable", "no_capture"),
    }


def test_no_capture_in_range_is_unreachable_with_exit_code_1(folder: Path, wayback: Wayback) -> None:
    done = scan(folder, wayback, "--as-of", "1999-09-06", "-q")
    assert done.code == 1
    assert set(statuses(folder / "report.csv").values()) == {("unreachable", "no_capture")}


def test_long_retry_after_interrupts_the_scan_until_it_is_resumed(folder: Path, wayback: Wayback) -> None:
    """The finished day stays, nothing is written for the others, and ``--resume`` completes them."""
    wayback.web["*"] = lambda asked: (
        Reply(b"slow down", status=429, headers=[("Retry-After", "3600")])
        if "20210906" in asked.path
        else wayback.answer(asked)
    )
    days = ["--as-of", "2011-09-06", "--as-of", "2021-09-06", "--as-of", "2011-09-20"]
    done = scan(folder, wayback, *days, "--lang", "en")
    assert done.code == 130
    assert "asks to wait 3,600 s" in done.err
    assert "--resume" in done.err
    assert (folder / "report-2011-09-06.csv").exists()
    assert not (folder / "report-2021-09-06.csv").exists()
    wayback.web["*"] = wayback.answer
    before = len(wayback.web.log)
    done = command("scan", "--resume", "-q", folder=folder)
    assert done.code == 0, done.err
    assert set(statuses(folder / "report-2021-09-06.csv").values()) == {
        ("ok", ""),
        ("unreachable", "no_capture"),
    }
    assert (folder / "report-2011-09-20.csv").exists()
    assert not [path for path in wayback.web.asked()[before:] if "20110906" in path], "already finished"


def test_resume_continues_only_the_days_of_the_last_command(folder: Path, wayback: Wayback) -> None:
    days = ["--as-of", "2011-09-06", "--as-of", "2021-09-06"]
    wayback.web["*"] = Reply(b"slow down", status=429, headers=[("Retry-After", "3600")])
    assert [scan(folder, wayback, *days, "-q").code for _ in range(2)] == [130, 130]
    wayback.web["*"] = wayback.answer
    assert inside("scan", "--resume", "-q", folder=folder).code == 0
    listed = json.loads(inside("scans", "--json", folder=folder).out)
    assert {entry["id"]: entry["ended_at"] is not None for entry in listed} == {1: False, 2: False, 3: True, 4: True}


def test_past_day_is_replayed_without_the_archive(folder: Path, wayback: Wayback) -> None:
    """The WARC holds the sites' own responses of that day, so a replay writes the same files."""
    scan(folder, wayback, "--as-of", "2011-09-06", "-q")
    asked = len(wayback.web.log)
    check = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "check", "-v", "cegep-audit-1.warc.gz"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert check.returncode == 0, check.stdout
    options = ["--from-warc", "cegep-audit-1.warc.gz", "--as-of", "2011-09-06", "-o", "again.csv", "-q"]
    done = inside("scan", "registre.csv", *options, folder=folder)
    assert done.code == 0, done.err
    assert len(wayback.web.log) == asked
    for ending in (".csv", "-accounts.csv"):
        assert (folder / f"again{ending}").read_bytes().replace(b",warc,", b",archive,") == (
            folder / f"report{ending}"
        ).read_bytes()


def test_several_days_are_replayed_from_their_warcs(folder: Path, wayback: Wayback) -> None:
    scan(folder, wayback, "--as-of", "2011-09-06", "--as-of", "2021-09-06", "--save-warc", "garde.warc.gz", "-q")
    assert {path.name for path in folder.glob("*.warc.gz")} == {"garde-2011-09-06.warc.gz", "garde-2021-09-06.warc.gz"}
    files = [option for path in folder.glob("*.warc.gz") for option in ("--from-warc", path.name)]
    days = ["--as-of", "2011-09-06", "--as-of", "2021-09-06"]
    done = inside("scan", "registre.csv", *files, *days, "-o", "again.csv", "-q", folder=folder)
    assert done.code == 0, done.err
    for day in ("2011-09-06", "2021-09-06"):
        assert (folder / f"again-{day}.csv").read_bytes().replace(b",warc,", b",archive,") == (
            folder / f"report-{day}.csv"
        ).read_bytes()


USAGE_ERRORS = {
    "not a date": (["--as-of", "hier"], "hier"),
    "invalid month": (["--as-of", "2011-13-01"], "2011-13-01"),
    "future day": (["--as-of", "2999-01-01"], "2999-01-01"),
    "timegate that is not a URL": (["--as-of", "2011-09-06", "--timegate", "archive"], "archive"),
    "timegate without a day": (["--timegate", "http://127.0.0.1:9/coll/"], "--timegate"),
    "drift without a day": (["--max-drift", "9"], "--max-drift"),
    "negative drift": (["--as-of", "2011-09-06", "--max-drift", "-1"], "--max-drift"),
    "two sources": (
        ["--as-of", "2011-09-06", "--from-warc", "a", "--timegate", "http://127.0.0.1:9/"],
        "--from-warc",
    ),
    "day with --resume": (["--resume", "--as-of", "2011-09-06"], "--as-of"),
}


@pytest.mark.parametrize("case", USAGE_ERRORS)
def test_usage_error_names_the_option_and_creates_no_database(case: str, folder: Path) -> None:
    options, named = USAGE_ERRORS[case]
    done = inside("scan", "registre.csv", *options, folder=folder)
    assert done.code == 2
    assert named in done.err
    assert len(done.err.splitlines()) == 1
    assert not (folder / "cegep-audit.db").exists()
