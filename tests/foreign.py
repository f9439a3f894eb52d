"""Run other projects' test data against this project: make foreign FOREIGN=DIR.

DIR holds checkouts of the repositories below, in any layout: files are found by name. None of their files is part of
this project. For each suite the command prints the number of cases, how many pass, and those that differ;
``ON_PURPOSE`` gives the reasons for the intended differences.

| suite | repository | file |
| --- | --- | --- |
| robots.txt | google/robotstxt | ``robots_test.cc`` |
| addresses | web-platform-tests, also in ada-url/ada-python | ``urltestdata.json`` |
| labels of encodings | hsivonen/encoding_rs | ``test_labels_names.rs`` |
| declared encodings | html5lib/html5lib-tests | ``encoding/*.dat`` |
| registrable domains | publicsuffix/list | ``tests/tests.txt`` |
| CSV | max-mapper/csv-spectrum | ``csvs/*.csv`` with ``json/*.json`` |
| strings | minimaxir/big-list-of-naughty-strings | ``blns.json`` |
| WARC and ARC files | warcio, pywb, warcat, jwarc, warc-specifications | ``*.warc``, ``*.arc``, also gzipped |
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import webencodings
from protego import Protego
from warcio.archiveiterator import ArchiveIterator

from cegep_audit import urls
from cegep_audit.collect import politeness
from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.parsing import decode_bytes, known_encoding
from cegep_audit.models import Page
from cegep_audit.registry.cells import FaultList
from cegep_audit.registry.spreadsheet import read_table


class Case(NamedTuple):
    """One case: its name, the value that its suite expects, and ours."""

    name: str
    expected: object
    given: object


# ------------------------------------------------------------------------------- robots.txt

_CPP = re.compile(
    r"(?:std::string|string_view)\s+(?P<name>\w+)\s*=\s*(?P<value>[^;]*?);\s*\n"
    r"|EXPECT_(?P<allowed>TRUE|FALSE)\(\s*IsUserAgentAllowed\((?P<arguments>.*?)\)\);",
    re.DOTALL,
)
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')


def robots_cases(file: Path) -> Iterator[Case]:
    """Parse the expectations in Google's C++ tests, except those built in loops."""
    known: dict[str, str] = {}
    for found in _CPP.finditer(file.read_text("utf-8")):
        if found["name"]:
            known[found["name"]] = _cpp_string(found["value"])
            continue
        arguments = re.findall(r'"(?:[^"\\]|\\.)*"|\w+(?:\(\))?', found["arguments"])
        if len(arguments) != 3 or any(each[0] != '"' and each not in known for each in arguments):
            continue
        text, agent, url = (_cpp_string(each) if each[0] == '"' else known[each] for each in arguments)
        yield Case(f"{agent} {url} {text!r:.100}", found["allowed"] == "TRUE", _robots_allow(text, agent, url))


def _cpp_string(value: str) -> str:
    joined = "".join(_LITERAL.findall(value))
    return joined.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")


def _robots_allow(text: str, agent: str, url: str) -> bool:
    lines = politeness.relevant_lines(text, agent.lower())
    return bool(Protego.parse("\n".join(lines)).can_fetch(url, agent.lower()))


# ------------------------------------------------------------------------------- addresses


def url_cases(file: Path) -> Iterator[Case]:
    """Yield the http and https tests of the URL Standard, compared as crawl keys."""
    for entry in json.loads(file.read_text("utf-8")):
        if isinstance(entry, str) or "relativeTo" in entry:
            continue
        base, expected = entry.get("base") or "https://base.invalid/", entry.get("href")
        is_ours = re.match("https?:", expected or base if "base" in entry else entry["input"].lower())
        if not is_ours:
            continue
        given = urls.absolute(base, entry["input"])
        yield Case(
            f"{entry['input']!r} on {base!r}",
            urls.crawl_key(expected) if expected else None,
            urls.crawl_key(given) if given else None,
        )


# ------------------------------------------------------------------------------- encodings

_LABEL = re.compile(r'for_label\(b"([^"]+)"\), Some\((\w+)\)')


def label_cases(file: Path) -> Iterator[Case]:
    """Yield each label of the Encoding Standard: it must select the same codec as the encoding's name."""
    for label, constant in _LABEL.findall(file.read_text("utf-8")):
        name = constant.lower().replace("_", "-")
        expected = None if name == "replacement" else known_encoding({"iso-8859-8-i": "logical"}.get(name, name))
        yield Case(label, expected, known_encoding(label))


def prescan_cases(folder: Path) -> Iterator[Case]:
    """Yield html5lib's documents: each must decode as in the encoding that its test names."""
    for file in sorted(folder.glob("*.dat")):
        for block in re.split(rb"(?:^|\n)#data\n", file.read_bytes())[1:]:
            data, _, rest = block.partition(b"\n#encoding\n")
            name = rest.strip().split(b"\n")[0].decode("ascii")
            encoding = webencodings.lookup(name)
            if encoding is not None:
                given = decode_bytes(data + b"\xe9\xc3\xa9")
                yield Case(f"{name}: {data[:80]!r}", webencodings.decode(data + b"\xe9\xc3\xa9", encoding)[0], given)


# ------------------------------------------------------------------------------- domains, CSV, strings


def domain_cases(file: Path) -> Iterator[Case]:
    """Yield the test vectors of the Public Suffix List; "null" means no registrable domain."""
    for line in file.read_text("utf-8").splitlines():
        if not line or line.startswith("//"):
            continue
        host, expected = line.split()
        domain = urls.registrable_domain(host) if host != "null" else ""
        given = domain if urls.site_name(host) else "null"
        yield Case(host, urls.ascii_host(expected), given or "null")


def csv_cases(folder: Path) -> Iterator[Case]:
    """Yield the csv-spectrum files as the registry reader reads them; cells are compared stripped."""
    for file in sorted((folder / "csvs").glob("*.csv")):
        rows = json.loads((folder / "json" / f"{file.stem}.json").read_text("utf-8"))
        rows = [rows] if isinstance(rows, dict) else rows  # one of them has a lone row
        table = read_table(file, required=(), known=(), found=FaultList(str(file), "en"), needs_rows=False)
        given = [[row.cells.get(name, "") for name in table.columns] for row in table.rows] if table else []
        yield Case(file.name, [[value.strip() for value in row.values()] for row in rows], given)


def string_cases(file: Path) -> Iterator[Case]:
    """Feed each string to the URL classifier and the page parser: neither raises, and the page keeps its account."""
    for text in json.loads(file.read_text("utf-8")):
        classify(text)
        body = f"<title>{text}</title><p>{text}</p><footer><a href='https://www.facebook.com/cegepx'>x</a></footer>"
        page = Page("https://x.test/", "https://x.test/", 200, "text/html; charset=utf-8",
                    body.encode("utf-8", "replace"), datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
        links = {link.url for link in extract_links(page).links}
        hides = any(mark in text.lower() for mark in ("<title", "<script", "<!--", "<style", "<textarea", "<plaintext"))
        yield Case(repr(text)[:80], True, hides or "https://www.facebook.com/cegepx" in links)


# ------------------------------------------------------------------------------- WARC files


def warc_cases(folder: Path) -> Iterator[Case]:
    """Replay each file for the hosts in it: no traceback, and no internal error in a result."""
    pattern = re.compile(r"\.(warc|arc|wacz)(\.gz)?$", re.IGNORECASE)
    tool = Path(sys.executable).with_name("cegep-audit")
    for file in sorted(path for path in folder.rglob("*") if pattern.search(path.name) and path.is_file()):
        hosts = _hosts_of(file) or ["nobody.test"]
        with tempfile.TemporaryDirectory() as name:
            registry = Path(name, "r.csv")
            rows = [f"h{number},{host},http://{host}/" for number, host in enumerate(hosts)]
            registry.write_text("id,name,website\n" + "\n".join(rows) + "\n", "utf-8")
            command = [tool, "scan", registry, "--from-warc", file, "--no-warc", "-q", "--allow-private",
                       "-o", f"{name}/o.csv", "--db", f"{name}/d.db"]  # fmt: skip
            ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            report = Path(name, "o.csv")
            rows_read = list(csv.DictReader(report.open(encoding="utf-8"))) if report.exists() else []
        faults = [row["id"] for row in rows_read if row["detail"] == "internal_error"]
        yield Case(file.name, (True, []), (ended.returncode in {0, 1, 3} and "Traceback" not in ended.stderr, faults))


def _hosts_of(file: Path) -> list[str]:
    hosts: dict[str, None] = {}
    try:
        with file.open("rb") as stream:
            for record in ArchiveIterator(stream, arc2warc=True):
                if record.rec_type in {"response", "resource", "revisit"}:
                    hosts[urls.host_of(record.rec_headers.get_header("WARC-Target-URI") or "")] = None
    except Exception:  # noqa: BLE001, S110 -- damaged on purpose: keep the hosts found so far
        pass
    return [host for host in hosts if host][:20]


# ------------------------------------------------------------------------------- intended differences

_OCTETS = "RFC 9309, section 2.2.2, compares octets whether escaped or not; Google's rule predates it"
_RELATIVE = "the suite has no page; on a page of the same scheme the URL Standard reads it as relative"
_PUNYCODE = "a name whose Punycode is broken is kept as written: asking for it fails, and the failure says so"
_BARE = "a name without a dot, or with nothing before one, is no registered name but may be a host: it is kept whole"

ON_PURPOSE: dict[str, dict[str, str]] = {
    "robots.txt": {"FooBot http://foo.bar/foo/bar/ツ": _OCTETS, "FooBot http://foo.bar/foo/bar/baz": _OCTETS},
    "addresses": {
        "'https:/example.com/'": _RELATIVE,
        "'https:example.com/'": _RELATIVE,
        "'https://xn--/'": _PUNYCODE,
        **{f"'http://{rest}": _PUNYCODE for rest in ("a.b.c.xn", "a.b.c.XN", "a.b.c.Xn", "10.0.0.x", "10.0.0.X")},
    },
    "CSV": {"location_coordinates.csv": "the telephone number of the suite's two files is not the same"},
    "declared encodings": {"euc-jp": "the two decoders differ in one character beyond the table"},
    "registrable domains": dict.fromkeys((".example", "example", "mm", "ck"), _BARE),
}
"""For each suite: the start of a case's name, and the reason why that case differs."""

SUITES: dict[str, tuple[str, Callable[[Path], Iterator[Case]]]] = {
    "robots.txt": ("robots_test.cc", robots_cases),
    "addresses": ("urltestdata.json", url_cases),
    "labels of encodings": ("test_labels_names.rs", label_cases),
    "declared encodings": ("html5lib-tests/encoding", prescan_cases),
    "registrable domains": ("tests/tests.txt", domain_cases),
    "CSV": ("csv-spectrum", csv_cases),
    "strings": ("blns.json", string_cases),
    "WARC and ARC files": (".", warc_cases),
}


class Outcome(NamedTuple):
    """Result of one suite: *meant* are the cases that differ for a reason, *wrong* those that differ without one."""

    cases: int
    right: int
    meant: list[tuple[Case, str]]
    wrong: list[Case]


def run(suite: str, folder: Path) -> Outcome | None:
    """Run one suite on its files in *folder*; return None if there are none."""
    name, cases_of = SUITES[suite]
    found = [folder] if name == "." else sorted(folder.rglob(name.rpartition("/")[2]))
    found = [path for path in found if path.as_posix().endswith(name) or name == "."]
    if not found:
        return None
    cases = list(cases_of(found[0]))
    wrong = [case for case in cases if case.given != case.expected]
    reasons = ON_PURPOSE.get(suite, {})
    meant = [(case, why) for case in wrong for start, why in reasons.items() if case.name.startswith(start)]
    meant_names = {case.name for case, _ in meant}
    return Outcome(len(cases), len(cases) - len(wrong), meant, [c for c in wrong if c.name not in meant_names])


def main(folder: Path) -> int:
    """Run every suite and print its result; return 1 if a case differs without a reason."""
    status = 0
    for suite in SUITES:
        outcome = run(suite, folder)
        if outcome is None:
            print(f"{suite}: not in the folder")
            continue
        print(f"{suite}: {outcome.cases} cases, {outcome.right} right, {len(outcome.meant)} differ on purpose")
        for case, why in outcome.meant:
            print(f"    on purpose: {case.name}: {why}")
        for case in outcome.wrong:
            status = 1
            print(f"    {case.name}: expected {case.expected!r:.120}, is {case.given!r:.120}")
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1]:
        sys.exit("make foreign FOREIGN=DIR: the folder with the other projects' test data")
    sys.exit(main(Path(sys.argv[1])))
