"""Hand coding as people do it: a sheet out, two coders, a second scan, an agreement that can be reckoned by hand."""

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
    """Run a command in a folder of its own; the words of one string are its arguments."""
    monkeypatch.chdir(tmp_path)

    def command(line: str) -> Done:
        arguments = [*line.split(), "--lang", "en"]
        monkeypatch.setattr("sys.argv", ["cegep-audit", *arguments])
        asked_language.cache_clear()  # a process asks once; here there are many calls
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    yield command
    asked_language.cache_clear()


def own(number: int) -> str:
    return f"https://www.facebook.com/cegep{number}"


def audit(results: Sequence[InstitutionResult], mode: str = "live") -> None:
    """Put a finished scan of eight sites into the database of the current folder."""
    with Store(Path("cegep-audit.db"), create=True) as store:
        number = store.start_scan(Scan(0, STARTED, None, mode, {}, "0.1.0", "2026.1", tuple(SITES)))
        for each in results:
            store.save(number, each)
        store.finish_scan(number, STARTED)


def sites(**facebook_of: str) -> list[InstitutionResult]:
    """Eight sites: the first six assessed and each on Facebook, the last two not; *facebook_of* says otherwise."""
    assessed = [
        result(site, *([facebook(url)] if (url := facebook_of.get(site.id, own(number))) else []))
        for number, site in enumerate(SITES[:6])
    ]
    return [*assessed, *(failed(site, "dns") for site in SITES[6:])]


@pytest.fixture
def first(run: Run) -> Run:
    audit(sites())
    return run


def decide(path: Path, choose: Callable[[dict[str, str]], dict[str, str]], into: str) -> None:
    """Fill in a sheet row by row; what *choose* returns goes into the row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with Path(into).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | choose(row) for row in rows)


def truly(row: dict[str, str], present: Sequence[int] = range(6)) -> dict[str, str]:
    """Decide as AB does: on Facebook, the sites *present* show their own account; nothing elsewhere."""
    number = int(row["institution_id"].removeprefix("c"))
    is_there = row["network"] == "facebook" and number in present
    return {
        "decision": "present" if is_there else "absent",
        "correct_account": own(number) if is_there else "",
        "coder": "AB",
    }


def otherwise(row: dict[str, str]) -> dict[str, str]:
    """Decide as CD does: c0 is not there, c7 is, and on c1 another account."""
    said = truly(row, [1, 2, 3, 4, 5, 7]) | {"coder": "CD"}
    is_c1 = (row["institution_id"], row["network"]) == ("c1", "facebook")
    return said | ({"correct_account": OTHER} if is_c1 else {})


@pytest.fixture
def coded(first: Run) -> Run:
    """Two coders: AB agrees with the tool, CD differs from AB on three rows of forty."""
    assert first("review export").code == 0
    decide(Path("review.csv"), truly, "ab.csv")
    decide(Path("review.csv"), otherwise, "cd.csv")
    assert first("review import ab.csv").code == 0
    assert first("review import cd.csv").code == 0
    return first


# ------------------------------------------------------------------ export


def test_export_writes_a_blind_sheet_and_the_evidence_beside_it(first: Run) -> None:
    done = first("review export")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == ["40 rows to code, 8 institutions.", "Written: review.csv, review.html"]
    assert "facebook.com" not in Path("review.csv").read_text("utf-8")
    assert Path("review.html").read_bytes().startswith(b"<!doctype html>")


def test_export_shows_when_asked(first: Run) -> None:
    first("review export --show -o shown.csv")
    with Path("shown.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["account_url"], row["role"]) == (own(0), "official")


def test_a_sample_of_a_blind_sheet_does_not_say_what_its_strata_mean(first: Run) -> None:
    blind = first("review export --sample 12 --seed 4")
    assert "Drawn from 30 rows, 2 strata, seed 4." in blind.err
    assert "cegep-public" not in blind.err + Path("review.csv").read_text("utf-8")
    shown = first("review export --sample 12 --seed 4 --show -o shown.csv")
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
def test_export_says_what_it_cannot_do(first: Run, arguments: str) -> None:
    done = first(f"review export {arguments}")
    code, said = REFUSED[arguments]
    assert (done.code, said in done.err, len(done.err.splitlines())) == (code, True, 1), done.err


def test_a_sample_of_institutions_corrects_the_shares(first: Run) -> None:
    """All eight are coded: c0 and c7 are on Facebook and YouTube, c1 to c4 on Facebook, the others on nothing."""
    done = first("review export --institutions 8 --basket classic --seed 3")
    assert done.code == 0, done.err
    assert "c5" in Path("review.csv").read_text("utf-8")

    def whole(row: dict[str, str]) -> dict[str, str]:
        number = int(row["institution_id"].removeprefix("c"))
        on = {0: ("facebook", "youtube"), 7: ("facebook", "youtube"), 5: (), 6: ()}.get(number, ("facebook",))
        url = own(number) if row["network"] == "facebook" else f"https://www.youtube.com/@c{number}"
        is_there = row["network"] in on
        return {
            "decision": "present" if is_there else "absent",
            "correct_account": url if is_there else "",
            "coder": "AB",
        }

    decide(Path("review.csv"), whole, "ab.csv")
    assert first("review import ab.csv").code == 0
    found = json.loads(first("summary --basket classic --min-networks 2 --json").out)
    (two,) = [row for row in found["min_networks"] if row["k"] == 2]
    assert (two["count"], two["share"]) == (0, 0.0), "the tool found Facebook alone"
    assert (two["adjusted"]["share"], two["adjusted"]["ci95"]) == (1 / 6, [1 / 6, 1 / 6]), "all six were coded"
    assert two["adjusted"]["population"] == {"share": 2 / 8, "ci95": [2 / 8, 2 / 8]}
    (one,) = [row for row in found["min_networks"] if row["k"] == 1]
    assert (one["share"], one["adjusted"]["share"]) == (1.0, 5 / 6), "c5 is on nothing"
    assert all(row["adjusted"] is None for row in json.loads(first("summary --json").out)["min_networks"]), (
        "the basket of all networks was not coded"
    )
    assert "Share corrected for detection errors" in first("summary --basket classic --min-networks 2").out


def test_export_never_erases_a_coders_work(coded: Run) -> None:
    done = coded("review export -o ab.csv")
    assert done.code == 3
    assert "holds decisions" in done.err
    assert "present" in Path("ab.csv").read_text("utf-8")


def test_a_workbook_goes_out_and_comes_back(first: Run) -> None:
    first("review export -o review.xlsx")
    book = load_workbook("review.xlsx")
    sheet = book["review"]
    heads = [cell.value for cell in sheet[1]]
    for line in range(2, sheet.max_row + 1):
        sheet.cell(line, heads.index("decision") + 1, "absent")
    book.save("review.xlsx")
    done = first("review import review.xlsx --coder AB")
    assert (done.code, done.err) == (0, "AB: 40 rows, scan 1 (40 new, 0 changed, 0 already there).\n")


# ------------------------------------------------------------------ import


def test_import_counts_what_is_new_changed_and_the_same(coded: Run) -> None:
    decide(Path("ab.csv"), lambda row: {"note": "revu"} if row["institution_id"] == "c0" else {}, "again.csv")
    done = coded("review import again.csv")
    assert done.err.splitlines() == [
        "AB: 40 rows, scan 1 (0 new, 5 changed, 35 already there).",
        "3 rows on which coders disagree: a decision signed consensus settles them.",
        "c7: no program read this site; its decisions have no effect until these networks are coded: facebook",
    ]


def test_a_faulty_sheet_leaves_no_trace(first: Run) -> None:
    first("review export")
    decide(Path("review.csv"), truly, "ab.csv")
    text = Path("ab.csv").read_text("utf-8").replace(",absent,", ",oui,", 1).replace(own(3), "https://cegep3.test/", 1)
    Path("ab.csv").write_text(text, "utf-8")
    done = first("review import ab.csv")
    assert done.code == 2
    assert [line.split(": ")[:2] for line in done.err.splitlines()] == [
        ["ab.csv:3", "decision"],
        ["ab.csv:17", "correct_account"],
    ]
    assert first("review agreement").err.startswith("scan 1 has no decisions")


def test_a_coder_gets_a_sheet_back(coded: Run) -> None:
    coded("review export --coder cd -o again.csv")
    assert coded("review import again.csv").err.splitlines()[0] == (
        "CD: 40 rows, scan 1 (0 new, 0 changed, 40 already there)."
    )


# ------------------------------------------------------------------ agreement


def test_two_coders_who_differ_on_three_rows_of_forty(coded: Run) -> None:
    """AB sees 6 accounts of 40 rows, CD too, 5 of them the same, 4 by address: all else by hand from that."""
    document = json.loads(coded("review agreement --json").out)
    pair = next(each for each in document["comparisons"] if each["first"] == "AB")
    whole, accounts = (pair[level]["overall"] for level in ("presence", "account"))
    assert whole["table"] == {"both": 5, "different": 0, "first_only": 1, "second_only": 1, "neither": 33}
    assert accounts["table"] == {"both": 4, "different": 1, "first_only": 1, "second_only": 1, "neither": 33}
    chance = (6 * 6 + 34 * 34) / 40**2
    assert whole["kappa"]["value"] == pytest.approx((38 / 40 - chance) / (1 - chance))
    assert whole["alpha"]["value"] == pytest.approx(1 - 79 * 4 / (2 * 12 * 68))
    assert whole["prevalence"]["value"] == pytest.approx(6 / 40)
    assert accounts["precision"]["value"] == pytest.approx(4 / 6)
    assert len(pair["differences"]) == 3
    tool = next(each for each in document["comparisons"] if each["second"] == "AB")
    assert tool["left_out"] == {"not_assessed": 10}
    assert tool["presence"]["overall"]["kappa"]["value"] == 1


def test_a_sample_is_weighted_to_the_whole_and_stays_so(first: Run) -> None:
    """Every stratum stands for itself: of the 30 rows of assessed sites 6 have an account, whatever was drawn."""
    first("review export --sample 12 --seed 4")
    decide(Path("review.csv"), truly, "ab.csv")
    first("review import ab.csv")
    first("review export --coder AB -o again.csv")
    assert first("review import again.csv").err.startswith("AB: 12 rows, scan 1 (0 new, 0 changed, 12 already there).")
    (pair,) = json.loads(first("review agreement --json").out)["comparisons"]
    assert pair["weighted"]
    assert pair["presence"]["overall"]["prevalence"]["value"] == pytest.approx(6 / 30)
    assert "Figures weighted to the whole" in first("review agreement").out


def test_the_agreement_is_shown_with_a_paragraph_to_quote(coded: Run) -> None:
    shown = coded("review agreement").out
    for said in (
        "AB: present",
        "tool and AB",
        "AB and CD",
        "3 differences",
        "Cohen’s kappa",
        "For the methods section",
    ):
        assert said in shown
    assert "were coded by hand by AB and CD, without seeing the tool’s answer" in " ".join(shown.split())
    methods = json.loads(coded("review agreement --json").out)["methods"]
    assert methods["fr"].startswith("Des établissements et réseaux du balayage 1")
    assert set(methods) == {"fr", "en"}


def test_whoever_saw_the_answer_is_said_to_have(first: Run) -> None:
    first("review export --show -o shown.csv")
    decide(Path("shown.csv"), lambda row: {"decision": "present" if row["account_url"] else "absent"}, "ab.csv")
    assert first("review import ab.csv --coder AB").code == 0
    shown = " ".join(first("review agreement").out.split())
    assert "AB saw the tool’s answer: this agreement is higher than it would be blind." in shown


# ------------------------------------------------------------------ layers


def networks_of(run: Run, options: str) -> dict[str, int]:
    figures = json.loads(run(f"summary {options} --basket classic --json").out)
    return {each["network"]: each["count"] for each in figures["networks"]}


def test_decisions_are_a_layer_that_can_be_taken_off(coded: Run) -> None:
    Path("done.csv").write_text(
        "institution_id,network,decision,correct_account,coder\n"
        "c0,facebook,absent,,consensus\n"
        "c2,twitter,present,https://twitter.com/cegep2,consensus\n",
        "utf-8",
    )
    assert coded("review import done.csv").code == 0
    assert networks_of(coded, "") == networks_of(coded, "--layer detected") == {
        "facebook": 6, "twitter": 0, "youtube": 0, "instagram": 0, "linkedin": 0,
    }  # fmt: skip
    assert networks_of(coded, "--layer coded") | {} == {
        "facebook": 5, "twitter": 1, "youtube": 0, "instagram": 0, "linkedin": 0,
    }  # fmt: skip
    layer = json.loads(coded("summary --layer coded --basket classic --json").out)["layer"]
    # 30 rows of assessed sites, but for c1 on which coders differ, and five of c6, read by hand; c7 is in dispute too
    assert (layer["decided"], layer["institutions"], layer["changed"]) == (34, 7, 2)
    assert (layer["not_assessed"], layer["disputed"], layer["lapsed"]) == (4, 2, 0)
    assert layer["networks"][0] == {"network": "facebook", "decided": 6, "detected": 6, "coded": 5}
    assert "layer" not in json.loads(coded("summary --json").out)


def test_the_summary_says_which_figures_rest_on_which(coded: Run) -> None:
    assert "33 decisions coded by hand are not in these figures" in coded("summary").err
    shown = " ".join(coded("summary --layer coded").out.split())
    assert (
        "33 rows (institution and network) rest on a person’s decision, 7 institutions; the others on the tool" in shown
    )


def test_the_export_has_both_layers(coded: Run) -> None:
    Path("done.csv").write_text("institution_id,network,decision,coder\nc0,facebook,absent,consensus\n", "utf-8")
    coded("review import done.csv")
    for layer, expected in (("detected", own(0)), ("coded", "")):
        coded(f"export --layer {layer} -o {layer}.csv")
        with Path(f"{layer}.csv").open(encoding="utf-8") as file:
            assert next(csv.DictReader(file))["facebook"] == expected
    accounts = Path("coded-accounts.csv").read_text("utf-8").splitlines()
    assert ",third_party,coded," in next(line for line in accounts if line.startswith("c0,"))


# ------------------------------------------------------------------ a later scan


def test_a_later_scan_keeps_what_it_finds_again_and_asks_for_the_rest(first: Run) -> None:
    first("review export")
    decide(Path("review.csv"), truly, "ab.csv")
    first("review import ab.csv")
    audit(sites(c3=OTHER))
    layer = json.loads(first("summary --layer coded --json").out)["layer"]
    assert (layer["decided"], layer["lapsed"]) == (29 + 2 * 5, 1), "two sites are read by hand"
    assert "1 decision of an earlier scan no longer holds" in " ".join(first("summary --layer coded").out.split())
    assert first("review export --anew -o anew.csv").code == 0
    with Path("anew.csv").open(encoding="utf-8") as file:
        asked = [(row["institution_id"], row["network"]) for row in csv.DictReader(file)]
    assert asked == [("c3", "facebook")]
    assert first("review agreement").err.startswith("scan 2 has no decisions"), "carried over, not made on it"
    decide(Path("anew.csv"), lambda _: {"decision": "present", "correct_account": OTHER, "coder": "AB"}, "again.csv")
    first("review import again.csv")
    assert json.loads(first("summary --layer coded --json").out)["layer"]["lapsed"] == 0
    assert first("review export --anew -o none.csv").err == "scan 2 has nothing left to code\n"
    assert json.loads(first("summary 1 --layer coded --json").out)["layer"]["lapsed"] == 0


# ------------------------------------------------------------------ lists


def test_a_list_from_elsewhere_is_compared_by_name_and_changes_no_figure(first: Run) -> None:
    Path("wikidata.csv").write_text(
        f"institution_id,network,account_url\nc0,facebook,{own(0)}\nc1,facebook,{OTHER}\nc7,facebook,{OFFICIAL}\n",
        "utf-8",
    )
    assert first("review import wikidata.csv --coder wikidata").code == 0
    document = json.loads(first("review agreement --json").out)
    assert document["comparisons"] == []
    (overlap,) = document["lists"]
    named = {key: [each["account_url"] for each in overlap[key]] for key in ("both", "first_only", "second_only")}
    assert named == {"both": [own(0)], "first_only": [own(n) for n in range(1, 6)], "second_only": [OTHER]}
    assert overlap["not_assessed"] == 1
    shown = first("review agreement").out
    assert "Named by wikidata only: 1" in shown
    assert "no rate or total" in shown
    assert json.loads(first("summary --layer coded --json").out)["layer"]["decided"] == 0


def test_an_account_that_many_sites_share_is_no_finding(run: Run) -> None:
    """The sheet, the layer and the agreement all see the scan as its readers do."""
    ministry = account("twitter", url="https://twitter.com/ministere", role=Role.OFFICIAL, is_main=True)
    audit([result(site, ministry) for site in SITES])
    run("review export --show -o shown.csv")
    with Path("shown.csv").open(encoding="utf-8") as file:
        roles = {row["role"] for row in csv.DictReader(file) if row["network"] == "twitter"}
    assert roles == {"third_party"}
