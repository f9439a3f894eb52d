"""Writes the exchanges of a scan to a WARC 1.1 file, one gzip member per record (ISO 28500:2017); exports a WACZ.

An exchange becomes a response and its request. A request without an answer becomes a ``metadata`` record with the
detail of the failure, a page that a person saved becomes a ``resource``. Records are formatted here because warcio's
writer decodes HTTP headers and compresses everything at the highest level.

A response and its request are written at once, before the record id is returned. A process that is killed therefore
leaves at most one partial record, which is cut off when the file is opened again. Only one process writes the file at
a time. Only its owner may read it, because it holds pages as received, and no link to it is followed.
"""

import base64
import errno
import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from zlib_ng import zlib_ng as zlib  # the same interface in less time

from cegep_audit import __version__, urls
from cegep_audit.clock import now, stamp
from cegep_audit.collect.archive import stamp_of
from cegep_audit.collect.port import Answer, Exchange
from cegep_audit.collect.warc import records
from cegep_audit.collect.warc.archive import response_of
from cegep_audit.collect.warc.members import GLANCE_BYTES, ByteRange
from cegep_audit.collect.warc.records import ASSET, RENDERED_BY, RENDERED_FOR, explaining
from cegep_audit.collect.warc.saved import SavedFile
from cegep_audit.errors import StoreError
from cegep_audit.models import Page
from cegep_audit.phrases import Language, say
from cegep_audit.text import media_type, shown

# Nearly all bodies arrive compressed. Compressing them again would save 1 %.
_STORED, _FAST = 0, 2
_STANDARD = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
_FIELDS, _HTTP = "application/warc-fields", "application/http;msgtype="
_WRITING = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "warc.full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "warc.read_only"),
    **dict.fromkeys((errno.ELOOP, errno.ENXIO), "warc.link"),
    errno.ENOENT: "warc.no_folder",
    errno.EISDIR: "warc.directory",
    errno.EWOULDBLOCK: "warc.in_use",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can store; the time of the export would change the bytes
_LINES = 1024  # of an index in one gzip member, as wacz and ArchiveWeb.page write it
_time = "{:%Y-%m-%dT%H:%M:%SZ}".format
_json = partial(json.dumps, ensure_ascii=False)
_quoted = partial(quote, safe="!#$&'()*+,/:;=?@[]~%")

Fields = Iterable[tuple[str, str]]


@dataclass(slots=True)
class WarcWriter(AbstractContextManager["WarcWriter"]):
    """Keeps exchanges in a WARC file: a :class:`~cegep_audit.collect.port.Recorder`, used from one thread.

    Every method raises StoreError, with a message in the given language, if the file cannot be written. Earlier records
    stay readable.
    """

    path: Path
    _file: BinaryIO
    _lang: Language

    @classmethod
    def open(cls, path: Path, info: Mapping[str, str], *, lang: Language = "fr") -> Self:
        """Open *path* to append records after a ``warcinfo`` of *info*; raise StoreError, also if it is not ours."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with explaining(path, lang, _WRITING, "warc.cannot_write"), ExitStack() as stack:
            file = stack.enter_context(os.fdopen(os.open(path, flags, 0o600), "a+b", buffering=0))
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            # Locked before the file is read: a record that another process is writing must not be cut off.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end = records.end_of_records(ByteRange(file))
            if end is None:
                raise StoreError(say("warc.not_ours", lang, file=shown(str(path))))
            file.truncate(end)
            stack.pop_all()
        writer = cls(path, file, lang)
        fields = {**info, "format": "WARC File Format 1.1", "conformsTo": _STANDARD}
        writer._keep("warcinfo", now(), _FIELDS, _lines(fields.items()))
        return writer

    def __call__(self, exchange: Exchange) -> str:
        """Keep *exchange* and return the id of its record: that of the response or of the failure."""
        at, url = exchange.started_at, urlsplit(exchange.url)
        about = [
            ("WARC-Target-URI", _quoted(exchange.url)),
            ("WARC-Source-URI", _quoted(exchange.source)),
            ("WARC-IP-Address", exchange.ip or ""),
            (ASSET, "yes" if exchange.is_asset else ""),
        ]
        if exchange.status is None:
            fields = [("detail", exchange.detail), ("duration-s", f"{exchange.duration_s:.3f}")]
            fields += [("tried", address) for address in exchange.tried]
            return self._keep("metadata", at, _FIELDS, _lines(fields), about)
        # The body of an exchange has no chunks.
        kept = [item for item in exchange.response_headers if item[0].lower() != b"transfer-encoding"]
        level = _STORED if any(name.lower() == b"content-encoding" for name, _ in kept) else _FAST
        status_line = f"{exchange.http_version or 'HTTP/1.1'} {exchange.status} {exchange.reason}".rstrip()
        lines = [_one_line(status_line).encode("latin-1", "replace"), *(name + b": " + value for name, value in kept)]
        block = b"\r\n".join([*lines, b"", exchange.body])
        more = [*about, ("WARC-Payload-Digest", _digest(exchange.body)), ("WARC-Truncated", exchange.truncated)]
        record_id, response = _record("response", at, f"{_HTTP}response", block, more, level)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        block = f"{_one_line(f'{exchange.method} {target} HTTP/1.1')}\r\n".encode("latin-1", "replace")
        block += _lines(exchange.request_headers, "latin-1") + b"\r\n"
        more = [*about, ("WARC-Concurrent-To", record_id)]
        self._write(response + _record("request", at, f"{_HTTP}request", block, more)[1])
        return record_id

    def keep_rendered(self, page: Page) -> str:
        """Keep *page* as a browser rendered it, a ``conversion`` of the record it came from; return the new id."""
        about = [("WARC-Target-URI", _quoted(page.url)), ("WARC-Refers-To", page.record_id or "")]
        if page.rendering:
            about += [(RENDERED_BY, page.rendering.browser), (RENDERED_FOR, " ".join(page.rendering.needs))]
        return self._keep("conversion", now(), page.content_type, page.body, about)

    def keep_saved(self, file: SavedFile, page: Answer) -> str:
        """Keep a *page* of a saved *file*, a ``resource`` with the name and digest of the file; return its id."""
        about = [("WARC-Target-URI", _quoted(page.url)), ("Cegep-Audit-Saved-As", quote(file.name))]
        about.append(("Cegep-Audit-Saved-Digest", f"sha256:{file.sha256}"))
        return self._keep("resource", page.at, page.content_type, page.body, about)

    def flush(self) -> None:
        """Wait until all records are on disk; called before the database refers to them."""
        with explaining(self.path, self._lang, _WRITING, "warc.cannot_write"):
            os.fsync(self._file.fileno())

    def close(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    __exit__ = close

    def _keep(self, kind: str, at: datetime, content_type: str, block: bytes, more: Fields = ()) -> str:
        record_id, record = _record(kind, at, content_type, block, more)
        self._write(record)
        return record_id

    def _write(self, data: bytes) -> None:
        """Append *data* whole or not at all."""
        end = self._file.seek(0, os.SEEK_END)
        rest = memoryview(data)
        with explaining(self.path, self._lang, _WRITING, "warc.cannot_write"):
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                with suppress(OSError):
                    self._file.truncate(end)
                raise


def _record(
    kind: str, at: datetime, content_type: str, block: bytes, more: Fields, level: int = _FAST
) -> tuple[str, bytes]:
    """Return the id of a new record, and the record as a gzip member."""
    record_id = f"<urn:uuid:{uuid.uuid4()}>"
    headers = [("WARC-Type", kind), ("WARC-Record-ID", record_id), ("WARC-Date", stamp(at))]
    headers += [("Content-Type", content_type), *more]
    headers += [("WARC-Block-Digest", _digest(block)), ("Content-Length", str(len(block)))]
    record = b"".join((b"WARC/1.1\r\n", _lines(headers), b"\r\n", block, b"\r\n\r\n"))
    return record_id, zlib.compress(record, level, wbits=31)


def _lines(fields: Fields, encoding: str = "utf-8") -> bytes:
    """Return a line for each field with a value."""
    lines = (f"{name}: {_one_line(value)}\r\n" for name, value in fields if value)
    return "".join(lines).encode(encoding, "replace")


def _one_line(text: str) -> str:
    return " ".join(text.split()) if "\r" in text or "\n" in text else text


def _digest(data: bytes) -> str:
    """Return the SHA-1 of *data* in Base32, the form that web archives use; it proves nothing against forgery."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")


def write_wacz(
    warcs: Sequence[Path], output: Path, pages: Iterable[tuple[str, str, datetime]], created: datetime, lang: Language
) -> None:
    """Write the WARC files at *warcs* (their names differ) as a WACZ 1.1.1, which replayweb.page and pywb open.

    It is a ZIP with these files, an index of their captures (CDXJ), the list of *pages* for a viewer (address, title,
    and time of the capture in UTC), and a Frictionless data package with the SHA-256 of each file
    (https://specs.webrecorder.net/wacz/1.1.1/). *created* is the time of the collection in UTC. The same input gives
    the same bytes. Raises StoreError, with a message in *lang*, for a WARC that cannot be read or whose records are
    gzipped together; OSError if *output* cannot be written.
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
        for path, data in _index(sorted(lines)):
            add(path, BytesIO(data))
        listed = [{"format": "json-pages-1.0", "id": "pages", "title": "Pages"}]
        for url, title, at in pages:
            name = hashlib.sha256(f"{_time(at)} {url}".encode()).hexdigest()[:16]
            listed.append({"id": name, "url": url, "ts": _time(at), "title": title})
        add("pages/pages.jsonl", BytesIO("".join(f"{_json(line)}\n" for line in listed).encode()))
        facts = {"title": say("page.title", lang), "software": f"cegep-audit {__version__}", "created": _time(created)}
        package = {"profile": "data-package", "wacz_version": "1.1.1", **facts, "resources": list(resources)}
        add("datapackage.json", BytesIO(_json(package, indent=2).encode()))
        signed = {key: resources[-1][key] for key in ("path", "hash")}
        add("datapackage-digest.json", BytesIO(_json(signed, indent=2).encode()))


def _captures_in(warc: Path, lang: Language) -> Iterator[str]:
    """Yield a line of the index for each capture in *warc*; raise StoreError."""
    with explaining(warc, lang):
        file = records.RecordFile(warc)
        found = file.records([])
        if file.is_packed:
            raise StoreError(say("warc.not_ours", lang, file=shown(str(warc))))
        for record in found:
            at, key = records.parse_date(record.get("WARC-Date")), sort_key(record.url)
            response = response_of(record, GLANCE_BYTES) if at and key and record.kind in records.CAPTURES else None
            if not at or not response:
                continue
            content_type = media_type(response.headers.get("content-type", "")) or "unk"
            fields = {
                "url": record.url,
                "mime": "warc/revisit" if record.kind == "revisit" else content_type,
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
    host, colon, port = re.sub(r"^www\d*\.", "", parts.netloc.rpartition("@")[2]).partition(":")
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return f"{','.join(reversed(host.split('.')))}{colon}{port}){parts.path}{'?' + query if query else ''}"


def _index(lines: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the two files of an index: its *lines* in gzip members, and the offset of each member by its first line."""
    offsets = '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}\n'
    index = b""
    for start in range(0, len(lines), _LINES):
        member = gzip.compress("".join(lines[start : start + _LINES]).encode(), mtime=0)
        digest = f"sha256:{hashlib.sha256(member).hexdigest()}"
        key, stamp, _ = lines[start].split(" ", 2)
        offsets += f"{key} {stamp} {_json({'offset': len(index), 'length': len(member), 'digest': digest})}\n"
        index += member
    yield "indexes/index.cdx.gz", index
    yield "indexes/index.idx", offsets.encode()
