"""WARC files as a WACZ (Web Archive Collection Zipped, 1.1.1), which replayweb.page and pywb open.

A WACZ is a ZIP with the WARC files, an index of their captures (CDXJ), the list of their pages and a Frictionless
data package with the SHA-256 of each file (https://specs.webrecorder.net/wacz/1.1.1/). The same input gives the same
bytes.
"""

import gzip
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from cegep_audit import urls
from cegep_audit.collect.archive.uri_m import stamp_of
from cegep_audit.collect.warc.index import explaining, parse_date
from cegep_audit.collect.warc.payload import parse_response
from cegep_audit.collect.warc.records import Record, RecordFile, SeveralRecordsError
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can say; that of the export would change its bytes
_CHUNK = 1024 * 1024
_LINES = 1024  # of the index in one gzip member, as wacz and ArchiveWeb.page write it
_WWW = re.compile(r"^www\d*\.")


def write_wacz(
    warcs: Sequence[Path],
    output: Path,
    pages: Iterable[tuple[str, str, datetime]],
    *,
    title: str,
    software: str,
    created: datetime,
    lang: Language = "fr",
) -> None:
    """Write the WARC files at *warcs* (their names differ) as a WACZ at *output*.

    *pages* are those that a reader of the WACZ sees listed: address, title, and time of the capture in UTC. *created*
    is the time of the collection in UTC. Raises StoreError, one line in *lang*, for a WARC that cannot be read or whose
    records are gzipped together; OSError where *output* cannot be written.
    """
    resources: list[dict[str, object]] = []
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:

        def add(path: str, chunks: Iterable[bytes]) -> str:
            digest, size = hashlib.sha256(), 0
            with archive.open(zipfile.ZipInfo(path, _EPOCH), "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
            name = f"sha256:{digest.hexdigest()}"
            resources.append({"name": path.rpartition("/")[2], "path": path, "hash": name, "bytes": size})
            return name

        lines: list[str] = []
        for warc in warcs:
            with explaining(warc, lang):
                try:
                    lines += _index_of(warc)
                except SeveralRecordsError:
                    raise StoreError(say("warc.not_ours", lang, file=shown(str(warc)))) from None
                with warc.open("rb") as file:
                    add(f"archive/{warc.name}", iter(partial(file.read, _CHUNK), b""))
        index, members = _compressed(sorted(lines))
        add("indexes/index.cdx.gz", members)
        add("indexes/index.idx", [index.encode()])
        add("pages/pages.jsonl", _page_list(pages))
        package = {
            "profile": "data-package",
            "wacz_version": "1.1.1",
            "title": title,
            "software": software,
            "created": _time(created),
            "resources": list(resources),
        }
        digest = add("datapackage.json", [json.dumps(package, ensure_ascii=False, indent=2).encode()])
        add("datapackage-digest.json", [json.dumps({"path": "datapackage.json", "hash": digest}, indent=2).encode()])


def _index_of(warc: Path) -> Iterator[str]:
    """Yield the lines of the index for the captures in *warc*; raise OSError and SeveralRecordsError."""
    for record in RecordFile(warc).records(lambda _: None):
        url = record.get("WARC-Target-URI").strip("<> ")
        at, what, key = parse_date(record.get("WARC-Date")), _mime_and_status(record), sort_key(url)
        if at is None or what is None or not key:
            continue
        fields = {
            "url": url,
            "mime": what[0],
            "status": what[1],
            "digest": record.get("WARC-Payload-Digest"),
            "length": str(record.end - record.offset),
            "offset": str(record.offset),
            "filename": warc.name,
        }
        yield f"{key} {stamp_of(at)} {json.dumps(fields, ensure_ascii=False)}\n"


def _mime_and_status(record: Record) -> tuple[str, str] | None:
    """Return media type and status of a capture, None for a record that is none."""
    response = parse_response(record.glance)
    if record.type == "resource":
        content_type, status = record.get("Content-Type"), 200
    elif response and record.type in {"response", "revisit"}:
        content_type, status = response.headers.get("content-type", ""), response.status
    else:
        return None
    mime = content_type.partition(";")[0].strip().lower() or "unk"
    return "warc/revisit" if record.type == "revisit" else mime, str(status)


def sort_key(url: str) -> str:
    """Return *url* as an index sorts it (SURT): ``test,cegeprb)/fr?a=1&b=2``; "" for no http or https address."""
    parts = urls.split(url.lower())
    if parts is None:
        return ""
    host, colon, port = _WWW.sub("", parts.netloc.rpartition("@")[2]).partition(":")
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{','.join(reversed(host.split('.')))}{colon}{port}){parts.path}{'?' + query if query else ''}"


def _compressed(lines: Sequence[str]) -> tuple[str, list[bytes]]:
    """Return the index in gzip members, and its second level: where each begins, by its first line."""
    index = '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n'
    members: list[bytes] = []
    offset = 0
    for start in range(0, len(lines), _LINES):
        member = gzip.compress("".join(lines[start : start + _LINES]).encode(), mtime=0)
        key, stamp, _ = lines[start].split(" ", 2)
        place = {"offset": offset, "length": len(member), "digest": f"sha256:{hashlib.sha256(member).hexdigest()}"}
        index += f"{key} {stamp} {json.dumps(place)}\n"
        members.append(member)
        offset += len(member)
    return index, members


def _page_list(pages: Iterable[tuple[str, str, datetime]]) -> Iterator[bytes]:
    yield b'{"format": "json-pages-1.0", "id": "pages", "title": "Pages"}\n'
    for url, title, at in pages:
        name = hashlib.sha256(f"{_time(at)} {url}".encode()).hexdigest()[:16]
        line = {"id": name, "url": url, "ts": _time(at), "title": title}
        yield f"{json.dumps(line, ensure_ascii=False)}\n".encode()


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
