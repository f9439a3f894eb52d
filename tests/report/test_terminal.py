"""Terminal output: readable when wide, narrow or piped, and free of control characters from the web."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from builders import account, failed, institution, result, scan, summary
from rich.cells import cell_len

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.blocks import Block
from cegep_audit.report.terminal.screen import WIDTH, console, view
from cegep_audit.report.text.listings import (
    accounts_list,
    counts_list,
    institutions_list,
    networks_list,
    scans_list,
)
from cegep_audit.report.text.overview import summary_blocks
from cegep_audit.report.text.words import detail_words
from cegep_audit.vocabulary import Role, Status

HOSTILE = "Cégep \x1b[31m[red]X[/red] \x9b2J\u202e[/] =1+1"
NBSP = "\u00a0"


def render(blocks: Iterable[Block], width: int | None = None, most: int | None = None) -> str:
    stream = io.StringIO()
    screen = console(stream)
    if width:
        screen.width = width
    screen.print(view(blocks, most))
    return stream.getvalue()


def summary_text(found: Scan, lang: Language = "fr", width: int | None = None, **options: object) -> str:
    first = summary(found, **options)  # type: ignore[arg-type] # each test's own options
    return render(summary_blocks(first, ["classic"], lang), width, WIDTH)


def test_up_to_twenty_failures_are_named_and_more_are_counted_by_cause() -> None:
    twenty = flat(summary_text(scan(result("a", "facebook"), *(failed(f"dead{n}", "dns") for n in range(20)))))
    assert "Cégep dead19" in twenty
    more = summary_text(
        scan(result("a", "facebook"), *(failed(f"dead{n}", "dns") for n in range(21)), failed("b", "tls"))
    )
    assert "Cégep dead" not in more
    assert "nom de domaine introuvable\u00a0: 21\n" in more
    assert "(Cégep b)" in more, "a reason with one institution has room for its name"


def flat(text: str) -> str:
    return re.sub(r" *\n *", " ", text)


@pytest.fixture
def sample_scan() -> Scan:
    sites = [
        result(institution(f"s{n}", region="Montréal" if n % 2 else "Estrie"), *names)
        for n, names in enumerate(
            [
                ["facebook", "instagram", "youtube", "tiktok"],
                ["facebook", "instagram", "linkedin"],
                ["facebook", "google_plus"],
                [],
            ]
        )
    ]
    return scan(
        *sites,
        result("p", "facebook", status=Status.PARTIAL, detail="timeout"),
        failed(institution("h", HOSTILE), "http_403", Status.BLOCKED),
        *(failed(f"dead{n}", "dns") for n in range(6)),
    )


def test_the_summary_in_french(sample_scan: Scan) -> None:
    text = summary_text(sample_scan)
    said = flat(text)
    assert f"5 établissements évalués sur 12 (41,7{NBSP}%)." in said
    assert "De ce nombre, 1 ne l’est qu’en partie" in said
    assert f"bloqué, réponse HTTP 403{NBSP}: 1 (Cégep [31m[red]X[/red] 2J[/] =1+1)" in said
    names = ", ".join(f"Cégep dead{n}" for n in range(6))
    assert f"injoignable, nom de domaine introuvable{NBSP}: 6 ({names})" in said
    assert re.search(rf"3 réseaux +2 +40,0{NBSP}% +16,7–75,0{NBSP}%", text), "2 of 5; 2 and 9 of 12"
    assert re.search(rf"2011, pour repère \(Lebel\) *\n +3 réseaux +— +62{NBSP}%", text)
    assert "leur écart ne mesure pas une évolution" in said
    assert re.search(rf"Facebook +4 +80,0{NBSP}% +33,3–91,7{NBSP}%", text)
    assert f"ils ne comptent pas{NBSP}: Google+ (1)." in said
    assert "cegep-audit, version 0.1.0 (règles 2026.1)" in said
    assert f"Balayage 3 du 23 novembre 2026{NBSP}: 5 établissements évalués sur 12." in said


def test_the_summary_in_english(sample_scan: Scan) -> None:
    said = flat(summary_text(sample_scan, "en"))
    assert "5 institutions assessed of 12 (41.7%)." in said
    assert re.search(r"3 networks +2 +40.0% +16.7–75.0%", said)
    assert "their difference is no measure of change" in said
    assert "Scan 3 of November 23, 2026: 5 institutions assessed of 12." in said


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("width", [40, 60, 80, 200, None], ids=str)
def test_lines_fit_the_screen_and_80_columns(sample_scan: Scan, lang: Language, width: int | None) -> None:
    text = summary_text(sample_scan, lang, width, by=["region"], sample_of=500 if width != 40 else None)
    assert max(map(cell_len, text.splitlines())) <= min(width or 80, 80)
    assert "…" not in text, "no cell is truncated"


def test_figures_are_not_split_at_40_columns(sample_scan: Scan) -> None:
    text = summary_text(sample_scan, width=40)
    assert re.search(rf"3 réseaux +2 +40,0{NBSP}% +16,7–75,0{NBSP}%", text)
    assert not re.search(r"^\s*%|\d,\d\s*$", text, re.MULTILINE), "no line break between a number and its %"


def test_percentages_are_aligned(sample_scan: Scan) -> None:
    lines = [
        line
        for line in summary_text(sample_scan).splitlines()
        if re.search(rf"\d,\d{NBSP}%.*–", line) and "(" not in line
    ]
    assert len(lines) > 8
    networks = [line for line in lines if not line.startswith(" ")]
    assert len({line.index("%") for line in networks}) == 1


def test_bounds_are_omitted_when_every_site_is_assessed() -> None:
    text = summary_text(scan(result("a", "facebook"), result("b")))
    assert "bornes" not in text
    assert "–" not in text


def test_a_sample_has_confidence_intervals(sample_scan: Scan) -> None:
    assert f"IC à 95{NBSP}%" in summary_text(sample_scan, sample_of=139)
    assert "Échantillon tiré de 139 établissements" in flat(summary_text(sample_scan, sample_of=139))


def test_groups_and_a_custom_threshold(sample_scan: Scan) -> None:
    text = summary_text(sample_scan, by=["region"], min_networks=4)
    assert re.search(rf"Estrie\s\* +2/2 +1 +50,0{NBSP}% +2,5", text)
    assert "* Moins de 5 établissements évalués" in text
    assert re.search(r"\(non précisé\)\s\* +1/8", text)
    assert "sur au moins 4 réseaux" in text
    assert re.search(r"4 réseaux +1 ", text)


def test_no_table_is_shown_when_no_site_is_assessed() -> None:
    text = summary_text(scan(*(failed(f"s{n}", "dns") for n in range(139))))
    assert "0 établissement évalué sur 139" in text
    assert f"injoignable, nom de domaine introuvable{NBSP}: 139" in text
    assert "Aucun établissement n’a pu être évalué" in text
    assert "Facebook" not in text


def test_an_interrupted_scan_suggests_resume() -> None:
    text = summary_text(scan(result("a"), unvisited=[institution("b"), institution("c")], ended_at=None))
    assert f"pas encore visité{NBSP}: 2 (Cégep b, Cégep c)" in text
    assert "--resume le termine" in text


def test_a_replay_states_when_its_pages_were_captured() -> None:
    text = flat(summary_text(scan(result("a"), mode="replay"), "en"))
    assert "Pages captured on November 23, 2026." in text


def test_a_past_scan_states_the_requested_day_and_the_farthest_capture() -> None:
    text = flat(summary_text(scan(result("a"), mode="as_of", settings={"as_of": "2026-11-03"}), "en"))
    assert "Day requested from the archive: November 3, 2026; the farthest capture is 20 days away." in text


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "of 2 institutions is not known; among those whose year is known (1), the share is 100.0%."),
        ("fr", "de 2 établissements est inconnue; parmi ceux dont elle est connue (1), la part est de 100,0 %."),
    ],
)
def test_a_past_scan_counts_unknown_founding_years(lang: Language, said: str) -> None:
    sites = [result(institution("a", founded=1967), "facebook", "youtube", "tiktok"), result("b"), failed("c")]
    past = scan(*sites, mode="as_of", settings={"as_of": "2026-11-03"})
    assert said in " ".join(flat(summary_text(past, lang)).split())


def test_no_share_is_given_when_no_founding_year_is_known() -> None:
    past = scan(result("a"), mode="as_of", settings={"as_of": "2026-11-03"})
    assert "The founding year of 1 institution is not known." in flat(summary_text(past, "en"))


@pytest.mark.parametrize("detail", ["http_451", "dns", "made_up\x1b"])
def test_detail_words(detail: str) -> None:
    words = {"http_451": "réponse HTTP 451", "dns": "nom de domaine introuvable", "made_up\x1b": "made_up"}
    assert detail_words(detail, "fr") == words[detail]


TABLES: dict[str, Callable[[], Iterable[Block]]] = {
    "summary": lambda: summary_blocks(
        summary(scan(failed(institution("h", HOSTILE)), result(institution("g", region=HOSTILE))), by=["region"]),
        [],
        "fr",
    ),
    "institutions": lambda: institutions_list([institution("h", HOSTILE, region=HOSTILE)], "fr"),
    "accounts": lambda: accounts_list(HOSTILE, [account("facebook", HOSTILE, label=HOSTILE)], "en"),
    "scans": lambda: scans_list([(scan(tool_version=HOSTILE), 1, 1)], "fr"),
    "counts": lambda: counts_list(HOSTILE, {HOSTILE: 1}, "fr"),
}


@pytest.mark.parametrize("name", TABLES)
def test_hostile_text_is_shown_without_control_characters(name: str) -> None:
    text = render(TABLES[name]())
    assert "[red]X[/red] 2J[/] =1+1" in text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_accounts_list() -> None:
    accounts = [
        account("facebook", "cegeprb", label="Suivez-nous"),
        account("apple_podcasts", "1", Role.UNCERTAIN, url=""),
    ]
    text = render(accounts_list("page.html", accounts, "fr"))
    assert "https://facebook.test/cegeprb" in text
    assert "officiel (site-wide-footer)" in text
    assert f"pied de page, lien «{NBSP}Suivez-nous{NBSP}», 1 page" in text
    assert "(lien non résolu)" in text
    assert "incertain (unresolved_link)" in text
    assert "Aucun compte." in render(accounts_list("page.html", [], "fr"))


def test_a_long_url_is_not_wrapped_off_a_terminal() -> None:
    address = "https://facebook.test/" + "a" * 300
    assert f"{address}\n" in re.sub(" +\n", "\n", render(accounts_list("p", [account("facebook", url=address)], "fr")))


@pytest.mark.parametrize(("width", "is_table"), [(80, False), (140, True), (200, True)])
def test_no_id_or_address_of_a_list_is_broken(width: int, *, is_table: bool) -> None:
    site = institution("ecole-nationale-de-police", "École nationale de police", region="Saguenay–Lac-Saint-Jean")
    site = replace(site, type="ecole-gouvernementale", url="https://www.ecole-nationale-de-police.test")
    text = render(institutions_list([site], "fr"), width)
    assert max(map(len, text.splitlines())) <= width
    assert all(whole in text for whole in (site.id, site.region, site.url))
    assert all(word in text for word in (*site.name.split(), "gouvernementale"))
    assert text.startswith("id ") is is_table


def test_every_network_is_listed_with_its_years() -> None:
    text = render(networks_list(NETWORKS.values(), "fr"))
    assert all(name in text for name in NETWORKS)
    assert "–2021" in text


def test_scans_are_listed_with_their_progress() -> None:
    rows = [(scan(), 139, 139), (scan(ended_at=None, mode="replay"), 1200, 7)]
    text = render(scans_list(rows, "fr"))
    assert re.search(r"3 +2026-11-23 17:59 +en direct +139/139 +complet +0.1.0", text)
    assert re.search(rf"pages archivées +7/1{NBSP}200 +interrompu", text)


PRINT_A_WORD = (
    "import sys\n"
    "from rich.text import Text\n"
    "from cegep_audit.report.terminal.screen import console\n"
    "screen = console(sys.stdout)\n"
    "screen.print(Text('é→', 'bold red'), screen.width)\n"
)


def print_in_a_process(environ: dict[str, str], stdout: int = subprocess.PIPE) -> bytes:
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "FORCE_COLOR"}}
    return subprocess.run(
        [sys.executable, "-c", PRINT_A_WORD], env=clean | environ, stdout=stdout, check=True, timeout=60
    ).stdout


def print_on_a_terminal(environ: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    try:
        print_in_a_process({"TERM": "xterm"} | environ, theirs)
        return os.read(ours, 4096)
    finally:
        os.close(ours)
        os.close(theirs)


def test_piped_output_has_no_colour_and_survives_ascii() -> None:
    assert b"\x1b" not in print_in_a_process({})
    assert print_in_a_process({"PYTHONIOENCODING": "ascii"}).startswith(b"??")


def test_the_columns_variable_sets_the_width() -> None:
    assert print_in_a_process({"COLUMNS": "40"}).split()[-1] == b"40"


def test_a_terminal_has_colours_unless_no_color_is_set() -> None:
    assert b"\x1b[1;31m" in print_on_a_terminal({})
    assert b"31" not in print_on_a_terminal({"NO_COLOR": "1"})


def test_importing_reports_does_not_load_heavy_modules() -> None:
    heavy = (
        "import sys, cegep_audit.report.text.overview, cegep_audit.report.files.tables\n"
        "print({'pandas', 'babel', 'xlsxwriter', 'sqlite3'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "set()"
