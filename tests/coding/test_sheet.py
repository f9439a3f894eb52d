"""Coding sheets, lists of accounts and overrides as people fill them in: what is accepted and what is refused."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import pytest
from builders import failed, scan
from codings import LIBRARY, OFFICIAL, OTHER, facebook, found
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from cegep_audit.coding.decisions import Override
from cegep_audit.coding.sheet import COLUMNS, SAMPLED, SHOWN, read_coding, read_overrides
from cegep_audit.errors import RegistryError
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.report.files.table import inert
from cegep_audit.vocabulary import Role, Verdict

Read = tuple[list[Decision], int]  # the decisions, and the number of rows without one

TODAY = date(2026, 11, 25)
HEAD = ",".join(COLUMNS)
JUDGED = scan(found("a", facebook(), facebook(LIBRARY, Role.UNIT)), found("b"), failed("c"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "review.csv"


def row(**cells: str) -> str:
    """One CSV row of a blind sheet: by default institution a, Facebook, coded by AB on November 23."""
    ordinary = {"institution_id": "a", "network": "facebook", "coder": "AB", "date": "2026-11-23"}
    line = io.StringIO()
    csv.writer(line).writerow((ordinary | cells).get(name, "") for name in COLUMNS)
    return line.getvalue().strip()


def read(file: Path, *rows: str, head: str = HEAD, judged: Scan = JUDGED, **options: object) -> Read:
    file.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return read_coding(file, judged, today=TODAY, lang="en", **options)  # type: ignore[arg-type] # a test's own options


def faults(file: Path, *rows: str, **options: object) -> list[str]:
    """Return the faults, each as ``line: column: message``."""
    with pytest.raises(RegistryError) as caught:
        read(file, *rows, **options)  # type: ignore[arg-type] # a test's own options
    return [str(fault).removeprefix(f"{file}:") for fault in caught.value.faults]


def only(found: Read) -> Decision:
    (item,) = found[0]
    return item


# ------------------------------------------------------------------ accepted


def test_a_row_with_every_field(file: Path) -> None:
    said = row(decision="present", correct_account="facebook.com/autrecegep?ref=ts", note="vu au  pied\nde page")
    assert only(read(file, said)) == Decision(
        3, Unit("a", "facebook"), "AB", Verdict.PRESENT, OTHER, date(2026, 11, 23),
        note="vu au pied de page", detected=OFFICIAL, is_blind=True,
    )  # fmt: skip


WORDS = {
    "present": "present", "Present": "present", "PRÉSENT": "present", "absent": "absent", " absent ": "absent",
    "unsure": "unsure", "incertain": "unsure",
}  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_decision_words_in_french_and_english(file: Path, word: str) -> None:
    account = OFFICIAL if WORDS[word] == "present" else ""
    assert only(read(file, row(decision=word, correct_account=account))).verdict == WORDS[word]


DATES = {
    "2026-11-23": 23, "2026/11/23": 23, "2026-11-3": 3, "2026-11-23 00:00:00": 23, "2026-11-23T00:00": 23,
    "23/11/2026": 23, "23-11-2026": 23, "23.11.2026": 23, "11/23/2026": 23, "11/11/2026": 11, "": 25,
}  # fmt: skip


@pytest.mark.parametrize("text", DATES)
def test_date_formats_of_spreadsheets(file: Path, text: str) -> None:
    assert only(read(file, row(decision="absent", date=text))).date == date(2026, 11, DATES[text])


WEIGHTS = {"1,5": 1.5, "1.5": 1.5, "12": 12.0, "1 234,5": 1234.5, "1\u00a0234,5": 1234.5, "": None}


@pytest.mark.parametrize("text", WEIGHTS)
def test_weights_with_french_or_english_separators(file: Path, text: str) -> None:
    head = HEAD + "," + ",".join(SAMPLED)
    item = only(read(file, row(decision="absent") + f',s01,"{text}"', head=head))
    assert (item.stratum, item.weight) == ("s01", WEIGHTS[text])


def test_csv_saved_by_french_excel(file: Path) -> None:
    """Byte-order mark, semicolons, CRLF, decimal comma, day first, and guards before text that looks like a formula."""
    head = ";".join((*COLUMNS, *SAMPLED))
    cells = (
        "a",
        "Cégep « A »",
        "https://a.test/",
        "facebook",
        "absent",
        "",
        "'=vu;' -pas d’icône",
        "ab",
        "23/11/2026",
        "s01",
        "1,5",
    )
    line = ";".join(f'"{cell}"' for cell in cells)
    text = f"{head}\r\n{line}\r\n;;;;;;;;;;\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    item = only(read_coding(file, JUDGED, today=TODAY))
    assert (item.verdict, item.note, item.weight) == (Verdict.ABSENT, "=vu; -pas d’icône", 1.5)
    assert item.date == date(2026, 11, 23)


def test_rows_without_a_decision_are_counted(file: Path) -> None:
    decisions, empty_rows = read(file, row(), row(network="twitter", decision="absent"), row(network="youtube"))
    assert (len(decisions), empty_rows) == (1, 2)


def test_columns_may_be_reordered_and_added(file: Path) -> None:
    head = "Date,DECISION,coder,à moi,network,institution_id"
    assert only(read(file, "2026-11-23,absent,AB,oui,facebook,a", head=head)).verdict is Verdict.ABSENT


def test_the_coder_option_signs_unsigned_rows(file: Path) -> None:
    decisions, _ = read(file, row(decision="absent", coder=""), row(decision="absent", coder="CD"), coder="AB")
    assert [item.coder for item in decisions] == ["AB", "CD"]


def test_a_known_coder_keeps_the_first_spelling(file: Path) -> None:
    decisions, _ = read(
        file, row(decision="absent", coder="ab"), row(decision="absent", network="twitter", coder="É.g"),
        coders={"AB": False},
    )  # fmt: skip
    assert [item.coder for item in decisions] == ["AB", "É.g"]


def test_a_network_the_tool_did_not_find_may_be_coded(file: Path) -> None:
    said = row(network="tiktok", decision="present", correct_account="https://www.tiktok.com/@cegeprb")
    item = only(read(file, said))
    assert (item.unit.network, item.detected) == ("tiktok", "")


def test_a_site_not_assessed_may_be_coded(file: Path) -> None:
    assert only(read(file, row(institution_id="c", decision="absent"))).detected is None


# ------------------------------------------------------------------ sheets that show the tool's answer


def sheet_showing(url: str, role: str = "official", **cells: str) -> tuple[str, str]:
    """Return the header and one row of a sheet that shows the account at *url*."""
    return f"{HEAD},{','.join(SHOWN)}", row(**cells) + f",{url},{role},,"


def test_present_confirms_the_account_shown(file: Path) -> None:
    head, line = sheet_showing(OFFICIAL, decision="present")
    item = only(read(file, line, head=head))
    assert (item.correct_account, item.is_blind) == (OFFICIAL, False)


def test_wrong_account_gives_the_correct_account(file: Path) -> None:
    head, line = sheet_showing(OFFICIAL, decision="mauvais compte", correct_account=OTHER)
    item = only(read(file, line, head=head))
    assert (item.verdict, item.correct_account, item.detected) == (Verdict.WRONG_ACCOUNT, OTHER, OFFICIAL)


def test_present_does_not_confirm_an_unofficial_account(file: Path) -> None:
    judged = scan(found("a", facebook(LIBRARY, Role.UNIT)))
    head, line = sheet_showing(LIBRARY, "unit", decision="present")
    assert faults(file, line, head=head, judged=judged) == [
        "2: correct_account: present and wrong_account name the institution’s account; put its address here"
    ]


# ------------------------------------------------------------------ refused


REFUSED_ROWS = {
    "unknown institution": (row(institution_id="z", decision="absent"), "2: institution_id: no institution of scan"),
    "no institution": (row(institution_id="", decision="absent"), "2: institution_id: this cell is empty"),
    "unknown network": (row(network="facebok", decision="absent"), "2: network: “facebok” is not a known network"),
    "unknown institution, undecided": (row(institution_id="zz", decision=""), "2: institution_id: no institution"),
    "unknown network, undecided": (row(network="zz", decision=""), "2: network: “zz” is"),
    "no network": (row(network="", decision="absent"), "2: network: this cell is empty"),
    "unknown decision": (row(decision="oui"), "2: decision: “oui” is not a decision"),
    "listed, which only the program uses": (row(decision="listed"), "2: decision: “listed” is not a decision"),
    "an account without a decision": (row(correct_account=OFFICIAL), "2: decision: this row has an account or a note"),
    "a note without a decision": (row(note="à revoir"), "2: decision: this row has an account or a note"),
    "present without its account": (row(decision="present"), "2: correct_account: present and wrong_account name"),
    "absent with an account": (
        row(decision="absent", correct_account=OFFICIAL), "2: correct_account: absent takes no account",
    ),
    "a share button": (
        row(decision="present", correct_account="https://www.facebook.com/sharer.php?u=x"),
        "2: correct_account: “https://www.facebook.com/sharer.php?u=x” is not the address of an account (share)",
    ),
    "a person's profile": (
        row(network="linkedin", decision="present", correct_account="https://www.linkedin.com/in/quelquun"),
        "2: correct_account: “https://www.linkedin.com/in/quelquun” is not the address of an account (none)",
    ),
    "a URL with a password": (
        row(decision="present", correct_account="https://moi:secret@cegeprb.test/"),
        "2: correct_account: “https://***@cegeprb.test/” is not the address of an account (none)",
    ),
    "an account on another network": (
        row(network="twitter", decision="present", correct_account=OFFICIAL),
        "2: correct_account: “https://www.facebook.com/cegeprb” is an account on facebook, not on twitter",
    ),
    "wrong_account in a blind sheet": (
        row(decision="wrong_account", correct_account=OTHER), "2: decision: wrong_account corrects an account that",
    ),
    "no coder": (row(decision="absent", coder=""), "2: coder: this row is not signed"),
    "the tool as coder": (row(decision="absent", coder="Tool"), "2: coder: “Tool” cannot be a signature"),
    "a formula as coder": (row(decision="absent", coder="=AB"), "2: coder: “=AB” cannot be a signature"),
    "a coder name too long": (row(decision="absent", coder="x" * 31), f"2: coder: “{'x' * 31}” cannot be a signature"),
    "not a date": (row(decision="absent", date="hier"), "2: date: “hier” is not a date"),
    "the 31st of November": (row(decision="absent", date="2026-11-31"), "2: date: “2026-11-31” is not a date"),
    "a month in words": (row(decision="absent", date="3 novembre 2026"), "2: date: “3 novembre 2026” is not a date"),
    "an ambiguous date": (row(decision="absent", date="05/06/2026"), "2: date: “05/06/2026” can be read in two ways"),
    "a date in the future": (row(decision="absent", date="2062-11-23"), "2: date: “2062-11-23” is in the future"),
    "a note too long": (row(decision="absent", note="x" * 2001), "2: note: “"),
    "too few cells": ("a,facebook", "2: this row has 2 cells instead of 9"),
    "too many cells": (row(decision="absent") + ",,x", "2: this row has 11 cells instead of 9"),
    "an unclosed quotation mark": ('a,"A,,facebook,absent,,,AB,', "2: a quotation mark"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_ROWS)
def test_a_refused_row_has_one_fault_with_line_and_column(file: Path, case: str) -> None:
    line, expected = REFUSED_ROWS[case]
    said = faults(file, line)
    assert len(said) == 1, said
    assert said[0].startswith(expected)


def test_all_faults_are_reported_at_once(file: Path) -> None:
    said = faults(
        file,
        row(decision="absent"),
        row(institution_id="z", network="facebok", decision="oui", coder="", date="hier"),
        row(decision="absent", network="twitter"),
        row(decision="absent"),
    )
    assert [fault.split(": ")[:2] for fault in said[:5]] == [
        ["3", name] for name in ("institution_id", "network", "decision", "coder", "date")
    ]
    assert said[5:] == ["5: line 2 already holds this coder’s decision; keep one of them"]


def test_two_coders_may_code_a_unit_but_each_only_once(file: Path) -> None:
    assert len(read(file, row(decision="absent"), row(decision="absent", coder="CD"))[0]) == 2
    assert len(faults(file, row(decision="absent"), row(decision="unsure", coder="ab"))) == 1


def test_a_weight_below_one_or_not_decimal_is_refused(file: Path) -> None:
    head = f"{HEAD},weight"
    for text in ("0,5", "-2", "beaucoup", "1e3", "nan", "inf"):
        assert faults(file, row(decision="absent") + f',"{text}"', head=head)[0].startswith("2: weight: ")


def test_a_sheet_of_another_scan_is_refused(file: Path) -> None:
    head, line = sheet_showing(OTHER, decision="present")
    said = faults(file, line, head=head)[0]
    assert said.startswith("2: account_url: scan 3 did not find this account there; name the scan")


def test_wrong_account_cannot_give_the_account_shown(file: Path) -> None:
    for network in ("facebook", "Facebook"):
        cells = {"network": network, "correct_account": "https://facebook.com/Cegep.RB"}
        head, line = sheet_showing(OFFICIAL, decision="wrong_account", **cells)
        (said,) = faults(file, line, head=head)
        assert said.startswith("2: correct_account: this is the account that the row calls wrong")


def test_a_coder_and_a_list_cannot_share_a_name(file: Path) -> None:
    assert faults(file, row(decision="absent"), coders={"AB": True})[0].startswith("2: coder: “AB” already signs")


MISSING = {
    "no institution column": "network,decision",
    "no network column": "institution_id,decision",
    "neither a decision nor an account column": "institution_id,network,coder",
    "empty header": "",
}


@pytest.mark.parametrize("case", MISSING)
def test_a_file_without_the_required_columns_is_refused(file: Path, case: str) -> None:
    said = faults(file, "a,b,c"[: len(MISSING[case].split(",")) * 2 - 1], head=MISSING[case])[0]
    assert "this required column is missing; the first line names: " in said


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for name in ("none.csv", "none.xlsx"):
        with pytest.raises(RegistryError, match=r"there is no such file"):
            read_coding(tmp_path / name, JUDGED, today=TODAY, lang="en")


# ------------------------------------------------------------------ lists of accounts


def test_a_list_needs_only_institution_network_and_account(file: Path) -> None:
    decisions, _ = read(
        file,
        f"a,facebook,{OTHER}",
        f"a,facebook,{LIBRARY}",
        head="institution_id,network,account_url",
        coder="wikidata",
    )
    assert [(item.verdict, item.coder, item.correct_account) for item in decisions] == [
        (Verdict.LISTED, "wikidata", OTHER),
        (Verdict.LISTED, "wikidata", LIBRARY),
    ]


def test_faults_of_a_list(file: Path) -> None:
    head = "institution_id,network,correct_account"
    said = faults(file, f"z,facebook,{OTHER}", "a,facebook,", f"a,facebook,{OTHER}", f"a,facebook,{OTHER}", head=head)
    assert [" ".join(fault.split(": ")[:2]) for fault in said] == [
        *("2 institution_id", "2 coder", "3 correct_account", "3 coder", "4 coder", "5 coder")
    ]
    again = faults(file, f"a,facebook,{OTHER}", f"a,facebook,{OTHER}", head=head, coder="wikidata")
    assert again == ["3: line 2 already holds this coder’s decision; keep one of them"]


def test_a_bad_account_in_a_list_is_one_fault(file: Path) -> None:
    for cell in ("", "x" * 2_001, "\x01"):
        said = faults(file, f"a,facebook,{cell}", head="institution_id,network,account_url", coder="wikidata")
        assert [fault.split(": ")[:2] for fault in said] == [["2", "account_url"]]


# ------------------------------------------------------------------ overrides

OVERRIDES = "institution_id,network,account_url,decision,reason,date"
ONE = Override("a", "facebook", OFFICIAL, "allow", "vu avec eux", "2026-11-23")

ACCEPTED_OVERRIDES = {
    "canonical": f"a,facebook,{OFFICIAL},allow,vu avec eux,2026-11-23",
    "a URL that is not canonical": "a,facebook,http://fb.com/cegeprb/?ref=ts,allow,vu avec eux,2026-11-23",
    "no scheme": "a,facebook,facebook.com/cegeprb,allow,vu avec eux,2026-11-23",
    "capitals": f"a,Facebook,{OFFICIAL},ALLOW,vu avec eux,2026-11-23",
    "whitespace": f' a , facebook , {OFFICIAL} ,allow,"vu\n avec  eux", 2026-11-23 ',
}


@pytest.mark.parametrize("case", ACCEPTED_OVERRIDES)
def test_an_override_is_normalized(case: str, file: Path) -> None:
    file.write_text(f"{OVERRIDES}\n{ACCEPTED_OVERRIDES[case]}\n", "utf-8")
    assert read_overrides(file, ids={"a"}) == [ONE]


def test_overrides_saved_by_excel(file: Path) -> None:
    text = f"{OVERRIDES.upper()},note\n{ACCEPTED_OVERRIDES['canonical']},\n".replace(",", ";").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_overrides(file, ids={"a"}) == [ONE]


def test_a_file_with_only_a_header_has_no_overrides(file: Path) -> None:
    file.write_text(OVERRIDES, "utf-8")
    assert read_overrides(file, ids={"a"}) == []


DECIDED = "facebook,https://www.facebook.com/cegeprb"

REFUSED_OVERRIDES: dict[str, tuple[str, list[tuple[int, str, str]]]] = {
    "unknown institution": (
        f"z,facebook,{OFFICIAL},allow,x,2026-11-23",
        [(2, "institution_id", "no institution of the registry has the id “z”")],
    ),
    "every cell empty but the reason": (
        ",,,,x,",
        [(2, name, "empty") for name in ("network", "institution_id", "account_url", "decision", "date")],
    ),
    "no reason": (f"a,facebook,{OFFICIAL},deny,  ,2026-11-23", [(2, "reason", "empty")]),
    "unknown network": (
        f"a,facebok,{OFFICIAL},allow,x,2026-11-23",
        [(2, "network", "“facebok” is not a known network; closest names: facebook")],
    ),
    "x as the network": ("a,x,https://x.com/cegeprb,allow,x,2026-11-23", [(2, "network", "closest names: twitter;")]),
    "an account on another network": (
        f"a,youtube,{OFFICIAL},allow,x,2026-11-23",
        [(2, "account_url", "is an account on facebook, not on youtube")],
    ),
    "a share button": (
        "a,facebook,https://www.facebook.com/sharer/sharer.php?u=x,allow,x,2026-11-23",
        [(2, "account_url", "is not the address of an account (share)")],
    ),
    "a URL of no network": (
        "a,facebook,https://cegeprb.test/facebook,allow,x,2026-11-23",
        [(2, "account_url", "is not the address of an account (none)")],
    ),
    "a URL with a password": (
        "a,facebook,https://moi:secret@cegeprb.test/,allow,x,2026-11-23",
        [(2, "account_url", "“https://***@cegeprb.test/” is not")],
    ),
    "unknown decision": (f"a,facebook,{OFFICIAL},peut-être,x,2026-11-23", [(2, "decision", "write allow")]),
    "invalid dates": (
        "\n".join(
            f"a,facebook,{OFFICIAL}{day},allow,x,{text}"
            for day, text in enumerate(("23/11/2026", "2026-11-31", "20261123"))
        ),
        [(line, "date", "YYYY-MM-DD") for line in (2, 3, 4)],
    ),
    "the same account twice": (
        "\n".join(f"{who},x,2026-11-23" for who in (f"a,{DECIDED},allow", f"b,{DECIDED},allow", f"a,{DECIDED}/,deny")),
        [(4, "", "line 2 already decides on this account")],
    ),
    "two accounts that cannot be read are not one account twice": (
        "\n".join(f"a,facebook,https://cegeprb.test/{page},allow,x,2026-11-23" for page in ("un", "deux")),
        [(line, "account_url", "is not the address of an account") for line in (2, 3)],
    ),
    "a missing cell": (f"a,facebook,{OFFICIAL},allow,x", [(2, "", "5 cells instead of 6")]),
}


@pytest.mark.parametrize("case", REFUSED_OVERRIDES)
def test_all_faults_of_overrides_are_reported_at_once(case: str, file: Path) -> None:
    rows, expected = REFUSED_OVERRIDES[case]
    file.write_text(f"{OVERRIDES}\n{rows}\n", "utf-8")
    with pytest.raises(RegistryError) as raised:
        read_overrides(file, "en", ids={"a", "b"})
    faults = raised.value.faults
    assert [(fault.line, fault.column) for fault in faults] == [(line, column) for line, column, _ in expected]
    assert all(part in fault.message for fault, (_, _, part) in zip(faults, expected, strict=True))
    assert "secret" not in str(raised.value)


def test_every_overrides_column_is_required(file: Path) -> None:
    file.write_text("institution_id,network\na,facebook", "utf-8")
    with pytest.raises(RegistryError) as raised:
        read_overrides(file, ids={"a"})
    assert [fault.column for fault in raised.value.faults] == ["account_url", "decision", "reason", "date"]


# ------------------------------------------------------------------ workbooks


def workbook(path: Path, *rows: tuple[object, ...]) -> Path:
    book = Workbook()
    sheet = book.worksheets[0]
    for cells in (COLUMNS, *rows):
        sheet.append(cells)
    book.save(path)
    return path


def test_a_workbook_may_have_date_cells(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "review.xlsx",
        ("a", "A", None, "facebook", "present", OTHER, None, "AB", datetime(2026, 11, 23)),  # noqa: DTZ001 - Excel dates have no time zone
        ("a", "A", None, "twitter", None, None, None, None, None),
        (None,) * 9,
        ("b", "B", None, "facebook", "absent", None, 12, "AB", date(2026, 11, 24)),
    )
    decisions, empty_rows = read_coding(path, JUDGED, today=TODAY)
    assert [(item.unit.institution_id, item.date.day, item.note) for item in decisions] == [
        ("a", 23, ""),
        ("b", 24, "12"),
    ]
    assert empty_rows == 1


def test_a_workbook_fault_has_the_row_number_of_excel(tmp_path: Path) -> None:
    path = workbook(tmp_path / "r.xlsx", (None,) * 9, ("a", "", "", "facebook", "oui", "", "", "AB", ""))
    with pytest.raises(RegistryError, match=r"r\.xlsx:3: decision: “oui” is not a decision"):
        read_coding(path, JUDGED, today=TODAY, lang="en")


DAMAGED = {"not a zip archive": b"PK\x03\x04 not a zip", "empty": b"", "a CSV file": b"institution_id,network\n"}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_workbook_is_refused(tmp_path: Path, case: str) -> None:
    path = tmp_path / "r.xlsx"
    path.write_bytes(DAMAGED[case])
    with pytest.raises(RegistryError, match="this workbook cannot be read"):
        read_coding(path, JUDGED, today=TODAY, lang="en")


# ------------------------------------------------------------------ properties

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), max_size=30).map(
    lambda text: " ".join(text.split())
)


@given(note=texts, separator=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"]), mark=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_note_survives_a_round_trip(file: Path, note: str, separator: str, end: str, *, mark: bool) -> None:
    """Any note, guarded as in our exports, comes back from every CSV dialect that spreadsheets save."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerow(COLUMNS)
    writer.writerow(["a", "A", "", "facebook", "absent", "", inert(note), "AB", "2026-11-23"])
    file.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode())
    guarded = inert(note) != note
    came = only(read_coding(file, JUDGED, today=TODAY)).note
    assert came == note or (not guarded and "'" in note)


@given(st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_any_text_is_read_or_raises_registry_error(file: Path, text: str) -> None:
    file.write_text(f"{HEAD}\n{text}", "utf-8", errors="replace", newline="")
    with suppress(RegistryError):
        read_coding(file, JUDGED, today=TODAY)
