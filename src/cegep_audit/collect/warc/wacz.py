"""WARC files as a WACZ (Web Archive Collection Zipped, 1.1.1), which replayweb.page and pywb open.

A WACZ is a ZIP with the WARC files, an index of their captures (CDXJ), the list of their pages and a Frictionless
data package with the SHA-256 of each file (https://specs.webrecorder.net/wacz/1.1.1/). The same input gives the same
bytes.
"""

import gzip
import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from cegep_audit import urls
from cegep_audit.collect.archive import stamp_of
from cegep_audit.collect.warc.captures import explaining, response_of
from cegep_audit.collect.warc.members import GLANCE_BYTES
from cegep_audit.collect.warc.records import RecordFile, parse_date
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import media_type, shown

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can store; the time of the export would change the bytes
_LINES = 1024  # of the index in one gzip member, as wacz and ArchiveWeb.page write it
_WWW = re.compile(r"^www\d*\.")

_TIME = "%Y-%m-%dT%H:%M:%SZ"

_json = partial(json.dumps, ensure_ascii=False)


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

    *pages* is the list that a viewer shows: address, title, and time of the capture in UTC. *created* is the time of
    the collection in UTC. Raises StoreError, with a message in *lang*, for a WARC that cannot be read or whose records
    are gzipped together; OSError if *output* cannot be written.
    """
    resources: list[dict[str, object]] = []
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:

        def add(path: str, file: BytesIO | BufferedReader) -> None:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            resources.append({"name": path.rpartition("/")[2], "path": path, "hash": digest, "bytes": file.seek(0, 2)})
            file.seek(0)
            with archive.open(zipfile.ZipInfo(path, _EPOCH), "w", force_zip64=True) as entry:
                shutil.copyfileobj(file, entry)

        lines: list[str] = []
        for warc in warcs:
            lines += _captures_in(warc, lang)
            with warc.open("rb") as file:
                add(f"archive/{warc.name}", file)
        for path, data in (*_index(sorted(lines)), ("pages/pages.jsonl", _page_list(pages))):
            add(path, BytesIO(data))
        facts = {"title": title, "software": software, "created": f"{created:{_TIME}}"}
        package = {"profile": "data-package", "wacz_version": "1.1.1", **facts, "resources": list(resources)}
        add("datapackage.json", BytesIO(_json(package, indent=2).encode()))
        signed = {key: resources[-1][key] for key in ("path", "hash")}
        add("datapackage-digest.json", BytesIO(_json(signed, indent=2).encode()))


def _captures_in(warc: Path, lang: Language) -> Iterator[str]:
    """Yield a line of the index for each capture in *warc*; raise StoreError."""
    with explaining(warc, lang):
        file = RecordFile(warc)
        records = file.records([])
        if file.is_packed:
            raise StoreError(say("warc.not_ours", lang, file=shown(str(warc))))
        for record in records:
            kind, at, key = record.kind, parse_date(record.get("WARC-Date")), sort_key(record.url)
            response = response_of(record, GLANCE_BYTES)
            if not (key and at and response and kind in {"response", "resource", "revisit"}):
                continue
            content_type = media_type(response.headers.get("content-type", "")) or "unk"
            fields = {
                "url": record.url,
                "mime": "warc/revisit" if kind == "revisit" else content_type,
                "status": str(int(response.status)),
                "digest": record.get("WARC-Payload-Digest"),
                "length": str(record.end - record.offset),
                "offset": str(record.offset),
                "filename": warc.name,
            }
            yield f"{key} {stamp_of(at)} {_json(fields)}\n"


def sort_key(url: str) -> str:
    """Return the sort key of *url* (SURT): ``test,cegeprb)/fr?a=1&b=2``; "" if it is not an http or https address."""
    parts = urls.split(url.lower())
    if parts is None:
        return ""
    host, colon, port = _WWW.sub("", parts.netloc.rpartition("@")[2]).partition(":")
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{','.join(reversed(host.split('.')))}{colon}{port}){parts.path}{'?' + query if query else ''}"


def _index(lines: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the two files of an index: its *lines* in gzip members, and the offset of each member by its first line."""
    places = '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n'
    index = b""
    for start in range(0, len(lines), _LINES):
        member = gzip.compress("".join(lines[start : start + _LINES]).encode(), mtime=0)
        digest = f"sha256:{hashlib.sha256(member).hexdigest()}"
        key, stamp, _ = lines[start].split(" ", 2)
        places += f"{key} {stamp} {_json({'offset': len(index), 'length': len(member), 'digest': digest})}\n"
        index += member
    yield "indexes/index.cdx.gz", index
    yield "indexes/index.idx", places.encode()


def _page_list(pages: Iterable[tuple[str, str, datetime]]) -> bytes:
    lines = [{"format": "json-pages-1.0", "id": "pages", "title": "Pages"}]
    for url, title, at in pages:
        name = hashlib.sha256(f"{at:{_TIME}} {url}".encode()).hexdigest()[:16]
        lines.append({"id": name, "url": url, "ts": f"{at:{_TIME}}", "title": title})
    return "".join(f"{_json(line)}\n" for line in lines).encode()
