"""The ``compare`` and ``trend`` commands, over scans in a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import account, failed, institution, result
from commands import inside, rows_of

from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.store import Store

THEN, NOW = datetime(2011, 9, 6, 12, tzinfo=UTC), datetime(2026, 9, 6, 12, tzinfo=UTC)
FORMULA = "=HYPERLINK(0)"

NBSP = "\u00a0"


def assessed(subject: Institution | str, at: datetime, *networks: str, **renamed: str) -> InstitutionResult:
    """Return a result with its own account on each network; *renamed* gives other handles."""
    subject = institution(subject) if isinstance(subject, str) else subject
    accounts = [account(name, renamed.get(name, subject.id), is_main=True) for name in (*networks, *renamed)]
    return result(subject, *accounts, captured_at=at)


def save_scan(store: Store, results: list[InstitutionResult], rules: str = "r1", **settings: object) -> int:
    institutions = [each.institution for each in results]
    mode = "as_of" if "as_of" in settings else "live"
    started = NOW + timedelta(minutes=len(store.scans()))
    number = store.start_scan(Scan(0, started, None, mode, settings, "0.1.0", rules, tuple(institutions)))
    for each in results:
        store.save(number, each)
    store.finish_scan(number, NOW + timedelta(hours=1))
    return number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database of three scans: 1 of 2011, 2 of 2026 with other rules, 3 of 2026 with no institution assessed."""
    many = [institution(f"c{number:02}", f"Cégep numéro {number}") for number in range(40)]
    old = [
        assessed(institution("a", FORMULA), THEN, "facebook", twitter="ancien"),
        assessed("b", THEN, "facebook", "itunes_u"),
        failed("c", "no_capture"),
        assessed("parti", THEN),
        *(assessed(each, THEN) for each in many),
    ]
    new = [
        assessed(institution("a", FORMULA), NOW, "facebook", "instagram", twitter="nouveau"),
        assessed("b", NOW, "instagram"),
        assessed("c", NOW, "facebook"),
        assessed("venu", NOW, "tiktok"),
        *(assessed(each, NOW, "facebook", "instagram") for each in many),
    ]
    with Store(tmp_path / "cegep-audit.db", create=True) as store:
        save_scan(store, old, as_of="2011-09-01")
        save_scan(store, new, "r2")
        save_scan(store, [failed("a"), failed("b")], "r2")
    return tmp_path


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("fr", ["Ce qui a changé du balayage 1 (1er septembre 2011)", "Entré depuis\u00a0: 1 (Cégep venu)"]),
        ("en", ["What changed from scan 1 (September 1, 2011)", "Left since: 1 (Cégep parti)"]),
    ],
)
def test_compare_fits_80_columns_in_both_languages(lang: str, words: list[str], folder: Path) -> None:
    done = inside("compare", "1", "2", "--lang", lang, folder=folder, COLUMNS="80")
    assert done.code == 0, done.err
    assert all(each in done.out.replace("\n", " ") for each in words), done.out
    assert "McNemar" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert f"Cégep b{NBSP if lang == 'fr' else ''}: −{NBSP}Facebook" in done.out
    assert "~\u00a0X (Twitter)" in done.out


def test_compare_warns_of_changed_rules_and_says_how_to_replay(folder: Path) -> None:
    done = inside("compare", "1", "2", "--lang", "en", folder=folder)
    assert "The rules changed between the two scans (r1, then r2)" in done.out
    assert "Its WARC file was not kept" in done.out
    with Store(folder / "cegep-audit.db", create=False) as store:
        save_scan(store, [assessed("a", THEN)], warc="{stem}-{scan}.warc.gz", registry="mon registre.csv")
    (folder / "cegep-audit-4.warc.gz").touch()
    done = inside("compare", "4", "2", "--lang", "en", folder=folder)
    assert (
        "cegep-audit scan 'mon registre.csv' --from-warc cegep-audit-4.warc.gz --db cegep-audit.db"
        in done.out.replace("\n", " ")
    )
    assert "rules changed" not in inside("compare", "2", "3", "--lang", "en", folder=folder).out


def test_compare_writes_changes_and_shares(folder: Path) -> None:
    done = inside("compare", "1", "latest", "-o", "diff.csv", folder=folder)
    assert done.code == 0, done.err
    assert {row["change"] for row in rows_of(folder / "diff.csv")} == {"not_comparable", "left"}
    inside("compare", "1", "2", "-o", "diff.csv", folder=folder)
    changes = {(row["institution_id"], row["network"]): row for row in rows_of(folder / "diff.csv")}
    assert {
        key: row["change"] for key, row in changes.items() if key[0] in {"a", "b", "c", "venu", "parti"}
    } == {
        ("a", "facebook"): "kept",
        ("a", "twitter"): "renamed",
        ("a", "instagram"): "gained",
        ("b", "facebook"): "lost",
        ("b", "instagram"): "gained",
        ("b", "itunes_u"): "lost",
        ("c", "facebook"): "not_comparable",
        ("venu", ""): "entered",
        ("parti", ""): "left",
    }  # fmt: skip
    renamed = changes["a", "twitter"]
    assert (renamed["old_account_url"], renamed["new_account_url"]) == (
        "https://twitter.test/ancien",
        "https://twitter.test/nouveau",
    )
    assert renamed["institution"] == f"'{FORMULA}"
    assert (changes["b", "itunes_u"]["old_open"], changes["b", "itunes_u"]["new_open"]) == ("true", "false")
    facebook = next(row for row in rows_of(folder / "diff-shares.csv") if row["network"] == "facebook")
    assert (facebook["compared"], facebook["old_count"], facebook["new_count"]) == ("42", "2", "41")
    assert (facebook["gained"], facebook["lost"], facebook["points"]) == ("40", "1", "92.86")
    assert (facebook["old_share"], facebook["new_share"]) == ("0.0476", "0.9762")
    assert float(facebook["p_value"]) <= float(facebook["p_holm"]) < 1e-4
    assert float(facebook["points_low"]) < 92.86 < float(facebook["points_high"])


def test_compare_json(folder: Path) -> None:
    found = json.loads(inside("compare", "1", "2", "--json", folder=folder).out)
    assert (found["old"]["id"], found["new"]["id"], found["same_rules"]) == (1, 2, False)
    assert (found["compared"], found["not_comparable"]) == (42, ["c"])
    assert (found["entered"], found["left"]) == (["venu"], ["parti"])
    assert found["counts"] == {"gained": 82, "lost": 2, "renamed": 1, "kept": 1, "not_open": 0, "not_comparable": 1}
    assert found["test"]["descriptive"] is True
    assert "itunes_u" not in found["networks_open_both_days"]
    three = [each for each in found["shares"] if each["k"] == 3 and each["basket"] == "all"]
    assert [each["scope"] for each in three] == ["each_day", "both_days"]


@pytest.mark.parametrize(("lang", "title"), [("fr", "3 balayages, par date"), ("en", "3 scans, by date")])
def test_trend_fits_80_columns_in_both_languages(lang: str, title: str, folder: Path) -> None:
    done = inside("trend", "--lang", lang, folder=folder, COLUMNS="80")
    assert done.code == 0, done.err
    assert title in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.out.index("2011-09-01") < done.out.index("2026-09-06")
    assert "Cégep venu" in done.out
    assert "iTunes U" in done.out


def test_trend_of_many_scans_fits_80_columns(folder: Path) -> None:
    with Store(folder / "cegep-audit.db", create=False) as store:
        for year in range(2012, 2020):
            save_scan(store, [assessed("a", THEN.replace(year=year), "facebook")])
    done = inside("trend", folder=folder, COLUMNS="80")
    assert max(map(len, done.out.splitlines())) <= 80
    for year in range(2012, 2020):
        assert f"{year}-09-06" in done.out


def test_trend_writes_shares_and_institutions(folder: Path) -> None:
    done = inside("trend", "2", "1", "-o", "trend.csv", folder=folder)
    assert done.code == 0, done.err
    rows = rows_of(folder / "trend.csv")
    assert list(dict.fromkeys(row["scan"] for row in rows)) == ["1", "2"]
    assert {row["population"] for row in rows} == {"all", "every_time"}
    (tiktok,) = [
        row for row in rows if row["network"] == "tiktok" and row["scan"] == "1" and row["population"] == "all"
    ]
    assert (tiktok["count"], tiktok["share"], tiktok["assessed"]) == ("", "", "0")
    moves = [(row["institution_id"], row["move"]) for row in rows_of(folder / "trend-institutions.csv")]
    assert moves == [("venu", "entered"), ("parti", "left")]


ERRORS = {
    "same scan twice": (["compare", "1", "1"], 2, "balayage 1 nommé"),
    "same scan by number and as latest": (["compare", "3", "latest"], 2, "balayage 3 nommé"),
    "unknown scan": (["compare", "1", "99"], 2, "pas de balayage 99"),
    "scan that is not a number": (["compare", "un", "2"], 2, "un\xa0: "),
    "file that is not CSV": (["compare", "1", "2", "-o", "diff.xlsx"], 2, ".csv"),
    "missing folder": (["compare", "1", "2", "-o", "nulle/diff.csv"], 3, "nulle"),
    "missing database": (["trend", "--db", "absente.db"], 3, "absente.db"),
    "unknown scan in a trend": (["trend", "1", "99"], 2, "pas de balayage 99"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error_is_one_line(case: str, folder: Path) -> None:
    arguments, code, named = ERRORS[case]
    done = inside(*arguments, folder=folder)
    assert (done.code, done.out) == (code, "")
    assert named in done.err
    assert len(done.err.splitlines()) == 1


def test_trend_needs_a_complete_scan(tmp_path: Path) -> None:
    with Store(tmp_path / "cegep-audit.db", create=True) as store:
        store.start_scan(Scan(0, NOW, None, "live", {}, "0.1.0", "r1", (institution("a"),)))
    done = inside("trend", folder=tmp_path)
    assert done.code == 3
    assert "cegep-audit scans" in done.err
