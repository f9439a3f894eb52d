"""WARC files for tests, written with warcio."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

HOME = "https://www.cegeprb.test/"
DAY = "2016-09-06T12:00:00Z"
HTML = "<html><title>Cégep de Rivière-Bleue</title><p>Bienvenue</html>".encode()


@dataclass(frozen=True)
class Kept:
    """One record to write; ``headers`` are HTTP headers, ``warc`` are additional headers of the record."""

    url: str = HOME
    body: bytes = HTML
    status: str = "200 OK"
    date: str = DAY
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    warc: Mapping[str, str] = field(default_factory=dict)
    kind: str = "response"


def redirect(url: str, to: str, date: str = DAY, status: str = "301 Moved") -> Kept:
    return Kept(url, b"", status, date, (("Location", to),))


def failure(url: str, detail: str, date: str = DAY) -> Kept:
    fields = f"detail: {detail}\r\nmessage: nothing came\r\n"
    return Kept(url, fields.encode(), date=date, headers=(), kind="metadata")


def warc_bytes(kept: Iterable[Kept], *, gzipped: bool = True, version: str = "1.1") -> bytes:
    """Return a WARC file with a warcinfo record and *kept*."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=gzipped, warc_version=version)
    writer.write_record(writer.create_warcinfo_record("a.warc", {"software": "tests"}))
    for item in kept:
        is_http = item.kind in {"response", "revisit"}
        http = StatusAndHeaders(item.status, list(item.headers), protocol="HTTP/1.1") if is_http else None
        writer.write_record(
            writer.create_warc_record(
                item.url,
                item.kind,
                payload=io.BytesIO(item.body),
                length=len(item.body),
                http_headers=http,
                warc_content_type="" if is_http else item.warc.get("Content-Type", "application/warc-fields"),
                warc_headers_dict={"WARC-Date": item.date, **item.warc},
            )
        )
    return out.getvalue()


def member_starts(data: bytes) -> list[int]:
    """Return the offset of each gzip member of *data*."""
    starts, rest = [], bytes(data)
    while rest:
        starts.append(len(data) - len(rest))
        inflater = zlib.decompressobj(wbits=31)
        inflater.decompress(rest)
        rest = inflater.unused_data
    return starts


def write(folder: Path, kept: Iterable[Kept], name: str = "a.warc.gz", *, gzipped: bool = True) -> Path:
    path = folder / name
    path.write_bytes(warc_bytes(kept, gzipped=gzipped))
    return path
