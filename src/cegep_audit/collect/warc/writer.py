"""Writes the exchanges of a scan to a WARC 1.1 file, one gzip member per record (ISO 28500:2017).

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
import hashlib
import os
import stat
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote, urlsplit

from zlib_ng import zlib_ng as zlib  # the same interface in less time

from cegep_audit.clock import now, stamp
from cegep_audit.collect.port import Answer, Exchange
from cegep_audit.collect.warc.captures import explaining
from cegep_audit.collect.warc.members import ByteRange
from cegep_audit.collect.warc.records import ASSET, RENDERED_BY, RENDERED_FOR, end_of_records
from cegep_audit.collect.warc.saved import SavedFile
from cegep_audit.errors import StoreError
from cegep_audit.models import Page
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

# Nearly all bodies arrive compressed. Compressing them again would save 1 %.
_STORED, _FAST = 0, 2

_FORMAT = (
    ("format", "WARC File Format 1.1"),
    ("conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"),
)
_FIELDS = ("Content-Type", "application/warc-fields")
_HTTP = "application/http;msgtype="

_WRITING = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "warc.full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "warc.read_only"),
    **dict.fromkeys((errno.ELOOP, errno.ENXIO), "warc.link"),
    errno.ENOENT: "warc.no_folder",
    errno.EISDIR: "warc.directory",
    errno.EWOULDBLOCK: "warc.in_use",
}

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
        """Open the file at *path* to append records; *info* are the fields of its new ``warcinfo`` record.

        A partial record of an interrupted scan is cut off. Raises StoreError, also for a file that is not a WARC
        gzipped by record.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with explaining(path, lang, _WRITING, "warc.cannot_write"), ExitStack() as stack:
            file = stack.enter_context(os.fdopen(os.open(path, flags, 0o600), "a+b", buffering=0))
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            # Locked before the file is read: a record that another process is writing must not be cut off.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            end = end_of_records(ByteRange(file))
            if end is None:
                raise StoreError(say("warc.not_ours", lang, file=shown(str(path))))
            file.truncate(end)
            stack.pop_all()
        writer = cls(path, file, lang)
        writer._keep("warcinfo", now(), _lines([*info.items(), *_FORMAT]), [_FIELDS])
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
            return self._keep("metadata", at, _lines(fields), [_FIELDS, *about])
        # The body of an exchange has no chunks.
        kept = [item for item in exchange.response_headers if item[0].lower() != b"transfer-encoding"]
        level = _STORED if any(name.lower() == b"content-encoding" for name, _ in kept) else _FAST
        status_line = f"{exchange.http_version or 'HTTP/1.1'} {exchange.status} {exchange.reason}".rstrip()
        lines = [_one_line(status_line).encode("latin-1", "replace"), *(name + b": " + value for name, value in kept)]
        headers = [("Content-Type", f"{_HTTP}response"), *about, ("WARC-Payload-Digest", _digest(exchange.body))]
        headers.append(("WARC-Truncated", exchange.truncated))
        record_id, response = _record("response", at, b"\r\n".join([*lines, b"", exchange.body]), headers, level)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        block = f"{_one_line(f'{exchange.method} {target} HTTP/1.1')}\r\n".encode("latin-1", "replace")
        block += _lines(exchange.request_headers, "latin-1") + b"\r\n"
        headers = [("Content-Type", f"{_HTTP}request"), *about, ("WARC-Concurrent-To", record_id)]
        self._write(response + _record("request", at, block, headers)[1])
        return record_id

    def keep_rendered(self, page: Page) -> str:
        """Keep *page* as a browser rendered it, a ``conversion`` of the record it came from; return the new id."""
        headers = [("Content-Type", page.content_type), ("WARC-Target-URI", _quoted(page.url))]
        headers.append(("WARC-Refers-To", page.record_id or ""))
        if page.rendering:
            headers += [(RENDERED_BY, page.rendering.browser), (RENDERED_FOR, " ".join(page.rendering.needs))]
        return self._keep("conversion", now(), page.body, headers)

    def keep_saved(self, file: SavedFile, page: Answer) -> str:
        """Keep a *page* of a saved *file*, a ``resource`` with the name and digest of the file; return its id."""
        headers = [("Content-Type", page.content_type), ("WARC-Target-URI", _quoted(page.url))]
        headers.append(("Cegep-Audit-Saved-As", quote(file.name)))
        headers.append(("Cegep-Audit-Saved-Digest", f"sha256:{file.sha256}"))
        return self._keep("resource", page.at, page.body, headers)

    def flush(self) -> None:
        """Wait until all records are on disk; called before the database refers to them."""
        with explaining(self.path, self._lang, _WRITING, "warc.cannot_write"):
            os.fsync(self._file.fileno())

    def close(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    __exit__ = close

    def _keep(self, kind: str, at: datetime, block: bytes, headers: Fields) -> str:
        record_id, record = _record(kind, at, block, headers)
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


def _record(kind: str, at: datetime, block: bytes, more: Fields, level: int = _FAST) -> tuple[str, bytes]:
    """Return the id of a new record, and the record as a gzip member."""
    record_id = f"<urn:uuid:{uuid.uuid4()}>"
    headers = [("WARC-Type", kind), ("WARC-Record-ID", record_id), ("WARC-Date", stamp(at)), *more]
    headers += [("WARC-Block-Digest", _digest(block)), ("Content-Length", str(len(block)))]
    record = b"".join((b"WARC/1.1\r\n", _lines(headers), b"\r\n", block, b"\r\n\r\n"))
    return record_id, zlib.compress(record, level, wbits=31)


def _lines(fields: Fields, encoding: str = "utf-8") -> bytes:
    """Return a line for each field with a value."""
    lines = (f"{name}: {_one_line(value)}\r\n" for name, value in fields if value)
    return "".join(lines).encode(encoding, "replace")


def _one_line(text: str) -> str:
    return " ".join(text.split()) if "\r" in text or "\n" in text else text


def _quoted(url: str) -> str:
    return quote(url, safe="!#$&'()*+,/:;=?@[]~%")


def _digest(data: bytes) -> str:
    """Return the SHA-1 of *data* in Base32, the form that web archives use; it proves nothing against forgery."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")
