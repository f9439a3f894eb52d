"""Firewall challenges with status 403 or 503 get the detail ``challenge``, live and in a replay."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from commands import command, rows_of
from servers import Reply, Web

MARKED = b"<title>Just a moment...</title><script>window._cf_chl_opt={cvId:'3'}</script>"
SITES = {
    "entete": (Reply(b"<title>x</title>", status=403, headers=[("cf-mitigated", "challenge")]), "challenge"),
    "corps": (Reply(MARKED, status=503), "challenge"),
    "comprime": (Reply(gzip.compress(MARKED), status=403, headers=[("Content-Encoding", "gzip")]), "challenge"),
    "refus": (Reply(b"<title>403 Forbidden</title>", status=403), "http_403"),
    "panne": (Reply(b"<title>503</title>", status=503), "http_503"),
}


@pytest.mark.parametrize("more", [(), ("--no-warc",)], ids=["with WARC", "without WARC"])
def test_challenge_is_distinguished_from_a_refusal(web: Web, tmp_path: Path, more: tuple[str, ...]) -> None:
    rows = ["id,name,website"]
    for name, (reply, _) in SITES.items():
        web[f"www.{name}.test/robots.txt"] = Reply(status=404)
        web[f"www.{name}.test/"] = reply
        rows.append(f"{name},Cégep {name},http://www.{name}.test/")
    (tmp_path / "registry.csv").write_text("\n".join(rows), "utf-8")
    expected = {name: detail for name, (_, detail) in SITES.items()}
    done = command("scan", "registry.csv", "--delay", "0", "-q", *more, folder=tmp_path, HTTP_PROXY=web.proxy)
    assert done.code == 1, done.err
    assert {row["id"]: row["detail"] for row in rows_of(tmp_path / "report.csv")} == expected
    if not more:
        command("scan", "registry.csv", "--from-warc", "cegep-audit-1.warc.gz", "-q", folder=tmp_path)
        assert {row["id"]: row["detail"] for row in rows_of(tmp_path / "report.csv")} == expected
