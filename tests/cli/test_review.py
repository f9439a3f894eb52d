"""Hand coding from end to end: sheets, two coders, a later scan, and agreement checked by hand calculation."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from builders import STARTED, account, failed, institution, result
from codings import OFFICIAL, OTHER, facebook
from openpyxl import load_workbook

from cegep_audit.cli import main
from cegep_audit.cli.program import asked_language
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.store import Store
from cegep_audit.vocabulary import Role

SITES = [institution(f"c{n}", type="cegep-public" if n < 6 else "universite") for n in range(8)]


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Return a function that runs a command line in a temporary folder."""
    monkeypatch.chdir(tmp_path)

    def command(line: str) -> Done:
        arguments = [*line.split(), "--lang", "en"]
        monkeypatch.setattr("sys.argv", ["cegep-audit", *arguments])
        asked_language.cache_clear()  # cached per process, and this one makes many calls
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    yield command
    asked_language.cache_clear()


def own_url(number: int) -> str:
    return f"https://www.facebook.com/cegep{number}"


def save_scan(results: Sequence[InstitutionResult]) -> None:
    """Save a finished scan of the eight sites in the database of the current folder."""
    with Store(Path("cegep-audit.db"), create=True) as store:
        number = store.start_scan(Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", tuple(SITES)))
        for each in results:
            store.save(number, each)
        store.finish_scan(number, STARTED)


def sites(**facebook_of: str) -> list[InstitutionResult]:
    """Return eight results: six assessed, each on Facebook, and two failed; *facebook_of* gives other accounts."""
    assessed = [
        result(site, *([facebook(url)] if (url := facebook_of.get(site.id, own_url(number))) else []))
        for number, site in enumerate(SITES[:6])
    ]
    return [*assessed, *(failed(site, "dns") for site in SITES[6:])]


@pytest.fixture
def scanned(run: Run) -> Run:
    save_scan(sites())
    return run


def fill_in(path: Path, choose: Callable[[dict[str, str]], dict[str, str]], into: str) -> None:
    """Copy a sheet to *into*, and update each row with the cells that *choose* returns."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with Path(into).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | choose(row) for row in rows)


def decide_as_ab(row: dict[str, str], present: Sequence[int] = range(6)) -> dict[str, str]:
    """Decide as AB: the sites *present* show their own account on Facebook, and nothing elsewhere."""
    number = int(row["institution_id"].removeprefix("c"))
    is_present = row["network"] == "facebook" and number in present
    return {
        "decision": "present" if is_present else "absent",
        "correct_account": own_url(number) if is_present else "",
        "coder": "AB",
    }


def decide_as_cd(row: dict[str, str]) -> dict[str, str]:
    """Decide as CD, who differs from AB: c0 absent, c7 present, and another account for c1."""
    decision = decide_as_ab(row, [1, 2, 3, 4, 5, 7]) | {"coder": "CD"}
    is_c1 = (row["institution_id"], row["network"]) == ("c1", "facebook")
    return decision | ({"correct_account": OTHER} if is_c1 else {})


@pytest.fixture
def coded(scanned: Run) -> Run:
    """A scan coded by AB, who agrees with the tool, and by CD, who differs from AB on three rows of forty."""
    assert scanned("review export").code == 0
    fill_in(Path("review.csv"), decide_as_ab, "ab.csv")
    fill_in(Path("review.csv"), decide_as_cd, "cd.csv")
    assert scanned("review import ab.csv").code == 0
    assert scanned("review import cd.csv").code == 0
    return scanned


# ------------------------------------------------------------------ export


def test_export_writes_a_blind_sheet_and_an_evidence_page(scanned: Run) -> None:
    done = scanned("review export")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == ["40 rows to code, 8 institutions.", "Written: review.csv, review.html"]
    assert "facebook.com" not in Path("review.csv").read_text("utf-8")
    assert Path("review.html").read_bytes().startswith(b"<!doctype html>")


def test_export_show_includes_what_was_detected(scanned: Run) -> None:
    scanned("review export --show -o shown.csv")
    with Path("shown.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["account_url"], row["role"]) == (own_url(0), "official")


def test_sample_of_a_blind_sheet_does_not_reveal_its_strata(scanned: Run) -> None:
    blind = scanned("review export --sample 12 --seed 4")
    assert "Drawn from 30 rows, 2 strata, seed 4." in blind.err
    assert "cegep-public" not in blind.err + Path("review.csv").read_text("utf-8")
    shown = scanned("review export --sample 12 --seed 4 --show -o shown.csv")
    assert "  cegep-public/found: 3 of 6, weight 2" in shown.err
    units = [
        [tuple(row[name] for name in ("institution_id", "network")) for row in csv.DictReader(text.splitlines())]
        for text in (Path("review.csv").read_text("utf-8"), Path("shown.csv").read_text("utf-8"))
    ]
    assert units[0] == units[1]
    assert len(units[0]) == 12
    assert "10 rows of sites that were not assessed are not drawn" in blind.err


REFUSED = {
    "--sample 1": (2, "--sample 1: at least 2 are needed, one for each stratum"),
    "--sample 41": (2, "--sample 41: there are only 30 to code"),
    "--institutions 1": (2, "--institutions 1: at least 2 are needed, one for each stratum"),
    "--institutions 9": (2, "--institutions 9: there are only 8 to code"),
    "--institutions 4 --sample 4": (2, "--sample and --institutions cannot be used together"),
    "--seed 1": (2, "--seed needs --sample or --institutions"),
    "-o review.html": (2, "review.html: unknown ending; choose one of .csv, .xlsx"),
    "-o nowhere/review.csv": (3, "nowhere/review.csv: the folder does not exist"),
    "9": (2, "there is no scan 9"),
    "soon": (2, "soon: neither a scan number nor latest"),
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_export_error_is_one_line(scanned: Run, arguments: str) -> None:
    done = scanned(f"review export {arguments}")
    code, message = REFUSED[arguments]
    assert (done.code, message in done.err, len(done.err.splitlines())) == (code, True, 1), done.err


def test_sample_of_institutions_corrects_the_shares(scanned: Run) -> None:
    """All eight are coded: c0 and c7 on Facebook and YouTube, c1 to c4 on Facebook, the others on no network."""
    done = scanned("review export --institutions 8 --basket classic --seed 3")
    assert done.code == 0, done.err
    assert "c5" in Path("review.csv").read_text("utf-8")

    def code(row: dict[str, str]) -> dict[str, str]:
        number = int(row["institution_id"].removeprefix("c"))
        on = {0: ("facebook", "youtube"), 7: ("facebook", "youtube"), 5: (), 6: ()}.get(number, ("facebook",))
        url = own_url(number) if row["network"] == "facebook" else f"https://www.youtube.com/@c{number}"
        is_present = row["network"] in on
        return {
            "decision": "present" if is_present else "absent",
            "correct_account": url if is_present else "",
            "coder": "AB",
        }

    fill_in(Path("review.csv"), code, "ab.csv")
    assert scanned("review import ab.csv").code == 0
    found = json.loads(scanned("summary --basket classic --min-networks 2 --json").out)
    (two,) = [row for row in found["min_networks"] if row["k"] == 2]
    assert (two["count"], two["share"]) == (0, 0.0), "the tool found Facebook only"
    assert (two["adjusted"]["share"], two["adjusted"]["ci95"]) == (1 / 6, [1 / 6, 1 / 6]), "all six were coded"
    assert two["adjusted"]["population"] == {"share": 2 / 8, "ci95": [2 / 8, 2 / 8]}
    (one,) = [row for row in found["min_networks"] if row["k"] == 1]
    assert (one["share"], one["adjusted"]["share"]) == (1.0, 5 / 6), "c5 is on no network"
    assert all(row["adjusted"] is None for row in json.loads(scanned("summary --json").out)["min_networks"]), (
        "the basket of all networks was not coded"
    )
    assert "Share corrected for detection errors" in scanned("summary --basket classic --min-networks 2").out


def test_export_never_overwrites_decisions(coded: Run) -> None:
    done = coded("review export -o ab.csv")
    assert done.code == 3
    assert "holds decisions" in done.err
    assert "present" in Path("ab.csv").read_text("utf-8")


def test_workbook_is_exported_and_imported(scanned: Run) -> None:
    scanned("review export -o review.xlsx")
    book = load_workbook("review.xlsx")
    sheet = book["review"]
    headings = [cell.value for cell in sheet[1]]
    for line in range(2, sheet.max_row + 1):
        sheet.cell(line, headings.index("decision") + 1, "absent")
    book.save("review.xlsx")
    done = scanned("review import review.xlsx --coder AB")
    assert (done.code, done.err) == (0, "AB: 40 rows, scan 1 (40 new, 0 changed, 0 already there).\n")


# ------------------------------------------------------------------ import


def test_import_counts_new_changed_and_unchanged_rows(coded: Run) -> None:
    fill_in(Path("ab.csv"), lambda row: {"note": "revu"} if row["institution_id"] == "c0" else {}, "again.csv")
    done = coded("review import again.csv")
    assert done.err.splitlines() == [
        "AB: 40 rows, scan 1 (0 new, 5 changed, 35 already there).",
        "3 rows on which coders disagree: a decision signed consensus settles them.",
        "c7: no program read this site; its decisions have no effect until these networks are coded: facebook",
    ]


def test_sheet_with_faults_is_not_imported(scanned: Run) -> None:
    scanned("review export")
    fill_in(Path("review.csv"), decide_as_ab, "ab.csv")
    text = (
        Path("ab.csv").read_text("utf-8").replace(",absent,", ",oui,", 1).replace(own_url(3), "https://cegep3.test/", 1)
    )
    Path("ab.csv").write_text(text, "utf-8")
    done = scanned("review import ab.csv")
    assert done.code == 2
    assert [line.split(": ")[:2] for line in done.err.splitlines()] == [
        ["ab.csv:3", "decision"],
        ["ab.csv:17", "correct_account"],
    ]
    assert scanned("review agreement").err.startswith("scan 1 has no decisions")


def test_export_for_a_coder_contains_that_coders_decisions(coded: Run) -> None:
    coded("review export --coder cd -o again.csv")
    assert coded("review import again.csv").err.splitlines()[0] == (
        "CD: 40 rows, scan 1 (0 new, 0 changed, 40 already there)."
    )


# ------------------------------------------------------------------ agreement


def test_agreement_of_two_coders_who_differ_on_three_rows(coded: Run) -> None:
    """AB and CD each code 6 of 40 rows present, 5 of them in common, 4 with the same account."""
    document = json.loads(coded("review agreement --json").out)
    pair = next(each for each in document["comparisons"] if each["first"] == "AB")
    presence, accounts = (pair[level]["overall"] for level in ("presence", "account"))
    assert presence["table"] == {"both": 5, "different": 0, "first_only": 1, "second_only": 1, "neither": 33}
    assert accounts["table"] == {"both": 4, "different": 1, "first_only": 1, "second_only": 1, "neither": 33}
    chance = (6 * 6 + 34 * 34) / 40**2
    assert presence["kappa"]["value"] == pytest.approx((38 / 40 - chance) / (1 - chance))
    assert presence["alpha"]["value"] == pytest.approx(1 - 79 * 4 / (2 * 12 * 68))
    assert presence["prevalence"]["value"] == pytest.approx(6 / 40)
    assert accounts["precision"]["value"] == pytest.approx(4 / 6)
    assert len(pair["differences"]) == 3
    tool = next(each for each in document["comparisons"] if each["second"] == "AB")
    assert tool["left_out"] == {"not_assessed": 10}
    assert tool["presence"]["overall"]["kappa"]["value"] == 1


def test_sample_keeps_its_weights_when_imported_again(scanned: Run) -> None:
    """Each stratum is weighted to its size: of the 30 rows of assessed sites, 6 are present, whatever was drawn."""
    scanned("review export --sample 12 --seed 4")
    fill_in(Path("review.csv"), decide_as_ab, "ab.csv")
    scanned("review import ab.csv")
    scanned("review export --coder AB -o again.csv")
    assert scanned("review import again.csv").err.startswith(
        "AB: 12 rows, scan 1 (0 new, 0 changed, 12 already there)."
    )
    (pair,) = json.loads(scanned("review agreement --json").out)["comparisons"]
    assert pair["weighted"]
    assert pair["presence"]["overall"]["prevalence"]["value"] == pytest.approx(6 / 30)
    assert "Figures weighted to the whole" in scanned("review agreement").out


def test_agreement_is_printed_with_a_paragraph_to_quote(coded: Run) -> None:
    shown = coded("review agreement").out
    for phrase in (
        "AB: present",
        "tool and AB",
        "AB and CD",
        "3 differences",
        "Cohen’s kappa",
        "For the methods section",
    ):
        assert phrase in shown
    assert "were coded by hand by AB and CD, without seeing the tool’s answer" in " ".join(shown.split())
    methods = json.loads(coded("review agreement --json").out)["methods"]
    assert methods["fr"].startswith("Des établissements et réseaux du balayage 1")
    assert set(methods) == {"fr", "en"}


def test_agreement_warns_of_a_coder_who_saw_the_answer(scanned: Run) -> None:
    scanned("review export --show -o shown.csv")
    fill_in(Path("shown.csv"), lambda row: {"decision": "present" if row["account_url"] else "absent"}, "ab.csv")
    assert scanned("review import ab.csv --coder AB").code == 0
    shown = " ".join(scanned("review agreement").out.split())
    assert "AB saw the tool’s answer: this agreement is higher than it would be blind." in shown


# ------------------------------------------------------------------ layers


def network_counts(run: Run, options: str) -> dict[str, int]:
    figures = json.loads(run(f"summary {options} --basket classic --json").out)
    return {each["network"]: each["count"] for each in figures["networks"]}


def test_decisions_change_the_coded_layer_only(coded: Run) -> None:
    Path("done.csv").write_text(
        "institution_id,network,decision,correct_account,coder\n"
        "c0,facebook,absent,,consensus\n"
        "c2,twitter,present,https://twitter.com/cegep2,consensus\n",
        "utf-8",
    )
    assert coded("review import done.csv").code == 0
    assert network_counts(coded, "") == network_counts(coded, "--layer detected") == {
        "facebook": 6, "twitter": 0, "youtube": 0, "instagram": 0, "linkedin": 0,
    }  # fmt: skip
    assert network_counts(coded, "--layer coded") == {
        "facebook": 5, "twitter": 1, "youtube": 0, "instagram": 0, "linkedin": 0,
    }  # fmt: skip
    layer = json.loads(coded("summary --layer coded --basket classic --json").out)["layer"]
    # 30 rows of assessed sites less the disputed one of c1, plus five of c6, coded by hand; c7 has a dispute too
    assert (layer["decided"], layer["institutions"], layer["changed"]) == (34, 7, 2)
    assert (layer["not_assessed"], layer["disputed"], layer["lapsed"]) == (4, 2, 0)
    assert layer["networks"][0] == {"network": "facebook", "decided": 6, "detected": 6, "coded": 5}
    assert "layer" not in json.loads(coded("summary --json").out)


def test_summary_says_how_many_decisions_it_rests_on(coded: Run) -> None:
    assert "33 decisions coded by hand are not in these figures" in coded("summary").err
    shown = " ".join(coded("summary --layer coded").out.split())
    assert (
        "33 rows (institution and network) rest on a person’s decision, 7 institutions; the others on the tool" in shown
    )


def test_export_of_each_layer(coded: Run) -> None:
    Path("done.csv").write_text("institution_id,network,decision,coder\nc0,facebook,absent,consensus\n", "utf-8")
    coded("review import done.csv")
    for layer, expected in (("detected", own_url(0)), ("coded", "")):
        coded(f"export --layer {layer} -o {layer}.csv")
        with Path(f"{layer}.csv").open(encoding="utf-8") as file:
            assert next(csv.DictReader(file))["facebook"] == expected
    accounts = Path("coded-accounts.csv").read_text("utf-8").splitlines()
    assert ",third_party,coded," in next(line for line in accounts if line.startswith("c0,"))


# ------------------------------------------------------------------ a later scan


def test_later_scan_keeps_the_decisions_that_still_hold(scanned: Run) -> None:
    scanned("review export")
    fill_in(Path("review.csv"), decide_as_ab, "ab.csv")
    scanned("review import ab.csv")
    save_scan(sites(c3=OTHER))
    layer = json.loads(scanned("summary --layer coded --json").out)["layer"]
    assert (layer["decided"], layer["lapsed"]) == (29 + 2 * 5, 1), "two sites are coded by hand"
    assert "1 decision of an earlier scan no longer holds" in " ".join(scanned("summary --layer coded").out.split())
    assert scanned("review export --anew -o anew.csv").code == 0
    with Path("anew.csv").open(encoding="utf-8") as file:
        asked = [(row["institution_id"], row["network"]) for row in csv.DictReader(file)]
    assert asked == [("c3", "facebook")]
    assert scanned("review agreement").err.startswith("scan 2 has no decisions"), (
        "decisions are carried over, not made on scan 2"
    )
    fill_in(Path("anew.csv"), lambda _: {"decision": "present", "correct_account": OTHER, "coder": "AB"}, "again.csv")
    scanned("review import again.csv")
    assert json.loads(scanned("summary --layer coded --json").out)["layer"]["lapsed"] == 0
    assert scanned("review export --anew -o none.csv").err == "scan 2 has nothing left to code\n"
    assert json.loads(scanned("summary 1 --layer coded --json").out)["layer"]["lapsed"] == 0


# ------------------------------------------------------------------ lists


def test_external_list_is_compared_and_changes_no_figure(scanned: Run) -> None:
    Path("wikidata.csv").write_text(
        f"institution_id,network,account_url\nc0,facebook,{own_url(0)}\nc1,facebook,{OTHER}\nc7,facebook,{OFFICIAL}\n",
        "utf-8",
    )
    assert scanned("review import wikidata.csv --coder wikidata").code == 0
    document = json.loads(scanned("review agreement --json").out)
    assert document["comparisons"] == []
    (overlap,) = document["lists"]
    named = {key: [each["account_url"] for each in overlap[key]] for key in ("both", "first_only", "second_only")}
    assert named == {
        "both": [own_url(0)],
        "first_only": [own_url(n) for n in range(1, 6)],
        "second_only": [OTHER],
    }
    assert overlap["not_assessed"] == 1
    shown = scanned("review agreement").out
    assert "Named by wikidata only: 1" in shown
    assert "no rate or total" in shown
    assert json.loads(scanned("summary --layer coded --json").out)["layer"]["decided"] == 0


def test_account_shared_by_many_sites_is_third_party(run: Run) -> None:
    """The saved role is official; reading the scan makes a shared account a third party's."""
    ministry = account("twitter", url="https://twitter.com/ministere", role=Role.OFFICIAL, is_main=True)
    save_scan([result(site, ministry) for site in SITES])
    run("review export --show -o shown.csv")
    with Path("shown.csv").open(encoding="utf-8") as file:
        roles = {row["role"] for row in csv.DictReader(file) if row["network"] == "twitter"}
    assert roles == {"third_party"}
