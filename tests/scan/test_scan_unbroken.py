"""A scan of hostile sites: each gets its status, and none delays a healthy site or changes its result."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
import ssl
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
import trustme
from commands import Done, command, inside, rows_of
from manners import Request
from servers import DROP, HANG, NEVER, Answering, Asked, Endless, Reply, Web, redirect, serve

from cegep_audit.cli import main
from cegep_audit.models import Page, Reading
from cegep_audit.scan import sources

DELAY_S, TIMEOUT_S = 0.2, 6.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
ICON = '<footer><a href="https://www.facebook.com/{name}">Facebook</a></footer>'
HEALTHY = [f"sain{number}" for number in range(8)]


def healthy(asked: Asked) -> Reply:
    """Answer for a healthy site of three pages, whose account is not on the homepage."""
    name = asked.host.partition(".")[0]
    pages = {
        "/": '<p>Bienvenue.</p><a href="/nous-joindre">Nous joindre</a> <a href="/a-propos">À propos</a>',
        "/nous-joindre": "<h1>Nous joindre</h1>" + ICON.format(name=f"cegep{name}"),
        "/a-propos": "<h1>À propos</h1>" + ICON.format(name=f"cegep{name}"),
    }
    return Reply(pages[asked.path].encode()) if asked.path in pages else Reply(status=404)


def decompression_bomb() -> bytes:
    """Return ten gigabytes, compressed twice: a deflated megabyte, repeated ten thousand times and gzipped."""
    packer = zlib.compressobj(9, wbits=-15)
    megabyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(megabyte * 10_240, 1)


def encoded(coding: str, body: bytes) -> Reply:
    return Reply(body, headers=[("Content-Encoding", coding)])


def with_icon(start: str = "", end: str = "", charset: str = "utf-8", **options: object) -> Callable[[Asked], Reply]:
    """Answer with an unusual page that ends in the institution's icon."""

    def answer(asked: Asked) -> Reply:
        name = asked.host.partition(".")[0].replace("-", "")
        return Reply((start + ICON.format(name=name) + end).encode(charset, "replace"), **options)  # type: ignore[arg-type] # fields of a reply

    return answer


def endless_redirects(asked: Asked) -> Reply:
    """Answer with an endless chain of redirects."""
    if asked.path == "/robots.txt":
        return Reply(status=404)
    return redirect(f"/{int(asked.path[1:] or 0) + 1}")


# id: answer of the homepage, expected status and detail
HOSTILE: dict[str, tuple[Answering, str, str]] = {
    "hang": (HANG, "unreachable", "timeout"),
    "hang-head": (Reply(raw=[OK + b"X: ", NEVER]), "unreachable", "timeout"),
    "hang-body": (Reply(pieces=[b"<html>", NEVER]), "unreachable", "timeout"),
    "drip": (Reply(raw=Endless(OK + b"\r\n<html>", [b"x", 0.05])), "unreachable", "timeout"),
    "drop": (DROP, "unreachable", "connection_lost"),
    "cut": (Reply(pieces=[b"<html>"], headers=[("Content-Length", "99999")]), "unusable", "cut_short"),
    "longer": (Reply(raw=[OK + b"Content-Length: 6\r\n\r\n<html><a href=x>"]), "unusable", "cut_short"),
    "endless": (Reply(pieces=itertools.repeat(b"<p>" * 9999)), "unusable", "too_large"),
    "bomb": (encoded("deflate, gzip", decompression_bomb()), "unusable", "too_large"),
    "bomb-bare": (Reply(decompression_bomb()), "unusable", "too_large"),
    "layers": (encoded(", ".join(["gzip"] * 9), decompression_bomb()), "unusable", "decode"),
    "br": (encoded("br", b"\x8b\x02\x80" * 9), "unusable", "decode"),
    "zstd": (encoded("zstd", b"\x28\xb5\x2f\xfd\x24" * 9), "unusable", "decode"),
    "no-gzip": (encoded("gzip", gzip.compress(b"<html>" * 99)[:-9]), "unusable", "cut_short"),
    "headers": (Reply(raw=[OK, b"X-Flood: 1\r\n" * 10_000, b"\r\n<html>"]), "unreachable", "protocol"),
    "ssh": (Reply(raw=[b"SSH-2.0-OpenSSH_9.9\r\n", NEVER]), "unreachable", "protocol"),
    "loop": (redirect("/"), "unusable", "redirect_loop"),
    "chain": (endless_redirects, "unusable", "redirect_loop"),
    "to-file": (redirect("file:///etc/passwd"), "unusable", "bad_redirect"),
    "to-script": (redirect("javascript:alert(1)"), "unusable", "bad_redirect"),
    "empty": (Reply(b""), "unusable", "empty"),
    "pdf": (Reply(b"%PDF-1.7", content_type="application/pdf"), "unusable", "not_html"),
    "gone": (Reply(status=410), "unusable", "http_410"),
    "teapot": (Reply(status=403), "blocked", "http_403"),
    # Unusual pages whose icon a visitor sees: it is found.
    "charset-wrong": (with_icon("<p>Cégep", charset="latin-1"), "ok", ""),
    "charset-unknown": (with_icon("<p>Cégep", content_type="text/html; charset=klingon"), "ok", ""),
    "nul": (with_icon("\0<\0p>\0" * 999), "ok", ""),
    "nested": (with_icon("<div>" * 200_000, "</div>" * 200_000), "ok", ""),
    "unclosed": (with_icon("<div><b><p></i>" * 100_000), "ok", ""),
    "never-closed": (with_icon("<ul><li><a href=/x>" * 60_000), "ok", ""),
    "attribute": (with_icon(f'<img alt="{"x" * 1_000_000}">'), "ok", ""),
    "attributes": (with_icon("<i " + " ".join(f"x{n}=1" for n in range(99_000)) + "></i>"), "ok", ""),
    "links": (with_icon('<a href="/programme/12">Techniques</a> ' * 20_000), "ok", ""),
    "json-deep": (with_icon('<script type="application/ld+json">' + '{"a":[' * 50_000 + "</script>"), "ok", ""),
    "json-digits": (
        with_icon('<script type="application/ld+json">{"sameAs": ' + "9" * 5_000 + "}</script>"),
        "ok",
        "",
    ),
}  # fmt: skip

PRIVATE = (
    "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "0", "10.0.0.1", "192.168.1.1", "169.254.169.254",
    "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "localhost", "LOCALHOST.", "①②⑦.0.0.1",
)  # fmt: skip

# Strings that affect a terminal, a spreadsheet, a web page or a table unless they are escaped.
PAYLOADS = (
    '=HYPERLINK("http://mal.test","x")', "+1+1", "-1+1", "@SUM(1)", ";=1+1", "\t=1+1", "＝1+1",
    "[red]rouge[/red]", "[/]", "[link=http://mal.test]x[/link]",
    "\x1b[2J\x1b]0;titre\x07", "\x9b31m\x9d8;;http://mal.test\x9c", "\u202eelgoog\u202c", "\u2066x\u2069", "a\r\nb",
    "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "{{ 7*7 }}", "%s%n", "\ud7ff\ufdd0\ufffe",
)  # fmt: skip
PAYLOAD_SITES = {f"mots{number}": payload for number, payload in enumerate(PAYLOADS)}


def payload_page(asked: Asked) -> Reply:
    """Answer with a page that has the site's payload as every text and in the URLs of accounts."""
    text = PAYLOAD_SITES[asked.host.partition(".")[0]]
    name = asked.host.partition(".")[0]
    html = (
        f'<html lang="{text}"><title>{text}</title><meta property="og:site_name" content="{text}">'
        f'<script type="application/ld+json">{json.dumps({"name": text, "sameAs": f"https://x.com/{name}"})}</script>'
        f'<h1>{text}</h1><footer><a href="https://www.facebook.com/{name}" title="{text}">{text}</a>'
        f'<a href="https://www.tiktok.com/@{name}/{text}">{text}</a><a href="https://www.instagram.com/{text}">{text}</a>'
        f'<a href="https://www.youtube.com/user/-{name}">{text}</a><a href="/{text}">Nous joindre {text}</a></footer>'
    )
    return Reply(html.encode("utf-8", "surrogatepass")) if asked.path == "/" else Reply(status=404)


def certificates(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    """Return a function that gives the TLS context of a host, with an invalid certificate."""
    past = datetime.now(UTC) - timedelta(days=2)
    leaves = {
        "expired.test": authority.issue_cert("expired.test", not_after=past),
        "other-name.test": authority.issue_cert("ailleurs.test"),
        "unknown-authority.test": trustme.CA().issue_cert("unknown-authority.test"),
    }

    def context(host: str) -> ssl.SSLContext:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaves[host].configure_cert(tls)
        return tls

    return context


BAD_CERTIFICATES = ("expired", "other-name", "unknown-authority")


def put_sites(web: Web) -> dict[str, str]:
    """Put every site on *web*, and return the website of each id, with the healthy sites spread among the others."""
    for name in HEALTHY:
        web[f"{name}.test/*"] = healthy
    for name, (answer, _, _) in HOSTILE.items():
        web[f"{name}.test/*" if name in {"hang", "chain"} else f"{name}.test/"] = answer
    for number, address in enumerate(PRIVATE):
        web[f"prive{number}.test/"] = redirect(f"http://{address}:{web.port}/secret".encode().decode("latin-1"))
    web["refresh.test/"] = Reply(b'<meta http-equiv=refresh content="0; url=http://127.0.0.1/secret">')
    web["frame.test/"] = Reply(
        b"<frameset><frame src=http://127.0.0.1/secret><frame src=file:///etc/passwd></frameset>"
    )
    for name in PAYLOAD_SITES:
        web[f"{name}.test/*"] = payload_page
    hostile = [*HOSTILE, *(f"prive{number}" for number in range(len(PRIVATE))), "refresh", "frame", *PAYLOAD_SITES]
    urls = {name: f"http://{name}.test/" for name in hostile} | {
        name: f"https://{name}.test/" for name in BAD_CERTIFICATES
    }
    step = len(urls) // len(HEALTHY)
    names = list(urls)
    for index, name in enumerate(HEALTHY):
        names.insert(index * (step + 1), name)
    return {name: urls.get(name, f"http://{name}.test/") for name in names}


def write_registry(path: Path, urls: Mapping[str, str]) -> None:
    """Write a registry whose names and notes contain the payloads without their control characters."""
    notes = {name: re.sub("[\0-\x1f\x7f-\x9f]", "", PAYLOAD_SITES.get(name, "")) for name in urls}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "website", "note"])
        writer.writerows((name, f"Cégep {name} {notes[name]}".strip(), url, notes[name]) for name, url in urls.items())


class ScanRun:
    """A scan of all sites, the log of their server, and a scan of the healthy sites alone."""

    def __init__(self, folder: Path, web: Web, done: Done, log: list[Request], alone: Done) -> None:
        assert done.code == 0, done.err
        self.folder = folder
        self.web = web
        self.done = done
        self.log = log
        self.alone = alone
        self.report = {row["id"]: row for row in rows_of(folder / "report.csv")}
        self.accounts = rows_of(folder / "report-accounts.csv")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[ScanRun]:
    folder = tmp_path_factory.mktemp("hostile")
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    common = ("--delay", str(DELAY_S), "--timeout", str(TIMEOUT_S), "--max-bytes", "3000000", "--contact", "nous")
    with serve(certificates(authority)) as web:
        urls = put_sites(web)
        write_registry(folder / "registry.csv", urls)
        write_registry(folder / "healthy.csv", {name: urls[name] for name in HEALTHY})
        env = {"HTTP_PROXY": web.proxy, "HTTPS_PROXY": web.proxy, "SSL_CERT_FILE": "authority.pem"}
        done = command("scan", "registry.csv", *common, "--concurrency", "40", "-v", folder=folder, **env)
        log = [Request(each.started, each.ended or NEVER, each.host, each.path, each.status) for each in web.log]
        alone = command("scan", "healthy.csv", *common, "-o", "alone.csv", "--db", "alone.db", folder=folder, **env)
        yield ScanRun(folder, web, done, log, alone)


def test_scan_ends_without_a_traceback(run: ScanRun) -> None:
    assert run.done.code == 0, run.done.err
    assert run.alone.code == 0, run.alone.err
    assert "Traceback" not in run.done.err


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_site_gets_its_status_and_detail(name: str, run: ScanRun) -> None:
    _, status, detail = HOSTILE[name]
    row = run.report[name]
    assert (row["status"], row["detail"]) == (status, detail)
    if status == "ok":
        assert row["facebook"] == f"https://www.facebook.com/{name.replace('-', '')}"
    else:
        assert row["n_networks"] == ""


@pytest.mark.parametrize("number", range(len(PRIVATE)), ids=PRIVATE)
def test_redirect_to_a_private_address_is_refused(number: int, run: ScanRun) -> None:
    row = run.report[f"prive{number}"]
    assert row["detail"] in {"private_address", "bad_redirect"}
    assert row["n_networks"] == ""


def test_no_request_is_for_the_local_machine(run: ScanRun) -> None:
    assert not [request for request in run.log if request.path == "/secret"]
    assert {request.host.rpartition(".")[2] for request in run.log} == {"test"}
    assert {run.report[name]["n_networks"] for name in ("refresh", "frame")} <= {"", "0"}


@pytest.mark.parametrize("name", BAD_CERTIFICATES)
def test_site_with_an_invalid_certificate_is_unreachable(name: str, run: ScanRun) -> None:
    assert (run.report[name]["status"], run.report[name]["detail"]) == ("unreachable", "tls")


def test_healthy_sites_have_the_same_rows_as_when_scanned_alone(run: ScanRun) -> None:
    beside = [run.report[name] | {"captured_at": ""} for name in HEALTHY]
    alone = [row | {"captured_at": ""} for row in rows_of(run.folder / "alone.csv")]
    assert beside == alone
    assert {row["status"] for row in alone} == {"ok"}
    assert [row["facebook"] for row in alone] == [f"https://www.facebook.com/cegep{name}" for name in HEALTHY]


def test_healthy_sites_do_not_wait_for_a_slow_one(web: Web, tmp_path: Path) -> None:
    """The slow site ends its page only once every page of the others was requested."""
    hits = Counter[str]()

    def count_request(request: Asked) -> Reply:
        hits[request.host] += request.path != "/robots.txt"
        return healthy(request)

    def slow_body() -> Iterator[bytes | float]:
        yield b"<html>"
        yield from itertools.takewhile(lambda _: sum(hits.values()) < 3 * len(HEALTHY), itertools.repeat(0.05, 2_000))
        yield (ICON.format(name="lent") if sum(hits.values()) == 3 * len(HEALTHY) else "").encode()

    web["lent.test/robots.txt"] = Reply(status=404)
    web["lent.test/"] = lambda _: Reply(pieces=slow_body())
    for name in HEALTHY:
        web[f"{name}.test/*"] = count_request
    write_registry(tmp_path / "registry.csv", {name: f"http://{name}.test/" for name in ("lent", *HEALTHY)})
    options = ("--delay", "0", "--timeout", "600", "--concurrency", "2", "--no-warc", "-q")
    done = inside("scan", "registry.csv", *options, folder=tmp_path, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    assert {row["facebook"] for row in rows_of(tmp_path / "report.csv") if row["id"] == "lent"} == {
        "https://www.facebook.com/lent"
    }


# ------------------------------------------------------------------------------------------ output

# Not allowed in any output: C0 except line feed, DEL, C1, marks that reorder or hide text, lone surrogates.
FORBIDDEN = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def test_terminal_output_has_no_control_characters(run: ScanRun) -> None:
    escapes = next(name for name, payload in PAYLOAD_SITES.items() if "\x1b" in payload)
    for arguments in (["summary", "--by", "note"], ["sheet", escapes], ["scans"]):
        done = command(*arguments, "--db", "cegep-audit.db", folder=run.folder)
        assert done.code == 0, done.err
        assert not FORBIDDEN.findall(done.out + done.err), arguments
    assert not FORBIDDEN.findall(run.done.out + run.done.err)


def test_rich_markup_is_printed_literally(run: ScanRun) -> None:
    done = command("sheet", f"mots{PAYLOADS.index('[red]rouge[/red]')}", "--db", "cegep-audit.db", folder=run.folder)
    assert "[red]rouge[/red]" in done.out


@pytest.mark.parametrize("name", ["report.csv", "report-accounts.csv"])
def test_no_csv_cell_starts_like_a_formula(name: str, run: ScanRun) -> None:
    text = (run.folder / name).read_bytes().decode("utf-8")
    assert not FORBIDDEN.findall(text)
    for row in rows_of(run.folder / name):
        for value in row.values():
            assert not re.match(r"[;\s]*[=+\-@＝＋－＠]", value), value
    assert any("'=HYPERLINK" in value for row in rows_of(run.folder / name) for value in row.values())


def test_workbook_has_no_formulas_and_only_http_links(run: ScanRun) -> None:
    done = command("export", "--db", "cegep-audit.db", "-o", "report.xlsx", folder=run.folder)
    assert done.code == 0, done.err
    workbook = openpyxl.load_workbook(run.folder / "report.xlsx")
    texts = {cell.value for cell in workbook["institutions"]["B"]}
    assert f"Cégep mots{PAYLOADS.index('-1+1')} -1+1" in texts
    for sheet in workbook:
        for cell in itertools.chain.from_iterable(sheet.iter_rows()):
            assert cell.data_type != "f", cell.value
            assert not FORBIDDEN.findall(str(cell.value)), cell.value
            target = cell.hyperlink.target if cell.hyperlink else "http"
            assert target is None or target.startswith("http")


def test_html_report_escapes_text_of_pages(run: ScanRun) -> None:
    done = command("report", "--db", "cegep-audit.db", "-o", "report.html", folder=run.folder)
    assert done.code == 0, done.err
    html = (run.folder / "report.html").read_text("utf-8")
    assert "onerror=alert" in html
    assert "<img src=x" not in html
    assert "<script>alert" not in html
    assert not re.findall(r"href=\"?(?:javascript|data|file):", html)


def test_internal_error_affects_only_its_site_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail_on_one_site(found: Page) -> Reading:
        if "sain3" in found.url:
            raise ZeroDivisionError("a fault \x1b[2J\nof our own")
        return original(found)

    original = sources.extract_links
    monkeypatch.setattr(sources, "extract_links", fail_on_one_site)
    monkeypatch.chdir(tmp_path)
    write_registry(tmp_path / "registry.csv", {name: f"http://{name}.test/" for name in HEALTHY})
    with serve() as web:
        web["*"] = healthy
        monkeypatch.setenv("HTTP_PROXY", web.proxy)
        with pytest.raises(SystemExit) as end:
            main(["scan", "registry.csv", "--delay", "0", "-q"])
    assert end.value.code == 0
    found = {row["id"]: (row["status"], row["detail"]) for row in rows_of(tmp_path / "report.csv")}
    assert found == dict.fromkeys(HEALTHY, ("ok", "")) | {"sain3": ("unusable", "internal_error")}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sain3")
    assert line.endswith("(ZeroDivisionError: a fault [2J of our own)")
    assert not FORBIDDEN.findall(line)
